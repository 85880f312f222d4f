/* SPDX-License-Identifier: MIT */
/* sfx-load: loads records into a target, each input exactly once. */
#include "base/io.h"
#include "cmd.h"
#include "run/rejects.h"
#include "run/stage.h"
#include "sink/load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct sfx_opt_common common;
    bool events, no_header, force, dry_run, sinks;
    const char *table, *from, *delimiter, *quote, *rejects, *load_id, *tmp;
    int on_error; /* enum sfx_load_on_error; -1: by rejects */
    int64_t timeout_ns;
};

#define AT(member) offsetof(struct options, member)

/* clang-format off */
static const struct sfx_opt rows[] = {
    {'E', "events", NULL, SFX_OPT_FLAG, AT(events),
     "Read event lines, load the files that they name, print an event for each load. A file that "
     "holds no records becomes a row: path, type, size, width, height, sha256, mtime, event_id.",
     NULL, 0, 0},
    {'t', "table", "TEMPLATE", SFX_OPT_STR, AT(table),
     "Table to load into, made if missing, see sfx(7) for {stem} and the others. Default: {stem}; "
     "for files without records: files.", NULL, 0, 0},
    {0, "from", "FORMAT", SFX_OPT_STR, AT(from),
     "Format of the input. Default: by name and content.", "csv|tsv|jsonl|json", 0, 0},
    {0, "delimiter", "CHAR", SFX_OPT_STR, AT(delimiter),
     "CSV: what stands between fields. Default: a comma.", NULL, 0, 0},
    {0, "quote", "CHAR", SFX_OPT_STR, AT(quote),
     "CSV: what stands around a field. Default: a double quote.", NULL, 0, 0},
    {0, "no-header", NULL, SFX_OPT_FLAG, AT(no_header),
     "CSV: the first line is a record; columns are named 1, 2, 3 …", NULL, 0, 0},
    {0, "load-id", "ID", SFX_OPT_STR, AT(load_id),
     "Know the input by ID, not by its content: ID is loaded once.", NULL, 0, 0},
    {'f', "force", NULL, SFX_OPT_FLAG, AT(force), "Load again what is loaded already.", NULL, 0, 0},
    {'n', "dry-run", NULL, SFX_OPT_FLAG, AT(dry_run),
     "Write nothing; print what would be made and loaded, and what is loaded already.", NULL, 0, 0},
    {0, "on-error", "WHAT", SFX_OPT_ENUM, AT(on_error),
     "What a record that cannot be read, or that the table cannot hold, does: fail its input, be "
     "skipped, be rejected. Default: fail; reject with --rejects.", "fail|skip|reject", 0, 0},
    {0, "rejects", "FILE", SFX_OPT_STR, AT(rejects),
     "Append rejected records, with place and reason, to FILE as JSON Lines.", NULL, 0, 0},
    {0, "timeout", "TIME", SFX_OPT_DURATION, AT(timeout_ns),
     "Wait at most TIME for others who use the target. Default: 30s.", NULL, 0, 0},
    {0, "tmp", "FOLDER", SFX_OPT_STR, AT(tmp),
     "Where data from pipes and archives stands while it is read twice. Default: beside the "
     "database.", NULL, 0, 0},
    {0, "sinks", NULL, SFX_OPT_FLAG, AT(sinks),
     "List the kinds of targets that this build has.", NULL, 0, 0},
    SFX_OPT_COMMON_PROGRESS_ROWS(struct options, common),
    SFX_OPT_END,
};
/* clang-format on */

static const struct sfx_opt_example examples[] = {
    {"sfx-load sqlite:shop.db orders.csv", "into the table orders, made with the types it needs"},
    {"sfx-load -n sqlite:shop.db -t sales exports.tar.zst", "what would be done with the members"},
    {"sfx-watch inbox | sfx-load -E sqlite:shop.db -t orders", "each file once, as it arrives"},
    {NULL, NULL},
};

static const struct sfx_prog prog = {
    .name = "sfx-load",
    .summary = "load records into a database, each input exactly once",
    .operands = "TARGET [FILE…]",
    .about =
        "Loads records (CSV, TSV, JSON Lines, JSON; compressed, in archives) into TARGET, such "
        "as sqlite:shop.db, each FILE in one transaction; without FILE, standard input.",
    .opts = rows,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), sfx-formats(5), sfx-transform(1), sqlite3(1)",
};

/* A run: what the callbacks of loads and of events share. */
struct run {
    const struct sfx_cmd *cmd;
    const struct options *o;
    struct sfx_load *load;
    struct sfx_stage *stage; /* with events: the one in hand is item */
    const struct sfx_stage_item *item;
    struct sfx_load_event event;
    struct sfx_buf plan;
};

static int report(void *ctx, const struct sfx_load_result *result, struct sfx_err *err)
{
    struct run *run = ctx;
    int rc = 0;

    sfx_load_say(result, &run->cmd->log);
    if (run->o->dry_run) {
        sfx_buf_clear(&run->plan);
        rc = sfx_load_plan(result, &run->plan, err);
        return rc < 0 ? rc : sfx_io_write(STDOUT_FILENO, run->plan.data, run->plan.len, err);
    }
    if (run->stage != NULL && sfx_load_is_durable(result))
        rc = sfx_load_event_make(&run->event, result, run->item->event->id, err);
    if (run->stage != NULL && sfx_load_is_durable(result) && rc == 0)
        rc = sfx_stage_emit(run->stage, run->item, &run->event.event, err);
    return rc;
}

static int on_event(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                    struct sfx_err *err)
{
    struct run *run = ctx;
    int rc;

    run->stage = stage;
    run->item = item;
    sfx_load_set_rejects(run->load, sfx_stage_rejects(stage));
    rc = sfx_load_file(run->load, item->path, item->event, err);
    if (sfx_load_is_broken(run->load))
        sfx_stage_break(stage);
    return rc;
}

static int load_events(struct run *run, const volatile sig_atomic_t *stop, struct sfx_err *err)
{
    const struct sfx_stage_opts opts = {
        .program = prog.name,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .rejects = run->o->dry_run ? NULL : run->o->rejects,
        .log = &run->cmd->log,
        .stop = stop,
    };
    struct sfx_stage_stats stats;

    return sfx_stage_run(&opts, on_event, run, &stats, err);
}

/* Loads the operands. As sfx_stage_run; *first is the code of the first input that failed. */
static int load_operands(struct run *run, char **paths, int *first, struct sfx_err *err)
{
    static char *standard_input[] = {(char *)"-", NULL};
    struct sfx_rejects *rejects = NULL;
    int rc = 0;

    if (run->o->rejects != NULL && !run->o->dry_run) {
        rejects = sfx_rejects_new(run->o->rejects, prog.name, err);
        if (rejects == NULL)
            return err->code;
        sfx_load_set_rejects(run->load, sfx_rejects_sink(rejects));
    }
    for (paths = *paths != NULL ? paths : standard_input; *paths != NULL; paths++) {
        rc = sfx_load_operand(run->load, *paths, NULL, err);
        if (sfx_load_is_broken(run->load))
            break;
        if (rc < 0)
            sfx_log_err(&run->cmd->log, SFX_LOG_ERROR, err);
        *first = *first != 0 ? *first : rc;
        rc = 0;
    }
    if (rc < 0)
        (void)sfx_rejects_close(rejects, NULL);
    else
        rc = sfx_rejects_close(rejects, err);
    return rc < 0 ? rc : *first < 0 || sfx_load_stats(run->load).records.rejected > 0;
}

static int write_stats(const struct run *run, struct sfx_err *err)
{
    struct sfx_load_stats stats = sfx_load_stats(run->load);
    struct sfx_json_writer w;
    struct sfx_buf buf = {0};

    if (!sfx_cmd_stats_begin(run->cmd, &w, &buf))
        return 0;
    sfx_load_stats_write(&stats, &w);
    return sfx_cmd_stats_end(run->cmd, &w, &buf, err);
}

/* Does it; the exit code. */
static int run_loads(struct run *run, struct sfx_load_opts *opts, char **operands)
{
    const struct options *o = run->o;
    struct sfx_load_stats stats;
    struct sfx_err err = {0};
    int first = 0, rc;

    rc = sfx_format_parse(o->from, o->delimiter, o->quote, &opts->format, &opts->reader, &err);
    if (rc == 0 && operands[0] == NULL)
        rc = sfx_err_set(&err, SFX_E_USAGE, "which target? Such as sqlite:data.db");
    else if (rc == 0 && o->events && (operands[1] != NULL || o->load_id != NULL))
        rc = sfx_err_set(&err, SFX_E_USAGE, "-E goes with neither FILE nor --load-id");
    else if (rc == 0 && o->load_id != NULL && operands[1] != NULL && operands[2] != NULL)
        rc = sfx_err_set(&err, SFX_E_USAGE, "--load-id is the name of one input");
    if (rc == 0 && (run->load = sfx_load_new(operands[0], opts, &err)) == NULL)
        rc = err.code;
    if (rc == 0)
        rc = o->events ? load_events(run, opts->stop, &err)
                       : load_operands(run, operands + 1, &first, &err);
    sfx_progress_done(opts->progress);
    if (rc < 0 || write_stats(run, &err) < 0)
        return sfx_cmd_fail(run->cmd, err.code, &err);
    stats = sfx_load_stats(run->load);
    if (first < 0 && stats.loaded + stats.known == 0)
        return sfx_exit_code(first);
    return rc > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
}

static int list_sinks(void)
{
    const struct sfx_sink_ops *const *ops;

    for (ops = sfx_sink_all(); *ops != NULL; ops++)
        (void)printf("%-24s %s\n", (*ops)->form, (*ops)->says);
    return fflush(stdout) == 0 ? SFX_EXIT_OK : SFX_EXIT_IO;
}

int main(int argc, char **argv)
{
    struct options o = {.on_error = -1, .timeout_ns = INT64_C(30000000000)};
    struct sfx_progress progress;
    struct sfx_cmd cmd;
    struct run run = {.cmd = &cmd, .o = &o};
    struct sfx_load_opts opts;
    int first, code = sfx_cmd_start(&cmd, &prog, argc, argv, &o, &o.common, &first);

    if (code != SFX_CMD_GO_ON)
        return code;
    if (o.sinks)
        return sfx_cmd_end(&cmd, &o, list_sinks(), 0);
    sfx_cmd_progress_init(&cmd, &progress);
    if (o.on_error < 0)
        o.on_error = o.rejects != NULL ? SFX_LOAD_REJECT : SFX_LOAD_FAIL;
    opts = (struct sfx_load_opts){.table = o.table,
                                  .reader = {.no_header = o.no_header},
                                  .on_error = (enum sfx_load_on_error)o.on_error,
                                  .load_id = o.load_id,
                                  .force = o.force,
                                  .dry_run = o.dry_run,
                                  .tmp_dir = o.tmp,
                                  .timeout_ns = o.timeout_ns,
                                  .stop = sfx_cmd_catch_stop(),
                                  .log = &cmd.log,
                                  .progress = &progress,
                                  .report = report,
                                  .report_ctx = &run};
    code = run_loads(&run, &opts, argv + first);
    sfx_load_free(run.load);
    sfx_load_event_done(&run.event);
    sfx_buf_done(&run.plan);
    return sfx_cmd_end(&cmd, &o, code, *opts.stop);
}
