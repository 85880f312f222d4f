/* SPDX-License-Identifier: MIT */
/* Batches and cells, rejects, formats by name and look, and the structural index: every variant
 * finds what a scan byte by byte finds, wherever a construct falls in a step. */
#include "base/cpu.h"
#include "base/size.h"
#include "record/csv_internal.h"
#include "record/format.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void columns_are_found_by_name_and_begin_missing(void **state)
{
    struct sfx_batch batch;
    uint64_t one;

    (void)state;
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    assert_int_equal(batch.schema_id, 0);
    sfx_batch_select_all(&batch, 3);
    assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("a"), NULL), 0);
    one = batch.schema_id;
    assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("b"), NULL), 1);
    assert_int_not_equal(batch.schema_id, one);
    assert_int_equal(sfx_batch_find(&batch, SFX_SLICE_LIT("b")), 1);
    assert_int_equal(sfx_batch_find(&batch, SFX_SLICE_LIT("c")), -1);
    assert_int_equal(batch.columns[1].cells[2].kind, SFX_CELL_MISSING);
    assert_int_equal(batch.sel[2], 2);
    sfx_batch_done(&batch);
}

static void equal_schemas_have_equal_ids(void **state)
{
    struct sfx_batch a;
    struct sfx_batch b;

    (void)state;
    assert_int_equal(sfx_batch_init(&a, NULL), 0);
    assert_int_equal(sfx_batch_init(&b, NULL), 0);
    assert_int_equal(sfx_batch_add_column(&a, SFX_SLICE_LIT("x"), NULL), 0);
    assert_int_equal(sfx_batch_add_column(&a, SFX_SLICE_LIT("yz"), NULL), 1);
    assert_int_equal(sfx_batch_add_column(&b, SFX_SLICE_LIT("xy"), NULL), 0);
    assert_int_equal(sfx_batch_add_column(&b, SFX_SLICE_LIT("z"), NULL), 1);
    assert_int_not_equal(a.schema_id, b.schema_id);
    sfx_batch_reset_schema(&b);
    assert_int_equal(sfx_batch_add_column(&b, SFX_SLICE_LIT("x"), NULL), 0);
    assert_int_equal(sfx_batch_add_column(&b, SFX_SLICE_LIT("yz"), NULL), 1);
    assert_int_equal(a.schema_id, b.schema_id);
    b.columns[0] = b.columns[1];
    b.ncols = 1;
    sfx_batch_update_schema_id(&b);
    assert_int_not_equal(a.schema_id, b.schema_id);
    sfx_batch_done(&a);
    sfx_batch_done(&b);
}

static void adding_the_same_columns_again_costs_nothing(void **state)
{
    struct sfx_batch batch;
    size_t total;
    int i;

    (void)state;
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("total"), NULL), 0);
    total = batch.schema.total_nbytes;
    for (i = 0; i < 100; i++) {
        assert_int_equal(sfx_batch_set_columns(&batch, NULL, 0, 0, NULL), 0);
        assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("total"), NULL), 0);
    }
    assert_int_equal(batch.schema.total_nbytes, total);
    sfx_batch_done(&batch);
}

static void too_many_columns_are_a_limit(void **state)
{
    struct sfx_batch batch;
    struct sfx_column *columns = calloc(SFX_BATCH_MAX_COLS + 1, sizeof(*columns));
    struct sfx_err err;

    (void)state;
    assert_non_null(columns);
    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    assert_int_equal(sfx_batch_set_columns(&batch, columns, SFX_BATCH_MAX_COLS, 1, &err), 0);
    assert_int_equal(sfx_batch_add_column(&batch, SFX_SLICE_LIT("x"), &err), SFX_E_LIMIT);
    assert_int_equal(sfx_batch_set_columns(&batch, columns, SFX_BATCH_MAX_COLS + 1, 1, &err),
                     SFX_E_LIMIT);
    sfx_batch_done(&batch);
    free(columns);
}

static void cells_say_what_they_stand_for(void **state)
{
    static const struct {
        struct sfx_cell cell;
        const char *text;
    } cases[] = {
        {{.kind = SFX_CELL_MISSING}, ""},
        {{.kind = SFX_CELL_NULL, .ptr = "null", .len = 4}, ""},
        {{.kind = SFX_CELL_TEXT, .ptr = "a\\tb", .len = 4}, "a\\tb"},
        {{.kind = SFX_CELL_TEXT, .ptr = "a\\tb", .len = 4, .flags = SFX_CELL_ESCAPED}, "a\tb"},
        {{.kind = SFX_CELL_TEXT,
          .ptr = &"'it''s'"[1],
          .len = 5,
          .flags = SFX_CELL_ESCAPED | SFX_CELL_QUOTED},
         "it's"},
        {{.kind = SFX_CELL_JSON_STRING,
          .ptr = &"\"\\u00e9\\n\""[1],
          .len = 8,
          .flags = SFX_CELL_ESCAPED},
         "\xc3\xa9\n"},
        {{.kind = SFX_CELL_JSON_NESTED, .ptr = "[1, 2]", .len = 6}, "[1, 2]"},
        {{.kind = SFX_CELL_NUMBER, .ptr = "1.50", .len = 4}, "1.50"},
    };
    struct sfx_buf scratch = {0};
    struct sfx_slice text;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        assert_int_equal(sfx_cell_text(&cases[i].cell, &scratch, &text, NULL), 0);
        assert_int_equal(text.len, strlen(cases[i].text));
        assert_memory_equal(text.ptr, cases[i].text, text.len);
    }
    sfx_buf_done(&scratch);
}

static void reject_is_one_line_that_loses_nothing(void **state)
{
    struct sfx_reject r = {.program = "sfx-transform",
                           .input = "a.tar",
                           .member = "b.csv",
                           .line = 7,
                           .offset = 123,
                           .column = SFX_SLICE_LIT("price"),
                           .value = SFX_SLICE_LIT("abc"),
                           .code = "input",
                           .reason = "not a number",
                           .raw = SFX_SLICE_LIT("1,\"abc\"\n"),
                           .event = SFX_SLICE_LIT("e1")};
    struct sfx_buf out = {0};

    (void)state;
    assert_int_equal(sfx_reject_write(&r, &out, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL),
                        "{\"program\":\"sfx-transform\",\"input\":\"a.tar\",\"member\":\"b.csv\","
                        "\"line\":7,\"offset\":123,\"column\":\"price\",\"value\":\"abc\","
                        "\"code\":\"input\",\"reason\":\"not a number\","
                        "\"raw\":\"1,\\\"abc\\\"\\n\",\"event\":\"e1\"}\n");
    sfx_buf_clear(&out);
    r = (struct sfx_reject){
        .input = "x", .code = "input", .reason = "bad", .raw = SFX_SLICE_LIT("\xff\x00")};
    assert_int_equal(sfx_reject_write(&r, &out, NULL), 0);
    assert_string_equal(
        sfx_buf_cstr(&out, NULL),
        "{\"input\":\"x\",\"code\":\"input\",\"reason\":\"bad\",\"raw_base64\":\"/wA=\"}\n");
    sfx_buf_done(&out);
}

static void format_is_known_by_extension_then_by_look(void **state)
{
    static const struct {
        const char *name, *head, *format;
    } cases[] = {
        {"a.csv", "{", "csv"},
        {"a.TSV", "a,b", "tsv"},
        {"dir/a.ndjson", "", "jsonl"},
        {"a.json", "{\"a\":1}", "json"},
        {"a.tab", "", "tsv"},
        {"-", "", "csv"},
        {"-", " \n{\"a\":1}", "jsonl"},
        {"-", "\xef\xbb\xbf[", "json"},
        {"a.txt", "a\tb\nc,d", "tsv"},
        {"-", "a\tb,c\n", "csv"},
        {"x.csv/data", "[1]", "json"},
        {"-", "a;b\n", "csv"},
        {NULL, "a\tb", "tsv"},
        {"x.log", "level=info msg=\"a, b\"\n", "logfmt"},
        {"-", "a=1\n", "csv"},
        {"-", "| a | b |\n|---|:-:|\n", "markdown"},
        {"-", "|a|b|\n|1|2|\n", "csv"},
        {"x.MD", "", "markdown"},
        {"-", "a=1 b=2,3\n", "csv"},
        {"-", "a=1 b\n", "csv"},
        {"-", "<34>1 - h a p m - x\n", "syslog"},
        {"-", "Oct  1 02:03:04 h sshd[1]: x, y\n", "syslog"},
        {"-", "Oct  1 02:03:04,h,x\n", "csv"},
        {"-", "h - - [t] \"GET /\" 200 1\r\n", "clf"},
        {"-", "h - - [t] \"GET /\" 200 1 \"-\" \"x, y\"\n", "combined"},
        {"-", "h - - [t],\"GET /\" 200 1\n", "csv"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        assert_string_equal(sfx_format_detect(cases[i].name, sfx_slice_str(cases[i].head))->name,
                            cases[i].format);
    assert_null(sfx_format_by_name(SFX_SLICE_LIT("xml")));
}

/* The separators of data as the scan finds them, up to the end of the first bad record: the index
 * must not get so far. */
static size_t scan_all(const struct sfx_csv_chars *chars, const char *data, size_t len,
                       struct sfx_csv_index *ix)
{
    size_t begin = 0;

    sfx_csv_index_reset(ix);
    while (begin < len) {
        struct sfx_csv_scan scan = {.pos = begin};
        const bool ended =
            sfx_csv_scan(chars, &scan, data, len, ix->seps + ix->nseps, SFX_CSV_SEPS - ix->nseps);

        ix->nseps += scan.nfields;
        if (scan.bad || !ended)
            break;
        ix->rows[ix->nrows++] = ix->nseps - 1;
        begin = scan.pos;
    }
    return begin;
}

struct index_memory {
    struct sfx_csv_index ix;
    uint32_t seps[SFX_CSV_SEPS], rows[SFX_CSV_SEPS];
};

static struct sfx_csv_index *index_of(struct index_memory *m)
{
    m->ix.seps = m->seps;
    m->ix.rows = m->rows;
    sfx_csv_index_reset(&m->ix);
    return &m->ix;
}

#define NVARIANTS 4

/* The variants that this machine can run. */
static size_t variants(sfx_csv_index_fn *out[NVARIANTS])
{
    static const uint32_t cpus[NVARIANTS] = {0, SFX_CPU_SSE42 | SFX_CPU_PCLMUL,
                                             SFX_CPU_AVX2 | SFX_CPU_PCLMUL, ~0u};
    size_t count = 0;
    size_t i;

    for (i = 0; i < NVARIANTS; i++) {
        sfx_cpu_force(cpus[i]);
        out[count] = sfx_csv_index_choose();
        if (count == 0 || out[count] != out[count - 1])
            count++;
    }
    return count;
}

/*
 * Indexes data in two parts, split at `split`, with every variant. All find what the scan finds as
 * far as they come, and a text that RFC 4180 knows they index to its end.
 */
static void check_index(const struct sfx_csv_chars *chars, const char *data, size_t len,
                        size_t split, bool regular)
{
    static struct index_memory expected;
    static struct index_memory got;
    sfx_csv_index_fn *fns[NVARIANTS];
    const size_t nfns = variants(fns);
    size_t i;

    (void)scan_all(chars, data, len, index_of(&expected));
    for (i = 0; i < nfns; i++) {
        struct sfx_csv_index *ix = index_of(&got);
        size_t end = fns[i](chars, ix, data, 0, split);

        if (!ix->dirty)
            end = fns[i](chars, ix, data, end, len);
        if (regular) {
            assert_false(ix->dirty);
            assert_int_equal(end, len);
            assert_int_equal(ix->nseps, expected.ix.nseps);
            assert_int_equal(ix->nrows, expected.ix.nrows);
        }
        assert_true(ix->dirty || end == len);
        assert_true(ix->nseps <= expected.ix.nseps && ix->nrows <= expected.ix.nrows);
        assert_memory_equal(ix->seps, expected.seps, ix->nseps * sizeof(*ix->seps));
        assert_memory_equal(ix->rows, expected.rows, ix->nrows * sizeof(*ix->rows));
    }
}

/* Memory whose last byte that may be read is the last of a page. */
static char *guarded(size_t len)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = (len + 64 + page - 1) / page * page;
    char *base =
        mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(base, MAP_FAILED);
    assert_int_equal(mprotect(base + size, page, PROT_NONE), 0);
    memset(base, '"', size); /* what lies behind the data must not matter */
    return base + size - 64 - len;
}

static const struct sfx_csv_chars comma = {.delimiter = ',', .quote = '"', .newline = '\n'};
static const struct sfx_csv_chars tabs = {
    .delimiter = '\t', .quote = '\\', .newline = '\n', .tsv = true};

static void every_construct_at_every_offset(void **state)
{
    static const struct {
        const char *text;
        bool regular;
    } constructs[] = {
        {"\"a\"", true},      {"\"\"", true},          {"\"\"\"\"", true}, {"\"a,b\nc\"", true},
        {"\"x\"\"y\"", true}, {"\"\"\",\"\"\"", true}, {"\"a\"\r", true},  {"x,,y", true},
        {"\r", true},         {"\"\"\"\"\"\"", true},  {"x\"y", false},    {"\"a\"b", false},
        {"\"a\" ", false},    {"\"a\"\rb", false},     {" \"a\"", false},  {"\"a\"\r,", false},
        {"\"a\"\r\"", false},
    };
    size_t c;
    size_t at;

    (void)state;
    for (c = 0; c < SFX_COUNT(constructs); c++) {
        for (at = 0; at < 128; at++) {
            const size_t len = strlen(constructs[c].text);
            const size_t total = at + 2 + len + 70;
            char *data = guarded(total);

            memset(data, 'p', total);
            data[at] = at % 2 != 0 ? ',' : '\n';
            memcpy(data + at + 1, constructs[c].text, len);
            data[at + 1 + len] = '\n';
            memcpy(data + total - 7, "\n\"q\",1\n", 7);
            check_index(&comma, data, total, total, constructs[c].regular);
            check_index(&comma, data, total, at + 1 + len / 2, constructs[c].regular);
            check_index(&comma, data, at + 2 + len, at, constructs[c].regular);
        }
    }
}

static void tsv_escapes_at_every_offset(void **state)
{
    size_t at;

    (void)state;
    for (at = 0; at < 128; at++) {
        char *data = guarded(at + 40);

        memset(data, 'p', at + 40);
        memcpy(data + at, "\\t\t\"\tx\n\\\\\n", 10);
        check_index(&tabs, data, at + 40, at + 40, true);
        check_index(&tabs, data, at + 40, at + 1, true);
    }
}

static void random_texts_of_any_length(void **state)
{
    static const char alphabet[] = "\"\"\",,\n\r\\ab\t";
    uint32_t seed = 1;
    int round;

    (void)state;
    for (round = 0; round < 20000; round++) {
        size_t len = 1 + (size_t)round % 200;
        char *data = malloc(len + 64);
        size_t i;

        assert_non_null(data);
        memset(data + len, '"', 64);
        for (i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            data[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        check_index(&comma, data, len, (seed >> 8) % len, false);
        check_index(&tabs, data, len, (seed >> 8) % len, true);
        free(data);
    }
}

static void full_index_stops_and_goes_on(void **state)
{
    static struct index_memory m;
    const size_t len = SFX_CSV_SEPS * 2;
    char *data = malloc(len + 64);
    sfx_csv_index_fn *fns[NVARIANTS];
    const size_t nfns = variants(fns);
    size_t i;

    (void)state;
    assert_non_null(data);
    memset(data, ',', len + 64);
    for (i = 0; i < nfns; i++) {
        struct sfx_csv_index *ix = index_of(&m);
        const size_t end = fns[i](&comma, ix, data, 0, len);

        assert_true(end < len && !ix->dirty);
        assert_int_equal(ix->nseps, end);
        assert_int_equal(ix->seps[ix->nseps - 1], end - 1);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_name_and_begin_missing),
        cmocka_unit_test(equal_schemas_have_equal_ids),
        cmocka_unit_test(adding_the_same_columns_again_costs_nothing),
        cmocka_unit_test(too_many_columns_are_a_limit),
        cmocka_unit_test(cells_say_what_they_stand_for),
        cmocka_unit_test(reject_is_one_line_that_loses_nothing),
        cmocka_unit_test(format_is_known_by_extension_then_by_look),
        cmocka_unit_test(every_construct_at_every_offset),
        cmocka_unit_test(tsv_escapes_at_every_offset),
        cmocka_unit_test(random_texts_of_any_length),
        cmocka_unit_test(full_index_stops_and_goes_on),
    };

    return cmocka_run_group_tests_name("record_batch", tests, NULL, NULL);
}
