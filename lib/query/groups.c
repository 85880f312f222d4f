/* SPDX-License-Identifier: MIT */
/* States by key: the table, its runs on disk, and the way back to the order of appearance. */
#include "query/groups_internal.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/*
 * A payload is the number of the row where its key appeared first, and the state. A record of a run
 * has the key's hash and bytes as its key, then that number, then a part of the state; one of the
 * results has the number as its key, then the key's length and bytes, then a part.
 */
#define SEQ_NBYTES   sizeof(uint64_t)
#define HASH_NBYTES  sizeof(uint64_t)
#define MERGE_NBYTES ((uint64_t)32 << 20) /* buffers of a merge: more reads no faster */
#define RUN_NBYTES   ((uint64_t)64 << 10) /* a run wants so much of them */

void sfx_groups_init(struct sfx_groups *g, struct sfx_operator *op, size_t state_nbytes,
                     const struct sfx_groups_ops *ops, void *ctx)
{
    *g = (struct sfx_groups){.op = op, .ops = ops, .ctx = ctx, .state_nbytes = state_nbytes};
    sfx_keyset_init(&g->set, op, SEQ_NBYTES + state_nbytes);
    sfx_runs_init(&g->runs, sfx_operator_opts(op)->tmp_dir);
    sfx_sorter_init(&g->results, op, 0);
}

void sfx_groups_done(struct sfx_groups *g)
{
    if (g->op == NULL)
        return;
    sfx_keyset_done(&g->set);
    sfx_runs_done(&g->runs);
    sfx_arena_done(&g->rows);
    sfx_sorter_done(&g->results);
    sfx_buf_done(&g->put);
}

struct sfx_arena *sfx_groups_arena(struct sfx_groups *g)
{
    return g->merging ? &g->rows : &g->set.arena;
}

/* --- to disk ---------------------------------------------------------------------------------- */

static unsigned char *put(unsigned char *at, const void *bytes, size_t nbytes)
{
    if (nbytes > 0)
        memcpy(at, bytes, nbytes);
    return at + nbytes;
}

/* The same for the next run: the number, the key's length and bytes, the part. */
static int carry_part(struct sfx_groups *g, const void *head, size_t head_nbytes, const void *rest,
                      size_t rest_nbytes, struct sfx_err *err)
{
    uint32_t key_nbytes = (uint32_t)g->put_key.len;
    struct sfx_buf *out = &g->put;

    sfx_buf_clear(out);
    if (sfx_buf_append(out, &g->put_seq, SEQ_NBYTES, err) < 0 ||
        sfx_buf_append(out, &key_nbytes, sizeof(key_nbytes), err) < 0 ||
        sfx_buf_append(out, g->put_key.ptr, key_nbytes, err) < 0 ||
        sfx_buf_append(out, head, head_nbytes, err) < 0 ||
        sfx_buf_append(out, rest, rest_nbytes, err) < 0)
        return SFX_E_NOMEM;
    return sfx_operator_carry(g->op, out->data, out->len, err);
}

int sfx_groups_put(struct sfx_groups *g, const void *head, size_t head_nbytes, const void *rest,
                   size_t rest_nbytes, struct sfx_err *err)
{
    uint32_t key_nbytes = (uint32_t)g->put_key.len, lengths[2];
    uint64_t order = __builtin_bswap64(g->merging ? g->put_seq : g->put_hash);
    size_t body = SEQ_NBYTES + key_nbytes + head_nbytes + rest_nbytes; /* or the hash, length */
    unsigned char *at;

    if (body > UINT32_MAX / 2)
        return sfx_err_set(err, SFX_E_LIMIT, "%s: a group of more than 2 GiB", g->op->verb->name);
    if (g->carrying)
        return carry_part(g, head, head_nbytes, rest, rest_nbytes, err);
    if (g->merging) {
        int rc = sfx_sorter_reserve(&g->results, body + sizeof(key_nbytes), &at, err);

        if (rc < 0)
            return rc;
        at = put(at, &order, SEQ_NBYTES);
        at = put(at, &key_nbytes, sizeof(key_nbytes));
        at = put(at, g->put_key.ptr, key_nbytes);
        (void)put(put(at, head, head_nbytes), rest, rest_nbytes);
        sfx_sorter_commit(&g->results, SEQ_NBYTES, body + sizeof(key_nbytes) - SEQ_NBYTES);
        return 0;
    }
    sfx_buf_clear(&g->put);
    lengths[0] = (uint32_t)(SFX_RECORD_HEAD_NBYTES + HASH_NBYTES + body);
    lengths[1] = (uint32_t)HASH_NBYTES + key_nbytes;
    if (sfx_buf_reserve(&g->put, lengths[0], err) < 0)
        return SFX_E_NOMEM;
    at = put((unsigned char *)g->put.data, lengths, sizeof(lengths));
    at = put(at, &order, HASH_NBYTES);
    at = put(at, g->put_key.ptr, key_nbytes);
    at = put(at, &g->put_seq, SEQ_NBYTES);
    (void)put(put(at, head, head_nbytes), rest, rest_nbytes);
    return sfx_runs_add(&g->runs, (unsigned char *)g->put.data, err);
}

static int save_key(struct sfx_groups *g, struct sfx_key *key, uint64_t hash, struct sfx_err *err)
{
    g->put_key = sfx_slice((const char *)sfx_key_data(&g->set, key), key->len);
    g->put_hash = hash;
    memcpy(&g->put_seq, key->payload, SEQ_NBYTES);
    return g->ops->save(g->ctx, key->payload + SEQ_NBYTES, err);
}

/* Writes all states as a run and begins with an empty table. */
static int dump(struct sfx_groups *g, struct sfx_err *err)
{
    size_t i, count = g->set.count;
    int rc = sfx_runs_begin(&g->runs, err);

    sfx_keyset_sort(&g->set);
    for (i = 0; i < count && rc == 0; i++)
        rc = save_key(g, g->set.slots[i].key, g->set.slots[i].hash, err);
    if (rc == 0)
        rc = sfx_runs_end(&g->runs, err);
    sfx_keyset_clear(&g->set);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", g->op->verb->name) : 0;
}

int64_t sfx_groups_add(struct sfx_groups *g, const struct sfx_keys *keys, uint32_t begin,
                       uint32_t n, unsigned char **states, bool *fresh, struct sfx_err *err)
{
    int64_t end = sfx_keyset_add_some(&g->set, keys, begin, n, g->entries, fresh, err);
    uint32_t i;

    if (end == begin && n > begin && g->set.count > 0) {
        int rc = dump(g, err);

        if (rc < 0)
            return rc;
        end = sfx_keyset_add_some(&g->set, keys, begin, n, g->entries, fresh, err);
    }
    if (end < 0)
        return end;
    if (end == begin && n > begin)
        return sfx_operator_over_limit(g->op, err);
    for (i = begin; i < end; i++) {
        uint64_t seq = g->nrows++;

        states[i] = g->entries[i]->payload + SEQ_NBYTES;
        if (fresh[i])
            memcpy(g->entries[i]->payload, &seq, SEQ_NBYTES);
    }
    return end;
}

int sfx_groups_account(struct sfx_groups *g, struct sfx_err *err)
{
    return sfx_keyset_charge(&g->set) || g->set.count == 0 ? 0 : dump(g, err);
}

/* --- and back --------------------------------------------------------------------------------- */

static uint64_t get_u64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static unsigned char *new_state(struct sfx_groups *g, struct sfx_err *err)
{
    return sfx_arena_calloc(&g->rows, 1, g->state_nbytes + 1, err);
}

/* Hands a group whose parts are all merged to the results. */
static int put_result(struct sfx_groups *g, unsigned char *state, struct sfx_err *err)
{
    int rc = g->ops->settle != NULL ? g->ops->settle(g->ctx, state, err) : 0;

    if (rc == 0)
        rc = g->ops->save(g->ctx, state, err);
    sfx_arena_reset(&g->rows);
    return rc;
}

/* Reads the runs, a key at a time. */
static int merge_runs(struct sfx_groups *g, struct sfx_merge *merge, struct sfx_err *err)
{
    unsigned char *state = NULL;
    const unsigned char *record;
    struct sfx_buf key = {0};
    int rc;

    while ((rc = sfx_merge_next(merge, &record, err)) > 0) {
        const unsigned char *part = sfx_record_row(record);
        struct sfx_slice now =
            sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES, sfx_record_key_nbytes(record));

        if (state == NULL || !sfx_slice_eq(now, sfx_buf_slice(&key))) {
            rc = state != NULL ? put_result(g, state, err) : 0;
            state = rc == 0 ? new_state(g, err) : NULL;
            sfx_buf_clear(&key);
            if (state == NULL || sfx_buf_append(&key, now.ptr, now.len, err) < 0) {
                rc = rc < 0 ? rc : SFX_E_NOMEM;
                break;
            }
            g->put_key = sfx_slice(key.data + HASH_NBYTES, key.len - HASH_NBYTES);
            g->put_seq = get_u64(part);
        }
        rc = g->ops->merge(g->ctx, state, part + SEQ_NBYTES,
                           sfx_record_nbytes(record) - (size_t)(part + SEQ_NBYTES - record), err);
        if (rc < 0)
            break;
    }
    if (rc == 0 && state != NULL)
        rc = put_result(g, state, err);
    sfx_buf_done(&key);
    return rc;
}

/* Carries on the parts on disk; those of a key stand together, so that the next run can put them
 * together in memory. */
static int carry_runs(struct sfx_groups *g, struct sfx_merge *merge, struct sfx_err *err)
{
    const unsigned char *record;
    int rc;

    while ((rc = sfx_merge_next(merge, &record, err)) > 0) {
        const unsigned char *part = sfx_record_row(record);

        g->put_key = sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES + HASH_NBYTES,
                               sfx_record_key_nbytes(record) - HASH_NBYTES);
        g->put_seq = get_u64(part);
        part += SEQ_NBYTES;
        rc = carry_part(g, part, sfx_record_nbytes(record) - (size_t)(part - record), "", 0, err);
        if (rc < 0)
            break;
    }
    return rc;
}

typedef int merge_fn(struct sfx_groups *g, struct sfx_merge *merge, struct sfx_err *err);

/* Merges the runs for fn; the table is gone, its memory is for the buffers. */
static int read_runs(struct sfx_groups *g, merge_fn *fn, struct sfx_err *err)
{
    uint64_t memory = sfx_operator_available(g->op) / 4;
    struct sfx_merge *merge;
    int rc;

    memory = memory < MERGE_NBYTES ? memory : MERGE_NBYTES;
    rc = sfx_runs_reduce(&g->runs, memory / RUN_NBYTES < 2 ? 2 : memory / RUN_NBYTES, memory, err);
    if (rc < 0)
        return rc;
    (void)sfx_operator_charge(g->op, (int64_t)memory);
    merge = sfx_merge_new(&g->runs, 0, g->runs.nruns, memory, err);
    rc = merge == NULL ? SFX_E_IO : fn(g, merge, err);
    sfx_merge_free(merge);
    (void)sfx_operator_charge(g->op, -(int64_t)memory);
    return rc;
}

/* If there is something on disk, all goes there. */
static int end_runs(struct sfx_groups *g, struct sfx_err *err)
{
    int rc = g->set.count > 0 ? dump(g, err) : 0;

    sfx_keyset_done(&g->set);
    return rc;
}

int sfx_groups_finish(struct sfx_groups *g, struct sfx_err *err)
{
    int rc;

    g->at = g->set.first;
    if (g->runs.nruns == 0)
        return 0;
    rc = end_runs(g, err);
    g->merging = true;
    if (rc == 0)
        rc = read_runs(g, merge_runs, err);
    if (rc == 0)
        rc = sfx_sorter_sort(&g->results, err);
    if (rc == 0)
        rc = sfx_sorter_next(&g->results, &g->pending, err);
    return rc < 0 ? rc : 0;
}

/* --- from run to run -------------------------------------------------------------------------- */

struct carry_head {
    uint64_t nrows, state_nbytes;
    uint64_t in_order; /* the states come in the order of appearance */
};

int sfx_groups_carry(struct sfx_groups *g, struct sfx_err *err)
{
    const struct carry_head head = {g->nrows, g->state_nbytes, g->runs.nruns == 0};
    struct sfx_key *key;
    int rc = sfx_operator_carry(g->op, &head, sizeof(head), err);

    if (rc == 0 && !head.in_order) {
        rc = end_runs(g, err);
        return rc == 0 ? read_runs(g, carry_runs, err) : rc;
    }
    g->carrying = true;
    for (key = g->set.first; key != NULL && rc == 0; key = key->next)
        rc = save_key(g, key, 0, err);
    g->carrying = false;
    return rc;
}

/* Adds a part that was carried on to its key's state. */
static int restore_part(struct sfx_groups *g, struct sfx_keys *one, struct sfx_slice record,
                        struct sfx_err *err)
{
    const unsigned char *at = (const unsigned char *)record.ptr;
    unsigned char *state;
    uint32_t key_nbytes;
    int64_t end;
    bool fresh;
    int rc;

    if (record.len < SEQ_NBYTES + sizeof(key_nbytes))
        return sfx_err_set(err, SFX_E_INPUT, "is damaged");
    memcpy(&key_nbytes, at + SEQ_NBYTES, sizeof(key_nbytes));
    if (key_nbytes > record.len - SEQ_NBYTES - sizeof(key_nbytes))
        return sfx_err_set(err, SFX_E_INPUT, "is damaged");
    sfx_buf_clear(&one->bytes);
    rc = sfx_buf_append(&one->bytes, at + SEQ_NBYTES + sizeof(key_nbytes), key_nbytes, err);
    if (rc < 0)
        return rc;
    one->ends[0] = key_nbytes;
    one->hashes[0] = sfx_hash64(one->bytes.data, key_nbytes, 0);
    end = sfx_groups_add(g, one, 0, 1, &state, &fresh, err);
    if (end < 0)
        return (int)end;
    if (fresh)
        memcpy(state - SEQ_NBYTES, at, SEQ_NBYTES);
    at += SEQ_NBYTES + sizeof(key_nbytes) + key_nbytes;
    rc = g->ops->merge(g->ctx, state, at,
                       record.len - (size_t)(at - (const unsigned char *)record.ptr), err);
    sfx_eval_reset(sfx_operator_eval(g->op));
    return rc == 0 ? sfx_groups_account(g, err) : rc;
}

int sfx_groups_restore(struct sfx_groups *g, struct sfx_err *err)
{
    struct sfx_keys *one = calloc(1, sizeof(*one));
    struct carry_head head = {0};
    struct sfx_slice record;
    int rc = one == NULL ? sfx_err_set(err, SFX_E_NOMEM, "no memory for a key")
                         : sfx_operator_carried(g->op, &record, err);

    if (rc > 0 && record.len == sizeof(head))
        memcpy(&head, record.ptr, sizeof(head));
    if (rc >= 0 && head.state_nbytes != g->state_nbytes)
        rc = sfx_err_set(err, SFX_E_INPUT, "is the state of another version of sfx-transform");
    while (rc >= 0 && (rc = sfx_operator_carried(g->op, &record, err)) > 0)
        rc = restore_part(g, one, record, err);
    g->nrows = head.nrows;
    if (rc == 0 && !head.in_order && g->runs.nruns == 0 && g->set.count > 0)
        rc = dump(g, err); /* what is on disk is brought in order */
    if (one != NULL)
        sfx_keys_done(one);
    free(one);
    return rc;
}

/* --- results ---------------------------------------------------------------------------------- */

/* The group that begins with the pending record. */
static int next_result(struct sfx_groups *g, const unsigned char **key, unsigned char **state,
                       struct sfx_err *err)
{
    uint64_t seq = get_u64(g->pending + SFX_RECORD_HEAD_NBYTES);
    char *copy = NULL;
    int rc;

    *state = new_state(g, err);
    if (*state == NULL)
        return SFX_E_NOMEM;
    do {
        const unsigned char *body = sfx_record_row(g->pending), *part;
        uint32_t key_nbytes;

        memcpy(&key_nbytes, body, sizeof(key_nbytes));
        part = body + sizeof(key_nbytes) + key_nbytes;
        if (copy == NULL)
            copy = sfx_arena_strndup(&g->rows, (const char *)body + sizeof(key_nbytes), key_nbytes,
                                     err);
        if (copy == NULL)
            return SFX_E_NOMEM;
        rc = g->ops->merge(g->ctx, *state, part,
                           sfx_record_nbytes(g->pending) - (size_t)(part - g->pending), err);
        if (rc < 0)
            return rc;
        rc = sfx_sorter_next(&g->results, &g->pending, err);
    } while (rc > 0 && get_u64(g->pending + SFX_RECORD_HEAD_NBYTES) == seq);
    if (rc == 0)
        g->pending = NULL;
    *key = (const unsigned char *)copy;
    return rc < 0 ? rc : 1;
}

int sfx_groups_next(struct sfx_groups *g, const unsigned char **key, unsigned char **state,
                    struct sfx_err *err)
{
    const struct sfx_key *at = g->at;

    if (g->merging)
        return g->pending != NULL ? next_result(g, key, state, err) : 0;
    if (at == NULL)
        return 0;
    *key = sfx_key_data(&g->set, at);
    *state = (unsigned char *)at->payload + SEQ_NBYTES;
    g->at = at->next;
    return 1;
}

void sfx_groups_release(struct sfx_groups *g)
{
    sfx_arena_reset(&g->rows);
}
