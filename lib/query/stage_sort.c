/* SPDX-License-Identifier: MIT */
/* sort: keeps rows with their keys in memory; what does not fit goes to disk as sorted runs. */
#include "query/rowstore_internal.h"
#include "query/runs_internal.h"

#include <stdlib.h>
#include <sys/mman.h>

struct chunk {
    struct chunk *next; /* older */
    size_t used, cap;
    unsigned char data[];
};

struct sort {
    struct sfx_operator op;
    struct sfx_node **keys; /* bound to the frames that come in */
    struct sfx_rowstore store;
    struct sfx_runs runs;
    bool started;
    /* The rows in memory. */
    struct chunk *chunks; /* newest first */
    struct sfx_sort_item *items;
    size_t nitems, cap_items; /* half of the array is room for sorting */
    bool long_keys;
    uint64_t charged;
};

#define FIRST_ITEMS      ((size_t)4096)
#define MIN_CHUNK_NBYTES ((size_t)64 * 1024)
#define MAX_CHUNK_NBYTES ((size_t)4 << 20) /* two huge pages */
#define PREFETCH_AHEAD   16                /* rows */
#define LINE_NBYTES      64                /* of the cache */

static int bind_sort(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i;
    int rc = 0;

    if (!sort->started) {
        sfx_runs_init(&sort->runs, sfx_operator_opts(op)->tmp_dir);
        sort->store.keep_origin = sfx_operator_needs_origin(op);
        sort->started = true;
    }
    sort->keys = sfx_arena_calloc(&op->arena, op->ast->items.count, sizeof(*sort->keys), err);
    if (sort->keys == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < op->ast->items.count && rc == 0; i++)
        rc = sfx_bind_expr(&binder, op->ast->items.items[i].expr, &sort->keys[i]);
    return rc < 0 ? rc : sfx_rowstore_bind(&sort->store, in, err);
}

static bool charge(struct sort *sort, size_t nbytes)
{
    if (!sfx_operator_charge(&sort->op, (int64_t)nbytes))
        return false;
    sort->charged += nbytes;
    return true;
}

static void free_chunks(struct sort *sort)
{
    while (sort->chunks != NULL) {
        struct chunk *next = sort->chunks->next;

        free(sort->chunks);
        sort->chunks = next;
    }
}

static void forget_rows(struct sort *sort)
{
    free_chunks(sort);
    free(sort->items);
    sort->items = NULL;
    sort->nitems = sort->cap_items = 0;
    sort->long_keys = false;
    (void)sfx_operator_charge(&sort->op, -(int64_t)sort->charged);
    sort->charged = 0;
}

static void sort_rows(struct sort *sort)
{
    if (sort->nitems > 0)
        sfx_sort_items(sort->items, sort->items + sort->cap_items, sort->nitems, sort->long_keys);
}

/* Writes the rows in memory to disk, sorted. */
static int spill(struct sort *sort, struct sfx_err *err)
{
    int rc;

    sort_rows(sort);
    rc = sfx_runs_write(&sort->runs, sort->items, sort->nitems, err);
    forget_rows(sort);
    return rc < 0 ? sfx_err_wrap(err, rc, "sort") : 0;
}

/* Room for one more item: 1; 0 when memory is at the limit. */
static int reserve_item(struct sort *sort, struct sfx_err *err)
{
    size_t cap = sort->cap_items == 0 ? FIRST_ITEMS : sort->cap_items * 2;
    struct sfx_sort_item *items;

    if (sort->nitems < sort->cap_items)
        return 1;
    if (!charge(sort, (cap - sort->cap_items) * 2 * sizeof(*items)))
        return 0;
    items = realloc(sort->items, cap * 2 * sizeof(*items));
    if (items == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu rows", cap);
    sort->items = items;
    sort->cap_items = cap;
    return 1;
}

/*
 * Chunks grow with what is kept, so that little input takes little. Large ones are on huge pages:
 * rows are handed on in an order that jumps from page to page.
 */
static size_t next_chunk_nbytes(const struct sort *sort, size_t nbytes)
{
    size_t cap = sort->charged / 4;

    if (cap > sfx_operator_opts(&sort->op)->memory_nbytes / 16)
        cap = sfx_operator_opts(&sort->op)->memory_nbytes / 16;
    cap = cap < MIN_CHUNK_NBYTES ? MIN_CHUNK_NBYTES : cap;
    if (cap >= MAX_CHUNK_NBYTES)
        cap = MAX_CHUNK_NBYTES - sizeof(struct chunk);
    return cap < nbytes ? nbytes : cap;
}

/* Room for a record of at most nbytes: 1; 0 when memory is at the limit. */
static int reserve_bytes(struct sort *sort, size_t nbytes, struct sfx_err *err)
{
    struct chunk *chunk = sort->chunks;
    void *memory = NULL;
    size_t cap;

    if (chunk != NULL && chunk->cap - chunk->used >= nbytes)
        return 1;
    cap = next_chunk_nbytes(sort, nbytes);
    if (!charge(sort, sizeof(*chunk) + cap))
        return 0;
    if (sizeof(*chunk) + cap == MAX_CHUNK_NBYTES) {
        if (posix_memalign(&memory, MAX_CHUNK_NBYTES / 2, MAX_CHUNK_NBYTES) == 0)
            (void)madvise(memory, MAX_CHUNK_NBYTES, MADV_HUGEPAGE); /* only makes it faster */
    } else {
        memory = malloc(sizeof(*chunk) + cap);
    }
    chunk = memory;
    if (chunk == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row of %zu bytes", nbytes);
    *chunk = (struct chunk){.next = sort->chunks, .cap = cap};
    sort->chunks = chunk;
    return 1;
}

static int reserve(struct sort *sort, size_t nbytes, struct sfx_err *err)
{
    int rc = reserve_item(sort, err);

    return rc <= 0 ? rc : reserve_bytes(sort, nbytes, err);
}

/* Makes room for a record, on disk if need be. */
static int make_room(struct sort *sort, size_t nbytes, struct sfx_err *err)
{
    int rc = reserve(sort, nbytes, err);

    if (rc == 0 && sort->nitems > 0) {
        rc = spill(sort, err);
        if (rc == 0)
            rc = reserve(sort, nbytes, err);
    }
    return rc == 0 ? sfx_operator_over_limit(&sort->op, err) : rc;
}

static int keep_row(struct sort *sort, const struct sfx_frame *in, uint32_t row, size_t nkey_max,
                    struct sfx_err *err)
{
    const struct sfx_items *keys = &sort->op.ast->items;
    struct sfx_eval *ev = sfx_operator_eval(&sort->op);
    size_t max = SFX_RECORD_HEAD_NBYTES + nkey_max + sfx_row_max_nbytes(&sort->store, in, row);
    uint32_t head[2], nkey = 0;
    unsigned char *record;
    size_t i;
    int rc = max > UINT32_MAX ? sfx_err_set(err, SFX_E_LIMIT, "sort: a row of more than 4 GiB")
                              : make_room(sort, max, err);

    if (rc < 0)
        return rc;
    record = sort->chunks->data + sort->chunks->used;
    for (i = 0; i < keys->count; i++)
        nkey += (uint32_t)sfx_sort_key_put(ev, sort->keys[i]->vec, row, keys->items[i].minus,
                                           record + SFX_RECORD_HEAD_NBYTES + nkey);
    head[1] = nkey;
    head[0] =
        SFX_RECORD_HEAD_NBYTES + nkey +
        (uint32_t)sfx_row_encode(&sort->store, in, row, record + SFX_RECORD_HEAD_NBYTES + nkey);
    __builtin_memcpy(record, head, sizeof(head));
    sort->chunks->used += head[0];
    sort->long_keys = sort->long_keys || nkey > 8;
    sort->items[sort->nitems++] = sfx_sort_item(record);
    return 0;
}

static int push_sort(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    size_t k;
    uint32_t i;
    int rc;

    for (k = 0; k < op->ast->items.count; k++)
        sfx_eval_node(ev, sort->keys[k], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_rowstore_begin(&sort->store, ev, in, err);
    for (i = 0; i < in->nsel && rc >= 0; i++) {
        size_t nkey = 0;

        for (k = 0; k < op->ast->items.count; k++)
            nkey += sfx_sort_key_max_nbytes(sort->keys[k]->vec, in->sel[i]);
        rc = keep_row(sort, in, in->sel[i], nkey, err);
    }
    return rc < 0 ? rc : 0;
}

/* --- handing on ---------------------------------------------------------------------------------
 */

/* Where the rows come from, in order. */
struct rows {
    struct sort *sort;
    size_t at;               /* in memory */
    struct sfx_merge *merge; /* on disk; NULL: all are in memory */
    const unsigned char *record;
};

/* Goes to the next record: 1; 0 at the end. */
static int next_record(struct rows *rows, struct sfx_err *err)
{
    const struct sort *sort = rows->sort;

    if (rows->merge != NULL)
        return sfx_merge_next(rows->merge, &rows->record, err);
    if (rows->at == sort->nitems)
        return 0;
    if (rows->at + PREFETCH_AHEAD < sort->nitems) {
        const unsigned char *ahead = sort->items[rows->at + PREFETCH_AHEAD].record;

        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + LINE_NBYTES);
        __builtin_prefetch(ahead + 2 * (size_t)LINE_NBYTES);
    }
    rows->record = sort->items[rows->at++].record;
    return 1;
}

/* The record's row, where it stays until the frame was handed on. NULL: no memory. */
static const unsigned char *take_row(struct rows *rows)
{
    const unsigned char *row = sfx_record_row(rows->record);
    size_t len = sfx_record_nbytes(rows->record) - (size_t)(row - rows->record);
    char *copy;

    if (rows->merge == NULL)
        return row;
    copy = sfx_eval_text(sfx_operator_eval(&rows->sort->op), len);
    if (copy != NULL)
        __builtin_memcpy(copy, row, len);
    return (const unsigned char *)copy;
}

static int pass_frame(struct sort *sort, uint32_t n, struct sfx_err *err)
{
    struct sfx_frame *out = &sort->op.out;
    uint32_t i;

    for (i = 0; i < n; i++)
        out->sel[i] = (uint16_t)i;
    out->nrows = out->nsel = n;
    return sfx_operator_pass(&sort->op, out, err);
}

static void set_source(struct sort *sort, uint32_t source)
{
    if (source < sort->store.nsources) {
        sort->op.out.input = sort->store.sources[source].input;
        sort->op.out.member = sort->store.sources[source].member;
    }
}

/* Hands the rows on in frames, each of one input when rows say where they came from. */
static int pass_rows(struct sort *sort, struct rows *rows, struct sfx_err *err)
{
    uint32_t source = 0, n;
    int rc, more = next_record(rows, err);

    do {
        sfx_eval_reset(sfx_operator_eval(&sort->op));
        for (n = 0; more > 0 && n < SFX_BATCH_ROWS; n++) {
            uint32_t its = sfx_row_source(&sort->store, sfx_record_row(rows->record));
            const unsigned char *row;

            if (n > 0 && its != source)
                break;
            source = its;
            row = take_row(rows);
            if (row == NULL)
                return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
            sfx_row_decode(row, &sort->op.out, n);
            more = next_record(rows, err);
        }
        if (more < 0)
            return more;
        set_source(sort, source);
        rc = pass_frame(sort, n, err);
    } while (rc == 0 && more > 0 && !sfx_operator_is_done(&sort->op));
    return rc;
}

/* Runs that a merge reads at once: each wants a buffer. */
static size_t fan_in(size_t memory_nbytes)
{
    size_t n = memory_nbytes / MIN_CHUNK_NBYTES;

    return n < 2 ? 2 : n > 512 ? 512 : n;
}

static int finish_sort(struct sfx_operator *op, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    struct rows rows = {.sort = sort};
    size_t memory = sfx_operator_opts(op)->memory_nbytes, most = fan_in(memory);
    int rc = sfx_rowstore_make_frame(&sort->store, &op->out, &op->arena, err);

    op->out.schema_id = sfx_operator_new_schema(op);
    if (rc == 0 && sort->runs.nruns > 0 && sort->nitems > 0)
        rc = spill(sort, err);
    if (rc == 0 && sort->runs.nruns > 0) {
        rc = sfx_runs_reduce(&sort->runs, most, memory, err);
        if (rc == 0)
            rows.merge = sfx_merge_new(&sort->runs, 0, sort->runs.nruns, memory, err);
        if (rc == 0 && rows.merge == NULL)
            rc = err != NULL ? (int)err->code : SFX_E_NOMEM;
    } else if (rc == 0) {
        sort_rows(sort);
    }
    if (rc == 0)
        rc = pass_rows(sort, &rows, err);
    sfx_merge_free(rows.merge);
    return rc;
}

static void destroy_sort(struct sfx_operator *op)
{
    struct sort *sort = (struct sort *)op;

    forget_rows(sort);
    if (sort->started)
        sfx_runs_done(&sort->runs);
    sfx_rowstore_done(&sort->store);
}

const struct sfx_verb sfx_verb_sort = {
    .name = "sort",
    .usage = "sort [-]KEY[, …]",
    .help = "orders records by keys, - descending; equal keys keep their order, nulls come last",
    .plan = "blocking; keys compare by bytes unless they are numbers; what exceeds --memory is "
            "sorted on disk",
    .example = {"sort -num(n)", "n\n9\n10\n007\n", "n\n10\n9\n007\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct sort),
    .parse = sfx_parse_sort_keys,
    .bind = bind_sort,
    .push = push_sort,
    .finish = finish_sort,
    .destroy = destroy_sort,
};

/* Sorting by nothing keeps the order. */
const struct sfx_verb sfx_verb_union = {
    .name = "union",
    .usage = "",
    .help = "gives all records the columns of all",
    .plan = "blocking; what exceeds --memory waits on disk",
    .state_nbytes = sizeof(struct sort),
    .bind = bind_sort,
    .push = push_sort,
    .finish = finish_sort,
    .destroy = destroy_sort,
};
