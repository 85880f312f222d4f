/* SPDX-License-Identifier: MIT */
/*
 * libjpeg and libpng report errors by calling a function that must not return. This is the one
 * place that jumps: a codec runs each piece of its work under _call and its error function calls
 * _throw, which makes that _call return the code.
 *
 * Contract: what runs under _call owns nothing but through the state that `arg` points to, so that
 * a jump leaks nothing. Calls do not nest.
 */
#ifndef SFX_IMAGE_GUARD_H
#define SFX_IMAGE_GUARD_H

#include "base/err.h"

#include <setjmp.h>

struct sfx_guard {
    jmp_buf env;
    int rc;              /* of the call that runs */
    struct sfx_err *err; /* of the call that runs; for what throws to describe the failure in */
};

/* Runs work(arg). Returns 0, or what was given to _throw. */
int sfx_guard_call(struct sfx_guard *guard, void (*work)(void *arg), void *arg,
                   struct sfx_err *err);

/* Ends the running _call with rc (<0). guard->err has been filled. */
_Noreturn void sfx_guard_throw(struct sfx_guard *guard, int rc);

#endif
