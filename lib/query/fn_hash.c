/* SPDX-License-Identifier: MIT */
/* Digests and checksums of texts, and names that are unique: UUIDs (RFC 9562). */
#include "query/functions_internal.h"

#include "base/clock.h"
#include "base/dl.h"
#include "value/digest.h"
#include "value/url.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

/* --- digests --------------------------------------------------------------------------------- */

/* The function is called as the digest is. */
static int bind_digest(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       enum sfx_type *type)
{
    (void)type;
    node->detail =
        sfx_digest_new(b->arena, sfx_slice_str(expr->fn->name), sfx_slice(NULL, 0), b->err);
    if (node->detail == NULL)
        return b->err != NULL ? (int)b->err->code : SFX_E_UNSUPPORTED;
    return sfx_bind_args(b, expr, node);
}

static void set_hex(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                    const unsigned char *bytes, size_t nbytes)
{
    char *text = sfx_eval_text(ev, 2 * nbytes);

    if (text == NULL)
        return;
    sfx_hex_digits(bytes, nbytes, text);
    sfx_fn_set_text(node, row, text, 2 * nbytes);
}

static void fn_digest(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    unsigned char bytes[SFX_DIGEST_MAX_NBYTES];
    size_t nbytes = sfx_digest_bytes(node->detail, sfx_fn_text_arg(ev, node, 0, row), bytes);

    set_hex(ev, node, row, bytes, nbytes);
}

/* hmac_sha256(s, key): the key of a program is always the same. */
static int bind_hmac(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                     enum sfx_type *type)
{
    const struct sfx_expr *key = expr->args[1];

    (void)type;
    if (!sfx_expr_is_text(key))
        return sfx_program_err(b->program, key->at, b->err,
                               "the key is a string, or an argument as :key");
    node->detail = sfx_digest_new(b->arena, SFX_SLICE_LIT("sha256"),
                                  key->text.len > 0 ? key->text : SFX_SLICE_LIT(""), b->err);
    if (node->detail == NULL)
        return b->err != NULL ? (int)b->err->code : SFX_E_NOMEM;
    return sfx_bind_args(b, expr, node);
}

struct zlib {
    __typeof__(&crc32) crc;
};

static int bind_crc32(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                      enum sfx_type *type)
{
    static const struct sfx_dl_symbol symbols[] = {{"crc32", offsetof(struct zlib, crc)}};
    struct zlib *lib = sfx_arena_calloc(b->arena, 1, sizeof(*lib), b->err);
    int rc;

    (void)type;
    if (lib == NULL)
        return SFX_E_NOMEM;
    node->detail = lib;
    rc = sfx_dl_open(SFX_LIBZ_SONAME, symbols, SFX_COUNT(symbols), lib, b->err);
    return rc < 0 ? sfx_err_wrap(b->err, rc, "crc32()") : sfx_bind_args(b, expr, node);
}

static void fn_crc32(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct zlib *lib = node->detail;
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    unsigned long crc = lib->crc(0, NULL, 0);

    if (text.len > 0)
        crc = lib->crc(crc, (const unsigned char *)text.ptr, (unsigned)text.len);
    sfx_fn_set_int(node, row, (int64_t)crc);
}

/* --- UUIDs -------------------------------------------------------------------------------------
 */

#define UUID_NBYTES 16

static void set_uuid(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                     unsigned char bytes[UUID_NBYTES], unsigned version)
{
    char digits[2 * UUID_NBYTES], *text = sfx_eval_text(ev, 36);
    size_t i, n = 0;

    if (text == NULL)
        return;
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | version << 4);
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    sfx_hex_digits(bytes, UUID_NBYTES, digits);
    for (i = 0; i < sizeof(digits); i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            text[n++] = '-';
        text[n++] = digits[i];
    }
    sfx_fn_set_text(node, row, text, n);
}

/* Random bytes, fetched for many rows at a time. */
struct random {
    unsigned char bytes[256 * UUID_NBYTES]; /* as getrandom gives whole */
    size_t left;
};

static int bind_random(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       enum sfx_type *type)
{
    (void)type;
    node->detail = sfx_arena_calloc(b->arena, 1, sizeof(struct random), b->err);
    return node->detail == NULL ? SFX_E_NOMEM : sfx_bind_args(b, expr, node);
}

static bool take_random(const struct sfx_node *node, unsigned char bytes[UUID_NBYTES])
{
    struct random *r = node->detail;

    if (r->left == 0) {
        size_t done = 0;

        while (done < sizeof(r->bytes)) {
            ssize_t n = getrandom(r->bytes + done, sizeof(r->bytes) - done, 0);

            if (n < 0 && errno != EINTR)
                return false;
            done += n > 0 ? (size_t)n : 0;
        }
        r->left = sizeof(r->bytes);
    }
    r->left -= UUID_NBYTES;
    memcpy(bytes, r->bytes + r->left, UUID_NBYTES);
    return true;
}

#define NO_RANDOM "the system gives no random numbers"

static void fn_uuid(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    unsigned char bytes[UUID_NBYTES];

    if (take_random(node, bytes))
        set_uuid(ev, node, row, bytes, 4);
    else
        sfx_eval_fail(ev, node, row, NULL, NO_RANDOM);
}

static void fn_uuid7(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    uint64_t ms = (uint64_t)sfx_clock_wall_ns() / 1000000;
    unsigned char bytes[UUID_NBYTES];
    size_t i;

    if (!take_random(node, bytes)) {
        sfx_eval_fail(ev, node, row, NULL, NO_RANDOM);
        return;
    }
    for (i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    set_uuid(ev, node, row, bytes, 7);
}

/* The 16 bytes of a UUID in text. */
static bool read_uuid(struct sfx_slice text, unsigned char bytes[UUID_NBYTES])
{
    size_t i, n = 0;

    if (text.len != 36)
        return false;
    for (i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        int value = sfx_hex_value(text.ptr[i]);

        if (dash ? text.ptr[i] != '-' : value < 0)
            return false;
        if (dash)
            continue;
        bytes[n / 2] = (unsigned char)(n % 2 == 0 ? value << 4 : bytes[n / 2] | value);
        n++;
    }
    return true;
}

/* The namespaces of RFC 9562 differ in one byte. */
static bool read_namespace(struct sfx_slice text, unsigned char bytes[UUID_NBYTES])
{
    static const char *const names[] = {"dns", "url", "oid", NULL, "x500"};
    size_t i;

    for (i = 0; i < SFX_COUNT(names); i++) {
        if (names[i] == NULL || !sfx_slice_eq(text, sfx_slice_str(names[i])))
            continue;
        (void)read_uuid(SFX_SLICE_LIT("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), bytes);
        bytes[3] = (unsigned char)(bytes[3] + i);
        return true;
    }
    return read_uuid(text, bytes);
}

static int bind_uuid5(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                      enum sfx_type *type)
{
    (void)type;
    node->detail = sfx_digest_new(b->arena, SFX_SLICE_LIT("sha1"), sfx_slice(NULL, 0), b->err);
    if (node->detail == NULL)
        return b->err != NULL ? (int)b->err->code : SFX_E_UNSUPPORTED;
    return sfx_bind_args(b, expr, node);
}

static void fn_uuid5(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice space = sfx_fn_text_arg(ev, node, 0, row),
                     name = sfx_fn_text_arg(ev, node, 1, row);
    unsigned char bytes[SFX_DIGEST_MAX_NBYTES];

    if (!read_namespace(space, bytes)) {
        sfx_eval_fail(ev, node, row, &space, "is not dns, url, oid, x500 or a UUID");
        return;
    }
    sfx_buf_clear(&ev->made);
    if (sfx_buf_append(&ev->made, bytes, UUID_NBYTES, NULL) < 0 ||
        sfx_buf_append(&ev->made, name.ptr, name.len, NULL) < 0) {
        ev->rc = SFX_E_NOMEM;
        return;
    }
    (void)sfx_digest_bytes(node->detail, sfx_buf_slice(&ev->made), bytes);
    set_uuid(ev, node, row, bytes, 5);
}

#define DIGEST(name_, text_, gives_)                                                               \
    {                                                                                              \
        name_, name_ "(s)", 1, 1, "t", TEXT, .bind = bind_digest, .row = fn_digest,                \
                                             .help = "the " text_ " of the bytes of s in hex",     \
                                             .example = name_ "(\"abc\")", .gives = gives_         \
    }

static const struct sfx_fn functions[] = {
    {"crc32", "crc32(s)", 1, 1, "t", NUMBER, .bind = bind_crc32, .row = fn_crc32,
     .help = "the CRC-32, as in gzip, of the bytes of s, a number", .example = "crc32(\"abc\")",
     .gives = "891568578"},
    {"hmac_sha256", "hmac_sha256(s, key)", 2, 2, "t", TEXT, .bind = bind_hmac, .row = fn_digest,
     .help = "the SHA-256 of s with a key (HMAC), a string, in hex",
     .example = "hmac_sha256(\"what do ya want for nothing?\", \"Jefe\")",
     .gives = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    DIGEST("md5", "MD5", "900150983cd24fb0d6963f7d28e17f72"),
    DIGEST("sha1", "SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    DIGEST("sha256", "SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    DIGEST("sha512", "SHA-512",
           "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
           "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
    {"uuid", "uuid()", 0, 0, "t", TEXT, .bind = bind_random, .row = fn_uuid,
     .help = "a random UUID (version 4), another one for each record", .example = "length(uuid())",
     .gives = "36"},
    {"uuid5", "uuid5(namespace, name)", 2, 2, "t", TEXT, .bind = bind_uuid5, .row = fn_uuid5,
     .errors = "a namespace that is not dns, url, oid, x500 or a UUID",
     .help = "the UUID (version 5) that a name always has in a namespace",
     .example = "uuid5(\"dns\", \"www.example.com\")",
     .gives = "2ed6657d-e927-568b-95e1-2665a8aea6a2"},
    {"uuid7", "uuid7()", 0, 0, "t", TEXT, .bind = bind_random, .row = fn_uuid7,
     .help = "a UUID that begins with the time (version 7), another one for each record",
     .example = "length(uuid7())", .gives = "36"},
    DIGEST("xxh3", "XXH3 (64 bits, fast, no secret)", "78af5f94892f3950"),
};

const struct sfx_fn_family sfx_fn_hash_family = {"Digests and UUIDs", functions,
                                                 SFX_COUNT(functions)};
