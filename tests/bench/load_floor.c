/* SPDX-License-Identifier: MIT */
/*
 * What loading the orders into SQLite costs without a loader: a program that knows their columns
 * and types, trusts the file, and does nothing else. The floor below sfx-load.
 *
 * usage: load_floor DATABASE CSV [EVERY]   rows of INSERTs of 50, a commit each EVERY rows (0: one)
 *        load_floor DATABASE CSV key       a table with a key
 *        load_floor DATABASE CSV upsert    into that table, by its key
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NCOLS 11
#define NMANY 50

/* id, customer, country, zip, name, price, qty, status, ts, email, note */
static const char kinds[NCOLS + 1] = "ittttditttt";

static sqlite3 *db;

static void check(int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    (void)fprintf(stderr, "load_floor: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void run(const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static sqlite3_stmt *prepare(int nrows, const char *behind)
{
    char sql[4096] = "INSERT INTO orders VALUES";
    sqlite3_stmt *stmt;
    int row;

    for (row = 0; row < nrows; row++)
        (void)strcat(sql, row > 0 ? ",(?,?,?,?,?,?,?,?,?,?,?)" : "(?,?,?,?,?,?,?,?,?,?,?)");
    (void)strcat(sql, behind);
    check(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    return stmt;
}

static void bind(sqlite3_stmt *stmt, int at, char kind, const char *field, size_t len)
{
    if (kind == 'i')
        check(sqlite3_bind_int64(stmt, at, strtoll(field, NULL, 10)));
    else if (kind == 'd')
        check(sqlite3_bind_double(stmt, at, strtod(field, NULL)));
    else
        check(sqlite3_bind_text(stmt, at, field, (int)len, SQLITE_STATIC));
}

/* Binds the row at p as the slot-th of stmt; returns what follows it. */
static const char *bind_row(sqlite3_stmt *stmt, int slot, const char *p)
{
    const char *end;
    int i;

    for (i = 0; i < NCOLS; i++) {
        const char stop = i + 1 < NCOLS ? ',' : '\n';
        const bool quoted = *p == '"';

        p += quoted;
        end = strchr(p, quoted ? '"' : stop);
        bind(stmt, slot * NCOLS + i + 1, kinds[i], p, (size_t)(end - p));
        p = end + quoted + 1;
    }
    return p;
}

static void load(const char *p, const char *end, long every)
{
    sqlite3_stmt *many = prepare(NMANY, ""), *one = prepare(1, "");
    const char *first = p; /* of the rows that are bound and not inserted */
    long nrows = 0;
    int slot = 0;

    run("BEGIN");
    while (p < end) {
        p = bind_row(many, slot++, p);
        nrows++;
        if (slot == NMANY) {
            check(sqlite3_step(many));
            check(sqlite3_reset(many));
            slot = 0;
            first = p;
        }
        if (every > 0 && nrows % every == 0)
            run("INSERT INTO ledger(rows) VALUES(1);COMMIT;BEGIN");
    }
    while (first < end) {
        first = bind_row(one, 0, first);
        check(sqlite3_step(one));
        check(sqlite3_reset(one));
    }
    run("COMMIT");
    (void)sqlite3_finalize(many);
    (void)sqlite3_finalize(one);
}

static void upsert(const char *p, const char *end)
{
    sqlite3_stmt *one = prepare(
        1, " ON CONFLICT(id) DO UPDATE SET customer=excluded.customer, country=excluded.country,"
           " zip=excluded.zip, name=excluded.name, price=excluded.price, qty=excluded.qty,"
           " status=excluded.status, ts=excluded.ts, email=excluded.email, note=excluded.note");

    run("BEGIN");
    while (p < end) {
        p = bind_row(one, 0, p);
        check(sqlite3_step(one));
        check(sqlite3_reset(one));
    }
    run("COMMIT");
    (void)sqlite3_finalize(one);
}

int main(int argc, char **argv)
{
    const char *how = argc > 3 ? argv[3] : "";
    const bool key = strcmp(how, "upsert") == 0 || strcmp(how, "key") == 0;
    struct stat st;
    const char *data;
    int fd = argc >= 3 ? open(argv[2], O_RDONLY) : -1;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
        (void)fprintf(stderr, "usage: load_floor DATABASE CSV [EVERY|key|upsert]\n");
        return 2;
    }
    data = mmap(NULL, (size_t)st.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED || sqlite3_open(argv[1], &db) != SQLITE_OK)
        return 1;
    run("PRAGMA page_size=16384;PRAGMA cache_size=-16384");
    run(key ? "CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, customer TEXT,"
              " country TEXT, zip TEXT, name TEXT, price DECIMAL(15,2), qty INTEGER, status TEXT,"
              " ts TIMESTAMPTZ, email TEXT, note TEXT)"
            : "CREATE TABLE IF NOT EXISTS orders(id INTEGER, customer TEXT, country TEXT,"
              " zip TEXT, name TEXT, price DECIMAL(15,2), qty INTEGER, status TEXT, ts TIMESTAMPTZ,"
              " email TEXT, note TEXT)");
    run("CREATE TABLE IF NOT EXISTS ledger(id INTEGER PRIMARY KEY, rows INTEGER)");
    if (strcmp(how, "upsert") == 0)
        upsert(strchr(data, '\n') + 1, data + st.st_size);
    else
        load(strchr(data, '\n') + 1, data + st.st_size, strtol(how, NULL, 10));
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
