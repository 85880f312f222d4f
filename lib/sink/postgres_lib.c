/* SPDX-License-Identifier: MIT */
/*
 * libpq, opened when a target asks for it. Waiting is done here, with poll, so that a signal's flag
 * ends it: libpq's own would sleep through it.
 */
#include "base/clock.h"
#include "base/dl.h"
#include "base/size.h"
#include "sink/ledger.h"
#include "sink/postgres_internal.h"
#include "sink/script_internal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A flag that was set just before poll is seen after so long. */
#define LOOK_MS 100
/* The pauses between two attempts to connect: doubled, up to the second. */
#define FIRST_PAUSE_NS INT64_C(50000000)
#define MAX_PAUSE_NS   INT64_C(2000000000)

#define SYMBOL(member, name)                                                                       \
    {                                                                                              \
        name, offsetof(struct sfx_pq, member)                                                      \
    }

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(connect_start, "PQconnectStart"),
    SYMBOL(connect_poll, "PQconnectPoll"),
    SYMBOL(ping, "PQping"),
    SYMBOL(status, "PQstatus"),
    SYMBOL(socket, "PQsocket"),
    SYMBOL(finish, "PQfinish"),
    SYMBOL(error_message, "PQerrorMessage"),
    SYMBOL(set_notice_receiver, "PQsetNoticeReceiver"),
    SYMBOL(transaction_status, "PQtransactionStatus"),
    SYMBOL(send_query, "PQsendQuery"),
    SYMBOL(send_query_params, "PQsendQueryParams"),
    SYMBOL(send_prepare, "PQsendPrepare"),
    SYMBOL(consume_input, "PQconsumeInput"),
    SYMBOL(is_busy, "PQisBusy"),
    SYMBOL(get_result, "PQgetResult"),
    SYMBOL(result_status, "PQresultStatus"),
    SYMBOL(error_field, "PQresultErrorField"),
    SYMBOL(clear, "PQclear"),
    SYMBOL(ntuples, "PQntuples"),
    SYMBOL(getvalue, "PQgetvalue"),
    SYMBOL(getisnull, "PQgetisnull"),
    SYMBOL(cmd_tuples, "PQcmdTuples"),
    SYMBOL(put_copy_data, "PQputCopyData"),
    SYMBOL(put_copy_end, "PQputCopyEnd"),
    SYMBOL(get_cancel, "PQgetCancel"),
    SYMBOL(cancel, "PQcancel"),
    SYMBOL(free_cancel, "PQfreeCancel"),
    SYMBOL(conninfo_parse, "PQconninfoParse"),
    SYMBOL(conninfo_free, "PQconninfoFree"),
    SYMBOL(freemem, "PQfreemem"),
    SYMBOL(backend_pid, "PQbackendPID"),
};

int sfx_postgres_lib(struct sfx_pq *pq, struct sfx_err *err)
{
    int rc = sfx_dl_open(SFX_LIBPQ_SONAME, symbols, SFX_COUNT(symbols), pq, err);

    return rc < 0 ? sfx_err_wrap(err, rc, "PostgreSQL needs its client library (libpq5)") : rc;
}

static bool is_stopped(const struct sfx_postgres *s)
{
    return s->opts.stop != NULL && *s->opts.stop != 0;
}

/* --- errors ----------------------------------------------------------------------------------- */

/* What the classes of SQLSTATE ask the caller to do (PostgreSQL's manual, appendix A). */
static enum sfx_code code_of(const char *state)
{
    static const struct {
        const char *begins;
        enum sfx_code code;
    } table[] = {
        {"08", SFX_E_TEMPORARY},    /* connection */
        {"22", SFX_E_INPUT},        /* data */
        {"23", SFX_E_INPUT},        /* constraints */
        {"28", SFX_E_USAGE},        /* authorization */
        {"3D", SFX_E_USAGE},        /* no such database */
        {"3F", SFX_E_USAGE},        /* no such schema */
        {"40", SFX_E_TEMPORARY},    /* rolled back: deadlock, serialization */
        {"42", SFX_E_USAGE},        /* syntax, rights, names */
        {"44", SFX_E_INPUT},        /* check option */
        {"53100", SFX_E_IO},        /* disk full */
        {"53", SFX_E_TEMPORARY},    /* resources */
        {"54", SFX_E_LIMIT},        /* program limits */
        {"55P03", SFX_E_TEMPORARY}, /* lock not available */
        {"57", SFX_E_TEMPORARY},    /* intervention */
        {"P0", SFX_E_INPUT},        /* raised by a trigger */
    };
    size_t i;

    for (i = 0; state != NULL && i < SFX_COUNT(table); i++) {
        if (strncmp(state, table[i].begins, strlen(table[i].begins)) == 0)
            return table[i].code;
    }
    return SFX_E_IO;
}

/* The connection's own words, in one line. */
static int fail_connection(struct sfx_postgres *s, enum sfx_code code, struct sfx_err *err)
{
    const char *said = s->db != NULL ? s->pq.error_message(s->db) : "no memory for a connection";
    size_t len = strcspn(said, "\n");

    return sfx_err_set(err, code, "%.*s", len > 500 ? 500 : (int)len, said);
}

int sfx_postgres_fail(struct sfx_postgres *s, const PGresult *result, struct sfx_err *err)
{
    const char *state = result != NULL ? s->pq.error_field(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary, *detail;

    if (is_stopped(s))
        return sfx_err_set(err, SFX_E_TEMPORARY, "interrupted while waiting for the server");
    if (s->pq.status(s->db) != CONNECTION_OK)
        return fail_connection(s, SFX_E_TEMPORARY, err);
    if (state == NULL)
        return fail_connection(s, SFX_E_IO, err);
    s->given_up = s->given_up || strncmp(state, "40", 2) == 0;
    primary = s->pq.error_field(result, PG_DIAG_MESSAGE_PRIMARY);
    detail = s->pq.error_field(result, PG_DIAG_MESSAGE_DETAIL);
    return sfx_err_set(err, code_of(state), "%s%s%s", primary != NULL ? primary : state,
                       detail != NULL ? ": " : "", detail != NULL ? detail : "");
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Waits until the socket has what is asked for, a signal or a moment came. */
static void wait_socket(struct sfx_postgres *s, short events)
{
    struct pollfd fd = {.fd = s->pq.socket(s->db), .events = events};

    (void)poll(&fd, 1, LOOK_MS);
}

static void cancel(struct sfx_postgres *s)
{
    char why[256];
    PGcancel *handle = s->pq.get_cancel(s->db);

    if (handle != NULL)
        (void)s->pq.cancel(handle, why, sizeof(why));
    s->pq.free_cancel(handle);
}

PGresult *sfx_postgres_result(struct sfx_postgres *s, bool *done, struct sfx_err *err)
{
    bool cancelled = false;
    PGresult *result;

    *done = false;
    while (s->pq.is_busy(s->db)) {
        if (is_stopped(s) && !cancelled) {
            cancel(s);
            cancelled = true;
        }
        wait_socket(s, POLLIN);
        if (s->pq.consume_input(s->db) == 0) {
            (void)sfx_postgres_fail(s, NULL, err);
            return NULL;
        }
    }
    result = s->pq.get_result(s->db);
    *done = result == NULL;
    return result;
}

/* Reads the results of the statements behind one; the first failure is described. 0 or <0. */
static int read_rest(struct sfx_postgres *s, struct sfx_err *err)
{
    PGresult *result;
    bool done;
    int rc = 0;

    while ((result = sfx_postgres_result(s, &done, rc == 0 ? err : NULL)) != NULL) {
        if (rc == 0 && s->pq.result_status(result) == PGRES_FATAL_ERROR)
            rc = sfx_postgres_fail(s, result, err);
        s->pq.clear(result);
    }
    return rc < 0 || done ? rc : err->code;
}

/* Prepares sql as name, unless it is prepared already. */
static int prepare(struct sfx_postgres *s, const char *sql, char name[16], struct sfx_err *err)
{
    PGresult *result;
    size_t i = 0;
    bool done;
    int rc;

    while (s->kept[i] != NULL && s->kept[i] != sql) {
        i++;
        assert(i < SFX_POSTGRES_NKEPT);
    }
    (void)snprintf(name, 16, "sfx_%zu", i);
    if (s->kept[i] == sql)
        return 0;
    if (s->pq.send_prepare(s->db, name, sql, 0, NULL) == 0)
        return sfx_postgres_fail(s, NULL, err);
    result = sfx_postgres_result(s, &done, err);
    if (result == NULL)
        return done ? sfx_err_set(err, SFX_E_IO, "the server gave no answer") : (int)err->code;
    rc = s->pq.result_status(result) == PGRES_COMMAND_OK ? 0 : sfx_postgres_fail(s, result, err);
    s->pq.clear(result);
    if (rc == 0)
        rc = read_rest(s, err);
    if (rc == 0)
        s->kept[i] = sql;
    return rc;
}

static void clear_ahead(struct sfx_postgres *s)
{
    sfx_buf_clear(&s->ahead);
    s->nahead = s->noted_at = 0;
}

/* Appends sql to what is sent next. Planning is most of what a small load costs; for a single one
 * it pays nothing, so that only the statements of a group are prepared. */
static int put_statement(struct sfx_postgres *s, const char *sql, int nparams,
                         const char *const *params, struct sfx_err *err)
{
    struct sfx_buf *out = &s->ahead;
    const size_t start = out->len;
    char name[16];
    int i, rc;

    if (nparams == 0)
        return sfx_buf_puts(out, sql, err);
    assert(s->grouped);
    rc = prepare(s, sql, name, err);
    if (rc == 0)
        rc = sfx_buf_printf(out, err, "EXECUTE %s", name);
    for (i = 0; rc == 0 && i < nparams; i++) {
        rc = sfx_buf_putc(out, i == 0 ? '(' : ',', err);
        if (rc == 0 && params[i] == NULL)
            rc = sfx_buf_puts(out, "NULL", err);
        else if (rc == 0)
            rc = sfx_script_string(sfx_slice_str(params[i]), out, err);
    }
    if (rc == 0)
        rc = sfx_buf_putc(out, ')', err);
    if (rc < 0)
        out->len = start;
    return rc;
}

int sfx_postgres_queue(struct sfx_postgres *s, const char *sql, int nparams,
                       const char *const *params, struct sfx_err *err)
{
    int rc = put_statement(s, sql, nparams, params, err);

    if (rc == 0)
        rc = sfx_buf_putc(&s->ahead, ';', err);
    s->nahead += rc == 0;
    return rc;
}

static int send_statement(struct sfx_postgres *s, const char *sql, int nparams,
                          const char *const *params, struct sfx_err *err)
{
    const char *text;
    int rc, sent;

    if (nparams > 0 && !s->grouped) {
        assert(s->nahead == 0);
        sent = s->pq.send_query_params(s->db, sql, nparams, NULL, params, NULL, NULL, 0);
    } else {
        rc = put_statement(s, sql, nparams, params, err);
        text = rc == 0 ? sfx_buf_cstr(&s->ahead, err) : NULL;
        if (text == NULL)
            return rc < 0 ? rc : SFX_E_NOMEM;
        sent = s->pq.send_query(s->db, text);
    }
    return sent == 0 ? sfx_postgres_fail(s, NULL, err) : 0;
}

/* The next result, which there must be, and no failure; NULL. */
static PGresult *take_result(struct sfx_postgres *s, struct sfx_err *err)
{
    struct sfx_err rest;
    bool done;
    PGresult *result = sfx_postgres_result(s, &done, err);

    if (result == NULL && done)
        (void)sfx_err_set(err, SFX_E_IO, "the server gave no answer");
    if (result == NULL)
        return NULL;
    switch (s->pq.result_status(result)) {
    case PGRES_COPY_IN:
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: return result;
    default: break;
    }
    (void)sfx_postgres_fail(s, result, err);
    s->pq.clear(result);
    (void)read_rest(s, &rest);
    return NULL;
}

/* Reads the results of what the statement in hand took along. 0 or <0. */
static int take_ahead(struct sfx_postgres *s, struct sfx_err *err)
{
    const unsigned n = s->nahead, noted_at = s->noted_at;
    struct sfx_err rest;
    PGresult *result;
    unsigned i;
    bool right;

    clear_ahead(s);
    for (i = 1; i <= n; i++) {
        result = take_result(s, err);
        if (result == NULL)
            return i == noted_at ? sfx_err_wrap(err, err->code, "table " SFX_LEDGER)
                                 : (int)err->code;
        right = i != noted_at || strcmp(s->pq.cmd_tuples(result), "1") == 0;
        s->pq.clear(result);
        if (!right) {
            (void)read_rest(s, &rest);
            return sfx_ledger_overtaken(s->load_id, err);
        }
    }
    return 0;
}

PGresult *sfx_postgres_query(struct sfx_postgres *s, const char *sql, int nparams,
                             const char *const *params, struct sfx_err *err)
{
    PGresult *result;

    if (send_statement(s, sql, nparams, params, err) < 0 || take_ahead(s, err) < 0)
        return NULL;
    result = take_result(s, err);
    if (result == NULL || s->pq.result_status(result) == PGRES_COPY_IN || read_rest(s, err) == 0)
        return result;
    s->pq.clear(result);
    return NULL;
}

int sfx_postgres_exec(struct sfx_postgres *s, const char *sql, struct sfx_err *err)
{
    struct sfx_err own;
    PGresult *result;

    err = err != NULL ? err : &own;
    result = sfx_postgres_query(s, sql, 0, NULL, err);
    if (result == NULL)
        return err->code;
    s->pq.clear(result);
    return 0;
}

int sfx_postgres_change(struct sfx_postgres *s, const char *sql, uint64_t *nrows,
                        struct sfx_err *err)
{
    PGresult *result = sfx_postgres_query(s, sql, 0, NULL, err);

    if (result == NULL)
        return err->code;
    *nrows += strtoull(s->pq.cmd_tuples(result), NULL, 10);
    s->pq.clear(result);
    return 0;
}

/* --- connecting ------------------------------------------------------------------------------- */

/* Notices are no errors, and libpq would print them. */
static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

/* One attempt; s->db is set even when it fails. */
static int try_connect(struct sfx_postgres *s, int64_t until_ns, struct sfx_err *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    memset(s->kept, 0, sizeof(s->kept));
    clear_ahead(s);
    s->db = s->pq.connect_start(s->uri);
    if (s->db == NULL)
        return fail_connection(s, SFX_E_NOMEM, err);
    while (s->pq.status(s->db) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
           state != PGRES_POLLING_FAILED) {
        if (is_stopped(s))
            return sfx_err_set(err, SFX_E_TEMPORARY, "interrupted while connecting");
        if (until_ns > 0 && sfx_clock_mono_ns() > until_ns)
            return sfx_err_set(err, SFX_E_TEMPORARY, "the server does not answer");
        wait_socket(s, state == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        state = s->pq.connect_poll(s->db);
    }
    if (s->pq.status(s->db) == CONNECTION_OK)
        return 0;
    /* A server that answers has refused this user or this database. */
    return fail_connection(s, s->pq.ping(s->uri) == PQPING_OK ? SFX_E_USAGE : SFX_E_TEMPORARY, err);
}

static void pause_for(int64_t ns)
{
    const struct timespec pause = {ns / 1000000000, ns % 1000000000};

    (void)nanosleep(&pause, NULL); /* a signal ends it */
}

int sfx_postgres_connect(struct sfx_postgres *s, struct sfx_err *err)
{
    const int64_t until_ns = sfx_clock_mono_ns() + s->opts.timeout_ns;
    int64_t pause_ns = FIRST_PAUSE_NS;
    int rc;

    for (;;) {
        rc = try_connect(s, s->opts.timeout_ns > 0 ? until_ns : 0, err);
        if (rc == 0)
            break;
        s->pq.finish(s->db);
        s->db = NULL;
        if (rc != SFX_E_TEMPORARY || is_stopped(s) || sfx_clock_mono_ns() + pause_ns > until_ns)
            return rc;
        pause_for(pause_ns);
        pause_ns = pause_ns * 2 < MAX_PAUSE_NS ? pause_ns * 2 : MAX_PAUSE_NS;
    }
    (void)s->pq.set_notice_receiver(s->db, ignore_notice, NULL);
    return sfx_postgres_exec(s,
                             "SET client_encoding='UTF8';SET standard_conforming_strings=on;"
                             "SET datestyle=ISO;SET extra_float_digits=1",
                             err);
}
