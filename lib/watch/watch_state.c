/* SPDX-License-Identifier: MIT */
/*
 * The memory of a watch across runs: a file of records, each the last version of a path that was
 * told (or looked at and left out), appended after it was told. What is torn at the end is cut off;
 * when most records are of the past, the file is written anew.
 *
 *     "sfx-watch state 1\n" { key version length check path pad }…
 */
#include "base/hash.h"
#include "base/io.h"
#include "base/size.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC "sfx-watch state 1\n      " /* a multiple of 8, as every record */

struct record {
    uint64_t key[2], version[2]; /* version 0: forgotten */
    uint32_t len, check;         /* of the path behind it, which is padded to 8 */
};

struct sfx_watch_state {
    const char *path; /* borrowed */
    int fd;
    struct sfx_buf waiting; /* records of what is being told */
    /* the file as it was when it was opened */
    char *old; /* mapped; NULL: it was empty */
    size_t old_len, at;
};

static uint32_t check_of(const struct record *r, const char *path)
{
    return (uint32_t)sfx_hash64(path, r->len, sfx_hash64(r, offsetof(struct record, check), 7));
}

static size_t padded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

/* The record at s->at of the old file, which *path points into. False: there is no whole one. */
static bool next_record(struct sfx_watch_state *s, struct record *r, const char **path)
{
    if (s->old_len - s->at < sizeof(*r))
        return false;
    memcpy(r, s->old + s->at, sizeof(*r));
    *path = s->old + s->at + sizeof(*r);
    if (r->len > s->old_len - s->at - sizeof(*r) ||
        padded(r->len) > s->old_len - s->at - sizeof(*r) || r->check != check_of(r, *path))
        return false;
    s->at += sizeof(*r) + padded(r->len);
    return true;
}

static int append(struct sfx_buf *out, struct record r, struct sfx_slice path, struct sfx_err *err)
{
    static const char zeros[8];
    int rc;

    r.len = (uint32_t)path.len;
    r.check = check_of(&r, path.ptr);
    rc = sfx_buf_append(out, &r, sizeof(r), err);
    if (rc == 0)
        rc = sfx_buf_append(out, path.ptr, path.len, err);
    return rc == 0 ? sfx_buf_append(out, zeros, padded(path.len) - path.len, err) : rc;
}

/* Only one watch may remember in a file. */
static int open_locked(const char *path, int flags, struct sfx_err *err)
{
    int fd = open(path, flags | O_RDWR | O_CREAT | O_CLOEXEC, 0666), rc = 0;

    if (fd < 0)
        return sfx_err_errno(err, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK
                 ? sfx_err_set(err, SFX_E_TEMPORARY, "%s: another watch uses it", path)
                 : sfx_err_errno(err, errno, "%s", path);
        (void)sfx_io_close(&fd, NULL);
    }
    return fd >= 0 ? fd : rc;
}

static int map(struct sfx_watch_state *s, struct sfx_err *err)
{
    struct stat st;
    void *at;

    if (fstat(s->fd, &st) != 0)
        return sfx_err_errno(err, errno, "%s", s->path);
    if (st.st_size == 0)
        return sfx_io_write(s->fd, MAGIC, strlen(MAGIC), err);
    at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (!S_ISREG(st.st_mode) || at == MAP_FAILED)
        return sfx_err_errno(err, S_ISREG(st.st_mode) ? errno : EINVAL, "%s", s->path);
    s->old = at;
    s->old_len = (size_t)st.st_size;
    s->at = strlen(MAGIC);
    if (s->old_len < s->at || memcmp(s->old, MAGIC, s->at) != 0)
        return sfx_err_set(err, SFX_E_USAGE, "%s: is no state of sfx-watch", s->path);
    return 0;
}

static void unmap(struct sfx_watch_state *s)
{
    if (s->old != NULL)
        (void)munmap(s->old, s->old_len);
    s->old = NULL;
    s->old_len = s->at = 0;
}

/* Fills told. *count: records. What is torn behind them is cut off. */
static int load(struct sfx_watch_state *s, struct sfx_told *told, size_t *count,
                struct sfx_err *err)
{
    struct record r;
    const char *path;
    int rc = 0;

    *count = 0;
    while (rc == 0 && s->old != NULL && next_record(s, &r, &path)) {
        rc = sfx_told_load(told, r.key, r.version, err);
        ++*count;
    }
    if (rc == 0 && s->old != NULL && s->at < s->old_len) {
        if (ftruncate(s->fd, (off_t)s->at) != 0)
            return sfx_err_errno(err, errno, "%s", s->path);
        s->old_len = s->at;
    }
    return rc;
}

/* Writes the file anew, with what is true by now. */
static int compact(struct sfx_watch_state *s, struct sfx_told *told, struct sfx_err *err)
{
    char name[4096];
    struct sfx_buf out = {0};
    struct record r;
    const char *path;
    int fd = -1, rc = sfx_buf_puts(&out, MAGIC, err);

    if ((size_t)snprintf(name, sizeof(name), "%s.new", s->path) >= sizeof(name))
        rc = sfx_err_errno(err, ENAMETOOLONG, "%s", s->path);
    if (rc == 0)
        fd = rc = open_locked(name, O_TRUNC, err);
    for (s->at = strlen(MAGIC); rc >= 0 && next_record(s, &r, &path);) {
        if (!sfx_told_is_last(told, r.key, r.version))
            continue;
        rc = append(&out, r, sfx_slice(path, r.len), err);
        if (rc == 0 && out.len > 1 << 20) {
            rc = sfx_io_write(fd, out.data, out.len, err);
            sfx_buf_clear(&out);
        }
    }
    if (rc >= 0)
        rc = sfx_io_write(fd, out.data, out.len, err);
    if (rc >= 0 && (fsync(fd) != 0 || rename(name, s->path) != 0))
        rc = sfx_err_errno(err, errno, "%s", name);
    sfx_buf_done(&out);
    if (rc < 0) {
        (void)sfx_io_close(&fd, NULL);
        return rc;
    }
    unmap(s);
    (void)sfx_io_close(&s->fd, NULL);
    s->fd = fd;
    return map(s, err);
}

struct sfx_watch_state *sfx_watch_state_open(const char *path, struct sfx_told *told,
                                             struct sfx_err *err)
{
    struct sfx_watch_state *s = calloc(1, sizeof(*s));
    size_t count = 0;
    int rc;

    if (s == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "%s", path);
        return NULL;
    }
    s->path = path;
    s->fd = rc = open_locked(path, O_APPEND, err);
    if (rc >= 0)
        rc = map(s, err);
    if (rc == 0)
        rc = load(s, told, &count, err);
    if (rc == 0 && count > 1000 && count > 2 * told->used)
        rc = compact(s, told, err);
    s->at = strlen(MAGIC);
    if (rc == 0)
        return s;
    sfx_watch_state_free(s);
    return NULL;
}

int sfx_watch_state_note(struct sfx_watch_state *s, const struct sfx_told_entry *entry,
                         struct sfx_slice path, struct sfx_err *err)
{
    const struct record r = {.key = {entry->key[0], entry->key[1]},
                             .version = {entry->version[0], entry->version[1]}};

    return append(&s->waiting, r, path, err);
}

int sfx_watch_state_commit(struct sfx_watch_state *s, struct sfx_err *err)
{
    int rc = s->waiting.len > 0 ? sfx_io_write(s->fd, s->waiting.data, s->waiting.len, err) : 0;

    sfx_buf_clear(&s->waiting);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->path) : 0;
}

bool sfx_watch_state_next_unseen(struct sfx_watch_state *s, const struct sfx_told *told,
                                 uint64_t key[2], struct sfx_slice *path)
{
    struct record r;
    const char *at;

    while (s->old != NULL && next_record(s, &r, &at)) {
        if (!sfx_told_is_unseen(told, r.key) || !sfx_told_is_last(told, r.key, r.version))
            continue;
        memcpy(key, r.key, sizeof(r.key));
        *path = sfx_slice(at, r.len);
        return true;
    }
    unmap(s);
    return false;
}

void sfx_watch_state_free(struct sfx_watch_state *s)
{
    if (s == NULL)
        return;
    unmap(s);
    (void)sfx_io_close(&s->fd, NULL);
    sfx_buf_done(&s->waiting);
    free(s);
}
