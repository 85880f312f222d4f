/* SPDX-License-Identifier: MIT */
/*
 * flatten: members of objects in JSON cells become columns.
 *
 * Which columns there are is found out row by row, so that it does not depend on where batches end:
 * a row that brings a new column begins a frame of its own, and the column is behind those before.
 */
#include "query/json_path_internal.h"
#include "query/selector_internal.h"

#include <string.h>

/* Columns that are made; each costs 16 KiB. What has more is rather data than names. */
#define MAX_COLUMNS 4096

struct flatten_detail {
    struct sfx_selectors columns;
    bool all; /* no list: all columns */
    struct sfx_slice sep;
};

/* A column of the input, or a member of an object. */
struct branch {
    struct sfx_slice key, name; /* the member's name; the column's: those of all above, joined */
    struct branch *first, *last, *next; /* children, and the next one of the parent */
    struct branch *expected;            /* the child that the next member is likely to be */
    struct sfx_vec *vec;                /* values that are no objects; NULL: there were none yet */
};

/* A column that is handed on, in the order in which they came up. */
struct made {
    struct sfx_slice name;
    struct sfx_vec *vec;
    bool is_member; /* its cells are made here; else they are the input's */
};

struct flatten {
    struct sfx_operator op;
    struct sfx_arena kept; /* lives as long as the stage: what follows */
    struct made *made;
    size_t nmade, cap_made;
    struct sfx_qcolumn *cols; /* of op.out */
    size_t cap_cols;
    struct branch *roots;    /* columns of the input that had objects, through next */
    struct sfx_vec *nothing; /* of columns that the frame has not */
    /* Of the binding: for each column of the frame */
    struct branch **root; /* where its members go; NULL: it had no object yet */
    bool *marks;          /* it is to be taken apart */
    bool *listed;         /* it is among made */
    bool changed;         /* op.out does not show made */
};

int sfx_parse_sep(struct sfx_parser *p, struct sfx_slice *sep)
{
    int rc = sfx_parse_accept(p, "sep");

    *sep = SFX_SLICE_LIT(".");
    if (rc <= 0)
        return rc;
    if (p->token.kind != SFX_TOKEN_STRING || p->token.value.len == 0)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "sep is followed by a string that is not empty");
    *sep = p->token.value;
    return sfx_lex(p);
}

static int parse_flatten(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct flatten_detail *detail =
        sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc = 0;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    detail->all = sfx_parse_at_end(p) || sfx_token_is(&p->token, "sep");
    if (!detail->all)
        rc = sfx_parse_selectors(p, &detail->columns);
    return rc < 0 ? rc : sfx_parse_sep(p, &detail->sep);
}

/* --- the columns that are made ------------------------------------------------------------- */

static int is_there(struct flatten *f, struct sfx_slice name, struct sfx_err *err)
{
    const struct sfx_program *program = sfx_operator_binder(&f->op, &f->op.out, err).program;

    return sfx_program_err(program, f->op.ast->at, err,
                           "flatten makes a column %.*s, which is there already; another sep gives "
                           "other names",
                           SFX_SLICE_ARG(name));
}

static struct made *find_made(const struct flatten *f, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < f->nmade; i++) {
        if (sfx_slice_eq(f->made[i].name, name))
            return &f->made[i];
    }
    return NULL;
}

static int add_made(struct flatten *f, struct sfx_slice name, struct sfx_vec *vec, bool is_member,
                    struct sfx_err *err)
{
    if (find_made(f, name) != NULL)
        return is_there(f, name, err);
    if (f->nmade == MAX_COLUMNS)
        return sfx_err_set(err, SFX_E_LIMIT, "flatten makes at most %d columns", MAX_COLUMNS);
    if (f->nmade == f->cap_made) {
        size_t cap = f->cap_made == 0 ? 16 : 2 * f->cap_made;
        struct made *grown = sfx_arena_calloc(&f->kept, cap, sizeof(*grown), err);

        if (grown == NULL)
            return SFX_E_NOMEM;
        if (f->nmade > 0)
            memcpy(grown, f->made, f->nmade * sizeof(*grown));
        f->made = grown;
        f->cap_made = cap;
    }
    if (!is_member) /* names of the input last as long as the binding */
        name.ptr = sfx_arena_strndup(&f->kept, name.ptr, name.len, err);
    if (name.ptr == NULL)
        return SFX_E_NOMEM;
    f->made[f->nmade++] = (struct made){name, vec, is_member};
    f->changed = true;
    return 0;
}

/* Makes branch a column, for values that are no objects. */
static int make_column(struct flatten *f, struct branch *branch, struct sfx_err *err)
{
    if (branch->vec != NULL)
        return 0;
    branch->vec = sfx_vec_new(&f->kept, SFX_TYPE_CELL, err);
    return branch->vec == NULL ? SFX_E_NOMEM : add_made(f, branch->name, branch->vec, true, err);
}

static struct branch *new_branch(struct flatten *f, const struct branch *parent,
                                 struct sfx_slice key, struct sfx_err *err)
{
    const struct flatten_detail *detail = f->op.ast->detail;
    size_t before = parent != NULL ? parent->name.len + detail->sep.len : 0;
    struct branch *branch = sfx_arena_calloc(&f->kept, 1, sizeof(*branch), err);
    char *name = sfx_arena_alloc(&f->kept, before + key.len + 1, err);

    if (branch == NULL || name == NULL)
        return NULL;
    if (parent != NULL) {
        memcpy(name, parent->name.ptr, parent->name.len);
        memcpy(name + parent->name.len, detail->sep.ptr, detail->sep.len);
    }
    if (key.len > 0)
        memcpy(name + before, key.ptr, key.len);
    branch->name = sfx_slice(name, before + key.len);
    branch->key = sfx_slice(name + before, key.len);
    return branch;
}

/* The child of parent that key names; made when it is new. */
static struct branch *child_of(struct flatten *f, struct branch *parent, struct sfx_slice key,
                               struct sfx_err *err)
{
    struct branch *child = parent->expected;

    if (child == NULL || !sfx_slice_eq(child->key, key)) {
        for (child = parent->first; child != NULL && !sfx_slice_eq(child->key, key);
             child = child->next)
            ;
    }
    if (child == NULL) {
        child = new_branch(f, parent, key, err);
        if (child == NULL)
            return NULL;
        if (parent->last != NULL)
            parent->last->next = child;
        else
            parent->first = child;
        parent->last = child;
    }
    parent->expected = child->next != NULL ? child->next : parent->first;
    return child;
}

/* --- rows ---------------------------------------------------------------------------------- */

static bool is_object(const struct sfx_cell *cell)
{
    return cell->kind == SFX_CELL_JSON_NESTED && cell->len > 2 && *cell->ptr == '{';
}

static int take_members(struct flatten *f, struct sfx_json_reader *r, struct branch *branch,
                        uint32_t row, struct sfx_err *err);

/* Gives the value that begins with token to branch, or its members to the branch's children. */
static int take_value(struct flatten *f, struct sfx_json_reader *r,
                      const struct sfx_json_token *token, struct branch *branch, uint32_t row,
                      struct sfx_err *err)
{
    struct sfx_cell value;
    struct sfx_json_reader inside = *r;
    int rc;

    if (token->type == SFX_JSON_OBJECT) {
        struct sfx_json_token first;

        rc = sfx_json_next(&inside, &first, err);
        if (rc > 0 && first.type == SFX_JSON_KEY)
            return take_members(f, r, branch, row, err);
    }
    rc = sfx_cell_read_json(r, token, &value, NULL);
    if (rc == 0)
        rc = make_column(f, branch, err);
    if (rc == 0)
        branch->vec->cells[row] = value;
    return rc;
}

/* Takes the members of the object that r has just entered. */
static int take_members(struct flatten *f, struct sfx_json_reader *r, struct branch *branch,
                        uint32_t row, struct sfx_err *err)
{
    struct sfx_buf *made = &sfx_operator_eval(&f->op)->made;
    struct sfx_json_token token;
    int rc;

    while ((rc = sfx_json_next(r, &token, err)) > 0 && token.type == SFX_JSON_KEY) {
        struct sfx_slice key = token.text;
        struct branch *child;

        if (token.escaped) {
            sfx_buf_clear(made);
            rc = sfx_json_unescape(made, token.text, err);
            if (rc < 0)
                return rc;
            key = sfx_buf_slice(made);
        }
        child = child_of(f, branch, key, err);
        if (child == NULL)
            return SFX_E_NOMEM;
        rc = sfx_json_next(r, &token, err);
        if (rc > 0)
            rc = take_value(f, r, &token, child, row, err);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

/* The branch of a column of the input. */
static struct branch *root_of(struct flatten *f, struct sfx_slice name, struct sfx_err *err)
{
    struct branch *root;

    for (root = f->roots; root != NULL && !sfx_slice_eq(root->name, name); root = root->next)
        ;
    if (root != NULL)
        return root;
    root = new_branch(f, NULL, name, err);
    if (root != NULL) {
        root->next = f->roots;
        f->roots = root;
    }
    return root;
}

/* A column that has its first object: what it had before and will have beside objects goes on as a
 * column of its own. */
static int begin_objects(struct flatten *f, const struct sfx_frame *in, size_t c,
                         struct sfx_err *err)
{
    struct made *made;

    f->root[c] = root_of(f, in->cols[c].name, err);
    if (f->root[c] == NULL)
        return SFX_E_NOMEM;
    made = find_made(f, in->cols[c].name);
    if (made == NULL || f->root[c]->vec != NULL)
        return 0;
    f->root[c]->vec = sfx_vec_new(&f->kept, SFX_TYPE_CELL, err);
    if (f->root[c]->vec == NULL)
        return SFX_E_NOMEM;
    made->vec = f->root[c]->vec;
    made->is_member = true;
    f->changed = true;
    return 0;
}

/* Takes column c of a row, which is to be taken apart. */
static int take_cell(struct flatten *f, const struct sfx_frame *in, size_t c, uint32_t row,
                     struct sfx_err *err)
{
    const struct sfx_cell *cell = &in->cols[c].vec->cells[row];
    struct sfx_json_reader r;
    struct sfx_json_token token;
    int rc = 0;

    if (is_object(cell)) {
        if (f->root[c] == NULL)
            rc = begin_objects(f, in, c, err);
        sfx_json_reader_init(&r, cell->ptr, cell->len);
        if (rc == 0)
            rc = sfx_json_next(&r, &token, err);
        return rc < 0 ? rc : take_value(f, &r, &token, f->root[c], row, err);
    }
    if (cell->kind == SFX_CELL_MISSING)
        return 0;
    if (f->root[c] == NULL) { /* the cells go on as they are */
        rc = f->listed[c] ? 0 : add_made(f, in->cols[c].name, in->cols[c].vec, false, err);
        f->listed[c] = true;
        return rc;
    }
    rc = make_column(f, f->root[c], err);
    if (rc == 0)
        f->root[c]->vec->cells[row] = *cell;
    return rc;
}

/* --- frames -------------------------------------------------------------------------------- */

/* Shows made in what is handed on; columns of in that had no value yet only when none are. */
static int show_made(struct flatten *f, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_frame *out = &f->op.out;
    size_t i;

    if (!f->changed)
        return 0;
    if (f->nmade + in->ncols > f->cap_cols) {
        f->cap_cols = 2 * (f->nmade + in->ncols);
        f->cols = sfx_arena_calloc(&f->kept, f->cap_cols, sizeof(*f->cols), err);
        if (f->cols == NULL)
            return SFX_E_NOMEM;
    }
    out->cols = f->cols;
    for (i = 0; i < f->nmade; i++)
        out->cols[i] = (struct sfx_qcolumn){.name = f->made[i].name, .vec = f->made[i].vec};
    out->ncols = f->nmade;
    for (i = 0; in->nsel == 0 && i < in->ncols; i++) {
        if (!f->listed[i] && f->root[i] == NULL)
            out->cols[out->ncols++] = in->cols[i];
    }
    for (i = 0; i < in->ncols; i++) { /* their spelling, where they are the input's own */
        struct made *made = f->listed[i] ? find_made(f, in->cols[i].name) : NULL;

        if (made != NULL)
            out->cols[made - f->made].head = in->cols[i].head;
    }
    out->open = true;
    out->schema_id = sfx_operator_new_schema(&f->op);
    f->changed = in->nsel == 0;
    return 0;
}

/* Finds column i of in among what is made and what had objects. */
static int bind_column(struct flatten *f, const struct sfx_frame *in, size_t i, struct sfx_err *err)
{
    struct made *made = find_made(f, in->cols[i].name);
    struct branch *root;

    for (root = f->roots; root != NULL && !sfx_slice_eq(root->name, in->cols[i].name);
         root = root->next)
        ;
    if (made != NULL && made->is_member && (root == NULL || !f->marks[i]))
        return is_there(f, in->cols[i].name, err);
    f->root[i] = f->marks[i] ? root : NULL;
    f->listed[i] = made != NULL;
    if (made != NULL && !made->is_member)
        made->vec = in->cols[i].vec;
    return 0;
}

static int bind_flatten(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct flatten *f = (struct flatten *)op;
    const struct flatten_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i;
    int rc = 0;

    if (f->nothing == NULL)
        f->nothing = sfx_vec_new(&f->kept, SFX_TYPE_CELL, err);
    f->root = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*f->root), err);
    f->listed = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*f->listed), err);
    f->marks = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*f->marks), err);
    if (f->nothing == NULL || f->root == NULL || f->listed == NULL || f->marks == NULL)
        return SFX_E_NOMEM;
    if (!detail->all)
        rc = sfx_selectors_mark(&detail->columns, &binder, &f->marks);
    for (i = 0; i < f->nmade; i++) {
        if (!f->made[i].is_member)
            f->made[i].vec = f->nothing;
    }
    for (i = 0; i < in->ncols && rc == 0; i++) {
        f->marks[i] = (detail->all || f->marks[i]) && in->cols[i].vec->type == SFX_TYPE_CELL;
        rc = bind_column(f, in, i, err);
    }
    f->changed = true;
    return rc;
}

/* The cells of members are those of the rows before: empties them for the rows of in. All cells of
 * computed columns are made at once, as rows may go on in several frames. */
static void prepare_cells(struct flatten *f, const struct sfx_frame *in)
{
    size_t c;
    uint32_t i;

    for (c = 0; c < f->nmade; c++) {
        struct sfx_cell *cells = f->made[c].vec->cells;

        for (i = 0; f->made[c].is_member && i < in->nsel; i++)
            cells[in->sel[i]] = (struct sfx_cell){0};
    }
    for (c = 0; c < in->ncols; c++)
        sfx_vec_make_cells(sfx_operator_eval(&f->op), in->cols[c].vec, in->sel, in->nsel);
}

/* Hands on the rows sel[from] … sel[to - 1]. */
static int pass_rows(struct flatten *f, const struct sfx_frame *in, uint32_t from, uint32_t to,
                     struct sfx_err *err)
{
    sfx_frame_take_rows(&f->op.out, in);
    f->op.out.sel = in->sel + from;
    f->op.out.nsel = to - from;
    return sfx_operator_pass(&f->op, &f->op.out, err);
}

static int take_row(struct flatten *f, const struct sfx_frame *in, uint32_t row,
                    struct sfx_err *err)
{
    size_t c;
    int rc = 0;

    for (c = 0; c < in->ncols && rc == 0; c++) {
        if (f->marks[c] &&
            !(f->listed[c] && f->root[c] == NULL && !is_object(&in->cols[c].vec->cells[row])))
            rc = take_cell(f, in, c, row, err);
        else if (!f->marks[c] && !f->listed[c]) {
            rc = add_made(f, in->cols[c].name, in->cols[c].vec, false, err);
            f->listed[c] = true;
        }
    }
    return rc;
}

static int push_flatten(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct flatten *f = (struct flatten *)op;
    uint32_t i, begin = 0;
    int rc = 0;

    prepare_cells(f, in);
    for (i = 0; i < in->nsel && rc == 0; i++) {
        bool shown = !f->changed;

        rc = take_row(f, in, in->sel[i], err);
        if (rc == 0 && shown && f->changed && i > begin) { /* not in the rows before */
            rc = pass_rows(f, in, begin, i, err);
            begin = i;
        }
        if (rc == 0)
            rc = show_made(f, in, err);
        if (rc == 0 && sfx_operator_is_done(op))
            return 0;
    }
    if (rc == 0)
        rc = show_made(f, in, err);
    return rc < 0 ? rc : pass_rows(f, in, begin, in->nsel, err);
}

static void destroy_flatten(struct sfx_operator *op)
{
    sfx_arena_done(&((struct flatten *)op)->kept);
}

const struct sfx_verb sfx_verb_flatten = {
    .name = "flatten",
    .usage = "flatten [COLUMNS] [sep \"SEPARATOR\"]",
    .help = "makes columns of the members of objects in JSON cells",
    .plan = "streaming, 16 KiB for each column that is made, at most 4096",
    .rules = "Without a list all columns are taken apart. A member has the names of the objects "
             "around it and its own, with the separator, a dot, between them. What is no object, "
             "an array, null or an empty object, stays in its column. Columns come in the order in "
             "which records bring them; a record has those of its own members. A text that is JSON "
             "is made an object with json() before. A name that is there already ends the run.",
    .example = {.program = "flatten",
                .input = "{\"id\":1,\"user\":{\"name\":\"Ann\",\"address\":{\"city\":\"Bonn\"}}}\n",
                .output = "{\"id\":1,\"user.name\":\"Ann\",\"user.address.city\":\"Bonn\"}\n"},
    .state_nbytes = sizeof(struct flatten),
    .parse = parse_flatten,
    .bind = bind_flatten,
    .push = push_flatten,
    .destroy = destroy_flatten,
};
