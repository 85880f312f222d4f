/* SPDX-License-Identifier: MIT */
/* The one error type: a code, an errno and a text that grows from the inside out. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sfx_err_clear(struct sfx_err *err)
{
    if (err == NULL)
        return;
    err->code = SFX_OK;
    err->errnum = 0;
    err->text[0] = '\0';
    err->note[0] = '\0';
}

/* Names with line ends or escapes in them must not forge or hide lines on a terminal or in a log.
 */
static void mask_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

static void set_text(struct sfx_err *err, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void set_text(struct sfx_err *err, const char *fmt, va_list ap)
{
    (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
    mask_controls(err->text);
}

int sfx_err_set(struct sfx_err *err, enum sfx_code code, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return code;
    err->code = code;
    err->errnum = 0;
    err->note[0] = '\0';
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    return code;
}

static enum sfx_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOMEM: return SFX_E_NOMEM;
    case EAGAIN:
    case EINTR:
    case EBUSY: return SFX_E_TEMPORARY;
    default: return SFX_E_IO;
    }
}

int sfx_err_errno(struct sfx_err *err, int errnum, const char *fmt, ...)
{
    enum sfx_code code = code_of_errno(errnum);
    va_list ap;
    size_t used;

    if (err == NULL)
        return code;
    err->code = code;
    err->errnum = errnum;
    err->note[0] = '\0';
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s",
                   strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "unknown error");
    return code;
}

int sfx_err_wrap(struct sfx_err *err, int rc, const char *fmt, ...)
{
    char inner[SFX_ERR_TEXT_NBYTES];
    va_list ap;
    size_t used;

    if (err == NULL)
        return rc;
    memcpy(inner, err->text, sizeof(inner));
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
    return rc;
}

void sfx_err_note(struct sfx_err *err, const char *note)
{
    if (err != NULL)
        (void)snprintf(err->note, sizeof(err->note), "%s", note);
}

const char *sfx_code_name(int code)
{
    switch (code) {
    case SFX_OK: return "ok";
    case SFX_E_USAGE: return "usage";
    case SFX_E_INPUT: return "input";
    case SFX_E_LIMIT: return "limit";
    case SFX_E_IO: return "io";
    case SFX_E_NOMEM: return "nomem";
    case SFX_E_TEMPORARY: return "temporary";
    case SFX_E_UNSUPPORTED: return "unsupported";
    default: return "unknown";
    }
}
