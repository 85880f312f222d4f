/* SPDX-License-Identifier: MIT */
/*
 * Reads columns of fixed width: where an option says they stand, or where the first lines, one of
 * names before all, leave gaps that no line has text in.
 */
#include "record/fixed_internal.h"
#include "record/line_internal.h"

#include <stdlib.h>
#include <string.h>

#define GUESS_LINES  ((size_t)100)      /* that columns are guessed from */
#define GUESS_NBYTES ((size_t)64 << 10) /* the same, in bytes */
#define GUESS_CHARS  8192               /* of a line that is guessed from */

struct state {
    struct sfx_fixed_field *fields; /* owned */
    size_t nfields;
    bool told; /* by the option; else fields[] is what was guessed: begin and width of text */
    bool all;  /* no place of a line is left out */
};

static int create(struct sfx_reader *r, struct sfx_err *err)
{
    struct state *s = r->state;
    uint32_t next = 0;
    size_t i;
    int rc;

    if (r->opts.fields == NULL)
        return 0;
    rc = sfx_fixed_parse(r->opts.fields, &s->fields, &s->nfields, err);
    s->told = rc == 0;
    s->all = true;
    for (i = 0; i < s->nfields; i++) {
        s->all = s->all && s->fields[i].begin == next;
        next += s->fields[i].width;
    }
    return rc;
}

static void destroy(struct sfx_reader *r)
{
    free(((struct state *)r->state)->fields);
}

static struct sfx_slice trim(const char *begin, const char *end)
{
    while (begin < end && *begin == ' ')
        begin++;
    while (begin < end && end[-1] == ' ')
        end--;
    return sfx_slice(begin, (size_t)(end - begin));
}

/* Which places have text. */
struct places {
    uint8_t data[GUESS_CHARS]; /* in a line behind that of names */
    uint8_t name[GUESS_CHARS];
    size_t len;
};

static void mark(struct sfx_slice line, uint8_t *taken, size_t *len)
{
    const char *at = line.ptr;
    const char *end = at + line.len;
    size_t i;

    for (i = 0; at < end && i < GUESS_CHARS; i++) {
        taken[i] |= *at != ' ';
        at = sfx_fixed_skip(at, end, 1);
    }
    *len = *len < i ? i : *len;
}

/* Whether any place of from..to is taken. */
static bool any(const uint8_t *taken, size_t from, size_t to)
{
    return memchr(taken + from, 1, to - from) != NULL;
}

/*
 * Takes each run of places with text for a column, except that one behind a gap of a single place
 * is part of the one before when it has no name, or a name and nothing below: a space within.
 */
static int find_columns(struct state *s, const struct places *p, struct sfx_err *err)
{
    size_t at = 0, cap = 0;

    s->nfields = 0;
    while (at < p->len) {
        size_t begin = at, end;
        struct sfx_fixed_field *last;

        while (begin < p->len && (p->data[begin] | p->name[begin]) == 0)
            begin++;
        end = begin;
        while (end < p->len && (p->data[end] | p->name[end]) != 0)
            end++;
        at = end;
        if (begin == end)
            break;
        last = s->nfields > 0 ? &s->fields[s->nfields - 1] : NULL;
        if (last != NULL && begin == (size_t)last->begin + last->width + 1 &&
            (!any(p->name, begin, end) || !any(p->data, begin, end))) {
            last->width = (uint32_t)(end - last->begin);
            continue;
        }
        if (s->nfields == cap) {
            struct sfx_fixed_field *grown;

            cap = cap > 0 ? cap * 2 : 16;
            grown = realloc(s->fields, cap * sizeof(*grown));
            if (grown == NULL)
                return sfx_err_set(err, SFX_E_NOMEM, "no memory for columns");
            s->fields = grown;
        }
        s->fields[s->nfields++] =
            (struct sfx_fixed_field){.begin = (uint32_t)begin, .width = (uint32_t)(end - begin)};
    }
    return 0;
}

/* Looks at the first lines; the first that is not blank has the names, and is taken. */
static int guess(struct sfx_reader *r, struct sfx_err *err)
{
    struct state *s = r->state;
    struct places *p = calloc(1, sizeof(*p));
    struct sfx_slice line, names = {0};
    const size_t most =
        r->block.max_nbytes < GUESS_NBYTES ? (size_t)r->block.max_nbytes : GUESS_NBYTES;
    size_t pos = r->pos, next, seen = 0, i;
    int rc = p != NULL ? sfx_line_window(r, GUESS_LINES, most, err)
                       : sfx_err_set(err, SFX_E_NOMEM, "no memory for a guess");

    while (rc == 0 && seen < GUESS_LINES && sfx_line_at(r, pos, &line, &next) &&
           (next <= most || names.len == 0)) {
        if (names.len == 0) {
            r->pos = next;
            r->line++;
        }
        if (names.len > 0)
            mark(line, p->data, &p->len);
        else if (trim(line.ptr, line.ptr + line.len).len > 0)
            mark(names = line, p->name, &p->len);
        pos = next;
        seen++;
    }
    if (rc == 0)
        rc = find_columns(s, p, err);
    for (i = 0; rc == 0 && i < s->nfields; i++) {
        const char *end = names.ptr + names.len;
        const char *begin = sfx_fixed_skip(names.ptr, end, s->fields[i].begin);

        rc = sfx_line_add_unique(r, trim(begin, sfx_fixed_skip(begin, end, s->fields[i].width)),
                                 err);
    }
    free(p);
    return rc;
}

static int start(struct sfx_reader *r, struct sfx_err *err)
{
    const struct state *s = r->state;
    size_t i;
    int rc = 0;

    if (!s->told)
        return guess(r, err);
    for (i = 0; rc == 0 && i < s->nfields; i++)
        rc = sfx_line_add_unique(r, s->fields[i].name, err);
    return rc;
}

static void put(struct sfx_reader *r, size_t i, uint32_t at, const char *begin, const char *end)
{
    const struct sfx_slice text = trim(begin, end);

    r->schema.columns[i].cells[at] = sfx_line_cell(text.ptr, text.ptr + text.len);
}

/* Cuts a line where the option says. */
static enum sfx_line_verdict take_told(struct sfx_reader *r, struct sfx_slice line, uint32_t at)
{
    const struct state *s = r->state;
    const char *end = line.ptr + line.len;
    const char *p = line.ptr;
    size_t i, place = 0;

    for (i = 0; i < s->nfields; i++) {
        const struct sfx_fixed_field *f = &s->fields[i];
        const char *begin = sfx_fixed_skip(p, end, f->begin - place);

        p = f->width > 0 ? sfx_fixed_skip(begin, end, f->width) : end;
        place = (size_t)f->begin + f->width;
        put(r, i, at, begin, p);
    }
    if (s->all && trim(p, end).len > 0)
        return sfx_line_bad(r, (int64_t)s->nfields - 1, "text behind the last field");
    return SFX_LINE_TAKEN;
}

/* Cuts a line at a space within each gap, the first one that there is. */
static enum sfx_line_verdict take_guessed(struct sfx_reader *r, struct sfx_slice line, uint32_t at)
{
    const struct state *s = r->state;
    const char *end = line.ptr + line.len;
    const char *begin = line.ptr; /* of the field */
    const char *p = line.ptr;     /* `place` characters into the line */
    size_t i, place = 0;

    for (i = 0; i + 1 < s->nfields; i++) {
        const size_t gap = (size_t)s->fields[i].begin + s->fields[i].width;
        const size_t next = s->fields[i + 1].begin;

        p = sfx_fixed_skip(p, end, gap - place);
        for (place = gap; place < next && p < end && *p != ' '; place++)
            p = sfx_fixed_skip(p, end, 1);
        if (place == next && p < end)
            return sfx_line_bad(r, (int64_t)i, "text across two columns");
        put(r, i, at, begin, p);
        begin = p;
    }
    put(r, i, at, begin, end);
    return SFX_LINE_TAKEN;
}

static enum sfx_line_verdict take(struct sfx_reader *r, struct sfx_slice line, uint32_t at,
                                  bool may_add, struct sfx_err *err)
{
    const struct state *s = r->state;

    (void)may_add;
    (void)err;
    r->nfields = (uint32_t)s->nfields;
    if (s->nfields == 0 || trim(line.ptr, line.ptr + line.len).len == 0)
        return SFX_LINE_SKIPPED;
    return s->told ? take_told(r, line, at) : take_guessed(r, line, at);
}

static const struct sfx_line_format format = {
    .state_nbytes = sizeof(struct state),
    .create = create,
    .start = start,
    .take = take,
    .destroy = destroy,
};

static struct sfx_reader *fixed_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return sfx_line_create(&format, opts, err);
}

const struct sfx_reader_ops sfx_fixed_reader = {
    .create = fixed_create,
    .open = sfx_line_open,
    .read = sfx_line_read,
    .destroy = sfx_line_destroy,
};
