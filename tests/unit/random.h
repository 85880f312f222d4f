/* SPDX-License-Identifier: MIT */
/* Random numbers of tests: the same in each run of a program, and on each machine. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdint.h>

/* xorshift64. */
static inline uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* A number below a bound that is not 0. */
static inline uint32_t draw(uint32_t below)
{
    return (uint32_t)(next_random() % below);
}

#endif
