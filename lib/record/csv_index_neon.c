/* SPDX-License-Identifier: MIT */
/* The structural index with NEON: 64 bytes a step in four registers. */
#include "record/csv_internal.h"

#if defined(__aarch64__)
#include "record/csv_step_internal.h"

#include <arm_neon.h>

#define TARGET

struct patterns {
    uint8x16_t delimiter, quote, newline, cr;
    uint64_t cr_mask; /* 0 where CR is the line end: there is none before it */
};

/*
 * There is no movemask: each byte that matches keeps the bit of its place within eight, and adding
 * neighbours three times makes one byte of eight. Lanes are in the order of memory on either endian
 * that Linux runs on.
 */
static inline uint64_t match64(const uint8x16_t *v, uint8x16_t pattern)
{
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t place = vld1q_u8(places);
    const uint8x16_t ab = vpaddq_u8(vandq_u8(vceqq_u8(v[0], pattern), place),
                                    vandq_u8(vceqq_u8(v[1], pattern), place));
    const uint8x16_t cd = vpaddq_u8(vandq_u8(vceqq_u8(v[2], pattern), place),
                                    vandq_u8(vceqq_u8(v[3], pattern), place));
    const uint8x16_t abcd = vpaddq_u8(ab, cd);

    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(abcd, abcd)), 0);
}

static inline struct sfx_csv_masks classify(const char *ptr, const struct patterns *p,
                                            uint64_t valid)
{
    const uint8_t *at = (const uint8_t *)ptr;
    const uint8x16_t v[4] = {vld1q_u8(at), vld1q_u8(at + 16), vld1q_u8(at + 32), vld1q_u8(at + 48)};
    struct sfx_csv_masks m;

    m.delimiter = match64(v, p->delimiter) & valid;
    m.quote = match64(v, p->quote) & valid;
    m.newline = match64(v, p->newline) & valid;
    m.cr = match64(v, p->cr) & valid & p->cr_mask;
    m.parity = m.quote != 0 ? csv_prefix_xor(m.quote) : 0;
    return m;
}

static inline void emit(struct sfx_csv_index *ix, uint64_t seps, uint32_t base)
{
    csv_emit_each(ix, seps, base);
}

static inline struct patterns make_patterns(const struct sfx_csv_chars *chars)
{
    return (struct patterns){vdupq_n_u8((uint8_t)chars->delimiter),
                             vdupq_n_u8((uint8_t)chars->quote), vdupq_n_u8((uint8_t)chars->newline),
                             vdupq_n_u8('\r'), chars->newline == '\r' ? 0 : ~UINT64_C(0)};
}

#define SFX_CSV_INDEX sfx_csv_index_neon
#include "record/csv_index_loop_internal.h"
#endif
