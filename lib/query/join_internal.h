/* SPDX-License-Identifier: MIT */
/*
 * The parts of join: stage_join.c (the stage: rows in, rows out), join_parse.c, join_columns.c
 * (what comes out), join_key.c (keys as bytes), join_side.c (the file's rows in memory),
 * join_load.c (reading them).
 */
#ifndef SFX_QUERY_JOIN_INTERNAL_H
#define SFX_QUERY_JOIN_INTERNAL_H

#include "query/kept_internal.h"
#include "query/stage_internal.h"

enum sfx_join_kind {
    SFX_JOIN_INNER,
    SFX_JOIN_LEFT,
    SFX_JOIN_RIGHT,
    SFX_JOIN_FULL,
    SFX_JOIN_SEMI,
    SFX_JOIN_ANTI,
    SFX_JOIN_ASOF,
};

enum sfx_asof_way { SFX_ASOF_BACKWARD, SFX_ASOF_FORWARD, SFX_ASOF_NEAREST };

/* What is equal on both sides. */
struct sfx_join_pair {
    const struct sfx_expr *left, *right; /* the same when one is written */
};

/* A join stage as it was parsed. */
struct sfx_join_plan {
    enum sfx_join_kind kind;
    struct sfx_slice file;
    uint32_t file_at;
    struct sfx_slice prefix; /* of the file's columns; empty: none */
    struct sfx_join_pair *pairs;
    size_t npairs;
    struct sfx_join_pair by; /* ASOF */
    enum sfx_asof_way way;
    const struct sfx_expr *within; /* ASOF; NULL: any distance */
};

int sfx_join_parse(struct sfx_parser *p, struct sfx_stage_ast *stage);

/* --- keys: join_key.c ------------------------------------------------------------------------- */

/* The keys of a batch's rows, by position in the selection. ptr NULL: blank, equal to none. */
struct sfx_join_keys {
    struct sfx_slice key[SFX_BATCH_ROWS];
    uint64_t hash[SFX_BATCH_ROWS];
    size_t at[SFX_BATCH_ROWS]; /* in bytes, while they are made */
    struct sfx_buf bytes;
};

/*
 * Makes the keys of the selected rows: text as its bytes, numbers as bytes that are equal for equal
 * values. They are valid until the next call and as long as the batch. Errors: NOMEM.
 */
int sfx_join_keys_make(struct sfx_join_keys *keys, struct sfx_eval *ev,
                       struct sfx_node *const *nodes, size_t nnodes, const uint16_t *sel,
                       uint32_t nsel, struct sfx_err *err);

void sfx_join_keys_done(struct sfx_join_keys *keys);

/* --- the file's rows: join_side.c ------------------------------------------------------------- */

/* Where an as-of join finds a row. */
struct sfx_side_when {
    struct sfx_slice key;    /* bytes in the order of what the rows are sorted by */
    struct sfx_decimal slot; /* the value, where it is one of a number, time or float */
};

/* The rows of one key in that order. */
struct sfx_side_order {
    size_t count;
    struct sfx_side_row *rows[];
};

struct sfx_side_row {
    struct sfx_side_row *next; /* in the file's order */
    struct sfx_side_row *same; /* the next with this key */
    union {                    /* of the first with a key: */
        struct sfx_side_row *last;
        struct sfx_side_order *order; /* ASOF, once all are there */
    };
    struct sfx_side_when *when; /* ASOF */
    uint64_t hash;
    uint64_t number; /* of the row in the file */
    const char *key; /* NULL: blank */
    uint32_t key_len;
    uint16_t ncells;
    bool matched;
    struct sfx_cell cells[];
};

struct sfx_side {
    struct sfx_operator *op; /* whose memory it is */
    struct sfx_side_chunk *chunks;
    struct sfx_side_slot *slots;
    size_t cap, nkeys, nrows;
    struct sfx_side_row *first, *final;
    bool has_duplicates;
    uint64_t charged, budget_nbytes; /* it takes no more than that */
};

void sfx_side_init(struct sfx_side *side, struct sfx_operator *op, uint64_t budget_nbytes);

/* A row to be kept: cells of the frame's columns from[0 … ncells - 1]; -1: none. */
struct sfx_side_source {
    const struct sfx_frame *frame;
    const int32_t *from;
    size_t ncells;
    uint32_t row;
    uint64_t number;      /* of the row in the file */
    struct sfx_slice key; /* ptr NULL: blank */
    uint64_t hash;
    const struct sfx_side_when *when; /* NULL: none */
};

/* Copies a row behind the others: 1; 0 when memory is at the limit. Errors: NOMEM. */
int sfx_side_add(struct sfx_side *side, const struct sfx_side_source *source, struct sfx_err *err);

/* Memory for nbytes, aligned, with that of the rows: 1; 0 when it is at the limit. Errors: NOMEM.
 */
int sfx_side_take(struct sfx_side *side, size_t nbytes, unsigned char **out, struct sfx_err *err);

/* rows[i]: the first row with key i, or NULL. */
void sfx_side_find(const struct sfx_side *side, const struct sfx_join_keys *keys, uint32_t n,
                   struct sfx_side_row **rows);

/* The first row with the row's key, which is not blank. */
struct sfx_side_row *sfx_side_first(const struct sfx_side *side, const struct sfx_side_row *row);

/* Forgets all rows. */
void sfx_side_clear(struct sfx_side *side);

/* --- the stage -------------------------------------------------------------------------------- */

/* A column of the file that comes out. */
struct sfx_join_column {
    size_t cell;         /* of the file's rows */
    struct sfx_vec *vec; /* what comes out */
    /* Records that need not have a column of this name, and may: theirs, and where both meet. */
    const struct sfx_vec *theirs;
    struct sfx_vec *merged;
};

/* Rows of the input beside rows of the file, as many as fit a frame. */
struct sfx_join_rows {
    uint16_t left[SFX_BATCH_ROWS];
    uint16_t at[SFX_BATCH_ROWS]; /* 0, 1, 2 … */
    struct sfx_side_row *right[SFX_BATCH_ROWS];
    uint32_t n;
};

struct sfx_join {
    struct sfx_operator op;
    const struct sfx_join_plan *plan;
    /* The file. */
    bool loaded;
    bool open;                 /* its records need not have all columns */
    struct sfx_rowstore names; /* only for the union of its columns */
    struct sfx_side side;
    uint64_t nfile;               /* rows read */
    struct sfx_join_spill *spill; /* NULL: all of the file's rows are in side */
    enum sfx_type *types;         /* of the keys */
    /* ASOF */
    enum sfx_type by_type;
    struct sfx_decimal within;
    struct sfx_node *by;   /* of the input; bound like keys */
    struct sfx_buf by_key; /* scratch */
    /* Bound to the frames that come in. */
    struct sfx_node **keys;
    struct sfx_join_column *cols; /* the file's that come out */
    size_t ncols, nleft;
    const struct sfx_qcolumn *left; /* the frame's columns, nleft of them */
    bool left_open;                 /* they need not be there */
    bool wide;                      /* rows may multiply: what comes out is a copy */
    struct sfx_vec **copies;        /* of the frame's columns */
    struct sfx_join_rows pairs;
    struct sfx_join_keys batch;
    struct sfx_side_row *rows[SFX_BATCH_ROWS];
};

/* --- the columns that come out: join_columns.c ------------------------------------------------ */

/* Makes join->op.out a frame of in's columns and the file's. Errors: NOMEM. */
int sfx_join_bind_columns(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err);

/* The pair whose two columns are one in what comes out, for a column of the file; -1: none. */
int sfx_join_pair_of(const struct sfx_join *join, struct sfx_slice name);

/* The index of the column called name; ncols: there is none. */
size_t sfx_join_find(const struct sfx_qcolumn *cols, size_t ncols, struct sfx_slice name);

/* --- reading the file: join_load.c ------------------------------------------------------------ */

/* Reads the file into join->side; in: what the keys of the other side are bound to. Errors: USAGE
 * (columns), LIMIT (memory), those of reading. */
int sfx_join_load(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err);

/* Joins the selected rows of in, whose keys are in join->batch. */
int sfx_join_probe(struct sfx_join *join, struct sfx_frame *in, struct sfx_err *err);

/* Hands on the rows of side without a counterpart; what goes out is bound as wide. */
int sfx_join_pass_rest(struct sfx_join *join, struct sfx_err *err);

static inline bool sfx_join_is_bare(const struct sfx_join *join)
{
    return join->plan->kind == SFX_JOIN_SEMI || join->plan->kind == SFX_JOIN_ANTI;
}

static inline bool sfx_join_keeps_file(const struct sfx_join *join)
{
    return join->plan->kind == SFX_JOIN_RIGHT || join->plan->kind == SFX_JOIN_FULL;
}

/* The type that values of two types are compared as. */
enum sfx_type sfx_join_type(enum sfx_type a, enum sfx_type b);

/* --- as-of: join_asof.c ------------------------------------------------------------------------
 */

/* Binds what one side is ordered by. Errors: USAGE, NOMEM. */
int sfx_asof_bind(struct sfx_join *join, struct sfx_binder *b, bool right, struct sfx_node **node);

/* Finds join->within. Errors: USAGE (no distance). */
int sfx_asof_bind_within(struct sfx_join *join, struct sfx_binder *b);

/* What node has in row; valid until the next call. False: blank, near to none. */
bool sfx_asof_when(struct sfx_join *join, const struct sfx_node *node, uint32_t row,
                   struct sfx_side_when *when);

/* Orders the rows of each key: 1; 0 when memory is at the limit. Errors: NOMEM. */
int sfx_asof_sort(struct sfx_side *side, struct sfx_err *err);

/* Of join->rows, the first of their keys, makes those that count for in's rows; join->by was
 * evaluated. */
void sfx_asof_choose(struct sfx_join *join, const struct sfx_frame *in);

/* --- when the file does not fit: join_spill.c -------------------------------------------------
 *
 * Both sides are sorted by key on disk; at the end they are met in that order, as many keys at once
 * as fit the memory, and what comes out is put back in the order of the input.
 */

/* Moves the rows from side to disk, where all others are to go. Errors: IO, NOMEM. */
int sfx_join_spill_start(struct sfx_join *join, struct sfx_err *err);

/* Keeps rows of the file, whose keys are in join->batch; by: what they are ordered by, or NULL.
 * Errors: LIMIT (one row), IO, NOMEM. */
int sfx_join_spill_file(struct sfx_join *join, const struct sfx_frame *frame,
                        const struct sfx_node *by, struct sfx_err *err);

/* To be called behind the last row of the file. Errors: IO, NOMEM. */
int sfx_join_spill_file_end(struct sfx_join *join, struct sfx_err *err);

/* The same for the input; in: bound to by _bind. */
int sfx_join_spill_bind(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err);
int sfx_join_spill_input(struct sfx_join *join, struct sfx_frame *in, struct sfx_err *err);

/* Joins, and hands on what comes out. Errors: LIMIT (the rows of one key), IO, NOMEM, those of the
 * stages behind. */
int sfx_join_spill_finish(struct sfx_join *join, struct sfx_err *err);

/*
 * Keeps rows that come out: the selected ones of frame, row r being of row left[r] of the input's
 * rows in hand (NULL: r).
 */
int sfx_join_spill_keep(struct sfx_join *join, const struct sfx_frame *frame, const uint16_t *left,
                        struct sfx_err *err);

/* Says that the rows to be kept next are rows of the file. */
void sfx_join_spill_number_rest(struct sfx_join *join, struct sfx_side_row *const *rows,
                                uint32_t n);

void sfx_join_spill_free(struct sfx_join *join);

/* Binds one side's keys, asked to be of join->types. */
int sfx_join_bind_keys(struct sfx_join *join, struct sfx_binder *b, bool right,
                       struct sfx_node **nodes);

#endif
