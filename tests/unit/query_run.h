/* SPDX-License-Identifier: MIT */
/*
 * Runs a program over records in memory: what the tests and the fuzzer of lib/query share. The
 * input comes in pieces, each followed by a pause, so that batches end wherever the pieces do.
 */
#ifndef TESTS_UNIT_QUERY_RUN_H
#define TESTS_UNIT_QUERY_RUN_H

#include "query/query.h"
#include "record/format.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file that a program may name. */
struct query_file {
    const char *name;
    struct sfx_slice text;
};

#define QUERY_MAX_FILES 8

struct query_run {
    const char *program;
    const char *from, *to; /* formats; NULL: csv */
    struct sfx_slice input;
    size_t piece;   /* bytes of a piece; 0: all at once */
    bool ahead;     /* batches are read while those before them are in use … */
    bool lanes;     /* … and worked on, in lanes */
    bool all_cells; /* the reader fills what nobody looks at, too */
    struct sfx_query_opts opts;
    struct query_file files[QUERY_MAX_FILES]; /* up to the first without a name */
    struct sfx_program_opts program_opts;
    struct sfx_buf *aside; /* NULL, or what tee and others put aside is appended to it, as CSV */
    /* Filled: */
    struct sfx_buf output;
    struct sfx_query_counts counts;
    struct sfx_err err;
};

struct query_pieces {
    struct sfx_slice left;
    size_t piece;
};

static inline ssize_t query_read_piece(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct query_pieces *p = ctx;
    size_t n = p->left.len;

    (void)err;
    n = n > cap ? cap : n;
    n = p->piece > 0 && n > p->piece ? p->piece : n;
    if (n > 0)
        memcpy(ptr, p->left.ptr, n);
    p->left.ptr += n;
    p->left.len -= n;
    return (ssize_t)n;
}

static inline bool query_pauses(void *ctx)
{
    return ((struct query_pieces *)ctx)->piece > 0;
}

/* The files of a run, each open for as long as the run takes. */
struct query_opener {
    const struct query_run *run;
    int fds[64];
    size_t nfds;
};

static inline struct sfx_input *query_open(void *ctx, const char *name, struct sfx_err *err)
{
    struct query_opener *o = ctx;
    const struct query_file *file;

    for (file = o->run->files; file->name != NULL && file < o->run->files + QUERY_MAX_FILES;
         file++) {
        int fd;

        if (strcmp(file->name, name) != 0 || o->nfds == 64)
            continue;
        fd = memfd_create(name, MFD_CLOEXEC);
        if (fd < 0 || write(fd, file->text.ptr, file->text.len) != (ssize_t)file->text.len ||
            lseek(fd, 0, SEEK_SET) != 0)
            break;
        o->fds[o->nfds++] = fd;
        return sfx_input_new_fd(fd, file->name, NULL, err);
    }
    (void)sfx_err_set(err, SFX_E_IO, "%s: no such file", name);
    return NULL;
}

struct query_output {
    const struct sfx_writer_ops *ops;
    struct sfx_writer *writer;
    struct sfx_buf *out;
    bool has_lanes;
    struct sfx_writer *forks[2]; /* for them; NULL: not yet */
};

static inline int query_emit(void *ctx, struct sfx_batch *batch, struct sfx_err *err)
{
    struct query_output *o = ctx;
    int i, rc = o->ops->write(o->writer, batch, o->out, err);

    for (i = 0; o->has_lanes && o->ops->fork != NULL && rc == 0 && i < 2; i++) {
        if (o->forks[i] == NULL)
            rc = o->ops->fork(o->writer, &o->forks[i], err);
    }
    return rc;
}

static inline bool query_render(void *ctx, size_t lane, const struct sfx_batch *batch,
                                struct sfx_buf *out)
{
    struct query_output *o = ctx;

    return o->forks[lane] != NULL && o->ops->write(o->forks[lane], batch, out, NULL) == 0;
}

static inline int query_emit_rendered(void *ctx, struct sfx_slice bytes, uint64_t nrecords,
                                      struct sfx_err *err)
{
    struct query_output *o = ctx;

    if (o->ops->forked != NULL)
        o->ops->forked(o->writer, nrecords);
    return sfx_buf_append(o->out, bytes.ptr, bytes.len, err);
}

/* What a program does not look at is not read. */
static inline int query_choose(struct query_run *run, struct sfx_query *query,
                               const struct sfx_reader_ops *ops, struct sfx_reader *reader,
                               const struct query_output *output, struct sfx_batch *batch)
{
    bool wanted[64];
    int rc = ops->begin(reader, batch, &run->err);

    if (rc < 0 || batch->ncols > sizeof(wanted))
        return rc;
    rc = sfx_query_prepare(query, batch, &run->err);
    if (rc < 0)
        return rc;
    sfx_query_wants(query, batch,
                    output->ops->copies != NULL && output->ops->copies(output->writer, batch),
                    wanted);
    return ops->want(reader, wanted, &run->err);
}

/* Side outputs: their rows, one below the other; the first call's columns are the header. */
static inline int query_put_aside(void *ctx, struct sfx_slice name, struct sfx_batch *batch,
                                  struct sfx_err *err)
{
    struct query_output *o = ctx;

    (void)name;
    return o->out != NULL ? o->ops->write(o->writer, batch, o->out, err) : 0;
}

/* Lanes where they are asked for: whether there are any, or an error. */
static inline int query_make_lanes(struct query_run *run, struct sfx_query *query,
                                   struct query_output *output)
{
    const struct sfx_query_lanes lanes = {2, query_render, query_emit_rendered, output};

    output->has_lanes = run->lanes && run->ahead;
    return output->has_lanes ? sfx_query_make_lanes(query, &lanes, &run->err) : 0;
}

static inline int query_pump(struct query_run *run, struct sfx_query *query,
                             const struct sfx_reader_ops *ops, struct sfx_reader *reader,
                             struct query_output *output)
{
    struct query_pieces pieces = {run->input, run->piece};
    struct sfx_byte_source source = {
        .read = query_read_piece, .ctx = &pieces, .would_block = query_pauses, .input = "in"};
    struct sfx_batch batches[2]; /* with ahead the one behind is read before this one is run */
    struct sfx_err failure;
    unsigned at = 0;
    int more = 0, lanes = query_make_lanes(run, query, output);
    int rc = sfx_batch_init(&batches[0], &run->err);

    if (sfx_batch_init(&batches[1], NULL) == 0 && rc == 0)
        rc = ops->open(reader, &source, &run->err);
    if (rc == 0 && ops->begin != NULL && !run->all_cells)
        rc = query_choose(run, query, ops, reader, output, &batches[0]);
    if (rc == 0)
        rc = more = ops->read(reader, &batches[0], NULL, &run->err);
    if (more > 0 && lanes > 0)
        sfx_query_work(query, 0, &batches[0]);
    while (more > 0) {
        if (run->ahead)
            more = ops->read(reader, &batches[!at], NULL, &failure);
        if (more > 0 && lanes > 0)
            sfx_query_work(query, !at, &batches[!at]);
        rc = lanes > 0 ? sfx_query_take(query, at, 0, &batches[at], &run->err)
                       : sfx_query_push(query, &batches[at], &run->err);
        if (rc < 0 || sfx_query_satisfied(query))
            break;
        if (!run->ahead)
            more = ops->read(reader, &batches[at], NULL, &failure);
        at = run->ahead ? !at : at;
        if (more < 0)
            run->err = failure;
        rc = more;
    }
    if (rc >= 0)
        rc = sfx_query_finish(query, &batches[at], &run->err);
    sfx_batch_done(&batches[0]);
    sfx_batch_done(&batches[1]);
    return rc;
}

/* Runs; the library's result. output is appended to. */
static inline int query_run(struct query_run *run)
{
    const struct sfx_format *from =
        sfx_format_by_name(sfx_slice_str(run->from != NULL ? run->from : "csv"));
    const struct sfx_format *to =
        sfx_format_by_name(sfx_slice_str(run->to != NULL ? run->to : "csv"));
    struct sfx_program *program =
        sfx_program_new(run->program, strlen(run->program), &run->program_opts, &run->err);
    struct query_output output = {.ops = to->writer, .out = &run->output};
    struct sfx_reader *reader = NULL;
    struct sfx_query *query = NULL;
    struct sfx_reader_opts reader_opts = {.ahead = run->ahead ? 1 : 0};
    struct query_opener opener = {.run = run};
    struct sfx_query_files files = {.open = query_open, .ctx = &opener};
    struct sfx_query_opts opts = run->opts;
    const struct sfx_format *csv = sfx_format_by_name(sfx_slice_str("csv"));
    struct query_output aside = {.ops = csv->writer, .out = run->aside};
    const struct sfx_side_outputs side = {query_put_aside, &aside};
    int i, rc = SFX_E_USAGE;

    opts.files = &files;
    opts.one_stream = true;
    if (opts.side == NULL)
        opts.side = &side;
    if (program == NULL)
        return (int)run->err.code;
    output.writer = to->writer->create(NULL, &run->err);
    aside.writer = csv->writer->create(NULL, &run->err);
    reader = from->reader->create(&reader_opts, &run->err);
    query = sfx_query_new(program, &opts, query_emit, &output, &run->err);
    if (output.writer != NULL && aside.writer != NULL && reader != NULL && query != NULL)
        rc = sfx_query_restore(query, &run->err);
    if (rc == 0)
        rc = query_pump(run, query, from->reader, reader, &output);
    if (rc == 0)
        rc = to->writer->finish(output.writer, NULL, &run->output, &run->err);
    if (query != NULL)
        run->counts = sfx_query_counts(query);
    sfx_query_free(query);
    if (reader != NULL)
        from->reader->destroy(reader);
    for (i = 0; i < 2; i++) {
        if (output.forks[i] != NULL)
            to->writer->destroy(output.forks[i]);
    }
    if (output.writer != NULL)
        to->writer->destroy(output.writer);
    if (aside.writer != NULL)
        csv->writer->destroy(aside.writer);
    sfx_program_free(program);
    while (opener.nfds > 0)
        (void)close(opener.fds[--opener.nfds]);
    return rc;
}

#endif
