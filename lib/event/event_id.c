/* SPDX-License-Identifier: MIT */
/*
 * Ids and etags. Ids are the first half of a SHA-256: nobody can make two names that share one,
 * and 128 bits never meet by chance.
 */
#include "base/sha256.h"
#include "base/size.h"
#include "event/event.h"

#include <stdio.h>

#define NS_PER_S INT64_C(1000000000)

/* A number in the same form on every machine: eight bytes, least significant first. */
static void put_number(unsigned char out[8], uint64_t value)
{
    size_t i;

    for (i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

/* Adds text so that where it ends is part of what is hashed. */
static void add_text(struct sfx_sha256 *ctx, struct sfx_slice text)
{
    unsigned char len[8];

    put_number(len, text.len);
    sfx_sha256_update(ctx, len, sizeof(len));
    sfx_sha256_update(ctx, text.ptr, text.len);
}

static void finish(struct sfx_sha256 *ctx, char out[SFX_EVENT_ID_NBYTES])
{
    unsigned char digest[SFX_SHA256_NBYTES];
    char hex[65];

    sfx_sha256_final(ctx, digest);
    sfx_sha256_hex(digest, hex);
    memcpy(out, hex, SFX_EVENT_ID_NBYTES - 1);
    out[SFX_EVENT_ID_NBYTES - 1] = '\0';
}

void sfx_event_file_id(const struct stat *st, struct sfx_slice path, char out[SFX_EVENT_ID_NBYTES])
{
    const uint64_t state[] = {(uint64_t)st->st_dev,          (uint64_t)st->st_ino,
                              (uint64_t)st->st_size,         (uint64_t)st->st_mtim.tv_sec,
                              (uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec,
                              (uint64_t)st->st_ctim.tv_nsec};
    unsigned char bytes[sizeof(state)];
    struct sfx_sha256 ctx;
    size_t i;

    for (i = 0; i < SFX_COUNT(state); i++)
        put_number(bytes + 8 * i, state[i]);
    sfx_sha256_init(&ctx);
    sfx_sha256_update(&ctx, bytes, sizeof(bytes));
    add_text(&ctx, path);
    finish(&ctx, out);
}

void sfx_event_file_etag(const struct stat *st, char out[SFX_EVENT_ID_NBYTES])
{
    /* Wraps for times beyond the year 2554: an etag only has to differ. */
    uint64_t mtime_ns = (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;

    /* 15 + 1 + 16 digits; the last is cut off files of 2^60 bytes and more. */
    (void)snprintf(out, SFX_EVENT_ID_NBYTES, "%llx-%llx", (unsigned long long)st->st_size,
                   (unsigned long long)mtime_ns);
}

void sfx_event_derived_id(struct sfx_slice cause_id, const char *program, struct sfx_slice path,
                          char out[SFX_EVENT_ID_NBYTES])
{
    struct sfx_sha256 ctx;

    sfx_sha256_init(&ctx);
    add_text(&ctx, cause_id);
    add_text(&ctx, sfx_slice_str(program));
    add_text(&ctx, path);
    finish(&ctx, out);
}
