/* SPDX-License-Identifier: MIT */
/*
 * The loop of the structural index: each variant includes this behind what is its own. That is
 *   TARGET          function attributes
 *   SFX_CSV_INDEX   the name of its sfx_csv_index_fn
 *   struct patterns and make_patterns(chars): the bytes to look for, in registers
 *   classify(ptr, patterns, valid): the masks of 64 bytes, those beyond `valid` 0
 *   emit(ix, seps, base): appends the positions base + i of the bits i of seps; may write up to 64
 *                   entries behind ix->nseps
 */
#include "record/csv_step_internal.h"

/* Indexes n (1 … 64) bytes. False: dirty. */
TARGET SFX_CSV_INLINE bool step(const struct sfx_csv_chars *chars, const struct patterns *p,
                                struct sfx_csv_index *ix, const char *data, size_t from, unsigned n)
{
    const struct sfx_csv_masks m = classify(data + from, p, ~UINT64_C(0) >> (64 - n));
    struct sfx_csv_words w;

    if (chars->tsv)
        tsv_step(ix, &m, &w);
    else if (!csv_step(ix, &m, n, &w))
        return false;
    csv_emit_rows(ix, &w);
    if (w.escapes != 0 || ix->escape)
        csv_emit_escaped(ix, &w, (uint32_t)from);
    else
        emit(ix, w.seps, (uint32_t)from);
    return true;
}

/* The last step, of fewer bytes, stands apart: the others know how many there are. */
TARGET size_t SFX_CSV_INDEX(const struct sfx_csv_chars *chars, struct sfx_csv_index *ix,
                            const char *data, size_t from, size_t to)
{
    const struct patterns p = make_patterns(chars);

    while (from + 64 <= to && ix->nseps <= SFX_CSV_SEPS - 64) {
        if (!step(chars, &p, ix, data, from, 64)) {
            ix->dirty = true;
            return from;
        }
        from += 64;
    }
    if (from < to && to - from < 64 && ix->nseps <= SFX_CSV_SEPS - 64) {
        if (step(chars, &p, ix, data, from, (unsigned)(to - from)))
            from = to;
        else
            ix->dirty = true;
    }
    return from;
}
