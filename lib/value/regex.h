/* SPDX-License-Identifier: MIT */
/*
 * Regular expressions of programs: PCRE2's syntax, over UTF-8.
 *
 * Contract: a regex is compiled once and is read-only, several threads may use it; what a search
 * needs is in the matcher, one for each thread, which ends before the regexes it was used with. The
 * text may be any bytes: what is not UTF-8 matches nothing but is no error. '.' does not match a
 * newline, '$' only the very end, \d \w \s and the classes are ASCII (all of Unicode after
 * "(*UCP)"), letters' case by "(?i)". A search is bounded in steps, stack and memory, so that no
 * pattern and no text can hang a run: what is over a bound is LIMIT. The library is opened by the
 * first pattern that is more than a piece of text with '^' before it or '$' behind it.
 */
#ifndef SFX_VALUE_REGEX_H
#define SFX_VALUE_REGEX_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sfx_regex;

/* Why a search gave up, for the row's error. */
#define SFX_REGEX_GAVE_UP "takes a regular expression too many steps"

#define SFX_REGEX_NO_SPAN ((size_t)-1) /* begin and end of a group that took no part */

/* What a search leaves: {0} is ready for use. */
struct sfx_matcher {
    const size_t *spans; /* begin and end of the match, of group 1, …; until the next search */
    size_t nspans;       /* pairs of spans, at least 1 after a hit */
    size_t whole[2];     /* spans of what needed no library */
    void *data, *context, *stack;   /* PCRE2's */
    size_t data_pairs;              /* that data has room for */
    const struct sfx_regex *lender; /* whose library made them */
};

/*
 * Compiles pattern (borrowed during the call). Errors: NULL; USAGE with *at the byte of pattern
 * where it is wrong; LIMIT (too large), UNSUPPORTED (the library is missing), NOMEM.
 */
struct sfx_regex *sfx_regex_new(struct sfx_slice pattern, size_t *at, struct sfx_err *err);
void sfx_regex_free(struct sfx_regex *regex);

/* Groups beside the whole match. */
size_t sfx_regex_ngroups(const struct sfx_regex *regex);

/* The name of group number (from 1), borrowed from regex; empty when it has none. */
struct sfx_slice sfx_regex_group_name(const struct sfx_regex *regex, size_t number);

/* The number of the group named name, or written as a number; -1: there is none. */
int sfx_regex_group(const struct sfx_regex *regex, struct sfx_slice name);

/*
 * Searches text from byte `from` on (what stands before it is seen by \b and look-behind): 1 with
 * m->spans, or 0. Errors: LIMIT, NOMEM. Allocates once for each matcher, and when a regex has more
 * groups than those before.
 */
int sfx_regex_find(const struct sfx_regex *regex, struct sfx_matcher *m, struct sfx_slice text,
                   size_t from);

/*
 * The next of all matches that do not overlap, from left to right: as _find. walk: {0} at first,
 * changed by each call. An empty match right behind another one is none.
 */
struct sfx_regex_walk {
    size_t from; /* where the search goes on */
    size_t end;  /* of the match before */
    size_t nmatches;
    bool gave_up;
};
int sfx_regex_walk(const struct sfx_regex *regex, struct sfx_matcher *m, struct sfx_slice text,
                   struct sfx_regex_walk *walk);

void sfx_matcher_done(struct sfx_matcher *m);

#endif
