/* SPDX-License-Identifier: MIT */
/*
 * libjpeg's error manager. What libjpeg calls a warning is mostly damage that it would paint over:
 * that is an error here. A few warnings are about habits of writers and mean nothing.
 */
#include "image/jpeg_errors.h"

#include <jerror.h>
#include <stdbool.h>

struct sfx_jpeg_errors *sfx_jpeg_errors_of(j_common_ptr cinfo)
{
    return cinfo->client_data;
}

_Noreturn void sfx_jpeg_throw(j_common_ptr cinfo, enum sfx_code code, const char *text)
{
    struct sfx_jpeg_errors *errors = sfx_jpeg_errors_of(cinfo);

    (void)sfx_err_set(errors->guard.err, code, "%s", text);
    if (errors->locate != NULL)
        errors->locate(cinfo, errors->guard.err, code);
    sfx_guard_throw(&errors->guard, code);
}

static void throw_message(j_common_ptr cinfo, enum sfx_code code)
{
    char text[JMSG_LENGTH_MAX];

    cinfo->err->format_message(cinfo, text);
    sfx_jpeg_throw(cinfo, code, text);
}

static void error_exit(j_common_ptr cinfo)
{
    switch (cinfo->err->msg_code) {
    case JERR_OUT_OF_MEMORY: sfx_jpeg_throw(cinfo, SFX_E_NOMEM, "no memory for a JPEG image");
    case JERR_BAD_PRECISION:
        sfx_jpeg_throw(cinfo, SFX_E_UNSUPPORTED,
                       "a JPEG image of other than 8 bits a sample is not supported");
    case JERR_SOF_UNSUPPORTED:
        sfx_jpeg_throw(cinfo, SFX_E_UNSUPPORTED,
                       "a lossless or hierarchical JPEG image is not supported");
    default: throw_message(cinfo, SFX_E_INPUT);
    }
}

/* True for warnings after which the picture is still what the writer meant. */
static bool is_harmless(const struct jpeg_error_mgr *manager)
{
    switch (manager->msg_code) {
    case JWRN_ADOBE_XFORM: /* an unknown colour transform: guessed by the components' ids */
    case JWRN_JFIF_MAJOR:  /* a newer JFIF version */
    case JWRN_BOGUS_ICC: /* the profile is left out */ return true;
    case JWRN_EXTRANEOUS_DATA:
        /* Padding before a marker that ends a scan; before a restart marker, data was lost. */
        return manager->msg_parm.i[1] < JPEG_RST0 || manager->msg_parm.i[1] > JPEG_RST0 + 7;
    default: return false;
    }
}

static void emit_message(j_common_ptr cinfo, int level)
{
    struct sfx_jpeg_errors *errors = sfx_jpeg_errors_of(cinfo);
    char text[JMSG_LENGTH_MAX] = "data ends early";

    if (level >= 0 || is_harmless(cinfo->err))
        return;
    if (cinfo->err->msg_code != JWRN_HIT_MARKER)
        cinfo->err->format_message(cinfo, text);
    if (errors->tolerate == NULL || !errors->tolerate(cinfo, text))
        sfx_jpeg_throw(cinfo, SFX_E_INPUT, text);
}

/* libjpeg's own would print. */
static void output_message(j_common_ptr cinfo)
{
    (void)cinfo;
}

struct jpeg_error_mgr *sfx_jpeg_errors_init(struct sfx_jpeg_errors *errors)
{
    jpeg_std_error(&errors->manager);
    errors->manager.error_exit = error_exit;
    errors->manager.emit_message = emit_message;
    errors->manager.output_message = output_message;
    return &errors->manager;
}
