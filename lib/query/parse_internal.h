/* SPDX-License-Identifier: MIT */
/*
 * The parse verb: one text becomes columns. A kind says how the columns are written in the program
 * and how a text is taken apart.
 */
#ifndef SFX_QUERY_PARSE_INTERNAL_H
#define SFX_QUERY_PARSE_INTERNAL_H

#include "query/json_path_internal.h"
#include "query/stage_internal.h"

struct sfx_parse_column {
    struct sfx_slice name;
    uint32_t at;
    struct sfx_slice path; /* what it is called in the text */
    uint32_t path_at;
    size_t number;                    /* regex: the group; url: the part */
    const struct sfx_json_path *json; /* json */
    bool decoded;                     /* url: a key of the query */
};

/* Of a template: bytes that must stand here, then a field. */
struct sfx_parse_piece {
    struct sfx_slice literal;
    int column; /* -1: what stands here is dropped; -2: the template ends with the literal */
};

struct sfx_parse_plan {
    const struct sfx_parse_kind *kind;
    bool optional; /* parse?: what does not match gives nulls */
    struct sfx_parse_column *cols;
    size_t ncols;
    const struct sfx_regex *regex;
    struct sfx_parse_piece *pieces;
    size_t npieces;
};

struct sfx_parse_kind {
    const char *name;
    const char *reason; /* of a text that does not match */
    /* Parses what stands behind the kind's name. */
    int (*parse)(struct sfx_parser *p, struct sfx_parse_plan *plan);
    /*
     * Takes text apart: 1 with the cells of those columns that are in it (they are null before), 0:
     * it does not match. Errors: NOMEM, LIMIT (it gave up).
     */
    int (*split)(struct sfx_eval *ev, const struct sfx_parse_plan *plan, struct sfx_slice text,
                 struct sfx_cell *cells);
};

/* The kinds by their names; NULL behind the last. */
const struct sfx_parse_kind *sfx_parse_kind_at(size_t index);

/* ": [name =] path, …" behind a kind that must, or may, name the columns. */
int sfx_parse_columns(struct sfx_parser *p, struct sfx_parse_plan *plan, bool must);

/* One more column. Errors: NULL, NOMEM. */
struct sfx_parse_column *sfx_parse_add_column(struct sfx_parser *p, struct sfx_parse_plan *plan,
                                              struct sfx_slice name, uint32_t at);

/* Compiles a template, a string that begins at byte `at` of the program. Errors: USAGE, NOMEM. */
int sfx_parse_template(struct sfx_parser *p, struct sfx_parse_plan *plan, struct sfx_slice text,
                       uint32_t at);

extern const struct sfx_parse_kind sfx_parse_with, sfx_parse_as, sfx_parse_clf, sfx_parse_combined;
extern const struct sfx_parse_kind sfx_parse_json, sfx_parse_url, sfx_parse_query, sfx_parse_logfmt;

#endif
