/* SPDX-License-Identifier: MIT */
/* Folders: each is watched first and scanned then, so that nothing falls between. */
#include "base/io.h"
#include "base/path.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NONBLOCK)

/* True when it was said already that the folder may not be read: polling comes upon it again and
 * again. */
static bool was_said(struct sfx_watch *w, uint32_t root, int root_fd)
{
    const uint64_t number = w->roots[root].number;
    const struct sfx_slice path = sfx_buf_slice(&w->path);
    struct stat st;

    if (w->stats.polled == 0 || fstatat(root_fd, w->path.data, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    return sfx_told_has(&w->told, number, path, &st) ||
           sfx_told_note(&w->told, number, path, &st, false, NULL) < 0;
}

/* Opens the folder w->path. *fd -1: it is gone, or may not be read, which is said. *gone: that it
 * is gone. Errors: IO, NOMEM. */
int sfx_watch_open_folder(struct sfx_watch *w, uint32_t root, int *fd, bool *gone,
                          struct sfx_err *err)
{
    int root_fd = sfx_watch_root_fd(w, root);
    struct sfx_err why;

    *fd = -1;
    *gone = root_fd < 0;
    if (root_fd < 0)
        return 0;
    *fd = sfx_path_open_beneath(root_fd, w->path.data, FOLDER_FLAGS, 0, &why);
    if (*fd >= 0)
        return 0;
    *fd = -1;
    if (why.errnum == EMFILE || why.errnum == ENFILE || why.code == SFX_E_NOMEM) {
        if (err != NULL)
            *err = why;
        return why.code;
    }
    /* A link or nothing where a folder was: it has changed since, and that will be told. */
    *gone = why.code == SFX_E_INPUT || why.errnum == ENOENT || why.errnum == ENOTDIR;
    if (!*gone && !was_said(w, root, root_fd))
        sfx_watch_unreadable(w, root, why.errnum);
    return 0;
}

/* All that is in a folder that was moved has another path now. */
static void scan_again(struct sfx_watch *w, struct sfx_watch_dir *top, uint32_t root, unsigned kind)
{
    struct sfx_watch_dir *dir;

    for (dir = top; dir != NULL; dir = sfx_watch_dir_walk(dir, top, false)) {
        dir->root = root;
        sfx_watch_queue_scan(w, dir, kind);
    }
}

/* The node of a folder that is known already. 1: to be scanned; 0: nothing new. */
static int meet_again(struct sfx_watch *w, struct sfx_watch_dir *known,
                      struct sfx_watch_dir *parent, uint32_t root, struct sfx_slice name,
                      unsigned kind, struct sfx_err *err)
{
    bool moved = known->away;
    int rc = 0;

    if (parent == NULL && known != w->roots[root].dir)
        return sfx_err_set(err, SFX_E_USAGE, "is watched already, as %s",
                           w->roots[known->root].path);
    /* A root is told under its own name; a mount may show a folder inside itself. */
    if (parent != NULL && (known->parent == 0 || sfx_watch_dir_within(parent, known)))
        return 0;
    if (parent != NULL && (sfx_watch_dir_parent(known) != parent ||
                           !sfx_slice_eq(sfx_slice_str(sfx_watch_dir_name(known)), name))) {
        moved = true;
        rc = sfx_watch_dir_move(known, parent, name, err);
    }
    known->away = false;
    if (rc == 0 && moved)
        scan_again(w, known, root, kind);
    if (rc < 0 || (!moved && known->generation == w->generation))
        return rc;
    return 1;
}

bool sfx_watch_is_a_root(const struct sfx_watch *w, int fd, uint32_t below)
{
    struct stat st;
    uint32_t i;

    if (w->opts.nroots < 2 || fstat(fd, &st) != 0)
        return false;
    for (i = 0; i < w->opts.nroots; i++) {
        if (i != below && w->roots[i].dir != NULL && w->roots[i].dev == st.st_dev &&
            w->roots[i].ino == st.st_ino)
            return true;
    }
    return false;
}

/* A folder beyond the system's limit is polled, which is worth a warning, once. */
static void say_limit(struct sfx_watch *w, uint32_t root, const char *limit)
{
    if (w->limit_said)
        return;
    w->limit_said = true;
    sfx_log(w->opts.log, SFX_LOG_WARNING,
            "the system's limit of watched folders is reached: from %s on folders are polled "
            "(sysctl %s=NUMBER raises it)",
            sfx_watch_full_path(w, root, NULL), limit);
}

/* A new node for the open folder, watched at its place. */
static struct sfx_watch_dir *new_folder(struct sfx_watch *w, struct sfx_watch_dir *parent,
                                        uint32_t root, struct sfx_slice name,
                                        const struct sfx_watch_place *place, struct sfx_err *err)
{
    struct sfx_watch_dir *dir = sfx_watch_dir_new(&w->dirs, parent, root, name, err);

    if (dir == NULL)
        return NULL;
    w->stats.folders++;
    if (parent == NULL)
        w->roots[root].dir = dir;
    dir->by = place->by;
    dir->id = place->id;
    if ((dir->by == SFX_WATCH_POLL && sfx_watch_names_new(w, dir, err) < 0) ||
        (w->backend != NULL && sfx_backend_set(w->backend, dir, err) < 0))
        return NULL; /* the node goes with its root */
    if (place->limit != NULL)
        say_limit(w, root, place->limit);
    return dir;
}

/* Gives the open folder a node and the kernel's attention. *dir NULL: it needs no scan. */
static int watch_folder(struct sfx_watch *w, int fd, struct sfx_watch_dir *parent, uint32_t root,
                        struct sfx_slice name, unsigned kind, struct sfx_watch_dir **dir,
                        struct sfx_err *err)
{
    struct sfx_watch_place place = {.by = SFX_WATCH_AUTO};
    struct sfx_watch_dir *known = NULL;
    int rc = 0;

    *dir = NULL;
    if (w->backend != NULL)
        rc = sfx_backend_add(w->backend, fd, parent, &place, &known, err);
    else if (parent != NULL && sfx_watch_is_a_root(w, fd, root))
        return 0;
    if (rc < 0)
        return rc;
    if (known != NULL) {
        rc = meet_again(w, known, parent, root, name, kind, err);
        *dir = rc > 0 ? known : NULL;
        return rc < 0 ? rc : 0;
    }
    *dir = new_folder(w, parent, root, name, &place, err);
    if (*dir != NULL && parent == NULL)
        w->roots[root].whole = sfx_watch_is_whole(w, root, fd, w->backend != NULL ? &place : NULL);
    return *dir != NULL ? 0 : SFX_E_NOMEM;
}

/* Takes rules (NULL: none) instead of those that were freed. Errors: NOMEM. */
static int keep_rules(struct sfx_watch_dir *dir, struct sfx_watch_rules *rules, struct sfx_err *err)
{
    struct sfx_watch_extra *extra = dir->extra;

    if (extra == NULL && rules == NULL)
        return 0;
    extra = sfx_watch_dir_extra(dir, err);
    if (extra == NULL) {
        sfx_watch_rules_free(rules);
        return SFX_E_NOMEM;
    }
    extra->rules = rules;
    return 0;
}

int sfx_watch_read_rules(struct sfx_watch *w, struct sfx_watch_dir *dir, int fd,
                         struct sfx_err *err)
{
    struct sfx_watch_rules *rules = sfx_watch_dir_rules(dir);
    struct sfx_err why;
    int rc = 0;

    if (w->opts.ignore_file != NULL)
        rc = sfx_watch_rules_read(fd, w->opts.ignore_file, &rules, &why);
    if (rc >= 0 && keep_rules(dir, rules, &why) < 0)
        rc = SFX_E_NOMEM;
    if (rc >= 0)
        return rc;
    if (why.code == SFX_E_NOMEM) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    w->stats.unreadable++;
    sfx_log(w->opts.log, SFX_LOG_WARNING, "%s/%s", sfx_watch_full_path(w, dir->root, NULL),
            why.text);
    return 0;
}

bool sfx_watch_is_left_out(const struct sfx_watch *w, const struct sfx_watch_dir *dir,
                           struct sfx_slice name, bool of_folder)
{
    if (w->opts.ignore_file == NULL)
        return false;
    return (!of_folder && sfx_slice_eq(name, sfx_slice_str(w->opts.ignore_file))) ||
           sfx_watch_rules_ignore(dir, sfx_buf_slice(&w->path), name, of_folder);
}

int sfx_watch_add_folder(struct sfx_watch *w, struct sfx_watch_dir *parent, uint32_t root,
                         struct sfx_slice name, unsigned kind, struct sfx_err *err)
{
    struct sfx_watch_dir *dir;
    bool gone;
    int fd, rc;

    sfx_buf_clear(&w->path);
    rc = parent != NULL ? sfx_watch_dir_path(parent, name, &w->path, err)
                        : sfx_buf_append(&w->path, ".", 2, err);
    if (rc < 0)
        return rc;
    if (parent != NULL && (sfx_watch_ignores(&w->opts, sfx_buf_slice(&w->path)) ||
                           sfx_watch_is_left_out(w, parent, name, true)))
        return 0;
    rc = sfx_watch_open_folder(w, root, &fd, &gone, err);
    if (rc < 0 || fd < 0)
        return rc;
    rc = watch_folder(w, fd, parent, root, name, kind, &dir, err);
    if (rc == 0 && dir != NULL)
        rc = sfx_watch_read_rules(w, dir, fd, err);
    (void)sfx_io_close(&fd, NULL);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", sfx_watch_full_path(w, root, NULL));
    if (dir == NULL)
        return 0;
    dir->generation = w->generation;
    if (w->roots[root].whole)
        return sfx_watch_queue_walk(w, root, sfx_slice(NULL, 0), kind, err);
    sfx_watch_queue_scan(w, dir, kind);
    return 0;
}
