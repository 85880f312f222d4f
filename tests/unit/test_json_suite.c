/* SPDX-License-Identifier: MIT */
/*
 * JSONTestSuite (Nicolas Seriot), where it stands beside the checkout: every y_ file is accepted,
 * every n_ file refused, and an i_ file gets one answer or the other.
 */
#include "json/json.h"

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

struct suite {
    DIR *dir;
    char path[4096];
};

/* The bytes of a file in memory of exactly their size, so that a sanitizer sees a byte too far. */
static char *read_all(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *data;

    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *len = (size_t)ftell(f);
    rewind(f);
    data = malloc(*len > 0 ? *len : 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *len, f), *len);
    assert_int_equal(fclose(f), 0);
    return data;
}

static void every_file_gets_the_answer_its_name_asks_for(void **state)
{
    struct suite *suite = *state;
    struct dirent *entry;
    int counts[128] = {0};

    if (suite->dir == NULL) {
        print_message("%s is not there\n", suite->path);
        skip();
    }
    while ((entry = readdir(suite->dir)) != NULL) {
        const char *name = entry->d_name;
        char path[sizeof(suite->path) + sizeof(entry->d_name) + 1];
        size_t len;
        char *data;
        int rc;

        if (strchr("yni", name[0]) == NULL || name[1] != '_')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", suite->path, name);
        data = read_all(path, &len);
        rc = sfx_json_validate(data, len, NULL);
        free(data);
        if ((name[0] == 'y' && rc != 0) || (name[0] == 'n' && rc == 0))
            fail_msg("%s: %d", name, rc);
        counts[(int)name[0]]++;
    }
    print_message("y_ %d, n_ %d, i_ %d files\n", counts['y'], counts['n'], counts['i']);
    assert_true(counts['y'] > 0 && counts['n'] > 0);
}

int main(void)
{
    const char *corpus = getenv("SFX_CORPUS");
    struct suite suite = {0};
    int failed;

    (void)snprintf(suite.path, sizeof(suite.path), "%s/json", corpus != NULL ? corpus : ".");
    suite.dir = opendir(suite.path);
    {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_prestate(every_file_gets_the_answer_its_name_asks_for, &suite),
        };

        failed = cmocka_run_group_tests_name("json_suite", tests, NULL, NULL);
    }
    if (suite.dir != NULL)
        (void)closedir(suite.dir);
    return failed;
}
