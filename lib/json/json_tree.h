/* SPDX-License-Identifier: MIT */
/*
 * A JSON text as a tree, for small documents (settings, schemas) that are looked at more than once.
 *
 * Contract: nodes and texts live in the caller's arena; the tree is read-only. Objects keep the
 * order of their members; a name that comes twice is an error.
 */
#ifndef SFX_JSON_JSON_TREE_H
#define SFX_JSON_JSON_TREE_H

#include "base/arena.h"
#include "json/json.h"

struct sfx_json_node {
    enum sfx_json_type type; /* NULL, FALSE, TRUE, NUMBER, STRING, OBJECT, ARRAY */
    struct sfx_slice key;    /* of a member: its name, decoded */
    struct sfx_slice text;   /* STRING: decoded; NUMBER: as it is spelled */
    struct sfx_json_node *next;
    struct sfx_json_node *first, *last; /* members or elements */
    size_t count;                       /* of them */
};

/* Reads len bytes at ptr. Errors: NULL; INPUT, LIMIT (depth), NOMEM. */
struct sfx_json_node *sfx_json_tree(struct sfx_arena *arena, const char *ptr, size_t len,
                                    struct sfx_err *err);

/* The member of object called key, or NULL; object may be NULL or no object. */
const struct sfx_json_node *sfx_json_member(const struct sfx_json_node *object, const char *key);

#endif
