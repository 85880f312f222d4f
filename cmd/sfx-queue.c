/* SPDX-License-Identifier: MIT */
/* sfx-queue: fills, shows and repairs queues of events. */
#include "cmd.h"
#include "queue/commands.h"
#include "queue/replay.h"

#include <errno.h>
#include <unistd.h>

struct options {
    struct sfx_queue_words words;
    struct sfx_opt_common common;
};

#define AT(member) offsetof(struct options, words.member)

/* clang-format off */
static const struct sfx_opt rows[] = {
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Putting", NULL, 0, 0},
    {0, "as", "KIND", SFX_OPT_ENUM, AT(as),
     "What the lines of standard input are; default auto: events where they are, else lines, of "
     "which each is an event of type dev.sfx.line.",
     "auto|events|paths|lines", 0, 0},
    {'0', "null", NULL, SFX_OPT_FLAG, AT(zero),
     "Lines end with a NUL byte, as of find -print0.", NULL, 0, 0},
    {'k', "key", "NAME", SFX_OPT_STR, AT(key),
     "Attribute, such as subject or partitionkey, whose value is the lane: events of one lane are "
     "given out one after the other.",
     NULL, 0, 0},
    {0, "delay", "TIME", SFX_OPT_DURATION, AT(delay_ns),
     "Not to be given out before TIME has passed.", NULL, 0, 0},
    {0, "durable", NULL, SFX_OPT_FLAG, AT(durable),
     "What is put or moved survives the loss of power, not only the end of a process.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Which", NULL, 0, 0},
    {'s', "state", "STATE", SFX_OPT_ENUM, AT(state),
     "Events in this state; default any.", "any|ready|leased|delayed|blocked|done|dead", 0, 0},
    {'m', "match", "GLOB", SFX_OPT_STR, AT(match),
     "Events whose subject or id matches GLOB.", NULL, 0, 0},
    {0, "since", "TIME", SFX_OPT_DURATION, AT(since_ns),
     "What changed, or ran, at most TIME ago.", NULL, 0, 0},
    {0, "older", "TIME", SFX_OPT_DURATION, AT(older_ns),
     "What last changed, or ran, more than TIME ago.", NULL, 0, 0},
    {'n', "limit", "N", SFX_OPT_UINT, AT(limit), "At most N; default 0: all.",
     NULL, 0, 0},
    {0, "all", NULL, SFX_OPT_FLAG, AT(all), "All dead letters.", NULL, 0, 0},
    {'f', "function", "NAME", SFX_OPT_STR, AT(function),
     "Runs of this function.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "How", NULL, 0, 0},
    {'j', "json", NULL, SFX_OPT_FLAG, AT(json), "JSON, one object a line.",
     NULL, 0, 0},
    {'1', "once", NULL, SFX_OPT_FLAG, AT(once),
     "top: show it once. pump: end when nothing is left to be moved.", NULL, 0, 0},
    {0, "every", "TIME", SFX_OPT_DURATION, AT(every_ns),
     "Time between two screens; default 1s.", NULL, 0, 0},
    {0, "lease", "TIME", SFX_OPT_DURATION, AT(visible_ns),
     "How long an event is given out for; default 30s, kept up while it is unanswered.", NULL, 0,
     0},
    {0, "max-attempts", "N", SFX_OPT_UINT, AT(max_attempts),
     "An event that was given out N times without an answer is a dead letter; default 0: no limit.",
     NULL, 0, UINT32_MAX},
    {0, "retention", "TIME", SFX_OPT_DURATION, AT(retention_ns),
     "From now on keep what is done, and its id, for TIME; a new queue keeps it for 7 days.", NULL,
     0, 0},
    SFX_OPT_COMMON_ROWS(struct options, common),
    SFX_OPT_END,
};

static const struct sfx_opt_command commands[] = {
    [SFX_QUEUE_C_PUT] = {"put", "QUEUE", "Put the lines of standard input. The queue is made if need be.",
             "as null key delay durable retention"},
    [SFX_QUEUE_C_LIST] = {"list", "QUEUE", "List events: number, state, attempts, age, id, subject, reason.",
              "state match since older limit json"},
    [SFX_QUEUE_C_SHOW] = {"show", "QUEUE ID", "Show an event and every run of it, as JSON.", ""},
    [SFX_QUEUE_C_ACK] = {"ack", "QUEUE ID…", "Acknowledge events: they are done.", ""},
    [SFX_QUEUE_C_RETRY] = {"retry", "QUEUE [ID…]", "Make dead letters, or events that wait, ready again.",
               "all match"},
    [SFX_QUEUE_C_REPLAY] = {"replay", "QUEUE ID",
                "Run the function again here, as it ran when it failed last.",
                ""},
    [SFX_QUEUE_C_DEAD] = {"dead", "QUEUE", "List dead letters with their reasons.",
              "match since older limit json"},
    [SFX_QUEUE_C_HISTORY] = {"history", "QUEUE", "List the runs of functions as JSON, the latest first.",
                 "function since older limit"},
    [SFX_QUEUE_C_STATS] = {"stats", "QUEUE", "Print all counters, also what event sources saw and lost.",
               "json"},
    [SFX_QUEUE_C_TOP] = {"top", "QUEUE", "Show depths, rates and functions, again and again.",
             "once json every since"},
    [SFX_QUEUE_C_METER] = {"meter", "QUEUE", "Sum up time, GB-seconds and cost by function and day, as CSV.",
               "function since older json"},
    [SFX_QUEUE_C_PUMP] = {"pump", "QUEUE TO",
              "Move events to the queue TO, or to standard output (-), where the program at the "
              "pipe's end acknowledges.",
              "once lease max-attempts durable"},
    [SFX_QUEUE_C_PURGE] = {"purge", "QUEUE", "Remove events with their ids, but none that is being worked on.",
               "state match since older all retention"},
    {NULL, NULL, NULL, NULL},
};

static const struct sfx_opt_example examples[] = {
    {"seq 3 | sfx-queue put sqlite:work.queue", "three events"},
    {"sfx-queue list sqlite:work.queue -s dead --json", "what could not be done, and why"},
    {"sfx-queue retry sqlite:work.queue --all", "try all of it again"},
    {"sfx-queue top sqlite:work.queue --once", "how it goes"},
    {NULL, NULL},
};

static const struct sfx_prog prog = {
    .name = "sfx-queue",
    .summary = "fill, show and repair queues of events",
    .operands = "COMMAND QUEUE [ARGUMENT…]",
    .about = "Works on a durable queue of events (CloudEvents, see sfx-events(5)), named as "
             "sqlite:PATH, that any number of producers and consumers use at once.",
    .opts = rows,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), sfx-run(1), sfx-watch(1)",
    .commands = commands,
};

/* clang-format on */

/* Becomes the function. Returns only when that fails. */
static int replay(struct sfx_queue_job *j, struct sfx_err *err)
{
    struct sfx_queue_replay plan;
    struct sfx_arena arena = {0};
    int rc = sfx_queue_replay_plan(j->q, sfx_slice_str(j->args[0]), environ, &arena, &plan, err);

    if (rc < 0) {
        rc = sfx_err_wrap(err, rc, "%s", j->args[0]);
    } else if (plan.cwd != NULL && chdir(plan.cwd) != 0) {
        rc = sfx_err_errno(err, errno, "%s", plan.cwd);
    } else if (dup2(plan.event_fd, STDIN_FILENO) < 0) {
        rc = sfx_err_errno(err, errno, "standard input");
    } else {
        (void)execvpe(plan.argv[0], plan.argv, plan.envp);
        rc = sfx_err_errno(err, errno, "%s", plan.argv[0]);
    }
    sfx_arena_done(&arena);
    return rc;
}

/* Checks the number of arguments after the queue. */
static int check_arguments(enum sfx_queue_command command, int nargs, struct sfx_err *err)
{
    bool one =
        command == SFX_QUEUE_C_SHOW || command == SFX_QUEUE_C_REPLAY || command == SFX_QUEUE_C_PUMP;
    bool some = command == SFX_QUEUE_C_ACK, any = command == SFX_QUEUE_C_RETRY;

    if ((one && nargs == 1) || (some && nargs > 0) || any || (!one && !some && nargs == 0))
        return 0;
    return sfx_err_set(err, SFX_E_USAGE, "%s wants: %s", commands[command].name,
                       commands[command].operands);
}

/* Opens the queue and does the command. */
static int run(struct sfx_queue_job *j, int argc, char **argv, int first, const struct options *o,
               struct sfx_err *err)
{
    struct sfx_queue_opts opts = {.durable = o->words.durable, .stop = j->stop, .name = prog.name};
    int command, rc;

    if (first == argc)
        return sfx_err_set(err, SFX_E_USAGE, "which command?");
    command = sfx_opt_command(&prog, argv[first], o, err);
    if (command < 0)
        return command;
    if (first + 1 == argc)
        return sfx_err_set(err, SFX_E_USAGE, "which queue? Such as sqlite:work.queue");
    j->args = argv + first + 2;
    j->nargs = argc - first - 2;
    rc = check_arguments((enum sfx_queue_command)command, j->nargs, err);
    if (rc < 0)
        return rc;
    opts.create = command == SFX_QUEUE_C_PUT;
    j->q = sfx_queue_open(argv[first + 1], &opts, err);
    if (j->q == NULL)
        return (int)err->code;
    return command == SFX_QUEUE_C_REPLAY
               ? replay(j, err)
               : sfx_queue_command(j, (enum sfx_queue_command)command, err);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct sfx_err err;
    struct sfx_cmd cmd;
    struct sfx_queue_job j = {
        .o = &o.words, .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .log = &cmd.log};
    int first, code, rc;

    code = sfx_cmd_start(&cmd, &prog, argc, argv, &o, &o.common, &first);
    if (code != SFX_CMD_GO_ON)
        return code;
    j.stop = sfx_cmd_catch_stop();
    rc = run(&j, argc, argv, first, &o, &err);
    sfx_queue_close(j.q);
    if (rc >= 0) {
        const struct sfx_figure figure = {"events", j.count};
        int failed = sfx_cmd_stats(&cmd, &figure, 1, &err);

        rc = failed < 0 ? failed : rc;
    }
    code = rc < 0 ? sfx_cmd_fail(&cmd, rc, &err) : rc > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
    return sfx_cmd_end(&cmd, &o, code, 0);
}
