/* SPDX-License-Identifier: MIT */
/* Jobs of a relay: begun one after the other, taken in that order, whoever was faster. */
#include "base/relay.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <unistd.h>

#define NJOBS 2000

struct jobs {
    atomic_int beginning, working;
    atomic_bool overlapped; /* two began at the same time */
    uint64_t nbegun, last;  /* last: none begins behind that many */
    uint64_t number[SFX_RELAY_MAX_SLOTS], squares[SFX_RELAY_MAX_SLOTS];
    struct sfx_relay *relay;
    int fd; /* _begin waits for it; -1: it does not */
    int waited;
};

static bool begin(void *ctx, size_t slot)
{
    struct jobs *jobs = ctx;

    if (atomic_fetch_add(&jobs->beginning, 1) != 0)
        jobs->overlapped = true;
    if (jobs->fd >= 0)
        jobs->waited = sfx_relay_wait(jobs->relay, jobs->fd, NULL);
    jobs->number[slot] = jobs->nbegun++;
    (void)atomic_fetch_sub(&jobs->beginning, 1);
    return jobs->nbegun < jobs->last;
}

/* Some take longer than others. */
static void work(void *ctx, size_t slot)
{
    struct jobs *jobs = ctx;
    const uint64_t n = jobs->number[slot];

    (void)atomic_fetch_add(&jobs->working, 1);
    if (n % 7 == 0)
        (void)usleep((useconds_t)(n * 37 % 300));
    jobs->squares[slot] = n * n;
    (void)atomic_fetch_sub(&jobs->working, 1);
}

static struct jobs make_jobs(unsigned threads, uint64_t last)
{
    struct jobs jobs = {.last = last, .fd = -1};

    jobs.relay = sfx_relay_new(threads, NULL);
    assert_non_null(jobs.relay);
    return jobs;
}

static void jobs_are_taken_in_their_order(void **unused)
{
    unsigned threads;

    (void)unused;
    for (threads = 2; threads < 40; threads += 6) {
        struct jobs jobs = make_jobs(threads, NJOBS);
        struct sfx_relay_jobs how = {begin, work, &jobs, threads % 4 == 0};
        uint64_t i;

        sfx_relay_start(jobs.relay, &how);
        for (i = 0; i < NJOBS; i++) {
            const size_t slot = sfx_relay_next(jobs.relay);

            assert_true(slot < sfx_relay_nslots(threads));
            assert_int_equal(jobs.number[slot], i);
            assert_int_equal(jobs.squares[slot], i * i);
        }
        assert_false(jobs.overlapped);
        sfx_relay_free(jobs.relay);
    }
}

static void a_slot_stays_until_the_next_one_is_asked_for(void **unused)
{
    struct jobs jobs = make_jobs(3, NJOBS);
    const struct sfx_relay_jobs how = {begin, work, &jobs, false};
    size_t slot, nslots = sfx_relay_nslots(3);

    (void)unused;
    sfx_relay_start(jobs.relay, &how);
    slot = sfx_relay_next(jobs.relay);
    (void)usleep(20000);
    assert_int_equal(jobs.number[slot], 0);
    sfx_relay_stop(jobs.relay);
    /* While the caller keeps one, the others go as far as there are slots. */
    assert_int_equal(jobs.nbegun, nslots);
    sfx_relay_free(jobs.relay);
}

static void a_relay_that_was_stopped_starts_again(void **unused)
{
    struct jobs jobs = make_jobs(2, NJOBS);
    const struct sfx_relay_jobs how = {begin, work, &jobs, true};
    int round;

    (void)unused;
    for (round = 0; round < 200; round++) {
        int i;

        jobs.nbegun = 0;
        sfx_relay_start(jobs.relay, &how);
        for (i = 0; i < round % 5; i++)
            assert_int_equal(jobs.number[sfx_relay_next(jobs.relay)], i);
        sfx_relay_stop(jobs.relay);
        assert_int_equal(jobs.working, 0);
    }
    /* After the last job it starts without being stopped. */
    for (round = 0; round < 3; round++) {
        jobs.nbegun = 0;
        jobs.last = 1;
        sfx_relay_start(jobs.relay, &how);
        assert_int_equal(jobs.number[sfx_relay_next(jobs.relay)], 0);
    }
    sfx_relay_free(jobs.relay);
}

static void what_waits_is_known_and_can_be_stopped(void **unused)
{
    struct jobs jobs = make_jobs(2, NJOBS);
    const struct sfx_relay_jobs how = {begin, work, &jobs, false};
    int ends[2];

    (void)unused;
    assert_int_equal(pipe(ends), 0);
    jobs.fd = ends[0];
    sfx_relay_start(jobs.relay, &how);
    assert_true(sfx_relay_is_waiting(jobs.relay));
    assert_int_equal(write(ends[1], "x", 1), 1); /* stays there: nobody waits from now on */
    assert_int_equal(jobs.number[sfx_relay_next(jobs.relay)], 0);
    sfx_relay_stop(jobs.relay);
    assert_int_equal(read(ends[0], (char[1]){0}, 1), 1);
    jobs.nbegun = 0;
    sfx_relay_start(jobs.relay, &how);
    assert_true(sfx_relay_is_waiting(jobs.relay));
    sfx_relay_stop(jobs.relay);
    assert_int_equal(jobs.waited, SFX_E_TEMPORARY);
    sfx_relay_free(jobs.relay);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_taken_in_their_order),
        cmocka_unit_test(a_slot_stays_until_the_next_one_is_asked_for),
        cmocka_unit_test(a_relay_that_was_stopped_starts_again),
        cmocka_unit_test(what_waits_is_known_and_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
