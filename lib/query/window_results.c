/* SPDX-License-Identifier: MIT */
/* Windows beyond the memory that are over: sorted by their end and first appearance, handed on. */
#include "query/window_log_internal.h"

#include <string.h>

#define END_NBYTES   sizeof(sfx_int128)
#define ORDER_NBYTES sizeof(uint64_t)
#define FRAME_NBYTES ((size_t)4 << 20) /* a frame that goes out has not much more of states */

int sfx_window_put_result(void *to, uint16_t index, const void *part, size_t part_nbytes,
                          struct sfx_err *err)
{
    const struct sfx_window_put_to *p = to;
    unsigned __int128 end = (unsigned __int128)p->entry.end ^ (unsigned __int128)SFX_NO_WATERMARK;
    const uint64_t order = __builtin_bswap64(p->entry.order);
    const uint32_t key_nbytes = (uint32_t)p->key.len;
    size_t nbytes =
        sizeof(p->entry) + sizeof(key_nbytes) + key_nbytes + sizeof(index) + part_nbytes;
    uint64_t half[2] = {__builtin_bswap64((uint64_t)(end >> 64)), __builtin_bswap64((uint64_t)end)};
    unsigned char *at;
    int rc = sfx_sorter_reserve(p->to, END_NBYTES + ORDER_NBYTES + nbytes, &at, err);

    if (rc < 0)
        return rc;
    at = sfx_window_append(sfx_window_append(at, half, END_NBYTES), &order, ORDER_NBYTES);
    at = sfx_window_append(sfx_window_append(at, &p->entry, sizeof(p->entry)), &key_nbytes,
                           sizeof(key_nbytes));
    at = sfx_window_append(sfx_window_append(at, p->key.ptr, p->key.len), &index, sizeof(index));
    (void)sfx_window_append(at, part, part_nbytes);
    sfx_sorter_commit(p->to, END_NBYTES + ORDER_NBYTES, nbytes);
    return 0;
}

/* Reads the window that begins with *record; *record is then that of the next one, or NULL. */
static int read_result(struct sfx_window *w, const unsigned char **record, uint32_t row,
                       struct sfx_err *err)
{
    struct sfx_span *span = &w->log.span;
    unsigned char *state = sfx_arena_calloc(&span->arena, 1, w->state_nbytes + 1, err);
    struct sfx_window_merge merge = {w, state, span};
    char order[END_NBYTES + ORDER_NBYTES], *key = NULL;
    struct sfx_window_entry entry;
    int rc = state == NULL ? SFX_E_NOMEM : 1;

    memcpy(order, *record + SFX_RECORD_HEAD_NBYTES, sizeof(order));
    while (rc > 0 && memcmp(order, *record + SFX_RECORD_HEAD_NBYTES, sizeof(order)) == 0) {
        const unsigned char *at = sfx_record_row(*record);
        uint32_t key_nbytes;
        uint16_t index;

        memcpy(&entry, at, sizeof(entry));
        at += sizeof(entry);
        memcpy(&key_nbytes, at, sizeof(key_nbytes));
        at += sizeof(key_nbytes);
        if (key == NULL)
            key = sfx_arena_strndup(&span->arena, (const char *)at, key_nbytes, err);
        at += key_nbytes;
        memcpy(&index, at, sizeof(index));
        at += sizeof(index);
        rc = key == NULL
                 ? SFX_E_NOMEM
                 : sfx_window_merge_part(&merge, index, at,
                                         sfx_record_nbytes(*record) - (size_t)(at - *record), err);
        if (rc == 0)
            rc = sfx_sorter_next(&w->log.results, record, err);
    }
    if (rc < 0)
        return rc;
    if (rc == 0)
        *record = NULL;
    span->start = entry.start;
    span->end = entry.end;
    if (entry.end > w->watermark)
        w->watermark = entry.end;
    return sfx_window_put(w, span, (const unsigned char *)key, state, row, err);
}

int sfx_window_pass_results(struct sfx_window *w, struct sfx_err *err)
{
    struct sfx_sorter *results = &w->log.results;
    const unsigned char *record = NULL;
    struct sfx_window_text text;
    uint32_t n;
    int rc = sfx_sorter_sort(results, err), more = 0;

    if (rc == 0)
        rc = more = sfx_sorter_next(results, &record, err);
    if (more == 0)
        record = NULL;
    while (rc >= 0 && record != NULL) {
        text = sfx_window_text_begin(w);
        for (n = 0, rc = 0; rc == 0 && record != NULL && n < SFX_BATCH_ROWS; n++) {
            if (w->log.span.arena.total_nbytes > FRAME_NBYTES && n > 0)
                break;
            rc = read_result(w, &record, n, err);
        }
        if (rc == 0)
            rc = sfx_operator_pass_written(&w->op, n, err);
        sfx_window_text_end(w, text);
        sfx_arena_reset(&w->log.span.arena);
    }
    sfx_sorter_clear(results);
    return rc < 0 ? rc : 0;
}
