/* SPDX-License-Identifier: MIT */
/* sfx-watch: tells of files as they become complete, one event a line. */
#include "base/size.h"
#include "base/text.h"
#include "cmd.h"
#include "watch/tell.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct sfx_opt_list globs, ignores, types;
    const char *events;
    bool recursive, flat;
    const char *settle;
    bool once;
    uint64_t max_events;
    bool paths, zero;
    const char *state, *format;
    struct sfx_opt_list every, cron;
    uint64_t min_nbytes, max_nbytes;
    const char *to;
    bool durable, print;
    int backend;
    const char *ignore_file;
    int64_t min_age_ns, max_age_ns;
    int dedup;
    int64_t poll_ns;
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
    {0, "ignore-file", "NAME", SFX_OPT_STR, offsetof(struct options, ignore_file),
     "Leave out what files of this name, such as .sfxignore, in FOLDER and below say, as gitignore(5) has it.",
     NULL, 0, 0},
    {0, "min-size", "SIZE", SFX_OPT_SIZE, offsetof(struct options, min_nbytes),
     "Only files of at least SIZE bytes; 1 leaves out empty ones.", NULL, 0, 0},
    {0, "max-size", "SIZE", SFX_OPT_SIZE, offsetof(struct options, max_nbytes),
     "Only files of at most SIZE bytes; default 0: of any size.", NULL, 0, 0},
    {0, "min-age", "TIME", SFX_OPT_DURATION, offsetof(struct options, min_age_ns),
     "Tell of files only when they were last modified TIME ago.", NULL, 0, 0},
    {0, "max-age", "TIME", SFX_OPT_DURATION, offsetof(struct options, max_age_ns),
     "Only files that were last modified at most TIME ago; default 0: of any age.", NULL, 0, 0},
    {0, "dedup", "BY", SFX_OPT_ENUM, offsetof(struct options, dedup),
     "What makes a file new; default version: any change; content: one that leaves it with another content.",
     "version|content", 0, 0},
    {'e', "events", "LIST", SFX_OPT_STR, offsetof(struct options, events),
     "Kinds of events, joined by commas: closed, moved, linked, deleted, scanned; default all but "
     "deleted.",
     NULL, 0, 0},
    {'r', "recursive", NULL, SFX_OPT_FLAG, offsetof(struct options, recursive),
     "Watch the folders in FOLDER, and those in them, too: the default.", NULL, 0, 0},
    {0, "no-recursive", NULL, SFX_OPT_FLAG, offsetof(struct options, flat),
     "Leave out the folders in FOLDER.", NULL, 0, 0},
    {0, "settle", "TIME", SFX_OPT_STR, offsetof(struct options, settle),
     "A file must also not have changed for TIME; default auto: only where the file system cannot say "
     "whether it is still being written, for 1.5s.",
     NULL, 0, 0},
    {0, "backend", "NAME", SFX_OPT_ENUM, offsetof(struct options, backend),
     "What tells of changes; default auto: for each folder fanotify where it is allowed, else inotify, and "
     "polling on network file systems.",
     "auto|inotify|fanotify|poll", 0, 0},
    {0, "poll-interval", "TIME", SFX_OPT_DURATION, offsetof(struct options, poll_ns),
     "Look at polled folders every TIME; default 2s, and at most a tenth of the time.", NULL, 0, 0},
    {0, "every", "TIME", SFX_OPT_LIST, offsetof(struct options, every),
     "Tell of the time, too: an event at every multiple of TIME since 1970, such as 5m.", NULL, 0, 0},
    {0, "cron", "SCHEDULE", SFX_OPT_LIST, offsetof(struct options, cron),
     "The same by a schedule as in crontab(5): minute, hour, day, month and weekday, or @daily and the like.",
     NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "When to end", NULL, 0, 0},
    {'1', "once", NULL, SFX_OPT_FLAG, offsetof(struct options, once),
     "Tell of what is there and complete, then end.", NULL, 0, 0},
    {0, "state", "FILE", SFX_OPT_STR, offsetof(struct options, state),
     "Remember in FILE what was told, and tell the next time only what is new, changed or gone; with --once "
     "the exit status is 3 when that is nothing.",
     NULL, 0, 0},
    {'n', "max-events", "N", SFX_OPT_UINT, offsetof(struct options, max_events),
     "End after N events; default 0: never.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Output", NULL, 0, 0},
    {0, "paths", NULL, SFX_OPT_FLAG, offsetof(struct options, paths),
     "Print paths, one a line, instead of events.", NULL, 0, 0},
    {0, "format", "TEMPLATE", SFX_OPT_STR, offsetof(struct options, format),
     "Print TEMPLATE for each event, with {path}, {dir}, {base}, {stem}, {ext}, {id}, {n}, {date}, {time}, "
     "{event.type}, {event.time}, {data.size}, {data.type} and the like filled in.", NULL, 0, 0},
    {'0', "null", NULL, SFX_OPT_FLAG, offsetof(struct options, zero),
     "Print paths, or what --format says, each ended by a NUL byte, for xargs -0.", NULL, 0, 0},
    {0, "to", "QUEUE", SFX_OPT_STR, offsetof(struct options, to),
     "Put the events into QUEUE (sqlite:PATH), which is made where there is none, instead of "
     "printing them.",
     NULL, 0, 0},
    {0, "print", NULL, SFX_OPT_FLAG, offsetof(struct options, print),
     "With --to: also print the events, each leased until the end of the pipe acknowledges it with --ack QUEUE.",
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
    {"sfx-watch --every 5m --cron '0 2 * * *'",
     "an event every five minutes, and one at two in the night"},
    {"sfx-watch inbox --once --type 'image/*' -0 | xargs -0 ls -l", "the images that are there"},
    {NULL, NULL},
};

static const struct sfx_prog prog = {
    .name = "sfx-watch",
    .summary = "tell of files as they become complete",
    .operands = "[FOLDER…]",
    .about = "Prints an event (CloudEvents, see sfx-events(5)) for each file in FOLDER and the "
             "folders in it, when it is complete: those that are there, then those that come.",
    .opts = rows,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), fanotify(7), inotify(7)",
};

static int write_stats(const struct sfx_cmd *cmd, const struct options *o,
                       const struct sfx_tell_stats *stats, struct sfx_err *err)
{
    const struct sfx_figure figures[] = {
        {"events", stats->watch.told},
        {"looks", stats->watch.looked_at},
        {"folders", stats->watch.folders},
        {"polled", stats->watch.polled},
        {"seen_kernel", stats->watch.seen_kernel},
        {"seen_scan", stats->watch.seen_scan},
        {"overflows", stats->watch.overflows},
        {"reconciled", stats->watch.reconciled},
        {"duplicates", stats->watch.duplicates},
        {"unreadable", stats->watch.unreadable},
        {"put", stats->put},     /* with --to: new to the queue */
        {"known", stats->known}, /* with --to: in it from an earlier run */
    };

    return sfx_cmd_stats(cmd, figures, SFX_COUNT(figures) - (o->to == NULL ? 2 : 0), err);
}

/* How lines look. Errors: USAGE for what does not go together. */
static int read_form(const struct options *o, struct sfx_tell_opts *tell, struct sfx_err *err)
{
    tell->format = o->format != NULL ? o->format : o->paths || o->zero ? "{path}" : NULL;
    tell->end = o->zero ? '\0' : '\n';
    if ((o->durable || o->print) && o->to == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--%s is about --to",
                           o->durable ? "durable" : "print");
    if (tell->format != NULL && o->to != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--to takes events, not lines of another form");
    if (o->format != NULL && o->paths)
        return sfx_err_set(err, SFX_E_USAGE, "--paths and --format are two forms of lines");
    return 0;
}

/* What stands for a time, or for what else it may be. Errors: USAGE. */
static int read_choices(const struct options *o, struct sfx_watch_opts *opts, struct sfx_err *err)
{
    if (o->recursive && o->flat)
        return sfx_err_set(err, SFX_E_USAGE, "--recursive and --no-recursive are opposites");
    if (o->settle != NULL && strcmp(o->settle, "auto") != 0 &&
        sfx_text_duration_ns(sfx_slice_str(o->settle), &opts->settle_ns, err) < 0)
        return sfx_err_set(err, SFX_E_USAGE, "--settle: '%s' is neither auto nor a time such as 2s",
                           o->settle);
    if (o->events == NULL ||
        sfx_watch_parse_kinds(sfx_slice_str(o->events), &opts->kinds, err) == 0)
        return 0;
    return sfx_err_wrap(err, SFX_E_USAGE, "--events");
}

/* Reads all timers into *timers, which is the caller's to free. */
static int read_timers(const struct options *o, struct sfx_timer **timers, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    *timers = calloc(o->every.count + o->cron.count + 1, sizeof(**timers));
    if (*timers == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    for (i = 0; rc == 0 && i < o->every.count; i++)
        rc = sfx_timer_every(o->every.items[i], &(*timers)[i], err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "--every");
    for (i = 0; rc == 0 && i < o->cron.count; i++)
        rc = sfx_timer_cron(o->cron.items[i], &(*timers)[o->every.count + i], err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "--cron");
    if (o->once && o->every.count + o->cron.count > 0)
        return sfx_err_set(err, SFX_E_USAGE, "--once does not wait for a time to come");
    return 0;
}

/* Watches until the end. Returns the exit code; *by_signal: the signal to end by, or 0. */
static int run(const struct sfx_cmd *cmd, const struct options *o, struct sfx_watch_opts *opts,
               int *by_signal)
{
    struct sfx_tell_opts tell = {.to = o->to,
                                 .durable = o->durable,
                                 .print = o->print,
                                 .max_events = o->max_events,
                                 .fd = STDOUT_FILENO};
    struct sfx_tell_stats stats = {0};
    struct sfx_err err = {0};
    struct sfx_timer *timers = NULL;
    int rc = read_form(o, &tell, &err);

    if (rc == 0)
        rc = read_timers(o, &timers, &err);
    opts->timers = timers;
    opts->ntimers = o->every.count + o->cron.count;
    if (rc == 0)
        rc = read_choices(o, opts, &err);
    if (rc == 0)
        rc = sfx_tell(opts, &tell, &stats, &err);
    free(timers);
    *by_signal = stats.reader_gone ? SIGPIPE : 0;
    if (rc == 0)
        rc = write_stats(cmd, o, &stats, &err);
    if (rc < 0)
        return sfx_cmd_fail(cmd, rc, &err);
    if (o->once && stats.watch.unreadable > 0)
        return SFX_EXIT_PARTIAL;
    return o->once && o->state != NULL && stats.watch.told == 0 ? SFX_EXIT_NOTHING : SFX_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct sfx_watch_opts opts = {0};
    struct sfx_cmd cmd;
    int first, code, by_signal = 0;

    code = sfx_cmd_start(&cmd, &prog, argc, argv, &o, &o.common, &first);
    if (code != SFX_CMD_GO_ON)
        return code;
    if (first == argc && o.every.count + o.cron.count == 0) {
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
    opts.ignore_file = o.ignore_file;
    opts.min_age_ns = o.min_age_ns;
    opts.max_age_ns = o.max_age_ns;
    opts.by_content = o.dedup > 0;
    opts.backend = (enum sfx_watch_backend)o.backend;
    opts.poll_ns = o.poll_ns;
    opts.flat = o.flat;
    opts.once = o.once;
    opts.state = o.state;
    opts.log = &cmd.log;
    opts.stop = sfx_cmd_catch_stop();
    code = run(&cmd, &o, &opts, &by_signal);
    return sfx_cmd_end(&cmd, &o, code, by_signal);
}
