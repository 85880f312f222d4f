/* SPDX-License-Identifier: MIT */
/*
 * Atomic output files.
 *
 * The kernel applies the umask when it makes the file (mode 0666), so the process-wide umask is
 * never read or set. A name that is free is taken with one linkat; a name that is taken is replaced
 * by linkat to a temporary name and renameat, because a link never replaces.
 */
#include "base/outfile.h"

#include "base/io.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_MODE 0666

/* ".sfx-" + 16 hex digits + ".tmp" + terminator */
#define TEMP_NAME_NBYTES 26

/* 64 random bits do not collide twice in a row; a folder where they seem to is broken. */
#define NAME_TRIES 8

struct sfx_outfile {
    int fd;    /* the file; -1 once it has its name */
    int dirfd; /* its folder */
    bool durable;
    bool no_clobber;
    bool parked; /* both are closed, temp is the file … */
    dev_t dev;   /* … with these */
    ino_t ino;
    const char *root;            /* behind path; NULL: path is the whole name */
    const char *rel;             /* the name beneath root */
    size_t nfolders;             /* folders above dirfd that may be new: synced too */
    char base[NAME_MAX + 1];     /* its name in the folder */
    char temp[TEMP_NAME_NBYTES]; /* its temporary name, empty while it has none */
    char path[];                 /* root and path, for messages; then both, each alone */
};

static void make_temp_name(char name[TEMP_NAME_NBYTES])
{
    uint64_t bits = 0;

    /* Up to 256 bytes are never cut short; without the call the name is fixed and EEXIST says so.
     */
    if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        bits = (uint64_t)getpid();
    (void)snprintf(name, TEMP_NAME_NBYTES, ".sfx-%016llx.tmp", (unsigned long long)bits);
}

static size_t count_parts(const char *path)
{
    size_t n = 0;

    while (*(path += strspn(path, "/")) != '\0') {
        n++;
        path += strcspn(path, "/");
    }
    return n;
}

/* Opens the folder root, made when asked. Returns the descriptor or a code. */
static int open_folder(const char *path, bool make, struct sfx_err *err)
{
    int rc = make ? sfx_path_mkdirs(path, err) : 0;
    int fd;

    if (rc < 0)
        return rc;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : sfx_err_errno(err, errno, "%s", path);
}

static int open_beneath(const char *dir, const struct sfx_outfile_opts *opts, struct sfx_err *err)
{
    int root = open_folder(opts->root, opts->make_dirs, err);
    int fd;

    if (root < 0)
        return root;
    fd = opts->make_dirs
             ? sfx_path_mkdirs_beneath(root, dir, err)
             : sfx_path_open_beneath(root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, err);
    (void)sfx_io_close(&root, NULL);
    return fd < 0 ? sfx_err_wrap(err, fd, "%s", opts->root) : fd;
}

/* Opens the output's folder and fills base and nfolders. */
static int open_target_folder(struct sfx_outfile *out, const char *path,
                              const struct sfx_outfile_opts *opts, struct sfx_err *err)
{
    struct sfx_path_parts parts;
    char dir[PATH_MAX];
    size_t len = strlen(path);
    int fd;

    if (len == 0)
        return sfx_err_set(err, SFX_E_USAGE, "an output needs a name");
    sfx_path_split(sfx_slice(path, len), &parts);
    if (parts.dir.len >= sizeof(dir) || parts.base.len >= sizeof(out->base))
        return sfx_err_errno(err, ENAMETOOLONG, "%s", out->path);
    memcpy(dir, parts.dir.ptr, parts.dir.len);
    dir[parts.dir.len] = '\0';
    memcpy(out->base, parts.base.ptr, parts.base.len);
    out->base[parts.base.len] = '\0';
    if (opts->root != NULL && strcmp(out->base, "..") == 0)
        return sfx_err_set(err, SFX_E_INPUT, "%s: leads out of the folder", out->path);
    if (path[len - 1] == '/' || strcmp(out->base, ".") == 0 || strcmp(out->base, "..") == 0)
        return sfx_err_set(err, SFX_E_USAGE, "%s: names a folder, not an output file", out->path);
    fd = opts->root != NULL ? open_beneath(dir, opts, err) : open_folder(dir, opts->make_dirs, err);
    if (fd < 0)
        return fd;
    out->dirfd = fd;
    if (opts->make_dirs)
        out->nfolders = count_parts(dir) + (opts->root != NULL ? count_parts(opts->root) : 0);
    return 0;
}

/* Renaming over a device, a pipe or a socket would destroy it, so what is no file is refused. */
static int check_target(const struct sfx_outfile *out, struct sfx_err *err)
{
    struct stat st;

    if (fstatat(out->dirfd, out->base, &st, 0) != 0 || S_ISREG(st.st_mode))
        return 0;
    return sfx_err_set(err, SFX_E_USAGE, "%s: is %s, not a file to replace", out->path,
                       S_ISDIR(st.st_mode) ? "a folder" : "a device, pipe or socket");
}

/* Opens the output under a temporary name, for file systems without O_TMPFILE. */
static int open_named(struct sfx_outfile *out, struct sfx_err *err)
{
    int tries;

    for (tries = 0; tries < NAME_TRIES; tries++) {
        make_temp_name(out->temp);
        out->fd = openat(out->dirfd, out->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         OUTPUT_MODE);
        if (out->fd >= 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    out->temp[0] = '\0';
    return sfx_err_errno(err, errno, "%s: cannot make the output", out->path);
}

static int open_output(struct sfx_outfile *out, struct sfx_err *err)
{
    /* An unnamed file gets its name through /proc. */
    if (access("/proc/self/fd", X_OK) != 0)
        return open_named(out, err);
    out->fd = openat(out->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, OUTPUT_MODE);
    if (out->fd >= 0)
        return 0;
    /* Three ways in which file systems and kernels say that they have no O_TMPFILE. */
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
        return open_named(out, err);
    return sfx_err_errno(err, errno, "%s: cannot make the output", out->path);
}

/* An outfile with its path joined to the root's, and nothing open. */
static struct sfx_outfile *allocate(const char *path, const struct sfx_outfile_opts *opts)
{
    const char *root = opts->root != NULL && strcmp(opts->root, ".") != 0 ? opts->root : "";
    size_t root_len = strlen(root);
    const char *slash = root_len > 0 && root[root_len - 1] != '/' ? "/" : "";
    size_t nbytes = root_len + 1 + strlen(path) + 1;
    size_t rel_nbytes = strlen(path) + 1;
    size_t root_nbytes = opts->root != NULL ? strlen(opts->root) + 1 : 0;
    struct sfx_outfile *out = calloc(1, sizeof(*out) + nbytes + rel_nbytes + root_nbytes);

    if (out == NULL)
        return NULL;
    out->fd = -1;
    out->dirfd = -1;
    out->durable = opts->durable;
    out->no_clobber = opts->no_clobber;
    (void)snprintf(out->path, nbytes, "%s%s%s", root, slash, path);
    out->rel = memcpy(out->path + nbytes, path, rel_nbytes);
    if (opts->root != NULL)
        out->root = memcpy(out->path + nbytes + rel_nbytes, opts->root, root_nbytes);
    return out;
}

struct sfx_outfile *sfx_outfile_new(const char *path, const struct sfx_outfile_opts *opts,
                                    struct sfx_err *err)
{
    static const struct sfx_outfile_opts defaults = {0};
    struct sfx_outfile *out;

    if (opts == NULL)
        opts = &defaults;
    out = allocate(path, opts);
    if (out == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "%s: no memory for the output", path);
        return NULL;
    }
    if (open_target_folder(out, path, opts, err) < 0 || check_target(out, err) < 0 ||
        open_output(out, err) < 0) {
        sfx_outfile_free(out);
        return NULL;
    }
    return out;
}

int sfx_outfile_fd(const struct sfx_outfile *out)
{
    return out->fd;
}

int sfx_outfile_write(struct sfx_outfile *out, const void *ptr, size_t len, struct sfx_err *err)
{
    int rc = sfx_io_write(out->fd, ptr, len, err);

    return rc < 0 ? sfx_err_wrap(err, rc, "%s", out->path) : 0;
}

/* Gives the unnamed file a name in its folder. Returns 0 or -errno. */
static int link_as(const struct sfx_outfile *out, const char *name)
{
    char self[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", out->fd);
    return linkat(AT_FDCWD, self, out->dirfd, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

static int link_as_temp(struct sfx_outfile *out)
{
    int rc = -EEXIST;
    int tries;

    for (tries = 0; tries < NAME_TRIES && rc == -EEXIST; tries++) {
        make_temp_name(out->temp);
        rc = link_as(out, out->temp);
    }
    if (rc < 0)
        out->temp[0] = '\0';
    return rc;
}

int sfx_outfile_park(struct sfx_outfile *out, struct sfx_err *err)
{
    struct stat st;
    int rc;

    if (out->parked)
        return 0;
    if (fstat(out->fd, &st) != 0)
        return sfx_err_errno(err, errno, "%s", out->path);
    if (out->temp[0] == '\0' && (rc = link_as_temp(out)) < 0)
        return sfx_err_errno(err, -rc, "%s: cannot name the output", out->path);
    out->dev = st.st_dev;
    out->ino = st.st_ino;
    rc = sfx_io_close(&out->fd, err);
    (void)sfx_io_close(&out->dirfd, NULL);
    out->parked = true;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", out->path) : 0;
}

int sfx_outfile_resume(struct sfx_outfile *out, struct sfx_err *err)
{
    const struct sfx_outfile_opts opts = {.root = out->root};
    const size_t nfolders = out->nfolders;
    struct stat st;

    if (!out->parked)
        return 0;
    if (out->dirfd < 0) {
        int rc = open_target_folder(out, out->rel, &opts, err);

        out->nfolders = nfolders;
        if (rc < 0)
            return rc;
    }
    out->fd = openat(out->dirfd, out->temp, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (out->fd < 0 || fstat(out->fd, &st) != 0)
        return sfx_err_errno(err, errno, "%s: cannot go on with the output", out->path);
    if (st.st_dev != out->dev || st.st_ino != out->ino) {
        (void)sfx_io_close(&out->fd, NULL);
        return sfx_err_set(err, SFX_E_INPUT, "%s: %s was replaced", out->path, out->temp);
    }
    out->parked = false;
    return 0;
}

int sfx_outfile_prepare(struct sfx_outfile *out, struct sfx_err *err)
{
    int rc = sfx_outfile_resume(out, err);

    if (rc < 0)
        return rc;
    if (out->durable && fsync(out->fd) != 0)
        return sfx_err_errno(err, errno, "%s: cannot sync", out->path);
    rc = out->temp[0] == '\0' ? link_as_temp(out) : 0;
    return rc < 0 ? sfx_err_errno(err, -rc, "%s: cannot name the output", out->path) : 0;
}

/* Moves the temporary name to the final one, replacing. Returns 0 or -errno. */
static int rename_temp(struct sfx_outfile *out)
{
    if (renameat(out->dirfd, out->temp, out->dirfd, out->base) != 0)
        return -errno;
    out->temp[0] = '\0';
    return 0;
}

/* The same, refusing with -EEXIST to replace; a link never replaces, on any file system. */
static int rename_temp_if_free(struct sfx_outfile *out)
{
    if (renameat2(out->dirfd, out->temp, out->dirfd, out->base, RENAME_NOREPLACE) == 0) {
        out->temp[0] = '\0';
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (linkat(out->dirfd, out->temp, out->dirfd, out->base, 0) != 0)
        return -errno;
    return 0; /* _free takes the temporary name away */
}

/* Gives the output its name. Returns 0 or -errno. */
static int publish(struct sfx_outfile *out)
{
    int rc;

    if (out->temp[0] != '\0')
        return out->no_clobber ? rename_temp_if_free(out) : rename_temp(out);
    rc = link_as(out, out->base);
    if (rc != -EEXIST || out->no_clobber)
        return rc;
    rc = link_as_temp(out);
    return rc < 0 ? rc : rename_temp(out);
}

/*
 * Opens the folder above fd; *up is -1 where we may not read: what cannot be opened cannot be
 * synced, and such a folder is older than our work.
 */
static int open_above(const struct sfx_outfile *out, int fd, int *up, struct sfx_err *err)
{
    *up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*up < 0 && errno != EACCES)
        return sfx_err_errno(err, errno, "%s: cannot open the folder above", out->path);
    return 0;
}

/* Syncs the folder, and those above it that were perhaps made for it. */
static int sync_folders(const struct sfx_outfile *out, struct sfx_err *err)
{
    size_t left = out->nfolders;
    int fd = out->dirfd;
    int rc = 0;

    while (fd >= 0) {
        int up = -1;

        if (fsync(fd) != 0)
            rc = sfx_err_errno(err, errno, "%s: cannot sync the folder", out->path);
        else if (left > 0)
            rc = open_above(out, fd, &up, err);
        if (fd != out->dirfd)
            (void)sfx_io_close(&fd, NULL);
        fd = up;
        left--;
    }
    return rc;
}

int sfx_outfile_commit(struct sfx_outfile *out, struct sfx_err *err)
{
    int rc = sfx_outfile_resume(out, err);

    if (rc < 0)
        return rc;
    if (out->durable && fsync(out->fd) != 0)
        return sfx_err_errno(err, errno, "%s: cannot sync", out->path);
    /* A file with a name is closed first: network file systems report failed writes then. */
    if (out->temp[0] != '\0' && (rc = sfx_io_close(&out->fd, err)) < 0)
        return sfx_err_wrap(err, rc, "%s", out->path);
    rc = publish(out);
    if (rc == -EEXIST && out->no_clobber)
        return sfx_err_set(err, SFX_E_USAGE, "%s: exists already", out->path);
    if (rc == -EISDIR)
        return sfx_err_set(err, SFX_E_USAGE, "%s: is a folder, not a file to replace", out->path);
    if (rc < 0)
        return sfx_err_errno(err, -rc, "%s: cannot name the output", out->path);
    rc = sfx_io_close(&out->fd, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", out->path);
    return out->durable ? sync_folders(out, err) : 0;
}

void sfx_outfile_free(struct sfx_outfile *out)
{
    if (out == NULL)
        return;
    if (out->parked)
        (void)sfx_outfile_resume(out, NULL); /* to take its temporary name away */
    if (out->temp[0] != '\0' && out->dirfd >= 0)
        (void)unlinkat(out->dirfd, out->temp, 0);
    (void)sfx_io_close(&out->fd, NULL);
    (void)sfx_io_close(&out->dirfd, NULL);
    free(out);
}
