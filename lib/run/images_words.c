/* SPDX-License-Identifier: MIT */
/* What of sfx-resize's options goes with what, and what becomes of them. */
#include "run/images_words.h"

#include "base/pool.h"
#include "base/sandbox.h"

#include <string.h>

static int check_events(const struct sfx_images_words *words, size_t npaths,
                        const struct sfx_image_plan *plan, struct sfx_err *err)
{
    if (!words->events)
        return 0;
    if (words->manifest != NULL && strcmp(words->manifest, "-") == 0)
        return sfx_err_set(err, SFX_E_USAGE, "-E prints events: give the manifest a file");
    if (npaths > 0 || plan->name == NULL || plan->archive != NULL || words->info ||
        words->dry_run || words->jobs != 1 || words->list != NULL)
        return sfx_err_set(err, SFX_E_USAGE,
                           "-E reads events: it needs a TEMPLATE (-o, no archive) and goes with "
                           "neither FILE, a list of files, --info, -n nor -j");
    return 0;
}

static int check_standard_output(const struct sfx_images_words *words, size_t npaths,
                                 const struct sfx_image_plan *plan, struct sfx_err *err)
{
    if (plan->file.fd == NULL)
        return 0;
    if ((npaths > 1 || words->list != NULL) && !words->info)
        return sfx_err_set(err, SFX_E_USAGE, "standard output takes one image");
    if (words->manifest != NULL && strcmp(words->manifest, "-") == 0)
        return sfx_err_set(err, SFX_E_USAGE,
                           "standard output takes the image or the manifest, not both");
    return 0;
}

static int check_in_place(const struct sfx_images_words *words, const struct sfx_image_plan *plan,
                          struct sfx_err *err)
{
    if (!words->in_place)
        return 0;
    if (words->output != NULL || plan->file.fd != NULL || words->format != NULL ||
        words->sizes.count > 1 || words->events || words->info || words->newer ||
        words->overwrite != SFX_IMAGE_ALWAYS)
        return sfx_err_set(err, SFX_E_USAGE,
                           "--in-place takes files and one size, and goes with neither -o, -f, -E, "
                           "--info nor --overwrite");
    return 0;
}

/* Placeholders go to standard output, unless there is a better place. */
static int check_placeholders(const struct sfx_images_words *words,
                              const struct sfx_image_plan *plan, struct sfx_err *err)
{
    const uint32_t *pad = plan->resize.look.pad;

    if (!words->blurhash && !words->lqip)
        return 0;
    if ((pad[0] | pad[1] | pad[2] | pad[3]) != 0)
        return sfx_err_set(err, SFX_E_USAGE, "placeholders are not padded: leave --pad out");
    if (words->manifest != NULL || words->info)
        return 0;
    if (words->events || (plan->file.fd != NULL && plan->resize.noutputs > 0))
        return sfx_err_set(err, SFX_E_USAGE,
                           "standard output is taken: let a --manifest have the placeholders");
    return 0;
}

#ifdef SFX_WITH_LCMS2
#define SFX_HAS_LCMS2 true
#else
#define SFX_HAS_LCMS2 false
#endif

static int check(const struct sfx_images_words *words, size_t npaths,
                 const struct sfx_image_plan *plan, struct sfx_err *err)
{
    int rc = check_events(words, npaths, plan, err);

    if (rc == 0)
        rc = check_standard_output(words, npaths, plan, err);
    if (rc == 0)
        rc = check_placeholders(words, plan, err);
    if (rc == 0)
        rc = check_in_place(words, plan, err);
    if (rc < 0)
        return rc;
    if (words->srgb && !SFX_HAS_LCMS2)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "--srgb: this sfx is built without lcms2");
    if (words->strip && words->keep != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--strip keeps nothing: leave --keep out");
    if (words->manifest != NULL && (words->info || words->dry_run))
        return sfx_err_set(err, SFX_E_USAGE, "--manifest goes with neither --info nor -n");
    if (words->sandbox == SFX_IMAGES_SANDBOX_ON && sfx_sandbox_supported() == 0)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "--sandbox=on: this kernel has no sandbox");
    return 0;
}

int sfx_images_words_plan(const struct sfx_images_words *words, char *const *paths, size_t npaths,
                          struct sfx_image_plan *plan, struct sfx_images_job *job,
                          struct sfx_err *err)
{
    bool pipe = npaths == 1 && strcmp(paths[0], "-") == 0;
    const struct sfx_image_words image = {
        .sizes = words->sizes.items,
        .nsizes = words->sizes.count,
        .enlarge = words->enlarge,
        .output = words->output == NULL && pipe ? "-" : words->output,
        .members = words->members,
        .fd = words->fd,
        .format = words->format,
        .background = words->background,
        .keep = words->strip ? "none" : words->keep,
        .look = words->look,
    };
    int rc = sfx_image_plan_init(plan, &image, err);

    if (rc < 0)
        return rc;
    plan->resize.encode = words->encode;
    plan->resize.limits = words->limits;
    plan->resize.srgb = words->srgb;
    plan->resize.partial = words->on_error == 1;
    plan->resize.fast = words->fast;
    plan->file.overwrite =
        words->newer ? SFX_IMAGE_OLDER : (enum sfx_image_overwrite)words->overwrite;
    plan->file.in_place = words->in_place;
    plan->file.unclaimed = words->events;
    plan->file.tmp_dir = plan->archive != NULL ? words->tmp_dir : NULL;
    plan->file.durable = words->durable;
    plan->file.dry_run = words->dry_run;
    /* Who asks for nothing else wants nothing else. */
    if ((words->blurhash || words->lqip) && words->sizes.count == 0 && words->output == NULL &&
        !words->in_place) {
        plan->resize.noutputs = 0;
        plan->file.fd = NULL;
    }
    job->placeholders = (words->blurhash ? SFX_PLACEHOLDER_BLURHASH : 0U) |
                        (words->lqip ? SFX_PLACEHOLDER_LQIP : 0U);
    job->name_placeholders = npaths != 1 || words->list != NULL;
    job->plan = plan;
    job->rejects = words->rejects;
    job->manifest = words->manifest;
    job->list = words->list;
    job->list_end = words->null ? '\0' : '\n';
    job->nworkers = words->jobs > 0 ? words->jobs : sfx_pool_ncpus();
    job->sandbox = words->sandbox != SFX_IMAGES_SANDBOX_OFF;
    job->max_time_ns = words->max_time_ns;
    job->max_in_nbytes = words->max_in_nbytes;
    job->tmp_dir = words->tmp_dir;
    return check(words, npaths, plan, err);
}
