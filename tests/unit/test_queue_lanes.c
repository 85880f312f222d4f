/* SPDX-License-Identifier: MIT */
/* Queues: of one key the first alone is in somebody's hand. */
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_set_up, queue_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lane_goes_one_by_one),
        TEST(test_a_run_of_a_lane_is_in_one_hand),
        TEST(test_a_dead_letter_that_comes_back_is_the_first_of_its_lane),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
