/* SPDX-License-Identifier: MIT */
/*
 * Child tables (--nested=tables): the elements of arrays become rows of tables of their own.
 *
 * Objects are taken apart by the stage flatten before records come here, so that of a record only
 * arrays are left that a column cannot hold. Each column with an array is a node, which has a batch
 * and an inference of its own; its elements are rows of that batch: the columns of the parent's
 * key, a position for each array on the way, then the members of the element, dotted as flatten has
 * them, or `value`. Arrays among those are nodes below it. A batch of a node is handed on before
 * the parent's batch, which its cells point into, is filled again.
 *
 * The first pass over the input shows all batches to the inferences. Then, in one transaction, the
 * input is read once for the parent's table and once more for each child's: a sink has one table in
 * hand, and learns with ops->child only that another one follows. So memory does not grow with the
 * input, nor with the number of tables that are filled. The passes agree because readers give the
 * same records in the same order; the file is checked to be the same after each.
 *
 * A record that the parent's table refuses is known by its offset, and has no child rows. Unless a
 * bad record ends the load anyway, child rows are checked before all that, in passes of their own:
 * the record of one that does not fit is refused with its path. What only shows when it is put, as
 * constraints do, ends the load of the input, as its parent is in already.
 *
 * In a mode by keys a record's child rows replace those of its key. The sink says which records
 * those are as soon as the parent's table has got all of them; child rows are staged, and brought
 * into their table by their own key, so that those which stay the same are not written.
 *
 * Without --key the parent's key is _row_id: a hash of the load's key and the record's number.
 */
#ifndef SFX_SINK_LOAD_CHILDREN_INTERNAL_H
#define SFX_SINK_LOAD_CHILDREN_INTERNAL_H

#include "sink/load_internal.h"

#define SFX_LOAD_MAX_DEPTH     8 /* of arrays in arrays: each is a table */
#define SFX_LOAD_MAX_CHILDREN  256
#define SFX_LOAD_ID_DIGITS     16
#define SFX_LOAD_NUMBER_NBYTES 24

struct sfx_load_node {
    struct sfx_load_node *up, *first, *next; /* up: NULL for the input's records */
    struct sfx_slice column;                 /* of the parent, that has the arrays */
    char *table;
    size_t depth;       /* 1: of the input's records */
    size_t nfixed;      /* columns of keys and positions, which come first */
    const char **fixed; /* their names */
    struct sfx_infer infer;
    struct sfx_batch batch;
    uint64_t nrows; /* as the first pass counts */
};

struct sfx_load_children {
    struct sfx_load_node root;
    struct sfx_arena names; /* of the nodes of the input in hand, and the nodes */
    struct sfx_load_node *
        *nodes; /* in the order in which they came up; a parent is before its children */
    size_t nnodes;
    const char *const *keys; /* of the parent */
    size_t nkeys;
    bool learning;
    const struct sfx_load_node *wanted; /* of the pass in hand; NULL: the parent's */
    char id[SFX_LOAD_ID_DIGITS + 1];
    uint64_t nrecords;      /* of the pass in hand */
    uint64_t *refused;      /* offsets of records that the parent's table has not taken */
    size_t nrefused, room;  /* sorted once all are known */
    unsigned char *written; /* bits, of the records that the parent's table was given: their child
                               rows are put; NULL: all are */
    uint64_t nput;          /* such records of the pass in hand */
    struct sfx_buf path;
    bool checking;                /* child rows are only checked in the pass in hand */
    uint64_t *offsets;            /* SFX_BATCH_ROWS: of the records of the rows that are put */
    struct sfx_load_unfit *unfit; /* sorted by offset once all are known */
    size_t nunfit, unfit_room;
    struct sfx_arena unfit_texts;
};

/* A value that a child's table cannot hold. */
struct sfx_load_unfit {
    uint64_t offset, number; /* of its record; how many of them came before */
    const char *path, *reason;
    struct sfx_slice value;
};

/* The child of up for the arrays in column; NULL: there is none. */
struct sfx_load_node *sfx_load_find_node(const struct sfx_load_node *up, struct sfx_slice column);

/*
 * Takes the arrays in batch, which is node's, out: their elements become rows of node's children,
 * which are handed on to the inferences or, of the wanted one, to sfx_load_put_node. Children are
 * made as they come up. Errors: INPUT for an element with two values of one name; LIMIT; NOMEM;
 * those of _put_node.
 */
int sfx_load_split(struct sfx_load *load, struct sfx_load_node *node, struct sfx_batch *batch,
                   struct sfx_err *err);

/* Puts the rows of node's batch into the sink, whose table in hand is node's. Errors: of the sink;
 * INPUT for a value that the table cannot hold. */
int sfx_load_put_node(struct sfx_load *load, struct sfx_load_node *node, struct sfx_err *err);

#endif
