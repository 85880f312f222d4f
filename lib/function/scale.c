/* SPDX-License-Identifier: MIT */
/* How many instances a function should have. */
#include "function/scale.h"

/*
 * Invocations that the instances which are there will have taken up by the time that a new one
 * would be ready: each of them init / service, the fraction counted as none.
 */
static uint64_t served_meanwhile(const struct sfx_scale_facts *f)
{
    uint64_t there = f->busy + f->idle + f->starting;

    /* As long as nothing is known, an invocation is taken to last: a burst is met at once. */
    if (f->service_ns <= 0 || f->init_ns <= 0)
        return 0;
    return there * (uint64_t)(f->init_ns / f->service_ns);
}

/* Instances that `left` more invocations are worth: each has to work as long as it takes to start.
 */
static uint64_t worth(const struct sfx_scale_facts *f, uint64_t left)
{
    double starts = (double)left * (double)f->service_ns;

    if (f->service_ns <= 0 || f->init_ns <= f->service_ns)
        return left;
    starts /= (double)f->init_ns;
    return starts >= (double)left ? left : (uint64_t)starts + 1;
}

struct sfx_scale_step sfx_scale_decide(const struct sfx_scale_rule *rule,
                                       const struct sfx_scale_facts *f)
{
    struct sfx_scale_step step = {0, 0};
    uint64_t there = f->busy + f->idle + f->starting;
    uint64_t soon = f->idle + f->starting + served_meanwhile(f);
    uint64_t wanted = there;

    if (f->waiting > soon)
        wanted += worth(f, f->waiting - soon);
    if (wanted < rule->min)
        wanted = rule->min;
    if (wanted > rule->max)
        wanted = rule->max;
    if (wanted > there)
        step.start = wanted - there;
    else if (f->waiting == 0 && f->idle > 0 && there > rule->min &&
             f->longest_idle_ns >= rule->idle_ns)
        step.end = 1;
    return step;
}

int64_t sfx_scale_smooth(int64_t smoothed_ns, int64_t measured_ns)
{
    return smoothed_ns <= 0 ? measured_ns : smoothed_ns + (measured_ns - smoothed_ns) / 8;
}
