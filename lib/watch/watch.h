/* SPDX-License-Identifier: MIT */
/*
 * Watching folders: an event for each file version that is complete, once.
 *
 * Contract: what lies below the roots is found by scanning and followed by the kernel's
 * notifications; a folder is watched before it is scanned, so nothing falls between. A file is told
 * when nobody has it open for writing any more (a read lease says so), under the last name it was
 * given; versions are told apart by sfx_event_file_id and remembered, so that what is seen twice is
 * told once. When the kernel's queue overflows, everything is scanned again. What the kernel does
 * not tell of (network file systems, folders beyond its limits) is scanned again and again. A root
 * that goes is waited for. Symbolic links are not followed. One thread at a time.
 *
 * A lease that a writer breaks sends the process SIGURG, which is ignored unless it is caught.
 */
#ifndef SFX_WATCH_WATCH_H
#define SFX_WATCH_WATCH_H

#include "cli/log.h"
#include "event/event.h"
#include "watch/timer.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum sfx_watch_kind {
    SFX_WATCH_CLOSED = 1 << 0,  /* written and closed; also what was found in a new folder */
    SFX_WATCH_MOVED = 1 << 1,   /* renamed to where it is, or its folder was */
    SFX_WATCH_LINKED = 1 << 2,  /* given a further or a late name by link(2) */
    SFX_WATCH_DELETED = 1 << 3, /* its name is gone; only of versions that matched */
    SFX_WATCH_SCANNED = 1 << 4, /* was there when watching began */
};

/* Reads "closed,moved,…" into a set of them. Errors: USAGE, naming the word. */
int sfx_watch_parse_kinds(struct sfx_slice list, unsigned *kinds, struct sfx_err *err);

enum sfx_watch_backend {
    SFX_WATCH_AUTO, /* for each folder the last of these that works; polling where the kernel is
                       not told of all changes */
    SFX_WATCH_INOTIFY,
    SFX_WATCH_FANOTIFY, /* a mark on the file system; needs CAP_SYS_ADMIN */
    SFX_WATCH_POLL,
};

#define SFX_WATCH_DEFAULT                                                                          \
    (SFX_WATCH_CLOSED | SFX_WATCH_MOVED | SFX_WATCH_LINKED | SFX_WATCH_SCANNED)

struct sfx_watch_opts {       /* all borrowed until _free; all zero: everything in no root */
    const char *const *roots; /* folders; what is told has a root's name before it */
    size_t nroots;
    const char *const *globs;   /* none: all; without '/' against the last part of the path below */
    size_t nglobs;              /* the root, else against all of it */
    const char *const *ignores; /* files and folders to leave out, same form */
    size_t nignores;
    const char *ignore_file;  /* name of files in the folders, with patterns as gitignore(5) has
                                 them,  which say what to leave out; NULL: none */
    const char *const *types; /* globs of media types by content; none: all */
    size_t ntypes;
    uint64_t min_nbytes; /* smaller files are not told */
    uint64_t max_nbytes; /* larger files are not told; 0: any size */
    int64_t min_age_ns;  /* files are told when they were last modified so long ago */
    int64_t max_age_ns;  /* files that were before that are not told; 0: of any age */
    bool by_content;     /* what has the content that was told of it last is not told */
    unsigned kinds;      /* what to tell: a set of enum sfx_watch_kind; 0: SFX_WATCH_DEFAULT */
    int64_t settle_ns;   /* a file must also not have changed for this long; 0: only where leases do
                            not work, 1.5 s */
    enum sfx_watch_backend backend;
    int64_t poll_ns; /* between looks at polled folders; 0: 2 s, and ten times what the last took */
    bool flat;       /* not the folders in the roots */
    bool once;       /* tell what is there and complete, then end */
    int reader_fd;   /* a pipe whose reader, when it goes away, ends the watch; -1: none */
    int (*idle)(void *ctx, struct sfx_err *err); /* called before each wait, while nothing is at
                                                    hand: <0 ends _next with it; may be NULL */
    void *idle_ctx;
    const struct sfx_timer *timers; /* whose events come among the others, also without roots */
    size_t ntimers;
    const char *state;         /* file that remembers what was told, for the next run; NULL: none */
    const struct sfx_log *log; /* for warnings; may be NULL */
    const volatile sig_atomic_t *stop; /* becomes non-zero: tell what the kernel has queued, then
                                          end; may be NULL */
};

struct sfx_watch_stats {
    uint64_t told;        /* events */
    uint64_t looked_at;   /* files whose state was asked for */
    uint64_t folders;     /* watched now */
    uint64_t polled;      /* those of them that are polled */
    uint64_t overflows;   /* of a queue; each led to a scan of everything */
    uint64_t unreadable;  /* files and folders that may not be opened */
    uint64_t seen_kernel; /* changes of files that the kernel told of */
    uint64_t seen_scan;   /* files that were come upon by scanning */
    uint64_t reconciled;  /* events that only the scan after an overflow found */
    uint64_t duplicates;  /* looks that found a version that had been told */
};

struct sfx_watch;

/*
 * Opens the roots and begins to watch; the scan happens in _next. Errors: NULL; IO (a root that is
 * no folder), NOMEM; UNSUPPORTED (the backend that is asked for); TEMPORARY (another watch uses
 * `state`), USAGE (it is something else).
 */
struct sfx_watch *sfx_watch_new(const struct sfx_watch_opts *opts, struct sfx_err *err);

/*
 * Waits for the next event. *ev is filled: source "sfx-watch", attribute `sequence`, and data of
 * the file; it borrows from w until the next call. Returns 1; 0 at the end: `once` is done, `stop`
 * was set, the reader is gone. Errors: IO (no root is left to `once`), NOMEM,
 * UNSUPPORTED (libmagic is missing and a type is asked for).
 */
int sfx_watch_next(struct sfx_watch *w, struct sfx_event *ev, struct sfx_err *err);

/* With `state`: the events that _next has returned are told, and will not be told by another run.
 * Without this they will. Errors: IO. */
int sfx_watch_commit(struct sfx_watch *w, struct sfx_err *err);

/* The caller is going to do what may take long, as waiting for a slow reader: changes are read
 * meanwhile, so that the kernel's queue does not run over. */
void sfx_watch_will_wait(struct sfx_watch *w);

/* True when the watch ended because the reader went away. */
bool sfx_watch_reader_gone(const struct sfx_watch *w);

/* The figures so far. Filled. */
void sfx_watch_stats(const struct sfx_watch *w, struct sfx_watch_stats *stats);

void sfx_watch_free(struct sfx_watch *w);

#endif
