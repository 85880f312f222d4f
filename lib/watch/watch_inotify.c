/* SPDX-License-Identifier: MIT */
/* inotify(7): one watch a folder, its events as changes in folders of the tree. */
#include "base/hash.h"
#include "base/io.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Never opening or reading: our own scans would feed the queue. */
#define SFX_INOTIFY_MASK                                                                           \
    (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_EXCL_UNLINK | IN_ONLYDIR)

/* Holds a thousand events of usual names; the kernel's queue holds 16,384 by default. */
#define SFX_INOTIFY_BUF_NBYTES 65536

struct sfx_inotify {
    int fd;
    struct sfx_watch_dir **dirs; /* open addressing by wd; owned, not what it points to */
    size_t cap, count;
    size_t at, len; /* of buf */
    uint64_t taken;
    _Alignas(struct inotify_event) char buf[SFX_INOTIFY_BUF_NBYTES];
};

static int limit_error(struct sfx_err *err, const char *what, const char *sysctl)
{
    char note[SFX_ERR_NOTE_NBYTES];

    (void)sfx_err_set(err, SFX_E_IO, "the system's limit of %s is reached", what);
    (void)snprintf(note, sizeof(note),
                   "sysctl %s=NUMBER raises it; watching by polling is not there yet", sysctl);
    sfx_err_note(err, note);
    return SFX_E_IO;
}

struct sfx_inotify *sfx_inotify_new(struct sfx_err *err)
{
    struct sfx_inotify *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "inotify");
        return NULL;
    }
    in->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (in->fd >= 0)
        return in;
    if (errno == EMFILE)
        (void)limit_error(err, "inotify instances", "fs.inotify.max_user_instances");
    else
        (void)sfx_err_errno(err, errno, "inotify");
    free(in);
    return NULL;
}

int sfx_inotify_fd(const struct sfx_inotify *in)
{
    return in->fd;
}

/* The place of wd, or the free one where it belongs. */
static struct sfx_watch_dir **place_of(const struct sfx_inotify *in, int wd)
{
    size_t i = sfx_hash64_mix((uint64_t)wd) & (in->cap - 1);

    while (in->dirs[i] != NULL && in->dirs[i]->wd != wd)
        i = (i + 1) & (in->cap - 1);
    return &in->dirs[i];
}

static struct sfx_watch_dir *dir_of(const struct sfx_inotify *in, int wd)
{
    return in->cap > 0 ? *place_of(in, wd) : NULL;
}

static int grow(struct sfx_inotify *in, struct sfx_err *err)
{
    struct sfx_watch_dir **old = in->dirs;
    size_t old_cap = in->cap;
    size_t cap = old_cap > 0 ? old_cap * 2 : 64;
    size_t i;

    if (in->count * 2 < old_cap)
        return 0;
    in->dirs = calloc(cap, sizeof(*in->dirs));
    if (in->dirs == NULL) {
        in->dirs = old;
        return sfx_err_errno(err, ENOMEM, "table of folders");
    }
    in->cap = cap;
    for (i = 0; i < old_cap; i++) {
        if (old[i] != NULL)
            *place_of(in, old[i]->wd) = old[i];
    }
    free(old);
    return 0;
}

int sfx_inotify_add(struct sfx_inotify *in, int fd, int *wd, struct sfx_watch_dir **known,
                    struct sfx_err *err)
{
    char path[40];

    /* By descriptor: what is watched is what was opened, whatever the name means by now. */
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    *wd = inotify_add_watch(in->fd, path, SFX_INOTIFY_MASK);
    if (*wd < 0 && errno == ENOSPC)
        return limit_error(err, "watched folders", "fs.inotify.max_user_watches");
    if (*wd < 0 && errno == ENOENT)
        return sfx_err_set(err, SFX_E_IO, "cannot be watched: /proc is not mounted");
    if (*wd < 0)
        return sfx_err_errno(err, errno, "cannot be watched");
    *known = dir_of(in, *wd);
    return 0;
}

int sfx_inotify_set(struct sfx_inotify *in, struct sfx_watch_dir *dir, struct sfx_err *err)
{
    int rc = grow(in, err);

    if (rc < 0)
        return rc;
    *place_of(in, dir->wd) = dir;
    in->count++;
    return 0;
}

/* Takes a place out of the table and moves up what had been pushed behind it. */
static void clear_place(struct sfx_inotify *in, size_t i)
{
    size_t next;

    in->dirs[i] = NULL;
    for (next = (i + 1) & (in->cap - 1); in->dirs[next] != NULL;
         next = (next + 1) & (in->cap - 1)) {
        struct sfx_watch_dir *dir = in->dirs[next];

        in->dirs[next] = NULL;
        *place_of(in, dir->wd) = dir;
    }
}

void sfx_inotify_remove(struct sfx_inotify *in, struct sfx_watch_dir *dir)
{
    struct sfx_watch_dir **place;

    if (dir->wd < 0 || in->cap == 0)
        return;
    place = place_of(in, dir->wd);
    if (*place == dir) {
        clear_place(in, (size_t)(place - in->dirs));
        in->count--;
    }
    /* Fails when the kernel has dropped the watch already. */
    (void)inotify_rm_watch(in->fd, dir->wd);
    dir->wd = -1;
}

static int fill(struct sfx_inotify *in, struct sfx_err *err)
{
    ssize_t n;

    do
        n = read(in->fd, in->buf, sizeof(in->buf));
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return sfx_err_errno(err, errno, "inotify");
    in->at = 0;
    in->len = n > 0 ? (size_t)n : 0;
    return 0;
}

/* False: nothing that concerns us. */
static bool translate(struct sfx_inotify *in, const struct inotify_event *event,
                      struct sfx_watch_change *change)
{
    static const struct {
        uint32_t mask;
        enum sfx_watch_what what;
    } meanings[] = {
        {IN_CLOSE_WRITE, SFX_CHANGE_CLOSED}, {IN_CREATE, SFX_CHANGE_CREATED},
        {IN_MOVED_TO, SFX_CHANGE_MOVED_IN},  {IN_MOVED_FROM, SFX_CHANGE_MOVED_OUT},
        {IN_DELETE, SFX_CHANGE_DELETED},     {IN_DELETE_SELF, SFX_CHANGE_DIR_GONE},
        {IN_MOVE_SELF, SFX_CHANGE_DIR_GONE}, {IN_UNMOUNT, SFX_CHANGE_DIR_GONE},
        {IN_IGNORED, SFX_CHANGE_DIR_GONE},
    };
    size_t i;

    change->of_folder = (event->mask & IN_ISDIR) != 0;
    change->dir = dir_of(in, event->wd);
    change->name = sfx_slice(event->name, event->len > 0 ? strlen(event->name) : 0);
    if (event->mask & IN_Q_OVERFLOW) {
        change->what = SFX_CHANGE_OVERFLOW;
        return true;
    }
    if (change->dir == NULL)
        return false;
    /* A folder below a root that moves is told of by its parents. */
    if ((event->mask & IN_MOVE_SELF) && change->dir->parent != NULL)
        return false;
    for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (event->mask & meanings[i].mask) {
            change->what = meanings[i].what;
            return true;
        }
    }
    return false;
}

int sfx_inotify_next(struct sfx_inotify *in, bool ask, struct sfx_watch_change *change,
                     struct sfx_err *err)
{
    for (;;) {
        const struct inotify_event *event;
        int rc;

        if (in->at == in->len) {
            rc = ask ? fill(in, err) : 0;
            if (rc < 0 || in->at == in->len)
                return rc;
        }
        event = (const struct inotify_event *)(const void *)(in->buf + in->at);
        in->at += sizeof(*event) + event->len;
        in->taken += sizeof(*event) + event->len;
        if (translate(in, event, change))
            return 1;
    }
}

size_t sfx_inotify_queued(const struct sfx_inotify *in)
{
    int in_kernel = 0;

    if (ioctl(in->fd, FIONREAD, &in_kernel) != 0 || in_kernel < 0)
        in_kernel = 0;
    return in->len - in->at + (size_t)in_kernel;
}

uint64_t sfx_inotify_taken(const struct sfx_inotify *in)
{
    return in->taken;
}

void sfx_inotify_free(struct sfx_inotify *in)
{
    if (in == NULL)
        return;
    (void)sfx_io_close(&in->fd, NULL);
    free(in->dirs);
    free(in);
}
