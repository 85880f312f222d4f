/* SPDX-License-Identifier: MIT */
/*
 * Archives as sinks: "tar:day.tar.zst/{country}/{day}.csv", "zip:day.zip". They are folders for as
 * long as a run lasts, and packed at its end: all of its inputs at once, since each time all of the
 * archive is written anew.
 */
#include "archive/pack.h"
#include "base/io.h"
#include "base/path.h"
#include "sink/dir_internal.h"
#include "sink/sink_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- the target ------------------------------------------------------------------------------ */

static bool is_zip(struct sfx_slice path)
{
    return path.len > 4 && strncasecmp(path.ptr + path.len - 4, ".zip", 4) == 0;
}

static bool is_folder(struct sfx_slice path)
{
    char *copy = strndup(path.ptr, path.len);
    struct stat st;
    const bool is = copy != NULL && stat(copy, &st) == 0 && S_ISDIR(st.st_mode);

    free(copy);
    return is;
}

/* The archive is the first part of rest that ends so and is no folder; the template is what follows
 * it. */
static int cut(const char *rest, bool zip, struct sfx_slice *path, const char **template,
               struct sfx_err *err)
{
    const size_t plain_len = (size_t)(strchrnul(rest, '{') - rest);
    size_t len = 0;

    while (rest[len] != '\0') {
        len += 1 + strcspn(rest + len + 1, "/");
        *path = sfx_slice(rest, len);
        if (len <= plain_len && sfx_pack_is_named(*path) && is_zip(*path) == zip &&
            !is_folder(*path)) {
            *template = rest + len;
            while (**template == '/')
                (*template)++;
            return 0;
        }
    }
    return sfx_err_set(
        err, SFX_E_USAGE,
        zip ? "\"%s\" names no archive: a name that ends in .zip, without columns"
            : "\"%s\" names no archive: a name that ends in .tar, .tar.gz, .tar.zst, "
              ".tar.xz, .tar.bz2 or .tar.lz4, without columns",
        rest);
}

/* Members are named as files would be found: no part is empty or leads elsewhere. */
static int check_template(const char *template, struct sfx_err *err)
{
    const char *at = template;
    size_t len;

    for (;;) {
        len = strcspn(at, "/");
        if (len == 0 || (len == 1 && at[0] == '.') || (len == 2 && strncmp(at, "..", 2) == 0))
            return sfx_err_set(err, SFX_E_USAGE, "\"%s\": no name of a member", template);
        if (at[len] == '\0')
            return 0;
        at += len + 1;
    }
}

static void free_packed(struct sfx_packed *p)
{
    if (p == NULL)
        return;
    (void)sfx_io_close(&p->old_fd, NULL);
    (void)sfx_io_close(&p->told_fd, NULL);
    (void)sfx_io_close(&p->lock_fd, NULL);
    sfx_arena_done(&p->names);
    free(p->members);
    free(p->path);
    free(p->work);
    free(p);
}

static struct sfx_packed *new_packed(struct sfx_slice path, struct sfx_err *err)
{
    struct sfx_packed *p = calloc(1, sizeof(*p));
    const char *slash = memrchr(path.ptr, '/', path.len);
    const int dir_len = slash != NULL ? (int)(slash - path.ptr) + 1 : 0;

    if (p == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
        return NULL;
    }
    p->lock_fd = p->old_fd = p->told_fd = -1;
    p->path = strndup(path.ptr, path.len);
    if (p->path != NULL &&
        asprintf(&p->work, "%.*s.%s.sfx_load", dir_len, p->path, p->path + dir_len) >= 0)
        return p;
    p->work = NULL;
    free_packed(p);
    (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
    return NULL;
}

static struct sfx_sink *open_archive(const struct sfx_sink_ops *ops, const char *rest, bool zip,
                                     const struct sfx_sink_opts *opts, struct sfx_err *err)
{
    struct sfx_packed *p = NULL;
    struct sfx_dir *s = NULL;
    struct sfx_buf root = {0}, shown = {0};
    struct sfx_slice path;
    const char *template = "";

    if (cut(rest, zip, &path, &template, err) < 0)
        return NULL;
    if (template[0] == '\0')
        template = "{table}.csv";
    if (check_template(template, err) == 0)
        p = new_packed(path, err);
    if (p != NULL && sfx_buf_printf(&root, err, "%s/new/", p->work) == 0 &&
        sfx_buf_printf(&shown, err, "%s/", p->path) == 0)
        s = sfx_dir_new(ops, sfx_buf_slice(&root), sfx_buf_slice(&shown), template, opts, err);
    sfx_buf_done(&root);
    sfx_buf_done(&shown);
    if (s == NULL) {
        free_packed(p);
        return NULL;
    }
    s->packed = p;
    s->durable = false; /* the archive is, which has a copy of it */
    return &s->base;
}

static struct sfx_sink *tar_open(const char *rest, const struct sfx_sink_opts *opts,
                                 struct sfx_err *err)
{
    return open_archive(&sfx_sink_tar, rest, false, opts, err);
}

static struct sfx_sink *zip_open(const char *rest, const struct sfx_sink_opts *opts,
                                 struct sfx_err *err)
{
    return open_archive(&sfx_sink_zip, rest, true, opts, err);
}

/* --- a run ----------------------------------------------------------------------------------- */

/* Empties the work folder: what a process that was killed has left, or what is packed. */
static void clear(struct sfx_dir *s)
{
    free(s->stage);
    s->stage = strdup(s->root);
    sfx_dir_discard(s);
    free(s->stage);
    s->stage = NULL;
}

/* Others may load into the archive again. */
static void release(struct sfx_dir *s)
{
    struct sfx_packed *p = s->packed;

    if (p->lock_fd >= 0) {
        clear(s);
        (void)rmdir(p->work);
    }
    (void)sfx_io_close(&p->lock_fd, NULL);
    (void)sfx_io_close(&p->old_fd, NULL);
    sfx_packed_forget(p);
    p->begun = false;
    p->nloads = 0;
}

/* A dry run leaves no file: it reads the ledger from memory. */
static int open_told(struct sfx_dir *s, struct sfx_err *err)
{
    struct sfx_packed *p = s->packed;
    char *name;

    if (p->told_fd < 0)
        p->told_fd = memfd_create("ledger", MFD_CLOEXEC);
    if (p->told_fd < 0 || ftruncate(p->told_fd, 0) != 0 || lseek(p->told_fd, 0, SEEK_SET) != 0)
        return sfx_err_errno(err, errno, "%s", p->path);
    if (asprintf(&name, "/proc/self/fd/%d", p->told_fd) < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
    free(s->ledger);
    s->ledger = name;
    return 0;
}

static int take_ledger(struct sfx_dir *s, struct sfx_err *err)
{
    struct sfx_packed *p = s->packed;
    int fd, rc;

    if (s->opts.dry_run) {
        rc = open_told(s, err);
        return rc == 0 ? sfx_packed_take_ledger(p, p->told_fd, err) : rc;
    }
    fd = open(s->ledger, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    rc = fd < 0 ? sfx_err_errno(err, errno, "%s", s->ledger) : sfx_packed_take_ledger(p, fd, err);
    if (fd >= 0 && sfx_io_close(&fd, rc < 0 ? NULL : err) < 0 && rc == 0)
        rc = SFX_E_IO;
    return rc;
}

/* Makes the work folder what the archive is. */
static int start(struct sfx_dir *s, struct sfx_err *err)
{
    struct sfx_packed *p = s->packed;
    int rc = 0;

    if (!s->opts.dry_run) {
        rc = sfx_dir_lock(s, p->work, &p->lock_fd, err);
        if (rc == 0)
            clear(s);
        if (rc == 0)
            rc = sfx_path_mkdirs(s->own, err);
    }
    if (rc < 0)
        return rc;
    p->old_fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (p->old_fd < 0 && errno != ENOENT)
        return sfx_err_errno(err, errno, "%s", p->path);
    if (p->old_fd >= 0 && fstat(p->old_fd, &p->old) != 0)
        return sfx_err_errno(err, errno, "%s", p->path);
    if (p->old_fd >= 0 && !S_ISREG(p->old.st_mode))
        return sfx_err_set(err, SFX_E_USAGE, "%s: is no file", p->path);
    rc = p->old_fd >= 0 ? take_ledger(s, err) : 0;
    p->begun = rc == 0;
    return rc;
}

static int archive_begin(struct sfx_sink *sink, const struct sfx_sink_source *source,
                         struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    int rc = s->packed->begun ? 0 : start(s, err);

    if (rc == 0)
        rc = sfx_dir_begin(sink, source, entry, err);
    if (rc != 0 && s->packed->nloads == 0)
        release(s);
    return rc;
}

static int archive_commit(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                          struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    int rc = sfx_dir_commit(sink, counts, entry, err);

    s->packed->nloads += rc == 0;
    return rc;
}

static int archive_flush(struct sfx_sink *sink, struct sfx_err *err)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    int rc = s->packed->nloads > 0 && !s->opts.dry_run ? sfx_packed_write(s, err) : 0;

    release(s);
    return rc;
}

static void archive_rollback(struct sfx_sink *sink)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;

    /* A load that is half in the folder spoils it. */
    if (s->committing)
        s->packed->nloads = 0;
    sfx_dir_rollback(sink);
    if (s->packed->nloads == 0)
        release(s);
}

static void archive_close(struct sfx_sink *sink)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    struct sfx_packed *p = s->packed;

    sfx_dir_rollback(sink);
    release(s);
    s->packed = NULL;
    sfx_dir_close(sink);
    free_packed(p);
}

/* clang-format off */
#define ARCHIVE_OPS                                                                                \
    .whole = true,                                                                                 \
    .begin = archive_begin,                                                                        \
    .prepare = sfx_dir_prepare,                                                                    \
    .put = sfx_dir_put,                                                                            \
    .commit = archive_commit,                                                                      \
    .flush = archive_flush,                                                                        \
    .rollback = archive_rollback,                                                                  \
    .undo = sfx_dir_undo,                                                                          \
    .close = archive_close
/* clang-format on */

const struct sfx_sink_ops sfx_sink_tar = {
    .scheme = "tar",
    .form = "tar:FILE[/TEMPLATE]",
    .says = "a tar archive (.tar, .tar.gz, .tar.zst …) of such files",
    .open = tar_open,
    ARCHIVE_OPS,
};

const struct sfx_sink_ops sfx_sink_zip = {
    .scheme = "zip",
    .form = "zip:FILE[/TEMPLATE]",
    .says = "a zip archive of such files",
    .open = zip_open,
    ARCHIVE_OPS,
};
