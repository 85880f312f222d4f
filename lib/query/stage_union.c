/* SPDX-License-Identifier: MIT */
/* union: the records of files behind those of the input, all with the columns of all. */
#include "query/file_frames_internal.h"
#include "query/rowstore_internal.h"

#include <stdlib.h>
#include <string.h>

/* A stage as it was parsed. */
struct union_plan {
    struct sfx_slice *files;
    uint32_t *ats;
    size_t nfiles, cap;
};

struct union_stage {
    struct sfx_operator op;
    struct sfx_file_frames *files; /* each with the columns of its first records */
    size_t nfiles;
    struct sfx_rowstore names; /* only for the union of their columns */
    bool open;
    const struct sfx_qcolumn *cols; /* that the input's records have got, ncols of them */
    size_t ncols;
};

static int parse_union(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_arena *arena = &p->program->arena;
    struct union_plan *plan = sfx_arena_calloc(arena, 1, sizeof(*plan), p->err);
    int rc;

    stage->detail = plan;
    if (plan == NULL)
        return SFX_E_NOMEM;
    do {
        if (plan->nfiles == plan->cap) {
            size_t cap = plan->cap == 0 ? 8 : plan->cap * 2;
            struct sfx_slice *files = sfx_arena_calloc(arena, cap, sizeof(*files), p->err);
            uint32_t *ats = sfx_arena_calloc(arena, cap, sizeof(*ats), p->err);

            if (files == NULL || ats == NULL)
                return SFX_E_NOMEM;
            if (plan->nfiles > 0) {
                memcpy(files, plan->files, plan->nfiles * sizeof(*files));
                memcpy(ats, plan->ats, plan->nfiles * sizeof(*ats));
            }
            *plan = (struct union_plan){files, ats, plan->nfiles, cap};
        }
        rc = sfx_parse_file(p, &plan->files[plan->nfiles], &plan->ats[plan->nfiles]);
        plan->nfiles++;
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}

/* Opens the files and reads their first records, as they say which columns there are. */
static int open_files(struct union_stage *u, struct sfx_err *err)
{
    const struct union_plan *plan = u->op.ast->detail;
    size_t i;

    u->files = calloc(plan->nfiles, sizeof(*u->files));
    if (u->files == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu files", plan->nfiles);
    for (i = 0; i < plan->nfiles; i++) {
        int rc = sfx_file_open(&u->files[i], &u->op, plan->files[i], plan->ats[i], err);

        if (rc < 0)
            return rc;
        u->nfiles++;
        rc = sfx_file_next(&u->files[i], err);
        if (rc > 0)
            rc = sfx_rowstore_bind(&u->names, &u->files[i].frame, err);
        if (rc < 0)
            return rc;
        u->open = u->open || u->files[i].frame.open;
    }
    return 0;
}

static size_t find_column(const struct sfx_qcolumn *cols, size_t ncols, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < ncols && !sfx_slice_eq(cols[i].name, name); i++)
        ;
    return i;
}

/* A column of nothing: null, or what records need not have. */
static struct sfx_vec *nothing(struct union_stage *u, bool open, struct sfx_err *err)
{
    struct sfx_vec *vec = sfx_vec_new(&u->op.arena, SFX_TYPE_CELL, err);
    size_t i;

    for (i = 0; vec != NULL && i < SFX_BATCH_ROWS; i++)
        vec->cells[i] = (struct sfx_cell){.kind = open ? SFX_CELL_MISSING : SFX_CELL_NULL};
    return vec;
}

static int bind_union(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct union_stage *u = (struct union_stage *)op;
    struct sfx_frame *out = &op->out;
    size_t i;
    int rc = u->files == NULL ? open_files(u, err) : 0;

    if (rc < 0)
        return rc;
    rc = sfx_operator_keep_columns(op, in, u->names.ncols, err);
    if (rc < 0)
        return rc;
    for (i = 0; i < u->names.ncols; i++) {
        if (find_column(out->cols, out->ncols, u->names.cols[i].name) < out->ncols)
            continue;
        out->cols[out->ncols] = u->names.cols[i];
        out->cols[out->ncols].vec = nothing(u, in->open, err);
        if (out->cols[out->ncols++].vec == NULL)
            return SFX_E_NOMEM;
    }
    out->open = in->open || u->open;
    out->ordered = in->ordered;
    out->nraw = in->nraw;
    out->raw_dialect = in->raw_dialect;
    u->cols = out->cols;
    u->ncols = out->ncols;
    return 0;
}

static int push_union(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

/* Makes what goes out the columns of all, over those of the file's frame. */
static int bind_file(struct union_stage *u, const struct sfx_frame *file, struct sfx_err *err)
{
    struct sfx_frame *out = &u->op.out;
    size_t i, same = 0;

    out->cols = sfx_arena_calloc(&u->op.arena, u->ncols + file->ncols + 1, sizeof(*out->cols), err);
    if (out->cols == NULL)
        return SFX_E_NOMEM;
    out->ncols = u->ncols;
    for (i = 0; i < u->ncols; i++) {
        size_t at = find_column(file->cols, file->ncols, u->cols[i].name);

        out->cols[i] = u->cols[i];
        out->cols[i].vec = at < file->ncols ? file->cols[at].vec : nothing(u, file->open, err);
        if (out->cols[i].vec == NULL)
            return SFX_E_NOMEM;
        same += at == i && same == i;
    }
    for (i = 0; i < file->ncols; i++) {
        if (find_column(out->cols, u->ncols, file->cols[i].name) == u->ncols)
            out->cols[out->ncols++] = file->cols[i];
    }
    out->nraw = same >= file->nraw ? file->nraw : 0;
    out->raw_dialect = file->raw_dialect;
    out->schema_id = sfx_operator_new_schema(&u->op);
    return 0;
}

/* Hands on what is left of a file. */
static int pass_file(struct union_stage *u, struct sfx_file_frames *file, struct sfx_err *err)
{
    uint64_t schema = 0;
    int rc = 1;

    while (rc > 0 && file->op != NULL && !sfx_operator_is_done(&u->op)) {
        sfx_eval_reset(sfx_operator_eval(&u->op));
        if (file->frame.cols != NULL) {
            rc = schema != file->frame.schema_id ? bind_file(u, &file->frame, err) : 0;
            schema = file->frame.schema_id;
            sfx_file_count(file, file->frame.nsel);
            sfx_frame_take_rows(&u->op.out, &file->frame);
            if (rc == 0)
                rc = sfx_operator_pass(&u->op, &u->op.out, err);
            if (rc < 0)
                return rc;
        }
        rc = sfx_file_next(file, err);
    }
    sfx_file_close(file);
    return rc < 0 ? rc : 0;
}

static int finish_union(struct sfx_operator *op, struct sfx_err *err)
{
    struct union_stage *u = (struct union_stage *)op;
    size_t i;
    int rc = 0;

    if (sfx_operator_binder(op, &op->out, err).plan != NULL)
        return 0;
    for (i = 0; i < u->nfiles && rc == 0; i++)
        rc = pass_file(u, &u->files[i], err);
    return rc;
}

/* Records are copied whole, their columns in front. */
static enum sfx_rest union_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                enum sfx_rest rest)
{
    (void)ast;
    (void)uses;
    return rest;
}

static bool never(const struct sfx_operator *op)
{
    (void)op;
    return false;
}

static void destroy_union(struct sfx_operator *op)
{
    struct union_stage *u = (struct union_stage *)op;
    size_t i;

    for (i = 0; i < u->nfiles; i++)
        sfx_file_close(&u->files[i]);
    free(u->files);
    sfx_rowstore_done(&u->names);
}

const struct sfx_verb sfx_verb_union = {
    .name = "union",
    .usage = "union FILE[, …]",
    .help = "adds the records of files behind those of the input",
    .plan = "streaming; the files are opened at once, for their columns",
    .rules = "Columns are matched by name; those that only a file has come behind the others. What "
             "a record does not have is null, or left out where records need not have it.",
    .example = {.program = "union more.csv",
                .input = "a,b\n1,2\n",
                .output = "a,b,c\n1,2,\n,3,4\n",
                .file_name = "more.csv",
                .file = "b,c\n3,4\n"},
    .state_nbytes = sizeof(struct union_stage),
    .uses = union_uses,
    .parse = parse_union,
    .bind = bind_union,
    .push = push_union,
    .finish = finish_union,
    .blocks = never,
    .destroy = destroy_union,
};
