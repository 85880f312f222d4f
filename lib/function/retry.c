/* SPDX-License-Identifier: MIT */
/* What becomes of an event after an invocation, and how fast invocations may follow each other. */
#include "function/retry.h"

#include "cli/exit.h"

#define NS_PER_S INT64_C(1000000000)

enum sfx_verdict sfx_retry_decide(const struct sfx_retry_policy *policy,
                                  const struct sfx_retry_facts *facts, uint64_t random,
                                  int64_t *delay_ns)
{
    int64_t most = policy->backoff_ns;
    uint64_t i;

    *delay_ns = 0;
    if (facts->exit_code == SFX_EXIT_OK)
        return SFX_VERDICT_ACK;
    if (facts->exit_code == SFX_EXIT_DATA || facts->attempts > policy->retries)
        return SFX_VERDICT_DEAD;
    for (i = 1; i < facts->attempts && most < policy->backoff_max_ns / 2; i++)
        most *= 2;
    if (i < facts->attempts || most > policy->backoff_max_ns)
        most = policy->backoff_max_ns;
    *delay_ns = most > 0 ? (int64_t)(random % ((uint64_t)most + 1)) : 0;
    if (policy->max_age_ns > 0 && facts->age_ns + *delay_ns > policy->max_age_ns)
        return SFX_VERDICT_DEAD;
    return SFX_VERDICT_RETRY;
}

int64_t sfx_tokens_take(struct sfx_tokens *tokens, int64_t now_ns)
{
    double wait;

    if (tokens->rate <= 0)
        return 0;
    if (tokens->at_ns == 0)
        tokens->level = tokens->burst;
    else
        tokens->level += (double)(now_ns - tokens->at_ns) * tokens->rate / (double)NS_PER_S;
    if (tokens->level > tokens->burst)
        tokens->level = tokens->burst;
    tokens->at_ns = now_ns;
    if (tokens->level >= 1) {
        tokens->level -= 1;
        return 0;
    }
    wait = (1 - tokens->level) / tokens->rate * (double)NS_PER_S;
    return wait < (double)(3600 * NS_PER_S) ? (int64_t)wait + 1 : 3600 * NS_PER_S;
}

int64_t sfx_breaker_ask(struct sfx_breaker *breaker, int64_t now_ns)
{
    if (breaker->until_ns == 0)
        return 0;
    if (now_ns < breaker->until_ns)
        return breaker->until_ns - now_ns;
    if (breaker->trying)
        return breaker->open_ns > 0 ? breaker->open_ns : NS_PER_S;
    breaker->trying = true;
    return 0;
}

bool sfx_breaker_tell(struct sfx_breaker *breaker, bool failed, int64_t now_ns)
{
    bool was_closed = breaker->until_ns == 0;

    if (breaker->limit == 0)
        return false;
    if (!failed) {
        breaker->failures = 0;
        breaker->until_ns = 0;
        breaker->trying = false;
        return false;
    }
    breaker->failures++;
    if (!breaker->trying && breaker->failures < breaker->limit)
        return false;
    breaker->trying = false;
    breaker->until_ns = now_ns + breaker->open_ns;
    return was_closed;
}
