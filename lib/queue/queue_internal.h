/* SPDX-License-Identifier: MIT */
/* What a scheme of queues is made of. Private to lib/queue. */
#ifndef SFX_QUEUE_INTERNAL_H
#define SFX_QUEUE_INTERNAL_H

#include "queue/queue.h"

/* One row a scheme; the functions are those of queue.h with the same names. */
struct sfx_queue_ops {
    const char *scheme;
    struct sfx_queue *(*open)(const char *rest, const struct sfx_queue_opts *opts,
                              struct sfx_err *err);
    void (*close)(struct sfx_queue *q);
    int64_t (*put)(struct sfx_queue *q, struct sfx_queue_put *events, size_t count,
                   struct sfx_err *err);
    int (*count)(struct sfx_queue *q, const char *name, uint64_t n, struct sfx_err *err);
    int64_t (*lease)(struct sfx_queue *q, const struct sfx_queue_lease *opts,
                     struct sfx_queue_batch *batch, struct sfx_err *err);
    int (*wait_fd)(struct sfx_queue *q, int64_t *next_ms, struct sfx_err *err);
    int64_t (*extend)(struct sfx_queue *q, const int64_t *seqs, size_t count, int64_t visible_ms,
                      struct sfx_err *err);
    int64_t (*settle)(struct sfx_queue *q, struct sfx_queue_result *results, size_t count,
                      struct sfx_err *err);
    int (*record)(struct sfx_queue *q, const struct sfx_queue_invocation *invocations, size_t count,
                  struct sfx_err *err);
    int (*ack_event)(struct sfx_queue *q, const struct sfx_event *ev, struct sfx_err *err);
    int (*fail_event)(struct sfx_queue *q, const struct sfx_event *ev,
                      const struct sfx_queue_retry *how, bool permanent, struct sfx_slice reason,
                      struct sfx_err *err);
    int (*list)(struct sfx_queue *q, const struct sfx_queue_filter *filter, sfx_queue_row_fn *fn,
                void *ctx, struct sfx_err *err);
    int64_t (*change)(struct sfx_queue *q, const struct sfx_queue_filter *filter,
                      enum sfx_queue_change change, struct sfx_slice reason, struct sfx_err *err);
    int (*stats)(struct sfx_queue *q, struct sfx_queue_stats *stats, struct sfx_err *err);
    int (*set_retention)(struct sfx_queue *q, int64_t retention_ms, struct sfx_err *err);
    int (*invocations)(struct sfx_queue *q, const struct sfx_queue_invocation_filter *filter,
                       sfx_queue_invocation_fn *fn, void *ctx, struct sfx_err *err);
};

struct sfx_queue {
    const struct sfx_queue_ops *ops;
    const volatile sig_atomic_t *stop; /* may be NULL */
    char *uri;                         /* owned: names the queue in messages */
};

extern const struct sfx_queue_ops sfx_queue_sqlite;

#endif
