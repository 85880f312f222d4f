/* SPDX-License-Identifier: MIT */
/* Reads formats in which a record is a line: finds the lines, hands out rows and refusals. */
#include "record/line_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sfx_line_destroy(struct sfx_reader *r)
{
    if (r == NULL)
        return;
    if (r->format->destroy != NULL && r->state != NULL)
        r->format->destroy(r);
    free(r->state);
    sfx_block_done(&r->block);
    sfx_schema_done(&r->schema);
    sfx_buf_done(&r->buf);
    free(r);
}

struct sfx_reader *sfx_line_create(const struct sfx_line_format *format,
                                   const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    struct sfx_reader *r = calloc(1, sizeof(*r));

    if (r != NULL) {
        r->format = format;
        r->opts = sfx_reader_opts_fill(opts);
        r->state = calloc(1, format->state_nbytes + 1); /* never of no bytes */
    }
    if (r == NULL || r->state == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
        sfx_line_destroy(r);
        return NULL;
    }
    if (format->create != NULL && format->create(r, err) < 0) {
        sfx_line_destroy(r);
        return NULL;
    }
    return r;
}

int sfx_line_open(struct sfx_reader *r, const struct sfx_byte_source *src, struct sfx_err *err)
{
    sfx_schema_reset(&r->schema);
    r->pos = 0;
    r->searched = 0;
    r->line = 1 + src->line;
    r->eol = SFX_EOL_LF;
    r->started = false;
    r->ended = false;
    r->failed = 0;
    return sfx_block_open(&r->block, src, r->opts.max_record_nbytes, 0, err);
}

bool sfx_line_at(const struct sfx_reader *r, size_t pos, struct sfx_slice *line, size_t *next)
{
    const char *begin = r->block.data + pos;
    const size_t rest = r->block.len - pos;
    const char *end = rest > 0 ? memchr(begin, '\n', rest) : NULL;

    if (rest == 0 || (end == NULL && !r->block.eof))
        return false;
    *next = end != NULL ? (size_t)(end - r->block.data) + 1 : r->block.len;
    if (end == NULL)
        end = r->block.data + r->block.len;
    else if (end > begin && end[-1] == '\r')
        end--;
    *line = sfx_slice(begin, (size_t)(end - begin));
    return true;
}

int sfx_line_window(struct sfx_reader *r, size_t nlines, size_t nbytes, struct sfx_err *err)
{
    size_t at = r->pos, seen = 0;
    int rc = 0;

    while (rc == 0) {
        while (seen < nlines && at < r->block.len) {
            const char *end = memchr(r->block.data + at, '\n', r->block.len - at);

            at = end != NULL ? (size_t)(end - r->block.data) + 1 : r->block.len;
            seen += end != NULL;
        }
        if (seen == nlines || r->block.eof || r->block.len >= nbytes ||
            r->block.len >= r->block.max_nbytes)
            break;
        rc = sfx_block_fill(&r->block, 0, r->line, err);
    }
    return rc;
}

int sfx_line_add_columns(struct sfx_reader *r, const char *const *names, struct sfx_err *err)
{
    int rc = 0;

    for (; rc >= 0 && *names != NULL; names++)
        rc = sfx_schema_add(&r->schema, sfx_slice_str(*names), err);
    return rc < 0 ? rc : 0;
}

int sfx_line_add_unique(struct sfx_reader *r, struct sfx_slice name, struct sfx_err *err)
{
    size_t base;
    uint32_t n;
    int rc;

    sfx_buf_clear(&r->buf);
    if (name.len > 0)
        rc = sfx_buf_append(&r->buf, name.ptr, name.len, err);
    else
        rc = sfx_buf_printf(&r->buf, err, "%zu", r->schema.ncols + 1);
    base = r->buf.len;
    for (n = 2; rc == 0 && sfx_schema_find(&r->schema, sfx_buf_slice(&r->buf)) >= 0; n++) {
        r->buf.len = base;
        rc = sfx_buf_printf(&r->buf, err, "_%" PRIu32, n);
    }
    if (rc == 0)
        rc = sfx_schema_add(&r->schema, sfx_buf_slice(&r->buf), err);
    return rc < 0 ? rc : 0;
}

/* Skips a byte order mark and the lines that are not wanted; the format makes its columns. */
static int start(struct sfx_reader *r, struct sfx_err *err)
{
    struct sfx_slice first;
    size_t next;
    int rc = sfx_block_skip_mark(&r->block, &r->pos, err);

    if (rc == 0)
        rc = sfx_block_skip_lines(&r->block, r->opts.skip_lines, &r->pos, &r->line, err);
    if (rc == 0)
        rc = sfx_line_window(r, 1, SIZE_MAX, err);
    if (rc == 0 && sfx_line_at(r, r->pos, &first, &next) &&
        next == r->pos + first.len + strlen("\r\n"))
        r->eol = SFX_EOL_CRLF;
    if (rc == 0 && r->format->start != NULL)
        rc = r->format->start(r, err);
    r->searched = r->pos;
    r->started = rc == 0;
    return rc;
}

/* Finds the next line. 1: r->text is it; 0: the block would have to move, or the end. */
static int find(struct sfx_reader *r, bool may_move, struct sfx_err *err)
{
    struct sfx_block *b = &r->block;

    for (;;) {
        const char *end =
            r->searched < b->len ? memchr(b->data + r->searched, '\n', b->len - r->searched) : NULL;
        int rc;

        if (end != NULL || (b->eof && r->pos < b->len)) {
            const char *begin = b->data + r->pos;

            r->next = end != NULL ? (size_t)(end - b->data) + 1 : b->len;
            if (end == NULL)
                end = b->data + b->len;
            else if (end > begin && end[-1] == '\r')
                end--;
            r->text = sfx_slice(begin, (size_t)(end - begin));
            return 1;
        }
        if (b->eof || !may_move)
            return 0;
        r->searched = b->len - r->pos;
        rc = sfx_block_fill(b, r->pos, r->line, err);
        if (rc < 0)
            return rc;
        r->pos = 0;
    }
}

/* Gives the line in hand to rejects, or makes it an error. */
static int refuse(const struct sfx_reader *r, enum sfx_code code,
                  const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    const uint64_t offset = r->block.offset + r->pos;
    struct sfx_reject reject = {
        .input = r->block.src.input,
        .member = r->block.src.member,
        .line = r->line,
        .offset = offset,
        .code = sfx_code_name(code),
        .reason = r->reason,
        .raw = r->text,
    };
    int rc;

    if (r->field >= 0 && (size_t)r->field < r->schema.ncols)
        reject.column = r->schema.columns[r->field].name;
    if (rejects != NULL)
        return rejects->put(rejects->ctx, &reject, err);
    rc = sfx_err_set(err, code, "%s", r->reason);
    if (reject.column.len > 0)
        rc = sfx_err_wrap(err, rc, "column %" PRId64 " (%.*s)", r->field + 1,
                          SFX_SLICE_ARG(reject.column));
    return sfx_block_blame(&r->block, r->line, offset, rc, err);
}

/* Whether every cell of row `at` keeps the limit; if not, what refuses it is set. */
static int check_fields(struct sfx_reader *r, uint32_t at, struct sfx_err *err)
{
    size_t i;

    if (r->text.len <= r->opts.max_field_nbytes)
        return 0;
    for (i = 0; i < r->schema.ncols; i++) {
        const struct sfx_cell *cell = &r->schema.columns[i].cells[at];

        if (cell->kind == SFX_CELL_MISSING || cell->len <= r->opts.max_field_nbytes)
            continue;
        sfx_buf_clear(&r->buf);
        if (sfx_buf_printf(&r->buf, err, "field is longer than %" PRIu64 " bytes",
                           r->opts.max_field_nbytes) < 0 ||
            (r->reason = sfx_buf_cstr(&r->buf, err)) == NULL)
            return SFX_E_NOMEM;
        r->field = (int64_t)i;
        return SFX_E_LIMIT;
    }
    return 0;
}

/* Takes the line in hand as row n. 1: it is one; 0: it is none, or r->ended, or (*wait) not yet. */
static int take(struct sfx_reader *r, struct sfx_batch *batch, uint32_t n, bool *wait,
                const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    enum sfx_line_verdict verdict = SFX_LINE_SKIPPED;
    int rc = sfx_block_check(&r->block, r->text.len, r->line, r->pos, err);

    if (rc < 0)
        return rc;
    r->field = -1;
    if (r->text.len > 0 || r->format->blank_counts)
        verdict = r->format->take(r, r->text, n, n == 0, err);
    *wait = verdict == SFX_LINE_WAIT;
    r->ended = verdict == SFX_LINE_END;
    if (*wait || r->ended)
        return 0;
    if (verdict == SFX_LINE_FAILED)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    if (verdict == SFX_LINE_TAKEN) {
        batch->rows[n] = (struct sfx_row_origin){.raw = r->text,
                                                 .line = r->line,
                                                 .offset = r->block.offset + r->pos,
                                                 .nfields = r->nfields};
        rc = check_fields(r, n, err);
        if (rc == SFX_E_NOMEM)
            return rc;
    }
    if (verdict == SFX_LINE_BAD || rc < 0)
        rc = refuse(r, rc < 0 ? SFX_E_LIMIT : SFX_E_INPUT, rejects, err);
    else
        rc = verdict == SFX_LINE_TAKEN;
    r->line++;
    r->pos = r->next;
    r->searched = r->next;
    return rc;
}

/* Fills batch up to a new column or where the block would have to move: *n rows. */
static int read_rows(struct sfx_reader *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, uint32_t *n, struct sfx_err *err)
{
    int rc = r->started ? 0 : start(r, err);
    bool wait = false;

    while (rc >= 0 && *n < SFX_BATCH_ROWS && !wait && !r->ended) {
        rc = find(r, *n == 0, err);
        if (rc <= 0)
            break;
        rc = take(r, batch, *n, &wait, rejects, err);
        *n += rc == 1;
    }
    return rc < 0 ? rc : 0;
}

int sfx_line_read(struct sfx_reader *r, struct sfx_batch *batch,
                  const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    uint32_t n = 0;
    int rc;

    if (r->failed == 0)
        r->failed = read_rows(r, batch, rejects, &n, &r->failure);
    /* The records before a failure go on first, wherever the block or batch began. */
    if (r->failed < 0 && n == 0) {
        if (err != NULL)
            *err = r->failure;
        return r->failed;
    }
    sfx_schema_seal(&r->schema);
    rc = sfx_batch_set_columns(batch, r->schema.columns, r->schema.ncols, r->schema.id, err);
    if (rc < 0)
        return rc;
    batch->input = r->block.src.input;
    batch->member = r->block.src.member;
    batch->eol = r->eol;
    batch->dialect = 0;
    batch->open_schema = r->format->open_schema;
    sfx_batch_select_all(batch, n);
    return n > 0;
}
