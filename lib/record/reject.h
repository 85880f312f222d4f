/* SPDX-License-Identifier: MIT */
/*
 * Rejects: what is known of a record (or of a whole input) that could not be processed.
 * One line of JSON each, see sfx-formats(5): nothing that is refused is lost.
 */
#ifndef SFX_RECORD_REJECT_H
#define SFX_RECORD_REJECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

struct sfx_reject {
    const char *program;     /* who refused it */
    const char *input;       /* operand's name */
    const char *member;      /* NULL: none */
    uint64_t line;           /* 1-based; 0: the input as a whole */
    uint64_t offset;         /* byte of the decoded stream where the record begins */
    struct sfx_slice column; /* empty: the record as a whole */
    struct sfx_slice value;  /* the offending cell's text; ptr NULL: no value was the reason */
    const char *code;        /* sfx_code_name */
    const char *reason;
    struct sfx_slice rule; /* of the program that it broke: a stage or a named rule; empty: none */
    struct sfx_slice raw;  /* the record's bytes; empty for whole inputs */
    /* How raw is read again; NULL: it cannot be. */
    const char *format;      /* "csv" */
    char delimiter, quote;   /* CSV: where they are not the format's own; 0: they are */
    struct sfx_slice header; /* CSV: the line that names the columns; empty: there is none */
    struct sfx_slice event;  /* id of the event that named the input; empty: none */
};

/* Appends r as one line of JSON; raw that is not UTF-8 goes to "raw_base64". Errors: NOMEM. */
int sfx_reject_write(const struct sfx_reject *r, struct sfx_buf *out, struct sfx_err *err);

/* What a reject that is read back points into. {0} is valid. */
struct sfx_reject_text {
    struct sfx_buf input, member, format, header, raw, event, dialect;
};

/*
 * Reads a line that sfx_reject_write wrote: what is needed to read its record again, in *r, whose
 * strings are in text. Other keys are passed over. Errors: INPUT (no JSON object, or none that
 * holds a record and its format), NOMEM.
 */
int sfx_reject_read(struct sfx_slice line, struct sfx_reject_text *text, struct sfx_reject *r,
                    struct sfx_err *err);

void sfx_reject_text_done(struct sfx_reject_text *text);

/* The name of the format of the first record in a file of rejects that begins with head; empty:
 * unknown. Borrowed from head. */
struct sfx_slice sfx_rejects_format(struct sfx_slice head);

/* Where rejects go. The callee decides: 0 goes on, <0 ends the run with that error. */
struct sfx_reject_sink {
    int (*put)(void *ctx, const struct sfx_reject *r, struct sfx_err *err);
    void *ctx;
};

/* Rejects that are held back, in the order in which they came. {0} holds none. */
struct sfx_held_rejects {
    struct sfx_arena arena;
    struct sfx_held_reject *first, **last;
    size_t nbytes;
    const char *input, *member, *format; /* of the last one */
};

/* The put of a sink whose ctx is a struct sfx_held_rejects: copies r, but for program,
 * code and rule. Errors: NOMEM. */
int sfx_held_rejects_put(void *held, const struct sfx_reject *r, struct sfx_err *err);

/* Hands all on to sink, lines added to those that they have, and forgets them, also when that
 * failed. Errors: what sink returned. */
int sfx_held_rejects_hand_on(struct sfx_held_rejects *held, uint64_t lines,
                             const struct sfx_reject_sink *sink, struct sfx_err *err);

/* Puts rejects of one stream in the order of their records; where some have no place in it, all
 * stay as they are. */
void sfx_held_rejects_sort(struct sfx_held_rejects *held);

/* Bytes that they take. */
size_t sfx_held_rejects_nbytes(const struct sfx_held_rejects *held);

void sfx_held_rejects_clear(struct sfx_held_rejects *held);
void sfx_held_rejects_done(struct sfx_held_rejects *held);

#endif
