/* SPDX-License-Identifier: MIT */
/*
 * CSV and TSV below the reader: the structural index of a block, and the careful scan behind it.
 *
 * The index finds the separators (delimiters and line ends outside quotes) 64 bytes a step: parity
 * of the quotes seen so far says what is inside. That is right as long as quotes stand where RFC
 * 4180 lets them; at the first that does not, the index stops before that step ("dirty") and the
 * scan takes the record byte by byte, either to accept it (a stray quote in an unquoted field is
 * data) or to say what is wrong with it.
 */
#ifndef SFX_RECORD_CSV_INTERNAL_H
#define SFX_RECORD_CSV_INTERNAL_H

#include "record/batch.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_csv_chars {
    char delimiter;
    char quote;   /* TSV: the backslash of its escapes */
    char newline; /* '\n', or '\r' in files that know no other */
    bool tsv;     /* no quotes, backslash escapes */
    char escape;  /* gives the next byte its plain meaning; 0: none. Known to the scan only */
    char comment; /* a record that begins with it is a comment up to its line end; as escape */
};

/* Refuses characters that cannot be told apart. Errors: USAGE. */
int sfx_csv_chars_check(const struct sfx_csv_chars *chars, struct sfx_err *err);

/* An entry of seps: a position in the block, and whether the field before it has an escape. */
#define SFX_CSV_POS     UINT32_C(0x7fffffff)
#define SFX_CSV_ESCAPED UINT32_C(0x80000000)

/*
 * Separators that the index holds at once: any record that has no more fields than there can be
 * columns is held whole. One step adds at most 64.
 */
#define SFX_CSV_SEPS 32768
_Static_assert(SFX_CSV_SEPS >= SFX_BATCH_MAX_COLS + 128, "a record of all columns must fit");

struct sfx_csv_index {
    uint32_t *seps; /* capacity SFX_CSV_SEPS */
    uint32_t *rows; /* capacity SFX_CSV_SEPS: for each complete record its last entry of seps */
    uint32_t nseps, nrows;
    /* What the step before hands to the next, as bit 0 (inside: all bits). */
    uint64_t inside;      /* within quotes */
    uint64_t may_open;    /* the byte before was a separator, the start, or a closing quote */
    uint64_t after_close; /* the byte before was a closing quote */
    uint64_t after_cr;    /* the byte before was a CR behind a closing quote */
    bool escape;          /* the field in progress has an escape */
    bool inner_newline;   /* a line end within quotes was seen; only ever set here */
    bool spelled;         /* a quote or an escape was seen; only ever set here */
    bool dirty;           /* stopped before a quote that RFC 4180 does not know */
};

/* Forgets all entries and begins at the start of a record. */
void sfx_csv_index_reset(struct sfx_csv_index *ix);

/*
 * Appends the separators of data[from..to) to ix (64 bytes behind `to` can be read). Returns the
 * position up to which it came: `to`, or less when ix is full or dirty. Pure but for ix.
 */
typedef size_t sfx_csv_index_fn(const struct sfx_csv_chars *chars, struct sfx_csv_index *ix,
                                const char *data, size_t from, size_t to);

sfx_csv_index_fn sfx_csv_index_portable;
#if defined(__x86_64__)
sfx_csv_index_fn sfx_csv_index_sse42, sfx_csv_index_avx2, sfx_csv_index_avx512;
#elif defined(__aarch64__)
sfx_csv_index_fn sfx_csv_index_neon;
#endif

/* Leaves every record to the scan: for what the others do not know. */
sfx_csv_index_fn sfx_csv_index_none;

/* The best variant for this processor. */
sfx_csv_index_fn *sfx_csv_index_choose(void);

enum sfx_csv_scan_state {
    SFX_CSV_FIELD_START,
    SFX_CSV_UNQUOTED,
    SFX_CSV_QUOTED,
    SFX_CSV_AFTER_CLOSE,
    SFX_CSV_AFTER_CLOSE_CR,
};

/* One record, scanned byte by byte; can go on when more of it has come. {.pos = start} begins. */
struct sfx_csv_scan {
    size_t pos; /* the next byte */
    enum sfx_csv_scan_state state;
    uint32_t nfields; /* separators so far */
    bool escape;
    bool literal;       /* the byte before was the escape character */
    bool begun;         /* a byte of the record was seen */
    bool comment;       /* the record is none */
    bool bad;           /* a byte behind a closing quote */
    size_t bad_pos;     /* where */
    uint32_t bad_field; /* in which field, from 0 */
    size_t open_pos;    /* where the last quoted field opened */
};

/*
 * Scans data[scan->pos..to). True when the record has ended, pos then is behind its line end. The
 * first cap separators go to seps.
 */
bool sfx_csv_scan(const struct sfx_csv_chars *chars, struct sfx_csv_scan *scan, const char *data,
                  size_t to, uint32_t *seps, uint32_t cap);

#endif
