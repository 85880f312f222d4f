/* SPDX-License-Identifier: MIT */
/* The readers and writers that format.c puts into its table; options filled with their defaults. */
#ifndef SFX_RECORD_FORMAT_INTERNAL_H
#define SFX_RECORD_FORMAT_INTERNAL_H

#include "record/format.h"

extern const struct sfx_reader_ops sfx_csv_reader;
extern const struct sfx_reader_ops sfx_tsv_reader;
extern const struct sfx_reader_ops sfx_jsonl_reader;
extern const struct sfx_reader_ops sfx_json_reader;
extern const struct sfx_reader_ops sfx_lines_reader;
extern const struct sfx_reader_ops sfx_logfmt_reader;
extern const struct sfx_reader_ops sfx_syslog_reader;
extern const struct sfx_reader_ops sfx_clf_reader;
extern const struct sfx_reader_ops sfx_combined_reader;
extern const struct sfx_reader_ops sfx_rejects_reader;
extern const struct sfx_reader_ops sfx_fixed_reader;
extern const struct sfx_reader_ops sfx_markdown_reader;
extern const struct sfx_reader_ops sfx_sqlite_reader;
extern const struct sfx_writer_ops sfx_fixed_writer;
extern const struct sfx_writer_ops sfx_markdown_writer;
extern const struct sfx_writer_ops sfx_box_writer;
extern const struct sfx_writer_ops sfx_csv_writer;
extern const struct sfx_writer_ops sfx_tsv_writer;
extern const struct sfx_writer_ops sfx_jsonl_writer;
extern const struct sfx_writer_ops sfx_json_writer;
extern const struct sfx_writer_ops sfx_lines_writer;
extern const struct sfx_writer_ops sfx_logfmt_writer;

/* The name of the format that head (not empty) looks like; "csv" for what looks like nothing else.
 */
const char *sfx_detect_content(struct sfx_slice head);

/* Gives the record of that row to rejects, or (NULL) makes it an error: column cannot be written.
 * Errors: INPUT, those of rejects. */
int sfx_writer_refuse(const struct sfx_reject_sink *rejects, const struct sfx_batch *batch,
                      uint32_t row, size_t column, const char *reason, struct sfx_err *err);

/* Limits of zero become the documented defaults; what cannot work is bounded. */
struct sfx_reader_opts sfx_reader_opts_fill(const struct sfx_reader_opts *opts);

#endif
