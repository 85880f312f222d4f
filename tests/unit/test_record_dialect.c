/* SPDX-License-Identifier: MIT */
/* CSV that is not quite RFC 4180: found out where it is certain, read where options say how. */
#include "base/size.h"
#include "record_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* The promise behind all others: pieces and pauses make no difference. */
static void check(const struct sfx_reader_opts *reader, const char *text, const char *expected)
{
    const struct record_opts opts = {.format = "csv", .reader = reader, .rejects = true};
    struct sfx_buf out = {0};
    unsigned i;

    for (i = 0; i < 80; i++) {
        const struct record_source source = {
            .text = sfx_slice_str(text), .chunk = i / 2, .pauses = i % 2 != 0};

        sfx_buf_clear(&out);
        (void)record_dump(&opts, &source, &out);
        assert_string_equal(sfx_buf_cstr(&out, NULL), expected);
    }
    sfx_buf_done(&out);
}

static void check_convert(const struct record_opts *opts, const char *to, const char *text,
                          const char *expected)
{
    const struct record_source source = {.text = sfx_slice_str(text)};
    struct sfx_buf out = {0};
    struct sfx_err err = {0};

    if (record_convert(opts, to, &source, &out, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(sfx_buf_cstr(&out, NULL), expected);
    sfx_buf_done(&out);
}

static const struct sfx_reader_opts sniff = {.sniff = true};

static void delimiters_are_found_out(void **state)
{
    (void)state;
    check(&sniff, "a;b\n1;2,5\n", "#a|b\n2: 1|2,5\n");
    check(&sniff, "a\tb\r\n\"x\ty\"\t2\r\n", "#a|b\n2: x\ty|2\n");
    check(&sniff, "\xef\xbb\xbf\n\na|\"b;c\"\n1|2", "#a|b;c\n4: 1|2\n");
    check(&sniff, "a;b;c|d\n1;2;3|4\n", "#a|b|c|d\n2: 1|2|3|4\n");
    check(&sniff, "a;b\r1;2\r", "#a|b\n2: 1|2\n");
    check(&sniff, "\"a;x\";b\n\"1\n2\";2\n", "#a;x|b\n2: 1\n2|2\n");
}

/* What RFC 4180 makes sense of is never taken for anything else. */
static void plain_csv_is_never_misread(void **state)
{
    (void)state;
    check(&sniff, "a,b;c\n1,2;3\n", "#a|b;c\n2: 1|2;3\n");
    check(&sniff, "a;x,b;y\n1;2,3;4\n", "#a;x|b;y\n2: 1;2|3;4\n");
    check(&sniff, "\"a;b\"\n\"1;2\"\n", "#a;b\n2: 1;2\n");
    check(&sniff, "c0\nv0\na;b\n", "#c0\n2: v0\n3: a;b\n");
    check(&sniff, "a;b\n1\n", "#a;b\n2: 1\n");
    check(&sniff, "a;b\n", "#a;b\n");
    check(&sniff, "a;b", "#a;b\n");
    check(&sniff, "a;b\n1;2;3\n", "#a;b\n2: 1;2;3\n");
    check(&sniff, "id,name\n1,'x'\n2,'y\n", "#id|name\n2: 1|'x'\n3: 2|'y\n");
    check(&sniff, "'a'\n'1'\n", "#'a'\n2: '1'\n");
    check(&sniff, "'a',b\n'1',2\n", "#'a'|b\n2: '1'|2\n");
    check(&sniff, "", "");
    check(&sniff, "\n\n", "");
    check(&sniff, "\"a;b\n1;2\n",
          "=in: line 1, offset 0: column 1: the quote opened on line 1 is never closed\n");
}

static void single_quotes_are_found_where_each_name_has_them(void **state)
{
    (void)state;
    check(&sniff, "'a','b'\n'x, y','it''s'\n", "#a|b\n2: x, y|it's\n");
    check(&sniff, "'a';'b'\r\n'x; y';1\r\n", "#a|b\n2: x; y|1\n");
    check(&sniff, "'a','b'\n'x', y,z\n",
          "#'a'|'b'\n!2,8,,input: record has 3 fields, header has 2 ['x', y,z]\n");
}

static void a_sample_is_no_longer_than_a_record_may_be(void **state)
{
    static const struct sfx_reader_opts tight = {.sniff = true, .max_record_nbytes = 6};

    (void)state;
    check(&tight, "aa;bb\n1;2\n", "#aa;bb\n2: 1;2\n");
    check(&tight, "a;b\n1\n22;3\n", "#a;b\n2: 1\n3: 22;3\n");
}

static void output_is_spelled_as_the_first_input(void **state)
{
    const struct record_opts opts = {.format = "csv", .reader = &sniff};
    static const struct sfx_writer_opts comma = {.delimiter = ','};
    const struct record_opts told = {.format = "csv", .reader = &sniff, .writer = &comma};

    (void)state;
    check_convert(&opts, "csv", "a;\"b\"\r\n\"1\";2,5\r\n", "a;\"b\"\r\n\"1\";2,5\r\n");
    check_convert(&opts, "csv", "'a';'b'\n'x; y';1\n", "'a';'b'\n'x; y';1\n");
    check_convert(&told, "csv", "a;b\n1;2,5\n", "a,b\n1,\"2,5\"\n");
    check_convert(&opts, "tsv", "a;b\n1;2,5\n", "a\tb\n1\t2,5\n");
}

static void an_escape_gives_the_next_byte_its_plain_meaning(void **state)
{
    static const struct sfx_reader_opts escape = {.escape = '\\'};
    static const struct sfx_writer_opts writer = {.escape = '\\'};
    const struct record_opts opts = {.format = "csv", .reader = &escape, .writer = &writer};
    const struct record_opts plain = {.format = "csv", .reader = &escape};

    (void)state;
    check(&escape, "a,b\n\"x\\\"y, \\\\\",\"\"\"z\\n\"\n1\\,2\\\n3,\\\"q\n\"a\nb\"",
          "#a|b\n2: x\"y, \\|\"zn\n3: 1,2\n3|\"q\n"
          "!5,35,,input: record has 1 field, header has 2 [\"a\nb\"]\n");
    check(&escape, "a\n1\n\\",
          "#a\n2: 1\n!3,4,a,input: the input ends with an escape character [\\]\n");
    check(&escape, "\"a\\\"b\",c\n1,2\n", "#a\"b|c\n2: 1|2\n");
    check(&escape, "a,b\n\"x\\\"\n",
          "#a|b\n!2,4,a,input: the quote opened on line 2 is never closed [\"x\\\"\n]\n");
    check_convert(&opts, "csv", "a,b\n\"x\\\"y\",1\\\\2\n", "a,b\n\"x\\\"y\",\"1\\\\2\"\n");
    check_convert(&plain, "csv", "a,b\n\"x\\\"y\",\"1\"\n", "a,b\n\"x\"\"y\",\"1\"\n");
}

static void comments_and_lines_before_the_data_are_skipped(void **state)
{
    static const struct sfx_reader_opts opts = {.comment = '#', .skip_lines = 2};
    static const struct sfx_reader_opts sniffed = {.comment = '#', .sniff = true};

    (void)state;
    check(&opts, "x,y,z\n\"\n# it's \"so\n\na,b\n#\"\n1,2\n\"#3\",4\n#5,6",
          "#a|b\n7: 1|2\n8: #3|4\n");
    check(&opts, "1\n2\n#c\na\n#b\n\nc\n", "#a\n6: \n7: c\n");
    check(&opts, "only\n", "");
    check(&sniffed, "# a, b, c\na;b\n# d\n1;2\n", "#a|b\n4: 1|2\n");
}

static void a_text_can_be_null(void **state)
{
    static const struct sfx_reader_opts reader = {.null_text = "NA"};
    static const struct sfx_writer_opts writer = {.null_text = "NA"};
    const struct record_opts opts = {.format = "csv", .reader = &reader, .writer = &writer};
    const struct record_opts json = {.format = "jsonl", .writer = &writer};

    (void)state;
    check(&reader, "a,b\nNA,1\n\"NA\",\nNAN,na\n", "#a|b\n2: null|1\n3: NA|\n4: NAN|na\n");
    check_convert(&opts, "csv", "a,b\nNA,1\n\"NA\",\n", "a,b\nNA,1\n\"NA\",\n");
    check_convert(&opts, "jsonl", "a,b\nNA,1\n", "{\"a\":null,\"b\":\"1\"}\n");
    check_convert(&json, "csv", "{\"a\":null,\"b\":\"NA\"}\n{\"b\":\"\"}\n",
                  "a,b\nNA,\"NA\"\nNA,\n");
    check_convert(&json, "csv", "{\"a\":null}\n{\"a\":\"\"}\n", "a\nNA\n\"\"\n");
}

static void ragged_records_are_filled_and_get_columns(void **state)
{
    static const struct sfx_reader_opts fill = {.ragged = SFX_RAGGED_FILL};
    const struct record_opts opts = {.format = "csv", .reader = &fill};

    (void)state;
    check(&fill, "a,4\n1\n1,2\n\n1,2,\"3\"\n1\n1,2,3,4,5",
          "#a|4\n2: 1|~\n3: 1|2\n#a|4|3\n5: 1|2|3\n6: 1|~|~\n#a|4|3|4_2|5\n7: 1|2|3|4|5\n");
    check(&fill, "a,b\n1\n1,2\n3", "#a|b\n2: 1|~\n3: 1|2\n4: 3|~\n");
    check_convert(&opts, "csv", "a,b\n1\n\"1\",2\n", "a,b\n1,\n\"1\",2\n");
    check_convert(&opts, "jsonl", "a\n1\n1,2\n", "{\"a\":\"1\"}\n{\"a\":\"1\",\"2\":\"2\"}\n");
}

/* More records than a batch has, each of another number of fields than the one before. */
static void many_ragged_records_lose_nothing(void **state)
{
    static const struct sfx_reader_opts fill = {.ragged = SFX_RAGGED_FILL};
    const struct record_opts opts = {.format = "csv", .reader = &fill};
    struct sfx_buf text = {0}, expected = {0}, out = {0};
    struct record_source source;
    struct sfx_err err;
    int i, k;

    (void)state;
    assert_int_equal(sfx_buf_puts(&text, "1,2\n", NULL), 0);
    for (i = 0; i < 5000; i++) {
        for (k = 0; k <= i % 5; k++) {
            assert_int_equal(sfx_buf_printf(&text, NULL, "%s%d", k > 0 ? "," : "", i), 0);
            assert_int_equal(
                sfx_buf_printf(&expected, NULL, "%s\"%d\":\"%d\"", k > 0 ? "," : "{", k + 1, i), 0);
        }
        assert_int_equal(sfx_buf_puts(&text, "\n", NULL), 0);
        assert_int_equal(sfx_buf_puts(&expected, "}\n", NULL), 0);
    }
    source = (struct record_source){.text = sfx_buf_slice(&text), .chunk = 1000};
    assert_int_equal(record_convert(&opts, "jsonl", &source, &out, &err), 0);
    assert_true(sfx_slice_eq(sfx_buf_slice(&expected), sfx_buf_slice(&out)));
    sfx_buf_done(&text);
    sfx_buf_done(&expected);
    sfx_buf_done(&out);
}

static void characters_with_two_meanings_are_refused(void **state)
{
    static const struct sfx_reader_opts wrong[] = {
        {.escape = ','}, {.comment = '"'}, {.escape = '#', .comment = '#'}, {.comment = '\n'}};
    struct sfx_err err;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(wrong); i++) {
        assert_null(sfx_format_by_name(SFX_SLICE_LIT("csv"))->reader->create(&wrong[i], &err));
        assert_int_equal(err.code, SFX_E_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delimiters_are_found_out),
        cmocka_unit_test(plain_csv_is_never_misread),
        cmocka_unit_test(single_quotes_are_found_where_each_name_has_them),
        cmocka_unit_test(a_sample_is_no_longer_than_a_record_may_be),
        cmocka_unit_test(output_is_spelled_as_the_first_input),
        cmocka_unit_test(an_escape_gives_the_next_byte_its_plain_meaning),
        cmocka_unit_test(comments_and_lines_before_the_data_are_skipped),
        cmocka_unit_test(a_text_can_be_null),
        cmocka_unit_test(ragged_records_are_filled_and_get_columns),
        cmocka_unit_test(many_ragged_records_lose_nothing),
        cmocka_unit_test(characters_with_two_meanings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
