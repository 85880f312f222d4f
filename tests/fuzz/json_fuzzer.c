/* SPDX-License-Identifier: MIT */
/*
 * Any bytes to the JSON reader. What it accepts and the writer writes again must be accepted again,
 * and be the same text when it is written once more.
 */
#include "base/buf.h"
#include "json/json.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes a token; strings go through their unescaped form. */
static void rewrite(struct sfx_json_writer *w, const struct sfx_json_token *tok,
                    struct sfx_buf *scratch)
{
    sfx_buf_clear(scratch);
    switch (tok->type) {
    case SFX_JSON_OBJECT: sfx_json_begin_object(w); break;
    case SFX_JSON_OBJECT_END: sfx_json_end_object(w); break;
    case SFX_JSON_ARRAY: sfx_json_begin_array(w); break;
    case SFX_JSON_ARRAY_END: sfx_json_end_array(w); break;
    case SFX_JSON_KEY:
        assert(sfx_json_unescape(scratch, tok->text, NULL) == 0);
        sfx_json_key_slice(w, sfx_buf_slice(scratch));
        break;
    case SFX_JSON_STRING:
        assert(sfx_json_unescape(scratch, tok->text, NULL) == 0);
        sfx_json_string(w, sfx_buf_slice(scratch));
        break;
    default: sfx_json_raw(w, tok->text); break;
    }
}

/* The text written again into out; the reader's last result. */
static int rewrite_text(struct sfx_slice text, struct sfx_buf *out, struct sfx_buf *scratch)
{
    struct sfx_json_reader r;
    struct sfx_json_writer w;
    struct sfx_json_token tok;
    int rc;

    sfx_json_reader_init(&r, text.ptr, text.len);
    sfx_json_writer_init(&w, out);
    while ((rc = sfx_json_next(&r, &tok, NULL)) > 0)
        rewrite(&w, &tok, scratch);
    if (rc == 0)
        assert(sfx_json_finish(&w, NULL) == 0);
    return rc;
}

/* The value skipped as a whole is the text without white space around it. */
static void check_skip(struct sfx_slice text)
{
    struct sfx_json_reader r;
    struct sfx_json_token tok;
    struct sfx_slice raw;

    sfx_json_reader_init(&r, text.ptr, text.len);
    assert(sfx_json_next(&r, &tok, NULL) == 1);
    assert(sfx_json_skip(&r, &tok, &raw, NULL) == 0);
    assert(sfx_json_next(&r, &tok, NULL) == 0);
    assert(sfx_json_validate(raw.ptr, raw.len, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sfx_slice text = sfx_slice((const char *)data, size);
    struct sfx_buf first = {0};
    struct sfx_buf second = {0};
    struct sfx_buf scratch = {0};

    if (rewrite_text(text, &first, &scratch) == 0) {
        check_skip(text);
        assert(rewrite_text(sfx_buf_slice(&first), &second, &scratch) == 0);
        assert(sfx_slice_eq(sfx_buf_slice(&first), sfx_buf_slice(&second)));
    }
    /* As inner text of a string, anything is unescaped or refused, and any bytes can be quoted. */
    sfx_buf_clear(&scratch);
    (void)sfx_json_unescape(&scratch, text, NULL);
    sfx_buf_clear(&scratch);
    assert(sfx_json_quote(&scratch, text, NULL) == 0);
    assert(sfx_json_validate(scratch.data, scratch.len, NULL) == 0);
    sfx_buf_done(&first);
    sfx_buf_done(&second);
    sfx_buf_done(&scratch);
    return 0;
}
