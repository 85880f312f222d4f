/* SPDX-License-Identifier: MIT */
/*
 * Inputs: the one way to read data. An operand is a file, "-" or a pipe; what it holds may be
 * compressed (gzip, bzip2, xz, zstd, lz4) or an archive (tar, zip, 7zip) whose regular members are
 * inputs of their own. Consumers see a sequence of named byte streams.
 *
 * Contract: the outer filter and format are chosen by magic, and only those are enabled; libarchive
 * is opened only when an input needs it. Links, devices and folders in archives are skipped and
 * counted, the ledger of sfx-load is skipped; nothing is ever extracted to disk. Plain files and
 * pipes are read as they are. A member that is compressed itself (a.csv.gz in a zip) is decoded
 * too, once; archives in archives are data. Behind compressed data only more of it may stand (or
 * zeros behind gzip), a tar archive must have its end mark: whatever was cut is an error. Errors
 * name the operand, and the member where there is one.
 */
#ifndef SFX_ARCHIVE_INPUT_H
#define SFX_ARCHIVE_INPUT_H

#include "base/err.h"
#include "base/slice.h"
#include "cli/log.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sfx_input;

#define SFX_INPUT_OWN "_sfx_load/" /* the folder in archives that holds no data */

struct sfx_input_limits {       /* 0: the default */
    uint64_t max_members;       /* of one archive; default 100,000 */
    uint64_t max_member_nbytes; /* decoded; default 16 GiB */
    uint64_t max_total_nbytes;  /* decoded, of one operand; default 64 GiB */
    uint64_t max_ratio;         /* decoded : stored, after 16 MiB decoded; default 200 */
    int64_t max_time_ns;        /* wall time in one operand's decoder; default 0: 1 hour */
    /* Becomes non-zero: bytes that are not there yet are not waited for any longer; may be NULL. */
    const volatile sig_atomic_t *stop;
};

/*
 * Opens path ("-": standard input; borrowed until _free). limits: NULL for the defaults.
 * Errors: NULL; IO (no such file; "is a directory"), UNSUPPORTED (libarchive missing), INPUT,
 * NOMEM. What reads from it later fails with TEMPORARY when limits->stop is set.
 */
struct sfx_input *sfx_input_new(const char *path, const struct sfx_input_limits *limits,
                                struct sfx_err *err);

/* The same for an open descriptor that stays the caller's; name is for messages (borrowed). */
struct sfx_input *sfx_input_new_fd(int fd, const char *name, const struct sfx_input_limits *limits,
                                   struct sfx_err *err);

/*
 * Goes to the next stream: a plain or compressed operand has one, an archive one for each regular
 * member. 1: there is one; 0: no more. Errors: INPUT (damaged, truncated), LIMIT, IO.
 */
int sfx_input_next(struct sfx_input *in, struct sfx_err *err);

/* Reads up to cap bytes of the current stream; 0 at its end. Errors: INPUT, LIMIT, IO. */
ssize_t sfx_input_read(struct sfx_input *in, void *ptr, size_t cap, struct sfx_err *err);

/*
 * Looks at the first bytes of the current stream without using them up: up to 4096 bytes, borrowed
 * until the next read. Errors: as _read.
 */
int sfx_input_peek(struct sfx_input *in, struct sfx_slice *head, struct sfx_err *err);

/* Opens the libraries that inputs may need, for a process that will not be able to
 * (base/sandbox.h). Errors: UNSUPPORTED, NOMEM. */
int sfx_input_preload(struct sfx_err *err);

/* What an archive says of a member. */
struct sfx_input_entry {
    bool is_file;    /* regular: no link, folder or device */
    uint64_t nbytes; /* as stored in the archive's format: what is decoded of a.csv.gz differs */
};

/* Before the first _next: links, folders and devices are members, too, without bytes, and so is
 * what stands in SFX_INPUT_OWN; stored: the bytes of compressed members come as they are. */
void sfx_input_take_entries(struct sfx_input *in, bool stored);

/* What is said of the current member. Errors: INPUT (no archive, no size). */
int sfx_input_entry(const struct sfx_input *in, struct sfx_input_entry *entry, struct sfx_err *err);

/* True when head, the first bytes of an operand, begins compressed data or an archive. */
bool sfx_input_is_packed(struct sfx_slice head);

/* The operand's name, as given. Borrowed. */
const char *sfx_input_name(const struct sfx_input *in);

/* The current member's name (UTF-8 or raw bytes), NULL when the operand is no archive. Borrowed
 * until _next. */
const char *sfx_input_member(const struct sfx_input *in);

/* The name that says the format: the member's or operand's without compression suffixes ("a.csv" of
 * "a.csv.gz"). Borrowed until _next. */
const char *sfx_input_data_name(const struct sfx_input *in);

/* name without one suffix of a compression: "a.csv" of "a.csv.gz". Borrowed from name. */
struct sfx_slice sfx_input_strip_suffix(struct sfx_slice name);

/* The descriptor when the current stream is the plain file itself, positioned at its start (mmap,
 * seek allowed if regular), else -1. */
int sfx_input_fd(const struct sfx_input *in);

/* The descriptor when the current stream is the operand as it is, and may be quiet (a pipe), else
 * -1. */
int sfx_input_pipe(const struct sfx_input *in);

/* True when a read now would wait (a quiet pipe): the moment to flush output. */
bool sfx_input_would_block(const struct sfx_input *in);

/*
 * Waits until the operand can be read (1), or for at most timeout_ns (0); a signal ends the wait
 * early. Regular files can always be read. Errors: IO.
 */
int sfx_input_wait(const struct sfx_input *in, int64_t timeout_ns, struct sfx_err *err);

/* Bytes read from the operand so far (stored, not decoded). */
uint64_t sfx_input_nbytes(const struct sfx_input *in);

/* How many bytes the operand has (stored, not decoded); 0: not known, or it is no file. */
uint64_t sfx_input_size(const struct sfx_input *in);

/* Says how many links and devices of the archive were skipped, when there were any. log may be
 * NULL. */
void sfx_input_say_skipped(const struct sfx_input *in, const struct sfx_log *log);

/* Links and devices of the archive that were skipped so far. */
uint64_t sfx_input_nskipped(const struct sfx_input *in);

void sfx_input_free(struct sfx_input *in);

#endif
