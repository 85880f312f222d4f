/* SPDX-License-Identifier: MIT */
/*
 * Values of columns for sinks that have no types of their own: what a column of an sfx_type takes
 * without loss, and its value.
 *
 * Contract: text is borrowed from the cell or from scratch. Nothing is allocated but scratch.
 */
#ifndef SFX_SINK_TYPED_H
#define SFX_SINK_TYPED_H

#include "sink/sink.h"
#include "value/timestamp.h"

struct sfx_typed_value {
    bool null;
    struct sfx_slice text;     /* of all that is not null */
    int64_t integer;           /* INTEGER; NUMERIC when is_integer */
    double real;               /* REAL, NUMERIC */
    bool boolean;              /* BOOLEAN */
    sfx_int128 unscaled;       /* DECIMAL: the value times 10^scale */
    struct sfx_timestamp time; /* DATE, TIMESTAMP, TIMESTAMPTZ */
};

/* The most digits that unscaled has room for. */
#define SFX_TYPED_MAX_DIGITS 38

/* The name of the type, for messages. Static. */
const char *sfx_typed_name(enum sfx_type type);

/* Reads cell as a value of col. 0; 1: it is none, and *why says why. Errors: INPUT (a broken
 * escape), NOMEM. */
int sfx_typed_value(const struct sfx_sink_column *col, const struct sfx_cell *cell,
                    struct sfx_buf *scratch, struct sfx_typed_value *out, const char **why,
                    struct sfx_err *err);

/* True when every cell is a value of col: there is nothing to check. */
bool sfx_typed_takes_all(const struct sfx_sink_column *col);

#endif
