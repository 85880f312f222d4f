/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as CSV with options, the first two bytes choosing them and how the others come: the
 * pieces make no difference, and what was written is read again as the same.
 */
#include "../unit/record_fixture.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the spelling of the options: read again it gives the same JSON. */
static void check_again(const struct record_opts *opts, const struct record_source *source)
{
    const struct sfx_reader_opts same = {
        .delimiter = ';', .escape = opts->reader->escape, .null_text = opts->reader->null_text};
    const struct sfx_writer_opts writer = {
        .delimiter = ';', .escape = opts->reader->escape, .null_text = opts->reader->null_text};
    struct record_opts out = *opts;
    const struct record_opts again = {.format = "csv", .reader = &same};
    struct sfx_buf csv = {0}, json = {0}, json_again = {0};
    struct record_source written;
    struct sfx_err err;

    out.writer = &writer;
    if (record_convert(opts, "jsonl", source, &json, &err) == 0 &&
        record_convert(&out, "csv", source, &csv, &err) == 0) {
        written = (struct record_source){.text = sfx_buf_slice(&csv)};
        assert(record_convert(&again, "jsonl", &written, &json_again, &err) == 0);
        assert(sfx_slice_eq(sfx_buf_slice(&json), sfx_buf_slice(&json_again)));
    }
    sfx_buf_done(&csv);
    sfx_buf_done(&json);
    sfx_buf_done(&json_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned how = size > 0 ? data[0] : 0;
    const unsigned which = size > 1 ? data[1] : 0;
    const size_t skip = size < 2 ? size : 2;
    const struct sfx_reader_opts reader = {
        .sniff = (which & 1) != 0,
        .escape = which & 2 ? '\\' : '\0',
        .comment = which & 4 ? '#' : '\0',
        .null_text = which & 8 ? "NA" : NULL,
        .ragged = which & 16 ? SFX_RAGGED_FILL : SFX_RAGGED_REFUSE,
        .skip_lines = which >> 6,
        .no_header = (which & 32) != 0,
    };
    const struct record_opts opts = {
        .format = "csv", .reader = &reader, .rejects = (how & 32) != 0};
    const struct record_source source = {.text = sfx_slice((const char *)data + skip, size - skip),
                                         .chunk = how & 15,
                                         .pauses = (how & 16) != 0};

    record_check_pieces(&opts, &source);
    if (!reader.no_header && reader.ragged == SFX_RAGGED_REFUSE && !reader.sniff)
        check_again(&opts, &source);
    return 0;
}
