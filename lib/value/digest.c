/* SPDX-License-Identifier: MIT */
/* Digests of texts, keyed ones by HMAC (RFC 2104). */
#include "value/digest.h"

#include "base/dl.h"
#include "base/sha256.h"
#include "base/size.h"

#include <stdint.h>
#include <string.h>

#include <nettle/nettle-meta.h>
#include <xxhash.h>

#define MAX_BLOCK_NBYTES 128 /* of SHA-512 */

struct context {
    _Alignas(16) unsigned char state[512]; /* the largest of nettle's is 216 bytes */
};

struct algorithm {
    size_t digest_nbytes, block_nbytes; /* block 0: there is no HMAC of it */
    void (*init)(void *ctx);
    void (*update)(void *ctx, size_t len, const uint8_t *ptr);
    void (*digest)(void *ctx, size_t len, uint8_t *out);
};

struct sfx_digest {
    struct algorithm algorithm;
    __typeof__(&XXH3_64bits) xxh3;
    bool keyed;
    unsigned char inner[MAX_BLOCK_NBYTES], outer[MAX_BLOCK_NBYTES]; /* the key's pads */
};

/* --- SHA-256 --------------------------------------------------------------------------------- */

static void sha256_init(void *ctx)
{
    sfx_sha256_init(ctx);
}

static void sha256_update(void *ctx, size_t len, const uint8_t *ptr)
{
    sfx_sha256_update(ctx, ptr, len);
}

static void sha256_digest(void *ctx, size_t len, uint8_t *out)
{
    (void)len;
    sfx_sha256_final(ctx, out);
}

static int open_sha256(struct sfx_digest *d, struct sfx_err *err)
{
    (void)err;
    d->algorithm =
        (struct algorithm){SFX_SHA256_NBYTES, 64, sha256_init, sha256_update, sha256_digest};
    return 0;
}

/* --- the libraries' ----------------------------------------------------------------------------
 */

static int open_nettle(struct sfx_digest *d, const char *name, struct sfx_err *err)
{
    struct {
        __typeof__(&nettle_lookup_hash) lookup;
    } lib;
    static const struct sfx_dl_symbol symbols[] = {{"nettle_lookup_hash", 0}};
    const struct nettle_hash *hash;
    int rc = sfx_dl_open(SFX_LIBNETTLE_SONAME, symbols, SFX_COUNT(symbols), &lib, err);

    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", name);
    hash = lib.lookup(name);
    if (hash == NULL || hash->context_size > sizeof(struct context) ||
        hash->block_size > MAX_BLOCK_NBYTES || hash->digest_size > SFX_DIGEST_MAX_NBYTES)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "the library nettle has no %s", name);
    d->algorithm = (struct algorithm){hash->digest_size, hash->block_size, hash->init, hash->update,
                                      hash->digest};
    return 0;
}

static int open_md5(struct sfx_digest *d, struct sfx_err *err)
{
    return open_nettle(d, "md5", err);
}

static int open_sha1(struct sfx_digest *d, struct sfx_err *err)
{
    return open_nettle(d, "sha1", err);
}

static int open_sha512(struct sfx_digest *d, struct sfx_err *err)
{
    return open_nettle(d, "sha512", err);
}

static int open_xxh3(struct sfx_digest *d, struct sfx_err *err)
{
    static const struct sfx_dl_symbol symbols[] = {
        {"XXH3_64bits", offsetof(struct sfx_digest, xxh3)}};
    int rc = sfx_dl_open(SFX_LIBXXHASH_SONAME, symbols, SFX_COUNT(symbols), d, err);

    d->algorithm.digest_nbytes = sizeof(uint64_t);
    return rc < 0 ? sfx_err_wrap(err, rc, "xxh3") : 0;
}

static const struct {
    const char *name;
    int (*open)(struct sfx_digest *d, struct sfx_err *err);
} digests[] = {
    {"md5", open_md5},       {"sha1", open_sha1}, {"sha256", open_sha256},
    {"sha512", open_sha512}, {"xxh3", open_xxh3},
};

const char *sfx_digest_name_at(size_t index)
{
    return index < SFX_COUNT(digests) ? digests[index].name : NULL;
}

/* --- digests
 * --------------------------------------------------------------------------------------- */

/* Makes the pads of a key; one longer than a block is its digest. */
static void set_key(struct sfx_digest *d, struct sfx_slice key)
{
    unsigned char digested[SFX_DIGEST_MAX_NBYTES];
    size_t i, nbytes = d->algorithm.block_nbytes;

    if (key.len > nbytes)
        key = sfx_slice((const char *)digested, sfx_digest_bytes(d, key, digested));
    for (i = 0; i < nbytes; i++) {
        unsigned char byte = i < key.len ? (unsigned char)key.ptr[i] : 0;

        d->inner[i] = byte ^ 0x36;
        d->outer[i] = byte ^ 0x5C;
    }
    d->keyed = true;
}

struct sfx_digest *sfx_digest_new(struct sfx_arena *arena, struct sfx_slice name,
                                  struct sfx_slice key, struct sfx_err *err)
{
    struct sfx_digest *d = sfx_arena_calloc(arena, 1, sizeof(*d), err);
    size_t i;

    for (i = 0; i < SFX_COUNT(digests) && !sfx_slice_eq(name, sfx_slice_str(digests[i].name)); i++)
        ;
    if (i == SFX_COUNT(digests)) {
        (void)sfx_err_set(err, SFX_E_USAGE, "there is no digest %.*s", SFX_SLICE_ARG(name));
        return NULL;
    }
    if (d == NULL || digests[i].open(d, err) < 0)
        return NULL;
    if (key.ptr == NULL)
        return d;
    if (d->algorithm.block_nbytes == 0) {
        (void)sfx_err_set(err, SFX_E_USAGE, "%s takes no key: it keeps no secret", digests[i].name);
        return NULL;
    }
    set_key(d, key);
    return d;
}

static void run(const struct algorithm *a, const unsigned char *pad, struct sfx_slice text,
                unsigned char *out)
{
    struct context ctx;

    a->init(ctx.state);
    if (pad != NULL)
        a->update(ctx.state, a->block_nbytes, pad);
    if (text.len > 0)
        a->update(ctx.state, text.len, (const uint8_t *)text.ptr);
    a->digest(ctx.state, a->digest_nbytes, out);
}

size_t sfx_digest_bytes(const struct sfx_digest *d, struct sfx_slice text,
                        unsigned char out[SFX_DIGEST_MAX_NBYTES])
{
    const struct algorithm *a = &d->algorithm;
    size_t i;

    if (d->xxh3 != NULL) {
        uint64_t hash = d->xxh3(text.len > 0 ? text.ptr : "", text.len);

        for (i = 0; i < sizeof(hash); i++) /* the canonical form: big endian */
            out[i] = (unsigned char)(hash >> (56 - 8 * i));
        return sizeof(hash);
    }
    run(a, d->keyed ? d->inner : NULL, text, out);
    if (d->keyed)
        run(a, d->outer, sfx_slice((const char *)out, a->digest_nbytes), out);
    return a->digest_nbytes;
}

void sfx_hex_digits(const unsigned char *bytes, size_t nbytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < nbytes; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}
