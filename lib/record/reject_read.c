/* SPDX-License-Identifier: MIT */
/* Rejects read back: what of a line is needed to read its record again. */
#include "record/reject.h"

#include "base/size.h"
#include "base/text.h"
#include "json/json.h"

#include <string.h>

void sfx_reject_text_done(struct sfx_reject_text *text)
{
    sfx_buf_done(&text->input);
    sfx_buf_done(&text->member);
    sfx_buf_done(&text->format);
    sfx_buf_done(&text->header);
    sfx_buf_done(&text->raw);
    sfx_buf_done(&text->event);
    sfx_buf_done(&text->dialect);
}

/* Keys that hold text, and where it goes. */
static const struct {
    const char *key;
    size_t at;
    bool base64;
} texts[] = {
    {"input", offsetof(struct sfx_reject_text, input), false},
    {"member", offsetof(struct sfx_reject_text, member), false},
    {"format", offsetof(struct sfx_reject_text, format), false},
    {"header", offsetof(struct sfx_reject_text, header), false},
    {"header_base64", offsetof(struct sfx_reject_text, header), true},
    {"raw", offsetof(struct sfx_reject_text, raw), false},
    {"raw_base64", offsetof(struct sfx_reject_text, raw), true},
    {"event", offsetof(struct sfx_reject_text, event), false},
};

static int take_text(struct sfx_buf *out, const struct sfx_json_token *tok, bool base64,
                     struct sfx_err *err)
{
    struct sfx_buf coded = {0};
    int rc;

    sfx_buf_clear(out);
    if (!base64)
        return tok->escaped ? sfx_json_unescape(out, tok->text, err)
                            : sfx_buf_append(out, tok->text.ptr, tok->text.len, err);
    rc = sfx_json_unescape(&coded, tok->text, err);
    if (rc == 0)
        rc = sfx_base64_decode(out, sfx_buf_slice(&coded), err);
    sfx_buf_done(&coded);
    return rc;
}

static int take_string(struct sfx_slice key, const struct sfx_json_token *tok,
                       struct sfx_reject_text *text, struct sfx_reject *r, struct sfx_err *err)
{
    size_t i;
    int rc;

    for (i = 0; i < SFX_COUNT(texts); i++) {
        if (sfx_slice_eq(key, sfx_slice_str(texts[i].key)))
            return take_text((struct sfx_buf *)((char *)text + texts[i].at), tok, texts[i].base64,
                             err);
    }
    if (!sfx_slice_eq(key, SFX_SLICE_LIT("delimiter")) &&
        !sfx_slice_eq(key, SFX_SLICE_LIT("quote")))
        return 0;
    rc = take_text(&text->dialect, tok, false, err);
    if (rc == 0 && text->dialect.len != 1)
        return sfx_err_set(err, SFX_E_INPUT, "%.*s is not one byte", SFX_SLICE_ARG(key));
    if (rc == 0)
        *(key.ptr[0] == 'd' ? &r->delimiter : &r->quote) = text->dialect.data[0];
    return rc;
}

static int take_number(struct sfx_slice key, struct sfx_slice number, struct sfx_reject *r,
                       struct sfx_err *err)
{
    if (sfx_slice_eq(key, SFX_SLICE_LIT("line")))
        return sfx_text_u64(number, &r->line, err);
    if (sfx_slice_eq(key, SFX_SLICE_LIT("offset")))
        return sfx_text_u64(number, &r->offset, err);
    return 0;
}

static int take_members(struct sfx_json_reader *json, struct sfx_reject_text *text,
                        struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_json_token tok;
    struct sfx_slice key, skipped;
    int rc;

    while ((rc = sfx_json_next(json, &tok, err)) > 0 && tok.type == SFX_JSON_KEY) {
        key = tok.text;
        rc = sfx_json_next(json, &tok, err);
        if (rc > 0 && tok.type == SFX_JSON_STRING)
            rc = take_string(key, &tok, text, r, err);
        else if (rc > 0 && tok.type == SFX_JSON_NUMBER)
            rc = take_number(key, tok.text, r, err);
        else if (rc > 0)
            rc = sfx_json_skip(json, &tok, &skipped, err);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : sfx_json_next(json, &tok, err);
}

static const char *text_or_null(struct sfx_buf *buf)
{
    return buf->len > 0 ? sfx_buf_cstr(buf, NULL) : NULL;
}

int sfx_reject_read(struct sfx_slice line, struct sfx_reject_text *text, struct sfx_reject *r,
                    struct sfx_err *err)
{
    struct sfx_buf *const bufs[] = {&text->input,  &text->member, &text->format,
                                    &text->header, &text->raw,    &text->event};
    struct sfx_json_reader json;
    struct sfx_json_token tok;
    size_t i;
    int rc;

    *r = (struct sfx_reject){0};
    for (i = 0; i < SFX_COUNT(bufs); i++)
        sfx_buf_clear(bufs[i]);
    sfx_json_reader_init(&json, line.ptr, line.len);
    rc = sfx_json_next(&json, &tok, err);
    if (rc > 0 && tok.type != SFX_JSON_OBJECT)
        rc = sfx_err_set(err, SFX_E_INPUT, "is no object");
    rc = rc > 0 ? take_members(&json, text, r, err) : rc;
    if (rc < 0)
        return rc;
    if (r->line == 0)
        return sfx_err_set(err, SFX_E_INPUT, "is a reject of no record of an input");
    if (text->format.len == 0 || text->raw.len == 0)
        return sfx_err_set(err, SFX_E_INPUT, "does not say what the record was and of what format");
    r->input = text_or_null(&text->input);
    r->member = text_or_null(&text->member);
    r->format = text_or_null(&text->format);
    r->header = sfx_buf_slice(&text->header);
    r->raw = sfx_buf_slice(&text->raw);
    r->event = sfx_buf_slice(&text->event);
    return 0;
}

struct sfx_slice sfx_rejects_format(struct sfx_slice head)
{
    static const char key[] = ",\"format\":\""; /* within a string its quotes are escaped */
    const char *at = head.len > 0 ? memmem(head.ptr, head.len, key, sizeof(key) - 1) : NULL;
    const char *end;

    if (at == NULL)
        return sfx_slice(NULL, 0);
    at += sizeof(key) - 1;
    end = memchr(at, '"', (size_t)(head.ptr + head.len - at));
    return end != NULL ? sfx_slice(at, (size_t)(end - at)) : sfx_slice(NULL, 0);
}
