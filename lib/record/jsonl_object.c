/* SPDX-License-Identifier: MIT */
/*
 * One JSON object to a row of cells. Members are expected where the record before had them, so
 * that a key is one comparison; values are checked against the grammar and kept as they stand.
 */
#include "record/jsonl_internal.h"

#include "base/text.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The state of one record's parse. */
struct parse {
    struct sfx_jsonl_object *o;
    struct sfx_slice record;
    const char *at; /* the next byte; bytes behind the record's end are never consumed */
    const char *end;
    uint32_t row;
    uint32_t nmembers;
    uint32_t ncols; /* columns that this record has */
    bool may_add;
    bool checked; /* the whole record is known to be valid */
    struct sfx_err *err;
};

static bool is_space(const struct sfx_jsonl_object *o, char c)
{
    return c == ' ' || c == '\t' || c == '\r' || (c == '\n' && !o->lines);
}

static inline void skip_space(struct parse *p)
{
    while (p->at < p->end && is_space(p->o, *p->at))
        p->at++;
}

/* Takes the byte c, white space around it. */
static inline bool take(struct parse *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    skip_space(p);
    return true;
}

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

/* The string whose opening quote is at p->at: *text is between the quotes. */
static bool take_string(struct parse *p, struct sfx_slice *text, bool *escaped)
{
    const char *const begin = p->at + 1;
    const char *at = skip_plain(begin, p->end);
    bool ascii = true;

    *escaped = false;
    while (at < p->end && *at != '"') {
        size_t n = 1;

        if (*at == '\\') {
            n = escape_len(at, p->end);
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
            at = skip_plain(at, p->end);
        } else { /* text of another script: rarely 16 plain bytes on end */
            while (at < p->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
                at++;
        }
    }
    if (at >= p->end)
        return false;
    *text = sfx_slice(begin, (size_t)(at - begin));
    p->at = at + 1;
    return ascii || sfx_utf8_valid(*text);
}

static inline bool take_digits(struct parse *p)
{
    const char *begin = p->at;

    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    return p->at > begin;
}

/* RFC 8259, section 6. */
static bool take_number(struct parse *p)
{
    if (*p->at == '-')
        p->at++;
    if (p->at < p->end && *p->at == '0')
        p->at++;
    else if (!take_digits(p))
        return false;
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        if (!take_digits(p))
            return false;
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
            p->at++;
        return take_digits(p);
    }
    return true;
}

static bool take_literal(struct parse *p, const char *literal, size_t len)
{
    if ((size_t)(p->end - p->at) < len || memcmp(p->at, literal, len) != 0)
        return false;
    p->at += len;
    return true;
}

/* How deep the brackets of valid JSON nest. */
static uint32_t nesting(struct sfx_slice json)
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

static bool take_nested(struct parse *p)
{
    struct sfx_json_reader reader;
    struct sfx_json_token token;
    struct sfx_slice raw;

    sfx_json_reader_init(&reader, p->at, (size_t)(p->end - p->at));
    if (sfx_json_next(&reader, &token, NULL) < 0 || sfx_json_skip(&reader, &token, &raw, NULL) < 0)
        return false;
    p->at += raw.len;
    return true;
}

static inline bool take_value(struct parse *p, struct sfx_cell *cell)
{
    const char *const begin = p->at;
    struct sfx_slice text;
    bool escaped;
    bool ok;

    if (begin == p->end)
        return false;
    *cell = (struct sfx_cell){.dialect =
                                  p->o->lines ? SFX_DIALECT_JSON_LINE : SFX_DIALECT_JSON_ELEMENT};
    switch (*begin) {
    case '"':
        p->at = skip_plain(begin + 1, p->end);
        escaped = false;
        text = sfx_slice(begin + 1, (size_t)(p->at - begin - 1));
        if (p->at < p->end && *p->at == '"') {
            p->at++;
        } else {
            p->at = begin;
            if (!take_string(p, &text, &escaped))
                return false;
        }
        cell->kind = SFX_CELL_JSON_STRING;
        cell->flags = escaped ? SFX_CELL_ESCAPED : 0;
        cell->ptr = text.ptr;
        cell->len = (uint32_t)text.len;
        return true;
    case '{':
    case '[':
        ok = take_nested(p);
        cell->kind = SFX_CELL_JSON_NESTED;
        break;
    case 't':
        ok = take_literal(p, "true", 4);
        cell->kind = SFX_CELL_JSON_BOOL;
        break;
    case 'f':
        ok = take_literal(p, "false", 5);
        cell->kind = SFX_CELL_JSON_BOOL;
        break;
    case 'n':
        ok = take_literal(p, "null", 4);
        cell->kind = SFX_CELL_NULL;
        break;
    default:
        ok = take_number(p);
        cell->kind = SFX_CELL_JSON_NUMBER;
        break;
    }
    cell->ptr = begin;
    cell->len = (uint32_t)(p->at - begin);
    return ok;
}

/* Room for what is learnt about as many columns and members. */
static int reserve_plans(struct sfx_jsonl_object *o, size_t count, struct sfx_err *err)
{
    const size_t cap = count < 16 ? 32 : count * 2;
    int32_t *order;
    uint32_t *stamps;
    uint8_t *plain;
    struct sfx_jsonl_key *keys;

    if (count <= o->nplans)
        return 0;
    order = realloc(o->order, cap * sizeof(*order));
    o->order = order != NULL ? order : o->order;
    stamps = realloc(o->stamps, cap * sizeof(*stamps));
    o->stamps = stamps != NULL ? stamps : o->stamps;
    plain = realloc(o->plain, cap * sizeof(*plain));
    o->plain = plain != NULL ? plain : o->plain;
    keys = realloc(o->keys, cap * sizeof(*keys));
    o->keys = keys != NULL ? keys : o->keys;
    if (order == NULL || stamps == NULL || plain == NULL || keys == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", cap);
    memset(order + o->nplans, 0xff, (cap - o->nplans) * sizeof(*order));
    memset(stamps + o->nplans, 0, (cap - o->nplans) * sizeof(*stamps));
    o->nplans = cap;
    return 0;
}

/* Whether a key of these bytes stands for itself. */
static bool is_plain(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == '"' || name.ptr[i] == '\\')
            return false;
    }
    return true;
}

static struct sfx_jsonl_key make_key(struct sfx_slice name)
{
    struct sfx_jsonl_key key = {.len = (uint32_t)name.len + 3};
    char text[sizeof(key.word)] = "";
    char mask[sizeof(key.word)] = "";

    if (name.len + 3 > sizeof(text) || !is_plain(name))
        return (struct sfx_jsonl_key){0};
    text[0] = '"';
    memcpy(text + 1, name.ptr, name.len);
    memcpy(text + 1 + name.len, "\":", 2);
    memset(mask, 0xff, key.len);
    memcpy(key.word, text, sizeof(text));
    memcpy(key.mask, mask, sizeof(mask));
    return key;
}

/* Whether the bytes at `at` are key; 64 bytes can be read. */
static inline bool is_key(const char *at, const struct sfx_jsonl_key *key)
{
    uint64_t word[2];

    memcpy(word, at, sizeof(word));
    return (((word[0] ^ key->word[0]) & key->mask[0]) |
            ((word[1] ^ key->word[1]) & key->mask[1])) == 0;
}

/* Makes a column for the member named name; the record has to be valid as a whole for that. */
static enum sfx_jsonl_verdict add_column(struct parse *p, struct sfx_slice name, int *column)
{
    struct sfx_jsonl_object *o = p->o;

    if (!p->may_add)
        return SFX_JSONL_NEW_COLUMN;
    if (!p->checked && sfx_json_validate(p->record.ptr, p->record.len, NULL) < 0)
        return SFX_JSONL_BAD;
    p->checked = true;
    if (reserve_plans(o, o->schema.ncols + 1, p->err) < 0)
        return SFX_JSONL_FAILED;
    *column = sfx_schema_add(&o->schema, name, p->err);
    if (*column < 0)
        return *column == SFX_E_LIMIT ? SFX_JSONL_BAD : SFX_JSONL_FAILED;
    o->plain[*column] = is_plain(name);
    o->keys[*column] = make_key(name);
    o->stamps[*column] = 0;
    return SFX_JSONL_OK;
}

/* The key at p->at that is not where it was expected. */
static enum sfx_jsonl_verdict find_column(struct parse *p, int *column)
{
    struct sfx_jsonl_object *o = p->o;
    struct sfx_slice name;
    bool escaped;

    if (p->at == p->end || *p->at != '"' || !take_string(p, &name, &escaped))
        return SFX_JSONL_BAD;
    if (escaped) {
        sfx_buf_clear(&o->scratch);
        if (sfx_json_unescape(&o->scratch, name, p->err) < 0)
            return SFX_JSONL_FAILED;
        name = sfx_buf_slice(&o->scratch);
    }
    *column = sfx_schema_find(&o->schema, name);
    return *column >= 0 ? SFX_JSONL_OK : add_column(p, name, column);
}

/* The column of the key at p->at; the colon behind it is taken too. */
static inline enum sfx_jsonl_verdict take_key(struct parse *p, int *column)
{
    struct sfx_jsonl_object *o = p->o;
    const int expected = p->nmembers < o->nplans ? o->order[p->nmembers] : -1;
    enum sfx_jsonl_verdict verdict = SFX_JSONL_OK;
    const struct sfx_slice none = {0};
    const struct sfx_slice name =
        expected >= 0 && o->plain[expected] ? o->schema.columns[expected].name : none;

    *column = expected;
    if (expected >= 0 && o->keys[expected].len > 0 && p->end - p->at > o->keys[expected].len &&
        is_key(p->at, &o->keys[expected])) {
        p->at += o->keys[expected].len;
        skip_space(p);
        return SFX_JSONL_OK;
    }
    if (name.ptr != NULL && (size_t)(p->end - p->at) > name.len + 2 && p->at[0] == '"' &&
        p->at[name.len + 1] == '"' && memcmp(p->at + 1, name.ptr, name.len) == 0) {
        p->at += name.len + 2;
    } else {
        verdict = find_column(p, column);
        if (verdict == SFX_JSONL_OK && p->nmembers < o->nplans)
            o->order[p->nmembers] = *column;
    }
    return verdict == SFX_JSONL_OK && !take(p, ':') ? SFX_JSONL_BAD : verdict;
}

/* Refuses a value that is longer or deeper than allowed. */
static enum sfx_jsonl_verdict check_limits(struct parse *p, const struct sfx_cell *cell)
{
    const struct sfx_jsonl_object *o = p->o;

    if (cell->len > o->max_field_nbytes) {
        (void)sfx_err_set(p->err, SFX_E_LIMIT, "value is longer than %" PRIu64 " bytes",
                          o->max_field_nbytes);
        return SFX_JSONL_BAD;
    }
    /* Each level costs two bytes at least: most values need not be looked through. */
    if (cell->kind == SFX_CELL_JSON_NESTED && cell->len >= 2 * (o->max_depth - 1) &&
        nesting(sfx_slice(cell->ptr, cell->len)) + 1 > o->max_depth) {
        (void)sfx_err_set(p->err, SFX_E_LIMIT, "nested deeper than %" PRIu32 " levels",
                          o->max_depth);
        return SFX_JSONL_BAD;
    }
    return SFX_JSONL_OK;
}

static inline enum sfx_jsonl_verdict take_member(struct parse *p)
{
    struct sfx_jsonl_object *o = p->o;
    struct sfx_cell cell;
    int column = -1;
    enum sfx_jsonl_verdict verdict = take_key(p, &column);

    if (verdict != SFX_JSONL_OK)
        return verdict;
    if (!take_value(p, &cell))
        return SFX_JSONL_BAD;
    verdict = check_limits(p, &cell);
    p->ncols += o->stamps[column] != o->stamp;
    o->stamps[column] = o->stamp;
    o->schema.columns[column].cells[p->row] = cell; /* of twins the last one counts */
    p->nmembers++;
    return verdict;
}

static enum sfx_jsonl_verdict take_object(struct parse *p)
{
    enum sfx_jsonl_verdict verdict = SFX_JSONL_OK;

    if (!take(p, '{'))
        return SFX_JSONL_BAD;
    if (p->at < p->end && *p->at == '}') {
        p->at++;
    } else {
        do {
            verdict = take_member(p);
        } while (verdict == SFX_JSONL_OK && take(p, ','));
        if (verdict == SFX_JSONL_OK && !take(p, '}'))
            return SFX_JSONL_BAD;
    }
    skip_space(p);
    return verdict == SFX_JSONL_OK && p->at != p->end ? SFX_JSONL_BAD : verdict;
}

/* Says what is wrong with a record that did not parse. */
static void diagnose(const struct parse *p)
{
    if (p->err->code != SFX_OK)
        return;
    if (sfx_json_validate(p->record.ptr, p->record.len, p->err) == 0)
        (void)sfx_err_set(p->err, SFX_E_INPUT, "the record is not a JSON object");
    else
        (void)sfx_err_wrap(p->err, SFX_E_INPUT, "the record is not JSON");
}

enum sfx_jsonl_verdict sfx_jsonl_object_parse(struct sfx_jsonl_object *o, struct sfx_slice record,
                                              uint32_t at, bool may_add, uint32_t *nfields,
                                              struct sfx_err *err)
{
    struct parse p = {.o = o,
                      .record = record,
                      .at = record.ptr,
                      .end = record.ptr + record.len,
                      .row = at,
                      .may_add = may_add,
                      .err = err};
    enum sfx_jsonl_verdict verdict;
    size_t i;

    err->code = SFX_OK;
    if (++o->stamp == 0) { /* after 2^32 records: old stamps would be taken for new ones */
        memset(o->stamps, 0, o->nplans * sizeof(*o->stamps));
        o->stamp = 1;
    }
    verdict = take_object(&p);
    if (verdict == SFX_JSONL_BAD)
        diagnose(&p);
    if (verdict != SFX_JSONL_OK)
        return verdict;
    *nfields = p.nmembers;
    for (i = 0; p.ncols < o->schema.ncols && i < o->schema.ncols; i++) {
        if (o->stamps[i] != o->stamp)
            o->schema.columns[i].cells[at] = (struct sfx_cell){0};
    }
    return SFX_JSONL_OK;
}

void sfx_jsonl_object_reset(struct sfx_jsonl_object *o)
{
    sfx_schema_reset(&o->schema);
    if (o->nplans > 0)
        memset(o->order, 0xff, o->nplans * sizeof(*o->order));
}

void sfx_jsonl_object_done(struct sfx_jsonl_object *o)
{
    sfx_schema_done(&o->schema);
    sfx_buf_done(&o->scratch);
    free(o->order);
    free(o->stamps);
    free(o->plain);
    free(o->keys);
    *o = (struct sfx_jsonl_object){0};
}
