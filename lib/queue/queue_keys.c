/* SPDX-License-Identifier: MIT */
/* The ids a queue knows: the newest keys, and what a handle has in memory of all. */
#include "base/hash.h"
#include "queue/queue_sqlite_internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK      256  /* keys of a row of key_recent: 2 KiB, which a put alone writes anew */
#define RECENT_MAX 4096 /* keys before they become a run: a handle that opens reads 16 rows */

uint64_t sfx_queue_key_of(struct sfx_slice id)
{
    uint64_t key = sfx_hash64(id.ptr, id.len, 0);

    return key + (key == 0); /* 0 is the key of what is forgotten */
}

static int no_memory(struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");
}

size_t sfx_queue_keys_recent_max(const struct sfx_queue_db *q)
{
    return q->opts.recent_keys > 0 ? q->opts.recent_keys : RECENT_MAX;
}

static void index_recent(struct sfx_queue_keys *k, size_t i)
{
    size_t at = sfx_hash64_mix(k->recent[i]) & (k->nslots - 1);

    while (k->slots[at] != 0)
        at = (at + 1) & (k->nslots - 1);
    k->slots[at] = (uint32_t)i + 1;
}

static void clear_recent(struct sfx_queue_keys *k)
{
    k->count = k->nsaved = 0;
    if (k->nslots > 0)
        memset(k->slots, 0, k->nslots * sizeof(*k->slots));
}

/* Makes room for one more. */
static int grow_recent(struct sfx_queue_keys *k, struct sfx_err *err)
{
    size_t nslots = k->nslots > 0 ? k->nslots * 2 : 1024, i;
    uint64_t *recent = realloc(k->recent, nslots / 2 * sizeof(*recent));
    uint32_t *slots = calloc(nslots, sizeof(*slots));

    k->recent = recent != NULL ? recent : k->recent;
    if (recent == NULL || slots == NULL) {
        free(slots);
        return no_memory(err);
    }
    free(k->slots);
    k->slots = slots;
    k->nslots = nslots;
    for (i = 0; i < k->count; i++)
        index_recent(k, i);
    return 0;
}

static int append_recent(struct sfx_queue_keys *k, uint64_t key, struct sfx_err *err)
{
    int rc = (k->count + 1) * 2 > k->nslots ? grow_recent(k, err) : 0;

    if (rc < 0)
        return rc;
    k->recent[k->count] = key;
    index_recent(k, k->count++);
    return 0;
}

static int find_recent(const struct sfx_queue_keys *k, uint64_t key, struct sfx_buf *seqs,
                       struct sfx_err *err)
{
    size_t at = sfx_hash64_mix(key) & (k->nslots - 1);
    int rc = 0;

    for (; rc == 0 && k->nslots > 0 && k->slots[at] != 0; at = (at + 1) & (k->nslots - 1)) {
        int64_t seq = k->base_seq + k->slots[at];

        if (k->recent[k->slots[at] - 1] == key)
            rc = sfx_buf_append(seqs, &seq, sizeof(seq), err);
    }
    return rc;
}

/* Reads what others have put. */
static int read_recent(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    sqlite3_stmt *stmt = sfx_queue_sql_bind(q, SFX_SQL_RECENT, err, "i",
                                            k->base_seq + 1 + (int64_t)(k->count / BLOCK * BLOCK));
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        struct sfx_slice keys = sfx_queue_sql_text(q, stmt, 1);
        int64_t first = sfx_queue_sql_int(q, stmt, 0) - k->base_seq - 1;
        size_t i;

        for (i = 0; rc > 0 && i < keys.len / 8; i++) {
            uint64_t key;

            memcpy(&key, keys.ptr + i * 8, 8);
            if (first + (int64_t)i == (int64_t)k->count)
                rc = append_recent(k, le64toh(key), err) < 0 ? SFX_E_NOMEM : 1;
        }
        if (rc < 0)
            sfx_queue_sql_reset(q, stmt);
    }
    k->nsaved = k->count;
    if (rc == 0 && k->base_seq + (int64_t)k->count != k->last_seq)
        rc = sfx_err_set(err, SFX_E_IO, "is damaged: keys are missing");
    return rc;
}

/* Writes the rows that have the keys from first on. */
static int write_recent(struct sfx_queue_db *q, size_t first, size_t end, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    size_t at;
    int rc = 0;

    for (at = first / BLOCK * BLOCK; rc >= 0 && at < end; at += BLOCK) {
        size_t n = k->count - at < BLOCK ? k->count - at : BLOCK, i;
        uint64_t block[BLOCK];

        for (i = 0; i < n; i++)
            block[i] = htole64(k->recent[at + i]);
        rc = SFX_QUEUE_RUN(q, SFX_SQL_RECENT_PUT, err, "ib", k->base_seq + 1 + (int64_t)at,
                           sfx_slice((const char *)block, n * 8));
    }
    return rc < 0 ? rc : 0;
}

/* Makes a run of what is recent. */
static int flush_recent(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    struct sfx_queue_key *keys = malloc(k->count * sizeof(*keys) + 1);
    size_t i, n = 0;
    int rc = keys != NULL ? 0 : no_memory(err);

    for (i = 0; rc == 0 && i < k->count; i++) {
        if (k->recent[i] != 0)
            keys[n++] = (struct sfx_queue_key){k->recent[i], k->base_seq + 1 + (int64_t)i};
    }
    if (rc == 0)
        rc = sfx_queue_runs_add(q, keys, n, k->base_seq + 1, k->last_seq, err);
    free(keys);
    if (rc == 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_RECENT_CLEAR, err, "");
    if (rc >= 0)
        rc = sfx_queue_keys_tally(q, "key.base", (int64_t)k->count, err);
    k->base_seq += (int64_t)k->count;
    clear_recent(k);
    return rc;
}

int sfx_queue_keys_sync(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    int64_t version = 0;
    int rc;

    if (k->synced)
        return 0;
    rc = sfx_queue_sql_one(
        q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", SFX_SLICE_LIT("key.version")),
        &version, err);
    k->last_seq = 0;
    if (rc >= 0)
        rc = sfx_queue_sql_one(
            q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", SFX_SLICE_LIT("last_seq")),
            &k->last_seq, err);
    if (rc >= 0 && version != k->version) {
        clear_recent(k);
        k->base_seq = 0;
        rc = sfx_queue_sql_one(
            q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", SFX_SLICE_LIT("key.base")),
            &k->base_seq, err);
        rc = rc < 0 ? rc : sfx_queue_runs_read(q, err);
        k->version = version;
    }
    if (rc >= 0 && k->base_seq + (int64_t)k->count != k->last_seq)
        rc = read_recent(q, err);
    k->synced = rc >= 0;
    if (rc < 0)
        sfx_queue_keys_drop(q);
    return rc < 0 ? rc : 0;
}

int sfx_queue_keys_find(struct sfx_queue_db *q, struct sfx_slice id, int64_t *seq,
                        struct sfx_err *err)
{
    uint64_t key = sfx_queue_key_of(id);
    size_t i;
    int rc = sfx_queue_keys_sync(q, err);

    sfx_buf_clear(&q->text);
    if (rc == 0)
        rc = find_recent(&q->keys, key, &q->text, err);
    if (rc == 0)
        rc = sfx_queue_runs_find(q, key, &q->text, err);
    for (i = 0; rc == 0 && i < q->text.len; i += sizeof(int64_t)) {
        int64_t candidate;

        memcpy(&candidate, q->text.data + i, sizeof(candidate));
        rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_EVENT_IS, err, "is", candidate, id),
                               seq, err);
    }
    return rc;
}

void sfx_queue_keys_expect(struct sfx_queue_db *q, struct sfx_slice id)
{
    uint64_t key = sfx_queue_key_of(id);
    size_t i;

    for (i = 0; i < q->keys.nruns; i++)
        sfx_queue_run_expect(&q->keys.runs[i], key);
}

int sfx_queue_keys_add(struct sfx_queue_db *q, struct sfx_slice id, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    int rc = append_recent(k, sfx_queue_key_of(id), err);

    if (rc == 0)
        k->last_seq++;
    return rc == 0 && k->count >= sfx_queue_keys_recent_max(q) ? flush_recent(q, err) : rc;
}

int sfx_queue_keys_forget(struct sfx_queue_db *q, int64_t seq, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    size_t i;
    int rc = sfx_queue_keys_sync(q, err);

    if (rc < 0)
        return rc;
    if (seq > k->base_seq && seq - k->base_seq <= (int64_t)k->count) {
        i = (size_t)(seq - k->base_seq - 1);
        k->recent[i] = 0;
        k->nsaved = i < k->nsaved ? i : k->nsaved;
    }
    sfx_queue_runs_forget(q, seq);
    return 0;
}

int sfx_queue_keys_save(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    int rc = 0;

    if (!k->synced)
        return 0;
    if (k->nsaved < k->count)
        rc = write_recent(q, k->nsaved, k->count, err);
    k->nsaved = k->count;
    return rc == 0 ? sfx_queue_runs_save(q, err) : rc;
}

void sfx_queue_keys_drop(struct sfx_queue_db *q)
{
    struct sfx_queue_keys *k = &q->keys;
    size_t i;

    for (i = 0; i < k->nruns; i++)
        free(k->runs[i].filter);
    free(k->runs);
    free(k->recent);
    free(k->slots);
    *k = (struct sfx_queue_keys){.shared_kib = k->shared_kib};
}
