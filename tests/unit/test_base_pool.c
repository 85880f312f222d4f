/* SPDX-License-Identifier: MIT */
/* The pool runs every job once, in bounded memory, away from the program's signals. */
#include "base/pool.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdatomic.h>

#define NJOBS 1000

struct job {
    atomic_int runs;
};

static void count_run(void *arg)
{
    struct job *job = arg;

    (void)atomic_fetch_add(&job->runs, 1);
}

static void every_job_runs_once(void **state)
{
    static struct job jobs[NJOBS];
    struct sfx_pool *pool = sfx_pool_new(4, 3, NULL);
    size_t i;

    (void)state;
    assert_non_null(pool);
    for (i = 0; i < NJOBS; i++)
        sfx_pool_submit(pool, count_run, &jobs[i]);
    sfx_pool_wait(pool);
    for (i = 0; i < NJOBS; i++)
        assert_int_equal(atomic_load(&jobs[i].runs), 1);
    sfx_pool_wait(pool); /* nothing to wait for */
    sfx_pool_free(pool);
}

static void freeing_waits_for_what_was_submitted(void **state)
{
    static struct job job;
    struct sfx_pool *pool = sfx_pool_new(1, 8, NULL);
    int i;

    (void)state;
    assert_non_null(pool);
    for (i = 0; i < 8; i++)
        sfx_pool_submit(pool, count_run, &job);
    sfx_pool_free(pool);
    assert_int_equal(atomic_load(&job.runs), 8);
    sfx_pool_free(NULL);
}

struct turn {
    int number;   /* this job's place in the order of submission */
    int *next;    /* the place whose turn it is; one thread, so no lock */
    int *nmissed; /* jobs that ran out of turn */
};

static void take_turn(void *arg)
{
    struct turn *turn = arg;

    if (*turn->next != turn->number)
        (*turn->nmissed)++;
    (*turn->next)++;
}

static void one_thread_keeps_the_order(void **state)
{
    struct sfx_pool *pool = sfx_pool_new(1, 2, NULL);
    struct turn turns[64];
    int next = 0;
    int nmissed = 0;
    int i;

    (void)state;
    assert_non_null(pool);
    for (i = 0; i < 64; i++) {
        turns[i] = (struct turn){i, &next, &nmissed};
        sfx_pool_submit(pool, take_turn, &turns[i]);
    }
    sfx_pool_free(pool);
    assert_int_equal(next, 64);
    assert_int_equal(nmissed, 0);
}

static void look_at_mask(void *arg)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, arg);
}

static void signals_stay_with_the_main_thread(void **state)
{
    struct sfx_pool *pool = sfx_pool_new(1, 1, NULL);
    sigset_t inside;
    sigset_t outside;

    (void)state;
    assert_non_null(pool);
    sigemptyset(&inside);
    sfx_pool_submit(pool, look_at_mask, &inside);
    sfx_pool_free(pool);
    assert_int_equal(sigismember(&inside, SIGTERM), 1);
    assert_int_equal(sigismember(&inside, SIGINT), 1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &outside), 0);
    assert_int_equal(sigismember(&outside, SIGTERM), 0);
}

static void there_is_a_processor(void **state)
{
    (void)state;
    assert_true(sfx_pool_ncpus() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(freeing_waits_for_what_was_submitted),
        cmocka_unit_test(one_thread_keeps_the_order),
        cmocka_unit_test(signals_stay_with_the_main_thread),
        cmocka_unit_test(there_is_a_processor),
    };

    return cmocka_run_group_tests_name("base_pool", tests, NULL, NULL);
}
