/* SPDX-License-Identifier: MIT */
/*
 * Values inside JSON texts, by paths as a.b[0].c, "a.b".c, /a/b/0 (RFC 6901) or $.a.b.
 *
 * Contract: nothing is copied, a value is a cell that points into the text. A step that is digits
 * is a member's name in objects and a place, from 0, in arrays; [-1] is the last. Of members with
 * one name the first counts. What stands behind the value is not looked at.
 */
#ifndef SFX_QUERY_JSON_PATH_INTERNAL_H
#define SFX_QUERY_JSON_PATH_INTERNAL_H

#include "base/buf.h"
#include "record/batch.h"
#include "json/json.h"

#define SFX_JSON_PATH_STEPS 32

struct sfx_json_path {
    struct sfx_json_step {
        struct sfx_slice key;
        int64_t index;
        bool is_index;   /* also of a key that is digits */
        bool only_index; /* there is no key */
        bool tildes;     /* key has ~0 and ~1 for ~ and / */
    } steps[SFX_JSON_PATH_STEPS];
    size_t nsteps;
};

/* Reads a path; it borrows text. False: it is not written like one, or has more than
 * SFX_JSON_PATH_STEPS steps. */
bool sfx_json_path_parse(struct sfx_slice text, struct sfx_json_path *path);

/*
 * Finds the value that steps [first, nsteps) of path lead to in a JSON text: 1 with *value, a cell
 * of the kind of the value; 0: there is none. scratch is for names with escapes. Errors: INPUT (not
 * JSON as far as it was read), LIMIT, NOMEM.
 */
int sfx_json_path_find(const struct sfx_json_path *path, size_t first, struct sfx_slice json,
                       struct sfx_buf *scratch, struct sfx_cell *value);

/* Whether token, a KEY, is what step names: 1 or 0. Errors: NOMEM. */
int sfx_json_key_is(const struct sfx_json_token *token, const struct sfx_json_step *step,
                    struct sfx_buf *scratch);

struct sfx_parser;

/* "[sep "…"]" of flatten and nest: the separator, without it a dot. Errors: USAGE. */
int sfx_parse_sep(struct sfx_parser *p, struct sfx_slice *sep);

/*
 * Appends cell as a JSON value: JSON as it stands, computed numbers and conditions, null, other
 * text as a string. scratch: for what has to be decoded. Errors: NOMEM.
 */
int sfx_json_append_cell(struct sfx_buf *out, const struct sfx_cell *cell, struct sfx_buf *scratch);

#endif
