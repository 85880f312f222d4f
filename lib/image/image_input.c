/* SPDX-License-Identifier: MIT */
/* Files as sources of encoded bytes; the description of a header in JSON. */
#include "image/image_input.h"

#include "image/decoder.h"
#include "json/json.h"

#include <unistd.h>

static ssize_t read_input(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    return sfx_input_read(ctx, ptr, cap, err);
}

int sfx_image_input_init(struct sfx_image_input *in, const char *path, struct sfx_err *err)
{
    int rc;

    *in = (struct sfx_image_input){.input = sfx_input_new(path, NULL, err)};
    if (in->input == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    in->source = (struct sfx_image_source){.read = read_input, .ctx = in->input};
    in->is_file =
        strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &in->st) == 0 : stat(path, &in->st) == 0;
    in->is_file = in->is_file && S_ISREG(in->st.st_mode);
    rc = sfx_input_next(in->input, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return sfx_err_set(err, SFX_E_INPUT, "there is no image in it");
    if (sfx_input_member(in->input) != NULL)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "is an archive: images are read one by one");
    return 0;
}

void sfx_image_input_done(struct sfx_image_input *in)
{
    sfx_input_free(in->input);
    in->input = NULL;
}

int sfx_image_input_blame(struct sfx_err *err, int rc, const char *path)
{
    size_t len = strlen(path);

    if (err != NULL && strncmp(err->text, path, len) == 0 && strncmp(err->text + len, ": ", 2) == 0)
        return rc;
    return sfx_err_wrap(err, rc, "%s", path);
}

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

static int write_info(const struct sfx_image_info *info, const struct sfx_image_input *in,
                      const char *path, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer w;
    int rc;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    put_text(&w, "path", path);
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
    put_uint(&w, "profile", info->icc.len);
    if (in->is_file)
        put_uint(&w, "bytes", (uint64_t)in->st.st_size);
    sfx_json_end_object(&w);
    rc = sfx_json_finish(&w, err);
    return rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
}

int sfx_image_input_describe(const char *path, const struct sfx_image_limits *limits,
                             struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_image_input in;
    struct sfx_decoder *dec = NULL;
    int rc = sfx_image_input_init(&in, path, err);

    if (rc == 0) {
        dec = sfx_decoder_new(&in.source, limits, err);
        rc = dec == NULL ? (err != NULL ? (int)err->code : SFX_E_INPUT)
                         : write_info(sfx_decoder_info(dec), &in, path, out, err);
    }
    sfx_decoder_free(dec);
    sfx_image_input_done(&in);
    return rc < 0 ? sfx_image_input_blame(err, rc, path) : 0;
}
