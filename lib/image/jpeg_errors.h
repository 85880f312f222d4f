/* SPDX-License-Identifier: MIT */
/*
 * How libjpeg's errors become ours.
 *
 * Contract: cinfo->client_data of a (de)compressor points to a struct sfx_jpeg_errors, whose guard
 * runs every call into the library.
 */
#ifndef SFX_IMAGE_JPEG_ERRORS_H
#define SFX_IMAGE_JPEG_ERRORS_H

#include "image/guard.h"

#include <stdbool.h>
#include <stdio.h>

#include <jpeglib.h>

struct sfx_jpeg_errors {
    struct jpeg_error_mgr manager;
    struct sfx_guard guard;
    /* Damage that libjpeg would paint over: true when it shall. NULL: never. */
    bool (*tolerate)(j_common_ptr cinfo, const char *text);
    /* Puts the place ("row 3 of 9: ") before the error in guard.err; NULL: there is no place. */
    void (*locate)(j_common_ptr cinfo, struct sfx_err *err, int rc);
};

/* Makes errors->manager report to errors->guard; the result is for cinfo->err. */
struct jpeg_error_mgr *sfx_jpeg_errors_init(struct sfx_jpeg_errors *errors);

/* The errors of cinfo. */
struct sfx_jpeg_errors *sfx_jpeg_errors_of(j_common_ptr cinfo);

/* Ends the running call: says text at the present place with code. */
_Noreturn void sfx_jpeg_throw(j_common_ptr cinfo, enum sfx_code code, const char *text);

#endif
