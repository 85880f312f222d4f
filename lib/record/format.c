/* SPDX-License-Identifier: MIT */
/* The table of record formats, and how one is recognised. */
#include "record/format.h"

#include "base/size.h"
#include "record/format_internal.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_MAX_RECORD_NBYTES (UINT64_C(64) << 20)
#define DEFAULT_MAX_FIELD_NBYTES  (UINT64_C(16) << 20)
/* Positions within a record are 31 bits; half of that leaves room to double the buffer. */
#define HARD_MAX_RECORD_NBYTES (UINT64_C(1) << 30)

static const char *const csv_extensions[] = {"csv", NULL};
static const char *const tsv_extensions[] = {"tsv", "tab", NULL};

static const char *const jsonl_extensions[] = {"jsonl", "ndjson", NULL};
static const char *const json_extensions[] = {"json", NULL};

/* CSV is the first: what is nothing else is read as such. */
static const struct sfx_format formats[] = {
    {"csv", "text/csv", csv_extensions, &sfx_csv_reader, &sfx_csv_writer, true},
    {"tsv", "text/tab-separated-values", tsv_extensions, &sfx_tsv_reader, &sfx_tsv_writer, true},
    {"jsonl", "application/x-ndjson", jsonl_extensions, &sfx_jsonl_reader, &sfx_jsonl_writer,
     false},
    {"json", "application/json", json_extensions, &sfx_json_reader, &sfx_json_writer, false},
};

const struct sfx_format *sfx_format_all(size_t *count)
{
    *count = SFX_COUNT(formats);
    return formats;
}

const struct sfx_format *sfx_format_by_name(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(formats); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(formats[i].name)))
            return &formats[i];
    }
    return NULL;
}

static int parse_name(const char *name, const struct sfx_format **format, struct sfx_err *err)
{
    char names[64] = "";
    size_t used = 0, i;

    *format = name != NULL ? sfx_format_by_name(sfx_slice_str(name)) : NULL;
    if (name == NULL || *format != NULL)
        return 0;
    for (i = 0; i < SFX_COUNT(formats) && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
                                 formats[i].name);
    return sfx_err_set(err, SFX_E_USAGE, "no format \"%s\"; there are %s", name, names);
}

static int parse_byte(const char *what, const char *text, char *byte, struct sfx_err *err)
{
    if (text == NULL)
        return 0;
    *byte = strcmp(text, "\\t") == 0 ? '\t' : text[0];
    if (text[0] != '\0' && (text[1] == '\0' || *byte == '\t'))
        return 0;
    return sfx_err_set(err, SFX_E_USAGE, "%s \"%s\" is not one byte", what, text);
}

int sfx_format_parse(const char *name, const char *delimiter, const char *quote,
                     const struct sfx_format **format, struct sfx_reader_opts *opts,
                     struct sfx_err *err)
{
    int rc = parse_name(name, format, err);

    if (rc == 0)
        rc = parse_byte("delimiter", delimiter, &opts->delimiter, err);
    return rc == 0 ? parse_byte("quote", quote, &opts->quote, err) : rc;
}

const struct sfx_format *sfx_format_by_extension(const char *name)
{
    const char *dot = name != NULL ? strrchr(name, '.') : NULL;
    size_t i;

    if (dot == NULL || strchr(dot, '/') != NULL)
        return NULL;
    for (i = 0; i < SFX_COUNT(formats); i++) {
        const char *const *ext;

        for (ext = formats[i].extensions; *ext != NULL; ext++) {
            if (strcasecmp(dot + 1, *ext) == 0)
                return &formats[i];
        }
    }
    return NULL;
}

/* Objects are JSON Lines, an array is JSON, tabs without commas in the first line are TSV. */
static const char *by_content(struct sfx_slice head)
{
    const char *end = head.ptr + head.len;
    const char *at = head.ptr;
    const char *line_end;

    if (head.len >= 3 && memcmp(head.ptr, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    if (at == end)
        return "csv";
    if (*at == '{')
        return "jsonl";
    if (*at == '[')
        return "json";
    line_end = memchr(at, '\n', (size_t)(end - at));
    if (line_end == NULL)
        line_end = end;
    if (memchr(at, '\t', (size_t)(line_end - at)) != NULL &&
        memchr(at, ',', (size_t)(line_end - at)) == NULL)
        return "tsv";
    return "csv";
}

const struct sfx_format *sfx_format_detect(const char *name, struct sfx_slice head)
{
    const struct sfx_format *format = sfx_format_by_extension(name);

    if (format == NULL && head.len > 0)
        format = sfx_format_by_name(sfx_slice_str(by_content(head)));
    return format != NULL ? format : &formats[0];
}

struct sfx_reader_opts sfx_reader_opts_fill(const struct sfx_reader_opts *opts)
{
    struct sfx_reader_opts filled = opts != NULL ? *opts : (struct sfx_reader_opts){0};

    if (filled.max_record_nbytes == 0)
        filled.max_record_nbytes = DEFAULT_MAX_RECORD_NBYTES;
    if (filled.max_record_nbytes > HARD_MAX_RECORD_NBYTES)
        filled.max_record_nbytes = HARD_MAX_RECORD_NBYTES;
    if (filled.max_field_nbytes == 0)
        filled.max_field_nbytes = DEFAULT_MAX_FIELD_NBYTES;
    if (filled.max_depth == 0 || filled.max_depth > SFX_JSON_MAX_DEPTH)
        filled.max_depth = SFX_JSON_MAX_DEPTH;
    return filled;
}
