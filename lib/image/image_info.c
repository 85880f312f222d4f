/* SPDX-License-Identifier: MIT */
/* The description of a header in JSON. */
#include "image/image_info.h"

#include "image/decoder.h"
#include "json/json.h"

static void put_text(struct sfx_json_writer *w, const char *key, const char *text)
{
    sfx_json_key(w, key);
    sfx_json_string(w, sfx_slice_str(text));
}

static void put_uint(struct sfx_json_writer *w, const char *key, uint64_t value)
{
    sfx_json_key(w, key);
    sfx_json_uint(w, value);
}

static void put_bool(struct sfx_json_writer *w, const char *key, bool value)
{
    sfx_json_key(w, key);
    sfx_json_bool(w, value);
}

int sfx_image_info_write(const struct sfx_image_info *info, const struct sfx_image_name *name,
                         struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer w;
    int rc;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    put_text(&w, "path", name->path);
    put_text(&w, "format", sfx_image_format_name(info->format));
    put_text(&w, "type", sfx_image_format_media_type(info->format));
    put_uint(&w, "width", info->width_px);
    put_uint(&w, "height", info->height_px);
    put_uint(&w, "depth", info->depth);
    put_text(&w, "colour", info->colour);
    put_bool(&w, "alpha", sfx_layout_has_alpha(info->layout));
    put_uint(&w, "orientation", info->orientation);
    put_bool(&w, "interlaced", info->interlaced);
    put_uint(&w, "frames", info->frames);
    put_uint(&w, "profile", info->metadata.icc.len);
    if (name->is_file)
        put_uint(&w, "bytes", name->nbytes);
    sfx_json_end_object(&w);
    rc = sfx_json_finish(&w, err);
    return rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
}

int sfx_image_info_describe(const struct sfx_image_source *source,
                            const struct sfx_image_name *name,
                            const struct sfx_image_limits *limits, struct sfx_buf *out,
                            struct sfx_err *err)
{
    struct sfx_decoder *dec = sfx_decoder_new(source, limits, err);
    int rc;

    if (dec == NULL)
        return err != NULL ? (int)err->code : SFX_E_INPUT;
    rc = sfx_image_info_write(sfx_decoder_info(dec), name, out, err);
    sfx_decoder_free(dec);
    return rc;
}

int sfx_image_info_add(struct sfx_buf *line, const char *key, struct sfx_slice text,
                       struct sfx_err *err)
{
    int rc;

    line->len -= 2; /* "}\n" */
    rc = sfx_buf_printf(line, err, ",\"%s\":", key);
    if (rc == 0)
        rc = sfx_json_quote(line, text, err);
    return rc == 0 ? sfx_buf_puts(line, "}\n", err) : rc;
}
