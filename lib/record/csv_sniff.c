/* SPDX-License-Identifier: MIT */
/*
 * Which delimiter and quote a CSV input has. Commas and double quotes, unless the first record has
 * no comma outside quotes and another delimiter makes as many fields of it as of the second one.
 */
#include "record/csv_reader_internal.h"

#include "base/size.h"

#include <string.h>

#define SNIFF_NBYTES ((size_t)64 << 10) /* of the beginning that are looked at */
#define HEAD_FIELDS  256                /* whose quotes are looked at */

enum answer { NO, YES, MORE /* of the input must be seen */ };

struct sample {
    uint32_t nfields; /* of the first record */
    bool all_quoted;  /* each of its fields stands in single quotes */
};

/* No more than one record may be. */
static size_t sniff_nbytes(const struct sfx_reader *r)
{
    return r->opts.max_record_nbytes < SNIFF_NBYTES ? (size_t)r->opts.max_record_nbytes
                                                    : SNIFF_NBYTES;
}

/* The record at *pos, which goes behind it, is at *at; blank ones and comments are passed over. */
static enum answer next_record(const struct sfx_reader *r, const struct sfx_csv_chars *chars,
                               size_t *pos, size_t *at, struct sfx_csv_scan *scan, uint32_t *seps)
{
    const size_t most = sniff_nbytes(r);
    const size_t end = r->block.len < most ? r->block.len : most;
    const bool whole = r->block.eof && r->block.len <= most;
    size_t begin;

    do {
        begin = *pos;
        *scan = (struct sfx_csv_scan){.pos = begin};
        if (!sfx_csv_scan(chars, scan, r->block.data, end, seps, HEAD_FIELDS)) {
            /* The last record may lack its line end. */
            if (!whole)
                return r->block.len < most ? MORE : NO;
            if (begin == end || scan->state == SFX_CSV_QUOTED)
                return NO;
            if (scan->nfields < HEAD_FIELDS)
                seps[scan->nfields] = (uint32_t)end;
            scan->nfields++;
            scan->pos = end;
        }
        *pos = scan->pos;
    } while (scan->comment || (scan->nfields == 1 &&
                               (seps[0] & SFX_CSV_POS) - begin <= (r->block.data[begin] == '\r')));
    *at = begin;
    return scan->bad ? NO : YES;
}

/* Whether each field of the record at begin stands in single quotes. */
static bool all_quoted(const struct sfx_reader *r, size_t begin, const uint32_t *seps,
                       uint32_t nfields)
{
    uint32_t i;

    if (nfields > HEAD_FIELDS)
        return false;
    for (i = 0; i < nfields; i++) {
        size_t end = seps[i] & SFX_CSV_POS;

        if (i + 1 == nfields && end > begin && r->block.data[end - 1] == '\r')
            end--;
        if (end - begin < 2 || r->block.data[begin] != '\'' || r->block.data[end - 1] != '\'')
            return false;
        begin = (seps[i] & SFX_CSV_POS) + 1;
    }
    return true;
}

/* Whether these characters make two or more fields of the first record, and as many of the second.
 * *first is filled when the first is known. */
static enum answer try_chars(const struct sfx_reader *r, char delimiter, char quote,
                             struct sample *first)
{
    struct sfx_csv_chars chars = r->chars;
    uint32_t seps[HEAD_FIELDS];
    struct sfx_csv_scan scan;
    size_t pos = r->begin, begin;
    enum answer answer;

    chars.delimiter = delimiter;
    chars.quote = quote;
    *first = (struct sample){0};
    answer = next_record(r, &chars, &pos, &begin, &scan, seps);
    if (answer != YES)
        return answer;
    first->nfields = scan.nfields;
    first->all_quoted = all_quoted(r, begin, seps, scan.nfields);
    if (scan.nfields < 2)
        return NO;
    answer = next_record(r, &chars, &pos, &begin, &scan, seps);
    return answer != YES ? answer : scan.nfields == first->nfields ? YES : NO;
}

/* Looks for a delimiter that goes with quote; takes the one that makes the most fields. */
static enum answer try_quote(struct sfx_reader *r, char quote)
{
    static const char delimiters[] = {';', '\t', '|', ','};
    uint32_t most = 1;
    size_t d;

    for (d = 0; d < SFX_COUNT(delimiters); d++) {
        struct sample first;
        const enum answer answer = try_chars(r, delimiters[d], quote, &first);

        if (answer == MORE)
            return MORE;
        if (answer == NO || first.nfields <= most || (quote == '\'' && !first.all_quoted))
            continue;
        most = first.nfields;
        r->chars.delimiter = delimiters[d];
        r->chars.quote = quote;
    }
    return most > 1 ? YES : NO;
}

/* YES: what r->chars now holds is right. */
static enum answer try_all(struct sfx_reader *r)
{
    struct sample first;
    enum answer answer;

    r->chars.delimiter = ',';
    r->chars.quote = '"';
    answer = try_chars(r, ',', '"', &first);
    if (first.nfields == 0 && answer != NO)
        return MORE;
    if (first.nfields >= 2 && !first.all_quoted)
        return YES;
    answer = try_quote(r, '\'');
    if (answer == NO && first.nfields < 2)
        answer = try_quote(r, '"');
    return answer;
}

int sfx_csv_sniff(struct sfx_reader *r, struct sfx_err *err)
{
    int rc = 0;

    while (rc == 0 && try_all(r) == MORE)
        rc = sfx_block_fill(&r->block, 0, r->line, err);
    return rc;
}
