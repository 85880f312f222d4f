/* SPDX-License-Identifier: MIT */
/*
 * Random programs over random records: whatever they make, they make the same of it with every
 * instruction set, in pieces of any size, with cells that nobody looks at or without, and when
 * blocking stages have little memory.
 *
 * SFX_SEED=N runs another set of programs.
 */
#include "query_run.h"

#include "base/cpu.h"
#include "base/size.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NPROGRAMS  200
#define MAX_STAGES 4

static uint64_t state;

/* xorshift64*: any generator will do, but the same on every machine. */
static unsigned draw(unsigned n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* Stages over the columns that draw_records makes; a new verb is a new row. All of them keep the
 * columns k, n, w, so that any may follow any other. */
static const char *const stages[] = {
    "where n > 0",
    "where n? > 10 and w != \"x\"",
    "where not (k in (\"k1\", \"k2\")) or s ~ \"[,q]\"",
    "where t >= \"2026-02\"",
    "total = n * 2 + 1",
    "n = n - 1",
    "w = upper(trim(w)), l = length(w)",
    "s = replace(s, \"q\", \"\")",
    "f = if(n? > 3, w, k)",
    "d = n? / 3 ?? 0",
    "select w, n, k, s, t",
    "select -t",
    "rename x = k | rename k = x",
    "sort k, -num(n?)",
    "sort -w",
    "head 40",
    "distinct k, w",
    "distinct",
    "group k: n = count(), w = first(w), s = last(s), t = max(text(t))",
    "group k, w: n = sum(n?), s = min(text(s)), t = first(t)",
    "group k: n = median(n?), w = mode(w), s = string_agg(s, \"+\"), t = max(text(t))",
    "group k, w: n = count() where w > \"w1\", s = first(s), t = last(t)",
    "group w: n = count_distinct(k), k = last(k), s = any(s), t = min_by(t, n?)",
    "tail 30",
    "tail 2 by k",
    "top 5 -num(n?) by w",
    "top 20 s",
    "nth 3",
    "sample 20 seed 7",
    "sample 30% seed 7",
    "shuffle seed 3",
    "reverse",
    "number i",
    "explode s by \",\"",
    "fill s down",
    "fill s up",
    "reorder t, k first",
    "merge k, w into kw keep",
    "split t by \"-\" into y, mo, d keep",
    "dedup k, w keep max n?",
    "dedup w keep last",
    "cast n? decimal",
    "x = float(n? ?? 1) * 1.5, m = month(t)",
    "t = text(date_add(date(t), 1, \"month\"))",
    "redact s keep first 1",
    "hash w md5",
    "over k: r = row_number(), p = lag(n?)",
    "over k sort -num(n?): c = cumsum(n? ?? 0), w = first(w)",
    "pivot longer k, w names to k values to w | n = 1, s = k, t = w",
    "parse s? with \"(?<c>[a-z])\"",
    "n = n * 2, s = upper(s)",
};

static void draw_program(struct sfx_buf *out)
{
    unsigned i, n = draw(MAX_STAGES) + 1;

    sfx_buf_clear(out);
    for (i = 0; i < n; i++)
        assert_int_equal(
            sfx_buf_printf(out, NULL, "%s%s", i > 0 ? " | " : "", stages[draw(SFX_COUNT(stages))]),
            0);
}

static void draw_field(struct sfx_buf *out)
{
    static const char *const spellings[] = {
        "a",    "\"b\"",          "\"b, c\"",     "\"q\"\"q\"",        "",
        "\"\"", "\"two\nlines\"", "\" spaced \"", "\xc3\xa9t\xc3\xa9", "007",
        "\xff", "stray\"quote"};

    (void)sfx_buf_puts(out, spellings[draw(SFX_COUNT(spellings))], NULL);
}

/* Records whose fields begin at every offset of a block sooner or later. */
static void draw_records(struct sfx_buf *out)
{
    static const char *const numbers[] = {"0", "-3", "12.50", "1e3", "", "abc", "\"7\"", "0.0001"};
    unsigned i, n = draw(5) == 0 ? 2500 : draw(200);

    sfx_buf_clear(out);
    (void)sfx_buf_puts(out, "k,n,w,s,t\n", NULL);
    for (i = 0; i < n; i++) {
        (void)sfx_buf_printf(out, NULL, "k%u,%s,w%u,", draw(8), numbers[draw(SFX_COUNT(numbers))],
                             draw(30));
        draw_field(out);
        (void)sfx_buf_printf(out, NULL, ",2026-%02u-%02u%s", draw(12) + 1, draw(28) + 1,
                             i + 1 < n || draw(2) ? draw(9) == 0 ? "\r\n" : "\n" : "");
    }
}

static const uint32_t cpus[] = {
    ~UINT32_C(0),
    0,
    SFX_CPU_SSE42 | SFX_CPU_PCLMUL,
    SFX_CPU_AVX2 | SFX_CPU_PCLMUL,
};

static int ignore(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    (void)r;
    (void)err;
    ++*(unsigned *)ctx;
    return 0;
}

static void run_as(struct query_run *run, const struct query_run *how, unsigned way)
{
    static const size_t pieces[] = {0, 1, 13, 64, 1000, 4096};

    *run = *how;
    run->piece = pieces[way % SFX_COUNT(pieces)];
    run->all_cells = way % 2 != 0;
    run->ahead = way % 4 > 1;
    run->lanes = way % 3 > 0;
    run->opts.memory_nbytes = way % 3 == 0 ? (uint64_t)1 << 20 : 0;
    sfx_cpu_force(cpus[way % SFX_COUNT(cpus)]);
}

/* The first way is the reference. */
static void same_in_all_ways(const struct query_run *how)
{
    /* What is read behind the records that head needs, or before an error, is refused or not. */
    const bool reads_all = strstr(how->program, "head") == NULL;
    unsigned way, refused = 0, first_refused = 0;
    struct sfx_reject_sink sink = {ignore, &refused};
    struct query_run first = {0}, run;
    int rc, first_rc = 0;

    for (way = 1; way < 13; way++) {
        run_as(&run, how, way);
        run.opts.rejects = &sink;
        refused = 0;
        rc = query_run(&run);
        if (way == 1) {
            first = run;
            first_rc = rc;
            first_refused = refused;
            continue;
        }
        if (rc != first_rc || (rc < 0 && strcmp(run.err.text, first.err.text) != 0) ||
            (reads_all && rc == 0 && refused != first_refused) ||
            (rc == 0 && run.counts.out != first.counts.out) ||
            !sfx_slice_eq(sfx_buf_slice(&run.output), sfx_buf_slice(&first.output)))
            fail_msg("%s: way %u differs: %d \"%s\", %" PRIu64
                     " out, %u refused, %zu bytes; first: %d "
                     "\"%s\", %" PRIu64 " out, %u refused, %zu bytes",
                     how->program, way, rc, run.err.text, run.counts.out, refused, run.output.len,
                     first_rc, first.err.text, first.counts.out, first_refused, first.output.len);
        sfx_buf_done(&run.output);
    }
    if (first_rc == 0)
        assert_int_equal(first.counts.rejected, first_refused);
    sfx_buf_done(&first.output);
    sfx_cpu_force(~UINT32_C(0));
}

/* A stage that does not parse would test nothing. */
static void every_stage_parses(void **unused)
{
    size_t i;

    (void)unused;
    for (i = 0; i < SFX_COUNT(stages); i++) {
        struct sfx_err err;
        struct sfx_program *program = sfx_program_new(stages[i], strlen(stages[i]), NULL, &err);

        if (program == NULL)
            fail_msg("%s: %s", stages[i], err.text);
        sfx_program_free(program);
    }
}

static void random_programs_give_the_same_bytes_in_all_ways(void **unused)
{
    static const char *const formats[] = {"csv", "csv", "tsv", "jsonl"};
    struct sfx_buf program = {0}, records = {0};
    const char *seed = getenv("SFX_SEED");
    unsigned i;

    (void)unused;
    state = (seed != NULL ? strtoull(seed, NULL, 10) : 1) * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (i = 0; i < NPROGRAMS; i++) {
        struct query_run how = {.to = formats[draw(SFX_COUNT(formats))]};

        draw_program(&program);
        draw_records(&records);
        how.program = sfx_buf_cstr(&program, NULL);
        how.input = sfx_buf_slice(&records);
        how.opts.on_error = (enum sfx_on_error)draw(3);
        same_in_all_ways(&how);
    }
    sfx_buf_done(&program);
    sfx_buf_done(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_parses),
        cmocka_unit_test(random_programs_give_the_same_bytes_in_all_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
