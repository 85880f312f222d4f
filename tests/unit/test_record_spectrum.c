/* SPDX-License-Identifier: MIT */
/*
 * csv-spectrum (Max Ogden), where it stands beside the checkout: every CSV says what its JSON says,
 * read as it is and written as JSON.
 */
#include "record_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its JSON holds another phone number than its CSV, and bytes that are not UTF-8. */
#define BROKEN_IN_THE_SET "location_coordinates.csv"

struct spectrum {
    DIR *csvs;
    char path[4096];
};

static void read_all(const char *dir, const char *sub, const char *name, const char *ext,
                     struct sfx_buf *out)
{
    char path[8192];
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof(path), "%s/%s/%.*s%s", dir, sub, (int)strcspn(name, "."), name,
                   ext);
    f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("%s: cannot be opened", path);
    do {
        assert_int_equal(sfx_buf_reserve(out, 4096, NULL), 0);
        n = fread(out->data + out->len, 1, 4096, f);
        out->len += n;
    } while (n > 0);
    (void)fclose(f);
}

/* Names and texts only: lines differ from format to format. */
static void dump(const char *format, const struct sfx_buf *text, struct sfx_buf *out)
{
    const struct record_opts opts = {.format = format};
    const struct record_source source = {.text = sfx_buf_slice(text)};
    struct sfx_buf raw = {0};
    const char *line;

    assert_int_equal(record_dump(&opts, &source, &raw), 0);
    assert_int_equal(sfx_buf_putc(&raw, '\0', NULL), 0);
    for (line = strtok(raw.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strspn(line, "0123456789") > 0 && line[strspn(line, "0123456789")] == ':')
            line += strspn(line, "0123456789");
        assert_int_equal(sfx_buf_printf(out, NULL, "%s\n", line), 0);
    }
    sfx_buf_done(&raw);
}

static void check_file(const struct spectrum *set, const char *name)
{
    const struct record_opts opts = {.format = "csv"};
    struct sfx_buf csv = {0};
    struct sfx_buf json = {0};
    struct sfx_buf written = {0};
    struct sfx_buf expected = {0};
    struct sfx_buf got = {0};
    struct record_source source;

    read_all(set->path, "csvs", name, ".csv", &csv);
    read_all(set->path, "json", name, ".json", &json);
    dump("json", &json, &expected);
    dump("csv", &csv, &got);
    assert_string_equal(sfx_buf_cstr(&got, NULL), sfx_buf_cstr(&expected, NULL));
    source = (struct record_source){.text = sfx_buf_slice(&csv)};
    assert_int_equal(record_convert(&opts, "json", &source, &written, NULL), 0);
    sfx_buf_clear(&got);
    dump("json", &written, &got);
    assert_string_equal(sfx_buf_cstr(&got, NULL), sfx_buf_cstr(&expected, NULL));
    sfx_buf_done(&csv);
    sfx_buf_done(&json);
    sfx_buf_done(&written);
    sfx_buf_done(&expected);
    sfx_buf_done(&got);
}

static void every_csv_says_what_its_json_says(void **state)
{
    struct spectrum *set = *state;
    struct dirent *entry;
    int count = 0;

    if (set->csvs == NULL) {
        print_message("%s is not there\n", set->path);
        skip();
    }
    while ((entry = readdir(set->csvs)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (strcmp(entry->d_name, BROKEN_IN_THE_SET) == 0) {
            print_message("%s: its JSON has another number and is not UTF-8\n", entry->d_name);
            continue;
        }
        check_file(set, entry->d_name);
        count++;
    }
    print_message("%d files\n", count);
    assert_true(count > 0);
}

int main(void)
{
    const char *corpus = getenv("SFX_CORPUS");
    struct spectrum set = {0};
    char path[sizeof(set.path) + sizeof("/csvs")];
    int failed;

    (void)snprintf(set.path, sizeof(set.path), "%s/csv", corpus != NULL ? corpus : ".");
    (void)snprintf(path, sizeof(path), "%s/csvs", set.path);
    set.csvs = opendir(path);
    {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_prestate(every_csv_says_what_its_json_says, &set),
        };

        failed = cmocka_run_group_tests_name("record_spectrum", tests, NULL, NULL);
    }
    if (set.csvs != NULL)
        (void)closedir(set.csvs);
    return failed;
}
