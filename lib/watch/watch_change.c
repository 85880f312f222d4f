/* SPDX-License-Identifier: MIT */
/* What a change in a folder means: a file to be looked at, a folder to be followed or left. */
#include "watch/watch_internal.h"

#include <fcntl.h>

int sfx_watch_tell(struct sfx_watch *w, const struct sfx_watch_look *look, struct sfx_event *ev,
                   struct sfx_err *err)
{
    struct sfx_slice type;
    struct stat st;
    int rc;

    if (!sfx_watch_wants_path(&w->opts, sfx_buf_slice(&w->path)))
        return 0;
    rc = sfx_watch_look_at(w, look, &st, &type, err);
    if (rc <= 0 || !(w->opts.kinds & look->kind))
        return rc < 0 ? rc : 0;
    w->stats.reconciled += (look->kind & SFX_WATCH_RECONCILED) != 0;
    return sfx_watch_make_event(w, look->root, look->kind & ~SFX_WATCH_RECONCILED, &st, type, ev,
                                err);
}

int sfx_watch_on_new_name(struct sfx_watch *w, const struct sfx_watch_look *look,
                          struct sfx_event *ev, struct sfx_err *err)
{
    int root_fd = sfx_watch_root_fd(w, look->root);
    int64_t delay_ns;
    struct stat st;

    if (sfx_told_knows(&w->told, w->roots[look->root].number, sfx_buf_slice(&w->path)) ||
        root_fd < 0 || fstatat(root_fd, w->path.data, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode))
        return 0;
    if (st.st_nlink > 1)
        return sfx_watch_tell(w, look, ev, err);
    /* Many new names are looked at together: each wait that ends costs as much as a change. */
    delay_ns = 2 * SFX_WATCH_YOUNG_NS - sfx_clock_mono_ns() % SFX_WATCH_YOUNG_NS;
    return sfx_watch_put_off(w, look, delay_ns, true, NULL, err);
}

/* True when the file w->path is there, and has been told as it is. */
static bool is_told(struct sfx_watch *w, uint32_t root)
{
    int root_fd = sfx_watch_root_fd(w, root);
    struct stat st;

    return root_fd >= 0 && fstatat(root_fd, w->path.data, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           sfx_told_has(&w->told, w->roots[root].number, sfx_buf_slice(&w->path), &st);
}

/* A new name. It is looked at behind what is queued by now: as a rule that it was closed. What is
 * known of the name is of another file, whose end was not told, or of this one. */
static int on_created(struct sfx_watch *w, struct sfx_watch_look *look, struct sfx_err *err)
{
    const uint64_t root = w->roots[look->root].number;
    const struct sfx_slice path = sfx_buf_slice(&w->path);
    char version[SFX_EVENT_ID_NBYTES];

    look->kind = SFX_WATCH_LINKED;
    look->found = true;
    if (sfx_told_knows(&w->told, root, path)) {
        if (is_told(w, look->root))
            return 0;
        (void)sfx_told_forget(&w->told, root, path, version);
    }
    return sfx_watch_put_off(w, look, 0, true, NULL, err);
}

int sfx_watch_on_deleted(struct sfx_watch *w, uint32_t root, struct sfx_event *ev,
                         struct sfx_err *err)
{
    struct sfx_slice path = sfx_buf_slice(&w->path);
    const uint64_t number = w->roots[root].number;
    enum sfx_told_fate fate = sfx_told_forget(&w->told, number, path, w->id);
    int rc = w->state != NULL && fate != SFX_TOLD_UNKNOWN
                 ? sfx_watch_state_note(w->state, sfx_told_entry(&w->told, number, path), path, err)
                 : 0;

    if (rc == 0 && w->opts.by_content)
        rc = sfx_watch_content_forget(w, root, err);
    if (rc < 0 || fate != SFX_TOLD_MATCHED || !(w->opts.kinds & SFX_WATCH_DELETED))
        return rc;
    return sfx_watch_make_event(w, root, SFX_WATCH_DELETED, NULL, sfx_slice(NULL, 0), ev, err);
}

/* Where a change was: in a node, or in a folder of a whole root. */
struct where {
    uint32_t root;
    const struct sfx_watch_dir *dir; /* NULL: of a whole root */
    struct sfx_slice folder;         /* the path of that; "." for the root */
};

/* 1: *at is filled; 0: it was nowhere. Errors: as sfx_watch_find_folder. */
static int find_place(struct sfx_watch *w, const struct sfx_watch_change *change, struct where *at,
                      struct sfx_err *err)
{
    const struct sfx_watch_dir *dir = change->dir;

    *at = (struct where){.dir = dir};
    if (dir == NULL)
        return sfx_watch_find_folder(w, change->folder, &at->root, &at->folder, err);
    at->root = dir->root;
    if (w->roots[dir->root].whole) {
        at->dir = NULL;
        at->folder = SFX_SLICE_LIT(".");
    }
    return 1;
}

/* Makes w->path that of what has changed. Errors: NOMEM. */
static int set_path(struct sfx_watch *w, const struct where *at, struct sfx_slice name,
                    struct sfx_err *err)
{
    bool is_root = sfx_slice_eq(at->folder, SFX_SLICE_LIT("."));

    if (at->dir != NULL)
        return sfx_watch_dir_path(at->dir, name, &w->path, err);
    return sfx_watch_join(is_root ? sfx_slice(NULL, 0) : at->folder, name, &w->path, err);
}

static int on_file(struct sfx_watch *w, const struct sfx_watch_change *change,
                   const struct where *at, struct sfx_event *ev, struct sfx_err *err)
{
    struct sfx_watch_look look = {.root = at->root, .settled_size = -1};
    int rc = set_path(w, at, change->name, err);

    if (rc < 0)
        return rc;
    if (w->opts.ignore_file != NULL &&
        sfx_slice_eq(change->name, sfx_slice_str(w->opts.ignore_file)))
        return sfx_watch_rescan(w, 0, err);
    if (!sfx_watch_wants_path(&w->opts, sfx_buf_slice(&w->path)) ||
        sfx_watch_is_left_out(w, at->dir, change->name, false))
        return 0;
    switch (change->what) {
    case SFX_CHANGE_CLOSED: look.kind = SFX_WATCH_CLOSED; break;
    case SFX_CHANGE_MOVED_IN: look.kind = SFX_WATCH_MOVED; break;
    case SFX_CHANGE_CREATED: return on_created(w, &look, err);
    default:
        /* What was told of the name by now may be a later file, which came while this waited. */
        return is_told(w, look.root) ? 0 : sfx_watch_on_deleted(w, look.root, ev, err);
    }
    return sfx_watch_tell(w, &look, ev, err);
}

/* What comes into a new folder is told like all else; what is in one that was moved is not. */
static int on_folder_of_whole(struct sfx_watch *w, const struct sfx_watch_change *change,
                              const struct where *at, struct sfx_err *err)
{
    struct sfx_slice path;
    int rc;

    if (change->what != SFX_CHANGE_MOVED_IN)
        return 0;
    rc = set_path(w, at, change->name, err);
    path = sfx_buf_slice(&w->path);
    if (rc < 0 || sfx_watch_ignores(&w->opts, path))
        return rc;
    return sfx_watch_queue_walk(w, at->root, path, SFX_WATCH_MOVED, err);
}

static int on_folder(struct sfx_watch *w, const struct sfx_watch_change *change,
                     const struct where *at, struct sfx_err *err)
{
    struct sfx_watch_dir *child;

    if (w->opts.flat)
        return 0;
    if (at->dir == NULL)
        return on_folder_of_whole(w, change, at, err);
    switch (change->what) {
    case SFX_CHANGE_CREATED:
        return sfx_watch_add_folder(w, change->dir, change->dir->root, change->name,
                                    SFX_WATCH_CLOSED, err);
    case SFX_CHANGE_MOVED_IN:
        return sfx_watch_add_folder(w, change->dir, change->dir->root, change->name,
                                    SFX_WATCH_MOVED, err);
    case SFX_CHANGE_MOVED_OUT:
        child = sfx_watch_dir_find(change->dir, change->name);
        if (child != NULL)
            child->away = w->any_away = true;
        return 0;
    default: return 0; /* the deleted folder itself says so */
    }
}

/* A folder is gone. The files that were known in polled ones are told first. */
static void leave(struct sfx_watch *w, struct sfx_watch_dir *top)
{
    struct sfx_watch_dir *dir;

    if (w->stats.polled == 0) {
        sfx_watch_drop(w, top);
        return;
    }
    for (dir = top; dir != NULL; dir = sfx_watch_dir_walk(dir, top, false)) {
        if (dir->by == SFX_WATCH_POLL)
            sfx_watch_queue_scan(w, dir, SFX_WATCH_CLOSED);
    }
    top->away = w->any_away = true;
}

int sfx_watch_on_change(struct sfx_watch *w, const struct sfx_watch_change *change,
                        struct sfx_event *ev, struct sfx_err *err)
{
    struct where at;
    int rc;

    if (change->what == SFX_CHANGE_OVERFLOW ||
        (change->of_folder &&
         (change->what == SFX_CHANGE_MOVED_IN || change->what == SFX_CHANGE_MOVED_OUT)))
        sfx_watch_forget_handles(w);
    if (change->what == SFX_CHANGE_OVERFLOW) {
        w->stats.overflows++;
        sfx_log(w->opts.log, SFX_LOG_NOTICE,
                "the queue of changes ran over (%llu): everything is scanned again",
                (unsigned long long)w->stats.overflows);
        return sfx_watch_rescan(w, SFX_WATCH_RECONCILED, err);
    }
    if (change->what == SFX_CHANGE_DIR_GONE) {
        if (change->dir->parent == 0)
            return sfx_watch_lose_root(w, change->dir->root, err);
        leave(w, change->dir);
        return 0;
    }
    rc = find_place(w, change, &at, err);
    if (rc <= 0)
        return rc;
    w->stats.seen_kernel += !change->of_folder;
    return change->of_folder ? on_folder(w, change, &at, err) : on_file(w, change, &at, ev, err);
}
