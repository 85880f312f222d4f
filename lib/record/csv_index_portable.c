/* SPDX-License-Identifier: MIT */
/* The structural index on any machine: eight bytes in a register. The reference of all variants. */
#include "record/csv_step_internal.h"

#include <endian.h>
#include <string.h>

#define TARGET

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

static inline struct sfx_csv_masks classify(const char *ptr, const struct patterns *p,
                                            uint64_t valid)
{
    struct sfx_csv_masks m = {0};
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
    m.parity = csv_prefix_xor(m.quote);
    return m;
}

static inline struct patterns make_patterns(const struct sfx_csv_chars *chars)
{
    return (struct patterns){repeat(chars->delimiter), repeat(chars->quote), repeat(chars->newline),
                             repeat('\r'), chars->newline == '\r' ? 0 : ~UINT64_C(0)};
}

static inline void emit(struct sfx_csv_index *ix, uint64_t seps, uint32_t base)
{
    csv_emit_each(ix, seps, base);
}

#define SFX_CSV_INDEX sfx_csv_index_portable
#include "record/csv_index_loop_internal.h"
