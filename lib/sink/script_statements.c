/* SPDX-License-Identifier: MIT */
/* The statements of an SQL script: the table, the ledger, what rows are put with. */
#include "base/clock.h"
#include "sink/ledger.h"
#include "sink/merge.h"
#include "sink/script_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LEDGER_DDL SFX_LEDGER_DDL("BIGINT", "TEXT", "BIGINT", "TIMESTAMPTZ")

static int name_columns(struct sfx_script *s, struct sfx_err *err)
{
    const struct sfx_sink_schema *schema = s->schema;
    size_t i, k;

    s->columns = sfx_arena_calloc(&s->arena, schema->ncols, sizeof(*s->columns), err);
    s->map = sfx_arena_calloc(&s->arena, schema->ncols, sizeof(*s->map), err);
    if (s->columns == NULL || s->map == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < schema->ncols; i++) {
        const struct sfx_slice given = schema->columns[i].name;
        const char *name = sfx_arena_strndup(&s->arena, given.ptr, given.len, err);

        if (name == NULL)
            return SFX_E_NOMEM;
        if (strlen(name) != given.len)
            return sfx_err_set(err, SFX_E_INPUT, "column %zu: its name \"%s…\" holds a NUL byte",
                               i + 1, name);
        for (k = 0; k < i; k++) {
            if (strcasecmp(s->columns[k].name, name) == 0)
                return sfx_err_set(err, SFX_E_INPUT,
                                   "columns \"%s\" and \"%s\" are one to SQLite: rename one of "
                                   "them (--transform 'rename …')",
                                   s->columns[k].name, name);
        }
        s->columns[i].name = name;
    }
    return 0;
}

static int quote_table(struct sfx_script *s, struct sfx_err *err)
{
    int rc;

    sfx_buf_clear(&s->scratch);
    rc = sfx_merge_quote(&s->scratch, s->source->table, err);
    if (rc < 0)
        return rc;
    s->table = sfx_arena_strndup(&s->arena, s->scratch.data, s->scratch.len, err);
    return s->table == NULL ? SFX_E_NOMEM : 0;
}

/* ON CONFLICT, of modes by key. */
static int make_conflict(struct sfx_script *s, struct sfx_err *err)
{
    const char *before = " ON CONFLICT(";
    bool any = false;
    size_t i;
    int rc = 0;

    sfx_buf_clear(&s->conflict);
    if (s->mode != SFX_SINK_UPSERT && s->mode != SFX_SINK_IGNORE)
        return 0;
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        any |= !s->columns[i].key;
        if (!s->columns[i].key)
            continue;
        rc = sfx_buf_puts(&s->conflict, before, err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->conflict, s->columns[i].name, err);
        before = ",";
    }
    if (rc == 0 && (s->mode == SFX_SINK_IGNORE || !any))
        return sfx_buf_puts(&s->conflict, ") DO NOTHING", err);
    before = ") DO UPDATE SET ";
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (s->columns[i].key)
            continue;
        rc = sfx_buf_puts(&s->conflict, before, err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->conflict, s->columns[i].name, err);
        if (rc == 0)
            rc = sfx_buf_puts(&s->conflict, "=excluded.", err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->conflict, s->columns[i].name, err);
        before = ",";
    }
    return rc;
}

/* INSERT INTO table(columns) VALUES */
static int make_insert(struct sfx_script *s, struct sfx_err *err)
{
    size_t i;
    int rc;

    sfx_buf_clear(&s->insert);
    rc = sfx_buf_printf(&s->insert, err, "INSERT INTO %s", s->table);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        rc = sfx_buf_putc(&s->insert, i > 0 ? ',' : '(', err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->insert, s->columns[i].name, err);
    }
    return rc == 0 ? sfx_buf_puts(&s->insert, ")VALUES\n", err) : rc;
}

/* The table, in the way that the mode wants it. */
static int put_table(struct sfx_script *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    static const struct sfx_ddl_dialect dialect = {
        .time = "TIMESTAMPTZ", .folds = true, .type = sfx_script_type};
    struct sfx_buf target = {0};
    struct sfx_ddl statements = {.dialect = &dialect,
                                 .how = &s->opts.how,
                                 .schema = s->schema,
                                 .mode = s->mode,
                                 .columns = s->columns,
                                 .arena = &s->arena};
    int rc = 0;

    if (s->mode == SFX_SINK_REPLACE)
        rc = sfx_buf_printf(ddl, err, "DROP TABLE IF EXISTS %s;\n", s->table);
    if (rc == 0)
        rc = sfx_buf_printf(&target, err, "IF NOT EXISTS %s", s->table);
    statements.target = rc == 0 ? sfx_buf_cstr(&target, err) : NULL;
    if (rc == 0 && statements.target == NULL)
        rc = SFX_E_NOMEM;
    if (rc == 0)
        rc = sfx_ddl_keys(&statements, err);
    if (rc == 0)
        rc = sfx_ddl_settle(&statements, false, ddl, err);
    if (rc == 0 && s->mode == SFX_SINK_TRUNCATE)
        rc = sfx_buf_printf(ddl, err, "DELETE FROM %s;\n", s->table);
    sfx_buf_done(&target);
    return rc;
}

int sfx_script_plan(struct sfx_script *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    int rc = name_columns(s, err);

    if (rc == 0)
        rc = quote_table(s, err);
    if (rc == 0)
        rc = put_table(s, ddl, err);
    if (rc == 0)
        rc = make_insert(s, err);
    return rc == 0 ? make_conflict(s, err) : rc;
}

static int put_optional(struct sfx_buf *out, const char *text, struct sfx_err *err)
{
    return text != NULL ? sfx_script_string(sfx_slice_str(text), out, err)
                        : sfx_buf_puts(out, "NULL", err);
}

/* Where this load was overtaken: made before another one that has begun the table anew, or that
 * this one would begin anew, but run behind it. */
static int put_overtaken(struct sfx_script *s, struct sfx_err *err)
{
    struct sfx_buf *out = &s->out;
    int rc = sfx_buf_puts(out, "EXISTS(SELECT 1 FROM " SFX_LEDGER " WHERE target=", err);

    if (rc == 0)
        rc = put_optional(out, s->source->table, err);
    return rc == 0 ? sfx_buf_printf(out, err, " AND load_id>%lld AND %s)", (long long)s->load_id,
                                    sfx_merge_replaces(s->mode) ? "undone IS NULL"
                                                                : "mode IN('replace','truncate')")
                   : rc;
}

/*
 * `again` of the entry: how many there are that do not count any more, as SFX_LEDGER_FIND has it;
 * if one counts there is an entry of that number, and the script ends here. Asked for again: how
 * many there are. NULL, which ends the script too, when the ledger would take it for the earlier
 * load of two of which it is the later.
 */
static int put_again(struct sfx_script *s, struct sfx_err *err)
{
    const bool replaces = sfx_merge_replaces(s->mode);
    struct sfx_buf *out = &s->out;
    int rc = sfx_buf_puts(out, "(SELECT CASE WHEN ", err);

    if (rc == 0)
        rc = put_overtaken(s, err);
    if (rc == 0)
        rc = sfx_buf_puts(
            out, " THEN NULL ELSE count(*) END FROM " SFX_LEDGER " AS l WHERE target=", err);
    if (rc == 0)
        rc = put_optional(out, s->source->table, err);
    if (rc == 0)
        rc = sfx_buf_puts(out, " AND source_key=", err);
    if (rc == 0)
        rc = put_optional(out, s->source->key, err);
    if (rc == 0 && !s->source->again)
        rc = sfx_buf_printf(out, err,
                            " AND (undone IS NOT NULL OR EXISTS(SELECT 1 FROM " SFX_LEDGER
                            " AS m WHERE m.target=l.target AND m.load_id>l.load_id%s)",
                            replaces ? "" : " AND m.mode IN('replace','truncate')");
    if (rc == 0 && !s->source->again)
        rc = replaces ? sfx_buf_printf(out, err, " OR mode<>'%s')", sfx_sink_mode_names[s->mode])
                      : sfx_buf_putc(out, ')', err);
    return rc == 0 ? sfx_buf_putc(out, ')', err) : rc;
}

int sfx_script_put_ledger(struct sfx_script *s, struct sfx_err *err)
{
    const struct sfx_sink_source *source = s->source;
    const char *const texts[] = {source->table,  source->key,      source->name, source->member,
                                 source->sha256, source->event_id, NULL};
    struct sfx_buf *out = &s->out;
    char started[SFX_CLOCK_TEXT_NBYTES];
    size_t i;
    int rc = sfx_buf_puts(out,
                          LEDGER_DDL ";\nINSERT INTO " SFX_LEDGER
                                     "(target,source_key,source,member,sha256,event_id,load_id,"
                                     "size,mode,started,finished,version,state,again,"
                                     "rows_in,inserted,updated,unchanged,deleted,duplicate,"
                                     "rejected,skipped,removed)\nVALUES(",
                          err);

    for (i = 0; rc == 0 && i < 6; i++) {
        rc = put_optional(out, texts[i], err);
        if (rc == 0)
            rc = sfx_buf_putc(out, ',', err);
    }
    (void)sfx_clock_format(s->started_ns, started);
    if (rc == 0)
        rc = sfx_buf_printf(out, err, "%lld,%llu,'%s','%s','%s','%s','done',",
                            (long long)s->load_id, (unsigned long long)source->size_nbytes,
                            sfx_sink_mode_names[s->mode], started, started, PACKAGE_VERSION);
    if (rc == 0)
        rc = put_again(s, err);
    return rc == 0 ? sfx_buf_puts(out, ",0,0,0,0,0,0,0,0,0);\n", err) : rc;
}

int sfx_script_put_counts(struct sfx_script *s, const struct sfx_sink_counts *counts,
                          struct sfx_err *err)
{
    static const char *const names[SFX_SINK_NCOUNTS] = {"rows_in",   "inserted", "updated",
                                                        "unchanged", "deleted",  "duplicate",
                                                        "rejected",  "skipped",  "removed"};
    struct sfx_sink_counts copy = *counts;
    uint64_t *numbers[SFX_SINK_NCOUNTS];
    char finished[SFX_CLOCK_TEXT_NBYTES];
    size_t i;
    int rc;

    (void)sfx_clock_format(sfx_clock_wall_ns(), finished);
    rc = sfx_buf_printf(&s->out, err, "UPDATE " SFX_LEDGER " SET finished='%s'", finished);
    sfx_sink_counts_list(&copy, numbers);
    for (i = 0; rc == 0 && i < SFX_SINK_NCOUNTS; i++)
        rc = sfx_buf_printf(&s->out, err, ",%s=%llu", names[i], (unsigned long long)*numbers[i]);
    return rc == 0 ? sfx_buf_printf(&s->out, err, " WHERE load_id=%lld;\nCOMMIT;\n",
                                    (long long)s->load_id)
                   : rc;
}
