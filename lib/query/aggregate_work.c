/* SPDX-License-Identifier: MIT */
/* Pieces of values, and how they come to the sorter and back. */
#include "query/aggregate_work_internal.h"

#include "base/hash.h"
#include "query/value_internal.h"

#include <string.h>

/* Values behind each other; the next piece is twice as large. */
struct sfx_agg_piece {
    struct sfx_agg_piece *next;
    uint32_t used, cap;
    unsigned char data[];
};

#define FIRST_PIECE_NBYTES 48
#define LAST_PIECE_NBYTES  ((size_t)16 * 1024)

/* A part of a state is a byte that says what it is, and its bytes. */
#define PART_VALUES 0
#define PART_RESULT 1

#define INDEX_NBYTES  2 /* of the call, in front of keys when all calls share the sorter */
#define NUMBER_NBYTES sizeof(uint64_t)

int sfx_agg_work_init(struct sfx_agg_work *work, struct sfx_operator *op, struct sfx_err *err)
{
    uint64_t eighth;

    *work = (struct sfx_agg_work){.op = op};
    if (op == NULL) {
        sfx_sorter_init(&work->sorter, NULL, 0);
        return 0;
    }
    eighth = sfx_operator_opts(op)->memory_nbytes / 8;
    sfx_keyset_init(&work->seen, op, 0);
    work->seen.budget_nbytes = eighth;
    work->has_seen = true;
    return sfx_sorter_init_paid(&work->sorter, op, eighth, err);
}

void sfx_agg_work_done(struct sfx_agg_work *work)
{
    sfx_sorter_done(&work->sorter);
    sfx_buf_done(&work->key);
    if (work->has_seen)
        sfx_keyset_done(&work->seen);
    sfx_keys_done(&work->seen_keys);
}

void sfx_agg_work_end_input(struct sfx_agg_work *work)
{
    sfx_keyset_done(&work->seen);
}

void sfx_agg_work_next_group(struct sfx_agg_work *work)
{
    if (work->nvalues > 0)
        sfx_sorter_clear(&work->sorter);
    work->sorted = false;
    work->nvalues = 0;
    work->record = NULL;
}

/* Room for nbytes in the newest piece. */
static unsigned char *room(struct sfx_agg_ctx *ctx, struct sfx_agg_values *values, size_t nbytes)
{
    struct sfx_agg_piece *piece = values->last;
    size_t cap = piece == NULL ? FIRST_PIECE_NBYTES : 2 * (size_t)piece->cap;

    if (piece != NULL && piece->cap - piece->used >= nbytes)
        return piece->data + piece->used;
    cap = cap > LAST_PIECE_NBYTES ? LAST_PIECE_NBYTES : cap;
    cap = cap < nbytes ? nbytes : cap;
    piece = cap > UINT32_MAX ? NULL : sfx_arena_alloc(ctx->arena, sizeof(*piece) + cap, ctx->err);
    if (piece == NULL)
        return NULL;
    *piece = (struct sfx_agg_piece){.cap = (uint32_t)cap};
    if (values->last != NULL)
        values->last->next = piece;
    else
        values->first = piece;
    values->last = piece;
    return piece->data;
}

int sfx_agg_values_add(struct sfx_agg_ctx *ctx, struct sfx_agg_values *values,
                       const struct sfx_vec *arg, uint32_t row)
{
    unsigned char *at = room(ctx, values, sfx_value_max_nbytes(arg, row));

    if (at == NULL)
        return sfx_err_set(ctx->err, SFX_E_NOMEM, "no memory for a value");
    values->last->used += (uint32_t)sfx_value_put(arg, row, at);
    values->count++;
    return 0;
}

/* --- values that are new ---------------------------------------------------------------------- */

/* Makes keys of the known values with their states; rows[i] is the place of key i in sel. */
static int make_keys(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                     uint32_t nsel, unsigned char *const *states, uint16_t *rows, uint32_t *n)
{
    struct sfx_keys *keys = &ctx->work->seen_keys;
    struct sfx_buf *bytes = &keys->bytes;
    uint32_t i;

    *n = 0;
    sfx_buf_clear(bytes);
    for (i = 0; i < nsel; i++) {
        size_t begin = bytes->len;
        const unsigned char *state = states[i] + ctx->call->offset;

        if (sfx_vec_is_blank(arg, sel[i]))
            continue;
        if (sfx_buf_append(bytes, &state, sizeof(state), ctx->err) < 0 ||
            sfx_buf_reserve(bytes, sfx_sort_key_max_nbytes(arg, sel[i]), ctx->err) < 0)
            return SFX_E_NOMEM;
        bytes->len += sfx_sort_key_put(ctx->ev, arg, sel[i], false,
                                       (unsigned char *)bytes->data + bytes->len);
        if (bytes->len > UINT32_MAX)
            return sfx_err_set(ctx->err, SFX_E_LIMIT, "values of more than 4 GiB");
        keys->ends[*n] = (uint32_t)bytes->len;
        keys->hashes[*n] = sfx_hash64(bytes->data + begin, bytes->len - begin, 0);
        rows[(*n)++] = (uint16_t)i;
    }
    return 0;
}

int sfx_agg_values_add_new(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                           uint32_t nsel, unsigned char *const *states, size_t offset)
{
    struct sfx_agg_work *work = ctx->work;
    uint16_t rows[SFX_BATCH_ROWS];
    uint32_t n, i, begin = 0;
    int rc = 0;

    if (work == NULL || !work->has_seen) {
        for (i = 0; i < nsel && rc == 0; i++) {
            if (!sfx_vec_is_blank(arg, sel[i]))
                rc = sfx_agg_values_add(ctx, (struct sfx_agg_values *)(states[i] + offset), arg,
                                        sel[i]);
        }
        return rc;
    }
    if (work->stale)
        sfx_keyset_clear(&work->seen);
    work->stale = false;
    rc = make_keys(ctx, arg, sel, nsel, states, rows, &n);
    while (rc == 0 && begin < n) {
        int64_t end = sfx_keyset_add_some(&work->seen, &work->seen_keys, begin, n, work->entries,
                                          work->fresh, ctx->err);

        if (end < 0)
            return (int)end;
        if (end ==
            begin) { /* full: begin again; if that does not help, the value is as good as new */
            work->forgot = true;
            if (work->seen.count == 0)
                work->fresh[end++] = true;
            else
                sfx_keyset_clear(&work->seen);
        }
        for (i = begin; i < end && rc == 0; i++) {
            if (work->fresh[i])
                rc = sfx_agg_values_add(ctx, (struct sfx_agg_values *)(states[rows[i]] + offset),
                                        arg, sel[rows[i]]);
        }
        begin = (uint32_t)end;
    }
    return rc;
}

/* --- to the sorter ---------------------------------------------------------------------------- */

/* Adds a value to the sorter. */
static int sort_value(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                      const unsigned char *value, size_t value_nbytes, bool by_value)
{
    struct sfx_buf *key = &work->key;
    unsigned char index[INDEX_NBYTES] = {(unsigned char)(ctx->call->index >> 8),
                                         (unsigned char)ctx->call->index};
    unsigned char *at;
    int rc = 0;

    sfx_buf_clear(key);
    if (work->merging)
        rc = sfx_buf_append(key, index, sizeof(index), ctx->err);
    if (rc == 0 && by_value)
        rc = sfx_value_sort_key(ctx->ev, value, key, ctx->err);
    if (rc == 0)
        rc = sfx_sorter_reserve(&work->sorter, key->len + NUMBER_NBYTES + value_nbytes, &at,
                                ctx->err);
    if (rc < 0)
        return rc;
    if (key->len > 0)
        memcpy(at, key->data, key->len);
    memcpy(at + key->len, &work->nvalues, NUMBER_NBYTES);
    memcpy(at + key->len + NUMBER_NBYTES, value, value_nbytes);
    sfx_sorter_commit(&work->sorter, key->len, NUMBER_NBYTES + value_nbytes);
    work->nvalues++;
    return 0;
}

static int sort_values(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                       const unsigned char *values, size_t nbytes, bool by_value, uint64_t *count)
{
    const unsigned char *at = values, *end;
    int rc = 0;

    for (; at < values + nbytes && rc == 0; at = end) {
        end = sfx_value_end(at);
        rc = sort_value(ctx, work, at, (size_t)(end - at), by_value);
        (*count)++;
    }
    return rc;
}

int sfx_agg_values_sort(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                        const struct sfx_agg_values *values, bool by_value)
{
    const struct sfx_agg_piece *piece;
    uint64_t count = 0;
    int rc = 0;

    if (!work->merging)
        sfx_agg_work_next_group(work);
    for (piece = values->first; piece != NULL && rc == 0; piece = piece->next)
        rc = sort_values(ctx, work, piece->data, piece->used, by_value, &count);
    if (rc < 0 || work->sorted)
        return rc;
    work->sorted = true;
    rc = sfx_sorter_sort(&work->sorter, ctx->err);
    if (rc == 0)
        rc = sfx_sorter_next(&work->sorter, &work->record, ctx->err);
    if (rc == 0)
        work->record = NULL;
    return rc < 0 ? rc : 0;
}

int sfx_agg_values_next(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                        struct sfx_agg_value *out)
{
    const unsigned char *key, *body;
    int rc;

    /* The record looked at last is still there: it is gone past only now. */
    if (out->value != NULL) {
        rc = sfx_sorter_next(&work->sorter, &work->record, ctx->err);
        if (rc <= 0)
            work->record = NULL;
        if (rc < 0)
            return rc;
    }
    out->value = NULL;
    if (work->record == NULL)
        return 0;
    key = work->record + SFX_RECORD_HEAD_NBYTES;
    body = sfx_record_row(work->record);
    if (work->merging) {
        if (((size_t)key[0] << 8 | key[1]) != ctx->call->index)
            return 0; /* the values of another call begin */
        key += INDEX_NBYTES;
    }
    out->key = sfx_slice((const char *)key, (size_t)(body - key));
    memcpy(&out->number, body, NUMBER_NBYTES);
    out->value = body + NUMBER_NBYTES;
    return 1;
}

/* --- states as bytes -------------------------------------------------------------------------- */

int sfx_agg_values_save(struct sfx_agg_ctx *ctx, const unsigned char *state)
{
    const struct sfx_agg_values *values = (const struct sfx_agg_values *)state;
    struct sfx_buf *scratch = &ctx->ev->scratch;
    const struct sfx_agg_piece *piece;
    int rc = 0;

    if (ctx->work != NULL)
        ctx->work->stale = true;
    if (values->settled != NULL) {
        sfx_buf_clear(scratch);
        rc = sfx_buf_putc(scratch, PART_RESULT, ctx->err);
        if (rc == 0)
            rc = sfx_buf_append(scratch, values->settled,
                                (size_t)(sfx_value_end(values->settled) - values->settled),
                                ctx->err);
        return rc < 0 ? rc : sfx_agg_put(ctx, scratch->data, scratch->len);
    }
    for (piece = values->first; piece != NULL && rc == 0; piece = piece->next) {
        sfx_buf_clear(scratch);
        rc = sfx_buf_putc(scratch, PART_VALUES, ctx->err);
        if (rc == 0)
            rc = sfx_buf_append(scratch, piece->data, piece->used, ctx->err);
        if (rc == 0)
            rc = sfx_agg_put(ctx, scratch->data, scratch->len);
    }
    return rc;
}

/* Copies the values of a part to the pieces. */
static int take_values(struct sfx_agg_ctx *ctx, struct sfx_agg_values *values,
                       const unsigned char *from, size_t nbytes)
{
    const unsigned char *at;
    unsigned char *to = room(ctx, values, nbytes);

    if (to == NULL)
        return sfx_err_set(ctx->err, SFX_E_NOMEM, "no memory for values");
    memcpy(to, from, nbytes);
    values->last->used += (uint32_t)nbytes;
    for (at = from; at < from + nbytes; at = sfx_value_end(at))
        values->count++;
    return 0;
}

int sfx_agg_values_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                         size_t from_nbytes, bool by_value)
{
    struct sfx_agg_values *values = (struct sfx_agg_values *)state;
    unsigned char *copy;

    if (from[0] == PART_RESULT) {
        copy = sfx_arena_alloc(ctx->arena, from_nbytes, ctx->err);
        if (copy == NULL)
            return SFX_E_NOMEM;
        memcpy(copy, from + 1, from_nbytes - 1);
        values->settled = copy;
        return 0;
    }
    if (ctx->work != NULL && ctx->work->merging)
        return sort_values(ctx, ctx->work, from + 1, from_nbytes - 1, by_value, &values->count);
    return take_values(ctx, values, from + 1, from_nbytes - 1);
}

int sfx_agg_values_merge_new(struct sfx_agg_ctx *ctx, unsigned char *state,
                             const unsigned char *from, size_t from_nbytes)
{
    static const uint16_t first = 0;
    const unsigned char *at = from + 1, *end = from + from_nbytes;
    unsigned char *states = state - ctx->call->offset;
    struct sfx_cell cell;
    struct sfx_decimal slot;
    uint8_t flag;
    int rc = 0;

    while (at < end && rc == 0) {
        struct sfx_vec value = {
            .type = sfx_value_type(at), .cells = &cell, .nums = &slot, .flags = &flag};

        flag = 0;
        at = sfx_value_get(ctx->ev, at, &value, 0);
        rc = at == NULL
                 ? SFX_E_NOMEM
                 : sfx_agg_values_add_new(ctx, &value, &first, 1, &states, ctx->call->offset);
    }
    return rc;
}
