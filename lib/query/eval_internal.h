/* SPDX-License-Identifier: MIT */
/*
 * Expressions bound to columns: a tree of nodes, each with a vector of values that its kernel fills
 * for the selected rows, a column at a time.
 *
 * Vectors are indexed by row of the frame, not by position in the selection. Kernels write only the
 * selected rows. Memory of nodes and vectors belongs to the binding's arena; bytes of computed text
 * live in the query's text arena until the next batch.
 */
#ifndef SFX_QUERY_EVAL_INTERNAL_H
#define SFX_QUERY_EVAL_INTERNAL_H

#include <locale.h>

#include "base/arena.h"
#include "base/buf.h"
#include "query/explain_internal.h"
#include "query/syntax_internal.h"
#include "record/batch.h"
#include "value/decimal.h"
#include "value/float64.h"
#include "value/timestamp.h"

enum sfx_type {
    SFX_TYPE_NULL,   /* the literal null */
    SFX_TYPE_CELL,   /* bytes as they came: nothing is known of them */
    SFX_TYPE_TEXT,   /* computed text */
    SFX_TYPE_NUMBER, /* exact decimal */
    SFX_TYPE_BOOL,
    SFX_TYPE_TIME,  /* struct sfx_timestamp, in nums */
    SFX_TYPE_FLOAT, /* double, in nums */
};

/* True for the types whose values are in nums and whose nulls are in flags. */
static inline bool sfx_type_in_nums(enum sfx_type type)
{
    return type == SFX_TYPE_NUMBER || type == SFX_TYPE_TIME || type == SFX_TYPE_FLOAT;
}

/* True for the types of computed values that have cells only when those are made. */
static inline bool sfx_type_makes_cells(enum sfx_type type)
{
    return type == SFX_TYPE_BOOL || sfx_type_in_nums(type);
}

struct sfx_vec {
    enum sfx_type type;
    bool has_cells;           /* computed values: cells were made of them */
    struct sfx_cell *cells;   /* NULL, CELL, TEXT; the others when has_cells */
    struct sfx_decimal *nums; /* NUMBER; TIME and FLOAT through the functions below */
    uint8_t *flags;           /* NUMBER, TIME, FLOAT: 1 where null; BOOL: the value */
};

_Static_assert(sizeof(struct sfx_timestamp) == sizeof(struct sfx_decimal), "slots hold either");

/* A TIME or FLOAT as it stands in a slot of nums. */
static inline struct sfx_timestamp sfx_slot_time(const struct sfx_decimal *slot)
{
    return (struct sfx_timestamp){slot->mant, slot->scale};
}

static inline struct sfx_decimal sfx_time_slot(struct sfx_timestamp time)
{
    return (struct sfx_decimal){time.ns, time.style};
}

static inline double sfx_slot_float(const struct sfx_decimal *slot)
{
    int64_t bits = (int64_t)slot->mant;
    double value;

    __builtin_memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline struct sfx_decimal sfx_float_slot(double value)
{
    int64_t bits;

    value += 0.0; /* there is one zero */
    __builtin_memcpy(&bits, &value, sizeof(bits));
    return (struct sfx_decimal){bits, 0};
}

/* <0, 0, >0: the order of two slots of a type. */
static inline int sfx_slot_cmp(enum sfx_type type, const struct sfx_decimal *a,
                               const struct sfx_decimal *b)
{
    if (type == SFX_TYPE_FLOAT) {
        double x = sfx_slot_float(a), y = sfx_slot_float(b);

        return (x > y) - (x < y);
    }
    if (type == SFX_TYPE_TIME || a->scale == b->scale)
        return (a->mant > b->mant) - (a->mant < b->mant);
    return sfx_decimal_cmp(a, b);
}

/* Room for the text of a slot of any type. */
#define SFX_SLOT_TEXT_NBYTES 48

/* Writes a slot as text; returns the length. */
size_t sfx_slot_format(enum sfx_type type, const struct sfx_decimal *slot,
                       char out[SFX_SLOT_TEXT_NBYTES]);

struct sfx_error_count;
struct sfx_eval;
struct sfx_node;
struct sfx_binder;
struct sfx_unicode;

/* Fills node->vec for the rows sel[0] … sel[nsel - 1]. */
typedef void sfx_kernel(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                        uint32_t nsel);

/* Fills one row of node->vec; no argument is null. */
typedef void sfx_row_fn(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row);

/* Binds the arguments of a call whose types follow a rule of their own, and decides *type, the
 * result's. Errors: USAGE, NOMEM. */
typedef int sfx_bind_fn(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                        enum sfx_type *type);

/*
 * One row for each function and operator: the one description, for parser, binder, kernels and
 * documentation. Exactly one of lazy, kernel, row is set.
 */
struct sfx_fn {
    const char *name;
    const char *usage; /* "round(x, n)" */
    uint8_t min_args, max_args;
    const char *args;     /* a letter each, the last repeats: n number, t text, b condition, d time,
                           * f float, c any */
    enum sfx_type result; /* CELL: decided by bind */
    uint8_t regex_arg;    /* not 0: this argument is a string, a regular expression */
    bool strips;          /* takes strip "characters" after its first argument */
    sfx_bind_fn *bind;    /* NULL: arguments are asked to be what args says */
    sfx_kernel *lazy;     /* evaluates its arguments itself, for the rows that need them */
    sfx_kernel *kernel;   /* arguments are evaluated for all rows; sees nulls */
    sfx_row_fn *row;      /* null when an argument is null; called for the others */
    const char *errors;   /* what makes a record bad; NULL: nothing */
    const char *help;     /* one line; NULL: an operator */
    const char *example;  /* a call with constants, which the tests run … */
    const char *gives;    /* … and what it gives, as text; empty: null */
};

/* The functions of one file. */
struct sfx_fn_family {
    const char *title; /* of their section in the manual */
    const struct sfx_fn *fns;
    size_t count;
};

#define SFX_FN_ANY_ARGS 255

struct sfx_node {
    const struct sfx_fn *fn; /* NULL: a column or a constant, there is nothing to compute */
    struct sfx_vec *vec;
    struct sfx_node **args;
    size_t nargs;
    const struct sfx_expr *expr; /* with the regex, the characters to strip */
    struct sfx_slice column;     /* the first column below, for messages; empty: none */
    void *detail;                /* what the function's bind made, in the binding's arena */
};

/* A cell that could not be what was asked. */
struct sfx_row_error {
    uint16_t row;
    struct sfx_slice column;
    struct sfx_slice value;
    bool has_value;
    const char *reason;    /* "is not a number" */
    struct sfx_slice rule; /* a named rule that was broken; empty: the stage as it is written */
};

/* A selection of its own for a kernel that evaluates arguments for some rows only. */
struct sfx_sel {
    struct sfx_sel *older;
    uint16_t rows[SFX_BATCH_ROWS];
};

/* The order of a language, see fn_letters.c. */
struct sfx_collation {
    struct sfx_collation *older;
    locale_t locale;
    char name[];
};

/* What kernels share: the text arena, and what went wrong with which row. */
struct sfx_eval {
    struct sfx_arena text; /* reset with each batch */
    char *text_at, *text_end;
    struct sfx_buf scratch;           /* of sfx_eval_unescape */
    struct sfx_buf made;              /* a result on its way, see sfx_fn_set_made */
    struct sfx_unicode *unicode;      /* opened late; NULL: not yet */
    struct sfx_matcher matcher;       /* of regular expressions */
    struct sfx_collation *collations; /* those that functions asked for */
    unsigned soft;                    /* > 0: inside "?": errors are nulls */
    struct sfx_error_count *nulls;    /* errors are nulls, counted here, while it allows; or NULL */
    uint64_t nnulls;                  /* cells that were made so */
    uint8_t *bad;                     /* by row: 1 when errors has it */
    struct sfx_row_error *errors;
    uint32_t nerrors;
    struct sfx_sel *sels, *free_sels; /* selections of lazy kernels: in use (a stack), and spare */
    int rc;                           /* NOMEM sticks here; looked at after an evaluation */
    const struct sfx_zone *zone;      /* of times without an offset; NULL: UTC */
    struct sfx_zones zones;           /* that functions were asked for */
    int64_t now_ns;                   /* what now() is, for the whole run */
};

int sfx_eval_init(struct sfx_eval *ev, struct sfx_err *err);
void sfx_eval_done(struct sfx_eval *ev);

/* Forgets the computed text of the batch before. */
void sfx_eval_reset(struct sfx_eval *ev);

/* Evaluates node for the selected rows. Data errors are noted per row; see ev->rc for the rest. */
void sfx_eval_node(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                   uint32_t nsel);

/* Makes row's record bad, unless inside "?", and row of node null. value: NULL, or borrowed text.
 */
void sfx_eval_fail(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                   const struct sfx_slice *value, const char *reason);

/*
 * Searches text for the call's regular expression; NULL walk: its first match, in
 * ev->matcher.spans. False when there is none, or the search gave up, which is row's error.
 */
bool sfx_eval_match(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                    struct sfx_slice text, struct sfx_regex_walk *walk);

/* Makes error's row bad, unless it is already. */
void sfx_eval_note(struct sfx_eval *ev, const struct sfx_row_error *error);

/* Forgets which rows are bad. */
void sfx_eval_forget(struct sfx_eval *ev);

/* len bytes in the text arena, not aligned; NULL (ev->rc set) when memory ran out. */
char *sfx_eval_text(struct sfx_eval *ev, size_t len);

/* The text of an escaped cell. */
struct sfx_slice sfx_eval_unescape(struct sfx_eval *ev, const struct sfx_cell *cell);

/* Room for a selection of SFX_BATCH_ROWS rows, to be given back in reverse order; NULL: ev->rc. */
uint16_t *sfx_eval_push_sel(struct sfx_eval *ev);
void sfx_eval_pop_sel(struct sfx_eval *ev);

/* Writes the cells of a vector of computed values (NUMBER, BOOL, TIME, FLOAT) for the selected rows
 * to cells. */
void sfx_vec_write_cells(struct sfx_eval *ev, const struct sfx_vec *vec, struct sfx_cell *cells,
                         const uint16_t *sel, uint32_t nsel);

/*
 * Makes sure that vec has cells for the selected rows. To be called with the whole selection of the
 * frame that vec is a column of, as it is done once for each batch.
 */
void sfx_vec_make_cells(struct sfx_eval *ev, struct sfx_vec *vec, const uint16_t *sel,
                        uint32_t nsel);

/* What a cell stands for, as text. */
static inline struct sfx_slice sfx_eval_cell_text(struct sfx_eval *ev, const struct sfx_cell *cell)
{
    return __builtin_expect((cell->flags & SFX_CELL_ESCAPED) != 0, 0)
               ? sfx_eval_unescape(ev, cell)
               : sfx_slice(cell->ptr, cell->len);
}

/* JSON null, a computed null, or no such column. */
static inline bool sfx_cell_is_null(const struct sfx_cell *cell)
{
    return cell->kind <= SFX_CELL_NULL;
}

/* Null, or an empty field or computed text: what ?? fills and aggregates skip. */
static inline bool sfx_cell_is_blank(const struct sfx_cell *cell)
{
    return cell->kind <= SFX_CELL_NULL ||
           (cell->len == 0 && (cell->kind == SFX_CELL_TEXT || cell->kind == SFX_CELL_STRING));
}

/* The cell as it is spelled: with the quotes around it where it has them. */
static inline struct sfx_slice sfx_cell_spelling(const struct sfx_cell *cell)
{
    bool quote = cell->kind == SFX_CELL_JSON_STRING || (cell->flags & SFX_CELL_QUOTED) != 0;

    return quote ? sfx_slice(cell->ptr - 1, (size_t)cell->len + 2)
                 : sfx_slice(cell->ptr, cell->len);
}

/* Lengths of what is kept: a byte, or 255 and four more. */
#define SFX_LENGTH_NBYTES 5

static inline unsigned char *sfx_put_length(unsigned char *at, uint32_t len)
{
    if (__builtin_expect(len < 255, 1)) {
        *at++ = (unsigned char)len;
        return at;
    }
    *at++ = 255;
    __builtin_memcpy(at, &len, sizeof(len));
    return at + sizeof(len);
}

static inline const unsigned char *sfx_get_length(const unsigned char *at, uint32_t *len)
{
    *len = *at++;
    if (__builtin_expect(*len < 255, 1))
        return at;
    __builtin_memcpy(len, at, sizeof(*len));
    return at + sizeof(*len);
}

static inline struct sfx_cell sfx_cell_string(struct sfx_slice text)
{
    return (struct sfx_cell){text.ptr, (uint32_t)text.len, SFX_CELL_STRING, 0, 0};
}

/* True when row of vec is null (for conditions: never). */
static inline bool sfx_vec_is_null(const struct sfx_vec *vec, uint32_t row)
{
    if (sfx_type_in_nums(vec->type))
        return vec->flags[row] != 0;
    return vec->type != SFX_TYPE_BOOL && sfx_cell_is_null(&vec->cells[row]);
}

/* The same in the sense of ??. */
static inline bool sfx_vec_is_blank(const struct sfx_vec *vec, uint32_t row)
{
    if (sfx_type_in_nums(vec->type))
        return vec->flags[row] != 0;
    return vec->type != SFX_TYPE_BOOL && sfx_cell_is_blank(&vec->cells[row]);
}

/* Copies a value between vectors of one type; its cell, too, where has_cells says it has one. */
static inline void sfx_vec_copy_row(struct sfx_vec *to, uint32_t to_row, const struct sfx_vec *from,
                                    uint32_t from_row)
{
    if (from->nums != NULL)
        to->nums[to_row] = from->nums[from_row];
    if (from->flags != NULL)
        to->flags[to_row] = from->flags[from_row];
    if (from->flags == NULL || from->has_cells)
        to->cells[to_row] = from->cells[from_row];
}

/* Makes row of vec null (a condition: false). */
void sfx_vec_set_null(struct sfx_vec *vec, uint32_t row);

/* --- binding: bind.c ---------------------------------------------------------------------- */

/* A column of a frame. */
struct sfx_qcolumn {
    struct sfx_slice name;
    struct sfx_vec *vec;
    struct sfx_cell head; /* the name as the input spelled it; MISSING: unknown */
};

struct sfx_binder {
    const struct sfx_program *program;
    const struct sfx_qcolumn *cols;
    size_t ncols;
    bool open; /* names that are not there are null (JSON); else they are errors */
    struct sfx_arena *arena;
    struct sfx_err *err;
    struct sfx_plan *plan; /* NULL: nothing is explained */
    unsigned soft;         /* > 0: inside "?", where nothing is refused */
};

/* Binds expr. Errors: USAGE (no such column), NOMEM. */
int sfx_bind_expr(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node **out);

/* Binds expr and asks it to be of type: a conversion is put on top when it is not. */
int sfx_bind_as(struct sfx_binder *b, const struct sfx_expr *expr, enum sfx_type type,
                struct sfx_node **out);

/* Binds the arguments of expr, asked to be what its function's row says: for bind functions. */
int sfx_bind_args(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node);

/* Finds the column named name: 1 with *index; 0 when there is none and the frame is open. Errors:
 * USAGE, with the nearest name. */
int sfx_bind_column(struct sfx_binder *b, struct sfx_slice name, uint32_t at, size_t *index);

/* Puts a conversion to type on *node. Errors: NOMEM. */
int sfx_bind_convert(struct sfx_binder *b, enum sfx_type type, struct sfx_node **node);

/* A vector with room for SFX_BATCH_ROWS values. Errors: NULL, NOMEM. */
struct sfx_vec *sfx_vec_new(struct sfx_arena *arena, enum sfx_type type, struct sfx_err *err);

/* Typing rules of calls with rules of their own: used by the function table. */
sfx_bind_fn sfx_bind_compare, sfx_bind_in, sfx_bind_if, sfx_bind_coalesce, sfx_bind_case,
    sfx_bind_numeric, sfx_bind_arithmetic;

/* --- functions: functions.c, fn_*.c ---------------------------------------------------------- */

/* The function called name, or NULL. */
const struct sfx_fn *sfx_fn_find(struct sfx_slice name);

/* The operator written as mark. Never NULL for an operator of the language. */
const struct sfx_fn *sfx_fn_operator(const char *mark);

/* The functions that are called by name, family by family; NULL behind the last. */
const struct sfx_fn_family *sfx_fn_family_at(size_t index);

/* Conversions, put in by the binder. */
extern const struct sfx_fn sfx_fn_to_number, sfx_fn_to_cell, sfx_fn_to_bool, sfx_fn_to_time,
    sfx_fn_to_float;

/* "expr?": its argument, with errors as nulls. */
extern const struct sfx_fn sfx_fn_try;

#endif
