/* SPDX-License-Identifier: MIT */
/*
 * Numbers that give their text back: the rule by which a field may become a number.
 *
 * Contract: a text is a number here only if storing the number and printing it again yields the
 * same bytes, so that nothing is lost by typing a column: "00501", "+5", "-0", "1e5" and
 * "18446744073709551616" stay text. Printing is what SQLite does: integers of 64 bits in full,
 * doubles by "%!.15g". Pure functions; nothing is allocated.
 */
#ifndef SFX_SINK_EXACT_H
#define SFX_SINK_EXACT_H

#include "base/slice.h"

#include <stdint.h>

enum sfx_exact_form {
    SFX_EXACT_INTEGER = 1, /* prints back from an integer of 64 bits */
    SFX_EXACT_DECIMAL = 2, /* prints back at its scale from a double: 15 digits, with a '.' */
    SFX_EXACT_REAL = 4,    /* prints back from a double: "1.5", "2.0", "1.5e-07" */
    SFX_EXACT_NUMERIC = 8, /* prints back from an integer or, where it must, a double */
};

struct sfx_exact {
    unsigned forms;   /* set of enum sfx_exact_form; 0: this is text */
    uint32_t int_len; /* digits before the '.', 0 for a lone zero */
    uint32_t scale;   /* digits after the '.' */
    bool negative;
    bool exponent;     /* "1.5e-07": REAL; the numbers here say nothing */
    uint64_t mantissa; /* all digits as one integer; value = mantissa / 10^scale */
};

/* Says in which forms text can be stored; out is filled. One pass over short texts. */
void sfx_exact_scan(struct sfx_slice text, struct sfx_exact *out);

/* The value of a scanned INTEGER. */
static inline int64_t sfx_exact_int64(const struct sfx_exact *num)
{
    return num->negative ? (int64_t)(0 - num->mantissa) : (int64_t)num->mantissa;
}

/*
 * True when text is a number (JSON's grammar: no leading zeros, no "+") that a double carries, and
 * sets *value: at most 15 digits, or the digits are the double's own shortest form. This is what a
 * column that was declared REAL takes; the number comes back, not always its spelling.
 */
bool sfx_exact_fits_double(struct sfx_slice text, double *value);

/* The double nearest to the scanned plain decimal (forms not 0 or at most 15 digits). */
double sfx_exact_double(const struct sfx_exact *num, struct sfx_slice text);

/* True when SQLite would take text for a number where a column has numeric affinity: it then
 * changes the spelling. */
bool sfx_exact_looks_numeric(struct sfx_slice text);

#endif
