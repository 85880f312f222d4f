/* SPDX-License-Identifier: MIT */
/* Reads the file of a join: its columns, its keys, its rows. */
#include "query/file_frames_internal.h"
#include "query/join_internal.h"

#include "base/size.h"

int sfx_join_bind_keys(struct sfx_join *join, struct sfx_binder *b, bool right,
                       struct sfx_node **nodes)
{
    const struct sfx_join_plan *plan = join->plan;
    size_t i;
    int rc = 0;

    for (i = 0; i < plan->npairs && rc == 0; i++) {
        const struct sfx_join_pair *pair = &plan->pairs[i];

        rc = sfx_bind_expr(b, right ? pair->right : pair->left, &nodes[i]);
        if (rc == 0 && join->types[i] != SFX_TYPE_NULL)
            rc = sfx_bind_convert(b, join->types[i], &nodes[i]);
    }
    return rc;
}

/* The columns that both sides have, for a message; at most as many as fit. */
static void list_common(const struct sfx_frame *a, const struct sfx_frame *b, struct sfx_buf *out)
{
    size_t i, k;

    for (i = 0; i < a->ncols; i++) {
        for (k = 0; k < b->ncols && !sfx_slice_eq(a->cols[i].name, b->cols[k].name); k++)
            ;
        if (k < b->ncols && out->len < 200)
            (void)sfx_buf_printf(out, NULL, "%s%.*s", out->len > 0 ? ", " : "",
                                 SFX_SLICE_ARG(a->cols[i].name));
    }
}

static int without_keys(struct sfx_join *join, const struct sfx_frame *in,
                        const struct sfx_frame *file, struct sfx_err *err)
{
    struct sfx_binder b = sfx_operator_binder(&join->op, in, err);
    struct sfx_buf common = {0};
    int rc;

    list_common(in, file, &common);
    if (common.len > 0)
        rc = sfx_program_err(b.program, join->op.ast->at, err,
                             "join needs its keys: on KEY[, …]; both sides have %.*s",
                             (int)common.len, common.data);
    else
        rc = sfx_program_err(b.program, join->op.ast->at, err,
                             "join needs its keys: on KEY = KEY of the file; both sides have no "
                             "column in common");
    sfx_buf_done(&common);
    return rc;
}

enum sfx_type sfx_join_type(enum sfx_type a, enum sfx_type b)
{
    static const enum sfx_type strongest[] = {SFX_TYPE_TIME, SFX_TYPE_FLOAT, SFX_TYPE_NUMBER};
    size_t i;

    for (i = 0; i < SFX_COUNT(strongest); i++) {
        if (a == strongest[i] || b == strongest[i])
            return strongest[i];
    }
    return SFX_TYPE_CELL;
}

/* Keys compare as text, unless one side is a number or a time. */
static int settle_types(struct sfx_join *join, struct sfx_binder *b, struct sfx_node **nodes)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < join->plan->npairs && rc == 0; i++) {
        enum sfx_type left = join->keys[i]->vec->type, right = nodes[i]->vec->type;

        if (join->types[i] == SFX_TYPE_NULL)
            join->types[i] = sfx_join_type(left, right);
        sfx_plan_note(b->plan, "key %.*s = %.*s: by %s", SFX_SLICE_ARG(join->keys[i]->column),
                      SFX_SLICE_ARG(nodes[i]->column),
                      join->types[i] == SFX_TYPE_CELL ? "bytes" : "value");
        rc = sfx_bind_convert(b, join->types[i], &nodes[i]);
    }
    return rc;
}

/* What loading works with. */
struct loader {
    struct sfx_join *join;
    struct sfx_file_frames file;
    struct sfx_arena arena; /* of the binding to the file's frames */
    uint64_t schema;        /* of the frames that are bound to */
    struct sfx_node **nodes;
    struct sfx_node *by; /* ASOF */
};

static int bind_file(struct loader *loader, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_join *join = loader->join;
    const struct sfx_frame *frame = &loader->file.frame;
    struct sfx_binder b = sfx_operator_binder(&join->op, frame, err);
    int rc;

    if (join->plan->npairs == 0 && join->plan->kind != SFX_JOIN_ASOF)
        return without_keys(join, in, frame, err);
    b.arena = &loader->arena;
    sfx_arena_reset(&loader->arena);
    loader->nodes =
        sfx_arena_calloc(b.arena, join->plan->npairs + 1, sizeof(struct sfx_node *), err);
    if (loader->nodes == NULL)
        return SFX_E_NOMEM;
    rc = sfx_join_bind_keys(join, &b, true, loader->nodes);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%.*s", SFX_SLICE_ARG(join->plan->file));
    rc = settle_types(join, &b, loader->nodes);
    if (rc == 0 && join->plan->kind == SFX_JOIN_ASOF)
        rc = sfx_asof_bind(join, &b, true, &loader->by);
    if (rc == 0)
        rc = sfx_rowstore_bind(&join->names, frame, err);
    join->open = join->open || frame->open;
    loader->schema = frame->schema_id;
    return rc;
}

/* Keeps the frame's rows in memory: 1; 0 when there is no more of it, *row is then the first that
 * is not kept. */
static int keep_in_memory(struct sfx_join *join, const struct sfx_frame *frame,
                          const struct sfx_node *by, uint32_t *row, struct sfx_err *err)
{
    struct sfx_side_when when;

    for (*row = 0; *row < frame->nsel; ++*row) {
        struct sfx_side_source source = {
            .frame = frame,
            .from = join->names.from,
            .ncells = sfx_join_is_bare(join) ? 0 : join->names.ncols,
            .row = frame->sel[*row],
            .number = join->nfile,
            .key = join->batch.key[*row],
            .hash = join->batch.hash[*row],
        };
        int rc;

        if (by != NULL && !sfx_asof_when(join, by, source.row, &when))
            continue;
        source.when = by != NULL ? &when : NULL;
        rc = sfx_side_add(&join->side, &source, err);
        if (rc <= 0)
            return rc;
        join->nfile++;
    }
    return 1;
}

/* Keeps the selected rows of the frame, their keys being in join->batch. */
static int keep_keyed(struct sfx_join *join, struct sfx_frame *frame, const struct sfx_node *by,
                      struct sfx_err *err)
{
    uint32_t kept = 0, i;
    int rc;

    if (join->spill == NULL) {
        rc = keep_in_memory(join, frame, by, &kept, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        rc = sfx_join_spill_start(join, err);
        if (rc < 0)
            return rc;
    }
    for (i = kept; i < frame->nsel; i++) {
        frame->sel[i - kept] = frame->sel[i];
        join->batch.key[i - kept] = join->batch.key[i];
        join->batch.hash[i - kept] = join->batch.hash[i];
    }
    frame->nsel -= kept;
    return sfx_join_spill_file(join, frame, by, err);
}

static int keep_rows(struct loader *loader, struct sfx_err *err)
{
    struct sfx_join *join = loader->join;
    struct sfx_eval *ev = sfx_operator_eval(&join->op);
    struct sfx_frame *frame = &loader->file.frame;
    size_t i;
    int rc;

    for (i = 0; i < join->plan->npairs; i++)
        sfx_eval_node(ev, loader->nodes[i], frame->sel, frame->nsel);
    if (loader->by != NULL)
        sfx_eval_node(ev, loader->by, frame->sel, frame->nsel);
    sfx_file_count(&loader->file, frame->nsel);
    rc = sfx_operator_settle(&join->op, frame, err);
    sfx_file_count(&loader->file, -(uint64_t)frame->nsel); /* what was refused came in */
    if (rc == 0)
        rc = sfx_operator_failure(&join->op, err);
    if (rc == 0)
        rc = sfx_join_keys_make(&join->batch, ev, loader->nodes, join->plan->npairs, frame->sel,
                                frame->nsel, err);
    return rc < 0 ? rc : keep_keyed(join, frame, loader->by, err);
}

int sfx_join_load(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err)
{
    struct loader loader = {.join = join};
    int rc = sfx_file_open(&loader.file, &join->op, join->plan->file, join->plan->file_at, err);

    if (rc == 0)
        sfx_file_take_text(&loader.file);
    while (rc == 0) {
        bool explains = sfx_operator_binder(&join->op, in, err).plan != NULL;

        rc = sfx_file_next(&loader.file, err);
        if (rc <= 0)
            break;
        rc = loader.schema != loader.file.frame.schema_id ? bind_file(&loader, in, err) : 0;
        if (rc < 0 || explains) /* the columns are all that a plan needs */
            break;
        rc = keep_rows(&loader, err);
    }
    if (rc == 0 && join->plan->kind == SFX_JOIN_ASOF && join->spill == NULL) {
        rc = sfx_asof_sort(&join->side, err);
        rc = rc == 0 ? sfx_join_spill_start(join, err) : rc < 0 ? rc : 0;
    }
    if (rc == 0 && join->spill != NULL)
        rc = sfx_join_spill_file_end(join, err);
    sfx_file_close(&loader.file);
    sfx_arena_done(&loader.arena);
    join->loaded = rc == 0;
    return rc;
}
