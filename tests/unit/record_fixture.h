/* SPDX-License-Identifier: MIT */
/* For tests of record formats: bytes in memory through a reader, as text to compare; and through
 * reader and writer. */
#ifndef SFX_TESTS_RECORD_FIXTURE_H
#define SFX_TESTS_RECORD_FIXTURE_H

#include "record/format.h"

struct record_source {
    struct sfx_slice text;
    size_t chunk; /* bytes a read gives at most; 0: all */
    bool pauses;  /* the source would block after each read */
};

struct record_opts {
    const char *format;
    const struct sfx_reader_opts *reader; /* may be NULL */
    const struct sfx_writer_opts *writer; /* the same */
    bool rejects;                         /* bad records go aside */
};

/*
 * Appends to out what a reader makes of the source, the same for any chunk:
 *   #name|name     a schema
 *   7: text|text   the record of line 7; "~" for a missing cell, "null" for a null one, a "j"
 *                  before what JSON spells without quotes
 *   !line,offset,column,code: reason [raw]  for each reject, in the end
 *   =text          the error that ended it
 * Returns the reader's last result.
 */
int record_dump(const struct record_opts *opts, const struct record_source *source,
                struct sfx_buf *out);

/* Appends to out what a writer of the format `to` makes of it; rejects are dropped. 0 or an error
 * in err. */
int record_convert(const struct record_opts *opts, const char *to,
                   const struct record_source *source, struct sfx_buf *out, struct sfx_err *err);

/* For fuzzers, which abort: the source gives the same whole and in its pieces. */
void record_check_pieces(const struct record_opts *opts, const struct record_source *source);

/* For fuzzers: what was written in the format `to` is read and written again the same; from the
 * second time on only, when `settles`. */
void record_check_stable(const struct record_opts *opts, const char *to, bool settles,
                         const struct record_source *source);

#endif
