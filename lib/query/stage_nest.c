/* SPDX-License-Identifier: MIT */
/* nest: columns named like members of objects become the objects. */
#include "query/json_path_internal.h"
#include "query/stage_internal.h"

#include "base/size.h"

#include <string.h>

/* Objects around a member: rows are walked by recursion. */
#define MAX_DEPTH 100

struct nest_detail {
    bool all;
    struct sfx_slice sep;
};

/* A column that comes out, or a member of it. */
struct member {
    struct sfx_slice key;
    struct sfx_slice json; /* the key as JSON, with the colon behind it */
    struct sfx_vec *vec;   /* the values of the column of that name; NULL: there is none */
    struct member *first, *last, *next;
};

struct nest {
    struct sfx_operator op;
    struct member *roots, *last_root;
    struct sfx_vec **made; /* of the roots that have members, in their order */
    struct sfx_node failed;
};

static int parse_nest(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct nest_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc = 0;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    detail->all = sfx_parse_at_end(p) || sfx_token_is(&p->token, "sep");
    while (!detail->all && rc == 0) {
        struct sfx_item *item = sfx_items_add(p, &stage->items);

        if (item == NULL)
            return SFX_E_NOMEM;
        rc = sfx_parse_name(p, "the name of an object", &item->name, &item->at);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
        if (rc <= 0)
            break;
        rc = 0;
    }
    return rc < 0 ? rc : sfx_parse_sep(p, &detail->sep);
}

/* --- binding --------------------------------------------------------------------------------- */

/* The length of what stands before the separator in name, when the stage nests it; else 0. */
static size_t prefix_length(const struct sfx_stage_ast *ast, struct sfx_slice name)
{
    const struct nest_detail *detail = ast->detail;
    size_t i;

    for (i = 0; !detail->all && i < ast->items.count; i++) {
        struct sfx_slice object = ast->items.items[i].name;

        if (name.len >= object.len + detail->sep.len &&
            memcmp(name.ptr, object.ptr, object.len) == 0 &&
            memcmp(name.ptr + object.len, detail->sep.ptr, detail->sep.len) == 0)
            return object.len;
    }
    if (detail->all) {
        const char *sep = memmem(name.ptr, name.len, detail->sep.ptr, detail->sep.len);

        return sep != NULL ? (size_t)(sep - name.ptr) : 0;
    }
    return 0;
}

/* The member of parent, or of the roots, that key names; made when it is new. */
static struct member *member_of(struct nest *nest, struct member *parent, struct sfx_slice key,
                                struct sfx_err *err)
{
    struct member **first = parent != NULL ? &parent->first : &nest->roots;
    struct member **last = parent != NULL ? &parent->last : &nest->last_root, *m;
    struct sfx_buf json = {0};
    char *copy = NULL;

    for (m = *first; m != NULL && !sfx_slice_eq(m->key, key); m = m->next)
        ;
    if (m != NULL)
        return m;
    m = sfx_arena_calloc(&nest->op.arena, 1, sizeof(*m), err);
    if (m != NULL && sfx_json_quote(&json, key, err) == 0 && sfx_buf_putc(&json, ':', err) == 0)
        copy = sfx_arena_strndup(&nest->op.arena, json.data, json.len, err);
    if (copy != NULL) {
        m->key = key;
        m->json = sfx_slice(copy, json.len);
        if (*last != NULL)
            (*last)->next = m;
        else
            *first = m;
        *last = m;
    }
    sfx_buf_done(&json);
    return copy != NULL ? m : NULL;
}

/* Puts a column of the input in its place. */
static int place_column(struct nest *nest, const struct sfx_qcolumn *col, struct sfx_err *err)
{
    const struct nest_detail *detail = nest->op.ast->detail;
    struct sfx_slice rest = col->name;
    size_t len = prefix_length(nest->op.ast, rest);
    struct member *m = NULL;
    unsigned depth;

    for (depth = 0; len > 0 && depth < MAX_DEPTH; depth++) {
        const char *sep;

        m = member_of(nest, m, sfx_slice(rest.ptr, len), err);
        if (m == NULL)
            return SFX_E_NOMEM;
        rest = sfx_slice(rest.ptr + len + detail->sep.len, rest.len - len - detail->sep.len);
        sep = rest.len > 0 ? memmem(rest.ptr, rest.len, detail->sep.ptr, detail->sep.len) : NULL;
        len = sep != NULL ? (size_t)(sep - rest.ptr) : 0;
    }
    m = member_of(nest, m, rest, err);
    if (m == NULL)
        return SFX_E_NOMEM;
    m->vec = col->vec;
    return 0;
}

static int bind_nest(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct nest *nest = (struct nest *)op;
    struct sfx_frame *out = &op->out;
    const struct member *root;
    size_t i, nmade = 0;
    int rc = 0;

    nest->roots = nest->last_root = NULL;
    out->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*out->cols), err);
    nest->made = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*nest->made), err);
    if (out->cols == NULL || nest->made == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < in->ncols && rc == 0; i++)
        rc = place_column(nest, &in->cols[i], err);
    out->ncols = 0;
    for (root = nest->roots; root != NULL && rc == 0; root = root->next) {
        struct sfx_vec *vec = root->vec;

        if (root->first != NULL) {
            vec = nest->made[nmade++] = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err);
            if (vec == NULL)
                return SFX_E_NOMEM;
        }
        out->cols[out->ncols++] = (struct sfx_qcolumn){.name = root->key, .vec = vec};
    }
    for (i = 0; i < in->ncols && rc == 0; i++) { /* how the input spells those that stay */
        size_t c;

        for (c = 0; c < out->ncols && out->cols[c].vec != in->cols[i].vec; c++)
            ;
        if (c < out->ncols)
            out->cols[c].head = in->cols[i].head;
    }
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    return rc;
}

/* --- rows ------------------------------------------------------------------------------------ */

static const struct sfx_cell *cell_of(const struct member *m, uint32_t row)
{
    static const struct sfx_cell missing;

    return m->vec != NULL ? &m->vec->cells[row] : &missing;
}

static int append_members(struct sfx_eval *ev, const struct member *m, uint32_t row);

/* Appends the value of a member: 1; 0: it has none. Errors: NOMEM; INPUT (a value and members). */
static int append_value(struct sfx_eval *ev, const struct member *m, uint32_t row)
{
    const struct sfx_cell *cell = cell_of(m, row);
    int rc = m->first != NULL ? append_members(ev, m, row) : 0;

    if (rc < 0)
        return rc;
    if (rc > 0)
        return sfx_cell_is_blank(cell) ? 1 : SFX_E_INPUT;
    if (cell->kind == SFX_CELL_MISSING)
        return 0;
    rc = sfx_json_append_cell(&ev->made, cell, &ev->scratch);
    return rc < 0 ? rc : 1;
}

/* Appends the object of the members that have values: as append_value. */
static int append_members(struct sfx_eval *ev, const struct member *m, uint32_t row)
{
    struct sfx_buf *out = &ev->made;
    size_t begin = out->len;
    bool any = false;
    int rc = 0;

    for (m = m->first; m != NULL && rc >= 0; m = m->next) {
        size_t before = out->len;

        rc = sfx_buf_putc(out, any ? ',' : '{', NULL);
        if (rc == 0)
            rc = sfx_buf_append(out, m->json.ptr, m->json.len, NULL);
        if (rc == 0)
            rc = append_value(ev, m, row);
        if (rc > 0)
            any = true;
        else
            out->len = before;
    }
    if (rc < 0)
        return rc;
    if (!any) {
        out->len = begin;
        return 0;
    }
    rc = sfx_buf_putc(out, '}', NULL);
    return rc < 0 ? rc : 1;
}

/* Makes the object of a root, or hands on the value that it has instead. */
static void nest_row(struct nest *nest, struct sfx_eval *ev, const struct member *root,
                     struct sfx_vec *to, uint32_t row)
{
    const struct sfx_cell *own = cell_of(root, row);
    char *copy;
    int rc;

    sfx_buf_clear(&ev->made);
    rc = append_members(ev, root, row);
    to->cells[row] = *own;
    if (rc == SFX_E_NOMEM) {
        ev->rc = rc;
    } else if (rc < 0 || (rc > 0 && !sfx_cell_is_blank(own))) {
        nest->failed.column = root->key;
        nest->failed.vec = to;
        sfx_eval_fail(ev, &nest->failed, row, NULL, "has a value and members in one record");
    } else if (rc > 0) {
        copy = sfx_eval_text(ev, ev->made.len);
        if (copy == NULL)
            return;
        memcpy(copy, ev->made.data, ev->made.len);
        to->cells[row] = (struct sfx_cell){
            .ptr = copy, .len = (uint32_t)ev->made.len, .kind = SFX_CELL_JSON_NESTED};
    }
}

static void make_cells(struct sfx_eval *ev, const struct member *m, const struct sfx_frame *in)
{
    if (m->vec != NULL)
        sfx_vec_make_cells(ev, m->vec, in->sel, in->nsel);
    for (m = m->first; m != NULL; m = m->next)
        make_cells(ev, m, in);
}

static int push_nest(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct nest *nest = (struct nest *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    const struct member *root;
    size_t nmade = 0;
    uint32_t i;
    int rc;

    for (root = nest->roots; root != NULL; root = root->next) {
        if (root->first == NULL)
            continue;
        make_cells(ev, root, in);
        for (i = 0; i < in->nsel && ev->rc == 0; i++)
            nest_row(nest, ev, root, nest->made[nmade], in->sel[i]);
        nmade++;
    }
    rc = sfx_operator_settle(op, in, err);
    if (rc < 0)
        return rc;
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

const struct sfx_verb sfx_verb_nest = {
    .name = "nest",
    .usage = "nest [NAME, …] [sep \"SEPARATOR\"]",
    .help = "makes objects of columns named like members: a.b and a.c become a",
    .plan = "streaming",
    .rules =
        "NAME is what stands before the separator, a dot; without names all columns with a "
        "separator are nested. The object stands where the first of its columns stood. "
        "Members have the order of the columns; numbers and conditions that were computed, and "
        "JSON values, stay what they are, other cells are strings; what a record does not have "
        "is left out. Beyond 100 objects names are not taken apart. A column that is called as the "
        "object itself is its value in records "
        "without members; a value and members in one record make it bad.",
    .example = {.program = "nest",
                .input = "{\"id\":1,\"user.name\":\"Ann\",\"user.address.city\":\"Bonn\"}\n",
                .output =
                    "{\"id\":1,\"user\":{\"name\":\"Ann\",\"address\":{\"city\":\"Bonn\"}}}\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct nest),
    .parse = parse_nest,
    .bind = bind_nest,
    .push = push_nest,
};
