/* SPDX-License-Identifier: MIT */
/* sfx-watch: tells of files as they become complete, one event a line. */
#include "base/io.h"
#include "base/size.h"
#include "cmd.h"
#include "watch/handover.h"
#include "watch/watch.h"

#include <unistd.h>

struct options {
    struct sfx_opt_list globs, ignores, types;
    const char *events;
    bool flat;
    int64_t settle_ns;
    bool once;
    uint64_t max_events;
    bool paths, zero;
    uint64_t min_nbytes, max_nbytes;
    const char *to;
    bool durable;
    struct sfx_opt_common common;
};

/* clang-format off */
static const struct sfx_opt rows[] = {
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "What to tell of", NULL, 0, 0},
    {'t', "type", "GLOB", SFX_OPT_LIST, offsetof(struct options, types),
     "Only files whose content is of a media type that matches GLOB, such as image/*; of several, "
     "one must match.",
     NULL, 0, 0},
    {'g', "glob", "GLOB", SFX_OPT_LIST, offsetof(struct options, globs),
     "Only files whose path below FOLDER matches GLOB; without a slash in GLOB, whose name does.",
     NULL, 0, 0},
    {'i', "ignore", "GLOB", SFX_OPT_LIST, offsetof(struct options, ignores),
     "Leave out the files and folders that match GLOB, as above.", NULL, 0, 0},
    {0, "min-size", "SIZE", SFX_OPT_SIZE, offsetof(struct options, min_nbytes),
     "Only files of at least SIZE bytes; 1 leaves out empty ones.", NULL, 0, 0},
    {0, "max-size", "SIZE", SFX_OPT_SIZE, offsetof(struct options, max_nbytes),
     "Only files of at most SIZE bytes; default 0: of any size.", NULL, 0, 0},
    {'e', "events", "LIST", SFX_OPT_STR, offsetof(struct options, events),
     "Kinds of events, joined by commas: closed, moved, linked, deleted, scanned; default all but "
     "deleted.",
     NULL, 0, 0},
    {0, "no-recursive", NULL, SFX_OPT_FLAG, offsetof(struct options, flat),
     "Leave out the folders in FOLDER.", NULL, 0, 0},
    {0, "settle", "TIME", SFX_OPT_DURATION, offsetof(struct options, settle_ns),
     "A file must also not have changed for TIME; default: only where the file system cannot say "
     "whether it is still being written.",
     NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "When to end", NULL, 0, 0},
    {'1', "once", NULL, SFX_OPT_FLAG, offsetof(struct options, once),
     "Tell of what is there and complete, then end.", NULL, 0, 0},
    {'n', "max-events", "N", SFX_OPT_UINT, offsetof(struct options, max_events),
     "End after N events; default 0: never.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Output", NULL, 0, 0},
    {0, "paths", NULL, SFX_OPT_FLAG, offsetof(struct options, paths),
     "Print paths, one a line, instead of events.", NULL, 0, 0},
    {'0', "null", NULL, SFX_OPT_FLAG, offsetof(struct options, zero),
     "Print paths, each ended by a NUL byte, for xargs -0.", NULL, 0, 0},
    {0, "to", "QUEUE", SFX_OPT_STR, offsetof(struct options, to),
     "Put the events into QUEUE (sqlite:PATH), which is made where there is none, instead of "
     "printing them.",
     NULL, 0, 0},
    {0, "durable", NULL, SFX_OPT_FLAG, offsetof(struct options, durable),
     "With --to: what was put survives the loss of power, too.", NULL, 0, 0},
    SFX_OPT_COMMON_ROWS(struct options, common),
    SFX_OPT_END,
};
/* clang-format on */

static const struct sfx_opt_example examples[] = {
    {"sfx-watch inbox", "an event for each file that is or becomes complete, until stopped"},
    {"sfx-watch inbox --to sqlite:inbox.queue", "into a queue, for any number of sfx-run workers"},
    {"sfx-watch inbox --once --type 'image/*' -0 | xargs -0 ls -l", "the images that are there"},
    {NULL, NULL},
};

static const struct sfx_prog prog = {
    .name = "sfx-watch",
    .summary = "tell of files as they become complete",
    .operands = "FOLDER…",
    .about = "Prints an event (CloudEvents, see sfx-events(5)) for each file in FOLDER and the "
             "folders in it, when it is complete: those that are there, then those that come.",
    .opts = rows,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), inotify(7)",
};

/* Prints an event in the form that is asked for, in one write. */
static int print(const struct options *o, const struct sfx_event *ev, struct sfx_buf *line,
                 struct sfx_err *err)
{
    int rc;

    sfx_buf_clear(line);
    if (o->paths || o->zero) {
        rc = sfx_buf_append(line, ev->path.ptr, ev->path.len, err);
        if (rc == 0)
            rc = sfx_buf_putc(line, o->zero ? '\0' : '\n', err);
    } else {
        rc = sfx_event_write(ev, line, err);
    }
    if (rc < 0)
        return rc;
    rc = sfx_io_write(STDOUT_FILENO, line->data, line->len, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

/* Prints the events, or hands them over when there is a queue. */
static int tell_all(const struct options *o, struct sfx_watch *w, struct sfx_handover *queue,
                    struct sfx_err *err)
{
    struct sfx_buf line = {0};
    uint64_t count = 0;
    int rc = 1;

    while (rc > 0) {
        struct sfx_event ev;

        rc = sfx_watch_next(w, &ev, err);
        if (rc > 0 && queue != NULL && sfx_handover_add(queue, &ev, err) < 0)
            rc = err->code;
        else if (rc > 0 && queue == NULL && print(o, &ev, &line, err) < 0)
            rc = err->code;
        if (rc > 0 && ++count == o->max_events)
            rc = 0;
    }
    sfx_buf_done(&line);
    return rc == 0 && queue != NULL ? sfx_handover_flush(queue, err) : rc;
}

static int flush_idle(void *ctx, struct sfx_err *err)
{
    return sfx_handover_flush(ctx, err);
}

/* *queue stays NULL when none was asked for. */
static int open_queue(const struct options *o, struct sfx_watch_opts *opts,
                      struct sfx_handover **queue, struct sfx_err *err)
{
    const struct sfx_handover_opts to = {.uri = o->to, .durable = o->durable, .stop = opts->stop};

    if (o->to == NULL)
        return o->durable ? sfx_err_set(err, SFX_E_USAGE, "--durable is about --to") : 0;
    if (o->paths || o->zero)
        return sfx_err_set(err, SFX_E_USAGE, "--to takes events, not paths");
    *queue = sfx_handover_new(&to, err);
    if (*queue == NULL)
        return sfx_err_wrap(err, (int)err->code, "--to");
    opts->idle = flush_idle;
    opts->idle_ctx = *queue;
    opts->reader_fd = -1; /* nothing is printed: nobody has to read it */
    return 0;
}

static int write_stats(const struct sfx_cmd *cmd, const struct sfx_watch_stats *stats,
                       const struct sfx_handover *queue, struct sfx_err *err)
{
    struct sfx_figure figures[] = {
        {"events", stats->told},
        {"looks", stats->looked_at},
        {"folders", stats->folders},
        {"overflows", stats->overflows},
        {"unreadable", stats->unreadable},
        {"put", 0},   /* with --to: new to the queue */
        {"known", 0}, /* with --to: in it from an earlier run */
    };

    if (queue == NULL)
        return sfx_cmd_stats(cmd, figures, SFX_COUNT(figures) - 2, err);
    sfx_handover_counts(queue, &figures[5].value, &figures[6].value);
    return sfx_cmd_stats(cmd, figures, SFX_COUNT(figures), err);
}

/* Watches until the end. Returns the exit code; *by_signal: the signal to end by, or 0. */
static int run(const struct sfx_cmd *cmd, const struct options *o, struct sfx_watch_opts *opts,
               int *by_signal)
{
    struct sfx_watch_stats stats = {0};
    struct sfx_handover *queue = NULL;
    struct sfx_watch *w = NULL;
    struct sfx_err err = {0};
    int rc = 0;

    if (o->events != NULL) {
        rc = sfx_watch_parse_kinds(sfx_slice_str(o->events), &opts->kinds, &err);
        rc = rc < 0 ? sfx_err_wrap(&err, rc, "--events") : 0;
    }
    if (rc == 0)
        rc = open_queue(o, opts, &queue, &err);
    if (rc == 0) {
        w = sfx_watch_new(opts, &err);
        rc = w != NULL ? tell_all(o, w, queue, &err) : (int)err.code;
    }
    if (w != NULL) {
        sfx_watch_stats(w, &stats);
        *by_signal = sfx_watch_reader_gone(w) ? SIGPIPE : 0;
    }
    sfx_watch_free(w);
    if (rc == 0)
        rc = write_stats(cmd, &stats, queue, &err);
    sfx_handover_free(queue);
    if (rc < 0)
        return sfx_cmd_fail(cmd, rc, &err);
    return o->once && stats.unreadable > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct sfx_watch_opts opts = {.reader_fd = STDOUT_FILENO};
    struct sfx_cmd cmd;
    int first, code, by_signal = 0;

    code = sfx_cmd_start(&cmd, &prog, argc, argv, &o, &o.common, &first);
    if (code != SFX_CMD_GO_ON)
        return code;
    if (first == argc) {
        struct sfx_err err;
        int rc = sfx_err_set(&err, SFX_E_USAGE, "which folder?");

        return sfx_cmd_end(&cmd, &o, sfx_cmd_fail(&cmd, rc, &err), 0);
    }
    opts.roots = (const char *const *)argv + first;
    opts.nroots = (size_t)(argc - first);
    opts.globs = o.globs.items;
    opts.nglobs = o.globs.count;
    opts.ignores = o.ignores.items;
    opts.nignores = o.ignores.count;
    opts.types = o.types.items;
    opts.ntypes = o.types.count;
    opts.min_nbytes = o.min_nbytes;
    opts.max_nbytes = o.max_nbytes;
    opts.settle_ns = o.settle_ns;
    opts.flat = o.flat;
    opts.once = o.once;
    opts.log = &cmd.log;
    opts.stop = sfx_cmd_catch_stop();
    code = run(&cmd, &o, &opts, &by_signal);
    return sfx_cmd_end(&cmd, &o, code, by_signal);
}
