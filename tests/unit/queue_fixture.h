/* SPDX-License-Identifier: MIT */
/* A queue in a folder of its own, for the tests of lib/queue. */
#ifndef SFX_TESTS_QUEUE_FIXTURE_H
#define SFX_TESTS_QUEUE_FIXTURE_H

#include "queue/queue.h"

extern char queue_folder[];
extern char queue_uri[]; /* of the file q in it */

/* What most tests put to and take from: opened by queue_set_up. */
extern struct sfx_queue *q;
extern struct sfx_queue_batch batch;

/* Opens queue_uri. opts: NULL for those that tests have in common. */
struct sfx_queue *queue_open(const struct sfx_queue_opts *opts);

/* The set-up and the tear-down of a test: of the folder alone, or of q as well. */
int queue_folder_set_up(void **state);
int queue_folder_tear_down(void **state);
int queue_set_up(void **state);
int queue_tear_down(void **state);

/* Runs SQL on a file of the folder. Returns the last integer that it gives; 0: none. */
int64_t queue_sql(const char *name, const char *sql);

/* Puts an event into q. Returns its number, 0 for a duplicate. */
int64_t put(const char *id, const char *lane, int64_t delay_ms);

/* Leases into batch. Returns how many. */
int64_t lease_of(struct sfx_queue *from, size_t max, int64_t visible_ms, uint32_t attempts);
int64_t lease(size_t max);

/* What batch has at i. */
void expect_id(size_t i, const char *id);

/* Answers one of q's. Returns 1, or 0 when it was not applied. */
int64_t answer(int64_t seq, enum sfx_queue_outcome outcome, int64_t delay_ms);

/* The figures of q, whose depths are those of a count of its rows. */
struct sfx_queue_stats stats(void);
int count_row(void *ctx, const struct sfx_queue_row *row, struct sfx_err *err);

#endif
