/* SPDX-License-Identifier: MIT */
/* Formats whose records are lines: plain lines, logfmt, syslog and web logs. */
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
static void check_with(const struct record_opts *opts, const char *text, const char *expected)
{
    struct sfx_buf out = {0};
    unsigned i;

    for (i = 0; i < 80; i++) {
        const struct record_source source = {
            .text = sfx_slice_str(text), .chunk = i / 2, .pauses = i % 2 != 0};

        sfx_buf_clear(&out);
        (void)record_dump(opts, &source, &out);
        assert_string_equal(sfx_buf_cstr(&out, NULL), expected);
    }
    sfx_buf_done(&out);
}

static void check(const char *format, const char *text, const char *expected)
{
    const struct record_opts opts = {.format = format};

    check_with(&opts, text, expected);
}

static void check_rejects(const char *format, const char *text, const char *expected)
{
    const struct record_opts opts = {.format = format, .rejects = true};

    check_with(&opts, text, expected);
}

static void check_convert(const char *from, const char *to, const char *text, const char *expected)
{
    const struct record_opts opts = {.format = from};
    const struct record_source source = {.text = sfx_slice_str(text)};
    struct sfx_buf out = {0};
    struct sfx_err err = {0};

    if (record_convert(&opts, to, &source, &out, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(sfx_buf_cstr(&out, NULL), expected);
    sfx_buf_done(&out);
}

static void a_line_is_a_record_of_one_column(void **state)
{
    (void)state;
    check("lines", "a,b\n\n c\t\r\nlast", "#line\n1: a,b\n2: \n3:  c\t\n4: last\n");
    check("lines", "", "#line\n");
    check("lines", "\xef\xbb\xbfx\n", "#line\n1: x\n");
    check_convert("lines", "lines", "a\r\n\r\nb\xff\r\n", "a\r\n\r\nb\xff\r\n");
    check_convert("csv", "lines", "a,b\n1,\"x\ny\"\n,\n", "1\tx\ny\n\t\n");
    check_convert("lines", "csv", "a\n\n", "line\na\n\"\"\n");
}

static void lines_before_the_data_are_skipped(void **state)
{
    static const struct sfx_reader_opts two = {.skip_lines = 2}, many = {.skip_lines = 9};
    const struct record_opts opts = {.format = "lines", .reader = &two};
    const struct record_opts too_many = {.format = "lines", .reader = &many};

    (void)state;
    check_with(&opts, "x\n\ny\nz\n", "#line\n3: y\n4: z\n");
    check_with(&too_many, "x\n\ny\nz\n", "#line\n");
}

static void pairs_are_cells(void **state)
{
    (void)state;
    check("logfmt", "a=1 b=\"x y\" c= d\r\n\n\t \ne=2  a=3\n",
          "#a|b|c|d\n1: 1|x y||true\n#a|b|c|d|e\n4: 3|~|~|~|2\n");
    check("logfmt", "u=http://x/?a=b&c=\"d e=1,2", "#u|e\n1: http://x/?a=b&c=\"d|1,2\n");
    check("logfmt", "a=1 a=2\n", "#a\n1: 2\n");
    check("logfmt", "a=\"\\\"\\\\\\n\\u00e9\\ud83d\\ude00\\x41\\q\\\"\"\n",
          "#a\n1: \"\\\n\u00e9\U0001F600A\\q\"\n");
    check("logfmt", "", "");
}

static void broken_pairs_are_refused_and_add_no_columns(void **state)
{
    (void)state;
    check_rejects("logfmt", "a=1\nx=1 \"b=2\nb=\"2\nc=\"3\"x\n=4\nplain text\na=5",
                  "#a\n1: 1\n7: 5\n"
                  "!2,4,,input: a quote in a key [x=1 \"b=2]\n"
                  "!3,13,,input: a quote is never closed [b=\"2]\n"
                  "!4,18,,input: text after a closing quote [c=\"3\"x]\n"
                  "!5,25,,input: a value without a key [=4]\n"
                  "!6,28,,input: no key=value [plain text]\n");
    check("logfmt", "a=1\nb=\"\n", "#a\n1: 1\n=in: line 2, offset 4: a quote is never closed\n");
}

static void logfmt_keeps_what_it_read(void **state)
{
    static const char text[] = "a=1 b=\"x\" c= d e=\"\\u0041\"\na=2\n";

    (void)state;
    check_convert("logfmt", "logfmt", text, text);
    check_convert("csv", "logfmt", "a b,=,q\n1,\"x \"\"y\",\"a\nb\"\n,=,z\n",
                  "a_b=1 _=\"x \\\"y\" q=\"a\\nb\"\na_b= _=\"=\" q=z\n");
    check_convert("jsonl", "logfmt",
                  "{\"a\":1.50,\"b\":null,\"c\":{\"d\":[1]},\"e\":\"\\u0001\"}\n",
                  "a=1.50 b= c=\"{\\\"d\\\":[1]}\" e=\"\\u0001\"\n");
}

static void names_that_become_one_key_are_an_error(void **state)
{
    const struct record_opts opts = {.format = "csv"};
    const struct record_source source = {.text = SFX_SLICE_LIT("a b,a=b\n1,2\n")};
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)state;
    assert_int_equal(record_convert(&opts, "logfmt", &source, &out, &err), SFX_E_INPUT);
    sfx_buf_done(&out);
}

static void both_forms_of_syslog_are_read(void **state)
{
    static const char head[] = "#pri|facility|severity|version|timestamp|hostname|app_name|proc_id"
                               "|msg_id|structured_data|message\n";
    struct sfx_buf expected = {0};

    (void)state;
    (void)sfx_buf_puts(&expected, head, NULL);
    (void)sfx_buf_puts(
        &expected,
        "1: 34|auth|crit|1|2003-10-11T22:14:15.003Z|h.example|su|null|ID47|null|root failed\n"
        "2: 165|local4|notice|1|null|null|null|null|null|[a@1 b=\"]\\\"\"][c]|~\n"
        "3: 13|user|notice|~|Oct  1 02:03:04|host|app-x|12|~|~|a: b\n"
        "4: ~|~|~|~|Dec 31 23:59:59|h|kernel|~|~|~|up\n"
        "5: ~|~|~|~|2024-05-06T07:08:09.1+02:00|h|~|~|~|~|no tag here\n"
        "6: 0|kern|emerg|1|-1|h|a|p|m|null|\n",
        NULL);
    check("syslog",
          "<34>1 2003-10-11T22:14:15.003Z h.example su - ID47 - \xef\xbb\xbfroot failed\n"
          "<165>1 - - - - - [a@1 b=\"]\\\"\"][c]\n"
          "<13>Oct  1 02:03:04 host app-x[12]: a: b\r\n"
          "Dec 31 23:59:59 h kernel: up\n"
          "2024-05-06T07:08:09.1+02:00 h no tag here\n"
          "<0>1 -1 h a p m - ",
          sfx_buf_cstr(&expected, NULL));
    sfx_buf_clear(&expected);
    (void)sfx_buf_puts(&expected, head, NULL);
    (void)sfx_buf_puts(
        &expected,
        "!1,0,pri,input: no priority from 0 to 191 in angle brackets [<192>1 x]\n"
        "!2,9,,input: no syslog line: neither a version nor a time where one should be [hello]\n"
        "!3,15,hostname,input: the line ends early [<1>1 - h]\n"
        "!4,24,structured_data,input: structured data is never closed [<1>1 - - - - - [a b=\"]\n",
        NULL);
    check_rejects("syslog", "<192>1 x\nhello\n<1>1 - h\n<1>1 - - - - - [a b=\"\n",
                  sfx_buf_cstr(&expected, NULL));
    sfx_buf_done(&expected);
}

#define COMMON "1.2.3.4 - bob smith [10/Oct/2000:13:55:36 -0700] \"GET /a?b=\\\"c HTTP/1.0\" 200 12"

static void requests_are_taken_apart(void **state)
{
    (void)state;
    check("clf",
          COMMON
          "\nh - - [t] \"-\" 408 -\nh i u [] \"GET /\" - 0\nh i u [t] \"\\x16\\x03\" 400 1\n",
          "#host|ident|user|time|request|method|path|protocol|status|bytes\n"
          "1: 1.2.3.4|null|bob smith|10/Oct/2000:13:55:36 -0700|GET /a?b=\"c HTTP/1.0|GET|/a?b=\"c"
          "|HTTP/1.0|200|12\n"
          "2: h|null|null|t|null|~|~|~|408|null\n"
          "3: h|i|u||GET /|GET|/|~|null|0\n"
          "4: h|i|u|t|\x16\x03|~|~|~|400|1\n");
    check_rejects("clf", COMMON " x\nh - - \"GET /\" 200 1\nh - - [t] \"GET\nh - - [t] \"\" x 1\n",
                  "#host|ident|user|time|request|method|path|protocol|status|bytes\n"
                  "!1,0,bytes,input: text behind the last field [" COMMON " x]\n"
                  "!2,82,time,input: no time in brackets [h - - \"GET /\" 200 1]\n"
                  "!3,102,request,input: a quote is never closed [h - - [t] \"GET]\n"
                  "!4,117,status,input: not a number [h - - [t] \"\" x 1]\n");
}

static void combined_logs_have_more(void **state)
{
    static const char first[] = "#host|ident|user|time|request|method|path|protocol|status|bytes"
                                "|referer|agent";
    struct sfx_buf expected = {0};

    (void)state;
    (void)sfx_buf_printf(&expected, NULL, "%s|rest\n%s\n%s\n", first,
                         "1: h|null|null|t|-|~|~|~|1|2|null|a \\ b|\"-\" 0.1",
                         "2: h|null|null|t|-|~|~|~|1|2|r|a|~");
    check("combined",
          "h - - [t] \"\\x2d\" 1 2 \"-\" \"a \\\\ b\" \"-\" 0.1\nh - - [t] \"\\x2d\" 1 2 \"r\" "
          "\"a\"\n",
          sfx_buf_cstr(&expected, NULL));
    sfx_buf_clear(&expected);
    (void)sfx_buf_printf(&expected, NULL, "%s\n%s\n%s\n", first,
                         "1: h|null|null|t|null|~|~|~|1|2|null|null",
                         "=in: line 2, offset 26: column 12 (agent): text behind the agent, which "
                         "the first line has not");
    check("combined", "h - - [t] \"-\" 1 2 \"-\" \"-\"\nh - - [t] \"-\" 1 2 \"-\" \"-\" x\n",
          sfx_buf_cstr(&expected, NULL));
    sfx_buf_done(&expected);
}

static void long_fields_and_records_meet_their_limits(void **state)
{
    static const struct sfx_reader_opts tight = {.max_record_nbytes = 12, .max_field_nbytes = 4};
    const struct record_opts opts = {.format = "logfmt", .reader = &tight, .rejects = true};

    (void)state;
    check_with(&opts, "a=1\na=12345\nb=2\nb=1234567890123\n",
               "#a\n1: 1\n#a|b\n3: ~|2\n"
               "!2,4,a,limit: field is longer than 4 bytes [a=12345]\n"
               "=in: line 4, offset 16: record is longer than 12 bytes\n");
}

/* More lines than a batch holds, and than a block does. */
static void batches_and_blocks_make_no_difference(void **state)
{
    const struct record_opts opts = {.format = "logfmt"};
    struct sfx_buf text = {0}, out = {0};
    struct record_source source;
    struct sfx_err err;
    int i;

    (void)state;
    for (i = 0; i < 30000; i++)
        assert_int_equal(sfx_buf_printf(&text, NULL, "n=%d k%d=\"v %d\"\n", i, i % 7, i), 0);
    source = (struct record_source){.text = sfx_buf_slice(&text)};
    assert_int_equal(record_convert(&opts, "logfmt", &source, &out, &err), 0);
    assert_true(sfx_slice_eq(sfx_buf_slice(&text), sfx_buf_slice(&out)));
    sfx_buf_done(&text);
    sfx_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_record_of_one_column),
        cmocka_unit_test(lines_before_the_data_are_skipped),
        cmocka_unit_test(pairs_are_cells),
        cmocka_unit_test(broken_pairs_are_refused_and_add_no_columns),
        cmocka_unit_test(logfmt_keeps_what_it_read),
        cmocka_unit_test(names_that_become_one_key_are_an_error),
        cmocka_unit_test(both_forms_of_syslog_are_read),
        cmocka_unit_test(requests_are_taken_apart),
        cmocka_unit_test(combined_logs_have_more),
        cmocka_unit_test(long_fields_and_records_meet_their_limits),
        cmocka_unit_test(batches_and_blocks_make_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
