/* SPDX-License-Identifier: MIT */
/* The structural index: choice of the variant, and the portable one, eight bytes in a register. */
#include "record/csv_internal.h"

#include "base/cpu.h"
#include "base/size.h"
#include "record/csv_step_internal.h"

#include <endian.h>
#include <string.h>

static const struct {
    uint32_t needs; /* enum sfx_cpu_feature */
    sfx_csv_index_fn *index;
} variants[] = {
#if defined(__x86_64__)
    {SFX_CPU_AVX512 | SFX_CPU_PCLMUL, sfx_csv_index_avx512},
    {SFX_CPU_AVX2 | SFX_CPU_PCLMUL, sfx_csv_index_avx2},
#endif
    {0, sfx_csv_index_portable},
};

sfx_csv_index_fn *sfx_csv_index_choose(void)
{
    const uint32_t have = sfx_cpu_features();
    size_t i = 0;

    while ((variants[i].needs & ~have) != 0)
        i++;
    return variants[i].index;
}

void sfx_csv_index_reset(struct sfx_csv_index *ix)
{
    ix->nseps = 0;
    ix->nrows = 0;
    ix->inside = 0;
    ix->may_open = 1;
    ix->after_close = 0;
    ix->after_cr = 0;
    ix->escape = false;
    ix->inner_newline = false;
    ix->spelled = false;
    ix->dirty = false;
}

/*
 * One bit for each of eight bytes that equals the byte repeated in pattern. The top bit of a byte
 * of `high` is set exactly when that byte of x is 0: adding 0x7f to its low seven bits carries into
 * the top for any other. The multiplication gathers the top bits: bit 7 of byte i moves to 56 + i.
 */
static inline uint64_t match8(uint64_t word, uint64_t pattern)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    const uint64_t x = word ^ pattern;
    const uint64_t high = ~(((x & low) + low) | x | low);

    return (high >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

struct patterns {
    uint64_t delimiter, quote, newline, cr;
    uint64_t cr_mask; /* 0 where CR is the line end: there is none before it */
};

static inline uint64_t repeat(char byte)
{
    return (unsigned char)byte * UINT64_C(0x0101010101010101);
}

static struct sfx_csv_masks classify(const char *ptr, const struct patterns *p, uint64_t valid)
{
    struct sfx_csv_masks m = {0};
    uint64_t parity;
    unsigned i;

    for (i = 0; i < 64; i += 8) {
        uint64_t word;

        memcpy(&word, ptr + i, sizeof(word));
        word = le64toh(word);
        m.delimiter |= match8(word, p->delimiter) << i;
        m.quote |= match8(word, p->quote) << i;
        m.newline |= match8(word, p->newline) << i;
        m.cr |= match8(word, p->cr) << i;
    }
    m.delimiter &= valid;
    m.quote &= valid;
    m.newline &= valid;
    m.cr &= valid & p->cr_mask;
    parity = m.quote;
    for (i = 1; i < 64; i *= 2)
        parity ^= parity << i;
    m.parity = parity;
    return m;
}

size_t sfx_csv_index_portable(const struct sfx_csv_chars *chars, struct sfx_csv_index *ix,
                              const char *data, size_t from, size_t to)
{
    const struct patterns p = {repeat(chars->delimiter), repeat(chars->quote),
                               repeat(chars->newline), repeat('\r'),
                               chars->newline == '\r' ? 0 : ~UINT64_C(0)};

    while (from < to && ix->nseps <= SFX_CSV_SEPS - 64) {
        const unsigned n = to - from < 64 ? (unsigned)(to - from) : 64;
        const struct sfx_csv_masks m = classify(data + from, &p, ~UINT64_C(0) >> (64 - n));
        struct sfx_csv_words w;

        if (chars->tsv)
            tsv_step(ix, &m, &w);
        else if (!csv_step(ix, &m, n, &w)) {
            ix->dirty = true;
            break;
        }
        csv_emit_rows(ix, &w);
        csv_emit_escaped(ix, &w, (uint32_t)from);
        from += n;
    }
    return from;
}
