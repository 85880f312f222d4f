/* SPDX-License-Identifier: MIT */
/* The statements that make the table of a load, or change it. */
#include "sink/ddl.h"

#include "sink/merge.h"

#include <string.h>
#include <strings.h>

int sfx_ddl_keys(struct sfx_ddl *ddl, struct sfx_err *err)
{
    bool *is_key = sfx_arena_calloc(ddl->arena, ddl->schema->ncols, sizeof(*is_key), err);
    size_t i;
    int rc = is_key == NULL ? SFX_E_NOMEM : sfx_merge_keys(ddl->how, ddl->schema, is_key, err);

    for (i = 0; rc == 0 && i < ddl->schema->ncols; i++)
        ddl->columns[i].key = is_key[i];
    return rc;
}

static bool same_name(const struct sfx_ddl *ddl, const char *a, const char *b)
{
    return (ddl->dialect->folds ? strcasecmp(a, b) : strcmp(a, b)) == 0;
}

int sfx_ddl_note(struct sfx_ddl *ddl, const char *name, const char *type, bool not_null, bool fixed,
                 struct sfx_err *err)
{
    const char *const *own = sfx_merge_own_columns(ddl->mode);
    size_t i;

    for (i = 0; own[i] != NULL; i++)
        ddl->own[i] = ddl->own[i] || same_name(ddl, own[i], name);
    for (i = 0; i < ddl->schema->ncols; i++) {
        struct sfx_ddl_column *col = &ddl->columns[i];

        if (!same_name(ddl, col->name, name))
            continue;
        col->declared = sfx_arena_strndup(ddl->arena, type, strlen(type), err);
        col->not_null = not_null;
        col->fixed = fixed;
        return col->declared == NULL ? SFX_E_NOMEM : 0;
    }
    return 0;
}

void sfx_ddl_lacks(const struct sfx_ddl *ddl, bool there, bool *lacks)
{
    size_t i;

    for (i = 0; i < ddl->schema->ncols; i++)
        lacks[i] = there && ddl->columns[i].declared == NULL && !ddl->schema->columns[i].lineage;
}

static int declare(struct sfx_ddl *ddl, size_t i, struct sfx_err *err)
{
    struct sfx_ddl_column *col = &ddl->columns[i];
    char text[64];
    int rc = ddl->dialect->type(&ddl->schema->columns[i], col->name, text, err);

    if (rc < 0)
        return rc;
    col->declared = sfx_arena_strndup(ddl->arena, text, strlen(text), err);
    return col->declared == NULL ? SFX_E_NOMEM : 0;
}

/* PRIMARY KEY(…), but for a history, in which keys come again. */
static int put_key(const struct sfx_ddl *ddl, struct sfx_buf *out, struct sfx_err *err)
{
    const char *before = "PRIMARY KEY(";
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < ddl->schema->ncols; i++) {
        if (!ddl->columns[i].key)
            continue;
        rc = sfx_buf_puts(out, before, err);
        if (rc == 0)
            rc = sfx_merge_quote(out, ddl->columns[i].name, err);
        before = ", ";
    }
    return rc == 0 ? sfx_buf_putc(out, ')', err) : rc;
}

static bool has_key(const struct sfx_ddl *ddl)
{
    return ddl->how->nkeys > 0 && ddl->mode != SFX_SINK_SCD2;
}

int sfx_ddl_key(const struct sfx_ddl *ddl, struct sfx_buf *out, struct sfx_err *err)
{
    int rc = has_key(ddl) ? sfx_buf_printf(out, err, "ALTER TABLE %s ADD ", ddl->target) : 0;

    return rc == 0 && has_key(ddl) ? put_key(ddl, out, err) : rc;
}

static int create(struct sfx_ddl *ddl, struct sfx_buf *out, struct sfx_err *err)
{
    const char *const *own = sfx_merge_own_columns(ddl->mode);
    size_t i;
    int rc = sfx_buf_printf(out, err, "CREATE TABLE %s", ddl->target);

    for (i = 0; rc == 0 && i < ddl->schema->ncols; i++) {
        struct sfx_ddl_column *col = &ddl->columns[i];

        col->not_null = ddl->schema->columns[i].not_null;
        rc = sfx_buf_puts(out, i > 0 ? ",\n  " : "(\n  ", err);
        if (rc == 0)
            rc = sfx_merge_quote(out, col->name, err);
        if (rc == 0)
            rc = declare(ddl, i, err);
        if (rc == 0)
            rc = sfx_buf_printf(out, err, " %s%s", col->declared,
                                col->key || col->not_null ? " NOT NULL" : "");
    }
    for (; rc == 0 && *own != NULL; own++)
        rc = sfx_buf_printf(out, err, ",\n  \"%s\" %s", *own, ddl->dialect->time);
    if (rc == 0 && has_key(ddl) && !ddl->key_later)
        rc = sfx_buf_puts(out, ",\n  ", err);
    if (rc == 0 && has_key(ddl) && !ddl->key_later)
        rc = put_key(ddl, out, err);
    return rc == 0 ? sfx_buf_puts(out, "\n);\n", err) : rc;
}

static int add(const struct sfx_ddl *ddl, const char *name, const char *type, struct sfx_buf *out,
               struct sfx_err *err)
{
    int rc = sfx_buf_printf(out, err, "ALTER TABLE %s ADD COLUMN ", ddl->target);

    if (rc == 0)
        rc = sfx_merge_quote(out, name, err);
    return rc == 0 ? sfx_buf_printf(out, err, " %s;\n", type) : rc;
}

/* The columns of the load and of the mode that the table lacks. */
static int add_missing(struct sfx_ddl *ddl, struct sfx_buf *out, struct sfx_err *err)
{
    const char *const *own = sfx_merge_own_columns(ddl->mode);
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && own[i] != NULL; i++) {
        if (!ddl->own[i])
            rc = add(ddl, own[i], ddl->dialect->time, out, err);
    }
    for (i = 0; rc == 0 && i < ddl->schema->ncols; i++) {
        if (ddl->columns[i].declared != NULL)
            continue;
        rc = declare(ddl, i, err);
        if (rc == 0)
            rc = add(ddl, ddl->columns[i].name, ddl->columns[i].declared, out, err);
    }
    return rc;
}

/* --- wider types ------------------------------------------------------------------------------ */

static bool is_number(enum sfx_type type)
{
    return type == SFX_TYPE_INTEGER || type == SFX_TYPE_DECIMAL || type == SFX_TYPE_NUMERIC ||
           type == SFX_TYPE_REAL;
}

/* True when a column of the type is takes all values of the type more, by value. */
static bool holds(const struct sfx_sink_column *is, const struct sfx_sink_column *more)
{
    if (is->type == SFX_TYPE_TEXT)
        return true;
    if (is->type == SFX_TYPE_NUMERIC)
        return is_number(more->type);
    if (is->type == SFX_TYPE_DECIMAL)
        return more->type == SFX_TYPE_INTEGER ||
               (more->type == SFX_TYPE_DECIMAL && more->scale <= is->scale);
    if (is->type == SFX_TYPE_REAL)
        return more->type == SFX_TYPE_REAL || more->type == SFX_TYPE_DECIMAL;
    return is->type == more->type &&
           ((is->type != SFX_TYPE_TIMESTAMP && is->type != SFX_TYPE_TIMESTAMPTZ) ||
            more->scale <= is->scale);
}

/* The narrowest type for the values of both. Changing the scale of a decimal would take digits away
 * before the point. */
static struct sfx_sink_column widest(const struct sfx_sink_column *is,
                                     const struct sfx_sink_column *more)
{
    struct sfx_sink_column wide = {.type = SFX_TYPE_TEXT};

    if (is_number(is->type) && is_number(more->type))
        wide.type = SFX_TYPE_NUMERIC;
    else if (is->type == more->type)
        wide = *more; /* times, to more digits of a second */
    return wide;
}

static int widen(struct sfx_ddl *ddl, size_t i, struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_sink_column *given = &ddl->schema->columns[i];
    struct sfx_ddl_column *col = &ddl->columns[i];
    struct sfx_sink_column was = {0}, wide;
    char text[64];
    int rc;

    if (given->empty || given->lineage || col->fixed || !ddl->dialect->read(col, &was) ||
        holds(&was, given))
        return 0;
    wide = widest(&was, given);
    rc = ddl->dialect->type(&wide, col->name, text, err);
    if (rc < 0 || strcmp(text, col->declared) == 0)
        return rc;
    rc = ddl->dialect->alter(ddl->target, col->name, &was, text, out, err);
    col->declared = sfx_arena_strndup(ddl->arena, text, strlen(text), err);
    return col->declared == NULL ? SFX_E_NOMEM : rc;
}

int sfx_ddl_settle(struct sfx_ddl *ddl, bool there, struct sfx_buf *out, struct sfx_err *err)
{
    const enum sfx_sink_evolve evolve = ddl->how->evolve;
    size_t i;
    int rc = 0;

    if (!there)
        return create(ddl, out, err);
    for (i = 0; rc == 0 && i < ddl->schema->ncols; i++) {
        if (ddl->columns[i].declared != NULL && evolve == SFX_SINK_WIDEN)
            rc = widen(ddl, i, out, err);
        if (ddl->columns[i].declared == NULL && !ddl->schema->columns[i].lineage &&
            (evolve == SFX_SINK_STRICT || evolve == SFX_SINK_QUARANTINE))
            return sfx_err_set(err, SFX_E_INPUT,
                               "column \"%s\" is not in table %s: add it (--evolve=add) or drop it "
                               "from the input (--transform 'drop …')",
                               ddl->columns[i].name, ddl->target);
    }
    return rc == 0 ? add_missing(ddl, out, err) : rc;
}
