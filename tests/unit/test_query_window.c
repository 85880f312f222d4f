/* SPDX-License-Identifier: MIT */
/* Windows over event time: which records are in which, when they close, and what comes too late. */
#include "query_assert.h"

#include <stdio.h>
#include <stdlib.h>

#define T "2026-01-05T10:"

/* Runs program over rows "time,host,n" that stand behind a header, in batches of any size. */
static void assert_windows(const char *program, const char *rows, const char *output)
{
    struct sfx_buf input = {0};

    assert_int_equal(sfx_buf_printf(&input, NULL, "ts,host,n\n%s", rows), 0);
    query_gives(&(struct query_run){.program = program, .input = sfx_buf_slice(&input)}, output);
    sfx_buf_done(&input);
}

static void a_record_is_in_the_window_that_its_time_is_in(void **state)
{
    (void)state;
    /* A bound belongs to the window that begins there. */
    assert_windows("window 1m on ts: n = count(), first(n)",
                   T "00:00Z,a,1\n" T "00:59.999999999Z,a,2\n" T "01:00Z,a,3\n",
                   "window_start,window_end,n,first_n\n" T "00:00Z," T "01:00Z,2,1\n" T "01:00Z," T
                   "02:00Z,1,3\n");
    assert_windows("window 1h on ts: count()",
                   "2026-01-05T23:59:59Z,a,1\n2026-01-06T00:30:00+01:00,a,2\n"
                   "2026-01-06T00:00:00Z,a,3\n",
                   "window_start,window_end,count\n"
                   "2026-01-05T23:00:00Z,2026-01-06T00:00:00Z,2\n"
                   "2026-01-06T00:00:00Z,2026-01-06T01:00:00Z,1\n");
}

static void times_before_1970_have_windows_too(void **state)
{
    (void)state;
    assert_windows(
        "window 1m on ts: count()",
        "1969-12-31T23:58:59Z,a,1\n1969-12-31T23:59:00Z,a,2\n1969-12-31T23:59:59.5Z,a,3\n"
        "1970-01-01T00:00:00Z,a,4\n0001-01-01,a,5\n",
        "window_start,window_end,count\n"
        "1969-12-31T23:58:00Z,1969-12-31T23:59:00Z,1\n"
        "1969-12-31T23:59:00Z,1970-01-01T00:00:00Z,2\n"
        "1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,1\n");
}

static void groups_come_in_the_order_of_their_first_appearance(void **state)
{
    (void)state;
    assert_windows(
        "window 1m on ts lateness 1m group by host, big = num(n) > 1: s = sum(n), "
        "max(text(n)), list(n)",
        T "00:10Z,b,1\n" T "01:00Z,x,9\n" T "00:20Z,a,2\n" T "00:01Z,b,3\n" T "00:59Z,b,1\n",
        "window_start,window_end,host,big,s,max_n,list_n\n" T "00:00Z," T
        "01:00Z,b,false,2,1,\"[\"\"1\"\",\"\"1\"\"]\"\n" T "00:00Z," T
        "01:00Z,a,true,2,2,\"[\"\"2\"\"]\"\n" T "00:00Z," T "01:00Z,b,true,3,3,\"[\"\"3\"\"]\"\n" T
        "01:00Z," T "02:00Z,x,true,9,9,\"[\"\"9\"\"]\"\n");
}

static void windows_that_slide_overlap(void **state)
{
    (void)state;
    assert_windows("window 1m on ts every 30s: n = count()", T "00:10Z,a,1\n" T "00:40Z,a,2\n",
                   "window_start,window_end,n\n2026-01-05T09:59:30Z," T "00:30Z,1\n" T "00:00Z," T
                   "01:00Z,2\n" T "00:30Z," T "01:30Z,1\n");
    /* A late record still counts where it is not late. */
    assert_windows("window 1m on ts every 30s: n = count()", T "01:00Z,a,1\n" T "00:45Z,a,2\n",
                   "window_start,window_end,n\n" T "00:30Z," T "01:30Z,2\n" T "01:00Z," T
                   "02:00Z,1\n");
}

static void a_session_ends_when_its_key_is_quiet(void **state)
{
    (void)state;
    assert_windows("window session 30s on ts group by host: n = count(), last(n)",
                   T "00:00Z,a,1\n" T "00:20Z,b,2\n" T "00:29Z,a,3\n" T "00:59Z,a,4\n" T
                     "01:28Z,a,5\n",
                   "window_start,window_end,host,n,last_n\n" T "00:20Z," T "00:50Z,b,1,2\n" T
                   "00:00Z," T "00:59Z,a,2,3\n" T "00:59Z," T "01:58Z,a,2,5\n");
}

static void a_record_joins_two_sessions(void **state)
{
    (void)state;
    assert_windows("window session 30s on ts lateness 5m group by host: n = count(), sum(n), "
                   "first(n), last(n), median(n), list(n)",
                   T "00:40Z,a,1\n" T "00:00Z,a,2\n" T "05:00Z,b,8\n" T "00:20Z,a,3\n",
                   "window_start,window_end,host,n,sum_n,first_n,last_n,median_n,list_n\n" T
                   "00:00Z," T "01:10Z,a,3,6,2,3,2,\"[\"\"2\"\",\"\"1\"\",\"\"3\"\"]\"\n" T
                   "05:00Z," T "05:30Z,b,1,8,8,8,8,\"[\"\"8\"\"]\"\n");
}

/* Late records, as they were put aside. */
static int keep_aside(void *ctx, struct sfx_slice name, struct sfx_batch *batch,
                      struct sfx_err *err)
{
    struct sfx_buf *out = ctx;
    uint32_t i;
    int rc = 0;

    assert_true(sfx_slice_eq(name, SFX_SLICE_LIT("late.csv")));
    for (i = 0; i < batch->nsel && rc == 0; i++)
        rc = sfx_buf_printf(out, err, "%.*s;", SFX_SLICE_ARG(batch->rows[batch->sel[i]].raw));
    return rc;
}

static void what_comes_behind_the_watermark_is_put_aside_or_skipped(void **state)
{
    static const char rows[] = "ts,host,n\n" T "00:59Z,a,1\n" T "01:04Z,a,2\n" T "00:30Z,a,3\n" T
                               "01:05Z,a,4\n" T "00:58Z,a,5\n" T "00:00Z,b,6\n";
    static const size_t pieces[] = {0, 1};
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(pieces); i++) {
        struct sfx_buf aside = {0};
        struct sfx_side_outputs side = {keep_aside, &aside};
        struct sfx_rules rules = {0};
        struct query_run run = {
            .program = "window 1m on ts lateness 5s late \"late.csv\" group by host: n = count()",
            .input = SFX_SLICE_LIT(rows),
            .piece = pieces[i],
            .opts = {.side = &side, .rules = &rules},
        };

        assert_int_equal(query_run(&run), 0);
        assert_string_equal(sfx_buf_cstr(&run.output, NULL),
                            "window_start,window_end,host,n\n" T "00:00Z," T "01:00Z,a,2\n" T
                            "01:00Z," T "02:00Z,a,2\n");
        assert_string_equal(sfx_buf_cstr(&aside, NULL), T "00:58Z,a,5;" T "00:00Z,b,6;");
        assert_int_equal(run.counts.skipped, 0);
        assert_int_equal(rules.items[0]->failed, 2);
        sfx_buf_done(&run.output);
        sfx_buf_done(&aside);
        run.program = "window 1m on ts lateness 5s group by host: n = count()";
        run.opts.side = NULL;
        assert_int_equal(query_run(&run), 0);
        assert_int_equal(run.counts.skipped, 2);
        assert_int_equal(rules.items[1]->failed, 2);
        sfx_buf_done(&run.output);
        sfx_rules_done(&rules);
    }
}

static void records_without_a_time_are_bad(void **state)
{
    struct query_run run = {
        .program = "window 1m on ts: n = count()",
        .input = SFX_SLICE_LIT("ts\n\n" T "00:00Z\nyesterday\n"),
        .opts = {.on_error = SFX_ON_ERROR_SKIP},
    };

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL),
                        "window_start,window_end,n\n" T "00:00Z," T "01:00Z,1\n");
    assert_int_equal(run.counts.skipped, 2);
    sfx_buf_done(&run.output);
    run.opts.on_error = SFX_ON_ERROR_FAIL;
    assert_int_equal(query_run(&run), SFX_E_INPUT);
    assert_string_equal(run.err.text, "in: line 2, offset 3: column ts: is no time");
    sfx_buf_done(&run.output);
}

static void without_a_record_there_are_columns(void **state)
{
    (void)state;
    assert_windows("window 1m on ts group by host: n = count() | where n > 1", "",
                   "window_start,window_end,host,n\n");
}

static void bounds_are_times_for_what_follows(void **state)
{
    (void)state;
    assert_windows("window 1m on ts: n = count() | rate = n / (window_end - window_start) | "
                   "select rate",
                   T "00:10Z,a,1\n" T "00:11Z,a,1\n" T "00:12Z,a,1\n", "rate\n0.05\n");
}

static void a_stage_behind_that_has_enough_ends_the_input(void **state)
{
    (void)state;
    assert_windows("window 1m on ts: n = count() | head 1",
                   T "00:10Z,a,1\n" T "01:10Z,a,1\n" T "02:10Z,a,1\n" T "03:10Z,a,1\n",
                   "window_start,window_end,n\n" T "00:00Z," T "01:00Z,1\n");
}

/* Records of many hosts whose times go back and forth, most of them within ten seconds. */
static void put_scattered(struct sfx_buf *input, uint32_t nrows, uint32_t nhosts)
{
    uint64_t seed = 1;
    uint32_t i;

    assert_int_equal(sfx_buf_puts(input, "ts,host,n\n", NULL), 0);
    for (i = 0; i < nrows; i++) {
        uint32_t ms = 1200000 + i * 40, back;

        seed = seed * 6364136223846793005 + 1442695040888963407;
        back = (uint32_t)(seed >> 33) % (seed >> 20 & 63 ? 12000 : 900000);
        ms -= back;
        assert_int_equal(sfx_buf_printf(input, NULL,
                                        "2026-01-05T%02u:%02u:%02u.%03uZ,host %u,%u.%u\n",
                                        ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000,
                                        (uint32_t)(seed >> 40) % nhosts, i, i % 7),
                         0);
    }
}

/* What is open, and much more than fits, waits on disk; nothing that comes out tells. */
static void windows_beyond_the_memory_give_the_same_bytes(void **state)
{
    static const char *const programs[] = {
        "window 1h on ts lateness 10s group by host: n = count(), list(n), first(n)",
        "window 10m on ts every 2m lateness 10s group by host: n = count(), sum(float(n)), last(n)",
        ("window session 1m on ts lateness 10s group by host: n = count(), list(n), sum(float(n)), "
         "count_distinct(n), m = median(num(n))"),
        "window session 20m on ts group by host: count(), string_agg(n, \" \")",
        "window session 1h on ts group by host: count() | head 3",
    };
    struct sfx_buf input = {0};
    size_t i;

    (void)state;
    put_scattered(&input, 30000, 6000);
    for (i = 0; i < SFX_COUNT(programs); i++) {
        struct query_run large = {.program = programs[i], .input = sfx_buf_slice(&input)};
        struct query_run small = large;

        small.opts.memory_nbytes = 1 << 20;
        query_same(&large, &small);
    }
    sfx_buf_done(&input);
}

/* One state, and it is more than the memory. */
static void a_window_larger_than_the_memory_says_so(void **state)
{
    struct sfx_buf input = {0};
    struct query_run run = {.program = "window 1d on ts: list(n)",
                            .opts = {.memory_nbytes = 1 << 20}};

    (void)state;
    put_scattered(&input, 100000, 10);
    run.input = sfx_buf_slice(&input);
    query_fails(&run, SFX_E_LIMIT, "window needs more than 1 MiB of memory; --memory allows more");
    sfx_buf_done(&input);
}

static void windows_that_are_over_give_their_memory_back(void **state)
{
    struct sfx_buf input = {0};
    struct query_run run = {.opts = {.memory_nbytes = 1 << 20}};
    int i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&input, "ts,k\n", NULL), 0);
    for (i = 0; i < 50000; i++)
        assert_int_equal(sfx_buf_printf(&input, NULL, "2026-01-05T%02d:%02d:%02dZ,key %d\n",
                                        i / 3600, i / 60 % 60, i % 60, i),
                         0);
    run.input = sfx_buf_slice(&input);
    run.program = "window 1m on ts group by k: first(k) | group: n = count()";
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "n\n50000\n");
    sfx_buf_done(&run.output);
    sfx_buf_done(&input);
}

static void misuse_is_told_where_it_stands(void **state)
{
    static const char *const cases[][2] = {
        {"window ts: count()", "a duration is expected here"},
        {"window 60 on ts: count()", "a duration is expected here"},
        {"window 0s on ts: count()", "this duration is from 1ns to 146 years"},
        {"window 100000d on ts: count()", "this duration is from 1ns to 146 years"},
        {"window 1m ts: count()", "on is expected before ts"},
        {"window 1m on ts every 7s: count()", "every divides the window"},
        {"window 1m on ts every 2m: count()", "every divides the window"},
        {"window 1h on ts every 1s: count()", "at most 1000 windows"},
        {"window session 1m on ts every 1s: count()", "a session has no every"},
        {"window 1m on ts late x: count()", "is a string"},
        {"window 1m on ts", "\":\" is expected before the stage ends"},
        {"window 1m on tss: count()", "there is no column tss"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct query_run run = {.program = cases[i][0], .input = SFX_SLICE_LIT("ts\n")};

        assert_int_equal(query_run(&run), SFX_E_USAGE);
        if (strstr(run.err.text, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], run.err.text);
        sfx_buf_done(&run.output);
    }
}

/* Records at random seconds of ten minutes: "ts,host,n". */
static void make_events(struct sfx_buf *out, unsigned seed, int count)
{
    int i;

    srand(seed);
    assert_int_equal(sfx_buf_puts(out, "ts,host,n\n", NULL), 0);
    for (i = 0; i < count; i++) {
        int second = rand() % 600;

        assert_int_equal(sfx_buf_printf(out, NULL, T "%02d:%02dZ,%c,%d\n", second / 60, second % 60,
                                        'a' + rand() % 3, rand() % 10),
                         0);
    }
}

static void expect_same(const char *a, const char *b, struct sfx_slice input)
{
    query_same(&(struct query_run){.program = a, .input = input, .piece = 11},
               &(struct query_run){.program = b, .input = input});
}

static void windows_are_groups_of_time(void **state)
{
    struct sfx_buf input = {0};
    unsigned seed;

    (void)state;
    for (seed = 1; seed <= 5; seed++) {
        sfx_buf_clear(&input);
        make_events(&input, seed, 3000);
        expect_same(
            "window 1m on ts lateness 1h group by host: n = count(), s = sum(n), first(n) | "
            "t = window_start | select t, host, n, s, first_n | sort t, host",
            "t = time(ts) | t = t - (t - @2026-01-05) % 60 | group t, host: n = count(), s = "
            "sum(n), first(n) | "
            "sort t, host",
            sfx_buf_slice(&input));
        /* What is in time does not depend on the batches, nor does the order. */
        expect_same("window session 2s on ts lateness 3s group by host: list(n)",
                    "window session 2s on ts lateness 3s group by host: list(n)",
                    sfx_buf_slice(&input));
        expect_same("window 1m on ts every 10s lateness 30s group by host: n = count(), list(n)",
                    "window 1m on ts every 10s lateness 30s group by host: n = count(), list(n)",
                    sfx_buf_slice(&input));
    }
    sfx_buf_done(&input);
}

static void without_input_windows_close_by_the_clock(void **state)
{
    struct query_run run = {.input = SFX_SLICE_LIT("ts\n" T "00:00Z\n" T "00:01Z\n")};
    struct query_output output = {.ops = sfx_format_by_name(SFX_SLICE_LIT("csv"))->writer,
                                  .out = &run.output};
    const struct sfx_format *from = sfx_format_by_name(SFX_SLICE_LIT("csv"));
    static const char text[] = "window 1m on ts flush 1ns: n = count()";
    struct sfx_program *program = sfx_program_new(text, sizeof(text) - 1, NULL, NULL);
    struct sfx_query *query = sfx_query_new(program, NULL, query_emit, &output, NULL);
    struct query_pieces pieces = {run.input, 0};
    struct sfx_byte_source source = {.read = query_read_piece, .ctx = &pieces, .input = "in"};
    struct sfx_reader *reader = from->reader->create(NULL, NULL);
    struct sfx_batch batch;

    (void)state;
    output.writer = output.ops->create(NULL, NULL);
    assert_true(sfx_program_goes_by_time(program));
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    assert_int_equal(from->reader->open(reader, &source, NULL), 0);
    assert_int_equal(sfx_query_wait_ns(query), -1);
    assert_int_equal(from->reader->read(reader, &batch, NULL, NULL), 1);
    assert_int_equal(sfx_query_push(query, &batch, NULL), 0);
    assert_int_equal(run.output.len, 0);
    while (sfx_query_wait_ns(query) > 0)
        ;
    assert_int_equal(sfx_query_wait_ns(query), 0);
    assert_int_equal(sfx_query_tick(query, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL),
                        "window_start,window_end,n\n" T "00:00Z," T "01:00Z,2\n");
    assert_int_equal(sfx_query_wait_ns(query), -1); /* nothing is open */
    sfx_query_free(query);
    sfx_program_free(program);
    sfx_batch_done(&batch);
    from->reader->destroy(reader);
    output.ops->destroy(output.writer);
    sfx_buf_done(&run.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_in_the_window_that_its_time_is_in),
        cmocka_unit_test(times_before_1970_have_windows_too),
        cmocka_unit_test(groups_come_in_the_order_of_their_first_appearance),
        cmocka_unit_test(windows_that_slide_overlap),
        cmocka_unit_test(a_session_ends_when_its_key_is_quiet),
        cmocka_unit_test(a_record_joins_two_sessions),
        cmocka_unit_test(what_comes_behind_the_watermark_is_put_aside_or_skipped),
        cmocka_unit_test(records_without_a_time_are_bad),
        cmocka_unit_test(without_a_record_there_are_columns),
        cmocka_unit_test(bounds_are_times_for_what_follows),
        cmocka_unit_test(a_stage_behind_that_has_enough_ends_the_input),
        cmocka_unit_test(windows_beyond_the_memory_give_the_same_bytes),
        cmocka_unit_test(a_window_larger_than_the_memory_says_so),
        cmocka_unit_test(windows_that_are_over_give_their_memory_back),
        cmocka_unit_test(misuse_is_told_where_it_stands),
        cmocka_unit_test(windows_are_groups_of_time),
        cmocka_unit_test(without_input_windows_close_by_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
