/* SPDX-License-Identifier: MIT */
/* Files that programs name: opened, read, and shown as frames. */
#include "query/file_frames_internal.h"

#include "query/query_internal.h"

#include <string.h>

int sfx_parse_file(struct sfx_parser *p, struct sfx_slice *name, uint32_t *at)
{
    const char *begin = p->program->text.ptr + p->token.at;
    const char *end = p->program->text.ptr + p->program->text.len, *c;

    *at = p->token.at;
    if (p->token.kind == SFX_TOKEN_STRING) {
        *name = p->token.value;
        return sfx_lex(p);
    }
    if (sfx_parse_at_end(p) || p->token.quoted || strchr("(),:;", *begin) != NULL)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "the name of a file is expected here");
    for (c = begin; c < end && strchr(" \t\r\n|,", *c) == NULL; c++)
        ;
    *name = sfx_slice(begin, (size_t)(c - begin));
    p->next = c;
    return sfx_lex(p);
}

int sfx_file_open(struct sfx_file_frames *file, struct sfx_operator *op, struct sfx_slice name,
                  uint32_t at, struct sfx_err *err)
{
    const struct sfx_query_files *files = op->query->opts.files;
    struct sfx_records_opts opts = {0};
    struct sfx_input *in;
    char *path;

    *file = (struct sfx_file_frames){.op = op};
    if (files == NULL)
        return sfx_program_err(op->query->program, at, err, "%s may read no files here",
                               op->verb->name);
    opts.reader = files->reader;
    path = sfx_arena_strndup(&file->arena, name.ptr, name.len, err);
    if (path == NULL || sfx_batch_init(&file->batch, err) < 0)
        goto fail;
    file->records = sfx_records_new(&opts, err);
    if (file->records == NULL)
        goto fail;
    in = files->open(files->ctx, path, err);
    if (in == NULL)
        goto fail;
    sfx_records_take(file->records, in);
    return 0;
fail:
    sfx_records_free(file->records, &file->batch);
    sfx_batch_done(&file->batch);
    sfx_arena_done(&file->arena);
    *file = (struct sfx_file_frames){0};
    return err != NULL ? (int)err->code : SFX_E_IO;
}

void sfx_file_take_text(struct sfx_file_frames *file)
{
    struct sfx_eval *ev = &file->op->query->eval;

    file->owns_text = true;
    file->text = ev->text;
    file->text_at = ev->text_at;
    file->text_end = ev->text_end;
    ev->text = (struct sfx_arena){0};
    ev->text_at = ev->text_end = NULL;
}

void sfx_file_count(struct sfx_file_frames *file, uint64_t n)
{
    file->op->query->counts.in += n;
    file->op->taken += n;
}

void sfx_file_close(struct sfx_file_frames *file)
{
    struct sfx_eval *ev;

    if (file->op == NULL)
        return;
    ev = &file->op->query->eval;
    if (file->owns_text) {
        sfx_arena_done(&ev->text);
        ev->text = file->text;
        ev->text_at = file->text_at;
        ev->text_end = file->text_end;
    }
    sfx_records_free(file->records, &file->batch);
    sfx_batch_done(&file->batch);
    sfx_arena_done(&file->arena);
    *file = (struct sfx_file_frames){0};
}

/* Counts what the reader refuses, and hands on what is to be kept. */
static int refuse(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_query *q = ctx;

    q->counts.in++;
    if (q->opts.on_error != SFX_ON_ERROR_REJECT) {
        q->counts.skipped++;
        return 0;
    }
    q->counts.rejected++;
    return q->opts.rejects != NULL ? q->opts.rejects->put(q->opts.rejects->ctx, r, err) : 0;
}

/* Makes the frame's columns those of the batch. */
static int bind(struct sfx_file_frames *file, struct sfx_err *err)
{
    const struct sfx_batch *batch = &file->batch;
    struct sfx_frame *frame = &file->frame;
    size_t i;

    sfx_arena_reset(&file->arena);
    file->batch_schema = 0;
    frame->cols = sfx_arena_calloc(&file->arena, batch->ncols + 1, sizeof(*frame->cols), err);
    file->vecs = sfx_arena_calloc(&file->arena, batch->ncols + 1, sizeof(*file->vecs), err);
    if (frame->cols == NULL || file->vecs == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < batch->ncols; i++) {
        file->vecs[i].type = SFX_TYPE_CELL;
        frame->cols[i] =
            (struct sfx_qcolumn){batch->columns[i].name, &file->vecs[i], batch->columns[i].head};
    }
    frame->ncols = batch->ncols;
    frame->schema_id = sfx_operator_new_schema(file->op);
    file->batch_schema = batch->schema_id;
    return 0;
}

/* Shows the batch as a frame. */
static int show(struct sfx_file_frames *file, struct sfx_err *err)
{
    struct sfx_batch *batch = &file->batch;
    struct sfx_frame *frame = &file->frame;
    size_t i;

    if (file->batch_schema == 0 || file->batch_schema != batch->schema_id ||
        frame->ncols != batch->ncols) {
        int rc = bind(file, err);

        if (rc < 0)
            return rc;
    }
    for (i = 0; i < batch->ncols; i++) {
        file->vecs[i].cells = batch->columns[i].cells;
        frame->cols[i].name = batch->columns[i].name;
        frame->cols[i].head = batch->columns[i].head;
    }
    frame->rows = batch->rows;
    frame->nrows = batch->nrows;
    frame->sel = batch->sel;
    frame->nsel = batch->nsel;
    frame->input = batch->input;
    frame->member = batch->member;
    frame->eol = batch->eol;
    frame->open = batch->open_schema || batch->ncols == 0;
    frame->nraw = batch->nraw;
    frame->raw_dialect = batch->raw_dialect;
    return 1;
}

int sfx_file_next(struct sfx_file_frames *file, struct sfx_err *err)
{
    struct sfx_query *q = file->op->query;
    struct sfx_reject_sink sink = {refuse, q};
    int rc;

    if (file->owns_text)
        sfx_eval_reset(&q->eval);
    if (!file->streaming) {
        rc = sfx_records_next_stream(file->records, err);
        if (rc <= 0)
            return rc;
        rc = sfx_records_open(file->records, &file->batch, err);
        if (rc < 0)
            return rc;
        file->streaming = true;
    }
    rc = sfx_records_read(file->records, &file->batch,
                          q->opts.on_error == SFX_ON_ERROR_FAIL ? NULL : &sink, err);
    if (rc < 0)
        return rc;
    if (rc == 0) { /* a stream without a record still has columns */
        file->streaming = false;
        sfx_batch_clear(&file->batch);
    }
    return show(file, err);
}
