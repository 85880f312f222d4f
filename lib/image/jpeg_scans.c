/* SPDX-License-Identifier: MIT */
/* Leaves scans out of a progressive JPEG. */
#include "image/jpeg_scans.h"

#include <string.h>

enum state {
    IN_SCAN,    /* entropy-coded data */
    IN_SCAN_FF, /* its FF: what follows says whether it is data */
    BETWEEN,    /* a marker is due */
    BETWEEN_FF, /* its FF has come */
    IN_LENGTH,  /* of a segment that is passed on */
    IN_SEGMENT,
    IN_SCAN_HEAD, /* an SOS that is held until it is decided on */
    PASSED_END,   /* behind EOI */
};

enum marker { RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, TEM = 0x01 };

/* What stands before Ss in an SOS of one component: marker, length, count, id, tables. */
#define SS_OFFSET 7

/* A marker's second byte has come; its FF has not been passed on. */
static uint8_t *begin_marker(struct sfx_jpeg_scans *s, uint8_t marker, uint8_t *out)
{
    s->held = 0;
    if (marker == SOS) {
        s->head[s->held++] = 0xff;
        s->head[s->held++] = marker;
        s->state = IN_SCAN_HEAD;
        return out;
    }
    *out++ = 0xff;
    *out++ = marker;
    s->state = marker == EOI                                                          ? PASSED_END
               : marker == TEM || marker == SOI || (marker >= RST0 && marker <= RST7) ? BETWEEN
                                                                                      : IN_LENGTH;
    return out;
}

/* Decides on an SOS once it is whole. */
static uint8_t *hold(struct sfx_jpeg_scans *s, uint8_t byte, uint8_t *out)
{
    size_t nbytes;

    s->head[s->held++] = byte;
    if (s->held < 4)
        return out;
    nbytes = 2 + ((size_t)s->head[2] << 8 | s->head[3]);
    if (s->held < nbytes && s->held < sizeof(s->head))
        return out;
    s->dropping =
        s->held > SS_OFFSET && s->head[4] == 1 && s->drops[s->head[5]] && s->head[SS_OFFSET] > 0;
    s->state = IN_SCAN;
    s->dropped += s->dropping;
    if (s->dropping)
        return out;
    memcpy(out, s->head, s->held);
    return out + s->held;
}

/* Data up to the next FF, at once. */
static const uint8_t *scan_data(struct sfx_jpeg_scans *s, const uint8_t *in, const uint8_t *end,
                                uint8_t **out)
{
    const uint8_t *ff = memchr(in, 0xff, (size_t)(end - in));
    size_t n = (size_t)((ff != NULL ? ff : end) - in);

    if (!s->dropping) {
        memcpy(*out, in, n);
        *out += n;
    }
    if (ff == NULL)
        return end;
    s->state = IN_SCAN_FF;
    return ff + 1;
}

static uint8_t *after_ff(struct sfx_jpeg_scans *s, uint8_t byte, uint8_t *out)
{
    if (byte == 0xff) /* fill */
        return out;
    if (byte != 0 && (byte < RST0 || byte > RST7))
        return begin_marker(s, byte, out);
    s->state = IN_SCAN;
    if (s->dropping)
        return out;
    *out++ = 0xff;
    *out++ = byte;
    return out;
}

static uint8_t *step(struct sfx_jpeg_scans *s, uint8_t byte, uint8_t *out)
{
    switch ((enum state)s->state) {
    case IN_SCAN_FF: return after_ff(s, byte, out);
    case BETWEEN_FF: return byte == 0xff ? out : begin_marker(s, byte, out);
    case IN_SCAN_HEAD: return hold(s, byte, out);
    case BETWEEN:
        if (byte == 0xff) {
            s->state = BETWEEN_FF;
            return out;
        }
        break;
    case IN_LENGTH:
        s->head[s->held++] = byte;
        if (s->held == 2) {
            size_t nbytes = (size_t)s->head[0] << 8 | s->head[1];

            s->left = nbytes > 2 ? nbytes - 2 : 0;
            s->state = s->left > 0 ? IN_SEGMENT : BETWEEN;
        }
        break;
    case IN_SEGMENT:
        if (--s->left == 0)
            s->state = BETWEEN;
        break;
    case IN_SCAN:
    case PASSED_END: break;
    }
    *out++ = byte;
    return out;
}

size_t sfx_jpeg_scans_filter(struct sfx_jpeg_scans *s, const uint8_t *in, size_t n, uint8_t *out)
{
    const uint8_t *end = in + n;
    uint8_t *begin = out;

    while (in < end) {
        if (s->state == IN_SCAN)
            in = scan_data(s, in, end, &out);
        else
            out = step(s, *in++, out);
    }
    return (size_t)(out - begin);
}
