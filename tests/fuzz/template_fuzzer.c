/* SPDX-License-Identifier: MIT */
/*
 * Any template (the first line) with any input path (the second) and any id (the rest): what is
 * rendered stays beneath the root.
 */
#include "cli/template.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sfx_slice take_line(struct sfx_slice *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct sfx_slice line =
        sfx_slice(rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len);
    size_t used = line.len + (end != NULL);

    *rest = sfx_slice(rest->ptr + used, rest->len - used);
    return line;
}

/* Aborts unless every part of the name below the root is one, and neither "." nor "..". */
static void check(const struct sfx_template_name *name)
{
    struct sfx_slice rest = sfx_slice(name->path.data, name->path.len);

    if (name->root_len >= rest.len || memchr(rest.ptr, '\0', rest.len) != NULL)
        abort();
    if (name->root_len > 0 && rest.ptr[name->root_len - 1] != '/')
        abort();
    rest = sfx_slice(rest.ptr + name->root_len, rest.len - name->root_len);
    while (rest.len > 0) {
        const char *slash = memchr(rest.ptr, '/', rest.len);
        size_t len = slash != NULL ? (size_t)(slash - rest.ptr) : rest.len;
        struct sfx_slice part = sfx_slice(rest.ptr, len);

        if (len == 0 || sfx_slice_eq(part, SFX_SLICE_LIT(".")) ||
            sfx_slice_eq(part, SFX_SLICE_LIT("..")) || (slash != NULL && len + 1 == rest.len))
            abort();
        len += slash != NULL;
        rest = sfx_slice(rest.ptr + len, rest.len - len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sfx_slice rest = sfx_slice((const char *)data, size);
    struct sfx_slice text = take_line(&rest);
    struct sfx_template_values values = {.width = 320, .height = -1, .n = 1};
    struct sfx_template_name name = {0};
    struct sfx_template *t = NULL;
    struct sfx_err err;
    char *terminated;

    values.path = take_line(&rest);
    values.id = rest;
    terminated = strndup(text.len > 0 ? text.ptr : "", text.len);
    if (terminated != NULL)
        t = sfx_template_new(terminated, &err);
    if (t != NULL && sfx_template_render(t, &values, &name, &err) == 0)
        check(&name);
    sfx_buf_done(&name.path);
    sfx_template_free(t);
    free(terminated);
    return 0;
}
