/* SPDX-License-Identifier: MIT */
/*
 * Selectors: how a program names several columns at once. A list of
 *
 *   name, `odd name`   that column
 *   price_*, q[1-4]    the columns whose whole name is like the glob (* any run, ? one character)
 *   /re/, /re/i        the columns in whose name the expression is found; i: in either case
 *   3                  the third column
 *   a..f, 3..5, a..    the columns from the one to the other, or to the last; f..a backwards
 *   *                  all that no other selector of the list names
 *   -selector          not these, wherever it stands; a list of nothing else begins with *
 *
 * Parsed once with the program; resolved against a frame's columns when a stage is bound. A column
 * comes once, at its first mention; those of a pattern come in the frame's order.
 */
#ifndef SFX_QUERY_SELECTOR_INTERNAL_H
#define SFX_QUERY_SELECTOR_INTERNAL_H

#include "query/stage_internal.h"

enum sfx_selector_kind {
    SFX_SELECT_COLUMN,
    SFX_SELECT_GLOB,
    SFX_SELECT_REGEX,
    SFX_SELECT_RANGE,
    SFX_SELECT_REST,
    SFX_SELECT_COMPUTED, /* a new column: only select has them */
};

/* One column: by name, or, where position is not 0, by position. */
struct sfx_column_ref {
    struct sfx_slice name;
    uint64_t position; /* from 1 */
    uint32_t at;
};

struct sfx_selector {
    enum sfx_selector_kind kind;
    bool minus;
    uint32_t at;
    struct sfx_slice as;            /* select: the name of the column that comes out; or empty */
    struct sfx_column_ref from, to; /* COLUMN: from; RANGE: an end that is not named is open */
    struct sfx_slice pattern;       /* GLOB: for sfx_text_glob */
    const struct sfx_regex *regex;  /* REGEX */
    const struct sfx_expr *expr;    /* COMPUTED */
};

struct sfx_selectors {
    struct sfx_selector *items;
    size_t count, cap;
};

/* A column that a list chose. */
struct sfx_chosen {
    int32_t index; /* in the frame; -1: computed, or a name it has not (in an open frame) */
    const struct sfx_selector *by;
};

struct sfx_selection {
    struct sfx_chosen *cols;
    size_t ncols;
};

/* A list that grows in the program's arena. Errors: NULL, NOMEM. */
struct sfx_selector *sfx_selectors_add(struct sfx_parser *p, struct sfx_selectors *list);

/* Parses one selector and adds it to list. Errors: USAGE, NOMEM. */
int sfx_parse_selector(struct sfx_parser *p, struct sfx_selectors *list);

/* Parses "selector, …". */
int sfx_parse_selectors(struct sfx_parser *p, struct sfx_selectors *list);

/* The same into a new list that becomes stage->detail: for verbs that take nothing else. */
int sfx_parse_selector_stage(struct sfx_parser *p, struct sfx_stage_ast *stage);

/* "/re/" or "/re/i", with the token on the slash; "\/" inside is a slash. Errors: as
 * sfx_parse_regex. */
int sfx_parse_slashed(struct sfx_parser *p, const struct sfx_regex **regex);

/* True when the list is of names only: what it chooses does not depend on the frame. */
bool sfx_selectors_are_names(const struct sfx_selectors *list);

/*
 * What list chooses of the binder's columns, in arena memory of the binder. A pattern may match
 * nothing; a name or a position that is not there is an error unless the frame is open. Errors:
 * USAGE (with the nearest name), NOMEM.
 */
int sfx_selectors_resolve(const struct sfx_selectors *list, struct sfx_binder *b,
                          struct sfx_selection *out);

/* Notes the columns of the input that list may choose, for a stage that looks at no others; rest:
 * what is looked at behind it. What it returns is for the stages before. */
enum sfx_rest sfx_selectors_use(const struct sfx_selectors *list, struct sfx_uses *uses,
                                enum sfx_rest rest);

/* The same for a stage that leaves what list chooses out. */
enum sfx_rest sfx_selectors_use_others(const struct sfx_selectors *list, struct sfx_uses *uses,
                                       enum sfx_rest rest);

/* Marks what list chooses: (*marks)[i] is true for column i of the binder. Errors: the same. */
int sfx_selectors_mark(const struct sfx_selectors *list, struct sfx_binder *b, bool **marks);

#endif
