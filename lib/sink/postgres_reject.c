/* SPDX-License-Identifier: MIT */
/*
 * The table of rejects in a PostgreSQL database. A connection does one COPY at a time, so rejects
 * wait in a buffer while records are copied, and go in between.
 */
#include "base/text.h"
#include "sink/ledger.h"
#include "sink/postgres_internal.h"

#include <inttypes.h>

#define COPY                                                                                       \
    "COPY " SFX_REJECTS "(load_id, line, \"offset\", column_name, value, code, reason, rule, raw)" \
    " FROM STDIN"

/* One byte of a field; what the server has not in texts becomes U+FFFD. */
static int put_byte(struct sfx_buf *out, char c, struct sfx_err *err)
{
    switch (c) {
    case '\0': return sfx_buf_puts(out, "\xef\xbf\xbd", err);
    case '\\': return sfx_buf_puts(out, "\\\\", err);
    case '\t': return sfx_buf_puts(out, "\\t", err);
    case '\n': return sfx_buf_puts(out, "\\n", err);
    case '\r': return sfx_buf_puts(out, "\\r", err);
    default: return sfx_buf_putc(out, c, err);
    }
}

static int put_text(struct sfx_buf *out, struct sfx_slice text, bool null, struct sfx_err *err)
{
    size_t at = 0, end;
    int rc = sfx_buf_puts(out, null ? "\t\\N" : "\t", err);

    while (rc == 0 && !null && at < text.len) {
        end = at + sfx_utf8_valid_prefix(sfx_slice(text.ptr + at, text.len - at));
        for (; rc == 0 && at < end; at++)
            rc = put_byte(out, text.ptr[at], err);
        if (rc == 0 && at < text.len) {
            rc = put_byte(out, '\0', err);
            at++;
        }
    }
    return rc;
}

static int put_bytes(struct sfx_buf *out, struct sfx_slice bytes, struct sfx_err *err)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;
    int rc = sfx_buf_puts(out, "\t\\\\x", err);

    for (i = 0; rc == 0 && i < bytes.len; i++) {
        const unsigned char c = (unsigned char)bytes.ptr[i];

        rc = sfx_buf_putc(out, digits[c >> 4], err);
        if (rc == 0)
            rc = sfx_buf_putc(out, digits[c & 15], err);
    }
    return rc;
}

int sfx_postgres_reject(struct sfx_sink *sink, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_buf *out = &s->rejects;
    int rc = sfx_buf_printf(out, err, "%" PRId64 "\t%" PRIu64 "\t%" PRIu64, s->load_id, r->line,
                            r->offset);

    if (rc == 0)
        rc = put_text(out, r->column, r->column.len == 0, err);
    if (rc == 0)
        rc = put_text(out, r->value, r->value.ptr == NULL, err);
    if (rc == 0)
        rc = put_text(out, sfx_slice_str(r->code), false, err);
    if (rc == 0)
        rc = put_text(out, sfx_slice_str(r->reason), false, err);
    if (rc == 0)
        rc = put_text(out, r->rule, r->rule.len == 0, err);
    if (rc == 0)
        rc = put_bytes(out, r->raw, err);
    return rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
}

int sfx_postgres_put_rejects(struct sfx_postgres *s, struct sfx_err *err)
{
    int rc;

    if (s->rejects.len == 0)
        return 0;
    rc = sfx_postgres_put_end(s, err);
    if (rc == 0)
        rc = sfx_postgres_exec(s, SFX_REJECTS_DDL("bigint", "bytea"), err);
    if (rc == 0)
        rc = sfx_postgres_copy(s, COPY, sfx_buf_slice(&s->rejects), err);
    sfx_buf_clear(&s->rejects);
    return rc < 0 ? sfx_err_wrap(err, rc, "table " SFX_REJECTS) : 0;
}
