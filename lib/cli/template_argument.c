/* SPDX-License-Identifier: MIT */
/* Templates of words of a command line: what is no placeholder stands for itself. */
#include "cli/template_internal.h"

#include "base/path.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NNAMES = SFX_TEMPLATE_COLUMN };

static bool starts_with(struct sfx_slice text, struct sfx_slice start)
{
    return text.len > start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

/*
 * Adds the placeholder that stands between braces. Returns 1; 0 when it is none; USAGE when it is
 * nearly one: a slip of the pen would run the command on nonsense.
 */
static int add_placeholder(struct sfx_template *t, struct sfx_slice name, struct sfx_err *err)
{
    const char *const *names = sfx_template_names();
    struct sfx_slice known[NNAMES];
    size_t i;
    int nearest, rc;

    if (name.len == 0) {
        rc = sfx_template_add(t, (struct sfx_template_piece){SFX_TEMPLATE_PATH, 0, 0}, err);
        return rc < 0 ? rc : 1;
    }
    if (starts_with(name, SFX_SLICE_LIT("event.")) || starts_with(name, SFX_SLICE_LIT("data."))) {
        rc = sfx_template_add_column(t, name, err);
        return rc < 0 ? rc : 1;
    }
    for (i = 0; i < NNAMES; i++) {
        known[i] = sfx_slice_str(names[i]);
        if (sfx_slice_eq(known[i], name)) {
            const struct sfx_template_piece piece = {(enum sfx_template_name_id)i, 0, 0};

            rc = sfx_template_add(t, piece, err);
            return rc < 0 ? rc : 1;
        }
    }
    nearest = name.len > 1 ? sfx_text_nearest(name, known, NNAMES) : -1;
    if (nearest >= 0)
        return sfx_err_set(err, SFX_E_USAGE, "unknown {%.*s}; did you mean {%s}?",
                           SFX_SLICE_ARG(name), names[nearest]);
    return 0;
}

static int compile(struct sfx_template *t, const char *text, struct sfx_err *err)
{
    int rc = 0;

    while (rc == 0 && *text != '\0') {
        size_t len = 0;

        if (*text == '{') {
            len = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789_."
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
            rc = text[1 + len] == '}' ? add_placeholder(t, sfx_slice(text + 1, len), err) : 0;
        }
        if (rc > 0) {
            text += len + 2;
            rc = 0;
        } else if (rc == 0) {
            rc = sfx_template_add_byte(t, *text++, err);
        }
    }
    return rc;
}

struct sfx_template *sfx_template_new_argument(const char *text, struct sfx_err *err)
{
    struct sfx_template *t = calloc(1, sizeof(*t));
    int rc;

    if (t == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    t->which = SFX_TEMPLATE_OTHER_COLUMNS;
    rc = compile(t, text, err);
    if (rc < 0) {
        (void)sfx_err_wrap(err, rc, "\"%s\"", text);
        sfx_template_free(t);
        return NULL;
    }
    return t;
}

bool sfx_template_is_literal(const struct sfx_template *t)
{
    return t->npieces == 0 || (t->npieces == 1 && t->pieces[0].id == SFX_TEMPLATE_LITERAL);
}

static int put(struct sfx_buf *out, struct sfx_slice value, struct sfx_err *err)
{
    if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL)
        return sfx_err_set(err, SFX_E_INPUT, "a NUL byte cannot stand in an argument");
    return sfx_buf_append(out, value.ptr, value.len, err);
}

static int put_value(enum sfx_template_name_id id, const struct sfx_template_values *v,
                     struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_path_parts parts = {0};

    if (!sfx_template_knows(id, v))
        return sfx_err_set(err, SFX_E_INPUT, "{%s} is not known of this event",
                           sfx_template_names()[id]);
    if (v->path.len > 0)
        sfx_path_split(v->path, &parts);
    switch (id) {
    case SFX_TEMPLATE_PATH: return put(out, v->path, err);
    case SFX_TEMPLATE_DIR: return put(out, parts.dir, err);
    case SFX_TEMPLATE_BASE: return put(out, parts.base, err);
    case SFX_TEMPLATE_STEM: return put(out, parts.stem, err);
    case SFX_TEMPLATE_EXT: return put(out, parts.ext, err);
    case SFX_TEMPLATE_ID: return put(out, v->id, err);
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

int sfx_template_render_argument(const struct sfx_template *t,
                                 const struct sfx_template_values *values, struct sfx_buf *out,
                                 struct sfx_err *err)
{
    size_t i, ncolumns = 0;
    int rc = 0;

    for (i = 0; rc == 0 && i < t->npieces; i++) {
        const struct sfx_template_piece *piece = &t->pieces[i];

        if (piece->id == SFX_TEMPLATE_LITERAL) {
            rc = sfx_buf_append(out, t->literals.data + piece->start, piece->len, err);
        } else if (piece->id == SFX_TEMPLATE_COLUMN) {
            struct sfx_slice value = values->columns[ncolumns++];

            if (value.ptr == NULL)
                return sfx_err_set(err, SFX_E_INPUT, "{%.*s} is not known of this event",
                                   (int)piece->len, t->literals.data + piece->start);
            rc = put(out, value, err);
        } else {
            rc = put_value(piece->id, values, out, err);
        }
    }
    return rc;
}
