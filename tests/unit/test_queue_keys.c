/* SPDX-License-Identifier: MIT */
/* What a queue knows of ids: the same as a list would, however keys are kept, merged and dropped.
 */
#include "base/hash.h"
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

#define NIDS    600
#define NQUEUES 3

static struct sfx_queue *queues[NQUEUES];
static uint64_t seed = 1;

/* The model: the number of each id's event; 0: not known. */
static int64_t model[NIDS];

static uint64_t random_below(uint64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % n;
}

static struct sfx_queue *open_queue(size_t recent_keys)
{
    const struct sfx_queue_opts opts = {.create = true, .name = "test", .recent_keys = recent_keys};

    return queue_open(&opts);
}

static int set_up(void **state)
{
    memset(queues, 0, sizeof(queues));
    memset(model, 0, sizeof(model));
    return queue_folder_set_up(state);
}

static int tear_down(void **state)
{
    size_t i;

    for (i = 0; i < NQUEUES; i++)
        sfx_queue_close(queues[i]);
    return queue_folder_tear_down(state);
}

static int64_t run_sql(const char *sql)
{
    return queue_sql("q", sql);
}

/* Puts a group; some of its ids may be known, or twice in it. failing: its last makes it fail. */
static void put_group(struct sfx_queue *on, const size_t *ids, size_t n, bool failing)
{
    struct sfx_queue_put events[16] = {0};
    char names[16][16];
    int64_t before[16], added = 0, rc;
    struct sfx_err err;
    size_t i;

    for (i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "id%zu", ids[i]);
        events[i].id = sfx_slice_str(names[i]);
        events[i].line = SFX_SLICE_LIT("{}");
    }
    if (failing) {
        events[n].id = SFX_SLICE_LIT("too large");
        events[n++].line = sfx_slice("", (size_t)UINT32_MAX);
        assert_true(sfx_queue_put(on, events, n, NULL) < 0);
        return;
    }
    rc = sfx_queue_put(on, events, n, &err);
    if (rc < 0)
        fail_msg("%s", err.text);
    for (i = 0; i < n; i++) {
        before[i] = model[ids[i]];
        assert_true((events[i].seq != 0) == (before[i] == 0));
        if (before[i] == 0)
            model[ids[i]] = events[i].seq;
        added += before[i] == 0;
    }
    assert_int_equal(rc, added);
}

static void put_some(struct sfx_queue *on, size_t first, size_t span, bool failing)
{
    size_t ids[8], n = 1 + random_below(8), i;

    for (i = 0; i < n; i++)
        ids[i] = (first + random_below(span)) % NIDS;
    put_group(on, ids, n, failing);
}

static int see_seq(void *ctx, const struct sfx_queue_row *row, struct sfx_err *err)
{
    (void)err;
    *(int64_t *)ctx = row->seq;
    return 0;
}

static int64_t seq_of(struct sfx_queue *on, size_t id)
{
    char name[16];
    struct sfx_queue_filter filter = {.limit = 0};
    int64_t seq = 0;

    (void)snprintf(name, sizeof(name), "id%zu", id);
    filter.id = sfx_slice_str(name);
    assert_int_equal(sfx_queue_list(on, &filter, see_seq, &seq, NULL), 0);
    return seq;
}

static void forget(struct sfx_queue *on, size_t id)
{
    char name[16];
    struct sfx_queue_filter filter = {.limit = 0};

    (void)snprintf(name, sizeof(name), "id%zu", id);
    filter.id = sfx_slice_str(name);
    assert_int_equal(sfx_queue_change(on, &filter, SFX_QUEUE_FORGET, filter.match, NULL),
                     model[id] != 0);
    model[id] = 0;
}

static void check_all(struct sfx_queue *on)
{
    size_t i;

    for (i = 0; i < NIDS; i++)
        assert_int_equal(seq_of(on, i), model[i]);
}

static void do_something(size_t step)
{
    size_t at = random_below(NQUEUES);
    struct sfx_queue *on = queues[at];
    size_t id = random_below(NIDS), i;

    switch (random_below(24)) {
    case 0:
        sfx_queue_close(on);
        queues[at] = open_queue(3 + at * 4);
        break;
    case 1: put_some(on, 0, NIDS, true); break;
    case 2: /* many, so that runs are of little use and are made anew */
        for (i = 0; i < NIDS / 3 && step % 16 == 0; i++)
            forget(on, (id + i) % NIDS);
        break;
    case 3:
    case 4:
    case 5: forget(on, id); break;
    case 6:
    case 7: assert_int_equal(seq_of(on, id), model[id]); break;
    default: put_some(on, id, 1 + random_below(40), false); break;
    }
}

static void test_knows_what_a_list_would_know(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < NQUEUES; i++)
        queues[i] = open_queue(3 + i * 4);
    for (i = 0; i < 6000; i++)
        do_something(i);
    for (i = 0; i < NQUEUES; i++)
        check_all(queues[i]);
    assert_int_equal(run_sql("SELECT count(*) - count(DISTINCT id) FROM event"), 0);
    /* What is gone takes no place for long. */
    assert_true(run_sql("SELECT sum(nkeys) FROM key_run") < 20 * NIDS);
    assert_true(run_sql("SELECT count(*) FROM key_run") < 40);
    assert_int_equal(run_sql("SELECT integrity_check <> 'ok' FROM pragma_integrity_check"), 0);
}

/* Runs of several pages, whose filters are read and made. */
static void test_knows_many(void **state)
{
    struct sfx_queue_put events[100] = {0};
    char names[100][16];
    size_t i, round;

    (void)state;
    queues[0] = open_queue(0);
    for (round = 0; round < 600; round++) {
        for (i = 0; i < 100; i++) {
            (void)snprintf(names[i], sizeof(names[i]), "n%zu", round % 400 * 100 + i);
            events[i].id = sfx_slice_str(names[i]);
            events[i].line = SFX_SLICE_LIT("{}");
        }
        if (round == 400) { /* none of what another has in memory */
            queues[1] = queues[0];
            queues[0] = open_queue(0);
        }
        assert_int_equal(sfx_queue_put(queues[0], events, 100, NULL), round < 400 ? 100 : 0);
    }
    assert_int_equal(sfx_queue_put(queues[1], events, 100, NULL), 0);
    assert_true(run_sql("SELECT max(npages) FROM key_run") > 50);
}

static void test_a_hash_alone_is_no_id(void **state)
{
    const size_t ids[] = {0, 1, 2, 3, 4, 5, 6};

    (void)state;
    queues[0] = open_queue(3);
    put_group(queues[0], ids, 7, false);
    sfx_queue_close(queues[0]);
    /* As if others had had the same hashes: one in a run, one of the newest. */
    (void)run_sql("UPDATE event SET id = 'x' || id WHERE id IN ('id0', 'id6')");
    queues[0] = open_queue(3);
    model[0] = model[6] = 0;
    put_group(queues[0], ids, 7, false);
    check_all(queues[0]);
}

/* Makes of the file what the first version of it was. */
static void downgrade(void)
{
    char sql[200];
    size_t i;

    (void)run_sql("DROP TABLE key_recent; DROP TABLE key_run; DROP TABLE key_page;"
                  "DROP INDEX task_leased; DROP INDEX task_delayed; DROP INDEX task_aside;"
                  "CREATE INDEX task_timed ON task(due_ms) WHERE state IN (1, 2);"
                  "CREATE TABLE known(hash INTEGER NOT NULL, seq INTEGER NOT NULL, "
                  "PRIMARY KEY(hash, seq)) WITHOUT ROWID;"
                  "DELETE FROM tally WHERE name LIKE 'key.%'; PRAGMA user_version=1");
    for (i = 0; i < NIDS; i++) {
        char name[16];
        int n = snprintf(name, sizeof(name), "id%zu", i);

        if (model[i] == 0)
            continue;
        (void)snprintf(sql, sizeof(sql), "INSERT INTO known VALUES(%lld, %lld)",
                       (long long)sfx_hash64(name, (size_t)n, 0), (long long)model[i]);
        (void)run_sql(sql);
    }
}

static void test_takes_over_a_file_of_the_first_version(void **state)
{
    size_t i;

    (void)state;
    queues[0] = open_queue(0);
    for (i = 0; i < 60; i++)
        put_some(queues[0], 0, NIDS / 2, false);
    forget(queues[0], 1);
    sfx_queue_close(queues[0]);
    downgrade();
    queues[0] = open_queue(0);
    queues[1] = open_queue(0);
    assert_int_equal(run_sql("PRAGMA user_version"), 2);
    assert_int_equal(run_sql("SELECT count(*) FROM sqlite_master WHERE name = 'known'"), 0);
    check_all(queues[0]);
    for (i = 0; i < 100; i++)
        put_some(queues[i % 2], 0, NIDS, false);
    check_all(queues[1]);
}

static void test_takes_over_an_empty_file_of_the_first_version(void **state)
{
    (void)state;
    sfx_queue_close(open_queue(0));
    downgrade();
    queues[0] = open_queue(0);
    put_some(queues[0], 0, NIDS, false);
    check_all(queues[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_knows_what_a_list_would_know),
        TEST(test_knows_many),
        TEST(test_a_hash_alone_is_no_id),
        TEST(test_takes_over_a_file_of_the_first_version),
        TEST(test_takes_over_an_empty_file_of_the_first_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
