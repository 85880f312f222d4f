/* SPDX-License-Identifier: MIT */
/*
 * Folders by their handles. Of a root on a file system with one mark (fanotify) all changes are
 * told with the handle of their folder, and the kernel says where that is by now: so nothing need
 * be known of the tree. Where folders are is remembered until one of them, anywhere, is renamed:
 * that is told too, after it was done, and what was found before is forgotten then. So a change is
 * looked at under a path that its folder has, or will be told to have got.
 */
#include "base/hash.h"
#include "base/io.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOWHERE UINT32_MAX

struct sfx_watch_handle {
    uint32_t root; /* NOWHERE: below none */
    uint32_t key_len, path_len;
    char bytes[]; /* the key, then the path */
};

/* As fanotify(7) has it: a handle behind the number of its file system. */
struct key {
    uint64_t fsid;
    union {
        struct file_handle head;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } handle;
};

/* File systems of which a part may be another one, without being mounted: statfs(2). */
static bool has_subvolumes(uint64_t magic)
{
    return (uint32_t)magic == 0x9123683E || /* btrfs */
           (uint32_t)magic == 0xCA451A4E;   /* bcachefs */
}

/* The path that the kernel has for fd. False: it tells none. */
static bool path_of(int fd, char path[PATH_MAX])
{
    char name[40];
    ssize_t n;

    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    n = readlink(name, path, PATH_MAX - 1);
    if (n <= 0 || path[0] != '/')
        return false;
    path[n] = '\0';
    return true;
}

/* What of path lies below the folder `above`: "." when they are the same; NULL: it does not. */
static const char *below(const char *path, const char *above)
{
    size_t len = strlen(above);

    if (len == 1) /* the root of all */
        return path[1] != '\0' ? path + 1 : ".";
    if (strncmp(path, above, len) != 0)
        return NULL;
    return path[len] == '\0' ? "." : path[len] == '/' ? path + len + 1 : NULL;
}

/* Undoes how mountinfo writes blanks and the like: as \040. */
static void unescape(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] != '\0' &&
            text[3] != '\0') {
            *to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 3;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

/* A number that is the same as long as the same file systems are mounted below the folder fd; 0:
 * none is; 1: that cannot be known. */
static uint64_t mounts_below(int fd)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    char folder[PATH_MAX];
    char *line = NULL;
    uint64_t number = f == NULL || !path_of(fd, folder);
    size_t cap = 0;

    while (number != 1 && getline(&line, &cap, f) >= 0) {
        char point[PATH_MAX];
        const char *rest;
        int id;

        if (sscanf(line, "%d %*s %*s %*s %4095s", &id, point) != 2)
            continue;
        unescape(point);
        rest = below(point, folder);
        if (rest != NULL && strcmp(rest, ".") != 0)
            number = sfx_hash64(point, strlen(point), number + (uint64_t)id) | 2;
    }
    free(line);
    if (f != NULL)
        (void)fclose(f);
    return number;
}

/* True when the kernel finds folders by their handles here. */
static bool can_find(struct sfx_watch_root *r, int fd)
{
    struct key key = {.handle.head.handle_bytes = MAX_HANDLE_SZ};
    struct statfs fs;
    int found;

    if (fstatfs(fd, &fs) != 0 || has_subvolumes((uint64_t)fs.f_type) ||
        name_to_handle_at(fd, "", &key.handle.head, &r->mount_id, AT_EMPTY_PATH) != 0)
        return false;
    memcpy(&r->fsid, &fs.f_fsid, sizeof(r->fsid));
    found = open_by_handle_at(fd, &key.handle.head, O_PATH | O_CLOEXEC);
    if (found < 0)
        return false;
    (void)sfx_io_close(&found, NULL);
    return true;
}

bool sfx_watch_is_whole(struct sfx_watch *w, uint32_t root, int fd,
                        const struct sfx_watch_place *place)
{
    struct sfx_watch_root *r = &w->roots[root];

    if (place == NULL)
        return w->opts.ignore_file == NULL;
    /* Opened before it is read: what is mounted after that is told. */
    if (w->handles.mounts_fd == 0) {
        int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

        w->handles.mounts_fd = mounts > 0 ? mounts : 0;
    }
    r->mounts = mounts_below(fd);
    /* Ignore files are kept in nodes; and where a folder was that is gone, only its node knows. */
    if (place->by != SFX_WATCH_FANOTIFY || w->opts.ignore_file != NULL ||
        (w->opts.kinds & SFX_WATCH_DELETED) || r->mounts != 0 || !can_find(r, fd))
        return false;
    sfx_watch_forget_handles(w);
    sfx_backend_want_handles(w->backend);
    return true;
}

bool sfx_watch_mounts_changed(struct sfx_watch *w)
{
    struct pollfd mounts = {.fd = w->handles.mounts_fd, .events = POLLPRI};
    bool changed = false;
    size_t i;

    if (mounts.fd == 0 || poll(&mounts, 1, 0) <= 0)
        return false;
    for (i = 0; i < w->opts.nroots; i++) {
        struct sfx_watch_root *r = &w->roots[i];
        int fd = r->dir != NULL ? sfx_watch_root_fd(w, (uint32_t)i) : -1;
        uint64_t number = fd >= 0 ? mounts_below(fd) : r->mounts;

        if (number == r->mounts)
            continue;
        r->mounts = number;
        r->whole = false;
        r->nfolders = 0;
        changed = true;
    }
    return changed;
}

/* True when a folder above path, or it itself, is left out. */
static bool is_ignored(const struct sfx_watch *w, const char *path)
{
    size_t len = strlen(path), at;

    if (strcmp(path, ".") == 0)
        return false;
    if (w->opts.flat)
        return true;
    for (at = 0; w->opts.nignores > 0 && at <= len; at++) {
        if ((path[at] == '/' || at == len) && sfx_watch_ignores(&w->opts, sfx_slice(path, at)))
            return true;
    }
    return false;
}

struct found {
    uint32_t root;
    char path[PATH_MAX];
    size_t above_len; /* of the root's own path */
};

/* Is the folder fd, whose path is given, below root, and nearer than what was found? */
static void try_root(struct sfx_watch *w, uint32_t root, int fd, const char *path,
                     struct found *found)
{
    int root_fd = sfx_watch_root_fd(w, root);
    char above[PATH_MAX];
    struct stat is, by_path;
    const char *rest;

    if (root_fd < 0 || !path_of(root_fd, above))
        return;
    rest = below(path, above);
    if (rest == NULL || (found->root != NOWHERE && strlen(above) < found->above_len))
        return;
    /* A name may lead elsewhere, when something is mounted there or it was renamed just now. */
    if (fstat(fd, &is) != 0 || fstatat(root_fd, rest, &by_path, AT_SYMLINK_NOFOLLOW) != 0 ||
        is.st_dev != by_path.st_dev || is.st_ino != by_path.st_ino)
        return;
    found->root = root;
    found->above_len = strlen(above);
    memcpy(found->path, rest, strlen(rest) + 1);
}

/* Asks the kernel. Errors: IO. */
static int resolve(struct sfx_watch *w, struct key *key, struct found *found, struct sfx_err *err)
{
    char path[PATH_MAX];
    int fd = -1, mount_id = 0;
    uint32_t i;

    found->root = NOWHERE;
    for (i = 0; i < w->opts.nroots; i++) {
        const struct sfx_watch_root *r = &w->roots[i];
        int root_fd =
            r->whole && r->dir != NULL && r->fsid == key->fsid ? sfx_watch_root_fd(w, i) : -1;

        if (root_fd < 0)
            continue;
        if (fd < 0 || r->mount_id != mount_id) {
            (void)sfx_io_close(&fd, NULL);
            fd = open_by_handle_at(root_fd, &key->handle.head, O_PATH | O_CLOEXEC);
            mount_id = r->mount_id;
        }
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
            return sfx_err_errno(err, errno, "%s", r->path);
        if (fd >= 0 && path_of(fd, path))
            try_root(w, i, fd, path, found);
    }
    (void)sfx_io_close(&fd, NULL);
    if (found->root != NOWHERE && is_ignored(w, found->path))
        found->root = NOWHERE;
    return 0;
}

/* Keeps where the folder of a key is, at its place. Errors: NOMEM. */
static int keep(struct sfx_watch_handle **place, struct sfx_slice key, const struct found *found,
                struct sfx_err *err)
{
    size_t path_len = found->root != NOWHERE ? strlen(found->path) : 0;
    struct sfx_watch_handle *h = malloc(sizeof(*h) + key.len + path_len);

    if (h == NULL)
        return sfx_err_errno(err, ENOMEM, "folders");
    h->root = found->root;
    h->key_len = (uint32_t)key.len;
    h->path_len = (uint32_t)path_len;
    memcpy(h->bytes, key.ptr, key.len);
    memcpy(h->bytes + key.len, found->path, path_len);
    free(*place);
    *place = h;
    return 0;
}

int sfx_watch_find_folder(struct sfx_watch *w, struct sfx_slice handle, uint32_t *root,
                          struct sfx_slice *path, struct sfx_err *err)
{
    struct sfx_watch_handle **place =
        &w->handles.known[sfx_hash64(handle.ptr, handle.len, 0) % SFX_WATCH_HANDLES];
    struct sfx_watch_handle *h = *place;
    struct key key;
    struct found found;
    int rc = 0;

    if (h == NULL || !sfx_slice_eq(sfx_slice(h->bytes, h->key_len), handle)) {
        memcpy(&key.fsid, handle.ptr, sizeof(key.fsid));
        memcpy(&key.handle, handle.ptr + sizeof(key.fsid), handle.len - sizeof(key.fsid));
        rc = resolve(w, &key, &found, err);
        if (rc == 0)
            rc = keep(place, handle, &found, err);
        h = *place;
    }
    if (rc < 0 || h->root == NOWHERE)
        return rc;
    *root = h->root;
    *path = sfx_slice(h->bytes + h->key_len, h->path_len);
    return 1;
}

void sfx_watch_forget_handles(struct sfx_watch *w)
{
    size_t i;

    for (i = 0; i < SFX_WATCH_HANDLES; i++) {
        free(w->handles.known[i]);
        w->handles.known[i] = NULL;
    }
}

void sfx_watch_handles_done(struct sfx_watch *w)
{
    sfx_watch_forget_handles(w);
    if (w->handles.mounts_fd > 0)
        (void)sfx_io_close(&w->handles.mounts_fd, NULL);
}
