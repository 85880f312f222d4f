/* SPDX-License-Identifier: MIT */
/*
 * Types from values: each column gets the narrowest type from which every value of the whole input
 * comes back as its text (see sink/exact.h); what fits none is text.
 *
 * Contract: show every batch of an input to an inference, then ask for the schema. Columns are
 * found by name and in the order in which they appear, so later batches may have more. Memory is a
 * few bytes a column; nothing is allocated per record.
 *
 * Which values count: an empty CSV field and a JSON null say nothing (a column of nothing else is
 * text). JSON strings are text even if they look like numbers; CSV fields are what they look like,
 * with quotes or without. JSON numbers and computed ones count by value: 3.00 and 3 are one
 * scale's. JSON booleans alone make a BOOLEAN, objects and arrays alone JSON. Dates and times are
 * those of ISO 8601, in strings too, if all of a column are written in one style (T or space,
 * digits, Z); an offset from UTC would not come back, so it makes a column text.
 */
#ifndef SFX_SINK_INFER_H
#define SFX_SINK_INFER_H

#include "base/arena.h"
#include "sink/sink.h"

struct sfx_infer_column {
    uint8_t forms; /* set of enum infer_form that every value so far has */
    bool seen;     /* any value at all */
    bool scales_differ;
    uint32_t scale;   /* largest of the decimals */
    uint32_t int_len; /* longest part before the '.' of the decimals */
    uint32_t style;   /* of the times, as sfx_time_style_pack */
};

struct sfx_infer {
    struct sfx_infer_column *columns;
    struct sfx_sink_schema schema; /* names, and types once _finish was called */
    size_t cap_cols;
    int32_t *map;       /* schema column -> batch column */
    uint64_t schema_id; /* of the batch that map is for */
    bool mapped;
    uint64_t nrecords;
    bool text_only; /* set by the caller: every column is text */
    struct sfx_arena names;
};

/* Forgets everything, keeps memory; {0} is a fresh one. */
void sfx_infer_reset(struct sfx_infer *infer);

/* Looks at the selected rows of batch. Errors: NOMEM. */
int sfx_infer_batch(struct sfx_infer *infer, const struct sfx_batch *batch, struct sfx_err *err);

/* Adds column to the decided schema; its name is static. Errors: INPUT when there is one of its
 * name; NOMEM. */
int sfx_infer_add(struct sfx_infer *infer, const struct sfx_sink_column *column,
                  struct sfx_err *err);

/* Decides the types: infer->schema, valid until _reset or _done. */
void sfx_infer_finish(struct sfx_infer *infer);

void sfx_infer_done(struct sfx_infer *infer);

#endif
