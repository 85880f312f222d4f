/* SPDX-License-Identifier: MIT */
/* The table of operators, and of the families of functions. */
#include "query/functions_internal.h"

#include "base/size.h"

#include <string.h>

/* A new family is a new file and a row here. */
/* clang-format off */
static const struct sfx_fn_family *const families[] = {
    &sfx_fn_logic_family,
    &sfx_fn_cast_family,
    &sfx_fn_number_family,
    &sfx_fn_arithmetic_family,
    &sfx_fn_float_family,
    &sfx_fn_human_family,
    &sfx_fn_text_family,
    &sfx_fn_cut_family,
    &sfx_fn_letters_family,
    &sfx_fn_regex_family,
    &sfx_fn_similar_family,
    &sfx_fn_encode_family,
    &sfx_fn_hash_family,
    &sfx_fn_json_family,
    &sfx_fn_net_family,
    &sfx_fn_time_family,
    &sfx_fn_time_text_family,
    &sfx_fn_calendar_family,
};
/* clang-format on */

/* Comparisons are made by sfx_bind_compare, which picks the kernel for the operands' type, as
 * sfx_bind_arithmetic does for the others. */
#define COMPARISON(mark)                                                                           \
    {                                                                                              \
        mark, "a " mark " b", 2, 2, "c", BOOL, .bind = sfx_bind_compare                            \
    }

static const struct sfx_fn operators[] = {
    {"or", "a or b", 2, 2, "b", BOOL, .lazy = sfx_fn_or},
    {"and", "a and b", 2, 2, "b", BOOL, .lazy = sfx_fn_and},
    {"not", "not a", 1, 1, "b", BOOL, .kernel = sfx_fn_not},
    COMPARISON("="),
    COMPARISON("=="),
    COMPARISON("!="),
    COMPARISON("<"),
    COMPARISON("<="),
    COMPARISON(">"),
    COMPARISON(">="),
    {"~", "s ~ \"regex\"", 1, 1, "t", BOOL, .row = sfx_fn_match},
    {"in", "x in (a, …)", 2, SFX_FN_ANY_ARGS, "c", BOOL, .bind = sfx_bind_in},
    {"??", "a ?? b", 2, 2, "c", CELL, .bind = sfx_bind_coalesce, .lazy = sfx_fn_coalesce},
    {"+", "a + b", 2, 2, "n", CELL, .bind = sfx_bind_arithmetic, .errors = OVERFLOWS},
    {"-", "a - b", 2, 2, "n", CELL, .bind = sfx_bind_arithmetic, .errors = OVERFLOWS},
    {"*", "a * b", 2, 2, "n", CELL, .bind = sfx_bind_arithmetic, .errors = OVERFLOWS},
    {"/", "a / b", 2, 2, "n", CELL, .bind = sfx_bind_arithmetic, .errors = "division by zero"},
    {"%", "a % b", 2, 2, "n", CELL, .bind = sfx_bind_arithmetic, .errors = "division by zero"},
    {"neg", "-a", 1, 1, "n", CELL, .bind = sfx_bind_numeric, .row = sfx_fn_neg},
};

const struct sfx_fn sfx_fn_to_number = {"num", "", 1, 1, "c", NUMBER, .kernel = sfx_to_number};
const struct sfx_fn sfx_fn_to_cell = {"cell", "", 1, 1, "c", CELL, .kernel = sfx_to_cell};
const struct sfx_fn sfx_fn_to_bool = {"condition", "", 1, 1, "c", BOOL, .kernel = sfx_to_bool};
const struct sfx_fn sfx_fn_to_time = {"time", "", 1, 1, "c", TIME, .kernel = sfx_to_time};
const struct sfx_fn sfx_fn_to_float = {"float", "", 1, 1, "c", FLOAT, .kernel = sfx_to_float};
const struct sfx_fn sfx_fn_try = {"?", "", 1, 1, "c", CELL, .lazy = sfx_try};

void sfx_fn_set_made(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, int rc)
{
    char *copy;

    if (rc < 0) {
        ev->rc = rc;
        return;
    }
    copy = sfx_eval_text(ev, ev->made.len);
    if (copy == NULL)
        return;
    if (ev->made.len > 0)
        memcpy(copy, ev->made.data, ev->made.len);
    sfx_fn_set_text(node, row, copy, ev->made.len);
}

const struct sfx_fn_family *sfx_fn_family_at(size_t index)
{
    return index < SFX_COUNT(families) ? families[index] : NULL;
}

const struct sfx_fn *sfx_fn_find(struct sfx_slice name)
{
    size_t f, i;

    for (f = 0; f < SFX_COUNT(families); f++) {
        for (i = 0; i < families[f]->count; i++) {
            if (sfx_slice_eq(name, sfx_slice_str(families[f]->fns[i].name)))
                return &families[f]->fns[i];
        }
    }
    return NULL;
}

const struct sfx_fn *sfx_fn_operator(const char *mark)
{
    size_t i;

    for (i = 0; strcmp(operators[i].name, mark) != 0; i++)
        ;
    return &operators[i];
}
