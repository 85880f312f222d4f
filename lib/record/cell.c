/* SPDX-License-Identifier: MIT */
/* What a cell's bytes stand for: quotes and escapes of each spelling undone. */
#include "record/batch.h"

#include "json/json.h"

#include <string.h>

/* Doubled quotes become one; every quote inside a quoted field has a twin. */
static int undouble(struct sfx_buf *out, const char *ptr, size_t len, struct sfx_err *err)
{
    const char quote = ptr[-1];
    const char *end = ptr + len;
    int rc = sfx_buf_reserve(out, len, err);

    if (rc < 0)
        return rc;
    while (ptr < end) {
        const char *hit = memchr(ptr, quote, (size_t)(end - ptr));
        size_t n = hit != NULL ? (size_t)(hit - ptr) + 1 : (size_t)(end - ptr);

        memcpy(out->data + out->len, ptr, n);
        out->len += n;
        ptr += n + (hit != NULL);
    }
    return 0;
}

/* The escapes of IANA text/tab-separated-values; another letter keeps its backslash. */
static int unescape_tsv(struct sfx_buf *out, const char *ptr, size_t len, struct sfx_err *err)
{
    static const char from[] = "tnr\\";
    static const char to[] = "\t\n\r\\";
    const char *end = ptr + len;
    char *at;
    int rc = sfx_buf_reserve(out, len, err);

    if (rc < 0)
        return rc;
    at = out->data + out->len;
    while (ptr < end) {
        const char *known =
            *ptr == '\\' && ptr + 1 < end ? memchr(from, ptr[1], sizeof(from) - 1) : NULL;

        *at++ = known != NULL ? to[known - from] : *ptr;
        ptr += known != NULL ? 2 : 1;
    }
    out->len = (size_t)(at - out->data);
    return 0;
}

int sfx_cell_text(const struct sfx_cell *cell, struct sfx_buf *scratch, struct sfx_slice *out,
                  struct sfx_err *err)
{
    int rc;

    *out = sfx_slice(cell->ptr, cell->len);
    if (cell->kind == SFX_CELL_MISSING || cell->kind == SFX_CELL_NULL) {
        *out = sfx_slice("", 0);
        return 0;
    }
    if ((cell->flags & SFX_CELL_ESCAPED) == 0)
        return 0;
    sfx_buf_clear(scratch);
    if (cell->kind == SFX_CELL_JSON_STRING)
        rc = sfx_json_unescape(scratch, *out, err);
    else if ((cell->flags & SFX_CELL_QUOTED) != 0)
        rc = undouble(scratch, cell->ptr, cell->len, err);
    else
        rc = unescape_tsv(scratch, cell->ptr, cell->len, err);
    if (rc == 0)
        *out = sfx_buf_slice(scratch);
    return rc;
}
