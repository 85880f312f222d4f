/* SPDX-License-Identifier: MIT */
/*
 * What fits a column of PostgreSQL. COPY in binary trusts its client, and COPY in text rounds
 * 1.755 into a numeric(5,2); here a value either comes back, or it does not fit. What only the
 * server can know (enumerations, domains, arrays …) is left to it, as text.
 */
#include "base/text.h"
#include "sink/exact.h"
#include "sink/postgres_internal.h"
#include "json/json.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- types ------------------------------------------------------------------------------------ */

static const struct {
    const char *name; /* as format_type writes it, without what stands in parentheses */
    enum sfx_postgres_class class;
} types[] = {
    {"text", SFX_POSTGRES_TEXT},
    {"character varying", SFX_POSTGRES_TEXT},
    {"character", SFX_POSTGRES_TEXT},
    {"boolean", SFX_POSTGRES_BOOL},
    {"smallint", SFX_POSTGRES_INT2},
    {"integer", SFX_POSTGRES_INT4},
    {"bigint", SFX_POSTGRES_INT8},
    {"real", SFX_POSTGRES_FLOAT4},
    {"double precision", SFX_POSTGRES_FLOAT8},
    {"numeric", SFX_POSTGRES_NUMERIC},
    {"date", SFX_POSTGRES_DATE},
    {"timestamp without time zone", SFX_POSTGRES_TIMESTAMP},
    {"timestamp with time zone", SFX_POSTGRES_TIMESTAMPTZ},
    {"json", SFX_POSTGRES_JSON},
    {"jsonb", SFX_POSTGRES_JSONB},
    {"bytea", SFX_POSTGRES_BYTEA},
};

/* Copies declared without its parentheses into name and reads up to two numbers in them; returns
 * how many there were. */
static int split_type(const char *declared, char name[64], int32_t numbers[2])
{
    const char *open = strchr(declared, '('), *close = open != NULL ? strchr(open, ')') : NULL;

    if (close == NULL) {
        (void)snprintf(name, 64, "%s", declared);
        return 0;
    }
    (void)snprintf(name, 64, "%.*s%s", (int)(open - declared), declared, close + 1);
    return sscanf(open, "(%9d,%9d", &numbers[0], &numbers[1]);
}

void sfx_postgres_classify(struct sfx_ddl_column *col)
{
    int32_t numbers[2] = {0, 0};
    char name[64];
    const int n = split_type(col->declared, name, numbers);
    size_t i;

    col->class = SFX_POSTGRES_OTHER;
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            col->class = types[i].class;
    }
    if (col->class == SFX_POSTGRES_TEXT && n > 0)
        col->max_chars = numbers[0];
    /* A negative scale rounds before the point: only the server knows. */
    if (col->class == SFX_POSTGRES_NUMERIC && n > 0 && numbers[1] < 0)
        col->class = SFX_POSTGRES_OTHER;
    col->bounded = col->class == SFX_POSTGRES_NUMERIC && n > 0;
    if (col->bounded) {
        col->precision = (uint32_t)numbers[0];
        col->scale = (uint32_t)numbers[1];
    }
    if (col->class == SFX_POSTGRES_TIMESTAMP || col->class == SFX_POSTGRES_TIMESTAMPTZ)
        col->scale = n > 0 ? (uint32_t)numbers[0] : 6;
}

/* --- values ----------------------------------------------------------------------------------- */

/* True when text is of ASCII without NUL: eight bytes at a time, for most cells are. */
static bool is_plain(struct sfx_slice text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const size_t whole = text.len & ~(sizeof(ones) - 1);
    uint64_t word = ones, bad = 0;
    size_t at;

    for (at = 0; at < whole; at += sizeof(word)) {
        memcpy(&word, text.ptr + at, sizeof(word));
        bad |= (word - ones) | word; /* a high bit in what is 0, or behind 127 */
    }
    word = ones;
    memcpy(&word, text.ptr + whole, text.len - whole);
    bad |= (word - ones) | word;
    return (bad & (ones << 7)) == 0;
}

static const char *fit_text(const struct sfx_ddl_column *col, struct sfx_slice text)
{
    size_t at, chars = 0;

    if (!is_plain(text)) {
        if (memchr(text.ptr, '\0', text.len) != NULL)
            return "holds a NUL byte, which PostgreSQL has not in texts";
        if (!sfx_utf8_valid(text))
            return "is not UTF-8";
    }
    if (col->max_chars == 0 || text.len <= (size_t)col->max_chars)
        return NULL;
    for (at = 0; at < text.len; at++)
        chars += ((unsigned char)text.ptr[at] & 0xc0) != 0x80;
    return chars > (size_t)col->max_chars ? "is too long" : NULL;
}

static const char *fit_boolean(struct sfx_postgres_value *v)
{
    static const char *const yes[] = {"true", "t", "1"}, *const no[] = {"false", "f", "0"};
    size_t i;

    for (i = 0; i < 3; i++) {
        v->boolean = sfx_slice_eq(v->text, sfx_slice_str(yes[i]));
        if (v->boolean || sfx_slice_eq(v->text, sfx_slice_str(no[i])))
            return NULL;
    }
    return "is no boolean";
}

static const char *fit_integer(struct sfx_postgres_value *v, int64_t max)
{
    struct sfx_exact num;

    sfx_exact_scan(v->text, &num);
    if ((num.forms & SFX_EXACT_INTEGER) == 0)
        return "is no integer that would come back as it stands";
    v->integer = sfx_exact_int64(&num);
    return v->integer > max || v->integer < -max - 1 ? "is out of range" : NULL;
}

static const char *fit_real(struct sfx_postgres_value *v, bool single)
{
    if (!sfx_exact_fits_double(v->text, &v->real))
        return "is no number that a double carries";
    if (single && (v->real > FLT_MAX || v->real < -FLT_MAX || (double)(float)v->real != v->real))
        return "is no number that four bytes carry";
    return NULL;
}

/* A plain decimal of any length: -?(0|[1-9]digits)[.digits]; "-0" would lose its sign. */
static const char *fit_numeric(const struct sfx_ddl_column *col, struct sfx_slice text)
{
    const char *at = text.ptr, *end = text.ptr + text.len, *first;
    const bool negative = at < end && *at == '-';
    size_t whole, fraction = 0;
    bool zero = true;

    at += negative;
    for (first = at; at < end && *at >= '0' && *at <= '9'; at++)
        zero = zero && *at == '0';
    whole = (size_t)(at - first);
    if (whole == 0 || (whole > 1 && *first == '0'))
        return "is no number that would come back as it stands";
    whole -= *first == '0';
    if (at < end && *at == '.') {
        for (first = ++at; at < end && *at >= '0' && *at <= '9'; at++)
            zero = zero && *at == '0';
        fraction = (size_t)(at - first);
    }
    if (at < end || at[-1] == '.' || (negative && zero))
        return "is no number that would come back as it stands";
    if (col->bounded && fraction > col->scale)
        return "has too many digits behind the point";
    if (col->bounded && whole + col->scale > col->precision)
        return "has too many digits";
    /* What the format holds: numeric.c, NUMERIC_WEIGHT_MAX and NUMERIC_DSCALE_MAX. */
    return whole > 131072 || fraction > 16383 ? "has too many digits" : NULL;
}

static const char *fit_time(const struct sfx_ddl_column *col, struct sfx_postgres_value *v)
{
    const char *why = sfx_timestamp_parse(v->text, NULL, &v->time);
    struct sfx_time_style style;

    if (why != NULL)
        return "is no date or time of ISO 8601";
    style = sfx_time_style_unpack(v->time.style);
    if (memcmp(v->text.ptr, "0000", 4) == 0)
        return "is in the year 0";
    if (col->class == SFX_POSTGRES_DATE)
        return style.form == SFX_TIME_DATE ? NULL : "has a time of day";
    if (col->class == SFX_POSTGRES_TIMESTAMP && style.form == SFX_TIME_INSTANT)
        return "has a zone";
    if (col->class == SFX_POSTGRES_TIMESTAMPTZ && style.form != SFX_TIME_INSTANT)
        return "has no zone";
    return style.digits > col->scale ? "is finer than the column" : NULL;
}

static const char *fit(const struct sfx_ddl_column *col, struct sfx_postgres_value *v)
{
    switch ((enum sfx_postgres_class)col->class) {
    case SFX_POSTGRES_TEXT:
    case SFX_POSTGRES_OTHER: return fit_text(col, v->text);
    case SFX_POSTGRES_BOOL: return fit_boolean(v);
    case SFX_POSTGRES_INT2: return fit_integer(v, INT16_MAX);
    case SFX_POSTGRES_INT4: return fit_integer(v, INT32_MAX);
    case SFX_POSTGRES_INT8: return fit_integer(v, INT64_MAX);
    case SFX_POSTGRES_FLOAT4: return fit_real(v, true);
    case SFX_POSTGRES_FLOAT8: return fit_real(v, false);
    case SFX_POSTGRES_NUMERIC: return fit_numeric(col, v->text);
    case SFX_POSTGRES_DATE:
    case SFX_POSTGRES_TIMESTAMP:
    case SFX_POSTGRES_TIMESTAMPTZ: return fit_time(col, v);
    case SFX_POSTGRES_JSON:
    case SFX_POSTGRES_JSONB:
        if (memchr(v->text.ptr, '\0', v->text.len) != NULL)
            return "holds a NUL byte";
        return sfx_json_validate(v->text.ptr, v->text.len, NULL) < 0 ? "is no JSON" : NULL;
    case SFX_POSTGRES_BYTEA: return NULL;
    }
    return NULL;
}

static bool is_json(const struct sfx_ddl_column *col)
{
    return col->class == SFX_POSTGRES_JSON || col->class == SFX_POSTGRES_JSONB;
}

static bool holds_empty(const struct sfx_ddl_column *col)
{
    return col->class == SFX_POSTGRES_TEXT || col->class == SFX_POSTGRES_BYTEA ||
           col->class == SFX_POSTGRES_OTHER;
}

int sfx_postgres_convert(struct sfx_postgres *s, const struct sfx_ddl_column *col,
                         const struct sfx_cell *cell, struct sfx_postgres_value *out,
                         const char **why, struct sfx_err *err)
{
    int rc;

    out->null = true;
    out->text = sfx_slice("", 0);
    *why = col->key        ? "is missing, and part of the key"
           : col->not_null ? "is missing, and the column is NOT NULL"
                           : NULL;
    if (cell->kind == SFX_CELL_MISSING || cell->kind == SFX_CELL_NULL)
        return *why != NULL;
    /* An empty field is no value, except a quoted one where text is wanted. */
    if (cell->kind == SFX_CELL_TEXT && cell->len == 0 &&
        !((cell->flags & SFX_CELL_QUOTED) && holds_empty(col)))
        return *why != NULL;
    out->null = false;
    out->text = sfx_slice(cell->ptr, cell->len);
    if (cell->kind == SFX_CELL_JSON_STRING && is_json(col)) {
        out->text = sfx_slice(cell->ptr - 1, (size_t)cell->len + 2);
    } else if (cell->flags & SFX_CELL_ESCAPED) {
        rc = sfx_cell_text(cell, &s->scratch, &out->text, err);
        if (rc < 0)
            return rc;
    }
    *why = fit(col, out);
    return *why != NULL;
}
