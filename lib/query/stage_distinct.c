/* SPDX-License-Identifier: MIT */
/*
 * distinct: lets the first record of each key through; without keys the key is the whole record.
 * head N by: the first N of each key.
 *
 * When the table of keys is full, records with keys that are not in it are sorted by key, on disk
 * if need be; the first of each comes out at the end, in the order they came in, and so does what
 * else is let through.
 *
 * A run that goes on where another one ended knows keys by 128 bits of their SHA-256 only: that is
 * what is carried on. Those of the runs before are in the table, and what is more waits in front of
 * all records.
 */
#include "query/kept_internal.h"
#include "query/keyset_internal.h"

#include "base/sha256.h"

#include <string.h>

struct distinct {
    struct sfx_operator op;
    uint64_t most; /* records of each key; keys carry how many there were if it is not 1 */
    /* Bound to the frames that come in. */
    struct sfx_node **nodes; /* keys that are written; NULL: the whole record */
    struct sfx_vec **cols;
    uint32_t *ids; /* of the whole record's columns, in the union of all frames */
    size_t ncols;
    struct sfx_rowstore columns; /* the union, for the whole record's numbers */
    /* Kept over the whole input. */
    struct sfx_keyset set;
    struct sfx_keys keys;
    struct sfx_key *entries[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
    /* When the set is full. */
    bool full;
    uint64_t nrows;          /* that wait */
    struct sfx_sorter waits; /* by key; a record is the row's number, then the row */
    struct sfx_kept kept;    /* the first of each key, in order */
    struct sfx_buf carried;  /* what is being carried on */
};

#define NUMBER_NBYTES sizeof(uint64_t)
#define KNOWN         UINT64_MAX /* the number of what waits for a key of the runs before */

static int bind_record(struct distinct *distinct, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_rowstore *store = &distinct->columns;
    struct sfx_operator *op = &distinct->op;
    size_t u;
    int rc = sfx_rowstore_bind(&distinct->columns, in, err);

    if (rc < 0)
        return rc;
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

static int start(struct distinct *distinct, struct sfx_err *err)
{
    struct sfx_operator *op = &distinct->op;
    const uint64_t memory = sfx_operator_opts(op)->memory_nbytes;
    int rc = 0;

    if (distinct->set.op != NULL)
        return 0;
    distinct->most = op->verb == &sfx_verb_head_by ? op->ast->limit : 1;
    sfx_keyset_init(&distinct->set, op, distinct->most == 1 ? 0 : sizeof(uint64_t));
    distinct->set.budget_nbytes = memory / 2;
    if (distinct->most != 1) /* is kept while the set is there, and stages behind take the rest */
        rc = sfx_sorter_init_paid(&distinct->kept.sorter, op, memory / 8, err);
    return rc == 0 ? sfx_sorter_init_paid(&distinct->waits, op, memory / 8, err) : rc;
}

static int bind_distinct(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    size_t i;
    int rc = sfx_kept_bind(&distinct->kept, op, in, 0, err);

    if (rc == 0)
        rc = start(distinct, err);
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

/* Makes room for what waits for the i-th of the batch's keys, with a body of at most nbody bytes:
 * where that goes. Errors: NULL. */
static unsigned char *wait_for(struct distinct *distinct, uint32_t i, uint64_t number, size_t nbody,
                               size_t *nkey, struct sfx_err *err)
{
    const struct sfx_keys *keys = &distinct->keys;
    uint32_t begin = i > 0 ? keys->ends[i - 1] : 0, len = keys->ends[i] - begin;
    uint64_t hash = __builtin_bswap64(keys->hashes[i]);
    unsigned char *at;

    *nkey = sizeof(hash) + len;
    if (sfx_sorter_reserve(&distinct->waits, *nkey + NUMBER_NBYTES + nbody, &at, err) < 0)
        return NULL;
    memcpy(at, &hash, sizeof(hash));
    if (len > 0)
        memcpy(at + sizeof(hash), keys->bytes.data + begin, len);
    memcpy(at + *nkey, &number, NUMBER_NBYTES);
    return at + *nkey + NUMBER_NBYTES;
}

/* Keeps a row whose key is not in the full set: the i-th of the selection. */
static int keep_row(struct distinct *distinct, const struct sfx_frame *in, uint32_t i,
                    struct sfx_err *err)
{
    const struct sfx_rowstore *store = &distinct->kept.store;
    uint32_t row = in->sel[i];
    size_t nkey;
    unsigned char *body =
        wait_for(distinct, i, distinct->nrows, sfx_row_max_nbytes(store, in, row), &nkey, err);

    if (body == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    distinct->nrows++;
    sfx_sorter_commit(&distinct->waits, nkey, NUMBER_NBYTES + sfx_row_encode(store, in, row, body));
    return 0;
}

/* Whether one more record of a key that is in the set is let through. */
static bool is_among_first(const struct distinct *distinct, struct sfx_key *key, bool fresh)
{
    uint64_t *count = (uint64_t *)key->payload;

    if (distinct->most == 1)
        return fresh;
    if (*count >= distinct->most)
        return false;
    ++*count;
    return true;
}

/* Keeps a row that is let through behind those that wait. */
static int keep_first(struct distinct *distinct, const struct sfx_frame *in, uint32_t row,
                      struct sfx_err *err)
{
    const uint64_t number = __builtin_bswap64(distinct->nrows);
    unsigned char *key;
    int rc = sfx_kept_reserve(&distinct->kept, in, row, NUMBER_NBYTES, &key, err);

    if (rc < 0)
        return rc;
    distinct->nrows++;
    memcpy(key, &number, NUMBER_NBYTES);
    sfx_kept_commit(&distinct->kept, in, row, key, NUMBER_NBYTES);
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
        else if (is_among_first(distinct, distinct->entries[i], false))
            rc = keep_first(distinct, in, in->sel[i], err);
    }
    return rc;
}

/* --- from run to run -------------------------------------------------------------------------- */

#define DIGEST_NBYTES 16
#define CARRY_COLUMN  'c' /* a record: a column's name, in the order of their numbers */
#define CARRY_KEYS    'k' /* or many digests of keys */

/* Makes the keys of n rows digests of themselves. */
static int digest_keys(struct sfx_keys *keys, uint32_t n, struct sfx_err *err)
{
    const size_t nbytes = (size_t)n * DIGEST_NBYTES, begin = keys->bytes.len;
    unsigned char digest[SFX_SHA256_NBYTES];
    struct sfx_sha256 sha;
    uint32_t i, at = 0;

    if (sfx_buf_reserve(&keys->bytes, nbytes, err) < 0) /* behind the keys */
        return SFX_E_NOMEM;
    for (i = 0; i < n; i++) {
        sfx_sha256_init(&sha);
        sfx_sha256_update(&sha, keys->bytes.data + at, keys->ends[i] - at);
        sfx_sha256_final(&sha, digest);
        at = keys->ends[i];
        keys->ends[i] = (i + 1) * DIGEST_NBYTES;
        memcpy(&keys->hashes[i], digest, sizeof(keys->hashes[i]));
        memcpy(keys->bytes.data + begin + (size_t)i * DIGEST_NBYTES, digest, DIGEST_NBYTES);
    }
    memmove(keys->bytes.data, keys->bytes.data + begin, nbytes);
    keys->bytes.len = nbytes;
    return 0;
}

/* Adds a digest to those that are being carried on; NULL: there are no more. */
static int carry_digest(struct distinct *distinct, const void *digest, struct sfx_err *err)
{
    struct sfx_buf *out = &distinct->carried;
    int rc = 0;

    if (out->len == 0)
        rc = sfx_buf_putc(out, CARRY_KEYS, err);
    if (rc == 0 && digest != NULL)
        rc = sfx_buf_append(out, digest, DIGEST_NBYTES, err);
    if (rc < 0 || (digest != NULL && out->len < (size_t)SFX_BATCH_ROWS * DIGEST_NBYTES))
        return rc;
    rc = sfx_operator_carry(&distinct->op, out->data, out->len, err);
    sfx_buf_clear(out);
    return rc;
}

static int carry_set(struct distinct *distinct, struct sfx_err *err)
{
    const struct sfx_rowstore *columns = &distinct->columns;
    const struct sfx_key *key;
    size_t u;
    int rc = 0;

    for (u = 0; u < columns->ncols && rc == 0; u++) {
        struct sfx_slice name = columns->cols[u].name;

        sfx_buf_clear(&distinct->carried);
        rc = sfx_buf_putc(&distinct->carried, CARRY_COLUMN, err);
        if (rc == 0)
            rc = sfx_buf_append(&distinct->carried, name.ptr, name.len, err);
        if (rc == 0)
            rc = sfx_operator_carry(&distinct->op, distinct->carried.data, distinct->carried.len,
                                    err);
    }
    sfx_buf_clear(&distinct->carried);
    for (key = distinct->set.first; key != NULL && rc == 0; key = key->next)
        rc = carry_digest(distinct, sfx_key_data(&distinct->set, key), err);
    return rc;
}

static int restore_column(struct distinct *distinct, struct sfx_slice name, struct sfx_err *err)
{
    struct sfx_vec vec = {.type = SFX_TYPE_CELL};
    struct sfx_qcolumn col = {.name = name, .vec = &vec};
    struct sfx_frame frame = {.cols = &col, .ncols = 1};

    return sfx_rowstore_bind(&distinct->columns, &frame, err);
}

static int restore_keys(struct distinct *distinct, struct sfx_slice digests, struct sfx_err *err)
{
    struct sfx_keys *keys = &distinct->keys;
    uint32_t i, n = (uint32_t)(digests.len / DIGEST_NBYTES);
    int64_t end = 0;
    size_t nkey;
    int rc;

    sfx_buf_clear(&keys->bytes);
    rc = n <= SFX_BATCH_ROWS ? sfx_buf_append(&keys->bytes, digests.ptr, digests.len, err)
                             : sfx_err_set(err, SFX_E_INPUT, "is damaged");
    for (i = 0; i < n && rc == 0; i++) {
        keys->ends[i] = (i + 1) * DIGEST_NBYTES;
        memcpy(&keys->hashes[i], digests.ptr + (size_t)i * DIGEST_NBYTES, sizeof(keys->hashes[i]));
    }
    if (rc == 0 && !distinct->full)
        end = sfx_keyset_add_some(&distinct->set, keys, 0, n, distinct->entries, distinct->fresh,
                                  err);
    if (rc < 0 || end < 0)
        return rc < 0 ? rc : (int)end;
    for (i = (uint32_t)end; i < n; i++) {
        distinct->full = true;
        if (wait_for(distinct, i, KNOWN, 0, &nkey, err) == NULL)
            return err != NULL ? (int)err->code : SFX_E_IO;
        sfx_sorter_commit(&distinct->waits, nkey, NUMBER_NBYTES);
    }
    return 0;
}

static int restore_distinct(struct sfx_operator *op, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    struct sfx_slice record;
    int rc = start(distinct, err);

    while (rc >= 0 && (rc = sfx_operator_carried(op, &record, err)) > 0) {
        struct sfx_slice rest = sfx_slice(record.ptr + 1, record.len - 1);

        rc = record.ptr[0] == CARRY_COLUMN ? restore_column(distinct, rest, err)
                                           : restore_keys(distinct, rest, err);
    }
    return rc;
}

/* --- records ---------------------------------------------------------------------------------- */

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
    if (rc == 0 && sfx_operator_carries(op))
        rc = digest_keys(&distinct->keys, in->nsel, err);
    if (rc == 0 && !distinct->full)
        end = sfx_keyset_add_some(&distinct->set, &distinct->keys, 0, in->nsel, distinct->entries,
                                  distinct->fresh, err);
    if (rc < 0 || end < 0)
        return rc < 0 ? rc : (int)end;
    for (i = 0; i < end && distinct->most != 1; i++)
        distinct->fresh[i] = is_among_first(distinct, distinct->entries[i], distinct->fresh[i]);
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
    int rc;

    memcpy(&number, body, NUMBER_NBYTES);
    if (number == KNOWN)
        return 0;
    rc = sfx_sorter_reserve(&distinct->kept.sorter, NUMBER_NBYTES + nrow, &key, err);
    if (rc < 0)
        return rc;
    number = __builtin_bswap64(number);
    memcpy(key, &number, NUMBER_NBYTES);
    memcpy(key + NUMBER_NBYTES, body + NUMBER_NBYTES, nrow);
    sfx_sorter_commit(&distinct->kept.sorter, NUMBER_NBYTES, nrow);
    return 0;
}

/* Takes the first ones of each key that waits; their keys are carried on, too. */
static int take_waiting(struct distinct *distinct, struct sfx_err *err)
{
    const bool carries = sfx_operator_carries(&distinct->op);
    struct sfx_buf last = {0};
    const unsigned char *record;
    uint64_t count = 0;
    int rc = sfx_sorter_sort(&distinct->waits, err);

    while (rc == 0 && (rc = sfx_sorter_next(&distinct->waits, &record, err)) > 0) {
        struct sfx_slice key =
            sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES, sfx_record_key_nbytes(record));

        rc = 0;
        if (last.len == 0 || !sfx_slice_eq(key, sfx_buf_slice(&last))) {
            count = 0;
            sfx_buf_clear(&last);
            rc = sfx_buf_append(&last, key.ptr, key.len, err);
            if (rc == 0 && carries)
                rc = carry_digest(distinct, key.ptr + sizeof(uint64_t), err);
        }
        if (rc == 0 && count++ < distinct->most)
            rc = take_first(distinct, record, err);
    }
    sfx_buf_done(&last);
    return rc;
}

static int finish_distinct(struct sfx_operator *op, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    int rc = sfx_operator_carries(op) ? carry_set(distinct, err) : 0;

    if (rc == 0 && distinct->full) {
        sfx_keyset_done(&distinct->set);
        rc = take_waiting(distinct, err);
        sfx_sorter_done(&distinct->waits);
    }
    if (rc == 0 && sfx_operator_carries(op))
        rc = carry_digest(distinct, NULL, err);
    return rc < 0 || distinct->nrows == 0 ? rc : sfx_kept_pass_all(&distinct->kept, err);
}

static bool distinct_is_satisfied(const struct sfx_operator *op)
{
    return sfx_operator_next_is_satisfied(op);
}

static int parse_distinct(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    size_t i;
    int rc = sfx_parse_optional_by(p);

    if (rc == 0 && !sfx_parse_at_end(p))
        rc = sfx_parse_sort_keys(p, stage);
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
    sfx_rowstore_done(&distinct->columns);
    sfx_buf_done(&distinct->carried);
}

/* Without keys it compares all cells. */
static enum sfx_rest distinct_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                   enum sfx_rest rest)
{
    rest = sfx_uses_keep(ast, uses, rest);
    return ast->items.count > 0 ? rest : SFX_REST_CELLS;
}

const struct sfx_verb sfx_verb_distinct = {
    .name = "distinct",
    .usage = "distinct [[by] KEY[, …]]",
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
    .restore = restore_distinct,
    .satisfied = distinct_is_satisfied,
    .destroy = destroy_distinct,
};

/* What parse_head makes of "head N by KEY"; its row of the manual is head's. */
const struct sfx_verb sfx_verb_head_by = {
    .name = "head",
    .usage = "",
    .help = "keeps the first N records of each key",
    .plan = "streaming; memory for each key; when half of --memory is full, records wait on disk "
            "until the input ends",
    .can_fail = true,
    .state_nbytes = sizeof(struct distinct),
    .uses = distinct_uses,
    .bind = bind_distinct,
    .push = push_distinct,
    .finish = finish_distinct,
    .satisfied = distinct_is_satisfied,
    .destroy = destroy_distinct,
};
