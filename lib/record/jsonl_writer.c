/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON Lines, and JSON as an array of objects. A record whose members all are as they were
 * read is copied as it stands; else its members are written anew, each value as it was spelled.
 */
#include "base/text.h"
#include "record/copy_internal.h"
#include "record/format_internal.h"
#include "record/jsonl_internal.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

#define KEY_ROOM 32 /* bytes that put_key copies at once */
#define NO_KEY   SIZE_MAX
#define NOT_UTF8 1 /* what is to be written cannot be JSON */

struct key {
    size_t at, len; /* in keys: ,"name": with its comma; len NO_KEY: the name is no JSON, which
                       matters once a record has the column */
};

struct sfx_writer {
    bool lines;
    bool any; /* a record was written */
    struct sfx_buf keys;
    struct key *key; /* one for each column of the batch bound last */
    size_t nkeys, cap;
    uint64_t bound_id;
    size_t bad_column; /* after NOT_UTF8 */
    const struct sfx_reject_sink *rejects;
    struct sfx_buf scratch;
};

static void jsonl_destroy(struct sfx_writer *w)
{
    if (w == NULL)
        return;
    sfx_buf_done(&w->keys);
    sfx_buf_done(&w->scratch);
    free(w->key);
    free(w);
}

static struct sfx_writer *create(const struct sfx_writer_opts *opts, bool lines,
                                 struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));

    if (w == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    else
        w->lines = lines;
    if (w != NULL && opts != NULL)
        w->rejects = opts->rejects;
    return w;
}

static struct sfx_writer *jsonl_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    return create(opts, true, err);
}

static struct sfx_writer *json_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    return create(opts, false, err);
}

/* Spells the keys of a new schema. */
static int bind(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    if (batch->ncols > w->cap) {
        struct key *grown = realloc(w->key, batch->ncols * sizeof(*grown));

        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", batch->ncols);
        w->key = grown;
        w->cap = batch->ncols;
    }
    sfx_buf_clear(&w->keys);
    for (i = 0; rc == 0 && i < batch->ncols; i++) {
        w->key[i] = (struct key){w->keys.len, NO_KEY};
        if (!sfx_utf8_valid(batch->columns[i].name))
            continue;
        rc = sfx_buf_putc(&w->keys, ',', err);
        if (rc == 0)
            rc = sfx_json_quote(&w->keys, batch->columns[i].name, err);
        if (rc == 0)
            rc = sfx_buf_putc(&w->keys, ':', err);
        w->key[i].len = w->keys.len - w->key[i].at;
    }
    if (rc == 0)
        rc = sfx_buf_reserve(&w->keys, KEY_ROOM, err); /* put_key reads so far */
    w->nkeys = batch->ncols;
    w->bound_id = rc == 0 ? batch->schema_id : 0;
    return rc;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether the value at `value` stands behind this key (with its colon) in raw. */
static bool has_key(struct sfx_slice raw, const char *value, const char *key, size_t len)
{
    const char *at = value;

    if ((size_t)(value - raw.ptr) > len && memcmp(value - len, key, len) == 0)
        return true;
    while (at > raw.ptr && is_space(at[-1]))
        at--;
    if (at == raw.ptr || *--at != ':')
        return false;
    while (at > raw.ptr && is_space(at[-1]))
        at--;
    len--; /* without the colon */
    return (size_t)(at - raw.ptr) > len && memcmp(at - len, key, len) == 0;
}

/* Whether the record's raw text says just what its cells say: same members, same names. */
static bool is_intact(const struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row)
{
    const struct sfx_row_origin *origin = &batch->rows[row];
    const char *before = origin->raw.ptr;
    uint32_t members = 0;
    size_t i;

    if (origin->raw.len == 0)
        return false;
    for (i = 0; i < batch->ncols; i++) {
        const struct sfx_cell *cell = &batch->columns[i].cells[row];
        const char *value;

        if (cell->kind == SFX_CELL_MISSING)
            continue;
        if (cell->kind == SFX_CELL_TEXT || cell->dialect == 0 ||
            (w->lines && cell->dialect != SFX_DIALECT_JSON_LINE))
            return false;
        value = cell->ptr - (cell->kind == SFX_CELL_JSON_STRING);
        if (value < origin->raw.ptr || value >= origin->raw.ptr + origin->raw.len ||
            w->key[i].len == NO_KEY ||
            !has_key(origin->raw, value, w->keys.data + w->key[i].at + 1, w->key[i].len - 1))
            return false;
        if (batch->ordered && value < before)
            return false;
        before = value;
        members++;
    }
    /* An object of nothing has no cell to say that it spans lines. */
    if (members == 0 && w->lines && memchr(origin->raw.ptr, '\n', origin->raw.len) != NULL)
        return false;
    return members == origin->nfields;
}

/* Appends JSON without the white space between its tokens. */
static int put_compact(struct sfx_slice json, struct sfx_buf *out, struct sfx_err *err)
{
    bool in_string = false;
    char *to;
    size_t i;
    int rc = sfx_buf_reserve(out, json.len, err);

    if (rc < 0)
        return rc;
    to = out->data + out->len;
    for (i = 0; i < json.len; i++) {
        const char c = json.ptr[i];

        if (!in_string && is_space(c))
            continue;
        *to++ = c;
        if (in_string && c == '\\')
            *to++ = json.ptr[++i];
        else if (c == '"')
            in_string = !in_string;
    }
    out->len = (size_t)(to - out->data);
    return 0;
}

static inline uint64_t needs_escape(uint64_t word, const void *ctx)
{
    const uint64_t control = (word - SFX_EACH_BYTE(0x20)) & ~word;

    (void)ctx;
    return ((control | word) & SFX_EACH_BYTE(0x80)) |
           sfx_has_zero(word ^ SFX_EACH_BYTE((uint64_t)'"')) |
           sfx_has_zero(word ^ SFX_EACH_BYTE((uint64_t)'\\'));
}

/* A text as a JSON string: most are plain ASCII. NOT_UTF8 when it can be none. */
static inline int put_string(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err)
{
    const int rc = sfx_buf_reserve(out, text.len + 2, err);
    char *to;

    if (rc < 0)
        return rc;
    to = out->data + out->len;
    if (!sfx_copy_plain(to + 1, text.ptr, text.len, needs_escape, NULL))
        return sfx_utf8_valid(text) ? sfx_json_quote(out, text, err) : NOT_UTF8;
    to[0] = '"';
    to[text.len + 1] = '"';
    out->len += text.len + 2;
    return 0;
}

static int put_value(struct sfx_writer *w, const struct sfx_cell *cell, struct sfx_buf *out,
                     struct sfx_err *err)
{
    const struct sfx_slice raw = sfx_slice(cell->ptr, cell->len);
    struct sfx_slice text;
    int rc;

    switch (cell->kind) {
    case SFX_CELL_NULL: return sfx_buf_append(out, "null", 4, err);
    case SFX_CELL_JSON_STRING: return sfx_buf_append(out, raw.ptr - 1, raw.len + 2, err);
    case SFX_CELL_JSON_NESTED:
        if (w->lines && cell->dialect != SFX_DIALECT_JSON_LINE)
            return put_compact(raw, out, err);
        return sfx_buf_append(out, raw.ptr, raw.len, err);
    case SFX_CELL_TEXT:
    case SFX_CELL_STRING:
        if ((cell->flags & SFX_CELL_ESCAPED) == 0)
            return put_string(raw, out, err);
        rc = sfx_cell_text(cell, &w->scratch, &text, err);
        return rc < 0 ? rc : put_string(text, out, err);
    default: /* numbers and booleans are spelled in JSON */
        return sfx_buf_append(out, raw.ptr, raw.len, err);
    }
}

static int put_long_key(const struct sfx_writer *w, size_t i, struct sfx_buf *out,
                        struct sfx_err *err)
{
    if (w->key[i].len == NO_KEY)
        return sfx_err_set(err, SFX_E_INPUT,
                           "the name of column %zu is not UTF-8, as JSON must be; --encoding says "
                           "what it is",
                           i + 1);
    return sfx_buf_append(out, w->keys.data + w->key[i].at, w->key[i].len, err);
}

/* Keys are short: two fixed copies cost less than one of their length. */
static inline int put_key(const struct sfx_writer *w, size_t i, struct sfx_buf *out,
                          struct sfx_err *err)
{
    const struct key *key = &w->key[i];
    int rc;

    if (key->len > KEY_ROOM)
        return put_long_key(w, i, out, err);
    rc = sfx_buf_reserve(out, KEY_ROOM, err);
    if (rc < 0)
        return rc;
    memcpy(out->data + out->len, w->keys.data + key->at, KEY_ROOM);
    out->len += key->len;
    return 0;
}

static int put_record(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row,
                      struct sfx_buf *out, struct sfx_err *err)
{
    const size_t begin = out->len;
    size_t i;
    int rc = 0;

    if (is_intact(w, batch, row)) {
        /* In an array the white space around it is not the record's. */
        const struct sfx_slice raw =
            w->lines ? batch->rows[row].raw : sfx_slice_trim(batch->rows[row].raw, " \t\r\n");

        return sfx_buf_append(out, raw.ptr, raw.len, err);
    }
    for (i = 0; rc == 0 && i < batch->ncols; i++) {
        const struct sfx_cell *cell = &batch->columns[i].cells[row];

        if (cell->kind == SFX_CELL_MISSING)
            continue;
        rc = put_key(w, i, out, err);
        if (rc == 0)
            rc = put_value(w, cell, out, err);
    }
    if (rc == 0 && out->len == begin)
        rc = sfx_buf_putc(out, '{', err);
    if (rc == 0)
        out->data[begin] = '{'; /* in place of the first comma */
    w->bad_column = i - 1;
    return rc != 0 ? rc : sfx_buf_putc(out, '}', err);
}

static int jsonl_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                       struct sfx_err *err)
{
    uint32_t i;
    int rc = 0;

    if (w->bound_id != batch->schema_id || w->nkeys != batch->ncols)
        rc = bind(w, batch, err);
    for (i = 0; rc == 0 && i < batch->nsel; i++) {
        const size_t begin = out->len;

        if (!w->lines)
            rc = sfx_buf_puts(out, w->any ? ",\n" : "[\n", err);
        if (rc == 0)
            rc = put_record(w, batch, batch->sel[i], out, err);
        if (rc != 0)
            out->len = begin; /* no half records */
        if (rc == NOT_UTF8) {
            rc = sfx_writer_refuse(w->rejects, batch, batch->sel[i], w->bad_column,
                                   "not UTF-8, as JSON must be; --encoding says what it is", err);
            continue;
        }
        if (rc == 0 && w->lines)
            rc = sfx_buf_putc(out, '\n', err);
        w->any = true;
    }
    return rc;
}

static int jsonl_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                        struct sfx_err *err)
{
    (void)batch; /* without a record nothing is said of columns */
    return w->lines ? 0 : sfx_buf_puts(out, w->any ? "\n]\n" : "[]\n", err);
}

/* A fork has nowhere to put what is no JSON, and so fails. */
static int jsonl_fork(const struct sfx_writer *w, struct sfx_writer **fork, struct sfx_err *err)
{
    if (!w->any)
        return 0;
    *fork = create(NULL, w->lines, err);
    if (*fork == NULL)
        return SFX_E_NOMEM;
    (*fork)->any = true;
    return 0;
}

const struct sfx_writer_ops sfx_jsonl_writer = {
    .create = jsonl_create,
    .write = jsonl_write,
    .finish = jsonl_finish,
    .destroy = jsonl_destroy,
    .fork = jsonl_fork,
};
const struct sfx_writer_ops sfx_json_writer = {
    .create = json_create,
    .write = jsonl_write,
    .finish = jsonl_finish,
    .destroy = jsonl_destroy,
    .fork = jsonl_fork,
};
