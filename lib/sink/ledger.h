/* SPDX-License-Identifier: MIT */
/*
 * The ledger of loads, as all SQL databases have it: what its table is, and the statements on it.
 * Macros, so that each sink has texts of its own; p is how the database spells a parameter before
 * its number ("?", "$").
 */
#ifndef SFX_SINK_LEDGER_H
#define SFX_SINK_LEDGER_H

#include "sink/sink.h"

#define SFX_LEDGER "_sfx_load"

/*
 * `again` counts the loads of the same key that --force asked for; 0 is the first. state: done, or
 * open, for a load that commits now and then: then next_… say where it goes on. The arguments are
 * types: of load_id, target, whole numbers and times.
 */
#define SFX_LEDGER_DDL(id, name, number, time)                                                     \
    "CREATE TABLE IF NOT EXISTS " SFX_LEDGER "(\n"                                                 \
    "  load_id " id " PRIMARY KEY,\n"                                                              \
    "  target " name " NOT NULL,\n"                                                                \
    "  source_key text NOT NULL,\n"                                                                \
    "  again integer NOT NULL DEFAULT 0,\n"                                                        \
    "  source text, member text, size " number ", sha256 text, event_id text,\n"                   \
    "  mode text NOT NULL,\n"                                                                      \
    "  rows_in " number " NOT NULL, inserted " number " NOT NULL, updated " number " NOT NULL,\n"  \
    "  unchanged " number " NOT NULL, deleted " number " NOT NULL, duplicate " number              \
    " NOT NULL,\n"                                                                                 \
    "  rejected " number " NOT NULL, skipped " number " NOT NULL, removed " number " NOT NULL,\n"  \
    "  started " time " NOT NULL, finished " time " NOT NULL, version text NOT NULL,\n"            \
    "  undone " time ",\n"                                                                         \
    "  state text NOT NULL, next_row " number ", next_refused " number ", next_offset " number     \
    ",\n"                                                                                          \
    "  reject_len " number ", tail text,\n"                                                        \
    "  UNIQUE(target, source_key, again)\n"                                                        \
    ")"

/* The columns that the ledgers of older builds lack; if: how the database says "if not there". */
#define SFX_LEDGER_NEW_COLUMN        "state"
#define SFX_LEDGER_ADD(if, spelling) "ALTER TABLE " SFX_LEDGER " ADD COLUMN " if spelling ";"
#define SFX_LEDGER_UPGRADE(if, number)                                                             \
    SFX_LEDGER_ADD(if, "state text NOT NULL DEFAULT 'done'")                                       \
    SFX_LEDGER_ADD(if, "next_row " number)                                                         \
    SFX_LEDGER_ADD(if, "next_refused " number)                                                     \
    SFX_LEDGER_ADD(if, "next_offset " number)                                                      \
    SFX_LEDGER_ADD(if, "reject_len " number)                                                       \
    SFX_LEDGER_ADD(if, "tail text")

/* The table of rejects beside it; raw: the type of bytes. */
#define SFX_REJECTS "_sfx_reject"
#define SFX_REJECTS_DDL(number, raw)                                                               \
    "CREATE TABLE IF NOT EXISTS " SFX_REJECTS "(\n"                                                \
    "  load_id " number " NOT NULL, line " number ", \"offset\" " number ",\n"                     \
    "  column_name text, value text, code text, reason text, rule text, raw " raw "\n"             \
    ")"

/* What SFX_LEDGER_FIND gives, in order, after load_id and the counts. */
enum {
    SFX_LEDGER_MODE = 1 + SFX_SINK_NCOUNTS,
    SFX_LEDGER_STATE,
    SFX_LEDGER_NEXT_ROW,
    SFX_LEDGER_NEXT_REFUSED,
    SFX_LEDGER_NEXT_OFFSET,
    SFX_LEDGER_REJECT_LEN,
    SFX_LEDGER_TAIL,
    SFX_LEDGER_FINISHED,
};

/*
 * The latest entry of a target (is_target: a condition on 1) and key (2). A load counts only while
 * its table is there (there, a condition) and nothing has replaced its rows since; one that is to
 * replace what is there (3) counts only if it did so, in this mode (4), and was the last. With (5),
 * only an open one. finished: RFC 3339. reject_len is the longest since the entry was written:
 * other inputs may have put rejects into the same file, which must not be cut off.
 */
#define SFX_LEDGER_FIND(p, is_target, there, bool, finished)                                       \
    "SELECT load_id, rows_in, inserted, updated, unchanged, deleted, duplicate, rejected,"         \
    " skipped, removed, mode, state, next_row, next_refused, next_offset, reject_len, tail,"       \
    " " finished " FROM " SFX_LEDGER " AS l WHERE " is_target " AND source_key=" p "2"             \
    " AND undone IS NULL AND " there " AND (NOT " p                                                \
    "3" bool " OR mode=" p "4)"                                                                    \
             " AND (NOT " p                                                                        \
             "5" bool " OR state='open')"                                                          \
                      " AND NOT EXISTS(SELECT 1 FROM " SFX_LEDGER " WHERE " is_target              \
                      " AND load_id>l.load_id"                                                     \
                      " AND (" p                                                                   \
                      "3" bool " OR mode IN('replace','truncate'))) ORDER BY load_id DESC LIMIT 1"

/*
 * Makes an entry, or goes on with an open one if its next_row is what it was (28): nobody else has
 * gone on with it meanwhile. Touches one row, or none.
 */
#define SFX_LEDGER_WRITE(p)                                                                        \
    "INSERT INTO " SFX_LEDGER "(target,source_key,again,source,member,size,sha256,"                \
    "event_id,mode,rows_in,inserted,updated,unchanged,deleted,duplicate,rejected,skipped,"         \
    "removed,started,finished,version,load_id,"                                                    \
    "state,next_row,next_refused,next_offset,reject_len,tail)"                                     \
    "VALUES(" p "1," p "2,(SELECT coalesce(max(again)+1,0) FROM " SFX_LEDGER " WHERE target=" p    \
    "1 AND source_key=" p "2)," p "3," p "4," p "5," p "6," p "7," p "8," p "9," p "10," p "11," p \
    "12," p "13," p "14," p "15," p "16," p "17," p "18," p "19," p "20," p "21," p "22," p        \
    "23," p "24," p "25," p "26," p "27)"                                                          \
    "ON CONFLICT(load_id) DO UPDATE SET rows_in=excluded.rows_in, inserted=excluded.inserted,"     \
    "updated=excluded.updated, unchanged=excluded.unchanged, deleted=excluded.deleted,"            \
    "duplicate=excluded.duplicate, rejected=excluded.rejected, skipped=excluded.skipped,"          \
    "removed=excluded.removed, finished=excluded.finished, version=excluded.version,"              \
    "state=excluded.state, next_row=excluded.next_row, next_refused=excluded.next_refused,"        \
    "next_offset=excluded.next_offset, tail=excluded.tail,"                                        \
    "reject_len=coalesce(excluded.reject_len," SFX_LEDGER ".reject_len) "                          \
    "WHERE " SFX_LEDGER ".state='open' AND " SFX_LEDGER ".next_row=" p "28"

#define SFX_LEDGER_NPARAMS 28

/* Whether a load of that mode (as the ledger has it) can be taken back; undone: NULL, or when it
 * was. Errors: USAGE. */
int sfx_ledger_undoable(int64_t load_id, const char *mode, const char *undone, struct sfx_err *err);

/* 0 when a load of the ledger's mode that is not finished may go on in this one. Errors: USAGE. */
int sfx_ledger_goes_on(int64_t load_id, const char *was, enum sfx_sink_mode mode,
                       struct sfx_err *err);

/* Says that another process has gone on with the load. Returns TEMPORARY. */
int sfx_ledger_overtaken(int64_t load_id, struct sfx_err *err);

#endif
