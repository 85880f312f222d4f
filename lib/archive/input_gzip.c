/* SPDX-License-Identifier: MIT */
/*
 * gzip (RFC 1952) by zlib. libarchive would do it too, but compares neither the CRC nor the length
 * with what it decoded, and takes a second member that is cut short for the end.
 */
#include "archive/input_internal.h"
#include "base/dl.h"
#include "base/size.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

struct zlib {
    __typeof__(&inflateInit2_) init;
    __typeof__(&inflate) inflate;
    __typeof__(&inflateReset) reset;
    __typeof__(&inflateEnd) end;
};

static const struct sfx_dl_symbol symbols[] = {
    {"inflateInit2_", offsetof(struct zlib, init)},
    {"inflate", offsetof(struct zlib, inflate)},
    {"inflateReset", offsetof(struct zlib, reset)},
    {"inflateEnd", offsetof(struct zlib, end)},
};

struct sfx_gunzip {
    struct zlib lib;
    z_stream stream;
    struct sfx_source *src; /* borrowed */
    enum { IN_MEMBER, AFTER_MEMBER, IN_PADDING, ENDED } state;
};

#define SFX_GZIP_WINDOW (15 + 16) /* zlib: the largest window, gzip wrapping only */

int sfx_gunzip_preload(struct sfx_err *err)
{
    struct zlib lib;

    return sfx_dl_open(SFX_LIBZ_SONAME, symbols, SFX_COUNT(symbols), &lib, err);
}

int sfx_gunzip_new(struct sfx_source *src, struct sfx_gunzip **out, struct sfx_err *err)
{
    struct sfx_gunzip *gz = calloc(1, sizeof(*gz));
    int rc;

    if (gz == NULL)
        return sfx_err_errno(err, ENOMEM, "gzip decoder");
    gz->src = src;
    rc = sfx_dl_open(SFX_LIBZ_SONAME, symbols, SFX_COUNT(symbols), &gz->lib, err);
    if (rc == 0 &&
        gz->lib.init(&gz->stream, SFX_GZIP_WINDOW, ZLIB_VERSION, (int)sizeof(z_stream)) != Z_OK)
        rc = sfx_err_errno(err, ENOMEM, "gzip decoder");
    if (rc < 0) {
        free(gz);
        return rc;
    }
    *out = gz;
    return 0;
}

/* Makes sure that there are compressed bytes, or that there need be none (ENDED). */
static int more_input(struct sfx_gunzip *gz, struct sfx_err *err)
{
    struct sfx_slice block;
    int rc;

    if (gz->stream.avail_in > 0)
        return 0;
    rc = sfx_source_block(gz->src, &block, err);
    if (rc < 0)
        return rc;
    gz->stream.next_in = (z_const Bytef *)block.ptr;
    gz->stream.avail_in = (uInt)block.len;
    if (block.len > 0)
        return 0;
    if (gz->state == IN_MEMBER)
        return sfx_err_set(err, SFX_E_INPUT, "gzip data ends early");
    gz->state = ENDED;
    return 0;
}

/* After a member: another one, or zero bytes up to the end. */
static int next_member(struct sfx_gunzip *gz, struct sfx_err *err)
{
    while (gz->stream.avail_in > 0 && *gz->stream.next_in == 0) {
        gz->stream.next_in++;
        gz->stream.avail_in--;
        gz->state = IN_PADDING;
    }
    if (gz->stream.avail_in == 0)
        return 0;
    if (gz->state == IN_PADDING || *gz->stream.next_in != 0x1f)
        return sfx_err_set(err, SFX_E_INPUT, "garbage after the end of the gzip data");
    gz->state = IN_MEMBER;
    (void)gz->lib.reset(&gz->stream);
    return 0;
}

static int inflate_some(struct sfx_gunzip *gz, struct sfx_err *err)
{
    switch (gz->lib.inflate(&gz->stream, Z_NO_FLUSH)) {
    case Z_STREAM_END: gz->state = AFTER_MEMBER; return 0;
    case Z_OK:
    case Z_BUF_ERROR: return 0;
    case Z_MEM_ERROR: return sfx_err_errno(err, ENOMEM, "gzip decoder");
    default:
        return sfx_err_set(err, SFX_E_INPUT, "gzip data is damaged: %s",
                           gz->stream.msg != NULL ? gz->stream.msg : "it asks for a dictionary");
    }
}

ssize_t sfx_gunzip_read(struct sfx_gunzip *gz, void *ptr, size_t cap, struct sfx_err *err)
{
    /* zlib counts in unsigned int. */
    uInt room = cap < (1U << 30) ? (uInt)cap : 1U << 30;
    int rc = 0;

    gz->stream.next_out = ptr;
    gz->stream.avail_out = room;
    while (gz->stream.avail_out == room) {
        rc = more_input(gz, err);
        if (rc == 0 && gz->state != IN_MEMBER && gz->state != ENDED)
            rc = next_member(gz, err);
        if (rc == 0 && gz->state == IN_MEMBER)
            rc = inflate_some(gz, err);
        if (rc < 0)
            return rc;
        if (gz->state == ENDED)
            break;
    }
    return (ssize_t)(room - gz->stream.avail_out);
}

void sfx_gunzip_free(struct sfx_gunzip *gz)
{
    if (gz == NULL)
        return;
    (void)gz->lib.end(&gz->stream);
    free(gz);
}
