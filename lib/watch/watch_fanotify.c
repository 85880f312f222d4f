/* SPDX-License-Identifier: MIT */
/*
 * fanotify(7): one mark for a whole file system, whose events name a folder by its handle and a
 * file by its name in it. What is queued of one name is one event with several bits, whose order is
 * not known: those of leaving are told first, and what is there by now decides.
 */
#include "base/hash.h"
#include "base/size.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifdef FAN_REPORT_DFID_NAME

#define SFX_FANOTIFY_MASK                                                                          \
    (FAN_CLOSE_WRITE | FAN_CREATE | FAN_MOVED_TO | FAN_MOVED_FROM | FAN_DELETE | FAN_DELETE_SELF | \
     FAN_MOVE_SELF | FAN_ONDIR)

int sfx_fanotify_open(struct sfx_err *err)
{
    int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_NONBLOCK | FAN_CLOEXEC,
                           O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == EPERM || errno == EINVAL || errno == ENOSYS)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "fanotify: %s",
                           errno == EPERM ? "needs CAP_SYS_ADMIN" : "needs Linux 5.9");
    return sfx_err_errno(err, errno, "fanotify");
}

static uint64_t id_of(const void *fsid, int type, const void *handle, size_t nbytes)
{
    uint64_t seed = sfx_hash64(fsid, 8, (uint64_t)(unsigned)type);

    return sfx_hash64(handle, nbytes, seed) | SFX_WATCH_HASHED;
}

static bool is_in(const struct sfx_fanotify_list *list, uint64_t fsid)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (list->fsids[i] == fsid)
            return true;
    }
    return false;
}

/* Marks the file system of the folder fd, once. */
static int mark(struct sfx_fanotify *fan, int fd, uint64_t fsid, struct sfx_err *err)
{
    struct sfx_fanotify_list *list = &fan->marked;

    if (is_in(&fan->marked, fsid))
        return 0;
    if (is_in(&fan->refused, fsid) || fan->marked.count == SFX_COUNT(fan->marked.fsids))
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "fanotify: not on this file system");
    if (fanotify_mark(fan->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, SFX_FANOTIFY_MASK, fd, NULL) !=
        0) {
        (void)sfx_err_set(err, SFX_E_UNSUPPORTED, "fanotify: %s",
                          errno == EPERM ? "needs CAP_SYS_ADMIN" : "not on this file system");
        list = &fan->refused;
    }
    if (list->count < SFX_COUNT(list->fsids))
        list->fsids[list->count++] = fsid;
    return list == &fan->marked ? 0 : SFX_E_UNSUPPORTED;
}

int sfx_fanotify_add(struct sfx_fanotify *fan, int fd, const struct statfs *fs, uint64_t *id,
                     struct sfx_err *err)
{
    union {
        struct file_handle head;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
    uint64_t fsid;
    int mount_id, rc;

    memcpy(&fsid, &fs->f_fsid, sizeof(fsid));
    rc = mark(fan, fd, fsid, err);
    if (rc < 0)
        return rc;
    /* What has no handle is not named by events. */
    if (name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) != 0)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "fanotify: not on this file system");
    *id = id_of(&fsid, handle.head.handle_type, handle.head.f_handle, handle.head.handle_bytes);
    return 0;
}

/* The folder and name of an event. False: it has none that is of interest. */
static bool find_place(const struct sfx_fanotify *fan, const struct sfx_watch_table *table,
                       struct sfx_slice event, struct sfx_watch_change *change)
{
    struct fanotify_event_info_fid info;
    struct file_handle handle;
    const size_t head = sizeof(info) + sizeof(handle);
    const char *at;

    if (event.len < FAN_EVENT_METADATA_LEN + head)
        return false;
    at = event.ptr + FAN_EVENT_METADATA_LEN;
    memcpy(&info, at, sizeof(info));
    memcpy(&handle, at + sizeof(info), sizeof(handle));
    if (info.hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME ||
        handle.handle_bytes > MAX_HANDLE_SZ || info.hdr.len <= head + handle.handle_bytes)
        return false;
    change->dir = sfx_watch_table_find(
        table, id_of(&info.fsid, handle.handle_type, at + head, handle.handle_bytes));
    change->name = sfx_slice_str(at + head + handle.handle_bytes);
    change->folder = sfx_slice(at + offsetof(struct fanotify_event_info_fid, fsid),
                               sizeof(info.fsid) + sizeof(handle) + handle.handle_bytes);
    return change->dir != NULL || fan->with_handles;
}

/* The first that the bits say; 0: there is none. */
static uint64_t next_bit(uint64_t mask)
{
    static const uint64_t order[] = {FAN_MOVED_FROM,  FAN_DELETE,      FAN_CREATE,   FAN_MOVED_TO,
                                     FAN_CLOSE_WRITE, FAN_DELETE_SELF, FAN_MOVE_SELF};
    size_t i;

    for (i = 0; i < SFX_COUNT(order); i++) {
        if (mask & order[i])
            return order[i];
    }
    return 0;
}

static bool translate(uint64_t bit, struct sfx_watch_change *change)
{
    switch (bit) {
    case FAN_MOVED_FROM: change->what = SFX_CHANGE_MOVED_OUT; break;
    case FAN_DELETE: change->what = SFX_CHANGE_DELETED; break;
    case FAN_CREATE: change->what = SFX_CHANGE_CREATED; break;
    case FAN_MOVED_TO: change->what = SFX_CHANGE_MOVED_IN; break;
    case FAN_CLOSE_WRITE: change->what = SFX_CHANGE_CLOSED; break;
    case FAN_DELETE_SELF:
        change->what = SFX_CHANGE_DIR_GONE;
        return change->of_folder && change->dir != NULL;
    default: /* FAN_MOVE_SELF: a folder below a root that moves is told of by its parents */
        change->what = SFX_CHANGE_DIR_GONE;
        return change->of_folder && change->dir != NULL && change->dir->parent == 0;
    }
    return true;
}

bool sfx_fanotify_read(struct sfx_fanotify *fan, const struct sfx_watch_table *table,
                       struct sfx_slice bytes, size_t *taken, struct sfx_watch_change *change)
{
    struct fanotify_event_metadata event;
    uint64_t bit;

    memcpy(&event, bytes.ptr, sizeof(event));
    *taken = event.event_len;
    if (event.fd >= 0)
        (void)close(event.fd);
    if (event.mask & FAN_Q_OVERFLOW) {
        change->what = SFX_CHANGE_OVERFLOW;
        return true;
    }
    change->of_folder = (event.mask & FAN_ONDIR) != 0;
    /* What was made and closed is looked at once. */
    if (event.mask & FAN_CLOSE_WRITE)
        event.mask &= ~(uint64_t)FAN_CREATE;
    bit = next_bit(event.mask & ~fan->told);
    if (bit == 0 || !find_place(fan, table, sfx_slice(bytes.ptr, event.event_len), change)) {
        fan->told = 0;
        return false;
    }
    fan->told |= bit;
    if (next_bit(event.mask & ~fan->told) != 0)
        *taken = 0; /* it has more to say */
    else
        fan->told = 0;
    return translate(bit, change);
}

#else

int sfx_fanotify_open(struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_UNSUPPORTED, "fanotify: this build is without it");
}

int sfx_fanotify_add(struct sfx_fanotify *fan, int fd, const struct statfs *fs, uint64_t *id,
                     struct sfx_err *err)
{
    (void)fan;
    (void)fd;
    (void)fs;
    (void)id;
    return sfx_fanotify_open(err);
}

bool sfx_fanotify_read(struct sfx_fanotify *fan, const struct sfx_watch_table *table,
                       struct sfx_slice bytes, size_t *taken, struct sfx_watch_change *change)
{
    (void)fan;
    (void)table;
    (void)change;
    *taken = bytes.len;
    return false;
}

#endif
