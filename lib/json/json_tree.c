/* SPDX-License-Identifier: MIT */
/* Trees of JSON texts. */
#include "json/json_tree.h"

/* A copy of a string's text in the arena, with its escapes undone. */
static int decode(struct sfx_arena *arena, const struct sfx_json_token *tok, struct sfx_slice *out,
                  struct sfx_err *err)
{
    struct sfx_buf text = {0};
    char *copy;
    int rc = tok->escaped ? sfx_json_unescape(&text, tok->text, err)
                          : sfx_buf_append(&text, tok->text.ptr, tok->text.len, err);

    if (rc == 0) {
        copy = sfx_arena_strndup(arena, text.data, text.len, err);
        rc = copy == NULL ? SFX_E_NOMEM : 0;
        *out = sfx_slice(copy, text.len);
    }
    sfx_buf_done(&text);
    return rc;
}

/* Adds a node for tok to parent (NULL: it is the root). */
static int add_node(struct sfx_arena *arena, struct sfx_json_node *parent, struct sfx_slice key,
                    const struct sfx_json_token *tok, struct sfx_json_node **out,
                    struct sfx_err *err)
{
    struct sfx_json_node *node = sfx_arena_calloc(arena, 1, sizeof(*node), err);

    *out = node;
    if (node == NULL)
        return SFX_E_NOMEM;
    node->type = tok->type;
    node->key = key;
    if (parent != NULL) {
        if (parent->last != NULL)
            parent->last->next = node;
        else
            parent->first = node;
        parent->last = node;
        parent->count++;
    }
    return tok->type == SFX_JSON_STRING || tok->type == SFX_JSON_NUMBER
               ? decode(arena, tok, &node->text, err)
               : 0;
}

static int take_key(struct sfx_arena *arena, const struct sfx_json_node *parent,
                    const struct sfx_json_token *tok, struct sfx_slice *key, struct sfx_err *err)
{
    const struct sfx_json_node *node;
    int rc = decode(arena, tok, key, err);

    for (node = parent->first; rc == 0 && node != NULL; node = node->next) {
        if (sfx_slice_eq(node->key, *key))
            return sfx_err_set(err, SFX_E_INPUT, "\"%.*s\" comes twice in an object",
                               SFX_SLICE_ARG(*key));
    }
    return rc;
}

struct sfx_json_node *sfx_json_tree(struct sfx_arena *arena, const char *ptr, size_t len,
                                    struct sfx_err *err)
{
    struct sfx_json_node *open[SFX_JSON_MAX_DEPTH + 1] = {NULL}, *root = NULL, *node = NULL;
    struct sfx_slice key = {0};
    struct sfx_json_reader r;
    struct sfx_json_token tok;
    size_t depth = 0;
    int rc;

    sfx_json_reader_init(&r, ptr, len);
    while ((rc = sfx_json_next(&r, &tok, err)) > 0) {
        if (tok.type == SFX_JSON_OBJECT_END || tok.type == SFX_JSON_ARRAY_END) {
            depth--;
            continue;
        }
        if (tok.type == SFX_JSON_KEY) {
            rc = take_key(arena, open[depth], &tok, &key, err);
        } else {
            rc = add_node(arena, open[depth], key, &tok, &node, err);
            key = sfx_slice(NULL, 0);
            root = root == NULL ? node : root;
        }
        if (rc < 0)
            return NULL;
        if (tok.type == SFX_JSON_OBJECT || tok.type == SFX_JSON_ARRAY)
            open[++depth] = node;
    }
    return rc < 0 ? NULL : root;
}

const struct sfx_json_node *sfx_json_member(const struct sfx_json_node *object, const char *key)
{
    const struct sfx_json_node *node = NULL;

    if (object != NULL && object->type == SFX_JSON_OBJECT)
        node = object->first;
    while (node != NULL && !sfx_slice_eq(node->key, sfx_slice_str(key)))
        node = node->next;
    return node;
}
