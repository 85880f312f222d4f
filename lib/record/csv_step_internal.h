/* SPDX-License-Identifier: MIT */
/*
 * What the variants of the structural index share: a variant classifies 64 bytes into masks, and
 * emits positions in its own way; what the masks mean is decided here, once.
 */
#ifndef SFX_RECORD_CSV_STEP_INTERNAL_H
#define SFX_RECORD_CSV_STEP_INTERNAL_H

#include "record/csv_internal.h"

#define SFX_CSV_INLINE static inline __attribute__((always_inline))

/* One bit a byte, the first byte is bit 0; bits of bytes beyond the step are 0. */
struct sfx_csv_masks {
    uint64_t delimiter, quote, newline, cr;
    uint64_t parity; /* bit i: xor of quote's bits 0 … i */
};

struct sfx_csv_words {
    uint64_t seps;    /* separators */
    uint64_t ends;    /* those that end a record */
    uint64_t escapes; /* escapes (the second of two quotes, a backslash) */
};

/*
 * Decides what n (1 … 64) bytes with these masks are, given what went before. False: dirty, ix is
 * as it was.
 */
SFX_CSV_INLINE bool csv_step(struct sfx_csv_index *ix, const struct sfx_csv_masks *m, unsigned n,
                             struct sfx_csv_words *w)
{
    const uint64_t inside = m->parity ^ ix->inside;
    const unsigned last = n - 1;

    w->seps = (m->delimiter | m->newline) & ~inside;
    w->ends = m->newline & ~inside;
    w->escapes = 0;
    if ((m->quote | ix->after_close | ix->after_cr) != 0) {
        const uint64_t valid = ~UINT64_C(0) >> (64 - n);
        const uint64_t opening = m->quote & inside;
        const uint64_t closing = m->quote & ~inside;
        const uint64_t behind = closing << 1 | ix->after_close;
        const uint64_t behind_cr = (behind & m->cr) << 1 | ix->after_cr;
        uint64_t bad = opening & ~((w->seps | closing) << 1 | ix->may_open);

        bad |= behind & ~(w->seps | m->quote | m->cr);
        bad |= behind_cr & ~w->ends;
        if ((bad & valid) != 0)
            return false;
        w->escapes = opening & behind;
        ix->spelled = true;
        ix->after_close = closing >> last & 1;
        ix->after_cr = (behind & m->cr) >> last & 1;
        ix->may_open = (w->seps | closing) >> last & 1;
    } else {
        ix->may_open = w->seps >> last & 1;
    }
    if ((m->newline & inside) != 0)
        ix->inner_newline = true;
    ix->inside = (uint64_t)((int64_t)(inside << (63 - last)) >> 63);
    return true;
}

/* The same for TSV: no quotes, `quote` is the backslash. */
SFX_CSV_INLINE void tsv_step(struct sfx_csv_index *ix, const struct sfx_csv_masks *m,
                             struct sfx_csv_words *w)
{
    ix->spelled = ix->spelled || m->quote != 0;
    w->seps = m->delimiter | m->newline;
    w->ends = m->newline;
    w->escapes = m->quote;
}

/* Notes where records end; call before the separators of w are appended. */
SFX_CSV_INLINE void csv_emit_rows(struct sfx_csv_index *ix, const struct sfx_csv_words *w)
{
    uint64_t ends = w->ends;

    while (ends != 0) {
        const uint64_t lowest = ends & -ends;

        ix->rows[ix->nrows++] = ix->nseps + (uint32_t)__builtin_popcountll(w->seps & (lowest - 1));
        ends ^= lowest;
    }
}

/* The xor of bits 0 … i, as bit i, where there is no instruction for it. */
SFX_CSV_INLINE uint64_t csv_prefix_xor(uint64_t bits)
{
    unsigned i;

    for (i = 1; i < 64; i *= 2)
        bits ^= bits << i;
    return bits;
}

/*
 * Appends separators without a branch for each: eight are written whether there are so many or
 * not, what is too much is overwritten by the next step (SFX_CSV_SEPS leaves room for 64).
 */
SFX_CSV_INLINE void csv_emit_each(struct sfx_csv_index *ix, uint64_t seps, uint32_t base)
{
    const uint32_t count = (uint32_t)__builtin_popcountll(seps);
    uint32_t *out = ix->seps + ix->nseps;
    uint32_t done;

    for (done = 0; done < count; done += 8) {
        unsigned i;

        for (i = 0; i < 8; i++) {
            out[done + i] = base + (seps != 0 ? (uint32_t)__builtin_ctzll(seps) : 0);
            seps &= seps - 1;
        }
    }
    ix->nseps += count;
}

/* Appends separators one by one, those behind an escape marked. */
SFX_CSV_INLINE void csv_emit_escaped(struct sfx_csv_index *ix, const struct sfx_csv_words *w,
                                     uint32_t base)
{
    uint64_t escapes = w->escapes;
    uint64_t seps = w->seps;

    while (seps != 0) {
        const uint64_t lowest = seps & -seps;
        const uint64_t before = escapes & (lowest - 1);

        ix->seps[ix->nseps++] = (base + (uint32_t)__builtin_ctzll(seps)) |
                                (before != 0 || ix->escape ? SFX_CSV_ESCAPED : 0);
        ix->escape = false;
        escapes ^= before;
        seps ^= lowest;
    }
    ix->escape = ix->escape || escapes != 0;
}

#endif
