/* SPDX-License-Identifier: MIT */
/* What a name says of a text. */
#include "base/path.h"
#include "base/size.h"
#include "media/media_internal.h"

#include <strings.h>

/* Extensions that decide which text a text is. */
static const struct {
    const char *ext;
    const char *type;
} names[] = {
    {"csv", "text/csv"},
    {"tsv", "text/tab-separated-values"},
    {"tab", "text/tab-separated-values"},
    {"json", "application/json"},
    {"jsonl", "application/x-ndjson"},
    {"ndjson", "application/x-ndjson"},
    {"md", "text/markdown"},
    {"markdown", "text/markdown"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"toml", "application/toml"},
    {"sql", "application/sql"},
    {"css", "text/css"},
    {"js", "text/javascript"},
};

static bool equal_in_any_case(struct sfx_slice a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

/* What the name says a text is; empty when it says nothing. */
static struct sfx_slice text_type_of_name(struct sfx_slice name)
{
    struct sfx_path_parts parts;
    size_t i;

    if (name.len == 0)
        return sfx_slice(NULL, 0);
    sfx_path_split(name, &parts);
    for (i = 0; i < SFX_COUNT(names); i++) {
        if (equal_in_any_case(parts.ext, names[i].ext))
            return sfx_slice_str(names[i].type);
    }
    return sfx_slice(NULL, 0);
}

static bool starts_with(struct sfx_slice text, struct sfx_slice prefix)
{
    return text.len >= prefix.len && memcmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

struct sfx_slice sfx_media_refine(struct sfx_slice guess, struct sfx_slice name)
{
    const struct sfx_slice csv = SFX_SLICE_LIT("text/csv"),
                           json = SFX_SLICE_LIT("application/json"),
                           lines = SFX_SLICE_LIT("application/x-ndjson");
    struct sfx_slice named;

    if (sfx_slice_eq(guess, SFX_SLICE_LIT("application/csv")))
        guess = csv;
    named = text_type_of_name(name);
    if (named.len == 0)
        return guess;
    /* libmagic takes the first line of JSON Lines for JSON. */
    if (sfx_slice_eq(guess, json) || sfx_slice_eq(guess, lines))
        return sfx_slice_eq(named, lines) ? named : guess;
    if (sfx_slice_eq(guess, csv) || sfx_slice_eq(guess, SFX_SLICE_LIT("text/plain")) ||
        starts_with(guess, SFX_SLICE_LIT("text/x-")))
        return named;
    return guess;
}
