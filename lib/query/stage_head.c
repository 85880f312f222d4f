/* SPDX-License-Identifier: MIT */
/* Stages that let records through by how many came before them: head, nth. */
#include "query/by_internal.h"

#include "base/text.h"

struct head {
    struct sfx_operator op;
    uint64_t passed; /* records so far */
};

static int bind_nothing(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    (void)op;
    (void)in;
    (void)err;
    return 0;
}

static int push_head(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct head *head = (struct head *)op;
    uint64_t left = op->ast->limit - head->passed;

    if (in->nsel > left)
        in->nsel = (uint32_t)left;
    head->passed += in->nsel;
    return sfx_operator_pass(op, in, err);
}

static bool head_is_satisfied(const struct sfx_operator *op)
{
    return ((const struct head *)op)->passed == op->ast->limit;
}

/* --- head N by KEY ---------------------------------------------------------------------------- */

static int parse_head(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc = sfx_parse_count(p, stage);

    if (rc == 0)
        rc = sfx_parse_by(p, &stage->items);
    if (stage->items.count > 0)
        stage->verb = &sfx_verb_head_by; /* as distinct, which keeps one */
    return rc;
}

const struct sfx_verb sfx_verb_head = {
    .name = "head",
    .usage = "head N [by KEY[, …]]",
    .help = "keeps the first N records, or the first N of each key",
    .plan = "streaming",
    .rules = "Nothing more is read when all N were there, which by KEY never knows. by takes "
             "memory for each key; when half of --memory is full, records wait on disk until the "
             "input ends. Null is a key like others.",
    .example = {.program = "head 1 by city",
                .input = "id,city\n1,A\n2,A\n3,B\n",
                .output = "id,city\n1,A\n3,B\n"},
    .uses = sfx_uses_filter,
    .parse = parse_head,
    .state_nbytes = sizeof(struct head),
    .bind = bind_nothing,
    .push = push_head,
    .satisfied = head_is_satisfied,
};

/* --- nth -------------------------------------------------------------------------------------- */

struct nth {
    struct sfx_operator op;
    uint64_t seen; /* records so far */
};

struct nth_detail {
    uint64_t step, from;
};

static int parse_whole(struct sfx_parser *p, uint64_t *number)
{
    if (p->token.kind != SFX_TOKEN_NUMBER || sfx_text_u64(p->token.raw, number, NULL) < 0 ||
        *number == 0)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "a whole number from 1 is expected here");
    return sfx_lex(p);
}

static int parse_nth(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct nth_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    rc = parse_whole(p, &detail->step);
    detail->from = detail->step;
    if (rc == 0)
        rc = sfx_parse_accept(p, "from");
    return rc > 0 ? parse_whole(p, &detail->from) : rc;
}

static int push_nth(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct nth *nth = (struct nth *)op;
    const struct nth_detail *detail = op->ast->detail;
    uint32_t i, n = 0;

    for (i = 0; i < in->nsel; i++) {
        uint64_t number = ++nth->seen;

        in->sel[n] = in->sel[i];
        n += number >= detail->from && (number - detail->from) % detail->step == 0;
    }
    in->nsel = n;
    return sfx_operator_pass(op, in, err);
}

const struct sfx_verb sfx_verb_nth = {
    .name = "nth",
    .usage = "nth N [from M]",
    .help = "keeps every Nth record, from the Mth on; from the Nth when it is not said",
    .plan = "streaming",
    .example = {.program = "nth 2 from 1", .input = "id\n1\n2\n3\n4\n", .output = "id\n1\n3\n"},
    .state_nbytes = sizeof(struct nth),
    .uses = sfx_uses_filter,
    .parse = parse_nth,
    .bind = bind_nothing,
    .push = push_nth,
};
