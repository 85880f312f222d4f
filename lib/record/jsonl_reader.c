/* SPDX-License-Identifier: MIT */
/* Reads JSON Lines, and JSON that is an array of objects or objects one after another. */
#include "record/format_internal.h"
#include "record/jsonl_internal.h"

#include <stdlib.h>
#include <string.h>

struct sfx_reader {
    struct sfx_reader_opts opts;
    bool lines;
    struct sfx_block block;
    struct sfx_jsonl_object object;
    struct sfx_jsonl_split split;
    bool started;
    bool kept; /* a record that was found but needs a new column: first of the next batch */
    struct sfx_slice record;
    uint64_t record_line;
    int failed; /* <0: the stream cannot be read further, for this reason: */
    struct sfx_err failure;
};

static void jsonl_destroy(struct sfx_reader *r)
{
    if (r == NULL)
        return;
    sfx_block_done(&r->block);
    sfx_jsonl_object_done(&r->object);
    free(r);
}

static struct sfx_reader *create(const struct sfx_reader_opts *opts, bool lines,
                                 struct sfx_err *err)
{
    struct sfx_reader *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
        return NULL;
    }
    r->opts = sfx_reader_opts_fill(opts);
    r->lines = lines;
    r->object.lines = lines;
    r->object.max_field_nbytes = r->opts.max_field_nbytes;
    r->object.max_depth = r->opts.max_depth;
    return r;
}

static struct sfx_reader *jsonl_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return create(opts, true, err);
}

static struct sfx_reader *json_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return create(opts, false, err);
}

/* Begins on src with the columns that there are. */
static int restart(struct sfx_reader *r, const struct sfx_byte_source *src, struct sfx_err *err)
{
    r->split = (struct sfx_jsonl_split){.state = r->lines ? SFX_JSONL_LINES : SFX_JSONL_START,
                                        .line = 1 + src->line,
                                        .begin_line = 1 + src->line};
    r->started = false;
    r->kept = false;
    r->failed = 0;
    return sfx_block_open(&r->block, src, r->opts.max_record_nbytes, r->opts.ahead, err);
}

static int jsonl_open(struct sfx_reader *r, const struct sfx_byte_source *src, struct sfx_err *err)
{
    sfx_jsonl_object_reset(&r->object);
    return restart(r, src, err);
}

static uint64_t offset_of(const struct sfx_reader *r, const char *ptr)
{
    return r->block.offset + (uint64_t)(ptr - r->block.data);
}

/* Skips a byte order mark. */
static int start(struct sfx_reader *r, struct sfx_err *err)
{
    int rc = sfx_block_skip_mark(&r->block, &r->split.pos, err);

    if (rc == 0)
        rc =
            sfx_block_skip_lines(&r->block, r->opts.skip_lines, &r->split.pos, &r->split.line, err);
    r->split.begin = r->split.pos;
    r->started = rc == 0;
    return rc;
}

/* Gives the record to rejects, or makes it an error; why says what is wrong with it. */
static int refuse(const struct sfx_reader *r, const struct sfx_reject_sink *rejects,
                  const struct sfx_err *why, struct sfx_err *err)
{
    const uint64_t offset = offset_of(r, r->record.ptr);
    const struct sfx_reject reject = {
        .input = r->block.src.input,
        .member = r->block.src.member,
        .line = r->record_line,
        .offset = offset,
        .code = sfx_code_name(why->code),
        .reason = why->text,
        .raw = r->record,
    };
    int rc;

    if (rejects != NULL)
        return rejects->put(rejects->ctx, &reject, err);
    rc = sfx_err_set(err, why->code, "%s", why->text);
    return sfx_block_blame(&r->block, r->record_line, offset, rc, err);
}

/* Finds the next record. 1: r->record is it; 0: the block would have to move, or the end. */
static int find(struct sfx_reader *r, bool may_move, struct sfx_err *err)
{
    struct sfx_jsonl_split *s = &r->split;

    for (;;) {
        const enum sfx_jsonl_found found = sfx_jsonl_split_next(
            s, r->block.data, r->block.len, r->block.eof, &r->record, &r->record_line, err);
        const size_t used = s->begin;
        int rc;

        if (found == SFX_JSONL_FOUND)
            return 1;
        if (found == SFX_JSONL_BROKEN)
            return sfx_block_blame(&r->block, s->line, r->block.offset + s->pos, SFX_E_INPUT, err);
        if (r->block.eof || !may_move)
            return 0;
        rc = sfx_block_fill(&r->block, used, s->inside ? s->begin_line : s->line, err);
        if (rc < 0)
            return rc;
        s->pos -= used;
        s->begin -= used;
    }
}

/* Parses r->record into row n. 1: done; 0: it must wait for the next batch, or was refused. */
static int take_record(struct sfx_reader *r, struct sfx_batch *batch, uint32_t n,
                       const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_err why;
    uint32_t nfields = 0;
    enum sfx_jsonl_verdict verdict;
    int rc;

    rc = sfx_block_check(&r->block, r->record.len, r->record_line,
                         (size_t)(r->record.ptr - r->block.data), err);
    if (rc < 0)
        return rc;
    verdict = sfx_jsonl_object_parse(&r->object, r->record, n, n == 0, &nfields, &why);
    r->kept = verdict == SFX_JSONL_NEW_COLUMN;
    switch (verdict) {
    case SFX_JSONL_OK:
        batch->rows[n] = (struct sfx_row_origin){.raw = r->record,
                                                 .line = r->record_line,
                                                 .offset = offset_of(r, r->record.ptr),
                                                 .nfields = nfields};
        return 1;
    case SFX_JSONL_NEW_COLUMN: return 0;
    case SFX_JSONL_BAD: return refuse(r, rejects, &why, err);
    default:
        if (err != NULL)
            *err = why;
        return SFX_E_NOMEM;
    }
}

/* Fills batch up to a new column or where the block would have to move: *n rows. */
static int read_rows(struct sfx_reader *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, uint32_t *n, struct sfx_err *err)
{
    int rc = r->started ? 0 : start(r, err);

    while (rc >= 0 && *n < SFX_BATCH_ROWS) {
        if (!r->kept)
            rc = find(r, *n == 0, err);
        if (rc <= 0 && !r->kept)
            break;
        rc = take_record(r, batch, *n, rejects, err);
        if (rc == 1)
            (*n)++;
        if (r->kept)
            break;
    }
    return rc < 0 ? rc : 0;
}

static int jsonl_read(struct sfx_reader *r, struct sfx_batch *batch,
                      const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    const struct sfx_schema *schema = &r->object.schema;
    uint32_t n = 0;
    int rc;

    if (r->failed == 0 && r->block.lent)
        r->failed = sfx_schema_flip(&r->object.schema, r->opts.ahead, &r->failure);
    if (r->failed == 0)
        r->failed = read_rows(r, batch, rejects, &n, &r->failure);
    r->block.lent = r->opts.ahead > 0 && n > 0;
    /* The records before a failure go on first, wherever the block or batch began. */
    if (r->failed < 0 && n == 0) {
        if (err != NULL)
            *err = r->failure;
        return r->failed;
    }
    sfx_schema_seal(&r->object.schema);
    rc = sfx_batch_set_columns(batch, schema->columns, schema->ncols, schema->id, err);
    if (rc < 0)
        return rc;
    batch->input = r->block.src.input;
    batch->member = r->block.src.member;
    batch->eol = SFX_EOL_LF;
    batch->dialect = 0;
    batch->open_schema = true;
    sfx_batch_select_all(batch, n);
    return n > 0;
}

static bool jsonl_tell(const struct sfx_reader *r, uint64_t *offset, uint64_t *line)
{
    *offset = r->kept ? offset_of(r, r->record.ptr) : r->block.offset + r->split.begin;
    *line = r->kept ? r->record_line : r->split.line;
    return r->failed == 0;
}

static int jsonl_resume(struct sfx_reader *r, const struct sfx_reader *like,
                        const struct sfx_byte_source *src, struct sfx_err *err)
{
    const struct sfx_schema *from = &like->object.schema;
    int rc = 0;

    if (!like->started || like->failed < 0)
        return 0;
    if (r != like && (r->object.schema.id != from->id || r->object.schema.ncols != from->ncols))
        rc = sfx_jsonl_object_copy(&r->object, &like->object, err);
    if (rc == 0)
        rc = restart(r, src, err);
    r->started = true;
    return rc < 0 ? rc : 1;
}

/* A line feed is no part of JSON but between tokens, where a record has ended. */
static size_t jsonl_find_border(const struct sfx_reader *like, const char *data, size_t len)
{
    const char *end = memchr(data, '\n', len);

    (void)like;
    return end != NULL ? (size_t)(end - data) + 1 : 0;
}

const struct sfx_reader_ops sfx_jsonl_reader = {
    .create = jsonl_create,
    .open = jsonl_open,
    .read = jsonl_read,
    .destroy = jsonl_destroy,
    .ahead = true,
    .tell = jsonl_tell,
    .resume = jsonl_resume,
    .find_border = jsonl_find_border,
};
const struct sfx_reader_ops sfx_json_reader = {
    .create = json_create,
    .open = jsonl_open,
    .read = jsonl_read,
    .destroy = jsonl_destroy,
    .ahead = true,
};
