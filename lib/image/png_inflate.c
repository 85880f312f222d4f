/* SPDX-License-Identifier: MIT */
/* PNG pixel data with ISA-L: chunks, inflate, filters undone. */
#include "image/png_inflate.h"

#ifdef SFX_WITH_ISAL

#include "base/dl.h"
#include "base/size.h"
#include "image/png_filter.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

/* Filtered rows that are inflated at once: fewer calls, still within the second cache. */
#define BATCH_NBYTES 131072

#define CRC_NBYTES   4
#define CHUNK_NBYTES 8 /* length, name */

struct isal {
    void (*inflate_init)(struct inflate_state *);
    int (*inflate)(struct inflate_state *);
    uint32_t (*crc32)(uint32_t, const unsigned char *, uint64_t);
};

static struct isal isal;

int sfx_isal_need(struct sfx_err *err)
{
    static const struct sfx_dl_symbol symbols[] = {
        {"isal_inflate_init", offsetof(struct isal, inflate_init)},
        {"isal_inflate", offsetof(struct isal, inflate)},
        {"crc32_gzip_refl", offsetof(struct isal, crc32)},
    };
    static struct sfx_dl_lib lib = SFX_DL_LIB(SFX_LIBISAL_SONAME, symbols, &isal);

    return sfx_dl_need(&lib, err);
}

struct sfx_png_inflate {
    struct sfx_instream *in; /* borrowed */
    const struct sfx_png_filters *filters;
    struct inflate_state z;
    uint32_t left;              /* bytes of the IDAT chunk that are not used yet */
    uint32_t crc;               /* of the chunk so far */
    bool idat_ended;            /* the chunk that comes next is another one */
    uint8_t next[CHUNK_NBYTES]; /* its length and name */
    size_t row_nbytes, bpp;
    size_t slot_nbytes;            /* of a row: filter byte, row, slack */
    uint32_t height_px, given;     /* rows given out */
    uint32_t nslots, filled, used; /* rows in memory, inflated, given out of these */
    struct sfx_err failure;        /* of inflating, told once the rows before it are given out */
    uint8_t *memory;               /* owned: the slots, the row above the first in front */
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The filter byte of slot i; its row begins behind it. Slot -1 is the row above the first. */
static uint8_t *slot(const struct sfx_png_inflate *z, ptrdiff_t i)
{
    return z->memory + (size_t)(i + 1) * z->slot_nbytes;
}

struct sfx_png_inflate *sfx_png_inflate_new(struct sfx_instream *in, uint32_t chunk_nbytes,
                                            size_t row_nbytes, uint32_t height_px, size_t bpp,
                                            struct sfx_err *err)
{
    struct sfx_png_inflate *z;

    if (sfx_isal_need(err) < 0)
        return NULL;
    z = malloc(sizeof(*z));
    if (z == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a PNG decoder");
        return NULL;
    }
    isal.inflate_init(&z->z); /* sets what it reads; its buffers need no clearing */
    z->z.crc_flag = ISAL_ZLIB;
    z->z.next_in = in->buf;
    z->z.avail_in = 0;
    sfx_err_clear(&z->failure);
    z->in = in;
    z->filters = sfx_png_filters_best();
    z->left = chunk_nbytes;
    z->crc = isal.crc32(0, (const unsigned char *)"IDAT", 4);
    z->idat_ended = false;
    z->row_nbytes = row_nbytes;
    z->bpp = bpp;
    z->slot_nbytes = 1 + row_nbytes + SFX_PNG_SLACK;
    z->height_px = height_px;
    z->given = z->filled = z->used = 0;
    z->nslots = (uint32_t)(BATCH_NBYTES / z->slot_nbytes) + 1;
    if (z->nslots > height_px)
        z->nslots = height_px;
    z->memory = calloc(z->nslots + 1, z->slot_nbytes);
    if (z->memory == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for rows");
        sfx_png_inflate_free(z);
        return NULL;
    }
    return z;
}

static int ends_early(struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_INPUT, "data ends early");
}

/* Takes n bytes, which may be spread over reads, into out. */
static int take(struct sfx_instream *in, uint8_t *out, size_t n, struct sfx_err *err)
{
    while (n > 0) {
        size_t some = in->len - in->at < n ? in->len - in->at : n;
        int rc;

        memcpy(out, in->buf + in->at, some);
        in->at += some;
        out += some;
        n -= some;
        rc = n > 0 ? sfx_instream_fill(in, err) : 1;
        if (rc <= 0)
            return rc < 0 ? rc : ends_early(err);
    }
    return 0;
}

/* The end of a chunk: its checksum, and what comes next. */
static int end_chunk(struct sfx_png_inflate *z, struct sfx_err *err)
{
    uint8_t crc[CRC_NBYTES];
    int rc = take(z->in, crc, sizeof(crc), err);

    if (rc == 0 && get32(crc) != z->crc)
        rc = sfx_err_set(err, SFX_E_INPUT, "CRC error");
    return rc == 0 ? take(z->in, z->next, sizeof(z->next), err) : rc;
}

/* Gives the inflater more of IDAT. Returns 1, 0 when there is no more. */
static int feed(struct sfx_png_inflate *z, struct sfx_err *err)
{
    struct sfx_instream *in = z->in;
    size_t n;
    int rc;

    while (z->left == 0) {
        if (z->idat_ended)
            return 0;
        rc = end_chunk(z, err);
        if (rc < 0)
            return rc;
        z->idat_ended = memcmp(z->next + 4, "IDAT", 4) != 0;
        if (z->idat_ended)
            return 0;
        z->left = get32(z->next);
        z->crc = isal.crc32(0, z->next + 4, 4);
    }
    if (in->at == in->len) {
        rc = sfx_instream_fill(in, err);
        if (rc <= 0)
            return rc < 0 ? rc : ends_early(err);
    }
    n = in->len - in->at < z->left ? in->len - in->at : z->left;
    z->crc = isal.crc32(z->crc, in->buf + in->at, n);
    z->z.next_in = in->buf + in->at;
    z->z.avail_in = (uint32_t)n;
    in->at += n;
    z->left -= (uint32_t)n;
    return 1;
}

/* Inflates n bytes to out; fewer are an error. */
static int inflate_to(struct sfx_png_inflate *z, uint8_t *out, size_t n, struct sfx_err *err)
{
    int rc;

    z->z.next_out = out;
    z->z.avail_out = (uint32_t)n;
    while (z->z.avail_out > 0) {
        if (z->z.block_state == ISAL_BLOCK_FINISH)
            return sfx_err_set(err, SFX_E_INPUT, "not enough image data");
        rc = isal.inflate(&z->z);
        if (rc < 0 || rc == ISAL_NEED_DICT)
            return sfx_err_set(err, SFX_E_INPUT, "the compressed data is damaged");
        if (z->z.avail_out == 0 || z->z.block_state == ISAL_BLOCK_FINISH)
            continue;
        if (z->z.avail_in == 0) {
            rc = feed(z, err);
            if (rc <= 0)
                return rc < 0 ? rc : sfx_err_set(err, SFX_E_INPUT, "not enough image data");
        }
    }
    return 0;
}

/* Inflates as many rows as there are slots (or are left), the last one before them in front. Those
 * that came before a failure stay. */
static int fill_rows(struct sfx_png_inflate *z, struct sfx_err *err)
{
    uint32_t left = z->height_px - z->given, i;
    int rc = z->failure.code;

    if (z->filled > 0)
        memcpy(slot(z, -1), slot(z, (ptrdiff_t)z->filled - 1), z->slot_nbytes);
    z->used = z->filled = 0;
    for (i = 0; i < z->nslots && i < left && rc == 0; i++) {
        rc = inflate_to(z, slot(z, i), 1 + z->row_nbytes, &z->failure);
        if (rc == 0)
            z->filled++;
    }
    if (z->filled > 0)
        return 0;
    if (err != NULL)
        *err = z->failure;
    return rc;
}

/* The checksum of the pixels; data behind them is passed over, as libpng does. */
static int end_data(struct sfx_png_inflate *z, struct sfx_err *err)
{
    uint8_t more[1024];
    int rc;

    do {
        while (z->z.block_state != ISAL_BLOCK_FINISH) {
            z->z.next_out = more;
            z->z.avail_out = sizeof(more);
            rc = isal.inflate(&z->z);
            if (rc < 0 || rc == ISAL_NEED_DICT)
                return sfx_err_set(err, SFX_E_INPUT, "the compressed data is damaged");
            if (z->z.avail_in == 0 && z->z.avail_out > 0)
                break;
        }
        rc = feed(z, err);
    } while (rc > 0);
    if (rc == 0 && z->z.block_state != ISAL_BLOCK_FINISH)
        rc = sfx_err_set(err, SFX_E_INPUT, "the compressed data has no end");
    return rc;
}

/* The rest of the pixels' data, then the chunks from the one behind it to IEND. */
int sfx_png_inflate_end(struct sfx_png_inflate *z, struct sfx_err *err)
{
    int rc = end_data(z, err);

    while (rc == 0) {
        bool last = memcmp(z->next + 4, "IEND", 4) == 0;

        z->left = get32(z->next);
        z->crc = isal.crc32(0, z->next + 4, 4);
        z->idat_ended = true;
        while (z->left > 0) {
            rc = feed(z, err);
            if (rc < 0)
                return rc;
        }
        if (last) {
            uint8_t crc[CRC_NBYTES];

            rc = take(z->in, crc, sizeof(crc), err);
            return rc == 0 && get32(crc) != z->crc ? sfx_err_set(err, SFX_E_INPUT, "CRC error")
                                                   : rc;
        }
        rc = end_chunk(z, err);
    }
    return rc;
}

const uint8_t *sfx_png_inflate_row(struct sfx_png_inflate *z, struct sfx_err *err)
{
    uint8_t *row;
    int rc = z->used == z->filled ? fill_rows(z, err) : 0;

    if (rc < 0)
        return NULL;
    row = slot(z, z->used);
    if (*row > SFX_PNG_PAETH) {
        (void)sfx_err_set(err, SFX_E_INPUT, "bad adaptive filter value");
        return NULL;
    }
    if (*row != SFX_PNG_NONE)
        z->filters->undo((enum sfx_png_filter) * row, row + 1, slot(z, (ptrdiff_t)z->used - 1) + 1,
                         z->row_nbytes, z->bpp);
    z->used++;
    z->given++;
    return row + 1;
}

void sfx_png_inflate_free(struct sfx_png_inflate *z)
{
    if (z != NULL)
        free(z->memory);
    free(z);
}

#else

struct sfx_png_inflate *sfx_png_inflate_new(struct sfx_instream *in, uint32_t chunk_nbytes,
                                            size_t row_nbytes, uint32_t height_px, size_t bpp,
                                            struct sfx_err *err)
{
    (void)in;
    (void)chunk_nbytes;
    (void)row_nbytes;
    (void)height_px;
    (void)bpp;
    (void)sfx_err_set(err, SFX_E_UNSUPPORTED, "this sfx is built without ISA-L");
    return NULL;
}

const uint8_t *sfx_png_inflate_row(struct sfx_png_inflate *z, struct sfx_err *err)
{
    (void)z;
    (void)err;
    return NULL;
}

int sfx_png_inflate_end(struct sfx_png_inflate *z, struct sfx_err *err)
{
    (void)z;
    (void)err;
    return 0;
}

void sfx_png_inflate_free(struct sfx_png_inflate *z)
{
    (void)z;
}
#endif
