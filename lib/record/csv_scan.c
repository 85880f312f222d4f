/* SPDX-License-Identifier: MIT */
/* One CSV record byte by byte: what the structural index leaves, accepted or told what is wrong. */
#include "record/csv_internal.h"

int sfx_csv_chars_check(const struct sfx_csv_chars *chars, struct sfx_err *err)
{
    const char both[] = {chars->delimiter, chars->quote};
    size_t i;

    for (i = 0; i < sizeof(both); i++) {
        if (both[i] == '\n' || both[i] == '\r')
            return sfx_err_set(err, SFX_E_USAGE, "a line end cannot be a delimiter or quote");
    }
    if (chars->delimiter == chars->quote)
        return sfx_err_set(err, SFX_E_USAGE, "delimiter and quote are the same character");
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

bool sfx_csv_scan(const struct sfx_csv_chars *chars, struct sfx_csv_scan *scan, const char *data,
                  size_t to, uint32_t *seps, uint32_t cap)
{
    for (; scan->pos < to; scan->pos++) {
        const char c = data[scan->pos];
        const bool newline = c == chars->newline && scan->state != SFX_CSV_QUOTED;
        bool sep = newline || (c == chars->delimiter && scan->state != SFX_CSV_QUOTED);

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
