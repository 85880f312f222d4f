/* SPDX-License-Identifier: MIT */
/* The folders that were named: opened by their paths, watched as what they are, waited for when
 * they go. */
#include "base/hash.h"
#include "base/io.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC)

/* So soon a folder that came back is found: well below what a person notices as a delay. */
#define BACK_NS ((int64_t)500 * 1000000)

/* So often paths are looked at: a folder above may be renamed, a file system be mounted or
 * unmounted there, which nothing tells of. Costs one stat(2) a root. */
#define LOOK_NS ((int64_t)5 * 1000000000)

int sfx_watch_open_root(struct sfx_watch *w, uint32_t root, unsigned kind, struct sfx_err *err)
{
    static const char *const tellers[] = {
        [SFX_WATCH_AUTO] = "nothing",
        [SFX_WATCH_INOTIFY] = "inotify",
        [SFX_WATCH_FANOTIFY] = "fanotify",
        [SFX_WATCH_POLL] = "polling",
    };
    struct sfx_watch_root *r = &w->roots[root];
    struct stat st;
    char *real;
    int rc;

    r->path = w->opts.roots[root];
    r->name = sfx_slice_str(r->path);
    while (r->name.len > 0 && r->name.ptr[r->name.len - 1] == '/')
        r->name.len--;
    r->fd = open(r->path, FOLDER_FLAGS);
    if (r->fd < 0 || fstat(r->fd, &st) != 0)
        return sfx_err_errno(err, errno, "%s", r->path);
    r->dev = st.st_dev;
    r->ino = st.st_ino;
    real = realpath(r->path, NULL);
    r->number = real != NULL ? sfx_hash64(real, strlen(real), 0) : root;
    free(real);
    rc = sfx_watch_add_folder(w, NULL, root, sfx_slice(NULL, 0), kind, err);
    if (rc == 0 && r->dir == NULL)
        rc = sfx_err_set(err, SFX_E_IO, "%s: cannot be read", r->path);
    if (rc < 0)
        return rc;
    w->roots_left++;
    sfx_log(w->opts.log, SFX_LOG_INFO, "%s: changes are told by %s", r->path, tellers[r->dir->by]);
    return 0;
}

/* True when st is of the folder that is watched. */
static bool is_same(const struct sfx_watch_root *r, const struct stat *st)
{
    return st->st_dev == r->dev && st->st_ino == r->ino;
}

int sfx_watch_root_fd(struct sfx_watch *w, uint32_t root)
{
    struct sfx_watch_root *r = &w->roots[root];
    struct stat st;

    if (r->fd >= 0 || r->lost || r->dir == NULL)
        return r->fd;
    r->fd = open(r->path, FOLDER_FLAGS);
    if (r->fd >= 0 && fstat(r->fd, &st) == 0 && is_same(r, &st))
        return r->fd;
    (void)sfx_io_close(&r->fd, NULL);
    r->lost = true;
    return -1;
}

void sfx_watch_close_roots(struct sfx_watch *w)
{
    size_t i;

    for (i = 0; i < w->opts.nroots; i++)
        (void)sfx_io_close(&w->roots[i].fd, NULL);
}

int sfx_watch_lose_root(struct sfx_watch *w, uint32_t root, struct sfx_err *err)
{
    struct sfx_watch_root *r = &w->roots[root];

    sfx_log(w->opts.log, SFX_LOG_WARNING, "%s: is gone%s", r->path,
            w->opts.once ? "" : "; it is watched again when it comes back");
    (void)sfx_io_close(&r->fd, NULL);
    if (r->dir != NULL)
        sfx_watch_drop(w, r->dir);
    r->dir = NULL;
    r->lost = false;
    w->roots_due_ns = 0;
    if (--w->roots_left > 0 || !w->opts.once)
        return 0;
    return sfx_err_set(err, SFX_E_IO, "no folder is left");
}

/* Watches a root again if something is there. What else it may be than a folder of its own is
 * waited out, too. */
static int try_back(struct sfx_watch *w, uint32_t root, struct sfx_err *err)
{
    struct sfx_watch_root *r = &w->roots[root];
    int rc = sfx_watch_open_root(w, root, SFX_WATCH_CLOSED, err);

    if (rc == 0)
        sfx_log(w->opts.log, SFX_LOG_NOTICE, "%s: is watched again", r->path);
    if (rc < 0)
        (void)sfx_io_close(&r->fd, NULL);
    if (rc < 0 && r->dir != NULL) {
        sfx_watch_drop(w, r->dir);
        r->dir = NULL;
    }
    return rc == SFX_E_NOMEM ? rc : 0;
}

int sfx_watch_step_roots(struct sfx_watch *w, struct sfx_err *err)
{
    int64_t now_ns = sfx_clock_mono_ns();
    bool look = !w->opts.once && !w->stopping && now_ns >= w->roots_due_ns;
    bool all = true;
    uint32_t i;
    int rc = 0;

    for (i = 0; i < w->opts.nroots && rc == 0; i++) {
        struct sfx_watch_root *r = &w->roots[i];
        struct stat st;

        if (look && r->dir != NULL && (stat(r->path, &st) != 0 || !is_same(r, &st)))
            r->lost = true;
        if (r->lost)
            rc = sfx_watch_lose_root(w, i, err);
        if (look && rc == 0 && r->dir == NULL)
            rc = try_back(w, i, err);
        all = all && r->dir != NULL;
    }
    if (look && rc == 0 && sfx_watch_mounts_changed(w))
        rc = sfx_watch_rescan(w, 0, err);
    if (look)
        w->roots_due_ns = now_ns + (all ? LOOK_NS : BACK_NS);
    return rc;
}
