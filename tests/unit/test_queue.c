/* SPDX-License-Identifier: MIT */
/* Queues: what is put once is given out until it is answered, whoever dies on the way. */
#include "queue/queue_sqlite_internal.h"
#include "queue_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ROUNDS 5000

static void test_puts_once_and_gives_out_in_order(void **state)
{
    (void)state;
    assert_int_equal(lease(10), 0);
    assert_int_equal(put("a", "", 0), 1);
    assert_int_equal(put("b", "", 0), 2);
    assert_int_equal(put("a", "", 0), 0);
    assert_int_equal(lease(10), 2);
    expect_id(0, "a");
    expect_id(1, "b");
    assert_int_equal(batch.events[0].attempt, 1);
    assert_true(sfx_slice_eq(batch.events[0].line,
                             SFX_SLICE_LIT("{\"specversion\":\"1.0\",\"id\":\"a\"}")));
    assert_int_equal(lease(10), 0);
    assert_int_equal(answer(1, SFX_QUEUE_ACK, 0), 1);
    assert_int_equal(answer(1, SFX_QUEUE_ACK, 0), 0);
    assert_int_equal(put("a", "", 0), 0); /* done, and still known */
    assert_int_equal(stats().depth[SFX_QUEUE_DONE], 1);
    assert_int_equal(stats().duplicates, 2);
    assert_int_equal(stats().acked, 1);
}

static void test_retries_after_the_delay_and_buries(void **state)
{
    (void)state;
    put("a", "", 0);
    put("b", "", 0);
    lease(2);
    assert_int_equal(answer(1, SFX_QUEUE_RETRY, 30), 1);
    assert_int_equal(answer(2, SFX_QUEUE_BURY, 0), 1);
    assert_int_equal(lease(2), 0);
    assert_int_equal(stats().depth[SFX_QUEUE_DELAYED], 1);
    assert_int_equal(stats().depth[SFX_QUEUE_DEAD], 1);
    while (lease(2) == 0)
        assert_true(sfx_queue_wait(q, 5000, NULL) >= 0);
    expect_id(0, "a");
    assert_int_equal(batch.events[0].attempt, 2);
    assert_int_equal(answer(1, SFX_QUEUE_GIVE_BACK, 0), 1);
    assert_int_equal(lease(2), 1);
    assert_int_equal(batch.events[0].attempt, 2);
}

static void test_delays_a_put(void **state)
{
    (void)state;
    put("a", "", 40);
    assert_int_equal(lease(1), 0);
    while (lease(1) == 0)
        assert_true(sfx_queue_wait(q, 5000, NULL) >= 0);
    expect_id(0, "a");
}

static void test_leases_end(void **state)
{
    struct sfx_queue *other = queue_open(NULL);
    int64_t seq = 1;

    (void)state;
    put("a", "", 0);
    assert_int_equal(lease_of(other, 1, 30, 0), 1);
    assert_int_equal(answer(1, SFX_QUEUE_RETRY, 0), 0); /* not held here */
    while (lease(1) == 0)
        assert_true(sfx_queue_wait(q, 5000, NULL) >= 0);
    assert_int_equal(batch.events[0].attempt, 2);
    assert_int_equal(sfx_queue_extend(other, &seq, 1, 60000, NULL), 0);
    assert_int_equal(sfx_queue_extend(q, &seq, 1, 60000, NULL), 1);
    assert_int_equal(stats().returned, 1);
    sfx_queue_close(other);
    assert_int_equal(lease(1), 0);
}

static void test_a_closed_handle_gives_back(void **state)
{
    struct sfx_queue *other = queue_open(NULL);

    (void)state;
    put("a", "", 0);
    assert_int_equal(lease_of(other, 1, 60000, 0), 1);
    sfx_queue_close(other);
    assert_int_equal(lease(1), 1);
    assert_int_equal(batch.events[0].attempt, 1);
}

static void test_a_killed_process_gives_back(void **state)
{
    int ready[2];
    char byte;
    pid_t pid;

    (void)state;
    put("a", "", 0);
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct sfx_queue *mine = queue_open(NULL);
        bool ok = lease_of(mine, 1, 60000, 0) == 1 && write(ready[1], "x", 1) == 1;

        while (ok)
            (void)pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(lease(1), 0);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    while (lease(1) == 0)
        assert_true(sfx_queue_wait(q, 5000, NULL) >= 0);
    assert_int_equal(batch.events[0].attempt, 2);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void test_a_poison_event_is_buried(void **state)
{
    (void)state;
    put("a", "", 0);
    assert_int_equal(lease_of(q, 1, 1, 1), 1);
    while (stats().depth[SFX_QUEUE_DEAD] == 0) {
        assert_int_equal(lease_of(q, 1, 1, 1), 0);
        (void)sfx_queue_wait(q, 5, NULL);
    }
}

static void test_a_put_wakes_who_waits(void **state)
{
    pid_t pid;

    (void)state;
    assert_int_equal(sfx_queue_wait(q, 0, NULL), 0);
    pid = fork();
    if (pid == 0) {
        (void)usleep(20000);
        q = queue_open(NULL);
        put("a", "", 0);
        sfx_queue_close(q);
        _exit(0);
    }
    /* Nothing is due, so the next look by itself would be after five seconds. */
    assert_int_equal(sfx_queue_wait(q, 4500, NULL), 1);
    (void)waitpid(pid, NULL, 0);
    assert_int_equal(lease(1), 1);
}

static int ack_part(const char *part, int attempt)
{
    char attempt_text[12], quoted[32];
    struct sfx_event_attr attrs[] = {{SFX_SLICE_LIT("sfxattempt"), {0}},
                                     {SFX_SLICE_LIT("sfxpart"), {0}}};
    struct sfx_event ev;

    (void)snprintf(attempt_text, sizeof(attempt_text), "%d", attempt);
    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", part);
    attrs[0].raw = sfx_slice_str(attempt_text);
    attrs[1].raw = sfx_slice_str(quoted);
    sfx_event_init(&ev);
    ev.id = SFX_SLICE_LIT("child");
    ev.root = SFX_SLICE_LIT("root");
    ev.attrs = attrs;
    ev.nattrs = 2;
    return sfx_queue_ack_event(q, &ev, NULL);
}

static void test_a_root_is_done_when_all_its_parts_are(void **state)
{
    (void)state;
    put("root", "", 0);
    lease(1);
    assert_int_equal(ack_part("1", 1), 0);
    assert_int_equal(ack_part("3!", 1), 0);
    assert_int_equal(ack_part("3!", 1), 0); /* told twice, counted once */
    assert_int_equal(ack_part("2.1", 1), 0);
    assert_int_equal(ack_part("2.2!", 2), 0); /* of another giving-out */
    assert_int_equal(ack_part("2.2!.1!", 1), 1);
    assert_int_equal(stats().depth[SFX_QUEUE_DONE], 1);
    assert_int_equal(ack_part("1!", 1), 0);
}

static void test_a_failed_part_fails_the_root(void **state)
{
    const struct sfx_queue_retry how = {.retries = 1, .base_ms = 0, .cap_ms = 0};
    struct sfx_event ev;

    (void)state;
    put("root", "", 0);
    sfx_event_init(&ev);
    ev.id = SFX_SLICE_LIT("root");
    lease(1);
    assert_int_equal(sfx_queue_fail_event(q, &ev, &how, false, SFX_SLICE_LIT("x"), NULL), 1);
    assert_int_equal(lease(1), 1);
    assert_int_equal(sfx_queue_fail_event(q, &ev, &how, false, SFX_SLICE_LIT("x"), NULL), 1);
    assert_int_equal(stats().depth[SFX_QUEUE_DEAD], 1);
}

static void test_repairs_by_hand(void **state)
{
    struct sfx_queue_filter dead = {.states = 1u << SFX_QUEUE_DEAD};
    struct sfx_queue_filter all = {0};
    struct sfx_slice none = {0};

    (void)state;
    put("a", "", 0);
    put("b", "k", 0);
    put("c", "k", 0);
    assert_int_equal(sfx_queue_change(q, &all, SFX_QUEUE_KILL, SFX_SLICE_LIT("by hand"), NULL), 3);
    assert_int_equal(stats().depth[SFX_QUEUE_DEAD], 3);
    assert_int_equal(sfx_queue_change(q, &dead, SFX_QUEUE_REVIVE, none, NULL), 3);
    assert_int_equal(lease(10), 2);
    assert_int_equal(sfx_queue_change(q, &all, SFX_QUEUE_FORGET, none, NULL), 1);
    assert_int_equal(sfx_queue_change(q, &all, SFX_QUEUE_FINISH, none, NULL), 2);
    assert_int_equal(sfx_queue_change(q, &all, SFX_QUEUE_FORGET, none, NULL), 2);
    assert_true(put("a", "", 0) > 3); /* forgotten; numbers are never given twice */
}

static void test_forgets_after_the_retention_time(void **state)
{
    (void)state;
    put("a", "", 0);
    lease(1);
    answer(1, SFX_QUEUE_ACK, 0);
    assert_int_equal(sfx_queue_set_retention(q, 1, NULL), 0);
    while (stats().depth[SFX_QUEUE_DONE] > 0) {
        (void)usleep(100000);
        put("b", "", 0);
    }
}

static int see_invocation(void *ctx, int64_t number, const struct sfx_queue_invocation *inv,
                          struct sfx_err *err)
{
    (void)err;
    (void)number;
    (*(int *)ctx)++;
    assert_true(sfx_slice_eq(inv->event_id, SFX_SLICE_LIT("a")));
    assert_true(sfx_slice_eq(inv->function, SFX_SLICE_LIT("f")));
    assert_true(sfx_slice_eq(inv->context, SFX_SLICE_LIT("{\"argv\":[]}")));
    assert_true(sfx_slice_eq(inv->error, SFX_SLICE_LIT("exit")));
    assert_int_equal(inv->exit_code, 3);
    assert_int_equal(inv->duration_ns, 5000000);
    assert_int_equal(inv->stderr_text.len, SFX_QUEUE_STDERR_NBYTES);
    assert_true(inv->share == 1.0);
    return 0;
}

static void test_keeps_invocations(void **state)
{
    struct sfx_queue_invocation_filter filter = {.function = SFX_SLICE_LIT("f")};
    static char noise[SFX_QUEUE_STDERR_NBYTES + 5];
    struct sfx_queue_invocation inv = {.function = SFX_SLICE_LIT("f"),
                                       .attempt = 1,
                                       .start_ns = 1000,
                                       .duration_ns = 5000000,
                                       .exit_code = 3,
                                       .error = SFX_SLICE_LIT("exit"),
                                       .stderr_text = {noise, sizeof(noise)},
                                       .context = SFX_SLICE_LIT("{\"argv\":[]}")};
    struct sfx_queue_result result = {.seq = 1, .invocation = &inv};
    int seen = 0;

    (void)state;
    memset(noise, 'x', sizeof(noise));
    put("a", "", 0);
    lease(1);
    assert_int_equal(sfx_queue_settle(q, &result, 1, NULL), 1);
    inv.event_id = SFX_SLICE_LIT("a");
    assert_int_equal(sfx_queue_record(q, &inv, 1, NULL), 0);
    assert_int_equal(sfx_queue_invocations(q, &filter, see_invocation, &seen, NULL), 0);
    assert_int_equal(seen, 2);
    filter.since_ns = 2000;
    assert_int_equal(sfx_queue_invocations(q, &filter, see_invocation, &seen, NULL), 0);
    assert_int_equal(seen, 2);
}

static void test_counts_what_sources_tell(void **state)
{
    struct sfx_queue_stats s;

    (void)state;
    assert_int_equal(sfx_queue_count(q, "overflows", 2, NULL), 0);
    assert_int_equal(sfx_queue_count(q, "overflows", 1, NULL), 0);
    put("a", "", 0);
    s = stats();
    assert_int_equal(s.ncounters, 1);
    assert_string_equal(s.counters[0].name, "overflows");
    assert_int_equal(s.counters[0].value, 3);
}

/* Of a million events that wait, nothing but those that are wanted is looked at. */
static void test_no_statement_goes_through_a_table(void **state)
{
    char path[100];
    sqlite3 *db;
    int id;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/q", queue_folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (id = 0; id < SFX_SQL_N; id++) {
        const char *text = sfx_queue_sql_text_of((enum sfx_queue_sql)id);
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", text);
        sqlite3_stmt *stmt;

        /* The old table is read once; the names that are counted, holders and runs are few; an
         * index of a state has what is in that state. */
        if (strstr(text, "FROM known") == NULL) {
            assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
            while (sqlite3_step(stmt) == SQLITE_ROW) {
                const char *plan = (const char *)sqlite3_column_text(stmt, 3);

                if (strncmp(plan, "SCAN ", 5) == 0 && strcmp(plan, "SCAN CONSTANT ROW") != 0 &&
                    strcmp(plan, "SCAN tally") != 0 && strcmp(plan, "SCAN holder") != 0 &&
                    strcmp(plan, "SCAN h") != 0 && strcmp(plan, "SCAN key_run") != 0 &&
                    strcmp(plan, "SCAN key_recent") != 0 && strcmp(plan, "SCAN w") != 0 &&
                    strncmp(plan, "SCAN (", 6) != 0 &&
                    (id < SFX_SQL_LIST_READY || id > SFX_SQL_LIST_DEAD ||
                     strstr(plan, " USING INDEX task_") == NULL))
                    fail_msg("%s: %s", text, plan);
            }
            assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
        }
        sqlite3_free(sql);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A filter shows the same whatever way its rows are found. */
static void test_lists_by_state(void **state)
{
    const char *const lanes[] = {"", "k", "m"};
    uint64_t depth[SFX_QUEUE_NSTATES], counted[SFX_QUEUE_NSTATES];
    char id[16];
    int i;

    (void)state;
    for (i = 0; i < 1200; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        put(id, lanes[i % 3], i % 7 == 6 ? 100000 : 0);
    }
    for (i = 0; i < 40; i++)
        lease(3);
    for (i = 0; i < 90; i++) {
        lease(1);
        if (batch.count > 0)
            answer(batch.events[0].seq, i % 2 == 0 ? SFX_QUEUE_ACK : SFX_QUEUE_BURY, 0);
    }
    memcpy(depth, stats().depth, sizeof(depth));
    for (i = 0; i < SFX_QUEUE_NSTATES; i++) {
        struct sfx_queue_filter filter = {.states = 1u << i};

        memset(counted, 0, sizeof(counted));
        assert_true(depth[i] > 0);
        assert_int_equal(sfx_queue_list(q, &filter, count_row, counted, NULL), 0);
        assert_int_equal(counted[i], depth[i]);
        filter.until_ms = 1;
        assert_int_equal(sfx_queue_list(q, &filter, count_row, counted, NULL), 0);
        filter.until_ms = 0;
        filter.newest_first = true;
        filter.limit = 1;
        assert_int_equal(sfx_queue_list(q, &filter, count_row, counted, NULL), 0);
        assert_int_equal(counted[i], depth[i] + 1);
    }
}

static int open_fails(const char *name, bool create)
{
    const struct sfx_queue_opts opts = {.create = create};
    char other[100];
    struct sfx_err err;

    (void)snprintf(other, sizeof(other), "sqlite:%s/%s", queue_folder, name);
    assert_null(sfx_queue_open(other, &opts, &err));
    assert_non_null(strstr(err.text, other));
    return (int)err.code;
}

static void test_refuses_what_is_no_queue(void **state)
{
    char path[100];
    FILE *f;

    (void)state;
    assert_int_equal(open_fails("none", false), SFX_E_USAGE);
    (void)queue_sql("foreign", "CREATE TABLE t(a)");
    assert_int_equal(open_fails("foreign", true), SFX_E_USAGE);
    (void)snprintf(path, sizeof(path), "%s/text", queue_folder);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f, "%s",
                  "this is a text and no database, although it is longer than a header…"
                  "…………………………………………………………………………………………………………………………………………");
    assert_int_equal(fclose(f), 0);
    assert_int_equal(open_fails("text", true), SFX_E_USAGE);
    (void)queue_sql("q", "PRAGMA user_version=99");
    assert_int_equal(open_fails("q", true), SFX_E_UNSUPPORTED);
    assert_false(sfx_queue_is_uri("kafka:x"));
    assert_null(sfx_queue_open("kafka:x", &(struct sfx_queue_opts){0}, NULL));
}

static void test_a_locked_file_is_a_temporary_failure(void **state)
{
    struct sfx_queue_put ev = {.id = SFX_SLICE_LIT("a"), .line = SFX_SLICE_LIT("{}")};
    char path[100];
    sqlite3 *db;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/q", queue_folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sfx_queue_put(q, &ev, 1, NULL), SFX_E_TEMPORARY);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sfx_queue_put(q, &ev, 1, NULL), 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Few keys, so that kills fall into the merging of keys as well. */
static struct sfx_queue *open_to_be_killed(void)
{
    const struct sfx_queue_opts opts = {.create = true, .name = "test", .recent_keys = 7};

    return queue_open(&opts);
}

/* What a producer was told of each round, shared with the processes that are killed. */
struct told {
    int put[MAX_ROUNDS]; /* events whose put came back */
};

/*
 * Puts events, each id twice, until it is killed; first again what the round before had put, as a
 * producer does that begins anew.
 */
static void produce_forever(struct told *told, int round)
{
    char id[32];
    int i;

    q = open_to_be_killed();
    for (i = 0; round > 0 && i < told->put[round - 1]; i++) {
        (void)snprintf(id, sizeof(id), "%d.%d", round - 1, i);
        if (put(id, "", 0) != 0)
            _exit(3); /* what was put is known, or it was lost */
    }
    for (i = 0;; i++) {
        (void)snprintf(id, sizeof(id), "%d.%d", round, i / 2);
        put(id, "", 0);
        told->put[round] = i / 2 + 1;
    }
}

/* Acknowledges one by one and all at once, in turns. */
static void consume_forever(void)
{
    struct sfx_queue_result results[4] = {0};
    size_t turn, i;

    q = open_to_be_killed();
    for (turn = 0;; turn++) {
        lease(4);
        for (i = 0; i < batch.count; i++) {
            results[i].seq = batch.events[i].seq;
            if (turn % 2 == 0)
                answer(results[i].seq, SFX_QUEUE_ACK, 0);
        }
        if (turn % 2 == 1 && sfx_queue_settle(q, results, batch.count, NULL) < 0)
            _exit(3);
    }
}

static void kill_a_round(struct told *told, int round)
{
    pid_t producer = fork(), consumer;
    int status;

    if (producer == 0)
        produce_forever(told, round);
    consumer = fork();
    if (consumer == 0)
        consume_forever();
    (void)usleep(5000 + (useconds_t)(round * 7919 % 13000));
    (void)kill(round % 2 == 0 ? producer : consumer, SIGKILL);
    (void)usleep(2000);
    (void)kill(producer, SIGKILL);
    (void)kill(consumer, SIGKILL);
    assert_int_equal(waitpid(producer, &status, 0), producer);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(waitpid(consumer, &status, 0), consumer);
    assert_true(WIFSIGNALED(status));
}

/* SFX_KILLS: how many, of producers and consumers; two a round. */
static void test_kills_lose_and_repeat_nothing(void **state)
{
    const char *kills = getenv("SFX_KILLS");
    int rounds = kills != NULL ? atoi(kills) / 2 : 20, round;
    struct told *told =
        mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sfx_queue_stats s;
    int64_t promised = 0;

    (void)state;
    assert_true(told != MAP_FAILED && rounds <= MAX_ROUNDS);
    (void)alarm(60 + (unsigned)rounds);
    for (round = 0; round < rounds; round++)
        kill_a_round(told, round);
    do {
        size_t i;

        lease(64);
        for (i = 0; i < batch.count; i++)
            assert_int_equal(answer(batch.events[i].seq, SFX_QUEUE_ACK, 0), 1);
        if (batch.count == 0)
            (void)sfx_queue_wait(q, 1100, NULL);
        s = stats();
    } while (s.depth[SFX_QUEUE_DONE] < s.put);
    assert_int_equal(s.acked, s.put);
    for (round = 0; round < rounds; round++)
        promised += told->put[round];
    /* A put may have come to its end, and its producer have been killed before it could say so. */
    assert_in_range(s.put, promised, promised + rounds);
    assert_int_equal(queue_sql("q", "SELECT count(*) - count(DISTINCT id) FROM event"), 0);
    assert_int_equal(munmap(told, sizeof(*told)), 0);
}

static void test_adds_the_attempt_to_lines(void **state)
{
    struct sfx_queue_event ev = {.line = SFX_SLICE_LIT("{\"id\":\"a\"}"), .attempt = 7};
    struct sfx_buf out = {0};

    (void)state;
    assert_int_equal(sfx_queue_event_line(&ev, &out, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL), "{\"id\":\"a\",\"sfxattempt\":7}\n");
    sfx_buf_done(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_set_up, queue_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_puts_once_and_gives_out_in_order),
        TEST(test_retries_after_the_delay_and_buries),
        TEST(test_delays_a_put),
        TEST(test_leases_end),
        TEST(test_a_closed_handle_gives_back),
        TEST(test_a_killed_process_gives_back),
        TEST(test_a_poison_event_is_buried),
        TEST(test_a_put_wakes_who_waits),
        TEST(test_a_root_is_done_when_all_its_parts_are),
        TEST(test_a_failed_part_fails_the_root),
        TEST(test_repairs_by_hand),
        TEST(test_forgets_after_the_retention_time),
        TEST(test_keeps_invocations),
        TEST(test_counts_what_sources_tell),
        TEST(test_no_statement_goes_through_a_table),
        TEST(test_lists_by_state),
        TEST(test_refuses_what_is_no_queue),
        TEST(test_a_locked_file_is_a_temporary_failure),
        TEST(test_kills_lose_and_repeat_nothing),
        TEST(test_adds_the_attempt_to_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
