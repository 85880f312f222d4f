/* SPDX-License-Identifier: MIT */
/* Record programs in event mode: one output for the file of each event. */
#include "run/transform.h"

#include "base/clock.h"

#include <sys/stat.h>

struct events {
    struct sfx_transform_job job;
    struct sfx_transform_target target;
    struct sfx_query_counts *counts;
    struct sfx_template_name name;
    int64_t n; /* outputs so far */
};

/* True when both names stand for the same file. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* What names of outputs may say of the item. */
static struct sfx_template_values values_of(const struct events *e,
                                            const struct sfx_stage_item *item)
{
    struct sfx_template_values values = {
        .path = sfx_input_strip_suffix(sfx_slice_str(item->path)),
        .id = item->event->id,
        .time_ns = sfx_clock_wall_ns(),
        .width = -1,
        .height = -1,
        .n = e->n + 1,
    };

    if (e->job.to != NULL)
        values.ext = sfx_slice_str(e->job.to->extensions[0]);
    return values;
}

/* Names the output and opens it. Errors: INPUT (the template asks for what is unknown), IO, NOMEM.
 */
static int open_output(struct events *e, const struct sfx_stage_item *item,
                       const struct sfx_template_values *values, struct sfx_outfile **out,
                       struct sfx_err *err)
{
    int rc = sfx_template_render(e->target.name, values, &e->name, err);

    if (rc < 0)
        return rc;
    if (is_same_file(item->path, e->name.path.data)) /* and told of again, would go in circles */
        return sfx_err_set(err, SFX_E_INPUT, "output %s is the input", e->name.path.data);
    *out = sfx_template_open(&e->name, e->target.durable, err);
    return *out != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_IO;
}

static void add_counts(struct events *e, struct sfx_stage *stage,
                       const struct sfx_transform_result *result)
{
    struct sfx_stage_stats *stats = sfx_stage_stats(stage);

    e->counts->in += result->counts.in;
    e->counts->out += result->counts.out;
    e->counts->rejected += result->counts.rejected;
    e->counts->skipped += result->counts.skipped;
    e->counts->filtered += result->counts.filtered;
    e->counts->made += result->counts.made;
    e->counts->nulled += result->counts.nulled;
    stats->records_in += result->counts.in;
    stats->records_out += result->counts.out;
}

static int publish(struct sfx_stage *stage, const struct sfx_stage_item *item,
                   struct sfx_outfile *out, const struct sfx_outputs_item *what,
                   struct sfx_err *err)
{
    const struct sfx_stage_facts facts = {
        .media_type = sfx_slice_str(what->format->media_type),
        .width = -1,
        .height = -1,
        .records = (int64_t)what->records,
    };

    return sfx_stage_publish(stage, item, out, what->path, &facts, err);
}

/* The outputs that have a name by their records, and those put aside. */
static int publish_all(struct sfx_stage *stage, const struct sfx_stage_item *item,
                       struct sfx_outputs *outputs, struct sfx_err *err)
{
    struct sfx_outputs_item what;
    struct sfx_outfile *file;
    size_t i;
    int rc = 0;

    for (i = 0; i < sfx_outputs_count(outputs) && rc == 0; i++) {
        rc = sfx_outputs_take(outputs, i, &file, &what, err);
        if (rc == 0 && is_same_file(item->path, what.path)) {
            sfx_outfile_free(file);
            rc = sfx_err_set(err, SFX_E_INPUT, "output %s is the input", what.path);
        } else if (rc == 0) {
            rc = publish(stage, item, file, &what, err);
        }
    }
    return rc;
}

static int run_job(struct events *e, struct sfx_stage *stage, struct sfx_transform_job *job,
                   const struct sfx_stage_item *item, struct sfx_transform_result *result,
                   struct sfx_err *err)
{
    int rc;

    job->paths = &item->path;
    job->npaths = 1;
    job->query.rejects = sfx_stage_rejects(stage);
    rc = sfx_transform_run(job, result, err);
    add_counts(e, stage, result);
    return rc;
}

static int on_event(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                    struct sfx_err *err)
{
    struct events *e = ctx;
    struct sfx_transform_job job = e->job;
    const struct sfx_template_values values = values_of(e, item);
    struct sfx_outputs_opts opts = *e->target.outputs;
    struct sfx_transform_result result;
    struct sfx_outfile *out = NULL;
    int rc = 0;

    if (e->target.name != NULL)
        rc = open_output(e, item, &values, &out, err);
    opts.values = &values;
    opts.taken = out != NULL ? e->name.path.data : NULL;
    job.outputs = rc == 0 ? sfx_outputs_new(&opts, err) : NULL;
    if (rc == 0 && job.outputs == NULL)
        rc = SFX_E_NOMEM;
    if (out != NULL) {
        job.out_fd = sfx_outfile_fd(out);
        job.out_name = e->name.path.data;
    }
    if (rc == 0)
        rc = run_job(e, stage, &job, item, &result, err);
    if (rc == 0)
        rc = publish_all(stage, item, job.outputs, err);
    if (rc == 0 && out != NULL) {
        const struct sfx_outputs_item what = {e->name.path.data, result.to, result.counts.out};

        rc = publish(stage, item, out, &what, err);
        out = NULL;
    }
    e->n += rc == 0;
    sfx_outfile_free(out);
    sfx_outputs_free(job.outputs);
    return rc;
}

int sfx_transform_events(const struct sfx_transform_job *job,
                         const struct sfx_transform_target *target,
                         const struct sfx_stage_opts *opts, struct sfx_stage_stats *stats,
                         struct sfx_query_counts *counts, struct sfx_err *err)
{
    struct events e = {.job = *job, .target = *target, .counts = counts};
    int rc;

    *counts = (struct sfx_query_counts){0};
    rc = sfx_stage_run(opts, on_event, &e, stats, err);
    sfx_buf_done(&e.name.path);
    return rc;
}
