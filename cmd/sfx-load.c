/* SPDX-License-Identifier: MIT */
/* sfx-load: loads records into a target, each input exactly once. */
#include "base/io.h"
#include "cmd.h"
#include "run/rejects.h"
#include "run/stage.h"
#include "sink/load.h"

#include <stdio.h>
#include <unistd.h>

struct options {
    struct sfx_opt_common common;
    struct sfx_load_opts load;
    const char *rejects, *ack;
    struct sfx_opt_list indexes;
    int infer; /* 0: all, 1: none */
    uint64_t undo;
    int64_t flush_ns;
    bool events, sinks;
};

#define AT(member) offsetof(struct options, member)

/* clang-format off */
static const struct sfx_opt rows[] = {
    {'E', "events", NULL, SFX_OPT_FLAG, AT(events),
     "Read event lines, load the files that they name, print an event for each load. A file without "
     "records becomes a row: path, type, size, width, height, sha256, mtime, event_id.", NULL, 0, 0},
    {'t', "table", "TEMPLATE", SFX_OPT_STR, AT(load.table),
     "Table to load into, made if missing, see sfx(7) for {stem} and the others. Default: {stem}; "
     "for files without records: files.", NULL, 0, 0},
    {'i', "from", "FORMAT", SFX_OPT_STR, AT(load.from),
     "Format of the inputs, one of sfx-formats(5). Default: by name and content.",
     "csv|tsv|jsonl|json|lines|logfmt|syslog|clf|combined|fixed|markdown|sqlite", 0, 0},
    {'d', "delimiter", "CHAR", SFX_OPT_STR, AT(load.delimiter),
     "Separator of CSV fields. Default: found out for each input, see sfx-formats(5).", NULL, 0, 0},
    {0, "quote", "CHAR", SFX_OPT_STR, AT(load.quote),
     "Quote of CSV fields. Default: as --delimiter.", NULL, 0, 0},
    {0, "no-header", NULL, SFX_OPT_FLAG, AT(load.reader.no_header),
     "CSV has no header: columns are named 1, 2, 3 …", NULL, 0, 0},
    {0, "mode", "MODE", SFX_OPT_ENUM, AT(load.how.mode),
     "What records do to a table that has rows, see Modes in sfx-load(1). Default: append.", SFX_SINK_MODES, 0, 0},
    {0, "key", "COLUMNS", SFX_OPT_STR, AT(load.keys),
     "Columns that tell records apart, joined by commas; the primary key of a table that is made.",
     NULL, 0, 0},
    {0, "version-column", "COLUMN", SFX_OPT_STR, AT(load.how.version),
     "With --mode=newer: the column that tells which of two records is newer.", NULL, 0, 0},
    {0, "infer", "WHAT", SFX_OPT_ENUM, AT(infer),
     "What the types of a new table are learnt from: all records (the default), or none: text.",
     "all|none", 0, 0},
    {0, "types", "LIST", SFX_OPT_STR, AT(load.types),
     "Types of columns of a new table, such as zip=text,price=decimal(10,2); see Types in "
     "sfx-load(1).", NULL, 0, 0},
    {0, "schema", "FILE", SFX_OPT_STR, AT(load.schema),
     "Check each record against the table schema in FILE, JSON Schema or CSV on the Web, and give a "
     "new table its columns and types. What breaks it is a bad record.", NULL, 0, 0},
    {0, "transform", "PROGRAM", SFX_OPT_STR, AT(load.program),
     "Let the records pass PROGRAM first, as sfx-transform(1) has it: 'rename id = order_id | "
     "flatten'.", NULL, 0, 0},
    {0, "nested", "WHAT", SFX_OPT_ENUM, AT(load.nested),
     "What becomes of objects and arrays: JSON text (json, the default); columns of the members of "
     "objects (flatten); that, and rows of child tables (tables), see Child tables in sfx-load(1).",
     "json|flatten|tables", 0, 0},
    {0, "not-null", "COLUMNS", SFX_OPT_STR, AT(load.not_null),
     "Columns that are NOT NULL in a new table, joined by commas.", NULL, 0, 0},
    {0, "index", "COLUMNS", SFX_OPT_LIST, AT(indexes),
     "Make an index on these columns, joined by commas, after the records are loaded.", NULL, 0, 0},
    {0, "evolve", "WHAT", SFX_OPT_ENUM, AT(load.how.evolve),
     "What becomes of a column that the table lacks: the input fails (strict, the default), it is added "
     "(add), added, and types that are too narrow become wider (widen), or records that have a value "
     "there are put aside (quarantine; implies --on-error=reject).", "strict|add|widen|quarantine", 0, 0},
    {0, "before", "SQL", SFX_OPT_STR, AT(load.how.before),
     "Statements to run in the transaction of each input, before its records.", NULL, 0, 0},
    {0, "after", "SQL", SFX_OPT_STR, AT(load.how.after),
     "Statements to run in the transaction of each input, behind its records.", NULL, 0, 0},
    {0, "lineage", NULL, SFX_OPT_FLAG, AT(load.lineage),
     "Add columns that say where a row came from: _source, _line, _loaded_at, _load_id.", NULL, 0, 0},
    {0, "undo", "LOAD", SFX_OPT_UINT, AT(undo),
     "Take the load of this number back: delete its rows, which must have --lineage.", NULL, 1,
     INT64_MAX},
    {0, "commit-every", "RECORDS", SFX_OPT_UINT, AT(load.commit_every),
     "Commit each time so many records are loaded, not only at the end of an input; after a crash the "
     "same command goes on there. See Long loads in sfx-load(1).", NULL, 1, INT64_MAX},
    {0, "flush", "TIME", SFX_OPT_DURATION, AT(flush_ns),
     "With -E: commit the files of so long a time together, and print their events then; with "
     "--commit-every also when so many records have come.", NULL, 0, 0},
    {'j', "jobs", "N", SFX_OPT_UINT, AT(load.jobs),
     "Load N FILEs at once, where target and mode allow it, see Parallel loads in sfx-load(1); 0 is one "
     "for each processor. Default: 1.", NULL, 0, SFX_LOAD_MAX_JOBS},
    {0, "load-id", "ID", SFX_OPT_STR, AT(load.load_id),
     "Know the input by ID, not by its content: ID is loaded once.", NULL, 0, 0},
    {0, "force", NULL, SFX_OPT_FLAG, AT(load.force), "Load again what is loaded already.", NULL, 0, 0},
    {'n', "dry-run", NULL, SFX_OPT_FLAG, AT(load.dry_run),
     "Write nothing; print what would be made and loaded, and what is loaded already.", NULL, 0, 0},
    {0, "on-error", "WHAT", SFX_OPT_ENUM, AT(load.on_error),
     "What a record does that cannot be read or held by the table: fail its input (the default), be "
     "left out and counted, or go to the rejects.", "fail|skip|reject", 0, 0},
    {0, "rejects", "FILE", SFX_OPT_STR, AT(rejects),
     "Append rejected records to FILE as JSON Lines; implies --on-error=reject.", NULL, 0, 0},
    {0, "rejects-table", NULL, SFX_OPT_FLAG, AT(load.rejects_table),
     "Put rejected records into the table _sfx_reject of the target, in the transaction of the others; "
     "implies --on-error=reject.", NULL, 0, 0},
    {0, "ack", "QUEUE", SFX_OPT_STR, AT(ack),
     "With -E, as the last program of a pipe: say in QUEUE, such as sqlite:in.queue, what became of "
     "each event that it gave out.", NULL, 0, 0},
    {0, "timeout", "TIME", SFX_OPT_DURATION, AT(load.timeout_ns),
     "Wait at most TIME for others who use the target. Default: 30s.", NULL, 0, 0},
    {0, "tmp", "FOLDER", SFX_OPT_STR, AT(load.tmp_dir), "Where data from pipes and archives stands "
     "until it is loaded. Default: beside the database, or /var/tmp for one that is no file.", NULL, 0,
     0},
    {0, "sinks", NULL, SFX_OPT_FLAG, AT(sinks), "List the kinds of targets there are.", NULL, 0, 0},
    SFX_OPT_COMMON_PROGRESS_ROWS(struct options, common),
    SFX_OPT_END,
};

static const struct sfx_opt_example examples[] = {
    {"sfx-load sqlite:shop.db orders.csv", "into the table orders, made with the types it needs"},
    {"sfx-load -n sqlite:shop.db -t sales exports.tar.zst", "what would be done with the members"},
    {"sfx-watch in | sfx-load -E sqlite:shop.db -t orders", "each file once, as it arrives"},
    {NULL, NULL},
};

static const struct sfx_prog prog = {
    .name = "sfx-load",
    .summary = "load records into a database, each input exactly once",
    .operands = "TARGET [FILE…]",
    .about = "Loads CSV, TSV, JSON Lines or JSON, compressed or in archives, into TARGET, such as "
             "sqlite:shop.db or postgresql://host/shop, each FILE in one transaction. Without FILE reads standard input.",
    .opts = rows,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), sfx-transform(1), sqlite3(1)",
};
/* clang-format on */

struct app {
    struct sfx_cmd cmd;
    struct options o;
    struct sfx_load *load;
    struct sfx_stage *stage; /* with events: the one in hand is item */
    const struct sfx_stage_item *item;
};

static int report(void *ctx, const struct sfx_load_result *result, struct sfx_err *err)
{
    struct app *app = ctx;

    sfx_load_say(app->load, result);
    if (result->plan.len > 0)
        return sfx_io_write(STDOUT_FILENO, result->plan.ptr, result->plan.len, err);
    return result->event != NULL ? sfx_stage_emit(app->stage, app->item, result->event, err) : 0;
}

static int on_event(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                    struct sfx_err *err)
{
    struct app *app = ctx;
    int rc;

    app->stage = stage;
    app->item = item;
    sfx_load_set_rejects(app->load, sfx_stage_rejects(stage));
    rc = sfx_load_file(app->load, item->path, item->event, err);
    if (sfx_load_is_broken(app->load))
        sfx_stage_break(stage);
    if (sfx_load_is_due(app->load))
        sfx_stage_settle(stage);
    return rc;
}

static int flush(void *ctx, struct sfx_err *err)
{
    return sfx_load_flush(((struct app *)ctx)->load, err);
}

static int load_events(struct app *app, struct sfx_err *err)
{
    const struct sfx_stage_opts opts = {
        .program = prog.name,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .rejects = app->o.rejects,
        .ack = app->o.ack,
        .later = {app->o.load.group ? flush : NULL, app->o.flush_ns},
        .log = &app->cmd.log,
        .stop = app->o.load.stop};
    struct sfx_stage_stats stats;

    return sfx_stage_run(&opts, on_event, app, &stats, err);
}

static int load_operands(struct app *app, const char *const *paths, struct sfx_err *err)
{
    const bool part = app->o.load.commit_every > 0;
    struct sfx_load_rejects durable = {.sync = sfx_rejects_sync, .cut = sfx_rejects_cut};
    struct sfx_rejects *rejects = NULL;
    int rc;

    if (app->o.rejects != NULL) {
        rejects = part ? sfx_rejects_new_part(app->o.rejects, prog.name, &durable.left, err)
                       : sfx_rejects_new(app->o.rejects, prog.name, err);
        if (rejects == NULL)
            return err->code;
        sfx_load_set_rejects(app->load, sfx_rejects_sink(rejects));
    }
    durable.ctx = rejects;
    if (rejects != NULL && part)
        sfx_load_set_durable(app->load, &durable);
    rc = sfx_load_operands(app->load, paths, err);
    if (rc >= 0 && rejects != NULL && part && sfx_rejects_finish(rejects, err) < 0)
        rc = err->code;
    if (sfx_rejects_close(rejects, rc < 0 ? NULL : err) < 0 && rc >= 0)
        rc = err->code;
    return rc;
}

static int undo(struct app *app, const char *const *paths, struct sfx_err *err)
{
    struct sfx_buf said = {0};
    int rc;

    if (paths[0] != NULL || app->o.events)
        return sfx_err_set(err, SFX_E_USAGE, "--undo takes the target alone");
    rc = sfx_load_undo(app->load, (int64_t)app->o.undo, &said, err);
    if (rc == 0)
        sfx_log(&app->cmd.log, SFX_LOG_NOTICE, "%.*s", (int)said.len, said.data);
    sfx_buf_done(&said);
    return rc;
}

static int load_all(struct app *app, const char *const *operands, struct sfx_err *err)
{
    if (operands[0] == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "which target? Such as sqlite:data.db");
    if (app->o.events &&
        (operands[1] != NULL || app->o.load.load_id != NULL || app->o.load.jobs != 1))
        return sfx_err_set(err, SFX_E_USAGE, "-E goes with neither FILE, --load-id nor --jobs");
    if (app->o.flush_ns > 0 ? !app->o.events : app->o.events && app->o.load.commit_every > 0)
        return sfx_err_set(err, SFX_E_USAGE,
                           "-E goes with --commit-every by --flush, which goes with -E");
    if (app->o.events && strcmp(operands[0], "-") == 0)
        return sfx_err_set(err, SFX_E_USAGE, "-E writes events where a script would go");
    if (app->o.ack != NULL && !app->o.events)
        return sfx_err_set(err, SFX_E_USAGE, "--ack goes with -E");
    app->load = sfx_load_new(operands[0], &app->o.load, err);
    if (app->load == NULL)
        return err->code;
    if (app->o.undo > 0)
        return undo(app, operands + 1, err);
    return app->o.events ? load_events(app, err) : load_operands(app, operands + 1, err);
}

/* Writes the figures. Returns the exit code. */
static int finish(const struct app *app, int rc)
{
    struct sfx_load_stats stats = sfx_load_stats(app->load);
    struct sfx_figure figures[SFX_LOAD_NFIGURES];
    struct sfx_err err;

    sfx_load_figures(&stats, figures);
    if (sfx_cmd_stats(&app->cmd, figures, SFX_LOAD_NFIGURES, &err) < 0)
        return sfx_cmd_fail(&app->cmd, err.code, &err);
    /* Where nothing could be loaded, the first reason is the result; it has been said. */
    if (!app->o.events && stats.loaded + stats.known == 0 && stats.failed > 0)
        return sfx_exit_code(stats.first_failure);
    return rc > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct app app = {.o.load = {.on_error = -1,
                                 .jobs = 1,
                                 .timeout_ns = INT64_C(30000000000),
                                 .out_fd = STDOUT_FILENO}};
    struct sfx_load_opts *opts = &app.o.load;
    const struct sfx_sink_ops *const *ops = sfx_sink_all();
    struct sfx_progress progress;
    struct sfx_err err;
    int first, rc, code = sfx_cmd_start(&app.cmd, &prog, argc, argv, &app.o, &app.o.common, &first);

    if (code != SFX_CMD_GO_ON)
        return code;
    for (; app.o.sinks && *ops != NULL; ops++)
        (void)printf("%-20s  %s\n", (*ops)->form, (*ops)->says);
    if (app.o.sinks)
        return sfx_cmd_end(&app.cmd, &app.o, SFX_EXIT_OK, 0);
    sfx_cmd_progress_init(&app.cmd, &progress);
    if (opts->on_error < 0)
        opts->on_error =
            app.o.rejects != NULL || opts->rejects_table || opts->how.evolve == SFX_SINK_QUARANTINE
                ? SFX_LOAD_REJECT
                : SFX_LOAD_FAIL;
    if (opts->dry_run)
        app.o.rejects = NULL; /* it would be written to */
    opts->group = app.o.flush_ns > 0 && !opts->dry_run;
    opts->no_inference = app.o.infer != 0;
    opts->how.indexes = app.o.indexes.items;
    opts->how.nindexes = app.o.indexes.count;
    opts->stop = sfx_cmd_catch_stop();
    opts->log = &app.cmd.log;
    opts->progress = &progress;
    opts->report = report;
    opts->report_ctx = &app;
    rc = load_all(&app, (const char *const *)argv + first, &err);
    sfx_progress_done(&progress);
    code = rc < 0 ? sfx_cmd_fail(&app.cmd, rc, &err) : finish(&app, rc);
    sfx_load_free(app.load);
    return sfx_cmd_end(&app.cmd, &app.o, code, *opts->stop);
}
