/* SPDX-License-Identifier: MIT */
/* The statements of each mode. */
#include "sink/merge.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VALID_FROM "_valid_from"
#define VALID_TO   "_valid_to"
#define DELETED_AT "_deleted_at"

static int put_quoted(struct sfx_buf *sql, const char *name, size_t len, struct sfx_err *err)
{
    int rc = sfx_buf_putc(sql, '"', err);
    size_t i;

    for (i = 0; rc == 0 && i < len; i++)
        rc = name[i] == '"' ? sfx_buf_puts(sql, "\"\"", err) : sfx_buf_putc(sql, name[i], err);
    return rc == 0 ? sfx_buf_putc(sql, '"', err) : rc;
}

int sfx_merge_quote(struct sfx_buf *sql, const char *name, struct sfx_err *err)
{
    return put_quoted(sql, name, strlen(name), err);
}

const char *const *sfx_merge_own_columns(enum sfx_sink_mode mode)
{
    static const char *const none[] = {NULL};
    static const char *const sync[] = {DELETED_AT, NULL};
    static const char *const history[] = {VALID_FROM, VALID_TO, NULL};

    return mode == SFX_SINK_SYNC ? sync : mode == SFX_SINK_SCD2 ? history : none;
}

int sfx_merge_mode(const struct sfx_sink_how *how, const struct sfx_sink_seen *seen,
                   const char *table, enum sfx_sink_mode *mode, struct sfx_err *err)
{
    *mode = how->mode;
    if (!sfx_merge_replaces(how->mode) || !sfx_sink_seen_has(seen, table))
        return 0;
    *mode = SFX_SINK_APPEND;
    if (how->mode != SFX_SINK_SYNC)
        return 0;
    return sfx_err_set(err, SFX_E_USAGE,
                       "--mode=sync takes one input a table: a second one into %s would remove the "
                       "first one's rows",
                       table);
}

bool sfx_merge_replaces(enum sfx_sink_mode mode)
{
    return mode == SFX_SINK_REPLACE || mode == SFX_SINK_TRUNCATE || mode == SFX_SINK_SYNC;
}

bool sfx_merge_stages(enum sfx_sink_mode mode)
{
    return mode != SFX_SINK_APPEND && mode != SFX_SINK_REPLACE && mode != SFX_SINK_TRUNCATE;
}

int sfx_merge_keys(const struct sfx_sink_how *how, const struct sfx_sink_schema *schema,
                   bool *is_key, struct sfx_err *err)
{
    size_t k, i;

    memset(is_key, 0, schema->ncols * sizeof(*is_key));
    for (k = 0; k < how->nkeys + (how->version != NULL); k++) {
        const bool version = k == how->nkeys;
        const char *name = version ? how->version : how->keys[k];

        for (i = 0; i < schema->ncols; i++) {
            if (sfx_slice_eq(schema->columns[i].name, sfx_slice_str(name)))
                break;
        }
        if (i == schema->ncols)
            return sfx_err_set(err, SFX_E_INPUT, "the %s column \"%s\" is not in the input",
                               version ? "version" : "key", name);
        if (!version)
            is_key[i] = true;
    }
    return 0;
}

/* "table_a_b_idx", of which a database may keep the begin. */
static int put_index_name(struct sfx_buf *sql, const char *table, const char *columns,
                          struct sfx_err *err)
{
    char name[64];
    size_t at;

    (void)snprintf(name, sizeof(name) - 4, "%s_%s", table, columns);
    for (at = 0; name[at] != '\0'; at++)
        name[at] = name[at] == ',' ? '_' : name[at];
    at = sfx_utf8_valid_prefix(sfx_slice(name, at));
    (void)snprintf(name + at, sizeof(name) - at, "_idx");
    return sfx_merge_quote(sql, name, err);
}

/* The columns of one index: "a","b" */
static int put_index_columns(const struct sfx_sink_schema *schema, const char *list,
                             struct sfx_buf *sql, struct sfx_err *err)
{
    const char *comma = "";
    int rc = 0;

    while (rc == 0 && *list != '\0') {
        const size_t len = strcspn(list, ",");
        size_t i = 0;

        while (i < schema->ncols && !sfx_slice_eq(schema->columns[i].name, sfx_slice(list, len)))
            i++;
        if (i == schema->ncols)
            return sfx_err_set(err, SFX_E_INPUT, "--index: the input has no column \"%.*s\"",
                               (int)len, list);
        rc = sfx_buf_puts(sql, comma, err);
        if (rc == 0)
            rc = put_quoted(sql, list, len, err);
        comma = ",";
        list += len + (list[len] == ',');
    }
    return rc;
}

int sfx_merge_indexes(const struct sfx_sink_how *how, const struct sfx_sink_schema *schema,
                      const char *table, const char *quoted, struct sfx_buf *sql,
                      struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < how->nindexes; i++) {
        rc = sfx_buf_puts(sql, "CREATE INDEX IF NOT EXISTS ", err);
        if (rc == 0)
            rc = put_index_name(sql, table, how->indexes[i], err);
        if (rc == 0)
            rc = sfx_buf_printf(sql, err, " ON %s(", quoted);
        if (rc == 0)
            rc = put_index_columns(schema, how->indexes[i], sql, err);
        if (rc == 0)
            rc = sfx_buf_puts(sql, ");\n", err);
    }
    return rc;
}

/* --- pieces of statements --------------------------------------------------------------------- */

/* A plan being written; the first failure sticks. */
struct plan {
    const struct sfx_merge *m;
    struct sfx_buf *sql;
    struct sfx_merge_step *steps;
    int nsteps, rc;
    struct sfx_err *err;
};

static void put(struct plan *p, const char *text)
{
    if (p->rc == 0)
        p->rc = sfx_buf_puts(p->sql, text, p->err);
}

static void put_all(struct plan *p, ...)
{
    const char *text;
    va_list texts;

    va_start(texts, p);
    while ((text = va_arg(texts, const char *)) != NULL)
        put(p, text);
    va_end(texts);
}

static void put_name(struct plan *p, const char *prefix, const char *name)
{
    put(p, prefix);
    if (p->rc == 0)
        p->rc = sfx_merge_quote(p->sql, name, p->err);
}

static void begin(struct plan *p, enum sfx_merge_count count)
{
    assert(p->nsteps < SFX_MERGE_MAX_STEPS);
    p->steps[p->nsteps++] = (struct sfx_merge_step){count, p->sql->len};
}

static void end(struct plan *p)
{
    if (p->rc == 0)
        p->rc = sfx_buf_putc(p->sql, '\0', p->err);
}

/* "prefix"a, "prefix"b …: the keys, or all columns. */
static void put_list(struct plan *p, const char *prefix, bool keys_only)
{
    const char *comma = "";
    size_t i;

    for (i = 0; i < p->m->ncols; i++) {
        if (keys_only && !p->m->columns[i].key)
            continue;
        put(p, comma);
        put_name(p, prefix, p->m->columns[i].name);
        comma = ",";
    }
}

/* t.key=s.key AND … */
static void put_same_key(struct plan *p)
{
    const char *and = "";
    size_t i;

    for (i = 0; i < p->m->ncols; i++) {
        if (!p->m->columns[i].key)
            continue;
        put_name(p, and, "t");
        put_name(p, ".", p->m->columns[i].name);
        put_name(p, "=", "s");
        put_name(p, ".", p->m->columns[i].name);
        and = " AND ";
    }
}

/* A row of the table that has the stage's key; with current, its present version. */
static void put_exists(struct plan *p, const char *before, const char *from, const char *alias,
                       bool current)
{
    put_all(p, before, "(SELECT 1 FROM ", from, " AS ", alias, " WHERE ", NULL);
    put_same_key(p);
    if (current)
        put(p, " AND \"t\".\"" VALID_TO "\" IS NULL");
    put(p, ")");
}

static bool has_values(const struct sfx_merge *m)
{
    size_t i;

    for (i = 0; i < m->ncols; i++) {
        if (!m->columns[i].key)
            return true;
    }
    return false;
}

/* (t.a IS DISTINCT FROM s.a OR …): something but the key differs. */
static void put_differs(struct plan *p)
{
    const char *text, * or = "";
    size_t i;

    put(p, "(");
    for (i = 0; i < p->m->ncols; i++) {
        const struct sfx_merge_column *col = &p->m->columns[i];

        if (col->key || col->quiet)
            continue;
        text = col->as_text ? p->m->dialect->text : "";
        put_name(p, or, "t");
        put_name(p, ".", col->name);
        put_all(p, text, " ", p->m->dialect->distinct, " ", NULL);
        put_name(p, "", "s");
        put_name(p, ".", col->name);
        put(p, text);
        or = " OR ";
    }
    if (or [0] == '\0')
        put(p, "1=0");
    put(p, ")");
}

/* --- steps ------------------------------------------------------------------------------------ */

/* Of records with one key all but one go. */
static void plan_duplicates(struct plan *p)
{
    const struct sfx_merge *m = p->m;
    const bool first = m->how->mode == SFX_SINK_IGNORE;

    if (m->distinct)
        return;
    begin(p, SFX_MERGE_DUPLICATE);
    put_all(p, "DELETE FROM ", m->stage, " WHERE ", m->dialect->row, " ", m->dialect->among[0],
            "SELECT r FROM (SELECT ", m->dialect->row, " AS r, row_number() OVER (PARTITION BY ",
            NULL);
    put_list(p, "", true);
    put(p, " ORDER BY ");
    if (m->how->mode == SFX_SINK_NEWER) {
        put_name(p, "", m->how->version);
        put(p, " DESC NULLS LAST,");
    }
    put_all(p, m->dialect->row, first ? "" : " DESC", ") AS n FROM ", m->stage, ") AS d WHERE n>1",
            m->dialect->among[1], NULL);
    end(p);
}

static void plan_search(struct plan *p)
{
    const struct sfx_merge_dialect *d = p->m->dialect;

    if (d->ready != NULL) {
        begin(p, SFX_MERGE_NOTHING);
        put_all(p, d->ready, p->m->stage, "(", NULL);
        put_list(p, "", true);
        put(p, ")");
        end(p);
    }
    if (d->index) {
        begin(p, SFX_MERGE_NOTHING);
        put(p, "CREATE INDEX temp._sfx_stage_key ON _sfx_stage(");
        put_list(p, "", true);
        put(p, ")");
        end(p);
    }
}

/* Child rows that their parent has no longer; first, as others may take what is unique of theirs.
 */
static void plan_orphans(struct plan *p)
{
    const struct sfx_merge *m = p->m;

    begin(p, SFX_MERGE_NOTHING);
    put_all(p, "DELETE FROM ", m->table, " AS t", NULL);
    if (p->rc == 0)
        p->rc = sfx_merge_of_parents(m->parent, p->sql, p->err);
    put_exists(p, " AND NOT EXISTS", m->stage, "s", false);
    end(p);
}

/* Rows whose record says something else take what it says. */
static void plan_update(struct plan *p)
{
    const struct sfx_merge *m = p->m;
    const bool sync = m->how->mode == SFX_SINK_SYNC;
    const char *comma = "";
    size_t i;

    if (!has_values(m) && !sync)
        return;
    begin(p, SFX_MERGE_UPDATED);
    put_all(p, "UPDATE ", m->table, " AS t SET ", NULL);
    for (i = 0; i < m->ncols; i++) {
        if (m->columns[i].key)
            continue;
        put_name(p, comma, m->columns[i].name);
        put_name(p, "=\"s\".", m->columns[i].name);
        comma = ",";
    }
    if (sync)
        put_all(p, comma, "\"" DELETED_AT "\"=NULL", NULL);
    put_all(p, " FROM ", m->stage, " AS s WHERE ", NULL);
    put_same_key(p);
    put(p, " AND (");
    put_differs(p);
    if (sync)
        put(p, " OR \"t\".\"" DELETED_AT "\" IS NOT NULL");
    put(p, ")");
    if (m->how->mode == SFX_SINK_NEWER) {
        put_name(p, " AND (\"t\".", m->how->version);
        put_name(p, " IS NULL OR \"s\".", m->how->version);
        put_name(p, ">\"t\".", m->how->version);
        put(p, ")");
    }
    end(p);
}

/* Records whose key the table does not have become rows. */
static void plan_insert(struct plan *p)
{
    const struct sfx_merge *m = p->m;
    const bool history = m->how->mode == SFX_SINK_SCD2;

    begin(p, SFX_MERGE_INSERTED);
    put_all(p, "INSERT INTO ", m->table, "(", NULL);
    put_list(p, "", false);
    put_all(p, history ? ",\"" VALID_FROM "\"" : "", ") SELECT ", NULL);
    put_list(p, "\"s\".", false);
    if (history)
        put_all(p, ",'", m->now, "'", NULL);
    put_all(p, " FROM ", m->stage, " AS s", NULL);
    put_exists(p, " WHERE NOT EXISTS", m->table, "t", history);
    put_all(p, " ORDER BY s.", m->dialect->row, NULL);
    end(p);
}

/* The present versions that a record changes end now. */
static void plan_close(struct plan *p)
{
    const struct sfx_merge *m = p->m;

    begin(p, SFX_MERGE_UPDATED);
    put_all(p, "UPDATE ", m->table, " AS t SET \"" VALID_TO "\"='", m->now, "' FROM ", m->stage,
            " AS s WHERE ", NULL);
    put_same_key(p);
    put(p, " AND \"t\".\"" VALID_TO "\" IS NULL AND ");
    put_differs(p);
    end(p);
}

/* Rows without a record are marked. */
static void plan_mark(struct plan *p)
{
    const struct sfx_merge *m = p->m;

    begin(p, SFX_MERGE_REMOVED);
    put_all(p, "UPDATE ", m->table, " AS t SET \"" DELETED_AT "\"='", m->now,
            "' WHERE \"t\".\"" DELETED_AT "\" IS NULL", NULL);
    put_exists(p, " AND NOT EXISTS", m->stage, "s", false);
    end(p);
}

/* Records that find nothing leave the stage, so that the others can be counted. */
static void plan_delete(struct plan *p)
{
    const struct sfx_merge *m = p->m;

    begin(p, SFX_MERGE_UNCHANGED);
    put_all(p, "DELETE FROM ", m->stage, " AS s", NULL);
    put_exists(p, " WHERE NOT EXISTS", m->table, "t", false);
    end(p);
    begin(p, SFX_MERGE_REMOVED);
    put_all(p, "DELETE FROM ", m->table, " AS t", NULL);
    put_exists(p, " WHERE EXISTS", m->stage, "s", false);
    end(p);
}

int sfx_merge_plan(const struct sfx_merge *merge, struct sfx_buf *sql,
                   struct sfx_merge_step steps[SFX_MERGE_MAX_STEPS], struct sfx_err *err)
{
    struct plan p = {.m = merge, .sql = sql, .steps = steps, .err = err};

    sfx_buf_clear(sql);
    plan_duplicates(&p);
    plan_search(&p);
    if (merge->parent != NULL)
        plan_orphans(&p);
    switch (merge->how->mode) {
    case SFX_SINK_UPSERT:
    case SFX_SINK_NEWER:
        plan_update(&p);
        plan_insert(&p);
        break;
    case SFX_SINK_IGNORE: plan_insert(&p); break;
    case SFX_SINK_DELETE: plan_delete(&p); break;
    case SFX_SINK_SYNC:
        plan_update(&p);
        plan_insert(&p);
        plan_mark(&p);
        break;
    case SFX_SINK_SCD2:
        plan_close(&p);
        plan_insert(&p);
        break;
    case SFX_SINK_APPEND:
    case SFX_SINK_REPLACE:
    case SFX_SINK_TRUNCATE: break; /* these do not stage */
    }
    return p.rc < 0 ? p.rc : p.nsteps;
}

/* --- counts ----------------------------------------------------------------------------------- */

void sfx_merge_add(struct sfx_sink_counts *counts, enum sfx_merge_count count, uint64_t nrows)
{
    switch (count) {
    case SFX_MERGE_NOTHING: break;
    case SFX_MERGE_DUPLICATE: counts->duplicate += nrows; break;
    case SFX_MERGE_UPDATED: counts->updated += nrows; break;
    case SFX_MERGE_INSERTED: counts->inserted += nrows; break;
    case SFX_MERGE_UNCHANGED: counts->unchanged += nrows; break;
    case SFX_MERGE_REMOVED: counts->removed += nrows; break;
    }
}

int sfx_merge_finish(struct sfx_sink_counts *counts, enum sfx_sink_mode mode, uint64_t nstaged,
                     struct sfx_err *err)
{
    uint64_t known;

    if (mode == SFX_SINK_SCD2)
        counts->inserted -= counts->updated; /* what ended has a new version now */
    known = counts->inserted + counts->updated + counts->duplicate + counts->unchanged;
    if (known > nstaged)
        return sfx_err_set(err, SFX_E_INPUT,
                           "rows of the table share a key: %llu records would change %llu rows",
                           (unsigned long long)nstaged, (unsigned long long)known);
    if (mode == SFX_SINK_IGNORE)
        counts->duplicate += nstaged - known; /* the table has their key */
    else if (mode == SFX_SINK_DELETE)
        counts->deleted += nstaged - known;
    else
        counts->unchanged += nstaged - known;
    return 0;
}
