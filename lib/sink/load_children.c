/* SPDX-License-Identifier: MIT */
/* The passes over an input that fill child tables: what is learnt, put and refused. */
#include "base/sha256.h"
#include "base/size.h"
#include "sink/load_children_internal.h"
#include "sink/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_ID "_row_id"

static const char *const row_id_key[] = {ROW_ID};

int sfx_load_check_children(struct sfx_load *load, struct sfx_err *err)
{
    const struct sfx_load_opts *opts = &load->opts;
    const char *with = NULL;

    if (opts->nested != SFX_LOAD_TABLES)
        return 0;
    if (load->sink->ops->child == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--nested=tables: %s has no child tables",
                           load->sink->ops->form);
    if (opts->how.mode == SFX_SINK_SCD2)
        with = "--mode=scd2: a key has rows of several times";
    else if (opts->commit_every > 0 && !opts->group)
        with = "--commit-every";
    else if (opts->how.evolve == SFX_SINK_QUARANTINE)
        with = "--evolve=quarantine";
    else if (opts->schema != NULL)
        with = "--schema";
    else if (opts->jobs != 1)
        with = "--jobs";
    else if (opts->program != NULL && opts->on_error != SFX_LOAD_FAIL)
        with = "both --transform and records that are left out";
    else if (opts->force && opts->how.mode == SFX_SINK_APPEND && opts->keys == NULL)
        with = "--force in mode append without --key: rows would have the ids of others";
    if (with != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--nested=tables does not go with %s", with);
    load->children = calloc(1, sizeof(*load->children));
    if (load->children != NULL)
        load->children->offsets = calloc(SFX_BATCH_ROWS, sizeof(*load->children->offsets));
    if (load->children == NULL || load->children->offsets == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for child tables");
    return 0;
}

static void forget(struct sfx_load_children *c)
{
    size_t i;

    for (i = 0; i < c->nnodes; i++) {
        sfx_infer_done(&c->nodes[i]->infer);
        sfx_batch_done(&c->nodes[i]->batch);
    }
    c->nnodes = 0;
    c->nodes = NULL;
    c->root = (struct sfx_load_node){0};
    sfx_arena_reset(&c->names);
}

void sfx_load_free_children(struct sfx_load *load)
{
    struct sfx_load_children *c = load->children;

    if (c == NULL)
        return;
    forget(c);
    sfx_arena_done(&c->names);
    sfx_buf_done(&c->path);
    free(c->refused);
    free(c->written);
    free(c->offsets);
    free(c->unfit);
    sfx_arena_done(&c->unfit_texts);
    free(c);
}

int sfx_load_children_begin(struct sfx_load *load, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;
    const size_t nkeys = load->nkeys;

    forget(c);
    c->keys = nkeys > 0 ? load->keys : row_id_key;
    c->nkeys = nkeys > 0 ? nkeys : 1;
    c->learning = true;
    c->wanted = NULL;
    c->nrecords = 0;
    c->nunfit = 0;
    memset(c->id, '0',
           SFX_LOAD_ID_DIGITS); /* until the content's hash is known: as long, and text */
    c->nodes =
        sfx_arena_calloc(&c->names, SFX_LOAD_MAX_CHILDREN, sizeof(struct sfx_load_node *), err);
    return c->nodes == NULL ? SFX_E_NOMEM : 0;
}

/* --- passes -------------------------------------------------------------------------------- */

static int add_row_ids(struct sfx_load_children *c, struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_cell *cells;
    uint32_t k;
    int at;

    if (sfx_batch_find(batch, SFX_SLICE_LIT(ROW_ID)) >= 0)
        return sfx_err_set(err, SFX_E_INPUT, "the input has a column " ROW_ID " itself");
    at = sfx_batch_add_column(batch, SFX_SLICE_LIT(ROW_ID), err);
    if (at < 0)
        return at;
    cells = batch->columns[at].cells;
    for (k = 0; k < batch->nsel; k++) {
        char *id = sfx_arena_alloc(&batch->arena, SFX_LOAD_ID_DIGITS + SFX_LOAD_NUMBER_NBYTES, err);

        if (id == NULL)
            return SFX_E_NOMEM;
        cells[batch->sel[k]] = (struct sfx_cell){
            .ptr = id,
            .len = (uint32_t)snprintf(id, SFX_LOAD_ID_DIGITS + SFX_LOAD_NUMBER_NBYTES,
                                      "%s-%" PRIu64, c->id, c->nrecords + k + 1),
            .kind = SFX_CELL_STRING};
    }
    return 0;
}

/* The order of refused: for qsort and bsearch. */
static int by_offset(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static bool is_refused(const struct sfx_load_children *c, uint64_t offset)
{
    return c->nrefused > 0 &&
           bsearch(&offset, c->refused, c->nrefused, sizeof(offset), by_offset) != NULL;
}

/* Records without child rows leave a batch of the pass for a child table. */
static void keep_written(struct sfx_load_children *c, struct sfx_batch *batch)
{
    uint32_t k, n = 0;

    for (k = 0; k < batch->nsel; k++) {
        const uint32_t row = batch->sel[k];

        if (is_refused(c, batch->rows[row].offset))
            continue;
        if (c->written == NULL || (c->written[c->nput / 8] >> c->nput % 8 & 1) != 0)
            batch->sel[n++] = row;
        c->nput++;
    }
    batch->nsel = n;
}

int sfx_load_children_take(struct sfx_load *load, struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;
    int rc = c->keys == row_id_key ? add_row_ids(c, batch, err) : 0;

    c->nrecords += batch->nsel;
    if (c->wanted != NULL)
        keep_written(c, batch);
    return rc == 0 ? sfx_load_split(load, &c->root, batch, err) : rc;
}

/* The columns whose only values were arrays are none of the parent's table. */
static void drop_columns(const struct sfx_load_node *node, struct sfx_infer *infer)
{
    struct sfx_sink_schema *schema = &infer->schema;
    size_t i, n = 0;

    for (i = 0; i < schema->ncols; i++) {
        if (i >= node->nfixed && schema->columns[i].empty &&
            sfx_load_find_node(node, schema->columns[i].name) != NULL)
            continue;
        schema->columns[n++] = schema->columns[i];
    }
    schema->ncols = n;
}

int sfx_load_children_learnt(struct sfx_load *load, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;
    size_t i, k;
    int rc = 0;

    c->learning = false;
    drop_columns(&c->root, &load->infer);
    for (i = 0; rc == 0 && i < c->nnodes; i++) {
        struct sfx_load_node *node = c->nodes[i];
        struct sfx_sink_column *columns;

        if (node->nrows == 0)
            continue;
        sfx_infer_finish(&node->infer);
        drop_columns(node, &node->infer);
        columns = node->infer.schema.columns;
        for (k = 0; k < node->nfixed; k++) {
            const struct sfx_sink_column *key =
                k < c->nkeys ? sfx_load_find_column(load, sfx_slice_str(c->keys[k])) : NULL;

            columns[k].type = key != NULL ? key->type : SFX_TYPE_INTEGER;
            columns[k].scale = key != NULL ? key->scale : 0;
            columns[k].precision = key != NULL ? key->precision : 0;
            columns[k].empty = false;
        }
        if (load->opts.lineage)
            rc = sfx_load_lineage_schema(&node->infer, err);
    }
    return rc;
}

void sfx_load_children_start(struct sfx_load *load, const char *load_key)
{
    struct sfx_load_children *c = load->children;
    unsigned char digest[SFX_SHA256_NBYTES];
    struct sfx_sha256 sha;
    char hex[65];

    sfx_sha256_init(&sha);
    sfx_sha256_update(&sha, load_key, strlen(load_key));
    sfx_sha256_final(&sha, digest);
    sfx_sha256_hex(digest, hex);
    memcpy(c->id, hex, SFX_LOAD_ID_DIGITS);
    c->nrecords = 0;
    c->nrefused = 0;
    c->wanted = NULL;
    c->checking = false;
    free(c->written);
    c->written = NULL;
    load->result.nchild_tables = 0;
    load->result.nchild_rows = 0;
}

int sfx_load_children_refused(struct sfx_load *load, uint64_t offset, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;

    if (c->nrefused == c->room) {
        const size_t room = c->room == 0 ? 64 : 2 * c->room;
        uint64_t *grown = reallocarray(c->refused, room, sizeof(*grown));

        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for refused records");
        c->refused = grown;
        c->room = room;
    }
    c->refused[c->nrefused++] = offset;
    return 0;
}

static int by_record(const void *a, const void *b)
{
    const struct sfx_load_unfit *left = a, *right = b;

    return left->offset != right->offset ? by_offset(&left->offset, &right->offset)
                                         : by_offset(&left->number, &right->number);
}

int sfx_load_children_rehearse(struct sfx_load *load, bool on, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;
    size_t i, n = 0;

    c->checking = on;
    if (on) {
        c->nunfit = 0;
        sfx_arena_reset(&c->unfit_texts);
        return load->sink->ops->rehearse(load->sink, on, err);
    }
    if (c->nunfit > 0)
        qsort(c->unfit, c->nunfit, sizeof(*c->unfit), by_record);
    for (i = 0; i < c->nunfit; i++) {
        if (n == 0 || c->unfit[n - 1].offset != c->unfit[i].offset)
            c->unfit[n++] = c->unfit[i];
    }
    c->nunfit = n;
    sfx_buf_clear(&load->ddl); /* it comes again */
    return load->sink->ops->rehearse(load->sink, on, err);
}

int sfx_load_children_refuse(struct sfx_load *load, struct sfx_batch *batch,
                             const struct sfx_reject_sink *bad, struct sfx_err *err)
{
    const struct sfx_load_children *c = load->children;
    uint32_t k, n = 0;
    int rc = 0;

    for (k = 0; rc == 0 && c->nunfit > 0 && k < batch->nsel; k++) {
        const uint16_t row = batch->sel[k];
        const struct sfx_load_unfit key = {.offset = batch->rows[row].offset};
        const struct sfx_load_unfit *unfit =
            bsearch(&key, c->unfit, c->nunfit, sizeof(*c->unfit), by_offset);

        if (unfit != NULL)
            rc = sfx_sink_refuse(batch, row, unfit->path, unfit->value, unfit->reason, bad, err);
        else
            batch->sel[n++] = row;
    }
    if (c->nunfit > 0)
        batch->nsel = n;
    return rc;
}

int sfx_load_children_settle(struct sfx_load *load, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;
    struct sfx_sink_counts *counts = &load->result.entry.counts;
    int rc;

    if (load->opts.dry_run || !sfx_merge_stages(load->opts.how.mode))
        return 0;
    c->written = calloc(counts->inserted / 8 + 1, 1);
    if (c->written == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for which records were written");
    rc = load->sink->ops->settle(load->sink, counts, c->written, err);
    load->broken = load->broken || rc < 0;
    return rc;
}

int sfx_load_children_next(struct sfx_load *load, size_t *at, struct sfx_err *err)
{
    struct sfx_load_children *c = load->children;
    const struct sfx_sink_ops *ops = load->sink->ops;
    const struct sfx_load_node *node;
    int rc;

    if (load->opts.how.mode == SFX_SINK_DELETE)
        return 0;
    if (*at == 0 && c->nrefused > 0)
        qsort(c->refused, c->nrefused, sizeof(*c->refused), by_offset);
    while (*at < c->nnodes && c->nodes[*at]->nrows == 0)
        (*at)++;
    if (*at == c->nnodes)
        return 0;
    node = c->nodes[(*at)++];
    c->wanted = node;
    c->nrecords = c->nput = 0;
    load->result.nchild_tables++;
    rc = ops->child(load->sink, node->table, node->fixed, node->nfixed, err);
    if (rc == 0)
        rc = ops->prepare(load->sink, &node->infer.schema, &load->ddl, err);
    load->broken = load->broken || (rc < 0 && rc != SFX_E_INPUT && rc != SFX_E_LIMIT);
    return rc < 0 ? sfx_err_wrap(err, rc, "table %s", node->table) : 1;
}

/* Says which element of which record it was: items[3].price. */
static int name_bad(struct sfx_load_children *c, const struct sfx_load_node *node, uint32_t row,
                    const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_buf *path = &c->path;
    const struct sfx_load_node *chain[SFX_LOAD_MAX_DEPTH];
    size_t first = node->nfixed - node->depth, i;
    const struct sfx_load_node *at;
    int rc = 0;

    sfx_buf_clear(path);
    for (i = 0; i < c->nkeys; i++) {
        if (sfx_slice_eq(r->column, sfx_slice_str(node->fixed[i])))
            return sfx_buf_puts(path, c->keys[i], err); /* the record's own */
    }
    for (at = node; at->up != NULL; at = at->up)
        chain[at->depth - 1] = at;
    for (i = 0; rc == 0 && i < node->depth; i++) {
        const struct sfx_cell *index = &node->batch.columns[first + i].cells[row];

        rc = sfx_buf_printf(path, err, "%s%.*s[%.*s]", i > 0 ? "." : "",
                            SFX_SLICE_ARG(chain[i]->column), (int)index->len, index->ptr);
    }
    if (rc == 0 && r->column.len > 0 && !sfx_slice_eq(r->column, SFX_SLICE_LIT("value")))
        rc = sfx_buf_printf(path, err, ".%.*s", SFX_SLICE_ARG(r->column));
    return rc;
}

struct bad {
    struct sfx_load *load;
    const struct sfx_load_node *node;
};

/* Notes a value that is bad for its record's sake. */
static int note_unfit(struct sfx_load_children *c, const struct sfx_reject *r, uint64_t offset,
                      struct sfx_err *err)
{
    struct sfx_arena *texts = &c->unfit_texts;
    struct sfx_load_unfit *unfit;

    if (c->nunfit == c->unfit_room) {
        const size_t room = c->unfit_room == 0 ? 64 : 2 * c->unfit_room;
        struct sfx_load_unfit *grown = reallocarray(c->unfit, room, sizeof(*grown));

        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for refused records");
        c->unfit = grown;
        c->unfit_room = room;
    }
    unfit = &c->unfit[c->nunfit];
    *unfit = (struct sfx_load_unfit){
        .offset = offset,
        .number = c->nunfit,
        .path = sfx_arena_strndup(texts, c->path.data, c->path.len, err),
        .reason = sfx_arena_strndup(texts, r->reason, strlen(r->reason), err),
    };
    if (r->value.ptr != NULL)
        unfit->value =
            sfx_slice(sfx_arena_strndup(texts, r->value.ptr, r->value.len, err), r->value.len);
    if (unfit->path == NULL || unfit->reason == NULL ||
        (r->value.ptr != NULL && unfit->value.ptr == NULL))
        return SFX_E_NOMEM;
    c->nunfit++;
    return 0;
}

static int take_bad(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    const struct bad *bad = ctx;
    struct sfx_load_children *c = bad->load->children;
    struct sfx_buf *path = &c->path;
    const uint32_t row = (uint32_t)r->offset; /* see sfx_load_put_node */

    if (c->checking && c->nunfit > 0 && c->unfit[c->nunfit - 1].offset == c->offsets[row])
        return 0; /* one is enough */
    if (name_bad(c, bad->node, row, r, err) < 0)
        return SFX_E_NOMEM;
    if (c->checking)
        return note_unfit(c, r, c->offsets[row], err);
    return sfx_err_set(err, SFX_E_INPUT, "line %" PRIu64 ": %.*s, for table %s: %s", r->line,
                       (int)path->len, path->data, bad->node->table, r->reason);
}

int sfx_load_put_node(struct sfx_load *load, struct sfx_load_node *node, struct sfx_err *err)
{
    struct bad bad = {load, node};
    const struct sfx_reject_sink sink = {take_bad, &bad};
    uint32_t row;
    int rc = load->opts.lineage ? sfx_load_lineage_fill(load, &node->batch, err) : 0;

    for (row = 0; row < node->batch.nrows; row++) {
        load->children->offsets[row] = node->batch.rows[row].offset;
        node->batch.rows[row].offset = row; /* by which take_bad knows the row again */
    }
    if (rc == 0)
        rc = load->sink->ops->put(load->sink, &node->batch, &sink, &load->result.nchild_rows, err);
    load->broken = load->broken || (rc < 0 && rc != SFX_E_INPUT);
    return rc;
}
