/* SPDX-License-Identifier: MIT */
/* inotify(7): one watch a folder, its events as changes in folders of the tree. */
#include "base/size.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>

/* Never opening or reading: our own scans would feed the queue. */
#define SFX_INOTIFY_MASK                                                                           \
    (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_EXCL_UNLINK | IN_ONLYDIR)

int sfx_inotify_open(struct sfx_err *err)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd >= 0)
        return fd;
    if (errno != EMFILE)
        return sfx_err_errno(err, errno, "inotify");
    return sfx_err_set(err, SFX_E_LIMIT, "the system's limit of inotify instances is reached");
}

int sfx_inotify_add(int in, int fd, uint64_t *id, struct sfx_err *err)
{
    char path[40];
    int wd;

    /* By descriptor: what is watched is what was opened, whatever the name means by now. */
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    wd = inotify_add_watch(in, path, SFX_INOTIFY_MASK);
    *id = (uint64_t)wd;
    if (wd >= 0)
        return 0;
    if (errno == ENOSPC)
        return sfx_err_set(err, SFX_E_LIMIT, "the system's limit of watched folders is reached");
    if (errno == ENOENT)
        return sfx_err_set(err, SFX_E_IO, "cannot be watched: /proc is not mounted");
    return sfx_err_errno(err, errno, "cannot be watched");
}

void sfx_inotify_remove(int in, uint64_t id)
{
    /* Fails when the kernel has dropped the watch already. */
    (void)inotify_rm_watch(in, (int)id);
}

/* False: nothing that concerns us. */
static bool translate(const struct sfx_watch_table *table, const struct inotify_event *event,
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
    change->dir = sfx_watch_table_find(table, (uint64_t)event->wd);
    change->name = sfx_slice(event->name, event->len > 0 ? strlen(event->name) : 0);
    if (event->mask & IN_Q_OVERFLOW) {
        change->what = SFX_CHANGE_OVERFLOW;
        return true;
    }
    if (change->dir == NULL)
        return false;
    /* A folder below a root that moves is told of by its parents. */
    if ((event->mask & IN_MOVE_SELF) && change->dir->parent != 0)
        return false;
    for (i = 0; i < SFX_COUNT(meanings); i++) {
        if (event->mask & meanings[i].mask) {
            change->what = meanings[i].what;
            return true;
        }
    }
    return false;
}

bool sfx_inotify_read(const struct sfx_watch_table *table, struct sfx_slice bytes, size_t *taken,
                      struct sfx_watch_change *change)
{
    /* The kernel pads events to multiples of their size. */
    const struct inotify_event *event = (const struct inotify_event *)(const void *)bytes.ptr;

    *taken = sizeof(*event) + event->len;
    return translate(table, event, change);
}
