/* SPDX-License-Identifier: MIT */
/* Types and values of an SQL script, as SQLite and PostgreSQL both read them. */
#include "base/text.h"
#include "query/timestamp.h"
#include "sink/exact.h"
#include "sink/script_internal.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

int sfx_script_type(const struct sfx_sink_column *column, const char *name, char text[64],
                    struct sfx_err *err)
{
    static const char *const names[] = {
        [SFX_TYPE_TEXT] = "TEXT",
        [SFX_TYPE_INTEGER] = "BIGINT",
        [SFX_TYPE_NUMERIC] = "NUMERIC",
        [SFX_TYPE_REAL] = "DOUBLE PRECISION",
        [SFX_TYPE_BOOLEAN] = "BOOLEAN",
        [SFX_TYPE_JSON] = "JSON",
        [SFX_TYPE_DATE] = "DATE",
        [SFX_TYPE_TIMESTAMP] = "TIMESTAMP",
        [SFX_TYPE_TIMESTAMPTZ] = "TIMESTAMPTZ",
    };
    const bool is_time = column->type == SFX_TYPE_TIMESTAMP || column->type == SFX_TYPE_TIMESTAMPTZ;

    if (column->type == SFX_TYPE_DECIMAL && (column->precision > 15 || column->scale > 15))
        return sfx_err_set(err, SFX_E_USAGE,
                           "column \"%s\": SQLite's numbers have 15 digits; decimal(%u,%u) is text "
                           "there",
                           name, column->precision, column->scale);
    if (column->type == SFX_TYPE_DECIMAL)
        (void)snprintf(text, 64, "DECIMAL(%u,%u)", column->precision > 0 ? column->precision : 15,
                       column->scale);
    else if (is_time && column->scale > 6)
        (void)snprintf(text, 64, "TEXT"); /* PostgreSQL has microseconds */
    else
        (void)snprintf(text, 64, "%s", names[column->type]);
    return 0;
}

int sfx_script_string(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err)
{
    int rc = sfx_buf_putc(out, '\'', err);

    while (rc == 0 && text.len > 0) {
        const char *quote = memchr(text.ptr, '\'', text.len);
        const size_t n = quote != NULL ? (size_t)(quote - text.ptr) + 1 : text.len;

        rc = sfx_buf_append(out, text.ptr, n, err);
        if (rc == 0 && quote != NULL)
            rc = sfx_buf_putc(out, '\'', err);
        text = sfx_slice(text.ptr + n, text.len - n);
    }
    return rc == 0 ? sfx_buf_putc(out, '\'', err) : rc;
}

static bool fits_decimal(const struct sfx_sink_column *column, struct sfx_slice text)
{
    const uint32_t precision = column->precision > 0 ? column->precision : 15;
    struct sfx_exact num;

    sfx_exact_scan(text, &num);
    return (num.forms & (SFX_EXACT_INTEGER | SFX_EXACT_DECIMAL)) != 0 &&
           num.scale <= column->scale && num.int_len <= precision - column->scale;
}

static bool fits_time(const struct sfx_sink_column *column, struct sfx_slice text)
{
    struct sfx_timestamp time;
    struct sfx_time_style style;

    /* PostgreSQL has no year 0. */
    if (sfx_timestamp_parse(text, NULL, &time) != NULL || memcmp(text.ptr, "0000", 4) == 0)
        return false;
    style = sfx_time_style_unpack(time.style);
    if (column->type == SFX_TYPE_DATE)
        return style.form == SFX_TIME_DATE;
    return style.form != SFX_TIME_DATE &&
           (style.form == SFX_TIME_INSTANT) == (column->type == SFX_TYPE_TIMESTAMPTZ);
}

static bool is_word(struct sfx_slice text, const char *word, const char *digit)
{
    return sfx_slice_eq(text, sfx_slice_str(word)) || sfx_slice_eq(text, sfx_slice_str(digit));
}

static int put(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err)
{
    return sfx_buf_append(out, text.ptr, text.len, err);
}

int sfx_script_literal(const struct sfx_sink_column *column, struct sfx_slice text,
                       struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_exact num;
    double value;

    switch (column->type) {
    case SFX_TYPE_INTEGER:
        sfx_exact_scan(text, &num);
        return (num.forms & SFX_EXACT_INTEGER) != 0 ? put(text, out, err) : 1;
    case SFX_TYPE_DECIMAL: return fits_decimal(column, text) ? put(text, out, err) : 1;
    case SFX_TYPE_NUMERIC:
        sfx_exact_scan(text, &num);
        return (num.forms & (SFX_EXACT_INTEGER | SFX_EXACT_DECIMAL)) != 0 ? put(text, out, err) : 1;
    case SFX_TYPE_REAL: return sfx_exact_fits_double(text, &value) ? put(text, out, err) : 1;
    case SFX_TYPE_BOOLEAN:
        if (is_word(text, "true", "1"))
            return sfx_buf_puts(out, "TRUE", err);
        return is_word(text, "false", "0") ? sfx_buf_puts(out, "FALSE", err) : 1;
    case SFX_TYPE_DATE:
    case SFX_TYPE_TIMESTAMP:
    case SFX_TYPE_TIMESTAMPTZ:
        return fits_time(column, text) ? sfx_script_string(text, out, err) : 1;
    case SFX_TYPE_JSON:
        if (sfx_json_validate(text.ptr, text.len, NULL) < 0)
            return 1;
        break;
    case SFX_TYPE_TEXT: break;
    }
    /* No script can hold a NUL, and PostgreSQL no bytes that are not UTF-8. */
    if (memchr(text.ptr, '\0', text.len) != NULL || !sfx_utf8_valid(text))
        return 1;
    return sfx_script_string(text, out, err);
}
