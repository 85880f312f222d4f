/* SPDX-License-Identifier: MIT */
/* redact and hash: what is hidden, what stays, and that digests are the standards'. */
#include "query_assert.h"

#include <stdio.h>

static const char input[] = "id,mail,card\n1,a@b.c,4111111111111234\n2,,12\n3,\"say \"\"é\"\"\",\n";

static void gives(const char *program, const char *output)
{
    query_gives(&(struct query_run){.program = program, .input = SFX_SLICE_LIT(input)}, output);
}

static void values_are_hidden(void **state)
{
    (void)state;
    gives("redact mail, card", "id,mail,card\n1,***,***\n2,,***\n3,***,\n");
    gives("redact m* with \"\"", "id,mail,card\n1,,4111111111111234\n2,,12\n3,,\n");
    gives("redact -id keep last 2 with \"•\" | select card", "card\n••••••••••••••34\n••\n\"\"\n");
    gives("redact mail keep first 1 | select mail", "mail\na****\n\"\"\ns******\n");
    gives("redact mail keep last 0 | head 1 | select mail", "mail\n*****\n");
    gives("n = id * 10 | redact n keep first 1 | select n", "n\n1*\n2*\n3*\n");
}

static void values_are_digested(void **state)
{
    (void)state;
    gives("hash mail md5 | select mail",
          "mail\n5d60d4e28066df254d5452f92c910092\n\"\"\n716d9fcacf96f8d9d4a992739d0c093c\n");
    gives("hash id xxh3 | select id | head 1", "id\n65cd25028f98f158\n");
    gives("hash id sha1 salt \"key\" | select id | head 1",
          "id\ne23feb105f9622241bf23db1638cd2b4208b1f53\n");
    gives("hash id | where id = sha256(\"1\") | select card", "card\n4111111111111234\n");
}

static void mistakes_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"redact", "is expected here"},
        {"redact nme", "there is no column nme"},
        {"redact id keep", "first or last is expected"},
        {"redact id keep last x", "a whole number"},
        {"redact id with 5", "is a string"},
        {"hash id sha2", "there is no digest sha2: did you mean sha1?"},
        {"hash id xxh3 salt \"k\"", "xxh3 takes no key"},
        {"hash id salt \"\"", "the salt is empty"},
        {"hash id salt id", "the salt is a string"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        query_fails(&(struct query_run){.program = cases[i][0], .input = SFX_SLICE_LIT(input)},
                    SFX_E_USAGE, cases[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_hidden),
        cmocka_unit_test(values_are_digested),
        cmocka_unit_test(mistakes_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
