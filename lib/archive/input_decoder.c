/* SPDX-License-Identifier: MIT */
/* Decoders of one compressed stream, metered, and sure that nothing but padding follows it. */
#include "archive/input_internal.h"
#include "base/clock.h"

int sfx_input_meter_add(struct sfx_input_meter *meter, enum sfx_input_layer layer, size_t nbytes,
                        struct sfx_err *err)
{
    const struct sfx_input_limits *limits = &meter->limits;
    uint64_t stored =
        meter->stored_nbytes < meter->stored_size ? meter->stored_nbytes : meter->stored_size;
    uint64_t decoded = meter->decoded_nbytes[layer] += nbytes;
    int64_t elapsed_ns = meter->decoding_ns + sfx_clock_mono_ns() - meter->entered_ns;

    if (decoded > limits->max_total_nbytes)
        return sfx_err_set(err, SFX_E_LIMIT, "decodes to more than %llu bytes",
                           (unsigned long long)limits->max_total_nbytes);
    if (decoded > SFX_INPUT_RATIO_FREE_NBYTES && decoded / limits->max_ratio > stored)
        return sfx_err_set(err, SFX_E_LIMIT, "decodes to more than %llu times what is stored",
                           (unsigned long long)limits->max_ratio);
    if (elapsed_ns - meter->waiting_ns > limits->max_time_ns)
        return sfx_err_set(err, SFX_E_LIMIT, "takes longer than %lld s to decode",
                           (long long)(limits->max_time_ns / 1000000000));
    return 0;
}

/*
 * libarchive cannot tell a stream that holds nothing from a damaged one: both give its raw format
 * no first byte. So each stream is preceded by one of ours that holds one byte ("x"; streams may be
 * joined), which is dropped again.
 */
#define BZIP2_PRIMER                                                                               \
    "BZh9\x31\x41\x59\x26\x53\x59\x77\x4b\xb0\x14\0\0\0\0\x80\0\x40\x20\0\x21\x18\x46\x82\xee\x48" \
    "\xa7\x0a\x12\x0e\xe9\x76\x02\x80"
#define XZ_PRIMER                                                                                  \
    "\xfd\x37zXZ\0\0\0\xff\x12\xd9\x41\x02\0\x21\x01\x0c\0\0\0\x8f\x98\x41\x9c\x01\0\0x\0\0\0\0\0" \
    "\x01\x11\x01\xad\xa6\x58\x04\x06\x72\x9e\x7a\x01\0\0\0\0\0YZ"
#define ZSTD_PRIMER "\x28\xb5\x2f\xfd\0\x58\x09\0\0x"
#define LZ4_PRIMER  "\x04\x22\x4d\x18\x60\x40\x82\x01\0\0\x80x\0\0\0\0"

static const struct {
    int code;
    const char *name;
    struct sfx_slice primer;
} filters[] = {
    [SFX_FILTER_BZIP2] = {ARCHIVE_FILTER_BZIP2, "bzip2", {BZIP2_PRIMER, sizeof(BZIP2_PRIMER) - 1}},
    [SFX_FILTER_XZ] = {ARCHIVE_FILTER_XZ, "xz", {XZ_PRIMER, sizeof(XZ_PRIMER) - 1}},
    [SFX_FILTER_ZSTD] = {ARCHIVE_FILTER_ZSTD, "zstd", {ZSTD_PRIMER, sizeof(ZSTD_PRIMER) - 1}},
    [SFX_FILTER_LZ4] = {ARCHIVE_FILTER_LZ4, "LZ4", {LZ4_PRIMER, sizeof(LZ4_PRIMER) - 1}},
};

/* What libarchive was given but did not use is no part of the stream. */
static int expect_end(struct sfx_decoder *d, struct sfx_err *err)
{
    struct sfx_unpack *u = &d->unpack;
    uint64_t used = (uint64_t)u->lib.filter_bytes(u->reader, -1);
    uint64_t unused = u->given_nbytes - used;
    uint64_t i;

    for (i = 0; i < unused && i < u->last.len; i++) {
        if (u->last.ptr[u->last.len - 1 - i] != 0)
            return sfx_err_set(err, SFX_E_INPUT, "garbage after the end of the data");
    }
    return sfx_source_expect_end(d->src, err);
}

static ssize_t unpack_read(struct sfx_decoder *d, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_unpack *u = &d->unpack;
    la_ssize_t n = u->lib.read_data(u->reader, ptr, cap);

    if (n < 0)
        return sfx_unpack_fail(u, err);
    return n > 0 ? (ssize_t)n : expect_end(d, err);
}

static ssize_t decode(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_decoder *d = ctx;
    ssize_t n = d->gunzip != NULL ? sfx_gunzip_read(d->gunzip, ptr, cap, err)
                                  : unpack_read(d, ptr, cap, err);
    int rc;

    if (n < 0)
        return n;
    rc = sfx_input_meter_add(d->meter, d->layer, (size_t)n, err);
    return rc < 0 ? rc : n;
}

static int open_unpack(struct sfx_decoder *d, struct sfx_err *err)
{
    struct sfx_unpack *u = &d->unpack;
    struct archive_entry *entry;
    char first;
    int rc = sfx_unpack_init(u, d->src, NULL, err);

    if (rc < 0)
        return rc;
    /* ARCHIVE_WARN would mean that an external program decodes. */
    if (u->lib.read_append_filter(u->reader, filters[d->filter].code) != ARCHIVE_OK)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "this libarchive does not decode %s",
                           filters[d->filter].name);
    if (u->lib.read_support_format_raw(u->reader) != ARCHIVE_OK)
        return sfx_unpack_fail(u, err);
    u->primer = filters[d->filter].primer;
    rc = sfx_unpack_open(u, err);
    if (rc == 0 && (u->lib.read_next_header(u->reader, &entry) != ARCHIVE_OK ||
                    u->lib.read_data(u->reader, &first, 1) != 1))
        rc = sfx_unpack_fail(u, err);
    if (rc == SFX_E_INPUT)
        rc = sfx_err_set(err, rc, "%s data is damaged or ends early", filters[d->filter].name);
    return rc;
}

int sfx_decoder_init(struct sfx_decoder *d, enum sfx_input_filter filter, struct sfx_source *src,
                     struct sfx_input_meter *meter, enum sfx_input_layer layer, struct sfx_err *err)
{
    *d = (struct sfx_decoder){.filter = filter, .src = src, .meter = meter, .layer = layer};
    d->source = (struct sfx_source){.fill = decode, .ctx = d};
    if (filter != SFX_FILTER_GZIP)
        return open_unpack(d, err);
    return sfx_gunzip_new(src, &d->gunzip, err);
}

void sfx_decoder_done(struct sfx_decoder *d)
{
    sfx_unpack_done(&d->unpack);
    sfx_gunzip_free(d->gunzip);
    sfx_source_done(&d->source);
    *d = (struct sfx_decoder){0};
}
