/* SPDX-License-Identifier: MIT */
/* How many instances a function should have: a rule without state of its own, see sfx-run(1),
 * "Scaling". */
#ifndef SFX_FUNCTION_SCALE_H
#define SFX_FUNCTION_SCALE_H

#include <stdint.h>

struct sfx_scale_rule {
    uint64_t min, max;
    int64_t idle_ns; /* an instance that had nothing to do for so long ends */
};

struct sfx_scale_facts {
    uint64_t waiting;        /* invocations that could begin now */
    uint64_t busy;           /* instances that work */
    uint64_t idle;           /* that could take one at once */
    uint64_t starting;       /* that soon will */
    int64_t service_ns;      /* how long an invocation takes, smoothed; 0: not known yet */
    int64_t init_ns;         /* how long an instance takes to be ready, smoothed; 0: no time */
    int64_t longest_idle_ns; /* of the idle ones */
};

/* What to do now. */
struct sfx_scale_step {
    uint64_t start; /* instances to start */
    uint64_t end;   /* 1: the one that was idle longest */
};

/*
 * What the instances that are there will have taken up before a new one would be ready needs no new
 * one; for the rest as many are started as have at least as much to do as their start takes, at
 * least min, at most max in all. An instance ends when it was idle for idle_ns, nothing waits and
 * min others are there. Between a start and an end lies idle_ns: the rule cannot oscillate faster.
 */
struct sfx_scale_step sfx_scale_decide(const struct sfx_scale_rule *rule,
                                       const struct sfx_scale_facts *facts);

/* Adds a measurement to a smoothed time: an eighth of what is new (RFC 6298's way). */
int64_t sfx_scale_smooth(int64_t smoothed_ns, int64_t measured_ns);

#endif
