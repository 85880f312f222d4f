/* SPDX-License-Identifier: MIT */
/* Decimals: exact results, stated roundings, an order for sorting. */
#include "base/size.h"
#include "value/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct sfx_decimal dec(const char *text)
{
    struct sfx_decimal value = {0};

    assert_int_equal(sfx_decimal_parse(sfx_slice_str(text), &value), SFX_DECIMAL_OK);
    return value;
}

static void assert_text(const struct sfx_decimal *value, const char *expected)
{
    char text[SFX_DECIMAL_TEXT_NBYTES + 1];

    text[sfx_decimal_format(value, text)] = '\0';
    assert_string_equal(text, expected);
}

static void numbers_are_read_and_written_in_canonical_form(void **state)
{
    static const char *const pairs[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"007", "7"},
        {"+5", "5"},
        {"1.50", "1.50"},
        {".5", "0.5"},
        {"5.", "5"},
        {"-.25", "-0.25"},
        {"1e5", "100000"},
        {"1.5E+3", "1500"},
        {"12e-3", "0.012"},
        {"1e0", "1"},
        {"100e-1", "10.0"},
        {"0e99999", "0"},
        {"9007199254740993", "9007199254740993"},
        {"18446744073709551616", "18446744073709551616"},
        {"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
        {"-0.00000000000000000000000000000000000001", "-0.00000000000000000000000000000000000001"},
        {"00000000000000000000000000000000000000000000001.5", "1.5"},
        {"1e37", "10000000000000000000000000000000000000"},
        {"1000e-40", "0.00000000000000000000000000000000000010"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(pairs); i++) {
        struct sfx_decimal value = dec(pairs[i][0]);

        assert_text(&value, pairs[i][1]);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {"",     "-",     ".",     "+.",   "abc",   "1a",   "1 ",
                                        " 1",   "1,000", "1_000", "0x1F", "1.2.3", "1e",   "1e+",
                                        "1e5x", "--1",   "NaN",   "inf",  "e5",    "1e5.0"};
    struct sfx_decimal value;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(texts); i++)
        assert_int_equal(sfx_decimal_parse(sfx_slice_str(texts[i]), &value),
                         SFX_DECIMAL_NOT_A_NUMBER);
}

static void more_than_38_digits_overflow_and_are_never_rounded(void **state)
{
    static const char *const texts[] = {"100000000000000000000000000000000000000",
                                        "1e38",
                                        "0.000000000000000000000000000000000000001",
                                        "1e-39",
                                        "1e999999999999",
                                        "1e-999999999999",
                                        "1.23456789012345678901234567890123456789"};
    struct sfx_decimal value, big = dec("99999999999999999999999999999999999999"), one = dec("1");
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(texts); i++)
        assert_int_equal(sfx_decimal_parse(sfx_slice_str(texts[i]), &value), SFX_DECIMAL_OVERFLOW);
    assert_int_equal(sfx_decimal_add(&big, &one, &value), SFX_DECIMAL_OVERFLOW);
    assert_int_equal(sfx_decimal_mul(&big, &big, &value), SFX_DECIMAL_OVERFLOW);
    assert_int_equal(sfx_decimal_sub(&one, &big, &value), SFX_DECIMAL_OK);
    assert_int_equal(sfx_decimal_sub(&value, &one, &value), SFX_DECIMAL_OK);
    assert_int_equal(sfx_decimal_sub(&value, &one, &value), SFX_DECIMAL_OVERFLOW);
}

typedef enum sfx_decimal_result operation(const struct sfx_decimal *, const struct sfx_decimal *,
                                          struct sfx_decimal *);

static void arithmetic_is_exact_and_keeps_the_stated_scale(void **state)
{
    static const struct {
        operation *op;
        const char *a, *b, *result;
    } cases[] = {
        {sfx_decimal_mul, "75.24", "12", "902.88"},
        {sfx_decimal_mul, "1.50", "2.00", "3.00"},
        {sfx_decimal_mul, "1.25", "1.1", "1.375"},
        {sfx_decimal_mul, "-0.5", "0.5", "-0.25"},
        {sfx_decimal_mul, "0", "99999999999999999999999999999999999999", "0"},
        {sfx_decimal_mul, "18446744073709551616", "10000000000000000000",
         "184467440737095516160000000000000000000"},
        {sfx_decimal_add, "0.1", "0.2", "0.3"},
        {sfx_decimal_add, "1.5", "1.25", "2.75"},
        {sfx_decimal_sub, "10", "0.01", "9.99"},
        {sfx_decimal_sub, "1.10", "1.1", "0.00"},
        {sfx_decimal_div, "10.00", "4", "2.50"},
        {sfx_decimal_div, "10", "5", "2"},
        {sfx_decimal_div, "1", "3", "0.333333333333333333"},
        {sfx_decimal_div, "2", "3", "0.666666666666666667"},
        {sfx_decimal_div, "-1", "3", "-0.333333333333333333"},
        {sfx_decimal_div, "1", "8", "0.125"},
        {sfx_decimal_div, "0.000000000000000001", "2", "0.000000000000000000"},
        {sfx_decimal_div, "0.000000000000000003", "2", "0.000000000000000002"},
        {sfx_decimal_div, "7", "18446744073709551616", "0"},
        {sfx_decimal_div, "36893488147419103232", "18446744073709551616", "2"},
        {sfx_decimal_rem, "7", "3", "1"},
        {sfx_decimal_rem, "-7", "3", "-1"},
        {sfx_decimal_rem, "7.5", "2", "1.5"},
    };
    struct sfx_decimal a, b, result;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        a = dec(cases[i].a);
        b = dec(cases[i].b);
        if (strlen(cases[i].result) > 38) {
            assert_int_equal(cases[i].op(&a, &b, &result), SFX_DECIMAL_OVERFLOW);
            continue;
        }
        assert_int_equal(cases[i].op(&a, &b, &result), SFX_DECIMAL_OK);
        assert_text(&result, cases[i].result);
    }
    a = dec("1");
    b = dec("0.00");
    assert_int_equal(sfx_decimal_div(&a, &b, &result), SFX_DECIMAL_DIV_BY_ZERO);
    assert_int_equal(sfx_decimal_rem(&a, &b, &result), SFX_DECIMAL_DIV_BY_ZERO);
}

static void a_million_dimes_are_a_hundred_thousand(void **state)
{
    struct sfx_decimal sum = dec("0"), dime = dec("0.10");
    int i;

    (void)state;
    for (i = 0; i < 1000000; i++)
        assert_int_equal(sfx_decimal_add(&sum, &dime, &sum), SFX_DECIMAL_OK);
    assert_text(&sum, "100000.00");
}

static void rounding_goes_as_stated(void **state)
{
    static const struct {
        const char *value;
        int digits;
        enum sfx_decimal_rounding rounding;
        const char *result;
    } cases[] = {
        {"2.5", 0, SFX_ROUND_HALF_AWAY, "3"},
        {"-2.5", 0, SFX_ROUND_HALF_AWAY, "-3"},
        {"2.449", 1, SFX_ROUND_HALF_AWAY, "2.4"},
        {"5", 2, SFX_ROUND_HALF_AWAY, "5.00"},
        {"1250", -2, SFX_ROUND_HALF_AWAY, "1300"},
        {"49", -2, SFX_ROUND_HALF_AWAY, "0"},
        {"1.005", 2, SFX_ROUND_HALF_AWAY, "1.01"},
        {"-1.2", 0, SFX_ROUND_FLOOR, "-2"},
        {"1.2", 0, SFX_ROUND_FLOOR, "1"},
        {"1.2", 0, SFX_ROUND_CEIL, "2"},
        {"-1.2", 0, SFX_ROUND_CEIL, "-1"},
        {"1.00", 0, SFX_ROUND_CEIL, "1"},
        {"-0.00000000000000000000000000000000000001", 0, SFX_ROUND_FLOOR, "-1"},
    };
    struct sfx_decimal value, result;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        value = dec(cases[i].value);
        assert_int_equal(sfx_decimal_round(&value, cases[i].digits, cases[i].rounding, &result),
                         SFX_DECIMAL_OK);
        assert_text(&result, cases[i].result);
    }
    value = dec("99999999999999999999999999999999999999");
    assert_int_equal(sfx_decimal_round(&value, 1, SFX_ROUND_HALF_AWAY, &result),
                     SFX_DECIMAL_OVERFLOW);
}

static int key_order(const struct sfx_decimal *a, const struct sfx_decimal *b)
{
    unsigned char ak[SFX_DECIMAL_KEY_NBYTES], bk[SFX_DECIMAL_KEY_NBYTES];
    size_t an = sfx_decimal_key(a, ak), bn = sfx_decimal_key(b, bk);
    int order = memcmp(ak, bk, an < bn ? an : bn);

    return order != 0 ? order : (an > bn) - (an < bn);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void comparison_and_keys_agree_on_the_order(void **state)
{
    static const char *const ascending[] = {
        "-99999999999999999999999999999999999999",
        "-1000000000000000000000.5",
        "-1000000000000000000000",
        "-10",
        "-9.99",
        "-1",
        "-0.5",
        "-0.00000000000000000000000000000000000001",
        "0",
        "0.00000000000000000000000000000000000001",
        "0.1",
        "0.10000000000000000001",
        "0.5",
        "1",
        "1.0000000000000001",
        "1.00000000000000011",
        "9.99",
        "10",
        "10.01",
        "12345678901234567890",
        "12345678901234567890.1",
        "12345678901234567891",
        "99999999999999999999999999999999999999",
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < SFX_COUNT(ascending); i++) {
        for (j = 0; j < SFX_COUNT(ascending); j++) {
            struct sfx_decimal a = dec(ascending[i]), b = dec(ascending[j]);
            int expected = (i > j) - (i < j);

            assert_int_equal(sign(sfx_decimal_cmp(&a, &b)), expected);
            assert_int_equal(sign(key_order(&a, &b)), expected);
        }
    }
}

static void equal_numbers_have_equal_keys_however_they_are_spelled(void **state)
{
    struct sfx_decimal a = dec("1.5"), b = dec("1.500"), c = dec("15e-1");

    (void)state;
    assert_int_equal(sfx_decimal_cmp(&a, &b), 0);
    assert_int_equal(key_order(&a, &b), 0);
    assert_int_equal(key_order(&a, &c), 0);
}

/* Random numbers: (a + b) - b is a, a * b / b is a, parse of format is the same. */
static void operations_undo_each_other(void **state)
{
    struct sfx_decimal a, b, sum, back;
    char text[SFX_DECIMAL_TEXT_NBYTES];
    int i;

    (void)state;
    srand(7);
    for (i = 0; i < 20000; i++) {
        a = (struct sfx_decimal){(int64_t)(((uint64_t)rand() << 31) ^ (uint64_t)rand()) - rand(),
                                 (uint32_t)rand() % 10};
        b = (struct sfx_decimal){rand() % 2000000 - 1000000, (uint32_t)rand() % 8};
        assert_int_equal(sfx_decimal_add(&a, &b, &sum), SFX_DECIMAL_OK);
        assert_int_equal(sfx_decimal_sub(&sum, &b, &back), SFX_DECIMAL_OK);
        assert_int_equal(sfx_decimal_cmp(&a, &back), 0);
        assert_int_equal(sfx_decimal_parse(sfx_slice(text, sfx_decimal_format(&sum, text)), &back),
                         SFX_DECIMAL_OK);
        assert_true(back.mant == sum.mant && back.scale == sum.scale);
        if (b.mant == 0)
            continue;
        assert_int_equal(sfx_decimal_mul(&a, &b, &sum), SFX_DECIMAL_OK);
        assert_int_equal(sfx_decimal_div(&sum, &b, &back), SFX_DECIMAL_OK);
        assert_int_equal(sfx_decimal_cmp(&a, &back), 0);
        assert_int_equal(sign(sfx_decimal_cmp(&a, &b)), sign(key_order(&a, &b)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_and_written_in_canonical_form),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(more_than_38_digits_overflow_and_are_never_rounded),
        cmocka_unit_test(arithmetic_is_exact_and_keeps_the_stated_scale),
        cmocka_unit_test(a_million_dimes_are_a_hundred_thousand),
        cmocka_unit_test(rounding_goes_as_stated),
        cmocka_unit_test(comparison_and_keys_agree_on_the_order),
        cmocka_unit_test(equal_numbers_have_equal_keys_however_they_are_spelled),
        cmocka_unit_test(operations_undo_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
