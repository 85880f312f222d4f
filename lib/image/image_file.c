/* SPDX-License-Identifier: MIT */
/* One input file to its output files: names, claims, sinks. */
#include "image/image_file.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/path.h"
#include "image/image_input.h"

#include <stdlib.h>
#include <string.h>

/* A run over one input: what the engine's callbacks need. */
struct run {
    const struct sfx_image_file_opts *opts;
    struct sfx_image_file *file;
    struct sfx_image_input in;
    struct sfx_path_parts parts; /* of the input's path; all empty for standard input */
    struct sfx_template_values values;
};

static int write_file(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    struct sfx_image_made *made = ctx;

    made->nbytes += len;
    return sfx_outfile_write(made->file, ptr, len, err);
}

static int write_fd(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    const int *fd = ctx;

    return sfx_io_write(*fd, ptr, len, err);
}

/* "photos/a-320x240.jpg" of "photos/a.png": the input's folder is the root. */
static int name_beside(const struct run *run, const struct sfx_template_values *values,
                       struct sfx_template_name *name, struct sfx_err *err)
{
    struct sfx_slice path = values->path, dir = sfx_slice(path.ptr, path.len);

    if (path.len == 0)
        return sfx_err_set(err, SFX_E_USAGE, "standard input has no name: give one with -o");
    dir.len = (size_t)(run->parts.base.ptr - path.ptr);
    name->root_len = dir.len;
    return sfx_buf_printf(&name->path, err, "%.*s%.*s-%lldx%lld.%.*s", SFX_SLICE_ARG(dir),
                          SFX_SLICE_ARG(run->parts.stem), (long long)values->width,
                          (long long)values->height, SFX_SLICE_ARG(values->ext));
}

static int name_output(const struct run *run, const struct sfx_resize_facts *facts,
                       struct sfx_template_name *name, struct sfx_err *err)
{
    struct sfx_template_values values = run->values;
    int rc;

    values.width = facts->width_px;
    values.height = facts->height_px;
    values.n = (int64_t)facts->index + 1;
    /* "a.jpeg" keeps its spelling when the format stays. */
    values.ext = sfx_image_format_named(run->parts.ext) == facts->format
                     ? run->parts.ext
                     : sfx_slice_str(sfx_image_format_extension(facts->format));
    rc = run->opts->name != NULL ? sfx_template_render(run->opts->name, &values, name, err)
                                 : name_beside(run, &values, name, err);
    if (rc == 0 && sfx_buf_cstr(&name->path, err) == NULL)
        rc = SFX_E_NOMEM;
    return rc;
}

/* An earlier output of this input under the same name, or NULL. */
static const struct sfx_image_made *same_name(const struct sfx_image_file *file,
                                              const struct sfx_template_name *name)
{
    size_t i;

    for (i = 0; i < file->nmade; i++)
        if (sfx_slice_eq(sfx_buf_slice(&file->made[i].name.path), sfx_buf_slice(&name->path)))
            return &file->made[i];
    return NULL;
}

/* 0: the name may be used; 1: that output is made already; <0: it may not. */
static int judge_name(const struct run *run, const struct sfx_resize_facts *facts,
                      const struct sfx_template_name *name, struct sfx_err *err)
{
    const struct sfx_image_made *other = same_name(run->file, name);
    const char *path = name->path.data;
    struct stat st;

    if (other != NULL && other->width_px == facts->width_px && other->height_px == facts->height_px)
        return 1;
    if (other != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "two sizes have the name %s: use {width} or {height}",
                           path);
    if (run->in.is_file && stat(path, &st) == 0 && st.st_dev == run->in.st.st_dev &&
        st.st_ino == run->in.st.st_ino)
        return sfx_err_set(err, SFX_E_USAGE, "output %s is the input", path);
    return run->opts->claims != NULL ? sfx_claims_take(run->opts->claims, path, err) : 0;
}

static struct sfx_outfile *open_file(const struct run *run, const struct sfx_template_name *name,
                                     struct sfx_err *err)
{
    struct sfx_outfile_opts opts = {.durable = run->opts->durable, .make_dirs = true};
    struct sfx_outfile *file;
    char *root;

    root = name->root_len > 0 ? strndup(name->path.data, name->root_len) : strdup(".");
    if (root == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a name");
        return NULL;
    }
    opts.root = root;
    file = sfx_outfile_new(name->path.data + name->root_len, &opts, err);
    free(root);
    return file;
}

/* The engine asks for an output's sink. */
static int open_output(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                       struct sfx_err *err)
{
    struct run *run = ctx;
    struct sfx_image_made *made = &run->file->made[run->file->nmade];
    int rc;

    made->format = facts->format;
    made->width_px = facts->width_px;
    made->height_px = facts->height_px;
    if (run->opts->fd != NULL) {
        run->file->nmade++;
        *sink = (struct sfx_image_sink){write_fd, (void *)run->opts->fd};
        return 0;
    }
    rc = name_output(run, facts, &made->name, err);
    if (rc == 0)
        rc = judge_name(run, facts, &made->name, err);
    if (rc != 0) {
        sfx_buf_done(&made->name.path);
        return rc;
    }
    run->file->nmade++;
    if (run->opts->dry_run)
        return 1;
    made->file = open_file(run, &made->name, err);
    *sink = (struct sfx_image_sink){write_file, made};
    return made->file != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_IO;
}

static void know_values(struct run *run, const char *path, struct sfx_slice event_id)
{
    const struct timespec *mtime = &run->in.st.st_mtim;

    run->values = (struct sfx_template_values){.id = event_id, .time_ns = sfx_clock_wall_ns()};
    if (run->in.is_file)
        run->values.time_ns = (int64_t)mtime->tv_sec * 1000000000 + mtime->tv_nsec;
    if (strcmp(path, "-") == 0)
        return;
    run->values.path = sfx_slice_str(path);
    sfx_path_split(run->values.path, &run->parts);
}

int sfx_image_file_run(const struct sfx_image_file_opts *opts, const char *path,
                       struct sfx_slice event_id, struct sfx_image_file *file, struct sfx_err *err)
{
    struct run run = {.opts = opts, .file = file};
    struct sfx_resize_target target = {open_output, &run};
    int rc;

    *file = (struct sfx_image_file){
        .made = calloc(opts->resize->noutputs, sizeof(struct sfx_image_made))};
    if (file->made == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the outputs");
    rc = sfx_image_input_init(&run.in, path, err);
    if (rc == 0) {
        know_values(&run, path, event_id);
        rc = sfx_resize(&run.in.source, opts->resize, &target, err);
        file->in_nbytes = sfx_input_nbytes(run.in.input);
    }
    sfx_image_input_done(&run.in);
    if (rc < 0) {
        sfx_image_file_done(file);
        return sfx_image_input_blame(err, rc, path);
    }
    return 0;
}

int sfx_image_file_commit(struct sfx_image_file *file, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < file->nmade && rc == 0; i++)
        if (file->made[i].file != NULL)
            rc = sfx_outfile_commit(file->made[i].file, err);
    return rc;
}

void sfx_image_file_done(struct sfx_image_file *file)
{
    size_t i;

    for (i = 0; i < file->nmade; i++) {
        sfx_outfile_free(file->made[i].file);
        sfx_buf_done(&file->made[i].name.path);
    }
    free(file->made);
    *file = (struct sfx_image_file){0};
}
