/* SPDX-License-Identifier: MIT */
/* Loads: what all inputs share, one transaction an input, and what is told of it. */
#include "sink/load.h"

#include "base/clock.h"
#include "base/path.h"
#include "base/pool.h"
#include "base/size.h"
#include "record/encoding.h"
#include "sink/load_internal.h"
#include "sink/merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A connection that is lost: how often the input is tried, and the pause before the second time,
 * which doubles. A server that does not answer is waited for by the sink. */
#define MAX_ATTEMPTS   4
#define FIRST_PAUSE_NS 100000000
/* Inputs of a group: a server has room for a few thousand locks, one each. */
#define MAX_GROUP 1000

/* Refusals of records, by the reader or the sink: counted, and passed on when asked for. */
static int put_bad(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_load *load = ctx;
    struct sfx_sink_counts *counts = &load->result.entry.counts;
    int rc;

    if (load->reading && load->skip_refused > 0) {
        load->skip_refused--;
        return 0;
    }
    if (!load->reading && load->children != NULL &&
        sfx_load_children_refused(load, r->offset, err) < 0)
        return SFX_E_NOMEM;
    load->mark.nrefused += load->reading;
    counts->in += load->reading;
    if (load->opts.on_error == SFX_LOAD_SKIP) {
        counts->skipped++;
        return 0;
    }
    counts->rejected++;
    if (load->opts.dry_run)
        return 0;
    if (load->opts.rejects_table) {
        rc = load->sink->ops->reject(load->sink, r, err);
        load->broken = load->broken || rc < 0;
        if (rc < 0 || load->rejects == NULL)
            return rc;
    }
    if (load->rejects == NULL) {
        sfx_log(load->opts.log, SFX_LOG_WARNING, "%s: line %llu: %s", r->input,
                (unsigned long long)r->line, r->reason);
        return 0;
    }
    rc = load->rejects->put(load->rejects->ctx, r, err);
    load->broken = load->broken || rc < 0;
    return rc;
}

/* Cuts the names of the keys apart, and checks that the mode has what it needs. */
static int take_keys(struct sfx_load *load, struct sfx_sink_how *how, struct sfx_err *err)
{
    char *rest, *name;
    size_t n = 1;

    if (sfx_merge_stages(how->mode) && load->opts.keys == NULL)
        return sfx_err_set(err, SFX_E_USAGE,
                           "--mode=%s needs --key, the columns that tell records apart",
                           sfx_sink_mode_names[how->mode]);
    if ((how->mode == SFX_SINK_NEWER) != (how->version != NULL))
        return sfx_err_set(err, SFX_E_USAGE, "--mode=newer and --version-column go together");
    if (load->opts.keys == NULL)
        return 0;
    for (rest = strchr(load->opts.keys, ','); rest != NULL; rest = strchr(rest + 1, ','))
        n++;
    load->key_text = strdup(load->opts.keys);
    load->keys = calloc(n, sizeof(*load->keys));
    if (load->key_text == NULL || load->keys == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a load");
    rest = load->key_text;
    while ((name = strsep(&rest, ",")) != NULL) {
        if (name[0] == '\0')
            return sfx_err_set(err, SFX_E_USAGE, "--key: an empty name in \"%s\"", load->opts.keys);
        load->keys[how->nkeys++] = name;
    }
    how->keys = load->keys;
    load->nkeys = how->nkeys;
    return 0;
}

struct sfx_load *sfx_load_new(const char *target, const struct sfx_load_opts *opts,
                              struct sfx_err *err)
{
    struct sfx_sink_opts sink_opts = {.how = opts->how,
                                      .timeout_ns = opts->timeout_ns,
                                      .group = opts->group,
                                      .dry_run = opts->dry_run,
                                      .stop = opts->stop,
                                      .out_fd = opts->out_fd};
    struct sfx_load *load = calloc(1, sizeof(*load));

    if (load == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a load");
        return NULL;
    }
    load->opts = *opts;
    sink_opts.how.children = opts->nested == SFX_LOAD_TABLES;
    if (opts->jobs == 0)
        load->opts.jobs =
            sfx_pool_ncpus() < SFX_LOAD_MAX_JOBS ? sfx_pool_ncpus() : SFX_LOAD_MAX_JOBS;
    load->target = strdup(target);
    load->bad = (struct sfx_reject_sink){put_bad, load};
    load->infer.text_only = opts->no_inference;
    if (load->target == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a load");
    if (load->target == NULL || take_keys(load, &sink_opts.how, err) < 0 ||
        sfx_load_take_types(load, err) < 0 || sfx_load_take_stages(load, err) < 0 ||
        sfx_format_parse(opts->from, opts->delimiter, opts->quote, &load->format,
                         &load->opts.reader, err) < 0 ||
        sfx_batch_init(&load->batch, err) < 0)
        goto fail;
    if (opts->table != NULL) {
        load->table = sfx_template_new(opts->table, err);
        if (load->table == NULL)
            goto fail;
    }
    load->sink = sfx_sink_open(target, &sink_opts, err);
    if (load->sink != NULL && opts->group && load->sink->ops->flush == NULL)
        (void)sfx_err_set(err, SFX_E_USAGE, "--flush: %s has no groups of inputs",
                          load->sink->ops->form);
    else if (load->sink != NULL && opts->rejects_table && load->sink->ops->reject == NULL)
        (void)sfx_err_set(err, SFX_E_USAGE, "--rejects-table: %s has no such table",
                          load->sink->ops->form);
    else if (load->sink != NULL && sfx_load_check_every(load, err) == 0 &&
             sfx_load_check_children(load, err) == 0)
        return load;
fail:
    sfx_load_free(load);
    return NULL;
}

void sfx_load_free(struct sfx_load *load)
{
    const struct sfx_format *formats;
    size_t n, i;

    if (load == NULL)
        return;
    sfx_ahead_free(load->ahead);
    sfx_relay_free(load->relay);
    formats = sfx_format_all(&n);
    for (i = 0; i < n && i < SFX_COUNT(load->readers); i++) {
        if (load->readers[i] != NULL)
            formats[i].reader->destroy(load->readers[i]);
    }
    sfx_load_free_stages(load);
    sfx_load_free_foreign(load);
    sfx_load_free_children(load);
    sfx_transcoder_free(load->decoder);
    sfx_sink_close(load->sink);
    sfx_template_free(load->table);
    sfx_media_free(load->media);
    sfx_buf_done(&load->name.path);
    sfx_infer_done(&load->infer);
    sfx_batch_done(&load->batch);
    sfx_buf_done(&load->key);
    sfx_buf_done(&load->ddl);
    sfx_buf_done(&load->plan);
    sfx_buf_done(&load->said);
    sfx_buf_done(&load->told.text);
    sfx_buf_done(&load->event_id);
    sfx_buf_done(&load->whence);
    sfx_buf_done(&load->when);
    free(load->target);
    free(load->keys);
    free(load->types);
    free(load->key_text);
    free(load);
}

void sfx_load_set_rejects(struct sfx_load *load, const struct sfx_reject_sink *rejects)
{
    load->rejects = rejects;
}

void sfx_load_set_durable(struct sfx_load *load, const struct sfx_load_rejects *durable)
{
    load->durable = *durable;
}

int sfx_load_check_stop(struct sfx_load *load, struct sfx_err *err)
{
    if (load->opts.stop == NULL || *load->opts.stop == 0)
        return 0;
    load->broken = true;
    return sfx_err_set(err, SFX_E_TEMPORARY, "interrupted");
}

int sfx_load_name_table(struct sfx_load *load, const char *path, const char *default_table,
                        struct sfx_err *err)
{
    const struct sfx_event *event = load->event;
    struct sfx_template_values values = {
        .path = strcmp(path, "-") == 0 ? sfx_slice(NULL, 0) : sfx_slice_str(path),
        .id = event != NULL ? event->id : sfx_slice(NULL, 0),
        .time_ns = sfx_clock_wall_ns(),
        .width = event != NULL ? event->width : -1,
        .height = event != NULL ? event->height : -1,
        .n = (int64_t)(load->stats.loaded + load->stats.known + 1),
    };
    struct sfx_path_parts parts;
    int rc;

    if (load->table != NULL) {
        rc = sfx_template_render(load->table, &values, &load->name, err);
    } else if (default_table == NULL && values.path.len == 0) {
        rc = sfx_err_set(err, SFX_E_USAGE, "standard input has no name: name the table with -t");
    } else {
        sfx_path_split(sfx_slice_str(path), &parts);
        sfx_buf_clear(&load->name.path);
        rc = default_table != NULL
                 ? sfx_buf_puts(&load->name.path, default_table, err)
                 : sfx_buf_append(&load->name.path, parts.stem.ptr, parts.stem.len, err);
    }
    if (rc == 0)
        load->result.table = sfx_buf_cstr(&load->name.path, err);
    return rc == 0 && load->result.table == NULL ? SFX_E_NOMEM : rc;
}

int sfx_load_name_input(const struct sfx_load *load, int rc, struct sfx_err *err)
{
    const size_t len = strlen(load->result.name);

    if (strncmp(err->text, load->result.name, len) == 0 && err->text[len] == ':')
        return rc;
    if (load->result.member != NULL)
        (void)sfx_err_wrap(err, rc, "%s", load->result.member);
    return sfx_err_wrap(err, rc, "%s", load->result.name);
}

/* own_id: the load of an attempt before this one, whose commit may have come through; 0: none. */
static int transact(struct sfx_load *load, const struct sfx_sink_source *source,
                    const struct sfx_sink_schema *schema, sfx_load_rows *rows, void *ctx,
                    int64_t own_id, struct sfx_err *err)
{
    const struct sfx_sink_ops *ops = load->sink->ops;
    struct sfx_sink_entry *entry = &load->result.entry;
    struct sfx_sink_counts counts;
    int rc = ops->begin(load->sink, source, entry, err);

    if (rc != 0) {
        load->broken = rc < 0;
        load->result.outcome =
            own_id != 0 && entry->load_id == own_id ? SFX_LOAD_DONE : SFX_LOAD_KNOWN;
        return rc < 0 ? rc : 0;
    }
    load->started_ns = sfx_clock_wall_ns();
    sfx_buf_clear(&load->ddl);
    rc = load->check != NULL ? load->check(load, ctx, err) : 0;
    if (rc == 0)
        rc = sfx_load_quarantine(load, &schema, err);
    if (rc == 0)
        rc = ops->prepare(load->sink, schema, &load->ddl, err);
    if (rc < 0) {
        load->broken = rc != SFX_E_INPUT && rc != SFX_E_LIMIT;
        (void)sfx_load_name_input(load, rc, err);
        goto out;
    }
    rc = sfx_load_resume(load, entry, err);
    if (rc == 0)
        rc = rows(load, ctx, err);
    if (rc < 0)
        goto out;
    counts = entry->counts;
    rc = ops->commit(load->sink, &counts, entry, err);
    if (rc == 0 && ops->whole && !load->opts.group && !load->together)
        rc = ops->flush(load->sink, err);
    counts = entry->counts;
    assert(rc < 0 || counts.in == counts.inserted + counts.updated + counts.unchanged +
                                      counts.deleted + counts.duplicate + counts.rejected +
                                      counts.skipped);
    load->broken = rc < 0;
    load->result.outcome = load->opts.dry_run ? SFX_LOAD_PLANNED : SFX_LOAD_DONE;
out:
    if (rc < 0) {
        ops->rollback(load->sink);
        sfx_load_fall_back(load);
    }
    return rc;
}

/* True when the connection or transaction is lost and all can be done again: what was put aside
 * would be put aside twice. */
static bool may_repeat(const struct sfx_load *load, unsigned attempt)
{
    const struct sfx_sink_ops *ops = load->sink->ops;

    return ops->lost != NULL && ops->lost(load->sink) && attempt < MAX_ATTEMPTS &&
           (load->result.entry.counts.rejected == 0 || load->durable.cut != NULL ||
            (load->opts.rejects_table && load->rejects == NULL)) &&
           (load->opts.stop == NULL || *load->opts.stop == 0);
}

int sfx_load_transact(struct sfx_load *load, const struct sfx_sink_source *source,
                      const struct sfx_sink_schema *schema, sfx_load_rows *rows, void *ctx,
                      struct sfx_err *err)
{
    struct timespec pause = {0, FIRST_PAUSE_NS};
    int64_t own_id = 0;
    unsigned attempt;
    int rc;

    for (attempt = 1;; attempt++) {
        rc = transact(load, source, schema, rows, ctx, own_id, err);
        if (rc == 0 || !may_repeat(load, attempt))
            return rc;
        sfx_log(load->opts.log, SFX_LOG_NOTICE, "%s: %s: trying again", load->result.name,
                err->text);
        (void)nanosleep(&pause, NULL); /* a signal ends it */
        pause.tv_nsec *= 2;
        own_id = load->result.entry.load_id;
        load->broken = false;
    }
}

static void count_result(struct sfx_load *load)
{
    struct sfx_sink_counts counts = load->result.entry.counts, *total = &load->stats.records;
    uint64_t *numbers[SFX_SINK_NCOUNTS], *totals[SFX_SINK_NCOUNTS];
    size_t i;

    switch (load->result.outcome) {
    case SFX_LOAD_KNOWN: load->stats.known++; return;
    case SFX_LOAD_EMPTY:
    case SFX_LOAD_IGNORED: load->stats.ignored++; return;
    case SFX_LOAD_FAILED: load->stats.failed++; return;
    case SFX_LOAD_DONE:
    case SFX_LOAD_PLANNED: break;
    }
    load->stats.loaded++;
    sfx_sink_counts_list(total, totals);
    sfx_sink_counts_list(&counts, numbers);
    for (i = 0; i < SFX_SINK_NCOUNTS; i++)
        *totals[i] += *numbers[i];
}

/* What the report may want to pass on. */
static int dress_result(struct sfx_load *load, struct sfx_err *err)
{
    struct sfx_load_result *result = &load->result;
    const bool durable = result->outcome == SFX_LOAD_DONE || result->outcome == SFX_LOAD_KNOWN;
    int rc = 0;

    if (load->opts.dry_run) {
        sfx_buf_clear(&load->plan);
        rc = sfx_load_plan(result, sfx_buf_slice(&load->ddl), &load->plan, err);
        result->plan = sfx_buf_slice(&load->plan);
    } else if (durable && load->event != NULL) {
        rc = sfx_load_event_make(&load->told, result, load->event->id, err);
        result->event = &load->told.event;
    }
    return rc;
}

int sfx_load_told(struct sfx_load *load, int rc, struct sfx_err *err)
{
    struct sfx_err failure;

    if (rc == SFX_E_NOMEM || rc == SFX_E_USAGE)
        load->broken = true;
    if (rc < 0 && load->broken)
        return rc;
    if (rc < 0) {
        load->result.outcome = SFX_LOAD_FAILED;
        if (load->stats.first_failure == 0)
            load->stats.first_failure = rc;
    }
    count_result(load);
    if (rc < 0 && load->first_failure.code == SFX_OK) {
        load->first_failure = *err;
        return 0;
    }
    if (rc < 0) {
        failure = *err;
        load->result.failure = &failure;
    }
    if (load->opts.report == NULL)
        return 0;
    rc = dress_result(load, err);
    if (rc == 0)
        rc = load->opts.report(load->opts.report_ctx, &load->result, err);
    load->broken = rc < 0;
    return rc;
}

int sfx_load_first_failure(const struct sfx_load *load, struct sfx_err *err)
{
    if (load->first_failure.code != SFX_OK)
        *err = load->first_failure;
    return load->first_failure.code;
}

int sfx_load_flush(struct sfx_load *load, struct sfx_err *err)
{
    int rc = load->sink->ops->flush(load->sink, err);

    load->flushed = load->stats;
    if (rc == 0)
        sfx_load_say_from(load, 0);
    return rc;
}

bool sfx_load_is_due(const struct sfx_load *load)
{
    const uint64_t every = load->opts.commit_every;

    return load->opts.group &&
           (load->stats.loaded - load->flushed.loaded >= MAX_GROUP ||
            (every > 0 && load->stats.records.in - load->flushed.records.in >= every));
}

int sfx_load_undo(struct sfx_load *load, int64_t load_id, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_sink_entry entry = {0};
    const char *table = "";
    int rc = load->sink->ops->undo(load->sink, load_id, &entry, &table, err);

    if (rc < 0)
        return rc;
    return sfx_buf_printf(
        out, err, "load %lld into %s %s: %llu of its %llu rows", (long long)load_id, table,
        load->opts.dry_run ? "would be taken back" : "is taken back",
        (unsigned long long)entry.counts.removed, (unsigned long long)entry.counts.inserted);
}

bool sfx_load_is_broken(const struct sfx_load *load)
{
    return load->broken;
}

struct sfx_load_stats sfx_load_stats(const struct sfx_load *load)
{
    return load->stats;
}
