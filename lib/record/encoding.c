/* SPDX-License-Identifier: MIT */
/* Decoders: any encoding of iconv to UTF-8, in bounded memory. */
#include "record/encoding.h"

#include "base/size.h"
#include "base/text.h"

#include <errno.h>
#include <iconv.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RAW_NBYTES ((size_t)64 << 10)
#define CLOSED     ((iconv_t)-1)

struct sfx_transcoder {
    iconv_t cd;
    const char *encoding;
    struct sfx_byte_source raw;
    char *data; /* RAW_NBYTES of the source */
    size_t at, len;
    uint64_t offset; /* of data[0] in the source */
    bool eof;
    bool checks;    /* what iconv says is UTF-8 need not be: it is UTF-8 that comes in */
    bool starved;   /* data has no whole character left */
    char spare[64]; /* decoded, for a reader with room for less than a character */
    size_t spare_at, spare_len;
};

const char *sfx_encoding_of_mark(struct sfx_slice head)
{
    static const struct {
        struct sfx_slice mark;
        const char *encoding;
    } marks[] = {
        {{"\xff\xfe\0\0", 4}, "UTF-32LE"}, /* before its beginning, which is a mark, too */
        {{"\0\0\xfe\xff", 4}, "UTF-32BE"},
        {{"\xff\xfe", 2}, "UTF-16LE"},
        {{"\xfe\xff", 2}, "UTF-16BE"},
    };
    size_t i;

    for (i = 0; i < SFX_COUNT(marks); i++) {
        if (head.len >= marks[i].mark.len &&
            memcmp(head.ptr, marks[i].mark.ptr, marks[i].mark.len) == 0)
            return marks[i].encoding;
    }
    return NULL;
}

/* Errors: USAGE. */
static int open_iconv(const char *encoding, iconv_t *cd, struct sfx_err *err)
{
    /* "//" would ask iconv to change what it cannot convert. */
    *cd =
        *encoding == '\0' || strchr(encoding, '/') != NULL ? CLOSED : iconv_open("UTF-8", encoding);
    return *cd != CLOSED
               ? 0
               : sfx_err_set(err, SFX_E_USAGE, "there is no encoding %s here; iconv -l lists them",
                             encoding);
}

int sfx_encoding_check(const char *encoding, struct sfx_err *err)
{
    iconv_t cd;
    const int rc = open_iconv(encoding, &cd, err);

    if (rc == 0)
        (void)iconv_close(cd);
    return rc;
}

int sfx_encoding_decode_head(const char *encoding, struct sfx_slice head, struct sfx_buf *out,
                             struct sfx_err *err)
{
    char *in = (char *)(uintptr_t)head.ptr; /* iconv does not write there */
    char *to;
    size_t in_left = head.len, out_left = head.len * 4;
    iconv_t cd;
    int rc = sfx_buf_reserve(out, out_left + 1, err);

    if (rc == 0)
        rc = open_iconv(encoding, &cd, err);
    if (rc < 0)
        return rc;
    to = out->data + out->len;
    (void)iconv(cd, &in, &in_left, &to, &out_left);
    (void)iconv_close(cd);
    out->len = (size_t)(to - out->data);
    return 0;
}

struct sfx_transcoder *sfx_transcoder_new(struct sfx_err *err)
{
    struct sfx_transcoder *d = calloc(1, sizeof(*d));

    if (d != NULL) {
        d->cd = CLOSED;
        d->data = malloc(RAW_NBYTES);
    }
    if (d != NULL && d->data != NULL)
        return d;
    (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a decoder");
    free(d);
    return NULL;
}

/* Says where the source is wrong: byte `at` of data. */
static int blame(const struct sfx_transcoder *d, const char *what, struct sfx_err *err)
{
    int rc = sfx_err_set(err, SFX_E_INPUT, "byte %" PRIu64 ": %s %s", d->offset + d->at, what,
                         d->encoding);

    if (d->raw.member != NULL)
        rc = sfx_err_wrap(err, rc, "%s", d->raw.member);
    return sfx_err_wrap(err, rc, "%s", d->raw.input != NULL ? d->raw.input : "-");
}

/* Reads more of the source behind what is left of it. Errors: as of the source. */
static int refill(struct sfx_transcoder *d, struct sfx_err *err)
{
    ssize_t n;

    memmove(d->data, d->data + d->at, d->len - d->at);
    d->offset += d->at;
    d->len -= d->at;
    d->at = 0;
    n = d->raw.read(d->raw.ctx, d->data + d->len, RAW_NBYTES - d->len, err);
    d->eof = n == 0;
    d->len += n > 0 ? (size_t)n : 0;
    return n < 0 ? (int)n : 0;
}

/* Decodes to out until data is used up, or out is full: how many bytes. Errors: INPUT. */
static ssize_t convert(struct sfx_transcoder *d, char *out, size_t cap, struct sfx_err *err)
{
    const char *begin = out;
    char *in = d->data + d->at;
    size_t in_left = d->len - d->at;
    size_t out_left = cap;
    const bool failed = iconv(d->cd, &in, &in_left, &out, &out_left) == (size_t)-1;
    const int why = failed ? errno : 0;

    if (d->checks) { /* glibc lets sequences through that no character has */
        const size_t n = cap - out_left, valid = sfx_utf8_valid_prefix(sfx_slice(begin, n));

        if (valid < n) {
            d->at += valid;
            d->starved = false;
            return valid > 0 ? (ssize_t)valid : blame(d, "this is not", err);
        }
    }
    d->at = d->len - in_left;
    d->starved = why != E2BIG;
    if (why == EILSEQ && out_left == cap)
        return blame(d, "this is not", err);
    return (ssize_t)(cap - out_left);
}

/* A byte source's read. */
static ssize_t decode(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_transcoder *d = ctx;
    ssize_t n = 0;
    int rc = 0;

    while (rc == 0) {
        if (d->spare_at < d->spare_len) {
            const size_t rest = d->spare_len - d->spare_at;

            n = (ssize_t)(rest < cap ? rest : cap);
            memcpy(ptr, d->spare + d->spare_at, (size_t)n);
            d->spare_at += (size_t)n;
            return n;
        }
        n = convert(d, ptr, cap, err);
        if (n != 0)
            return n;
        if (!d->starved) { /* not even one character fits */
            d->spare_at = 0;
            n = convert(d, d->spare, sizeof(d->spare), err);
            d->spare_len = n > 0 ? (size_t)n : 0;
            rc = n < 0 ? (int)n : 0;
        } else if (d->eof) {
            return d->at < d->len ? blame(d, "the input ends within a character of", err) : 0;
        } else {
            rc = refill(d, err);
        }
    }
    return rc;
}

static bool would_block(void *ctx)
{
    const struct sfx_transcoder *d = ctx;

    return d->spare_at == d->spare_len && d->starved && d->raw.would_block != NULL &&
           d->raw.would_block(d->raw.ctx);
}

int sfx_transcoder_open(struct sfx_transcoder *d, const char *encoding,
                        struct sfx_byte_source *source, struct sfx_err *err)
{
    int rc;

    if (d->cd != CLOSED)
        (void)iconv_close(d->cd);
    rc = open_iconv(encoding, &d->cd, err);
    d->encoding = encoding;
    d->checks = strcasecmp(encoding, "UTF-8") == 0 || strcasecmp(encoding, "UTF8") == 0;
    d->raw = *source;
    d->at = d->len = 0;
    d->offset = 0;
    d->eof = false;
    d->starved = true;
    d->spare_at = d->spare_len = 0;
    source->read = decode;
    source->would_block = would_block;
    source->ctx = d;
    source->path = NULL;
    return rc;
}

void sfx_transcoder_free(struct sfx_transcoder *d)
{
    if (d == NULL)
        return;
    if (d->cd != CLOSED)
        (void)iconv_close(d->cd);
    free(d->data);
    free(d);
}
