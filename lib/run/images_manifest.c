/* SPDX-License-Identifier: MIT */
/* A line of JSON for each input. */
#include "run/images_manifest.h"

#include "base/io.h"
#include "base/text.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sfx_images_manifest {
    struct sfx_outfile *file; /* NULL: fd */
    int fd;
    struct sfx_buf line, bytes;
};

struct sfx_images_manifest *sfx_images_manifest_new(const char *path, int fd, struct sfx_err *err)
{
    struct sfx_images_manifest *manifest = calloc(1, sizeof(*manifest));

    if (manifest == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for the manifest");
        return NULL;
    }
    manifest->fd = fd;
    if (strcmp(path, "-") == 0)
        return manifest;
    manifest->file = sfx_outfile_new(path, NULL, err);
    if (manifest->file != NULL)
        return manifest;
    free(manifest);
    return NULL;
}

/* A name; one that is no UTF-8 is told byte for byte in base64 beside it. */
static void put_name(struct sfx_images_manifest *manifest, struct sfx_json_writer *w,
                     const char *key, const char *base64_key, struct sfx_slice name)
{
    sfx_json_key(w, key);
    sfx_json_string(w, name);
    if (sfx_utf8_valid(name))
        return;
    sfx_buf_clear(&manifest->bytes);
    if (sfx_base64_encode(&manifest->bytes, name, NULL) == 0) {
        sfx_json_key(w, base64_key);
        sfx_json_string(w, sfx_buf_slice(&manifest->bytes));
    }
}

static void put_hash(struct sfx_json_writer *w, const unsigned char digest[SFX_SHA256_NBYTES])
{
    char hex[65];

    sfx_sha256_hex(digest, hex);
    sfx_json_key(w, "sha256");
    sfx_json_string(w, sfx_slice_str(hex));
}

static void put_uint(struct sfx_json_writer *w, const char *key, uint64_t value)
{
    sfx_json_key(w, key);
    sfx_json_uint(w, value);
}

static void put_output(struct sfx_images_manifest *manifest, struct sfx_json_writer *w,
                       const struct sfx_image_made *made)
{
    sfx_json_begin_object(w);
    if (made->name.path.len > 0)
        put_name(manifest, w, "path", "path_base64", sfx_buf_slice(&made->name.path));
    sfx_json_key(w, "type");
    sfx_json_string(w, sfx_slice_str(sfx_image_format_media_type(made->format)));
    put_uint(w, "width", made->width_px);
    put_uint(w, "height", made->height_px);
    if (made->kept) {
        sfx_json_key(w, "kept");
        sfx_json_bool(w, true);
    } else if (made->nbytes > 0) {
        put_uint(w, "bytes", made->nbytes);
        put_hash(w, made->sha256);
    }
    sfx_json_end_object(w);
}

/* The message begins with the name, which has a member of its own. */
static const char *reason_of(const struct sfx_image_result *result)
{
    size_t len = strlen(result->name);

    return strncmp(result->failure->text, result->name, len) == 0 ? result->failure->text + len + 2
                                                                  : result->failure->text;
}

static void put_placeholder(struct sfx_json_writer *w, const char *key, const struct sfx_buf *text)
{
    if (text->len == 0)
        return;
    sfx_json_key(w, key);
    sfx_json_string(w, sfx_buf_slice(text));
}

/* The part that trimming left, in --crop's words. */
static void put_found(struct sfx_json_writer *w, const struct sfx_image_found *found)
{
    char part[64];

    if (found->frames > 1)
        put_uint(w, "frames", found->frames);
    if (found->w == 0)
        return;
    (void)snprintf(part, sizeof(part), "%" PRIu32 "x%" PRIu32 "+%" PRIu32 "+%" PRIu32, found->w,
                   found->h, found->x, found->y);
    sfx_json_key(w, "trimmed");
    sfx_json_string(w, sfx_slice_str(part));
}

static void put_result(struct sfx_images_manifest *manifest, struct sfx_json_writer *w,
                       const struct sfx_image_result *result)
{
    const struct sfx_image_file *file = result->file;
    size_t i;

    sfx_json_begin_object(w);
    put_name(manifest, w, "input", "input_base64", sfx_slice_str(result->path));
    if (result->member != NULL)
        put_name(manifest, w, "member", "member_base64", sfx_slice_str(result->member));
    if (result->rc == 0 && file->in_nbytes > 0) {
        put_uint(w, "bytes", file->in_nbytes);
        put_hash(w, file->in_sha256);
    }
    sfx_json_key(w, "ms");
    sfx_json_double(w, (double)(file->wall_ns / 1000) / 1e3);
    sfx_json_key(w, "outputs");
    sfx_json_begin_array(w);
    for (i = 0; i < file->nmade; i++)
        put_output(manifest, w, &file->made[i]);
    sfx_json_end_array(w);
    put_placeholder(w, "blurhash", &file->blurhash);
    put_placeholder(w, "lqip", &file->lqip);
    put_found(w, &file->found);
    if (result->rc == 0 && file->damage.code != 0) {
        sfx_json_key(w, "damage");
        sfx_json_string(w, sfx_slice_str(file->damage.text));
    }
    if (result->rc < 0) {
        sfx_json_key(w, "code");
        sfx_json_string(w, sfx_slice_str(sfx_code_name(result->failure->code)));
        sfx_json_key(w, "error");
        sfx_json_string(w, sfx_slice_str(reason_of(result)));
    }
    sfx_json_end_object(w);
}

int sfx_images_manifest_add(struct sfx_images_manifest *manifest,
                            const struct sfx_image_result *result, struct sfx_err *err)
{
    struct sfx_buf *line = &manifest->line;
    struct sfx_json_writer w;
    int rc;

    sfx_buf_clear(line);
    sfx_json_writer_init(&w, line);
    put_result(manifest, &w, result);
    rc = sfx_json_finish(&w, err);
    if (rc == 0)
        rc = sfx_buf_putc(line, '\n', err);
    if (rc < 0)
        return rc;
    if (manifest->file != NULL)
        return sfx_outfile_write(manifest->file, line->data, line->len, err);
    rc = sfx_io_write(manifest->fd, line->data, line->len, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

int sfx_images_manifest_commit(struct sfx_images_manifest *manifest, struct sfx_err *err)
{
    return manifest->file != NULL ? sfx_outfile_commit(manifest->file, err) : 0;
}

void sfx_images_manifest_free(struct sfx_images_manifest *manifest)
{
    if (manifest == NULL)
        return;
    sfx_outfile_free(manifest->file);
    sfx_buf_done(&manifest->line);
    sfx_buf_done(&manifest->bytes);
    free(manifest);
}
