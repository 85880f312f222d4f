/* SPDX-License-Identifier: MIT */
/* Queues: of one key the first alone is in somebody's hand; answers that come many at once. */
#include "queue_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void test_a_lane_goes_one_by_one(void **state)
{
    (void)state;
    put("a1", "k", 0);
    put("a2", "k", 0);
    put("b1", "m", 0);
    assert_int_equal(lease(10), 2);
    expect_id(0, "a1");
    expect_id(1, "b1");
    assert_int_equal(lease(10), 0);
    answer(1, SFX_QUEUE_RETRY, 20); /* the next waits behind it */
    assert_int_equal(stats().depth[SFX_QUEUE_BLOCKED], 1);
    while (lease(10) == 0)
        assert_true(sfx_queue_wait(q, 5000, NULL) >= 0);
    expect_id(0, "a1");
    assert_int_equal(batch.count, 1);
    answer(1, SFX_QUEUE_ACK, 0);
    assert_int_equal(lease(10), 1);
    expect_id(0, "a2");
}

static void test_a_run_of_a_lane_is_in_one_hand(void **state)
{
    const struct sfx_queue_lease runs = {.max = 3, .visible_ms = 60000, .runs = true};

    (void)state;
    put("a1", "k", 0);
    put("a2", "k", 0);
    put("a3", "k", 0);
    put("a4", "k", 0);
    assert_int_equal(sfx_queue_lease(q, &runs, &batch, NULL), 3);
    expect_id(2, "a3");
    answer(1, SFX_QUEUE_ACK, 0);
    answer(2, SFX_QUEUE_RETRY, 0);
    assert_int_equal(lease(3), 0); /* a3 is still held */
    answer(3, SFX_QUEUE_RETRY, 0);
    assert_int_equal(lease(3), 1);
    expect_id(0, "a2");
}

/* Changes the event with this id by hand. */
static void by_hand(const char *id, enum sfx_queue_change change)
{
    const struct sfx_queue_filter filter = {.id = sfx_slice_str(id)};

    assert_int_equal(sfx_queue_change(q, &filter, change, sfx_slice(NULL, 0), NULL), 1);
}

static void test_a_dead_letter_that_comes_back_is_the_first_of_its_lane(void **state)
{
    (void)state;
    put("a1", "k", 0);
    put("a2", "k", 0);
    put("a3", "k", 0);
    by_hand("a1", SFX_QUEUE_KILL);
    by_hand("a2", SFX_QUEUE_KILL);
    assert_int_equal(stats().depth[SFX_QUEUE_READY], 1);
    by_hand("a2", SFX_QUEUE_REVIVE);
    by_hand("a1", SFX_QUEUE_REVIVE);
    assert_int_equal(lease(10), 1);
    expect_id(0, "a1");
    answer(1, SFX_QUEUE_ACK, 0);
    assert_int_equal(lease(10), 1);
    expect_id(0, "a2");
    answer(2, SFX_QUEUE_BURY, 0);
    assert_int_equal(lease(10), 1);
    expect_id(0, "a3");
    by_hand("a2", SFX_QUEUE_REVIVE); /* its lane is in a hand */
    assert_int_equal(lease(10), 0);
    answer(3, SFX_QUEUE_RETRY, 0);
    assert_int_equal(lease(10), 1);
    expect_id(0, "a2");
}

/* Acknowledges numbers from first to last at once. Returns how many were applied. */
static int64_t ack_row(struct sfx_queue *from, int64_t first, int64_t last)
{
    struct sfx_queue_result results[16] = {0};
    size_t n = 0;

    for (; first <= last; first++)
        results[n++].seq = first;
    return sfx_queue_settle(from, results, n, NULL);
}

static void test_lanes_go_on_behind_answers_in_a_row(void **state)
{
    char id[16], lane[16];
    int i;

    (void)state;
    for (i = 0; i < 12; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        (void)snprintf(lane, sizeof(lane), "k%d", i % 4);
        put(id, lane, 0);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(lease(16), 4);
        assert_int_equal(batch.events[0].seq, 1 + i * 4);
        assert_int_equal(ack_row(q, 1 + i * 4, 4 + i * 4), 4);
        assert_int_equal(stats().acked, (i + 1) * 4);
    }
    assert_int_equal(lease(16), 0);
    assert_int_equal(stats().depth[SFX_QUEUE_DONE], 12);
}

static void test_answers_in_a_row_count_once(void **state)
{
    struct sfx_queue *other = queue_open(NULL);
    struct sfx_queue_result twice[] = {
        {.seq = 9}, {.seq = 9}, {.seq = 10, .outcome = SFX_QUEUE_RETRY}, {.seq = 11}, {.seq = 99}};
    char id[16];
    int i;

    (void)state;
    for (i = 1; i <= 12; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        put(id, "", 0);
    }
    assert_int_equal(lease_of(other, 2, 60000, 0), 2);
    assert_int_equal(lease(10), 10);
    assert_int_equal(answer(4, SFX_QUEUE_ACK, 0), 1);
    /* 1 and 2 are another's, who may say that they are done; 4 is done already. */
    assert_int_equal(ack_row(q, 2, 6), 4);
    assert_int_equal(ack_row(other, 1, 2), 1);
    assert_int_equal(ack_row(q, 7, 8), 2);
    assert_int_equal(sfx_queue_settle(q, twice, 5, NULL), 3);
    assert_true(twice[0].applied && !twice[1].applied && twice[2].applied && twice[3].applied);
    assert_false(twice[4].applied);
    assert_int_equal(stats().acked, 10);
    assert_int_equal(stats().depth[SFX_QUEUE_READY], 1);
    assert_int_equal(stats().depth[SFX_QUEUE_LEASED], 1);
    sfx_queue_close(other);
}

/* What was given out too often is taken out of the middle of a batch. */
static void test_a_row_with_a_poison_event_is_leased(void **state)
{
    (void)state;
    put("1", "", 0);
    put("2", "k", 0);
    put("3", "k", 0);
    put("4", "", 0);
    assert_int_equal(lease(2), 2);
    answer(1, SFX_QUEUE_GIVE_BACK, 0);
    answer(2, SFX_QUEUE_RETRY, 0);
    assert_int_equal(lease_of(q, 10, 60000, 1), 2);
    expect_id(0, "1");
    expect_id(1, "4");
    assert_int_equal(stats().depth[SFX_QUEUE_DEAD], 1);
    assert_int_equal(stats().leased, 4);
    assert_int_equal(lease(10), 1);
    expect_id(0, "3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_set_up, queue_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lane_goes_one_by_one),
        TEST(test_a_run_of_a_lane_is_in_one_hand),
        TEST(test_a_dead_letter_that_comes_back_is_the_first_of_its_lane),
        TEST(test_lanes_go_on_behind_answers_in_a_row),
        TEST(test_answers_in_a_row_count_once),
        TEST(test_a_row_with_a_poison_event_is_leased),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
