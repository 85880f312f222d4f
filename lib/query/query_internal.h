/* SPDX-License-Identifier: MIT */
/* A query as its own parts see it; operators use what stage_internal.h offers. */
#ifndef SFX_QUERY_QUERY_INTERNAL_H
#define SFX_QUERY_QUERY_INTERNAL_H

#include "query/explain_internal.h"
#include "query/stage_internal.h"

/* A batch over a frame, for whoever takes records from the query. */
struct sfx_query_sink {
    struct sfx_batch batch;
    uint64_t schema;  /* of the frames that batch is made for */
    uint64_t columns; /* schema_id of batch as it was made */
};

/* What is carried from run to run, on its way in or out. */
struct sfx_carried {
    struct sfx_buf bytes; /* not written yet, or read */
    size_t at;            /* of those read: the next */
    uint64_t check;       /* a hash of all records so far */
};

/* A frame of the query's own over what a lane hands on, so that what stands behind the lanes is
 * bound once for all of them. */
struct sfx_entry {
    struct sfx_frame frame;
    struct sfx_vec *vecs;
    struct sfx_arena arena;
};

struct sfx_query {
    const struct sfx_program *program;
    size_t nstages; /* of the program that the query has */
    struct sfx_query_opts opts;
    sfx_query_emit *emit;
    void *emit_ctx;
    struct sfx_operator **operators; /* the schema's, one for each stage, that of union_columns */
    size_t noperators;
    struct sfx_stage_ast schema_stage, union_stage;
    struct sfx_eval eval;
    struct sfx_query_counts counts;
    struct sfx_plan *plan;         /* while the query is explained */
    struct sfx_error_count errors; /* where the options have none */
    uint64_t next_schema;
    uint64_t memory_used; /* of blocking stages */
    /* The input side: a frame over the reader's batch. */
    struct sfx_frame source;
    struct sfx_arena source_arena;
    struct sfx_vec *source_vecs;
    uint64_t batch_schema; /* of the batches that source is made for … */
    size_t batch_ncols;    /* … and how many columns they have */
    bool has_source;
    enum sfx_eol first_eol; /* of the first input, whom writers follow, whatever became of it */
    uint16_t first_dialect;
    bool asked, copies; /* by sfx_query_wants; the output copies records of all streams so far */
    bool records_only;  /* nobody looks at cells that no stage has named */
    bool has_first;
    struct sfx_carried carried;
    struct sfx_provenance *provenance; /* of source; NULL: not asked for */
    /* The output side, and what is put aside. */
    struct sfx_query_sink sink, aside;
    uint16_t aside_sel[SFX_BATCH_ROWS];
    /* The first nlaned stages are also those of lanes; what they hand on enters the others. */
    size_t nlaned;
    struct sfx_query_lanes lanes; /* count 0: there are none */
    struct sfx_lane *lane;
    struct sfx_entry entry;
    bool took;           /* a batch came through a lane */
    struct sfx_lane *in; /* the query is the lane's; NULL: it is none */
    /* on_error FAIL: the first bad record; told when the records before it are through. */
    int failed;
    size_t failed_at; /* the stage that met it */
    struct sfx_err failure;
};

/* --- provenance.c ---------------------------------------------------------------------------- */

/*
 * Adds the columns that say where a record came from behind those of the source frame, whose arrays
 * have room for SFX_PROVENANCE_COLUMNS more; a name that is there already is left alone. Errors:
 * NOMEM.
 */
#define SFX_PROVENANCE_COLUMNS 3
int sfx_provenance_bind(struct sfx_query *q, struct sfx_err *err);

/* Fills them for the rows of the source frame. */
void sfx_provenance_fill(struct sfx_query *q);

/* --- lanes.c --------------------------------------------------------------------------------- */

/* Makes a query of the first stages, nstages of the program's. Errors: NULL, NOMEM. */
struct sfx_query *sfx_query_new_of(const struct sfx_program *program, size_t nstages,
                                   const struct sfx_query_opts *opts, sfx_query_emit *emit,
                                   void *ctx, struct sfx_err *err);

/* True when frames that op hands on enter the stages behind the lanes. */
bool sfx_operator_ends_lane(const struct sfx_operator *op);

/* Hands frame to them. Errors: as of sfx_query_push. */
int sfx_query_enter(struct sfx_query *q, const struct sfx_frame *frame, struct sfx_err *err);

/* Hands them a frame of no rows, after a batch came through a lane. */
int sfx_query_enter_nothing(struct sfx_query *q, struct sfx_err *err);

/* In a lane: keeps what came out of its stages. Errors: NOMEM. */
int sfx_lane_keep(struct sfx_query *q, struct sfx_frame *frame, struct sfx_err *err);

void sfx_query_free_lanes(struct sfx_query *q);

/* --- query.c, query_emit.c -------------------------------------------------------------------- */

/* Hands frame to op, which is bound first when the schema is another one. */
int sfx_operator_push(struct sfx_operator *op, struct sfx_frame *frame, struct sfx_err *err);

/* Copies a name, and how the input spelled it, with its quotes; the vector is the caller's. Errors:
 * NOMEM. */
int sfx_qcolumn_copy(struct sfx_arena *arena, struct sfx_slice name, const struct sfx_cell *spelled,
                     struct sfx_qcolumn *to, struct sfx_err *err);

/* Notes how the first input is spelled. */
void sfx_query_note_first(struct sfx_query *q, const struct sfx_batch *batch);

/* Tells what is kept of a bad record once those before it are through: rc, or its code. */
int sfx_query_settle(struct sfx_query *q, int rc, struct sfx_err *err);

/* Makes sink's batch one over frame. Errors: NOMEM. */
int sfx_query_fill_sink(struct sfx_query *q, struct sfx_query_sink *sink, struct sfx_frame *frame,
                        struct sfx_err *err);

/* Hands frame to the query's output. Errors: NOMEM, what the output returned. */
int sfx_query_emit_frame(struct sfx_query *q, struct sfx_frame *frame, struct sfx_err *err);

/* Frees a sink's batch; what it borrows of the last frame stays. */
void sfx_query_sink_done(struct sfx_query_sink *sink);

/* True when operators from index first on have enough: more input to them changes nothing. */
bool sfx_query_satisfied_from(const struct sfx_query *q, size_t first);

#endif
