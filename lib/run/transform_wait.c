/* SPDX-License-Identifier: MIT */
/* Waiting for a quiet input: for what comes, for the clock, and for a signal to stop. */
#include "run/transform_internal.h"

#define STOP_NS ((int64_t)1000000000) /* a signal that comes just before a wait is seen then */

bool sfx_transform_is_stopped(struct sfx_transform_wait *wait)
{
    wait->stopped = wait->stopped || (wait->stop != NULL && *wait->stop != 0);
    return wait->stopped;
}

int sfx_transform_wait(void *ctx, struct sfx_input *in, struct sfx_err *err)
{
    struct sfx_transform_wait *wait = ctx;
    int64_t due_ns, wait_ns;
    int rc = 0;

    while (rc == 0) {
        due_ns = wait->query != NULL ? sfx_query_wait_ns(wait->query) : -1;
        if (sfx_transform_is_stopped(wait))
            return sfx_err_set(err, SFX_E_TEMPORARY, "%s: stopped", sfx_input_name(in));
        if (due_ns < 0 && wait->stop == NULL)
            return 0;
        wait_ns = wait->stop != NULL && (due_ns < 0 || due_ns > STOP_NS) ? STOP_NS : due_ns;
        rc = sfx_input_wait(in, wait_ns, err);
        if (rc == 0 && wait->query != NULL && sfx_query_wait_ns(wait->query) == 0)
            rc = wait->tick(wait->ctx, err);
    }
    return rc < 0 ? rc : 0;
}
