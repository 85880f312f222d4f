/* SPDX-License-Identifier: MIT */
/* Writes logfmt: the pairs of a record in a line, quoted where they must be. */
#include "record/format_internal.h"

#include <stdlib.h>
#include <string.h>

struct key {
    size_t at, len; /* in keys */
};

struct sfx_writer {
    struct sfx_buf keys;
    struct key *key; /* one for each column of the batch bound last */
    size_t nkeys, cap;
    uint64_t bound_id;
    struct sfx_buf scratch;
};

static void logfmt_destroy(struct sfx_writer *w)
{
    if (w == NULL)
        return;
    sfx_buf_done(&w->keys);
    sfx_buf_done(&w->scratch);
    free(w->key);
    free(w);
}

static struct sfx_writer *logfmt_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));

    (void)opts;
    if (w == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    return w;
}

/* What ends a key, or makes a value need quotes. */
static bool is_special(char c)
{
    return (unsigned char)c <= ' ' || c == '=' || c == '"' || c == 0x7f;
}

static struct sfx_slice key_of(const struct sfx_writer *w, size_t i)
{
    return sfx_slice(w->keys.data + w->key[i].at, w->key[i].len);
}

/* Spells column i's name as a key: what a key cannot hold becomes '_'. */
static int bind_key(struct sfx_writer *w, struct sfx_slice name, size_t i, struct sfx_err *err)
{
    size_t at = w->keys.len, k;
    bool changed = name.len == 0;
    int rc =
        sfx_buf_append(&w->keys, name.len > 0 ? name.ptr : "_", name.len > 0 ? name.len : 1, err);

    w->key[i] = (struct key){at, w->keys.len - at};
    /* A byte order mark is none where a file begins with it. */
    if (rc == 0 && name.len >= 3 && memcmp(name.ptr, "\xef\xbb\xbf", 3) == 0) {
        memset(w->keys.data + at, '_', 3);
        changed = true;
    }
    for (; rc == 0 && at < w->keys.len; at++) {
        if (!is_special(w->keys.data[at]))
            continue;
        w->keys.data[at] = '_';
        changed = true;
    }
    for (k = 0; rc == 0 && changed && k < i; k++) {
        if (sfx_slice_eq(key_of(w, k), key_of(w, i)))
            return sfx_err_set(err, SFX_E_INPUT,
                               "columns %zu and %zu would both be called %.*s in logfmt; rename "
                               "one first",
                               k + 1, i + 1, SFX_SLICE_ARG(key_of(w, i)));
    }
    return rc;
}

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
    for (i = 0; rc == 0 && i < batch->ncols; i++)
        rc = bind_key(w, batch->columns[i].name, i, err);
    w->nkeys = batch->ncols;
    w->bound_id = rc == 0 ? batch->schema_id : 0;
    return rc;
}

static int put_quoted(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err)
{
    static const char from[] = "\"\\\n\r\t";
    static const char to[] = "\"\\nrt";
    static const char hex[] = "0123456789abcdef";
    size_t i;
    int rc = sfx_buf_reserve(out, text.len * 6 + 2, err);

    if (rc < 0)
        return rc;
    out->data[out->len++] = '"';
    for (i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const char *known = memchr(from, c, sizeof(from) - 1);

        if (known != NULL) {
            out->data[out->len++] = '\\';
            out->data[out->len++] = to[known - from];
        } else if ((unsigned char)c < ' ' || c == 0x7f) {
            memcpy(out->data + out->len, "\\u00", 4);
            out->data[out->len + 4] = hex[c >> 4];
            out->data[out->len + 5] = hex[c & 15];
            out->len += 6;
        } else {
            out->data[out->len++] = c;
        }
    }
    out->data[out->len++] = '"';
    return 0;
}

/* Writes "=value", nothing for a null and for a key that stood alone. */
static int put_value(struct sfx_writer *w, const struct sfx_cell *cell, struct sfx_buf *out,
                     struct sfx_err *err)
{
    const size_t quoted = (cell->flags & SFX_CELL_QUOTED) != 0;
    struct sfx_slice text;
    size_t i = 0;
    int rc;

    if (cell->kind == SFX_CELL_BOOL && cell->dialect == SFX_DIALECT_LOG)
        return 0;
    rc = sfx_buf_putc(out, '=', err);
    if (rc < 0 || cell->kind == SFX_CELL_NULL)
        return rc;
    /* A CR at the end, without quotes, would be taken for the line's. */
    if (cell->kind == SFX_CELL_TEXT && cell->dialect == SFX_DIALECT_LOG &&
        (quoted != 0 || cell->len == 0 || cell->ptr[cell->len - 1] != '\r') &&
        (quoted != 0 || (cell->flags & SFX_CELL_ESCAPED) == 0))
        return sfx_buf_append(out, cell->ptr - quoted, cell->len + 2 * quoted, err);
    rc = sfx_cell_text(cell, &w->scratch, &text, err);
    while (i < text.len && !is_special(text.ptr[i]))
        i++;
    if (rc == 0 && i == text.len && (text.len > 0 || cell->kind != SFX_CELL_STRING))
        return sfx_buf_append(out, text.ptr, text.len, err);
    return rc < 0 ? rc : put_quoted(text, out, err);
}

static int logfmt_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                        struct sfx_err *err)
{
    uint32_t i;
    size_t c;
    int rc = 0;

    if (w->bound_id != batch->schema_id || w->nkeys != batch->ncols)
        rc = bind(w, batch, err);
    for (i = 0; rc == 0 && i < batch->nsel; i++) {
        const size_t begin = out->len;

        for (c = 0; rc == 0 && c < batch->ncols; c++) {
            const struct sfx_cell *cell = &batch->columns[c].cells[batch->sel[i]];

            if (cell->kind == SFX_CELL_MISSING)
                continue;
            if (out->len > begin)
                rc = sfx_buf_putc(out, ' ', err);
            if (rc == 0)
                rc = sfx_buf_append(out, w->keys.data + w->key[c].at, w->key[c].len, err);
            if (rc == 0)
                rc = put_value(w, cell, out, err);
        }
        /* A line in which all keys stand alone would not be known as logfmt. */
        if (rc == 0 && out->len > begin && memchr(out->data + begin, '=', out->len - begin) == NULL)
            rc = sfx_buf_puts(out, "=true", err);
        if (rc == 0)
            rc = sfx_buf_putc(out, '\n', err);
    }
    return rc;
}

static int logfmt_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                         struct sfx_err *err)
{
    (void)w;
    (void)batch;
    (void)out;
    (void)err;
    return 0;
}

const struct sfx_writer_ops sfx_logfmt_writer = {
    .create = logfmt_create,
    .write = logfmt_write,
    .finish = logfmt_finish,
    .destroy = logfmt_destroy,
};
