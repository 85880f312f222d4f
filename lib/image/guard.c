/* SPDX-License-Identifier: MIT */
/* The one setjmp and the one longjmp. */
#include "image/guard.h"

int sfx_guard_call(struct sfx_guard *guard, void (*work)(void *arg), void *arg, struct sfx_err *err)
{
    guard->err = err;
    guard->rc = 0;
    if (setjmp(guard->env) == 0)
        work(arg);
    return guard->rc;
}

_Noreturn void sfx_guard_throw(struct sfx_guard *guard, int rc)
{
    guard->rc = rc;
    longjmp(guard->env, 1);
}
