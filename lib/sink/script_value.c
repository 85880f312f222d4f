/* SPDX-License-Identifier: MIT */
/* Types and values of an SQL script, as SQLite and PostgreSQL both read them. */
#include "base/text.h"
#include "sink/exact.h"
#include "sink/script_internal.h"
#include "value/timestamp.h"
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

static int put(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err)
{
    return sfx_buf_append(out, text.ptr, text.len, err);
}

const char *sfx_script_literal(const struct sfx_sink_column *column,
                               const struct sfx_typed_value *value, struct sfx_buf *out, int *rc,
                               struct sfx_err *err)
{
    *rc = 0;
    if (value->null) {
        *rc = sfx_buf_puts(out, "NULL", err);
        return NULL;
    }
    switch (column->type) {
    case SFX_TYPE_INTEGER:
    case SFX_TYPE_DECIMAL:
    case SFX_TYPE_NUMERIC:
    case SFX_TYPE_REAL: *rc = put(value->text, out, err); return NULL;
    case SFX_TYPE_BOOLEAN:
        *rc = sfx_buf_puts(out, value->boolean ? "TRUE" : "FALSE", err);
        return NULL;
    case SFX_TYPE_DATE:
    case SFX_TYPE_TIMESTAMP:
    case SFX_TYPE_TIMESTAMPTZ:
        if (memcmp(value->text.ptr, "0000", 4) == 0)
            return "is in the year 0, which PostgreSQL has not";
        break;
    case SFX_TYPE_JSON:
    case SFX_TYPE_TEXT: break;
    }
    if (memchr(value->text.ptr, '\0', value->text.len) != NULL)
        return "holds a NUL byte, which no script can hold";
    if (!sfx_utf8_valid(value->text))
        return "is not UTF-8";
    *rc = sfx_script_string(value->text, out, err);
    return NULL;
}
