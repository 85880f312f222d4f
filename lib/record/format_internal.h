/* SPDX-License-Identifier: MIT */
/* The readers and writers that format.c puts into its table; options filled with their defaults. */
#ifndef SFX_RECORD_FORMAT_INTERNAL_H
#define SFX_RECORD_FORMAT_INTERNAL_H

#include "record/format.h"

extern const struct sfx_reader_ops sfx_csv_reader;
extern const struct sfx_reader_ops sfx_tsv_reader;
extern const struct sfx_reader_ops sfx_jsonl_reader;
extern const struct sfx_reader_ops sfx_json_reader;
extern const struct sfx_writer_ops sfx_csv_writer;
extern const struct sfx_writer_ops sfx_tsv_writer;
extern const struct sfx_writer_ops sfx_jsonl_writer;
extern const struct sfx_writer_ops sfx_json_writer;

/* Limits of zero become the documented defaults; what cannot work is bounded. */
struct sfx_reader_opts sfx_reader_opts_fill(const struct sfx_reader_opts *opts);

#endif
