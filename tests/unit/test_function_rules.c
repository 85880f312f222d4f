/* SPDX-License-Identifier: MIT */
/* The rules of functions: retries, rates, breakers, prices, and a day of the autoscaler. */
#include "base/size.h"
#include "function/meter.h"
#include "function/retry.h"
#include "function/scale.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define MS INT64_C(1000000)
#define S  (1000 * MS)

static const struct sfx_retry_policy policy = {
    .retries = 5, .backoff_ns = S, .backoff_max_ns = 10 * S, .max_age_ns = 0};

static enum sfx_verdict decide(int exit_code, uint64_t attempts, uint64_t random, int64_t *delay_ns)
{
    const struct sfx_retry_facts facts = {.exit_code = exit_code, .attempts = attempts};

    return sfx_retry_decide(&policy, &facts, random, delay_ns);
}

static void test_verdicts(void **state)
{
    int64_t delay;

    (void)state;
    assert_int_equal(decide(0, 1, 0, &delay), SFX_VERDICT_ACK);
    assert_int_equal(decide(65, 1, 0, &delay), SFX_VERDICT_DEAD);
    assert_int_equal(decide(75, 1, 0, &delay), SFX_VERDICT_RETRY);
    assert_int_equal(decide(137, 5, 0, &delay), SFX_VERDICT_RETRY);
    assert_int_equal(decide(137, 6, 0, &delay), SFX_VERDICT_DEAD);
}

/* The delay's bound doubles up to the most, and every value up to it is possible. */
static void test_backoff(void **state)
{
    static const int64_t bounds[] = {S, 2 * S, 4 * S, 8 * S, 10 * S};
    int64_t delay;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(bounds); i++) {
        assert_int_equal(decide(1, i + 1, (uint64_t)bounds[i], &delay), SFX_VERDICT_RETRY);
        assert_true(delay == bounds[i]);
        (void)decide(1, i + 1, (uint64_t)bounds[i] + 1, &delay);
        assert_true(delay == 0);
    }
}

static void test_age(void **state)
{
    const struct sfx_retry_policy old = {
        .retries = 5, .backoff_ns = S, .backoff_max_ns = S, .max_age_ns = 10 * S};
    struct sfx_retry_facts facts = {.exit_code = 1, .attempts = 1, .age_ns = 9 * S};
    int64_t delay;

    (void)state;
    assert_int_equal(sfx_retry_decide(&old, &facts, S, &delay), SFX_VERDICT_RETRY);
    facts.age_ns++;
    assert_int_equal(sfx_retry_decide(&old, &facts, S, &delay), SFX_VERDICT_DEAD);
}

/* A thousand asks in a second that come as fast as they can are let through at the rate. */
static void test_tokens(void **state)
{
    struct sfx_tokens tokens = {.rate = 100, .burst = 10};
    int64_t now = S;
    int let = 0;

    (void)state;
    while (now < 2 * S) {
        int64_t wait = sfx_tokens_take(&tokens, now);

        let += wait == 0;
        now += wait > 0 ? wait : 1000;
    }
    assert_in_range(let, 108, 111);
}

static void test_breaker(void **state)
{
    struct sfx_breaker b = {.limit = 3, .open_ns = 10 * S};

    (void)state;
    assert_false(sfx_breaker_tell(&b, true, S));
    assert_false(sfx_breaker_tell(&b, true, S));
    assert_false(sfx_breaker_tell(&b, false, S));
    assert_false(sfx_breaker_tell(&b, true, S));
    assert_false(sfx_breaker_tell(&b, true, S));
    assert_true(sfx_breaker_ask(&b, S) == 0);
    assert_true(sfx_breaker_tell(&b, true, S));
    assert_true(sfx_breaker_ask(&b, S) == 10 * S);
    assert_true(sfx_breaker_ask(&b, 11 * S) == 0); /* half open: one try */
    assert_true(sfx_breaker_ask(&b, 11 * S) > 0);
    assert_false(sfx_breaker_tell(&b, true, 11 * S)); /* failed: open again */
    assert_true(sfx_breaker_ask(&b, 12 * S) == 9 * S);
    assert_true(sfx_breaker_ask(&b, 21 * S) == 0);
    assert_false(sfx_breaker_tell(&b, false, 21 * S));
    assert_true(sfx_breaker_ask(&b, 21 * S) == 0);
    assert_true(sfx_breaker_ask(&b, 21 * S) == 0);
}

static void test_price(void **state)
{
    struct sfx_meter m = {.duration_ns = 1 * MS + 1, .peak_nbytes = 1, .limit_nbytes = 0};
    struct sfx_price price;
    struct sfx_err err = {0};

    (void)state;
    assert_int_equal(sfx_price_read("lambda-x86", &price, &err), 0);
    assert_true(sfx_meter_billed_ms(&m) == 2);
    assert_true(sfx_meter_memory_mb(&m) == 1);
    /* A million of 100 ms with 1 GB: 1.6667 USD for the time, 0.20 for the requests. */
    m.duration_ns = 100 * MS;
    m.limit_nbytes = UINT64_C(1) << 30;
    assert_true(sfx_meter_gb_seconds(&m) > 0.0999 && sfx_meter_gb_seconds(&m) < 0.1001);
    assert_true(1e6 * sfx_meter_cost(&m, &price) > 1.866 &&
                1e6 * sfx_meter_cost(&m, &price) < 1.868);
    assert_int_equal(sfx_price_read("lambda-x87", &price, &err), SFX_E_USAGE);
}

/* --- a simulated function -------------------------------------------------------------------- */

enum { MAX = 16 };

struct instance {
    enum { NONE, STARTING, IDLE, BUSY } state;
    int64_t until_ns; /* STARTING, BUSY: when that ends; IDLE: since when */
};

struct simulation {
    struct sfx_scale_rule rule;
    int64_t init_ns, service_ns; /* what they really take */
    struct instance in[MAX];
    int64_t now;
    uint64_t waiting, done;
    uint64_t starts, ends, most;
    int64_t last_end_ns;       /* -1: none */
    int64_t shortest_swing_ns; /* between an end and a start: how fast it oscillates */
};

static struct sfx_scale_facts facts_of(const struct simulation *s, size_t *oldest)
{
    struct sfx_scale_facts f = {
        .waiting = s->waiting, .service_ns = s->service_ns, .init_ns = s->init_ns};
    size_t i;

    *oldest = MAX;
    for (i = 0; i < MAX; i++) {
        f.starting += s->in[i].state == STARTING;
        f.busy += s->in[i].state == BUSY;
        f.idle += s->in[i].state == IDLE;
        if (s->in[i].state == IDLE &&
            (*oldest == MAX || s->in[i].until_ns < s->in[*oldest].until_ns))
            *oldest = i;
    }
    if (*oldest < MAX)
        f.longest_idle_ns = s->now - s->in[*oldest].until_ns;
    return f;
}

static void start_one(struct simulation *s)
{
    size_t i = 0;

    while (s->in[i].state != NONE)
        i++;
    s->in[i] = (struct instance){STARTING, s->now + s->init_ns};
    s->starts++;
    if (s->last_end_ns >= 0 && s->now - s->last_end_ns < s->shortest_swing_ns)
        s->shortest_swing_ns = s->now - s->last_end_ns;
}

/* Lets what is due happen at s->now, hands out work, asks the rule. */
static void act(struct simulation *s)
{
    struct sfx_scale_step step;
    struct sfx_scale_facts f;
    size_t i, oldest;

    for (i = 0; i < MAX; i++) {
        struct instance *in = &s->in[i];

        if ((in->state == STARTING || in->state == BUSY) && in->until_ns <= s->now) {
            s->done += in->state == BUSY;
            *in = (struct instance){IDLE, s->now};
        }
    }
    for (i = 0; i < MAX && s->waiting > 0; i++) {
        size_t at = MAX, j;

        for (j = 0; j < MAX; j++) { /* the one that was busy last */
            if (s->in[j].state == IDLE && (at == MAX || s->in[j].until_ns > s->in[at].until_ns))
                at = j;
        }
        if (at == MAX)
            break;
        s->in[at] = (struct instance){BUSY, s->now + s->service_ns};
        s->waiting--;
    }
    f = facts_of(s, &oldest);
    step = sfx_scale_decide(&s->rule, &f);
    assert_true(f.busy + f.idle + f.starting + step.start <= s->rule.max);
    for (; step.start > 0; step.start--)
        start_one(s);
    if (step.end > 0) {
        assert_true(oldest < MAX);
        s->in[oldest].state = NONE;
        s->ends++;
        s->last_end_ns = s->now;
        act(s); /* one at a time */
    }
    f = facts_of(s, &oldest);
    if (f.busy + f.idle + f.starting > s->most)
        s->most = f.busy + f.idle + f.starting;
}

/* When something will happen by itself; INT64_MAX: never. */
static int64_t next_of(const struct simulation *s)
{
    int64_t next = INT64_MAX;
    size_t i;

    for (i = 0; i < MAX; i++) {
        int64_t at =
            s->in[i].state == IDLE ? s->in[i].until_ns + s->rule.idle_ns : s->in[i].until_ns;

        if (s->in[i].state != NONE && at > s->now && at < next)
            next = at;
    }
    return next;
}

static void run_until(struct simulation *s, int64_t until)
{
    int64_t next;

    while ((next = next_of(s)) <= until) {
        s->now = next;
        act(s);
    }
    s->now = until;
    act(s);
}

/* The least time for n events with what may be started: the best number of instances. */
static int64_t ideal(const struct simulation *s, uint64_t n)
{
    int64_t best = INT64_MAX;
    uint64_t k;

    for (k = 1; k <= s->rule.max; k++) {
        int64_t took = s->init_ns + (int64_t)((n + k - 1) / k) * s->service_ns;

        best = took < best ? took : best;
    }
    return best;
}

/* A day of bursts of 1 to 4,000 events, minutes apart, for a function with these times. */
static void simulate_day(int64_t init_ns, int64_t service_ns, uint64_t min)
{
    struct simulation s = {
        .rule = {min, MAX, 60 * S}, .init_ns = init_ns, .service_ns = service_ns};
    uint64_t seed = 1, bursts = 0, sent = 0;
    double worst = 0;

    s.last_end_ns = -1;
    s.shortest_swing_ns = INT64_MAX;
    act(&s);
    while (s.now < 24 * 3600 * S) {
        uint64_t n;
        int64_t began = s.now, gap;
        double ratio;

        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        n = UINT64_C(1) << ((seed >> 33) % 12);
        n += (seed >> 40) % n;
        gap = 1 * S + (int64_t)((seed >> 20) % 300) * S;
        s.waiting += n;
        sent += n;
        bursts++;
        act(&s);
        while (s.done < sent) {
            s.now = next_of(&s);
            act(&s);
        }
        ratio = (double)(s.now - began) / (double)ideal(&s, n);
        worst = ratio > worst ? ratio : worst;
        run_until(&s, s.now + gap);
    }
    run_until(&s, s.now + 3600 * S);
    print_message("init %lld ms, service %lld ms: %llu bursts, %llu events, %llu starts, worst "
                  "drain %.2f of the ideal\n",
                  (long long)(init_ns / MS), (long long)(service_ns / MS),
                  (unsigned long long)bursts, (unsigned long long)sent,
                  (unsigned long long)s.starts, worst);
    assert_true(worst <= 2.1); /* twice only where a start takes longer than all the work */
    assert_true(s.starts == s.ends + min); /* to zero, or to what is kept */
    assert_true(s.starts <= bursts * MAX);
    assert_true(s.most <= MAX);
}

static void test_day_of_bursts(void **state)
{
    (void)state;
    simulate_day(94 * MS, 5 * MS, 0);  /* node */
    simulate_day(16 * MS, 20 * MS, 0); /* python */
    simulate_day(5 * S, 50 * MS, 0);   /* a model that is loaded */
    simulate_day(94 * MS, 2 * S, 0);
    simulate_day(94 * MS, 5 * MS, 2);
}

/* A steady load that needs 3.5 instances: they stay, none is ended and started again. */
static void test_no_oscillation(void **state)
{
    struct simulation s = {.rule = {0, MAX, 10 * S}, .init_ns = 100 * MS, .service_ns = 35 * MS};
    uint64_t starts = 0;
    int64_t i;

    (void)state;
    s.last_end_ns = -1;
    s.shortest_swing_ns = INT64_MAX;
    for (i = 0; i < 360000; i++) { /* an hour, an event each 10 ms */
        s.waiting++;
        if (i == 6000)
            starts = s.starts;
        run_until(&s, s.now + 10 * MS);
    }
    assert_true(s.starts == starts);
    assert_true(s.waiting <= 1);
    assert_in_range(s.most, 4, 6);
}

/* A load that comes and goes every two seconds does not make instances come and go. */
static void test_no_oscillation_with_waves(void **state)
{
    struct simulation s = {.rule = {0, MAX, 10 * S}, .init_ns = 100 * MS, .service_ns = 50 * MS};
    int64_t i;

    (void)state;
    s.last_end_ns = -1;
    s.shortest_swing_ns = INT64_MAX;
    for (i = 0; i < 1800; i++) {
        s.waiting += 40;
        run_until(&s, s.now + 2 * S);
    }
    assert_true(s.ends <= MAX);
    assert_true(s.starts <= 2 * MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_breaker),
        cmocka_unit_test(test_price),
        cmocka_unit_test(test_day_of_bursts),
        cmocka_unit_test(test_no_oscillation),
        cmocka_unit_test(test_no_oscillation_with_waves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
