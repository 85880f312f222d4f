/* SPDX-License-Identifier: MIT */
/* What lead gives a row: a record under the row's number, with call and value. */
#include "query/over_internal.h"

#include <string.h>

int sfx_over_put_ahead(struct sfx_over *over, struct sfx_sorter *ahead, size_t call,
                       uint64_t number, uint32_t from, struct sfx_err *err)
{
    const struct sfx_vec *vec = over->calls[call].arg->vec;
    bool slot = sfx_type_in_nums(vec->type);
    struct sfx_cell cell = slot ? (struct sfx_cell){.kind = vec->flags[from]} : vec->cells[from];
    struct sfx_slice bytes = slot ? sfx_slice(NULL, 0) : sfx_cell_spelling(&cell);
    unsigned char *key = NULL, *at;
    int rc;

    if (!slot && cell.kind == SFX_CELL_MISSING)
        cell.kind = SFX_CELL_NULL;
    rc = sfx_sorter_reserve(
        ahead, SFX_OVER_NUMBER_NBYTES + 2 + sizeof(cell) + sizeof(*vec->nums) + bytes.len, &key,
        err);

    if (rc < 0)
        return rc;
    at = sfx_over_put_number(key, number);
    *at++ = (unsigned char)(call >> 8);
    *at++ = (unsigned char)call;
    memcpy(at, &cell, sizeof(cell));
    at += sizeof(cell);
    if (slot)
        memcpy(at, &vec->nums[from], sizeof(*vec->nums));
    at += slot ? sizeof(*vec->nums) : 0;
    if (bytes.len > 0)
        memcpy(at, bytes.ptr, bytes.len);
    at += bytes.len;
    sfx_sorter_commit(ahead, SFX_OVER_NUMBER_NBYTES + 2,
                      (size_t)(at - key) - SFX_OVER_NUMBER_NBYTES - 2);
    return 0;
}

int sfx_over_give_ahead(struct sfx_over *over, struct sfx_frame *out, const unsigned char *record,
                        uint32_t row, struct sfx_err *err)
{
    struct sfx_eval *ev = sfx_operator_eval(&over->op);
    const unsigned char *at = record + SFX_RECORD_HEAD_NBYTES + SFX_OVER_NUMBER_NBYTES;
    size_t call = (size_t)at[0] << 8 | at[1], c = 0;
    struct sfx_slice name = over->plan->calls[call].name, bytes;
    struct sfx_cell cell;
    struct sfx_vec *vec;
    uint16_t sel = (uint16_t)row;
    char *copy;

    while (!sfx_slice_eq(out->cols[c].name, name))
        c++;
    vec = out->cols[c].vec;
    memcpy(&cell, at + 2, sizeof(cell));
    at += 2 + sizeof(cell);
    if (sfx_type_in_nums(vec->type)) {
        vec->flags[row] = cell.kind;
        memcpy(&vec->nums[row], at, sizeof(*vec->nums));
        sfx_vec_write_cells(ev, vec, vec->cells, &sel, 1);
        return 0;
    }
    bytes = sfx_cell_spelling(&cell);
    copy = sfx_eval_text(ev, bytes.len + 1);
    if (copy == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a value");
    memcpy(copy, at, bytes.len);
    vec->cells[row] = cell;
    vec->cells[row].ptr = copy + (cell.ptr - bytes.ptr);
    return 0;
}
