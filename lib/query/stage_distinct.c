/* SPDX-License-Identifier: MIT */
/*
 * distinct: lets the first record of each key through; without keys the key is the whole record.
 *
 * When the table of keys is full, records with keys that are not in it are sorted by key, on disk
 * if need be; the first of each comes out at the end, in the order they came in.
 */
#include "query/kept_internal.h"
#include "query/keyset_internal.h"

#include <string.h>

struct distinct {
    struct sfx_operator op;
    /* Bound to the frames that come in. */
    struct sfx_node **nodes; /* keys that are written; NULL: the whole record */
    struct sfx_vec **cols;
    uint32_t *ids; /* of the whole record's columns, in the union of all frames */
    size_t ncols;
    /* Kept over the whole input. */
    struct sfx_keyset set;
    struct sfx_keys keys;
    struct sfx_key *entries[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
    /* When the set is full. */
    bool full;
    uint64_t nrows;          /* that wait */
    struct sfx_sorter waits; /* by key; a record is the row's number, then the row */
    struct sfx_kept kept;    /* the first of each key, in order; and the union of the columns */
};

#define NUMBER_NBYTES sizeof(uint64_t)

static int bind_record(struct distinct *distinct, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_rowstore *store = &distinct->kept.store;
    struct sfx_operator *op = &distinct->op;
    size_t u;

    distinct->ids = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*distinct->ids), err);
    distinct->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*distinct->cols), err);
    if (distinct->ids == NULL || distinct->cols == NULL)
        return SFX_E_NOMEM;
    distinct->ncols = 0;
    for (u = 0; u < store->ncols; u++) { /* in one order, whatever the frame's */
        if (store->from[u] < 0)
            continue;
        distinct->cols[distinct->ncols] = in->cols[store->from[u]].vec;
        distinct->ids[distinct->ncols++] = (uint32_t)u;
    }
    return 0;
}

static int bind_distinct(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    uint64_t memory = sfx_operator_opts(op)->memory_nbytes;
    size_t i;
    int rc = sfx_kept_bind(&distinct->kept, op, in, 0, err);

    if (distinct->set.op == NULL) {
        sfx_keyset_init(&distinct->set, op, 0);
        distinct->set.budget_nbytes = memory / 2;
        rc = rc < 0 ? rc : sfx_sorter_init_paid(&distinct->waits, op, memory / 8, err);
    }
    if (rc < 0 || items->count == 0)
        return rc < 0 ? rc : bind_record(distinct, in, err);
    distinct->nodes = sfx_arena_calloc(&op->arena, items->count, sizeof(*distinct->nodes), err);
    distinct->cols = sfx_arena_calloc(&op->arena, items->count, sizeof(*distinct->cols), err);
    if (distinct->nodes == NULL || distinct->cols == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < items->count && rc == 0; i++) {
        rc = sfx_bind_key(&binder, &items->items[i], &distinct->nodes[i]);
        if (rc == 0)
            distinct->cols[i] = distinct->nodes[i]->vec;
    }
    distinct->ncols = items->count;
    return rc;
}

/* Keeps a row whose key is not in the full set: the i-th of the selection. */
static int keep_row(struct distinct *distinct, const struct sfx_frame *in, uint32_t i,
                    struct sfx_err *err)
{
    const struct sfx_keys *keys = &distinct->keys;
    const struct sfx_rowstore *store = &distinct->kept.store;
    uint32_t begin = i > 0 ? keys->ends[i - 1] : 0, len = keys->ends[i] - begin, row = in->sel[i];
    uint64_t hash = __builtin_bswap64(keys->hashes[i]), number = distinct->nrows++;
    size_t nkey = sizeof(hash) + len;
    unsigned char *key;
    int rc = sfx_sorter_reserve(
        &distinct->waits, nkey + NUMBER_NBYTES + sfx_row_max_nbytes(store, in, row), &key, err);

    if (rc < 0)
        return rc;
    memcpy(key, &hash, sizeof(hash));
    if (len > 0)
        memcpy(key + sizeof(hash), keys->bytes.data + begin, len);
    memcpy(key + nkey, &number, NUMBER_NBYTES);
    sfx_sorter_commit(&distinct->waits, nkey,
                      NUMBER_NBYTES + sfx_row_encode(store, in, row, key + nkey + NUMBER_NBYTES));
    return 0;
}

/* The set is full: the rows begin … with keys that are not in it wait. */
static int keep_rows(struct distinct *distinct, const struct sfx_frame *in, uint32_t begin,
                     struct sfx_err *err)
{
    uint32_t i;
    int rc = sfx_kept_begin(&distinct->kept, in, err);

    sfx_keyset_find(&distinct->set, &distinct->keys, begin, in->nsel, distinct->entries);
    for (i = begin; i < in->nsel && rc == 0; i++) {
        distinct->fresh[i] = false;
        if (distinct->entries[i] == NULL)
            rc = keep_row(distinct, in, i, err);
    }
    return rc;
}

static int push_distinct(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i, n = 0;
    int64_t end = 0;
    int rc;

    for (i = 0; i < op->ast->items.count; i++)
        sfx_eval_node(ev, distinct->nodes[i], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_keys_make(&distinct->keys, ev, distinct->cols, distinct->ids, distinct->ncols,
                           in->sel, in->nsel, err);
    if (rc == 0 && !distinct->full)
        end = sfx_keyset_add_some(&distinct->set, &distinct->keys, 0, in->nsel, distinct->entries,
                                  distinct->fresh, err);
    if (rc < 0 || end < 0)
        return rc < 0 ? rc : (int)end;
    if (end < in->nsel) {
        distinct->full = true;
        rc = keep_rows(distinct, in, (uint32_t)end, err);
    }
    for (i = 0; i < in->nsel; i++) {
        in->sel[n] = in->sel[i];
        n += distinct->fresh[i];
    }
    in->nsel = n;
    return rc < 0 ? rc : sfx_operator_pass(op, in, err);
}

/* Hands the first row of each key that waits to what is kept in the order of coming. */
static int take_first(struct distinct *distinct, const unsigned char *record, struct sfx_err *err)
{
    const unsigned char *body = sfx_record_row(record);
    size_t nrow = sfx_record_nbytes(record) - (size_t)(body - record) - NUMBER_NBYTES;
    unsigned char *key;
    uint64_t number;
    int rc = sfx_sorter_reserve(&distinct->kept.sorter, NUMBER_NBYTES + nrow, &key, err);

    if (rc < 0)
        return rc;
    memcpy(&number, body, NUMBER_NBYTES);
    number = __builtin_bswap64(number);
    memcpy(key, &number, NUMBER_NBYTES);
    memcpy(key + NUMBER_NBYTES, body + NUMBER_NBYTES, nrow);
    sfx_sorter_commit(&distinct->kept.sorter, NUMBER_NBYTES, nrow);
    return 0;
}

static int finish_distinct(struct sfx_operator *op, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    struct sfx_buf last = {0};
    const unsigned char *record;
    int rc;

    if (distinct->nrows == 0)
        return 0;
    sfx_keyset_done(&distinct->set);
    rc = sfx_sorter_sort(&distinct->waits, err);
    while (rc == 0 && (rc = sfx_sorter_next(&distinct->waits, &record, err)) > 0) {
        struct sfx_slice key =
            sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES, sfx_record_key_nbytes(record));

        rc = 0;
        if (last.len > 0 && sfx_slice_eq(key, sfx_buf_slice(&last)))
            continue;
        sfx_buf_clear(&last);
        rc = sfx_buf_append(&last, key.ptr, key.len, err);
        if (rc == 0)
            rc = take_first(distinct, record, err);
    }
    sfx_buf_done(&last);
    sfx_sorter_done(&distinct->waits);
    return rc < 0 ? rc : sfx_kept_pass_all(&distinct->kept, err);
}

static bool distinct_is_satisfied(const struct sfx_operator *op)
{
    return sfx_operator_next_is_satisfied(op);
}

static int parse_distinct(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    size_t i;
    int rc = sfx_parse_at_end(p) ? 0 : sfx_parse_sort_keys(p, stage);

    for (i = 0; i < stage->items.count && rc == 0; i++) {
        if (stage->items.items[i].minus)
            rc = sfx_program_err(p->program, stage->items.items[i].at, p->err,
                                 "distinct has no direction");
    }
    return rc;
}

static void destroy_distinct(struct sfx_operator *op)
{
    struct distinct *distinct = (struct distinct *)op;

    sfx_keyset_done(&distinct->set);
    sfx_keys_done(&distinct->keys);
    sfx_sorter_done(&distinct->waits);
    sfx_kept_done(&distinct->kept);
}

/* Cell by cell: it may have to keep records. */
static enum sfx_rest distinct_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                   enum sfx_rest rest)
{
    (void)sfx_uses_filter(ast, uses, rest);
    return SFX_REST_CELLS;
}

const struct sfx_verb sfx_verb_distinct = {
    .name = "distinct",
    .usage = "distinct [KEY[, …]]",
    .help = "keeps the first record of each key; without keys, of each whole record",
    .plan =
        "streaming; keys compare by bytes unless they are numbers or times; memory for each key; "
        "when half of --memory is full, records with new keys wait on disk until the input ends",
    .rules = "Records come out in the order they came in. Null is a key like others.",
    .example = {.program = "distinct a",
                .input = "a,b\n1,x\n1,y\n2,z\n",
                .output = "a,b\n1,x\n2,z\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct distinct),
    .uses = distinct_uses,
    .parse = parse_distinct,
    .bind = bind_distinct,
    .push = push_distinct,
    .finish = finish_distinct,
    .satisfied = distinct_is_satisfied,
    .destroy = destroy_distinct,
};
