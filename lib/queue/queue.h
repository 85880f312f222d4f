/* SPDX-License-Identifier: MIT */
/*
 * Durable queues of events: what a pipe forgets when a process dies, a queue keeps. A queue is a
 * URI, sqlite:PATH; another scheme is another row of functions (see queue_internal.h).
 *
 * Contract: an event is put once (by its id) and given out under a lease until it is acknowledged
 * or becomes a dead letter. A lease ends by itself when its time is over, and within about a second
 * when its holder's process has gone: then the event is ready again. So an event is given out at
 * least once; its attempt says how often. Events come out in the order they were put; those of one
 * lane (a key) strictly so, and never into two hands at once: the next is given out when the one
 * before is done. Finished events stay as history, and their ids stay known, for the retention
 * time.
 *
 * Any number of handles in any number of processes may use a queue at once. A handle is for one
 * thread, must not be used across a fork, and holds the leases that were taken with it; _close
 * gives them back. Every call is one transaction: it happens as a whole or, when it fails, not at
 * all, also when the process is killed in it. Times are wall-clock milliseconds since 1970 unless
 * named otherwise. Errors in general: TEMPORARY (locked for longer than the handle waits, or
 * interrupted), IO (disk full, a failing disk), NOMEM.
 */
#ifndef SFX_QUEUE_QUEUE_H
#define SFX_QUEUE_QUEUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "event/event.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct sfx_queue;

struct sfx_queue_opts {
    bool create;     /* make the queue where there is none */
    bool durable;    /* what a call has done survives the loss of power, not only of the process */
    int64_t busy_ms; /* to wait for others; 0: 10 s */
    int64_t wait_ms; /* to wait for somebody to make it where there is none */
    const volatile sig_atomic_t *stop; /* when non-zero, waiting ends; may be NULL */
    const char *name;                  /* of the consumer, for people: "sfx-run"; may be NULL */
    size_t
        recent_keys; /* ids that are kept unsorted; 0: 4096. For tests: the outcome is the same */
};

/*
 * Opens the queue uri names ("sqlite:PATH"). Returns it; caller frees with _close. Errors: NULL;
 * USAGE (no such scheme, no path, a file that is no queue, or no queue there without create);
 * UNSUPPORTED (made by a newer sfx; the scheme's library is missing); TEMPORARY, IO, NOMEM.
 */
struct sfx_queue *sfx_queue_open(const char *uri, const struct sfx_queue_opts *opts,
                                 struct sfx_err *err);

/* Gives leases that are held back, and frees. NULL does nothing. */
void sfx_queue_close(struct sfx_queue *q);

/* True when uri begins with the scheme of a queue. */
bool sfx_queue_is_uri(const char *uri);

/* What an event is doing. */
enum sfx_queue_state {
    SFX_QUEUE_READY,
    SFX_QUEUE_LEASED,
    SFX_QUEUE_DELAYED, /* until its time comes */
    SFX_QUEUE_BLOCKED, /* behind another of its lane */
    SFX_QUEUE_DONE,
    SFX_QUEUE_DEAD,
    SFX_QUEUE_NSTATES,
};

/* Its name in output: "ready", … Borrowed, static. */
const char *sfx_queue_state_name(enum sfx_queue_state state);

/* --- Producers ------------------------------------------------------------------------------ */

struct sfx_queue_put {
    struct sfx_slice id;   /* of the event; not empty */
    struct sfx_slice line; /* the event as JSON, kept byte for byte; no line end */
    struct sfx_slice lane; /* ordered with the others of this key; empty: with none */
    int64_t delay_ms;      /* not to be given out before; 0: at once */
    int64_t seq;           /* filled: its number in the queue; 0 when the id was known: not put */
};

/*
 * Puts count events in one transaction and wakes who waits: groups are what makes putting fast (an
 * event by itself costs a commit; with durable, a sync of the disk). Returns the number that were
 * new.
 */
int64_t sfx_queue_put(struct sfx_queue *q, struct sfx_queue_put *events, size_t count,
                      struct sfx_err *err);

/*
 * Adds n to the queue's named counter (a-z and '_'; borrowed until the next _put, which commits
 * it, as _close does). What an event source saw and lost is told so: "seen_kernel", "seen_scan",
 * "overflows", "reconciled". Errors: LIMIT (16 names between two commits).
 */
int sfx_queue_count(struct sfx_queue *q, const char *name, uint64_t n, struct sfx_err *err);

/* --- Consumers ------------------------------------------------------------------------------ */

struct sfx_queue_lease {
    size_t max;            /* events at once, at least 1 */
    int64_t visible_ms;    /* length of the lease, at least 1 */
    uint32_t max_attempts; /* given out so often without an answer: a dead letter; 0: no limit */
    bool runs; /* may give out several of one lane, in their order, to be done in that order */
};

struct sfx_queue_event {
    int64_t seq;
    struct sfx_slice id, line, lane;
    uint32_t attempt; /* from 1 */
    int64_t put_ms;
};

/* Events that were given out: memory of the batch, reused by the next _lease into it. {0} is empty.
 */
struct sfx_queue_batch {
    struct sfx_queue_event *events;
    size_t count;
    struct sfx_arena arena;
};

/*
 * Leases up to opts->max events that are ready into batch. Returns their number, 0 when there is
 * none now (see _wait). Costs the same however many wait.
 */
int64_t sfx_queue_lease(struct sfx_queue *q, const struct sfx_queue_lease *opts,
                        struct sfx_queue_batch *batch, struct sfx_err *err);

void sfx_queue_batch_done(struct sfx_queue_batch *batch);

/*
 * Appends the event's line, with its line end, as it goes into a pipe whose last program
 * acknowledges: the attribute sfxattempt says which giving-out of the event this is. Errors: NOMEM.
 */
int sfx_queue_event_line(const struct sfx_queue_event *event, struct sfx_buf *out,
                         struct sfx_err *err);

/*
 * Waits until _lease may find something, at most timeout_ms (<0: without limit). Returns 1; 0 when
 * the time is over or *stop is set. Sleeps until a producer's commit wakes it, an event's time
 * comes, or a lease may have ended: a look a second while leases are out, else one in five
 * seconds, in case a producer was killed before it could wake anybody.
 */
int sfx_queue_wait(struct sfx_queue *q, int64_t timeout_ms, struct sfx_err *err);

/*
 * For loops with a poll(2) of their own: a descriptor that becomes readable when something was made
 * ready (-1: none is to be had, look at *next_ms only), and the time until the next _lease should
 * be tried in any case (-1: never). Read nothing from it: the next _lease makes it quiet again. To
 * miss nothing: call this, then _lease, then poll.
 */
int sfx_queue_wait_fd(struct sfx_queue *q, int64_t *next_ms, struct sfx_err *err);

/* Sets the ends of leases that are held to visible_ms from now. Returns how many are still held. */
int64_t sfx_queue_extend(struct sfx_queue *q, const int64_t *seqs, size_t count, int64_t visible_ms,
                         struct sfx_err *err);

/*
 * One run of a function, as meter, top, history and replay show it. Texts are borrowed during the
 * call. A batch that was one run is recorded once for each of its events, with `share` the part
 * of the run that is this event's (1.0 / count), so that sums count it once.
 */
struct sfx_queue_invocation {
    struct sfx_slice event_id;      /* needed where no result names the event */
    struct sfx_slice function;      /* its name */
    struct sfx_slice invocation_id; /* request id, unlike every other; may be empty */
    uint32_t attempt;               /* from 1 */
    int64_t start_ns;               /* wall clock */
    int64_t duration_ns;
    int64_t billed_ms; /* rounded up to whole ones */
    int64_t init_ns;   /* start of the process until it could take the event; 0: it was warm */
    int64_t queued_ns; /* from ready to start; -1 unknown */
    int64_t user_ns, system_ns;     /* CPU */
    int64_t peak_nbytes;            /* memory; -1 unknown */
    int64_t limit_nbytes;           /* memory it was given, for GB-seconds; 0: peak counts */
    uint64_t in_nbytes, out_nbytes; /* of the event and of the answer */
    double share;                   /* 0 is taken for 1 */
    int exit_code;                  /* 128 + n when a signal ended it; -1: it never began */
    struct sfx_slice error;         /* code, such as "timeout"; empty: it succeeded */
    struct sfx_slice reason;        /* for people */
    struct sfx_slice stderr_text;   /* kept up to SFX_QUEUE_STDERR_NBYTES, its end */
    struct sfx_slice trace;         /* traceparent; may be empty */
    /*
     * What a replay needs, a JSON object {"argv":[…],"cwd":"…","env":{…},"inherits":…}; the last:
     * whether the environment had more. The same text is stored once however many invocations
     * have it.
     */
    struct sfx_slice context;
};

#define SFX_QUEUE_STDERR_NBYTES 16384

enum sfx_queue_outcome {
    SFX_QUEUE_ACK,       /* done; whoever holds the lease by now */
    SFX_QUEUE_RETRY,     /* ready again after delay_ms; only while the lease is held here */
    SFX_QUEUE_BURY,      /* a dead letter; only while the lease is held here */
    SFX_QUEUE_GIVE_BACK, /* ready again as if it had not been given out: no attempt is counted */
};

struct sfx_queue_result {
    int64_t seq;
    enum sfx_queue_outcome outcome;
    int64_t delay_ms;        /* RETRY */
    struct sfx_slice reason; /* RETRY, BURY: kept with the event; borrowed during the call */
    const struct sfx_queue_invocation *invocation; /* recorded in the same transaction; or NULL */
    bool applied; /* filled: false when the lease was another's, or the event was finished */
};

/* Says what became of count events, in one transaction. Returns how many results applied. */
int64_t sfx_queue_settle(struct sfx_queue *q, struct sfx_queue_result *results, size_t count,
                         struct sfx_err *err);

/* How failures are retried: exponential backoff with full jitter. */
struct sfx_queue_retry {
    uint32_t retries;        /* after the first attempt */
    int64_t base_ms, cap_ms; /* the delay is drawn from 0 … min(cap, base * 2^(attempt - 1)) */
    int64_t max_age_ms;      /* since the put; older: no more retries; 0: no limit */
};

#define SFX_QUEUE_RETRY_DEFAULT                                                                    \
    (struct sfx_queue_retry)                                                                       \
    {                                                                                              \
        .retries = 2, .base_ms = 1000, .cap_ms = 300000                                            \
    }

/* Fills result's outcome and delay for an event whose attempt failed: RETRY, or BURY when permanent
 * is set or how says that it was the last. */
void sfx_queue_retry_decide(const struct sfx_queue_retry *how, const struct sfx_queue_event *event,
                            bool permanent, struct sfx_queue_result *result);

/* Records invocations of events that are not held here, or not in the queue at all. */
int sfx_queue_record(struct sfx_queue *q, const struct sfx_queue_invocation *invocations,
                     size_t count, struct sfx_err *err);

/* --- The last program of a pipe ------------------------------------------------------------- */

/*
 * Says that what came of events is done: of the event itself when it is its own root, else of that
 * part of its root (sfxroot, sfxpart, sfxattempt; see sfx-events(5)). The root is done when all its
 * parts are. Returns 1 when a root was finished by this, else 0: parts are missing, it was finished
 * before, or it is not in this queue.
 */
int sfx_queue_ack_event(struct sfx_queue *q, const struct sfx_event *ev, struct sfx_err *err);

/* Says that it failed: the root is retried or buried as how says. Returns 1 when it applied. */
int sfx_queue_fail_event(struct sfx_queue *q, const struct sfx_event *ev,
                         const struct sfx_queue_retry *how, bool permanent, struct sfx_slice reason,
                         struct sfx_err *err);

/* --- Looking, repairing --------------------------------------------------------------------- */

struct sfx_queue_filter {
    uint32_t states;            /* 1 << state, joined; 0: all */
    struct sfx_slice id;        /* this event; empty: all */
    struct sfx_slice match;     /* a glob that its subject, or else its id, matches; empty: all */
    int64_t since_ms, until_ms; /* last change in [since, until); 0: open */
    uint32_t min_attempts;
    bool newest_first;
    uint64_t limit; /* 0: all */
};

struct sfx_queue_row {
    int64_t seq;
    enum sfx_queue_state state;
    struct sfx_slice id, line, lane;
    uint32_t attempts;
    int64_t put_ms, first_ms, last_ms; /* first given out, last change; 0: never */
    int64_t due_ms;                    /* LEASED: the lease's end; DELAYED: when it comes */
    struct sfx_slice reason;           /* of its last failure; empty: none */
    struct sfx_slice holder;           /* LEASED: "sfx-run (pid 123)" */
};

/* Called for each row, borrowed during the call. 0 goes on, 1 ends, <0 fails with err. */
typedef int sfx_queue_row_fn(void *ctx, const struct sfx_queue_row *row, struct sfx_err *err);

/* Calls fn for what filter lets through, in the order of putting. No lock is held. */
int sfx_queue_list(struct sfx_queue *q, const struct sfx_queue_filter *filter, sfx_queue_row_fn *fn,
                   void *ctx, struct sfx_err *err);

enum sfx_queue_change {
    SFX_QUEUE_FINISH, /* acknowledged by hand: whatever is not done */
    SFX_QUEUE_REVIVE, /* ready again, attempts from none: DEAD, DELAYED, DONE */
    SFX_QUEUE_KILL,   /* a dead letter: whatever is not done */
    SFX_QUEUE_FORGET, /* removed with its id and invocations: whatever is not leased */
};

/* Changes what filter lets through, in groups of bounded size. Returns how many were changed. */
int64_t sfx_queue_change(struct sfx_queue *q, const struct sfx_queue_filter *filter,
                         enum sfx_queue_change change, struct sfx_slice reason,
                         struct sfx_err *err);

struct sfx_queue_counter {
    char name[32];
    uint64_t value;
};

struct sfx_queue_stats {
    uint64_t depth[SFX_QUEUE_NSTATES];
    uint64_t put, duplicates;      /* since the queue was made, as those that follow */
    uint64_t leased;               /* given out */
    uint64_t acked, retried, dead; /* answers */
    uint64_t returned;             /* leases that ended without an answer */
    int64_t oldest_ms;             /* age of the oldest that is ready; -1: none is */
    int64_t retention_ms;
    struct sfx_queue_counter counters[16]; /* of _count */
    size_t ncounters;
};

/* Fills stats. Costs the same however many wait. */
int sfx_queue_stats(struct sfx_queue *q, struct sfx_queue_stats *stats, struct sfx_err *err);

/* Sets how long what is done is kept, with its id; it is removed bit by bit as events are put. */
int sfx_queue_set_retention(struct sfx_queue *q, int64_t retention_ms, struct sfx_err *err);

struct sfx_queue_invocation_filter {
    struct sfx_slice event_id, function; /* empty: all */
    int64_t since_ns, until_ns;          /* start in [since, until); 0: open */
    bool failed_only, newest_first;
    uint64_t limit; /* 0: all */
};

/* As sfx_queue_row_fn, of invocations; number names it in this queue. */
typedef int sfx_queue_invocation_fn(void *ctx, int64_t number,
                                    const struct sfx_queue_invocation *invocation,
                                    struct sfx_err *err);

int sfx_queue_invocations(struct sfx_queue *q, const struct sfx_queue_invocation_filter *filter,
                          sfx_queue_invocation_fn *fn, void *ctx, struct sfx_err *err);

#endif
