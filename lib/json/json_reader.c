/* SPDX-License-Identifier: MIT */
/* The pull reader: RFC 8259 and nothing beside it. */
#include "base/size.h"
#include "json/json.h"
#include "json/json_internal.h"

/* What may come next. */
enum {
    AT_VALUE,        /* a value must come */
    AT_VALUE_OR_END, /* after '[': a value or ']' */
    AT_KEY,          /* after ',' in an object: a key must come */
    AT_KEY_OR_END,   /* after '{': a key or '}' */
    AT_COMMA_OR_END, /* after a value inside a container */
    AT_END,          /* after the outermost value: white space only */
};

void sfx_json_reader_init(struct sfx_json_reader *r, const char *ptr, size_t len)
{
    *r = (struct sfx_json_reader){0};
    /* Pointer arithmetic on NULL is undefined; an empty text may come as NULL. */
    r->start = r->at = len > 0 ? ptr : "";
    r->end = r->start + len;
    r->state = AT_VALUE;
}

static int fail_at(const struct sfx_json_reader *r, const char *at, const char *reason,
                   struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_INPUT, "byte %zu: %s", (size_t)(at - r->start) + 1, reason);
}

static bool in_object(const struct sfx_json_reader *r)
{
    uint32_t level = r->depth - 1;

    return (r->nesting[level / 64] >> (level % 64) & 1) != 0;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* A value is complete: what follows depends on where it stands. */
static void after_value(struct sfx_json_reader *r)
{
    r->state = r->depth > 0 ? AT_COMMA_OR_END : AT_END;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Past the escape that begins with the backslash at *at, or a failure. */
static int skip_escape(const struct sfx_json_reader *r, const char **at, struct sfx_err *err)
{
    const char *p = *at + 1;
    int i;

    if (p < r->end && *p == 'u') {
        for (i = 1; i <= 4; i++) {
            if (p + i >= r->end || !is_hex(p[i]))
                return fail_at(r, *at, "\\u is not followed by four hex digits", err);
        }
        *at = p + 5;
        return 0;
    }
    if (p >= r->end || *p == '\0' || strchr("\"\\/bfnrt", *p) == NULL)
        return fail_at(r, *at, "no such escape in a string", err);
    *at = p + 1;
    return 0;
}

/* Reads the string whose opening quote is at r->at; tok gets its inner text. */
static int read_string(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err)
{
    const char *start = r->at + 1;
    const char *p = start;
    int rc;

    tok->escaped = false;
    for (;;) {
        p = sfx_json_scan(p, r->end);
        if (p >= r->end)
            return fail_at(r, r->at, "the string that begins here does not end", err);
        if (*p == '"')
            break;
        if (*p == '\\') {
            tok->escaped = true;
            rc = skip_escape(r, &p, err);
            if (rc < 0)
                return rc;
        } else if ((unsigned char)*p >= 0x80) {
            size_t len = sfx_json_utf8_len(p, r->end);

            if (len == 0)
                return fail_at(r, p, "a string is not UTF-8", err);
            p += len;
        } else {
            return fail_at(r, p, "a control character in a string is not escaped", err);
        }
    }
    tok->text = sfx_slice(start, (size_t)(p - start));
    r->at = p + 1;
    return 0;
}

static int read_key(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err)
{
    int rc = read_string(r, tok, err);

    if (rc < 0)
        return rc;
    tok->type = SFX_JSON_KEY;
    r->at = skip_space(r->at, r->end);
    if (r->at >= r->end || *r->at != ':')
        return fail_at(r, r->at, "a ':' is missing after a key", err);
    r->at++;
    r->state = AT_VALUE;
    return 1;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at))
        at++;
    return at;
}

static int read_number(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err)
{
    const char *start = r->at;
    const char *p = start + (*start == '-');
    const char *digits = p;

    p = skip_digits(p, r->end);
    if (p == digits)
        return fail_at(r, start, "a '-' is not followed by a digit", err);
    if (*digits == '0' && p - digits > 1)
        return fail_at(r, start, "a number begins with a zero", err);
    if (p < r->end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, r->end);
        if (p == digits)
            return fail_at(r, start, "a number has no digit after its point", err);
    }
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < r->end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, r->end);
        if (p == digits)
            return fail_at(r, start, "a number has no digit in its exponent", err);
    }
    tok->type = SFX_JSON_NUMBER;
    tok->text = sfx_slice(start, (size_t)(p - start));
    r->at = p;
    return 1;
}

static int read_word(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err)
{
    static const struct {
        struct sfx_slice text;
        enum sfx_json_type type;
    } words[] = {
        {{"null", 4}, SFX_JSON_NULL},
        {{"true", 4}, SFX_JSON_TRUE},
        {{"false", 5}, SFX_JSON_FALSE},
    };
    size_t avail = (size_t)(r->end - r->at);
    size_t i;

    for (i = 0; i < SFX_COUNT(words); i++) {
        size_t len = words[i].text.len;

        if (avail < len || memcmp(r->at, words[i].text.ptr, len) != 0)
            continue;
        tok->type = words[i].type;
        tok->text = sfx_slice(r->at, len);
        r->at += len;
        return 1;
    }
    return fail_at(r, r->at, "a value is expected", err);
}

static int read_begin(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err)
{
    bool object = *r->at == '{';
    uint64_t bit = UINT64_C(1) << (r->depth % 64);
    uint64_t *word;

    if (r->depth >= SFX_JSON_MAX_DEPTH)
        return sfx_err_set(err, SFX_E_LIMIT, "byte %zu: nested deeper than %d levels",
                           (size_t)(r->at - r->start) + 1, SFX_JSON_MAX_DEPTH);
    word = &r->nesting[r->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    r->depth++;
    tok->type = object ? SFX_JSON_OBJECT : SFX_JSON_ARRAY;
    tok->text = sfx_slice(r->at, 1);
    r->at++;
    r->state = object ? AT_KEY_OR_END : AT_VALUE_OR_END;
    return 1;
}

static int read_end(struct sfx_json_reader *r, struct sfx_json_token *tok)
{
    tok->type = in_object(r) ? SFX_JSON_OBJECT_END : SFX_JSON_ARRAY_END;
    tok->text = sfx_slice(r->at, 1);
    r->at++;
    r->depth--;
    after_value(r);
    return 1;
}

static int read_value(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err)
{
    char c = *r->at;
    int rc;

    if (c == '{' || c == '[')
        return read_begin(r, tok, err);
    if (c == '"') {
        rc = read_string(r, tok, err);
        tok->type = SFX_JSON_STRING;
        rc = rc < 0 ? rc : 1;
    } else if (c == '-' || is_digit(c)) {
        rc = read_number(r, tok, err);
    } else {
        rc = read_word(r, tok, err);
    }
    after_value(r);
    return rc;
}

/* Between two values of a container: takes a comma, and leaves r where the next thing begins. */
static int pass_comma(struct sfx_json_reader *r, struct sfx_err *err)
{
    bool object = in_object(r);

    if (r->at < r->end && *r->at == (object ? '}' : ']'))
        return 0;
    if (r->at >= r->end || *r->at != ',')
        return fail_at(r, r->at,
                       object ? "a ',' or '}' is missing in an object"
                              : "a ',' or ']' is missing in an array",
                       err);
    r->at = skip_space(r->at + 1, r->end);
    r->state = object ? AT_KEY : AT_VALUE;
    return 0;
}

int sfx_json_next(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err)
{
    int rc;

    tok->escaped = false;
    r->at = skip_space(r->at, r->end);
    if (r->state == AT_END)
        return r->at == r->end ? 0 : fail_at(r, r->at, "something follows the value", err);
    if (r->state == AT_COMMA_OR_END) {
        rc = pass_comma(r, err);
        if (rc < 0)
            return rc;
        if (r->state == AT_COMMA_OR_END)
            return read_end(r, tok);
    }
    if (r->at >= r->end)
        return fail_at(r, r->at, "the text ends where a value is expected", err);
    if (r->state == AT_KEY || r->state == AT_KEY_OR_END) {
        if (*r->at == '"')
            return read_key(r, tok, err);
        if (*r->at == '}' && r->state == AT_KEY_OR_END)
            return read_end(r, tok);
        return fail_at(r, r->at, "a key in quotes is expected", err);
    }
    if (*r->at == ']' && r->state == AT_VALUE_OR_END)
        return read_end(r, tok);
    return read_value(r, tok, err);
}

int sfx_json_skip(struct sfx_json_reader *r, const struct sfx_json_token *tok,
                  struct sfx_slice *raw, struct sfx_err *err)
{
    struct sfx_json_token inner;
    const char *start = tok->text.ptr;
    uint32_t outside = r->depth - 1;
    int rc;

    if (tok->type == SFX_JSON_STRING || tok->type == SFX_JSON_KEY) {
        *raw = sfx_slice(start - 1, tok->text.len + 2);
        return 0;
    }
    if (tok->type == SFX_JSON_OBJECT || tok->type == SFX_JSON_ARRAY) {
        while (r->depth > outside) {
            rc = sfx_json_next(r, &inner, err);
            if (rc < 0)
                return rc;
        }
        *raw = sfx_slice(start, (size_t)(r->at - start));
        return 0;
    }
    *raw = tok->text;
    return 0;
}

int sfx_json_validate(const char *ptr, size_t len, struct sfx_err *err)
{
    struct sfx_json_reader r;
    struct sfx_json_token tok;
    int rc;

    sfx_json_reader_init(&r, ptr, len);
    do {
        rc = sfx_json_next(&r, &tok, err);
    } while (rc > 0);
    return rc;
}
