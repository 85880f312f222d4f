/* SPDX-License-Identifier: MIT */
/* File types: by content first, by name only among texts. */
#include "media/media.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LIT(lit) lit, sizeof(lit) - 1

static const struct {
    const char *head;
    size_t len;
    const char *name;
    const char *type;
} cases[] = {
    {LIT("\xff\xd8\xff\xe0"), "a.txt", "image/jpeg"},
    {LIT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a.csv", "image/png"},
    {LIT("GIF89a"), "", "image/gif"},
    {LIT("RIFF\x10\0\0\0WEBPVP8 "), "", "image/webp"},
    {LIT("\0\0\0\x1c"
         "ftypavif"),
     "", "image/avif"},
    {LIT("\0\0\0\x18"
         "ftypheic"),
     "", "image/heic"},
    {LIT("II*\0\x08\0\0\0"), "", "image/tiff"},
    {LIT("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0"), "", "image/bmp"},
    {LIT("%PDF-1.7\n"), "", "application/pdf"},
    {LIT("\x1f\x8b\x08\0"), "a.csv.gz", "application/gzip"},
    {LIT("\x28\xb5\x2f\xfd\0\x58"), "", "application/zstd"},
    {LIT("\xfd\x37zXZ\0"), "", "application/x-xz"},
    {LIT("BZh9\x31\x41\x59\x26\x53\x59"), "", "application/x-bzip2"},
    {LIT("\x04\x22\x4d\x18\x60"), "", "application/x-lz4"},
    {LIT("PK\x03\x04\x14\0\0\0\0\0"), "", "application/zip"},
    {LIT("7z\xbc\xaf\x27\x1c\0\x04"), "", "application/x-7z-compressed"},
    {LIT("SQLite format 3\0\x10\0"), "", "application/vnd.sqlite3"},
    {LIT("PAR1\x15\x04"), "", "application/vnd.apache.parquet"},
    {LIT(""), "a.csv", "application/x-empty"},
    /* texts */
    {LIT("id,name\n1,Ann\n2,Bob\n"), "orders.csv", "text/csv"},
    {LIT("id,name\n1,Ann\n2,Bob\n"), "ORDERS.CSV", "text/csv"},
    {LIT("id,name\n1,Ann\n2,Bob\n3,Cy\n"), "no-extension", "text/csv"},
    {LIT("one column\nof text\n"), "a.csv", "text/csv"},
    {LIT("id\tname\n1\tAnn\n"), "a.tsv", "text/tab-separated-values"},
    {LIT("{\"a\":1}\n{\"a\":2}\n"), "a.jsonl", "application/x-ndjson"},
    {LIT("{\"a\":1}\n"), "a.ndjson", "application/x-ndjson"},
    {LIT("{\"a\":1}\n"), "a.json", "application/json"},
    {LIT("{\"a\":1}\n"), "a.csv", "application/json"},
    {LIT("# Title\n\nSome text.\n"), "README.md", "text/markdown"},
    {LIT("it was a dark night\n"), "a.txt", "text/plain"},
    {LIT("it was a dark night\n"), "", "text/plain"},
    {LIT("<!DOCTYPE html><html><body>502</body></html>\n"), "orders.csv", "text/html"},
    {LIT("BM is how this text begins\n"), "a.txt", "text/plain"},
};

static void content_decides_and_names_only_among_texts(void **state)
{
    struct sfx_media *m = sfx_media_new(NULL);
    size_t i;

    (void)state;
    assert_non_null(m);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sfx_slice type;
        struct sfx_err err = {0};
        int rc = sfx_media_detect(m, sfx_slice(cases[i].head, cases[i].len),
                                  sfx_slice_str(cases[i].name), &type, &err);

        if (rc == SFX_E_UNSUPPORTED) {
            print_message("%s\n", err.text);
            skip();
        }
        assert_int_equal(rc, 0);
        if (!sfx_slice_eq(type, sfx_slice_str(cases[i].type)))
            fail_msg("case %zu, %s: %.*s, not %s", i, cases[i].name, SFX_SLICE_ARG(type),
                     cases[i].type);
    }
    sfx_media_free(m);
}

static void a_tar_is_known_by_its_header(void **state)
{
    char head[512] = "a.csv";

    (void)state;
    memcpy(head + 257, "ustar", 6);
    assert_true(sfx_slice_eq(sfx_media_signature(sfx_slice(head, sizeof(head))),
                             SFX_SLICE_LIT("application/x-tar")));
    assert_int_equal(sfx_media_signature(sfx_slice(head, 262)).len, 0);
}

/* A workbook must not be taken for an archive. */
static void zips_that_are_documents_are_not_called_zip(void **state)
{
    char head[64] = "PK\x03\x04";

    (void)state;
    memcpy(head + 30, "[Content_Types].xml", 19);
    assert_int_equal(sfx_media_signature(sfx_slice(head, sizeof(head))).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_decides_and_names_only_among_texts),
        cmocka_unit_test(a_tar_is_known_by_its_header),
        cmocka_unit_test(zips_that_are_documents_are_not_called_zip),
    };

    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
