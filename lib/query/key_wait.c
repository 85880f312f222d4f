/* SPDX-License-Identifier: MIT */
/* Records that wait for what becomes of their keys. */
#include "query/key_wait_internal.h"

#include <string.h>

#define NUMBER_NBYTES sizeof(uint64_t)
#define KIND_NBYTES   sizeof(uint32_t)

int sfx_key_wait_bind(struct sfx_key_wait *wait, struct sfx_operator *op,
                      const struct sfx_frame *in, struct sfx_err *err)
{
    const uint64_t memory = sfx_operator_opts(op)->memory_nbytes;
    bool first = wait->rows.op == NULL;
    int rc = sfx_kept_bind(&wait->rows, op, in, 0, err);

    if (rc < 0 || !first)
        return rc;
    wait->rows.store.keep_origin = true; /* they may be refused */
    rc = sfx_sorter_init_paid(&wait->rows.sorter, op, memory / 32, err);
    if (rc == 0)
        rc = sfx_sorter_init_paid(&wait->keys, op, memory / 32, err);
    return rc == 0 ? sfx_sorter_init_paid(&wait->broken, op, memory / 64, err) : rc;
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t nbytes)
{
    if (nbytes > 0)
        memcpy(at, bytes, nbytes);
    return at + nbytes;
}

static int put_key(struct sfx_key_wait *wait, size_t kind, struct sfx_slice key, uint64_t number,
                   struct sfx_err *err)
{
    const uint32_t order = __builtin_bswap32((uint32_t)kind);
    unsigned char *at = NULL;
    int rc = sfx_sorter_reserve(&wait->keys, KIND_NBYTES + key.len + NUMBER_NBYTES, &at, err);

    if (rc < 0 || at == NULL)
        return rc;
    (void)put(put(put(at, &order, KIND_NBYTES), key.ptr, key.len), &number, NUMBER_NBYTES);
    sfx_sorter_commit(&wait->keys, KIND_NBYTES + key.len, NUMBER_NBYTES);
    return 0;
}

int sfx_key_wait_known(struct sfx_key_wait *wait, size_t kind, struct sfx_slice key,
                       struct sfx_err *err)
{
    return put_key(wait, kind, key, 0, err);
}

int sfx_key_wait_key(struct sfx_key_wait *wait, size_t kind, struct sfx_slice key,
                     struct sfx_err *err)
{
    return put_key(wait, kind, key, wait->nrows, err);
}

int sfx_key_wait_row(struct sfx_key_wait *wait, const struct sfx_frame *in, uint16_t row,
                     struct sfx_err *err)
{
    const uint64_t order = __builtin_bswap64(wait->nrows + 1);
    unsigned char *key;
    int rc = sfx_kept_reserve(&wait->rows, in, row, NUMBER_NBYTES, &key, err);

    if (rc < 0)
        return rc;
    (void)put(key, &order, NUMBER_NBYTES);
    sfx_kept_commit(&wait->rows, in, row, key, NUMBER_NBYTES);
    wait->nrows++;
    return 0;
}

static int put_broken(struct sfx_key_wait *wait, uint64_t number, uint32_t kind,
                      struct sfx_err *err)
{
    const uint64_t order = __builtin_bswap64(number);
    unsigned char *at = NULL;
    int rc = sfx_sorter_reserve(&wait->broken, NUMBER_NBYTES + KIND_NBYTES, &at, err);

    if (rc < 0 || at == NULL)
        return rc;
    (void)put(put(at, &order, NUMBER_NBYTES), &kind, KIND_NBYTES);
    sfx_sorter_commit(&wait->broken, NUMBER_NBYTES, KIND_NBYTES);
    return 0;
}

int sfx_key_wait_broken(struct sfx_key_wait *wait, size_t kind, struct sfx_err *err)
{
    return put_broken(wait, wait->nrows, (uint32_t)kind, err);
}

/* --- and back --------------------------------------------------------------------------------- */

static uint64_t record_number(const unsigned char *record)
{
    uint64_t order;

    memcpy(&order, record + SFX_RECORD_HEAD_NBYTES, NUMBER_NBYTES);
    return __builtin_bswap64(order);
}

static int advance(struct sfx_sorter *sorter, const unsigned char **record, struct sfx_err *err)
{
    int rc = sfx_sorter_next(sorter, record, err);

    if (rc == 0)
        *record = NULL;
    return rc < 0 ? rc : 0;
}

/* Goes through the keys; equal ones come in the order of their records, known ones first. */
static int compare_keys(struct sfx_key_wait *wait, bool (*is_foreign)(const void *, size_t),
                        const void *ctx, struct sfx_err *err)
{
    struct sfx_buf last = {0};
    const unsigned char *record;
    bool holds = false;
    int rc;

    while ((rc = sfx_sorter_next(&wait->keys, &record, err)) > 0) {
        struct sfx_slice key =
            sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES, sfx_record_key_nbytes(record));
        uint64_t number;
        uint32_t kind;
        bool first = !sfx_slice_eq(key, sfx_buf_slice(&last));

        memcpy(&number, sfx_record_row(record), NUMBER_NBYTES);
        memcpy(&kind, key.ptr, KIND_NBYTES);
        kind = __builtin_bswap32(kind);
        if (first) {
            holds = !is_foreign(ctx, kind) || number == 0;
            sfx_buf_clear(&last);
            rc = sfx_buf_append(&last, key.ptr, key.len, err);
            if (rc < 0)
                break;
        }
        if (number > 0 && (!holds || (!first && !is_foreign(ctx, kind)))) {
            rc = put_broken(wait, number, kind, err);
            if (rc < 0)
                break;
        }
    }
    sfx_buf_done(&last);
    return rc < 0 ? rc : 0;
}

int sfx_key_wait_resolve(struct sfx_key_wait *wait,
                         bool (*is_foreign)(const void *ctx, size_t kind), const void *ctx,
                         struct sfx_err *err)
{
    struct sfx_frame *out = &wait->rows.op->out;
    int rc = sfx_sorter_sort(&wait->keys, err);

    if (rc == 0)
        rc = compare_keys(wait, is_foreign, ctx, err);
    sfx_sorter_done(&wait->keys);
    if (rc == 0)
        rc = sfx_sorter_sort(&wait->broken, err);
    if (rc == 0)
        rc = sfx_sorter_sort(&wait->rows.sorter, err);
    if (rc == 0)
        rc = advance(&wait->broken, &wait->complaint, err);
    if (rc == 0)
        rc = advance(&wait->rows.sorter, &wait->row, err);
    if (rc == 0)
        rc = sfx_kept_start(&wait->rows, err);
    out->nraw = 0;
    if (rc == 0 && !wait->rows.store.none_raw) { /* a writer may copy the records */
        out->nraw = wait->rows.store.nraw;
        out->raw_dialect = wait->rows.store.raw_dialect;
    }
    return rc;
}

/* Reads the next record into row n of the frame. */
static int take_row(struct sfx_key_wait *wait, uint32_t n, sfx_key_broken *broken, void *ctx,
                    struct sfx_err *err)
{
    const uint64_t number = record_number(wait->row);
    struct sfx_frame *out = &wait->rows.op->out;
    const unsigned char *record = wait->row;
    uint32_t kind;
    int rc = 0;

    if (!sfx_sorter_keeps_records(&wait->rows.sorter)) {
        const uint32_t len = sfx_record_nbytes(record);
        char *copy = sfx_eval_text(sfx_operator_eval(wait->rows.op), len);

        if (copy == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
        memcpy(copy, record, len);
        record = (const unsigned char *)copy;
    }
    sfx_row_decode(sfx_record_row(record), out, n);
    out->sel[n] = (uint16_t)n;
    while (rc == 0 && wait->complaint != NULL && record_number(wait->complaint) == number) {
        memcpy(&kind, sfx_record_row(wait->complaint), KIND_NBYTES);
        broken(ctx, (uint16_t)n, kind);
        rc = advance(&wait->broken, &wait->complaint, err);
    }
    return rc == 0 ? advance(&wait->rows.sorter, &wait->row, err) : rc;
}

int sfx_key_wait_next(struct sfx_key_wait *wait, sfx_key_broken *broken, void *ctx,
                      struct sfx_err *err)
{
    const struct sfx_rowstore *store = &wait->rows.store;
    struct sfx_frame *out = &wait->rows.op->out;
    uint32_t n = 0, source;
    int rc = 0;

    if (wait->row == NULL)
        return 0;
    sfx_eval_reset(sfx_operator_eval(wait->rows.op));
    source = sfx_row_source(store, sfx_record_row(wait->row));
    while (rc == 0 && n < SFX_BATCH_ROWS && wait->row != NULL &&
           sfx_row_source(store, sfx_record_row(wait->row)) == source)
        rc = take_row(wait, n++, broken, ctx, err);
    if (source < store->nsources) {
        out->input = store->sources[source].input;
        out->member = store->sources[source].member;
    }
    out->nrows = out->nsel = n;
    return rc < 0 ? rc : 1;
}

void sfx_key_wait_done(struct sfx_key_wait *wait)
{
    sfx_kept_done(&wait->rows);
    sfx_sorter_done(&wait->keys);
    sfx_sorter_done(&wait->broken);
}
