/* SPDX-License-Identifier: MIT */
/* The inner loops for AArch64, whose base has NEON. */
#include "image/resample_internal.h"

#if defined(__aarch64__)
#include "base/cpu.h"

#include <arm_neon.h>

#define STEP 16
#define ROWS 1

struct sums {
    int32x4_t s[4];
};

static inline struct sums sums_start(void)
{
    const int32x4_t half = vdupq_n_s32(1 << (SFX_RESAMPLE_V_SHIFT - 1));

    return (struct sums){{half, half, half, half}};
}

static inline void sums_add(struct sums *sums, const uint8_t *const *rows, const int16_t *w,
                            size_t at)
{
    const uint8x16_t row = vld1q_u8(rows[0] + at);
    const int16x8_t lo = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(row)));
    const int16x8_t hi = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(row)));
    int32x4_t *s = sums->s;

    s[0] = vmlal_n_s16(s[0], vget_low_s16(lo), w[0]);
    s[1] = vmlal_n_s16(s[1], vget_high_s16(lo), w[0]);
    s[2] = vmlal_n_s16(s[2], vget_low_s16(hi), w[0]);
    s[3] = vmlal_n_s16(s[3], vget_high_s16(hi), w[0]);
}

static inline void sums_store(const struct sums *sums, int16_t *dst)
{
    const int32x4_t *s = sums->s;

    vst1q_s16(dst, vcombine_s16(vshrn_n_s32(s[0], SFX_RESAMPLE_V_SHIFT),
                                vshrn_n_s32(s[1], SFX_RESAMPLE_V_SHIFT)));
    vst1q_s16(dst + 8, vcombine_s16(vshrn_n_s32(s[2], SFX_RESAMPLE_V_SHIFT),
                                    vshrn_n_s32(s[3], SFX_RESAMPLE_V_SHIFT)));
}

#define PARTS 8
typedef int32x4_t parts;

static inline parts parts_start(void)
{
    return vdupq_n_s32(0);
}

static inline parts parts_add(parts sum, const int16_t *samples, const int16_t *w)
{
    const int16x8_t a = vld1q_s16(samples), b = vld1q_s16(w);

    return vmlal_high_s16(vmlal_s16(sum, vget_low_s16(a), vget_low_s16(b)), a, b);
}

static inline uint32_t parts_join(parts a, parts b, parts c, parts d)
{
    const int32x4_t half = vdupq_n_s32(1 << (SFX_RESAMPLE_H_SHIFT - 1));
    const int32x4_t sum = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
    const int16x4_t words = vqmovn_s32(vshrq_n_s32(vaddq_s32(sum, half), SFX_RESAMPLE_H_SHIFT));

    return vget_lane_u32(vreinterpret_u32_u8(vqmovun_s16(vcombine_s16(words, words))), 0);
}

static inline size_t split_three(const int16_t *src, size_t n, int16_t *const *dst)
{
    size_t i, c;

    for (i = 0; i + 8 <= n; i += 8) {
        const int16x8x3_t three = vld3q_s16(src + 3 * i);

        for (c = 0; c < 3; c++)
            vst1q_s16(dst[c] + i, three.val[c]);
    }
    return i;
}

#define LOOPS
#define REAL_LOOPS
#define REAL_LANES 4
#define NEEDS      SFX_CPU_NEON
#define VARIANT    sfx_resample_neon
#include "image/resample_loops.h"

#endif
