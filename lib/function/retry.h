/* SPDX-License-Identifier: MIT */
/* What becomes of an event after an invocation: rules without state, for the scheduler and its
 * tests. */
#ifndef SFX_FUNCTION_RETRY_H
#define SFX_FUNCTION_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum sfx_verdict {
    SFX_VERDICT_ACK,   /* done */
    SFX_VERDICT_RETRY, /* once more, after a while */
    SFX_VERDICT_DEAD,  /* given up: to the dead letters */
};

struct sfx_retry_policy {
    uint64_t retries;       /* beside the first try */
    int64_t backoff_ns;     /* upper bound of the first delay */
    int64_t backoff_max_ns; /* of any delay */
    int64_t max_age_ns;     /* an event older than this is given up; 0: never for that */
};

/* What is known of an event whose invocation ended. */
struct sfx_retry_facts {
    int exit_code;     /* as of enum sfx_exit: 0, 65, 75, 124, 128 + n, … */
    uint64_t attempts; /* invocations that it was part of, this one included */
    int64_t age_ns;    /* since it came to be */
};

/*
 * Exit 0 is done and 65 (the data is bad) is given up at once; all else is tried again until the
 * retries are used up, or until the event would be too old by then. The delay grows
 * exponentially with full jitter: a number between 0 and min(max, backoff * 2^(attempts - 1)),
 * chosen by random (any 64 bits). Source: Exponential Backoff And Jitter, AWS Architecture Blog
 * 2015.
 */
enum sfx_verdict sfx_retry_decide(const struct sfx_retry_policy *policy,
                                  const struct sfx_retry_facts *facts, uint64_t random,
                                  int64_t *delay_ns);

/* A bucket of tokens: rate a second, at most burst at once. {rate 0} lets everything through. */
struct sfx_tokens {
    double rate, burst, level;
    int64_t at_ns; /* monotonic; 0: not begun */
};

/* Takes a token at now_ns. Returns 0, or in how many ns there will be one. */
int64_t sfx_tokens_take(struct sfx_tokens *tokens, int64_t now_ns);

/* A circuit breaker: closed, open after `limit` failures in a row for `open_ns`, then half open:
 * one try decides. {limit 0} never opens. */
struct sfx_breaker {
    uint64_t limit;
    int64_t open_ns;
    uint64_t failures; /* in a row */
    int64_t until_ns;  /* open until then; 0: closed */
    bool trying;       /* half open, and its one try is on its way */
};

/* Whether an invocation may begin at now_ns: 0, or in how many ns to ask again. */
int64_t sfx_breaker_ask(struct sfx_breaker *breaker, int64_t now_ns);

/* Tells the breaker how an invocation ended. True: it has just opened. */
bool sfx_breaker_tell(struct sfx_breaker *breaker, bool failed, int64_t now_ns);

#endif
