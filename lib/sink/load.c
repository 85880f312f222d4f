/* SPDX-License-Identifier: MIT */
/* Loads: the run over operands, and one transaction an input. */
#include "sink/load.h"

#include "base/clock.h"
#include "base/path.h"
#include "base/size.h"
#include "sink/load_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Refusals of records, by the reader or the sink: counted, and passed on when asked for. */
static int put_bad(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_load *load = ctx;
    struct sfx_sink_counts *counts = &load->result.entry.counts;
    int rc;

    counts->in += load->reading;
    if (load->opts.on_error == SFX_LOAD_SKIP) {
        counts->skipped++;
        return 0;
    }
    counts->rejected++;
    if (load->opts.dry_run)
        return 0;
    if (load->rejects == NULL) {
        sfx_log(load->opts.log, SFX_LOG_WARNING, "%s: line %llu: %s", r->input,
                (unsigned long long)r->line, r->reason);
        return 0;
    }
    rc = load->rejects->put(load->rejects->ctx, r, err);
    load->broken = load->broken || rc < 0;
    return rc;
}

/* Spooled data goes beside the database: there must be room for it anyway. */
static char *default_tmp_dir(const char *target)
{
    const char *path = strchr(target, ':');
    struct sfx_path_parts parts;

    if (strncmp(target, "sqlite:", 7) != 0 || path[1] == '\0')
        return strdup("/tmp");
    sfx_path_split(sfx_slice_str(path + 1), &parts);
    return strndup(parts.dir.ptr, parts.dir.len);
}

struct sfx_load *sfx_load_new(const char *target, const struct sfx_load_opts *opts,
                              struct sfx_err *err)
{
    struct sfx_sink_opts sink_opts = {
        .timeout_ns = opts->timeout_ns, .dry_run = opts->dry_run, .stop = opts->stop};
    struct sfx_load *load = calloc(1, sizeof(*load));

    if (load == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a load");
        return NULL;
    }
    load->opts = *opts;
    load->bad = (struct sfx_reject_sink){put_bad, load};
    if (sfx_format_parse(opts->from, opts->delimiter, opts->quote, &load->format,
                         &load->opts.reader, err) < 0 ||
        sfx_batch_init(&load->batch, err) < 0)
        goto fail;
    load->tmp_dir = opts->tmp_dir != NULL ? strdup(opts->tmp_dir) : default_tmp_dir(target);
    if (load->tmp_dir == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a load");
        goto fail;
    }
    if (opts->table != NULL) {
        load->table = sfx_template_new(opts->table, err);
        if (load->table == NULL)
            goto fail;
    }
    load->sink = sfx_sink_open(target, &sink_opts, err);
    if (load->sink != NULL)
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
    formats = sfx_format_all(&n);
    for (i = 0; i < n && i < SFX_COUNT(load->readers); i++) {
        if (load->readers[i] != NULL)
            formats[i].reader->destroy(load->readers[i]);
    }
    sfx_sink_close(load->sink);
    sfx_template_free(load->table);
    sfx_media_free(load->media);
    sfx_buf_done(&load->name.path);
    sfx_infer_done(&load->infer);
    sfx_batch_done(&load->batch);
    sfx_buf_done(&load->key);
    sfx_buf_done(&load->ddl);
    sfx_buf_done(&load->plan);
    sfx_buf_done(&load->told.text);
    sfx_buf_done(&load->event_id);
    free(load->tmp_dir);
    free(load);
}

void sfx_load_set_rejects(struct sfx_load *load, const struct sfx_reject_sink *rejects)
{
    load->rejects = rejects;
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

int sfx_load_detect(struct sfx_load *load, struct sfx_input *in, struct sfx_slice *type,
                    struct sfx_err *err)
{
    struct sfx_slice head;
    int rc = sfx_input_peek(in, &head, err);

    if (rc < 0)
        return rc;
    if (load->media == NULL)
        load->media = sfx_media_new(err);
    if (load->media == NULL)
        return SFX_E_NOMEM;
    return sfx_media_detect(load->media, head, sfx_slice_str(sfx_input_data_name(in)), type, err);
}

const struct sfx_format *sfx_load_format(struct sfx_slice type, const char *name)
{
    const struct sfx_format *formats, *named;
    const char *const *ext;
    struct sfx_path_parts parts;
    size_t n, i;

    formats = sfx_format_all(&n);
    for (i = 0; i < n; i++) {
        if (sfx_slice_eq(type, sfx_slice_str(formats[i].media_type)))
            return &formats[i];
    }
    /* What has the extension of a format is taken for it, whatever it looks like. */
    named = sfx_format_detect(name, sfx_slice(NULL, 0));
    sfx_path_split(sfx_slice_str(name), &parts);
    for (ext = named->extensions; *ext != NULL; ext++) {
        if (parts.ext.len == strlen(*ext) && strncasecmp(parts.ext.ptr, *ext, parts.ext.len) == 0)
            return named;
    }
    return NULL;
}

int sfx_load_name_input(const struct sfx_load *load, int rc, struct sfx_err *err)
{
    if (load->result.member != NULL)
        (void)sfx_err_wrap(err, rc, "%s", load->result.member);
    return sfx_err_wrap(err, rc, "%s", load->result.name);
}

int sfx_load_transact(struct sfx_load *load, const struct sfx_sink_source *source,
                      const struct sfx_sink_schema *schema, sfx_load_rows *rows, void *ctx,
                      struct sfx_err *err)
{
    const struct sfx_sink_ops *ops = load->sink->ops;
    struct sfx_sink_entry *entry = &load->result.entry;
    struct sfx_sink_counts counts;
    int rc = ops->begin(load->sink, source, entry, err);

    if (rc != 0) {
        load->broken = rc < 0;
        load->result.outcome = SFX_LOAD_KNOWN;
        return rc < 0 ? rc : 0;
    }
    *entry = (struct sfx_sink_entry){0};
    sfx_buf_clear(&load->ddl);
    rc = ops->prepare(load->sink, schema, &load->ddl, err);
    if (rc < 0) {
        load->broken = rc != SFX_E_INPUT && rc != SFX_E_LIMIT;
        (void)sfx_load_name_input(load, rc, err);
        goto out;
    }
    rc = rows(load, ctx, err);
    if (rc < 0)
        goto out;
    counts = entry->counts;
    assert(counts.in == counts.inserted + counts.duplicate + counts.rejected + counts.skipped);
    rc = ops->commit(load->sink, &counts, entry, err);
    load->broken = rc < 0;
    load->result.outcome = load->opts.dry_run ? SFX_LOAD_PLANNED : SFX_LOAD_DONE;
out:
    if (rc < 0)
        ops->rollback(load->sink);
    return rc;
}

static void count_result(struct sfx_load *load)
{
    const struct sfx_sink_counts *counts = &load->result.entry.counts;
    struct sfx_sink_counts *total = &load->stats.records;

    switch (load->result.outcome) {
    case SFX_LOAD_KNOWN: load->stats.known++; return;
    case SFX_LOAD_EMPTY:
    case SFX_LOAD_IGNORED: load->stats.ignored++; return;
    case SFX_LOAD_FAILED: load->stats.failed++; return;
    case SFX_LOAD_DONE:
    case SFX_LOAD_PLANNED: break;
    }
    load->stats.loaded++;
    total->in += counts->in;
    total->inserted += counts->inserted;
    total->duplicate += counts->duplicate;
    total->rejected += counts->rejected;
    total->skipped += counts->skipped;
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

/* An operand is what the user says it is, unless its first bytes are clearly something else. */
static int guess_format(struct sfx_input *in, const struct sfx_format **format, struct sfx_err *err)
{
    struct sfx_slice head, type;
    int rc = sfx_input_peek(in, &head, err);

    if (rc < 0)
        return rc;
    type = sfx_media_signature(head);
    if (type.len == 0 && head.len > 0 && memchr(head.ptr, '\0', head.len) != NULL)
        type = SFX_SLICE_LIT("application/octet-stream");
    *format = sfx_load_format(type, sfx_input_data_name(in));
    if (*format == NULL && type.len > 0)
        return sfx_err_set(err, SFX_E_INPUT,
                           "%s: holds no records: it is %.*s; --from reads it all "
                           "the same",
                           sfx_input_name(in), SFX_SLICE_ARG(type));
    if (*format == NULL)
        *format = sfx_format_detect(sfx_input_data_name(in), head);
    return 0;
}

/* Finds the format of the current stream; NULL for a member that holds no records. */
static int choose_format(struct sfx_load *load, struct sfx_input *in,
                         const struct sfx_format **format, struct sfx_err *err)
{
    const char *name = sfx_input_data_name(in);
    struct sfx_slice type;
    int rc;

    *format = load->format != NULL ? load->format : sfx_load_format(sfx_slice(NULL, 0), name);
    if (*format != NULL)
        return 0;
    if (sfx_input_member(in) == NULL)
        return guess_format(in, format, err);
    rc = sfx_load_detect(load, in, &type, err);
    if (rc == 0)
        *format = sfx_load_format(type, name);
    return rc;
}

/* Loads or ignores the current stream. */
static int take_stream(struct sfx_load *load, struct sfx_input *in, struct sfx_err *err)
{
    const struct sfx_format *format;
    int rc;

    load->result =
        (struct sfx_load_result){.name = sfx_input_name(in), .member = sfx_input_member(in)};
    rc = choose_format(load, in, &format, err);
    if (rc < 0)
        return rc;
    if (format == NULL) {
        load->result.outcome = SFX_LOAD_IGNORED;
        return 0;
    }
    rc = sfx_load_name_table(load, sfx_input_data_name(in), NULL, err);
    return rc < 0 ? rc : sfx_load_stream(load, in, format, err);
}

/* Every stream of the operand. <0: the operand is damaged, or the run cannot go on. */
static int take_streams(struct sfx_load *load, struct sfx_input *in, struct sfx_err *err)
{
    int rc;

    while ((rc = sfx_input_next(in, err)) > 0) {
        rc = take_stream(load, in, err);
        rc = sfx_load_told(load, rc, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int sfx_load_operand(struct sfx_load *load, const char *path, const struct sfx_event *event,
                     struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new(path, NULL, err);
    int rc = in != NULL ? 0 : (int)err->code;

    load->event = event;
    sfx_err_clear(&load->first_failure);
    if (rc == 0)
        rc = take_streams(load, in, err);
    if (rc < 0 && !load->broken) {
        load->result = (struct sfx_load_result){.name = path};
        rc = sfx_load_told(load, rc, err);
    }
    sfx_input_free(in);
    return rc < 0 ? rc : sfx_load_first_failure(load, err);
}

int sfx_load_operands(struct sfx_load *load, const char *const *paths, struct sfx_err *err)
{
    static const char *const standard_input[] = {"-", NULL};
    int rc;

    if (paths[0] == NULL)
        paths = standard_input;
    else if (load->opts.load_id != NULL && paths[1] != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "a load's id is the name of one input");
    for (; *paths != NULL; paths++) {
        rc = sfx_load_operand(load, *paths, NULL, err);
        if (load->broken)
            return rc;
        if (rc < 0)
            sfx_log_err(load->opts.log, SFX_LOG_ERROR, err);
    }
    return load->stats.failed > 0 || load->stats.records.rejected > 0;
}

int sfx_load_first_failure(const struct sfx_load *load, struct sfx_err *err)
{
    if (load->first_failure.code != SFX_OK)
        *err = load->first_failure;
    return load->first_failure.code;
}

bool sfx_load_is_broken(const struct sfx_load *load)
{
    return load->broken;
}

struct sfx_load_stats sfx_load_stats(const struct sfx_load *load)
{
    return load->stats;
}
