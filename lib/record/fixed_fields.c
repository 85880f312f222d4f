/* SPDX-License-Identifier: MIT */
/* The option that says where columns of fixed width stand, and characters counted in a line. */
#include "record/fixed_internal.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

const char *sfx_fixed_skip(const char *at, const char *end, size_t nchars)
{
    for (; nchars > 0 && at < end; nchars--) {
        uint32_t cp;
        const size_t n =
            (unsigned char)*at < 0x80 ? 1 : sfx_utf8_decode(sfx_slice(at, (size_t)(end - at)), &cp);

        at += n > 0 ? n : 1;
    }
    return at;
}

size_t sfx_fixed_count(struct sfx_slice text)
{
    const char *at = text.ptr;
    const char *end = at + text.len;
    size_t n = 0;

    for (; at < end; n++)
        at = sfx_fixed_skip(at, end, 1);
    return n;
}

static int parse_number(struct sfx_slice text, struct sfx_slice field, uint32_t *out,
                        struct sfx_err *err)
{
    uint64_t value = 0;

    if (sfx_text_u64(text, &value, NULL) < 0 || value == 0 || value > SFX_FIXED_MAX_CHARS)
        return sfx_err_set(err, SFX_E_USAGE, "--fields: %.*s: %.*s is no width from 1 to %d",
                           SFX_SLICE_ARG(field), SFX_SLICE_ARG(text), SFX_FIXED_MAX_CHARS);
    *out = (uint32_t)value;
    return 0;
}

/* Parses name[:width] or name:from-to; next is where a width begins. */
static int parse_field(struct sfx_slice text, uint32_t next, bool last,
                       struct sfx_fixed_field *field, struct sfx_err *err)
{
    const char *colon = memrchr(text.ptr, ':', text.len);
    const char *end = text.ptr + text.len;
    const char *dash = colon != NULL ? memchr(colon, '-', (size_t)(end - colon)) : NULL;
    uint32_t from = 0, to = 0;
    int rc;

    *field = (struct sfx_fixed_field){
        .name = colon != NULL ? sfx_slice(text.ptr, (size_t)(colon - text.ptr)) : text,
        .begin = next};
    if (field->name.len == 0)
        return sfx_err_set(err, SFX_E_USAGE, "--fields: a field without a name");
    if (colon == NULL)
        return last ? 0
                    : sfx_err_set(err, SFX_E_USAGE,
                                  "--fields: %.*s has no width, and is not the last",
                                  SFX_SLICE_ARG(text));
    if (dash == NULL)
        return parse_number(sfx_slice(colon + 1, (size_t)(end - colon - 1)), text, &field->width,
                            err);
    rc = parse_number(sfx_slice(colon + 1, (size_t)(dash - colon - 1)), text, &from, err);
    if (rc == 0)
        rc = parse_number(sfx_slice(dash + 1, (size_t)(end - dash - 1)), text, &to, err);
    if (rc == 0 && (to < from || from - 1 < next))
        return sfx_err_set(err, SFX_E_USAGE, "--fields: %.*s does not stand behind the one before",
                           SFX_SLICE_ARG(text));
    field->begin = from - 1;
    field->width = to - from + 1;
    return rc;
}

int sfx_fixed_parse(const char *spec, struct sfx_fixed_field **fields, size_t *nfields,
                    struct sfx_err *err)
{
    size_t cap = 1, i;
    uint32_t next = 0;
    const char *p;
    int rc = 0;

    for (p = spec; *p != '\0'; p++)
        cap += *p == ',';
    *nfields = 0;
    *fields = calloc(cap, sizeof(**fields));
    if (*fields == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu fields", cap);
    for (i = 0; rc == 0 && i < cap; i++) {
        const size_t len = strcspn(spec, ",");

        rc = parse_field(sfx_slice(spec, len), next, i + 1 == cap, &(*fields)[i], err);
        next = (*fields)[i].begin + (*fields)[i].width;
        if (rc == 0 && next > SFX_FIXED_MAX_CHARS)
            rc = sfx_err_set(err, SFX_E_USAGE, "--fields: a line of more than %d characters",
                             SFX_FIXED_MAX_CHARS);
        spec += len + 1;
    }
    if (rc == 0) {
        *nfields = cap;
        return 0;
    }
    free(*fields);
    *fields = NULL;
    return rc;
}
