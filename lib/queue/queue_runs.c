/* SPDX-License-Identifier: MIT */
/* The runs of a queue's keys: which there are, when some become one, and what is left of them. */
#include "base/size.h"
#include "queue/queue_sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FANOUT      4         /* runs of a size that become one */
#define MAX_SOURCES 32        /* of one merge */
#define MAX_KEYS    (1 << 24) /* of a run: more would be merged for seconds */
#define REBUILD_MAX 65536     /* live keys of a run that is made anew of its events */
#define FILTERS_MAX (4 << 20) /* bytes of filters in memory: of some three million keys */
#define LOOKUPS     64        /* without a filter, before it is read */
#define SHARE_STEP  256       /* KiB of filters from which the cache of pages gives way */

static void let_filter_go(struct sfx_queue_keys *k, struct sfx_queue_run *run)
{
    if (run->filter != NULL)
        k->filters_nbytes -= (size_t)run->filter_nlines * 64;
    free(run->filter);
    run->filter = NULL;
}

/* Keeps a filter that was read or made, when there is room for it. */
static void keep_filter(struct sfx_queue_keys *k, struct sfx_queue_run *run)
{
    k->filters_nbytes += (size_t)run->filter_nlines * 64;
    if (k->filters_nbytes > FILTERS_MAX)
        let_filter_go(k, run);
}

/* Puts n runs in the place of those from first to end, which have no filters. */
static int splice_runs(struct sfx_queue_keys *k, size_t first, size_t end,
                       const struct sfx_queue_run *run, size_t n, struct sfx_err *err)
{
    struct sfx_queue_run *runs = realloc(k->runs, (k->nruns + n) * sizeof(*runs) + 1);

    if (runs == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");
    k->runs = runs;
    memmove(runs + first + n, runs + end, (k->nruns - end) * sizeof(*runs));
    if (n > 0)
        runs[first] = *run;
    k->nruns += n - (end - first);
    return 0;
}

int sfx_queue_runs_read(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    struct sfx_queue_run *before = k->runs;
    size_t nbefore = k->nruns, i;
    sqlite3_stmt *stmt = sfx_queue_sql_bind(q, SFX_SQL_RUNS, err, "");
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    k->runs = NULL;
    k->nruns = 0;
    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        struct sfx_queue_run run = {0};
        int64_t *const columns[] = {&run.id,     &run.first_seq,     &run.last_seq,
                                    &run.nkeys,  &run.nstale,        &run.page,
                                    &run.npages, &run.filter_nlines, &run.filter_nprobes};

        for (i = 0; i < SFX_COUNT(columns); i++)
            *columns[i] = sfx_queue_sql_int(q, stmt, (int)i);
        for (i = 0; i < nbefore; i++) {
            if (before[i].id != run.id)
                continue;
            run.filter = before[i].filter;
            run.nlookups = before[i].nlookups;
            before[i].filter = NULL;
        }
        if (splice_runs(k, k->nruns, k->nruns, &run, 1, err) < 0) {
            free(run.filter);
            sfx_queue_sql_reset(q, stmt);
            rc = SFX_E_NOMEM;
        }
    }
    for (i = 0; i < nbefore; i++)
        let_filter_go(k, &before[i]);
    free(before);
    return rc;
}

int sfx_queue_keys_tally(struct sfx_queue_db *q, const char *name, int64_t n, struct sfx_err *err)
{
    int rc = SFX_QUEUE_RUN(q, SFX_SQL_TALLY_ADD, err, "si", sfx_slice_str(name), n);

    return rc < 0 ? rc : 0;
}

/* The runs have changed: other handles are to read the list anew. */
static int next_version(struct sfx_queue_db *q, struct sfx_err *err)
{
    q->keys.version++;
    return sfx_queue_keys_tally(q, "key.version", 1, err);
}

/* Writes a run in the place of those from first to end, which are removed. */
static int replace_runs(struct sfx_queue_db *q, size_t first, size_t end,
                        const struct sfx_queue_run_source *sources, size_t nsources,
                        struct sfx_queue_run *run, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    int64_t first_live = 0;
    size_t i;
    int rc =
        sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_EVENT_FIRST, err, ""), &first_live, err);

    for (i = first; i < end; i++)
        let_filter_go(k, &k->runs[i]);
    run->id = k->version + 1;
    rc = rc < 0 ? rc : next_version(q, err);
    if (rc == 0 && nsources > 0)
        rc = sfx_queue_run_write(q, sources, nsources, first_live, run, err);
    if (rc == 0 && run->filter != NULL)
        keep_filter(k, run);
    for (i = first; rc == 0 && i < end; i++)
        rc = sfx_queue_run_remove(q, &k->runs[i], err);
    if (rc == 0)
        rc = splice_runs(k, first, end, run, nsources > 0, err);
    if (rc < 0)
        free(run->filter);
    return rc;
}

static int by_key(const void *a, const void *b)
{
    const struct sfx_queue_key *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

/* How many times FANOUT a run is larger than what is recent. */
static int level_of(const struct sfx_queue_db *q, int64_t nkeys)
{
    int level = 0;

    for (nkeys /= (int64_t)sfx_queue_keys_recent_max(q) * 2; nkeys > 0; nkeys /= FANOUT)
        level++;
    return level;
}

/* The number of newest runs that a new one, of run->nkeys, becomes one with; fills run. */
static size_t choose_runs(const struct sfx_queue_db *q, struct sfx_queue_run *run)
{
    const struct sfx_queue_keys *k = &q->keys;
    size_t chosen = 0;

    for (;;) {
        int level = level_of(q, run->nkeys);
        int64_t nkeys = run->nkeys, nstale = run->nstale;
        size_t end = chosen;

        while (end < k->nruns && end + 1 < MAX_SOURCES &&
               level_of(q, k->runs[end].nkeys) <= level && nkeys + k->runs[end].nkeys <= MAX_KEYS &&
               run->last_seq - k->runs[end].first_seq < UINT32_MAX) {
            nkeys += k->runs[end].nkeys;
            nstale += k->runs[end++].nstale;
        }
        if (end - chosen < FANOUT - 1)
            return chosen;
        chosen = end;
        run->nkeys = nkeys;
        run->nstale = nstale;
        run->first_seq = k->runs[end - 1].first_seq;
    }
}

int sfx_queue_runs_add(struct sfx_queue_db *q, struct sfx_queue_key *keys, size_t n,
                       int64_t first_seq, int64_t last_seq, struct sfx_err *err)
{
    struct sfx_queue_run_source sources[MAX_SOURCES] = {0};
    struct sfx_queue_run run = {.first_seq = first_seq, .last_seq = last_seq, .nkeys = (int64_t)n};
    size_t nruns = choose_runs(q, &run), i;

    qsort(keys, n, sizeof(*keys), by_key);
    sources[0] = (struct sfx_queue_run_source){.keys = keys, .nkeys = n};
    for (i = 0; i < nruns; i++)
        sources[1 + i].run = &q->keys.runs[i];
    return replace_runs(q, 0, nruns, sources, 1 + nruns, &run, err);
}

/* Makes a run, of which little is left, of the events that are. */
static int rebuild(struct sfx_queue_db *q, size_t at, struct sfx_err *err)
{
    struct sfx_queue_run_source source = {0};
    struct sfx_queue_run run = {.first_seq = q->keys.runs[at].first_seq,
                                .last_seq = q->keys.runs[at].last_seq};
    struct sfx_buf found = {0};
    sqlite3_stmt *stmt =
        sfx_queue_sql_bind(q, SFX_SQL_EVENT_IDS, err, "ii", run.first_seq, run.last_seq);
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        struct sfx_queue_key key = {sfx_queue_key_of(sfx_queue_sql_text(q, stmt, 1)),
                                    sfx_queue_sql_int(q, stmt, 0)};

        if (sfx_buf_append(&found, &key, sizeof(key), err) < 0) {
            sfx_queue_sql_reset(q, stmt);
            rc = SFX_E_NOMEM;
        }
    }
    source.keys = (const void *)found.data;
    source.nkeys = found.len / sizeof(*source.keys);
    if (source.nkeys > 0)
        qsort(found.data, source.nkeys, sizeof(*source.keys), by_key);
    run.nkeys = (int64_t)source.nkeys;
    if (rc == 0)
        rc = replace_runs(q, at, at + 1, &source, source.nkeys > 0, &run, err);
    sfx_buf_done(&found);
    return rc;
}

int sfx_queue_runs_find(struct sfx_queue_db *q, uint64_t key, struct sfx_buf *seqs,
                        struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < k->nruns; i++) {
        struct sfx_queue_run *run = &k->runs[i];

        if (run->filter == NULL && ++run->nlookups % LOOKUPS == 0 &&
            k->filters_nbytes + (size_t)run->filter_nlines * 64 <= FILTERS_MAX) {
            rc = sfx_queue_run_read_filter(q, run, err);
            if (rc == 0)
                keep_filter(k, run);
        }
        if (rc == 0 && sfx_queue_run_may_have(run, key))
            rc = sfx_queue_run_find(q, run, key, seqs, err);
    }
    return rc;
}

void sfx_queue_runs_forget(struct sfx_queue_db *q, int64_t seq)
{
    struct sfx_queue_run *runs = q->keys.runs;
    size_t i;

    for (i = 0; i < q->keys.nruns; i++) {
        if (seq >= runs[i].first_seq && seq <= runs[i].last_seq) {
            runs[i].nstale++;
            runs[i].stale_changed = true;
        }
    }
}

/* Filters take of the memory that SQLite has for pages, so that both together stay the same. */
static int share_memory(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    size_t kib = k->filters_nbytes >> 10;
    char sql[64];
    int result;

    if (kib < k->shared_kib + SHARE_STEP && kib + SHARE_STEP > k->shared_kib)
        return 0;
    k->shared_kib = kib;
    (void)snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%zu", SFX_QUEUE_CACHE_KIB - kib);
    result = q->lib.exec(q->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : sfx_queue_sql_fail(q, result, err);
}

int sfx_queue_runs_save(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_keys *k = &q->keys;
    size_t i = 0;
    int rc = 0;

    while (rc >= 0 && i < k->nruns) {
        struct sfx_queue_run *run = &k->runs[i];
        int64_t nlive = run->nkeys - run->nstale;

        if (run->stale_changed && nlive <= run->nkeys / 8 && nlive <= REBUILD_MAX) {
            rc = rebuild(q, i, err); /* the next to look at is what stands here now */
            continue;
        }
        if (run->stale_changed)
            rc = SFX_QUEUE_RUN(q, SFX_SQL_RUN_STALE, err, "ii", run->nstale, run->id);
        run->stale_changed = false;
        i++;
    }
    return rc < 0 ? rc : share_memory(q, err);
}

int sfx_queue_keys_upgrade(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_queue_run_source source = {.old = true};
    struct sfx_queue_run run = {.first_seq = 1};
    int rc =
        sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_KNOWN_COUNT, err, ""), &run.nkeys, err);

    if (rc >= 0)
        rc = sfx_queue_sql_one(
            q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", SFX_SLICE_LIT("last_seq")),
            &run.last_seq, err);
    if (rc >= 0)
        rc = sfx_queue_keys_tally(q, "key.base", run.last_seq, err);
    if (rc == 0)
        rc = next_version(q, err);
    if (rc == 0 && run.nkeys > 0)
        rc = replace_runs(q, 0, 0, &source, 1, &run, err);
    sfx_queue_keys_drop(q); /* read anew when it is needed */
    return rc;
}
