/* SPDX-License-Identifier: MIT */
/* Keys to bytes; a radix sort over their first 8 bytes, and merge sort where those are equal. */
#include "query/sort_key_internal.h"

#include <string.h>

/* First bytes: values begin below, so that nulls come last whatever the direction. */
#define KEY_TEXT 0x01
#define KEY_NULL 0xFF

size_t sfx_sort_key_max_nbytes(const struct sfx_vec *vec, uint32_t row)
{
    if (sfx_type_in_nums(vec->type))
        return SFX_DECIMAL_KEY_NBYTES; /* the longest of them */
    if (vec->type == SFX_TYPE_BOOL)
        return 1;
    return 3 + 2 * (size_t)vec->cells[row].len; /* unescaped text is never longer than escaped */
}

/* Text: a zero byte becomes 00 FF and 00 00 ends it, so that a shorter text comes first. */
static size_t put_text(struct sfx_slice text, unsigned char flip, unsigned char *out)
{
    unsigned char *at = out;
    size_t i;

    *at++ = KEY_TEXT;
    for (i = 0; i < text.len; i++) {
        *at++ = (unsigned char)text.ptr[i] ^ flip;
        if (text.ptr[i] == '\0')
            *at++ = 0xFF ^ flip;
    }
    *at++ = flip;
    *at++ = flip;
    return (size_t)(at - out);
}

/* Nanoseconds of the years 0 to 9999 are within ±2^69: biased, they take 70 bits of 9 bytes. */
#define TIME_KEY_NBYTES 9

static size_t put_time(sfx_int128 ns, unsigned char *out)
{
    unsigned __int128 biased = (unsigned __int128)(ns + ((sfx_int128)1 << 69));
    int i;

    for (i = TIME_KEY_NBYTES; i-- > 0; biased >>= 8)
        out[i] = (unsigned char)biased;
    out[0] |= 0x40; /* inside what numbers begin with */
    return TIME_KEY_NBYTES;
}

static size_t put_slot(enum sfx_type type, const struct sfx_decimal *slot, unsigned char *out)
{
    switch (type) {
    case SFX_TYPE_TIME: return put_time(slot->mant, out);
    case SFX_TYPE_FLOAT: return sfx_float_key(sfx_slot_float(slot), out);
    default: return sfx_decimal_key(slot, out);
    }
}

size_t sfx_sort_key_put(struct sfx_eval *ev, const struct sfx_vec *vec, uint32_t row, bool minus,
                        unsigned char *out)
{
    unsigned char flip = minus ? 0xFF : 0;
    size_t len, i;

    if (sfx_vec_is_null(vec, row)) {
        *out = KEY_NULL;
        return 1;
    }
    if (vec->type == SFX_TYPE_BOOL) {
        *out = KEY_TEXT + (vec->flags[row] != minus);
        return 1;
    }
    if (!sfx_type_in_nums(vec->type))
        return put_text(sfx_eval_cell_text(ev, &vec->cells[row]), flip, out);
    len = put_slot(vec->type, &vec->nums[row], out);
    for (i = 0; minus && i < len; i++)
        out[i] ^= 0xFF;
    return len;
}

struct sfx_sort_item sfx_sort_item(unsigned char *record)
{
    uint32_t len = sfx_record_key_nbytes(record);
    uint64_t prefix = 0;

    memcpy(&prefix, record + SFX_RECORD_HEAD_NBYTES, len < 8 ? len : 8);
    return (struct sfx_sort_item){__builtin_bswap64(prefix), record};
}

static int cmp_rest(const struct sfx_sort_item *a, const struct sfx_sort_item *b)
{
    uint32_t an = sfx_record_key_nbytes(a->record), bn = sfx_record_key_nbytes(b->record);
    uint32_t n = an < bn ? an : bn;
    int order = memcmp(a->record + SFX_RECORD_HEAD_NBYTES, b->record + SFX_RECORD_HEAD_NBYTES, n);

    return order != 0 ? order : (an > bn) - (an < bn);
}

int sfx_sort_item_cmp(const struct sfx_sort_item *a, const struct sfx_sort_item *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return cmp_rest(a, b);
}

/* Merges the sorted halves from[0 … mid) and from[mid … n) to `to`. */
static void merge(const struct sfx_sort_item *from, size_t mid, size_t n, struct sfx_sort_item *to)
{
    size_t a = 0, b = mid;

    while (a < mid && b < n) {
        bool left = sfx_sort_item_cmp(&from[a], &from[b]) <= 0;

        *to++ = left ? from[a++] : from[b++];
    }
    memcpy(to, from + a, (mid - a) * sizeof(*to));
    memcpy(to + (mid - a), from + b, (n - b) * sizeof(*to));
}

/* Bottom-up merge sort; the result is in items. */
static void merge_sort(struct sfx_sort_item *items, struct sfx_sort_item *spare, size_t n)
{
    struct sfx_sort_item *from = items, *to = spare, *swap;
    size_t width, at;

    for (width = 1; width < n; width *= 2) {
        for (at = 0; at < n; at += 2 * width) {
            size_t rest = n - at, mid = width < rest ? width : rest;

            merge(from + at, mid, 2 * width < rest ? 2 * width : rest, to + at);
        }
        swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * sizeof(*items));
}

static bool is_sorted(const struct sfx_sort_item *items, size_t n)
{
    size_t i;

    for (i = 1; i < n; i++) {
        if (sfx_sort_item_cmp(&items[i - 1], &items[i]) > 0)
            return false;
    }
    return true;
}

/* Runs of equal prefixes, by the rest of their keys. */
static void sort_ties(struct sfx_sort_item *items, struct sfx_sort_item *spare, size_t n)
{
    size_t begin, end;

    for (begin = 0; begin < n; begin = end) {
        for (end = begin + 1; end < n && items[end].prefix == items[begin].prefix; end++)
            ;
        if (end - begin > 1 && !is_sorted(items + begin, end - begin))
            merge_sort(items + begin, spare, end - begin);
    }
}

/* One stable pass over the byte at shift; false when all items have the same one. */
static bool radix_pass(const struct sfx_sort_item *from, struct sfx_sort_item *to, size_t n,
                       unsigned shift, size_t counts[256])
{
    size_t at = 0, i;
    unsigned digit;

    if (counts[from[0].prefix >> shift & 255] == n)
        return false;
    for (digit = 0; digit < 256; digit++) {
        size_t count = counts[digit];

        counts[digit] = at;
        at += count;
    }
    for (i = 0; i < n; i++)
        to[counts[from[i].prefix >> shift & 255]++] = from[i];
    return true;
}

#define RADIX_MIN 512 /* below, clearing the counts costs more than comparing */

void sfx_sort_items(struct sfx_sort_item *items, struct sfx_sort_item *spare, size_t n,
                    bool long_keys)
{
    struct sfx_sort_item *from = items, *to = spare, *swap;
    size_t counts[8][256], i;
    unsigned byte;

    if (n < RADIX_MIN) {
        merge_sort(items, spare, n);
        return;
    }
    memset(counts, 0, sizeof(counts));
    for (i = 0; i < n; i++) {
        for (byte = 0; byte < 8; byte++)
            counts[byte][items[i].prefix >> (8 * byte) & 255]++;
    }
    for (byte = 0; byte < 8; byte++) {
        if (!radix_pass(from, to, n, 8 * byte, counts[byte]))
            continue;
        swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * sizeof(*items));
    if (long_keys)
        sort_ties(items, spare, n);
}
