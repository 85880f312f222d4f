/* SPDX-License-Identifier: MIT */
/* A queue in a folder of its own, for the tests of lib/queue. */
#include "queue_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char queue_folder[] = "/tmp/test_queue.XXXXXX";
char queue_uri[64];
struct sfx_queue *q;
struct sfx_queue_batch batch;

struct sfx_queue *queue_open(const struct sfx_queue_opts *opts)
{
    const struct sfx_queue_opts common = {.create = true, .busy_ms = 200, .name = "test"};
    struct sfx_err err;
    struct sfx_queue *opened = sfx_queue_open(queue_uri, opts != NULL ? opts : &common, &err);

    if (opened == NULL)
        fail_msg("%s", err.text);
    return opened;
}

int queue_folder_set_up(void **state)
{
    (void)state;
    (void)alarm(60); /* a test that waits in vain ends */
    memcpy(queue_folder + strlen(queue_folder) - 6, "XXXXXX", 6);
    if (mkdtemp(queue_folder) == NULL)
        return -1;
    (void)snprintf(queue_uri, sizeof(queue_uri), "sqlite:%s/q", queue_folder);
    return 0;
}

int queue_folder_tear_down(void **state)
{
    char command[100];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", queue_folder);
    return system(command);
}

int queue_set_up(void **state)
{
    int rc = queue_folder_set_up(state);

    if (rc == 0)
        q = queue_open(NULL);
    return rc;
}

int queue_tear_down(void **state)
{
    sfx_queue_batch_done(&batch);
    sfx_queue_close(q);
    return queue_folder_tear_down(state);
}

int64_t queue_sql(const char *name, const char *sql)
{
    char path[100];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int64_t value = 0;

    (void)snprintf(path, sizeof(path), "%s/%s", queue_folder, name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    while (sql[0] != '\0') {
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, &sql), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW)
            value = sqlite3_column_int64(stmt, 0);
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return value;
}

int64_t put(const char *id, const char *lane, int64_t delay_ms)
{
    char line[100];
    struct sfx_queue_put ev = {.id = sfx_slice_str(id), .lane = sfx_slice_str(lane)};
    struct sfx_err err;
    int64_t rc;

    (void)snprintf(line, sizeof(line), "{\"specversion\":\"1.0\",\"id\":\"%s\"}", id);
    ev.line = sfx_slice_str(line);
    ev.delay_ms = delay_ms;
    rc = sfx_queue_put(q, &ev, 1, &err);
    if (rc < 0)
        fail_msg("%s", err.text);
    assert_true((rc == 1) == (ev.seq != 0));
    return ev.seq;
}

int64_t lease_of(struct sfx_queue *from, size_t max, int64_t visible_ms, uint32_t attempts)
{
    const struct sfx_queue_lease opts = {
        .max = max, .visible_ms = visible_ms, .max_attempts = attempts};
    struct sfx_err err;
    int64_t n = sfx_queue_lease(from, &opts, &batch, &err);

    if (n < 0)
        fail_msg("%s", err.text);
    return n;
}

int64_t lease(size_t max)
{
    return lease_of(q, max, 60000, 0);
}

int64_t answer(int64_t seq, enum sfx_queue_outcome outcome, int64_t delay_ms)
{
    struct sfx_queue_result result = {
        .seq = seq, .outcome = outcome, .delay_ms = delay_ms, .reason = SFX_SLICE_LIT("why")};

    return sfx_queue_settle(q, &result, 1, NULL);
}

/* The counters say what a count of the rows says. */
int count_row(void *ctx, const struct sfx_queue_row *row, struct sfx_err *err)
{
    (void)err;
    ((uint64_t *)ctx)[row->state]++;
    return 0;
}

struct sfx_queue_stats stats(void)
{
    struct sfx_queue_filter all = {0};
    uint64_t counted[SFX_QUEUE_NSTATES] = {0};
    struct sfx_queue_stats s;

    assert_int_equal(sfx_queue_stats(q, &s, NULL), 0);
    assert_int_equal(sfx_queue_list(q, &all, count_row, counted, NULL), 0);
    assert_memory_equal(counted, s.depth, sizeof(counted));
    return s;
}

void expect_id(size_t i, const char *id)
{
    assert_true(i < batch.count);
    assert_true(sfx_slice_eq(batch.events[i].id, sfx_slice_str(id)));
}
