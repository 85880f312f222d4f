/* SPDX-License-Identifier: MIT */
/* Folders: each is watched first and scanned then, so that nothing falls between. */
#include "base/io.h"
#include "base/path.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NONBLOCK)

int sfx_watch_root_fd(struct sfx_watch *w, uint32_t root)
{
    struct sfx_watch_root *r = &w->roots[root];
    struct stat st;

    if (r->fd >= 0 || r->lost || r->dir == NULL)
        return r->fd;
    r->fd = open(r->path, FOLDER_FLAGS | O_CLOEXEC);
    if (r->fd >= 0 && fstat(r->fd, &st) == 0 && st.st_dev == r->dev && st.st_ino == r->ino)
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

static void queue_scan(struct sfx_watch *w, struct sfx_watch_dir *dir, unsigned kind)
{
    if (dir->scan_kind != 0)
        return;
    dir->scan_kind = kind;
    dir->scan_prev = NULL;
    dir->scan_next = w->scan_first;
    if (dir->scan_next != NULL)
        dir->scan_next->scan_prev = dir;
    w->scan_first = dir;
}

static void unqueue_scan(struct sfx_watch *w, struct sfx_watch_dir *dir)
{
    if (dir->scan_kind == 0)
        return;
    dir->scan_kind = 0;
    if (dir->scan_next != NULL)
        dir->scan_next->scan_prev = dir->scan_prev;
    if (dir->scan_prev != NULL)
        dir->scan_prev->scan_next = dir->scan_next;
    else
        w->scan_first = dir->scan_next;
}

static void end_scan(struct sfx_watch *w)
{
    if (w->scan != NULL)
        (void)closedir(w->scan);
    w->scan = NULL;
    w->scan_dir = NULL;
}

/* Opens the folder w->path. -1: it is gone, or may not be read, which is said. */
static int open_folder(struct sfx_watch *w, uint32_t root, struct sfx_err *err)
{
    int root_fd = sfx_watch_root_fd(w, root);
    struct sfx_err why;
    int fd;

    if (root_fd < 0)
        return -1;
    fd = sfx_path_open_beneath(root_fd, w->path.data, FOLDER_FLAGS, 0, &why);
    if (fd >= 0)
        return fd;
    if (why.errnum == EMFILE || why.errnum == ENFILE || why.code == SFX_E_NOMEM) {
        if (err != NULL)
            *err = why;
        return fd;
    }
    /* A link or nothing where a folder was: it has changed since, and that will be told. */
    if (why.code != SFX_E_INPUT && why.errnum != ENOENT && why.errnum != ENOTDIR)
        sfx_watch_unreadable(w, root, why.errnum);
    return -1;
}

/* The node of a folder that has the wd of a known one. 1: to be scanned; 0: nothing new. */
static int meet_again(struct sfx_watch *w, struct sfx_watch_dir *known,
                      struct sfx_watch_dir *parent, uint32_t root, struct sfx_slice name,
                      struct sfx_err *err)
{
    bool moved = known->away;
    int rc = 0;

    if (parent == NULL && known != w->roots[root].dir)
        return sfx_err_set(err, SFX_E_USAGE, "is watched already, as %s",
                           w->roots[known->root].path);
    /* A root is told under its own name; a mount may show a folder inside itself. */
    if (parent != NULL && (known->parent == NULL || sfx_watch_dir_within(parent, known)))
        return 0;
    if (parent != NULL &&
        (known->parent != parent || !sfx_slice_eq(sfx_slice_str(known->name), name))) {
        moved = true;
        rc = sfx_watch_dir_move(known, parent, name, err);
    }
    known->away = false;
    if (rc < 0 || (!moved && known->generation == w->generation))
        return rc;
    return 1;
}

/* Without a backend that knows folders again: is it one of the roots, by another way? */
static bool is_a_root(const struct sfx_watch *w, int fd, uint32_t below)
{
    struct stat st;
    uint32_t i;

    if (w->opts.nroots < 2 || fstat(fd, &st) != 0)
        return false;
    for (i = 0; i < w->opts.nroots; i++) {
        if (i != below && w->roots[i].dev == st.st_dev && w->roots[i].ino == st.st_ino)
            return true;
    }
    return false;
}

/* Gives the open folder a node and the kernel's attention. *dir NULL: it needs no scan. */
static int watch_folder(struct sfx_watch *w, int fd, struct sfx_watch_dir *parent, uint32_t root,
                        struct sfx_slice name, struct sfx_watch_dir **dir, struct sfx_err *err)
{
    struct sfx_watch_dir *known = NULL;
    int wd = -1;
    int rc = 0;

    *dir = NULL;
    if (w->inotify != NULL)
        rc = sfx_inotify_add(w->inotify, fd, &wd, &known, err);
    else if (parent != NULL && is_a_root(w, fd, root))
        return 0;
    if (rc < 0)
        return rc;
    if (known != NULL) {
        rc = meet_again(w, known, parent, root, name, err);
        *dir = rc > 0 ? known : NULL;
        return rc;
    }
    *dir = sfx_watch_dir_new(parent, root, name, err);
    if (*dir == NULL)
        return SFX_E_NOMEM;
    w->stats.folders++;
    if (parent == NULL)
        w->roots[root].dir = *dir;
    (*dir)->wd = wd;
    return w->inotify != NULL ? sfx_inotify_set(w->inotify, *dir, err) : 0;
}

int sfx_watch_add_folder(struct sfx_watch *w, struct sfx_watch_dir *parent, uint32_t root,
                         struct sfx_slice name, unsigned kind, struct sfx_err *err)
{
    struct sfx_watch_dir *dir;
    int fd, rc;

    sfx_buf_clear(&w->path);
    rc = parent != NULL ? sfx_watch_dir_path(parent, name, &w->path, err)
                        : sfx_buf_append(&w->path, ".", 2, err);
    if (rc < 0)
        return rc;
    if (parent != NULL && sfx_watch_ignores(&w->opts, sfx_buf_slice(&w->path)))
        return 0;
    fd = open_folder(w, root, err);
    if (fd < 0)
        return fd == -1 ? 0 : fd;
    rc = watch_folder(w, fd, parent, root, name, &dir, err);
    (void)sfx_io_close(&fd, NULL);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", sfx_watch_full_path(w, root, NULL));
    if (dir == NULL)
        return 0;
    dir->generation = w->generation;
    queue_scan(w, dir, kind);
    return 0;
}

void sfx_watch_drop(struct sfx_watch *w, struct sfx_watch_dir *top)
{
    struct sfx_watch_dir *dir = top;
    bool last = false;

    while (!last) {
        struct sfx_watch_dir *parent;

        while (dir->child != NULL)
            dir = dir->child;
        parent = dir->parent;
        last = dir == top;
        if (w->scan_dir == dir)
            end_scan(w);
        unqueue_scan(w, dir);
        if (w->inotify != NULL)
            sfx_inotify_remove(w->inotify, dir);
        sfx_watch_dir_free(dir);
        w->stats.folders--;
        dir = parent;
    }
}

/* Drops the folders that a test is true for, with what is below them. */
static void drop_where(struct sfx_watch *w,
                       bool (*test)(const struct sfx_watch *w, const struct sfx_watch_dir *dir))
{
    size_t i;

    for (i = 0; i < w->opts.nroots; i++) {
        struct sfx_watch_dir *top = w->roots[i].dir;
        struct sfx_watch_dir *dir = top;

        while (dir != NULL) {
            bool drop = dir != top && test(w, dir);
            struct sfx_watch_dir *next = sfx_watch_dir_walk(dir, top, drop);

            if (drop)
                sfx_watch_drop(w, dir);
            dir = next;
        }
    }
}

static bool is_away(const struct sfx_watch *w, const struct sfx_watch_dir *dir)
{
    (void)w;
    return dir->away;
}

static bool is_unseen(const struct sfx_watch *w, const struct sfx_watch_dir *dir)
{
    return dir->generation != w->generation;
}

void sfx_watch_drop_away(struct sfx_watch *w)
{
    if (w->any_away)
        drop_where(w, is_away);
    w->any_away = false;
}

int sfx_watch_rescan(struct sfx_watch *w, struct sfx_err *err)
{
    /* As long as the first scan has not ended, what it finds may have been there before. */
    unsigned kind = w->initial ? SFX_WATCH_SCANNED : SFX_WATCH_CLOSED;
    uint32_t i;
    int rc = 0;

    end_scan(w);
    w->generation++;
    w->sweep = true;
    for (i = 0; i < w->opts.nroots && rc == 0; i++) {
        if (w->roots[i].dir != NULL)
            rc = sfx_watch_add_folder(w, NULL, i, sfx_slice(NULL, 0), kind, err);
    }
    return rc;
}

void sfx_watch_cancel_initial(struct sfx_watch *w)
{
    struct sfx_watch_dir *dir = w->scan_first;

    if (w->scan != NULL && w->scan_kind == SFX_WATCH_SCANNED)
        end_scan(w);
    while (dir != NULL) {
        struct sfx_watch_dir *next = dir->scan_next;

        if (dir->scan_kind == SFX_WATCH_SCANNED)
            unqueue_scan(w, dir);
        dir = next;
    }
}

/* Opens the next folder to be scanned. */
static int begin_scan(struct sfx_watch *w, struct sfx_err *err)
{
    struct sfx_watch_dir *dir = w->scan_first;
    int fd, rc;

    w->scan_kind = dir->scan_kind;
    unqueue_scan(w, dir);
    rc = sfx_watch_dir_path(dir, sfx_slice(NULL, 0), &w->path, err);
    if (rc < 0)
        return rc;
    fd = open_folder(w, dir->root, err);
    if (fd < 0)
        return fd == -1 ? 0 : fd;
    w->scan = fdopendir(fd);
    if (w->scan == NULL) {
        (void)sfx_io_close(&fd, NULL);
        return sfx_err_errno(err, ENOMEM, "%s", w->path.data);
    }
    w->scan_dir = dir;
    return 0;
}

static unsigned char type_of(const struct sfx_watch *w, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(dirfd(w->scan), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
}

/* The folder that is being scanned, or all, have been scanned. */
static void after_scan(struct sfx_watch *w)
{
    end_scan(w);
    if (w->scan_first != NULL)
        return;
    if (w->initial && w->inotify != NULL)
        sfx_log(w->opts.log, SFX_LOG_INFO, "all folders (%llu) are watched",
                (unsigned long long)w->stats.folders);
    w->initial = false;
    if (w->sweep)
        drop_where(w, is_unseen);
    w->sweep = false;
}

static void scan_failed(struct sfx_watch *w, int errnum)
{
    if (sfx_watch_dir_path(w->scan_dir, sfx_slice(NULL, 0), &w->path, NULL) == 0)
        sfx_watch_unreadable(w, w->scan_dir->root, errnum);
}

int sfx_watch_scan_step(struct sfx_watch *w, uint32_t *root, unsigned *kind, struct sfx_err *err)
{
    struct dirent *entry;
    struct sfx_slice name;
    int rc;

    if (w->scan == NULL) {
        rc = begin_scan(w, err);
        if (rc == 0 && w->scan == NULL)
            after_scan(w);
        return rc;
    }
    errno = 0;
    entry = readdir(w->scan);
    if (entry == NULL) {
        if (errno != 0)
            scan_failed(w, errno);
        after_scan(w);
        return 0;
    }
    name = sfx_slice_str(entry->d_name);
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return 0;
    *root = w->scan_dir->root;
    *kind = w->scan_kind;
    switch (type_of(w, entry)) {
    case DT_DIR:
        return w->opts.flat ? 0 : sfx_watch_add_folder(w, w->scan_dir, *root, name, *kind, err);
    case DT_REG: rc = sfx_watch_dir_path(w->scan_dir, name, &w->path, err); return rc < 0 ? rc : 1;
    default: return 0;
    }
}
