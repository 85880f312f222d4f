/* SPDX-License-Identifier: MIT */
/* The SQLite sink by its contract: all or nothing, once, and nothing changed on the way. */
#include "sink/sink.h"
#include "sink_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], uri[96];
static const char *const path = uri + sizeof("sqlite:") - 1;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/sfx-sink-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(uri, sizeof(uri), "sqlite:%s/x.db", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static struct sfx_sink *open_sink(void)
{
    const struct sfx_sink_opts opts = {0};
    struct sfx_err err;
    struct sfx_sink *sink = sfx_sink_open(uri, &opts, &err);

    if (sink == NULL)
        fail_msg("%s", err.text);
    return sink;
}

/* The first value of a query, as text; "" for NULL. Borrowed until the next call. */
static const char *ask(const char *sql)
{
    static char answer[256];
    sqlite3_stmt *stmt;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    answer[0] = '\0';
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0) != NULL)
        (void)snprintf(answer, sizeof(answer), "%s", (const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return answer;
}

static void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

/* Counts refusals and keeps the last one's place. */
struct refusals {
    unsigned count;
    uint64_t line;
    char reason[128];
};

static int note(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct refusals *refusals = ctx;

    (void)err;
    refusals->count++;
    refusals->line = r->line;
    (void)snprintf(refusals->reason, sizeof(refusals->reason), "%s", r->reason);
    return 0;
}

static struct sfx_sink_column columns[2] = {
    {.name = {"id", 2}, .type = SFX_TYPE_INTEGER},
    {.name = {"name", 4}, .type = SFX_TYPE_TEXT},
};
static const struct sfx_sink_schema schema = {columns, 2};
static const struct sfx_sink_source source = {.table = "t", .key = "k", .name = "hand.csv"};

/* A batch of nrows rows with ids from first on. Texts live in ids. */
static void make_rows(struct sfx_batch *batch, uint32_t nrows, int first, char (*ids)[16])
{
    static const char *const names[] = {"id", "name", NULL};
    uint32_t r;

    make_batch(batch, names, nrows);
    for (r = 0; r < nrows; r++) {
        (void)snprintf(ids[r], sizeof(ids[r]), "%d", first + (int)r);
        batch->columns[0].cells[r] = csv_cell(ids[r]);
        batch->columns[1].cells[r] = csv_cell("x");
    }
}

/* Loads a batch under source. Returns what begin, prepare, put or commit returned first but 0. */
static int load(struct sfx_sink *sink, const struct sfx_batch *batch,
                const struct sfx_reject_sink *bad, struct sfx_sink_counts *counts,
                struct sfx_err *err)
{
    struct sfx_sink_entry entry;
    struct sfx_buf ddl = {0};
    int rc = sink->ops->begin(sink, &source, &entry, err);

    if (rc != 0)
        return rc;
    rc = sink->ops->prepare(sink, &schema, &ddl, err);
    sfx_buf_done(&ddl);
    if (rc == 0)
        rc = sink->ops->put(sink, batch, bad, &counts->inserted, err);
    if (rc == 0)
        rc = sink->ops->commit(sink, counts, &entry, err);
    if (rc < 0)
        sink->ops->rollback(sink);
    return rc;
}

static void a_load_is_there_once(void **state)
{
    char ids[SFX_BATCH_ROWS][16];
    struct sfx_sink_counts counts = {0};
    struct sfx_batch batch;
    struct sfx_sink *sink = open_sink();
    struct sfx_err err;

    (void)state;
    make_rows(&batch, 1000, 1, ids); /* full statements and a rest */
    assert_int_equal(load(sink, &batch, NULL, &counts, &err), 0);
    assert_int_equal(counts.inserted, 1000);
    assert_int_equal(load(sink, &batch, NULL, &counts, &err), 1);
    sfx_sink_close(sink);
    sink = open_sink();
    assert_int_equal(load(sink, &batch, NULL, &counts, &err), 1);
    sfx_sink_close(sink);
    sfx_batch_done(&batch);
    assert_string_equal(ask("SELECT count(*)||' '||sum(id)||' '||typeof(id) FROM t"),
                        "1000 500500 integer");
    assert_string_equal(ask("SELECT inserted FROM _sfx_load"), "1000");
}

static void what_is_rolled_back_was_never_there(void **state)
{
    char ids[SFX_BATCH_ROWS][16];
    struct sfx_sink_entry entry;
    struct sfx_buf ddl = {0};
    struct sfx_batch batch;
    struct sfx_sink *sink = open_sink();
    struct stat st;
    uint64_t inserted = 0;

    (void)state;
    make_rows(&batch, SFX_BATCH_ROWS, 1, ids);
    assert_int_equal(sink->ops->begin(sink, &source, &entry, NULL), 0);
    assert_int_equal(sink->ops->prepare(sink, &schema, &ddl, NULL), 0);
    assert_int_equal(sink->ops->put(sink, &batch, NULL, &inserted, NULL), 0);
    sink->ops->rollback(sink);
    assert_int_not_equal(stat(path, &st), 0); /* the database was made for this load */
    assert_int_equal(sink->ops->begin(sink, &source, &entry, NULL), 0);
    assert_int_equal(sink->ops->prepare(sink, &schema, &ddl, NULL), 0);
    sfx_sink_close(sink); /* in the middle */
    assert_int_not_equal(stat(path, &st), 0);
    sfx_buf_done(&ddl);
    sfx_batch_done(&batch);
}

static void a_value_that_does_not_fit_is_refused_and_the_rest_goes_in(void **state)
{
    char ids[SFX_BATCH_ROWS][16];
    struct refusals refusals = {0};
    const struct sfx_reject_sink bad = {note, &refusals};
    struct sfx_sink_counts counts = {.in = 200};
    struct sfx_batch batch;
    struct sfx_sink *sink = open_sink();
    struct sfx_err err;

    (void)state;
    make_rows(&batch, 200, 1, ids);
    batch.columns[0].cells[70] = csv_cell("seventy");
    assert_int_equal(load(sink, &batch, NULL, &counts, &err), SFX_E_INPUT);
    assert_string_equal(err.text, "line 72: column \"id\" (INTEGER) cannot hold \"seventy\"");
    counts.inserted = 0;
    counts.rejected = 1;
    assert_int_equal(load(sink, &batch, &bad, &counts, &err), 0);
    assert_int_equal(refusals.count, 1);
    assert_int_equal(refusals.line, 72);
    assert_int_equal(counts.inserted, 199);
    sfx_sink_close(sink);
    sfx_batch_done(&batch);
    assert_string_equal(ask("SELECT count(*)||' '||sum(id) FROM t"), "199 20029");
}

static void a_constraint_refuses_its_record_alone(void **state)
{
    char ids[SFX_BATCH_ROWS][16];
    struct refusals refusals = {0};
    const struct sfx_reject_sink bad = {note, &refusals};
    struct sfx_sink_counts counts = {0};
    struct sfx_batch batch;
    struct sfx_sink *sink;
    struct sfx_err err;

    (void)state;
    run_sql("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT CHECK(name <> 'no'))");
    sink = open_sink();
    make_rows(&batch, SFX_BATCH_ROWS, 1, ids);
    batch.columns[0].cells[900] = csv_cell("5");
    batch.columns[1].cells[33] = csv_cell("no");
    assert_int_equal(load(sink, &batch, &bad, &counts, &err), 0);
    sfx_sink_close(sink);
    assert_int_equal(refusals.count, 2);
    assert_int_equal(refusals.line, 902);
    assert_string_equal(refusals.reason, "UNIQUE constraint failed: t.id");
    assert_int_equal(counts.inserted, SFX_BATCH_ROWS - 2);
    sfx_batch_done(&batch);
}

static void a_trigger_that_ends_the_transaction_fails_the_load(void **state)
{
    char ids[SFX_BATCH_ROWS][16];
    struct refusals refusals = {0};
    const struct sfx_reject_sink bad = {note, &refusals};
    struct sfx_sink_counts counts = {0};
    struct sfx_batch batch;
    struct sfx_sink *sink;
    struct sfx_err err;

    (void)state;
    run_sql("CREATE TABLE t(id INTEGER, name TEXT);"
            "CREATE TRIGGER x BEFORE INSERT ON t WHEN new.id = 500 BEGIN "
            "SELECT raise(ROLLBACK, 'never 500'); END");
    sink = open_sink();
    make_rows(&batch, SFX_BATCH_ROWS, 1, ids);
    assert_int_equal(load(sink, &batch, &bad, &counts, &err), SFX_E_INPUT);
    assert_string_equal(err.text, "never 500");
    sfx_sink_close(sink);
    sfx_batch_done(&batch);
    assert_int_equal(refusals.count, 0);
    assert_string_equal(ask("SELECT count(*) FROM t"), "0");
}

static void bytes_come_back_as_they_were(void **state)
{
    static const char *const names[] = {"id", "name", NULL};
    struct sfx_sink_counts counts = {0};
    struct sfx_batch batch;
    struct sfx_sink *sink = open_sink();
    struct sfx_err err;

    (void)state;
    make_batch(&batch, names, 4);
    batch.columns[1].cells[0] = (struct sfx_cell){.ptr = "a\0b", .len = 3, .kind = SFX_CELL_TEXT};
    batch.columns[1].cells[1] = csv_cell("caf\xe9");
    batch.columns[1].cells[2] = (struct sfx_cell){.ptr = &"\"say \"\"hi\"\"\""[1],
                                                  .len = 10,
                                                  .kind = SFX_CELL_TEXT,
                                                  .flags = SFX_CELL_QUOTED | SFX_CELL_ESCAPED,
                                                  .dialect = SFX_DIALECT(',', '"')};
    batch.columns[1].cells[3] = (struct sfx_cell){
        .ptr = "\\u00e9\\n", .len = 8, .kind = SFX_CELL_JSON_STRING, .flags = SFX_CELL_ESCAPED};
    assert_int_equal(load(sink, &batch, NULL, &counts, &err), 0);
    sfx_sink_close(sink);
    sfx_batch_done(&batch);
    assert_string_equal(ask("SELECT group_concat(hex(CAST(name AS BLOB)), ' ') FROM t"),
                        "610062 636166E9 7361792022686922 C3A90A");
    assert_string_equal(ask("SELECT count(id) FROM t"), "0");
}

static void columns_may_be_missing_in_some_batches(void **state)
{
    static const char *const only_name[] = {"name", NULL};
    char ids[SFX_BATCH_ROWS][16];
    struct sfx_sink_entry entry;
    struct sfx_sink_counts counts = {.in = 2};
    struct sfx_buf ddl = {0};
    struct sfx_batch first, second;
    struct sfx_sink *sink = open_sink();

    (void)state;
    make_batch(&first, only_name, 1);
    first.columns[0].cells[0] = csv_cell("early");
    make_rows(&second, 1, 7, ids);
    assert_int_equal(sink->ops->begin(sink, &source, &entry, NULL), 0);
    assert_int_equal(sink->ops->prepare(sink, &schema, &ddl, NULL), 0);
    assert_int_equal(sink->ops->put(sink, &first, NULL, &counts.inserted, NULL), 0);
    assert_int_equal(sink->ops->put(sink, &second, NULL, &counts.inserted, NULL), 0);
    assert_int_equal(sink->ops->commit(sink, &counts, &entry, NULL), 0);
    assert_int_equal(entry.load_id, 1);
    sfx_sink_close(sink);
    sfx_buf_done(&ddl);
    sfx_batch_done(&first);
    sfx_batch_done(&second);
    assert_string_equal(ask("SELECT group_concat(ifnull(id, '-') || name) FROM t"), "-early,7x");
}

static void a_dry_run_says_the_statements_and_writes_nothing(void **state)
{
    const struct sfx_sink_opts opts = {.dry_run = true};
    char ids[SFX_BATCH_ROWS][16];
    struct sfx_sink_entry entry;
    struct sfx_sink_counts counts = {0};
    struct sfx_buf ddl = {0};
    struct sfx_batch batch;
    struct sfx_sink *sink = sfx_sink_open(uri, &opts, NULL);

    (void)state;
    make_rows(&batch, 3, 1, ids);
    assert_int_equal(sink->ops->begin(sink, &source, &entry, NULL), 0);
    assert_int_equal(sink->ops->prepare(sink, &schema, &ddl, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&ddl, NULL),
                        "CREATE TABLE \"t\"(\n  \"id\" INTEGER,\n  \"name\" TEXT\n);\n");
    assert_int_equal(sink->ops->put(sink, &batch, NULL, &counts.inserted, NULL), 0);
    assert_int_equal(sink->ops->commit(sink, &counts, &entry, NULL), 0);
    assert_int_equal(counts.inserted, 3);
    sfx_sink_close(sink);
    sfx_buf_done(&ddl);
    sfx_batch_done(&batch);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_ledger_of_somebody_else_is_left_alone(void **state)
{
    char ids[SFX_BATCH_ROWS][16];
    struct sfx_sink_counts counts = {0};
    struct sfx_batch batch;
    struct sfx_sink *sink;
    struct sfx_err err;

    (void)state;
    run_sql("CREATE TABLE _sfx_load(mine)");
    sink = open_sink();
    make_rows(&batch, 1, 1, ids);
    assert_int_equal(load(sink, &batch, NULL, &counts, &err), SFX_E_USAGE);
    assert_non_null(strstr(err.text, "table _sfx_load: no such column"));
    sfx_sink_close(sink);
    sfx_batch_done(&batch);
    assert_string_equal(ask("SELECT count(*) FROM sqlite_schema"), "1");
}

/* Two at the birth of a database: the one whose load fails does not take it from the other. */
static void a_database_in_use_is_not_taken_away(void **state)
{
    char ids[SFX_BATCH_ROWS][16];
    struct sfx_sink_entry entry;
    struct sfx_sink_counts counts = {0};
    struct sfx_batch batch;
    struct sfx_sink *one = open_sink(), *two = open_sink();
    struct sfx_err err;

    (void)state;
    make_rows(&batch, 1, 1, ids);
    assert_int_equal(one->ops->begin(one, &source, &entry, &err), 0);
    assert_int_equal(load(two, &batch, NULL, &counts, &err), SFX_E_TEMPORARY); /* has it open now */
    one->ops->rollback(one);
    assert_int_equal(load(two, &batch, NULL, &counts, &err), 0);
    sfx_sink_close(one);
    sfx_sink_close(two);
    sfx_batch_done(&batch);
    assert_string_equal(ask("SELECT count(*) FROM t"), "1");
}

static void targets_that_are_none_are_told_apart(void **state)
{
    const struct sfx_sink_opts opts = {0};
    struct sfx_err err;
    char text[128];
    int fd;

    (void)state;
    (void)snprintf(text, sizeof(text), "sqlite:%s", folder);
    assert_null(sfx_sink_open(text, &opts, &err));
    assert_int_equal(err.code, SFX_E_USAGE);
    assert_null(sfx_sink_open("nothing", &opts, &err));
    assert_int_equal(err.code, SFX_E_USAGE);
    (void)snprintf(text, sizeof(text), "sqlite:%s/no/x.db", folder);
    assert_null(sfx_sink_open(text, &opts, &err));
    assert_int_equal(err.code, SFX_E_IO);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "id,name\n1,this is no database\n", 30), 30);
    assert_int_equal(close(fd), 0);
    assert_null(sfx_sink_open(uri, &opts, &err));
    assert_int_equal(err.code, SFX_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_load_is_there_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_rolled_back_was_never_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_value_that_does_not_fit_is_refused_and_the_rest_goes_in,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_constraint_refuses_its_record_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trigger_that_ends_the_transaction_fails_the_load, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(bytes_come_back_as_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(columns_may_be_missing_in_some_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dry_run_says_the_statements_and_writes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_ledger_of_somebody_else_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_database_in_use_is_not_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(targets_that_are_none_are_told_apart, setup, teardown),
    };

    return cmocka_run_group_tests_name("sink_sqlite", tests, NULL, NULL);
}
