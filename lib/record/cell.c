/* SPDX-License-Identifier: MIT */
/* What a cell's bytes stand for: quotes and escapes of each spelling undone. */
#include "record/batch.h"

#include "base/text.h"

#include <string.h>

/* Doubled quotes become one; every quote inside a quoted field has a twin. */
static int undouble(struct sfx_buf *out, const char *ptr, size_t len, struct sfx_err *err)
{
    const char quote = ptr[-1];
    const char *end = ptr + len;
    int rc = sfx_buf_reserve(out, len, err);

    if (rc < 0)
        return rc;
    while (ptr < end) {
        const char *hit = memchr(ptr, quote, (size_t)(end - ptr));
        size_t n = hit != NULL ? (size_t)(hit - ptr) + 1 : (size_t)(end - ptr);

        memcpy(out->data + out->len, ptr, n);
        out->len += n;
        ptr += n + (hit != NULL);
    }
    return 0;
}

/* The escapes of IANA text/tab-separated-values; another letter keeps its backslash. */
static int unescape_tsv(struct sfx_buf *out, const char *ptr, size_t len, struct sfx_err *err)
{
    static const char from[] = "tnr\\";
    static const char to[] = "\t\n\r\\";
    const char *end = ptr + len;
    char *at;
    int rc = sfx_buf_reserve(out, len, err);

    if (rc < 0)
        return rc;
    at = out->data + out->len;
    while (ptr < end) {
        const char *known =
            *ptr == '\\' && ptr + 1 < end ? memchr(from, ptr[1], sizeof(from) - 1) : NULL;

        *at++ = known != NULL ? to[known - from] : *ptr;
        ptr += known != NULL ? 2 : 1;
    }
    out->len = (size_t)(at - out->data);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number that ndigits hexadecimal digits at ptr are, -1 when they are none. */
static int32_t hex_number(const char *ptr, const char *end, int ndigits)
{
    int32_t value = 0;
    int i;

    for (i = 0; i < ndigits; i++) {
        const int digit = ptr + i < end ? hex_digit(ptr[i]) : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Undoes the escape at ptr (a backslash, something behind it). Returns its length; 0: it is none.
 */
static size_t unescape_log_one(const char *ptr, const char *end, struct sfx_buf *out)
{
    static const char from[] = "\"\\/bfnrtv'";
    static const char to[] = "\"\\/\b\f\n\r\t\v'";
    const char *known = memchr(from, ptr[1], sizeof(from) - 1);
    int32_t value;

    if (known != NULL) {
        out->data[out->len++] = to[known - from];
        return 2;
    }
    if (ptr[1] == 'x' && (value = hex_number(ptr + 2, end, 2)) >= 0) {
        out->data[out->len++] = (char)value;
        return 4;
    }
    if (ptr[1] != 'u' || (value = hex_number(ptr + 2, end, 4)) < 0)
        return 0;
    if (value >= 0xd800 && value < 0xe000) { /* half a pair; the other half must follow */
        const int32_t low =
            end - ptr >= 12 && ptr[6] == '\\' && ptr[7] == 'u' ? hex_number(ptr + 8, end, 4) : -1;

        if (value >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
            return 0;
        (void)sfx_utf8_append(out, 0x10000 + (((uint32_t)value & 0x3ff) << 10 | (low & 0x3ff)),
                              NULL);
        return 12;
    }
    (void)sfx_utf8_append(out, (uint32_t)value, NULL); /* in room that is reserved */
    return 6;
}

/* C's escapes, as logs have them; what is none keeps its backslash. */
static int unescape_log(struct sfx_buf *out, const char *ptr, size_t len, struct sfx_err *err)
{
    const char *end = ptr + len;
    int rc = sfx_buf_reserve(out, len, err);

    while (rc == 0 && ptr < end) {
        const size_t n = *ptr == '\\' && ptr + 1 < end ? unescape_log_one(ptr, end, out) : 0;

        if (n == 0)
            out->data[out->len++] = *ptr;
        ptr += n > 0 ? n : 1;
    }
    return rc;
}

/* A backslash before a pipe or backslash goes. */
static int unescape_markdown(struct sfx_buf *out, const char *ptr, size_t len, struct sfx_err *err)
{
    const char *end = ptr + len;
    int rc = sfx_buf_reserve(out, len, err);

    while (rc == 0 && ptr < end) {
        if (*ptr == '\\' && ptr + 1 < end && (ptr[1] == '|' || ptr[1] == '\\'))
            ptr++;
        out->data[out->len++] = *ptr++;
    }
    return rc;
}

/* CSV with an escape character: it goes, what follows stays; quotes may be doubled as well. */
static int unescape_csv(struct sfx_buf *out, const struct sfx_cell *cell, struct sfx_err *err)
{
    const char escape = (char)(cell->dialect & 0xff);
    const bool quoted = (cell->flags & SFX_CELL_QUOTED) != 0;
    const char *ptr = cell->ptr;
    const char *end = ptr + cell->len;
    int rc = sfx_buf_reserve(out, cell->len, err);

    while (rc == 0 && ptr < end) {
        const bool doubled =
            quoted && *ptr == cell->ptr[-1] && ptr + 1 < end && ptr[1] == cell->ptr[-1];

        if (ptr + 1 < end && (*ptr == escape || doubled))
            ptr++;
        out->data[out->len++] = *ptr++;
    }
    return rc;
}

/* The escapes of TEXT, by its dialect. */
static int unescape_text(struct sfx_buf *out, const struct sfx_cell *cell, struct sfx_err *err)
{
    if (cell->dialect == SFX_DIALECT_LOG)
        return unescape_log(out, cell->ptr, cell->len, err);
    if (cell->dialect == SFX_DIALECT_MARKDOWN)
        return unescape_markdown(out, cell->ptr, cell->len, err);
    if (cell->dialect == SFX_DIALECT_ESCAPE(cell->dialect))
        return unescape_csv(out, cell, err);
    if ((cell->flags & SFX_CELL_QUOTED) != 0)
        return undouble(out, cell->ptr, cell->len, err);
    return unescape_tsv(out, cell->ptr, cell->len, err);
}

int sfx_cell_text(const struct sfx_cell *cell, struct sfx_buf *scratch, struct sfx_slice *out,
                  struct sfx_err *err)
{
    int rc;

    *out = sfx_slice(cell->ptr, cell->len);
    if (cell->kind == SFX_CELL_MISSING || cell->kind == SFX_CELL_NULL) {
        *out = sfx_slice("", 0);
        return 0;
    }
    if ((cell->flags & SFX_CELL_ESCAPED) == 0)
        return 0;
    sfx_buf_clear(scratch);
    if (cell->kind == SFX_CELL_JSON_STRING)
        rc = sfx_json_unescape(scratch, *out, err);
    else
        rc = unescape_text(scratch, cell, err);
    if (rc == 0)
        *out = sfx_buf_slice(scratch);
    return rc;
}

int sfx_cell_read_json(struct sfx_json_reader *r, const struct sfx_json_token *token,
                       struct sfx_cell *cell, struct sfx_err *err)
{
    struct sfx_slice raw = token->text;
    int rc;

    *cell = (struct sfx_cell){.kind = SFX_CELL_NULL};
    switch (token->type) {
    case SFX_JSON_NULL: return 0;
    case SFX_JSON_STRING:
        cell->kind = SFX_CELL_JSON_STRING;
        cell->flags = token->escaped ? SFX_CELL_ESCAPED : 0;
        break;
    case SFX_JSON_NUMBER: cell->kind = SFX_CELL_JSON_NUMBER; break;
    case SFX_JSON_TRUE:
    case SFX_JSON_FALSE: cell->kind = SFX_CELL_JSON_BOOL; break;
    default:
        rc = sfx_json_skip(r, token, &raw, err);
        if (rc < 0)
            return rc;
        cell->kind = SFX_CELL_JSON_NESTED;
    }
    cell->ptr = raw.ptr;
    cell->len = (uint32_t)raw.len;
    return 0;
}
