/* SPDX-License-Identifier: MIT */
/*
 * The ids a queue knows, so that each event is put once and found by its id, at a cost that does
 * not grow with their number.
 *
 * A key is the 64-bit hash of an id; what it finds is an event only when that event's id is the
 * same, byte for byte. The newest keys (a few thousand) stand in key_recent in the order of their
 * events, which costs a write of some bytes each; a handle has them in a hash table as well. When
 * there are enough of them they become a run: sorted by key, written once, in pages that are found
 * by the key alone, with a filter that says of nearly every new key that the run does not have it.
 * Four runs of about a size become one. So no page is written for the sake of one key.
 *
 * Handles keep filters: a run never changes, and its number is never given again. What a handle has
 * in memory is brought up to date with the file in each transaction, by a version that changes with
 * the runs. What is forgotten may stay in a run: it is no event's any more. Private to lib/queue.
 */
#ifndef SFX_QUEUE_KEYS_H
#define SFX_QUEUE_KEYS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_queue_db;

/* A row of key_run: keys of the events from first_seq to last_seq. */
struct sfx_queue_run {
    int64_t id, first_seq, last_seq, nkeys;
    int64_t nstale;       /* of these: of events that are gone */
    int64_t page, npages; /* rows of key_page, each for as large a part of all hashes */
    int64_t filter_nlines, filter_nprobes; /* rows of key_page behind those */
    uint8_t *filter;                       /* owned; NULL until it pays to read it */
    uint32_t nlookups;                     /* without it */
    bool stale_changed;
};

struct sfx_queue_keys {
    bool synced;                /* is what the file has, in the transaction in hand */
    int64_t version;            /* of the runs; 0: nothing was read yet */
    int64_t last_seq;           /* of all that was put */
    int64_t base_seq;           /* of the last event whose key is in a run */
    uint64_t *recent;           /* recent[i]: key of event base_seq + 1 + i; 0: forgotten */
    size_t count, nsaved;       /* of recent; of these in the file */
    uint32_t *slots;            /* hash table of numbers in recent, + 1 */
    size_t nslots;              /* a power of two, more than twice the capacity of recent */
    struct sfx_queue_run *runs; /* newest first */
    size_t nruns;
    size_t filters_nbytes, shared_kib; /* in memory; of these, of what SQLite has for pages */
};

/* Fills *seq with the number of the event with this id. 1, or 0 when it is not known. */
int sfx_queue_keys_find(struct sfx_queue_db *q, struct sfx_slice id, int64_t *seq,
                        struct sfx_err *err);

/* Brings keys up to date with the file, once a transaction; find does it by itself. */
int sfx_queue_keys_sync(struct sfx_queue_db *q, struct sfx_err *err);

/* Has the memory ready that a find of this id will look at: most of a filter is in no cache. */
void sfx_queue_keys_expect(struct sfx_queue_db *q, struct sfx_slice id);

/* Adds the key of the event that is put next: keys.last_seq + 1, which it counts. */
int sfx_queue_keys_add(struct sfx_queue_db *q, struct sfx_slice id, struct sfx_err *err);

/* Takes note that the event with this number is gone. */
int sfx_queue_keys_forget(struct sfx_queue_db *q, int64_t seq, struct sfx_err *err);

/* Writes what the transaction in hand changed. */
int sfx_queue_keys_save(struct sfx_queue_db *q, struct sfx_err *err);

/* Forgets what is in memory: the transaction in hand is undone, or the handle is closed. */
void sfx_queue_keys_drop(struct sfx_queue_db *q);

/* The key of an id; never 0. */
uint64_t sfx_queue_key_of(struct sfx_slice id);

/* The number of keys that become a run. */
size_t sfx_queue_keys_recent_max(const struct sfx_queue_db *q);

/* Makes a run of what version 1 of the file had: a table of hashes and numbers. */
int sfx_queue_keys_upgrade(struct sfx_queue_db *q, struct sfx_err *err);

/* --- queue_runs.c: all runs --- */

struct sfx_queue_key {
    uint64_t key;
    int64_t seq;
};

/* Reads the list of runs; of those that are still there filters are kept. */
int sfx_queue_runs_read(struct sfx_queue_db *q, struct sfx_err *err);

/* Makes a run of n keys, which are sorted for it, and merges it with others where it is time. */
int sfx_queue_runs_add(struct sfx_queue_db *q, struct sfx_queue_key *keys, size_t n,
                       int64_t first_seq, int64_t last_seq, struct sfx_err *err);

/* Appends the numbers (int64_t) of events with this key to seqs. */
int sfx_queue_runs_find(struct sfx_queue_db *q, uint64_t key, struct sfx_buf *seqs,
                        struct sfx_err *err);

/* Takes note that an event is gone. */
void sfx_queue_runs_forget(struct sfx_queue_db *q, int64_t seq);

/* Writes what is gone; makes runs anew of which little is left. */
int sfx_queue_runs_save(struct sfx_queue_db *q, struct sfx_err *err);

/* Adds n to a number of the table tally. */
int sfx_queue_keys_tally(struct sfx_queue_db *q, const char *name, int64_t n, struct sfx_err *err);

/* --- queue_run.c: one run --- */

/* Where the keys of a run come from, in their order: another run, memory, or the old table. */
struct sfx_queue_run_source {
    const struct sfx_queue_run *run;
    const struct sfx_queue_key *keys; /* where there is no run */
    size_t nkeys;
    bool old; /* the table that version 1 of the file had */
};

/*
 * Writes a run of what sources have and of events from first_live on, and fills *run, with its
 * filter. run->id, first_seq, last_seq, nkeys (at most so many) and nstale (of these) are given.
 */
int sfx_queue_run_write(struct sfx_queue_db *q, const struct sfx_queue_run_source *sources,
                        size_t nsources, int64_t first_live, struct sfx_queue_run *run,
                        struct sfx_err *err);

/* Removes a run's rows. */
int sfx_queue_run_remove(struct sfx_queue_db *q, const struct sfx_queue_run *run,
                         struct sfx_err *err);

/* Appends the numbers (int64_t) of the run's events with this key to seqs. */
int sfx_queue_run_find(struct sfx_queue_db *q, const struct sfx_queue_run *run, uint64_t key,
                       struct sfx_buf *seqs, struct sfx_err *err);

/* Reads the run's filter. */
int sfx_queue_run_read_filter(struct sfx_queue_db *q, struct sfx_queue_run *run,
                              struct sfx_err *err);

/* Has the filter's line for the key brought into the cache. */
void sfx_queue_run_expect(const struct sfx_queue_run *run, uint64_t key);

/* False when the run does not have the key; true as well for one in some 200 that it has not. */
bool sfx_queue_run_may_have(const struct sfx_queue_run *run, uint64_t key);

#endif
