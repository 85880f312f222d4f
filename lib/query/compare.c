/* SPDX-License-Identifier: MIT */
/* Comparisons: one kernel for each operator and type. A comparison with null is false. */
#include "query/eval_internal.h"

#include "base/size.h"

#include <string.h>

/* The kernels of an operator; text_test is 0 for equality, or the byte order. */
#define SLOT_KERNEL(name, suffix, type, op)                                                        \
    static void name##_##suffix(struct sfx_eval *ev, const struct sfx_node *node,                  \
                                const uint16_t *sel, uint32_t nsel)                                \
    {                                                                                              \
        const struct sfx_vec *a = node->args[0]->vec, *b = node->args[1]->vec;                     \
        uint32_t i;                                                                                \
                                                                                                   \
        (void)ev;                                                                                  \
        for (i = 0; i < nsel; i++) {                                                               \
            uint32_t r = sel[i];                                                                   \
                                                                                                   \
            node->vec->flags[r] = (a->flags[r] | b->flags[r]) == 0 &&                              \
                                  sfx_slot_cmp(type, &a->nums[r], &b->nums[r]) op 0;               \
        }                                                                                          \
    }

#define COMPARE_KERNELS(name, op, text_test)                                                       \
    SLOT_KERNEL(name, times, SFX_TYPE_TIME, op)                                                    \
    SLOT_KERNEL(name, floats, SFX_TYPE_FLOAT, op)                                                  \
    SLOT_KERNEL(name, numbers, SFX_TYPE_NUMBER, op)                                                \
    static void name##_texts(struct sfx_eval *ev, const struct sfx_node *node,                     \
                             const uint16_t *sel, uint32_t nsel)                                   \
    {                                                                                              \
        const struct sfx_cell *a = node->args[0]->vec->cells, *b = node->args[1]->vec->cells;      \
        uint8_t *out = node->vec->flags;                                                           \
        uint32_t i;                                                                                \
                                                                                                   \
        for (i = 0; i < nsel; i++) {                                                               \
            uint32_t r = sel[i];                                                                   \
                                                                                                   \
            out[r] = !sfx_cell_is_null(&a[r]) && !sfx_cell_is_null(&b[r]) &&                       \
                     text_test(sfx_eval_cell_text(ev, &a[r]), sfx_eval_cell_text(ev, &b[r])) op 0; \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void name##_bools(struct sfx_eval *ev, const struct sfx_node *node,                     \
                             const uint16_t *sel, uint32_t nsel)                                   \
    {                                                                                              \
        const uint8_t *a = node->args[0]->vec->flags, *b = node->args[1]->vec->flags;              \
        uint32_t i;                                                                                \
                                                                                                   \
        (void)ev;                                                                                  \
        for (i = 0; i < nsel; i++)                                                                 \
            node->vec->flags[sel[i]] = a[sel[i]] op b[sel[i]];                                     \
    }

static inline int differ(struct sfx_slice a, struct sfx_slice b)
{
    return !sfx_slice_eq(a, b);
}

COMPARE_KERNELS(eq, ==, differ)
COMPARE_KERNELS(ne, !=, differ)
COMPARE_KERNELS(lt, <, sfx_slice_cmp)
COMPARE_KERNELS(le, <=, sfx_slice_cmp)
COMPARE_KERNELS(gt, >, sfx_slice_cmp)
COMPARE_KERNELS(ge, >=, sfx_slice_cmp)

static void is_null(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                    uint32_t nsel)
{
    const struct sfx_vec *a = node->args[0]->vec;
    uint32_t i;

    (void)ev;
    for (i = 0; i < nsel; i++)
        node->vec->flags[sel[i]] = sfx_vec_is_blank(a, sel[i]);
}

static void is_not_null(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                        uint32_t nsel)
{
    const struct sfx_vec *a = node->args[0]->vec;
    uint32_t i;

    (void)ev;
    for (i = 0; i < nsel; i++)
        node->vec->flags[sel[i]] = !sfx_vec_is_blank(a, sel[i]);
}

#define COMPARE_FN(mark, suffix, kernel_)                                                          \
    {                                                                                              \
        .name = mark, .usage = "a " mark " b", .min_args = 2, .max_args = 2, .args = suffix,       \
        .result = SFX_TYPE_BOOL, .kernel = kernel_                                                 \
    }
#define COMPARE_ROW(mark, name)                                                                    \
    {                                                                                              \
        COMPARE_FN(mark, "n", name##_numbers), COMPARE_FN(mark, "c", name##_texts),                \
            COMPARE_FN(mark, "b", name##_bools), COMPARE_FN(mark, "d", name##_times),              \
            COMPARE_FN(mark, "f", name##_floats)                                                   \
    }

/* By operator; each for numbers, texts, conditions, times, floats. */
static const struct sfx_fn variants[][5] = {
    COMPARE_ROW("=", eq),  COMPARE_ROW("==", eq), COMPARE_ROW("!=", ne), COMPARE_ROW("<", lt),
    COMPARE_ROW("<=", le), COMPARE_ROW(">", gt),  COMPARE_ROW(">=", ge),
};
static const struct sfx_fn null_test = COMPARE_FN("= null", "c", is_null),
                           known_test = COMPARE_FN("!= null", "c", is_not_null);

static const struct sfx_fn *variant(const char *mark, enum sfx_type type)
{
    static const uint8_t of_type[] = {
        [SFX_TYPE_NUMBER] = 0, [SFX_TYPE_TEXT] = 1,  [SFX_TYPE_BOOL] = 2,
        [SFX_TYPE_TIME] = 3,   [SFX_TYPE_FLOAT] = 4,
    };
    size_t i;

    for (i = 0; strcmp(variants[i][0].name, mark) != 0; i++)
        ;
    return &variants[i][of_type[type]];
}

/* "x = null" and "x != null" ask whether x is null. */
static int bind_null_test(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node)
{
    bool equal = expr->fn->name[0] == '=';

    if (!equal && strcmp(expr->fn->name, "!=") != 0)
        return sfx_program_err(b->program, expr->at, b->err,
                               "nothing is above or below null: only = and != ask for it");
    if (node->args[0]->vec->type == SFX_TYPE_NULL)
        node->args[0] = node->args[1];
    node->nargs = 1;
    node->fn = equal ? &null_test : &known_test;
    return 0;
}

/* The type both sides are asked to be: the first of times, floats, numbers, conditions that one of
 * them is; text when neither is known to be anything. */
static enum sfx_type compare_type(const struct sfx_node *a, const struct sfx_node *b)
{
    enum sfx_type at = a->vec->type, bt = b->vec->type;

    static const enum sfx_type strong[] = {SFX_TYPE_TIME, SFX_TYPE_FLOAT, SFX_TYPE_NUMBER};
    size_t i;

    for (i = 0; i < SFX_COUNT(strong); i++) {
        if (at == strong[i] || bt == strong[i])
            return strong[i];
    }
    return at == SFX_TYPE_BOOL || bt == SFX_TYPE_BOOL ? SFX_TYPE_BOOL : SFX_TYPE_TEXT;
}

/* Of two columns nobody said what they are: that is worth a word in the plan. */
static void note_comparison(struct sfx_binder *b, const struct sfx_node *node, const char *mark,
                            enum sfx_type type)
{
    const struct sfx_node *left = node->args[0], *right = node->args[1];

    if (left->column.len > 0)
        sfx_plan_note(b->plan, "%.*s %s %.*s: by %s", SFX_SLICE_ARG(left->column), mark,
                      right->column.len > 0 ? (int)right->column.len : 3,
                      right->column.len > 0 ? right->column.ptr : "…",
                      type == SFX_TYPE_TEXT ? "bytes" : "value");
}

/* An argument is text like a cell, but beside a column of which nothing is known, < and > take it
 * for the number that it spells. */
static bool orders_by_number(const struct sfx_expr *expr, const struct sfx_node *node)
{
    struct sfx_decimal number;
    size_t i;

    if (expr->fn->name[0] != '<' && expr->fn->name[0] != '>')
        return false;
    for (i = 0; i < 2; i++) {
        if (expr->args[i]->kind == SFX_EXPR_ARG && node->args[1 - i]->vec->type == SFX_TYPE_CELL &&
            sfx_decimal_parse(expr->args[i]->text, &number) == SFX_DECIMAL_OK)
            return true;
    }
    return false;
}

int sfx_bind_compare(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                     enum sfx_type *result)
{
    enum sfx_type type;
    int rc;

    *result = SFX_TYPE_BOOL;
    rc = sfx_bind_expr(b, expr->args[0], &node->args[0]);
    if (rc == 0)
        rc = sfx_bind_expr(b, expr->args[1], &node->args[1]);
    if (rc < 0)
        return rc;
    if (node->args[0]->vec->type == SFX_TYPE_NULL || node->args[1]->vec->type == SFX_TYPE_NULL)
        return bind_null_test(b, expr, node);
    type =
        orders_by_number(expr, node) ? SFX_TYPE_NUMBER : compare_type(node->args[0], node->args[1]);
    node->fn = variant(expr->fn->name, type);
    note_comparison(b, node, expr->fn->name, type);
    rc = sfx_bind_convert(b, type, &node->args[0]);
    return rc < 0 ? rc : sfx_bind_convert(b, type, &node->args[1]);
}

static bool in_slots(const struct sfx_node *node, uint32_t row)
{
    const struct sfx_vec *x = node->args[0]->vec;
    size_t a;

    for (a = 1; a < node->nargs && !x->flags[row]; a++) {
        const struct sfx_vec *item = node->args[a]->vec;

        if (!item->flags[row] && sfx_slot_cmp(x->type, &x->nums[row], &item->nums[row]) == 0)
            return true;
    }
    return false;
}

static bool in_texts(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_cell *x = &node->args[0]->vec->cells[row];
    struct sfx_slice text;
    size_t a;

    if (sfx_cell_is_null(x))
        return false;
    text = sfx_eval_cell_text(ev, x);
    for (a = 1; a < node->nargs; a++) {
        const struct sfx_cell *item = &node->args[a]->vec->cells[row];

        if (!sfx_cell_is_null(item) && sfx_slice_eq(text, sfx_eval_cell_text(ev, item)))
            return true;
    }
    return false;
}

static void in_list(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                    uint32_t nsel)
{
    bool slots = sfx_type_in_nums(node->args[0]->vec->type);
    uint32_t i;

    for (i = 0; i < nsel; i++)
        node->vec->flags[sel[i]] = slots ? in_slots(node, sel[i]) : in_texts(ev, node, sel[i]);
}

static const struct sfx_fn in_fn = COMPARE_FN("in", "c", in_list);

/* The list's type: times, floats or numbers when x or every value is one; texts when none is. */
static int list_type(struct sfx_binder *b, const struct sfx_node *node, enum sfx_type *type)
{
    enum sfx_type x = node->args[0]->vec->type;
    size_t a, values = 0;

    *type = sfx_type_in_nums(x) ? x : SFX_TYPE_TEXT;
    for (a = 1; a < node->nargs; a++) {
        enum sfx_type item = node->args[a]->vec->type;

        if (item == SFX_TYPE_NULL)
            return sfx_program_err(b->program, node->args[a]->expr->at, b->err,
                                   "null is in no list: ask x = null or x in (…)");
        values += sfx_type_in_nums(item);
        if (item == SFX_TYPE_TIME || (item == SFX_TYPE_FLOAT && *type != SFX_TYPE_TIME) ||
            (item == SFX_TYPE_NUMBER && *type == SFX_TYPE_TEXT))
            *type = item;
    }
    if (!sfx_type_in_nums(x) && values > 0 && values < node->nargs - 1)
        return sfx_program_err(b->program, node->expr->at, b->err,
                               "%s and texts do not mix in one list",
                               *type == SFX_TYPE_TIME ? "times" : "numbers");
    return 0;
}

int sfx_bind_in(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                enum sfx_type *result)
{
    enum sfx_type type = SFX_TYPE_TEXT;
    size_t a;
    int rc = 0;

    for (a = 0; a < expr->nargs && rc == 0; a++)
        rc = sfx_bind_expr(b, expr->args[a], &node->args[a]);
    if (rc == 0)
        rc = list_type(b, node, &type);
    for (a = 0; a < expr->nargs && rc == 0; a++)
        rc = sfx_bind_convert(b, type, &node->args[a]);
    node->fn = &in_fn;
    *result = SFX_TYPE_BOOL;
    return rc;
}
