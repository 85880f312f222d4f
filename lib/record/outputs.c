/* SPDX-License-Identifier: MIT */
/* Files of records under many names: a few are open, the others wait under a temporary name. */
#include "record/outputs.h"

#include "base/io.h"
#include "base/size.h"
#include "record/outputs_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_NBYTES  ((size_t)64 << 10) /* of one output that are written at once */
#define PENDING_NBYTES ((size_t)8 << 20)  /* of all outputs, before all are written */

/* Counts a record that the output in hand cannot hold, and hands it on. */
static int refuse(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_outputs *outputs = ctx;

    outputs->writing->records--;
    outputs->writing->unfit = true;
    return outputs->rejects->put(outputs->rejects->ctx, r, err);
}

struct sfx_outputs *sfx_outputs_new(const struct sfx_outputs_opts *opts, struct sfx_err *err)
{
    struct sfx_outputs *outputs = calloc(1, sizeof(*outputs));

    if (outputs == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for outputs");
        return NULL;
    }
    outputs->opts = *opts;
    outputs->unfit = (struct sfx_reject_sink){refuse, outputs};
    if (outputs->opts.max_open == 0)
        outputs->opts.max_open = SFX_OUTPUTS_MAX_OPEN;
    if (outputs->opts.max_outputs == 0)
        outputs->opts.max_outputs = SFX_OUTPUTS_MAX;
    return outputs;
}

void sfx_outputs_set_format(struct sfx_outputs *outputs, const struct sfx_format *format)
{
    outputs->format = format;
}

uint64_t sfx_outputs_nbytes(const struct sfx_outputs *outputs)
{
    return outputs->nbytes;
}

size_t sfx_outputs_count(const struct sfx_outputs *outputs)
{
    return outputs->count;
}

/* Whether both names are the same, as far as writing shows. */
static bool is_same_name(const char *a, const char *b)
{
    while (strncmp(a, "./", 2) == 0)
        a += 2;
    while (strncmp(b, "./", 2) == 0)
        b += 2;
    return strcmp(a, b) == 0;
}

static int set_format(struct sfx_outputs *outputs, struct sfx_output *output, struct sfx_err *err)
{
    const struct sfx_outputs_hooks *hooks = outputs->opts.hooks;
    struct sfx_writer_opts opts = outputs->opts.writer;
    int rc;

    opts.rejects = outputs->rejects != NULL ? &outputs->unfit : NULL;
    output->format = sfx_format_by_extension(output->path);
    if (hooks != NULL) {
        rc = hooks->begin(hooks->ctx, output->path, &output->format, &output->onto, err);
        if (rc < 0)
            return rc;
        opts.no_header = opts.no_header || output->onto;
    }
    if (output->format == NULL || output->format->writer == NULL)
        output->format = outputs->format;
    if (output->format == NULL || output->format->writer == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "%s: its extension says no format", output->path);
    output->writer = output->format->writer->create(&opts, err);
    return output->writer != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_NOMEM;
}

static int reserve(struct sfx_outputs *outputs, struct sfx_err *err)
{
    size_t cap = outputs->cap > 0 ? outputs->cap * 2 : 16;
    struct sfx_output **grown;

    if (outputs->count == outputs->opts.max_outputs)
        return sfx_err_set(err, SFX_E_LIMIT,
                           "more than %zu outputs; --max-outputs allows more, select fewer keys",
                           outputs->count);
    if (outputs->count < outputs->cap)
        return 0;
    grown = reallocarray(outputs->outputs, cap, sizeof(struct sfx_output *));
    if (grown == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu outputs", cap);
    outputs->outputs = grown;
    outputs->cap = cap;
    return 0;
}

struct sfx_output *sfx_outputs_add(struct sfx_outputs *outputs, struct sfx_err *err)
{
    const struct sfx_template_name *name = &outputs->name;
    struct sfx_output *output;

    if (outputs->opts.taken != NULL && is_same_name(outputs->opts.taken, name->path.data)) {
        (void)sfx_err_set(err, SFX_E_USAGE, "%s: is the name of two outputs", name->path.data);
        return NULL;
    }
    if (reserve(outputs, err) < 0)
        return NULL;
    output = sfx_arena_calloc(&outputs->arena, 1, sizeof(*output), err);
    if (output == NULL)
        return NULL;
    outputs->outputs[outputs->count++] = output;
    output->root_len = name->root_len;
    output->path = sfx_arena_strndup(&outputs->arena, name->path.data, name->path.len, err);
    if (output->path == NULL || set_format(outputs, output, err) < 0)
        return NULL;
    return output;
}

static void take_from_open(struct sfx_outputs *outputs, struct sfx_output *output)
{
    if (output->newer != NULL)
        output->newer->older = output->older;
    else
        outputs->newest = output->older;
    if (output->older != NULL)
        output->older->newer = output->newer;
    else
        outputs->oldest = output->newer;
    output->newer = output->older = NULL;
    output->open = false;
    outputs->nopen--;
}

static void put_newest(struct sfx_outputs *outputs, struct sfx_output *output)
{
    output->older = outputs->newest;
    if (outputs->newest != NULL)
        outputs->newest->newer = output;
    else
        outputs->oldest = output;
    outputs->newest = output;
    output->open = true;
    outputs->nopen++;
}

/* Closes the least recently written output when too many are open. */
static int make_room(struct sfx_outputs *outputs, struct sfx_err *err)
{
    struct sfx_output *oldest = outputs->oldest;

    if (outputs->nopen < outputs->opts.max_open)
        return 0;
    take_from_open(outputs, oldest);
    return sfx_outfile_park(oldest->file, err);
}

/* Opens output's file, for the first time or again. */
static int open_file(struct sfx_outputs *outputs, struct sfx_output *output, struct sfx_err *err)
{
    const struct sfx_template_name name = {
        .path = {.data = output->path, .len = strlen(output->path)},
        .root_len = output->root_len,
    };
    int rc = 0;

    if (output->open) {
        take_from_open(outputs, output);
    } else {
        rc = make_room(outputs, err);
        if (rc == 0 && output->file != NULL)
            rc = sfx_outfile_resume(output->file, err);
        else if (rc == 0)
            output->file = sfx_template_open(&name, outputs->opts.durable, err);
        if (rc == 0 && output->file == NULL)
            rc = err != NULL ? (int)err->code : SFX_E_IO;
    }
    if (rc == 0)
        put_newest(outputs, output);
    return rc;
}

/* Copies what comes first. */
static int copy_onto(struct sfx_outputs *outputs, struct sfx_output *output, struct sfx_err *err)
{
    const struct sfx_outputs_hooks *hooks = outputs->opts.hooks;
    int fd = hooks->onto(hooks->ctx, output->path, err), rc = fd < 0 ? fd : 0;
    ssize_t n = 1;

    while (rc == 0 && n > 0) {
        sfx_buf_clear(&outputs->texts);
        rc = sfx_buf_reserve(&outputs->texts, OUTPUT_NBYTES, err);
        n = rc == 0 ? sfx_io_read(fd, outputs->texts.data, OUTPUT_NBYTES, err) : 0;
        rc = n < 0 ? (int)n : rc;
        if (n > 0)
            rc = sfx_outfile_write(output->file, outputs->texts.data, (size_t)n, err);
    }
    output->onto = false;
    if (fd >= 0)
        (void)sfx_io_close(&fd, NULL);
    return rc;
}

static int flush(struct sfx_outputs *outputs, struct sfx_output *output, struct sfx_err *err)
{
    const struct sfx_outputs_hooks *hooks = outputs->opts.hooks;
    struct sfx_slice bytes = sfx_buf_slice(&output->pending);
    int rc = open_file(outputs, output, err);

    if (rc == 0 && output->onto)
        rc = copy_onto(outputs, output, err);
    if (rc == 0 && hooks != NULL && bytes.len > 0) {
        sfx_buf_clear(&outputs->texts);
        rc = hooks->encode(hooks->ctx, output->path, &bytes, &outputs->texts, err);
    }
    if (rc == 0)
        rc = sfx_outfile_write(output->file, bytes.ptr, bytes.len, err);
    outputs->pending_nbytes -= output->pending.len;
    outputs->nbytes += bytes.len;
    sfx_buf_clear(&output->pending);
    return rc;
}

/* Writes what all outputs hold back, and gives its memory back. */
static int flush_all(struct sfx_outputs *outputs, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < outputs->count && rc == 0; i++) {
        if (outputs->outputs[i]->pending.len > 0)
            rc = flush(outputs, outputs->outputs[i], err);
        sfx_buf_done(&outputs->outputs[i]->pending);
    }
    return rc;
}

int sfx_output_write(struct sfx_outputs *outputs, struct sfx_output *output,
                     const struct sfx_batch *batch, uint16_t *sel, uint32_t nsel,
                     struct sfx_err *err)
{
    const size_t before = output->pending.len;
    struct sfx_batch rows = *batch;
    int rc;

    rows.sel = sel;
    rows.nsel = nsel;
    output->records += nsel;
    outputs->writing = output;
    rc = output->format->writer->write(output->writer, &rows, &output->pending, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", output->path);
    outputs->pending_nbytes += output->pending.len - before;
    if (output->pending.len >= OUTPUT_NBYTES)
        rc = flush(outputs, output, err);
    return rc == 0 && outputs->pending_nbytes >= PENDING_NBYTES ? flush_all(outputs, err) : rc;
}

static void free_output(struct sfx_output *output)
{
    if (output->writer != NULL)
        output->format->writer->destroy(output->writer);
    sfx_outfile_free(output->file);
    sfx_buf_done(&output->pending);
}

/* Forgets the outputs all of whose records were refused. */
static void drop_empty(struct sfx_outputs *outputs)
{
    size_t i, n = 0;

    for (i = 0; i < outputs->count; i++) {
        struct sfx_output *output = outputs->outputs[i];

        if (!output->unfit || output->records > 0) {
            outputs->outputs[n++] = output;
            continue;
        }
        if (output->open)
            take_from_open(outputs, output);
        outputs->pending_nbytes -= output->pending.len;
        free_output(output);
    }
    outputs->count = n;
}

int sfx_outputs_finish(struct sfx_outputs *outputs, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    drop_empty(outputs);
    for (i = 0; i < outputs->count && rc == 0; i++) {
        struct sfx_output *output = outputs->outputs[i];
        const size_t before = output->pending.len;

        outputs->writing = output;
        rc = output->format->writer->finish(output->writer, NULL, &output->pending, err);
        outputs->pending_nbytes += output->pending.len - before;
        if (rc == 0)
            rc = flush(outputs, output, err);
        if (rc == 0)
            rc = sfx_outfile_prepare(output->file, err);
        sfx_buf_done(&output->pending);
    }
    return rc;
}

int sfx_outputs_take(struct sfx_outputs *outputs, size_t i, struct sfx_outfile **file,
                     struct sfx_outputs_item *item, struct sfx_err *err)
{
    struct sfx_output *output = outputs->outputs[i];
    int rc = sfx_outfile_resume(output->file, err);

    if (rc < 0)
        return rc;
    if (output->open)
        take_from_open(outputs, output);
    *file = output->file;
    output->file = NULL;
    *item = (struct sfx_outputs_item){output->path, output->format, output->records};
    return 0;
}

int sfx_outputs_last(const struct sfx_outputs *outputs, const char **name, struct stat *st,
                     struct sfx_err *err)
{
    struct sfx_output *last = outputs->outputs[outputs->count - 1];
    int rc = sfx_outfile_resume(last->file, err);

    *name = last->path;
    if (rc == 0 && fstat(sfx_outfile_fd(last->file), st) != 0)
        rc = sfx_err_errno(err, errno, "%s", last->path);
    return rc;
}

int sfx_outputs_commit(struct sfx_outputs *outputs, struct sfx_err *err)
{
    struct sfx_outputs_item item;
    struct sfx_outfile *file;
    size_t i;
    int rc = 0;

    for (i = 0; i < outputs->count && rc == 0; i++) {
        rc = sfx_outputs_take(outputs, i, &file, &item, err);
        if (rc < 0)
            break;
        rc = sfx_outfile_commit(file, err);
        sfx_outfile_free(file);
    }
    return rc;
}

void sfx_outputs_free(struct sfx_outputs *outputs)
{
    size_t i;

    if (outputs == NULL)
        return;
    for (i = 0; i < outputs->count; i++)
        free_output(outputs->outputs[i]);
    sfx_outputs_free_routes(outputs);
    free(outputs->outputs);
    sfx_arena_done(&outputs->arena);
    free(outputs);
}
