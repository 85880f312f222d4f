/* SPDX-License-Identifier: MIT */
/* One file: is it there, new, complete, and of the type that is asked for? */
#include "base/io.h"
#include "base/path.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SFX_WATCH_HEAD_NBYTES 4096 /* what a type is told from */

/* Where leases do not work, this long without a change counts as complete: well above the second in
 * which file systems without finer times count. */
#define SFX_WATCH_SETTLE_NS ((int64_t)1500 * 1000000)

/* A file with the name of one that is not done, though nobody writes: who closed it renames it in a
 * moment, even on a busy machine; else the name is its own. */
#define SFX_WATCH_PASSING_NS ((int64_t)1000 * 1000000)

/* What is still open for writing tells us when it is closed; asking again, ever more rarely, is for
 * what is closed under another of its names. */
#define SFX_WATCH_BUSY_MAX_NS ((int64_t)1000 * 1000000)

/* The kernel tells that a file is closed a moment before its writer counts as gone. */
#define CLOSING_NS ((int64_t)50 * 1000)

/* The wall clock, and times of files, may be set: so often ages are looked at. */
#define AGE_LOOK_NS ((int64_t)600 * 1000000000)

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int sfx_watch_put_off(struct sfx_watch *w, const struct sfx_watch_look *look, int64_t delay_ns,
                      bool young, const struct stat *st, struct sfx_err *err)
{
    struct sfx_watch_pending item = {
        .due_ns = sfx_clock_mono_ns() + delay_ns,
        .delay_ns = delay_ns,
        .kind = look->kind,
        .root = look->root,
        .found = look->found,
        .young = young,
        .settled_size = st != NULL ? st->st_size : -1,
        .settled_mtime_ns = st != NULL ? ns_of(st->st_mtim) : 0,
    };

    return sfx_watch_queue_add(&w->pending, &item, sfx_buf_slice(&w->path), err);
}

static int leave_to_next_run(struct sfx_watch *w, const struct sfx_watch_look *look)
{
    sfx_log(w->opts.log, SFX_LOG_INFO, "%s: is not complete yet",
            sfx_watch_full_path(w, look->root, NULL));
    return 0;
}

static int put_off_busy(struct sfx_watch *w, const struct sfx_watch_look *look, struct sfx_err *err)
{
    struct sfx_watch_look later = *look;
    int64_t delay_ns = look->found ? SFX_WATCH_YOUNG_NS : CLOSING_NS;

    if (w->opts.once)
        return leave_to_next_run(w, look);
    /* It was there before, but what it will be was not. */
    if (later.kind & SFX_WATCH_SCANNED)
        later.kind = SFX_WATCH_CLOSED;
    if (look->delay_ns > 0)
        delay_ns = look->delay_ns * 2;
    if (delay_ns > SFX_WATCH_BUSY_MAX_NS)
        delay_ns = SFX_WATCH_BUSY_MAX_NS;
    return sfx_watch_put_off(w, &later, delay_ns, false, NULL, err);
}

/* True when the file has been as it is for settle_ns, by its own time or by ours. */
static bool has_settled(const struct sfx_watch_look *look, const struct stat *st, int64_t settle_ns)
{
    int64_t mtime_ns = ns_of(st->st_mtim);

    if (sfx_clock_wall_ns() - mtime_ns >= settle_ns)
        return true;
    return look->settled_size == st->st_size && look->settled_mtime_ns == mtime_ns &&
           look->delay_ns >= settle_ns;
}

/* Puts the file off until it is old enough, as far as is known by now. */
static int wait_for_age(struct sfx_watch *w, const struct sfx_watch_look *look,
                        const struct stat *st, struct sfx_err *err)
{
    int64_t left_ns = w->opts.min_age_ns - (sfx_clock_wall_ns() - ns_of(st->st_mtim));

    if (w->opts.once)
        return leave_to_next_run(w, look);
    return sfx_watch_put_off(w, look, left_ns < AGE_LOOK_NS ? left_ns + 1 : AGE_LOOK_NS, false,
                             NULL, err);
}

/* 1: the file is complete; 0: it was put off. */
static int is_complete(struct sfx_watch *w, const struct sfx_watch_look *look, enum sfx_probe probe,
                       const struct stat *st, struct sfx_err *err)
{
    int64_t settle_ns = w->opts.settle_ns;
    int64_t age_ns = sfx_clock_wall_ns() - ns_of(st->st_ctim), old_ns = 0;

    if (probe == SFX_PROBE_BUSY)
        return put_off_busy(w, look, err);
    if (settle_ns == 0 && probe == SFX_PROBE_UNKNOWN && look->found)
        settle_ns = SFX_WATCH_SETTLE_NS;
    if (w->opts.once && w->opts.settle_ns > 0 && !has_settled(look, st, settle_ns))
        return leave_to_next_run(w, look);
    if (settle_ns > 0 && !has_settled(look, st, settle_ns))
        return sfx_watch_put_off(w, look, settle_ns, false, st, err);
    if (w->opts.min_age_ns > 0 && sfx_clock_wall_ns() - ns_of(st->st_mtim) < w->opts.min_age_ns)
        return wait_for_age(w, look, st, err);
    if (sfx_watch_is_passing(sfx_buf_slice(&w->path)))
        old_ns = SFX_WATCH_PASSING_NS;
    else if (probe == SFX_PROBE_FREE && look->found)
        old_ns = SFX_WATCH_YOUNG_NS;
    if (age_ns >= 0 && age_ns < old_ns)
        return sfx_watch_put_off(w, look, old_ns - age_ns, true, NULL, err);
    return 1;
}

/* Opens w->path. -1: gone; -2: may not be opened; -3: somebody else's lease is on it. */
enum { OPEN_GONE = -1, OPEN_REFUSED = -2, OPEN_BUSY = -3 };

static int open_file(struct sfx_watch *w, const struct sfx_watch_look *look, int *fd,
                     struct sfx_err *err)
{
    struct sfx_err why;
    int root_fd = sfx_watch_root_fd(w, look->root);

    *fd = OPEN_GONE;
    if (root_fd < 0)
        return 0;
    *fd = sfx_path_open_beneath(root_fd, w->path.data, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &why);
    if (*fd >= 0)
        return 0;
    if (why.errnum == EMFILE || why.errnum == ENFILE || why.code == SFX_E_NOMEM) {
        if (err != NULL)
            *err = why;
        return why.code;
    }
    if (why.code == SFX_E_INPUT || why.errnum == ENOENT || why.errnum == ENOTDIR)
        *fd = OPEN_GONE;
    else
        *fd = why.code == SFX_E_TEMPORARY ? OPEN_BUSY : OPEN_REFUSED;
    if (*fd == OPEN_REFUSED && look->delay_ns == 0)
        sfx_watch_unreadable(w, look->root, why.errnum);
    return 0;
}

/* Without --type only what costs nothing: the known signatures. */
static int find_type(struct sfx_watch *w, int fd, struct sfx_slice *type, struct sfx_err *err)
{
    char head[SFX_WATCH_HEAD_NBYTES];
    ssize_t n;

    *type = sfx_slice(NULL, 0);
    if (fd < 0)
        return 0;
    do
        n = pread(fd, head, sizeof(head), 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return 0;
    if (w->opts.ntypes > 0)
        return sfx_media_detect(w->media, sfx_slice(head, (size_t)n), sfx_buf_slice(&w->path), type,
                                err);
    *type = sfx_media_signature(sfx_slice(head, (size_t)n));
    return 0;
}

/* What the name says by now; false: no regular file, or a version that was told. */
static bool is_news(struct sfx_watch *w, const struct sfx_watch_look *look, struct stat *st)
{
    int root_fd = sfx_watch_root_fd(w, look->root);

    w->stats.looked_at++;
    if (root_fd < 0 || fstatat(root_fd, w->path.data, st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st->st_mode))
        return false;
    if (w->state != NULL)
        sfx_told_see(&w->told, w->roots[look->root].number, sfx_buf_slice(&w->path));
    if (!sfx_told_has(&w->told, w->roots[look->root].number, sfx_buf_slice(&w->path), st))
        return true;
    w->stats.duplicates++;
    return false;
}

/* Looks at the open file: as sfx_watch_look_at. */
static int look_closely(struct sfx_watch *w, const struct sfx_watch_look *look, int fd,
                        struct stat *st, struct sfx_slice *type, struct sfx_err *err)
{
    enum sfx_probe probe = fd >= 0           ? sfx_watch_probe(fd)
                           : fd == OPEN_BUSY ? SFX_PROBE_BUSY
                                             : SFX_PROBE_UNKNOWN;
    const uint64_t root = w->roots[look->root].number;
    const struct sfx_slice path = sfx_buf_slice(&w->path);
    bool matched;
    int rc, news = SFX_CONTENT_NEW;

    /* Its state after the probe is the one that is complete. */
    if (fd >= 0 && fstat(fd, st) != 0)
        return 0;
    rc = S_ISREG(st->st_mode) ? is_complete(w, look, probe, st, err) : 0;
    if (rc <= 0)
        return rc;
    rc = find_type(w, fd, type, err);
    if (rc < 0)
        return rc;
    if (sfx_told_has(&w->told, root, path, st))
        return 0;
    matched = sfx_watch_wants_type(&w->opts, *type) &&
              sfx_watch_wants_size(&w->opts, st->st_size) &&
              sfx_watch_wants_age(&w->opts, ns_of(st->st_mtim));
    if (matched && w->opts.by_content && fd >= 0) {
        news = sfx_watch_content_is_new(w, look->root, fd, st, err);
        if (news < 0 || news == SFX_CONTENT_UNSTEADY)
            return news < 0 ? news : put_off_busy(w, look, err);
        w->stats.duplicates += news == SFX_CONTENT_KNOWN;
    }
    rc = sfx_told_note(&w->told, root, path, st, matched, err);
    if (rc == 0 && w->state != NULL)
        rc = sfx_watch_state_note(w->state, sfx_told_entry(&w->told, root, path), path, err);
    return rc < 0 ? rc : matched && news == SFX_CONTENT_NEW;
}

int sfx_watch_look_at(struct sfx_watch *w, const struct sfx_watch_look *look, struct stat *st,
                      struct sfx_slice *type, struct sfx_err *err)
{
    int fd, rc;

    if (!is_news(w, look, st))
        return 0;
    rc = open_file(w, look, &fd, err);
    if (rc < 0 || fd == OPEN_GONE)
        return rc;
    rc = look_closely(w, look, fd, st, type, err);
    if (fd >= 0)
        (void)sfx_io_close(&fd, NULL);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", sfx_watch_full_path(w, look->root, NULL)) : rc;
}
