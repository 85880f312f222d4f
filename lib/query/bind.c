/* SPDX-License-Identifier: MIT */
/* Binding: names become columns, calls get their types and conversions, nodes get their vectors. */
#include "query/eval_internal.h"

#include "base/size.h"

#include <string.h>

struct sfx_vec *sfx_vec_new(struct sfx_arena *arena, enum sfx_type type, struct sfx_err *err)
{
    struct sfx_vec *vec = sfx_arena_calloc(arena, 1, sizeof(*vec), err);

    if (vec == NULL)
        return NULL;
    vec->type = type;
    vec->cells = sfx_arena_calloc(arena, SFX_BATCH_ROWS, sizeof(*vec->cells), err);
    if (vec->cells == NULL)
        return NULL;
    if (sfx_type_in_nums(type)) {
        vec->nums = sfx_arena_calloc(arena, SFX_BATCH_ROWS, sizeof(*vec->nums), err);
        if (vec->nums == NULL)
            return NULL;
    }
    if (sfx_type_makes_cells(type)) {
        vec->flags = sfx_arena_calloc(arena, SFX_BATCH_ROWS, 1, err);
        if (vec->flags == NULL)
            return NULL;
    }
    return vec;
}

static int new_node(struct sfx_binder *b, const struct sfx_expr *expr, size_t nargs,
                    struct sfx_node **out)
{
    struct sfx_node *node = sfx_arena_calloc(b->arena, 1, sizeof(*node), b->err);

    if (node == NULL)
        return SFX_E_NOMEM;
    node->expr = expr;
    node->nargs = nargs;
    node->args = sfx_arena_calloc(b->arena, nargs + 1, sizeof(struct sfx_node *), b->err);
    *out = node;
    return node->args == NULL ? SFX_E_NOMEM : 0;
}

static int finish_node(struct sfx_binder *b, struct sfx_node *node, enum sfx_type type)
{
    size_t i;

    for (i = 0; i < node->nargs && node->column.len == 0; i++)
        node->column = node->args[i]->column;
    node->vec = sfx_vec_new(b->arena, type, b->err);
    return node->vec == NULL ? SFX_E_NOMEM : 0;
}

/* The cell of a constant; its text lives as long as the binding. */
static int constant_cell(struct sfx_binder *b, const struct sfx_expr *expr, enum sfx_type type,
                         struct sfx_cell *cell)
{
    uint8_t kind = type == SFX_TYPE_TIME ? SFX_CELL_STRING : SFX_CELL_NUMBER;
    char digits[SFX_SLOT_TEXT_NBYTES], *text;
    size_t len;

    switch (expr->kind) {
    case SFX_EXPR_NUMBER:
    case SFX_EXPR_TIME:
        len = sfx_slot_format(type, &expr->number, digits);
        text = sfx_arena_strndup(b->arena, digits, len, b->err);
        *cell = (struct sfx_cell){text, (uint32_t)len, kind, 0, 0};
        return text == NULL ? SFX_E_NOMEM : 0;
    case SFX_EXPR_BOOL:
        *cell = sfx_cell_string(expr->truth ? SFX_SLICE_LIT("true") : SFX_SLICE_LIT("false"));
        cell->kind = SFX_CELL_BOOL;
        return 0;
    case SFX_EXPR_ARG:
    case SFX_EXPR_TEXT: *cell = sfx_cell_string(expr->text); return 0;
    default: *cell = (struct sfx_cell){.kind = SFX_CELL_NULL}; return 0;
    }
}

/* A constant is a vector that is full of it. */
static int bind_constant(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node)
{
    static const enum sfx_type types[] = {
        [SFX_EXPR_NULL] = SFX_TYPE_NULL, [SFX_EXPR_NUMBER] = SFX_TYPE_NUMBER,
        [SFX_EXPR_TIME] = SFX_TYPE_TIME, [SFX_EXPR_ARG] = SFX_TYPE_CELL,
        [SFX_EXPR_TEXT] = SFX_TYPE_TEXT, [SFX_EXPR_BOOL] = SFX_TYPE_BOOL,
    };
    struct sfx_cell cell;
    uint32_t row;
    int rc = finish_node(b, node, types[expr->kind]);

    if (rc == 0)
        rc = constant_cell(b, expr, types[expr->kind], &cell);
    for (row = 0; rc == 0 && row < SFX_BATCH_ROWS; row++) {
        node->vec->cells[row] = cell;
        if (expr->kind == SFX_EXPR_NUMBER || expr->kind == SFX_EXPR_TIME)
            node->vec->nums[row] = expr->number;
        else if (expr->kind == SFX_EXPR_BOOL)
            node->vec->flags[row] = expr->truth;
    }
    if (rc == 0)
        node->vec->has_cells = true;
    return rc;
}

int sfx_bind_column(struct sfx_binder *b, struct sfx_slice name, uint32_t at, size_t *index)
{
    struct sfx_slice known[256];
    char suggestion[160];
    size_t i;

    for (i = 0; i < b->ncols; i++) {
        if (sfx_slice_eq(b->cols[i].name, name)) {
            *index = i;
            return 1;
        }
    }
    if (b->open)
        return 0;
    for (i = 0; i < b->ncols && i < SFX_COUNT(known); i++)
        known[i] = b->cols[i].name;
    sfx_suggest(name, known, i, suggestion, sizeof(suggestion));
    return sfx_program_err(b->program, at, b->err, "there is no column %.*s%s", SFX_SLICE_ARG(name),
                           suggestion);
}

static int bind_column(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node)
{
    size_t index, row;
    int rc;

    node->column = expr->text;
    rc = sfx_bind_column(b, expr->text, expr->at, &index);
    if (rc < 0)
        return rc;
    if (rc > 0) {
        node->vec = b->cols[index].vec;
        return 0;
    }
    rc = finish_node(b, node, SFX_TYPE_CELL);
    for (row = 0; rc == 0 && row < SFX_BATCH_ROWS; row++)
        node->vec->cells[row] = (struct sfx_cell){.kind = SFX_CELL_MISSING};
    return rc;
}

static enum sfx_type asked_type(char letter)
{
    switch (letter) {
    case 'n': return SFX_TYPE_NUMBER;
    case 't': return SFX_TYPE_TEXT;
    case 'b': return SFX_TYPE_BOOL;
    case 'd': return SFX_TYPE_TIME;
    case 'f': return SFX_TYPE_FLOAT;
    default: return SFX_TYPE_CELL;
    }
}

int sfx_bind_args(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node)
{
    const char *letter = expr->fn->args;
    size_t i;

    for (i = 0; i < expr->nargs; i++) {
        int rc = sfx_bind_as(b, expr->args[i], asked_type(*letter), &node->args[i]);

        if (rc < 0)
            return rc;
        if (letter[1] != '\0')
            letter++;
    }
    return 0;
}

/* That an argument is no number is said where it is asked for. */
static void note_errors(struct sfx_binder *b, const struct sfx_fn *fn)
{
    static const char said[] = "an argument that is not a number";
    const char *errors = fn->errors;

    if (errors != NULL && strncmp(errors, said, sizeof(said) - 1) == 0)
        errors += sizeof(said) - 1 + strspn(errors + sizeof(said) - 1, ", ");
    if (errors != NULL && *errors != '\0' && b->soft == 0)
        sfx_plan_refuses(b->plan, "%s", errors);
}

static int bind_call(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node)
{
    int rc;

    node->fn = expr->fn;
    note_errors(b, expr->fn);
    if (expr->fn->bind != NULL) {
        enum sfx_type type = expr->fn->result;

        rc = expr->fn->bind(b, expr, node, &type);
        return rc < 0 ? rc : finish_node(b, node, type);
    }
    rc = sfx_bind_args(b, expr, node);
    return rc < 0 ? rc : finish_node(b, node, expr->fn->result);
}

static int bind_try(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node)
{
    int rc;

    b->soft++;
    rc = sfx_bind_expr(b, expr->args[0], &node->args[0]);
    b->soft--;
    node->fn = &sfx_fn_try;
    if (rc < 0)
        return rc;
    node->column = node->args[0]->column;
    node->vec = node->args[0]->vec; /* it changes nothing but what an error does */
    return 0;
}

int sfx_bind_expr(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node **out)
{
    int rc = new_node(b, expr, expr->nargs, out);

    if (rc < 0)
        return rc;
    switch (expr->kind) {
    case SFX_EXPR_COLUMN: return bind_column(b, expr, *out);
    case SFX_EXPR_CALL: return bind_call(b, expr, *out);
    case SFX_EXPR_TRY: return bind_try(b, expr, *out);
    default: return bind_constant(b, expr, *out);
    }
}

/* The conversion from a type to another one; NULL: none is needed. */
static const struct sfx_fn *conversion(enum sfx_type from, enum sfx_type to)
{
    if (from == to)
        return NULL;
    if (to == SFX_TYPE_NUMBER)
        return &sfx_fn_to_number;
    if (to == SFX_TYPE_BOOL)
        return &sfx_fn_to_bool;
    if (to == SFX_TYPE_TIME)
        return &sfx_fn_to_time;
    if (to == SFX_TYPE_FLOAT)
        return &sfx_fn_to_float;
    /* Text is read through the cells, whoever made them. */
    return sfx_type_makes_cells(from) ? &sfx_fn_to_cell : NULL;
}

/* What can never be converted is the program's mistake, not a record's. */
static int refuse_conversion(struct sfx_binder *b, enum sfx_type from, enum sfx_type to,
                             const struct sfx_expr *expr)
{
    const char *why = NULL;

    if (from == SFX_TYPE_TIME && (to == SFX_TYPE_NUMBER || to == SFX_TYPE_FLOAT))
        why = "a time is not a number: epoch(x) is its seconds since 1970";
    else if (from == SFX_TYPE_TIME && to == SFX_TYPE_BOOL)
        why = "a time is no condition";
    else if ((from == SFX_TYPE_NUMBER || from == SFX_TYPE_FLOAT) && to == SFX_TYPE_TIME)
        why = "a number is not a time: from_epoch(n) makes one of seconds since 1970";
    else if (from == SFX_TYPE_BOOL && to == SFX_TYPE_TIME)
        why = "a condition is not a time";
    return why != NULL ? sfx_program_err(b->program, expr->at, b->err, "%s", why) : 0;
}

int sfx_bind_convert(struct sfx_binder *b, enum sfx_type type, struct sfx_node **node)
{
    const struct sfx_fn *fn = conversion((*node)->vec->type, type);
    struct sfx_node *outer;
    int rc;

    if (fn == NULL)
        return 0;
    rc = refuse_conversion(b, (*node)->vec->type, type, (*node)->expr);
    if (rc < 0)
        return rc;
    if ((*node)->fn == &sfx_fn_try) { /* price? > 5: the number is asked for inside the "?" */
        b->soft++;
        rc = sfx_bind_convert(b, type, &(*node)->args[0]);
        b->soft--;
        (*node)->vec = (*node)->args[0]->vec;
        return rc;
    }
    rc = new_node(b, (*node)->expr, 1, &outer);
    if (rc < 0)
        return rc;
    if (type == SFX_TYPE_NUMBER && b->soft == 0 && (*node)->column.len > 0)
        sfx_plan_refuses(b->plan, "%.*s that is not a number", SFX_SLICE_ARG((*node)->column));
    outer->fn = fn;
    outer->args[0] = *node;
    *node = outer;
    return finish_node(b, outer, fn->result);
}

int sfx_bind_as(struct sfx_binder *b, const struct sfx_expr *expr, enum sfx_type type,
                struct sfx_node **out)
{
    int rc = sfx_bind_expr(b, expr, out);

    return rc < 0 ? rc : sfx_bind_convert(b, type, out);
}

/* The type of a choice between nodes: theirs when they agree (numbers and floats are floats), else
 * as they are. */
static enum sfx_type common_type(struct sfx_node *const *nodes, size_t count)
{
    enum sfx_type type = SFX_TYPE_NULL;
    size_t i;

    for (i = 0; i < count; i++) {
        enum sfx_type next = nodes[i]->vec->type;

        if (next == SFX_TYPE_NULL)
            continue;
        if ((type == SFX_TYPE_FLOAT && next == SFX_TYPE_NUMBER) ||
            (type == SFX_TYPE_NUMBER && next == SFX_TYPE_FLOAT))
            next = type = SFX_TYPE_FLOAT;
        if (type != SFX_TYPE_NULL && type != next)
            return SFX_TYPE_CELL;
        type = next;
    }
    return type;
}

/* Binds all arguments: conditions are the first `ncond`, each `every`th; the rest are values, which
 * get their common type. */
static int bind_choice(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       size_t ncond, size_t every, enum sfx_type *type)
{
    struct sfx_node **values;
    size_t i, nvalues = 0;
    int rc = 0;

    values = sfx_arena_calloc(b->arena, expr->nargs + 1, sizeof(struct sfx_node *), b->err);
    if (values == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < expr->nargs && rc == 0; i++) {
        if (i % every == 0 && i / every < ncond) {
            rc = sfx_bind_as(b, expr->args[i], SFX_TYPE_BOOL, &node->args[i]);
        } else {
            rc = sfx_bind_expr(b, expr->args[i], &node->args[i]);
            values[nvalues++] = node->args[i];
        }
    }
    if (rc < 0)
        return rc;
    *type = common_type(values, nvalues);
    for (i = 0; i < expr->nargs && rc == 0; i++) {
        if (i % every != 0 || i / every >= ncond)
            rc = sfx_bind_convert(b, *type, &node->args[i]);
    }
    return rc;
}

int sfx_bind_if(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                enum sfx_type *type)
{
    return bind_choice(b, expr, node, 1, 1, type);
}

int sfx_bind_coalesce(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                      enum sfx_type *type)
{
    return bind_choice(b, expr, node, 0, 1, type);
}

int sfx_bind_case(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                  enum sfx_type *type)
{
    return bind_choice(b, expr, node, expr->nargs / 2, 2, type);
}
