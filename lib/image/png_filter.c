/* SPDX-License-Identifier: MIT */
/* PNG's row filters: the portable reference, and the choice of a variant. */
#include "image/png_filter.h"

#include "base/cpu.h"
#include "base/size.h"
#include "image/png_filter_internal.h"

#include <stdlib.h>

static uint8_t paeth(int left, int above, int corner)
{
    int p = left + above - corner;
    int to_left = abs(p - left), to_above = abs(p - above), to_corner = abs(p - corner);

    return (uint8_t)(to_left <= to_above && to_left <= to_corner ? left
                     : to_above <= to_corner                     ? above
                                                                 : corner);
}

/* What filter foretells for a byte. */
static uint8_t foretell(enum sfx_png_filter filter, uint8_t left, uint8_t above, uint8_t corner)
{
    switch (filter) {
    case SFX_PNG_SUB: return left;
    case SFX_PNG_UP: return above;
    case SFX_PNG_AVERAGE: return (uint8_t)((left + above) / 2);
    case SFX_PNG_PAETH: return paeth(left, above, corner);
    default: return 0;
    }
}

static void undo(enum sfx_png_filter filter, uint8_t *row, const uint8_t *above, size_t n,
                 size_t bpp)
{
    size_t i;

    for (i = 0; i < n; i++) {
        uint8_t left = i >= bpp ? row[i - bpp] : 0, corner = i >= bpp ? above[i - bpp] : 0;

        row[i] = (uint8_t)(row[i] + foretell(filter, left, above[i], corner));
    }
}

static uint64_t apply(enum sfx_png_filter filter, const uint8_t *row, const uint8_t *above,
                      size_t n, size_t bpp, uint8_t *out)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        uint8_t left = i >= bpp ? row[i - bpp] : 0, corner = i >= bpp ? above[i - bpp] : 0;

        out[i] = (uint8_t)(row[i] - foretell(filter, left, above[i], corner));
        sum += out[i] < 128 ? out[i] : 256u - out[i];
    }
    return sum;
}

const struct sfx_png_filters sfx_png_filters_portable = {0, undo, apply};

const struct sfx_png_filters *sfx_png_filters_best(void)
{
    static const struct sfx_png_filters *const variants[] = {
#ifdef __x86_64__
        &sfx_png_filters_sse,
#endif
        &sfx_png_filters_portable,
    };
    uint32_t has = sfx_cpu_features();
    size_t i = 0;

    while (i + 1 < SFX_COUNT(variants) && (variants[i]->needs & ~has) != 0)
        i++;
    return variants[i];
}
