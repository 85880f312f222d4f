/* SPDX-License-Identifier: MIT */
/*
 * Paths: taking names apart, and opening names from outside beneath a folder.
 *
 * The kernel's openat2 resolves a name beneath a folder in one step. Where there is none (Linux
 * before 5.6, sandboxes that do not know the call) the name is walked part by part, each opened
 * without following a link; the result is the same.
 */
#include "base/path.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* openat2 gives EAGAIN when a rename raced with it; this often in a row is not a race any more. */
#define RACE_TRIES 16

static struct sfx_slice drop_trailing_slashes(struct sfx_slice path)
{
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

void sfx_path_split(struct sfx_slice path, struct sfx_path_parts *out)
{
    const char *slash;
    size_t leading = 0;
    size_t dot;

    path = drop_trailing_slashes(path);
    slash = memrchr(path.ptr, '/', path.len);
    if (slash == NULL) {
        out->dir = SFX_SLICE_LIT(".");
        out->base = path;
    } else {
        size_t dir_len = (size_t)(slash - path.ptr);

        out->dir = drop_trailing_slashes(sfx_slice(path.ptr, dir_len > 0 ? dir_len : 1));
        out->base = sfx_slice(slash + 1, path.len - dir_len - 1);
    }
    out->stem = out->base;
    out->ext = sfx_slice(out->base.ptr + out->base.len, 0);
    while (leading < out->base.len && out->base.ptr[leading] == '.')
        leading++;
    for (dot = out->base.len; dot > leading && out->base.ptr[dot - 1] != '.'; dot--)
        ;
    if (dot <= leading || dot == out->base.len) /* no dot, or nothing behind it */
        return;
    out->stem.len = dot - 1;
    out->ext = sfx_slice(out->base.ptr + dot, out->base.len - dot);
}

/* One part of a relative name. */
struct part {
    char name[NAME_MAX + 1];
    bool last; /* nothing but slashes behind it */
};

/*
 * Takes the next part off *rel. Returns 1, 0 at the end, or a negative code: INPUT for "..".
 * Parts "." are passed over.
 */
static int next_part(const char **rel, struct part *part, struct sfx_err *err)
{
    size_t len;

    do {
        *rel += strspn(*rel, "/");
        len = strcspn(*rel, "/");
        if (len == 0)
            return 0;
        if (len >= sizeof(part->name))
            return sfx_err_errno(err, ENAMETOOLONG, "%s", *rel);
        memcpy(part->name, *rel, len);
        part->name[len] = '\0';
        *rel += len;
    } while (strcmp(part->name, ".") == 0);
    if (strcmp(part->name, "..") == 0)
        return sfx_err_set(err, SFX_E_INPUT, "'..' leads out of the folder");
    part->last = (*rel)[strspn(*rel, "/")] == '\0';
    return 1;
}

/* A name that is refused for what it says, whatever the file system holds. */
static int check_relative(const char *rel, struct sfx_err *err)
{
    struct part part;
    int rc;

    if (rel[0] == '/')
        return sfx_err_set(err, SFX_E_INPUT, "%s: an absolute name leads out of the folder", rel);
    for (const char *rest = rel; (rc = next_part(&rest, &part, err)) > 0;)
        ;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", rel) : 0;
}

static int open_failed(int errnum, const char *rel, struct sfx_err *err)
{
    if (errnum == ELOOP)
        return sfx_err_set(err, SFX_E_INPUT, "%s: a symbolic link leads out of the folder", rel);
    if (errnum == EXDEV)
        return sfx_err_set(err, SFX_E_INPUT, "%s: leads out of the folder", rel);
    return sfx_err_errno(err, errnum, "%s", rel);
}

/* Returns the descriptor, or -errno. */
static int open_by_kernel(int dirfd, const char *rel, int flags, mode_t mode)
{
    bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {
        .flags = (unsigned int)flags | O_CLOEXEC,
        .mode = makes ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    int tries;

    for (tries = 0; tries < RACE_TRIES; tries++) {
        long fd = syscall(SYS_openat2, dirfd, rel, &how, sizeof(how));

        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return -errno;
}

/*
 * Opens one part without following a link. Returns the descriptor, or -errno; a link is -ELOOP
 * also where the kernel would say that it is no folder.
 */
static int open_part(int dirfd, const char *name, int flags, mode_t mode)
{
    int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    int errnum = errno;
    struct stat st;

    if (fd >= 0)
        return fd;
    if (errnum == ENOTDIR && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        errnum = ELOOP;
    return -errnum;
}

/* The walk: what openat2 does, one part at a time. Returns the descriptor, or -errno. */
static int open_by_walk(int dirfd, const char *rel, int flags, mode_t mode)
{
    struct part part;
    int fd = -1;

    while (next_part(&rel, &part, NULL) > 0) {
        int from = fd >= 0 ? fd : dirfd;
        int next = part.last ? open_part(from, part.name, flags, mode)
                             : open_part(from, part.name, O_PATH | O_DIRECTORY, 0);

        (void)sfx_io_close(&fd, NULL);
        if (next < 0 || part.last)
            return next;
        fd = next;
    }
    /* Nothing but "." and slashes: the folder itself. */
    return open_part(dirfd, ".", flags, mode);
}

int sfx_path_open_beneath(int dirfd, const char *rel, int flags, mode_t mode, struct sfx_err *err)
{
    int rc = check_relative(rel, err);
    int fd;

    if (rc < 0)
        return rc;
    fd = open_by_kernel(dirfd, rel, flags, mode);
    if (fd == -ENOSYS ||
        fd == -EPERM) /* EPERM: what some sandboxes say of calls they do not know */
        fd = open_by_walk(dirfd, rel, flags, mode);
    return fd >= 0 ? fd : open_failed(-fd, rel, err);
}

int sfx_path_mkdirs(const char *path, struct sfx_err *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    size_t i;
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    if (len >= sizeof(part))
        return sfx_err_errno(err, ENAMETOOLONG, "%s", path);
    memcpy(part, path, len + 1);
    for (i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return sfx_err_errno(err, errno, "cannot make the folder %s", part);
        part[i] = path[i];
    }
    if (stat(path, &st) != 0)
        return sfx_err_errno(err, errno, "%s", path);
    return S_ISDIR(st.st_mode) ? 0 : sfx_err_errno(err, ENOTDIR, "%s", path);
}

/* Opens the folder name in dirfd, made when it is missing. Returns the descriptor, or -errno. */
static int open_or_make(int dirfd, const char *name)
{
    int fd = open_part(dirfd, name, FOLDER_FLAGS, 0);

    if (fd != -ENOENT)
        return fd;
    if (mkdirat(dirfd, name, 0777) != 0 && errno != EEXIST)
        return -errno;
    return open_part(dirfd, name, FOLDER_FLAGS, 0);
}

int sfx_path_mkdirs_beneath(int dirfd, const char *rel, struct sfx_err *err)
{
    const char *rest = rel;
    struct part part;
    int rc = check_relative(rel, err);
    int fd;

    if (rc < 0)
        return rc;
    fd = open_by_kernel(dirfd, rel, FOLDER_FLAGS, 0);
    if (fd >= 0)
        return fd;
    fd = open_part(dirfd, ".", FOLDER_FLAGS, 0);
    while (fd >= 0 && next_part(&rest, &part, NULL) > 0) {
        int next = open_or_make(fd, part.name);

        (void)sfx_io_close(&fd, NULL);
        fd = next;
    }
    return fd >= 0 ? fd : open_failed(-fd, rel, err);
}
