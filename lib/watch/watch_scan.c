/* SPDX-License-Identifier: MIT */
/* The scan: folders that wait for it, one entry at a time. */
#include "base/io.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool sfx_watch_is_scanning(const struct sfx_watch *w)
{
    return w->scan_dir != NULL || w->scan_first != NULL || w->walk != NULL;
}

void sfx_watch_queue_scan(struct sfx_watch *w, struct sfx_watch_dir *dir, unsigned kind)
{
    if (dir->scan_kind != 0)
        return;
    dir->scan_kind = kind & UINT8_MAX;
    dir->scan_prev = dir->scan_next = 0;
    if (w->scan_first != NULL) {
        dir->scan_next = sfx_watch_dir_number(w->scan_first);
        w->scan_first->scan_prev = sfx_watch_dir_number(dir);
    }
    w->scan_first = dir;
}

static void unqueue_scan(struct sfx_watch *w, struct sfx_watch_dir *dir)
{
    struct sfx_watch_dir *prev = sfx_watch_dir_at(dir, dir->scan_prev);
    struct sfx_watch_dir *next = sfx_watch_dir_at(dir, dir->scan_next);

    if (dir->scan_kind == 0)
        return;
    dir->scan_kind = 0;
    if (next != NULL)
        next->scan_prev = dir->scan_prev;
    if (prev != NULL)
        prev->scan_next = dir->scan_next;
    else
        w->scan_first = next;
}

static void end_scan(struct sfx_watch *w)
{
    if (w->scan != NULL)
        (void)closedir(w->scan);
    w->scan = NULL;
    w->scan_dir = NULL;
    w->scan_gone = false;
}

void sfx_watch_drop(struct sfx_watch *w, struct sfx_watch_dir *top)
{
    struct sfx_watch_dir *dir = top;
    bool last = false;

    if (top->parent == 0)
        sfx_watch_end_walks(w, top->root, 0);
    while (!last) {
        struct sfx_watch_dir *parent;

        while (dir->child != 0)
            dir = sfx_watch_dir_at(dir, dir->child);
        parent = sfx_watch_dir_parent(dir);
        last = dir == top;
        if (w->scan_dir == dir)
            end_scan(w);
        unqueue_scan(w, dir);
        if (w->backend != NULL)
            sfx_backend_remove(w->backend, dir);
        w->stats.polled -= sfx_watch_dir_names(dir) != NULL;
        sfx_watch_names_free(dir);
        sfx_watch_rules_free(sfx_watch_dir_rules(dir));
        sfx_watch_dir_free(&w->dirs, dir);
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

int sfx_watch_rescan(struct sfx_watch *w, unsigned why, struct sfx_err *err)
{
    /* As long as the first scan has not ended, what it finds may have been there before. */
    unsigned kind = (w->initial ? SFX_WATCH_SCANNED : SFX_WATCH_CLOSED) | why;
    uint32_t i;
    int rc = 0;

    end_scan(w);
    sfx_watch_end_walks(w, UINT32_MAX, 0);
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

    if (w->scan != NULL && (w->scan_kind & SFX_WATCH_SCANNED))
        end_scan(w);
    sfx_watch_end_walks(w, UINT32_MAX, SFX_WATCH_SCANNED);
    while (dir != NULL) {
        struct sfx_watch_dir *next = sfx_watch_dir_at(dir, dir->scan_next);

        if (dir->scan_kind & SFX_WATCH_SCANNED)
            unqueue_scan(w, dir);
        dir = next;
    }
}

/* The path of a polled folder may lead to another one by now, which takes its place: its files are
 * compared by name. *gone: to one that has a place of its own. */
static int take_over(struct sfx_watch *w, struct sfx_watch_dir *dir, int fd, bool *gone,
                     struct sfx_err *err)
{
    struct sfx_watch_dir *known;
    uint64_t id;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return sfx_err_errno(err, errno, "%s", w->path.data);
    id = sfx_backend_poll_id(st.st_dev, st.st_ino);
    w->scan_dev = st.st_dev;
    known = sfx_backend_find(w->backend, id);
    *gone = known != NULL && known != dir;
    if (known != NULL)
        return 0;
    sfx_backend_remove(w->backend, dir);
    dir->id = id;
    return sfx_backend_set(w->backend, dir, err);
}

/* Opens the next folder to be scanned. Of a polled one that is gone the files are told as gone. */
static int begin_scan(struct sfx_watch *w, struct sfx_err *err)
{
    struct sfx_watch_dir *dir = w->scan_first;
    bool gone;
    int fd, rc = 0, changed = 0;

    w->scan_kind = dir->scan_kind;
    unqueue_scan(w, dir);
    if (sfx_watch_dir_names(dir) != NULL)
        rc = sfx_watch_names_begin(w, dir, err);
    if (rc == 0)
        rc = sfx_watch_dir_path(dir, sfx_slice(NULL, 0), &w->path, err);
    if (rc == 0)
        rc = sfx_watch_open_folder(w, dir->root, &fd, &gone, err);
    if (rc < 0)
        return rc;
    if (fd >= 0 && sfx_watch_dir_names(dir) != NULL)
        rc = take_over(w, dir, fd, &gone, err);
    if (fd >= 0 && rc == 0 && !gone && sfx_watch_dir_names(dir) != NULL)
        rc = changed = sfx_watch_read_rules(w, dir, fd, err);
    if (changed > 0) {
        (void)sfx_io_close(&fd, NULL);
        return sfx_watch_rescan(w, 0, err);
    }
    if (fd >= 0 && rc == 0 && !gone) {
        w->scan = fdopendir(fd);
        rc = w->scan != NULL ? 0 : sfx_err_errno(err, ENOMEM, "%s", w->path.data);
    }
    if (w->scan == NULL)
        (void)sfx_io_close(&fd, NULL);
    if (rc < 0)
        return rc;
    w->scan_gone = w->scan == NULL && sfx_watch_dir_names(dir) != NULL;
    w->gone_at = 0;
    if (w->scan != NULL || w->scan_gone)
        w->scan_dir = dir;
    if (w->scan_gone && gone && dir->parent != 0)
        dir->away = w->any_away = true;
    return 0;
}

unsigned char sfx_watch_type_of(DIR *dir, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
}

/* The folder that is being scanned, or all, have been scanned. */
static void after_scan(struct sfx_watch *w)
{
    struct sfx_watch_stats stats;

    end_scan(w);
    if (sfx_watch_is_scanning(w))
        return;
    sfx_watch_stats(w, &stats);
    if (w->initial && w->backend != NULL)
        sfx_log(w->opts.log, SFX_LOG_INFO, "all folders (%llu) are watched",
                (unsigned long long)stats.folders);
    w->initial = false;
    if (w->sweep)
        drop_where(w, is_unseen);
    w->sweep = false;
    sfx_watch_poll_ended(w);
}

static void scan_failed(struct sfx_watch *w, int errnum)
{
    if (sfx_watch_dir_path(w->scan_dir, sfx_slice(NULL, 0), &w->path, NULL) == 0)
        sfx_watch_unreadable(w, w->scan_dir->root, errnum);
}

/* A polled folder that has not changed its place is scanned by itself, not from here. */
static bool is_polled_already(const struct sfx_watch *w, const struct dirent *entry)
{
    const struct sfx_watch_dir *known;

    if (sfx_watch_dir_names(w->scan_dir) == NULL)
        return false;
    known = sfx_backend_find(w->backend, sfx_backend_poll_id(w->scan_dev, entry->d_ino));
    return known != NULL && sfx_watch_dir_parent(known) == w->scan_dir && !known->away &&
           known->generation == w->generation &&
           strcmp(sfx_watch_dir_name(known), entry->d_name) == 0;
}

/* As sfx_watch_scan_step, for one name in the folder. */
static int scan_entry(struct sfx_watch *w, const struct dirent *entry, struct sfx_err *err)
{
    const struct sfx_slice name = sfx_slice_str(entry->d_name);
    int rc;

    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return 0;
    switch (sfx_watch_type_of(w->scan, entry)) {
    case DT_DIR:
        if (w->opts.flat || is_polled_already(w, entry))
            return 0;
        return sfx_watch_add_folder(w, w->scan_dir, w->scan_dir->root, name, w->scan_kind, err);
    case DT_REG:
        rc = sfx_watch_dir_path(w->scan_dir, name, &w->path, err);
        if (rc == 0 && sfx_watch_is_left_out(w, w->scan_dir, name, false))
            return 0;
        if (rc == 0 && sfx_watch_dir_names(w->scan_dir) != NULL)
            rc = sfx_watch_names_see(w, w->scan_dir, name, err);
        return rc < 0 ? rc : 1;
    default: return 0;
    }
}

/* Files that were in the folder, one at a time. As sfx_watch_scan_step. */
static int scan_gone(struct sfx_watch *w, unsigned *kind, struct sfx_err *err)
{
    int rc = sfx_watch_names_next_gone(w, w->scan_dir, &w->gone_at, err);

    *kind = SFX_WATCH_DELETED;
    if (rc == 0)
        after_scan(w);
    return rc;
}

int sfx_watch_scan_step(struct sfx_watch *w, uint32_t *root, unsigned *kind, struct sfx_err *err)
{
    const struct dirent *entry;

    if (w->scan_dir == NULL && w->walk != NULL) {
        int rc = sfx_watch_walk_step(w, root, kind, err);

        if (rc == 0 && w->walk == NULL)
            after_scan(w);
        return rc;
    }
    if (w->scan_dir == NULL) {
        int rc = begin_scan(w, err);

        if (rc == 0 && w->scan_dir == NULL)
            after_scan(w);
        return rc;
    }
    *root = w->scan_dir->root;
    *kind = w->scan_kind;
    if (w->scan_gone)
        return scan_gone(w, kind, err);
    errno = 0;
    entry = readdir(w->scan);
    if (entry != NULL)
        return scan_entry(w, entry, err);
    if (errno != 0)
        scan_failed(w, errno);
    if (sfx_watch_dir_names(w->scan_dir) == NULL) {
        after_scan(w);
    } else {
        (void)closedir(w->scan);
        w->scan = NULL;
        w->scan_gone = true;
    }
    return 0;
}
