/* SPDX-License-Identifier: MIT */
/* Where the columns of fixed width stand: as the option says, for reader and writer. */
#ifndef SFX_RECORD_FIXED_INTERNAL_H
#define SFX_RECORD_FIXED_INTERNAL_H

#include "base/slice.h"
#include "record/batch.h"

#include <stdint.h>

struct sfx_fixed_field {
    struct sfx_slice name; /* in the option's text */
    uint32_t begin;        /* characters before it, in the line */
    uint32_t width;        /* in characters; 0: up to the end of the line */
};

#define SFX_FIXED_MAX_CHARS 1048576 /* of a line: a bound against slips, far above any record */

/*
 * Parses "name:10,qty:5,rest" (widths, one behind the other; the last may lack its own) and
 * "name:1-10,qty:12-15" (places, from 1), which may be mixed. *fields is returned: caller frees.
 * Errors: USAGE, NOMEM.
 */
int sfx_fixed_parse(const char *spec, struct sfx_fixed_field **fields, size_t *nfields,
                    struct sfx_err *err);

/* Behind nchars characters from at (a byte that is no UTF-8 is one), or end. */
const char *sfx_fixed_skip(const char *at, const char *end, size_t nchars);

/* How many characters text has. */
size_t sfx_fixed_count(struct sfx_slice text);

#endif
