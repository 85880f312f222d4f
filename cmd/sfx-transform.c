/* SPDX-License-Identifier: MIT */
/* sfx-transform: streams records through a short program. */
#include "cmd.h"

#include "base/io.h"
#include "base/size.h"
#include "run/transform_words.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct options {
    struct sfx_opt_common common;
    struct sfx_transform_words words;
    struct sfx_opt_list args;
    const char *reference, *ack;
    bool explain;
};

#define AT(member) offsetof(struct options, member)

/* clang-format off */
static const struct sfx_opt opts[] = {
    {'f', "file", "FILE", SFX_OPT_STR, AT(words.program_file),
     "Read the program from FILE; all operands are inputs.", NULL, 0, 0},
    {0, "arg", "NAME=VALUE", SFX_OPT_LIST, AT(args),
     "Make VALUE known to the program as :NAME, a text like that of a cell.", NULL, 0, 0},
    {0, "tz", "ZONE", SFX_OPT_STR, AT(words.zone),
     "Time zone of times that have no offset: Europe/Berlin, +02:00. Default UTC, whatever $TZ says.",
     NULL, 0, 0},
    {'o', "output", "FILE", SFX_OPT_STR, AT(words.output),
     "Write to FILE, which appears when it is complete; out/{country}/{day}.csv is a file for each "
     "value of these columns. With -E a template, see sfx(7). Default: standard output.",
     NULL, 0, 0},
    {0, "split-by", "COLUMNS", SFX_OPT_STR, AT(words.split_by),
     "Write a file for each value of COLUMNS, joined by commas, beneath the folder given with -o: "
     "FOLDER/VALUE/VALUE.csv.", NULL, 0, 0},
    {'i', "from", "FORMAT", SFX_OPT_STR, AT(words.from),
     "Format of the inputs, one of sfx-formats(5). Default: by name and content of each.",
     "csv|tsv|jsonl|json|lines|logfmt|syslog|clf|combined|fixed|markdown|sqlite|rejects", 0, 0},
    {'t', "to", "FORMAT", SFX_OPT_STR, AT(words.to), "Format of the output. Default: by the "
     "extension given with -o; else box on a terminal for inputs with a header or of a format that is "
     "only read; else that of the first input, or csv if that is only read.",
     "csv|tsv|jsonl|json|lines|logfmt|fixed|markdown|box", 0, 0},
    {'d', "delimiter", "CHAR", SFX_OPT_STR, AT(words.delimiter),
     "Separator of CSV fields, in and out. Default: found out for each input, see sfx-formats(5); "
     "that of the first one for the output.", NULL, 0, 0},
    {0, "quote", "CHAR", SFX_OPT_STR, AT(words.quote),
     "Quote of CSV fields, in and out. Default: as --delimiter.", NULL, 0, 0},
    {0, "escape", "CHAR", SFX_OPT_STR, AT(words.escape),
     "In CSV fields CHAR gives the next character its plain meaning, in and out.", NULL, 0, 0},
    {0, "comment", "CHAR", SFX_OPT_STR, AT(words.comment),
     "Skip lines of CSV and TSV that begin with CHAR.", NULL, 0, 0},
    {0, "null", "TEXT", SFX_OPT_STR, AT(words.null_text),
     "An unquoted field that is TEXT is null, in and out, in CSV and TSV. Default: the empty field.",
     NULL, 0, 0},
    {0, "ragged", "WHAT", SFX_OPT_ENUM, AT(words.ragged),
     "A record of CSV or TSV with more or fewer fields than the header is a bad record (refuse, the "
     "default), or is filled with nulls and gives columns named by number (fill).",
     "refuse|fill", 0, 0},
    {0, "encoding", "NAME", SFX_OPT_STR, AT(words.encoding),
     "Encoding of the inputs, as iconv(1) lists them. Default: UTF-16 and UTF-32 by their byte order "
     "mark, else the bytes as they are.", NULL, 0, 0},
    {0, "fields", "LIST", SFX_OPT_STR, AT(words.fields),
     "Columns of fixed width, in and out: name:10,qty:5 (widths) or name:1-10,qty:12-15 (places). "
     "Default: found out from the first lines, or records.", NULL, 0, 0},
    {0, "table", "NAME", SFX_OPT_STR, AT(words.table),
     "Read that table of SQLite databases. Default: the only one.", NULL, 0, 0},
    {0, "query", "SQL", SFX_OPT_STR, AT(words.sql),
     "Read the result of SQL from SQLite databases.", NULL, 0, 0},
    {0, "skip-lines", "N", SFX_OPT_UINT, AT(words.skip_lines),
     "Skip the first N lines of each input.", NULL, 0, 0},
    {0, "no-header", NULL, SFX_OPT_FLAG, AT(words.no_header),
     "CSV has no header: columns are called `1`, `2`, … and none is written.", NULL, 0, 0},
    {0, "provenance", NULL, SFX_OPT_FLAG, AT(words.provenance),
     "Give each record the columns _file, _line and _offset: where it came from.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Bad records", NULL, 0, 0},
    {0, "on-error", "WHAT", SFX_OPT_ENUM, AT(words.on_error),
     "What a bad record does: it ends the run (fail, the default), is left out and counted (skip), "
     "goes to the rejects (reject), or goes on with null in the place of the bad cell (null).",
     "fail|skip|reject|null", 0, 0},
    {0, "max-errors", "N", SFX_OPT_STR, AT(words.max_errors),
     "End the run when more than N records were refused or cells made null, or, with P%, when "
     "more than that part of all records was.", NULL, 0, 0},
    {0, "ack", "QUEUE", SFX_OPT_STR, AT(ack),
     "With -E, as the last program of a pipe: say in QUEUE, such as sqlite:in.queue, what became of "
     "each event that it gave out.", NULL, 0, 0},
    {0, "rejects", "FILE", SFX_OPT_STR, AT(words.rejects),
     "Append bad records, with place and reason, to FILE as JSON Lines; implies --on-error=reject.",
     NULL, 0, 0},
    {0, "replay", NULL, SFX_OPT_FLAG, AT(words.replay),
     "The inputs are files that --rejects wrote: read their records again, each in the format and "
     "under the header that it had.", NULL, 0, 0},
    {0, "schema", "FILE", SFX_OPT_STR, AT(words.schema),
     "Check each input record against the table schema in FILE: JSON Schema or CSV on the Web. What "
     "breaks it is a bad record; the columns have its types.", NULL, 0, 0},
    {0, "infer-schema", NULL, SFX_OPT_FLAG, AT(words.infer_schema),
     "Write a JSON Schema of the records that come out, instead of these.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Running", NULL, 0, 0},
    {0, "follow", NULL, SFX_OPT_FLAG, AT(words.follow),
     "Read the last FILE on as it grows, also when another one takes its name, until a signal: SIGTERM, SIGINT or SIGHUP.", NULL, 0, 0},
    {0, "state", "FILE", SFX_OPT_STR, AT(words.state),
     "Go on in growing files where the last run with this FILE ended.", NULL, 0, 0},
    {'E', "events", NULL, SFX_OPT_FLAG, AT(words.events),
     "Read event lines, transform the files that they name, print an event for each output.",
     NULL, 0, 0},
    {0, "explain", NULL, SFX_OPT_FLAG, AT(explain),
     "Print what each stage does, its columns and types, what it compares and refuses and what memory "
     "it takes. Of the first FILE only what names the columns is read, of standard input nothing.",
     NULL, 0, 0},
    {0, "reference", "FORM", SFX_OPT_OPTSTR, AT(reference),
     "Print the verbs, functions and aggregates of the language; FORM man prints them for the "
     "manual.", "man", 0, 0},
    {0, "memory", "SIZE", SFX_OPT_SIZE, AT(words.memory_nbytes),
     "Memory for all blocking stages together; what exceeds it goes to disk. Default 256M.",
     NULL, 1 << 20, 0},
    {0, "tmp", "FOLDER", SFX_OPT_STR, AT(words.tmp_dir),
     "Where stages put what exceeds the memory. Default $TMPDIR or /tmp.", NULL, 0, 0},
    {0, "durable", NULL, SFX_OPT_FLAG, AT(words.durable),
     "Sync outputs to the disk before they get their name.", NULL, 0, 0},
    {0, "max-open", "N", SFX_OPT_UINT, AT(words.max_open),
     "Files that are open at a time when outputs are split. Default 128.", NULL, 1, 0},
    {0, "max-outputs", "N", SFX_OPT_UINT, AT(words.max_outputs),
     "Refuse to split into more outputs. Default 10,000.", NULL, 1, 0},
    {0, "max-record", "SIZE", SFX_OPT_SIZE, AT(words.max_record_nbytes), "Refuse longer records. "
     "Default 64M.", NULL, 1, 0},
    {0, "max-field", "SIZE", SFX_OPT_SIZE, AT(words.max_field_nbytes), "Refuse longer fields. "
     "Default 16M.", NULL, 1, 0},
    {'j', "threads", "N", SFX_OPT_UINT, AT(words.threads),
     "Threads, up to 16, for files of 1 MiB and more, which they read in parts, and (without window and "
     "--follow) pipes after their first MiB, which they read ahead. Unless --max-errors has a number or "
     "--provenance is asked for, they share the stages up to the first that needs more than one record at a "
     "time, and, where there is none, the writing of csv, tsv, jsonl and json. What comes out is the same. "
     "Default as many as there are processors.", NULL, 1, 1024},
    {0, "max-ratio", "N", SFX_OPT_UINT, AT(words.max_ratio),
     "Refuse inputs that unpack to more than N times their size. Default 200.", NULL, 1, 0},
    SFX_OPT_COMMON_PROGRESS_ROWS(struct options, common),
    SFX_OPT_END,
};

static const struct sfx_opt_example examples[] = {
    {"sfx-transform 'where price * qty > 500 | total = price * qty | sort -total | head 10' *.csv.gz",
     "the ten largest orders"},
    {"sfx-transform 'group country, month(ts): n = count(), p95 = quantile(price, 0.95)' orders.csv",
     "figures of each country and month"},
    {"sfx-transform 'dedup customer keep max ts | join left lookup.csv on customer' orders.csv",
     "the latest order of each customer, with the columns of another file"},
    {"sfx-transform --rejects bad.jsonl 'price = decimal(price, strip \"$,\")' in.csv -o out.csv",
     "clean what can be, keep what cannot with its reason"},
    {"tail -F log | sfx-transform -i lines -t csv 'parse line as \"{ts} {host} {}\" | window 1m on ts "
     "group by host: count()'",
     "a count a minute and host, as soon as the minute is over"},
    {NULL, NULL},
};
/* clang-format on */

static const struct sfx_prog prog = {
    .name = "sfx-transform",
    .summary = "stream records through a short program",
    .operands = "PROGRAM [FILE…]",
    .about =
        "Reads records (CSV, TSV, JSON, logs, tables, databases: sfx-formats(5)), compressed or in "
        "archives, runs them through the stages of PROGRAM, and writes what comes out. Stages are "
        "joined by |: they filter, compute, reshape, sort, group, join and check; --reference "
        "lists "
        "them. What they do not compute keeps its bytes. An empty PROGRAM passes records through. "
        "Without FILE reads standard input.",
    .opts = opts,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), sfx-formats(5), sfx-load(1)",
};

struct app {
    struct sfx_cmd cmd;
    struct options o;
    struct sfx_transform_plan plan;
    struct sfx_transform_result result;
    struct sfx_rules rules;       /* what expect counted */
    struct sfx_stage_stats stats; /* with events */
};

static int run_events(struct app *app, struct sfx_err *err)
{
    struct sfx_stage_opts stage = {
        .program = prog.name,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .rejects = app->o.words.rejects,
        .ack = app->o.ack,
        .log = &app->cmd.log,
        .stop = sfx_cmd_catch_stop(),
    };
    int rc = sfx_transform_events(&app->plan.job, &app->plan.target, &stage, &app->stats,
                                  &app->result.counts, err);

    app->result.in_nbytes = app->stats.in_nbytes;
    app->result.out_nbytes = app->stats.out_nbytes;
    return rc < 0 ? rc : 0;
}

static int run_files(struct app *app, struct sfx_err *err)
{
    struct sfx_progress progress;
    int rc;

    sfx_cmd_progress_init(&app->cmd, &progress);
    app->plan.job.progress = &progress;
    if (app->o.words.follow || sfx_program_goes_by_time(app->plan.program))
        app->plan.job.stop = sfx_cmd_catch_stop();
    rc = sfx_transform_file(&app->plan, prog.name, &app->result, err);
    sfx_progress_done(&progress);
    return rc;
}

/* --reference, --explain */
static int describe(const struct app *app, struct sfx_err *err)
{
    struct sfx_buf text = {0};
    int rc = app->o.reference != NULL ? sfx_query_reference(app->o.reference, &text, err)
                                      : sfx_transform_explain(&app->plan.job, &text, err);

    if (rc == 0)
        rc = sfx_io_write(STDOUT_FILENO, text.data, text.len, err);
    sfx_buf_done(&text);
    return rc;
}

static int write_stats(struct app *app, struct sfx_err *err)
{
    struct sfx_buf rules = {0};
    int rc = sfx_rules_write(&app->rules, &rules, err);
    const struct sfx_query_counts *c = &app->result.counts;
    const struct sfx_figure figures[] = {
        {"records_in", c->in},
        {"records_out", c->out},
        {"records_rejected", c->rejected},
        {"records_skipped", c->skipped},
        {"records_filtered", c->filtered},
        {"records_made", c->made},
        {"cells_nulled", c->nulled},
        {"in_bytes", app->result.in_nbytes},
        {"out_bytes", app->result.out_nbytes},
        {"events", app->stats.events},
        {"failed", app->stats.failed},
    };

    app->cmd.stats_rules = sfx_buf_cstr(&rules, NULL);
    if (rc == 0)
        rc = sfx_cmd_stats(&app->cmd, figures, SFX_COUNT(figures), err);
    sfx_buf_done(&rules);
    return rc;
}

/* What became of the records: always said when some were refused. */
static void say_counts(const struct app *app, const struct sfx_query_counts *c)
{
    const enum sfx_log_level level =
        c->rejected + c->skipped + c->nulled > 0 ? SFX_LOG_NOTICE : SFX_LOG_INFO;
    char more[96] = "";
    int n = 0;

    if (c->made > 0)
        n = snprintf(more, sizeof(more), ", %" PRIu64 " made by stages", c->made);
    if (c->nulled > 0)
        (void)snprintf(more + n, sizeof(more) - (size_t)n, ", %" PRIu64 " cells made null",
                       c->nulled);
    sfx_log(&app->cmd.log, level,
            "%" PRIu64 " records in, %" PRIu64 " out, %" PRIu64 " rejected, %" PRIu64
            " skipped, %" PRIu64 " filtered%s",
            c->in, c->out, c->rejected, c->skipped, c->filtered, more);
}

/* Columns of the terminal that fd is; 0: it is none. */
static uint32_t terminal_width(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col > 0 ? size.ws_col : 80;
}

int main(int argc, char **argv)
{
    struct app app = {0};
    struct sfx_err err;
    int first, rc, code = sfx_cmd_start(&app.cmd, &prog, argc, argv, &app.o, &app.o.common, &first);

    if (code != SFX_CMD_GO_ON)
        return code;
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD,
                  512 * 1024); /* what is freed goes back: --memory is one for all */
#endif
    if (app.o.words.tmp_dir == NULL)
        app.o.words.tmp_dir = getenv("TMPDIR");
    app.o.words.fd = STDOUT_FILENO;
    app.o.words.terminal = terminal_width(STDOUT_FILENO);
    app.o.words.args = app.o.args.items;
    app.o.words.nargs = app.o.args.count;
    rc = app.o.reference != NULL ? 0
                                 : sfx_transform_plan_init(&app.plan, &app.o.words, argv + first,
                                                           (size_t)(argc - first), &err);
    if (rc == 0 && app.o.ack != NULL && !app.o.words.events)
        rc = sfx_err_set(&err, SFX_E_USAGE, "--ack goes with -E");
    if (rc == 0 && (app.o.explain || app.o.reference != NULL)) {
        rc = describe(&app, &err);
    } else if (rc == 0) {
        app.plan.job.log = &app.cmd.log;
        app.plan.job.query.rules = &app.rules;
        rc = app.o.words.events ? run_events(&app, &err) : run_files(&app, &err);
        sfx_rules_say(&app.rules, &app.cmd.log);
        say_counts(&app, &app.result.counts);
        rc = rc == 0 ? write_stats(&app, &err) : rc;
    }
    if (rc < 0)
        code = sfx_cmd_fail(&app.cmd, rc, &err);
    else
        code = app.result.counts.rejected + app.stats.failed > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
    sfx_transform_plan_done(&app.plan);
    sfx_rules_done(&app.rules);
    return sfx_cmd_end(&app.cmd, &app.o, code, 0);
}
