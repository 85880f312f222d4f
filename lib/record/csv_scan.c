/* SPDX-License-Identifier: MIT */
/* One CSV record byte by byte: what the structural index leaves, accepted or told what is wrong. */
#include "record/csv_internal.h"

int sfx_csv_chars_check(const struct sfx_csv_chars *chars, struct sfx_err *err)
{
    const char all[] = {chars->delimiter, chars->quote, chars->escape, chars->comment};
    size_t i, k;

    for (i = 0; i < sizeof(all); i++) {
        if (all[i] == '\n' || all[i] == '\r')
            return sfx_err_set(err, SFX_E_USAGE, "a line end cannot be a delimiter or quote");
        for (k = 0; k < i; k++) {
            if (all[i] == all[k] && all[i] != '\0')
                return sfx_err_set(err, SFX_E_USAGE,
                                   k == 0 && i == 1
                                       ? "delimiter and quote are the same character"
                                       : "one character of CSV cannot have two meanings");
        }
    }
    return 0;
}

static void note_bad(struct sfx_csv_scan *scan)
{
    if (!scan->bad) {
        scan->bad_pos = scan->pos;
        scan->bad_field = scan->nfields;
    }
    scan->bad = true;
    scan->state = SFX_CSV_UNQUOTED; /* up to the next separator it is read as it stands */
}

/* What a byte that is no separator does. */
static void take_byte(const struct sfx_csv_chars *chars, struct sfx_csv_scan *scan, char c)
{
    const bool quote = c == chars->quote && !chars->tsv;

    switch (scan->state) {
    case SFX_CSV_FIELD_START:
        scan->state = quote ? SFX_CSV_QUOTED : SFX_CSV_UNQUOTED;
        if (quote)
            scan->open_pos = scan->pos;
        break;
    case SFX_CSV_UNQUOTED: break;
    case SFX_CSV_QUOTED:
        if (quote)
            scan->state = SFX_CSV_AFTER_CLOSE;
        break;
    case SFX_CSV_AFTER_CLOSE:
        if (quote) {
            scan->state = SFX_CSV_QUOTED;
            scan->escape = true;
        } else if (c == '\r' && chars->newline == '\n') {
            scan->state = SFX_CSV_AFTER_CLOSE_CR;
        } else {
            note_bad(scan);
        }
        break;
    case SFX_CSV_AFTER_CLOSE_CR: note_bad(scan); break;
    }
    if (chars->tsv && c == chars->quote)
        scan->escape = true;
}

/* Whether c means nothing here: an escape, what it escapes, or part of a comment. */
static bool is_inert(const struct sfx_csv_chars *chars, struct sfx_csv_scan *scan, char c)
{
    if (scan->comment)
        return c != chars->newline;
    if (!scan->literal) {
        if (chars->escape == '\0' || c != chars->escape || scan->state >= SFX_CSV_AFTER_CLOSE)
            return false;
        scan->literal = true;
        scan->escape = true;
    } else {
        scan->literal = false;
    }
    if (scan->state == SFX_CSV_FIELD_START)
        scan->state = SFX_CSV_UNQUOTED;
    return true;
}

bool sfx_csv_scan(const struct sfx_csv_chars *chars, struct sfx_csv_scan *scan, const char *data,
                  size_t to, uint32_t *seps, uint32_t cap)
{
    for (; scan->pos < to; scan->pos++) {
        const char c = data[scan->pos];
        const bool newline = c == chars->newline && scan->state != SFX_CSV_QUOTED;
        bool sep = newline || (c == chars->delimiter && scan->state != SFX_CSV_QUOTED);

        if (chars->comment != '\0' && c == chars->comment && !scan->begun)
            scan->comment = true;
        scan->begun = true;
        if (is_inert(chars, scan, c))
            continue;
        if (sep && !newline && scan->state == SFX_CSV_AFTER_CLOSE_CR)
            note_bad(scan);
        if (!sep) {
            take_byte(chars, scan, c);
            continue;
        }
        if (scan->nfields < cap)
            seps[scan->nfields] = (uint32_t)scan->pos | (scan->escape ? SFX_CSV_ESCAPED : 0);
        scan->nfields++;
        scan->escape = false;
        scan->state = SFX_CSV_FIELD_START;
        if (newline) {
            scan->pos++;
            return true;
        }
    }
    return false;
}
