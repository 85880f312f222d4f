/* SPDX-License-Identifier: MIT */
/*
 * The watch: what the kernel tells, what scans find and what waits for a second look, one at a
 * time, until one of them is an event.
 */
#include "watch/watch.h"

#include "base/io.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So often between entries of a scan the kernel is asked for changes: its queue is emptied faster
 * than a scan can let it fill up. */
#define SFX_WATCH_STEPS 64

/* The wall clock may be set: so often it is looked at. */
#define TIMER_LOOK_NS ((int64_t)30 * 1000000000)

/* So long roots stay open after a change, for the next one. */
#define KEEP_NS ((int64_t)20 * 1000000)

static int watch_init(struct sfx_watch *w, const struct sfx_watch_opts *opts, struct sfx_err *err)
{
    uint32_t i;
    int rc = 0;

    w->opts = *opts;
    if (w->opts.kinds == 0)
        w->opts.kinds = SFX_WATCH_DEFAULT;
    w->initial = true;
    w->roots = calloc(opts->nroots + 1, sizeof(*w->roots));
    if (w->roots == NULL)
        return sfx_err_errno(err, ENOMEM, "folders");
    for (i = 0; i < opts->nroots; i++)
        w->roots[i].fd = -1;
    w->media = sfx_media_new(err);
    if (w->media == NULL)
        return SFX_E_NOMEM;
    w->due_ns = calloc(opts->ntimers + 1, sizeof(*w->due_ns));
    if (w->due_ns == NULL)
        return sfx_err_errno(err, ENOMEM, "timers");
    for (i = 0; i < opts->ntimers; i++)
        w->due_ns[i] = sfx_timer_next_ns(&opts->timers[i], sfx_clock_wall_ns());
    if (!opts->once && opts->nroots > 0) {
        w->backend = sfx_backend_new(opts->backend, &w->dirs, err);
        if (w->backend == NULL)
            return SFX_E_NOMEM;
    }
    if (opts->state != NULL) {
        w->state = sfx_watch_state_open(opts->state, &w->told, err);
        if (w->state == NULL)
            return err->code;
    }
    for (i = 0; i < opts->nroots && rc == 0; i++)
        rc = sfx_watch_open_root(w, i, SFX_WATCH_SCANNED, err);
    return rc;
}

struct sfx_watch *sfx_watch_new(const struct sfx_watch_opts *opts, struct sfx_err *err)
{
    struct sfx_watch *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "watch");
        return NULL;
    }
    if (watch_init(w, opts, err) < 0) {
        sfx_watch_free(w);
        return NULL;
    }
    return w;
}

static bool is_due(const struct sfx_watch *w)
{
    return sfx_watch_queue_due_ns(&w->pending) <= sfx_clock_mono_ns();
}

/* Takes one change from the kernel. 1: an event; 0: none; *idle: there was no change. */
static int step_changes(struct sfx_watch *w, bool *idle, struct sfx_event *ev, struct sfx_err *err)
{
    /* Now and then during a scan, else each time; before a second look too, which a change that is
     * queued may have made needless. */
    bool scanning = sfx_watch_is_scanning(w);
    bool ask = !scanning || ++w->scan_steps >= SFX_WATCH_STEPS || is_due(w);
    struct sfx_watch_change change = {0};
    int rc;

    *idle = true;
    if (w->backend == NULL)
        return 0;
    rc = sfx_backend_next(w->backend, ask, &change, err);
    if (ask)
        w->scan_steps = 0;
    if (rc <= 0) {
        /* Of what was polled in them the end is told first. */
        if (ask && (w->stats.polled == 0 || !scanning))
            sfx_watch_drop_away(w);
        return rc;
    }
    *idle = w->kept_roots = false;
    return sfx_watch_on_change(w, &change, ev, err);
}

/* Looks again at the file that has waited long enough. */
static int step_pending(struct sfx_watch *w, struct sfx_event *ev, struct sfx_err *err)
{
    struct sfx_watch_pending *item = sfx_watch_queue_take(&w->pending);
    struct sfx_watch_look look = {.root = item->root,
                                  .kind = item->kind,
                                  .found = item->found,
                                  .delay_ns = item->delay_ns,
                                  .settled_size = item->settled_size,
                                  .settled_mtime_ns = item->settled_mtime_ns};
    int rc;

    sfx_buf_clear(&w->path);
    rc = sfx_buf_append(&w->path, item->path, strlen(item->path), err);
    if (rc == 0 && sfx_buf_cstr(&w->path, err) == NULL)
        rc = SFX_E_NOMEM;
    free(item);
    if (rc == 0 && look.kind == SFX_WATCH_LINKED && look.delay_ns == 0)
        return sfx_watch_on_new_name(w, &look, ev, err);
    /* The name was new, and its file has been closed since: that told of it. What its change time
     * says by now (a link elsewhere, new rights) is no version that anyone wrote. */
    if (rc == 0 && look.kind == SFX_WATCH_LINKED &&
        sfx_told_knows(&w->told, w->roots[look.root].number, sfx_buf_slice(&w->path)))
        return 0;
    return rc < 0 ? rc : sfx_watch_tell(w, &look, ev, err);
}

static int step_scan(struct sfx_watch *w, struct sfx_event *ev, struct sfx_err *err)
{
    struct sfx_watch_look look = {.found = true, .settled_size = -1};
    int rc = sfx_watch_scan_step(w, &look.root, &look.kind, err);

    if (rc > 0 && look.kind == SFX_WATCH_DELETED)
        return sfx_watch_on_deleted(w, look.root, ev, err);
    w->stats.seen_scan += rc > 0;
    return rc <= 0 ? rc : sfx_watch_tell(w, &look, ev, err);
}

/* Files of an earlier run that are not there any more, one at a time. As sfx_watch_next. */
static int step_gone(struct sfx_watch *w, struct sfx_event *ev, struct sfx_err *err)
{
    struct sfx_slice path;
    uint64_t key[2];
    struct stat st;
    uint32_t i;

    if (!sfx_watch_state_next_unseen(w->state, &w->told, key, &path)) {
        w->gone_told = true;
        return 0;
    }
    for (i = 0; i < w->opts.nroots; i++) {
        int fd = sfx_watch_root_fd(w, i);

        if (fd < 0 || !sfx_told_is_of(w->roots[i].number, path, key))
            continue;
        sfx_buf_clear(&w->path);
        if (sfx_buf_append(&w->path, path.ptr, path.len, err) < 0 ||
            sfx_buf_cstr(&w->path, err) == NULL)
            return SFX_E_NOMEM;
        /* A filter, or what is not complete, keeps files that are there from being come upon. */
        if (fstatat(fd, w->path.data, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
            (errno == ENOENT || errno == ENOTDIR))
            return sfx_watch_on_deleted(w, i, ev, err);
    }
    return 0;
}

/* The timer that is due first; *in_ns: until then. False: there is none. */
static bool next_timer(const struct sfx_watch *w, size_t *timer, int64_t *in_ns)
{
    bool any = false;
    size_t i;

    for (i = 0; i < w->opts.ntimers; i++) {
        int64_t left_ns = w->due_ns[i] - sfx_clock_wall_ns();

        if (w->due_ns[i] < 0 || (any && left_ns >= *in_ns))
            continue;
        any = true;
        *timer = i;
        *in_ns = left_ns;
    }
    return any;
}

/* As sfx_watch_next. A time that was slept over is told once. */
static int step_timers(struct sfx_watch *w, struct sfx_event *ev, struct sfx_err *err)
{
    int64_t in_ns, due_ns;
    size_t i;

    if (!next_timer(w, &i, &in_ns) || in_ns > 0)
        return 0;
    due_ns = w->due_ns[i];
    w->due_ns[i] = sfx_timer_next_ns(&w->opts.timers[i], sfx_clock_wall_ns());
    return sfx_watch_make_timer_event(w, &w->opts.timers[i], due_ns, ev, err);
}

/* Waits for the kernel, the clock or the reader's end, for left_ns at most. */
static void wait_for(struct sfx_watch *w, int64_t left_ns)
{
    struct pollfd fds[3] = {{.fd = w->opts.reader_fd, .events = 0}};
    const struct timespec timeout = {left_ns / 1000000000, left_ns % 1000000000};
    int sources[2] = {-1, -1};
    sigset_t all, before;

    if (w->backend == NULL || sfx_backend_rest(w->backend, sources)) {
        fds[1] = (struct pollfd){.fd = w->stopping ? -1 : sources[0], .events = POLLIN};
        fds[2] = (struct pollfd){.fd = w->stopping ? -1 : sources[1], .events = POLLIN};
        /* A signal between the look at *stop and the wait must not be slept over. */
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        if (w->stopping || w->opts.stop == NULL || *w->opts.stop == 0)
            (void)ppoll(fds, 3, left_ns != INT64_MAX ? &timeout : NULL, &before);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        w->reader_gone = (fds[0].revents & POLLERR) != 0;
    }
    if (w->backend != NULL)
        sfx_backend_wake(w->backend);
}

static bool has_open_root(const struct sfx_watch *w)
{
    size_t i = 0;

    while (i < w->opts.nroots && w->roots[i].fd < 0)
        i++;
    return i < w->opts.nroots;
}

/* Nothing to do: 1: go on; 0: this is the end. Errors: of `idle`. */
static int wait_for_more(struct sfx_watch *w, struct sfx_err *err)
{
    int64_t due_ns = sfx_watch_queue_due_ns(&w->pending), clock_ns = sfx_watch_clock_due_ns(w);
    int64_t left_ns = INT64_MAX, timer_ns = 0;
    bool with_timer;
    size_t timer;
    int rc = w->opts.idle != NULL ? w->opts.idle(w->opts.idle_ctx, err) : 0;

    if (rc < 0)
        return rc;
    with_timer = next_timer(w, &timer, &timer_ns);
    if (due_ns == INT64_MAX && w->backend == NULL && !with_timer)
        return 0;
    if (w->stopping && w->pending.nyoung == 0)
        return 0;
    if (clock_ns < due_ns)
        due_ns = clock_ns;
    if (due_ns != INT64_MAX)
        left_ns = due_ns - sfx_clock_mono_ns();
    if (with_timer && timer_ns < left_ns)
        left_ns = timer_ns < TIMER_LOOK_NS ? timer_ns : TIMER_LOOK_NS;
    if (w->stopping || w->kept_roots)
        sfx_watch_close_roots(w);
    else if (has_open_root(w) && left_ns > KEEP_NS)
        left_ns = KEEP_NS;
    w->kept_roots = true;
    if (left_ns < 0)
        left_ns = 0;
    wait_for(w, left_ns);
    return !w->reader_gone;
}

/* What the kernel has queued by now is told yet; what was there before is left to the next run. */
static void begin_to_stop(struct sfx_watch *w)
{
    w->stopping = true;
    sfx_watch_cancel_initial(w);
    if (w->backend != NULL)
        sfx_backend_finish(w->backend);
    w->poll_due_ns = 0;
    if (!w->initial)
        sfx_watch_step_poll(w);
}

/* What is not told by the kernel. 1: an event; 0: none this time; *idle: there is nothing to do. */
static int step_own(struct sfx_watch *w, bool *idle, struct sfx_event *ev, struct sfx_err *err)
{
    int rc = sfx_watch_step_roots(w, err);

    *idle = false;
    if (rc == 0 && !w->stopping)
        rc = step_timers(w, ev, err);
    if (rc != 0)
        return rc;
    if (!w->stopping)
        sfx_watch_step_poll(w);
    if (is_due(w))
        return step_pending(w, ev, err);
    if (sfx_watch_is_scanning(w))
        return step_scan(w, ev, err);
    if (w->state != NULL && !w->gone_told && !w->stopping)
        return step_gone(w, ev, err);
    *idle = true;
    return 0;
}

int sfx_watch_next(struct sfx_watch *w, struct sfx_event *ev, struct sfx_err *err)
{
    int rc = 0;

    while (rc == 0) {
        bool idle;

        if (!w->stopping && w->opts.stop != NULL && *w->opts.stop != 0)
            begin_to_stop(w);
        rc = step_changes(w, &idle, ev, err);
        if (rc == 0 && idle)
            rc = step_own(w, &idle, ev, err);
        if (rc != 0 || !idle)
            continue;
        rc = wait_for_more(w, err);
        if (rc <= 0)
            return rc;
        rc = 0;
    }
    return rc;
}

int sfx_watch_commit(struct sfx_watch *w, struct sfx_err *err)
{
    return w->state != NULL ? sfx_watch_state_commit(w->state, err) : 0;
}

void sfx_watch_will_wait(struct sfx_watch *w)
{
    if (w->backend != NULL)
        sfx_backend_guard(w->backend);
}

bool sfx_watch_reader_gone(const struct sfx_watch *w)
{
    return w->reader_gone;
}

void sfx_watch_stats(const struct sfx_watch *w, struct sfx_watch_stats *stats)
{
    size_t i;

    *stats = w->stats;
    for (i = 0; i < w->opts.nroots; i++)
        stats->folders += w->roots[i].dir != NULL ? w->roots[i].nfolders : 0;
}

void sfx_watch_free(struct sfx_watch *w)
{
    size_t i;

    if (w == NULL)
        return;
    for (i = 0; w->roots != NULL && i < w->opts.nroots; i++) {
        if (w->roots[i].dir != NULL)
            sfx_watch_drop(w, w->roots[i].dir);
    }
    if (w->roots != NULL)
        sfx_watch_close_roots(w);
    sfx_watch_handles_done(w);
    free(w->roots);
    sfx_backend_free(w->backend);
    sfx_watch_dirs_done(&w->dirs);
    sfx_media_free(w->media);
    sfx_told_done(&w->told);
    sfx_watch_state_free(w->state);
    sfx_watch_queue_done(&w->pending);
    sfx_buf_done(&w->path);
    sfx_buf_done(&w->full_path);
    sfx_buf_done(&w->timer_json[0]);
    sfx_buf_done(&w->timer_json[1]);
    free(w->due_ns);
    free(w);
}
