/* SPDX-License-Identifier: MIT */
/*
 * A column of a row group: a dictionary as long as values repeat, else the values as they are, and
 * the bounds that let readers pass over it.
 */
#include "archive/squeeze.h"
#include "base/hash.h"
#include "sink/parquet_internal.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS    256u
#define MAX_ENTRIES    65536u /* of a dictionary */
#define MAX_DICTIONARY (1u << 20)
#define TRIAL_VALUES   2048u /* after which a dictionary must have less than half as many entries */
#define MAX_BOUND      256u  /* bytes of a bound */
#define MIN_RUN        16u   /* equal indexes that are worth a run */

static const struct {
    uint32_t width; /* of a value; 0: a length stands before it */
} types[] = {[SFX_PARQUET_INT32] = {4},
             [SFX_PARQUET_INT64] = {8},
             [SFX_PARQUET_DOUBLE] = {8},
             [SFX_PARQUET_BYTES] = {0},
             [SFX_PARQUET_FIXED] = {SFX_PARQUET_FIXED_NBYTES}};

void sfx_parquet_column_reset(struct sfx_parquet_column *col)
{
    col->nrows = col->nnulls = col->nentries = 0;
    col->indexed = col->type != SFX_PARQUET_BOOLEAN;
    col->bounded = false;
    sfx_buf_clear(&col->present);
    sfx_buf_clear(&col->plain);
    sfx_buf_clear(&col->starts);
    sfx_buf_clear(&col->indexes);
    if (col->nslots > 0)
        memset(col->slots, 0, col->nslots * sizeof(*col->slots));
}

void sfx_parquet_column_done(struct sfx_parquet_column *col)
{
    sfx_buf_done(&col->present);
    sfx_buf_done(&col->plain);
    sfx_buf_done(&col->starts);
    sfx_buf_done(&col->indexes);
    sfx_buf_done(&col->least);
    sfx_buf_done(&col->greatest);
    free(col->slots);
}

size_t sfx_parquet_nbytes(const struct sfx_parquet_column *col)
{
    return col->present.len + col->plain.len + col->starts.len + col->indexes.len;
}

/* --- bounds ---------------------------------------------------------------------------------- */

static int compare(enum sfx_parquet_type type, const void *a, size_t alen, const void *b,
                   size_t blen)
{
    int64_t x = 0, y = 0;
    double p, q;
    int32_t s, t;
    int order;

    switch (type) {
    case SFX_PARQUET_INT32:
        memcpy(&s, a, sizeof(s));
        memcpy(&t, b, sizeof(t));
        return (s > t) - (s < t);
    case SFX_PARQUET_INT64:
        memcpy(&x, a, sizeof(x));
        memcpy(&y, b, sizeof(y));
        return (x > y) - (x < y);
    case SFX_PARQUET_DOUBLE:
        memcpy(&p, a, sizeof(p));
        memcpy(&q, b, sizeof(q));
        return (p > q) - (p < q);
    case SFX_PARQUET_FIXED: /* two's complement, big end first: the sign decides */
        order = (*(const signed char *)a > *(const signed char *)b) -
                (*(const signed char *)a < *(const signed char *)b);
        return order != 0 ? order : memcmp(a, b, SFX_PARQUET_FIXED_NBYTES);
    case SFX_PARQUET_BOOLEAN:
    case SFX_PARQUET_BYTES: break;
    }
    order = memcmp(a, b, alen < blen ? alen : blen);
    return order != 0 ? order : (alen > blen) - (alen < blen);
}

static int set_bound(struct sfx_buf *bound, const void *ptr, size_t len, struct sfx_err *err)
{
    sfx_buf_clear(bound);
    return sfx_buf_append(bound, ptr, len, err);
}

/* Widens the bounds to the value. */
static int bound(struct sfx_parquet_column *col, const void *ptr, size_t len, struct sfx_err *err)
{
    struct sfx_buf *least = &col->least, *greatest = &col->greatest;
    int rc = 0;

    if (!col->bounded) {
        col->bounded = true;
        rc = set_bound(least, ptr, len, err);
        return rc == 0 ? set_bound(greatest, ptr, len, err) : rc;
    }
    if (compare(col->type, ptr, len, least->data, least->len) < 0)
        rc = set_bound(least, ptr, len, err);
    else if (compare(col->type, ptr, len, greatest->data, greatest->len) > 0)
        rc = set_bound(greatest, ptr, len, err);
    return rc;
}

/* A zero has two signs, and readers may take either for the other. */
static void finish_bounds(struct sfx_parquet_column *col)
{
    double value;

    if (col->least.len > MAX_BOUND || col->greatest.len > MAX_BOUND)
        col->bounded = false;
    if (!col->bounded || col->type != SFX_PARQUET_DOUBLE)
        return;
    memcpy(&value, col->least.data, sizeof(value));
    if (value == 0)
        col->least.data[7] = (char)0x80;
    memcpy(&value, col->greatest.data, sizeof(value));
    if (value == 0)
        col->greatest.data[7] = 0;
}

/* --- values ---------------------------------------------------------------------------------- */

static int put_plain(struct sfx_parquet_column *col, const void *ptr, size_t len,
                     struct sfx_err *err)
{
    const uint32_t prefix = (uint32_t)len;
    int rc = 0;

    if (col->type == SFX_PARQUET_BYTES)
        rc = sfx_buf_append(&col->plain, &prefix, sizeof(prefix), err);
    return rc == 0 ? sfx_buf_append(&col->plain, ptr, len, err) : rc;
}

/* The entry's value in plain. */
static const char *entry_at(const struct sfx_parquet_column *col, uint32_t entry, size_t *len)
{
    const char *at;
    uint32_t start, prefix;

    memcpy(&start, col->starts.data + (size_t)entry * sizeof(start), sizeof(start));
    at = col->plain.data + start;
    *len = types[col->type].width;
    if (col->type != SFX_PARQUET_BYTES)
        return at;
    memcpy(&prefix, at, sizeof(prefix));
    *len = prefix;
    return at + sizeof(prefix);
}

static uint64_t hash(const struct sfx_parquet_column *col, const void *ptr, size_t len)
{
    uint64_t value;

    if (types[col->type].width != 8)
        return sfx_hash64(ptr, len, 0);
    memcpy(&value, ptr, sizeof(value));
    return sfx_hash64_mix(value);
}

/* The slot of the value, or the empty one for it. */
static uint32_t *find_slot(const struct sfx_parquet_column *col, const void *ptr, size_t len)
{
    uint32_t at = (uint32_t)hash(col, ptr, len) & (col->nslots - 1);
    const char *known;
    size_t known_len;

    for (; col->slots[at] != 0; at = (at + 1) & (col->nslots - 1)) {
        known = entry_at(col, col->slots[at] - 1, &known_len);
        if (known_len == len && memcmp(known, ptr, len) == 0)
            break;
    }
    return &col->slots[at];
}

/* Keeps half of the slots empty. */
static int reserve(struct sfx_parquet_column *col, struct sfx_err *err)
{
    const uint32_t wanted = col->nslots > 0 ? col->nslots * 2 : FIRST_SLOTS;
    uint32_t i;

    if (col->nentries < col->nslots / 2)
        return 0;
    free(col->slots);
    col->slots = calloc(wanted, sizeof(*col->slots));
    col->nslots = col->slots != NULL ? wanted : 0;
    if (col->slots == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a dictionary");
    for (i = 0; i < col->nentries; i++) {
        size_t len;
        const char *ptr = entry_at(col, i, &len);

        *find_slot(col, ptr, len) = i + 1;
    }
    return 0;
}

/* The dictionary does not pay: all rows so far get their values. */
static int leave_dictionary(struct sfx_parquet_column *col, struct sfx_err *err)
{
    const size_t n = col->indexes.len / sizeof(uint32_t);
    struct sfx_buf entries = col->plain;
    struct sfx_parquet_column old = *col;
    uint32_t index;
    size_t i, len;
    int rc = 0;

    col->plain = (struct sfx_buf){0};
    col->indexed = false;
    for (i = 0; rc == 0 && i < n; i++) {
        const char *ptr;

        memcpy(&index, old.indexes.data + i * sizeof(index), sizeof(index));
        ptr = entry_at(&old, index, &len);
        rc = put_plain(col, ptr, len, err);
    }
    sfx_buf_done(&entries);
    sfx_buf_clear(&col->indexes);
    sfx_buf_clear(&col->starts);
    return rc;
}

static bool pays(const struct sfx_parquet_column *col)
{
    const size_t nvalues = col->indexes.len / sizeof(uint32_t);

    return col->nentries < MAX_ENTRIES && col->plain.len < MAX_DICTIONARY &&
           (nvalues != TRIAL_VALUES || col->nentries < TRIAL_VALUES / 2);
}

static int add_indexed(struct sfx_parquet_column *col, const void *ptr, size_t len,
                       struct sfx_err *err)
{
    const uint32_t start = (uint32_t)col->plain.len;
    uint32_t *slot, index;
    int rc = reserve(col, err);

    if (rc < 0)
        return rc;
    slot = find_slot(col, ptr, len);
    if (*slot == 0) {
        rc = sfx_buf_append(&col->starts, &start, sizeof(start), err);
        if (rc == 0)
            rc = put_plain(col, ptr, len, err);
        if (rc == 0)
            rc = bound(col, ptr, len, err);
        if (rc < 0)
            return rc;
        *slot = ++col->nentries;
    }
    index = *slot - 1;
    rc = sfx_buf_append(&col->indexes, &index, sizeof(index), err);
    return rc == 0 && !pays(col) ? leave_dictionary(col, err) : rc;
}

/* Bit n of bits becomes on. */
static int put_bit(struct sfx_buf *bits, uint32_t n, bool on, struct sfx_err *err)
{
    int rc = n % 8 == 0 ? sfx_buf_putc(bits, 0, err) : 0;

    if (rc == 0 && on)
        bits->data[n / 8] = (char)(bits->data[n / 8] | 1 << n % 8);
    return rc;
}

int sfx_parquet_add(struct sfx_parquet_column *col, const struct sfx_parquet_value *value,
                    struct sfx_err *err)
{
    int rc = put_bit(&col->present, col->nrows, !value->null, err);

    if (rc < 0)
        return rc;
    col->nrows++;
    col->nnulls += value->null;
    if (value->null)
        return 0;
    if (col->indexed)
        return add_indexed(col, value->ptr, value->len, err);
    rc = bound(col, value->ptr, value->len, err);
    if (rc == 0 && col->type == SFX_PARQUET_BOOLEAN)
        return put_bit(&col->plain, col->nrows - col->nnulls - 1, *(const char *)value->ptr != 0,
                       err);
    return rc == 0 ? put_plain(col, value->ptr, value->len, err) : rc;
}

/* --- pages ----------------------------------------------------------------------------------- */

static int put_varint(struct sfx_buf *out, uint32_t n, struct sfx_err *err)
{
    int rc = 0;

    for (; rc == 0 && n >= 0x80; n >>= 7)
        rc = sfx_buf_putc(out, (char)((n & 0x7f) | 0x80), err);
    return rc == 0 ? sfx_buf_putc(out, (char)n, err) : rc;
}

/* The definition levels: 1 where there is a value, packed, or one run of all rows. */
static int put_levels(const struct sfx_parquet_column *col, struct sfx_buf *body,
                      struct sfx_err *err)
{
    const size_t at = body->len;
    const uint32_t none = 0;
    uint32_t nbytes;
    int rc;

    if (col->column->not_null)
        return 0;
    rc = sfx_buf_append(body, &none, sizeof(none), err);
    if (rc == 0 && (col->nnulls == 0 || col->nnulls == col->nrows)) {
        rc = put_varint(body, col->nrows << 1, err);
        if (rc == 0)
            rc = sfx_buf_putc(body, col->nnulls == 0, err);
    } else if (rc == 0) {
        rc = put_varint(body, (uint32_t)col->present.len << 1 | 1, err);
        if (rc == 0)
            rc = sfx_buf_append(body, col->present.data, col->present.len, err);
    }
    nbytes = (uint32_t)(body->len - at - sizeof(nbytes));
    if (rc == 0)
        memcpy(body->data + at, &nbytes, sizeof(nbytes));
    return rc;
}

/* n indexes in groups of eight, each of width bits; those that lack are 0. */
static int put_packed(const uint32_t *indexes, size_t n, unsigned width, struct sfx_buf *body,
                      struct sfx_err *err)
{
    const size_t ngroups = (n + 7) / 8;
    uint64_t bits = 0;
    unsigned nbits = 0;
    unsigned char *at;
    size_t i;
    int rc;

    if (n == 0)
        return 0;
    rc = put_varint(body, (uint32_t)ngroups << 1 | 1, err);
    if (rc == 0)
        rc = sfx_buf_reserve(body, ngroups * width, err);
    if (rc < 0)
        return rc;
    at = (unsigned char *)body->data + body->len;
    for (i = 0; i < ngroups * 8; i++) {
        bits |= (uint64_t)(i < n ? indexes[i] : 0) << nbits;
        for (nbits += width; nbits >= 8; nbits -= 8) {
            *at++ = (unsigned char)bits;
            bits >>= 8;
        }
    }
    body->len += ngroups * width;
    return 0;
}

static int put_run(uint32_t index, size_t n, unsigned width, struct sfx_buf *body,
                   struct sfx_err *err)
{
    int rc = put_varint(body, (uint32_t)n << 1, err);
    unsigned bits;

    for (bits = 0; rc == 0 && bits < width; bits += 8)
        rc = sfx_buf_putc(body, (char)(index >> bits), err);
    return rc;
}

static int put_indexes(const struct sfx_parquet_column *col, struct sfx_buf *body,
                       struct sfx_err *err)
{
    const uint32_t *all = (const uint32_t *)(const void *)col->indexes.data;
    const size_t n = col->indexes.len / sizeof(*all);
    size_t from = 0, at = 0, end;
    unsigned width = 1;
    int rc;

    while (width < 32 && col->nentries > 1u << width)
        width++;
    rc = sfx_buf_putc(body, (char)width, err);
    while (rc == 0 && at < n) {
        for (end = at + 1; end < n && all[end] == all[at]; end++)
            ;
        /* What is packed goes on to a full group, so a run begins behind one. */
        if (end - at < MIN_RUN) {
            at = from + (end - from + 7) / 8 * 8;
            continue;
        }
        rc = put_packed(all + from, at - from, width, body, err);
        if (rc == 0)
            rc = put_run(all[at], end - at, width, body, err);
        from = at = end;
    }
    return rc == 0 ? put_packed(all + from, n - from, width, body, err) : rc;
}

static int put_page(struct sfx_slice body, bool dictionary, uint32_t nvalues, int encoding,
                    struct sfx_buf *work, struct sfx_buf *out, struct sfx_parquet_chunk *chunk,
                    struct sfx_err *err)
{
    const size_t at = out->len;
    size_t header;
    int rc;

    sfx_buf_clear(work);
    rc = sfx_squeeze("zstd", body, work, err);
    if (rc == 0)
        rc = sfx_parquet_page_header(out, dictionary, body.len, work->len, nvalues, encoding, err);
    header = out->len - at;
    if (rc == 0)
        rc = sfx_buf_append(out, work->data, work->len, err);
    chunk->plain_nbytes += (int64_t)(header + body.len);
    chunk->packed_nbytes += (int64_t)(out->len - at);
    return rc;
}

int sfx_parquet_pages(struct sfx_parquet_column *col, int64_t at, struct sfx_buf *body,
                      struct sfx_buf *work, struct sfx_buf *out, struct sfx_parquet_chunk *chunk,
                      struct sfx_err *err)
{
    const bool indexed = col->indexed && col->nentries > 0;
    int rc = 0;

    *chunk = (struct sfx_parquet_chunk){0};
    if (indexed) {
        chunk->dictionary_at = at;
        rc = put_page(sfx_buf_slice(&col->plain), true, col->nentries, SFX_PARQUET_PLAIN, work, out,
                      chunk, err);
    }
    chunk->data_at = at + chunk->packed_nbytes;
    finish_bounds(col);
    sfx_buf_clear(body);
    if (rc == 0)
        rc = put_levels(col, body, err);
    if (rc == 0)
        rc = indexed ? put_indexes(col, body, err)
                     : sfx_buf_append(body, col->plain.data, col->plain.len, err);
    if (rc == 0)
        rc = put_page(sfx_buf_slice(body), false, col->nrows,
                      indexed ? SFX_PARQUET_DICTIONARY : SFX_PARQUET_PLAIN, work, out, chunk, err);
    return rc;
}
