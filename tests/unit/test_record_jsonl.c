/* SPDX-License-Identifier: MIT */
/* JSON Lines and JSON: members to columns, and what becomes of every structure. */
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

static const struct record_opts jsonl = {.format = "jsonl"};
static const struct record_opts jsonl_rejects = {.format = "jsonl", .rejects = true};
static const struct record_opts json = {.format = "json"};
static const struct record_opts json_rejects = {.format = "json", .rejects = true};

/* The promise behind all others: pieces and pauses make no difference. */
static void check(const struct record_opts *opts, const char *text, const char *expected)
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

static int convert(const char *from, const char *to, const char *text, struct sfx_buf *out,
                   struct sfx_err *err)
{
    const struct record_opts opts = {.format = from};
    const struct record_source source = {.text = sfx_slice_str(text)};

    return record_convert(&opts, to, &source, out, err);
}

static void check_convert(const char *from, const char *to, const char *text, const char *expected)
{
    struct sfx_buf out = {0};
    struct sfx_err err = {0};

    if (convert(from, to, text, &out, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(sfx_buf_cstr(&out, NULL), expected);
    sfx_buf_done(&out);
}

static void members_become_cells_of_their_kind(void **state)
{
    (void)state;
    check(
        &jsonl,
        "{\"s\":\"x\\ny\",\"n\":-1.50e+3,\"t\":true,\"f\":false,\"z\":null,\"o\":{\"k\":[1, 2]}}\n",
        "#s|n|t|f|z|o\n1: x\ny|j-1.50e+3|jtrue|jfalse|null|j{\"k\":[1, 2]}\n");
}

static void columns_are_the_union_in_order_of_first_sight(void **state)
{
    (void)state;
    check(&jsonl, "{\"a\":1,\"b\":2}\n{\"b\":3}\n{\"c\":4,\"a\":5}\n{}\n",
          "#a|b\n1: j1|j2\n2: ~|j3\n#a|b|c\n3: j5|~|j4\n4: ~|~|~\n");
}

static void order_and_white_space_do_not_matter(void **state)
{
    (void)state;
    check(&jsonl, "{\"a\":1,\"b\":2}\r\n\n \t \n { \"b\" : 3 ,\t\"a\" : 4 } \n{\"\\u0061\":5}",
          "#a|b\n1: j1|j2\n4: j4|j3\n5: j5|~\n");
}

static void of_twin_members_the_last_counts(void **state)
{
    (void)state;
    check(&jsonl, "{\"a\":1,\"a\":2}\n{\"a\":3,\"b\":4,\"a\":5}\n", "#a\n1: j2\n#a|b\n2: j5|j4\n");
}

static void bad_lines_go_aside_and_the_next_is_certain(void **state)
{
    (void)state;
    check(
        &jsonl_rejects,
        "{\"a\":1}\n{\"a\":\n2}\n[1]\n{\"a\":01}\n{\"a\":\"\xff\"}\n{\"new\":1,\"a\":tru}\n"
        "{\"a\":\"\t\"}\n{\"a\":2} x\n{\"a\":3}\n{\"a\":\"\\q\"}\n{\"a\":1,}\n\"s\"\n{\"a\":4",
        "#a\n1: j1\n10: j3\n"
        "!2,8,,input: the record is not JSON: byte 6: the text ends where a value is expected "
        "[{\"a\":]\n"
        "!3,14,,input: the record is not JSON: byte 2: something follows the value [2}]\n"
        "!4,17,,input: the record is not a JSON object [[1]]\n"
        "!5,21,,input: the record is not JSON: byte 6: a number begins with a zero [{\"a\":01}]\n"
        "!6,30,,input: the record is not JSON: byte 7: a string is not UTF-8 [{\"a\":\"\xff\"}]\n"
        "!7,40,,input: the record is not JSON: byte 14: a value is expected "
        "[{\"new\":1,\"a\":tru}]\n"
        "!8,58,,input: the record is not JSON: byte 7: a control character in a string is not "
        "escaped [{\"a\":\"\t\"}]\n"
        "!9,68,,input: the record is not JSON: byte 9: something follows the value [{\"a\":2} x]\n"
        "!11,86,,input: the record is not JSON: byte 7: no such escape in a string "
        "[{\"a\":\"\\q\"}]\n"
        "!12,97,,input: the record is not JSON: byte 8: a key in quotes is expected [{\"a\":1,}]\n"
        "!13,106,,input: the record is not a JSON object [\"s\"]\n"
        "!14,110,,input: the record is not JSON: byte 7: a ',' or '}' is missing in an object "
        "[{\"a\":4]\n");
}

static void bad_line_is_an_error_with_its_place(void **state)
{
    (void)state;
    check(&jsonl, "{\"a\":1}\n\n7\n",
          "#a\n1: j1\n=in: line 3, offset 9: the record is not a JSON object\n");
}

static void mark_at_the_start_is_dropped(void **state)
{
    (void)state;
    check(&jsonl, "\xef\xbb\xbf{\"a\":1}\n", "#a\n1: j1\n");
    check(&json, "\xef\xbb\xbf[{\"a\":1}]", "#a\n1: j1\n");
}

static void empty_input_has_no_columns(void **state)
{
    (void)state;
    check(&jsonl, "", "");
    check(&jsonl, "\n \n", "");
    check(&json, "", "");
    check(&json, " [ ] ", "");
    check(&jsonl, "{}\n", "1: \n");
}

static void limits_of_values_and_depth(void **state)
{
    static const struct sfx_reader_opts reader = {.max_field_nbytes = 8, .max_depth = 3};
    static const struct record_opts opts = {.format = "jsonl", .reader = &reader, .rejects = true};

    (void)state;
    check(&opts, "{\"a\":\"12345678\"}\n{\"a\":\"123456789\"}\n{\"a\":[[1]]}\n{\"a\":[[{}]]}\n",
          "#a\n1: 12345678\n3: j[[1]]\n"
          "!2,17,,limit: value is longer than 8 bytes [{\"a\":\"123456789\"}]\n"
          "!4,47,,limit: nested deeper than 3 levels [{\"a\":[[{}]]}]\n");
}

static void array_of_objects_is_streamed(void **state)
{
    (void)state;
    check(&json, " [ {\"a\":1,\n\"b\":{\"x\":\"]}\\\"\"}},\n{\"a\" : 2 }\n]\n",
          "#a|b\n1: j1|j{\"x\":\"]}\\\"\"}\n3: j2|~\n");
}

static void objects_one_after_another_are_json_too(void **state)
{
    (void)state;
    check(&json, "{\"a\":1}\n{\n\"a\":2}{\"a\":3}", "#a\n1: j1\n2: j2\n3: j3\n");
}

static void bad_elements_go_aside(void **state)
{
    (void)state;
    check(&json_rejects, "[{\"a\":1}, 5 ,{\"a\":x},[{}],\"],\",{\"a\":2}]",
          "#a\n1: j1\n1: j2\n"
          "!1,10,,input: the record is not a JSON object [5]\n"
          "!1,13,,input: the record is not JSON: byte 6: a value is expected [{\"a\":x}]\n"
          "!1,21,,input: the record is not a JSON object [[{}]]\n"
          "!1,26,,input: the record is not a JSON object [\"],\"]\n");
}

static void broken_arrays_are_errors_even_with_rejects(void **state)
{
    (void)state;
    check(&json_rejects, "[{\"a\":1}",
          "#a\n1: j1\n=in: line 1, offset 8: the input ends before the array's ']'\n");
    check(&json_rejects, "[{\"a\":1}\n{\"a\":2}]",
          "#a\n1: j1\n=in: line 2, offset 9: neither ',' nor ']' behind an element\n");
    check(&json_rejects, "[{\"a\":1},]",
          "#a\n1: j1\n=in: line 1, offset 9: an element is missing behind ','\n");
    check(&json_rejects, "[,]", "=in: line 1, offset 1: an element is missing before ','\n");
    check(&json_rejects, "[] []", "=in: line 1, offset 3: text behind the end of the array\n");
    check(&json_rejects, "a,b\n",
          "=in: line 1, offset 0: neither an array nor an object begins here\n");
    check(&json_rejects, "{\"a\":1} 2",
          "#a\n1: j1\n=in: line 1, offset 8: no object begins here\n");
    check(&json_rejects, "[{\"a\":\"x", "=in: line 1, offset 8: the input ends within a value\n");
}

static void untouched_records_come_out_byte_for_byte(void **state)
{
    static const char text[] = "{\"a\":1.50,\"b\":\"\\u00e9\\/\",\"c\":9007199254740993}\n"
                               " { \"b\" : \"x\" , \"a\" : -0.0 }\t\n"
                               "{\"c\":{\"k\": [ 1 ]},\"a\":null}\n"
                               "{}\n"
                               "{\"d\":1e5}\n";

    (void)state;
    check_convert("jsonl", "jsonl", text, text);
    check_convert("json", "json", "[{\"a\":1,\n \"b\":[ ]},{ }]",
                  "[\n{\"a\":1,\n \"b\":[ ]},\n{ }\n]\n");
    check_convert("jsonl", "json", "{\"a\": 1}\n", "[\n{\"a\": 1}\n]\n");
}

static void record_of_several_lines_becomes_one_line(void **state)
{
    (void)state;
    check_convert("json", "jsonl",
                  "[{\"a\":1,\n \"b\":{\"k\": [\n1, \"x \\\" y\" ]}},{\"b\":\"\"}]",
                  "{\"a\":1,\"b\":{\"k\":[1,\"x \\\" y\"]}}\n{\"b\":\"\"}\n");
}

static void json_becomes_csv(void **state)
{
    (void)state;
    check_convert("jsonl", "csv",
                  "{\"s\":\"a,\\\"b\\\"\",\"n\":1.50,\"o\":{\"k\":[1,2]},\"z\":null,\"t\":true}\n"
                  "{\"n\":-0.0}\n{\"s\":\"\\n\"}\n",
                  "s,n,o,z,t\n\"a,\"\"b\"\"\",1.50,\"{\"\"k\"\":[1,2]}\",,true\n"
                  ",-0.0,,,\n\"\n\",,,,\n");
}

static void csv_takes_no_new_column_behind_its_header(void **state)
{
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)state;
    assert_int_equal(
        convert("jsonl", "csv", "{\"a\":1}\n{\"a\":2}\n{\"a\":3,\"b\":4}\n", &out, &err),
        SFX_E_INPUT);
    assert_string_equal(err.text, "column b appears first in record 3; select the columns first or "
                                  "write jsonl");
    assert_string_equal(sfx_buf_cstr(&out, NULL), "a\n1\n2\n");
    sfx_buf_done(&out);
}

static void names_and_texts_that_are_no_utf8_are_not_written(void **state)
{
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)state;
    assert_int_equal(convert("csv", "jsonl", "a,\xff\n1,2\n", &out, &err), SFX_E_INPUT);
    assert_string_equal(err.text, "the name of column 2 is not UTF-8, as JSON must be; --encoding "
                                  "says what it is");
    assert_int_equal(convert("csv", "json", "a,b\n1,2\n3,\xff\n", &out, &err), SFX_E_INPUT);
    assert_string_equal(err.text, "in: line 3, offset 8: column b: not UTF-8, as JSON must be; "
                                  "--encoding says what it is");
    assert_string_equal(sfx_buf_cstr(&out, NULL), "[\n{\"a\":\"1\",\"b\":\"2\"}");
    sfx_buf_done(&out);
    check_convert("jsonl", "csv", "{\"\":1}\n", "\"\"\n1\n");
}

static void csv_maps_columns_of_another_order_by_name(void **state)
{
    const struct sfx_format *format = sfx_format_by_name(SFX_SLICE_LIT("csv"));
    struct sfx_writer *writer = format->writer->create(NULL, NULL);
    struct sfx_cell one = {.kind = SFX_CELL_NUMBER, .ptr = "1", .len = 1};
    struct sfx_cell two = {.kind = SFX_CELL_BOOL, .ptr = "true", .len = 4};
    struct sfx_buf out = {0};
    struct sfx_batch batch;

    (void)state;
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("a"), NULL), 0);
    assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("b"), NULL), 1);
    batch.columns[0].cells[0] = one;
    batch.columns[1].cells[0] = two;
    batch.rows[0] = (struct sfx_row_origin){0};
    sfx_batch_select_all(&batch, 1);
    assert_int_equal(format->writer->write(writer, &batch, &out, NULL), 0);
    sfx_batch_reset_schema(&batch);
    assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("b"), NULL), 0);
    batch.columns[0].cells[0] = two;
    sfx_batch_select_all(&batch, 1);
    assert_int_equal(format->writer->write(writer, &batch, &out, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL), "a,b\n1,true\n,true\n");
    format->writer->destroy(writer);
    sfx_batch_done(&batch);
    sfx_buf_done(&out);
}

static ssize_t take_all(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_slice *rest = ctx;
    const size_t n = rest->len < cap ? rest->len : cap;

    (void)err;
    memcpy(ptr, rest->ptr, n);
    *rest = sfx_slice(rest->ptr + n, rest->len - n);
    return (ssize_t)n;
}

/* What stages do to a batch that a JSON reader filled: the raw text no longer says it. */
static void changed_records_are_written_anew(void **state)
{
    static const char text[] = "{\"a\": {\"b\": 7},\"b\": 2}\n";
    const struct sfx_format *format = sfx_format_by_name(SFX_SLICE_LIT("jsonl"));
    struct sfx_column *col;
    struct sfx_buf out = {0};
    struct sfx_batch batch;
    struct sfx_reader *reader = format->reader->create(NULL, NULL);
    struct sfx_writer *writer = format->writer->create(NULL, NULL);
    struct sfx_slice rest = SFX_SLICE_LIT(text);
    const struct sfx_byte_source src = {.read = take_all, .ctx = &rest, .input = "in"};

    (void)state;
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    assert_int_equal(format->reader->open(reader, &src, NULL), 0);
    assert_int_equal(format->reader->read(reader, &batch, NULL, NULL), 1);
    col = batch.columns;
    col[1].cells[0] = col[0].cells[0]; /* b = a */
    assert_int_equal(format->writer->write(writer, &batch, &out, NULL), 0);
    col[0].name = SFX_SLICE_LIT("c"); /* a renamed, b dropped */
    batch.ncols = 1;
    sfx_batch_update_schema_id(&batch);
    assert_int_equal(format->writer->write(writer, &batch, &out, NULL), 0);
    col[0].cells[0] = (struct sfx_cell){.kind = SFX_CELL_NUMBER, .ptr = "7", .len = 1};
    assert_int_equal(format->writer->write(writer, &batch, &out, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL),
                        "{\"a\":{\"b\": 7},\"b\":{\"b\": 7}}\n{\"c\":{\"b\": 7}}\n{\"c\":7}\n");
    format->reader->destroy(reader);
    format->writer->destroy(writer);
    sfx_batch_done(&batch);
    sfx_buf_done(&out);
}

static void computed_cells_become_json_of_their_kind(void **state)
{
    static const struct sfx_cell cells[] = {
        {.kind = SFX_CELL_NUMBER, .ptr = "902.88", .len = 6},
        {.kind = SFX_CELL_BOOL, .ptr = "false", .len = 5},
        {.kind = SFX_CELL_STRING, .ptr = "a\"", .len = 2},
        {.kind = SFX_CELL_NULL},
        {.kind = SFX_CELL_MISSING},
    };
    const struct sfx_format *format = sfx_format_by_name(SFX_SLICE_LIT("jsonl"));
    struct sfx_writer *writer = format->writer->create(NULL, NULL);
    struct sfx_buf out = {0};
    struct sfx_batch batch;
    size_t i;

    (void)state;
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    batch.rows[0] = (struct sfx_row_origin){0};
    for (i = 0; i < SFX_COUNT(cells); i++) {
        const char name[] = {(char)('a' + i)};

        assert_int_equal(sfx_batch_add_column(&batch, sfx_slice(name, 1), NULL), (int)i);
        batch.columns[i].cells[0] = cells[i];
    }
    sfx_batch_select_all(&batch, 1);
    assert_int_equal(format->writer->write(writer, &batch, &out, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL),
                        "{\"a\":902.88,\"b\":false,\"c\":\"a\\\"\",\"d\":null}\n");
    format->writer->destroy(writer);
    sfx_batch_done(&batch);
    sfx_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_become_cells_of_their_kind),
        cmocka_unit_test(columns_are_the_union_in_order_of_first_sight),
        cmocka_unit_test(order_and_white_space_do_not_matter),
        cmocka_unit_test(of_twin_members_the_last_counts),
        cmocka_unit_test(bad_lines_go_aside_and_the_next_is_certain),
        cmocka_unit_test(bad_line_is_an_error_with_its_place),
        cmocka_unit_test(mark_at_the_start_is_dropped),
        cmocka_unit_test(empty_input_has_no_columns),
        cmocka_unit_test(limits_of_values_and_depth),
        cmocka_unit_test(array_of_objects_is_streamed),
        cmocka_unit_test(objects_one_after_another_are_json_too),
        cmocka_unit_test(bad_elements_go_aside),
        cmocka_unit_test(broken_arrays_are_errors_even_with_rejects),
        cmocka_unit_test(untouched_records_come_out_byte_for_byte),
        cmocka_unit_test(record_of_several_lines_becomes_one_line),
        cmocka_unit_test(json_becomes_csv),
        cmocka_unit_test(csv_takes_no_new_column_behind_its_header),
        cmocka_unit_test(names_and_texts_that_are_no_utf8_are_not_written),
        cmocka_unit_test(csv_maps_columns_of_another_order_by_name),
        cmocka_unit_test(changed_records_are_written_anew),
        cmocka_unit_test(computed_cells_become_json_of_their_kind),
    };

    return cmocka_run_group_tests_name("record_jsonl", tests, NULL, NULL);
}
