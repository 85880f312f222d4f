/* SPDX-License-Identifier: MIT */
/* What writing and reading times by a format share: directives and names. */
#ifndef SFX_VALUE_TIME_FORMAT_INTERNAL_H
#define SFX_VALUE_TIME_FORMAT_INTERNAL_H

#include "value/time_format.h"

#include <stdbool.h>

extern const char *const sfx_month_names[], *const sfx_weekday_names[]; /* from Monday on */

struct sfx_time_directive {
    char letter;
    int digits; /* of "%3f"; 0: none given */
    bool colon; /* "%:z" */
    bool plain; /* "%-d": without padding */
};

/* Reads a directive at format[*at], behind '%'; goes past it. */
struct sfx_time_directive sfx_time_read_directive(struct sfx_slice format, size_t *at);

/* What a directive stands for (%T: %H:%M:%S); empty: itself. */
struct sfx_slice sfx_time_expansion(char directive);

/* The days from 1970 to the Monday of a year's first week: the one with 4 January. */
int64_t sfx_iso_first_monday(int year);

#endif
