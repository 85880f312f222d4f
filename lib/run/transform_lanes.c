/* SPDX-License-Identifier: MIT */
/* The lanes of a transformation: threads that read ahead run batches through them, and write those
 * that are the output's. */
#include "run/transform_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

static void work(void *ctx, size_t lane, struct sfx_batch *batch)
{
    sfx_query_work(((struct sfx_transform_run *)ctx)->query, lane, batch);
}

/* What a fork cannot write is the writer's. */
static bool render(void *ctx, size_t lane, const struct sfx_batch *batch, struct sfx_buf *out)
{
    struct sfx_transform_run *run = ctx;

    return atomic_load_explicit(&run->forked, memory_order_acquire) &&
           run->result->to->writer->write(run->forks[lane], batch, out, NULL) == 0;
}

static int emit_rendered(void *ctx, struct sfx_slice bytes, uint64_t nrecords, struct sfx_err *err)
{
    struct sfx_transform_run *run = ctx;
    const struct sfx_writer_ops *ops = run->result->to->writer;
    int rc = sfx_transform_put(run, bytes, err);

    if (rc == 0 && ops->forked != NULL)
        ops->forked(run->writer, nrecords);
    return rc;
}

int sfx_transform_fork(struct sfx_transform_run *run, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < run->nlanes; i++) {
        if (run->forks[i] == NULL)
            rc = run->result->to->writer->fork(run->writer, &run->forks[i], err);
        if (run->forks[i] == NULL)
            return rc; /* it has not come so far */
    }
    if (rc == 0)
        atomic_store_explicit(&run->forked, true, memory_order_release);
    return rc;
}

int sfx_transform_start_lanes(struct sfx_transform_run *run, struct sfx_err *err)
{
    struct sfx_query_lanes lanes = {.count = sfx_records_nlanes(run->records), .ctx = run};
    const bool forks = run->writer != NULL && run->result->to->writer->fork != NULL;
    int rc;

    if (lanes.count == 0 || run->explains)
        return 0;
    if (forks) {
        lanes.render = render;
        lanes.emit_rendered = emit_rendered;
        run->forks = calloc(lanes.count, sizeof(*run->forks));
        if (run->forks == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for writers");
        run->nlanes = lanes.count;
    }
    rc = sfx_query_make_lanes(run->query, &lanes, err);
    if (rc > 0)
        sfx_records_set_work(run->records, work, run);
    return rc < 0 ? rc : 0;
}

void sfx_transform_end_lanes(struct sfx_transform_run *run)
{
    size_t i;

    for (i = 0; i < run->nlanes; i++) {
        if (run->forks[i] != NULL)
            run->result->to->writer->destroy(run->forks[i]);
    }
    free(run->forks);
}
