/* SPDX-License-Identifier: MIT */
/* Arrays of records taken apart: their elements as rows of batches of child tables. */
#include "sink/load_children_internal.h"
#include "sink/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- nodes --------------------------------------------------------------------------------- */

/* "_parent_id" of the key "id", "_parent_row_id" of "_row_id"; "_index", "_index_2" …: positions.
 */
static int name_fixed(struct sfx_load_children *c, struct sfx_load_node *node, struct sfx_err *err)
{
    size_t i;

    node->nfixed = c->nkeys + node->depth;
    node->fixed = sfx_arena_calloc(&c->names, node->nfixed, sizeof(char *), err);
    for (i = 0; node->fixed != NULL && i < node->nfixed; i++) {
        const char *key = i < c->nkeys ? c->keys[i] : "";
        const size_t cap = strlen(key) + 40;
        char *name = sfx_arena_alloc(&c->names, cap, err);

        if (name == NULL)
            return SFX_E_NOMEM;
        if (i < c->nkeys)
            (void)snprintf(name, cap, "%s%s", sfx_merge_parent_prefix(key), key);
        else if (i == c->nkeys)
            (void)snprintf(name, cap, "_index");
        else
            (void)snprintf(name, cap, "_index_%zu", i - c->nkeys + 1);
        node->fixed[i] = name;
    }
    return node->fixed == NULL ? SFX_E_NOMEM : 0;
}

/* The batch has no rows, and the columns that each row has. */
static int begin_batch(struct sfx_load_node *node, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    sfx_batch_reset_schema(&node->batch);
    for (i = 0; rc >= 0 && i < node->nfixed; i++)
        rc = sfx_batch_add_column(&node->batch, sfx_slice_str(node->fixed[i]), err);
    return rc < 0 ? rc : 0;
}

static struct sfx_load_node *new_node(struct sfx_load *load, struct sfx_load_node *up,
                                      struct sfx_slice column, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;
    const char *table = up->up == NULL && up->table == NULL ? load->result.table : up->table;
    const size_t cap = strlen(table) + column.len + 3;
    struct sfx_load_node *node = sfx_arena_calloc(&c->names, 1, sizeof(*node), err), **last;

    if (node == NULL)
        return NULL;
    node->up = up;
    node->depth = up->depth + 1;
    if (node->depth > SFX_LOAD_MAX_DEPTH || c->nnodes == SFX_LOAD_MAX_CHILDREN) {
        (void)sfx_err_set(err, SFX_E_LIMIT,
                          "column \"%.*s\": a load fills %d child tables at most, %d deep",
                          SFX_SLICE_ARG(column), SFX_LOAD_MAX_CHILDREN, SFX_LOAD_MAX_DEPTH);
        return NULL;
    }
    node->column.ptr = sfx_arena_strndup(&c->names, column.ptr, column.len, err);
    node->column.len = column.len;
    node->table = sfx_arena_alloc(&c->names, cap, err);
    if (node->column.ptr == NULL || node->table == NULL || name_fixed(c, node, err) < 0 ||
        sfx_batch_init(&node->batch, err) < 0)
        return NULL;
    (void)snprintf(node->table, cap, "%s__%.*s", table, SFX_SLICE_ARG(column));
    node->infer.text_only = load->infer.text_only;
    c->nodes[c->nnodes++] = node; /* owns the batch from now on */
    if (begin_batch(node, err) < 0)
        return NULL;
    for (last = &up->first; *last != NULL; last = &(*last)->next)
        ;
    *last = node;
    return node;
}

struct sfx_load_node *sfx_load_find_node(const struct sfx_load_node *up, struct sfx_slice column)
{
    struct sfx_load_node *node;

    for (node = up->first; node != NULL && !sfx_slice_eq(node->column, column); node = node->next)
        ;
    return node;
}

/* True when the rows of node, or of one below it, are those of the pass. */
static bool is_on_way(const struct sfx_load_children *c, const struct sfx_load_node *node)
{
    const struct sfx_load_node *at;

    for (at = c->wanted; at != NULL && at != node; at = at->up)
        ;
    return c->learning || at != NULL;
}

/* --- elements ------------------------------------------------------------------------------ */

/* Hands the rows of node on and forgets them. */
static int flush(struct sfx_load *load, struct sfx_load_node *node, struct sfx_err *err)
{
    const struct sfx_load_children *c = load->children;
    int rc;

    if (node->batch.nrows == 0)
        return 0;
    sfx_batch_select_all(&node->batch, node->batch.nrows);
    rc = sfx_load_split(load, node, &node->batch, err);
    if (rc == 0 && c->learning) {
        node->nrows += node->batch.nrows;
        rc = sfx_infer_batch(&node->infer, &node->batch, err);
    } else if (rc == 0 && c->wanted == node) {
        rc = sfx_load_put_node(load, node, err);
    }
    return rc == 0 ? begin_batch(node, err) : rc;
}

static int put_cell(const struct sfx_load_node *node, struct sfx_batch *batch,
                    struct sfx_slice name, const struct sfx_cell *cell, size_t *hint,
                    struct sfx_err *err)
{
    const uint32_t row = batch->nrows - 1;
    int at = *hint < batch->ncols && sfx_slice_eq(batch->columns[*hint].name, name)
                 ? (int)*hint
                 : sfx_batch_find(batch, name);

    if (at < 0)
        at = sfx_batch_add_column(batch, name, err);
    if (at < 0)
        return at;
    if ((size_t)at < node->nfixed)
        return sfx_err_set(err, SFX_E_INPUT,
                           "line %" PRIu64 ": an element of %.*s has a member %.*s itself",
                           batch->rows[row].line, SFX_SLICE_ARG(node->column), SFX_SLICE_ARG(name));
    if (batch->columns[at].cells[row].kind != SFX_CELL_MISSING)
        return sfx_err_set(err, SFX_E_INPUT, "line %" PRIu64 ": an element of %.*s has two of %.*s",
                           batch->rows[row].line, SFX_SLICE_ARG(node->column), SFX_SLICE_ARG(name));
    batch->columns[at].cells[row] = *cell;
    *hint = (size_t)at + 1;
    return 0;
}

/* Gives the members of object, whose names come behind prefix, to the batch's last row. */
static int put_members(struct sfx_load *load, struct sfx_load_node *node,
                       const struct sfx_cell *object, size_t prefix, size_t *hint,
                       struct sfx_err *err)
{
    struct sfx_buf *path = &load->children->path;
    struct sfx_json_reader r;
    struct sfx_json_token token;
    struct sfx_cell value;
    int rc;

    sfx_json_reader_init(&r, object->ptr, object->len);
    rc = sfx_json_next(&r, &token, err);
    while (rc > 0 && (rc = sfx_json_next(&r, &token, err)) > 0 && token.type == SFX_JSON_KEY) {
        path->len = prefix;
        rc = prefix > 0 ? sfx_buf_putc(path, '.', err) : 0;
        if (rc == 0)
            rc = token.escaped ? sfx_json_unescape(path, token.text, err)
                               : sfx_buf_append(path, token.text.ptr, token.text.len, err);
        if (rc == 0)
            rc = sfx_json_next(&r, &token, err);
        if (rc > 0)
            rc = sfx_cell_read_json(&r, &token, &value, err);
        if (rc < 0)
            return rc;
        if (value.kind == SFX_CELL_JSON_NESTED && *value.ptr == '{' && value.len > 2)
            rc = put_members(load, node, &value, path->len, hint, err);
        else
            rc = put_cell(node, &node->batch, sfx_buf_slice(path), &value, hint, err);
        rc = rc < 0 ? rc : 1;
    }
    return rc < 0 ? rc : 0;
}

/* Where the elements of an array come from. */
struct from {
    const struct sfx_batch *batch;
    uint32_t row;
    const int *keys; /* the columns of the batch that are node's fixed ones but for the last */
};

/* Begins a row of node, the element at index. */
static int begin_row(struct sfx_load_node *node, const struct from *from, uint64_t index,
                     struct sfx_err *err)
{
    struct sfx_batch *batch = &node->batch;
    const uint32_t row = batch->nrows++;
    char *number = sfx_arena_alloc(&batch->arena, SFX_LOAD_NUMBER_NBYTES, err);
    size_t i;

    if (number == NULL)
        return SFX_E_NOMEM;
    if (row == 0)
        sfx_batch_inherit(batch, from->batch);
    batch->rows[row] = from->batch->rows[from->row];
    for (i = 0; i < batch->ncols; i++)
        batch->columns[i].cells[row] = (struct sfx_cell){0};
    for (i = 0; i + 1 < node->nfixed; i++) {
        if (from->keys[i] >= 0)
            batch->columns[i].cells[row] = from->batch->columns[from->keys[i]].cells[from->row];
    }
    batch->columns[i].cells[row] = (struct sfx_cell){
        .ptr = number,
        .len = (uint32_t)snprintf(number, SFX_LOAD_NUMBER_NBYTES, "%" PRIu64, index),
        .kind = SFX_CELL_NUMBER};
    return 0;
}

static int take_array(struct sfx_load *load, struct sfx_load_node *node, const struct from *from,
                      const struct sfx_cell *array, struct sfx_err *err)
{
    struct sfx_json_reader r;
    struct sfx_json_token token;
    struct sfx_cell value;
    uint64_t index;
    size_t hint;
    int rc;

    sfx_json_reader_init(&r, array->ptr, array->len);
    rc = sfx_json_next(&r, &token, err);
    for (index = 0; rc > 0; index++) {
        rc = sfx_json_next(&r, &token, err);
        if (rc <= 0 || token.type == SFX_JSON_ARRAY_END)
            break;
        rc = sfx_cell_read_json(&r, &token, &value, err);
        if (rc == 0 && node->batch.nrows == SFX_BATCH_ROWS)
            rc = flush(load, node, err);
        if (rc == 0)
            rc = begin_row(node, from, index, err);
        hint = node->nfixed;
        sfx_buf_clear(&load->children->path);
        if (rc == 0 && value.kind == SFX_CELL_JSON_NESTED && *value.ptr == '{')
            rc = put_members(load, node, &value, 0, &hint, err);
        else if (rc == 0 && value.kind != SFX_CELL_NULL)
            rc = put_cell(node, &node->batch, SFX_SLICE_LIT("value"), &value, &hint, err);
        rc = rc < 0 ? rc : 1;
    }
    return rc < 0 ? rc : 0;
}

static void find_keys(const struct sfx_load_children *c, const struct sfx_load_node *child,
                      const struct sfx_batch *batch, int *keys)
{
    size_t i;

    for (i = 0; i + 1 < child->nfixed; i++)
        keys[i] = child->depth > 1 ? (int)i : sfx_batch_find(batch, sfx_slice_str(c->keys[i]));
}

/* Takes the arrays in column at of node's batch out, and gives their elements to a child. */
static int split_column(struct sfx_load *load, struct sfx_load_node *node, struct sfx_batch *batch,
                        size_t at, int *keys, struct sfx_err *err)
{
    const struct sfx_load_children *c = load->children;
    struct sfx_column *column = &batch->columns[at];
    struct from from = {.batch = batch, .keys = keys};
    struct sfx_load_node *child = NULL;
    uint32_t k;
    int rc = 0;

    for (k = 0; rc == 0 && k < batch->nsel; k++) {
        const uint32_t row = batch->sel[k];
        const struct sfx_cell cell = column->cells[row];

        if (cell.kind != SFX_CELL_JSON_NESTED || *cell.ptr != '[')
            continue;
        if (child == NULL) {
            child = sfx_load_find_node(node, column->name);
            if (child == NULL)
                child = new_node(load, node, column->name, err);
            if (child == NULL)
                return err != NULL && err->code != SFX_OK ? (int)err->code : SFX_E_NOMEM;
            find_keys(c, child, batch, keys);
        }
        from.row = row;
        if (is_on_way(c, child))
            rc = take_array(load, child, &from, &cell, err);
        column->cells[row] = (struct sfx_cell){0};
    }
    return rc == 0 && child != NULL ? flush(load, child, err) : rc;
}

int sfx_load_split(struct sfx_load *load, struct sfx_load_node *node, struct sfx_batch *batch,
                   struct sfx_err *err)
{
    const size_t room = load->children->nkeys + SFX_LOAD_MAX_DEPTH;
    int *keys = sfx_arena_calloc(&batch->arena, room, sizeof(*keys), err);
    size_t i;
    int rc = keys != NULL ? 0 : SFX_E_NOMEM;

    for (i = node->nfixed; rc == 0 && i < batch->ncols; i++)
        rc = split_column(load, node, batch, i, keys, err);
    return rc;
}
