/* SPDX-License-Identifier: MIT */
/* A reject as a line of JSON: what is not known is left out. */
#include "record/reject.h"

#include "base/text.h"
#include "json/json.h"

static void put_str(struct sfx_json_writer *w, const char *key, const char *value)
{
    if (value == NULL)
        return;
    sfx_json_key(w, key);
    sfx_json_string(w, sfx_slice_str(value));
}

static void put_slice(struct sfx_json_writer *w, const char *key, struct sfx_slice value)
{
    if (value.len == 0)
        return;
    sfx_json_key(w, key);
    sfx_json_string(w, value);
}

/* Bytes, which may be no text: "key", or "key_base64". */
static int put_bytes(struct sfx_json_writer *w, const char *key, const char *coded_key,
                     struct sfx_slice bytes, struct sfx_err *err)
{
    struct sfx_buf coded = {0};
    int rc = 0;

    if (sfx_utf8_valid(bytes)) {
        put_slice(w, key, bytes);
        return 0;
    }
    rc = sfx_base64_encode(&coded, bytes, err);
    if (rc == 0)
        put_slice(w, coded_key, sfx_buf_slice(&coded));
    sfx_buf_done(&coded);
    return rc;
}

/* How the record is read again, then the record: sfx_rejects_format counts on the order. */
static int put_record(struct sfx_json_writer *w, const struct sfx_reject *r, struct sfx_err *err)
{
    int rc = 0;

    if (r->raw.len > 0) {
        put_str(w, "format", r->format);
        put_slice(w, "delimiter", sfx_slice(&r->delimiter, r->delimiter != 0));
        put_slice(w, "quote", sfx_slice(&r->quote, r->quote != 0));
        rc = put_bytes(w, "header", "header_base64", r->header, err);
    }
    return rc == 0 ? put_bytes(w, "raw", "raw_base64", r->raw, err) : rc;
}

int sfx_reject_write(const struct sfx_reject *r, struct sfx_buf *out, struct sfx_err *err)
{
    const size_t start = out->len;
    struct sfx_json_writer w;
    int rc;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    put_str(&w, "program", r->program);
    put_str(&w, "input", r->input);
    put_str(&w, "member", r->member);
    if (r->line > 0) {
        sfx_json_key(&w, "line");
        sfx_json_uint(&w, r->line);
        sfx_json_key(&w, "offset");
        sfx_json_uint(&w, r->offset);
    }
    put_slice(&w, "column", r->column);
    if (r->value.ptr != NULL) { /* an empty value is one, too */
        sfx_json_key(&w, "value");
        sfx_json_string(&w, r->value);
    }
    put_str(&w, "code", r->code);
    put_str(&w, "reason", r->reason);
    put_slice(&w, "rule", r->rule);
    rc = put_record(&w, r, err);
    put_slice(&w, "event", r->event);
    sfx_json_end_object(&w);
    if (rc == 0)
        rc = sfx_json_finish(&w, err);
    if (rc == 0)
        rc = sfx_buf_putc(out, '\n', err);
    if (rc < 0)
        out->len = start;
    return rc;
}
