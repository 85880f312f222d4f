/* SPDX-License-Identifier: MIT */
/* sfx-run: runs a function for each event. */
#include "base/size.h"
#include "cmd.h"
#include "function/flow.h"
#include "function/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_NS INT64_C(30000000000)

/* What holds for all functions of a flow. */
struct whole {
    const char *flow, *price, *metrics, *trace;
    int64_t drain_ns;
    struct sfx_opt_common common;
};

struct options {
    struct sfx_function_opts function;
    struct sfx_function_words words;
    struct whole whole;
};

/* clang-format off */
#define FUNCTION(member) offsetof(struct options, function.member)
#define WORD(member)     offsetof(struct options, words.member)
#define WHOLE(member)    offsetof(struct options, whole.member)

static const struct sfx_opt rows[] = {
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Events", NULL, 0, 0},
    {'f', "flow", "FILE", SFX_OPT_STR, WHOLE(flow),
     "Run the functions that FILE describes instead of COMMAND, and others when it changes; --jobs is the most "
     "that they have together.", NULL, 0, 0},
    {0, "from", "QUEUE", SFX_OPT_STR, FUNCTION(from),
     "Take events from QUEUE, such as sqlite:PATH, under leases that are kept up, instead of standard "
     "input; what is given up becomes a dead letter there, see sfx-queue(1).", NULL, 0, 0},
    {0, "once", NULL, SFX_OPT_FLAG, FUNCTION(once),
     "End when the queue is empty and no retry is outstanding.", NULL, 0, 0},
    {0, "durable", NULL, SFX_OPT_FLAG, FUNCTION(durable),
     "What is done in queues is synced to the disk.", NULL, 0, 0},
    {0, "dead", "FILE|QUEUE", SFX_OPT_STR, FUNCTION(dead),
     "Append events that are given up, with the reason, to FILE as JSON Lines; or put them into QUEUE.",
     NULL, 0, 0},
    {'e', "emit", NULL, SFX_OPT_FLAG, FUNCTION(emit),
     "Standard output of the function is result events, a line each; a line that is none becomes one.",
     NULL, 0, 0},
    {0, "lines", NULL, SFX_OPT_FLAG, FUNCTION(lines),
     "Every line is text: none is read as an event.", NULL, 0, 0},
    {0, "max-line", "SIZE", SFX_OPT_SIZE, FUNCTION(max_line_nbytes),
     "Longest line; default 64K.", NULL, 64, 64u << 20},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Invocations", NULL, 0, 0},
    {'j', "jobs", "N|MIN..MAX", SFX_OPT_STR, WORD(jobs),
     "At most N invocations at once, by processes that MIN to MAX of are kept; default one for each processor.",
     NULL, 0, 0},
    {'w', "worker", NULL, SFX_OPT_FLAG, WORD(worker),
     "The command is a resident process: an event line in, an answer line out.", NULL, 0, 0},
    {0, "lambda", NULL, SFX_OPT_FLAG, WORD(lambda),
     "The command is a runtime of AWS Lambda, unchanged: it gets its invocations over the Runtime API.",
     NULL, 0, 0},
    {0, "idle", "TIME", SFX_OPT_DURATION, FUNCTION(idle_ns),
     "End a resident process that had nothing to do for TIME; default 60s.", NULL, 0, 0},
    {'n', "batch", "N", SFX_OPT_UINT, FUNCTION(batch),
     "Give up to N events to one invocation, as lines.", NULL, 1, 10000},
    {0, "window", "TIME", SFX_OPT_DURATION, FUNCTION(window_ns),
     "Wait for up to TIME until a batch is full; default: take what is there.", NULL, 0, 0},
    {0, "batch-size", "SIZE", SFX_OPT_SIZE, FUNCTION(batch_nbytes),
     "Most bytes of a batch; default 256K.", NULL, 1, 64u << 20},
    {0, "partial", NULL, SFX_OPT_FLAG, FUNCTION(partial),
     "The output names the events of the batch that failed: {\"batchItemFailures\":[{\"itemIdentifier\":ID}]}.",
     NULL, 0, 0},
    {0, "bisect", NULL, SFX_OPT_FLAG, FUNCTION(bisect),
     "Try the halves of a batch that failed by themselves, until the event that fails is alone.", NULL, 0, 0},
    {'k', "key", "TEMPLATE", SFX_OPT_STR, FUNCTION(key),
     "Events that give the same text are done one after the other, in their order.", NULL, 0, 0},
    {0, "rate", "N/s", SFX_OPT_STR, WORD(rate),
     "Begin at most N invocations a second (/m: a minute, /h: an hour).", NULL, 0, 0},
    {0, "burst", "N", SFX_OPT_UINT, WORD(burst),
     "Invocations that may begin at once within --rate; default 1.", NULL, 1, 1000000},
    {0, "breaker", "N", SFX_OPT_UINT, FUNCTION(breaker),
     "After N failures in a row begin none for a while, then try with one; default 0: go on.", NULL, 0, 0},
    {0, "breaker-time", "TIME", SFX_OPT_DURATION, FUNCTION(breaker_ns),
     "How long --breaker holds events back; default 30s.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Failures", NULL, 0, 0},
    {'r', "retries", "N", SFX_OPT_UINT, FUNCTION(retry.retries),
     "Try an event that failed N times more; default 2.", NULL, 0, 1000000},
    {0, "backoff", "TIME[..TIME]", SFX_OPT_STR, WORD(backoff),
     "Wait before a retry: at most the first TIME, doubled for each attempt up to the second, less by chance; default 1s..5m.",
     NULL, 0, 0},
    {0, "max-age", "TIME", SFX_OPT_DURATION, FUNCTION(retry.max_age_ns),
     "Give up events older than TIME instead of trying them again; default 0: never for that.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Limits of an invocation", NULL, 0, 0},
    {'t', "timeout", "TIME", SFX_OPT_DURATION, FUNCTION(timeout_ns),
     "End an invocation after TIME; default 15m, 0: never.", NULL, 0, 0},
    {0, "grace", "TIME", SFX_OPT_DURATION, FUNCTION(grace_ns),
     "Time between SIGTERM and SIGKILL; default 5s.", NULL, 0, 0},
    {'m', "memory", "SIZE", SFX_OPT_SIZE, FUNCTION(memory_nbytes),
     "Memory of all processes of an invocation, by a control group; without the right to make one, data of each process.",
     NULL, 1u << 20, 0},
    {0, "cpus", "N", SFX_OPT_STR, WORD(cpus),
     "Processors that an invocation may use, such as 0.5; needs a control group.", NULL, 0, 0},
    {0, "cpu-time", "TIME", SFX_OPT_DURATION, FUNCTION(cpu_ns),
     "CPU time of each process, in whole seconds.", NULL, 0, 0},
    {0, "files", "N", SFX_OPT_UINT, FUNCTION(files), "Open files of each process.", NULL, 4, 0},
    {0, "processes", "N", SFX_OPT_UINT, FUNCTION(processes),
     "Processes and threads of an invocation, by a control group; without, of the user.", NULL, 1, 0},
    {0, "max-output", "SIZE", SFX_OPT_SIZE, FUNCTION(output_nbytes),
     "Most bytes of standard output; default 64M.", NULL, 1, 1u << 30},
    {0, "max-stderr", "SIZE", SFX_OPT_SIZE, FUNCTION(stderr_nbytes),
     "Bytes of standard error, its end, that logs and dead letters keep; default 16K.", NULL, 0, 16u << 20},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Surroundings", NULL, 0, 0},
    {'u', "user", "USER", SFX_OPT_STR, FUNCTION(user), "Run as USER: a name, UID or UID:GID.", NULL, 0, 0},
    {'C', "cwd", "FOLDER", SFX_OPT_STR, FUNCTION(cwd),
     "Run in FOLDER, a template as the arguments are.", NULL, 0, 0},
    {0, "clean-env", NULL, SFX_OPT_FLAG, FUNCTION(clean_env),
     "Pass on only PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ and TMPDIR.", NULL, 0, 0},
    {0, "env", "NAME[=VALUE]", SFX_OPT_LIST, WORD(env),
     "Set a variable, or pass it on with --clean-env.", NULL, 0, 0},
    {0, "sandbox", NULL, SFX_OPT_FLAG, FUNCTION(sandbox),
     "Let the function write only into a folder of its own, TMPDIR, and use no network but local sockets; "
     "it gets no rights that it does not have.", NULL, 0, 0},
    {0, "allow-read", "PATH", SFX_OPT_LIST, WORD(allow_read),
     "In the sandbox read, and run, nothing but PATH and the system's own folders.", NULL, 0, 0},
    {0, "allow-write", "PATH", SFX_OPT_LIST, WORD(allow_write),
     "In the sandbox write PATH, a file or all in a folder.", NULL, 0, 0},
    {0, "allow-network", NULL, SFX_OPT_FLAG, FUNCTION(allow_network),
     "In the sandbox use the network.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Figures", NULL, 0, 0},
    {0, "name", "NAME", SFX_OPT_STR, FUNCTION(name),
     "Name of the function in logs and figures; default: that of the program.", NULL, 0, 0},
    {0, "report", NULL, SFX_OPT_FLAG, FUNCTION(report),
     "Write START, END and REPORT lines to standard error, as Lambda does.", NULL, 0, 0},
    {0, "price", "lambda-x86|FILE", SFX_OPT_STR, WHOLE(price),
     "Say at the end what the invocations would have cost there: lambda-x86, lambda-arm, or a FILE of prices.",
     NULL, 0, 0},
    {0, "metrics", "FILE|unix:PATH", SFX_OPT_STR, WHOLE(metrics),
     "Keep figures as OpenMetrics text in FILE, or give them on a local socket.", NULL, 0, 0},
    {0, "trace", "FILE", SFX_OPT_STR, WHOLE(trace),
     "Append a span for each invocation to FILE, as OpenTelemetry JSON lines.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "When told to stop", NULL, 0, 0},
    {0, "drain", "TIME", SFX_OPT_DURATION, WHOLE(drain_ns),
     "How long invocations may go on after SIGTERM; default 30s.", NULL, 0, 0},
    SFX_OPT_COMMON_ROWS(struct options, whole.common),
    SFX_OPT_END,
};
/* clang-format on */

static const struct sfx_opt_example examples[] = {
    {"sfx-watch inbox | sfx-run -- ./on-upload {}", "a function for every file that arrives"},
    {"seq 100 | sfx-run -j 8 -- ./work {}", "plain lines, eight at once"},
    {"sfx-run -j 8 --flow flow.conf", "functions that share eight processes"},
    {NULL, NULL},
};

static const struct sfx_prog prog = {
    .name = "sfx-run",
    .summary = "run a function for each event",
    .operands = "[COMMAND [ARGUMENT…]]",
    .about =
        "Runs COMMAND for each event line, or other line, of standard input. It gets the event "
        "on standard input, in variables (SFX_*, CE_*) and in place of {} and {NAME} in its "
        "arguments. Exit 0 is done, 65 is given up, all else is tried again.",
    .opts = rows,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), sfx-watch(1)",
    .command = true,
};

/* The exit code of a command that cannot be found or run is the shell's. */
static int fail(const struct sfx_cmd *cmd, int rc, const struct sfx_err *err)
{
    int code = sfx_cmd_fail(cmd, rc, err);

    if (strncmp(err->text, "cannot run", strlen("cannot run")) == 0)
        code = err->errnum == ENOENT ? SFX_EXIT_NOT_FOUND : SFX_EXIT_CANNOT_RUN;
    return code;
}

/* The options of the command line, which every function of a flow begins with. */
struct line {
    char **argv;
    size_t argc; /* to the first operand */
    const struct options *options;
};

static int read_section(void *ctx, const struct sfx_flow_function *fn, struct sfx_arena *arena,
                        struct sfx_function_opts *function, struct sfx_err *err)
{
    const struct line *line = ctx;
    size_t n = line->argc + fn->noptions;
    char **argv = sfx_arena_calloc(arena, n + 1, sizeof(*argv), err);
    struct options *o = sfx_arena_calloc(arena, 1, sizeof(*o), err);
    int first, rc;

    if (argv == NULL || o == NULL)
        return SFX_E_NOMEM;
    memcpy(argv, line->argv, line->argc * sizeof(*argv));
    memcpy(argv + line->argc, fn->options, fn->noptions * sizeof(*argv));
    sfx_function_defaults(&o->function);
    o->whole.drain_ns = DRAIN_NS;
    rc = sfx_opt_parse(&prog, (int)n, argv, o, &first, err);
    if (rc == 0 && memcmp(&o->whole, &line->options->whole, sizeof(o->whole)) != 0)
        rc = sfx_err_set(err, SFX_E_USAGE, "an option of the whole run stands in a function");
    if (rc == 0)
        rc = sfx_function_read_words(&o->words, arena, &o->function, err);
    *function = o->function;
    function->argv = (const char *const *)fn->command;
    function->argc = fn->ncommand;
    sfx_opt_done(&prog, o);
    return rc;
}

/* What was asked for, run to its end. */
static int run_all(const struct line *line, char *const *command, size_t ncommand,
                   struct sfx_functions_opts *all, struct sfx_function_totals *totals,
                   struct sfx_err *err)
{
    struct options o = *line->options;
    struct sfx_arena arena = {0};
    int rc = 0;

    if (o.whole.flow != NULL && ncommand > 0)
        return sfx_err_set(err, SFX_E_USAGE, "the commands stand in the flow file");
    if (o.whole.flow == NULL && ncommand == 0)
        return sfx_err_set(err, SFX_E_USAGE, "which command?");
    if (o.whole.flow != NULL) {
        if (o.words.jobs != NULL) {
            rc = sfx_function_read_jobs(o.words.jobs, &o.function, err);
            all->max = o.function.max;
        }
        return rc < 0 ? rc
                      : sfx_flow_run(o.whole.flow, all, read_section, (void *)line, totals, err);
    }
    o.function.argv = (const char *const *)command;
    o.function.argc = ncommand;
    rc = sfx_function_read_words(&o.words, &arena, &o.function, err);
    if (rc == 0)
        rc = sfx_functions_run(all, &o.function, 1, totals, err);
    sfx_arena_done(&arena);
    return rc;
}

static int run(const struct sfx_cmd *cmd, const struct line *line, char *const *command,
               size_t ncommand, int *by_signal)
{
    const struct whole *whole = &line->options->whole;
    struct sfx_functions_opts all = {
        .program = prog.name,
        .environ = (const char *const *)environ,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .err_fd = STDERR_FILENO,
        .drain_ns = whole->drain_ns,
        .log = &cmd->log,
        .metrics = whole->metrics,
        .trace = whole->trace,
    };
    struct sfx_function_totals totals = {0};
    struct sfx_figure figures[SFX_FUNCTION_NFIGURES];
    struct sfx_price price;
    struct sfx_err err = {0};
    int rc = 0, failed;

    if (whole->price != NULL) {
        rc = sfx_price_read(whole->price, &price, &err);
        rc = rc < 0 ? sfx_err_wrap(&err, rc, "--price") : 0;
        all.price = &price;
    }
    if (rc < 0)
        return sfx_cmd_fail(cmd, rc, &err);
    all.stop = sfx_cmd_catch_stop();
    rc = run_all(line, command, ncommand, &all, &totals, &err);
    if (rc >= 0 && whole->price != NULL)
        sfx_log(&cmd->log, SFX_LOG_NOTICE,
                "%llu invocations, %.6f GB-s: %.9f %s at the price of %s",
                (unsigned long long)totals.invocations, totals.gb_seconds, totals.cost,
                price.currency, whole->price);
    failed = rc;
    sfx_function_figures(&totals, figures);
    if (rc >= 0)
        rc = sfx_cmd_stats(cmd, figures, SFX_FUNCTION_NFIGURES, &err);
    if (rc < 0)
        return fail(cmd, rc, &err);
    *by_signal = *all.stop; /* the input was not read to its end */
    return failed > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
}

int main(int argc, char **argv)
{
    static struct options o; /* static: no byte of its padding differs from that of another */
    struct line line = {argv, 0, &o};
    struct sfx_cmd cmd;
    int first, code, by_signal = 0;

    sfx_function_defaults(&o.function);
    o.whole.drain_ns = DRAIN_NS;
    code = sfx_cmd_start(&cmd, &prog, argc, argv, &o, &o.whole.common, &first);
    if (code != SFX_CMD_GO_ON)
        return code;
    line.argc = (size_t)first;
    code = run(&cmd, &line, argv + first, (size_t)(argc - first), &by_signal);
    return sfx_cmd_end(&cmd, &o, code, by_signal);
}
