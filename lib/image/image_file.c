/* SPDX-License-Identifier: MIT */
/* The outputs of one input: names, claims, files. */
#include "image/image_file.h"

#include "base/clock.h"
#include "base/io.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What of a path makes sense in an archive, as tar does it: "a/b" of "/a/b" and of "../a/b". */
static struct sfx_slice inner_dir(struct sfx_slice dir)
{
    size_t at = 0, part = 0;

    while (part < dir.len) {
        const char *slash = memchr(dir.ptr + part, '/', dir.len - part);
        size_t len = (size_t)(slash - (dir.ptr + part)); /* a folder ends with one */

        if (len == 0 || (len < 3 && memcmp(dir.ptr + part, "..", len) == 0))
            at = part + len + 1;
        part += len + 1;
    }
    return sfx_slice(dir.ptr + at, dir.len - at);
}

/* "photos/a-320x240.jpg" of "photos/a.png": the input's folder is the root. In an archive one size
 * needs no mark. */
static int name_beside(const struct sfx_image_file *file, const struct sfx_template_values *values,
                       struct sfx_template_name *name, struct sfx_err *err)
{
    struct sfx_slice path = values->path, dir = sfx_slice(path.ptr, path.len);
    bool packed = file->opts->tmp_dir != NULL;
    char mark[48] = "";

    if (path.len == 0)
        return sfx_err_set(err, SFX_E_USAGE, "standard input has no name: give one with %s",
                           packed ? "--members" : "-o");
    if (file->subject.is_member && !packed)
        return sfx_err_set(err, SFX_E_USAGE,
                           "members of an archive have no folder: say with -o where outputs go");
    dir.len = (size_t)(file->parts.base.ptr - path.ptr);
    if (packed)
        dir = inner_dir(dir);
    if (!packed || file->opts->resize->noutputs > 1)
        (void)snprintf(mark, sizeof(mark), "-%lldx%lld", (long long)values->width,
                       (long long)values->height);
    name->root_len = dir.len;
    return sfx_buf_printf(&name->path, err, "%.*s%.*s%s.%.*s", SFX_SLICE_ARG(dir),
                          SFX_SLICE_ARG(file->parts.stem), mark, SFX_SLICE_ARG(values->ext));
}

/* The input's own name; of a link, what it leads to, so that the link stays. */
static int name_in_place(const struct sfx_image_file *file, struct sfx_template_name *name,
                         struct sfx_err *err)
{
    char real[PATH_MAX];

    if (!file->subject.is_file || file->subject.is_member || file->subject.path == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "only a file can be changed in place");
    if (realpath(file->subject.path, real) == NULL)
        return sfx_err_set(err, SFX_E_IO, "its name cannot be resolved");
    name->root_len = (size_t)(strrchr(real, '/') + 1 - real);
    return sfx_buf_puts(&name->path, real, err);
}

static int name_output(const struct sfx_image_file *file, const struct sfx_resize_facts *facts,
                       struct sfx_template_name *name, struct sfx_err *err)
{
    const struct timespec *mtime = &file->subject.st.st_mtim;
    struct sfx_template_values values = {
        .id = file->subject.event_id,
        .time_ns = file->subject.is_file ? (int64_t)mtime->tv_sec * 1000000000 + mtime->tv_nsec
                                         : sfx_clock_wall_ns(),
        .width = facts->width_px,
        .height = facts->height_px,
        .n = (int64_t)facts->index + 1,
    };
    int rc;

    if (file->subject.path != NULL)
        values.path = sfx_slice_str(file->subject.path);
    /* "a.jpeg" keeps its spelling when the format stays. */
    values.ext = sfx_image_format_named(file->parts.ext) == facts->format
                     ? file->parts.ext
                     : sfx_slice_str(sfx_image_format_extension(facts->format));
    if (file->opts->in_place)
        rc = name_in_place(file, name, err);
    else if (file->opts->name != NULL)
        rc = sfx_template_render(file->opts->name, &values, name, err);
    else
        rc = name_beside(file, &values, name, err);
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

static bool is_older(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec < b->st_mtim.tv_sec ||
           (a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec < b->st_mtim.tv_nsec);
}

/* True when what stands under the name, st, is to be kept. */
static bool is_kept(const struct sfx_image_file *file, const struct stat *st)
{
    switch (file->opts->overwrite) {
    case SFX_IMAGE_OLDER: return file->subject.is_file && !is_older(st, &file->subject.st);
    case SFX_IMAGE_NEVER: return true;
    case SFX_IMAGE_ALWAYS: break;
    }
    return false;
}

/* In an archive a name stands for no file: another input may be called so. */
static int claim(const struct sfx_image_file *file, const char *path, struct sfx_err *err)
{
    struct sfx_claims *claims = file->opts->claims;

    if (claims == NULL)
        return 0;
    return file->opts->tmp_dir == NULL
               ? sfx_claims_take(claims, path, err)
               : sfx_claims_take_for(claims, path, sfx_slice_str(file->subject.label), err);
}

/* 0: the name may be used; 1: that output is made already; <0: it may not. Sets made->kept. */
static int judge_name(const struct sfx_image_file *file, struct sfx_image_made *made,
                      struct sfx_err *err)
{
    const struct sfx_image_made *other = same_name(file, &made->name);
    const char *path = made->name.path.data;
    struct stat st;
    bool exists;
    int rc;

    if (other != NULL && other->width_px == made->width_px && other->height_px == made->height_px)
        return 1;
    if (other != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "two sizes have the name %s: use {width} or {height}",
                           path);
    if (file->opts->in_place)
        return 0;
    exists = file->opts->tmp_dir == NULL && stat(path, &st) == 0;
    if (exists && file->subject.is_file && st.st_dev == file->subject.st.st_dev &&
        st.st_ino == file->subject.st.st_ino)
        return sfx_err_set(err, SFX_E_USAGE, "output %s is the input", path);
    rc = claim(file, path, err);
    made->kept = rc == 0 && exists && S_ISREG(st.st_mode) && is_kept(file, &st);
    return rc;
}

static int open_outfile(const struct sfx_image_file *file, struct sfx_image_made *made,
                        struct sfx_err *err)
{
    const struct sfx_template_name *name = &made->name;
    struct sfx_outfile_opts opts = {.durable = file->opts->durable, .make_dirs = true};
    char *root;

    root = name->root_len > 0 ? strndup(name->path.data, name->root_len) : strdup(".");
    if (root == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a name");
    opts.root = root;
    made->file = sfx_outfile_new(name->path.data + name->root_len, &opts, err);
    free(root);
    if (made->file == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    /* What is changed in place keeps its mode and, where that is allowed, its owner. */
    if (file->opts->in_place) {
        const struct stat *st = &file->subject.st;

        if (fchown(sfx_outfile_fd(made->file), st->st_uid, st->st_gid) != 0 ||
            fchmod(sfx_outfile_fd(made->file), st->st_mode & 07777) != 0)
            (void)fchmod(sfx_outfile_fd(made->file), st->st_mode & 0777);
    }
    return 0;
}

int sfx_image_file_init(struct sfx_image_file *file, const struct sfx_image_file_opts *opts,
                        const struct sfx_image_subject *subject, struct sfx_err *err)
{
    *file = (struct sfx_image_file){.opts = opts, .subject = *subject};
    file->made = calloc(opts->resize->noutputs + 1, sizeof(*file->made)); /* may be none */
    if (file->made == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the outputs");
    if (subject->path != NULL)
        sfx_path_split(sfx_slice_str(subject->path), &file->parts);
    return 0;
}

int sfx_image_file_open(struct sfx_image_file *file, const struct sfx_resize_facts *facts, int *fd,
                        struct sfx_err *err)
{
    struct sfx_image_made *made = &file->made[file->nmade];
    int rc;

    *made = (struct sfx_image_made){.index = facts->index,
                                    .fd = -1,
                                    .format = facts->format,
                                    .width_px = facts->width_px,
                                    .height_px = facts->height_px};
    if (file->opts->fd != NULL) {
        file->nmade++;
        *fd = *file->opts->fd;
        return file->opts->dry_run ? 1 : 0;
    }
    rc = name_output(file, facts, &made->name, err);
    if (rc == 0)
        rc = judge_name(file, made, err);
    if (rc != 0) {
        sfx_buf_done(&made->name.path);
        return rc;
    }
    file->nmade++;
    if (file->opts->dry_run || made->kept)
        return 1;
    if (file->opts->tmp_dir != NULL) {
        *fd = made->fd = sfx_io_unnamed(file->opts->tmp_dir, err);
        return made->fd < 0 ? made->fd : 0;
    }
    rc = open_outfile(file, made, err);
    if (rc == 0)
        *fd = sfx_outfile_fd(made->file);
    return rc;
}

struct sfx_image_made *sfx_image_file_made(struct sfx_image_file *file, size_t index)
{
    size_t i;

    for (i = 0; i < file->nmade; i++)
        if (file->made[i].index == index)
            return &file->made[i];
    return NULL;
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
        (void)sfx_io_close(&file->made[i].fd, NULL);
        sfx_buf_done(&file->made[i].name.path);
    }
    free(file->made);
    sfx_buf_done(&file->text);
    sfx_buf_done(&file->blurhash);
    sfx_buf_done(&file->lqip);
    *file = (struct sfx_image_file){0};
}
