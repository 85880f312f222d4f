/* SPDX-License-Identifier: MIT */
/*
 * Reads logfmt: lines of key=value, the values in double quotes where they hold spaces. The columns
 * are all keys seen so far; a key is expected where the line before had it.
 */
#include "record/line_internal.h"
#include "record/logfmt_internal.h"

#include <stdlib.h>
#include <string.h>

/* What is learnt from one line for the next. */
struct state {
    int32_t *order;   /* column of pair i of the last line; capacity cap */
    uint32_t *stamps; /* column c: the stamp of the last line that has it */
    size_t cap;
    uint32_t stamp;
};

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* The value behind a '=' at *at, which goes behind it. NULL, or what is wrong. */
static const char *take_value(const char **at, const char *end, struct sfx_cell *value)
{
    const char *begin = *at;
    const char *p = begin;
    bool escaped = false;

    if (p == end || *p != '"') {
        while (p < end && !is_space(*p))
            p++;
        *value = sfx_line_cell(begin, p);
        value->dialect = SFX_DIALECT_LOG;
        *at = p;
        return NULL;
    }
    for (p = ++begin; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) {
            escaped = true;
            p++;
        }
    }
    if (p >= end)
        return "a quote is never closed";
    *value = sfx_line_cell(begin, p);
    value->flags = (uint8_t)(SFX_CELL_QUOTED | (escaped ? SFX_CELL_ESCAPED : 0));
    value->dialect = SFX_DIALECT_LOG;
    *at = p + 1;
    return *at < end && !is_space(**at) ? "text after a closing quote" : NULL;
}

int sfx_logfmt_next(struct sfx_slice *rest, struct sfx_slice *key, struct sfx_cell *value,
                    const char **reason)
{
    const char *end = rest->ptr + rest->len;
    const char *at = rest->ptr;
    const char *begin;

    *reason = NULL;
    while (at < end && is_space(*at))
        at++;
    begin = at;
    while (at < end && !is_space(*at) && *at != '=' && *at != '"')
        at++;
    *key = sfx_slice(begin, (size_t)(at - begin));
    if (begin == end)
        return 0;
    if (at < end && *at == '"')
        *reason = "a quote in a key";
    else if (at == begin)
        *reason = "a value without a key";
    else if (at == end || *at != '=')
        *value = (struct sfx_cell){
            .ptr = "true", .len = 4, .kind = SFX_CELL_BOOL, .dialect = SFX_DIALECT_LOG};
    else {
        at++;
        *reason = take_value(&at, end, value);
    }
    *rest = sfx_slice(at, (size_t)(end - at));
    return *reason != NULL ? -1 : 1;
}

/* Room for what is learnt about as many columns and pairs. */
static int reserve(struct state *s, size_t count, struct sfx_err *err)
{
    const size_t cap = count < 16 ? 32 : count * 2;
    int32_t *order;
    uint32_t *stamps;

    if (count <= s->cap)
        return 0;
    order = realloc(s->order, cap * sizeof(*order));
    s->order = order != NULL ? order : s->order;
    stamps = realloc(s->stamps, cap * sizeof(*stamps));
    s->stamps = stamps != NULL ? stamps : s->stamps;
    if (order == NULL || stamps == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", cap);
    memset(order + s->cap, 0xff, (cap - s->cap) * sizeof(*order));
    memset(stamps + s->cap, 0, (cap - s->cap) * sizeof(*stamps));
    s->cap = cap;
    return 0;
}

/* The column of pair i, which is called key; -1: there is none. */
static int32_t find_column(const struct sfx_reader *r, struct state *s, size_t i,
                           struct sfx_slice key)
{
    const int32_t guess = i < s->cap ? s->order[i] : -1;

    if (guess >= 0 && (size_t)guess < r->schema.ncols &&
        sfx_slice_eq(r->schema.columns[guess].name, key))
        return guess;
    return sfx_schema_find(&r->schema, key);
}

static bool is_blank(struct sfx_slice line)
{
    size_t i = 0;

    while (i < line.len && is_space(line.ptr[i]))
        i++;
    return i == line.len;
}

/* Whether the rest of a line is right: a wrong one adds no columns. */
static bool is_right(struct sfx_slice rest)
{
    struct sfx_slice key;
    struct sfx_cell value;
    const char *reason;
    int rc;

    while ((rc = sfx_logfmt_next(&rest, &key, &value, &reason)) > 0)
        ;
    return rc == 0;
}

/* Columns that the line lacks are missing. */
static void fill_missing(const struct sfx_reader *r, const struct state *s, uint32_t at)
{
    size_t c;

    for (c = 0; c < r->schema.ncols; c++) {
        if (s->stamps[c] != s->stamp)
            r->schema.columns[c].cells[at] = (struct sfx_cell){0};
    }
}

static enum sfx_line_verdict take(struct sfx_reader *r, struct sfx_slice line, uint32_t at,
                                  bool may_add, struct sfx_err *err)
{
    struct state *s = r->state;
    struct sfx_slice rest = line, key;
    struct sfx_cell value;
    bool checked = false;
    size_t i;
    int more = 1;

    if (++s->stamp == 0) { /* once in four billion lines */
        memset(s->stamps, 0, s->cap * sizeof(*s->stamps));
        s->stamp = 1;
    }
    if (memchr(line.ptr, '=', line.len) == NULL && !is_blank(line))
        return sfx_line_bad(r, -1, "no key=value");
    for (i = 0; (more = sfx_logfmt_next(&rest, &key, &value, &r->reason)) > 0; i++) {
        int32_t col = find_column(r, s, i, key);

        if (col < 0) {
            checked = checked || is_right(rest);
            if (!checked)
                continue; /* to what is wrong */
            if (!may_add)
                return SFX_LINE_WAIT;
            col = sfx_schema_add(&r->schema, key, err);
        }
        if (col < 0 || reserve(s, (i > r->schema.ncols ? i : r->schema.ncols) + 1, err) < 0)
            return SFX_LINE_FAILED;
        s->order[i] = col;
        s->stamps[col] = s->stamp;
        r->schema.columns[col].cells[at] = value;
    }
    r->nfields = (uint32_t)i;
    if (more < 0)
        return SFX_LINE_BAD;
    if (i == 0)
        return SFX_LINE_SKIPPED;
    fill_missing(r, s, at);
    return SFX_LINE_TAKEN;
}

static void destroy(struct sfx_reader *r)
{
    struct state *s = r->state;

    free(s->order);
    free(s->stamps);
}

static const struct sfx_line_format format = {
    .open_schema = true,
    .state_nbytes = sizeof(struct state),
    .take = take,
    .destroy = destroy,
};

static struct sfx_reader *logfmt_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return sfx_line_create(&format, opts, err);
}

const struct sfx_reader_ops sfx_logfmt_reader = {
    .create = logfmt_create,
    .open = sfx_line_open,
    .read = sfx_line_read,
    .destroy = sfx_line_destroy,
};
