/* SPDX-License-Identifier: MIT */
/*
 * Staged files get their names: renames beneath the folder, never through a link, each of which may
 * have been done already by a process that was killed.
 */
#include "base/io.h"
#include "base/path.h"
#include "sink/dir_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is done with each file of a stage; rel: its name there. */
typedef int each_file(struct sfx_dir *s, const char *rel, struct sfx_err *err);

/* Calls each for the files below stage/rel, rel being "" or ending in '/'; removes folders when
 * they are done, if asked. */
static int walk(struct sfx_dir *s, const char *rel, each_file *each, bool remove,
                struct sfx_err *err)
{
    struct dirent *item;
    char *path = NULL, *name = NULL;
    struct stat st;
    DIR *dir = NULL;
    bool is_dir;
    int rc = 0;

    if (asprintf(&path, "%s%s", s->stage, rel) < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a path");
    dir = opendir(path);
    if (dir == NULL)
        rc = errno == ENOENT ? 0 : sfx_err_errno(err, errno, "%s", path);
    while (rc == 0 && dir != NULL && (item = readdir(dir)) != NULL) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        is_dir =
            fstatat(dirfd(dir), item->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
        if (asprintf(&name, "%s%s%s", rel, item->d_name, is_dir ? "/" : "") < 0) {
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a path");
            break;
        }
        rc = is_dir ? walk(s, name, each, remove, err) : each(s, name, err);
        free(name);
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (rc == 0 && remove && dir != NULL && rmdir(path) != 0 && errno != ENOENT)
        rc = sfx_err_errno(err, errno, "%s", path);
    free(path);
    return rc;
}

static int fail_final(struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    return sfx_err_errno(err, errno, "%s%s", s->shown, rel);
}

/* The folder of rel beneath the root, made if missing: its descriptor; *base is the rest of rel. */
static int open_folder(struct sfx_dir *s, const char *rel, const char **base, struct sfx_err *err)
{
    const char *slash = strrchr(rel, '/');
    char *dir;
    int fd;

    *base = slash != NULL ? slash + 1 : rel;
    if (slash == NULL)
        return sfx_path_mkdirs_beneath(s->root_fd, ".", err);
    dir = strndup(rel, (size_t)(slash - rel));
    if (dir == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a path");
    fd = sfx_path_mkdirs_beneath(s->root_fd, dir, err);
    free(dir);
    return fd;
}

static int publish_file(struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    const char *base;
    char *staged;
    int fd = open_folder(s, rel, &base, err), rc = 0;

    if (fd < 0)
        return sfx_err_wrap(err, fd, "%s%s", s->shown, rel);
    if (asprintf(&staged, "%s%s", s->stage, rel) < 0) {
        (void)sfx_io_close(&fd, NULL);
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a path");
    }
    if (renameat(AT_FDCWD, staged, fd, base) != 0 || (s->durable && fsync(fd) != 0))
        rc = fail_final(s, rel, err);
    (void)sfx_io_close(&fd, NULL);
    free(staged);
    return rc;
}

static int note_file(struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    const char *copy = sfx_arena_strndup(&s->arena, rel, strlen(rel), err);

    return copy == NULL ? SFX_E_NOMEM : sfx_dir_note(&s->files, copy, err);
}

static int drop_file(struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    char *path;
    int rc = 0;

    if (asprintf(&path, "%s%s", s->stage, rel) < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a path");
    if (unlink(path) != 0)
        rc = sfx_err_errno(err, errno, "%s", path);
    free(path);
    return rc;
}

/* Removes a file beneath the root that may be gone already. */
static int remove_final(struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    const char *base;
    int fd = open_folder(s, rel, &base, err), rc = 0;

    if (fd < 0)
        return sfx_err_wrap(err, fd, "%s%s", s->shown, rel);
    if (unlinkat(fd, base, 0) != 0 && errno != ENOENT)
        rc = fail_final(s, rel, err);
    if (rc == 0 && s->durable && fsync(fd) != 0)
        rc = fail_final(s, rel, err);
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

int sfx_dir_publish(struct sfx_dir *s, const struct sfx_dir_names *removes, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < removes->n; i++)
        rc = remove_final(s, removes->names[i], err);
    if (rc == 0)
        rc = walk(s, "", publish_file, true, err);
    return rc;
}

void sfx_dir_discard(struct sfx_dir *s)
{
    if (s->stage != NULL)
        (void)walk(s, "", drop_file, true, NULL);
}

int sfx_dir_list(struct sfx_dir *s, struct sfx_err *err)
{
    return walk(s, "", note_file, false, err);
}

int sfx_dir_recover(struct sfx_dir *s, int64_t last, const struct sfx_dir_names *removes,
                    struct sfx_err *err)
{
    struct dirent *item;
    DIR *dir = opendir(s->own);
    int64_t id;
    int rc = 0, end;

    if (dir == NULL)
        return sfx_err_errno(err, errno, "%s", s->own);
    while (rc == 0 && (item = readdir(dir)) != NULL) {
        end = 0;
        if (sscanf(item->d_name, "stage-%" SCNd64 "%n", &id, &end) != 1 ||
            item->d_name[end] != '\0')
            continue;
        if (asprintf(&s->stage, "%s/%s/", s->own, item->d_name) < 0) {
            s->stage = NULL;
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a path");
            break;
        }
        if (id == last)
            rc = sfx_dir_publish(s, removes, err);
        else
            sfx_dir_discard(s);
        free(s->stage);
        s->stage = NULL;
    }
    (void)closedir(dir);
    return rc;
}
