/* SPDX-License-Identifier: MIT */
/* PNG's pixel data with libdeflate. */
#include "image/png_deflate.h"

#ifdef SFX_WITH_LIBDEFLATE

#include "base/dl.h"
#include "base/size.h"
#include "image/encoder.h"
#include "image/png_filter.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

/* What is tried out of an image: 64 rows cost a tenth of a thumbnail's compression. */
#define SAMPLE_BANDS 4
#define SAMPLE_ROWS  16
#define CLEAR_FACTOR 4 /* how much nearer to zero filters bring what is certainly a photo */
#define SAMPLE_LEVEL 6 /* beyond it time grows faster than insight */

struct libdeflate {
    struct libdeflate_compressor *(*alloc)(int);
    size_t (*bound)(struct libdeflate_compressor *, size_t);
    size_t (*compress)(struct libdeflate_compressor *, const void *, size_t, void *, size_t);
    void (*free)(struct libdeflate_compressor *);
};

static struct libdeflate lib_functions;

int sfx_libdeflate_need(struct sfx_err *err)
{
    static const struct sfx_dl_symbol symbols[] = {
        {"libdeflate_alloc_compressor", offsetof(struct libdeflate, alloc)},
        {"libdeflate_zlib_compress_bound", offsetof(struct libdeflate, bound)},
        {"libdeflate_zlib_compress", offsetof(struct libdeflate, compress)},
        {"libdeflate_free_compressor", offsetof(struct libdeflate, free)},
    };
    static struct sfx_dl_lib lib = SFX_DL_LIB(SFX_LIBLIBDEFLATE_SONAME, symbols, &lib_functions);

    return sfx_dl_need(&lib, err);
}

/* The rows that a row is filtered with: each has zeros before it, as the pixels left of it. */
struct scratch {
    uint8_t *memory; /* owned */
    uint8_t *row, *above, *best, *trial;
    uint64_t plain_sum, filtered_sum;
};

static int scratch_init(struct scratch *s, size_t row_nbytes, struct sfx_err *err)
{
    size_t part = row_nbytes + 2 * (size_t)SFX_PNG_SLACK;

    s->memory = calloc(4, part);
    if (s->memory == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for rows");
    s->row = s->memory + SFX_PNG_SLACK;
    s->above = s->row + part;
    s->best = s->above + part;
    s->trial = s->best + part;
    return 0;
}

static void swap(uint8_t **a, uint8_t **b)
{
    uint8_t *c = *a;

    *a = *b;
    *b = c;
}

/* A row as the file has it: 16 bits big end first. */
static void load_row(const uint8_t *src, const struct sfx_png_form *form, uint8_t *dst)
{
    size_t i;

    if (form->depth < 16) {
        memcpy(dst, src, form->row_nbytes);
        return;
    }
    for (i = 0; i < form->row_nbytes / 2; i++) {
        uint16_t sample = ((const uint16_t *)(const void *)src)[i];

        dst[2 * i] = (uint8_t)(sample >> 8);
        dst[2 * i + 1] = (uint8_t)sample;
    }
}

/* Filters s->row into s->best by the filter whose result is nearest to zero; sums grow by how near
 * that is, and no filter. */
static enum sfx_png_filter choose_filter(struct scratch *s, const struct sfx_png_form *form,
                                         const struct sfx_png_filters *filters)
{
    size_t bpp = (sfx_layout_channels(form->layout) * form->depth + 7) / 8;
    enum sfx_png_filter filter, best = SFX_PNG_NONE;
    uint64_t least = UINT64_MAX;

    for (filter = SFX_PNG_NONE; filter <= SFX_PNG_PAETH; filter++) {
        uint64_t sum = filters->apply(filter, s->row, s->above, form->row_nbytes, bpp, s->trial);

        if (filter == SFX_PNG_NONE)
            s->plain_sum += sum;
        if (sum >= least)
            continue;
        least = sum;
        best = filter;
        swap(&s->best, &s->trial);
    }
    s->filtered_sum += least;
    return best;
}

/* All rows with their filter bytes, in *out (the caller frees). Returns 1 when filters brought them
 * so near to zero that nothing else can be smaller. */
static int filter_rows(const struct sfx_whole *w, const struct sfx_png_form *form, bool plain,
                       uint8_t **rows, struct sfx_err *err)
{
    const struct sfx_png_filters *filters = sfx_png_filters_best();
    struct scratch s = {.memory = NULL};
    size_t nbytes;
    uint8_t *out;
    uint32_t y;

    if (!sfx_size_mul(1 + form->row_nbytes, w->height_px, &nbytes))
        return sfx_err_set(err, SFX_E_NOMEM, "an image this large cannot be held");
    out = *rows = malloc(nbytes);
    if (out == NULL || scratch_init(&s, form->row_nbytes, err) < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a PNG image");
    for (y = 0; y < w->height_px; y++) {
        load_row(sfx_whole_row(w, y), form, s.row);
        *out++ = (uint8_t)(plain ? SFX_PNG_NONE : choose_filter(&s, form, filters));
        memcpy(out, plain ? s.row : s.best, form->row_nbytes);
        out += form->row_nbytes;
        swap(&s.row, &s.above);
    }
    free(s.memory);
    return !plain && s.filtered_sum < s.plain_sum / CLEAR_FACTOR;
}

/* What a sample of the rows takes at a level: bands all over the image. 0 when memory ran out. */
static size_t sample_nbytes(const uint8_t *rows, size_t row_nbytes, uint32_t height_px, int level)
{
    struct libdeflate_compressor *trial = lib_functions.alloc(level);
    size_t bound = trial != NULL ? lib_functions.bound(trial, SAMPLE_ROWS * row_nbytes) : 0,
           sum = 0;
    uint8_t *out = bound > 0 ? malloc(bound) : NULL;
    uint32_t step = height_px / SAMPLE_BANDS, band;

    for (band = 0; band < SAMPLE_BANDS && out != NULL; band++)
        sum += lib_functions.compress(trial, rows + (size_t)band * step * row_nbytes,
                                      SAMPLE_ROWS * row_nbytes, out, bound);
    free(out);
    if (trial != NULL)
        lib_functions.free(trial);
    return sum;
}

/* The level of libdeflate for what was asked, of rows that are filtered or plain. */
static int level_of(int compression, bool plain)
{
    if (compression == SFX_COMPRESSION_AUTO)
        return plain ? 6 : 2;
    return compression == SFX_COMPRESSION_BEST ? 12 : compression - 1;
}

/*
 * The rows as they are to be compressed, in *rows (the caller frees), and whether they are *plain.
 * Photos want filters, drawings none: what a few bands say is nearly always true of the whole.
 */
static int prepare_rows(const struct sfx_whole *w, const struct sfx_png_form *form, int compression,
                        bool *plain, uint8_t **rows, struct sfx_err *err)
{
    size_t row_nbytes = 1 + form->row_nbytes;
    int deep = level_of(compression, true), quick = level_of(compression, false), rc;
    uint8_t *other = NULL;

    /* Indexes and bits have no slopes that a filter could foretell. */
    *plain = form->palette.count > 0 || form->depth < 8 || deep == 0;
    rc = filter_rows(w, form, *plain, rows, err);
    if (rc != 0 || *plain || w->height_px < SAMPLE_BANDS * SAMPLE_ROWS)
        return rc < 0 ? rc : 0;
    rc = filter_rows(w, form, true, &other, err);
    if (rc == 0 &&
        sample_nbytes(other, row_nbytes, w->height_px, deep < SAMPLE_LEVEL ? deep : SAMPLE_LEVEL) <
            sample_nbytes(*rows, row_nbytes, w->height_px,
                          quick < SAMPLE_LEVEL ? quick : SAMPLE_LEVEL)) {
        swap(rows, &other);
        *plain = true;
    }
    free(other);
    return rc;
}

int sfx_png_deflate(const struct sfx_whole *w, const struct sfx_png_form *form, int compression,
                    struct sfx_buf *out, struct sfx_err *err)
{
    size_t nbytes = (1 + form->row_nbytes) * w->height_px, bound;
    struct libdeflate_compressor *compressor = NULL;
    uint8_t *rows = NULL;
    bool plain;
    int rc = sfx_libdeflate_need(err);

    if (rc < 0)
        return rc;
    rc = prepare_rows(w, form, compression, &plain, &rows, err);
    if (rc == 0) {
        compressor = lib_functions.alloc(level_of(compression, plain));
        if (compressor == NULL)
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a PNG image");
    }
    if (rc == 0) {
        bound = lib_functions.bound(compressor, nbytes);
        rc = sfx_buf_reserve(out, bound, err);
    }
    if (rc == 0)
        out->len += lib_functions.compress(compressor, rows, nbytes, out->data + out->len, bound);
    if (compressor != NULL)
        lib_functions.free(compressor);
    free(rows);
    return rc;
}

#else

int sfx_png_deflate(const struct sfx_whole *w, const struct sfx_png_form *form, int compression,
                    struct sfx_buf *out, struct sfx_err *err)
{
    (void)w;
    (void)form;
    (void)compression;
    (void)out;
    return sfx_err_set(err, SFX_E_UNSUPPORTED, "this sfx is built without libdeflate");
}
#endif
