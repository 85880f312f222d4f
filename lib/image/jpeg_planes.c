/* SPDX-License-Identifier: MIT */
/*
 * Scaled decoding keeps the true span: libjpeg rounds 2725/2 up to 1363 samples, the picture fills
 * 1362.5 of them.
 */
#include "image/jpeg_planes.h"

unsigned sfx_jpeg_shrink(const struct jpeg_decompress_struct *cinfo, unsigned shrink_log2)
{
    int c, skew = 1;

    for (c = 0; c < cinfo->num_components; c++) {
        const jpeg_component_info *comp = &cinfo->comp_info[c];
        const int across = cinfo->max_h_samp_factor / comp->h_samp_factor;
        const int down = cinfo->max_v_samp_factor / comp->v_samp_factor;
        const int more = across > down ? across / down : down / across;

        skew = more > skew ? more : skew;
    }
    return skew > 2 && shrink_log2 > 0 ? shrink_log2 - 1 : shrink_log2;
}

/* The planes as they are stored, each with its own grid and its own DCT scale. */
static void describe_planar(const struct jpeg_decompress_struct *cinfo, struct sfx_planes *planes)
{
    unsigned c;

    planes->layout = SFX_LAYOUT_YCBCR;
    planes->count = 3;
    for (c = 0; c < planes->count; c++) {
        const jpeg_component_info *comp = &cinfo->comp_info[c];
        struct sfx_plane *plane = &planes->plane[c];
        uint32_t mcu_px = (uint32_t)(cinfo->max_h_samp_factor * DCTSIZE);
        uint32_t block_px = (uint32_t)(comp->h_samp_factor * comp->DCT_scaled_size);

        plane->width_px = comp->downsampled_width;
        plane->height_px = comp->downsampled_height;
        plane->span_x = (double)cinfo->image_width * block_px / mcu_px;
        plane->span_y = (double)cinfo->image_height * comp->v_samp_factor * comp->DCT_scaled_size /
                        (cinfo->max_v_samp_factor * DCTSIZE);
        plane->stride_px = (cinfo->image_width + mcu_px - 1) / mcu_px * block_px;
        plane->band_rows = (uint32_t)(comp->v_samp_factor * comp->DCT_scaled_size);
    }
}

static void describe_interleaved(const struct jpeg_decompress_struct *cinfo,
                                 struct sfx_planes *planes)
{
    struct sfx_plane *plane = &planes->plane[0];

    planes->layout = cinfo->out_color_space == JCS_GRAYSCALE ? SFX_LAYOUT_GRAY : SFX_LAYOUT_RGB;
    planes->count = 1;
    plane->width_px = plane->stride_px = cinfo->output_width;
    plane->height_px = cinfo->output_height;
    plane->span_x = (double)cinfo->image_width * cinfo->scale_num / cinfo->scale_denom;
    plane->span_y = (double)cinfo->image_height * cinfo->scale_num / cinfo->scale_denom;
    plane->band_rows = 1;
}

void sfx_jpeg_describe(const struct jpeg_decompress_struct *cinfo, struct sfx_planes *planes)
{
    planes->depth = 8;
    if (cinfo->raw_data_out)
        describe_planar(cinfo, planes);
    else
        describe_interleaved(cinfo, planes);
}
