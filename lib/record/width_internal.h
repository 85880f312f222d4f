/* SPDX-License-Identifier: MIT */
/* How many columns of a terminal a text takes, by utf8proc, opened when a text needs it. */
#ifndef SFX_RECORD_WIDTH_INTERNAL_H
#define SFX_RECORD_WIDTH_INTERNAL_H

#include "base/buf.h"

#include <stdint.h>

struct sfx_width { /* {0}: not opened */
    int (*of)(int32_t cp);
    bool missing; /* the library: each character then takes one column */
};

/*
 * Appends text as a terminal can show it, cut to most columns with a horizontal ellipsis behind
 * (0: not cut): control characters as \n, \t, \r or \x1b, bytes that are no UTF-8 as U+FFFD.
 * *columns is filled with what it takes. Errors: NOMEM.
 */
int sfx_width_show(struct sfx_width *w, struct sfx_slice text, uint32_t most, struct sfx_buf *out,
                   uint32_t *columns, struct sfx_err *err);

#endif
