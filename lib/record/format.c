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

#define EXTENSIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* CSV is the first: what is nothing else is read as such. */
/* clang-format off */
static const struct sfx_format formats[] = {
    {"csv", "text/csv", EXTENSIONS("csv"), &sfx_csv_reader, &sfx_csv_writer, true},
    {"tsv", "text/tab-separated-values", EXTENSIONS("tsv", "tab"), &sfx_tsv_reader, &sfx_tsv_writer, true},
    {"jsonl", "application/x-ndjson", EXTENSIONS("jsonl", "ndjson"), &sfx_jsonl_reader, &sfx_jsonl_writer, false},
    {"json", "application/json", EXTENSIONS("json"), &sfx_json_reader, &sfx_json_writer, false},
    {"lines", "text/plain", EXTENSIONS("lines"), &sfx_lines_reader, &sfx_lines_writer, false},
    {"logfmt", "text/plain", EXTENSIONS("logfmt"), &sfx_logfmt_reader, &sfx_logfmt_writer, false},
    {"syslog", "text/plain", EXTENSIONS("syslog"), &sfx_syslog_reader, NULL, false},
    {"clf", "text/plain", EXTENSIONS("clf"), &sfx_clf_reader, NULL, false},
    {"combined", "text/plain", EXTENSIONS("combined"), &sfx_combined_reader, NULL, false},
    {"fixed", "text/plain", EXTENSIONS("fixed", "fwf"), &sfx_fixed_reader, &sfx_fixed_writer, true},
    {"markdown", "text/markdown", EXTENSIONS("md", "markdown"), &sfx_markdown_reader, &sfx_markdown_writer, true},
    {"box", "text/plain", EXTENSIONS("box"), NULL, &sfx_box_writer, true},
    {"sqlite", "application/vnd.sqlite3", EXTENSIONS("sqlite", "sqlite3", "db"), &sfx_sqlite_reader, NULL, false},
    {"rejects", "application/x-ndjson", EXTENSIONS("rejects"), &sfx_rejects_reader, NULL, false},
};
/* clang-format on */

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
    char names[256] = "";
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

    opts->sniff = delimiter == NULL && quote == NULL;
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

const struct sfx_format *sfx_format_by_media_type(struct sfx_slice type)
{
    size_t i;

    if (sfx_slice_eq(type, SFX_SLICE_LIT("text/plain")))
        return NULL;
    for (i = 0; i < SFX_COUNT(formats); i++) {
        if (sfx_slice_eq(type, sfx_slice_str(formats[i].media_type)))
            return &formats[i];
    }
    return NULL;
}

const struct sfx_format *sfx_format_detect(const char *name, struct sfx_slice head)
{
    const struct sfx_format *format = sfx_format_by_extension(name);

    if (format == NULL && head.len > 0)
        format = sfx_format_by_name(sfx_slice_str(sfx_detect_content(head)));
    return format != NULL ? format : &formats[0];
}

const struct sfx_format *sfx_format_of_output(const struct sfx_format *from)
{
    return from->writer != NULL ? from : &formats[0];
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
