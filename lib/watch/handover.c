/* SPDX-License-Identifier: MIT */
/* Events on their way into a queue: one group of bounded size, put as one transaction. */
#include "watch/handover.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/size.h"
#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>

/* At a thousand events a group the commit is a small part of the cost of a put. */
#define GROUP_MAX 1000

/* Under a steady stream, which never lets the watch idle, nothing waits longer than this. */
#define GROUP_MAX_NS ((int64_t)20 * 1000000)

struct sfx_handover {
    struct sfx_queue *queue;
    struct sfx_queue_put group[GROUP_MAX];
    size_t count;
    int64_t since_ns;       /* when the first of the group came */
    struct sfx_arena arena; /* texts of the group */
    struct sfx_buf line;
    uint64_t put, known;
};

struct sfx_handover *sfx_handover_new(const struct sfx_handover_opts *opts, struct sfx_err *err)
{
    const struct sfx_queue_opts queue_opts = {
        .create = true, .durable = opts->durable, .stop = opts->stop, .name = "sfx-watch"};
    struct sfx_handover *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "hand-over to a queue");
        return NULL;
    }
    h->queue = sfx_queue_open(opts->uri, &queue_opts, err);
    if (h->queue != NULL)
        return h;
    free(h);
    return NULL;
}

int sfx_handover_flush(struct sfx_handover *h, struct sfx_err *err)
{
    int64_t put;

    if (h->count == 0)
        return 0;
    put = sfx_queue_put(h->queue, h->group, h->count, err);
    if (put < 0)
        return (int)put;
    h->put += (uint64_t)put;
    h->known += h->count - (uint64_t)put;
    h->count = 0;
    sfx_arena_reset(&h->arena);
    return 0;
}

static int copy(struct sfx_handover *h, struct sfx_slice text, struct sfx_slice *out,
                struct sfx_err *err)
{
    char *ptr = sfx_arena_strndup(&h->arena, text.ptr, text.len, err);

    if (ptr == NULL)
        return SFX_E_NOMEM;
    *out = sfx_slice(ptr, text.len);
    return 0;
}

int sfx_handover_add(struct sfx_handover *h, const struct sfx_event *ev, struct sfx_err *err)
{
    struct sfx_queue_put *put = &h->group[h->count];
    int rc;

    *put = (struct sfx_queue_put){0};
    sfx_buf_clear(&h->line);
    rc = sfx_event_write(ev, &h->line, err);
    /* Without its line end. */
    if (rc == 0)
        rc = copy(h, sfx_slice(h->line.data, h->line.len - 1), &put->line, err);
    if (rc == 0)
        rc = copy(h, ev->id, &put->id, err);
    if (rc == 0)
        rc = copy(h, ev->path, &put->lane, err);
    if (rc < 0)
        return rc;
    if (h->count++ == 0)
        h->since_ns = sfx_clock_mono_ns();
    if (h->count < SFX_COUNT(h->group) && sfx_clock_mono_ns() - h->since_ns < GROUP_MAX_NS)
        return 0;
    return sfx_handover_flush(h, err);
}

int sfx_handover_count(struct sfx_handover *h, const char *name, uint64_t n, struct sfx_err *err)
{
    return n > 0 ? sfx_queue_count(h->queue, name, n, err) : 0;
}

bool sfx_handover_is_empty(const struct sfx_handover *h)
{
    return h->count == 0;
}

void sfx_handover_counts(const struct sfx_handover *h, uint64_t *put, uint64_t *known)
{
    *put = h->put;
    *known = h->known;
}

void sfx_handover_free(struct sfx_handover *h)
{
    if (h == NULL)
        return;
    sfx_queue_close(h->queue);
    sfx_arena_done(&h->arena);
    sfx_buf_done(&h->line);
    free(h);
}
