/* SPDX-License-Identifier: MIT */
/* Inputs that grow: between the operand and its reader, and what is remembered of them. */
#include "run/growing.h"

#include "base/clock.h"
#include "record/encoding.h"

#include <string.h>
#include <unistd.h>

#define SAVE_NS 1000000000 /* between two saves of a run that goes on */

/* Formats whose records are lines, so that a place between two of them is a place to go on from. */
static bool has_lines(const struct sfx_format *format)
{
    static const char *const names[] = {"csv",    "tsv", "jsonl",    "lines", "logfmt",
                                        "syslog", "clf", "combined", NULL};
    size_t i;

    for (i = 0; names[i] != NULL && strcmp(format->name, names[i]) != 0; i++)
        ;
    return names[i] != NULL;
}

static int check(const struct sfx_growing *g, const struct sfx_format *format, struct sfx_err *err)
{
    const char *name = sfx_input_name(g->tail.in);
    struct sfx_slice head;
    int rc;

    if (g->tail.fd >= 0 && g->follow && !has_lines(format))
        return sfx_err_set(err, SFX_E_USAGE, "%s: --follow reads formats of lines, not %s", name,
                           format->name);
    if (g->state == NULL)
        return 0;
    rc = sfx_input_peek(g->tail.in, &head, err);
    if (rc == 0 && sfx_encoding_of_mark(head) != NULL)
        rc = sfx_err_set(err, SFX_E_USAGE, "%s: --state cannot go on within %s", name,
                         sfx_encoding_of_mark(head));
    if (rc < 0)
        return rc;
    if (g->tail.fd < 0)
        return sfx_err_set(err, SFX_E_USAGE,
                           "%s: is no plain file: --state cannot tell where to go on in it", name);
    if (!has_lines(format))
        return sfx_err_set(err, SFX_E_USAGE, "%s: --state cannot go on within %s", name,
                           format->name);
    return 0;
}

int sfx_growing_open(struct sfx_growing *g, struct sfx_records *records, bool last,
                     struct sfx_err *err)
{
    struct sfx_byte_source source = {
        .read = sfx_tail_read, .ctx = &g->tail, .would_block = sfx_tail_would_block};
    int rc;

    sfx_records_read_from(records, NULL);
    /* A pipe is waited on by whoever reads it. */
    g->active =
        g->state != NULL || (g->follow && last && sfx_input_fd(sfx_records_input(records)) >= 0);
    g->end = 0;
    g->place = (struct sfx_state_place){0};
    g->has_head = false;
    if (!g->active)
        return 0;
    g->tail = (struct sfx_tail){
        .stop = g->stop, .follow = g->follow && last, .tick = g->tick, .tick_ctx = g->tick_ctx};
    rc = sfx_tail_init(&g->tail, sfx_records_input(records), err);
    if (rc == 0)
        rc = check(g, sfx_records_format(records), err);
    if (rc < 0)
        return rc;
    if (g->state != NULL &&
        sfx_state_find(g->state, g->tail.fd, &g->tail.st, sfx_input_name(g->tail.in), &g->place)) {
        g->has_head = true;
        g->tail.head = g->place.head;
        g->tail.skip_to = g->place.offset;
        source.offset = g->place.offset - g->place.head;
        source.line = g->place.line - g->place.head_line;
    }
    sfx_records_read_from(records, &source);
    return 0;
}

/* A record that begins on line, at offset, of these bytes has been read. */
static void reach(struct sfx_growing *g, uint64_t line, uint64_t offset, struct sfx_slice raw)
{
    const char *at = raw.ptr, *end = raw.ptr + raw.len;

    if (!g->has_head) {
        g->place.head = offset;
        g->place.head_line = line;
        g->has_head = true;
    }
    if (offset + raw.len < g->end)
        return;
    g->end = offset + raw.len;
    g->end_line = line;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        g->end_line++;
        at++;
    }
}

void sfx_growing_note(struct sfx_growing *g, const struct sfx_batch *batch)
{
    const struct sfx_row_origin *last;

    if (!g->active || batch->nrows == 0)
        return;
    last = &batch->rows[batch->nrows - 1];
    if (!g->has_head)
        reach(g, batch->rows[0].line, batch->rows[0].offset, batch->rows[0].raw);
    reach(g, last->line, last->offset, last->raw);
}

void sfx_growing_refused(struct sfx_growing *g, const struct sfx_reject *r)
{
    if (g->active && r->line > 0)
        reach(g, r->line, r->offset, r->raw);
}

bool sfx_growing_has_ended(const struct sfx_growing *g)
{
    return g->active && g->tail.end != SFX_TAIL_OPEN;
}

bool sfx_growing_is_rotated(const struct sfx_growing *g)
{
    return g->tail.end == SFX_TAIL_ROTATED && !sfx_growing_is_stopped(g);
}

bool sfx_growing_is_stopped(const struct sfx_growing *g)
{
    return g->stop != NULL && *g->stop != 0;
}

int sfx_growing_set(struct sfx_growing *g, struct sfx_err *err)
{
    char eol[2] = "";
    ssize_t n;

    if (!g->active || g->state == NULL || g->end == 0)
        return 0;
    n = pread(g->tail.fd, eol, sizeof(eol), (off_t)g->end);
    g->place.offset = g->end;
    g->place.line = g->end_line;
    if (n > 0 && (eol[0] == '\n' || eol[0] == '\r')) {
        g->place.offset += n == 2 && eol[0] == '\r' && eol[1] == '\n' ? 2 : 1;
        g->place.line++;
    }
    return sfx_state_set(g->state, g->tail.fd, &g->tail.st, sfx_input_name(g->tail.in), &g->place,
                         err);
}

int sfx_growing_save(struct sfx_growing *g, struct sfx_err *err)
{
    const int64_t now_ns = sfx_clock_mono_ns();
    int rc;

    if (g->state == NULL || now_ns - g->saved_ns < SAVE_NS)
        return 0;
    g->saved_ns = now_ns;
    rc = sfx_growing_set(g, err);
    return rc == 0 ? sfx_state_save(g->state, err) : rc;
}

void sfx_growing_close(struct sfx_growing *g)
{
    if (g->active)
        sfx_tail_done(&g->tail);
    g->active = false;
}
