/* SPDX-License-Identifier: MIT */
/* Parquet files as a format that is written: a writer of record/format.h, for sinks. */
#ifndef SFX_SINK_PARQUET_H
#define SFX_SINK_PARQUET_H

#include "sink/parquet_internal.h"

/* Writers need sfx_writer_opts.shared, a struct sfx_parquet_shared. */
extern const struct sfx_format sfx_parquet_format;

/* Reads cell as a value of column, as sfx_typed_value; text is at v->text and in value. */
int sfx_parquet_value(const struct sfx_sink_column *column, const struct sfx_cell *cell,
                      struct sfx_buf *scratch, struct sfx_typed_value *v,
                      struct sfx_parquet_value *value, const char **why, struct sfx_err *err);

#endif
