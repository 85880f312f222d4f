/* SPDX-License-Identifier: MIT */
/*
 * The JSON readers' parts: jsonl_split.c finds records (lines, or elements of an array),
 * jsonl_object.c takes one apart into cells, each a value of jsonl_value.c, jsonl_reader.c fills
 * batches.
 *
 * What tells that a cell is a member of its record's raw text, just as read: its dialect. A writer
 * that finds all members of a record so may copy the record as a whole.
 */
#ifndef SFX_RECORD_JSONL_INTERNAL_H
#define SFX_RECORD_JSONL_INTERNAL_H

#include "record/batch.h"
#include "record/block_internal.h"
#include "record/schema_internal.h"

#define SFX_DIALECT_JSON_LINE    1 /* a member of a record that is one line */
#define SFX_DIALECT_JSON_ELEMENT 2 /* a member of a record that may be several */

/* Where a record's parse stands. 64 bytes behind end can be read, none of them is consumed. */
struct sfx_jsonl_cursor {
    const char *at, *end;
    bool lines; /* a line feed is no white space */
};

/* Takes the string whose opening quote is at c->at: *text is what is between the quotes. False: it
 * is none. */
bool sfx_jsonl_take_string(struct sfx_jsonl_cursor *c, struct sfx_slice *text, bool *escaped);

/* Takes the value at c->at as a cell. False: there is none, or it is not valid. */
bool sfx_jsonl_take_value(struct sfx_jsonl_cursor *c, struct sfx_cell *cell);

/* How deep the brackets of a valid JSON text nest. */
uint32_t sfx_jsonl_nesting(struct sfx_slice json);

/* A key that is short, to be compared in two words: its text with quotes and colon. */
struct sfx_jsonl_key {
    uint64_t word[2], mask[2]; /* as they lie in memory */
    uint32_t len;              /* bytes; 0: too long, or not in raw text as it is */
};

/* How members become cells; lives as long as its reader. */
struct sfx_jsonl_object {
    struct sfx_schema schema;
    bool lines; /* a record ends with its line: a line feed is no white space */
    uint64_t max_field_nbytes;
    uint32_t max_depth;
    /* What is learnt from one record for the next, per column or member: capacity nplans. */
    int32_t *order;             /* column of member i of the last record, -1: none */
    uint32_t *stamps;           /* column c: the stamp of the last record that has it */
    uint8_t *plain;             /* column c: its name is in raw text as it is */
    struct sfx_jsonl_key *keys; /* column c */
    size_t nplans;
    uint32_t stamp;
    struct sfx_buf scratch;
};

enum sfx_jsonl_verdict {
    SFX_JSONL_OK = 0,
    SFX_JSONL_NEW_COLUMN, /* the record has a member without a column, which may not be added now */
    SFX_JSONL_BAD,        /* *err says why: INPUT or LIMIT, of this record only */
    SFX_JSONL_FAILED,     /* *err: NOMEM */
};

/*
 * Takes the record apart into row `at` of the schema's cells. One object and white space, nothing
 * else; behind it 64 bytes can be read. may_add: members without a column get one. nfields is
 * filled. Cells of `at` hold anything unless the verdict is OK.
 */
enum sfx_jsonl_verdict sfx_jsonl_object_parse(struct sfx_jsonl_object *o, struct sfx_slice record,
                                              uint32_t at, bool may_add, uint32_t *nfields,
                                              struct sfx_err *err);

/* Makes o's columns those of like. Errors: NOMEM. */
int sfx_jsonl_object_copy(struct sfx_jsonl_object *o, const struct sfx_jsonl_object *like,
                          struct sfx_err *err);

void sfx_jsonl_object_reset(struct sfx_jsonl_object *o);
void sfx_jsonl_object_done(struct sfx_jsonl_object *o);

enum sfx_jsonl_split_state {
    SFX_JSONL_LINES,
    SFX_JSONL_START,   /* of a JSON text: an array or objects */
    SFX_JSONL_FIRST,   /* behind '[': an element or ']' */
    SFX_JSONL_ELEMENT, /* behind ',': an element */
    SFX_JSONL_BEHIND,  /* behind an element: ',' or ']' */
    SFX_JSONL_OBJECTS, /* an object, or the end */
    SFX_JSONL_END,     /* behind the array: white space only */
};

struct sfx_jsonl_split {
    enum sfx_jsonl_split_state state;
    size_t pos;          /* the next byte to look at */
    size_t begin;        /* what lies before it is not needed any more */
    uint64_t line;       /* of pos */
    uint64_t begin_line; /* of begin */
    bool inside;         /* a record is in progress */
    bool in_string, in_escape;
    uint32_t depth;
};

enum sfx_jsonl_found {
    SFX_JSONL_FOUND, /* *record is one, beginning on line *line */
    SFX_JSONL_MORE,  /* data is used up */
    SFX_JSONL_BROKEN /* what stands at pos cannot stand there: *err says so */
};

/* The next record of data[pos..len). last: the stream ends with data. */
enum sfx_jsonl_found sfx_jsonl_split_next(struct sfx_jsonl_split *s, const char *data, size_t len,
                                          bool last, struct sfx_slice *record, uint64_t *line,
                                          struct sfx_err *err);

#endif
