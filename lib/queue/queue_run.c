/* SPDX-License-Identifier: MIT */
/*
 * Runs of keys: sorted, written once, with a filter.
 *
 * A run of n pages has the keys from i * 2^64 / n on in its i-th page: as hashes are spread evenly,
 * the pages are about as full as each other, and where a key is needs no search. A page is the
 * keys, then as many numbers of events as distances from the run's first; all little-endian. The
 * filter is Bloom's in lines of 512 bits (Putze, Sanders, Singler: Cache-, hash- and
 * space-efficient Bloom filters, 2007), ordered by keys like the pages.
 */
#include "base/hash.h"
#include "queue/queue_sqlite_internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define KEY_NBYTES 12 /* 8 of the hash, 4 of the distance */
#define PAGE_KEYS                                                                                  \
    280 /* 3360 bytes on average; 337 fit a page of SQLite: more are rare (3.4 sigma) */
#define LINE_NBYTES 64
#define PAGE_LINES  63        /* of the filter, in 4032 bytes */
#define KEY_NBITS   12        /* of the filter: six probes let one in some 200 through */
#define MAX_LINES   (1 << 16) /* 4 MiB: above 2.8 million keys a filter lets more through */

/* The part, of count equal ones of all hashes, that key is in. */
static int64_t part_of(uint64_t key, int64_t count)
{
    return (int64_t)((unsigned __int128)key * (uint64_t)count >> 64);
}

static uint8_t *line_of(const struct sfx_queue_run *run, uint64_t key)
{
    return run->filter + part_of(key, run->filter_nlines) * LINE_NBYTES;
}

static void add_to_filter(struct sfx_queue_run *run, uint64_t key)
{
    uint8_t *line = line_of(run, key);
    uint64_t bits = sfx_hash64_mix(key);
    int64_t i;

    for (i = 0; i < run->filter_nprobes; i++, bits >>= 9)
        line[(bits & 511) >> 3] |= (uint8_t)(1u << (bits & 7));
}

bool sfx_queue_run_may_have(const struct sfx_queue_run *run, uint64_t key)
{
    const uint8_t *line;
    uint64_t bits = sfx_hash64_mix(key);
    int64_t i;

    if (run->filter == NULL)
        return true;
    line = line_of(run, key);
    for (i = 0; i < run->filter_nprobes; i++, bits >>= 9) {
        if ((line[(bits & 511) >> 3] & (1u << (bits & 7))) == 0)
            return false;
    }
    return true;
}

void sfx_queue_run_expect(const struct sfx_queue_run *run, uint64_t key)
{
    if (run->filter != NULL)
        __builtin_prefetch(line_of(run, key));
}

/* Reads row page of key_page: 1 and its bytes, borrowed until the statement is reset; or 0. */
static int read_page(struct sfx_queue_db *q, int64_t page, sqlite3_stmt **stmt,
                     struct sfx_slice *bytes, struct sfx_err *err)
{
    int rc;

    *stmt = sfx_queue_sql_bind(q, SFX_SQL_KEY_PAGE, err, "i", page);
    rc = *stmt != NULL ? sfx_queue_sql_step(q, *stmt, err) : SFX_E_IO;
    if (rc > 0)
        *bytes = sfx_queue_sql_text(q, *stmt, 0);
    return rc;
}

static uint64_t key_at(struct sfx_slice page, size_t i)
{
    uint64_t key;

    memcpy(&key, page.ptr + i * 8, 8);
    return le64toh(key);
}

static int64_t seq_at(struct sfx_slice page, size_t i, int64_t first_seq)
{
    uint32_t distance;

    memcpy(&distance, page.ptr + page.len / KEY_NBYTES * 8 + i * 4, 4);
    return first_seq + le32toh(distance);
}

int sfx_queue_run_find(struct sfx_queue_db *q, const struct sfx_queue_run *run, uint64_t key,
                       struct sfx_buf *seqs, struct sfx_err *err)
{
    sqlite3_stmt *stmt;
    struct sfx_slice page = {0};
    int rc = read_page(q, run->page + part_of(key, run->npages), &stmt, &page, err);
    size_t i;

    if (rc <= 0)
        return rc;
    rc = 0;
    for (i = 0; rc == 0 && i < page.len / KEY_NBYTES; i++) {
        if (key_at(page, i) == key) {
            int64_t seq = seq_at(page, i, run->first_seq);

            rc = sfx_buf_append(seqs, &seq, sizeof(seq), err);
        }
    }
    sfx_queue_sql_reset(q, stmt);
    return rc;
}

int sfx_queue_run_read_filter(struct sfx_queue_db *q, struct sfx_queue_run *run,
                              struct sfx_err *err)
{
    size_t size = (size_t)run->filter_nlines * LINE_NBYTES, at = 0;
    uint8_t *filter = aligned_alloc(LINE_NBYTES, size); /* a line is one of the cache */
    int64_t row = run->page + run->npages;
    int rc = filter != NULL ? 1 : sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");

    while (rc > 0 && at < size) {
        sqlite3_stmt *stmt;
        struct sfx_slice bytes = {0};

        rc = read_page(q, row++, &stmt, &bytes, err);
        if (rc == 0 || bytes.len > size - at)
            rc = sfx_err_set(err, SFX_E_IO, "is damaged: a filter is incomplete");
        if (rc > 0) {
            memcpy(filter + at, bytes.ptr, bytes.len);
            at += bytes.len;
            sfx_queue_sql_reset(q, stmt);
        }
    }
    if (rc < 0) {
        free(filter);
        return rc;
    }
    run->filter = filter;
    return 0;
}

/* One source being read. */
struct reading {
    const struct sfx_queue_run_source *from;
    sqlite3_stmt *stmt; /* of the old table */
    bool upper;         /* its second half: there, hashes are signed numbers */
    struct sfx_buf page;
    int64_t next_page;
    size_t at;
    uint64_t key;
    int64_t seq;
};

static int read_old(struct sfx_queue_db *q, struct reading *r, struct sfx_err *err)
{
    int rc = r->stmt != NULL ? sfx_queue_sql_step(q, r->stmt, err) : 0;

    while (rc == 0 && !r->upper) {
        r->upper = r->stmt != NULL;
        r->stmt =
            sfx_queue_sql_bind(q, SFX_SQL_KNOWN_ALL, err, "ii", r->upper ? INT64_MIN : (int64_t)0,
                               r->upper ? (int64_t)-1 : INT64_MAX);
        rc = r->stmt != NULL ? sfx_queue_sql_step(q, r->stmt, err) : SFX_E_IO;
    }
    if (rc > 0) {
        r->key = (uint64_t)sfx_queue_sql_int(q, r->stmt, 0);
        r->key += r->key == 0; /* as all keys */
        r->seq = sfx_queue_sql_int(q, r->stmt, 1);
    }
    return rc;
}

/* Takes the next key of a source. 1, or 0 at its end. */
static int read_next(struct sfx_queue_db *q, struct reading *r, struct sfx_err *err)
{
    const struct sfx_queue_run_source *from = r->from;

    if (from->old)
        return read_old(q, r, err);
    if (from->run == NULL) {
        if (r->at == from->nkeys)
            return 0;
        r->key = from->keys[r->at].key;
        r->seq = from->keys[r->at++].seq;
        return 1;
    }
    while (r->at == r->page.len / KEY_NBYTES) {
        sqlite3_stmt *stmt;
        struct sfx_slice bytes;
        int rc;

        if (r->next_page == from->run->npages)
            return 0;
        sfx_buf_clear(&r->page);
        r->at = 0;
        rc = read_page(q, from->run->page + r->next_page++, &stmt, &bytes, err);
        if (rc > 0) {
            rc = sfx_buf_append(&r->page, bytes.ptr, bytes.len, err);
            sfx_queue_sql_reset(q, stmt);
        }
        if (rc < 0)
            return rc;
    }
    r->key = key_at(sfx_buf_slice(&r->page), r->at);
    r->seq = seq_at(sfx_buf_slice(&r->page), r->at++, from->run->first_seq);
    return 1;
}

/* A run being written: the page in hand. */
struct writing {
    struct sfx_queue_run *run;
    struct sfx_buf keys, distances;
    int64_t page;
};

static int write_page(struct sfx_queue_db *q, struct writing *w, struct sfx_err *err)
{
    int rc = 0;

    if (w->keys.len > 0) {
        rc = sfx_buf_append(&w->keys, w->distances.data, w->distances.len, err);
        if (rc == 0)
            rc = SFX_QUEUE_RUN(q, SFX_SQL_KEY_PAGE_PUT, err, "ib", w->run->page + w->page,
                               sfx_buf_slice(&w->keys));
    }
    sfx_buf_clear(&w->keys);
    sfx_buf_clear(&w->distances);
    w->page++;
    return rc < 0 ? rc : 0;
}

static int write_key(struct sfx_queue_db *q, struct writing *w, uint64_t key, int64_t seq,
                     struct sfx_err *err)
{
    uint64_t bytes = htole64(key);
    uint32_t distance = htole32((uint32_t)(seq - w->run->first_seq));
    int64_t page = part_of(key, w->run->npages);
    int rc = 0;

    while (rc == 0 && w->page < page)
        rc = write_page(q, w, err);
    if (rc == 0)
        rc = sfx_buf_append(&w->keys, &bytes, sizeof(bytes), err);
    if (rc == 0)
        rc = sfx_buf_append(&w->distances, &distance, sizeof(distance), err);
    if (rc == 0)
        add_to_filter(w->run, key);
    w->run->nkeys++;
    return rc;
}

/* Takes the i-th of n readings out. Returns n - 1. */
static size_t take_out(struct reading *readings, size_t n, size_t i)
{
    sfx_buf_done(&readings[i].page);
    readings[i] = readings[n - 1];
    readings[n - 1].page = (struct sfx_buf){0};
    return n - 1;
}

/* Merges: always the least key of all. */
static int merge(struct sfx_queue_db *q, struct reading *readings, size_t n, int64_t first_live,
                 struct writing *w, struct sfx_err *err)
{
    size_t i, least;
    int rc = 0;

    for (i = 0; rc >= 0 && i < n;) {
        rc = read_next(q, &readings[i], err);
        n = rc == 0 ? take_out(readings, n, i) : n;
        i += rc > 0;
    }
    while (rc >= 0 && n > 0) {
        for (least = 0, i = 1; i < n; i++) {
            if (readings[i].key < readings[least].key)
                least = i;
        }
        rc = readings[least].seq < first_live
                 ? 0
                 : write_key(q, w, readings[least].key, readings[least].seq, err);
        if (rc == 0)
            rc = read_next(q, &readings[least], err);
        n = rc == 0 ? take_out(readings, n, least) : n;
    }
    return rc < 0 ? rc : 0;
}

static int write_filter(struct sfx_queue_db *q, const struct sfx_queue_run *run,
                        struct sfx_err *err)
{
    int64_t row = run->page + run->npages, line;
    int rc = 0;

    for (line = 0; rc >= 0 && line < run->filter_nlines; line += PAGE_LINES) {
        int64_t n = run->filter_nlines - line < PAGE_LINES ? run->filter_nlines - line : PAGE_LINES;

        rc = SFX_QUEUE_RUN(
            q, SFX_SQL_KEY_PAGE_PUT, err, "ib", row++,
            sfx_slice((const char *)run->filter + line * LINE_NBYTES, (size_t)n * LINE_NBYTES));
    }
    return rc < 0 ? rc : 0;
}

/* Sizes of what will have at most run->nkeys keys. */
static int plan(struct sfx_queue_db *q, struct sfx_queue_run *run, struct sfx_err *err)
{
    int64_t lines = run->nkeys * KEY_NBITS / (LINE_NBYTES * 8) + 1, nbits;
    int rc;

    run->npages = run->nkeys / PAGE_KEYS + 1;
    run->filter_nlines = lines < MAX_LINES ? lines : MAX_LINES;
    nbits = run->filter_nlines * LINE_NBYTES * 8 / (run->nkeys + 1);
    /* ln 2 probes a bit let the fewest through; a line's 512 bits are told by 9 of the hash. */
    run->filter_nprobes = nbits >= 9 ? 6 : nbits >= 3 ? nbits * 7 / 10 : 1;
    run->filter = aligned_alloc(LINE_NBYTES, (size_t)run->filter_nlines * LINE_NBYTES);
    if (run->filter == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");
    memset(run->filter, 0, (size_t)run->filter_nlines * LINE_NBYTES);
    run->nkeys = 0;
    rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_KEY_PAGE_NEXT, err, ""), &run->page,
                           err);
    return rc < 0 ? rc : 0;
}

int sfx_queue_run_write(struct sfx_queue_db *q, const struct sfx_queue_run_source *sources,
                        size_t nsources, int64_t first_live, struct sfx_queue_run *run,
                        struct sfx_err *err)
{
    struct reading *readings = calloc(nsources, sizeof(*readings));
    struct writing w = {.run = run};
    int64_t most = run->nkeys;
    size_t i;
    int rc = plan(q, run, err);

    if (rc == 0 && readings == NULL)
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");
    for (i = 0; rc == 0 && i < nsources; i++)
        readings[i].from = &sources[i];
    if (rc == 0)
        rc = merge(q, readings, nsources, first_live, &w, err);
    if (rc == 0)
        rc = write_page(q, &w, err);
    if (rc == 0)
        rc = write_filter(q, run, err);
    /* Those that were left out were of events that are gone. */
    run->nstale -= most - run->nkeys < run->nstale ? most - run->nkeys : run->nstale;
    if (rc == 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_RUN_PUT, err, "iiiiiiiii", run->id, run->first_seq,
                           run->last_seq, run->nkeys, run->nstale, run->page, run->npages,
                           run->filter_nlines, run->filter_nprobes);
    for (i = 0; readings != NULL && i < nsources; i++)
        sfx_buf_done(&readings[i].page);
    free(readings);
    sfx_buf_done(&w.keys);
    sfx_buf_done(&w.distances);
    return rc < 0 ? rc : 0;
}

int sfx_queue_run_remove(struct sfx_queue_db *q, const struct sfx_queue_run *run,
                         struct sfx_err *err)
{
    int64_t end = run->page + run->npages + (run->filter_nlines + PAGE_LINES - 1) / PAGE_LINES;
    int rc = SFX_QUEUE_RUN(q, SFX_SQL_KEY_PAGES_DROP, err, "ii", run->page, end);

    if (rc >= 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_RUN_DROP, err, "i", run->id);
    return rc < 0 ? rc : 0;
}
