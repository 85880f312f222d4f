/* SPDX-License-Identifier: MIT */
/* Values as bytes: a tag, then a number's scale and digits, or a cell's spelling. */
#include "query/value_internal.h"

#include "value/float64.h"

#include <string.h>

/* tag, scale (or style), how many bytes of the integer, and those */
#define SLOT_NBYTES (2 + SFX_LENGTH_NBYTES + sizeof(sfx_int128))
#define CELL_NBYTES (4 + SFX_LENGTH_NBYTES) /* tag, kind and flags, dialect, length */
#define FLAGS_SHIFT 4

size_t sfx_value_max_nbytes(const struct sfx_vec *vec, uint32_t row)
{
    return sfx_type_in_nums(vec->type) ? SLOT_NBYTES : CELL_NBYTES + 2 + vec->cells[row].len;
}

static size_t put_slot(enum sfx_type type, const struct sfx_decimal *slot, unsigned char *out)
{
    sfx_int128 mant = slot->mant, sign = mant < 0 ? -1 : 0;
    unsigned char *at = out, *nbytes;

    *at++ = (unsigned char)type;
    at = sfx_put_length(at, slot->scale);
    nbytes = at++;
    do { /* the low bytes, until the rest is the sign */
        *at++ = (unsigned char)mant;
        mant >>= 8;
    } while (mant != sign || ((at[-1] & 0x80) != 0) != (sign != 0));
    *nbytes = (unsigned char)(at - nbytes - 1);
    return (size_t)(at - out);
}

size_t sfx_value_put(const struct sfx_vec *vec, uint32_t row, unsigned char *out)
{
    const struct sfx_cell *cell;
    struct sfx_slice bytes;
    unsigned char *at = out;

    if (sfx_type_in_nums(vec->type))
        return put_slot(vec->type, &vec->nums[row], out);
    cell = &vec->cells[row];
    bytes = sfx_cell_spelling(cell);
    *at++ = SFX_TYPE_CELL;
    *at++ = (unsigned char)(cell->kind | cell->flags << FLAGS_SHIFT);
    memcpy(at, &cell->dialect, 2);
    at = sfx_put_length(at + 2, (uint32_t)bytes.len);
    if (bytes.len > 0)
        memcpy(at, bytes.ptr, bytes.len);
    return (size_t)(at - out) + bytes.len;
}

enum sfx_type sfx_value_type(const unsigned char *at)
{
    return (enum sfx_type)at[0];
}

static const unsigned char *get_slot(const unsigned char *at, struct sfx_decimal *slot)
{
    sfx_int128 mant;
    size_t i, n;

    at = sfx_get_length(at + 1, &slot->scale);
    n = *at++;
    mant = (signed char)at[n - 1];
    for (i = n - 1; i-- > 0;)
        mant = (sfx_int128)((unsigned __int128)mant << 8) | at[i];
    slot->mant = mant;
    return at + n;
}

bool sfx_value_number(const unsigned char *at, struct sfx_decimal *out)
{
    if (sfx_value_type(at) != SFX_TYPE_NUMBER)
        return false;
    (void)get_slot(at, out);
    return true;
}

static const unsigned char *get_cell(const unsigned char *at, struct sfx_cell *cell)
{
    uint32_t len;

    cell->kind = at[1] & ((1 << FLAGS_SHIFT) - 1);
    cell->flags = at[1] >> FLAGS_SHIFT;
    memcpy(&cell->dialect, at + 2, 2);
    at = sfx_get_length(at + 4, &len);
    cell->ptr = (const char *)at;
    cell->len = len;
    if (cell->kind == SFX_CELL_JSON_STRING || (cell->flags & SFX_CELL_QUOTED)) {
        cell->ptr++;
        cell->len -= 2;
    }
    return at + len;
}

const unsigned char *sfx_value_end(const unsigned char *at)
{
    struct sfx_decimal slot;
    struct sfx_cell cell;

    return sfx_type_in_nums(sfx_value_type(at)) ? get_slot(at, &slot) : get_cell(at, &cell);
}

/* A slot as a cell. False: no memory for its text. */
static bool slot_cell(struct sfx_eval *ev, enum sfx_type type, const struct sfx_decimal *slot,
                      struct sfx_cell *cell)
{
    char *text = sfx_eval_text(ev, SFX_SLOT_TEXT_NBYTES);

    if (text == NULL)
        return false;
    *cell = sfx_cell_string(sfx_slice(text, sfx_slot_format(type, slot, text)));
    if (type != SFX_TYPE_TIME)
        cell->kind = SFX_CELL_NUMBER;
    return true;
}

const unsigned char *sfx_value_get(struct sfx_eval *ev, const unsigned char *at,
                                   struct sfx_vec *out, uint32_t row)
{
    enum sfx_type type = sfx_value_type(at);
    const unsigned char *end;
    struct sfx_decimal slot;
    struct sfx_cell cell;

    if (!sfx_type_in_nums(type)) {
        end = get_cell(at, &cell);
        if (sfx_type_in_nums(out->type))
            sfx_vec_set_null(out, row);
        else
            out->cells[row] = cell;
        return end;
    }
    end = get_slot(at, &slot);
    if (sfx_type_in_nums(out->type)) {
        out->nums[row] = out->type == SFX_TYPE_FLOAT && type == SFX_TYPE_NUMBER
                             ? sfx_float_slot(sfx_float_from_decimal(&slot))
                             : slot;
        out->flags[row] = 0;
        return end;
    }
    return slot_cell(ev, type, &slot, &out->cells[row]) ? end : NULL;
}

int sfx_value_sort_key(struct sfx_eval *ev, const unsigned char *at, struct sfx_buf *out,
                       struct sfx_err *err)
{
    struct sfx_decimal slot;
    struct sfx_cell cell;
    struct sfx_vec vec = {.type = sfx_value_type(at), .cells = &cell};
    struct sfx_slice text;
    uint8_t known = 0;

    if (sfx_type_in_nums(vec.type)) {
        (void)get_slot(at, &slot);
        vec.nums = &slot;
        vec.flags = &known;
    } else {
        (void)get_cell(at, &cell);
        if (cell.flags & SFX_CELL_ESCAPED) { /* not to the text arena, which grows */
            if (sfx_cell_text(&cell, &ev->scratch, &text, err) == SFX_E_NOMEM)
                return SFX_E_NOMEM;
            cell = sfx_cell_string(text);
        }
    }
    if (sfx_buf_reserve(out, sfx_sort_key_max_nbytes(&vec, 0), err) < 0)
        return SFX_E_NOMEM;
    out->len += sfx_sort_key_put(ev, &vec, 0, false, (unsigned char *)out->data + out->len);
    return 0;
}
