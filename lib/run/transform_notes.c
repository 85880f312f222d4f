/* SPDX-License-Identifier: MIT */
/* What is kept of each stream so that its rejects can be read again: format, dialect, header. */
#include "run/transform_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int copy(struct sfx_arena *arena, const char *text, const char **out, struct sfx_err *err)
{
    *out = text != NULL ? sfx_arena_strndup(arena, text, strlen(text), err) : NULL;
    return text != NULL && *out == NULL ? SFX_E_NOMEM : 0;
}

/* Appends the line that names the columns, as the input spelled it. */
static int put_header(struct sfx_buf *out, const struct sfx_batch *batch, char delimiter,
                      struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < batch->ncols && rc == 0; i++) {
        const struct sfx_column *col = &batch->columns[i];
        struct sfx_slice text = col->name; /* a number, where there was no header */

        if (col->head.kind == SFX_CELL_TEXT) {
            const size_t quoted = (col->head.flags & SFX_CELL_QUOTED) != 0;

            text = sfx_slice(col->head.ptr - quoted, col->head.len + 2 * quoted);
        }
        if (i > 0)
            rc = sfx_buf_putc(out, delimiter, err);
        if (rc == 0)
            rc = sfx_buf_append(out, text.ptr, text.len, err);
    }
    return rc;
}

/* CSV and TSV: the dialect where it is not the format's own, and the header. */
static int note_header(struct sfx_stream_notes *notes, struct sfx_stream_note *note,
                       const struct sfx_batch *batch, const struct sfx_reader_opts *opts,
                       struct sfx_err *err)
{
    const bool csv = strcmp(note->format, "csv") == 0;
    const char usual = csv ? ',' : '\t';
    const uint16_t dialect =
        batch->columns[0].head.dialect != 0 ? batch->columns[0].head.dialect : batch->raw_dialect;
    char delimiter = (char)(dialect & 0xff), quote = (char)(dialect >> 8);
    struct sfx_buf header = {0};
    int rc;

    if (dialect == 0) {
        delimiter = opts->delimiter != 0 ? opts->delimiter : usual;
        quote = opts->quote;
    }
    note->delimiter = delimiter != usual ? delimiter : '\0';
    note->quote = csv && quote != '"' ? quote : '\0';
    rc = put_header(&header, batch, delimiter, err);
    if (rc == 0) {
        note->header.len = header.len;
        note->header.ptr = sfx_arena_strndup(&notes->arena, header.data, header.len, err);
        rc = note->header.ptr != NULL ? 0 : SFX_E_NOMEM;
    }
    sfx_buf_done(&header);
    return rc;
}

static struct sfx_stream_note *add(struct sfx_stream_notes *notes, struct sfx_err *err)
{
    const size_t cap = notes->cap > 0 ? notes->cap * 2 : 8;
    struct sfx_stream_note *grown = notes->items;

    if (notes->count == notes->cap) {
        grown = reallocarray(notes->items, cap, sizeof(*grown));
        if (grown == NULL) {
            (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for the inputs of rejects");
            return NULL;
        }
        notes->items = grown;
        notes->cap = cap;
    }
    grown[notes->count] = (struct sfx_stream_note){0};
    return &grown[notes->count++];
}

int sfx_stream_notes_add(struct sfx_stream_notes *notes, const struct sfx_batch *batch,
                         const struct sfx_format *format, const struct sfx_reader_opts *opts,
                         struct sfx_err *err)
{
    const char *name = batch->format != NULL ? batch->format : format->name;
    struct sfx_stream_note *note = notes->count > 0 ? &notes->items[notes->count - 1] : NULL;
    int rc;

    if (note != NULL && is_same(note->input, batch->input) &&
        is_same(note->member, batch->member) && is_same(note->format, name) &&
        note->schema == batch->schema_id)
        return 0;
    note = add(notes, err);
    if (note == NULL)
        return SFX_E_NOMEM;
    note->schema = batch->schema_id;
    note->format = name;
    rc = copy(&notes->arena, batch->input, &note->input, err);
    if (rc == 0)
        rc = copy(&notes->arena, batch->member, &note->member, err);
    if (rc == 0 && batch->ncols > 0 && (strcmp(name, "csv") == 0 || strcmp(name, "tsv") == 0))
        rc = note_header(notes, note, batch, opts, err);
    return rc;
}

void sfx_stream_notes_fill(const struct sfx_stream_notes *notes, struct sfx_reject *r)
{
    size_t i;

    if (r->format != NULL || r->line == 0 || r->raw.len == 0)
        return;
    for (i = notes->count; i-- > 0;) {
        const struct sfx_stream_note *note = &notes->items[i];

        if (!is_same(note->input, r->input) || !is_same(note->member, r->member))
            continue;
        r->format = note->format;
        r->delimiter = note->delimiter;
        r->quote = note->quote;
        r->header = note->header;
        return;
    }
}

void sfx_stream_notes_done(struct sfx_stream_notes *notes)
{
    free(notes->items);
    sfx_arena_done(&notes->arena);
    *notes = (struct sfx_stream_notes){0};
}

void sfx_stream_say_dialect(const struct sfx_batch *batch, const struct sfx_log *log)
{
    const char delimiter[] = {(char)(batch->dialect & 0xff), '\0'};

    if (batch->dialect != 0)
        sfx_log(log, SFX_LOG_INFO, "%s: delimiter %.*s, quote %c", batch->input,
                delimiter[0] == '\t' ? 3 : 1, delimiter[0] == '\t' ? "tab" : delimiter,
                batch->dialect >> 8);
}
