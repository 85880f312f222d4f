/* SPDX-License-Identifier: MIT */
/*
 * Reads the first table of a Markdown text (GitHub Flavored Markdown, tables): a line of names, a
 * line of dashes, then a record a line up to one without a pipe.
 */
#include "record/line_internal.h"
#include "record/markdown_internal.h"

#include <string.h>

/* Where in a line the next cell begins. */
struct cells {
    const char *at, *end;
    bool more;
};

/* Starts on a line: the pipe at its beginning, and the one at its end, bound no cells. */
static struct cells begin_cells(struct sfx_slice line)
{
    const struct sfx_slice text = sfx_slice_trim(line, " \t");
    struct cells c = {text.ptr, text.ptr + text.len, text.len > 0};
    size_t backslashes = 0;

    if (text.len > 0 && text.ptr[0] == '|')
        c.at++;
    while (c.end - c.at > (ptrdiff_t)backslashes + 1 && c.end[-2 - (ptrdiff_t)backslashes] == '\\')
        backslashes++;
    if (c.end > c.at && c.end[-1] == '|' && backslashes % 2 == 0)
        c.end--;
    return c;
}

/* The next cell; false: there is none. */
static bool next_cell(struct cells *c, struct sfx_cell *cell)
{
    const char *begin = c->at;
    bool escaped = false;
    struct sfx_slice text;

    if (!c->more)
        return false;
    while (c->at < c->end && *c->at != '|') {
        if (*c->at == '\\' && c->at + 1 < c->end && (c->at[1] == '|' || c->at[1] == '\\')) {
            escaped = true;
            c->at++;
        }
        c->at++;
    }
    text = sfx_slice_trim(sfx_slice(begin, (size_t)(c->at - begin)), " \t");
    c->more = c->at < c->end;
    c->at += c->more;
    *cell = sfx_line_cell(text.ptr, text.ptr + text.len);
    cell->flags = escaped ? SFX_CELL_ESCAPED : 0;
    cell->dialect = SFX_DIALECT_MARKDOWN;
    return true;
}

static size_t count_cells(struct sfx_slice line)
{
    struct cells c = begin_cells(line);
    struct sfx_cell cell;
    size_t n = 0;

    while (next_cell(&c, &cell))
        n++;
    return n;
}

/* Dashes, at least one a cell, a colon before and behind them if need be. */
static bool is_separator(struct sfx_slice line)
{
    struct cells c = begin_cells(line);
    struct sfx_cell cell;
    bool any = false;

    while (next_cell(&c, &cell)) {
        size_t i = cell.len > 0 && cell.ptr[0] == ':';
        const size_t end = cell.len > 1 && cell.ptr[cell.len - 1] == ':' ? cell.len - 1 : cell.len;

        if (i >= end)
            return false;
        for (; i < end; i++) {
            if (cell.ptr[i] != '-')
                return false;
        }
        any = true;
    }
    return any;
}

static bool has_pipe(struct sfx_slice line)
{
    return line.len > 0 && memchr(line.ptr, '|', line.len) != NULL;
}

bool sfx_markdown_begins_table(struct sfx_slice names, struct sfx_slice dashes)
{
    return has_pipe(names) && has_pipe(dashes) && is_separator(dashes) &&
           count_cells(names) == count_cells(dashes);
}

/* Gets the line at r->pos and the one behind it; *second is empty when there is none. 0: no line.
 */
static int two_lines(struct sfx_reader *r, struct sfx_slice *first, struct sfx_slice *second,
                     size_t *behind_first, size_t *behind_second, struct sfx_err *err)
{
    int rc;

    for (;;) {
        const bool one = sfx_line_at(r, r->pos, first, behind_first);

        *second = sfx_slice(NULL, 0);
        if (one && sfx_line_at(r, *behind_first, second, behind_second))
            return 1;
        if (r->block.eof)
            return one;
        rc = sfx_block_fill(&r->block, r->pos, r->line, err);
        r->pos = 0;
        if (rc < 0)
            return rc;
    }
}

/* Makes the columns of the line of names. */
static int add_columns(struct sfx_reader *r, struct sfx_slice line, struct sfx_err *err)
{
    struct cells c = begin_cells(line);
    struct sfx_buf scratch = {0};
    struct sfx_slice name;
    struct sfx_cell cell;
    int rc = 0;

    while (rc == 0 && next_cell(&c, &cell)) {
        rc = sfx_cell_text(&cell, &scratch, &name, err);
        if (rc == 0)
            rc = sfx_line_add_unique(r, name, err);
    }
    sfx_buf_done(&scratch);
    return rc;
}

static int start(struct sfx_reader *r, struct sfx_err *err)
{
    struct sfx_slice first, second;
    size_t behind_first, behind_second;
    bool blank = true;
    int rc;

    while ((rc = two_lines(r, &first, &second, &behind_first, &behind_second, err)) > 0) {
        if (sfx_markdown_begins_table(first, second)) {
            rc = add_columns(r, first, err);
            r->pos = behind_second;
            r->line += 2;
            return rc;
        }
        blank = blank && sfx_slice_trim(first, " \t").len == 0;
        r->pos = behind_first;
        r->line++;
    }
    if (rc == 0 && !blank) {
        rc = sfx_err_set(err, SFX_E_INPUT,
                         "there is no table: a line of names with pipes, then a "
                         "line of dashes with as many");
        rc = sfx_block_blame(&r->block, 0, 0, rc, err);
    }
    return rc;
}

static enum sfx_line_verdict take(struct sfx_reader *r, struct sfx_slice line, uint32_t at,
                                  bool may_add, struct sfx_err *err)
{
    struct cells c = begin_cells(line);
    struct sfx_cell cell;
    size_t i;

    (void)may_add;
    (void)err;
    if (!has_pipe(line))
        return SFX_LINE_END;
    for (i = 0; next_cell(&c, &cell); i++) {
        if (i == r->schema.ncols)
            return sfx_line_bad(r, -1, "more cells than the table has names");
        r->schema.columns[i].cells[at] = cell;
    }
    r->nfields = (uint32_t)i;
    for (; i < r->schema.ncols; i++)
        r->schema.columns[i].cells[at] = (struct sfx_cell){0};
    return SFX_LINE_TAKEN;
}

static const struct sfx_line_format format = {.blank_counts = true, .start = start, .take = take};

static struct sfx_reader *markdown_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return sfx_line_create(&format, opts, err);
}

const struct sfx_reader_ops sfx_markdown_reader = {
    .create = markdown_create,
    .open = sfx_line_open,
    .read = sfx_line_read,
    .destroy = sfx_line_destroy,
};
