/* SPDX-License-Identifier: MIT */
/* Output name templates: compiled to pieces, rendered beneath a trusted root. */
#include "cli/template_internal.h"

#include "base/path.h"
#include "base/size.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000

static const char *const names[] = {"path", "dir",  "base",  "stem",   "ext", "id",
                                    "date", "time", "width", "height", "n",   NULL};

#define NNAMES (SFX_COUNT(names) - 1)

const char *const *sfx_template_names(void)
{
    return names;
}

bool sfx_template_uses(const struct sfx_template *t, const char *name)
{
    size_t i;

    for (i = 0; i < t->npieces; i++) {
        if (t->pieces[i].id < SFX_TEMPLATE_COLUMN && strcmp(names[t->pieces[i].id], name) == 0)
            return true;
    }
    return false;
}

void sfx_template_free(struct sfx_template *t)
{
    if (t == NULL)
        return;
    sfx_buf_done(&t->literals);
    free(t->pieces);
    free(t);
}

int sfx_template_add(struct sfx_template *t, struct sfx_template_piece piece, struct sfx_err *err)
{
    struct sfx_template_piece *grown = reallocarray(t->pieces, t->npieces + 1, sizeof(*grown));

    if (grown == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    t->pieces = grown;
    t->pieces[t->npieces++] = piece;
    return 0;
}

int sfx_template_add_byte(struct sfx_template *t, char byte, struct sfx_err *err)
{
    int rc = 0;

    if (t->npieces == 0 || t->pieces[t->npieces - 1].id != SFX_TEMPLATE_LITERAL)
        rc = sfx_template_add(
            t, (struct sfx_template_piece){SFX_TEMPLATE_LITERAL, t->literals.len, 0}, err);
    if (rc == 0)
        rc = sfx_buf_putc(&t->literals, byte, err);
    if (rc == 0)
        t->pieces[t->npieces - 1].len++;
    return rc;
}

int sfx_template_add_column(struct sfx_template *t, struct sfx_slice name, struct sfx_err *err)
{
    int rc = sfx_template_add(
        t, (struct sfx_template_piece){SFX_TEMPLATE_COLUMN, t->literals.len, name.len}, err);

    return rc == 0 ? sfx_buf_append(&t->literals, name.ptr, name.len, err) : rc;
}

/* How many bytes of text are a placeholder's name; in backticks it may hold braces and slashes. */
static size_t name_len(const struct sfx_template *t, const char *text)
{
    const char *end = NULL;

    if (t->which != SFX_TEMPLATE_NO_COLUMNS && text[0] == '`')
        end = strstr(text + 1, "`}");
    return end != NULL ? (size_t)(end - text) + 1 : strcspn(text, "{}/");
}

/* Adds the placeholder called name, which begins at byte `at` (from 1) of the template. */
static int add_placeholder(struct sfx_template *t, struct sfx_slice name, size_t at,
                           struct sfx_err *err)
{
    struct sfx_slice known[NNAMES];
    size_t i;
    int nearest;

    if (t->which != SFX_TEMPLATE_NO_COLUMNS && name.len > 2 && name.ptr[0] == '`' &&
        name.ptr[name.len - 1] == '`')
        return sfx_template_add_column(t, sfx_slice(name.ptr + 1, name.len - 2), err);
    for (i = 0; i < NNAMES; i++) {
        known[i] = sfx_slice_str(names[i]);
        if (t->which != SFX_TEMPLATE_ONLY_COLUMNS && sfx_slice_eq(known[i], name))
            return sfx_template_add(
                t, (struct sfx_template_piece){(enum sfx_template_name_id)i, 0, 0}, err);
    }
    if (t->which != SFX_TEMPLATE_NO_COLUMNS && name.len > 0)
        return sfx_template_add_column(t, name, err);
    nearest = name.len > 0 ? sfx_text_nearest(name, known, NNAMES) : -1;
    if (nearest >= 0)
        return sfx_err_set(err, SFX_E_USAGE, "byte %zu: unknown {%.*s}; did you mean {%s}?", at,
                           SFX_SLICE_ARG(name), names[nearest]);
    return sfx_err_set(err, SFX_E_USAGE, "byte %zu: unknown {%.*s}", at, SFX_SLICE_ARG(name));
}

static int compile(struct sfx_template *t, const char *text, struct sfx_err *err)
{
    const char *at = text;
    int rc = 0;

    while (rc == 0 && *at != '\0') {
        size_t place = (size_t)(at - text) + 1;

        if ((*at == '{' || *at == '}') && at[1] == *at) {
            rc = sfx_template_add_byte(t, *at, err);
            at += 2;
        } else if (*at == '}') {
            rc = sfx_err_set(err, SFX_E_USAGE, "byte %zu: a brace alone; write }} for it", place);
        } else if (*at == '{') {
            size_t len = name_len(t, at + 1);

            if (at[1 + len] != '}')
                rc = sfx_err_set(err, SFX_E_USAGE,
                                 "byte %zu: { has no }; write {{ for a brace itself", place);
            else
                rc = add_placeholder(t, sfx_slice(at + 1, len), place, err);
            at += len + 2;
        } else {
            rc = sfx_template_add_byte(t, *at++, err);
        }
    }
    if (rc == 0 && (at == text || at[-1] == '/'))
        rc = sfx_err_set(err, SFX_E_USAGE, "names no file");
    return rc;
}

struct sfx_template *sfx_template_new(const char *text, struct sfx_err *err)
{
    return sfx_template_new_columns(text, SFX_TEMPLATE_NO_COLUMNS, err);
}

struct sfx_template *sfx_template_new_columns(const char *text, enum sfx_template_columns which,
                                              struct sfx_err *err)
{
    struct sfx_template *t = calloc(1, sizeof(*t));
    const char *slash;
    int rc;

    if (t == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    t->which = which;
    rc = compile(t, text, err);
    if (rc != 0) {
        (void)sfx_err_wrap(err, rc, "template \"%s\"", text);
        sfx_template_free(t);
        return NULL;
    }
    if (t->pieces[0].id == SFX_TEMPLATE_LITERAL) {
        slash = memrchr(t->literals.data, '/', t->pieces[0].len);
        t->root_len = slash != NULL ? (size_t)(slash - t->literals.data) + 1 : 0;
    }
    return t;
}

struct sfx_slice sfx_template_column(const struct sfx_template *t, size_t i)
{
    size_t at;

    for (at = 0; at < t->npieces; at++) {
        const struct sfx_template_piece *piece = &t->pieces[at];

        if (piece->id == SFX_TEMPLATE_COLUMN && i-- == 0)
            return sfx_slice(t->literals.data + piece->start, piece->len);
    }
    return sfx_slice(NULL, 0);
}

/* Appends a value that must stay within one part of the name. */
static int put_part(struct sfx_buf *out, struct sfx_slice value, struct sfx_err *err)
{
    size_t i, start = out->len;
    int rc = sfx_buf_append(out, value.ptr, value.len, err);

    for (i = start; i < out->len; i++) {
        if (out->data[i] == '/' || out->data[i] == '\0')
            out->data[i] = '_';
    }
    return rc;
}

/* Appends a path without its leading '/', empty and "." parts. Errors: INPUT for "..". */
static int put_path(struct sfx_buf *out, struct sfx_slice path, struct sfx_err *err)
{
    bool first = true;
    int rc = 0;

    while (rc == 0 && path.len > 0) {
        const char *slash = memchr(path.ptr, '/', path.len);
        size_t len = slash != NULL ? (size_t)(slash - path.ptr) : path.len;
        struct sfx_slice part = sfx_slice(path.ptr, len);

        len += slash != NULL;
        path = sfx_slice(path.ptr + len, path.len - len);
        if (part.len == 0 || sfx_slice_eq(part, SFX_SLICE_LIT(".")))
            continue;
        if (sfx_slice_eq(part, SFX_SLICE_LIT("..")))
            return sfx_err_set(err, SFX_E_INPUT, "\"..\" in the input's path leads outside");
        if (!first)
            rc = sfx_buf_putc(out, '/', err);
        if (rc == 0)
            rc = put_part(out, part, err);
        first = false;
    }
    return rc;
}

int sfx_template_put_time(struct sfx_buf *out, int64_t time_ns, bool date, struct sfx_err *err)
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL)
        return sfx_err_set(err, SFX_E_INPUT, "a time without a date");
    if (!date)
        return sfx_buf_printf(out, err, "%02d%02d%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
    return sfx_buf_printf(out, err, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* The extension. Without one the '.' before it goes too: "{stem}.{ext}" of README is README. */
static int put_ext(struct sfx_buf *out, struct sfx_slice ext, struct sfx_err *err)
{
    if (ext.len == 0 && out->len > 0 && out->data[out->len - 1] == '.')
        out->len--;
    return put_part(out, ext, err);
}

bool sfx_template_knows(enum sfx_template_name_id id, const struct sfx_template_values *v)
{
    switch (id) {
    case SFX_TEMPLATE_PATH:
    case SFX_TEMPLATE_DIR:
    case SFX_TEMPLATE_BASE:
    case SFX_TEMPLATE_STEM: return v->path.len > 0;
    case SFX_TEMPLATE_EXT: return v->path.len > 0 || v->ext.len > 0;
    case SFX_TEMPLATE_ID: return v->id.len > 0;
    case SFX_TEMPLATE_DATE:
    case SFX_TEMPLATE_TIME: return v->time_ns >= 0;
    case SFX_TEMPLATE_WIDTH: return v->width >= 0;
    case SFX_TEMPLATE_HEIGHT: return v->height >= 0;
    case SFX_TEMPLATE_N: return v->n >= 0;
    case SFX_TEMPLATE_COLUMN:
    case SFX_TEMPLATE_LITERAL: break;
    }
    return true;
}

static int put_value(enum sfx_template_name_id id, const struct sfx_template_values *v,
                     struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_path_parts parts = {0};

    if (!sfx_template_knows(id, v))
        return sfx_err_set(err, SFX_E_INPUT, "{%s} is not known here", names[id]);
    if (v->path.len > 0)
        sfx_path_split(v->path, &parts);
    switch (id) {
    case SFX_TEMPLATE_PATH: return put_path(out, v->path, err);
    case SFX_TEMPLATE_DIR: return put_path(out, parts.dir, err);
    case SFX_TEMPLATE_BASE: return put_part(out, parts.base, err);
    case SFX_TEMPLATE_STEM: return put_part(out, parts.stem, err);
    case SFX_TEMPLATE_EXT: return put_ext(out, v->ext.len > 0 ? v->ext : parts.ext, err);
    case SFX_TEMPLATE_ID: return put_part(out, v->id, err);
    case SFX_TEMPLATE_DATE: return sfx_template_put_time(out, v->time_ns, true, err);
    case SFX_TEMPLATE_TIME: return sfx_template_put_time(out, v->time_ns, false, err);
    case SFX_TEMPLATE_WIDTH: return sfx_buf_printf(out, err, "%" PRId64, v->width);
    case SFX_TEMPLATE_HEIGHT: return sfx_buf_printf(out, err, "%" PRId64, v->height);
    case SFX_TEMPLATE_N: return sfx_buf_printf(out, err, "%" PRId64, v->n);
    case SFX_TEMPLATE_COLUMN:
    case SFX_TEMPLATE_LITERAL: break;
    }
    return 0;
}

/*
 * Takes empty parts out of what stands below the root ({dir} is empty for a file of the current
 * folder). Errors: INPUT when a part leads elsewhere or nothing is left.
 */
static int settle(struct sfx_template_name *name, struct sfx_err *err)
{
    char *from = name->path.data + name->root_len, *to = from;
    const char *end = name->path.data + name->path.len;

    while (from < end) {
        const char *slash = memchr(from, '/', (size_t)(end - from));
        size_t len = (size_t)((slash != NULL ? slash : end) - from);
        struct sfx_slice part = sfx_slice(from, len);

        if (sfx_slice_eq(part, SFX_SLICE_LIT(".")) || sfx_slice_eq(part, SFX_SLICE_LIT("..")))
            return sfx_err_set(err, SFX_E_INPUT, "\"%.*s\" is no name for an output",
                               SFX_SLICE_ARG(part));
        if (len > 0 && to > name->path.data + name->root_len)
            *to++ = '/';
        memmove(to, from, len);
        to += len;
        from += len + (slash != NULL);
    }
    name->path.len = (size_t)(to - name->path.data);
    if (name->path.len == name->root_len)
        return sfx_err_set(err, SFX_E_INPUT, "the output's name is empty");
    return 0;
}

int sfx_template_render(const struct sfx_template *t, const struct sfx_template_values *values,
                        struct sfx_template_name *name, struct sfx_err *err)
{
    size_t i, ncolumns = 0;
    int rc;

    sfx_buf_clear(&name->path);
    name->root_len = t->root_len;
    rc = sfx_buf_reserve(&name->path, 1, err); /* a name may come out empty, but not be NULL */
    for (i = 0; rc == 0 && i < t->npieces; i++) {
        const struct sfx_template_piece *piece = &t->pieces[i];

        if (piece->id == SFX_TEMPLATE_LITERAL)
            rc = sfx_buf_append(&name->path, t->literals.data + piece->start, piece->len, err);
        else if (piece->id == SFX_TEMPLATE_COLUMN)
            rc = sfx_template_put_column(&name->path, values->columns[ncolumns++], err);
        else
            rc = put_value(piece->id, values, &name->path, err);
    }
    if (rc == 0)
        rc = settle(name, err);
    if (rc == 0)
        rc = sfx_buf_cstr(&name->path, err) != NULL ? 0 : SFX_E_NOMEM;
    return rc;
}
