/* SPDX-License-Identifier: MIT */
/* Parts as jobs: where a part ends is found out one after the other, what it holds at the same
 * time. */
#include "query/records_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Where to look for a border: a few records, then what a long one may take. The part and all of it
 * fit in a block of a reader. */
#define NEAR_NBYTES     ((size_t)4 << 10)
#define FAR_NBYTES      ((size_t)64 << 10)
#define MIN_PART_NBYTES ((uint64_t)16 << 10)
#define MAX_PART_NBYTES ((uint64_t)192 << 10)

struct part {
    uint64_t begin, end; /* of the file; end 0: there is no such part */
    uint64_t at;         /* the next byte that its reader gets */
    struct sfx_parts *parts;
    struct sfx_reader *reader;
    bool sound;     /* it ends with a record, and has no column that was not known */
    uint64_t lines; /* that it has */
    struct sfx_batch batches[SFX_PARTS_BATCHES];
    size_t nbatches, ntaken;
    struct sfx_held_rejects refused[SFX_PARTS_BATCHES + 1]; /* before each batch, and behind them */
    struct sfx_held_rejects *refusing;
    char window[FAR_NBYTES];
};

struct sfx_parts {
    struct sfx_relay *relay;
    size_t nslots;
    struct part *slots;
    /* Of the stream in hand: */
    const struct sfx_format *format;
    const struct sfx_reader *like;
    struct sfx_byte_source source;
    struct sfx_batch_work work;
    bool keeps_refused;
    int fd;
    uint64_t nbytes, step, schema_id;
    uint64_t next; /* where the next part begins */
    /* The caller's: */
    struct part *part; /* whose batches are taken; NULL: none */
    struct sfx_parts_place place;
};

struct sfx_parts *sfx_parts_new(struct sfx_relay *relay, size_t nslots, struct sfx_err *err)
{
    struct sfx_parts *p = calloc(1, sizeof(*p));
    size_t i, k;
    int rc = 0;

    if (p != NULL)
        p->slots = calloc(nslots, sizeof(*p->slots));
    if (p == NULL || p->slots == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory to read in parts");
        free(p);
        return NULL;
    }
    p->relay = relay;
    p->nslots = nslots;
    for (i = 0; i < nslots; i++) {
        p->slots[i].parts = p;
        for (k = 0; k < SFX_PARTS_BATCHES && rc == 0; k++)
            rc = sfx_batch_init(&p->slots[i].batches[k], err);
    }
    if (rc == 0)
        return p;
    sfx_parts_free(p);
    return NULL;
}

/* --- in any thread --------------------------------------------------------------------------- */

static ssize_t read_part(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct part *part = ctx;
    const uint64_t left = part->end - part->at;
    ssize_t n = pread(part->parts->fd, ptr, cap < left ? cap : (size_t)left, (off_t)part->at);

    if (n < 0)
        return sfx_err_errno(err, errno, "%s", part->parts->source.input);
    part->at += (uint64_t)n;
    return n;
}

/* Where a record seems to begin not far behind `from`; 0: nowhere. */
static uint64_t find_border(const struct sfx_parts *p, struct part *part, uint64_t from)
{
    static const size_t windows[] = {NEAR_NBYTES, FAR_NBYTES};
    size_t i, at;

    for (i = 0; i < 2; i++) {
        const ssize_t n = pread(p->fd, part->window, windows[i], (off_t)from);

        at = n > 0 ? p->format->reader->find_border(p->like, part->window, (size_t)n) : 0;
        if (at > 0)
            return from + at;
    }
    return 0;
}

/* A part ends well before the file does: what is at its end may have no line end. */
static bool begin_part(void *ctx, size_t slot)
{
    struct sfx_parts *p = ctx;
    struct part *part = &p->slots[slot];

    part->begin = part->at = p->next;
    part->end = p->nbytes - p->next > 2 * p->step ? find_border(p, part, p->next + p->step) : 0;
    p->next = part->end;
    return part->end > 0;
}

/* What is refused at the very end is perhaps the first half of a record. */
static int refuse(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct part *part = ctx;

    if (r->offset + r->raw.len >= part->end)
        part->sound = false;
    return sfx_held_rejects_put(part->refusing, r, err);
}

/* Starts the part's reader. */
static int resume(struct sfx_parts *p, struct part *part)
{
    struct sfx_byte_source source = p->source;

    source.read = read_part;
    source.ctx = part;
    source.would_block = NULL;
    source.offset = part->begin;
    source.line = 0;
    return p->format->reader->resume(part->reader, p->like, &source, NULL);
}

static void read_batches(struct sfx_parts *p, struct part *part)
{
    const struct sfx_reader_ops *ops = p->format->reader;
    const struct sfx_reject_sink sink = {refuse, part};
    struct sfx_err failure;
    uint64_t offset, line;
    int more = resume(p, part);

    part->sound = more > 0;
    while (part->sound && more > 0 && part->nbatches < SFX_PARTS_BATCHES) {
        struct sfx_batch *batch = &part->batches[part->nbatches];

        part->refusing = &part->refused[part->nbatches];
        more = ops->read(part->reader, batch, p->keeps_refused ? &sink : NULL, &failure);
        part->nbatches += more > 0;
        if (more < 0 || batch->schema_id != p->schema_id)
            part->sound = false;
    }
    if (!ops->tell(part->reader, &offset, &line) || offset != part->end)
        part->sound = false;
    part->lines = line - 1;
}

static void work(void *ctx, size_t slot)
{
    struct sfx_parts *p = ctx;
    struct part *part = &p->slots[slot];
    size_t i;

    for (i = 0; i <= SFX_PARTS_BATCHES; i++)
        sfx_held_rejects_clear(&part->refused[i]);
    part->nbatches = part->ntaken = 0;
    part->sound = false;
    if (part->end == 0)
        return;
    read_batches(p, part);
    for (i = 0; p->work.run != NULL && part->sound && i < part->nbatches; i++)
        p->work.run(p->work.ctx, slot * SFX_PARTS_BATCHES + i, &part->batches[i]);
}

/* --- the caller ------------------------------------------------------------------------------ */

static void end_readers(struct sfx_parts *p)
{
    size_t i;

    for (i = 0; i < p->nslots; i++) {
        if (p->slots[i].reader != NULL)
            p->format->reader->destroy(p->slots[i].reader);
        p->slots[i].reader = NULL;
    }
}

/* Gives each slot a reader. */
static bool make_readers(struct sfx_parts *p, const struct sfx_format *format,
                         const struct sfx_reader_opts *opts)
{
    struct sfx_reader_opts own = *opts;
    size_t i;

    own.ahead = SFX_PARTS_BATCHES;
    if (p->format != format)
        end_readers(p);
    p->format = format;
    for (i = 0; i < p->nslots; i++) {
        if (p->slots[i].reader == NULL)
            p->slots[i].reader = format->reader->create(&own, NULL);
        if (p->slots[i].reader == NULL)
            return false;
    }
    return true;
}

bool sfx_parts_start(struct sfx_parts *p, const struct sfx_format *format,
                     const struct sfx_reader_opts *opts, const struct sfx_reader *reader, int fd,
                     uint64_t nbytes, uint64_t nrecords, const struct sfx_byte_source *source,
                     const struct sfx_batch_work *work_of, uint64_t schema_id, bool keeps_refused)
{
    const struct sfx_relay_jobs jobs = {begin_part, work, p, true};
    uint64_t offset, line;

    if (!format->reader->tell(reader, &offset, &line))
        return false;
    p->step = offset / nrecords * (SFX_BATCH_ROWS - SFX_BATCH_ROWS / 16);
    p->step = p->step < MIN_PART_NBYTES   ? MIN_PART_NBYTES
              : p->step > MAX_PART_NBYTES ? MAX_PART_NBYTES
                                          : p->step;
    if (nbytes < offset || nbytes - offset < SFX_AHEAD_MIN_NBYTES || !make_readers(p, format, opts))
        return false;
    p->like = reader;
    p->source = *source;
    p->work = *work_of;
    p->keeps_refused = keeps_refused;
    p->fd = fd;
    p->nbytes = nbytes;
    p->schema_id = schema_id;
    p->next = offset;
    p->place = (struct sfx_parts_place){offset, line};
    p->part = NULL;
    sfx_relay_start(p->relay, &jobs);
    return true;
}

int sfx_parts_read(struct sfx_parts *p, struct sfx_batch *batch, size_t *lane, uint64_t *lines,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct part *part = p->part;
    struct sfx_batch taken;
    uint32_t i;
    int rc = 0;

    *lines = p->place.line - 1;
    while (part == NULL || part->ntaken == part->nbatches) {
        if (part != NULL) {
            if (rejects != NULL)
                rc = sfx_held_rejects_hand_on(&part->refused[part->nbatches], *lines, rejects, err);
            p->place.offset = part->end;
            p->place.line += part->lines;
            *lines = p->place.line - 1;
        }
        p->part = NULL;
        if (rc < 0)
            return rc;
        part = &p->slots[sfx_relay_next(p->relay)];
        if (!part->sound)
            return 0;
        p->part = part;
    }
    if (rejects != NULL)
        rc = sfx_held_rejects_hand_on(&part->refused[part->ntaken], *lines, rejects, err);
    *lane = (size_t)(part - p->slots) * SFX_PARTS_BATCHES + part->ntaken;
    taken = part->batches[part->ntaken];
    part->batches[part->ntaken++] = *batch;
    *batch = taken;
    for (i = 0; i < batch->nrows; i++)
        batch->rows[i].line += *lines;
    return rc < 0 ? rc : 1;
}

void sfx_parts_stop(struct sfx_parts *p, struct sfx_parts_place *place)
{
    sfx_relay_stop(p->relay);
    p->part = NULL;
    *place = p->place;
}

void sfx_parts_free(struct sfx_parts *p)
{
    size_t i, k;

    if (p == NULL)
        return;
    sfx_relay_stop(p->relay);
    end_readers(p);
    for (i = 0; i < p->nslots; i++) {
        struct part *part = &p->slots[i];

        for (k = 0; k < SFX_PARTS_BATCHES; k++)
            sfx_batch_done(&part->batches[k]);
        for (k = 0; k <= SFX_PARTS_BATCHES; k++)
            sfx_held_rejects_done(&part->refused[k]);
    }
    free(p->slots);
    free(p);
}
