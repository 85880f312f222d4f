/* SPDX-License-Identifier: MIT */
/*
 * A stream that can be read twice, and the hash of its content.
 *
 * Contract: the first pass reads the input and hashes it; _rewind ends it; the second pass gives
 * the same bytes again. A regular file is simply read again, and a large one is hashed by a thread
 * of its own meanwhile; everything else (pipes, decoded and archived data) is written to an unnamed
 * file on the way, which vanishes with the process. What a large file holds is decoded by a thread
 * of its own, which goes ahead as far as it can: until _rewind the input is that thread's. Memory
 * is a constant.
 */
#ifndef SFX_SINK_SPOOL_H
#define SFX_SINK_SPOOL_H

#include "archive/input.h"
#include "base/pool.h"
#include "base/sha256.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

struct sfx_spool {
    struct sfx_input *in; /* borrowed */
    const char *dir;      /* borrowed */
    int fd;               /* what the second pass reads */
    bool owned;           /* fd is the unnamed file */
    bool second;          /* pass */
    int64_t start;        /* of the content in fd */
    uint64_t at;          /* bytes of this pass */
    uint64_t size_nbytes; /* of the content, after _rewind */
    struct stat before;   /* of the regular file */
    struct sfx_sha256 sha;
    struct sfx_pool *hasher; /* the thread; NULL: the first pass hashes */
    atomic_bool stop;        /* asks a thread to give up */
    uint64_t hashed_nbytes;  /* by it; less than the content when reading failed */
    char sha256[65];         /* after _rewind */

    struct sfx_pool
        *decoder;         /* the thread that fills the unnamed file; NULL: the first pass does */
    pthread_mutex_t lock; /* of what follows, once there is that thread */
    pthread_cond_t came;
    uint64_t decoded_nbytes;
    bool decoded;   /* all, or until it failed: */
    int decoded_rc; /* 0; <0: decoded_err says why */
    struct sfx_err decoded_err;
};

/*
 * Starts on in's current stream (borrowed until _done). dir (borrowed) is where an unnamed file
 * may stand. Errors: IO.
 */
int sfx_spool_init(struct sfx_spool *spool, struct sfx_input *in, const char *dir,
                   struct sfx_err *err);

/* Reads up to cap bytes of the pass; 0 at its end. ctx: the spool. Errors: as sfx_input_read; IO.
 */
ssize_t sfx_spool_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err);

/* Reads what is left of the first pass, ends its hash and starts the second one. Errors: as _read;
 * TEMPORARY when the file has been changed meanwhile. */
int sfx_spool_rewind(struct sfx_spool *spool, struct sfx_err *err);

/* The hash (hexadecimal) of the content's last SFX_SPOOL_TAIL_NBYTES before offset, or fewer.
 * Errors: IO. */
#define SFX_SPOOL_TAIL_NBYTES 65536
int sfx_spool_tail(const struct sfx_spool *spool, uint64_t offset, char hex[65],
                   struct sfx_err *err);

/* Starts the second pass again. */
void sfx_spool_repeat(struct sfx_spool *spool);

/* TEMPORARY when the file is not what the first pass read. */
int sfx_spool_check(const struct sfx_spool *spool, struct sfx_err *err);

void sfx_spool_done(struct sfx_spool *spool);

#endif
