/* SPDX-License-Identifier: MIT */
/* Functions with a regular expression: a string, compiled with the program (regex.c). */
#include "query/functions_internal.h"

#include "base/text.h"

#include <string.h>

static struct sfx_slice span(const struct sfx_matcher *m, struct sfx_slice text, size_t group)
{
    if (group >= m->nspans || m->spans[2 * group] == SFX_REGEX_NO_SPAN)
        return sfx_slice(NULL, 0);
    return sfx_slice(text.ptr + m->spans[2 * group], m->spans[2 * group + 1] - m->spans[2 * group]);
}

static void fn_count(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    struct sfx_regex_walk walk = {0};

    sfx_fn_set_int(node, row, 0);
    while (sfx_eval_match(ev, node, row, text, &walk))
        sfx_fn_set_int(node, row, (int64_t)walk.nmatches);
}

/* --- extract -------------------------------------------------------------------------------- */

static int group_of(struct sfx_binder *b, const struct sfx_expr *expr, const struct sfx_expr *group,
                    size_t *number)
{
    struct sfx_slice name = group->text;
    int found;

    if (!sfx_expr_is_text(group) && group->kind != SFX_EXPR_NUMBER)
        return sfx_program_err(b->program, group->at, b->err,
                               "a group is a number or a string: its name");
    found = sfx_regex_group(expr->regex, name);
    if (found < 0)
        return sfx_program_err(b->program, group->at, b->err,
                               "the regular expression has no group %.*s", SFX_SLICE_ARG(name));
    *number = (size_t)found;
    return 0;
}

/* Without a group: the first one of the expression, or the whole match when it has none. */
static int bind_extract(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                        enum sfx_type *type)
{
    size_t *group = sfx_arena_alloc(b->arena, sizeof(*group), b->err);
    int rc = 0;

    (void)type;
    if (group == NULL)
        return SFX_E_NOMEM;
    *group = sfx_regex_ngroups(expr->regex) > 0;
    if (expr->nargs > 2)
        rc = group_of(b, expr, expr->args[2], group);
    node->detail = group;
    return rc < 0 ? rc : sfx_bind_args(b, expr, node);
}

static void fn_extract(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), part;

    if (!sfx_eval_match(ev, node, row, text, NULL)) {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    part = span(&ev->matcher, text, *(const size_t *)node->detail);
    if (part.ptr == NULL && part.len == 0 && text.len > 0)
        sfx_vec_set_null(node->vec, row); /* the group took no part */
    else
        sfx_fn_set_text(node, row, part.ptr, part.len);
}

/* --- replace -------------------------------------------------------------------------------- */

/* The length of a reference to a group that text begins with, "$1", "${1}" or "${name}", with its
 * name; "$$" has none. 0: it is no reference. */
static size_t reference(struct sfx_slice text, struct sfx_slice *name)
{
    const char *end;

    *name = sfx_slice(NULL, 0);
    if (text.len < 2 || text.ptr[0] != '$')
        return 0;
    if (text.ptr[1] == '$')
        return 2;
    if (text.ptr[1] >= '0' && text.ptr[1] <= '9') {
        *name = sfx_slice(text.ptr + 1, 1);
        return 2;
    }
    end = text.ptr[1] == '{' ? memchr(text.ptr, '}', text.len) : NULL;
    if (end == NULL || end == text.ptr + 2)
        return 0;
    *name = sfx_slice(text.ptr + 2, (size_t)(end - text.ptr) - 2);
    return name->len + 3;
}

/* Appends what to stands for after a match in text. Errors: NOMEM; INPUT for an unknown group. */
static int expand(struct sfx_eval *ev, const struct sfx_regex *regex, struct sfx_slice text,
                  struct sfx_slice to)
{
    int rc = 0, group;

    while (to.len > 0 && rc == 0) {
        const char *mark = memchr(to.ptr, '$', to.len);
        size_t plain = mark != NULL ? (size_t)(mark - to.ptr) : to.len, len = 0;
        struct sfx_slice name = {0}, part = {0};

        if (plain < to.len)
            len = reference(sfx_slice(mark, to.len - plain), &name);
        if (len == 0 && plain < to.len)
            len = 1;
        part = sfx_slice(mark, len > 0); /* a '$' that stands for itself */
        if (name.len > 0) {
            group = sfx_regex_group(regex, name);
            if (group < 0)
                return SFX_E_INPUT;
            part = span(&ev->matcher, text, (size_t)group);
        }
        rc = sfx_buf_append(&ev->made, to.ptr, plain, NULL);
        if (rc == 0)
            rc = sfx_buf_append(&ev->made, part.ptr, part.len, NULL);
        to.ptr += plain + len;
        to.len -= plain + len;
    }
    return rc;
}

#define NO_GROUP "names a group that the regular expression has not"

static void fn_replace(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     to = sfx_fn_text_arg(ev, node, 2, row);
    struct sfx_regex_walk walk = {0};
    size_t at = 0;
    int rc = 0;

    sfx_vec_set_null(node->vec, row);
    sfx_buf_clear(&ev->made);
    while (rc == 0 && sfx_eval_match(ev, node, row, text, &walk)) {
        size_t begin = ev->matcher.spans[0], end = ev->matcher.spans[1];

        rc = sfx_buf_append(&ev->made, text.ptr + at, begin - at, NULL);
        if (rc == 0)
            rc = expand(ev, node->expr->regex, text, to);
        at = end;
    }
    if (rc == SFX_E_INPUT)
        sfx_eval_fail(ev, node, row, &to, NO_GROUP);
    if (rc == SFX_E_INPUT || walk.gave_up)
        return;
    if (walk.nmatches == 0) {
        sfx_fn_set_text(node, row, text.ptr, text.len);
        return;
    }
    if (rc == 0 && at < text.len)
        rc = sfx_buf_append(&ev->made, text.ptr + at, text.len - at, NULL);
    sfx_fn_set_made(ev, node, row, rc);
}

static int bind_replace(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                        enum sfx_type *type)
{
    struct sfx_slice to = expr->args[2]->text, name;

    (void)type;
    while (sfx_expr_is_text(expr->args[2]) && to.len > 0) {
        size_t len = reference(to, &name);

        if (name.len > 0 && sfx_regex_group(expr->regex, name) < 0)
            return sfx_program_err(b->program, expr->args[2]->at, b->err,
                                   "the regular expression has no group %.*s", SFX_SLICE_ARG(name));
        len += len == 0;
        to.ptr += len;
        to.len -= len;
    }
    return sfx_bind_args(b, expr, node);
}

#define GIVES_UP "a search that takes too many steps"

static const struct sfx_fn functions[] = {
    {"regex_count", "regex_count(s, regex)", 2, 2, "t", NUMBER, .regex_arg = 1, .row = fn_count,
     .errors = GIVES_UP, .help = "how often the regular expression matches in s, without overlap",
     .example = "regex_count(\"a1b22\", \"[0-9]+\")", .gives = "2"},
    {"regex_extract", "regex_extract(s, regex[, group])", 2, 3, "ttc", TEXT, .regex_arg = 1,
     .bind = bind_extract, .row = fn_extract, .errors = GIVES_UP,
     .help = "what the group, a number or a name, of the first match in s is; without group the "
             "first one, or the whole match; null when nothing matches",
     .example = "regex_extract(\"order 17\", \"order (\\d+)\")", .gives = "17"},
    {"regex_replace", "regex_replace(s, regex, to)", 3, 3, "t", TEXT, .regex_arg = 1,
     .bind = bind_replace, .row = fn_replace, .errors = GIVES_UP "; a group that is not there",
     .help = "s with to in place of each match; in it $1 and ${name} are the groups, $0 the match, "
             "$$ is $",
     .example = "regex_replace(\"2026-11-05\", \"(\\d+)-(\\d+)\", \"$2/$1\")",
     .gives = "11/2026-05"},
};

const struct sfx_fn_family sfx_fn_regex_family = {"Regular expressions", functions,
                                                  SFX_COUNT(functions)};
