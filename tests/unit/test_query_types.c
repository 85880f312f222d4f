/* SPDX-License-Identifier: MIT */
/* Numbers, floats, casts and arguments: decimals and floats agree with the machine's, types hold
 * over stages, what cannot be is refused. */
#include "query_table.h"
#include "random.h"
#include "value/float64.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t random_int(void)
{
    return (int64_t)(next_random() >> (2 + next_random() % 60)) * (next_random() % 2 ? 1 : -1);
}

static void decimals_are_exact(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 200000; i++) {
        struct sfx_decimal a = {random_int(), 0}, b = {random_int(), 0}, out;
        uint32_t scale = (uint32_t)(next_random() % 7);

        a.scale = b.scale = scale;
        assert_int_equal(sfx_decimal_add(&a, &b, &out), SFX_DECIMAL_OK);
        assert_true(out.mant == (__int128)a.mant + b.mant && out.scale == scale);
        assert_int_equal(sfx_decimal_mul(&a, &b, &out), SFX_DECIMAL_OK);
        while (out.scale < 2 * scale) {
            out.mant *= 10;
            out.scale++;
        }
        assert_true(out.mant == (__int128)a.mant * b.mant);
        assert_int_equal(sfx_decimal_cmp(&a, &b), (a.mant > b.mant) - (a.mant < b.mant));
        if (b.mant != 0) {
            assert_int_equal(sfx_decimal_rem(&a, &b, &out), SFX_DECIMAL_OK);
            assert_true(out.mant == a.mant % b.mant);
        }
    }
}

/* Rounding to tens by 128-bit arithmetic. */
static void every_rounding_is_what_it_says(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 200000; i++) {
        struct sfx_decimal a = {random_int() % 10000, 1}, out;
        int64_t m = (int64_t)a.mant, floor10 = m / 10 - (m % 10 < 0), rest = m - floor10 * 10;
        int64_t expected[] = {
            [SFX_ROUND_HALF_AWAY] = floor10 + (m < 0 ? rest > 5 : rest >= 5),
            [SFX_ROUND_HALF_EVEN] = floor10 + (rest > 5 || (rest == 5 && floor10 % 2 != 0)),
            [SFX_ROUND_ZERO] = m / 10,
            [SFX_ROUND_FLOOR] = floor10,
            [SFX_ROUND_CEIL] = floor10 + (rest > 0),
        };
        size_t r;

        for (r = 0; r < SFX_COUNT(expected); r++) {
            assert_int_equal(sfx_decimal_round(&a, 0, (enum sfx_decimal_rounding)r, &out),
                             SFX_DECIMAL_OK);
            assert_int_equal((int64_t)out.mant, expected[r]);
        }
    }
}

static double random_float(void)
{
    uint64_t bits = next_random();
    double value;

    if (next_random() % 4 == 0)
        return (double)random_int() / (double)(1 + next_random() % 1000);
    memcpy(&value, &bits, sizeof(value));
    return isfinite(value) ? value + 0.0 : 0;
}

/* The least number of digits that reads back, by trying all. */
static int shortest_digits(double value)
{
    char text[40];
    int digits = 1;

    for (; digits < 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return digits;
}

static void floats_are_written_shortest_and_read_back(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        char text[SFX_FLOAT_TEXT_NBYTES + 1], *p;
        double value = random_float(), back;
        size_t len = sfx_float_format(value, text);
        int digits = 0, zeros = 0;

        text[len] = '\0';
        assert_int_equal(sfx_float_parse(sfx_slice(text, len), &back), SFX_DECIMAL_OK);
        if (back != value)
            fail_msg("%.17g is written %s", value, text);
        assert_true(strtod(text, NULL) == value);
        for (p = text; *p != '\0' && *p != 'e'; p++) {
            if (*p < '0' || *p > '9' || (digits == 0 && *p == '0'))
                continue;
            zeros = *p == '0' ? zeros + 1 : 0;
            digits++;
        }
        assert_true(digits - zeros <= shortest_digits(value));
    }
}

static void decimals_become_the_nearest_floats(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        struct sfx_decimal value = {random_int(), (uint32_t)(next_random() % 30)};
        char text[SFX_DECIMAL_TEXT_NBYTES + 1];

        if (next_random() % 4 == 0)
            value.mant *= 1000000007;
        text[sfx_decimal_format(&value, text)] = '\0';
        assert_true(sfx_float_from_decimal(&value) == strtod(text, NULL));
    }
}

static void texts_that_are_no_float_are_refused(void **state)
{
    static const char *const bad[] = {"",    "-",        ".",    "e5",  "1e",   "1e+",
                                      "nan", "inf",      "0x10", " 1",  "1 ",   "1_000",
                                      "1,5", "infinity", "1e5x", "--1", "1.2.3"};
    double value;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(bad); i++)
        assert_int_equal(sfx_float_parse(sfx_slice_str(bad[i]), &value), SFX_DECIMAL_NOT_A_NUMBER);
    assert_int_equal(sfx_float_parse(SFX_SLICE_LIT("1e400"), &value), SFX_DECIMAL_OVERFLOW);
    assert_int_equal(sfx_float_parse(SFX_SLICE_LIT("1e-400"), &value), SFX_DECIMAL_OK);
    assert_true(value == 0);
    assert_int_equal(sfx_float_parse(SFX_SLICE_LIT("-0"), &value), SFX_DECIMAL_OK);
    assert_false(signbit(value));
}

static void a_sum_of_floats_does_not_drift(void **state)
{
    struct sfx_float_sum sum = {0};
    int i;

    (void)state;
    for (i = 0; i < 1000000; i++)
        sfx_float_sum_add(&sum, 0.1);
    assert_true(sfx_float_sum_total(&sum) == 100000);
    sum = (struct sfx_float_sum){0};
    sfx_float_sum_add(&sum, 1);
    sfx_float_sum_add(&sum, 1e100);
    sfx_float_sum_add(&sum, 1);
    sfx_float_sum_add(&sum, -1e100);
    assert_true(sfx_float_sum_total(&sum) == 2);
}

/* --- in programs -------------------------------------------------------------------------------
 */

static const struct sfx_program_arg args[] = {
    {SFX_SLICE_LIT("min"), SFX_SLICE_LIT("9")},
    {SFX_SLICE_LIT("name"), SFX_SLICE_LIT("x | head 1 # \"")},
    {SFX_SLICE_LIT("zip"), SFX_SLICE_LIT("00501")},
    {SFX_SLICE_LIT("since"), SFX_SLICE_LIT("2026-01-02")},
    {SFX_SLICE_LIT("name"), SFX_SLICE_LIT("b")},
};
static const struct sfx_program_opts opts = {.args = args, .nargs = SFX_COUNT(args)};

static void floats_are_a_type_of_programs(void **state)
{
    static const struct query_example examples[] = {
        {"y = float(a) + b | select y", "a,b\n0.1,0.2\n,1\n", "y\n0.30000000000000004\n\"\"\n"},
        {"y = a + b | select y", "a,b\n0.1,0.2\n", "y\n0.3\n"},
        {"where float(a) > float(\"1e300\")", "a\n1e301\n5\n", "a\n1e301\n"},
        {"y = float(a) | sort -y | select a", "a\n2\n\n-1e10\n0.5\n1e5\n",
         "a\n1e5\n2\n0.5\n-1e10\n\"\"\n"},
        {"group k = float(a): n = count(), s = sum(float(b)), m = mean(float(b)), x = "
         "max(float(b))",
         "a,b\n1.0,2\n1,0.5\n1e0,\n", "k,n,s,m,x\n1,3,2.5,1.25,2\n"},
        {"y = float(a)", "a\nabc\n", "!is not a number"},
        {"y = float(a) * 10", "a\n1e308\n", "!beyond a float"},
        {"y = float(a) / 0", "a\n1\n", "!division by zero"},
        {"y = sqrt(a)", "a\n-1\n", "!not a number"},
        {"y = ln(a)", "a\n0\n", "!beyond a float"},
        {"y = if(a > 1, float(a), a + 1) | select y", "a\n1\n3\n", "y\n2\n3\n"},
        {"y = round(float(a), 2), z = floor(float(a)), w = abs(float(a)) | select y, z, w",
         "a\n-2.345\n1e300\n", "y,z,w\n-2.35,-3,2.345\n1e300,1e300,1e300\n"},
        {"y = float(a) + 0", "{\"a\":1.5}\n", "{\"a\":1.5,\"y\":1.5}\n"},
        {"y = pow(a, 0.5), z = pow(a, 3), w = pow(a, -1) | select y, z, w", "a\n4\n",
         "y,z,w\n2,64,0.25\n"},
        {"y = pow(10, 40)", "a\n4\n", "!38 digits"},
        {"y = pow(a, b)", "a,b\n4,0.5\n", "!float(x)"},
        {"y = float(a) in (0.5, 2) | select y", "a\n0.50\n3\n", "y\ntrue\nfalse\n"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

static void casts_hold_over_stages(void **state)
{
    static const struct query_example examples[] = {
        {"cast a int, b bool, c text, d decimal, e float, f time, g date",
         "a,b,c,d,e,f,g\n1.0,yes,007,1.50,0.10,2026-01-05 "
         "10:00,2026-01-05T23:00:00-08:00\n,,,,,,\n",
         "a,b,c,d,e,f,g\n1,true,007,1.50,0.1,2026-01-05 10:00,2026-01-05\n,false,,,,,\n"},
        {"cast a number | sort a", "a\n10\n9\n", "a\n9\n10\n"},
        {"cast a number | where a = b", "a,b\n1.0,1\n1,2\n", "a,b\n1.0,1\n"},
        {"cast d date \"%d.%m.%Y\" | sort d | select d", "d\n02.01.2026\n01.02.2026\n",
         "d\n2026-01-02\n2026-02-01\n"},
        {"cast a? int", "a\n1.5\nx\n2\n", "a\n\"\"\n\"\"\n2\n"},
        {"cast a int", "a\n1.5\n", "!\"1.5\" is not a whole number"},
        {"cast a bool", "a\nmaybe\n", "!neither true nor false"},
        {"cast a integer", "a\n1\n", "!there is no type integer"},
        {"cast a int \"%d\"", "a\n1\n", "!only time and date"},
        {"cast b int", "a\n1\n", "!there is no column b"},
        {"cast a int, b date", "{\"a\":\"5\",\"b\":\"2026-01-05\"}\n{\"a\":null}\n",
         "{\"a\":5,\"b\":\"2026-01-05\"}\n{\"a\":null,\"b\":null}\n"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

static void arguments_are_values_and_never_program_text(void **state)
{
    static const struct query_example examples[] = {
        {"where a > :min", "a\n10\n9\n8\n", "a\n10\n"},
        {"where a = :zip", "a\n501\n00501\n", "a\n00501\n"},
        {"where num(a) = :min", "a\n9.0\n10\n", "a\n9.0\n"},
        {"where ts >= time(:since)", "ts\n2026-01-01T23:00\n2026-01-02T01:00\n",
         "ts\n2026-01-02T01:00\n"},
        {"y = :name", "a\n1\n", "a,y\n1,b\n"},
        {"where a ~ :name", "a\nabc\nxyz\n", "a\nabc\n"},
        {"y = :mim", "a\n1\n", "!did you mean min?"},
        {"y = :5", "a\n1\n", "!':' is followed by the name"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

static void numbers_have_their_functions(void **state)
{
    static const struct query_example examples[] = {
        {"d = div(a, b), m = mod(a, b), r = a % b | select d, m, r",
         "a,b\n7,2\n-7,2\n7,-2\n-7,-2\n5.5,2\n0.3,0.1\n",
         "d,m,r\n3,1,1\n-4,1,-1\n-4,-1,1\n3,-1,-1\n2,1.5,1.5\n3,0.0,0.0\n"},
        {"y = mod(a, 0)", "a\n1\n", "!division by zero"},
        {"e = round_half_even(a), t = trunc(a), s = sign(a) | select e, t, s",
         "a\n0.5\n1.5\n-2.5\n-2.51\n", "e,t,s\n0,0,1\n2,1,1\n-2,-2,-1\n-3,-2,-1\n"},
        {"l = least(a, b), g = greatest(a, b), c = clamp(a, 1, 5) | select l, g, c",
         "a,b\n10,9\n,3\n-1,0\n", "l,g,c\n9,10,5\n3,3,\n-1,0,1\n"},
        {"y = greatest(text(a), b) | select y", "a,b\n10,9\n", "y\n9\n"},
        {"y = from_base(a, 16), z = to_base(y, 2) | select y, z", "a\nff\n-0x10\n\n",
         "y,z\n255,11111111\n-16,-10000\n,\n"},
        {"y = from_base(a, 8)", "a\n8\n", "!not a number of that base"},
        {"y = from_base(a, 37)", "a\n8\n", "!a base is 2 to 36"},
        {"y = 5m + 1h30m + 250ms + 2w + 1.5d | select y", "a\n1\n", "y\n1344900.250\n"},
        {"y = 5x", "a\n1\n", "!5x is not a number"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

static void numbers_of_people_are_read_with_care(void **state)
{
    static const struct query_example examples[] = {
        {"y = parse_number(a) | select y",
         "a\n\"1,234.5\"\n\"$1,299.00\"\n(5.00)\n5-\n12 %\n\"-$3\"\n\"1 234 567\"\n\"12,34,567\"\n"
         "\xE2\x82\xAC 5\n5 EUR\n1_000\n.5\n\n1'000\n",
         "y\n1234.5\n1299.00\n-5.00\n-5\n0.12\n-3\n1234567\n1234567\n5\n5\n1000\n0."
         "5\n\"\"\n1000\n"},
        {"y = parse_number(a, \",\") | select y", "a\n\"1.234,50\"\n\"1234,5\"\n",
         "y\n1234.50\n1234.5\n"},
        {"y = parse_number(a)", "a\n\"1,5\"\n", "!is not a number"},
        {"y = parse_number(a)", "a\n\"1,234,5\"\n", "!is not a number"},
        {"y = parse_number(a)", "a\n\"1234,567\"\n", "!is not a number"},
        {"y = parse_number(a)", "a\n\"1,234 567\"\n", "!is not a number"},
        {"y = parse_number(a)", "a\n\"12 apples\"\n", "!is not a number"},
        {"y = parse_number(a)", "a\n\"--5\"\n", "!is not a number"},
        {"y = parse_number(a)", "a\n$\n", "!is not a number"},
        {"y = num(a)", "a\n\"1,234.5\"\n", "!is not a number"},
        {"y = parse_size(a) | select y", "a\n1.5GiB\n10 kB\n10KB\n1Ki\n12\n12 B\n0.5k\n\n",
         "y\n1610612736\n10000\n10000\n1024\n12\n12\n500\n\"\"\n"},
        {"y = parse_size(a)", "a\n5 XB\n", "!is not a size"},
        {"y = parse_size(a)", "a\n-5\n", "!is not a size"},
        {"y = format_size(a), z = format_size(a, \"si\") | select y, z",
         "a\n0\n1023\n1024\n1048575\n1500000\n1e30\n",
         "y,z\n0B,0B\n1023B,1kB\n1KiB,1kB\n1MiB,1MB\n1.4MiB,1.5MB\n867361737988.4EiB,"
         "1000000000000EB\n"},
        {"y = format_number(a, 2), z = format_number(a, 0, \" \", \",\") | select y, z",
         "a\n1234567.895\n-999\n-1000\n0.001\n",
         "y,z\n\"1,234,567.90\",1 234 568\n-999.00,-999\n\"-1,000.00\",-1 000\n0.00,0\n"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

static void choices_ask_only_what_they_need(void **state)
{
    static const struct query_example examples[] = {
        {"y = case(a < 1, \"small\", a < 10, \"middle\", \"large\") | select y", "a\n0\n5\n50\n",
         "y\nsmall\nmiddle\nlarge\n"},
        {"y = case(a = 0, 0, a > 0, 10 / a) | select y", "a\n0\n5\n-1\n", "y\n0\n2\n\"\"\n"},
        {"y = nullif(a, 0) | select y", "a\n0.00\n5\nabc\n", "y\n\"\"\n5\nabc\n"},
        {"y = nullif(a, \"N/A\", \"-\") ?? \"none\" | select y", "a\nN/A\n-\nx\n",
         "y\nnone\nnone\nx\n"},
        {"n = is_number(a), i = is_int(a), t = is_time(a), b = is_blank(a), z = is_null(a) | drop "
         "a",
         "a\n1.50\n1.0\n2026-01-05\n\" \"\n\n",
         "n,i,t,b,z\ntrue,false,false,false,false\ntrue,true,false,false,false\n"
         "false,false,true,false,false\nfalse,false,false,true,false\nfalse,false,false,true,"
         "false\n"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_exact),
        cmocka_unit_test(every_rounding_is_what_it_says),
        cmocka_unit_test(floats_are_written_shortest_and_read_back),
        cmocka_unit_test(decimals_become_the_nearest_floats),
        cmocka_unit_test(texts_that_are_no_float_are_refused),
        cmocka_unit_test(a_sum_of_floats_does_not_drift),
        cmocka_unit_test(floats_are_a_type_of_programs),
        cmocka_unit_test(casts_hold_over_stages),
        cmocka_unit_test(arguments_are_values_and_never_program_text),
        cmocka_unit_test(numbers_have_their_functions),
        cmocka_unit_test(numbers_of_people_are_read_with_care),
        cmocka_unit_test(choices_ask_only_what_they_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
