/* SPDX-License-Identifier: MIT */
/* Where JSON records begin and end: lines, or the elements of an array, or objects in a row. */
#include "record/jsonl_internal.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_blank(struct sfx_slice line)
{
    size_t i = 0;

    while (i < line.len && is_space(line.ptr[i]))
        i++;
    return i == line.len;
}

static enum sfx_jsonl_found next_line(struct sfx_jsonl_split *s, const char *data, size_t len,
                                      bool last, struct sfx_slice *record, uint64_t *line)
{
    do {
        const char *nl = memchr(data + s->pos, '\n', len - s->pos);
        size_t end = nl != NULL ? (size_t)(nl - data) : len;

        s->pos = nl != NULL ? end + 1 : len;
        if (nl == NULL && (!last || s->begin == len))
            return SFX_JSONL_MORE;
        while (end > s->begin && data[end - 1] == '\r')
            end--; /* white space, but not to be taken for a line end when it is written */
        *record = sfx_slice(data + s->begin, end - s->begin);
        *line = s->line++;
        s->begin = s->pos;
    } while (is_blank(*record));
    return SFX_JSONL_FOUND;
}

static enum sfx_jsonl_found broken(const char *what, struct sfx_err *err)
{
    (void)sfx_err_set(err, SFX_E_INPUT, "%s", what);
    return SFX_JSONL_BROKEN;
}

/* A byte between records: FOUND when a record begins with it. */
static enum sfx_jsonl_found between(struct sfx_jsonl_split *s, char c, struct sfx_err *err)
{
    switch (s->state) {
    case SFX_JSONL_START:
        if (c != '[' && c != '{')
            return broken("neither an array nor an object begins here", err);
        s->state = c == '[' ? SFX_JSONL_FIRST : SFX_JSONL_OBJECTS;
        return c == '[' ? SFX_JSONL_MORE : SFX_JSONL_FOUND;
    case SFX_JSONL_FIRST:
        if (c == ']') {
            s->state = SFX_JSONL_END;
            return SFX_JSONL_MORE;
        }
        return c == ',' ? broken("an element is missing before ','", err) : SFX_JSONL_FOUND;
    case SFX_JSONL_ELEMENT:
        return c == ',' || c == ']' ? broken("an element is missing behind ','", err)
                                    : SFX_JSONL_FOUND;
    case SFX_JSONL_BEHIND:
        if (c != ',' && c != ']')
            return broken("neither ',' nor ']' behind an element", err);
        s->state = c == ',' ? SFX_JSONL_ELEMENT : SFX_JSONL_END;
        return SFX_JSONL_MORE;
    case SFX_JSONL_OBJECTS:
        return c == '{' ? SFX_JSONL_FOUND : broken("no object begins here", err);
    default: return broken("text behind the end of the array", err);
    }
}

/* A byte within a record. True when the record ends before (*extra 0) or with it (1). */
static bool within(struct sfx_jsonl_split *s, char c, size_t *extra)
{
    *extra = 0;
    if (s->in_string) {
        if (s->in_escape || c == '\\')
            s->in_escape = !s->in_escape;
        else
            s->in_string = c != '"';
        return false;
    }
    switch (c) {
    case '"': s->in_string = true; return false;
    case '[':
    case '{': s->depth++; return false;
    case ']':
    case '}':
        if (s->depth == 0)
            return true;
        *extra = 1;
        return --s->depth == 0;
    default: return s->depth == 0 && (c == ',' || is_space(c));
    }
}

/* At the end of the stream. */
static enum sfx_jsonl_found at_end(const struct sfx_jsonl_split *s, struct sfx_err *err)
{
    if (s->inside)
        return broken("the input ends within a value", err);
    if (s->state == SFX_JSONL_FIRST || s->state == SFX_JSONL_ELEMENT ||
        s->state == SFX_JSONL_BEHIND)
        return broken("the input ends before the array's ']'", err);
    return SFX_JSONL_MORE;
}

static enum sfx_jsonl_found next_element(struct sfx_jsonl_split *s, const char *data, size_t len,
                                         bool last, struct sfx_slice *record, uint64_t *line,
                                         struct sfx_err *err)
{
    for (; s->pos < len; s->pos++) {
        const char c = data[s->pos];
        size_t extra;

        if (!s->inside && !is_space(c)) {
            const enum sfx_jsonl_found found = between(s, c, err);

            if (found == SFX_JSONL_BROKEN)
                return found;
            if (found == SFX_JSONL_FOUND) {
                s->inside = true;
                s->begin = s->pos;
                s->begin_line = s->line;
            }
        }
        if (s->inside && within(s, c, &extra)) {
            s->pos += extra;
            *record = sfx_slice(data + s->begin, s->pos - s->begin);
            *line = s->begin_line;
            s->inside = false;
            s->begin = s->pos;
            if (s->state != SFX_JSONL_OBJECTS)
                s->state = SFX_JSONL_BEHIND;
            return SFX_JSONL_FOUND;
        }
        s->line += c == '\n';
    }
    if (!s->inside)
        s->begin = s->pos;
    return last ? at_end(s, err) : SFX_JSONL_MORE;
}

enum sfx_jsonl_found sfx_jsonl_split_next(struct sfx_jsonl_split *s, const char *data, size_t len,
                                          bool last, struct sfx_slice *record, uint64_t *line,
                                          struct sfx_err *err)
{
    return s->state == SFX_JSONL_LINES ? next_line(s, data, len, last, record, line)
                                       : next_element(s, data, len, last, record, line, err);
}
