/* SPDX-License-Identifier: MIT */
/* Canonical keys: bytes that are equal for what counts as equal, and back to values. */
#include "query/keyset_internal.h"

#include "base/hash.h"

#include <string.h>

/* What the bytes of a key's column are. */
enum key_class {
    CLASS_NULL,
    CLASS_TEXT,
    CLASS_NUMBER_TEXT,
    CLASS_BOOL,
    CLASS_NESTED,
    CLASS_DECIMAL,
    CLASS_TIME,
    CLASS_FLOAT
};

#define DECIMAL_NBYTES (sizeof(sfx_int128) + sizeof(uint32_t))     /* the most that a slot takes */
#define HEAD_NBYTES    (SFX_LENGTH_NBYTES + 1 + SFX_LENGTH_NBYTES) /* id, class, length */

static enum key_class class_of(const struct sfx_cell *cell)
{
    switch (cell->kind) {
    case SFX_CELL_MISSING:
    case SFX_CELL_NULL: return CLASS_NULL;
    case SFX_CELL_JSON_NUMBER:
    case SFX_CELL_NUMBER: return CLASS_NUMBER_TEXT;
    case SFX_CELL_JSON_BOOL:
    case SFX_CELL_BOOL: return CLASS_BOOL;
    case SFX_CELL_JSON_NESTED: return CLASS_NESTED;
    default: return CLASS_TEXT;
    }
}

/* Equal values have equal bytes: a decimal is without trailing zeros, a time without its style. */
static struct sfx_slice slot_bytes(enum sfx_type type, const struct sfx_decimal *slot,
                                   char scratch[DECIMAL_NBYTES], enum key_class *class)
{
    struct sfx_decimal value = *slot;

    *class = type == SFX_TYPE_TIME    ? CLASS_TIME
             : type == SFX_TYPE_FLOAT ? CLASS_FLOAT
                                      : CLASS_DECIMAL;
    if (type == SFX_TYPE_NUMBER)
        sfx_decimal_trim(&value, 0);
    memcpy(scratch, &value.mant, sizeof(value.mant));
    if (type != SFX_TYPE_NUMBER)
        return sfx_slice(scratch, sizeof(value.mant));
    memcpy(scratch + sizeof(value.mant), &value.scale, sizeof(value.scale));
    return sfx_slice(scratch, DECIMAL_NBYTES);
}

/* The bytes that stand for a value: those of slots are made in scratch. */
static struct sfx_slice key_bytes(struct sfx_eval *ev, const struct sfx_vec *vec, uint32_t row,
                                  char scratch[DECIMAL_NBYTES], enum key_class *class)
{
    if (!sfx_type_in_nums(vec->type)) {
        const struct sfx_cell *cell = &vec->cells[row];

        *class = class_of(cell);
        return *class != CLASS_NULL ? sfx_eval_cell_text(ev, cell) : sfx_slice(NULL, 0);
    }
    *class = CLASS_NULL;
    if (vec->flags[row])
        return sfx_slice(NULL, 0);
    return slot_bytes(vec->type, &vec->nums[row], scratch, class);
}

static int put_row(struct sfx_buf *out, struct sfx_eval *ev, struct sfx_vec *const *cols,
                   const uint32_t *ids, size_t ncols, uint32_t row, struct sfx_err *err)
{
    char scratch[DECIMAL_NBYTES];
    enum key_class class;
    unsigned char *at;
    size_t c;

    for (c = 0; c < ncols; c++) {
        struct sfx_slice bytes = key_bytes(ev, cols[c], row, scratch, &class);

        if (ids != NULL && class == CLASS_NULL)
            continue;
        if (sfx_buf_reserve(out, HEAD_NBYTES + bytes.len, err) < 0)
            return SFX_E_NOMEM;
        at = (unsigned char *)out->data + out->len;
        if (ids != NULL)
            at = sfx_put_length(at, ids[c]);
        *at++ = (unsigned char)class;
        at = sfx_put_length(at, (uint32_t)bytes.len);
        if (bytes.len > 0)
            memcpy(at, bytes.ptr, bytes.len);
        out->len = (size_t)((char *)at - out->data) + bytes.len;
    }
    return 0;
}

int sfx_keys_make(struct sfx_keys *keys, struct sfx_eval *ev, struct sfx_vec *const *cols,
                  const uint32_t *ids, size_t ncols, const uint16_t *sel, uint32_t nsel,
                  struct sfx_err *err)
{
    uint32_t i;
    size_t c;

    for (c = 0; c < ncols; c++) {
        if (cols[c]->type == SFX_TYPE_BOOL)
            sfx_vec_make_cells(ev, cols[c], sel, nsel);
    }
    sfx_buf_clear(&keys->bytes);
    if (sfx_buf_reserve(&keys->bytes, 1, err) < 0) /* keys of no columns have a place, too */
        return SFX_E_NOMEM;
    for (i = 0; i < nsel; i++) {
        size_t begin = keys->bytes.len;
        int rc = put_row(&keys->bytes, ev, cols, ids, ncols, sel[i], err);

        if (rc < 0)
            return rc;
        if (keys->bytes.len > UINT32_MAX)
            return sfx_err_set(err, SFX_E_LIMIT, "keys of more than 4 GiB");
        keys->ends[i] = (uint32_t)keys->bytes.len;
        keys->hashes[i] = sfx_hash64(keys->bytes.data + begin, keys->bytes.len - begin, 0);
    }
    return 0;
}

void sfx_keys_done(struct sfx_keys *keys)
{
    sfx_buf_done(&keys->bytes);
}

/* A slot written as the key's first appearance was: a decimal with at least `scale` digits, a time
 * in the style `scale`. */
static struct sfx_decimal decode_slot(enum key_class class, const unsigned char *bytes,
                                      uint32_t scale)
{
    struct sfx_decimal value = {0}, spelled;

    memcpy(&value.mant, bytes, sizeof(value.mant));
    if (class != CLASS_DECIMAL) {
        value.scale = class == CLASS_TIME ? scale : 0;
        return value;
    }
    memcpy(&value.scale, bytes + sizeof(value.mant), sizeof(value.scale));
    if (scale > value.scale &&
        sfx_decimal_round(&value, (int)scale, SFX_ROUND_HALF_AWAY, &spelled) == SFX_DECIMAL_OK)
        return spelled;
    return value;
}

int sfx_key_decode(struct sfx_eval *ev, const unsigned char **at, uint32_t scale,
                   struct sfx_vec *out, uint32_t row)
{
    static const uint8_t kinds[] = {
        [CLASS_NULL] = SFX_CELL_NULL,
        [CLASS_TEXT] = SFX_CELL_STRING,
        [CLASS_NUMBER_TEXT] = SFX_CELL_JSON_NUMBER,
        [CLASS_BOOL] = SFX_CELL_BOOL,
        [CLASS_NESTED] = SFX_CELL_JSON_NESTED,
        [CLASS_DECIMAL] = SFX_CELL_NUMBER,
        [CLASS_TIME] = SFX_CELL_STRING,
        [CLASS_FLOAT] = SFX_CELL_NUMBER,
    };
    static const enum sfx_type types[] = {
        [CLASS_DECIMAL] = SFX_TYPE_NUMBER,
        [CLASS_TIME] = SFX_TYPE_TIME,
        [CLASS_FLOAT] = SFX_TYPE_FLOAT,
    };
    enum key_class class = (enum key_class) * (*at)++;
    struct sfx_decimal slot;
    const char *bytes;
    uint32_t len;

    *at = sfx_get_length(*at, &len);
    bytes = (const char *)*at;
    *at += len;
    if (class >= CLASS_DECIMAL) {
        slot = decode_slot(class, (const unsigned char *)bytes, scale);
        if (out->type == types[class]) {
            out->nums[row] = slot;
            out->flags[row] = 0;
            return 0;
        }
        char *text = sfx_eval_text(ev, SFX_SLOT_TEXT_NBYTES);

        if (text == NULL)
            return SFX_E_NOMEM;
        len = (uint32_t)sfx_slot_format(types[class], &slot, text);
        bytes = text;
    }
    if (sfx_type_in_nums(out->type)) {
        sfx_vec_set_null(out, row);
        return 0;
    }
    out->cells[row] = (struct sfx_cell){bytes, len, kinds[class], 0, 0};
    return 0;
}
