/* SPDX-License-Identifier: MIT */
/*
 * What stages carry from one run to the next, as bytes: a head that says whose they are, then the
 * records of each stage, each with its length and a hash of all bytes so far, then an end.
 */
#include "query/carry_internal.h"

#include "base/hash.h"

#include <string.h>

#define CARRY_VERSION 1 /* to be raised when the state of a stage or an aggregate changes */
#define PIECE_NBYTES  ((size_t)64 * 1024)
#define STAGE_END     UINT32_MAX /* the length that ends a stage's records */
#define HEAD_NBYTES   (2 * sizeof(uint32_t))

/* In front of the program's text: numbers are carried as they are in memory. */
struct layout {
    char magic[8];
    uint32_t version, order;
    uint32_t word_nbytes, decimal_nbytes;
};

static const struct layout layout_here = {"sfxcarry", CARRY_VERSION, 0x01020304, sizeof(size_t),
                                          sizeof(struct sfx_decimal)};

/* How many of the stages, from the front, stand for what is carried: the last of them carries. One
 * that gives what it carries ends them, as those behind it see all of that in every run. */
static size_t carrying_stages(const struct sfx_program *program)
{
    size_t i, n = 0;

    for (i = 0; i < program->nstages; i++) {
        const struct sfx_verb *verb = program->stages[i].verb;

        if (verb->restore != NULL)
            n = i + 1;
        if (verb->gives_all)
            break;
    }
    return n;
}

bool sfx_program_carries(const struct sfx_program *program)
{
    return carrying_stages(program) > 0;
}

const char *sfx_program_stateful_verb(const struct sfx_program *program)
{
    size_t i;

    for (i = 0; i < program->nstages; i++) {
        const struct sfx_verb *verb = program->stages[i].verb;

        if (!verb->stateless && verb->restore == NULL)
            return verb->name;
        if (verb->gives_all)
            return NULL;
    }
    return NULL;
}

bool sfx_operator_carries(const struct sfx_operator *op)
{
    const struct sfx_query *q = op->query;

    return q->opts.carry != NULL && op->verb->restore != NULL &&
           op->index < (q->opts.schema != NULL) + carrying_stages(q->program);
}

/* The head: the layout, then the stages up to the last that carries. */
static int make_head(const struct sfx_query *q, struct sfx_buf *head, struct sfx_err *err)
{
    size_t i, n = carrying_stages(q->program);
    int rc = sfx_buf_append(head, &layout_here, sizeof(layout_here), err);

    for (i = 0; i < n && rc == 0; i++) {
        const struct sfx_slice text = q->program->stages[i].text;

        if (i > 0)
            rc = sfx_buf_append(head, " | ", 3, err);
        if (rc == 0)
            rc = sfx_buf_append(head, text.ptr, text.len, err);
    }
    return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int flush(struct sfx_query *q, struct sfx_err *err)
{
    struct sfx_buf *out = &q->carried.bytes;
    int rc = q->opts.carry->write(q->opts.carry->ctx, out->data, out->len, err);

    sfx_buf_clear(out);
    return rc;
}

static int put(struct sfx_query *q, uint32_t length, struct sfx_slice bytes, struct sfx_err *err)
{
    struct sfx_carried *c = &q->carried;
    uint32_t head[2] = {length};

    c->check = sfx_hash64(bytes.ptr, bytes.len, c->check + length);
    head[1] = (uint32_t)c->check;
    if (sfx_buf_append(&c->bytes, head, sizeof(head), err) < 0 ||
        sfx_buf_append(&c->bytes, bytes.ptr, bytes.len, err) < 0)
        return SFX_E_NOMEM;
    return c->bytes.len >= PIECE_NBYTES ? flush(q, err) : 0;
}

int sfx_operator_carry(struct sfx_operator *op, const void *bytes, size_t nbytes,
                       struct sfx_err *err)
{
    if (nbytes >= STAGE_END)
        return sfx_err_set(err, SFX_E_LIMIT, "%s: a state of more than 4 GiB", op->verb->name);
    return put(op->query, (uint32_t)nbytes, sfx_slice(bytes, nbytes), err);
}

int sfx_carry_begin(struct sfx_query *q, struct sfx_err *err)
{
    struct sfx_buf head = {0};
    int rc;

    if (q->opts.carry == NULL)
        return 0;
    sfx_buf_clear(&q->carried.bytes);
    q->carried.check = 0;
    rc = make_head(q, &head, err);
    if (rc == 0)
        rc = put(q, (uint32_t)head.len, sfx_buf_slice(&head), err);
    sfx_buf_done(&head);
    return rc;
}

int sfx_carry_end_stage(struct sfx_operator *op, struct sfx_err *err)
{
    return sfx_operator_carries(op) ? put(op->query, STAGE_END, sfx_slice("", 0), err) : 0;
}

int sfx_carry_end(struct sfx_query *q, struct sfx_err *err)
{
    return q->opts.carry != NULL ? flush(q, err) : 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Makes nbytes more readable at bytes.data + at. */
static int fill(struct sfx_query *q, size_t nbytes, struct sfx_err *err)
{
    const struct sfx_query_carry *carry = q->opts.carry;
    struct sfx_carried *c = &q->carried;
    ssize_t n;

    if (c->bytes.len - c->at >= nbytes)
        return 0;
    if (c->at > 0)
        memmove(c->bytes.data, c->bytes.data + c->at, c->bytes.len - c->at);
    c->bytes.len -= c->at;
    c->at = 0;
    while (c->bytes.len < nbytes) {
        if (sfx_buf_reserve(&c->bytes, PIECE_NBYTES, err) < 0)
            return SFX_E_NOMEM;
        n = carry->read(carry->ctx, c->bytes.data + c->bytes.len, PIECE_NBYTES, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return sfx_err_set(err, SFX_E_INPUT, "ends early");
        c->bytes.len += (size_t)n;
    }
    return 0;
}

/* The next record: 1; 0 at the end of a stage's. */
static int next(struct sfx_query *q, struct sfx_slice *record, struct sfx_err *err)
{
    struct sfx_carried *c = &q->carried;
    uint32_t head[2];
    size_t nbytes;
    int rc = fill(q, sizeof(head), err);

    if (rc < 0)
        return rc;
    memcpy(head, c->bytes.data + c->at, sizeof(head));
    nbytes = head[0] != STAGE_END ? head[0] : 0;
    rc = fill(q, HEAD_NBYTES + nbytes, err);
    if (rc < 0)
        return rc;
    *record = sfx_slice(c->bytes.data + c->at + HEAD_NBYTES, nbytes);
    c->at += HEAD_NBYTES + nbytes;
    c->check = sfx_hash64(record->ptr, nbytes, c->check + head[0]);
    if ((uint32_t)c->check != head[1])
        return sfx_err_set(err, SFX_E_INPUT, "is damaged");
    return head[0] != STAGE_END;
}

int sfx_operator_carried(struct sfx_operator *op, struct sfx_slice *record, struct sfx_err *err)
{
    return next(op->query, record, err);
}

/* Reads the head, which must be that of this program. */
static int check_head(struct sfx_query *q, struct sfx_err *err)
{
    const size_t nlayout = sizeof(struct layout);
    struct sfx_buf head = {0};
    struct sfx_slice was;
    int rc = make_head(q, &head, err);

    if (rc == 0)
        rc = next(q, &was, err);
    if (rc > 0 && (was.len < nlayout || memcmp(was.ptr, &layout_here, nlayout) != 0))
        rc = sfx_err_set(err, SFX_E_INPUT,
                         "is the state of another version of sfx-transform, or of another kind of "
                         "machine");
    else if (rc > 0 && !sfx_slice_eq(was, sfx_buf_slice(&head)))
        rc = sfx_err_set(err, SFX_E_INPUT, "is the state of another program: %.*s",
                         (int)(was.len - nlayout < 200 ? was.len - nlayout : 200),
                         was.ptr + nlayout);
    sfx_buf_done(&head);
    return rc < 0 ? rc : 0;
}

int sfx_query_restore(struct sfx_query *q, struct sfx_err *err)
{
    size_t i;
    int rc;

    if (q->opts.carry == NULL || q->opts.carry->read == NULL)
        return 0;
    rc = check_head(q, err);
    for (i = 0; i < q->noperators && rc == 0; i++) {
        if (sfx_operator_carries(q->operators[i]))
            rc = q->operators[i]->verb->restore(q->operators[i], err);
    }
    return rc;
}
