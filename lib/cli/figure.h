/* SPDX-License-Identifier: MIT */
/* A figure of --stats: what was counted, under the name that readers of the JSON know. */
#ifndef SFX_CLI_FIGURE_H
#define SFX_CLI_FIGURE_H

#include <stdint.h>

struct sfx_figure {
    const char *name; /* borrowed, static: "records_in" */
    uint64_t value;
};

#endif
