/* SPDX-License-Identifier: MIT */
/*
 * Polling: folders of which no kernel tells are scanned again and again. Versions that were told
 * are known, so that only differences come of it; for what is deleted, the names of the files in
 * such a folder are kept.
 */
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define POLL_NS ((int64_t)2 * 1000000000)

/* A tree takes at most a tenth of the time, as far as its interval is ours to choose. */
#define POLL_SHARE 10

struct sfx_watch_names {
    struct sfx_buf now, before; /* terminated names; before: in the last scan, while one goes on */
};

int64_t sfx_watch_clock_due_ns(const struct sfx_watch *w)
{
    if (w->backend == NULL || w->stopping)
        return INT64_MAX;
    return w->stats.polled > 0 && w->poll_due_ns < w->roots_due_ns ? w->poll_due_ns
                                                                   : w->roots_due_ns;
}

void sfx_watch_step_poll(struct sfx_watch *w)
{
    size_t i;

    if (w->stats.polled == 0 || sfx_watch_is_scanning(w) || sfx_clock_mono_ns() < w->poll_due_ns)
        return;
    w->poll_began_ns = sfx_clock_mono_ns();
    for (i = 0; i < w->opts.nroots; i++) {
        struct sfx_watch_dir *top = w->roots[i].dir, *dir;

        for (dir = top; dir != NULL; dir = sfx_watch_dir_walk(dir, top, false)) {
            if (dir->by == SFX_WATCH_POLL)
                sfx_watch_queue_scan(w, dir, SFX_WATCH_CLOSED);
        }
    }
}

void sfx_watch_poll_ended(struct sfx_watch *w)
{
    int64_t now_ns = sfx_clock_mono_ns();
    int64_t interval_ns = w->opts.poll_ns;

    if (w->poll_began_ns == 0 && w->poll_due_ns != 0)
        return;
    if (interval_ns == 0) {
        interval_ns = w->poll_began_ns != 0 ? (now_ns - w->poll_began_ns) * POLL_SHARE : 0;
        interval_ns = interval_ns > POLL_NS ? interval_ns : POLL_NS;
    }
    w->poll_began_ns = 0;
    w->poll_due_ns = now_ns + interval_ns;
}

int sfx_watch_names_new(struct sfx_watch *w, struct sfx_watch_dir *dir, struct sfx_err *err)
{
    struct sfx_watch_extra *extra = sfx_watch_dir_extra(dir, err);

    if (extra == NULL)
        return SFX_E_NOMEM;
    extra->names = calloc(1, sizeof(*extra->names));
    if (extra->names == NULL)
        return sfx_err_errno(err, ENOMEM, "folder %s", sfx_watch_dir_name(dir));
    w->stats.polled++;
    return 0;
}

void sfx_watch_names_free(struct sfx_watch_dir *dir)
{
    struct sfx_watch_names *names = sfx_watch_dir_names(dir);

    if (names == NULL)
        return;
    sfx_buf_done(&names->now);
    sfx_buf_done(&names->before);
    free(names);
    dir->extra->names = NULL;
}

/* Those of a folder that is polled. */
static struct sfx_watch_names *names_of(const struct sfx_watch_dir *dir)
{
    return dir->extra->names;
}

int sfx_watch_names_begin(struct sfx_watch *w, struct sfx_watch_dir *dir, struct sfx_err *err)
{
    const uint64_t root = w->roots[dir->root].number;
    struct sfx_watch_names *names = names_of(dir);
    size_t at = 0;
    int rc;

    /* More than the last ones when a scan was broken off. */
    rc = sfx_buf_append(&names->before, names->now.data, names->now.len, err);
    sfx_buf_clear(&names->now);
    while (rc == 0 && at < names->before.len) {
        struct sfx_slice name = sfx_slice_str(names->before.data + at);

        rc = sfx_watch_dir_path(dir, name, &w->path, err);
        if (rc == 0)
            sfx_told_unsee(&w->told, root, sfx_buf_slice(&w->path));
        at += name.len + 1;
    }
    return rc;
}

static int keep(struct sfx_watch_names *names, struct sfx_slice name, struct sfx_err *err)
{
    int rc = sfx_buf_append(&names->now, name.ptr, name.len, err);

    return rc == 0 ? sfx_buf_putc(&names->now, '\0', err) : rc;
}

int sfx_watch_names_see(struct sfx_watch *w, struct sfx_watch_dir *dir, struct sfx_slice name,
                        struct sfx_err *err)
{
    if (!sfx_watch_wants_path(&w->opts, sfx_buf_slice(&w->path)))
        return 0;
    sfx_told_see(&w->told, w->roots[dir->root].number, sfx_buf_slice(&w->path));
    return keep(names_of(dir), name, err);
}

int sfx_watch_names_next_gone(struct sfx_watch *w, struct sfx_watch_dir *dir, size_t *at,
                              struct sfx_err *err)
{
    const uint64_t root = w->roots[dir->root].number;
    struct sfx_watch_names *names = names_of(dir);

    while (*at < names->before.len) {
        struct sfx_slice name = sfx_slice_str(names->before.data + *at);
        int root_fd = sfx_watch_root_fd(w, dir->root);
        int rc = sfx_watch_dir_path(dir, name, &w->path, err);
        struct stat st;

        *at += name.len + 1;
        if (rc < 0)
            return rc;
        if (!sfx_told_is_unseen_path(&w->told, root, sfx_buf_slice(&w->path)))
            continue;
        /* A folder that cannot be read now says nothing about its files. */
        if (root_fd >= 0 && fstatat(root_fd, w->path.data, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
            (errno == ENOENT || errno == ENOTDIR))
            return 1;
        rc = keep(names, name, err);
        if (rc < 0)
            return rc;
    }
    sfx_buf_done(&names->before);
    return 0;
}
