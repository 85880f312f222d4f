/* SPDX-License-Identifier: MIT */
/* Times: the calendar and the zones agree with the C library, ISO 8601 and formats read what is
 * right and refuse what is not, and no order of sorting differs from the order of comparing. */
#include "query/sort_key_internal.h"
#include "query_table.h"
#include "random.h"
#include "value/time_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Seconds of the years 1 to 9998. */
static int64_t random_seconds(void)
{
    const int64_t first = -62135596800, span = 315506016000;

    return first + (int64_t)(next_random() % (uint64_t)span);
}

static void the_calendar_is_that_of_the_c_library(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        time_t s = random_seconds();
        struct sfx_timestamp t;
        struct sfx_civil c;
        struct tm tm;
        char text[32];
        int year, week, weekday;

        assert_true(sfx_timestamp_set((sfx_int128)s * SFX_NS_PER_S,
                                      (struct sfx_time_style){.form = SFX_TIME_INSTANT}, NULL, &t));
        c = sfx_timestamp_civil(&t);
        assert_non_null(gmtime_r(&s, &tm));
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour * 3600 + c.minute * 60 + c.second,
                         tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
        assert_int_equal(sfx_civil_to_days(c.year, c.month, c.day),
                         (s - (c.hour * 3600 + c.minute * 60 + c.second)) / 86400);
        assert_int_equal(sfx_year_day(&c), tm.tm_yday + 1);
        sfx_iso_week(&c, &year, &week, &weekday);
        (void)strftime(text, sizeof(text), "%G %V %u", &tm);
        assert_int_equal(year, strtol(text, NULL, 10));
        assert_int_equal(week, strtol(strchr(text, ' '), NULL, 10));
        assert_int_equal(weekday, strtol(strrchr(text, ' '), NULL, 10));
    }
}

static void iso_text_reads_back_as_what_was_written(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        struct sfx_time_style style = {
            .form = (enum sfx_time_form)(next_random() % 3),
            .digits = (uint8_t)(next_random() % 10),
            .space = next_random() % 2,
        };
        sfx_int128 ns = (sfx_int128)random_seconds() * SFX_NS_PER_S;
        char text[SFX_TIMESTAMP_TEXT_NBYTES], again[SFX_TIMESTAMP_TEXT_NBYTES];
        struct sfx_timestamp t, back;
        size_t len;

        if (style.form == SFX_TIME_INSTANT)
            style.offset_s = (int32_t)(next_random() % (28 * 4)) * 900 - 14 * 3600;
        if (style.form != SFX_TIME_DATE)
            ns += (int64_t)(next_random() % SFX_NS_PER_S);
        assert_true(sfx_timestamp_set(ns, style, NULL, &t));
        len = sfx_timestamp_format(&t, text);
        assert_null(sfx_timestamp_parse(sfx_slice(text, len), NULL, &back));
        assert_true(back.ns == t.ns);
        assert_int_equal(sfx_timestamp_format(&back, again), len);
        assert_memory_equal(text, again, len);
    }
}

/* Whether parsing and writing gives text back, and its style. */
static bool comes_back(struct sfx_slice text, struct sfx_time_style *style)
{
    char again[SFX_TIMESTAMP_TEXT_NBYTES];
    struct sfx_timestamp t;

    if (sfx_timestamp_parse(text, NULL, &t) != NULL)
        return false;
    *style = sfx_time_style_unpack(t.style);
    return sfx_slice_eq(sfx_slice(again, sfx_timestamp_format(&t, again)), text);
}

static void plain_texts_are_those_that_come_back(void **state)
{
    static const char bytes[] = "0123456789-:.,TtZz +";
    int i, nplain = 0;

    (void)state;
    for (i = 0; i < 300000; i++) {
        struct sfx_time_style style = {.form = (enum sfx_time_form)(next_random() % 3),
                                       .digits = (uint8_t)(next_random() % 10),
                                       .space = next_random() % 2,
                                       .zulu = true};
        char text[SFX_TIMESTAMP_TEXT_NBYTES];
        struct sfx_timestamp t;
        uint32_t packed;
        size_t len;
        bool plain;

        assert_true(
            sfx_timestamp_set((sfx_int128)random_seconds() * SFX_NS_PER_S, style, NULL, &t));
        len = sfx_timestamp_format(&t, text);
        if (next_random() % 4 != 0)
            text[next_random() % len] = bytes[next_random() % (sizeof(bytes) - 1)];
        if (next_random() % 8 == 0)
            len = next_random() % (len + 1);
        plain = sfx_timestamp_is_plain(sfx_slice(text, len), &packed);
        nplain += plain;
        if (!comes_back(sfx_slice(text, len), &style)) {
            assert_false(plain);
            continue;
        }
        if (plain)
            assert_int_equal(packed, sfx_time_style_pack(&style));
        assert_true(plain || style.minutes || (style.form == SFX_TIME_INSTANT && !style.zulu));
    }
    assert_true(nplain > 50000);
}

static void texts_that_are_no_time_are_refused(void **state)
{
    static const char *const good[] = {
        "0000-01-01",
        "9999-12-31T23:59:59.999999999Z",
        "2024-02-29",
        "2000-02-29",
        "2026-01-05T10:00",
        "2026-01-05 10:00:00,5",
        "2026-01-05t10:00:00z",
        "2026-01-05T10:00:00+0530",
        "2026-01-05T10:00:00-08",
        "2016-12-31T23:59:60Z",
        "2017-01-01T05:29:60+05:30",
        "2026-01-05T10:00:00.1234567890",
        "1937-01-01T12:00:27.87+00:20",
    };
    static const char *const bad[] = {
        "",
        "2026",
        "2026-01",
        "2026-1-5",
        "26-01-05",
        "2026-13-01",
        "2026-00-10",
        "2026-01-32",
        "2026-01-00",
        "2026-02-29",
        "1900-02-29",
        "2100-02-29",
        "2026-04-31",
        "2026-01-05T",
        "2026-01-05T1",
        "2026-01-05T10",
        "2026-01-05T24:00:00",
        "2026-01-05T10:60:00",
        "2026-01-05T10:00:61Z",
        "2026-01-05T10:00:60Z",
        "2026-01-05T10:00:00.",
        "2026-01-05X10:00:00",
        "2026-01-05T10:00:00+24:00",
        "2026-01-05T10:00:00+05:60",
        "2026-01-05T10:00:00 Z",
        "2026-01-05T10:00:00.1234567891",
        " 2026-01-05",
        "2026-01-05 ",
        "2026-01-05Z",
        "20260105",
        "2026/01/05",
        "0000-01-01T00:00:00+24:00",
        "-0001-01-01",
        "12026-01-05",
    };
    struct sfx_timestamp t;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(good); i++) {
        if (sfx_timestamp_parse(sfx_slice_str(good[i]), NULL, &t) != NULL)
            fail_msg("\"%s\" is a time", good[i]);
    }
    for (i = 0; i < SFX_COUNT(bad); i++) {
        if (sfx_timestamp_parse(sfx_slice_str(bad[i]), NULL, &t) == NULL)
            fail_msg("\"%s\" is no time", bad[i]);
    }
}

static void zones_are_those_of_the_c_library(void **state)
{
    static const char *const names[] = {
        "Europe/Berlin",     "America/New_York", "Asia/Kolkata",     "Australia/Lord_Howe",
        "Africa/Casablanca", "America/St_Johns", "Pacific/Apia",     "Europe/Dublin",
        "Asia/Tehran",       "Antarctica/Troll", "America/Sao_Paulo"};
    size_t z;
    int i;

    (void)state;
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0)
        skip();
    for (z = 0; z < SFX_COUNT(names); z++) {
        struct sfx_err err;
        struct sfx_zone *zone = sfx_zone_new(sfx_slice_str(names[z]), &err);

        assert_non_null(zone);
        (void)setenv("TZ", names[z], 1);
        tzset();
        for (i = 0; i < 20000; i++) { /* 1902 to 2500: before, glibc has no other data than we */
            time_t s = -2145916800 + (int64_t)(next_random() % 18870000000u);
            const char *abbreviation;
            struct tm tm;
            int64_t local, back;

            assert_non_null(localtime_r(&s, &tm));
            if (sfx_zone_offset(zone, s, &abbreviation) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", names[z], (long long)s,
                         sfx_zone_offset(zone, s, NULL), tm.tm_gmtoff);
            assert_string_equal(abbreviation, tm.tm_zone);
            local = s + tm.tm_gmtoff;
            back = sfx_zone_to_utc(zone, local);
            /* What clocks show once is that time; what they show twice, the first one. */
            assert_int_equal(back + sfx_zone_offset(zone, back, NULL), local);
            assert_true(back <= s);
        }
        sfx_zone_free(zone);
    }
    (void)unsetenv("TZ");
}

static void names_that_lead_out_of_the_database_are_no_zones(void **state)
{
    static const char *const bad[] = {
        "",           "/etc/passwd",    "../passwd", "Europe/../../../etc/passwd",
        "Europe",     "Europe/Berlin2", ".",         "Europe/Berlin\n",
        "posixrules/"};
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(bad); i++)
        assert_null(sfx_zone_new(sfx_slice_str(bad[i]), NULL));
}

/* Keys of two values of a type and their comparison agree. */
static void keys_of_values_order_as_they_compare(void **state)
{
    static const enum sfx_type types[] = {SFX_TYPE_NUMBER, SFX_TYPE_TIME, SFX_TYPE_FLOAT};
    struct sfx_decimal slots[2];
    uint8_t flags[2] = {0};
    size_t t;
    int i;

    (void)state;
    for (t = 0; t < SFX_COUNT(types); t++) {
        struct sfx_vec vec = {.type = types[t], .nums = slots, .flags = flags};

        for (i = 0; i < 200000; i++) {
            unsigned char keys[2][32];
            size_t len[2];
            int row, order, by_key;
            bool minus = next_random() % 2;

            for (row = 0; row < 2; row++) {
                int64_t r =
                    (int64_t)(next_random() >> (next_random() % 64)) * (next_random() % 2 ? 1 : -1);
                double f = (double)r / (double)(1 + next_random() % 1000);

                slots[row] = types[t] == SFX_TYPE_NUMBER
                                 ? (struct sfx_decimal){r, (uint32_t)(next_random() % 25)}
                             : types[t] == SFX_TYPE_TIME
                                 ? (struct sfx_decimal){(sfx_int128)(r >> 27) * 1000000007, 0}
                                 : sfx_float_slot(f);
                if (row == 1 && next_random() % 8 == 0)
                    slots[1] = slots[0];
                len[row] = sfx_sort_key_put(NULL, &vec, (uint32_t)row, minus, keys[row]);
                assert_true(len[row] <= sfx_sort_key_max_nbytes(&vec, (uint32_t)row));
                assert_true(keys[row][0] < 0xFF);
            }
            order = sfx_slot_cmp(types[t], &slots[0], &slots[1]);
            order = (order > 0) - (order < 0);
            by_key = memcmp(keys[0], keys[1], len[0] < len[1] ? len[0] : len[1]);
            by_key = by_key != 0 ? by_key : (len[0] > len[1]) - (len[0] < len[1]);
            by_key = (by_key > 0) - (by_key < 0);
            assert_int_equal(minus ? -by_key : by_key, order);
        }
    }
}

static const struct sfx_program_opts opts;

/* --- in programs -------------------------------------------------------------------------------
 */

static void times_are_a_type_of_programs(void **state)
{
    static const struct query_example examples[] = {
        {"where ts > @2026-01-05T11:00:00+01:00",
         "ts\n2026-01-05T10:00:00Z\n2026-01-05T10:00:01Z\n", "ts\n2026-01-05T10:00:01Z\n"},
        {"where ts = @2026-01-05", "ts\n2026-01-05 00:00\n2026-01-05T00:00:01\n",
         "ts\n2026-01-05 00:00\n"},
        {"y = time(ts) | sort y | select y",
         "ts\n2026-01-05T10:00:00+02:00\n\n2026-01-05 09:00:00\n2026-01-05T07:59:59.5Z\n",
         "y\n2026-01-05T07:59:59.5Z\n2026-01-05T10:00:00+02:00\n2026-01-05 09:00:00\n\"\"\n"},
        {"group t = time(ts): n = count()",
         "ts\n2026-01-05T10:00:00+02:00\n2026-01-05T08:00:00Z\n\n",
         "t,n\n2026-01-05T10:00:00+02:00,2\n,1\n"},
        {"group: a = min(time(ts)), b = max(time(ts)), n = count(time(ts))",
         "ts\n2026-01-05\n2026-01-04\n\n", "a,b,n\n2026-01-04,2026-01-05,2\n"},
        {"distinct ts", "ts\n2026-01-05\n2026-01-05\n", "ts\n2026-01-05\n"},
        {"cast ts time | sort -ts | head 1 | y = ts + 36h", "ts\n2026-01-05\n2026-01-06\n",
         "ts,y\n2026-01-06,2026-01-07T12:00:00\n"},
        {"y = time(ts) - 250ms | select y", "ts\n2026-01-05T10:00:00Z\n",
         "y\n2026-01-05T09:59:59.75Z\n"},
        {"y = @2026-03-01 - @2026-02-27 | select y", "x\n1\n", "y\n172800\n"},
        {"y = ts - @2026-01-01 | select y", "ts\n2026-01-01T00:00:00.000000001Z\n",
         "y\n0.000000001\n"},
        {"y = time(ts)? | select y", "ts\nyesterday\n2026-01-05\n", "y\n\"\"\n2026-01-05\n"},
        {"y = time(ts)", "ts\nyesterday\n", "!is not an ISO 8601 time"},
        {"y = @9999-12-31 + 1d", "x\n1\n", "!out of the years"},
        {"y = time(x) + 1e30", "x\n2026-01-01\n", "!out of the years"},
        {"y = time(x) > 5", "x\n1\n", "!a number is not a time"},
        {"y = @2026-01-01 + @2026-01-01", "x\n1\n", "!times take"},
        {"y = num(@2026-01-01)", "x\n1\n", "!epoch(x)"},
        {"y = @2026-02-30", "x\n1\n", "!is not an ISO 8601 time"},
        {"y = @2026-01-05+1h | select y", "x\n1\n", "y\n2026-01-05T01:00:00\n"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

static void clocks_that_change_have_a_rule(void **state)
{
    static const struct sfx_program_opts berlin = {.zone = "Europe/Berlin"};
    static const struct query_example examples[] = {
        /* skipped: later by what was skipped; shown twice: the first */
        {"y = epoch(ts) | select y", "ts\n2026-03-29T02:30:00\n2026-10-25T02:30:00\n",
         "y\n1774747800\n1792888200\n"},
        {"y = date_add(ts, 1, \"day\"), z = ts + 0 | select y", "ts\n2026-03-28T02:30:00\n",
         "!is not a number"},
        {"y = date_add(ts, 1, \"day\") | select y",
         "ts\n2026-03-28T02:30:00\n2026-10-24T12:00:00\n",
         "y\n2026-03-29T03:30:00\n2026-10-25T12:00:00\n"},
        {"y = time(ts) + 24h | select y", "ts\n2026-03-28T12:00:00\n2026-10-24T12:00:00\n",
         "y\n2026-03-29T13:00:00\n2026-10-25T11:00:00\n"},
        {"y = date(ts) + 1d, z = date(ts) + 1d - date(ts) | select y, z",
         "ts\n2026-03-29\n2026-10-25\n", "y,z\n2026-03-30,86400\n2026-10-26,86400\n"},
        {"y = date_trunc(ts, \"hour\") | select y",
         "ts\n2026-10-25T02:30:00+02:00\n2026-10-25T02:30:00+01:00\n",
         "y\n2026-10-25T02:00:00+02:00\n2026-10-25T02:00:00+01:00\n"},
        {"y = date_trunc(ts, \"day\", \"America/New_York\") | select y",
         "ts\n2026-03-08T12:00:00Z\n", "y\n2026-03-08T00:00:00-05:00\n"},
        {"y = to_zone(ts, z) | select y",
         "ts,z\n2026-01-01T00:00:00Z,Asia/"
         "Kolkata\n2026-01-01T00:00:00Z,UTC\n2026-01-01T00:00:00Z,-03:30\n",
         "y\n2026-01-01T05:30:00+05:30\n2026-01-01T00:00:00Z\n2025-12-31T20:30:00-03:30\n"},
        {"y = to_zone(ts, z)", "ts,z\n2026-01-01T00:00:00Z,Mars/Base\n", "!is no time zone"},
    };

    (void)state;
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0)
        skip();
    query_check(examples, SFX_COUNT(examples), &berlin);
}

static void the_calendar_has_its_odd_days(void **state)
{
    static const struct query_example examples[] = {
        {"y = date_add(x, n, u) | select y",
         "x,n,u\n2024-02-29,1,year\n2024-02-29,4,years\n2026-01-31,1,month\n2026-03-31,-1,month\n"
         "2026-11-30,1,quarter\n2026-12-31,1,day\n2026-12-28,1,week\n",
         "y\n2025-02-28\n2028-02-29\n2026-02-28\n2026-02-28\n2027-02-28\n2027-01-01\n2027-01-04\n"},
        {"y = date_diff(a, b, u) | select y",
         "a,b,u\n2026-02-28,2024-02-29,year\n2026-03-01,2024-02-29,year\n2026-03-31,2026-02-28,"
         "month\n"
         "2026-02-28,2026-03-31,month\n2026-01-02T00:00:00,2026-01-01T00:00:01,day\n"
         "2026-01-08,2026-01-01,week\n",
         "y\n1\n2\n1\n-1\n0\n1\n"},
        {"y = week(x), q = quarter(x), d = weekday(x), n = yearday(x) | select y, q, d, n",
         "x\n2020-12-31\n2021-01-03\n2021-01-04\n2024-12-30\n",
         "y,q,d,n\n2020-W53,2020-Q4,4,366\n2020-W53,2021-Q1,7,3\n2021-W01,2021-Q1,1,4\n"
         "2025-W01,2024-Q4,1,365\n"},
        {"y = date_trunc(x, u) | select y",
         "x,u\n2026-08-19T10:42:07.123456Z,year\n2026-08-19T10:42:07.123456Z,quarter\n"
         "2026-08-19T10:42:07.123456Z,week\n2026-08-19T10:42:07.123456Z,minute\n"
         "2026-08-19T10:42:07.123456Z,ms\n1969-12-31T23:59:59.5Z,second\n",
         "y\n2026-01-01T00:00:00Z\n2026-07-01T00:00:00Z\n2026-08-17T00:00:00Z\n2026-08-19T10:42:"
         "00Z\n"
         "2026-08-19T10:42:07.123Z\n1969-12-31T23:59:59Z\n"},
        {"y = time_bucket(x, 7d) | select y", "x\n2026-08-19T10:42:07Z\n1960-01-01\n",
         "y\n2026-08-17T00:00:00Z\n1959-12-28\n"},
        {"y = time_bucket(x, 0)", "x\n2026-08-19\n", "!above 0"},
        {"y = date_trunc(x, \"wek\")", "x\n1\n", "!is no unit"},
        {"y = second(x) | select y", "x\n2016-12-31T23:59:60Z\n", "y\n0\n"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

static void formats_read_and_write(void **state)
{
    static const struct query_example examples[] = {
        {"y = strptime(x, \"%d/%m/%Y\") | select y", "x\n05/02/2026\n\n", "y\n2026-02-05\n\"\"\n"},
        {"y = strptime(x, \"%d/%m/%Y\")", "x\n2026-02-05\n", "!is not as the format says"},
        {"y = strptime(x, \"%d/%m/%Y\")", "x\n31/02/2026\n", "!no date or time that there is"},
        {"y = strptime(x, \"%a %d %b %Y\")", "x\nMon 05 Feb 2026\n", "!no date"},
        {"y = strptime(x, \"%I:%M %p, %d.%m.%y\") | select y",
         "x\n\"12:00 AM, 01.02.69\"\n\"12:30 pm, 1.2.68\"\n",
         "y\n1969-02-01T00:00:00\n2068-02-01T12:30:00\n"},
        {"y = strptime(x, \"%b %d %Y %T.%f %z\") | select y",
         "x\nmarch 05 2026 10:42:07.25 -0330\n", "y\n2026-03-05T10:42:07.25-03:30\n"},
        {"y = strptime(x, \"%s\") | select y", "x\n-1\n1767225600\n",
         "y\n1969-12-31T23:59:59Z\n2026-01-01T00:00:00Z\n"},
        {"y = strptime(x, \"%G-W%V-%u\") | select y", "x\n2020-W53-7\n", "y\n2021-01-03\n"},
        {"y = strptime(x, \"%Y-%j\") | select y", "x\n2024-366\n", "y\n2024-12-31\n"},
        {"y = strptime(x, \"%Y-%j\")", "x\n2026-366\n", "!no date"},
        {"y = strptime(x, \"%F %T\", \"Europe/Berlin\") | select y", "x\n2026-07-01 12:00:00\n",
         "y\n2026-07-01T12:00:00+02:00\n"},
        {"y = strptime(x, \"%Q\")", "x\n1\n", "!%Q"},
        {"y = strftime(x, \"%Y%m%dT%H%M%S.%3f%z %:z %Z %j %G-W%V-%u %y %e|%-d|%k|%-I%p %s %%\") | "
         "select y",
         "x\n2026-03-05T09:07:02.5+05:30\n",
         "y\n20260305T090702.500+0530 +05:30 +05:30 064 2026-W10-4 26  5|5| 9|9AM 1772681822 %\n"},
        {"y = strftime(x, \"%H:%M %Z\", \"America/New_York\") | select y",
         "x\n2026-07-01T12:00:00Z\n", "y\n08:00 EDT\n"},
        {"y = parse_duration(x) | select y",
         "x\n1h30m\n-1d\n1.5h\nP1DT2H\nPT0.5S\n1:30\n0:01:02.5\n250ms\n2w\n\n",
         "y\n5400\n-86400\n5400.0\n93600\n0.5\n5400\n62.5\n0.250\n1209600\n\"\"\n"},
        {"y = parse_duration(x)", "x\nP1M\n", "!is not a duration"},
        {"y = parse_duration(x)", "x\n5\n", "!is not a duration"},
        {"y = format_duration(x), z = format_duration(x, \"iso\") | select y, z",
         "x\n0\n59.5\n-3600\n100000\n",
         "y,z\n0s,PT0S\n59.5s,PT59.5S\n-1h,-PT1H\n1d3h46m40s,P1DT3H46M40S\n"},
        {"y = from_epoch_ms(x), z = epoch_ms(from_epoch_ms(x)) | select y, z", "x\n-1\n1.5\n",
         "y,z\n1969-12-31T23:59:59.999Z,-1\n1970-01-01T00:00:00.0015Z,1\n"},
        {"y = from_epoch(x)", "x\n1e12\n", "!out of the years"},
    };

    (void)state;
    query_check(examples, SFX_COUNT(examples), &opts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
        cmocka_unit_test(iso_text_reads_back_as_what_was_written),
        cmocka_unit_test(plain_texts_are_those_that_come_back),
        cmocka_unit_test(texts_that_are_no_time_are_refused),
        cmocka_unit_test(zones_are_those_of_the_c_library),
        cmocka_unit_test(names_that_lead_out_of_the_database_are_no_zones),
        cmocka_unit_test(keys_of_values_order_as_they_compare),
        cmocka_unit_test(times_are_a_type_of_programs),
        cmocka_unit_test(clocks_that_change_have_a_rule),
        cmocka_unit_test(the_calendar_has_its_odd_days),
        cmocka_unit_test(formats_read_and_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
