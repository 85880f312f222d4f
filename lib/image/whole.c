/* SPDX-License-Identifier: MIT */
/* Images that are held whole. */
#include "image/whole.h"

#include "base/size.h"

#include <stdlib.h>
#include <string.h>

int sfx_whole_init(struct sfx_whole *w, size_t row_nbytes, uint32_t height_px,
                   uint64_t limit_nbytes, struct sfx_err *err)
{
    size_t nbytes;

    *w = (struct sfx_whole){.row_nbytes = row_nbytes, .height_px = height_px};
    if (!sfx_size_mul(row_nbytes, height_px, &nbytes) || nbytes > limit_nbytes)
        return sfx_err_set(err, SFX_E_LIMIT,
                           "an image of this kind and size takes more memory than the limit");
    w->rows = calloc(1, nbytes);
    return w->rows != NULL ? 0 : sfx_err_set(err, SFX_E_NOMEM, "no memory for a whole image");
}

void sfx_whole_take(struct sfx_whole *w, uint8_t *row)
{
    memcpy(row, sfx_whole_row(w, w->at++), w->row_nbytes);
}

void sfx_whole_put(struct sfx_whole *w, const uint8_t *row)
{
    memcpy(sfx_whole_row(w, w->at++), row, w->row_nbytes);
}

void sfx_whole_done(struct sfx_whole *w)
{
    free(w->rows);
    w->rows = NULL;
}

void sfx_planes_of_rows(struct sfx_planes *planes, enum sfx_layout layout, unsigned depth,
                        uint32_t width_px, uint32_t height_px)
{
    planes->layout = layout;
    planes->depth = depth;
    planes->count = 1;
    planes->plane[0] = (struct sfx_plane){
        .width_px = width_px,
        .height_px = height_px,
        .span_x = width_px,
        .span_y = height_px,
        .stride_px = width_px,
        .band_rows = 1,
    };
}

void sfx_rows_to_rgb(const uint8_t *src, enum sfx_layout layout, size_t n, uint8_t *dst)
{
    unsigned channels = sfx_layout_channels(layout);
    size_t i;

    if (channels >= 3) {
        memcpy(dst, src, n * channels);
        return;
    }
    for (i = 0; i < n; i++) {
        memset(dst, *src++, 3);
        dst += 3;
        if (channels == 2)
            *dst++ = *src++;
    }
}
