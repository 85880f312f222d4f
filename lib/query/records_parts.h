/* SPDX-License-Identifier: MIT */
/*
 * A large file in parts that several threads read at the same time.
 *
 * Contract: a part begins where a record is believed to begin, and is read as if it were the rest
 * of the stream. What is believed is proved by the part before: when that one began with a record,
 * and ends with the end of one, so does this one begin with one. Parts are taken in their order;
 * the first that proves nothing, has a column that was not known, or cannot be read, ends the
 * reading in parts: the stream is to be read on, from where that part begins, by its own reader. So
 * what comes out is the same as without parts.
 */
#ifndef SFX_QUERY_RECORDS_PARTS_H
#define SFX_QUERY_RECORDS_PARTS_H

#include "query/records_ahead.h"

struct sfx_parts;

/* Batches of a part, which may hold more records than one; each has a lane of its own. */
#define SFX_PARTS_BATCHES 2

/* Where reading goes on. */
struct sfx_parts_place {
    uint64_t offset, line; /* as sfx_reader_ops.tell has them */
};

/* On relay's threads (borrowed), which has nslots. Errors: NULL, NOMEM. */
struct sfx_parts *sfx_parts_new(struct sfx_relay *relay, size_t nslots, struct sfx_err *err);

/*
 * Begins to read the file fd (borrowed, of nbytes) in parts of about so many records as make a
 * batch, from where reader, which has read nrecords of it and now rests, is. source: what it
 * reads from, for its names. schema_id: of its batches. work: see sfx_ahead_set_work, in lanes
 * below nslots * SFX_PARTS_BATCHES. False: it cannot be read so, or too little is left.
 */
bool sfx_parts_start(struct sfx_parts *parts, const struct sfx_format *format,
                     const struct sfx_reader_opts *opts, const struct sfx_reader *reader, int fd,
                     uint64_t nbytes, uint64_t nrecords, const struct sfx_byte_source *source,
                     const struct sfx_batch_work *work, uint64_t schema_id, bool keeps_refused);

/*
 * The next batch, as of sfx_ahead_read: 1, or 0 where reading in parts ends. The lines that rows
 * have are those of the stream, those that work saw are less by *lines.
 */
int sfx_parts_read(struct sfx_parts *parts, struct sfx_batch *batch, size_t *lane, uint64_t *lines,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err);

/* Ends reading in parts; *place: where what was not handed over begins. */
void sfx_parts_stop(struct sfx_parts *parts, struct sfx_parts_place *place);

/* NULL does nothing. */
void sfx_parts_free(struct sfx_parts *parts);

#endif
