/* SPDX-License-Identifier: MIT */
/*
 * Reads web logs: the common log format (NCSA httpd) and the combined one (Apache httpd, nginx),
 *   host ident user [time] "request" status bytes ["referer" "agent" [rest]]
 * The request is also taken apart into method, path and protocol.
 */
#include "record/line_internal.h"
#include "record/weblog_internal.h"

#include <string.h>

enum column {
    HOST,
    IDENT,
    USER,
    TIME,
    REQUEST,
    METHOD,
    PATH,
    PROTOCOL,
    STATUS,
    BYTES,
    REFERER,
    AGENT,
    REST,
    COUNT
};

static const char *const names[] = {"host",    "ident", "user",     "time",   "request",
                                    "method",  "path",  "protocol", "status", "bytes",
                                    "referer", "agent", "rest",     NULL};

struct state {
    bool combined;
    bool rest; /* the first line has text behind the agent */
};

struct cursor {
    const char *at, *end;
    const char *reason; /* NULL: all is well */
    int64_t field;
};

static void fail(struct cursor *c, enum column field, const char *reason)
{
    if (c->reason == NULL) {
        c->reason = reason;
        c->field = field;
    }
}

/* Goes behind one space; what comes before is a field. */
static void take_space(struct cursor *c, enum column field)
{
    if (c->at < c->end && *c->at == ' ')
        c->at++;
    else
        fail(c, field, "no space behind a field");
}

/* Text up to the next space, or the end. */
static struct sfx_cell take_word(struct cursor *c, enum column field)
{
    const char *begin = c->at;

    while (c->at < c->end && *c->at != ' ')
        c->at++;
    if (c->at == begin)
        fail(c, field, "field is empty");
    return sfx_line_cell_or_dash(begin, c->at);
}

/* Digits, or a dash. */
static struct sfx_cell take_number(struct cursor *c, enum column field)
{
    const struct sfx_cell cell = take_word(c, field);
    uint32_t i;

    for (i = 0; i < cell.len && cell.kind != SFX_CELL_NULL; i++) {
        if (cell.ptr[i] < '0' || cell.ptr[i] > '9')
            fail(c, field, "not a number");
    }
    return cell;
}

/* A user may have spaces in its name: it ends before the bracket of the time. */
static struct sfx_cell take_user(struct cursor *c)
{
    const char *begin = c->at;
    const char *bracket = memmem(begin, (size_t)(c->end - begin), " [", 2);

    if (bracket == NULL || bracket == begin) {
        fail(c, bracket == NULL ? TIME : USER,
             bracket == NULL ? "no time in brackets" : "field is empty");
        return (struct sfx_cell){0};
    }
    c->at = bracket;
    return sfx_line_cell_or_dash(begin, bracket);
}

static struct sfx_cell take_time(struct cursor *c)
{
    const char *begin = c->at + 1;
    const char *close =
        c->at < c->end && *c->at == '[' ? memchr(begin, ']', (size_t)(c->end - begin)) : NULL;

    if (close == NULL) {
        fail(c, TIME, "no time in brackets");
        return (struct sfx_cell){0};
    }
    c->at = close + 1;
    return sfx_line_cell(begin, close);
}

static struct sfx_cell take_quoted(struct cursor *c, enum column field)
{
    const char *begin = c->at + 1;
    const char *p = begin;
    bool escaped = false;
    struct sfx_cell cell;

    if (c->at == c->end || *c->at != '"') {
        fail(c, field, "no quote where one should be");
        return (struct sfx_cell){0};
    }
    for (; p < c->end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < c->end) {
            escaped = true;
            p++;
        }
    }
    if (p >= c->end) {
        fail(c, field, "a quote is never closed");
        return (struct sfx_cell){0};
    }
    c->at = p + 1;
    cell = sfx_line_cell_or_dash(begin, p);
    cell.flags = (uint8_t)(SFX_CELL_QUOTED | (escaped ? SFX_CELL_ESCAPED : 0));
    cell.dialect = SFX_DIALECT_LOG;
    return cell;
}

/* A part of the request, spelled like the whole. */
static struct sfx_cell part_of(const struct sfx_cell *request, const char *begin, const char *end)
{
    struct sfx_cell cell = sfx_line_cell(begin, end);

    cell.flags = request->flags & SFX_CELL_ESCAPED;
    cell.dialect = cell.flags != 0 ? SFX_DIALECT_LOG : 0;
    return cell;
}

/* "GET /path HTTP/1.1", or without a protocol; of anything else there are no parts. */
static void split_request(struct sfx_cell cells[COUNT])
{
    const struct sfx_cell *request = &cells[REQUEST];
    const char *begin = request->ptr;
    const char *end = begin + request->len;
    const char *path = request->kind == SFX_CELL_TEXT ? memchr(begin, ' ', request->len) : NULL;
    const char *last;
    const char *p;

    cells[METHOD] = cells[PATH] = cells[PROTOCOL] = (struct sfx_cell){0};
    for (p = begin; path != NULL && p < path; p++) {
        if ((*p < 'A' || *p > 'Z') && *p != '-' && *p != '_')
            return;
    }
    if (path == NULL || path == begin || path + 1 == end)
        return;
    last = memrchr(path, ' ', (size_t)(end - path));
    if (last != path && end - last > 6 && memcmp(last + 1, "HTTP/", 5) == 0) {
        cells[PROTOCOL] = part_of(request, last + 1, end);
        end = last;
    }
    cells[METHOD] = part_of(request, begin, path);
    cells[PATH] = part_of(request, path + 1, end);
}

/* Takes what both formats have. */
static void take_common(struct cursor *c, struct sfx_cell cells[COUNT])
{
    cells[HOST] = take_word(c, HOST);
    take_space(c, HOST);
    cells[IDENT] = take_word(c, IDENT);
    take_space(c, IDENT);
    cells[USER] = c->reason == NULL ? take_user(c) : (struct sfx_cell){0};
    take_space(c, USER);
    cells[TIME] = c->reason == NULL ? take_time(c) : (struct sfx_cell){0};
    take_space(c, TIME);
    cells[REQUEST] = c->reason == NULL ? take_quoted(c, REQUEST) : (struct sfx_cell){0};
    take_space(c, REQUEST);
    cells[STATUS] = take_number(c, STATUS);
    take_space(c, STATUS);
    cells[BYTES] = take_number(c, BYTES);
}

static void take_combined(struct cursor *c, struct sfx_cell cells[COUNT])
{
    take_common(c, cells);
    take_space(c, BYTES);
    cells[REFERER] = c->reason == NULL ? take_quoted(c, REFERER) : (struct sfx_cell){0};
    take_space(c, REFERER);
    cells[AGENT] = c->reason == NULL ? take_quoted(c, AGENT) : (struct sfx_cell){0};
    cells[REST] = (struct sfx_cell){0};
    if (c->reason == NULL && c->at < c->end) {
        take_space(c, AGENT);
        cells[REST] = sfx_line_cell(c->at, c->end);
        c->at = c->end;
    }
}

static void take_all(struct cursor *c, bool combined, struct sfx_cell cells[COUNT])
{
    if (combined)
        take_combined(c, cells);
    else
        take_common(c, cells);
    if (c->reason == NULL && c->at != c->end)
        fail(c, BYTES, "text behind the last field");
}

bool sfx_weblog_matches(struct sfx_slice line, bool *combined)
{
    struct sfx_cell cells[COUNT];
    struct cursor c = {.at = line.ptr, .end = line.ptr + line.len};

    take_all(&c, false, cells);
    *combined = c.reason != NULL;
    if (c.reason == NULL)
        return true;
    c = (struct cursor){.at = line.ptr, .end = line.ptr + line.len};
    take_all(&c, true, cells);
    return c.reason == NULL;
}

static int start(struct sfx_reader *r, struct sfx_err *err)
{
    struct state *s = r->state;
    struct sfx_cell cells[COUNT];
    struct sfx_slice line;
    size_t next, i;
    int rc = 0;

    s->rest = false;
    if (s->combined && sfx_line_at(r, r->pos, &line, &next)) {
        struct cursor c = {.at = line.ptr, .end = line.ptr + line.len};

        take_all(&c, true, cells);
        s->rest = c.reason == NULL && cells[REST].kind != SFX_CELL_MISSING;
    }
    for (i = 0; rc >= 0 && i < (s->rest ? COUNT : s->combined ? REST : REFERER); i++)
        rc = sfx_schema_add(&r->schema, sfx_slice_str(names[i]), err);
    return rc < 0 ? rc : 0;
}

static enum sfx_line_verdict take(struct sfx_reader *r, struct sfx_slice line, uint32_t at,
                                  bool may_add, struct sfx_err *err)
{
    const struct state *s = r->state;
    struct cursor c = {.at = line.ptr, .end = line.ptr + line.len};
    struct sfx_cell cells[COUNT];
    size_t i;

    (void)may_add;
    (void)err;
    take_all(&c, s->combined, cells);
    if (c.reason == NULL && s->combined && !s->rest && cells[REST].kind != SFX_CELL_MISSING)
        fail(&c, AGENT, "text behind the agent, which the first line has not");
    if (c.reason != NULL)
        return sfx_line_bad(r, c.field, c.reason);
    split_request(cells);
    for (i = 0; i < r->schema.ncols; i++)
        r->schema.columns[i].cells[at] = cells[i];
    r->nfields = (uint32_t)r->schema.ncols;
    return SFX_LINE_TAKEN;
}

static const struct sfx_line_format format = {
    .state_nbytes = sizeof(struct state), .start = start, .take = take};

static struct sfx_reader *clf_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return sfx_line_create(&format, opts, err);
}

static struct sfx_reader *combined_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    struct sfx_reader *r = sfx_line_create(&format, opts, err);

    if (r != NULL)
        ((struct state *)r->state)->combined = true;
    return r;
}

const struct sfx_reader_ops sfx_clf_reader = {
    .create = clf_create,
    .open = sfx_line_open,
    .read = sfx_line_read,
    .destroy = sfx_line_destroy,
};
const struct sfx_reader_ops sfx_combined_reader = {
    .create = combined_create,
    .open = sfx_line_open,
    .read = sfx_line_read,
    .destroy = sfx_line_destroy,
};
