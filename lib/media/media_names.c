/* SPDX-License-Identifier: MIT */
/* Types and the extensions that go with them. */
#include "base/path.h"
#include "base/size.h"
#include "media/media_internal.h"

#include <strings.h>

/* The first extension of a type is its usual one. text: the extension decides among texts. */
static const struct {
    const char *ext;
    const char *type;
    bool text;
} names[] = {
    {"csv", "text/csv", true},
    {"tsv", "text/tab-separated-values", true},
    {"tab", "text/tab-separated-values", true},
    {"json", "application/json", true},
    {"jsonl", "application/x-ndjson", true},
    {"ndjson", "application/x-ndjson", true},
    {"md", "text/markdown", true},
    {"markdown", "text/markdown", true},
    {"yaml", "application/yaml", true},
    {"yml", "application/yaml", true},
    {"toml", "application/toml", true},
    {"sql", "application/sql", true},
    {"css", "text/css", true},
    {"js", "text/javascript", true},
    {"txt", "text/plain", false},
    {"log", "text/plain", false},
    {"html", "text/html", false},
    {"xml", "text/xml", false},
    {"svg", "image/svg+xml", false},
    {"jpg", "image/jpeg", false},
    {"png", "image/png", false},
    {"gif", "image/gif", false},
    {"webp", "image/webp", false},
    {"avif", "image/avif", false},
    {"heic", "image/heic", false},
    {"heif", "image/heif", false},
    {"tif", "image/tiff", false},
    {"bmp", "image/bmp", false},
    {"jxl", "image/jxl", false},
    {"jp2", "image/jp2", false},
    {"pdf", "application/pdf", false},
    {"gz", "application/gzip", false},
    {"zst", "application/zstd", false},
    {"xz", "application/x-xz", false},
    {"bz2", "application/x-bzip2", false},
    {"lz4", "application/x-lz4", false},
    {"zip", "application/zip", false},
    {"7z", "application/x-7z-compressed", false},
    {"tar", "application/x-tar", false},
    {"sqlite", "application/vnd.sqlite3", false},
    {"parquet", "application/vnd.apache.parquet", false},
    {"arrow", "application/vnd.apache.arrow.file", false},
};

struct sfx_slice sfx_media_extension(struct sfx_slice type)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(names); i++) {
        if (sfx_slice_eq(type, sfx_slice_str(names[i].type)))
            return sfx_slice_str(names[i].ext);
    }
    return sfx_slice(NULL, 0);
}

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
        if (names[i].text && equal_in_any_case(parts.ext, names[i].ext))
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
