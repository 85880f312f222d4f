/* SPDX-License-Identifier: MIT */
/*
 * How COPY spells rows: binary, so that the server need not parse (PostgreSQL's manual, COPY, "File
 * Formats"; the values as its *recv functions read them), or text where a column's type is not
 * known here.
 */
#include "sink/postgres_internal.h"

#include <endian.h>
#include <string.h>

/* From 1970-01-01 to 2000-01-01, where the server's days begin. */
#define DAYS_1970_2000 10957
#define NS_PER_US      1000

static char *room(struct sfx_buf *rows, size_t nbytes, struct sfx_err *err)
{
    char *at;

    if (sfx_buf_reserve(rows, nbytes, err) < 0)
        return NULL;
    at = rows->data + rows->len;
    rows->len += nbytes;
    return at;
}

/* A value of nbytes behind its length, high byte first. */
static int put_fixed(struct sfx_buf *rows, uint64_t value, uint32_t nbytes, struct sfx_err *err)
{
    const uint32_t len = htobe32(nbytes);
    const uint64_t big = htobe64(value);
    char *at = room(rows, sizeof(len) + nbytes, err);

    if (at == NULL)
        return SFX_E_NOMEM;
    memcpy(at, &len, sizeof(len));
    memcpy(at + sizeof(len), (const char *)&big + sizeof(big) - nbytes, nbytes);
    return 0;
}

static int put_bytes(struct sfx_buf *rows, const char *prefix, size_t nprefix,
                     struct sfx_slice text, struct sfx_err *err)
{
    const uint32_t len = htobe32((uint32_t)(text.len + nprefix));
    char *at = room(rows, sizeof(len) + nprefix + text.len, err);

    if (at == NULL)
        return SFX_E_NOMEM;
    memcpy(at, &len, sizeof(len));
    memcpy(at + sizeof(len), prefix, nprefix);
    if (text.len > 0)
        memcpy(at + sizeof(len) + nprefix, text.ptr, text.len);
    return 0;
}

static int put_double(struct sfx_buf *rows, double value, bool single, struct sfx_err *err)
{
    uint64_t bits = 0;
    const float narrow = (float)value;
    uint32_t narrow_bits;

    memcpy(&narrow_bits, &narrow, sizeof(narrow_bits));
    memcpy(&bits, &value, sizeof(bits));
    return single ? put_fixed(rows, narrow_bits, 4, err) : put_fixed(rows, bits, 8, err);
}

/* The digit at a place from the first one on, the point passed over; 0 before and behind them. */
static unsigned digit_at(const char *first, const char *end, size_t whole, ptrdiff_t place)
{
    const size_t at = (size_t)place + (place >= (ptrdiff_t)whole);

    return place >= 0 && at < (size_t)(end - first) ? (unsigned)(first[at] - '0') : 0;
}

/*
 * A decimal in groups of four digits: how many, the first one's power of 10000, the sign, the
 * digits behind the point, the groups (numeric_recv). text is a plain decimal.
 */
static int put_numeric(struct sfx_buf *rows, struct sfx_slice text, struct sfx_err *err)
{
    const bool negative = text.ptr[0] == '-';
    const char *first = text.ptr + negative, *end = text.ptr + text.len;
    const char *point = memchr(first, '.', (size_t)(end - first));
    const size_t whole = (size_t)((point != NULL ? point : end) - first);
    const size_t fraction = point != NULL ? (size_t)(end - point - 1) : 0;
    const size_t ngroups = (whole + 3) / 4 + (fraction + 3) / 4;
    const ptrdiff_t pad = (ptrdiff_t)((4 - whole % 4) % 4); /* the first group's zeros */
    size_t start = rows->len, i, skip = ngroups, last = 0;
    uint16_t head[4], group;
    uint32_t len;
    char *at = room(rows, sizeof(len) + sizeof(head) + 2 * ngroups, err);

    if (at == NULL)
        return SFX_E_NOMEM;
    at += sizeof(len) + sizeof(head);
    for (i = 0; i < ngroups; i++) {
        unsigned value = 0, k;

        for (k = 0; k < 4; k++)
            value = value * 10 + digit_at(first, end, whole, (ptrdiff_t)(4 * i + k) - pad);
        group = htobe16((uint16_t)value);
        memcpy(at + 2 * i, &group, 2);
        if (value != 0) {
            skip = skip == ngroups ? i : skip;
            last = i + 1;
        }
    }
    /* Groups of zeros at either end are not sent. */
    if (last == 0)
        skip = 0;
    memmove(at, at + 2 * skip, 2 * (last - skip));
    rows->len = start + sizeof(len) + sizeof(head) + 2 * (last - skip);
    head[0] = htobe16((uint16_t)(last - skip));
    head[1] = htobe16((uint16_t)(last == 0 ? 0 : (ptrdiff_t)((whole + 3) / 4 - skip) - 1));
    head[2] = htobe16(negative ? 0x4000 : 0);
    head[3] = htobe16((uint16_t)fraction);
    len = htobe32((uint32_t)(sizeof(head) + 2 * (last - skip)));
    memcpy(rows->data + start, &len, sizeof(len));
    memcpy(rows->data + start + sizeof(len), head, sizeof(head));
    return 0;
}

static int put_time(struct sfx_buf *rows, const struct sfx_ddl_column *col,
                    const struct sfx_timestamp *t, struct sfx_err *err)
{
    const sfx_int128 since = t->ns - DAYS_1970_2000 * SFX_NS_PER_DAY;

    if (col->class == SFX_POSTGRES_DATE)
        return put_fixed(rows, (uint64_t)(int64_t)(since / SFX_NS_PER_DAY), 4, err);
    return put_fixed(rows, (uint64_t)(int64_t)(since / NS_PER_US), 8, err);
}

static int put_binary(struct sfx_buf *rows, const struct sfx_ddl_column *col,
                      const struct sfx_postgres_value *v, struct sfx_err *err)
{
    static const uint32_t null_len = UINT32_MAX;

    if (v->null)
        return sfx_buf_append(rows, &null_len, sizeof(null_len), err);
    switch ((enum sfx_postgres_class)col->class) {
    case SFX_POSTGRES_BOOL: return put_fixed(rows, v->boolean, 1, err);
    case SFX_POSTGRES_INT2: return put_fixed(rows, (uint64_t)v->integer, 2, err);
    case SFX_POSTGRES_INT4: return put_fixed(rows, (uint64_t)v->integer, 4, err);
    case SFX_POSTGRES_INT8: return put_fixed(rows, (uint64_t)v->integer, 8, err);
    case SFX_POSTGRES_FLOAT4: return put_double(rows, v->real, true, err);
    case SFX_POSTGRES_FLOAT8: return put_double(rows, v->real, false, err);
    case SFX_POSTGRES_NUMERIC: return put_numeric(rows, v->text, err);
    case SFX_POSTGRES_DATE:
    case SFX_POSTGRES_TIMESTAMP:
    case SFX_POSTGRES_TIMESTAMPTZ: return put_time(rows, col, &v->time, err);
    case SFX_POSTGRES_JSONB: return put_bytes(rows, "\1", 1, v->text, err); /* its version */
    case SFX_POSTGRES_TEXT:
    case SFX_POSTGRES_JSON:
    case SFX_POSTGRES_BYTEA:
    case SFX_POSTGRES_OTHER: return put_bytes(rows, "", 0, v->text, err);
    }
    return 0;
}

/* What COPY's text would take for something else stands behind a backslash. */
static int put_escaped(struct sfx_buf *rows, struct sfx_slice text, struct sfx_err *err)
{
    static const char plain[] = "\\\n\r\t", letters[] = "\\nrt";
    const char *found;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < text.len; i++) {
        found = memchr(plain, text.ptr[i], sizeof(plain) - 1);
        if (found == NULL) {
            rc = sfx_buf_putc(rows, text.ptr[i], err);
            continue;
        }
        rc = sfx_buf_putc(rows, '\\', err);
        if (rc == 0)
            rc = sfx_buf_putc(rows, letters[found - plain], err);
    }
    return rc;
}

static int put_hex(struct sfx_buf *rows, struct sfx_slice bytes, struct sfx_err *err)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;
    int rc = sfx_buf_puts(rows, "\\\\x", err);

    for (i = 0; rc == 0 && i < bytes.len; i++) {
        rc = sfx_buf_putc(rows, digits[(unsigned char)bytes.ptr[i] >> 4], err);
        if (rc == 0)
            rc = sfx_buf_putc(rows, digits[bytes.ptr[i] & 15], err);
    }
    return rc;
}

static int put_text(struct sfx_buf *rows, const struct sfx_ddl_column *col,
                    const struct sfx_postgres_value *v, bool first, struct sfx_err *err)
{
    int rc = first ? 0 : sfx_buf_putc(rows, '\t', err);

    if (rc < 0)
        return rc;
    if (v->null)
        return sfx_buf_puts(rows, "\\N", err);
    return col->class == SFX_POSTGRES_BYTEA ? put_hex(rows, v->text, err)
                                            : put_escaped(rows, v->text, err);
}

int sfx_postgres_put_row(struct sfx_postgres *s, struct sfx_err *err)
{
    const uint16_t nfields = htobe16((uint16_t)s->schema->ncols);

    return s->text_copy ? 0 : sfx_buf_append(&s->rows, &nfields, sizeof(nfields), err);
}

int sfx_postgres_put_value(struct sfx_postgres *s, const struct sfx_ddl_column *col,
                           const struct sfx_postgres_value *v, bool first, struct sfx_err *err)
{
    return s->text_copy ? put_text(&s->rows, col, v, first, err)
                        : put_binary(&s->rows, col, v, err);
}

int sfx_postgres_end_row(struct sfx_postgres *s, struct sfx_err *err)
{
    return s->text_copy ? sfx_buf_putc(&s->rows, '\n', err) : 0;
}
