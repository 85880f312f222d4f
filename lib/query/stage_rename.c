/* SPDX-License-Identifier: MIT */
/* rename: gives columns other names. */
#include "query/stage_internal.h"

#include <string.h>

static int bind_rename(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    struct sfx_frame *out = &op->out;
    size_t i, index;
    int rc;

    out->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*out->cols), err);
    if (out->cols == NULL)
        return SFX_E_NOMEM;
    if (in->ncols > 0)
        memcpy(out->cols, in->cols, in->ncols * sizeof(*out->cols));
    out->ncols = in->ncols;
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    for (i = 0; i < items->count; i++) { /* all at once: a = b, b = a swaps */
        rc = sfx_bind_column(&binder, items->items[i].expr->text, items->items[i].expr->at, &index);
        if (rc < 0)
            return rc;
        if (rc > 0)
            out->cols[index].name = items->items[i].name;
    }
    return 0;
}

static int push_rename(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

const struct sfx_verb sfx_verb_rename = {
    .name = "rename",
    .usage = "rename NEW = OLD[, …]",
    .help = "gives columns other names",
    .plan = "streaming",
    .example = {"rename x = a", "a,b\n1,2\n", "x,b\n1,2\n"},
    .state_nbytes = sizeof(struct sfx_operator),
    .parse = sfx_parse_renames,
    .bind = bind_rename,
    .push = push_rename,
};
