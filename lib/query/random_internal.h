/* SPDX-License-Identifier: MIT */
/* Random numbers that are the same in every run with the same seed: Vigna's splitmix64. */
#ifndef SFX_QUERY_RANDOM_INTERNAL_H
#define SFX_QUERY_RANDOM_INTERNAL_H

#include "base/text.h"
#include "query/stage_internal.h"

#define SFX_RANDOM_STEP 0x9E3779B97F4A7C15 /* 2^64 / golden ratio */

/* The next number; *state: {the seed} at first. Source: https://prng.di.unimi.it/splitmix64.c */
static inline uint64_t sfx_random_next(uint64_t *state)
{
    uint64_t z = (*state += SFX_RANDOM_STEP);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* The number that the n-th call behind state gives. */
static inline uint64_t sfx_random_at(uint64_t state, uint64_t n)
{
    state += (n - 1) * SFX_RANDOM_STEP;
    return sfx_random_next(&state);
}

/* A number below n, which is not 0; its bias is below n / 2^64. */
static inline uint64_t sfx_random_below(uint64_t *state, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)sfx_random_next(state) * n) >> 64);
}

/* Where a stage's numbers begin: two stages of one program do not draw the same. */
static inline uint64_t sfx_random_start(const struct sfx_operator *op, uint64_t seed)
{
    uint64_t state = seed + op->index * 0xD1342543DE82EF95; /* any odd number */

    return sfx_random_next(&state);
}

/* Parses "[seed N]"; *seed stays as it is without. Errors: USAGE. */
static inline int sfx_parse_seed(struct sfx_parser *p, uint64_t *seed)
{
    int rc = sfx_parse_accept(p, "seed");

    if (rc <= 0)
        return rc;
    if (p->token.kind != SFX_TOKEN_NUMBER || sfx_text_u64(p->token.raw, seed, NULL) < 0)
        return sfx_program_err(p->program, p->token.at, p->err, "a whole number is expected here");
    return sfx_lex(p);
}

#endif
