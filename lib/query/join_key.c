/* SPDX-License-Identifier: MIT */
/* Keys of joins: a single text is its own bytes, anything else is written down. */
#include "query/join_internal.h"

#include "base/hash.h"

#include <string.h>

#define DECIMAL_NBYTES (sizeof(sfx_int128) + sizeof(uint32_t))

/* The bytes of one value; those of a number are made in scratch. */
static struct sfx_slice value_bytes(struct sfx_eval *ev, const struct sfx_vec *vec, uint32_t row,
                                    char scratch[DECIMAL_NBYTES])
{
    struct sfx_decimal value;

    if (sfx_vec_is_blank(vec, row))
        return sfx_slice(NULL, 0);
    if (!sfx_type_in_nums(vec->type))
        return sfx_eval_cell_text(ev, &vec->cells[row]);
    value = vec->nums[row];
    if (vec->type == SFX_TYPE_NUMBER)
        sfx_decimal_trim(&value, 0); /* equal numbers are spelled alike */
    else
        value.scale = 0; /* how a time is written does not count */
    memcpy(scratch, &value.mant, sizeof(value.mant));
    memcpy(scratch + sizeof(value.mant), &value.scale, sizeof(value.scale));
    return sfx_slice(scratch, DECIMAL_NBYTES);
}

/* Writes the key of one row: its values, each with its length when there are several. */
static int put_key(struct sfx_join_keys *keys, struct sfx_eval *ev, struct sfx_node *const *nodes,
                   size_t nnodes, uint32_t row, struct sfx_slice *key, struct sfx_err *err)
{
    char scratch[DECIMAL_NBYTES];
    size_t c, begin = keys->bytes.len;
    uint32_t len;

    *key = sfx_slice(NULL, 0);
    for (c = 0; c < nnodes; c++) {
        struct sfx_slice bytes = value_bytes(ev, nodes[c]->vec, row, scratch);

        if (bytes.ptr == NULL) {
            keys->bytes.len = begin;
            return 0;
        }
        len = (uint32_t)bytes.len;
        if ((nnodes > 1 && sfx_buf_append(&keys->bytes, &len, sizeof(len), err) < 0) ||
            sfx_buf_append(&keys->bytes, bytes.ptr, bytes.len, err) < 0)
            return SFX_E_NOMEM;
    }
    if (sfx_buf_reserve(&keys->bytes, 1, err) < 0) /* a key of nothing has a place, too */
        return SFX_E_NOMEM;
    *key = sfx_slice("", keys->bytes.len - begin); /* the place is known when all are written */
    return 0;
}

static int put_keys(struct sfx_join_keys *keys, struct sfx_eval *ev, struct sfx_node *const *nodes,
                    size_t nnodes, const uint16_t *sel, uint32_t nsel, struct sfx_err *err)
{
    uint32_t i;
    int rc = 0;

    sfx_buf_clear(&keys->bytes);
    for (i = 0; i < nsel && rc == 0; i++) {
        keys->at[i] = keys->bytes.len;
        rc = put_key(keys, ev, nodes, nnodes, sel[i], &keys->key[i], err);
    }
    for (i = 0; i < nsel && rc == 0; i++) {
        if (keys->key[i].ptr != NULL)
            keys->key[i].ptr = keys->bytes.data + keys->at[i];
    }
    return rc;
}

int sfx_join_keys_make(struct sfx_join_keys *keys, struct sfx_eval *ev,
                       struct sfx_node *const *nodes, size_t nnodes, const uint16_t *sel,
                       uint32_t nsel, struct sfx_err *err)
{
    uint32_t i;

    if (nnodes == 1 && !sfx_type_in_nums(nodes[0]->vec->type)) {
        const struct sfx_cell *cells = nodes[0]->vec->cells;

        for (i = 0; i < nsel; i++)
            keys->key[i] = sfx_cell_is_blank(&cells[sel[i]])
                               ? sfx_slice(NULL, 0)
                               : sfx_eval_cell_text(ev, &cells[sel[i]]);
    } else {
        int rc = put_keys(keys, ev, nodes, nnodes, sel, nsel, err);

        if (rc < 0)
            return rc;
    }
    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    for (i = 0; i < nsel; i++)
        keys->hash[i] =
            keys->key[i].ptr != NULL ? sfx_hash64(keys->key[i].ptr, keys->key[i].len, 0) : 0;
    return 0;
}

void sfx_join_keys_done(struct sfx_join_keys *keys)
{
    sfx_buf_done(&keys->bytes);
}
