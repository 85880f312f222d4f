/* SPDX-License-Identifier: MIT */
/* A type is given only if every value comes back from it as its text: the rule, and the proof. */
#include "sink/exact.h"
#include "sink/infer.h"
#include "sink/load_internal.h"
#include "sink_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct sfx_sink_column type_of(const char *const *fields)
{
    struct sfx_infer infer = {0};
    struct sfx_batch batch;
    struct sfx_sink_column column;

    make_fields(&batch, fields);
    assert_int_equal(sfx_infer_batch(&infer, &batch, NULL), 0);
    sfx_infer_finish(&infer);
    assert_int_equal(infer.schema.ncols, 1);
    column = infer.schema.columns[0];
    sfx_infer_done(&infer);
    sfx_batch_done(&batch);
    return column;
}

static void check_type(const char *const *fields, enum sfx_type want, uint32_t scale)
{
    struct sfx_sink_column column = type_of(fields);

    const bool scaled = want == SFX_TYPE_DECIMAL || want == SFX_TYPE_TIMESTAMPTZ;

    if (column.type != want || (scaled && column.scale != scale))
        print_error("%s …: type %d, scale %u\n", fields[0], column.type, column.scale);
    assert_int_equal(column.type, want);
    if (scaled)
        assert_int_equal(column.scale, scale);
}

static void canonical_integers_are_integers(void **state)
{
    (void)state;
    check_type(FIELDS("0", "1", "-1"), SFX_TYPE_INTEGER, 0);
    check_type(FIELDS("9223372036854775807", "-9223372036854775808"), SFX_TYPE_INTEGER, 0);
    check_type(FIELDS("9007199254740993"), SFX_TYPE_INTEGER, 0);
    check_type(FIELDS("", "5", ""), SFX_TYPE_INTEGER, 0);
}

static void what_a_number_would_change_is_text(void **state)
{
    static const char *const texts[] = {
        "00501",
        "+5",
        "-0",
        " 1",
        "1 ",
        "1e5",
        "1E5",
        "0x10",
        "1_000",
        "1,000",
        ".5",
        "5.",
        "-",
        "1-2",
        "nan",
        "inf",
        "true",
        "--1",
        "-01",
        "-.5",
        "00.5",
        "1.5.2",
        "-0.0",
        "-0.00",
        "1e",
        "1e+",
        "1.5e7",
        "1e-07",
        "0e0",
        "1.50e-07",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999999999999999999999",
        "0.12345678901234567",
        "1234567890.1234567",
        "1.0e+400",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_type(FIELDS(texts[i]), SFX_TYPE_TEXT, 0);
}

static void decimals_of_one_scale_are_decimals(void **state)
{
    (void)state;
    check_type(FIELDS("1.50", "2.25", "-10.00"), SFX_TYPE_DECIMAL, 2);
    check_type(FIELDS("0.00", "0.01"), SFX_TYPE_DECIMAL, 2);
    check_type(FIELDS("1234567890123.45"), SFX_TYPE_DECIMAL, 2);
    check_type(FIELDS("12345678901234.50", "1.50"), SFX_TYPE_TEXT, 0); /* 16 digits */
    /* Each has 15 digits, but no DECIMAL(15,s) holds both. */
    check_type(FIELDS("0.000000000000001"), SFX_TYPE_DECIMAL, 15);
}

static void decimals_of_different_scales_are_real_or_numeric(void **state)
{
    (void)state;
    check_type(FIELDS("1.5", "2.25", "3.0"), SFX_TYPE_REAL, 0);
    check_type(FIELDS("1.5e-07", "1.5", "2.0e+20"), SFX_TYPE_REAL, 0);
    check_type(FIELDS("1.5", "2"), SFX_TYPE_NUMERIC, 0);
    check_type(FIELDS("2", "1.5", "9007199254740993"), SFX_TYPE_NUMERIC, 0);
    check_type(FIELDS("1.5", "2", "3.0"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("1.5", "2.50"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("1.5e-07", "2"), SFX_TYPE_TEXT, 0);
}

static void times_of_one_style_are_times(void **state)
{
    (void)state;
    check_type(FIELDS("2026-01-05", "", "0001-12-31"), SFX_TYPE_DATE, 0);
    check_type(FIELDS("2026-01-05 10:00:00", "2026-02-28 23:59:59"), SFX_TYPE_TIMESTAMP, 0);
    check_type(FIELDS("2026-01-05T10:00:00.123Z", "2026-01-05T10:00:00.000Z"), SFX_TYPE_TIMESTAMPTZ,
               3);
    check_type(FIELDS("2026-01-05T10:00:00+00:00"), SFX_TYPE_TIMESTAMPTZ, 0);
}

static void times_that_would_not_come_back_are_text(void **state)
{
    (void)state;
    check_type(FIELDS("2026-01-05", "2026-01-05 10:00:00"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("2026-01-05T10:00:00Z", "2026-01-05 10:00:00Z"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("2026-01-05T10:00:00.1Z", "2026-01-05T10:00:00.12Z"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("2026-01-05T10:00:00+01:00"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("2026-01-05T10:00Z"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("2026-02-29"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("0000-01-01"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("2016-12-31T23:59:60Z"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("05/01/2026"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("20260105"), SFX_TYPE_INTEGER, 0);
    check_type(FIELDS("2026-01-05", "5"), SFX_TYPE_TEXT, 0);
    check_type(FIELDS("5", "2026-01-05"), SFX_TYPE_TEXT, 0);
}

static void one_odd_value_among_thousands_counts(void **state)
{
    static const char *const odd[] = {"007", NULL};
    static const char *fields[SFX_BATCH_ROWS];
    struct sfx_infer infer = {0};
    struct sfx_batch batch;
    int i;

    (void)state;
    for (i = 0; i < SFX_BATCH_ROWS - 1; i++)
        fields[i] = "42";
    make_fields(&batch, fields);
    for (i = 0; i < 20; i++)
        assert_int_equal(sfx_infer_batch(&infer, &batch, NULL), 0);
    sfx_infer_finish(&infer);
    assert_int_equal(infer.schema.columns[0].type, SFX_TYPE_INTEGER);
    sfx_batch_done(&batch);
    make_fields(&batch, odd);
    assert_int_equal(sfx_infer_batch(&infer, &batch, NULL), 0);
    sfx_infer_finish(&infer);
    assert_int_equal(infer.schema.columns[0].type, SFX_TYPE_TEXT);
    assert_int_equal(infer.nrecords, 20 * (SFX_BATCH_ROWS - 1) + 1);
    sfx_batch_done(&batch);
    sfx_infer_done(&infer);
}

static enum sfx_type type_of_cells(struct sfx_cell a, struct sfx_cell b)
{
    static const char *const names[] = {"c", NULL};
    struct sfx_infer infer = {0};
    struct sfx_batch batch;
    enum sfx_type type;

    make_batch(&batch, names, 2);
    batch.columns[0].cells[0] = a;
    batch.columns[0].cells[1] = b;
    assert_int_equal(sfx_infer_batch(&infer, &batch, NULL), 0);
    sfx_infer_finish(&infer);
    type = infer.schema.columns[0].type;
    sfx_infer_done(&infer);
    sfx_batch_done(&batch);
    return type;
}

static void json_kinds_decide(void **state)
{
    const struct sfx_cell null = kind_cell(SFX_CELL_NULL, "null");
    const struct sfx_cell five = kind_cell(SFX_CELL_JSON_NUMBER, "5");
    const struct sfx_cell string = kind_cell(SFX_CELL_JSON_STRING, "5");
    const struct sfx_cell yes = kind_cell(SFX_CELL_JSON_BOOL, "true");
    const struct sfx_cell list = kind_cell(SFX_CELL_JSON_NESTED, "[1]");
    const struct sfx_cell day = kind_cell(SFX_CELL_JSON_STRING, "2026-01-05");

    (void)state;
    assert_int_equal(type_of_cells(five, null), SFX_TYPE_INTEGER);
    assert_int_equal(type_of_cells(string, null), SFX_TYPE_TEXT);
    assert_int_equal(type_of_cells(five, string), SFX_TYPE_TEXT);
    assert_int_equal(type_of_cells(yes, null), SFX_TYPE_BOOLEAN);
    assert_int_equal(type_of_cells(yes, five), SFX_TYPE_TEXT);
    assert_int_equal(type_of_cells(list, null), SFX_TYPE_JSON);
    assert_int_equal(type_of_cells(list, string), SFX_TYPE_TEXT);
    assert_int_equal(type_of_cells(null, null), SFX_TYPE_TEXT);
    assert_int_equal(type_of_cells(day, null), SFX_TYPE_DATE);
    assert_int_equal(type_of_cells(day, string), SFX_TYPE_TEXT);
}

static void json_numbers_count_by_value(void **state)
{
    const struct sfx_cell scaled = kind_cell(SFX_CELL_NUMBER, "3.00");
    const struct sfx_cell ten = kind_cell(SFX_CELL_JSON_NUMBER, "10");
    const struct sfx_cell half = kind_cell(SFX_CELL_JSON_NUMBER, "2.5");
    const struct sfx_cell wide = kind_cell(SFX_CELL_JSON_NUMBER, "12345678901234");

    (void)state;
    assert_int_equal(type_of_cells(scaled, ten), SFX_TYPE_DECIMAL);
    assert_int_equal(type_of_cells(ten, scaled), SFX_TYPE_DECIMAL);
    assert_int_equal(type_of_cells(scaled, half), SFX_TYPE_DECIMAL);
    assert_int_equal(type_of_cells(ten, half), SFX_TYPE_NUMERIC);
    assert_int_equal(type_of_cells(scaled, wide), SFX_TYPE_TEXT); /* 14 + 2 digits */
    assert_int_equal(type_of_cells(wide, scaled), SFX_TYPE_TEXT);
    assert_int_equal(type_of_cells(scaled, csv_cell("10")), SFX_TYPE_TEXT);
}

static void columns_that_come_later_are_columns(void **state)
{
    static const char *const first[] = {"a", "b", NULL};
    static const char *const later[] = {"a", "b", "late", NULL};
    struct sfx_infer infer = {0};
    struct sfx_batch batch;

    (void)state;
    make_batch(&batch, first, 1);
    batch.columns[0].cells[0] = csv_cell("1");
    batch.columns[1].cells[0] = csv_cell("x");
    assert_int_equal(sfx_infer_batch(&infer, &batch, NULL), 0);
    sfx_batch_done(&batch);
    make_batch(&batch, later, 1);
    batch.columns[2].cells[0] = csv_cell("7");
    assert_int_equal(sfx_infer_batch(&infer, &batch, NULL), 0);
    sfx_batch_done(&batch);
    sfx_infer_finish(&infer);
    assert_int_equal(infer.schema.ncols, 3);
    assert_memory_equal(infer.schema.columns[2].name.ptr, "late", 4);
    assert_int_equal(infer.schema.columns[2].type, SFX_TYPE_INTEGER);
    sfx_infer_reset(&infer);
    assert_int_equal(infer.schema.ncols, 0);
    sfx_infer_done(&infer);
}

/* A deterministic stream of spellings of numbers, plain and odd. */
static void spell(char *out, size_t cap)
{
    static const char *const signs[] = {"", "", "", "-", "-"};
    int digits = 1 + rand() % 19, point = rand() % 3 ? rand() % 20 : -1, i, n;

    n = snprintf(out, cap, "%s", signs[rand() % 5]);
    for (i = 0; i < digits; i++) {
        if (i == point && i > 0)
            out[n++] = '.';
        out[n++] = (char)('0' + (rand() % 4 == 0 ? 0 : rand() % 10));
    }
    out[n] = '\0';
    if (rand() % 8 == 0)
        (void)snprintf(out + n, cap - (size_t)n, "e%+03d", rand() % 600 - 300);
}

/* Stores text by its form in a column of that type and prints it again. */
static void check_comes_back(sqlite3 *db, const char *text, unsigned form, const char *table)
{
    char sql[128];
    struct sfx_exact num;
    sqlite3_stmt *stmt;

    sfx_exact_scan(sfx_slice_str(text), &num);
    if ((num.forms & form) == 0)
        return;
    (void)snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES(?1) RETURNING c", table);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    if (num.forms & SFX_EXACT_INTEGER)
        (void)sqlite3_bind_int64(stmt, 1, sfx_exact_int64(&num));
    else
        (void)sqlite3_bind_double(stmt, 1, sfx_exact_double(&num, sfx_slice_str(text)));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    if (form == SFX_EXACT_DECIMAL) {
        (void)snprintf(sql, sizeof(sql), "%.*f", (int)num.scale, sqlite3_column_double(stmt, 0));
        assert_string_equal(sql, text);
    } else {
        assert_string_equal((const char *)sqlite3_column_text(stmt, 0), text);
    }
    (void)sqlite3_finalize(stmt);
}

static void sqlite_prints_back_what_is_typed(void **state)
{
    char text[64];
    sqlite3 *db;
    int i;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TABLE i(c INTEGER);CREATE TABLE d(c DECIMAL);"
                                  "CREATE TABLE r(c REAL);CREATE TABLE n(c NUMERIC);",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    srand(7);
    for (i = 0; i < 100000; i++) {
        spell(text, sizeof(text));
        check_comes_back(db, text, SFX_EXACT_INTEGER, "i");
        check_comes_back(db, text, SFX_EXACT_DECIMAL, "d");
        check_comes_back(db, text, SFX_EXACT_REAL, "r");
        check_comes_back(db, text, SFX_EXACT_NUMERIC, "n");
    }
    (void)sqlite3_close(db);
}

static void doubles_carry_what_they_print(void **state)
{
    static const char *const carried[] = {"0",
                                          "1",
                                          "-1.50",
                                          "0.30000000000000004",
                                          "1e5",
                                          "5e-324",
                                          "2.2250738585072014e-308",
                                          "1.7976931348623157e308",
                                          "100000000000000000000",
                                          "0.1",
                                          "3.141592653589793"};
    static const char *const lost[] = {"",
                                       "x",
                                       "+1",
                                       "01",
                                       "1.",
                                       ".5",
                                       "1e999",
                                       "0.1234567890123456789",
                                       "9007199254740993",
                                       "123456789012345678",
                                       "1 "};
    double value;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
        if (!sfx_exact_fits_double(sfx_slice_str(carried[i]), &value))
            fail_msg("%s is refused", carried[i]);
        assert_true(value == strtod(carried[i], NULL));
    }
    for (i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
        if (sfx_exact_fits_double(sfx_slice_str(lost[i]), &value))
            fail_msg("%s is taken", lost[i]);
    }
}

/* The column is a time of microseconds, whatever digits a clock's time happens to end with. */
static void rows_are_loaded_at_any_time(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = {
        {1785312000000000000, "2026-07-29T08:00:00.000000Z"},
        {1785312000250000000, "2026-07-29T08:00:00.250000Z"},
        {1785312000000250000, "2026-07-29T08:00:00.000250Z"},
        {1785312000999999999, "2026-07-29T08:00:00.999999Z"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct sfx_load load = {.started_ns = times[i].ns, .result.name = "a.csv"};
        struct sfx_err err;

        assert_int_equal(sfx_load_lineage_begin(&load, &err), 0);
        assert_string_equal(sfx_buf_cstr(&load.when, &err), times[i].text);
        sfx_buf_done(&load.when);
        sfx_buf_done(&load.whence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_integers_are_integers),
        cmocka_unit_test(what_a_number_would_change_is_text),
        cmocka_unit_test(decimals_of_one_scale_are_decimals),
        cmocka_unit_test(decimals_of_different_scales_are_real_or_numeric),
        cmocka_unit_test(times_of_one_style_are_times),
        cmocka_unit_test(times_that_would_not_come_back_are_text),
        cmocka_unit_test(one_odd_value_among_thousands_counts),
        cmocka_unit_test(json_kinds_decide),
        cmocka_unit_test(json_numbers_count_by_value),
        cmocka_unit_test(columns_that_come_later_are_columns),
        cmocka_unit_test(sqlite_prints_back_what_is_typed),
        cmocka_unit_test(doubles_carry_what_they_print),
        cmocka_unit_test(rows_are_loaded_at_any_time),
    };

    return cmocka_run_group_tests_name("sink_infer", tests, NULL, NULL);
}
