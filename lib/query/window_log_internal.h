/* SPDX-License-Identifier: MIT */
/* What the parts of window_spill.c share: the log by key of windows beyond the memory. */
#ifndef SFX_QUERY_WINDOW_LOG_INTERNAL_H
#define SFX_QUERY_WINDOW_LOG_INTERNAL_H

#include "query/window_internal.h"

/* What stands in front of each part. */
struct sfx_window_entry {
    sfx_int128 start, end;
    sfx_int128 watermark; /* when the record came: what ended before was over */
    uint64_t order;
};

/* An sfx_agg_ctx.put whose put_to is this: a record of the results. */
struct sfx_window_put_to {
    struct sfx_window *w;
    struct sfx_sorter *to;
    uint64_t hash;
    struct sfx_slice key;
    struct sfx_window_entry entry;
};

int sfx_window_put_result(void *to, uint16_t index, const void *part, size_t part_nbytes,
                          struct sfx_err *err);

/* Hands the results on in order, and forgets them. Errors: IO, NOMEM, those of the stages behind.
 */
int sfx_window_pass_results(struct sfx_window *w, struct sfx_err *err);

static inline unsigned char *sfx_window_append(unsigned char *at, const void *bytes, size_t nbytes)
{
    if (nbytes > 0)
        __builtin_memcpy(at, bytes, nbytes);
    return at + nbytes;
}

#define SFX_NO_WATERMARK ((sfx_int128)(((unsigned __int128)1) << 127)) /* before all */

#endif
