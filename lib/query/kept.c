/* SPDX-License-Identifier: MIT */
/* Kept rows: a row store for their form, a sorter for their place and order, frames to go on in. */
#include "query/kept_internal.h"

#include <string.h>

int sfx_kept_bind(struct sfx_kept *kept, struct sfx_operator *op, const struct sfx_frame *in,
                  uint64_t budget_nbytes, struct sfx_err *err)
{
    if (kept->op == NULL) {
        kept->op = op;
        kept->store.keep_origin = sfx_operator_needs_origin(op);
        sfx_sorter_init(&kept->sorter, op, budget_nbytes);
    }
    return sfx_rowstore_bind(&kept->store, in, err);
}

int sfx_kept_begin(struct sfx_kept *kept, const struct sfx_frame *in, struct sfx_err *err)
{
    return sfx_rowstore_begin(&kept->store, sfx_operator_eval(kept->op), in, err);
}

int sfx_kept_reserve(struct sfx_kept *kept, const struct sfx_frame *in, uint32_t row,
                     size_t nkey_max, unsigned char **key, struct sfx_err *err)
{
    return sfx_sorter_reserve(&kept->sorter, nkey_max + sfx_row_max_nbytes(&kept->store, in, row),
                              key, err);
}

void sfx_kept_commit(struct sfx_kept *kept, const struct sfx_frame *in, uint32_t row,
                     unsigned char *key, size_t nkey)
{
    sfx_sorter_commit(&kept->sorter, nkey, sfx_row_encode(&kept->store, in, row, key + nkey));
}

int sfx_kept_row(struct sfx_kept *kept, const struct sfx_frame *in, uint32_t row,
                 struct sfx_err *err)
{
    unsigned char *key;
    int rc = sfx_kept_reserve(kept, in, row, 0, &key, err);

    if (rc == 0)
        sfx_kept_commit(kept, in, row, key, 0);
    return rc;
}

/* --- handing on ------------------------------------------------------------------------------- */

int sfx_kept_start(struct sfx_kept *kept, struct sfx_err *err)
{
    kept->nrows = 0;
    kept->passed_one = kept->no_cells = false;
    kept->op->out.schema_id = sfx_operator_new_schema(kept->op);
    return sfx_rowstore_make_frame(&kept->store, &kept->op->out, &kept->op->arena, err);
}

static int pass_frame(struct sfx_kept *kept, struct sfx_err *err)
{
    const struct sfx_rowstore *store = &kept->store;
    struct sfx_frame *out = &kept->op->out;
    uint32_t i;

    for (i = 0; i < kept->nrows; i++)
        out->sel[i] = (uint16_t)i;
    out->nrows = out->nsel = kept->nrows;
    if (kept->source < store->nsources) {
        out->input = store->sources[kept->source].input;
        out->member = store->sources[kept->source].member;
    }
    kept->nrows = 0;
    kept->passed_one = true;
    return sfx_operator_pass(kept->op, out, err);
}

/* Each frame is of one input when rows say where they came from. */
int sfx_kept_put(struct sfx_kept *kept, const unsigned char *row, size_t len, bool stays,
                 struct sfx_err *err)
{
    struct sfx_eval *ev = sfx_operator_eval(kept->op);
    uint32_t source = sfx_row_source(&kept->store, row);
    char *copy;

    if (kept->nrows == SFX_BATCH_ROWS || (kept->nrows > 0 && source != kept->source)) {
        int rc = pass_frame(kept, err);

        if (rc < 0)
            return rc;
        if (sfx_operator_is_done(kept->op))
            return 0;
    }
    if (kept->nrows == 0)
        sfx_eval_reset(ev);
    kept->source = source;
    if (!stays) {
        copy = sfx_eval_text(ev, len);
        if (copy == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
        memcpy(copy, row, len);
        row = (const unsigned char *)copy;
    }
    if (kept->no_cells)
        sfx_row_decode_origin(row, &kept->op->out, kept->nrows++);
    else
        sfx_row_decode(row, &kept->op->out, kept->nrows++);
    return 1;
}

int sfx_kept_end(struct sfx_kept *kept, struct sfx_err *err)
{
    return kept->nrows > 0 || !kept->passed_one ? pass_frame(kept, err) : 0;
}

/* Says that the frame's rows are their records, so that a writer may copy them. */
static void pass_raw(struct sfx_kept *kept)
{
    struct sfx_frame *out = &kept->op->out;
    size_t i;

    out->nraw = kept->store.nraw;
    out->raw_dialect = kept->store.raw_dialect;
    kept->no_cells = sfx_operator_is_copied(kept->op, out);
    for (i = 0; kept->no_cells && i < out->ncols; i++)
        out->cols[i].vec->has_cells = true; /* none are made of values */
}

int sfx_kept_pass_all(struct sfx_kept *kept, struct sfx_err *err)
{
    const unsigned char *record;
    int rc = sfx_kept_start(kept, err);

    if (rc == 0 && !kept->store.none_raw)
        pass_raw(kept);
    if (rc == 0)
        rc = sfx_sorter_sort(&kept->sorter, err);
    if (rc < 0)
        return rc;
    while ((rc = sfx_sorter_next(&kept->sorter, &record, err)) > 0) {
        const unsigned char *row = sfx_record_row(record);

        rc = sfx_kept_put(kept, row, sfx_record_nbytes(record) - (size_t)(row - record),
                          sfx_sorter_keeps_records(&kept->sorter), err);
        if (rc <= 0)
            return rc;
    }
    return rc < 0 ? rc : sfx_kept_end(kept, err);
}

void sfx_kept_done(struct sfx_kept *kept)
{
    sfx_sorter_done(&kept->sorter);
    sfx_rowstore_done(&kept->store);
}
