/* SPDX-License-Identifier: MIT */
/* How a table of Markdown is known. */
#ifndef SFX_RECORD_MARKDOWN_INTERNAL_H
#define SFX_RECORD_MARKDOWN_INTERNAL_H

#include "base/slice.h"

#include <stdbool.h>

/* Whether these two lines begin a table: names and dashes, pipes in both, as many cells. */
bool sfx_markdown_begins_table(struct sfx_slice names, struct sfx_slice dashes);

#endif
