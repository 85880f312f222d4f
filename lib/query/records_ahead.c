/* SPDX-License-Identifier: MIT */
/* Batches as jobs: one is read after the other, and worked on while the next ones are read. */
#include "query/records_ahead.h"

#include <stdlib.h>

/* A batch, what the reader said of it, and what it refused before. */
struct slot {
    struct sfx_batch batch;
    int rc;
    struct sfx_err failure;
    struct sfx_held_rejects refused;
};

struct sfx_ahead {
    struct sfx_relay *relay;
    struct sfx_batch_work work;
    bool caller_reads;
    const struct sfx_reader_ops *ops;
    struct sfx_reader *reader;
    bool keeps_refused; /* the caller takes rejects; else a bad record is an error */
    struct slot slots[SFX_RELAY_MAX_SLOTS];
    size_t nslots; /* that were made */
};

struct sfx_ahead *sfx_ahead_new(struct sfx_relay *relay, size_t nslots, struct sfx_err *err)
{
    struct sfx_ahead *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory to read ahead");
        return NULL;
    }
    a->relay = relay;
    while (a->nslots < nslots) {
        if (sfx_batch_init(&a->slots[a->nslots].batch, err) < 0) {
            sfx_ahead_free(a);
            return NULL;
        }
        a->nslots++;
    }
    return a;
}

void sfx_ahead_set_work(struct sfx_ahead *ahead, const struct sfx_batch_work *work,
                        bool caller_reads)
{
    ahead->work = *work;
    ahead->caller_reads = caller_reads;
}

/* The end, or an error, is the last that is told. */
static bool fill(void *ctx, size_t at)
{
    struct sfx_ahead *a = ctx;
    struct slot *slot = &a->slots[at];
    const struct sfx_reject_sink sink = {sfx_held_rejects_put, &slot->refused};

    sfx_held_rejects_clear(&slot->refused);
    slot->rc =
        a->ops->read(a->reader, &slot->batch, a->keeps_refused ? &sink : NULL, &slot->failure);
    return slot->rc > 0;
}

static void work(void *ctx, size_t at)
{
    struct sfx_ahead *a = ctx;

    if (a->work.run != NULL && a->slots[at].rc > 0)
        a->work.run(a->work.ctx, at, &a->slots[at].batch);
}

int sfx_ahead_read(struct sfx_ahead *ahead, const struct sfx_reader_ops *ops,
                   struct sfx_reader *reader, struct sfx_batch *batch, size_t *lane,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    const struct sfx_relay_jobs jobs = {fill, work, ahead,
                                        ahead->caller_reads && ahead->work.run != NULL};
    struct sfx_batch filled;
    struct slot *slot;
    size_t at;
    int rc;

    if (ahead->reader == NULL) {
        ahead->ops = ops;
        ahead->reader = reader;
        ahead->keeps_refused = rejects != NULL;
        sfx_relay_start(ahead->relay, &jobs);
    }
    at = sfx_relay_next(ahead->relay);
    slot = &ahead->slots[at];
    if (lane != NULL)
        *lane = at;
    if (slot->rc <= 0)
        ahead->reader = NULL;
    rc = rejects != NULL ? sfx_held_rejects_hand_on(&slot->refused, 0, rejects, err) : 0;
    if (rc == 0 && slot->rc < 0 && err != NULL)
        *err = slot->failure;
    filled = slot->batch;
    slot->batch = *batch;
    *batch = filled;
    return rc < 0 ? rc : slot->rc;
}

void sfx_ahead_stop(struct sfx_ahead *ahead)
{
    sfx_relay_stop(ahead->relay);
    ahead->reader = NULL;
}

void sfx_ahead_free(struct sfx_ahead *ahead)
{
    if (ahead == NULL)
        return;
    sfx_ahead_stop(ahead);
    while (ahead->nslots > 0) {
        struct slot *slot = &ahead->slots[--ahead->nslots];

        sfx_batch_done(&slot->batch);
        sfx_held_rejects_done(&slot->refused);
    }
    free(ahead);
}
