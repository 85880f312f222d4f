/* SPDX-License-Identifier: MIT */
/* Statements of SQLite, and what their failures mean. */
#include "sink/sqlite_internal.h"

#include <assert.h>
#include <string.h>

static enum sfx_code code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT: return SFX_E_TEMPORARY;
    case SQLITE_NOMEM: return SFX_E_NOMEM;
    case SQLITE_TOOBIG: return SFX_E_LIMIT;
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_AUTH: return SFX_E_USAGE;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return SFX_E_INPUT;
    default: return SFX_E_IO;
    }
}

int sfx_sqlite_fail(struct sfx_sqlite *s, int rc, struct sfx_err *err)
{
    enum sfx_code code = code_of(rc);

    if (s->opts.stop != NULL && *s->opts.stop != 0 && code == SFX_E_TEMPORARY)
        return sfx_err_set(err, code, "interrupted while waiting for a lock");
    return sfx_err_set(err, code, "%s", s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
}

int sfx_sqlite_exec(struct sfx_sqlite *s, const char *sql, struct sfx_err *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : sfx_sqlite_fail(s, rc, err);
}

int sfx_sqlite_compile(struct sfx_sqlite *s, const char *sql, sqlite3_stmt **stmt,
                       struct sfx_err *err)
{
    int rc = sqlite3_prepare_v2(s->db, sql, -1, stmt, NULL);

    return rc == SQLITE_OK ? 0 : sfx_sqlite_fail(s, rc, err);
}

int sfx_sqlite_keep(struct sfx_sqlite *s, const char *sql, sqlite3_stmt **stmt, struct sfx_err *err)
{
    size_t i = 0;
    int rc = 0;

    while (s->kept[i].sql != NULL && s->kept[i].sql != sql) {
        i++;
        assert(i < SFX_SQLITE_NKEPT);
    }
    if (s->kept[i].stmt == NULL)
        rc = sfx_sqlite_compile(s, sql, &s->kept[i].stmt, err);
    if (rc == 0)
        s->kept[i].sql = sql;
    *stmt = s->kept[i].stmt;
    return rc;
}

void sfx_sqlite_release(sqlite3_stmt *stmt)
{
    if (stmt == NULL)
        return;
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
}

void sfx_sqlite_forget(struct sfx_sqlite *s)
{
    size_t i;

    for (i = 0; i < SFX_SQLITE_NKEPT; i++)
        (void)sqlite3_finalize(s->kept[i].stmt);
    memset(s->kept, 0, sizeof(s->kept));
}
