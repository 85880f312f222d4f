/* SPDX-License-Identifier: MIT */
/* Logs as servers write them, recognised by one line: for their readers and for detection. */
#ifndef SFX_RECORD_WEBLOG_INTERNAL_H
#define SFX_RECORD_WEBLOG_INTERNAL_H

#include "base/slice.h"

#include <stdbool.h>

/* Whether line is one of the common (*combined false) or combined log format. */
bool sfx_weblog_matches(struct sfx_slice line, bool *combined);

/* Whether line is one of syslog: with a priority, or a time, a host and a tag. */
bool sfx_syslog_matches(struct sfx_slice line);

#endif
