/* SPDX-License-Identifier: MIT */
/* What columns of each type take without loss, for sinks that have no types of their own. */
#include "sink/typed.h"

#include "sink/exact.h"
#include "json/json.h"

#include <string.h>

#define INFERRED_DIGITS 15 /* of decimals whose precision nobody said */

const char *sfx_typed_name(enum sfx_type type)
{
    static const char *const names[] = {
        [SFX_TYPE_TEXT] = "text",           [SFX_TYPE_INTEGER] = "integer",
        [SFX_TYPE_DECIMAL] = "decimal",     [SFX_TYPE_NUMERIC] = "numeric",
        [SFX_TYPE_REAL] = "real",           [SFX_TYPE_BOOLEAN] = "boolean",
        [SFX_TYPE_JSON] = "json",           [SFX_TYPE_DATE] = "date",
        [SFX_TYPE_TIMESTAMP] = "timestamp", [SFX_TYPE_TIMESTAMPTZ] = "timestamptz",
    };

    return names[type];
}

static const char *fit_integer(struct sfx_typed_value *v)
{
    struct sfx_exact num;

    sfx_exact_scan(v->text, &num);
    if ((num.forms & SFX_EXACT_INTEGER) == 0)
        return "is no integer that would come back as it stands";
    v->integer = sfx_exact_int64(&num);
    return NULL;
}

/* -?(0|[1-9]digits)[.digits]; "-0" would lose its sign. */
static const char *fit_decimal(const struct sfx_sink_column *col, struct sfx_typed_value *v)
{
    static const char no_number[] = "is no number that would come back as it stands";
    const uint32_t precision = col->precision > 0             ? col->precision
                               : col->scale > INFERRED_DIGITS ? col->scale
                                                              : INFERRED_DIGITS;
    const char *at = v->text.ptr, *end = at + v->text.len, *first;
    const bool negative = at < end && *at == '-';
    size_t whole, fraction = 0;
    sfx_int128 value = 0;

    at += negative;
    for (first = at; at < end && *at >= '0' && *at <= '9'; at++) {
        if (at - first > SFX_TYPED_MAX_DIGITS)
            return "has too many digits";
        value = value * 10 + (*at - '0');
    }
    whole = (size_t)(at - first);
    if (whole == 0 || (whole > 1 && *first == '0'))
        return no_number;
    whole -= *first == '0';
    if (at < end && *at == '.') {
        for (first = ++at; at < end && *at >= '0' && *at <= '9'; at++) {
            if (++fraction > col->scale)
                return "has too many digits behind the point";
            if (whole + fraction > SFX_TYPED_MAX_DIGITS)
                return "has too many digits";
            value = value * 10 + (*at - '0');
        }
        if (fraction == 0)
            return no_number;
    }
    if (at < end || (negative && value == 0))
        return no_number;
    if (whole + col->scale > precision)
        return "has too many digits";
    for (; fraction < col->scale; fraction++)
        value *= 10;
    v->unscaled = negative ? -value : value;
    return NULL;
}

static const char *fit_boolean(struct sfx_typed_value *v)
{
    v->boolean =
        sfx_slice_eq(v->text, SFX_SLICE_LIT("true")) || sfx_slice_eq(v->text, SFX_SLICE_LIT("1"));
    if (v->boolean || sfx_slice_eq(v->text, SFX_SLICE_LIT("false")) ||
        sfx_slice_eq(v->text, SFX_SLICE_LIT("0")))
        return NULL;
    return "is no boolean";
}

static const char *fit_time(const struct sfx_sink_column *col, struct sfx_typed_value *v)
{
    const char *why = sfx_timestamp_parse(v->text, NULL, &v->time);
    struct sfx_time_style style;

    if (why != NULL)
        return "is no date or time of ISO 8601";
    style = sfx_time_style_unpack(v->time.style);
    if (col->type == SFX_TYPE_DATE)
        return style.form == SFX_TIME_DATE ? NULL : "has a time of day";
    if (col->type == SFX_TYPE_TIMESTAMP && style.form == SFX_TIME_INSTANT)
        return "has a zone";
    if (col->type == SFX_TYPE_TIMESTAMPTZ && style.form != SFX_TIME_INSTANT)
        return "has no zone";
    return style.digits > col->scale ? "is finer than the column" : NULL;
}

static const char *fit(const struct sfx_sink_column *col, struct sfx_typed_value *v)
{
    switch (col->type) {
    case SFX_TYPE_TEXT: return NULL;
    case SFX_TYPE_INTEGER: return fit_integer(v);
    case SFX_TYPE_DECIMAL: return fit_decimal(col, v);
    case SFX_TYPE_NUMERIC:
    case SFX_TYPE_REAL:
        return sfx_exact_fits_double(v->text, &v->real) ||
                       (col->type == SFX_TYPE_NUMERIC && fit_integer(v) == NULL)
                   ? NULL
                   : "is no number that a double carries";
    case SFX_TYPE_BOOLEAN: return fit_boolean(v);
    case SFX_TYPE_JSON:
        return sfx_json_validate(v->text.ptr, v->text.len, NULL) < 0 ? "is no JSON" : NULL;
    case SFX_TYPE_DATE:
    case SFX_TYPE_TIMESTAMP:
    case SFX_TYPE_TIMESTAMPTZ: return fit_time(col, v);
    }
    return NULL;
}

bool sfx_typed_takes_all(const struct sfx_sink_column *col)
{
    return col->type == SFX_TYPE_TEXT && !col->not_null;
}

int sfx_typed_value(const struct sfx_sink_column *col, const struct sfx_cell *cell,
                    struct sfx_buf *scratch, struct sfx_typed_value *out, const char **why,
                    struct sfx_err *err)
{
    int rc;

    out->null = true;
    out->text = sfx_slice("", 0);
    *why = col->not_null ? "is missing, and the column is NOT NULL" : NULL;
    if (cell->kind == SFX_CELL_MISSING || cell->kind == SFX_CELL_NULL)
        return *why != NULL;
    /* An empty field is no value, except a quoted one where text is wanted. */
    if (cell->kind == SFX_CELL_TEXT && cell->len == 0 &&
        !((cell->flags & SFX_CELL_QUOTED) && col->type == SFX_TYPE_TEXT))
        return *why != NULL;
    out->null = false;
    out->text = sfx_slice(cell->ptr, cell->len);
    if (cell->kind == SFX_CELL_JSON_STRING && col->type == SFX_TYPE_JSON) {
        out->text = sfx_slice(cell->ptr - 1, (size_t)cell->len + 2);
    } else if (cell->flags & SFX_CELL_ESCAPED) {
        rc = sfx_cell_text(cell, scratch, &out->text, err);
        if (rc < 0)
            return rc;
    }
    *why = fit(col, out);
    return *why != NULL;
}
