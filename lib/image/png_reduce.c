/* SPDX-License-Identifier: MIT */
/* The smallest exact form of pixels: looked for in one pass that ends as soon as there is none. */
#include "image/png_reduce.h"

#include <stdlib.h>
#include <string.h>

#define MAX_COLOURS 256
#define TABLE_SLOTS 1024 /* four for a colour: next to no collisions */

/* What a palette costs beside its colours: PLTE's and tRNS's length, name and checksum. */
#define CHUNK_NBYTES 12

struct colours {
    unsigned count;             /* MAX_COLOURS + 1: too many */
    uint16_t slot[TABLE_SLOTS]; /* index + 1 of a colour; 0: free */
    uint8_t rgba[MAX_COLOURS][4];
};

struct found {
    bool opaque, gray;
    bool narrow;        /* 16-bit samples are 8-bit ones, doubled */
    unsigned gray_bits; /* of 8-bit gray samples: 1, 2, 4, 8 */
};

static uint32_t key_of(const uint8_t rgba[4])
{
    uint32_t key;

    memcpy(&key, rgba, sizeof(key));
    return key;
}

/* The slot of a colour, or the free one where it belongs. */
static uint16_t *find_slot(struct colours *colours, const uint8_t rgba[4])
{
    uint32_t at = key_of(rgba) * 0x9e3779b1u >> 22; /* 32 - log2(TABLE_SLOTS) */

    while (colours->slot[at] != 0 && memcmp(colours->rgba[colours->slot[at] - 1], rgba, 4) != 0)
        at = (at + 1) % TABLE_SLOTS;
    return &colours->slot[at];
}

static void expand_pixel(const uint8_t *src, unsigned channels, uint8_t rgba[4])
{
    rgba[0] = src[0];
    rgba[1] = channels >= 3 ? src[1] : src[0];
    rgba[2] = channels >= 3 ? src[2] : src[0];
    rgba[3] = channels % 2 == 0 ? src[channels - 1] : 255;
}

/* Counts the colours of 8-bit rows; stops when they are too many. */
static void count_colours(const struct sfx_whole *w, uint32_t width_px, unsigned channels,
                          struct colours *colours)
{
    uint8_t rgba[4], before[4] = {0};
    uint32_t y, x;

    for (y = 0; y < w->height_px; y++) {
        const uint8_t *row = sfx_whole_row(w, y);

        for (x = 0; x < width_px; x++, row += channels) {
            uint16_t *slot;

            expand_pixel(row, channels, rgba);
            if (colours->count > 0 && key_of(rgba) == key_of(before))
                continue;
            memcpy(before, rgba, 4);
            slot = find_slot(colours, rgba);
            if (*slot != 0)
                continue;
            if (colours->count == MAX_COLOURS) {
                colours->count++;
                return;
            }
            memcpy(colours->rgba[colours->count++], rgba, 4);
            *slot = (uint16_t)colours->count;
        }
    }
}

static unsigned bits_of_gray(uint8_t value)
{
    return value % 255 == 0 ? 1 : value % 85 == 0 ? 2 : value % 17 == 0 ? 4 : 8;
}

/* Looks at a row of 8-bit or 16-bit samples. */
static void look_at_row(const uint8_t *row, size_t n, unsigned channels, unsigned nbytes,
                        struct found *found)
{
    bool alpha = channels % 2 == 0;
    size_t i, pixel = (size_t)channels * nbytes;

    for (i = 0; i < n; i++, row += pixel) {
        if (alpha && found->opaque)
            found->opaque = row[pixel - 1] == 255 && row[pixel - nbytes] == 255;
        if (channels >= 3 && found->gray)
            found->gray = memcmp(row, row + nbytes, nbytes) == 0 &&
                          memcmp(row, row + 2 * (size_t)nbytes, nbytes) == 0;
        if (nbytes == 1 && found->gray && found->gray_bits < 8) {
            unsigned bits = bits_of_gray(row[0]);

            if (bits > found->gray_bits)
                found->gray_bits = bits;
        }
        if (!found->gray && (!alpha || !found->opaque))
            return;
    }
}

static void narrow(struct sfx_whole *w, size_t samples)
{
    uint32_t y;
    size_t i;

    for (y = 0; y < w->height_px; y++) {
        uint8_t *row = sfx_whole_row(w, y);

        for (i = 0; i < samples; i++)
            row[i] = row[2 * i]; /* both bytes are the same */
    }
}

static bool is_narrow(const struct sfx_whole *w, size_t samples)
{
    uint32_t y;
    size_t i;

    for (y = 0; y < w->height_px; y++) {
        const uint8_t *row = sfx_whole_row(w, y);

        for (i = 0; i < samples; i++)
            if (row[2 * i] != row[2 * i + 1])
                return false;
    }
    return true;
}

/* Leaves out the channels that say nothing. */
static void drop_channels(struct sfx_whole *w, uint32_t width_px, struct sfx_png_form *form,
                          enum sfx_layout layout)
{
    unsigned nbytes = form->depth / 8;
    size_t from = sfx_layout_channels(form->layout) * nbytes;
    size_t to = sfx_layout_channels(layout) * nbytes;
    bool keeps_alpha = layout == SFX_LAYOUT_GRAY_ALPHA;
    uint32_t y, x;

    for (y = 0; y < w->height_px && from != to; y++) {
        uint8_t *src = sfx_whole_row(w, y), *dst = src;

        for (x = 0; x < width_px; x++, src += from, dst += to) {
            memmove(dst, src, keeps_alpha ? nbytes : to);
            if (keeps_alpha)
                memmove(dst + nbytes, src + from - nbytes, nbytes);
        }
    }
    form->layout = layout;
}

static int luma(const uint8_t *c)
{
    return c[0] * 299 + c[1] * 587 + c[2] * 114;
}

/* Transparent colours first, so that tRNS is short; then dark to light, so that neighbours differ
 * little. */
static int by_alpha_and_luma(const void *a, const void *b)
{
    const uint8_t *x = a, *y = b;

    if ((x[3] == 255) != (y[3] == 255))
        return x[3] == 255 ? 1 : -1;
    return luma(x) != luma(y) ? (luma(x) > luma(y)) - (luma(x) < luma(y)) : memcmp(x, y, 4);
}

static unsigned index_bits(unsigned count)
{
    return count <= 2 ? 1 : count <= 4 ? 2 : count <= 16 ? 4 : 8;
}

/* Makes the rows indexes of the colours. */
static void to_palette(struct sfx_whole *w, uint32_t width_px, struct colours *colours,
                       struct sfx_png_form *form)
{
    unsigned channels = sfx_layout_channels(form->layout), i;
    uint32_t y, x;

    qsort(colours->rgba, colours->count, 4, by_alpha_and_luma);
    memset(colours->slot, 0, sizeof(colours->slot));
    for (i = 0; i < colours->count; i++)
        *find_slot(colours, colours->rgba[i]) = (uint16_t)(i + 1);
    for (y = 0; y < w->height_px; y++) {
        uint8_t *row = sfx_whole_row(w, y), rgba[4];

        for (x = 0; x < width_px; x++) {
            expand_pixel(row + (size_t)x * channels, channels, rgba);
            row[x] = (uint8_t)(*find_slot(colours, rgba) - 1);
        }
    }
    form->palette.count = colours->count;
    memcpy(form->palette.rgba, colours->rgba, sizeof(colours->rgba));
    form->depth = index_bits(colours->count);
}

size_t sfx_png_row_nbytes(const struct sfx_png_form *form, uint32_t width_px)
{
    unsigned channels = form->palette.count > 0 ? 1 : sfx_layout_channels(form->layout);

    return ((size_t)width_px * channels * form->depth + 7) / 8;
}

void sfx_png_pack(struct sfx_whole *w, uint32_t width_px, const struct sfx_png_form *form)
{
    unsigned shift = form->palette.count > 0 ? 0 : 8 - form->depth; /* gray: the upper bits */
    uint32_t y, x;

    for (y = 0; y < w->height_px && form->depth < 8; y++) {
        uint8_t *row = sfx_whole_row(w, y);
        unsigned bits = 0, n = 0;
        size_t at = 0;

        for (x = 0; x < width_px; x++) {
            bits = bits << form->depth | row[x] >> shift;
            n += form->depth;
            if (n == 8) {
                row[at++] = (uint8_t)bits;
                bits = n = 0;
            }
        }
        if (n > 0)
            row[at] = (uint8_t)(bits << (8 - n));
    }
}

/* Whether a palette pays against pixels of so many bits. */
static bool palette_pays(const struct sfx_whole *w, uint32_t width_px, unsigned pixel_bits,
                         unsigned ncolours)
{
    unsigned bits = index_bits(ncolours);
    uint64_t saved = 0;

    if (bits < pixel_bits)
        saved = (uint64_t)width_px * w->height_px * (pixel_bits - bits) / 8;
    return saved > 2 * CHUNK_NBYTES + 4 * (uint64_t)ncolours;
}

void sfx_png_reduce(struct sfx_whole *w, uint32_t width_px, bool has_icc, struct sfx_png_form *form)
{
    unsigned channels = sfx_layout_channels(form->layout);
    bool alpha = sfx_layout_has_alpha(form->layout);
    struct found found = {.opaque = alpha, .gray = true, .gray_bits = 1};
    struct colours *colours = NULL;
    uint32_t y;

    if (form->depth == 16 && is_narrow(w, (size_t)width_px * channels)) {
        narrow(w, (size_t)width_px * channels);
        form->depth = 8;
    }
    for (y = 0; y < w->height_px && (found.gray || found.opaque); y++)
        look_at_row(sfx_whole_row(w, y), width_px, channels, form->depth / 8, &found);
    alpha = alpha && !found.opaque;
    if (channels < 3 || (found.gray && !has_icc))
        drop_channels(w, width_px, form, alpha ? SFX_LAYOUT_GRAY_ALPHA : SFX_LAYOUT_GRAY);
    else
        drop_channels(w, width_px, form, alpha ? SFX_LAYOUT_RGBA : SFX_LAYOUT_RGB);
    channels = sfx_layout_channels(form->layout);
    if (form->depth == 8 && (channels >= 3 || !has_icc))
        colours = calloc(1, sizeof(*colours)); /* without it: no palette */
    if (colours != NULL) {
        unsigned bits = channels == 1 ? found.gray_bits : channels * 8;

        count_colours(w, width_px, channels, colours);
        if (colours->count <= MAX_COLOURS && palette_pays(w, width_px, bits, colours->count))
            to_palette(w, width_px, colours, form);
        free(colours);
    }
    if (form->palette.count == 0 && channels == 1 && form->depth == 8)
        form->depth = found.gray_bits;
    sfx_png_pack(w, width_px, form);
    form->row_nbytes = sfx_png_row_nbytes(form, width_px);
}

bool sfx_png_has_more_colours(const struct sfx_whole *w, uint32_t width_px, enum sfx_layout layout,
                              unsigned most)
{
    struct colours *colours = calloc(1, sizeof(*colours));
    bool more = true;

    if (colours != NULL) {
        count_colours(w, width_px, sfx_layout_channels(layout), colours);
        more = colours->count > most;
    }
    free(colours);
    return more;
}
