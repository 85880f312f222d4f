/* SPDX-License-Identifier: MIT */
/* Where CSV records begin and end: the index where it can, the scan where it must. */
#include "record/csv_reader_internal.h"

#include <inttypes.h>
#include <string.h>

/* A file without a line feed in so much of its beginning, but with bare CRs, ends lines with CR. */
#define EOL_LOOKAHEAD_NBYTES ((size_t)64 << 10)

/* Line ends in data[from..to). */
static uint64_t count_lines(const struct sfx_reader *r, size_t from, size_t to)
{
    const char *end = r->block.data + to;
    const char *at = r->block.data + from;
    uint64_t count = 0;

    while (at < end && (at = memchr(at, r->chars.newline, (size_t)(end - at))) != NULL) {
        count++;
        at++;
    }
    return count;
}

uint64_t sfx_csv_row_lines(const struct sfx_reader *r, const struct sfx_csv_row *row)
{
    return count_lines(r, row->begin, row->next);
}

struct sfx_slice sfx_csv_row_field(const struct sfx_reader *r, const struct sfx_csv_row *row,
                                   uint32_t i, bool *escaped)
{
    const uint32_t sep = r->ix.seps[row->sep + i];
    const size_t begin = i == 0 ? row->begin : (r->ix.seps[row->sep + i - 1] & SFX_CSV_POS) + 1;
    const size_t end = i + 1 == row->nfields ? row->end : sep & SFX_CSV_POS;

    *escaped = (sep & SFX_CSV_ESCAPED) != 0;
    return sfx_slice(r->block.data + begin, end - begin);
}

const char *sfx_csv_ragged_reason(struct sfx_reader *r, uint32_t nfields, struct sfx_err *err)
{
    sfx_buf_clear(&r->text);
    if (r->schema.ncols == 0) { /* the header itself, or what stands for it */
        if (sfx_buf_printf(&r->text, err, "%" PRIu32 " fields, more than %d columns", nfields,
                           SFX_BATCH_MAX_COLS) < 0)
            return NULL;
        return sfx_buf_cstr(&r->text, err);
    }
    if (sfx_buf_printf(&r->text, err, "record has %" PRIu32 " field%s, %s has %zu", nfields,
                       nfields == 1 ? "" : "s", r->opts.no_header ? "the first one" : "header",
                       r->schema.ncols) < 0)
        return NULL;
    return sfx_buf_cstr(&r->text, err);
}

int sfx_csv_rows_refuse(const struct sfx_reader *r, const struct sfx_csv_fault *fault,
                        const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    const uint64_t line = fault->line > 0 ? fault->line : r->line;
    struct sfx_slice column = {0};
    int rc;

    if (fault->field >= 0 && (size_t)fault->field < r->schema.ncols)
        column = r->schema.columns[fault->field].name;
    if (rejects != NULL) {
        const struct sfx_reject reject = {
            .input = r->block.src.input,
            .member = r->block.src.member,
            .line = r->line,
            .offset = r->block.offset + fault->begin,
            .column = column,
            .code = sfx_code_name(fault->code),
            .reason = fault->reason,
            .raw = sfx_slice(r->block.data + fault->begin, fault->end - fault->begin),
        };

        return rejects->put(rejects->ctx, &reject, err);
    }
    rc = sfx_err_set(err, fault->code, "%s", fault->reason);
    if (fault->field >= 0 && column.len > 0)
        rc = sfx_err_wrap(err, rc, "column %" PRId64 " (%.*s)", fault->field + 1,
                          SFX_SLICE_ARG(column));
    else if (fault->field >= 0)
        rc = sfx_err_wrap(err, rc, "column %" PRId64, fault->field + 1);
    return sfx_block_blame(&r->block, line, r->block.offset + fault->pos, rc, err);
}

/* Forgets the records taken; the separators of the one in progress move to the front. */
static void drop_taken(struct sfx_reader *r)
{
    const uint32_t rest = r->ix.nseps - r->next_sep;

    if (r->next_sep > 0 && rest > 0)
        memmove(r->ix.seps, r->ix.seps + r->next_sep, rest * sizeof(*r->ix.seps));
    if (r->begin == r->scanned) {
        r->ix.inner_newline = false;
        r->ix.spelled = false;
    }
    r->ix.nseps = rest;
    r->ix.nrows = 0;
    r->next_row = 0;
    r->next_sep = 0;
}

/* Begins the index anew at the next record. */
static void restart(struct sfx_reader *r)
{
    sfx_csv_index_reset(&r->ix);
    r->next_row = 0;
    r->next_sep = 0;
    r->scanned = r->begin;
    r->scanning = false;
}

/* Takes the next record byte by byte: its separators replace those that the index found. */
static void start_scan(struct sfx_reader *r)
{
    r->scanning = true;
    r->scan = (struct sfx_csv_scan){.pos = r->begin};
    r->ix.nseps = 0;
}

static int more_of_block(struct sfx_reader *r, struct sfx_err *err)
{
    const size_t used = r->begin;
    uint32_t nseps;
    uint32_t i;
    int rc;

    drop_taken(r);
    rc = sfx_block_fill(&r->block, used, r->line, err);
    if (rc < 0)
        return rc;
    r->begin = 0;
    nseps = !r->scanning                     ? r->ix.nseps
            : r->scan.nfields < SFX_CSV_SEPS ? r->scan.nfields
                                             : SFX_CSV_SEPS;
    for (i = 0; i < nseps; i++)
        r->ix.seps[i] -= (uint32_t)used;
    r->scanned -= used;
    if (r->scanning) {
        r->scan.pos -= used;
        r->scan.open_pos -= r->scan.open_pos >= used ? used : 0;
        r->scan.bad_pos -= r->scan.bad ? used : 0;
    }
    return 1;
}

/* The scan has come to the end of the next record: it is taken up, or refused. */
static int end_scan(struct sfx_reader *r, const struct sfx_reject_sink *rejects,
                    struct sfx_err *err)
{
    const struct sfx_csv_scan *scan = &r->scan;
    const uint32_t nfields = scan->nfields;
    struct sfx_csv_fault fault = {.begin = r->begin, .end = scan->pos - 1, .field = -1};
    int rc;

    if (!scan->bad && nfields <= SFX_CSV_SEPS) {
        restart(r); /* the entries are in place: only the counts are reset */
        r->ix.nseps = nfields;
        r->ix.rows[0] = nfields - 1;
        r->ix.nrows = 1;
        r->ix.inner_newline = true; /* perhaps: then it is looked for */
        r->ix.spelled = true;
        r->scanned = scan->pos;
        return 1;
    }
    if (fault.end > r->begin && r->block.data[fault.end - 1] == '\r')
        fault.end--;
    rc = sfx_block_check(&r->block, fault.end - r->begin, r->line, r->begin, err);
    if (rc < 0)
        return rc;
    fault.code = SFX_E_INPUT;
    fault.pos = scan->bad ? scan->bad_pos : r->begin;
    fault.line = r->line + count_lines(r, r->begin, fault.pos);
    if (scan->bad)
        fault.field = scan->bad_field;
    fault.reason =
        scan->bad ? "text after a closing quote" : sfx_csv_ragged_reason(r, nfields, err);
    rc = fault.reason == NULL ? SFX_E_NOMEM : sfx_csv_rows_refuse(r, &fault, rejects, err);
    r->line += count_lines(r, r->begin, scan->pos);
    r->begin = scan->pos;
    restart(r);
    return rc < 0 ? rc : 1;
}

/* The input has ended within quotes. */
static int refuse_unclosed(struct sfx_reader *r, const struct sfx_reject_sink *rejects,
                           struct sfx_err *err)
{
    const size_t open = r->scan.state == SFX_CSV_QUOTED ? r->scan.open_pos : r->begin;
    const uint64_t line = r->line + count_lines(r, r->begin, open);
    struct sfx_csv_fault fault = {
        .begin = r->begin,
        .end = r->block.len,
        .line = line,
        .pos = open,
        .field = r->scan.nfields,
        .code = SFX_E_INPUT,
    };
    int rc;

    sfx_buf_clear(&r->text);
    if (r->scan.state == SFX_CSV_QUOTED)
        rc = sfx_buf_printf(&r->text, err, "the quote opened on line %" PRIu64 " is never closed",
                            line);
    else
        rc = sfx_buf_puts(&r->text, "the input ends with an escape character", err);
    fault.reason = rc == 0 ? sfx_buf_cstr(&r->text, err) : NULL;
    if (fault.reason == NULL)
        return SFX_E_NOMEM;
    rc = sfx_csv_rows_refuse(r, &fault, rejects, err);
    r->begin = r->block.len;
    restart(r);
    return rc;
}

/* At the end of the input: closes the last record. 1: there is one, 0: all is said. */
static int finish(struct sfx_reader *r, const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_block *b = &r->block;

    if (r->begin == b->len)
        return 0;
    if (!r->closed && b->data[b->len - 1] != r->chars.newline) {
        b->data[b->len++] = r->chars.newline; /* the slack has room for it */
        r->closed = true;
        return 1;
    }
    if (!r->scanning) {
        start_scan(r); /* to find the quote that is open */
        return 1;
    }
    if (r->closed)
        b->len--; /* it was not the record's own */
    return refuse_unclosed(r, rejects, err);
}

/* Runs the index over what it has not seen; when it stops short, the scan takes over. */
static void run_index(struct sfx_reader *r)
{
    drop_taken(r);
    r->scanned = r->index(&r->chars, &r->ix, r->block.data, r->scanned, r->block.len);
    /* A quote out of place, or more fields than the index holds. */
    if (r->ix.nrows == 0 && (r->ix.dirty || r->scanned < r->block.len))
        start_scan(r);
    r->ix.dirty = false; /* met again when the records before it are taken */
}

int sfx_csv_rows_more(struct sfx_reader *r, bool may_move, const struct sfx_reject_sink *rejects,
                      struct sfx_err *err)
{
    if (r->scanning &&
        sfx_csv_scan(&r->chars, &r->scan, r->block.data, r->block.len, r->ix.seps, SFX_CSV_SEPS))
        return end_scan(r, rejects, err);
    if (!r->scanning && r->scanned < r->block.len) {
        run_index(r);
        return 1;
    }
    if (r->block.eof)
        return finish(r, rejects, err);
    return may_move ? more_of_block(r, err) : 0;
}

/* Where the search for the first line end stands. */
struct eol_search {
    size_t pos;
    bool quoted;   /* within quotes */
    bool may_open; /* a quote here opens: a field begins, or a quote was just closed */
    bool saw_cr;   /* a CR outside quotes */
    bool escaped;  /* the character means nothing */
};

/* Goes on to the first LF outside quotes: true. Until there is one, a CR may be a line end. */
static bool find_lf(const struct sfx_reader *r, struct eol_search *s)
{
    const struct sfx_csv_chars *chars = &r->chars;
    const size_t end = r->block.len < EOL_LOOKAHEAD_NBYTES ? r->block.len : EOL_LOOKAHEAD_NBYTES;

    for (; s->pos < end; s->pos++) {
        const char c = r->block.data[s->pos];
        const bool quote = c == chars->quote && !chars->tsv;

        if (s->escaped || (chars->escape != '\0' && c == chars->escape)) {
            s->escaped = !s->escaped;
            s->may_open = false;
            continue;
        }
        if (s->quoted || (quote && s->may_open)) {
            s->quoted = !(s->quoted && quote);
            s->may_open = true;
            continue;
        }
        if (c == '\n')
            return true;
        s->saw_cr = s->saw_cr || c == '\r';
        s->may_open = c == chars->delimiter || c == '\r';
    }
    return false;
}

/* Learns from the beginning how lines end. */
static int find_eol(struct sfx_reader *r, struct sfx_err *err)
{
    struct eol_search s = {.pos = r->begin, .may_open = true};
    struct sfx_block *b = &r->block;
    int rc = 0;

    while (rc == 0) {
        if (find_lf(r, &s)) {
            r->eol = s.pos > r->begin && b->data[s.pos - 1] == '\r' ? SFX_EOL_CRLF : SFX_EOL_LF;
            return 0;
        }
        if (b->eof || b->len >= EOL_LOOKAHEAD_NBYTES)
            break;
        rc = sfx_block_fill(b, 0, r->line, err);
    }
    if (rc == 0 && s.saw_cr) {
        r->eol = SFX_EOL_CR;
        r->chars.newline = '\r';
        r->dialect = 0; /* its fields may hold bare LFs: not to be copied into lines that end so */
    }
    return rc;
}

int sfx_csv_rows_start(struct sfx_reader *r, struct sfx_err *err)
{
    int rc = sfx_block_skip_mark(&r->block, &r->begin, err);

    if (rc == 0)
        rc = sfx_block_skip_lines(&r->block, r->opts.skip_lines, &r->begin, &r->line, err);
    if (rc == 0)
        rc = find_eol(r, err);
    if (rc == 0 && r->opts.sniff && !r->chars.tsv) {
        const char quote = r->chars.quote;

        rc = sfx_csv_sniff(r, err);
        r->dialect = r->eol != SFX_EOL_CR ? SFX_DIALECT(r->chars.delimiter, r->chars.quote) : 0;
        if (rc == 0 && r->chars.quote != quote)
            rc = find_eol(r, err); /* what is within quotes has changed */
    }
    r->escaped_dialect = r->chars.escape != '\0' ? SFX_DIALECT_ESCAPE(r->chars.escape) : r->dialect;
    r->scanned = r->begin;
    return rc;
}
