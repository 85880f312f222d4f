/* SPDX-License-Identifier: MIT */
/*
 * Readers that go on in the middle of a stream: what begins with a record and ends with one gives
 * the records that the stream has there, with their places.
 */
#include "base/size.h"
#include "record/format.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 4000
#define NTEXTS   300

static uint64_t state;

static unsigned draw(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % n);
}

struct piece {
    struct sfx_slice left;
    bool pauses; /* gives a few bytes at a time */
};

static ssize_t read_piece(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct piece *piece = ctx;
    size_t n = piece->left.len < cap ? piece->left.len : cap;

    (void)err;
    if (piece->pauses && n > 200)
        n = 200;
    if (n > 0)
        memcpy(ptr, piece->left.ptr, n);
    piece->left.ptr += n;
    piece->left.len -= n;
    return (ssize_t)n;
}

static bool would_block(void *ctx)
{
    return ((const struct piece *)ctx)->pauses;
}

/* The records of a stream, as far as they were read, and where those that are bad end. */
struct rows {
    struct sfx_row_origin at[MAX_ROWS];
    size_t count;
    uint64_t refused_end;
};

static int refuse(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    (void)err;
    ((struct rows *)ctx)->refused_end = r->offset + r->raw.len;
    return 0;
}

/* Reads up to `most` batches: what the last read gave. Bad records are rejects, or end it. */
static int read_rows(const struct sfx_reader_ops *ops, struct sfx_reader *reader, int most,
                     bool rejects, struct rows *rows)
{
    const struct sfx_reject_sink sink = {refuse, rows};
    struct sfx_batch batch;
    uint32_t i;
    int more = 1;

    assert_int_equal(sfx_batch_init(&batch, NULL), 0);
    while (more > 0 && most-- > 0) {
        more = ops->read(reader, &batch, rejects ? &sink : NULL, NULL);
        for (i = 0; more > 0 && i < batch.nrows; i++) {
            assert_true(rows->count < MAX_ROWS);
            rows->at[rows->count] = batch.rows[i];
            rows->at[rows->count++].raw.ptr = NULL; /* the block's, which goes on */
        }
    }
    sfx_batch_reset_schema(&batch);
    sfx_batch_done(&batch);
    return more;
}

static void draw_text(const char *format, struct sfx_buf *out)
{
    static const char *const csv[] = {
        "plain",      "\"quoted\"", "\"two\nlines\"", "\"a,b\n1,2\n\"",   "st\"ray", "\"\"",
        "\"q\"\"q\"", "",           "\"bad\" end",    "\"crlf\r\nin it\""};
    static const char *const json[] = {"1", "\"x\"", "null", "[1,{\"y\":\"\\n\"}]"};
    unsigned i, n = 20 + draw(150), dirt = draw(3);

    sfx_buf_clear(out);
    if (strcmp(format, "jsonl") != 0)
        (void)sfx_buf_puts(out, strcmp(format, "tsv") == 0 ? "a\tb\n" : "a,b\n", NULL);
    for (i = 0; i < n; i++) {
        const char *eol = draw(9) == 0 ? "\r\n" : "\n";

        if (strcmp(format, "jsonl") == 0)
            (void)sfx_buf_printf(out, NULL, "{\"a\":%u,\"b\":%s}%s", i, json[draw(4)],
                                 dirt > 1 && draw(20) == 0 ? "\n\n{broken\n" : eol);
        else if (strcmp(format, "tsv") == 0)
            (void)sfx_buf_printf(out, NULL, "%u\tb\\tc%s%s", i, draw(30) == 0 ? "\tragged" : "",
                                 eol);
        else
            (void)sfx_buf_printf(out, NULL, "%u,%s%s%s", i, csv[draw(dirt > 0 ? 10 : 4)],
                                 dirt > 1 && draw(20) == 0 ? ",ragged" : "", eol);
    }
}

/* What is read of text[from..to), which begins with record number `first`, is what rows say, if the
 * end proves to be one: true. */
static bool check_part(const struct sfx_reader_ops *ops, const struct sfx_reader *like,
                       struct sfx_slice text, uint64_t from, uint64_t to, const struct rows *rows,
                       size_t first)
{
    static struct rows part;
    struct piece piece = {sfx_slice(text.ptr + from, to - from), false};
    const struct sfx_byte_source source = {
        .read = read_piece, .ctx = &piece, .input = "in", .offset = from};
    const struct sfx_reader_opts opts = {0};
    struct sfx_reader *reader = ops->create(&opts, NULL);
    uint64_t offset, line;
    size_t i;
    int rc;

    assert_non_null(reader);
    part.count = 0;
    part.refused_end = 0;
    assert_int_equal(ops->resume(reader, like, &source, NULL), 1);
    /* One batch has all: whether the next one fails is known, too. */
    rc = read_rows(ops, reader, draw(2) ? 1 : 1000, draw(2), &part);
    if (!ops->tell(reader, &offset, &line) || offset != to || part.refused_end >= to)
        rc = -1;
    ops->destroy(reader);
    if (rc < 0)
        return false;
    for (i = 0; i < part.count; i++) {
        assert_true(first + i < rows->count);
        assert_int_equal(part.at[i].offset, rows->at[first + i].offset);
        assert_int_equal(part.at[i].raw.len, rows->at[first + i].raw.len);
        assert_int_equal(part.at[i].line - part.at[0].line,
                         rows->at[first + i].line - rows->at[first].line);
    }
    /* All that the stream has there, and nothing that goes beyond. */
    for (i = first; i < rows->count && rows->at[i].offset < to; i++)
        assert_true(rows->at[i].offset + rows->at[i].raw.len <= to);
    assert_int_equal(i - first, part.count);
    return true;
}

static void parts_that_end_with_a_record_are_as_the_stream_has_them(void **unused)
{
    static const char *const formats[] = {"csv", "csv", "csv", "tsv", "jsonl"};
    static struct rows rows;
    struct sfx_buf text = {0};
    unsigned i, nsound = 0, nwrong = 0;

    (void)unused;
    state = 88172645463325252;
    for (i = 0; i < NTEXTS; i++) {
        const char *name = formats[draw(SFX_COUNT(formats))];
        const struct sfx_reader_ops *ops = sfx_format_by_name(sfx_slice_str(name))->reader;
        const struct sfx_reader_opts opts = {0};
        struct sfx_reader *like = ops->create(&opts, NULL), *all = ops->create(&opts, NULL);
        struct piece first = {.pauses = true}, whole = {.pauses = false};
        struct sfx_byte_source source = {.read = read_piece, .would_block = would_block};
        size_t k;

        draw_text(name, &text);
        first.left = whole.left = sfx_buf_slice(&text);
        source.ctx = &whole;
        rows.count = 0;
        assert_int_equal(ops->open(all, &source, NULL), 0);
        assert_int_equal(read_rows(ops, all, 1000, true, &rows), 0);
        source.ctx = &first;
        assert_int_equal(ops->open(like, &source, NULL), 0);
        (void)read_rows(ops, like, 1, true, &(struct rows){0}); /* it knows the columns */
        for (k = 0; k < 10 && rows.count > 0; k++) {
            const size_t at = draw((unsigned)rows.count);
            const uint64_t from = rows.at[at].offset;
            const uint64_t guess = from + draw((unsigned)(text.len - from));
            const size_t border = ops->find_border(like, text.data + guess, text.len - guess);

            if (border == 0)
                continue;
            if (check_part(ops, like, sfx_buf_slice(&text), from, guess + border, &rows, at))
                nsound++;
            else
                nwrong++;
        }
        ops->destroy(like);
        ops->destroy(all);
    }
    sfx_buf_done(&text);
    assert_true(nsound > 1000);
    assert_true(nwrong > 10); /* what only seems to be a border is met, too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_that_end_with_a_record_are_as_the_stream_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
