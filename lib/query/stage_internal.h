/* SPDX-License-Identifier: MIT */
/*
 * Stages at work: frames flow through a chain of operators, one for each stage of the program.
 *
 * A verb is a row of one table (verbs.c): how its stage is parsed, bound to columns, run, ended. A
 * streaming operator hands on a frame for each that it gets; a blocking one keeps rows and hands
 * them on when the input ends. New verbs are new files and rows.
 */
#ifndef SFX_QUERY_STAGE_INTERNAL_H
#define SFX_QUERY_STAGE_INTERNAL_H

#include "query/eval_internal.h"
#include "query/query.h"

/* A batch between stages: columns of typed vectors over the same rows. */
struct sfx_frame {
    struct sfx_qcolumn *cols;
    size_t ncols;
    struct sfx_row_origin *rows;
    uint32_t nrows;
    uint16_t *sel; /* may be shortened by whoever holds the frame */
    uint32_t nsel;
    uint64_t schema_id; /* another one: names, types or number of columns have changed */
    bool open;          /* records may have columns that are not known yet (JSON) */
    bool ordered; /* the program put the columns in this order, whatever that of the records */
    const char *input, *member;
    enum sfx_eol eol;
    /* The first nraw columns are those of the record at rows[].raw, see sfx_batch. Whoever makes
     * columns of its own and keeps these in front may say so when it is bound. */
    size_t nraw;
    uint16_t raw_dialect;
};

/* What of a record is looked at behind some place in the chain, besides the columns by name. */
enum sfx_rest {
    SFX_REST_NOTHING,
    SFX_REST_RECORD, /* all of it, but its bytes suffice */
    SFX_REST_CELLS,  /* all of it, cell by cell */
};

/* The columns of the input, and which of them are looked at. */
struct sfx_uses {
    const struct sfx_column *cols;
    size_t ncols;
    bool *wanted;
};

/* Notes that a column, or all columns of an expression, are looked at. NULL: nothing. */
void sfx_uses_name(struct sfx_uses *uses, struct sfx_slice name);
void sfx_uses_expr(struct sfx_uses *uses, const struct sfx_expr *expr);

/* The same for all expressions of a list. */
void sfx_uses_items(struct sfx_uses *uses, const struct sfx_items *items);

/* A stage that looks at its expressions and hands records on as they are. */
enum sfx_rest sfx_uses_filter(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                              enum sfx_rest rest);

/* The same for one that keeps records, cell by cell: what is looked at behind it suffices. */
enum sfx_rest sfx_uses_keep(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                            enum sfx_rest rest);

struct sfx_operator {
    const struct sfx_verb *verb;
    const struct sfx_stage_ast *ast;
    size_t index; /* of the stage */
    struct sfx_query *query;
    struct sfx_operator *next;      /* NULL: what comes out is emitted */
    uint64_t bound_schema;          /* of the frames it is bound to; 0: none yet */
    bool explained;                 /* its binding stands in the query's plan */
    uint64_t charged_nbytes;        /* memory it accounts for */
    struct sfx_arena arena;         /* of the binding; reset when it is bound again */
    struct sfx_frame out;           /* what it hands on, made by bind */
    uint64_t taken, given, refused; /* records, for the balance at the end */
};

struct sfx_verb {
    const char *name;
    const char *usage; /* "sort [-]KEY[, …]" */
    const char *help;  /* one line */
    const char *plan;  /* for --explain: "streaming, …" or "blocking, …" */
    const char *rules; /* sentences about types, nulls and errors, for the manual; may be NULL */
    /* A program with this verb, records in (CSV), records out: for the manual, run by the tests. */
    struct sfx_verb_example {
        const char *program, *input, *output;
        const char *file_name, *file; /* that the program names, and what it holds; or NULL */
    } example;
    bool can_fail;  /* it evaluates what can make a record bad */
    bool stateless; /* what it does with a record depends on that record alone */
    bool parallel;  /* it hands on one frame for each, and changes nothing but itself: several
                       operators of the stage may be at work at the same time */
    bool gives_all; /* with restore: it hands on what all runs have come to, not only this one */
    bool fixes_columns; /* its stage names the columns that come out */
    bool takes_all;     /* it wants all records, also when the stages behind it have enough */
    /*
     * What the stage looks at, when `rest` is what is looked at behind it. NULL: at everything.
     * SFX_REST_RECORD may be answered only by a stage that keeps nraw of its frames.
     */
    enum sfx_rest (*uses)(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                          enum sfx_rest rest);
    /* Whether, now that it is bound, the stage looks at all cells whatever uses said. NULL: no. */
    bool (*wants_cells)(const struct sfx_operator *op);
    /* Whether, now that it is bound, the bytes of records suffice for it where uses said so. NULL:
     * they do. */
    bool (*takes_records)(const struct sfx_operator *op);
    size_t state_nbytes; /* of the operator's struct, which begins with struct sfx_operator */
    int (*parse)(struct sfx_parser *p, struct sfx_stage_ast *stage);
    int (*bind)(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err);
    int (*push)(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err);
    /* Hands on what was kept; NULL for streaming verbs. Must hand on at least one frame. */
    int (*finish)(struct sfx_operator *op, struct sfx_err *err);
    /* Whether all waits for finish; NULL: it does when there is one. When not, finish need hand on
     * nothing. */
    bool (*blocks)(const struct sfx_operator *op);
    bool (*satisfied)(const struct sfx_operator *op); /* NULL: never */
    /* What goes by the clock: in how many ns _tick is to be called if no input comes; -1: never.
     * Both NULL: nothing does. */
    int64_t (*waits)(const struct sfx_operator *op);
    int (*tick)(struct sfx_operator *op, struct sfx_err *err);
    /*
     * Takes what its finish has written in the run before with sfx_operator_carry, before anything
     * is bound. NULL: a run cannot go on where another one ended, unless it is stateless.
     */
    int (*restore)(struct sfx_operator *op, struct sfx_err *err);
    void (*destroy)(struct sfx_operator *op); /* NULL: the arena is all there is */
};

/* The verb called name, or NULL. */
const struct sfx_verb *sfx_verb_find(struct sfx_slice name);

/* The verbs in their order, NULL behind the last. */
const struct sfx_verb *sfx_verb_at(size_t index);

/* The title of the group that begins with the verb at index; NULL: it goes with the one before. */
const char *sfx_verb_group_at(size_t index);

/* --- parsing, shared by verbs: parser.c ------------------------------------------------------ */

/* Parses a name and goes past it; what: for the message ("a column name"). Errors: USAGE. */
int sfx_parse_name(struct sfx_parser *p, const char *what, struct sfx_slice *name, uint32_t *at);

/* Whether "name =" begins here; nothing is gone past. */
int sfx_parse_sees_assignment(struct sfx_parser *p);

/* "name = expr", added to items. */
int sfx_parse_assignment(struct sfx_parser *p, struct sfx_items *items);

/* Goes past a "by" in front of keys, which group and the like need not have. */
int sfx_parse_optional_by(struct sfx_parser *p);

/* A key: "name = expr", a column, or a call, whose name it then has; added to keys. */
int sfx_parse_key(struct sfx_parser *p, struct sfx_items *keys);

/* "[name =] aggregate", added to aggs. */
int sfx_parse_aggregate(struct sfx_parser *p, struct sfx_items *aggs);

/* The column that an expression shows: x, num(x), text(x) …; empty: something computed. */
struct sfx_slice sfx_expr_column(const struct sfx_expr *expr);

/* Lists that are the whole of a stage: */

/* "name = expr, …" */
int sfx_parse_assignments(struct sfx_parser *p, struct sfx_stage_ast *stage);
/* "expr" */
int sfx_parse_condition(struct sfx_parser *p, struct sfx_stage_ast *stage);
/* "[-]name, …" */
int sfx_parse_names(struct sfx_parser *p, struct sfx_stage_ast *stage);
/* "new = old, …" */
int sfx_parse_renames(struct sfx_parser *p, struct sfx_stage_ast *stage);
/* "[-]expr, …" */
int sfx_parse_sort_keys(struct sfx_parser *p, struct sfx_stage_ast *stage);
/* "[name =] expr, …: [name =] aggregate, …" */
int sfx_parse_group(struct sfx_parser *p, struct sfx_stage_ast *stage);
/* "N" */
int sfx_parse_count(struct sfx_parser *p, struct sfx_stage_ast *stage);

/* --- the chain: query.c --------------------------------------------------------------------- */

/* Hands frame to what stands behind op: the next stage, or whoever takes the query's output. */
int sfx_operator_pass(struct sfx_operator *op, struct sfx_frame *frame, struct sfx_err *err);

/* Hands on the n rows that were written into the columns of op's output, which has rows of its own.
 */
int sfx_operator_pass_written(struct sfx_operator *op, uint32_t n, struct sfx_err *err);

/* True when nothing more that op hands on matters: a stage behind it has enough, or met what ends
 * the run. */
bool sfx_operator_is_done(const struct sfx_operator *op);

/* True when a stage behind op has enough: what op hands on does not matter any more, and it needs
 * no more input either. */
bool sfx_operator_next_is_satisfied(const struct sfx_operator *op);

/* Counts n records of op's frame as skipped. */
void sfx_operator_count_skipped(struct sfx_operator *op, uint32_t n);

/* True when the output copies the frame, whose cells are not looked at by anybody. */
bool sfx_operator_is_copied(const struct sfx_operator *op, const struct sfx_frame *frame);

/* True when the cells of op's frames need not be there, but for those that stages have named: they
 * are all records of one stream, which the output copies. */
bool sfx_operator_gets_records(const struct sfx_operator *op);

/* True when a stage behind op may have to say where a record came from. */
bool sfx_operator_needs_origin(const struct sfx_operator *op);

/* A binder for op's expressions over in's columns. */
struct sfx_binder sfx_operator_binder(struct sfx_operator *op, const struct sfx_frame *in,
                                      struct sfx_err *err);

/* What op's kernels work with. */
struct sfx_eval *sfx_operator_eval(const struct sfx_operator *op);

/* A schema number that no frame of this query had. */
uint64_t sfx_operator_new_schema(const struct sfx_operator *op);

/* Makes op's output anew: no columns yet, room for that many, a schema of its own. Errors: NOMEM.
 */
int sfx_operator_start_columns(struct sfx_operator *op, const struct sfx_frame *in, size_t room,
                               struct sfx_err *err);

/* The same with the columns of in, and room for more behind them. */
int sfx_operator_keep_columns(struct sfx_operator *op, const struct sfx_frame *in, size_t more,
                              struct sfx_err *err);

/*
 * To be called after evaluations over frame's selection: takes bad records out of it, as on_error
 * says: counted, put to the rejects, or noted as the error that ends the run once the records
 * before it are through (the selection is then cut there). Errors: NOMEM; what the sink returned.
 */
int sfx_operator_settle(struct sfx_operator *op, struct sfx_frame *frame, struct sfx_err *err);

/* What becomes of a record that breaks a rule of its own right, which no null would mend: as
 * on_error says, or with NULL a reject where there is a sink for rejects, else the end of the run.
 */
enum sfx_on_error sfx_operator_refusal(const struct sfx_operator *op);

/* The same with an on_error of the stage's own. */
int sfx_operator_settle_as(struct sfx_operator *op, struct sfx_frame *frame,
                           enum sfx_on_error on_error, struct sfx_err *err);
/* The bad record that a settle noted to end the run, for who goes on no further: 0: there is none,
 * else its code, described. */
int sfx_operator_failure(const struct sfx_operator *op, struct sfx_err *err);

/* Gives frame rows and a selection of its own in arena, for SFX_BATCH_ROWS rows. Errors: NOMEM. */
int sfx_frame_make_rows(struct sfx_frame *frame, struct sfx_arena *arena, struct sfx_err *err);

/* Copies what in says of its rows (not its columns) to out. */
void sfx_frame_take_rows(struct sfx_frame *out, const struct sfx_frame *in);

/*
 * Accounts for nbytes more (or less) of memory: false when that is over the limit; it is then not
 * accounted. The blocking stages share the limit; whoever comes first gets more, but for each of
 * them some is left.
 */
bool sfx_operator_charge(struct sfx_operator *op, int64_t nbytes);

/*
 * Accounts for nbytes that op holds ready for later, besides its share: what was charged by then is
 * never taken by other stages. Errors: LIMIT.
 */
int sfx_operator_set_aside(struct sfx_operator *op, uint64_t nbytes, struct sfx_err *err);

/* How much more op could account for now. */
uint64_t sfx_operator_available(const struct sfx_operator *op);

/* Describes that op's memory is over the limit. Returns LIMIT. */
int sfx_operator_over_limit(const struct sfx_operator *op, struct sfx_err *err);

/*
 * Hands nsel of frame's selected rows to the side output called name (sfx_query_opts.side), a
 * template as -o takes it. Errors: USAGE (the query has no side outputs), NOMEM, what the output
 * returned.
 */
int sfx_operator_put_aside(struct sfx_operator *op, struct sfx_slice name, struct sfx_frame *frame,
                           const uint16_t *sel, uint32_t nsel, struct sfx_err *err);

/* Binds the expression of a key, and notes for --explain how it compares. Errors: USAGE, NOMEM. */
int sfx_bind_key(struct sfx_binder *b, const struct sfx_item *item, struct sfx_node **out);

/* What stages need of the query's options. */
const struct sfx_query_opts *sfx_operator_opts(const struct sfx_operator *op);

/* --- what is carried from run to run: carry.c ------------------------------------------------- */

/* True when op's finish is to carry on what the next run needs. */
bool sfx_operator_carries(const struct sfx_operator *op);

/* Carries on a record. Errors: LIMIT (4 GiB), IO, NOMEM. */
int sfx_operator_carry(struct sfx_operator *op, const void *bytes, size_t nbytes,
                       struct sfx_err *err);

/* For restore, until it gives 0: the next record, 1, valid until the next call. Errors: INPUT (it
 * is damaged), IO, NOMEM. */
int sfx_operator_carried(struct sfx_operator *op, struct sfx_slice *record, struct sfx_err *err);

/* --- derive, and cast, whose items are assignments, too: stage_derive.c ----------------------- */

struct sfx_derive {
    struct sfx_operator op;
    struct sfx_node **nodes; /* one for each assignment */
};

int sfx_derive_bind(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err);
int sfx_derive_push(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err);
enum sfx_rest sfx_derive_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                              enum sfx_rest rest);

/* --- verbs ------------------------------------------------------------------------------------ */

extern const struct sfx_verb sfx_verb_cast;
extern const struct sfx_verb sfx_verb_dedup;
extern const struct sfx_verb sfx_verb_derive;
extern const struct sfx_verb sfx_verb_distinct;
extern const struct sfx_verb sfx_verb_drop;
extern const struct sfx_verb sfx_verb_expect;
extern const struct sfx_verb sfx_verb_explode;
extern const struct sfx_verb sfx_verb_fill;
extern const struct sfx_verb sfx_verb_frequency;
extern const struct sfx_verb sfx_verb_group;
extern const struct sfx_verb sfx_verb_head;
extern const struct sfx_verb sfx_verb_head_by;
extern const struct sfx_verb sfx_verb_join;
extern const struct sfx_verb sfx_verb_merge;
extern const struct sfx_verb sfx_verb_nth;
extern const struct sfx_verb sfx_verb_number;
extern const struct sfx_verb sfx_verb_flatten;
extern const struct sfx_verb sfx_verb_hash;
extern const struct sfx_verb sfx_verb_nest;
extern const struct sfx_verb sfx_verb_over;
extern const struct sfx_verb sfx_verb_parse;
extern const struct sfx_verb sfx_verb_pivot;
extern const struct sfx_verb sfx_verb_redact;
extern const struct sfx_verb sfx_verb_profile;
extern const struct sfx_verb sfx_verb_rename;
extern const struct sfx_verb sfx_verb_reorder;
extern const struct sfx_verb sfx_verb_reverse;
extern const struct sfx_verb sfx_verb_sample;
extern const struct sfx_verb sfx_verb_select;
extern const struct sfx_verb sfx_verb_shuffle;
extern const struct sfx_verb sfx_verb_sort;
extern const struct sfx_verb sfx_verb_split;
extern const struct sfx_verb sfx_verb_tail;
extern const struct sfx_verb sfx_verb_tee;
extern const struct sfx_verb sfx_verb_top;
extern const struct sfx_verb sfx_verb_where;
extern const struct sfx_verb sfx_verb_window;

extern const struct sfx_verb sfx_verb_union;

/* Not a verb of the language: keeps all records to give them the columns of all. */
extern const struct sfx_verb sfx_verb_all_columns;

/* Neither: checks records against sfx_query_opts.schema, its stage's detail. */
extern const struct sfx_verb sfx_verb_schema;

#endif
