/* SPDX-License-Identifier: MIT */
/* JSON values as records hold them: checked against the grammar (RFC 8259) and kept as they stand.
 */
#include "base/text.h"
#include "record/jsonl_internal.h"
#include "json/json.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte from ptr on that is not printable ASCII or is '"' or '\\'; 64 bytes behind end
 * can be read. */
static inline const char *skip_plain(const char *ptr, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');

    for (; ptr < end; ptr += 16) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)ptr);
        /* signed: bytes from 0x80 on are less than a space, like controls */
        const int mask = _mm_movemask_epi8(
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                         _mm_cmplt_epi8(v, space)));

        if (mask != 0)
            return ptr + __builtin_ctz((unsigned)mask);
    }
    return end;
#else
    while (ptr < end && *ptr >= ' ' && *ptr < 0x7f && *ptr != '"' && *ptr != '\\')
        ptr++;
    return ptr;
#endif
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Length of the escape at ptr (a backslash), 0: it is none. */
static size_t escape_len(const char *ptr, const char *end)
{
    if (end - ptr < 2)
        return 0;
    if (ptr[1] == 'u')
        return end - ptr >= 6 && is_hex(ptr[2]) && is_hex(ptr[3]) && is_hex(ptr[4]) &&
                       is_hex(ptr[5])
                   ? 6
                   : 0;
    return ptr[1] != '\0' && strchr("\"\\/bfnrt", ptr[1]) != NULL ? 2 : 0;
}

bool sfx_jsonl_take_string(struct sfx_jsonl_cursor *c, struct sfx_slice *text, bool *escaped)
{
    const char *const begin = c->at + 1;
    const char *at = skip_plain(begin, c->end);
    bool ascii = true;

    *escaped = false;
    while (at < c->end && *at != '"') {
        size_t n = 1;

        if (*at == '\\') {
            n = escape_len(at, c->end);
            *escaped = true;
        } else if ((unsigned char)*at < 0x20) {
            return false;
        } else {
            ascii = false;
        }
        if (n == 0)
            return false;
        at += n;
        if (ascii) {
            at = skip_plain(at, c->end);
        } else { /* text of another script: rarely 16 plain bytes on end */
            while (at < c->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
                at++;
        }
    }
    if (at >= c->end)
        return false;
    *text = sfx_slice(begin, (size_t)(at - begin));
    c->at = at + 1;
    return ascii || sfx_utf8_valid(*text);
}

static inline bool take_digits(struct sfx_jsonl_cursor *c)
{
    const char *begin = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > begin;
}

/* RFC 8259, section 6. */
static bool take_number(struct sfx_jsonl_cursor *c)
{
    if (*c->at == '-')
        c->at++;
    if (c->at < c->end && *c->at == '0')
        c->at++;
    else if (!take_digits(c))
        return false;
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!take_digits(c))
            return false;
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
            c->at++;
        return take_digits(c);
    }
    return true;
}

static bool take_literal(struct sfx_jsonl_cursor *c, const char *literal, size_t len)
{
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, literal, len) != 0)
        return false;
    c->at += len;
    return true;
}

uint32_t sfx_jsonl_nesting(struct sfx_slice json)
{
    const char *end = json.ptr + json.len;
    const char *at;
    uint32_t depth = 0;
    uint32_t most = 0;
    bool in_string = false;

    for (at = json.ptr; at < end; at++) {
        if (*at == '\\')
            at++;
        else if (*at == '"')
            in_string = !in_string;
        else if (!in_string && (*at == '[' || *at == '{'))
            most = ++depth > most ? depth : most;
        else if (!in_string && (*at == ']' || *at == '}'))
            depth--;
    }
    return most;
}

static bool take_nested(struct sfx_jsonl_cursor *c)
{
    struct sfx_json_reader reader;
    struct sfx_json_token token;
    struct sfx_slice raw;

    sfx_json_reader_init(&reader, c->at, (size_t)(c->end - c->at));
    if (sfx_json_next(&reader, &token, NULL) < 0 || sfx_json_skip(&reader, &token, &raw, NULL) < 0)
        return false;
    c->at += raw.len;
    return true;
}

bool sfx_jsonl_take_value(struct sfx_jsonl_cursor *c, struct sfx_cell *cell)
{
    const char *const begin = c->at;
    struct sfx_slice text;
    bool escaped;
    bool ok;

    if (begin == c->end)
        return false;
    *cell =
        (struct sfx_cell){.dialect = c->lines ? SFX_DIALECT_JSON_LINE : SFX_DIALECT_JSON_ELEMENT};
    switch (*begin) {
    case '"':
        c->at = skip_plain(begin + 1, c->end);
        escaped = false;
        text = sfx_slice(begin + 1, (size_t)(c->at - begin - 1));
        if (c->at < c->end && *c->at == '"') {
            c->at++;
        } else {
            c->at = begin;
            if (!sfx_jsonl_take_string(c, &text, &escaped))
                return false;
        }
        cell->kind = SFX_CELL_JSON_STRING;
        cell->flags = escaped ? SFX_CELL_ESCAPED : 0;
        cell->ptr = text.ptr;
        cell->len = (uint32_t)text.len;
        return true;
    case '{':
    case '[':
        ok = take_nested(c);
        cell->kind = SFX_CELL_JSON_NESTED;
        break;
    case 't':
        ok = take_literal(c, "true", 4);
        cell->kind = SFX_CELL_JSON_BOOL;
        break;
    case 'f':
        ok = take_literal(c, "false", 5);
        cell->kind = SFX_CELL_JSON_BOOL;
        break;
    case 'n':
        ok = take_literal(c, "null", 4);
        cell->kind = SFX_CELL_NULL;
        break;
    default:
        ok = take_number(c);
        cell->kind = SFX_CELL_JSON_NUMBER;
        break;
    }
    cell->ptr = begin;
    cell->len = (uint32_t)(c->at - begin);
    return ok;
}
