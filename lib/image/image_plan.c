/* SPDX-License-Identifier: MIT */
/* Words to options: the rules between sizes, format and names. */
#include "image/image_plan.h"

#include "archive/pack.h"
#include "base/path.h"
#include "image/metadata.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_QUALITY 80

static bool is_archive(const struct sfx_image_words *words)
{
    return words->output != NULL && strchr(words->output, '{') == NULL &&
           sfx_pack_is_named(sfx_slice_str(words->output));
}

/* By -f, else by the extension of the template when that is no placeholder. */
static int choose_format(const struct sfx_image_words *words, enum sfx_image_format *format,
                         struct sfx_err *err)
{
    const char *output = is_archive(words) ? words->members : words->output;
    struct sfx_path_parts parts = {0};

    *format = SFX_IMAGE_ANY;
    if (words->format != NULL) {
        *format = sfx_image_format_named(sfx_slice_str(words->format));
        if (*format == SFX_IMAGE_ANY)
            return sfx_err_set(err, SFX_E_USAGE,
                               "format '%s': jpeg, png, webp and avif can be written",
                               words->format);
        return 0;
    }
    if (output == NULL || output[0] == '\0')
        return 0;
    sfx_path_split(sfx_slice_str(output), &parts);
    *format = sfx_image_format_named(parts.ext);
    if (*format == SFX_IMAGE_ANY && parts.ext.len > 0 &&
        memchr(parts.ext.ptr, '}', parts.ext.len) == NULL)
        return sfx_err_set(err, SFX_E_USAGE,
                           "output '%s': its extension is no format that can be written: give -f",
                           output);
    return 0;
}

static int plan_sizes(struct sfx_image_plan *plan, const struct sfx_image_words *words,
                      enum sfx_image_format format, struct sfx_err *err)
{
    size_t n = words->nsizes > 0 ? words->nsizes : 1, i;

    plan->outputs = calloc(n, sizeof(*plan->outputs));
    if (plan->outputs == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu sizes", n);
    for (i = 0; i < n; i++) {
        struct sfx_geometry *size = &plan->outputs[i].size;

        plan->outputs[i].format = format;
        if (words->nsizes > 0) {
            int rc = sfx_geometry_parse(sfx_slice_str(words->sizes[i]), size, err);

            if (rc < 0)
                return rc;
        }
        if (words->enlarge && size->mark == SFX_GEOMETRY_SHRINK)
            size->mark = SFX_GEOMETRY_BOTH;
    }
    plan->resize.outputs = plan->outputs;
    plan->resize.noutputs = n;
    return 0;
}

/* A folder stands for default names in it. */
static struct sfx_template *new_template(const char *text, struct sfx_err *err)
{
    struct sfx_template *name = NULL;
    struct sfx_buf in_folder = {0};
    size_t len = strlen(text);

    if (len == 0 || text[len - 1] != '/')
        return sfx_template_new(text, err);
    if (sfx_buf_printf(&in_folder, err, "%s{stem}-{width}x{height}.{ext}", text) == 0 &&
        sfx_buf_cstr(&in_folder, err) != NULL)
        name = sfx_template_new(in_folder.data, err);
    sfx_buf_done(&in_folder);
    return name;
}

static int plan_names(struct sfx_image_plan *plan, const struct sfx_image_words *words,
                      struct sfx_err *err)
{
    const char *text = words->output;

    if (is_archive(words)) {
        plan->archive = words->output;
        text = words->members;
    } else if (words->members != NULL) {
        return sfx_err_set(err, SFX_E_USAGE,
                           "members are named in an archive: the output must end with .tar, "
                           ".tar.gz, .tar.xz, .tar.zst or .zip");
    }
    if (text == NULL)
        return 0;
    if (strcmp(text, "-") == 0) {
        if (words->nsizes > 1)
            return sfx_err_set(err, SFX_E_USAGE, "one output can take one size");
        plan->fd = words->fd;
        plan->file.fd = &plan->fd;
        return 0;
    }
    plan->name = new_template(text, err);
    if (plan->name == NULL)
        return err != NULL ? (int)err->code : SFX_E_USAGE;
    plan->file.name = plan->name;
    if (words->nsizes > 1 && !sfx_template_uses(plan->name, "width") &&
        !sfx_template_uses(plan->name, "height") && !sfx_template_uses(plan->name, "n"))
        return sfx_err_set(err, SFX_E_USAGE,
                           "output '%s': several sizes need {width}, {height} or {n} in the name",
                           text);
    return 0;
}

int sfx_image_plan_init(struct sfx_image_plan *plan, const struct sfx_image_words *words,
                        struct sfx_err *err)
{
    enum sfx_image_format format;
    int rc;

    *plan = (struct sfx_image_plan){
        .resize = {.encode = {.quality = DEFAULT_QUALITY}, .keep = SFX_KEEP_ICC},
        .file = {.resize = &plan->resize},
    };
    rc = sfx_image_colour_parse(words->background != NULL ? sfx_slice_str(words->background)
                                                          : SFX_SLICE_LIT("white"),
                                plan->resize.background, err);
    plan->resize.opaque = words->background != NULL;
    if (rc == 0)
        rc = sfx_look_parse(&words->look, &plan->resize.look, err);
    if (rc == 0 && words->keep != NULL)
        rc = sfx_keep_parse(sfx_slice_str(words->keep), &plan->resize.keep, err);
    if (rc == 0)
        rc = choose_format(words, &format, err);
    if (rc == 0)
        rc = plan_sizes(plan, words, format, err);
    if (rc == 0)
        rc = plan_names(plan, words, err);
    if (rc < 0)
        sfx_image_plan_done(plan);
    return rc;
}

void sfx_image_plan_done(struct sfx_image_plan *plan)
{
    free(plan->outputs);
    sfx_template_free(plan->name);
    *plan = (struct sfx_image_plan){0};
}
