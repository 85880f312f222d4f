/* SPDX-License-Identifier: MIT */
/* The table of rejects in an SQLite database. */
#include "base/text.h"
#include "sink/ledger.h"
#include "sink/sqlite_internal.h"

#define INSERT                                                                                     \
    "INSERT INTO " SFX_REJECTS                                                                     \
    "(load_id, line, \"offset\", column_name, value, code, reason, rule,"                          \
    " raw) VALUES(?,?,?,?,?,?,?,?,?)"

/* What is not UTF-8 is kept as bytes. */
static void bind_slice(sqlite3_stmt *stmt, int at, struct sfx_slice text)
{
    if (text.ptr == NULL)
        (void)sqlite3_bind_null(stmt, at);
    else if (sfx_utf8_valid(text))
        (void)sqlite3_bind_text64(stmt, at, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
    else
        (void)sqlite3_bind_blob64(stmt, at, text.ptr, text.len, SQLITE_STATIC);
}

int sfx_sqlite_reject(struct sfx_sink *sink, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc = 0;

    if (s->reject == NULL) {
        rc = sfx_sqlite_exec(s, SFX_REJECTS_DDL("INTEGER", "BLOB"), err);
        if (rc == 0)
            rc = sfx_sqlite_compile(s, INSERT, &s->reject, err);
        if (rc < 0)
            return sfx_err_wrap(err, rc, "table " SFX_REJECTS);
    }
    (void)sqlite3_bind_int64(s->reject, 1, s->load_id);
    (void)sqlite3_bind_int64(s->reject, 2, (int64_t)r->line);
    (void)sqlite3_bind_int64(s->reject, 3, (int64_t)r->offset);
    bind_slice(s->reject, 4, r->column.len > 0 ? r->column : sfx_slice(NULL, 0));
    bind_slice(s->reject, 5, r->value);
    bind_slice(s->reject, 6, sfx_slice_str(r->code));
    bind_slice(s->reject, 7, sfx_slice_str(r->reason));
    bind_slice(s->reject, 8, r->rule.len > 0 ? r->rule : sfx_slice(NULL, 0));
    bind_slice(s->reject, 9, r->raw);
    rc = sqlite3_step(s->reject);
    rc = rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
    (void)sqlite3_reset(s->reject);
    return rc < 0 ? sfx_err_wrap(err, rc, "table " SFX_REJECTS) : 0;
}
