/* SPDX-License-Identifier: MIT */
/* redact, hash: hide what is in cells, by signs or by digests that stay the same. */
#include "query/selector_internal.h"
#include "value/digest.h"
#include "value/unicode.h"

#include <string.h>

#define DEFAULT_SIGN "***"

struct redact_detail {
    struct sfx_selectors columns;
    struct sfx_slice sign; /* what stands in place of the value, or of each hidden character */
    bool keeps;            /* some characters at an end are kept */
    bool keeps_last;
    uint64_t nkept;
    /* hash */
    struct sfx_slice digest, salt;
    uint32_t digest_at;
};

/* A column that is changed: where it comes from, and the cells that are made. */
struct changed {
    struct sfx_vec *from, *to;
};

struct redact {
    struct sfx_operator op;
    struct changed *changed;
    size_t nchanged;
    const struct sfx_digest *digest; /* hash */
};

/* A string, perhaps by --arg. */
static int parse_string(struct sfx_parser *p, const char *what, struct sfx_slice *out)
{
    struct sfx_expr *expr;
    uint32_t at = p->token.at;
    int rc = sfx_parse_expr(p, &expr);

    if (rc == 0 && !sfx_expr_is_text(expr))
        rc = sfx_program_err(p->program, at, p->err, "%s is a string, or an argument as :name",
                             what);
    if (rc == 0)
        *out = expr->text;
    return rc;
}

static struct redact_detail *parse_columns(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct redact_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);

    stage->detail = detail;
    if (detail == NULL || sfx_parse_selectors(p, &detail->columns) < 0)
        return NULL;
    return detail;
}

/* "keep first 2" or "keep last 4", behind keep. */
static int parse_keep(struct sfx_parser *p, struct redact_detail *detail)
{
    struct sfx_stage_ast count = {0};
    int rc = sfx_parse_accept(p, "last");

    detail->keeps = true;
    detail->keeps_last = rc > 0;
    if (rc == 0)
        rc = sfx_token_is(&p->token, "first") ? sfx_lex(p) : sfx_parse_expect(p, "first or last");
    if (rc >= 0)
        rc = sfx_parse_count(p, &count);
    detail->nkept = count.limit;
    return rc;
}

static int parse_redact(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct redact_detail *detail = parse_columns(p, stage);
    int rc;

    if (detail == NULL)
        return p->err != NULL ? (int)p->err->code : SFX_E_USAGE;
    rc = sfx_parse_accept(p, "keep");
    if (rc > 0)
        rc = parse_keep(p, detail);
    detail->sign = detail->keeps ? SFX_SLICE_LIT("*") : SFX_SLICE_LIT(DEFAULT_SIGN);
    if (rc == 0)
        rc = sfx_parse_accept(p, "with");
    return rc > 0 ? parse_string(p, "what stands in place of a value", &detail->sign) : rc;
}

static int parse_hash(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct redact_detail *detail = parse_columns(p, stage);
    int rc;

    if (detail == NULL)
        return p->err != NULL ? (int)p->err->code : SFX_E_USAGE;
    detail->digest = SFX_SLICE_LIT("sha256");
    detail->digest_at = p->token.at;
    if (p->token.kind == SFX_TOKEN_NAME && !sfx_token_is(&p->token, "salt")) {
        struct sfx_slice known[8];
        char suggestion[96];
        size_t i, n;

        for (n = 0; sfx_digest_name_at(n) != NULL; n++)
            known[n] = sfx_slice_str(sfx_digest_name_at(n));
        for (i = 0; i < n && !sfx_slice_eq(known[i], p->token.value); i++)
            ;
        sfx_suggest(p->token.value, known, n, suggestion, sizeof(suggestion));
        if (i == n)
            return sfx_program_err(p->program, p->token.at, p->err, "there is no digest %.*s%s",
                                   SFX_SLICE_ARG(p->token.value), suggestion);
        detail->digest = known[i];
        rc = sfx_lex(p);
        if (rc < 0)
            return rc;
    }
    rc = sfx_parse_accept(p, "salt");
    if (rc > 0)
        rc = parse_string(p, "the salt", &detail->salt);
    if (rc == 0 && detail->salt.ptr != NULL && detail->salt.len == 0)
        rc = sfx_program_err(p->program, detail->digest_at, p->err, "the salt is empty");
    return rc;
}

/* --- running --------------------------------------------------------------------------------- */

static int bind_columns(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct redact *redact = (struct redact *)op;
    const struct redact_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_frame *out = &op->out;
    bool *marks = NULL;
    size_t i;
    int rc = sfx_selectors_mark(&detail->columns, &binder, &marks);

    if (rc < 0)
        return rc;
    out->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*out->cols), err);
    redact->changed = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*redact->changed), err);
    if (out->cols == NULL || redact->changed == NULL)
        return SFX_E_NOMEM;
    redact->nchanged = 0;
    for (i = 0; i < in->ncols; i++) {
        struct changed *changed = &redact->changed[redact->nchanged];

        out->cols[i] = in->cols[i];
        if (!marks[i])
            continue;
        changed->from = in->cols[i].vec;
        changed->to = out->cols[i].vec = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err);
        if (changed->to == NULL)
            return SFX_E_NOMEM;
        redact->nchanged++;
    }
    out->ncols = in->ncols;
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    return 0;
}

static int bind_hash(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct redact_detail *detail = op->ast->detail;
    struct redact *redact = (struct redact *)op;
    struct sfx_err why = {0};

    redact->digest = sfx_digest_new(&op->arena, detail->digest, detail->salt, &why);
    if (redact->digest == NULL && why.code == SFX_E_USAGE)
        return sfx_program_err(sfx_operator_binder(op, in, err).program, detail->digest_at, err,
                               "%s", why.text);
    if (redact->digest == NULL)
        return sfx_err_set(err, why.code, "%s", why.text);
    return bind_columns(op, in, err);
}

/* The text with the sign for each character that is not kept. */
static int hide_characters(struct sfx_eval *ev, const struct redact_detail *detail,
                           struct sfx_slice text)
{
    uint64_t i = 0, nchars = 0, from = 0, to;
    size_t at, len;
    int rc = 0;

    for (at = 0; at < text.len; at++)
        nchars += sfx_begins_character(text.ptr[at]);
    to = detail->nkept;
    if (detail->nkept >= nchars) { /* a short value is hidden whole */
        to = 0;
    } else if (detail->keeps_last) {
        from = nchars - detail->nkept;
        to = nchars;
    }
    for (at = 0; at < text.len && rc == 0; at += len, i++) {
        for (len = 1; at + len < text.len && !sfx_begins_character(text.ptr[at + len]); len++)
            ;
        rc = i >= from && i < to
                 ? sfx_buf_append(&ev->made, text.ptr + at, len, NULL)
                 : sfx_buf_append(&ev->made, detail->sign.ptr, detail->sign.len, NULL);
    }
    return rc;
}

/* Copies what was made to *cell. */
static void set_made(struct sfx_eval *ev, int rc, struct sfx_cell *cell)
{
    char *copy = rc == 0 ? sfx_eval_text(ev, ev->made.len) : NULL;

    if (copy == NULL) {
        ev->rc = SFX_E_NOMEM;
        return;
    }
    if (ev->made.len > 0)
        memcpy(copy, ev->made.data, ev->made.len);
    *cell = sfx_cell_string(sfx_slice(copy, ev->made.len));
}

static void redact_cell(struct redact *redact, struct sfx_eval *ev, struct sfx_slice text,
                        struct sfx_cell *cell)
{
    const struct redact_detail *detail = redact->op.ast->detail;

    if (!detail->keeps) {
        *cell = sfx_cell_string(detail->sign);
        return;
    }
    sfx_buf_clear(&ev->made);
    set_made(ev, hide_characters(ev, detail, text), cell);
}

static void hash_cell(struct redact *redact, struct sfx_eval *ev, struct sfx_slice text,
                      struct sfx_cell *cell)
{
    unsigned char bytes[SFX_DIGEST_MAX_NBYTES];
    size_t nbytes = sfx_digest_bytes(redact->digest, text, bytes);
    char *digits = sfx_eval_text(ev, 2 * nbytes);

    if (digits == NULL)
        return;
    sfx_hex_digits(bytes, nbytes, digits);
    *cell = sfx_cell_string(sfx_slice(digits, 2 * nbytes));
}

static int push_columns(struct redact *redact, struct sfx_frame *in,
                        void (*change)(struct redact *, struct sfx_eval *, struct sfx_slice,
                                       struct sfx_cell *),
                        struct sfx_err *err)
{
    struct sfx_operator *op = &redact->op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i;
    size_t c;

    for (c = 0; c < redact->nchanged; c++) {
        const struct changed *changed = &redact->changed[c];

        sfx_vec_make_cells(ev, changed->from, in->sel, in->nsel);
        for (i = 0; i < in->nsel && ev->rc == 0; i++) {
            const struct sfx_cell *cell = &changed->from->cells[in->sel[i]];
            struct sfx_cell *to = &changed->to->cells[in->sel[i]];

            *to = *cell;
            if (!sfx_cell_is_null(cell) && cell->len > 0)
                change(redact, ev, sfx_eval_cell_text(ev, cell), to);
        }
    }
    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

static int push_redact(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    return push_columns((struct redact *)op, in, redact_cell, err);
}

static int push_hash(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    return push_columns((struct redact *)op, in, hash_cell, err);
}

const struct sfx_verb sfx_verb_redact = {
    .name = "redact",
    .usage = "redact COLUMNS [keep first|last N] [with \"SIGN\"]",
    .help = "puts a sign in place of values",
    .plan = "streaming",
    .rules = "The sign, *** if none is given, stands for the whole value; with keep it stands, * "
             "if none is given, for each character but the first or last N, and for all of a value "
             "of N characters or fewer. Null and empty stay.",
    .example = {.program = "redact mail | redact card keep last 4",
                .input = "id,mail,card\n1,a@b.c,4111111111111234\n2,,12\n",
                .output = "id,mail,card\n1,***,************1234\n2,,**\n"},
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct redact),
    .parse = parse_redact,
    .bind = bind_columns,
    .push = push_redact,
};

const struct sfx_verb sfx_verb_hash = {
    .name = "hash",
    .usage = "hash COLUMNS [sha256|sha512|sha1|md5|xxh3] [salt \"KEY\"]",
    .help = "puts a digest in place of values: the same for the same value",
    .plan = "streaming",
    .rules = "The digest, in hex, is of the bytes that the value stands for; without a name "
             "SHA-256. With a salt it is keyed (HMAC), so that who does not know the key cannot "
             "try values; --arg and :name keep it out of the program. Null and empty stay.",
    .example = {.program = "hash mail md5 salt \"k\"",
                .input = "id,mail\n1,a@b.c\n2,\n",
                .output = "id,mail\n1,d5c71d4b2407ffb9da8c30ec48e90c03\n2,\n"},
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct redact),
    .parse = parse_hash,
    .bind = bind_hash,
    .push = push_hash,
};
