/* SPDX-License-Identifier: MIT */
/*
 * Standard output as a sink: a script of SQL that SQLite (3.35 or later) and PostgreSQL (12 or
 * later) both run. A load is a transaction, whose first statement is its entry in the ledger: a
 * script that is run twice, or after a load of the same content, ends there.
 */
#include "base/clock.h"
#include "base/io.h"
#include "sink/ledger.h"
#include "sink/merge.h"
#include "sink/script_internal.h"
#include "sink/sink_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    FLUSH_NBYTES = 64 * 1024,
    STATEMENT_NBYTES = 256 * 1024, /* SQLite takes a million at most */
};

static struct sfx_sink *script_open(const char *rest, const struct sfx_sink_opts *opts,
                                    struct sfx_err *err)
{
    static const enum sfx_sink_mode can[] = {SFX_SINK_APPEND, SFX_SINK_REPLACE, SFX_SINK_TRUNCATE,
                                             SFX_SINK_UPSERT, SFX_SINK_IGNORE};
    struct sfx_script *s;
    size_t i;

    (void)rest;
    for (i = 0; i < sizeof(can) / sizeof(can[0]) && can[i] != opts->how.mode; i++)
        ;
    if (i == sizeof(can) / sizeof(can[0])) {
        (void)sfx_err_set(err, SFX_E_USAGE, "a script cannot do --mode=%s",
                          sfx_sink_mode_names[opts->how.mode]);
        return NULL;
    }
    if (opts->how.evolve != SFX_SINK_STRICT) {
        (void)sfx_err_set(err, SFX_E_USAGE, "a script does not see the table: no --evolve");
        return NULL;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
        return NULL;
    }
    s->base.ops = &sfx_sink_script;
    s->base.folder = "/var/tmp";
    s->opts = *opts;
    return &s->base;
}

/* Writes what waits, if it is much, or all of it. */
static int flush(struct sfx_script *s, size_t beyond, struct sfx_err *err)
{
    int rc;

    if (s->out.len <= beyond)
        return 0;
    rc = s->opts.dry_run ? 0 : sfx_io_write(s->opts.out_fd, s->out.data, s->out.len, err);
    sfx_buf_clear(&s->out);
    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

static int script_begin(struct sfx_sink *sink, const struct sfx_sink_source *source,
                        struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_script *s = (struct sfx_script *)sink;
    int64_t now_ns = sfx_clock_wall_ns();
    int rc;

    if (strcasecmp(source->table, SFX_LEDGER) == 0)
        return sfx_err_set(err, SFX_E_USAGE, "table %s is the ledger of loads", source->table);
    sfx_arena_reset(&s->arena);
    s->source = source;
    s->started_ns = now_ns;
    rc = sfx_merge_mode(&s->opts.how, &s->seen, source->table, &s->mode, err);
    if (rc < 0)
        return rc;
    /* Nobody can be asked for the next one: microseconds are beyond what others have counted to. */
    if (now_ns / 1000 <= s->load_id)
        s->load_id++;
    else
        s->load_id = now_ns / 1000;
    *entry = (struct sfx_sink_entry){.load_id = s->opts.dry_run ? 0 : s->load_id};
    s->mapped = false;
    s->begun = false;
    s->statement_nbytes = 0;
    return 0;
}

/* SQL of the user's, which may lack its last ';'. */
static int put_own(struct sfx_script *s, const char *sql, struct sfx_err *err)
{
    return sql != NULL ? sfx_buf_printf(&s->out, err, "%s\n;\n", sql) : 0;
}

static int script_prepare(struct sfx_sink *sink, const struct sfx_sink_schema *schema,
                          struct sfx_buf *ddl, struct sfx_err *err)
{
    struct sfx_script *s = (struct sfx_script *)sink;
    const size_t ddl_at = ddl->len;
    int rc;

    s->schema = schema;
    rc = sfx_script_plan(s, ddl, err);
    if (rc < 0 || s->opts.dry_run)
        return rc;
    s->begun = true;
    rc = sfx_buf_puts(&s->out, "BEGIN;\n", err);
    if (rc == 0)
        rc = sfx_script_put_ledger(s, err);
    if (rc == 0)
        rc = put_own(s, s->opts.how.before, err);
    return rc == 0 ? sfx_buf_append(&s->out, ddl->data + ddl_at, ddl->len - ddl_at, err) : rc;
}

static int end_statement(struct sfx_script *s, struct sfx_err *err)
{
    int rc;

    if (s->statement_nbytes == 0)
        return 0;
    s->statement_nbytes = 0;
    rc = sfx_buf_append(&s->out, s->conflict.data, s->conflict.len, err);
    return rc == 0 ? sfx_buf_puts(&s->out, ";\n", err) : rc;
}

/* The row that is in s->row becomes part of a statement. In one statement PostgreSQL does not let a
 * row be changed twice. */
static int put_row(struct sfx_script *s, struct sfx_err *err)
{
    int rc = 0;

    if (s->statement_nbytes > 0 &&
        (s->mode == SFX_SINK_UPSERT || s->statement_nbytes + s->row.len > STATEMENT_NBYTES))
        rc = end_statement(s, err);
    if (rc == 0 && s->statement_nbytes == 0)
        rc = sfx_buf_append(&s->out, s->insert.data, s->insert.len, err);
    else if (rc == 0)
        rc = sfx_buf_puts(&s->out, ",\n", err);
    if (rc == 0)
        rc = sfx_buf_append(&s->out, s->row.data, s->row.len, err);
    s->statement_nbytes += s->row.len;
    return rc == 0 ? flush(s, FLUSH_NBYTES, err) : rc;
}

/* Appends a cell to s->row. 0; 1: the record was refused. */
static int put_cell(struct sfx_script *s, const struct sfx_batch *batch, uint32_t row, size_t i,
                    const struct sfx_reject_sink *bad, struct sfx_err *err)
{
    static const struct sfx_cell missing = {.kind = SFX_CELL_MISSING};
    const struct sfx_ddl_column *col = &s->columns[i];
    const struct sfx_cell *cell = s->map[i] < 0 ? &missing : &batch->columns[s->map[i]].cells[row];
    struct sfx_sink_column column = s->schema->columns[i];
    struct sfx_typed_value value;
    const char *why;
    int rc;

    column.not_null |= col->key;
    rc = sfx_typed_value(&column, cell, &s->scratch, &value, &why, err);
    if (rc == 0)
        why = sfx_script_literal(&column, &value, &s->row, &rc, err);
    if (rc < 0 || why == NULL)
        return rc;
    rc = sfx_sink_refuse_value(batch, row, col->name, col->declared, value.text, why, bad, err);
    return rc < 0 ? rc : 1;
}

/* Makes s->row. 0; 1: the record was refused. */
static int make_row(struct sfx_script *s, const struct sfx_batch *batch, uint32_t row,
                    const struct sfx_reject_sink *bad, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    sfx_buf_clear(&s->row);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        rc = sfx_buf_putc(&s->row, i > 0 ? ',' : '(', err);
        if (rc == 0)
            rc = put_cell(s, batch, row, i, bad, err);
    }
    return rc == 0 ? sfx_buf_putc(&s->row, ')', err) : rc;
}

static int script_put(struct sfx_sink *sink, const struct sfx_batch *batch,
                      const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err)
{
    struct sfx_script *s = (struct sfx_script *)sink;
    uint32_t k;
    int rc;

    if (!s->mapped || s->map_schema_id != batch->schema_id) {
        sfx_sink_map(s->schema, batch, s->map);
        s->map_schema_id = batch->schema_id;
        s->mapped = true;
    }
    for (k = 0; k < batch->nsel; k++) {
        rc = make_row(s, batch, batch->sel[k], bad, err);
        if (rc == 0)
            rc = put_row(s, err);
        else if (rc > 0)
            continue;
        if (rc < 0)
            return rc;
        (*inserted)++;
    }
    return 0;
}

static int script_commit(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                         struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_script *s = (struct sfx_script *)sink;
    int rc = end_statement(s, err);

    *entry = (struct sfx_sink_entry){.load_id = s->load_id, .counts = *counts};
    (void)sfx_clock_format(sfx_clock_wall_ns(), entry->finished);
    if (s->opts.dry_run)
        return 0;
    if (rc == 0)
        rc = sfx_merge_indexes(&s->opts.how, s->schema, s->source->table, s->table, &s->out, err);
    if (rc == 0)
        rc = put_own(s, s->opts.how.after, err);
    if (rc == 0)
        rc = sfx_script_put_counts(s, counts, err);
    if (rc == 0)
        rc = sfx_sink_seen_add(&s->seen, s->source->table, err);
    if (rc == 0)
        rc = flush(s, 0, err);
    s->begun = s->begun && rc < 0;
    return rc;
}

/* What has been written cannot be taken back, but it can be made to do nothing. */
static void script_rollback(struct sfx_sink *sink)
{
    struct sfx_script *s = (struct sfx_script *)sink;

    if (s->begun) {
        if (s->statement_nbytes > 0)
            (void)sfx_buf_puts(&s->out, ";\n", NULL);
        if (sfx_buf_puts(&s->out, "ROLLBACK;\n", NULL) == 0)
            (void)flush(s, 0, NULL);
    }
    sfx_buf_clear(&s->out);
    s->begun = false;
    s->statement_nbytes = 0;
}

static int script_undo(struct sfx_sink *sink, int64_t load_id, struct sfx_sink_entry *entry,
                       const char **table, struct sfx_err *err)
{
    (void)sink;
    (void)load_id;
    (void)entry;
    (void)table;
    return sfx_err_set(err, SFX_E_USAGE, "--undo needs the database itself");
}

static void script_close(struct sfx_sink *sink)
{
    struct sfx_script *s = (struct sfx_script *)sink;

    script_rollback(sink);
    sfx_arena_done(&s->arena);
    sfx_buf_done(&s->out);
    sfx_buf_done(&s->row);
    sfx_buf_done(&s->insert);
    sfx_buf_done(&s->conflict);
    sfx_buf_done(&s->scratch);
    sfx_sink_seen_done(&s->seen);
    free(s);
}

const struct sfx_sink_ops sfx_sink_script = {
    .scheme = "-",
    .form = "-",
    .says = "a script of SQL on standard output, for SQLite and PostgreSQL",
    .open = script_open,
    .begin = script_begin,
    .prepare = script_prepare,
    .put = script_put,
    .commit = script_commit,
    .rollback = script_rollback,
    .undo = script_undo,
    .close = script_close,
};
