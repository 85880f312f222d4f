/* SPDX-License-Identifier: MIT */
/* The sinks that sink.c lists. */
#ifndef SFX_SINK_SINK_INTERNAL_H
#define SFX_SINK_SINK_INTERNAL_H

#include "sink/sink.h"

extern const struct sfx_sink_ops sfx_sink_dir;
extern const struct sfx_sink_ops sfx_sink_parquet;
extern const struct sfx_sink_ops sfx_sink_tar;
extern const struct sfx_sink_ops sfx_sink_zip;
extern const struct sfx_sink_ops sfx_sink_sqlite;
extern const struct sfx_sink_ops sfx_sink_postgres;
extern const struct sfx_sink_ops sfx_sink_script;

#endif
