/* SPDX-License-Identifier: MIT */
/* parse of texts that name their values: JSON, URLs, forms, logfmt. */
#include "query/parse_internal.h"

#include "base/size.h"
#include "value/url.h"

#include <string.h>

/* --- json ----------------------------------------------------------------------------------------
 */

static int parse_json(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    size_t i;
    int rc = sfx_parse_columns(p, plan, true);

    for (i = 0; i < plan->ncols && rc == 0; i++) {
        struct sfx_parse_column *column = &plan->cols[i];
        struct sfx_json_path *path = sfx_arena_calloc(&p->program->arena, 1, sizeof(*path), p->err);

        if (path == NULL)
            return SFX_E_NOMEM;
        if (!sfx_json_path_parse(column->path, path))
            return sfx_program_err(p->program, column->path_at, p->err,
                                   "%.*s is not a path as a.b[0].c", SFX_SLICE_ARG(column->path));
        column->json = path;
    }
    return rc;
}

/* Gives the value of a member, of which r has just read the first token, to the columns that are
 * in it. */
static int take_member(struct sfx_eval *ev, const struct sfx_parse_plan *plan,
                       struct sfx_json_reader *r, const struct sfx_json_token *key,
                       const struct sfx_json_token *first, struct sfx_cell *cells)
{
    struct sfx_cell value, found;
    int rc = sfx_cell_read_json(r, first, &value, NULL);
    size_t i;

    for (i = 0; i < plan->ncols && rc >= 0; i++) {
        const struct sfx_json_path *path = plan->cols[i].json;

        if (path->nsteps == 0 || cells[i].kind != SFX_CELL_NULL)
            continue;
        rc = sfx_json_key_is(key, &path->steps[0], &ev->made);
        if (rc <= 0)
            continue;
        if (path->nsteps == 1)
            cells[i] = value;
        else if (value.kind == SFX_CELL_JSON_NESTED &&
                 (rc = sfx_json_path_find(path, 1, sfx_slice(value.ptr, value.len), &ev->made,
                                          &found)) > 0)
            cells[i] = found;
    }
    return rc < 0 ? rc : 0;
}

/* An object is walked once, whatever the number of columns. */
static int split_object(struct sfx_eval *ev, const struct sfx_parse_plan *plan,
                        struct sfx_json_reader *r, struct sfx_cell *cells)
{
    struct sfx_json_token key, first;
    int rc;

    while ((rc = sfx_json_next(r, &key, NULL)) > 0 && key.type == SFX_JSON_KEY) {
        rc = sfx_json_next(r, &first, NULL);
        if (rc > 0)
            rc = take_member(ev, plan, r, &key, &first, cells);
        if (rc < 0)
            return rc;
    }
    return rc > 0 ? sfx_json_next(r, &key, NULL) : rc; /* nothing may follow */
}

static int split_json(struct sfx_eval *ev, const struct sfx_parse_plan *plan, struct sfx_slice text,
                      struct sfx_cell *cells)
{
    struct sfx_json_reader r;
    struct sfx_json_token token;
    size_t i;
    int rc;

    sfx_json_reader_init(&r, text.ptr, text.len);
    rc = sfx_json_next(&r, &token, NULL);
    if (rc > 0 && token.type == SFX_JSON_OBJECT)
        rc = split_object(ev, plan, &r, cells);
    else if (rc > 0)
        rc = sfx_json_validate(text.ptr, text.len, NULL);
    for (i = 0; i < plan->ncols && rc >= 0; i++) {
        const struct sfx_json_path *path = plan->cols[i].json;

        if (path->nsteps == 0 || token.type != SFX_JSON_OBJECT)
            rc = sfx_json_path_find(path, 0, text, &ev->made, &cells[i]);
    }
    return rc == SFX_E_NOMEM ? rc : rc >= 0;
}

const struct sfx_parse_kind sfx_parse_json = {
    .name = "json",
    .reason = "is not JSON",
    .parse = parse_json,
    .split = split_json,
};

/* --- url and query
 * --------------------------------------------------------------------------------- */

#define QUERY_PREFIX "query."

/* Without a list: all parts. */
static int parse_url(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    struct sfx_slice prefix = SFX_SLICE_LIT(QUERY_PREFIX);
    const char *name;
    size_t i, part;
    int rc = sfx_parse_columns(p, plan, false);

    for (part = 0; rc == 0 && plan->ncols <= part && (name = sfx_url_part_name(part)) != NULL;
         part++) {
        if (plan->ncols == part &&
            sfx_parse_add_column(p, plan, sfx_slice_str(name), p->token.at) == NULL)
            return SFX_E_NOMEM;
    }
    for (i = 0; i < plan->ncols && rc == 0; i++) {
        struct sfx_parse_column *column = &plan->cols[i];

        if (column->path.len > prefix.len &&
            memcmp(column->path.ptr, prefix.ptr, prefix.len) == 0) {
            column->path.ptr += prefix.len;
            column->path.len -= prefix.len;
            column->decoded = true;
            continue;
        }
        for (part = 0; (name = sfx_url_part_name(part)) != NULL &&
                       !sfx_slice_eq(column->path, sfx_slice_str(name));
             part++)
            ;
        column->number = part;
        if (name == NULL)
            rc = sfx_program_err(p->program, column->path_at, p->err,
                                 "a URL has scheme, user, host, port, path, query, fragment and "
                                 "query.NAME");
    }
    return rc;
}

/* The value of an encoded form, in the text arena when it had to be decoded. */
static int decode_value(struct sfx_eval *ev, struct sfx_slice encoded, struct sfx_cell *cell)
{
    char *copy;
    int rc;

    if (encoded.ptr == NULL || (memchr(encoded.ptr, '%', encoded.len) == NULL &&
                                memchr(encoded.ptr, '+', encoded.len) == NULL)) {
        *cell = sfx_cell_string(encoded);
        return 0;
    }
    sfx_buf_clear(&ev->made);
    rc = sfx_url_decode(&ev->made, encoded, true);
    copy = rc == 0 ? sfx_eval_text(ev, ev->made.len) : NULL;
    if (copy == NULL)
        return SFX_E_NOMEM;
    memcpy(copy, ev->made.data, ev->made.len);
    *cell = sfx_cell_string(sfx_slice(copy, ev->made.len));
    return 0;
}

/* Gives the values of a query to the columns that are to be decoded; the first of a name counts. */
static int split_pairs(struct sfx_eval *ev, const struct sfx_parse_plan *plan,
                       struct sfx_slice query, struct sfx_cell *cells)
{
    struct sfx_slice key, value;
    size_t i;
    int rc = 0;

    while (rc == 0 && sfx_url_next_pair(&query, &key, &value)) {
        for (i = 0; i < plan->ncols && rc == 0; i++) {
            if (plan->cols[i].decoded && cells[i].kind == SFX_CELL_NULL &&
                sfx_url_name_is(key, plan->cols[i].path))
                rc = decode_value(ev, value, &cells[i]);
        }
    }
    return rc;
}

static int split_url(struct sfx_eval *ev, const struct sfx_parse_plan *plan, struct sfx_slice text,
                     struct sfx_cell *cells)
{
    struct sfx_url url;
    size_t i;
    int rc;

    if (!sfx_url_split(text, &url))
        return 0;
    rc = split_pairs(ev, plan, url.parts[SFX_URL_QUERY], cells);
    for (i = 0; i < plan->ncols; i++) {
        const struct sfx_slice *part = &url.parts[plan->cols[i].number];

        if (!plan->cols[i].decoded && part->ptr != NULL)
            cells[i] = sfx_cell_string(*part);
    }
    return rc < 0 ? rc : 1;
}

const struct sfx_parse_kind sfx_parse_url = {
    .name = "url",
    .reason = "is not a URL",
    .parse = parse_url,
    .split = split_url,
};

static int parse_query(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    size_t i;
    int rc = sfx_parse_columns(p, plan, true);

    for (i = 0; i < plan->ncols; i++)
        plan->cols[i].decoded = true;
    return rc;
}

static int split_query(struct sfx_eval *ev, const struct sfx_parse_plan *plan,
                       struct sfx_slice text, struct sfx_cell *cells)
{
    int rc = split_pairs(ev, plan, text, cells);

    return rc < 0 ? rc : 1;
}

const struct sfx_parse_kind sfx_parse_query = {
    .name = "query",
    .reason = "is not a query", /* any text is one */
    .parse = parse_query,
    .split = split_query,
};

/* --- logfmt
 * ---------------------------------------------------------------------------------------- */

static int parse_logfmt(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    return sfx_parse_columns(p, plan, true);
}

/* The value in quotes at the front of *text, without the quotes: false when it is not closed. */
static bool cut_quoted(struct sfx_slice *text, struct sfx_slice *value, bool *escaped)
{
    size_t i = 1;

    *escaped = false;
    while (i < text->len && text->ptr[i] != '"') {
        *escaped = *escaped || text->ptr[i] == '\\';
        i += text->ptr[i] == '\\' ? 2 : 1;
    }
    if (i >= text->len)
        return false;
    *value = sfx_slice(text->ptr + 1, i - 1);
    text->ptr += i + 1;
    text->len -= i + 1;
    return true;
}

/* Cuts "key=value" off *text: 1; 0 at its end; -1 for a quote that is not closed. A key alone has a
 * value with ptr NULL. */
static int next_logfmt(struct sfx_slice *text, struct sfx_slice *key, struct sfx_slice *value,
                       bool *escaped)
{
    size_t i = 0;

    while (text->len > 0 && (unsigned char)*text->ptr <= ' ')
        *text = sfx_slice(text->ptr + 1, text->len - 1);
    while (i < text->len && (unsigned char)text->ptr[i] > ' ' && text->ptr[i] != '=')
        i++;
    *key = sfx_slice(text->ptr, i);
    *value = sfx_slice(NULL, 0);
    *escaped = false;
    if (i == text->len || text->ptr[i] != '=') {
        *text = sfx_slice(text->ptr + i, text->len - i);
        return i > 0;
    }
    *text = sfx_slice(text->ptr + i + 1, text->len - i - 1);
    if (text->len > 0 && *text->ptr == '"')
        return cut_quoted(text, value, escaped) ? 1 : -1;
    for (i = 0; i < text->len && (unsigned char)text->ptr[i] > ' '; i++)
        ;
    *value = sfx_slice(text->ptr, i);
    *text = sfx_slice(text->ptr + i, text->len - i);
    return 1;
}

/* Undoes the escapes of Go's quoted strings that logfmt writers use. */
static int unquote(struct sfx_eval *ev, struct sfx_slice value, struct sfx_cell *cell)
{
    char *copy = sfx_eval_text(ev, value.len);
    size_t i, len = 0;

    if (copy == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c == '\\') { /* never the last: it would have escaped the quote */
            c = value.ptr[++i];
            c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
        }
        copy[len++] = c;
    }
    *cell = sfx_cell_string(sfx_slice(copy, len));
    return 0;
}

static int split_logfmt(struct sfx_eval *ev, const struct sfx_parse_plan *plan,
                        struct sfx_slice text, struct sfx_cell *cells)
{
    struct sfx_slice key, value;
    bool escaped;
    size_t i;
    int rc, more;

    while ((more = next_logfmt(&text, &key, &value, &escaped)) > 0) {
        for (i = 0; i < plan->ncols; i++) {
            if (cells[i].kind != SFX_CELL_NULL || !sfx_slice_eq(key, plan->cols[i].path))
                continue;
            cells[i] = sfx_cell_string(value.ptr != NULL ? value : SFX_SLICE_LIT("true"));
            rc = escaped ? unquote(ev, value, &cells[i]) : 0;
            if (rc < 0)
                return rc;
        }
    }
    return more == 0;
}

const struct sfx_parse_kind sfx_parse_logfmt = {
    .name = "logfmt",
    .reason = "has a quote that is not closed",
    .parse = parse_logfmt,
    .split = split_logfmt,
};
