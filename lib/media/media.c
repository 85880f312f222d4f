/* SPDX-License-Identifier: MIT */
/* The detector: signatures, then libmagic, opened with the first content that has none. */
#include "media/media.h"

#include "base/dl.h"
#include "base/size.h"
#include "media/media_internal.h"

#include <errno.h>
#include <magic.h>
#include <stdlib.h>

struct libmagic {
    __typeof__(&magic_open) open;
    __typeof__(&magic_close) close;
    __typeof__(&magic_load) load;
    __typeof__(&magic_buffer) buffer;
    __typeof__(&magic_error) error;
};

static const struct sfx_dl_symbol symbols[] = {
    {"magic_open", offsetof(struct libmagic, open)},
    {"magic_close", offsetof(struct libmagic, close)},
    {"magic_load", offsetof(struct libmagic, load)},
    {"magic_buffer", offsetof(struct libmagic, buffer)},
    {"magic_error", offsetof(struct libmagic, error)},
};

struct sfx_media {
    struct libmagic lib;
    magic_t magic; /* NULL: not open yet */
};

struct sfx_media *sfx_media_new(struct sfx_err *err)
{
    struct sfx_media *m = calloc(1, sizeof(*m));

    if (m == NULL)
        (void)sfx_err_errno(err, ENOMEM, "file type detector");
    return m;
}

static int open_magic(struct sfx_media *m, struct sfx_err *err)
{
    int rc;

    if (m->magic != NULL)
        return 0;
    rc = sfx_dl_open(SFX_LIBMAGIC_SONAME, symbols, SFX_COUNT(symbols), &m->lib, err);
    if (rc < 0)
        return rc;
    m->magic = m->lib.open(MAGIC_MIME_TYPE);
    if (m->magic == NULL)
        return sfx_err_errno(err, errno, "libmagic");
    if (m->lib.load(m->magic, NULL) == 0)
        return 0;
    rc = sfx_err_set(err, SFX_E_UNSUPPORTED, "libmagic: %s", m->lib.error(m->magic));
    m->lib.close(m->magic);
    m->magic = NULL;
    return rc;
}

int sfx_media_detect(struct sfx_media *m, struct sfx_slice head, struct sfx_slice name,
                     struct sfx_slice *type, struct sfx_err *err)
{
    const char *guess;
    int rc;

    *type = head.len == 0 ? SFX_SLICE_LIT("application/x-empty") : sfx_media_signature(head);
    if (type->len > 0)
        return 0;
    rc = open_magic(m, err);
    if (rc < 0)
        return rc;
    guess = m->lib.buffer(m->magic, head.ptr, head.len);
    if (guess == NULL)
        return sfx_err_errno(err, ENOMEM, "libmagic");
    *type = sfx_media_refine(sfx_slice_str(guess), name);
    return 0;
}

void sfx_media_free(struct sfx_media *m)
{
    if (m == NULL)
        return;
    if (m->magic != NULL)
        m->lib.close(m->magic);
    free(m);
}
