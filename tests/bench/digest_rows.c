/* SPDX-License-Identifier: MIT */
/*
 * Says what rows a program wrote, so that outputs of different programs can be compared.
 *
 * usage: digest_rows csv|tsv|jsonl [nohead] [any-order] [rising=COLUMN] <OUTPUT
 *
 * Prints "ROWS HASH": the hash is of the values in their order, whatever their quotes; names of
 * columns do not count, nor do zeros at the end of a decimal fraction (some programs drop them).
 * any-order: the order of rows does not count either. rising=N: the N-th value of each row (from 0)
 * must be a number not less than the one before; a row that breaks it is said on stderr.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "json/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    bool any_order;
    long rising;   /* index of a value, or -1 */
    bool skip_row; /* the header is still to come */
    double last;
    uint64_t rows, hash, row_hash;
    long nvalues;
};

/* The length of text without zeros that end a decimal fraction. */
static size_t without_zeros(const char *text, size_t len)
{
    size_t digits = strspn(text, "-0123456789");
    size_t kept = len;

    if (digits >= len || text[digits] != '.' ||
        digits + 1 + strspn(text + digits + 1, "0123456789") != len)
        return len;
    while (kept > digits + 1 && text[kept - 1] == '0')
        kept--;
    return text[kept - 1] == '.' ? kept - 1 : kept;
}

/* Adds a value, a terminated text of len bytes. */
static void add_value(struct digest *d, const char *text, size_t len)
{
    if (d->nvalues == d->rising && !d->skip_row) {
        double value = strtod(text, NULL);

        if (d->rows > 0 && value < d->last) {
            (void)fprintf(stderr, "row %llu: %s is out of order\n", (unsigned long long)d->rows + 1,
                          text);
            exit(1);
        }
        d->last = value;
    }
    d->row_hash = sfx_hash64(text, without_zeros(text, len), d->row_hash + 1);
    d->nvalues++;
}

static void end_row(struct digest *d)
{
    if (d->skip_row) {
        d->skip_row = false;
    } else {
        d->hash = d->any_order ? d->hash + d->row_hash : sfx_hash64_mix(d->hash) + d->row_hash;
        d->rows++;
    }
    d->row_hash = 0;
    d->nvalues = 0;
}

static void end_value(struct digest *d, struct sfx_buf *value)
{
    const char *text = sfx_buf_cstr(value, NULL);

    if (text == NULL)
        exit(70);
    add_value(d, text, value->len);
    sfx_buf_clear(value);
}

/* RFC 4180 one byte at a time; for TSV quotes mean nothing. */
static void digest_separated(struct digest *d, char separator)
{
    struct sfx_buf value = {0};
    bool quoted = false; /* between quotes */
    bool opened = false; /* the value had a quote: another one outside is the second of a pair */
    int c;

    while ((c = getchar_unlocked()) != EOF) {
        if (c == '"' && separator == ',') {
            if (!quoted && opened)
                (void)sfx_buf_putc(&value, '"', NULL);
            quoted = !quoted;
            opened = true;
        } else if (!quoted && (c == separator || c == '\n')) {
            end_value(d, &value);
            opened = false;
            if (c == '\n')
                end_row(d);
        } else if (quoted || c != '\r') {
            (void)sfx_buf_putc(&value, (char)c, NULL);
        }
    }
    if (value.len > 0 || d->nvalues > 0) {
        end_value(d, &value);
        end_row(d);
    }
    sfx_buf_done(&value);
}

/* One object or array a line, values in their order. */
static void digest_json_line(struct digest *d, const char *line, size_t len, struct sfx_buf *value)
{
    struct sfx_json_reader r;
    struct sfx_json_token tok;
    struct sfx_err err;
    int rc;

    sfx_json_reader_init(&r, line, len);
    while ((rc = sfx_json_next(&r, &tok, &err)) > 0) {
        if (tok.type >= SFX_JSON_KEY)
            continue;
        rc = tok.type == SFX_JSON_STRING ? sfx_json_unescape(value, tok.text, &err)
                                         : sfx_buf_append(value, tok.text.ptr, tok.text.len, &err);
        if (rc < 0)
            break;
        end_value(d, value);
    }
    if (rc < 0) {
        (void)fprintf(stderr, "row %llu: %s\n", (unsigned long long)d->rows + 1, err.text);
        exit(1);
    }
    end_row(d);
}

static void digest_jsonl(struct digest *d)
{
    struct sfx_buf value = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    while ((len = getline(&line, &cap, stdin)) >= 0)
        digest_json_line(d, line, (size_t)len, &value);
    free(line);
    sfx_buf_done(&value);
}

int main(int argc, char **argv)
{
    struct digest d = {.rising = -1};
    const char *format = argc > 1 ? argv[1] : "";
    int i;

    d.skip_row = strcmp(format, "jsonl") != 0;
    for (i = 2; i < argc; i++) {
        if (strcmp(argv[i], "any-order") == 0)
            d.any_order = true;
        else if (strcmp(argv[i], "nohead") == 0)
            d.skip_row = false;
        else if (strncmp(argv[i], "rising=", 7) == 0)
            d.rising = strtol(argv[i] + 7, NULL, 10);
        else
            format = "";
    }
    if (strcmp(format, "jsonl") == 0) {
        digest_jsonl(&d);
    } else if (strcmp(format, "csv") == 0 || strcmp(format, "tsv") == 0) {
        digest_separated(&d, format[0] == 'c' ? ',' : '\t');
    } else {
        (void)fprintf(stderr,
                      "usage: digest_rows csv|tsv|jsonl [nohead] [any-order] [rising=COLUMN]\n");
        return 2;
    }
    (void)printf("%llu %016llx\n", (unsigned long long)d.rows, (unsigned long long)d.hash);
    return 0;
}
