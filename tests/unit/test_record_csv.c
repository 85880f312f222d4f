/* SPDX-License-Identifier: MIT */
/* CSV and TSV: what becomes of every structure, clean and dirty, however the bytes arrive. */
#include "base/cpu.h"
#include "base/size.h"
#include "record_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct record_opts csv = {.format = "csv"};
static const struct record_opts csv_rejects = {.format = "csv", .rejects = true};
static const struct record_opts tsv = {.format = "tsv"};

/* The promise behind all others: pieces, pauses and instruction sets make no difference. */
static void check_len(const struct record_opts *opts, struct sfx_slice text, const char *expected)
{
    static const size_t chunks[] = {0, 1, 2, 3, 7, 64};
    static const uint32_t cpus[] = {0, SFX_CPU_SSE42 | SFX_CPU_PCLMUL,
                                    SFX_CPU_AVX2 | SFX_CPU_PCLMUL, ~0u};
    struct sfx_buf out = {0};
    size_t i;

    for (i = 0; i < 2 * SFX_COUNT(chunks) * SFX_COUNT(cpus); i++) {
        const struct record_source source = {
            .text = text, .chunk = chunks[i / 2 % SFX_COUNT(chunks)], .pauses = i % 2 != 0};

        sfx_cpu_force(cpus[i / (2 * SFX_COUNT(chunks))]);
        sfx_buf_clear(&out);
        (void)record_dump(opts, &source, &out);
        assert_string_equal(sfx_buf_cstr(&out, NULL), expected);
    }
    sfx_cpu_force(~0u);
    sfx_buf_done(&out);
}

static void check(const struct record_opts *opts, const char *text, const char *expected)
{
    check_len(opts, sfx_slice_str(text), expected);
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

static void plain_records(void **state)
{
    (void)state;
    check(&csv, "a,b\n1,2\n3,\n,\n", "#a|b\n2: 1|2\n3: 3|\n4: |\n");
}

static void quotes_commas_and_line_ends_within_quotes(void **state)
{
    (void)state;
    check(&csv, "a,b\n\"x, y\",\"he said \"\"no\"\"\"\n\"1\n2\",\"\r\n\"\n\"\",\"\"\"\"\n9,9\n",
          "#a|b\n2: x, y|he said \"no\"\n3: 1\n2|\r\n\n6: |\"\n7: 9|9\n");
}

static void crlf_line_ends_are_not_data(void **state)
{
    (void)state;
    check(&csv, "a,b\r\n1,2\r\n\"3\",\"4\"\r\n", "#a|b\n2: 1|2\n3: 3|4\n");
}

static void mixed_line_ends_are_taken_as_they_come(void **state)
{
    (void)state;
    check(&csv, "a,b\n1,2\r\n3,4\n", "#a|b\n2: 1|2\n3: 3|4\n");
}

static void cr_alone_ends_lines_only_where_no_lf_does(void **state)
{
    (void)state;
    check(&csv, "a,b\r1,2\r\"x\ry\",4\r", "#a|b\n2: 1|2\n3: x\ry|4\n");
    check(&csv, "a,b\r1,\"x\ny\"\r3,4", "#a|b\n2: 1|x\ny\n3: 3|4\n");
    check(&csv, "a,b\n1\r1,2\n", "#a|b\n2: 1\r1|2\n");
    check(&csv, "a\rb,c\n1,2\n", "#a\rb|c\n2: 1|2\n");
    check(&csv, "a,\"b\nc\"\r\"1\n\",2", "#a|b\nc\n2: 1\n|2\n");
}

static void byte_order_mark_is_dropped_at_the_start_only(void **state)
{
    (void)state;
    check(&csv,
          "\xef\xbb\xbf"
          "a,b\n1,\xef\xbb\xbf\n",
          "#a|b\n2: 1|\xef\xbb\xbf\n");
    check(&csv,
          "\xef\xbb\xbf"
          "\"a\",b\n1,2\n",
          "#a|b\n2: 1|2\n");
    check(&csv, "\xef\xbb", "#\xef\xbb\n");
}

static void last_record_needs_no_line_end(void **state)
{
    (void)state;
    check(&csv, "a,b\n1,2", "#a|b\n2: 1|2\n");
    check(&csv, "a,b\n1,\"2\"", "#a|b\n2: 1|2\n");
    check(&csv, "a,b\n1,", "#a|b\n2: 1|\n");
    check(&csv, "a,b", "#a|b\n");
}

static void blank_lines_are_skipped_but_counted(void **state)
{
    (void)state;
    check(&csv, "\n\na,b\n\n1,2\n\r\n3,4\n\n", "#a|b\n5: 1|2\n7: 3|4\n");
}

static void blank_line_of_one_column_is_an_empty_field(void **state)
{
    (void)state;
    check(&csv, "\na\n1\n\n2\n", "#a\n3: 1\n4: \n5: 2\n");
}

static void names_are_made_unique_and_never_empty(void **state)
{
    (void)state;
    check(&csv, "id,,id,id_2,id,\"\"\n1,2,3,4,5,6\n", "#id|2|id_2|id_2_2|id_3|6\n2: 1|2|3|4|5|6\n");
    check(&csv, "2,\n", "#2|2_2\n");
}

static void no_header_numbers_the_columns(void **state)
{
    static const struct sfx_reader_opts reader = {.no_header = true};
    static const struct record_opts opts = {.format = "csv", .reader = &reader};

    (void)state;
    check(&opts, "x,y\n1,2\n", "#1|2\n1: x|y\n2: 1|2\n");
    check(&opts, "x,y\n1\n",
          "#1|2\n1: x|y\n=in: line 2, offset 4: record has 1 field, the first one has 2\n");
}

static void empty_input_has_no_columns(void **state)
{
    (void)state;
    check(&csv, "", "");
    check(&csv, "\n\r\n", "");
    check(&csv, "\xef\xbb\xbf", "");
}

static void stray_quote_in_an_unquoted_field_is_data(void **state)
{
    (void)state;
    check(&csv, "a,b\n5'10\",x\nab\"c\"d, \"q\"\n1,\"2\"\n",
          "#a|b\n2: 5'10\"|x\n3: ab\"c\"d| \"q\"\n4: 1|2\n");
    check(&csv, "a\"b,c\n1,2\n", "#a\"b|c\n2: 1|2\n");
}

static void nul_bytes_and_any_encoding_pass(void **state)
{
    struct sfx_buf out = {0};
    const char text[] = "a,b\n\0x,\xe9t\xe9\n";
    const struct record_source source = {.text = sfx_slice(text, sizeof(text) - 1)};

    (void)state;
    assert_int_equal(record_dump(&csv, &source, &out), 0);
    assert_int_equal(out.len, 15);
    assert_memory_equal(out.data, "#a|b\n2: \0x|\xe9t\xe9\n", 15);
    sfx_buf_done(&out);
}

static void ragged_record_is_an_error_with_its_place(void **state)
{
    (void)state;
    check(&csv, "a,b,c\n1,2,3\n4,5\n6,7,8\n",
          "#a|b|c\n2: 1|2|3\n=in: line 3, offset 12: record has 2 fields, header has 3\n");
}

static void ragged_records_go_aside_and_reading_goes_on(void **state)
{
    (void)state;
    check(&csv_rejects, "a,b,c\n4,5\n6,7,8,9\n1,\"x\ny\",3\n7\n1,2,3\n",
          "#a|b|c\n4: 1|x\ny|3\n7: 1|2|3\n"
          "!2,6,,input: record has 2 fields, header has 3 [4,5]\n"
          "!3,10,,input: record has 4 fields, header has 3 [6,7,8,9]\n"
          "!6,28,,input: record has 1 field, header has 3 [7]\n");
}

static void text_behind_a_closing_quote_is_refused(void **state)
{
    (void)state;
    check(&csv, "a,b\n1,2\n3,\"x\"y\n",
          "#a|b\n2: 1|2\n=in: line 3, offset 13: column 2 (b): text after a closing quote\n");
    check(&csv_rejects, "a,b\n\"x\" ,2\n\"p\"\"\"q\",3\r\n1,\"2\"\r3\n\"1\",\"2\"\n",
          "#a|b\n5: 1|2\n"
          "!2,4,a,input: text after a closing quote [\"x\" ,2]\n"
          "!3,11,a,input: text after a closing quote [\"p\"\"\"q\",3]\n"
          "!4,22,b,input: text after a closing quote [1,\"2\"\r3]\n");
}

static void unclosed_quote_is_told_with_the_line_where_it_opened(void **state)
{
    (void)state;
    check(&csv, "a,b\n1,2\n\"3\n\",\"open\nand,on\n",
          "#a|b\n2: 1|2\n"
          "=in: line 4, offset 13: column 2 (b): the quote opened on line 4 is never closed\n");
    check(&csv_rejects, "a,b\n1,2\n3,\"open\nand,on",
          "#a|b\n2: 1|2\n"
          "!3,8,b,input: the quote opened on line 3 is never closed [3,\"open\nand,on]\n");
}

static void bad_header_is_an_error_even_with_rejects(void **state)
{
    (void)state;
    check(&csv_rejects, "a,\"b\"x\n1,2\n",
          "=in: line 1, offset 5: column 2: text after a closing quote\n");
}

static void long_fields_and_records_meet_their_limits(void **state)
{
    static const struct sfx_reader_opts reader = {.max_field_nbytes = 4, .max_record_nbytes = 10};
    static const struct record_opts opts = {.format = "csv", .reader = &reader};
    static const struct record_opts rejects = {.format = "csv", .reader = &reader, .rejects = true};

    (void)state;
    check(&opts, "a,b\n1234,1234\n12345,1\n",
          "#a|b\n2: 1234|1234\n"
          "=in: line 3, offset 14: column 1 (a): field is longer than 4 bytes\n");
    check(&rejects, "a,b\n1,12345\n1,2\n123456,1234,\n1,2\n",
          "#a|b\n3: 1|2\n"
          "!2,4,b,limit: field is longer than 4 bytes [1,12345]\n"
          "=in: line 4, offset 16: record is longer than 10 bytes\n");
    check(&rejects, "a,b\n1234,\"\"x  \n1,\"\"x      \n",
          "!2,4,b,input: text after a closing quote [1234,\"\"x  ]\n"
          "=in: line 3, offset 15: record is longer than 10 bytes\n");
}

static void record_beyond_the_limit_ends_the_input(void **state)
{
    static const struct sfx_reader_opts reader = {.max_record_nbytes = 1000000};
    static const struct record_opts opts = {.format = "csv", .reader = &reader};
    const size_t len = 3000000;
    char *text = malloc(len);
    const struct record_source source = {.text = sfx_slice(text, len)};
    struct sfx_buf out = {0};

    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "a,b\n1,2\n\"", 9);
    assert_int_equal(record_dump(&opts, &source, &out), SFX_E_LIMIT);
    assert_string_equal(sfx_buf_cstr(&out, NULL),
                        "#a|b\n2: 1|2\n"
                        "=in: line 3, offset 8: record is longer than 1000000 bytes\n");
    sfx_buf_done(&out);
    free(text);
}

static void record_longer_than_the_block_is_whole(void **state)
{
    const size_t len = 700000;
    char *text = malloc(len + 16);
    const struct record_source source = {.text = sfx_slice(text, len + 16), .chunk = 5000};
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', len + 16);
    memcpy(text, "a,b\n1,\"", 7);
    memcpy(text + 100000, "\n\"\"", 3);
    memcpy(text + len, "\"\n3,4\n5,\"6\"\r\n7,8", 16);
    assert_int_equal(record_convert(&csv, "csv", &source, &out, &err), 0);
    assert_int_equal(out.len, len + 16); /* one LF more, one CR less: lines end as the first does */
    assert_memory_equal(out.data, text, len + 11);
    assert_memory_equal(out.data + len + 11, "\n7,8\n", 5);
    sfx_buf_done(&out);
    free(text);
}

static void more_fields_than_columns_can_be_are_refused(void **state)
{
    const size_t nfields = 100000;
    char *text = malloc(nfields + 16);
    const struct record_source source = {.text = sfx_slice(text, nfields + 8)};
    struct sfx_buf out = {0};

    (void)state;
    assert_non_null(text);
    memset(text, ',', nfields + 16);
    memcpy(text, "a,b\n", 4);
    memcpy(text + nfields + 3, "\n1,2\n", 5);
    assert_int_equal(record_dump(&csv_rejects, &source, &out), 0);
    assert_non_null(strstr(sfx_buf_cstr(&out, NULL),
                           "#a|b\n3: 1|2\n!2,4,,input: record has 100000 fields, header has 2 ["));
    sfx_buf_clear(&out);
    text[3] = ',';
    assert_int_equal(record_dump(&csv, &source, &out), SFX_E_INPUT);
    sfx_buf_done(&out);
    free(text);
}

static void every_read_size_gives_the_same_cells(void **state)
{
    const char text[] =
        "id,\"na\"\"me\",note,x\r\n1,\"Smith, \"\"J\"\"\",\"line 1\nline 2\r\n\",00501\r\n"
        "\r\n2,plain,\"\",1.50\n3,5'10\" tall,a\"b\",\"\"\"\"\n4,too,few\n5,\"bad\" q,1,2\n"
        "6,\"0123456789012345678901234567890123456789012345678901234567890123\",\"\",\n"
        "7,,,\n8,\"x\ny\",\"z\",\"\xc3\xa9\"\n9,a,b,\"open\n";
    struct record_source source = {.text = sfx_slice(text, sizeof(text) - 1)};
    struct sfx_buf whole = {0};
    struct sfx_buf out = {0};
    unsigned i;

    (void)state;
    assert_int_equal(record_dump(&csv_rejects, &source, &whole), 0);
    for (i = 2; i <= 600; i++) {
        source.chunk = i / 2;
        source.pauses = i % 2 != 0;
        sfx_buf_clear(&out);
        assert_int_equal(record_dump(&csv_rejects, &source, &out), 0);
        assert_string_equal(sfx_buf_cstr(&out, NULL), sfx_buf_cstr(&whole, NULL));
    }
    sfx_buf_done(&out);
    sfx_buf_done(&whole);
}

struct pausing {
    const char *const *pieces; /* one a read, NULL-terminated */
};

static ssize_t pausing_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct pausing *p = ctx;
    const char *piece = *p->pieces;

    (void)err;
    if (piece == NULL)
        return 0;
    assert_true(strlen(piece) <= cap);
    memcpy(ptr, piece, strlen(piece));
    p->pieces++;
    return (ssize_t)strlen(piece);
}

static bool pausing_would_block(void *ctx)
{
    (void)ctx;
    return true;
}

static void paused_source_hands_on_what_is_complete(void **state)
{
    static const char *const pieces[] = {"a,b\n1,2\n3,", "4\n5,6\n", "7,8", NULL};
    const struct sfx_reader_ops *ops = sfx_format_by_name(SFX_SLICE_LIT("csv"))->reader;
    struct sfx_reader *reader = ops->create(NULL, NULL);
    struct pausing p = {.pieces = pieces};
    const struct sfx_byte_source src = {
        .read = pausing_read, .ctx = &p, .would_block = pausing_would_block, .input = "in"};
    struct sfx_batch batch;

    (void)state;
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    assert_int_equal(ops->open(reader, &src, NULL), 0);
    assert_int_equal(ops->read(reader, &batch, NULL, NULL), 1);
    assert_int_equal(batch.nsel, 1);
    assert_ptr_equal(p.pieces, pieces + 1); /* it did not wait for more */
    assert_int_equal(ops->read(reader, &batch, NULL, NULL), 1);
    assert_int_equal(batch.nsel, 2);
    assert_ptr_equal(p.pieces, pieces + 2);
    assert_int_equal(ops->read(reader, &batch, NULL, NULL), 1);
    assert_int_equal(batch.nsel, 1);
    assert_int_equal(ops->read(reader, &batch, NULL, NULL), 0);
    ops->destroy(reader);
    sfx_batch_done(&batch);
}

static void tsv_undoes_its_escapes(void **state)
{
    (void)state;
    check(&tsv, "a\\tb\tc\n1\\n2\t\\\\ \\r \\x \\\n\"q\"\t\n",
          "#a\tb|c\n2: 1\n2|\\ \r \\x \\\n3: \"q\"|\n");
    check(&tsv, "a\tb\n\xff\t\"\n\"\"\t\xff\n", "#a|b\n2: \xff|\"\n3: \"\"|\xff\n");
    check(&tsv, "a\tb\r\n1\t2\r\n", "#a|b\n2: 1|2\n");
}

static void untouched_csv_comes_out_byte_for_byte(void **state)
{
    static const char *const texts[] = {
        "id,zip,amt,code,big,name,ts,flag,n\n"
        "1,00501,1.50,1e5,9007199254740993,\"Smith, J\",2024-03-31T02:30:00+02:00,true,0x1F\n"
        "2,07063,-0.0,12E3,18446744073709551616,\"q\"\"q\",2024-01-05,TRUE,007\n"
        "3,10001,100,7,1,NaN,,no,1_000\n",
        "\"id\",\"a\"\"b\", c \r\n\"1\",\"x\r\ny\",\" 2 \"\r\n",
        "a,b\n5'10\",x\n\xe9,\"\"\n",
        "a\n1\n\n2\n",
        "id,id,\n1,2,3\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i + 1 < SFX_COUNT(texts); i++)
        check_convert("csv", "csv", texts[i], texts[i]);
    /* names that had to be made are the exception */
    check_convert("csv", "csv", texts[i], "id,id_2,3\n1,2,3\n");
    check_convert("tsv", "tsv", "a\\tb\tc\n\\x\t\\n\n", "a\\tb\tc\n\\x\t\\n\n");
}

static void blank_and_missing_line_ends_are_the_only_changes(void **state)
{
    (void)state;
    check_convert("csv", "csv", "a,b\n\n1,2", "a,b\n1,2\n");
    check_convert("csv", "csv",
                  "\xef\xbb\xbf"
                  "a,b\r\n1,2\n",
                  "a,b\r\n1,2\r\n");
}

static void quotes_appear_only_where_they_are_needed(void **state)
{
    (void)state;
    check_convert("tsv", "csv", "a,b\tc\n\"x\"\t1,5\n\\n\tplain \n\t\n",
                  "\"a,b\",c\n\"\"\"x\"\"\",\"1,5\"\n\"\n\",plain \n,\n");
    check_convert("jsonl", "csv", "{\"a\":\"\"}\n{\"a\":\"x\\ry\"}\n", "a\n\"\"\n\"x\ry\"\n");
}

static void last_field_keeps_its_cr(void **state)
{
    (void)state;
    check_convert("csv", "csv", "\na,b\r\r\nx\r,y\r\r\n", "a,\"b\r\"\nx\r,\"y\r\"\n");
}

static void csv_becomes_tsv_with_escapes(void **state)
{
    (void)state;
    check_convert("csv", "tsv", "a,b\n\"1\t2\",\"x\ny\"\n\"q\"\"\",\\\n",
                  "a\tb\n1\\t2\tx\\ny\nq\"\t\\\\\n");
}

static void csv_text_is_never_guessed_to_be_a_number(void **state)
{
    (void)state;
    check_convert("csv", "jsonl", "zip,n,\"q\"\n00501,1.50,\"a \"\"b\"\"\n\"\ntrue,,\\\t\n",
                  "{\"zip\":\"00501\",\"n\":\"1.50\",\"q\":\"a \\\"b\\\"\\n\"}\n"
                  "{\"zip\":\"true\",\"n\":\"\",\"q\":\"\\\\\\t\"}\n");
    check_convert("csv", "json", "a,b\n", "[]\n");
}

static void header_goes_out_even_without_records(void **state)
{
    (void)state;
    check_convert("csv", "csv", "\"a\",b\r\n", "\"a\",b\r\n");
    check_convert("csv", "csv", "", "");
}

static void characters_that_cannot_be_told_apart_are_refused(void **state)
{
    const struct sfx_format *format = sfx_format_by_name(SFX_SLICE_LIT("csv"));
    const struct sfx_reader_opts same = {.delimiter = '"'};
    const struct sfx_writer_opts newline = {.delimiter = '\n'};
    struct sfx_err err;

    (void)state;
    assert_null(format->reader->create(&same, &err));
    assert_int_equal(err.code, SFX_E_USAGE);
    assert_null(format->writer->create(&newline, &err));
    assert_int_equal(err.code, SFX_E_USAGE);
}

static void other_delimiters_and_quotes(void **state)
{
    static const struct sfx_reader_opts reader = {.delimiter = ';', .quote = '\''};
    static const struct record_opts opts = {.format = "csv", .reader = &reader};

    (void)state;
    check(&opts, "a;b\n'x;''y';1,5\n\"q\";2\n", "#a|b\n2: x;'y|1,5\n3: \"q\"|2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_records),
        cmocka_unit_test(quotes_commas_and_line_ends_within_quotes),
        cmocka_unit_test(crlf_line_ends_are_not_data),
        cmocka_unit_test(mixed_line_ends_are_taken_as_they_come),
        cmocka_unit_test(cr_alone_ends_lines_only_where_no_lf_does),
        cmocka_unit_test(byte_order_mark_is_dropped_at_the_start_only),
        cmocka_unit_test(last_record_needs_no_line_end),
        cmocka_unit_test(blank_lines_are_skipped_but_counted),
        cmocka_unit_test(blank_line_of_one_column_is_an_empty_field),
        cmocka_unit_test(names_are_made_unique_and_never_empty),
        cmocka_unit_test(no_header_numbers_the_columns),
        cmocka_unit_test(empty_input_has_no_columns),
        cmocka_unit_test(stray_quote_in_an_unquoted_field_is_data),
        cmocka_unit_test(nul_bytes_and_any_encoding_pass),
        cmocka_unit_test(ragged_record_is_an_error_with_its_place),
        cmocka_unit_test(ragged_records_go_aside_and_reading_goes_on),
        cmocka_unit_test(text_behind_a_closing_quote_is_refused),
        cmocka_unit_test(unclosed_quote_is_told_with_the_line_where_it_opened),
        cmocka_unit_test(bad_header_is_an_error_even_with_rejects),
        cmocka_unit_test(long_fields_and_records_meet_their_limits),
        cmocka_unit_test(record_beyond_the_limit_ends_the_input),
        cmocka_unit_test(record_longer_than_the_block_is_whole),
        cmocka_unit_test(more_fields_than_columns_can_be_are_refused),
        cmocka_unit_test(every_read_size_gives_the_same_cells),
        cmocka_unit_test(paused_source_hands_on_what_is_complete),
        cmocka_unit_test(tsv_undoes_its_escapes),
        cmocka_unit_test(untouched_csv_comes_out_byte_for_byte),
        cmocka_unit_test(blank_and_missing_line_ends_are_the_only_changes),
        cmocka_unit_test(quotes_appear_only_where_they_are_needed),
        cmocka_unit_test(last_field_keeps_its_cr),
        cmocka_unit_test(csv_becomes_tsv_with_escapes),
        cmocka_unit_test(csv_text_is_never_guessed_to_be_a_number),
        cmocka_unit_test(header_goes_out_even_without_records),
        cmocka_unit_test(characters_that_cannot_be_told_apart_are_refused),
        cmocka_unit_test(other_delimiters_and_quotes),
    };

    return cmocka_run_group_tests_name("record_csv", tests, NULL, NULL);
}
