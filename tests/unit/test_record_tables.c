/* SPDX-License-Identifier: MIT */
/* Tables in text: fixed width, Markdown, boxes. */
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
static void check(const char *format, const struct sfx_reader_opts *reader, const char *text,
                  const char *expected)
{
    const struct record_opts opts = {.format = format, .reader = reader, .rejects = true};
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

static void check_error(const struct record_opts *opts, const char *to, const char *text, int code,
                        const char *expected)
{
    const struct record_source source = {.text = sfx_slice_str(text)};
    struct sfx_buf out = {0};
    struct sfx_err err = {0};

    assert_int_equal(record_convert(opts, to, &source, &out, &err), code);
    assert_string_equal(err.text, expected);
    sfx_buf_done(&out);
}

static const struct record_opts csv = {.format = "csv"};

static void columns_are_guessed_from_their_gaps(void **state)
{
    (void)state;
    check("fixed", NULL, "NAME     QTY  PRICE\nab c       1   2.50\r\n\nd        100      3",
          "#NAME|QTY|PRICE\n2: ab c|1|2.50\n4: d|100|3\n");
    /* A space within: of a name with nothing below its second word, of values under one name. */
    check("fixed", NULL, "Use% Mounted on\n 20% /\n  0% /dev\n",
          "#Use%|Mounted on\n2: 20%|/\n3: 0%|/dev\n");
    check("fixed", NULL, "ID TIME\n1  09:00 10/01\n2  10:00 10/02\n",
          "#ID|TIME\n2: 1|09:00 10/01\n3: 2|10:00 10/02\n");
    check("fixed", NULL, "\xef\xbb\xbf\u00e4\u00e4\u00e4  b\n\u65e5    1\n",
          "#\u00e4\u00e4\u00e4|b\n2: \u65e5|1\n");
    check("fixed", NULL, "a  a  \n1  2\n", "#a|a_2\n2: 1|2\n");
    check("fixed", NULL, "a\n", "#a\n");
    check("fixed", NULL, "", "");
    check("fixed", NULL, " \n \n", "");
}

/* Behind the lines that columns are guessed from. */
static void later_lines_are_cut_in_the_gaps_or_refused(void **state)
{
    struct sfx_buf text = {0}, expected = {0};
    int i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&text, "a    b\n", NULL), 0);
    assert_int_equal(sfx_buf_puts(&expected, "#a|b\n", NULL), 0);
    for (i = 2; i <= 100; i++) {
        assert_int_equal(sfx_buf_puts(&text, "x    y\n", NULL), 0);
        assert_int_equal(sfx_buf_printf(&expected, NULL, "%d: x|y\n", i), 0);
    }
    assert_int_equal(sfx_buf_puts(&text, "xxx  yy\nx   yy\nxxxxxxxx\n", NULL), 0);
    assert_int_equal(sfx_buf_puts(&expected,
                                  "101: xxx|yy\n102: x|yy\n"
                                  "!103,715,a,input: text across two columns [xxxxxxxx]\n",
                                  NULL),
                     0);
    check("fixed", NULL, sfx_buf_cstr(&text, NULL), sfx_buf_cstr(&expected, NULL));
    sfx_buf_done(&text);
    sfx_buf_done(&expected);
}

static void columns_stand_where_the_option_says(void **state)
{
    static const struct sfx_reader_opts widths = {.fields = "a:3,b:2,c"};
    static const struct sfx_reader_opts places = {.fields = "a:2-3,b:5-6"};
    static const struct sfx_reader_opts narrow = {.fields = "a:2,b:2"};

    (void)state;
    check("fixed", &widths, "ab 12xy z\n\u00e9\u00e9\u00e9 3\nq\n",
          "#a|b|c\n1: ab|12|xy z\n2: \u00e9\u00e9\u00e9|3|\n3: q||\n");
    check("fixed", &places, "xabyCDz\n", "#a|b\n1: ab|CD\n");
    check("fixed", &narrow, "aabb \naabbc\n",
          "#a|b\n1: aa|bb\n!2,6,b,input: text behind the last field [aabbc]\n");
}

static void slips_in_the_option_are_told(void **state)
{
    static const char *const wrong[] = {"a",     "",     "a:",    "a:0",       "a:x",       ":3",
                                        "a,b:2", "a:3,", "a:5-3", "a:3,b:2-4", "a:9999999", "a:1-"};
    struct sfx_err err;
    size_t i;

    (void)state;
    for (i = 1; i < SFX_COUNT(wrong); i++) {
        const struct sfx_reader_opts opts = {.fields = wrong[i]};

        assert_null(sfx_format_by_name(SFX_SLICE_LIT("fixed"))->reader->create(&opts, &err));
        assert_int_equal(err.code, SFX_E_USAGE);
    }
}

static void fixed_width_is_written_aligned(void **state)
{
    static const struct sfx_writer_opts fields = {.fields = "b:4,a:6-8"};
    const struct record_opts told = {.format = "csv", .writer = &fields};
    static const struct sfx_writer_opts few = {.fields = "a:4"};
    const struct record_opts too_few = {.format = "csv", .writer = &few};

    (void)state;
    check_convert(&csv, "fixed", "id,name,n\n1,M\u00fcller,1.5\n20,x y,-3\n",
                  "id  name      n\n 1  M\u00fcller  1.5\n20  x y      -3\n");
    check_convert(&csv, "fixed", "a\n", "a\n");
    check_convert(&csv, "fixed", "", "");
    check_convert(&told, "fixed", "a,b\n1,x\n22,yyyy\n", "x    1  \nyyyy 22 \n");
    check_error(&told, "fixed", "a,b\n1,x\n22,yyyyy\n", SFX_E_INPUT,
                "in: line 3, offset 8: column b: longer than the 4 characters of its column; "
                "--fields gives widths");
    check_error(&csv, "fixed", "a\n\"x\ny\"\n", SFX_E_INPUT,
                "in: line 2, offset 2: column a: a line end, which columns of fixed width cannot "
                "hold");
    check_error(&too_few, "fixed", "a,b\n1,2\n", SFX_E_USAGE,
                "--fields: there is no place for column b");
    check_error(&told, "fixed", "a\n1\n", SFX_E_USAGE, "--fields: the output has no column b");
}

/* Widths are those of the first records; nothing that is longer is cut. */
static void later_records_keep_the_widths_of_the_first(void **state)
{
    struct sfx_buf text = {0}, out = {0};
    struct record_source source;
    struct sfx_err err;
    char row[1024];
    const int nrows = (16 << 20) / (int)sizeof(row) + 100; /* more than are kept */
    int i;

    (void)state;
    memset(row, 'x', sizeof(row));
    assert_int_equal(sfx_buf_puts(&text, "a,b\n", NULL), 0);
    for (i = 0; i < nrows; i++) {
        assert_int_equal(sfx_buf_append(&text, row, sizeof(row), NULL), 0);
        assert_int_equal(sfx_buf_puts(&text, ",1\n", NULL), 0);
    }
    assert_int_equal(sfx_buf_append(&text, row, sizeof(row), NULL), 0);
    assert_int_equal(sfx_buf_puts(&text, "x,1\n", NULL), 0);
    source = (struct record_source){.text = sfx_buf_slice(&text)};
    assert_int_equal(record_convert(&csv, "fixed", &source, &out, &err), SFX_E_INPUT);
    assert_non_null(strstr(err.text, "longer than the 1024 characters of its column"));
    assert_int_equal(out.len, (size_t)(nrows + 1) * (sizeof(row) + strlen("  1\n")));
    sfx_buf_done(&text);
    sfx_buf_done(&out);
}

static void the_first_table_of_a_text_is_read(void **state)
{
    (void)state;
    check(
        "markdown", NULL,
        "# Title\n\ntext | more\n\n| a | b\\|c |\r\n|:--|--:|\r\n| 1 | x \\| \\\\ \\y |\n2|\n|||\n"
        "| 3 | 4 | 5 |\nend\n\n| q |\n| - |\n",
        "#a|b|c\n7: 1|x | \\ \\y\n8: 2|~\n9: |\n"
        "!10,73,,input: more cells than the table has names [| 3 | 4 | 5 |]\n");
    check(
        "markdown", NULL, "a | a | \n---|---|---\n1 | 2 | 3\n",
        "=in: there is no table: a line of names with pipes, then a line of dashes with as many\n");
    check("markdown", NULL, "|a|a||\n|-|-|-|\n|1|2|3|", "#a|a_2|3\n3: 1|2|3\n");
    check("markdown", NULL, "|a|\n|-|\n", "#a\n");
    check("markdown", NULL, "", "");
    check("markdown", NULL, "\n \n", "");
}

static void markdown_comes_back_as_it_went(void **state)
{
    static const struct record_opts markdown = {.format = "markdown"};

    (void)state;
    check_convert(&csv, "markdown", "a,b|c\n1,x|\\y\n\"l\r\nm\",\n",
                  "| a | b\\|c |\n| --- | --- |\n| 1 | x\\|\\\\y |\n| l<br>m |  |\n");
    check_convert(&markdown, "csv", "| a | b\\|c |\n| --- | --- |\n| 1 | x\\|\\\\y |\n",
                  "a,b|c\n1,x|\\y\n");
    check_convert(&csv, "markdown", "a\n", "| a |\n| --- |\n");
    check_convert(&csv, "markdown", "", "");
}

static void a_box_is_for_people(void **state)
{
    static const struct sfx_writer_opts terminal = {.width = 20};
    const struct record_opts narrow = {.format = "csv", .writer = &terminal};

    (void)state;
    check_convert(&csv, "box", "id,na\u00efve\n1,x\n20,\"a\n\x1b\xff\"\n",
                  "┌────┬──────────┐\n"
                  "│ id │ na\u00efve    │\n"
                  "├────┼──────────┤\n"
                  "│  1 │ x        │\n"
                  "│ 20 │ a\\n\\x1b\ufffd │\n"
                  "└────┴──────────┘\n");
    check_convert(&narrow, "box", "id,text\n1,0123456789abc\n",
                  "┌────┬─────────────┐\n"
                  "│ id │ text        │\n"
                  "├────┼─────────────┤\n"
                  "│  1 │ 0123456789… │\n"
                  "└────┴─────────────┘\n");
    check_convert(&csv, "box", "a\n", "┌───┐\n│ a │\n├───┤\n└───┘\n");
    check_convert(&csv, "box", "", "");
}

/* Wide characters take two columns, combining ones none, if the library that knows is there. */
static void widths_are_those_of_a_terminal(void **state)
{
    const struct record_source source = {.text = SFX_SLICE_LIT("a\n\u65e5\u672c\ne\u0301\n")};
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)state;
    assert_int_equal(record_convert(&csv, "box", &source, &out, &err), 0);
    if (strstr(sfx_buf_cstr(&out, NULL), "│ a    │") != NULL)
        assert_non_null(strstr(sfx_buf_cstr(&out, NULL), "│ e\u0301    │\n"));
    sfx_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_guessed_from_their_gaps),
        cmocka_unit_test(later_lines_are_cut_in_the_gaps_or_refused),
        cmocka_unit_test(columns_stand_where_the_option_says),
        cmocka_unit_test(slips_in_the_option_are_told),
        cmocka_unit_test(fixed_width_is_written_aligned),
        cmocka_unit_test(later_records_keep_the_widths_of_the_first),
        cmocka_unit_test(the_first_table_of_a_text_is_read),
        cmocka_unit_test(markdown_comes_back_as_it_went),
        cmocka_unit_test(a_box_is_for_people),
        cmocka_unit_test(widths_are_those_of_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
