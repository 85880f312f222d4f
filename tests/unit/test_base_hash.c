/* SPDX-License-Identifier: MIT */
/* Hashes give the published values, on every machine and by every kernel. */
#include "base/cpu.h"
#include "base/hash.h"
#include "base/sha256.h"
#include "base/size.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* The input of the vectors of xxHash's own sanity check. */
static void fill_like_xxhash(unsigned char *ptr, size_t len)
{
    uint64_t gen = UINT32_C(2654435761);
    size_t i;

    for (i = 0; i < len; i++) {
        ptr[i] = (unsigned char)(gen >> 56);
        gen *= UINT64_C(11400714785074694797);
    }
}

static void hash64_is_xxh64(void **state)
{
    static const struct {
        size_t len;
        uint64_t seed, hash;
    } vectors[] = {
        {0, 0, UINT64_C(0xEF46DB3751D8E999)},
        {0, 2654435761u, UINT64_C(0xAC75FDA2929B17EF)},
        {1, 0, UINT64_C(0xE934A84ADB052768)},
        {1, 2654435761u, UINT64_C(0x5014607643A9B4C3)},
        {4, 0, UINT64_C(0x9136A0DCA57457EE)},
        {14, 0, UINT64_C(0x8282DCC4994E35C8)},
        {14, 2654435761u, UINT64_C(0xC3BD6BF63DEB6DF0)},
        {222, 0, UINT64_C(0xB641AE8CB691C174)},
        {222, 2654435761u, UINT64_C(0x20CB8AB7AE10C14A)},
    };
    unsigned char input[222];
    size_t i;

    (void)state;
    fill_like_xxhash(input, sizeof(input));
    for (i = 0; i < SFX_COUNT(vectors); i++)
        assert_true(sfx_hash64(input, vectors[i].len, vectors[i].seed) == vectors[i].hash);
    assert_true(sfx_hash64("abc", 3, 0) == UINT64_C(0x44BC2CF5AD770999));
}

static void hash64_does_not_depend_on_alignment(void **state)
{
    unsigned char bytes[128 + 8];
    uint64_t first;
    size_t shift;

    (void)state;
    fill_like_xxhash(bytes, 127);
    first = sfx_hash64(bytes, 127, 7);
    for (shift = 1; shift < 8; shift++) {
        memmove(bytes + shift, bytes + shift - 1, 127);
        assert_true(sfx_hash64(bytes + shift, 127, 7) == first);
    }
}

/* The digest of len bytes at ptr, given in pieces of at most step bytes. */
static void digest(const void *ptr, size_t len, size_t step, char hex[65])
{
    unsigned char out[SFX_SHA256_NBYTES];
    const char *p = ptr;
    struct sfx_sha256 ctx;

    sfx_sha256_init(&ctx);
    while (len > 0) {
        size_t n = len < step ? len : step;

        sfx_sha256_update(&ctx, p, n);
        p += n;
        len -= n;
    }
    sfx_sha256_final(&ctx, out);
    sfx_sha256_hex(out, hex);
}

static void check_sha256_vectors(void)
{
    static const char long_text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    char *million = malloc(1000000);
    char hex[65];

    digest("", 0, 1, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest("abc", 3, 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest(long_text, sizeof(long_text) - 1, 5, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_non_null(million);
    memset(million, 'a', 1000000);
    digest(million, 1000000, 1000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void sha256_is_that_of_fips_180_4(void **state)
{
    (void)state;
    check_sha256_vectors();
    sfx_cpu_force(0);
    check_sha256_vectors();
    sfx_cpu_force(UINT32_MAX);
}

static void sha256_kernels_agree_on_odd_sizes(void **state)
{
    unsigned char bytes[1024 + 1];
    size_t len;

    (void)state;
    if ((sfx_cpu_features() & SFX_CPU_SHA) == 0)
        skip(); /* this machine has one kernel */
    fill_like_xxhash(bytes, sizeof(bytes));
    for (len = 0; len < sizeof(bytes); len += 1 + len / 7) {
        char best[65];
        char portable[65];

        digest(bytes + 1, len, 1 + len / 3, best);
        sfx_cpu_force(0);
        digest(bytes + 1, len, 64, portable);
        sfx_cpu_force(UINT32_MAX);
        assert_string_equal(best, portable);
    }
}

static void forcing_features_only_takes_away(void **state)
{
    uint32_t all = sfx_cpu_features();

    (void)state;
    sfx_cpu_force(SFX_CPU_NEON | SFX_CPU_SSE42);
    assert_int_equal(sfx_cpu_features(), all & (SFX_CPU_NEON | SFX_CPU_SSE42));
    sfx_cpu_force(UINT32_MAX);
    assert_int_equal(sfx_cpu_features(), all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash64_is_xxh64),
        cmocka_unit_test(hash64_does_not_depend_on_alignment),
        cmocka_unit_test(sha256_is_that_of_fips_180_4),
        cmocka_unit_test(sha256_kernels_agree_on_odd_sizes),
        cmocka_unit_test(forcing_features_only_takes_away),
    };

    return cmocka_run_group_tests_name("base_hash", tests, NULL, NULL);
}
