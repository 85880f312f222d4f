/* SPDX-License-Identifier: MIT */
/*
 * The block: a window on a byte stream in which every reader looks for its records.
 *
 * Contract: data[0..len) are the bytes seen and not yet given up, data[0] is byte `offset` of the
 * stream. A record that ends beyond the window moves to the front when the window goes on; the
 * window grows only for a record that does not fit. SFX_BLOCK_SLACK bytes behind len may be read
 * and written.
 */
#ifndef SFX_RECORD_BLOCK_INTERNAL_H
#define SFX_RECORD_BLOCK_INTERNAL_H

#include "record/format.h"

/* Fits into L2 beside the batch's cells; large enough that a system call costs nothing. */
#define SFX_BLOCK_NBYTES ((size_t)256 << 10)
#define SFX_BLOCK_SLACK  64 /* one step of the structural index */

struct sfx_block {
    struct sfx_byte_source src;
    char *data;
    size_t len, cap;
    uint64_t offset;
    uint64_t max_nbytes; /* of one record */
    bool eof;
    bool
        lent; /* rows that were handed out are in data: it stays as it is when the window goes on */
    /* The buffers that take turns then, the oldest next: as many as batches are lent at a time. */
    unsigned nspares, next_spare;
    struct {
        char *data;
        size_t cap;
    } spares[SFX_READER_MAX_AHEAD];
    int failed; /* <0: the source has no more to give, for this reason: */
    struct sfx_err failure;
};

/* Starts on another stream, keeps the memory. ahead: see sfx_reader_opts. Errors: NOMEM. */
int sfx_block_open(struct sfx_block *b, const struct sfx_byte_source *src, uint64_t max_nbytes,
                   unsigned ahead, struct sfx_err *err);

/*
 * Gives up the first used bytes and reads until the window is full, the source pauses or ends; at
 * least one byte unless it ends. Positions and pointers into data become invalid. line: where the
 * rest begins, for messages. Errors: LIMIT when the rest is a record longer than allowed, NOMEM,
 * what the source says, after all that it gave was looked at.
 */
int sfx_block_fill(struct sfx_block *b, size_t used, uint64_t line, struct sfx_err *err);

/*
 * Checks the length of the record at pos (without its line end), which begins on line. A record
 * that is too long ends the input, rejects or not: it is met before its end is known. Errors:
 * LIMIT.
 */
int sfx_block_check(const struct sfx_block *b, size_t record_nbytes, uint64_t line, size_t pos,
                    struct sfx_err *err);

/* At the start of a stream: *pos is where data begins, behind a UTF-8 byte order mark if there is
 * one. Errors: as _fill. */
int sfx_block_skip_mark(struct sfx_block *b, size_t *pos, struct sfx_err *err);

/* Goes behind the next count lines (LF ends one): *pos and *line are changed. Lines that are not
 * there are no error. Errors: as _fill. */
int sfx_block_skip_lines(struct sfx_block *b, uint64_t count, size_t *pos, uint64_t *line,
                         struct sfx_err *err);

/* Prepends "input: member: line N, offset M" to err; line 0 leaves the place out. Returns rc. */
int sfx_block_blame(const struct sfx_block *b, uint64_t line, uint64_t offset, int rc,
                    struct sfx_err *err);

void sfx_block_done(struct sfx_block *b);

#endif
