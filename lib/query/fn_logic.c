/* SPDX-License-Identifier: MIT */
/* Conditions and choices: what is not needed is not evaluated, so it cannot make a record bad. */
#include "query/functions_internal.h"

void sfx_to_bool(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                 uint32_t nsel)
{
    const struct sfx_vec *arg = node->args[0]->vec;
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        uint32_t row = sel[i];
        struct sfx_slice text;
        bool yes;

        node->vec->flags[row] = 0;
        if (sfx_type_in_nums(arg->type)) {
            sfx_eval_fail(ev, node, row, NULL, "a number is no condition");
            continue;
        }
        text = sfx_eval_cell_text(ev, &arg->cells[row]);
        if (sfx_cell_is_null(&arg->cells[row]) || text.len == 0)
            continue;
        yes = sfx_slice_eq(text, SFX_SLICE_LIT("true"));
        node->vec->flags[row] = yes;
        if (!yes && !sfx_slice_eq(text, SFX_SLICE_LIT("false")))
            sfx_eval_fail(ev, node, row, &text, "is neither true nor false");
    }
}

void sfx_to_cell(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                 uint32_t nsel)
{
    sfx_vec_write_cells(ev, node->args[0]->vec, node->vec->cells, sel, nsel);
}

void sfx_try(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel, uint32_t nsel)
{
    ev->soft++;
    sfx_eval_node(ev, node->args[0], sel, nsel);
    ev->soft--;
}

/* Splits sel by a condition: rest gets the rows where it is `wanted`. */
static uint32_t narrow(const uint8_t *flags, uint8_t wanted, const uint16_t *sel, uint32_t nsel,
                       uint16_t *rest)
{
    uint32_t i, n = 0;

    for (i = 0; i < nsel; i++) {
        rest[n] = sel[i];
        n += flags[sel[i]] == wanted;
    }
    return n;
}

/* and, or: the right side is asked only where the left one does not decide. */
static void connect(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                    uint32_t nsel, uint8_t undecided)
{
    const struct sfx_node *left = node->args[0], *right = node->args[1];
    uint16_t *rest = sfx_eval_push_sel(ev);
    uint32_t i, nrest;

    if (rest == NULL)
        return;
    sfx_eval_node(ev, left, sel, nsel);
    for (i = 0; i < nsel; i++)
        node->vec->flags[sel[i]] = !undecided;
    nrest = narrow(left->vec->flags, undecided, sel, nsel, rest);
    sfx_eval_node(ev, right, rest, nrest);
    for (i = 0; i < nrest; i++)
        node->vec->flags[rest[i]] = right->vec->flags[rest[i]];
    sfx_eval_pop_sel(ev);
}

void sfx_fn_and(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                uint32_t nsel)
{
    connect(ev, node, sel, nsel, 1);
}

void sfx_fn_or(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel, uint32_t nsel)
{
    connect(ev, node, sel, nsel, 0);
}

void sfx_fn_not(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                uint32_t nsel)
{
    uint32_t i;

    (void)ev;
    for (i = 0; i < nsel; i++)
        node->vec->flags[sel[i]] = !node->args[0]->vec->flags[sel[i]];
}

/* Copies rows of a vector to another of the same type, or of cells. */
static void copy_rows(const struct sfx_vec *from, struct sfx_vec *to, const uint16_t *sel,
                      uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        uint32_t row = sel[i];

        if (sfx_type_in_nums(to->type)) {
            to->nums[row] = from->nums[row];
            to->flags[row] = from->flags[row];
        } else if (to->type == SFX_TYPE_BOOL) {
            to->flags[row] = from->flags[row];
        } else {
            to->cells[row] = from->cells[row];
        }
    }
}

/* The null literal among arguments of another type has no values to copy. */
static void choose(const struct sfx_node *from, const struct sfx_node *node, const uint16_t *sel,
                   uint32_t nsel)
{
    uint32_t i;

    if (from->vec->type != SFX_TYPE_NULL) {
        copy_rows(from->vec, node->vec, sel, nsel);
        return;
    }
    for (i = 0; i < nsel; i++)
        sfx_vec_set_null(node->vec, sel[i]);
}

static void fn_if(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                  uint32_t nsel)
{
    uint16_t *rest = sfx_eval_push_sel(ev);
    uint32_t nrest;
    int branch;

    if (rest == NULL)
        return;
    sfx_eval_node(ev, node->args[0], sel, nsel);
    for (branch = 1; branch <= 2; branch++) {
        nrest = narrow(node->args[0]->vec->flags, branch == 1, sel, nsel, rest);
        sfx_eval_node(ev, node->args[branch], rest, nrest);
        choose(node->args[branch], node, rest, nrest);
    }
    sfx_eval_pop_sel(ev);
}

/* Each argument is asked for the rows that the ones before it left blank. */
void sfx_fn_coalesce(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                     uint32_t nsel)
{
    uint16_t *rest = sfx_eval_push_sel(ev);
    uint32_t i, nrest = nsel, n;
    size_t a;

    if (rest == NULL)
        return;
    for (i = 0; i < nsel; i++)
        rest[i] = sel[i];
    for (a = 0; a < node->nargs && nrest > 0 && ev->rc == 0; a++) {
        sfx_eval_node(ev, node->args[a], rest, nrest);
        choose(node->args[a], node, rest, nrest);
        for (i = 0, n = 0; i < nrest; i++) {
            rest[n] = rest[i];
            n += sfx_vec_is_blank(node->vec, rest[i]);
        }
        nrest = n;
    }
    sfx_eval_pop_sel(ev);
}

/* case(c1, a, c2, b, …, default): the value behind the first condition that is true. */
static void fn_case(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                    uint32_t nsel)
{
    uint16_t *rest = sfx_eval_push_sel(ev), *chosen = sfx_eval_push_sel(ev);
    uint32_t i, nrest = nsel, nchosen;
    size_t a;

    for (i = 0; i < nsel && rest != NULL && chosen != NULL; i++)
        rest[i] = sel[i];
    for (a = 0; a + 1 < node->nargs && rest != NULL && chosen != NULL; a += 2) {
        sfx_eval_node(ev, node->args[a], rest, nrest);
        nchosen = narrow(node->args[a]->vec->flags, 1, rest, nrest, chosen);
        nrest = narrow(node->args[a]->vec->flags, 0, rest, nrest, rest);
        sfx_eval_node(ev, node->args[a + 1], chosen, nchosen);
        choose(node->args[a + 1], node, chosen, nchosen);
    }
    if (rest != NULL && chosen != NULL && a < node->nargs) {
        sfx_eval_node(ev, node->args[a], rest, nrest);
        choose(node->args[a], node, rest, nrest);
    } else if (rest != NULL && chosen != NULL) {
        for (i = 0; i < nrest; i++)
            sfx_vec_set_null(node->vec, rest[i]);
    }
    if (chosen != NULL)
        sfx_eval_pop_sel(ev);
    if (rest != NULL)
        sfx_eval_pop_sel(ev);
}

/* nullif(x, a, …): args[1] is "x in (a, …)"; what is no number is none of a list of numbers. */
static void fn_nullif(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                      uint32_t nsel)
{
    uint32_t i;

    sfx_eval_node(ev, node->args[0], sel, nsel);
    ev->soft++;
    sfx_eval_node(ev, node->args[1], sel, nsel);
    ev->soft--;
    choose(node->args[0], node, sel, nsel);
    for (i = 0; i < nsel; i++) {
        if (node->args[1]->vec->flags[sel[i]])
            sfx_vec_set_null(node->vec, sel[i]);
    }
}

static int bind_nullif(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       enum sfx_type *type)
{
    struct sfx_expr *in = sfx_arena_calloc(b->arena, 1, sizeof(*in), b->err);
    int rc;

    if (in == NULL)
        return SFX_E_NOMEM;
    *in = *expr;
    in->fn = sfx_fn_operator("in");
    node->nargs = 2;
    rc = sfx_bind_expr(b, expr->args[0], &node->args[0]);
    if (rc == 0 && node->args[0]->vec->type == SFX_TYPE_BOOL) /* a condition is never null */
        rc = sfx_bind_convert(b, SFX_TYPE_CELL, &node->args[0]);
    if (rc == 0)
        rc = sfx_bind_expr(b, in, &node->args[1]);
    if (rc == 0)
        *type = node->args[0]->vec->type;
    return rc;
}

static const struct sfx_fn functions[] = {
    {"case", "case(condition, a[, condition, b, …][, default])", 2, SFX_FN_ANY_ARGS, "c", CELL,
     .bind = sfx_bind_case, .lazy = fn_case,
     .help = "the value behind the first condition that is true, else the default or null; the "
             "others are not evaluated",
     .example = "case(1 > 2, \"a\", 2 > 1, \"b\", \"c\")", .gives = "b"},
    {"coalesce", "coalesce(a, b, …)", 1, SFX_FN_ANY_ARGS, "c", CELL, .bind = sfx_bind_coalesce,
     .lazy = sfx_fn_coalesce, .help = "the first that is neither null nor an empty field",
     .example = "coalesce(null, \"\", \"x\")", .gives = "x"},
    {"if", "if(condition, a, b)", 3, 3, "bc", CELL, .bind = sfx_bind_if, .lazy = fn_if,
     .help = "a when the condition is true, else b; the other one is not evaluated",
     .example = "if(2 > 1, \"yes\", \"no\")", .gives = "yes"},
    {"nullif", "nullif(x, a, …)", 2, SFX_FN_ANY_ARGS, "c", CELL, .bind = bind_nullif,
     .lazy = fn_nullif, .help = "null when x is one of the others, as in compares them; else x",
     .example = "coalesce(nullif(\"N/A\", \"N/A\", \"-\"), \"none\")", .gives = "none"},
};

const struct sfx_fn_family sfx_fn_logic_family = {"Choices", functions, SFX_COUNT(functions)};
