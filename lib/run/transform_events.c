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

/* Names the output and opens it. Errors: INPUT (the template asks for what is unknown), IO, NOMEM.
 */
static struct sfx_outfile *open_output(struct events *e, const struct sfx_stage_item *item,
                                       struct sfx_err *err)
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
    if (sfx_template_render(e->target.name, &values, &e->name, err) < 0)
        return NULL;
    if (is_same_file(item->path, e->name.path.data)) { /* and told of again, would go in circles */
        (void)sfx_err_set(err, SFX_E_INPUT, "output %s is the input", e->name.path.data);
        return NULL;
    }
    return sfx_stage_open_output(&e->name, e->target.durable, err);
}

static void add_counts(struct events *e, struct sfx_stage *stage,
                       const struct sfx_transform_result *result)
{
    struct sfx_stage_stats *stats = sfx_stage_stats(stage);

    e->counts->in += result->counts.in;
    e->counts->out += result->counts.out;
    e->counts->rejected += result->counts.rejected;
    e->counts->skipped += result->counts.skipped;
    stats->records_in += result->counts.in;
    stats->records_out += result->counts.out;
}

static int on_event(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                    struct sfx_err *err)
{
    struct events *e = ctx;
    struct sfx_transform_job job = e->job;
    struct sfx_transform_result result;
    struct sfx_stage_facts facts = {.width = -1, .height = -1};
    struct sfx_outfile *out = open_output(e, item, err);
    int rc;

    if (out == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    job.paths = &item->path;
    job.npaths = 1;
    job.out_fd = sfx_outfile_fd(out);
    job.out_name = e->name.path.data;
    job.query.rejects = sfx_stage_rejects(stage);
    rc = sfx_transform_run(&job, &result, err);
    add_counts(e, stage, &result);
    if (rc < 0) {
        sfx_outfile_free(out);
        return rc;
    }
    e->n++;
    facts.media_type = sfx_slice_str(result.to->media_type);
    facts.records = (int64_t)result.counts.out;
    return sfx_stage_publish(stage, item, out, e->name.path.data, &facts, err);
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
