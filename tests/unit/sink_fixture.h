/* SPDX-License-Identifier: MIT */
/* Batches made by hand, for the tests of sinks. */
#ifndef SFX_TESTS_SINK_FIXTURE_H
#define SFX_TESTS_SINK_FIXTURE_H

#include "record/batch.h"

/* A cell of text as CSV has it; "" is an empty field without quotes. */
struct sfx_cell csv_cell(const char *text);

/* A cell of another kind. */
struct sfx_cell kind_cell(enum sfx_cell_kind kind, const char *text);

/* Makes batch nrows rows of the named columns (ended by NULL), all MISSING, line r + 2. */
void make_batch(struct sfx_batch *batch, const char *const *names, uint32_t nrows);

/* Makes batch one column "c" of CSV fields, ended by NULL. */
void make_fields(struct sfx_batch *batch, const char *const *fields);

#endif
