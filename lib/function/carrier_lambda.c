/* SPDX-License-Identifier: MIT */
/*
 * Runtimes of the Lambda API, unchanged: a resident process that asks for its invocations over HTTP
 * on this machine. Each instance has a listener of its own, so that its requests need no name.
 */
#include "base/clock.h"
#include "base/io.h"
#include "base/size.h"
#include "function/lambda_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_NBYTES = 64 * 1024, MAX_CONNECTIONS = 64, MOST_DRAINED = 64 << 20 };

static void free_conn(struct sfx_lambda_conn *conn)
{
    struct sfx_lambda *l = conn->lambda;
    size_t i;

    sfx_loop_remove(l->in->fn->runner->loop, &conn->watch);
    (void)sfx_io_close(&conn->fd, NULL);
    if (l->given_to == conn)
        l->given_to = NULL;
    if (l->next == conn) { /* the runtime broke its wait off: it may ask again */
        l->next = NULL;
        if (l->in->state == SFX_INSTANCE_IDLE) {
            sfx_instance_set(l->in, SFX_INSTANCE_STARTING);
            sfx_instance_arm(l->in);
        }
    }
    for (i = 0; i < l->nextensions; i++) {
        if (l->extensions[i].conn == conn)
            l->extensions[i].conn = NULL;
    }
    sfx_buf_done(&conn->in);
    sfx_buf_done(&conn->out);
    free(conn);
}

/* Frees connections that are over: not while one of them is being served. */
static void sweep(struct sfx_lambda *l)
{
    struct sfx_lambda_conn **at = &l->conns;

    while (*at != NULL) {
        struct sfx_lambda_conn *conn = *at;

        if (conn->gone) {
            *at = conn->next;
            free_conn(conn);
        } else {
            at = &conn->next;
        }
    }
}

/* Writes what the socket takes. */
static void send_out(struct sfx_lambda_conn *conn)
{
    struct sfx_loop *loop = conn->lambda->in->fn->runner->loop;

    while (conn->sent < conn->out.len) {
        ssize_t n =
            send(conn->fd, conn->out.data + conn->sent, conn->out.len - conn->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            sfx_loop_change(loop, &conn->watch, EPOLLOUT);
            return;
        }
        if (n < 0) {
            conn->gone = true;
            return;
        }
        conn->sent += (size_t)n;
    }
    conn->sent = 0;
    sfx_buf_clear(&conn->out);
    if (conn->drains && shutdown(conn->fd, SHUT_WR) == 0)
        sfx_loop_change(loop, &conn->watch, EPOLLIN);
    else if (!conn->keep_alive)
        conn->gone = true;
    else
        sfx_loop_change(loop, &conn->watch, EPOLLIN);
}

void sfx_lambda_answer(struct sfx_lambda_conn *conn, int status, const char *fields,
                       const char *type, struct sfx_slice body)
{
    conn->waits = false;
    if (sfx_http_respond(&conn->out, status, fields, type, body, conn->keep_alive, NULL) < 0)
        conn->gone = true;
    else
        send_out(conn); /* head and body in one segment */
}

/* Takes a whole request off the connection, if there is one. Returns whether there was. */
static bool serve_one(struct sfx_lambda_conn *conn)
{
    struct sfx_http_request req;
    struct sfx_err err = {0};
    int rc = sfx_http_read(&conn->in, SFX_LAMBDA_RESPONSE_NBYTES, &req, &err);

    if (rc < 0) {
        conn->keep_alive = false;
        conn->drains = true;
        sfx_lambda_refuse(conn, &req, &err);
        return false;
    }
    if (rc == 0) {
        if (req.expects_continue && !conn->continued) {
            conn->continued = true;
            conn->keep_alive = true;
            if (sfx_buf_puts(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n", NULL) == 0)
                send_out(conn);
        }
        return false;
    }
    conn->continued = false;
    conn->keep_alive = req.keep_alive;
    conn->waits = true;
    if (conn->lambda->given_to == conn)
        conn->lambda->given_to = NULL; /* it goes on: the event has arrived */
    sfx_lambda_serve(conn, &req);
    memmove(conn->in.data, conn->in.data + req.nbytes, conn->in.len - req.nbytes);
    conn->in.len -= req.nbytes;
    return true;
}

/* The client has closed: what it had begun to say is not to be had any more. */
static void end_conn(struct sfx_lambda_conn *conn)
{
    struct sfx_http_request req;
    struct sfx_err err = {0};

    if (conn->in.len == 0 || conn->waits || conn->drains)
        return;
    (void)sfx_http_read(&conn->in, SFX_LAMBDA_RESPONSE_NBYTES, &req, NULL);
    (void)sfx_err_set(&err, SFX_E_IO, "the connection ended within a request");
    sfx_lambda_refuse(conn, &req, &err);
}

/* The peer is gone. When it has not read what it was given, the event is there for who asks next.
 */
static void lose(struct sfx_lambda_conn *conn, bool was_reset)
{
    struct sfx_lambda *l = conn->lambda;
    int error = 0;
    socklen_t len = sizeof(error);

    conn->gone = true;
    if (l->given_to != conn)
        return;
    l->given_to = NULL;
    if (was_reset || (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0))
        l->undelivered = true;
}

bool sfx_lambda_is_there(struct sfx_lambda_conn *conn)
{
    char byte;
    ssize_t n = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return true;
    lose(conn, n < 0);
    return false;
}

static void receive(struct sfx_lambda_conn *conn)
{
    ssize_t n;

    if (sfx_buf_reserve(&conn->in, READ_NBYTES, NULL) < 0) {
        conn->gone = true;
        return;
    }
    n = recv(conn->fd, conn->in.data + conn->in.len, conn->in.cap - conn->in.len, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        lose(conn, n < 0);
        end_conn(conn);
    }
    if (n > 0 && !conn->drains)
        conn->in.len += (size_t)n;
    else if (n > 0)
        conn->drained += (size_t)n;
    if (conn->drained > MOST_DRAINED)
        conn->gone = true;
}

static void on_conn(void *ctx, uint32_t events)
{
    struct sfx_lambda_conn *conn = ctx;
    struct sfx_lambda *l = conn->lambda;

    if ((events & EPOLLOUT) != 0)
        send_out(conn);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !conn->gone)
        receive(conn);
    while (!conn->gone && !conn->drains && !conn->waits && conn->out.len == 0 && conn->in.len > 0 &&
           serve_one(conn))
        ;
    sweep(l);
    if (l->failure[0] != '\0' && l->in->killing == 0)
        sfx_instance_kill(l->in, "init", SIGTERM);
}

static void on_listen(void *ctx, uint32_t events)
{
    struct sfx_lambda *l = ctx;
    struct sfx_lambda_conn *conn, *other;
    int fd = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), n = 0;
    const int one = 1;

    (void)events;
    for (other = l->conns; other != NULL; other = other->next)
        n++;
    conn = fd >= 0 && n < MAX_CONNECTIONS ? calloc(1, sizeof(*conn)) : NULL;
    if (conn == NULL) {
        (void)sfx_io_close(&fd, NULL);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    conn->lambda = l;
    conn->fd = fd;
    conn->watch = (struct sfx_loop_watch){.ready = on_conn, .ctx = conn};
    conn->next = l->conns;
    l->conns = conn;
    if (sfx_loop_add(l->in->fn->runner->loop, &conn->watch, fd, EPOLLIN, NULL) < 0) {
        conn->watch.ready = NULL;
        conn->gone = true;
        sweep(l);
    }
}

static int listen_here(struct sfx_lambda *l, struct sfx_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    l->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->listen_fd < 0 ||
        bind(l->listen_fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(l->listen_fd, 16) != 0 ||
        getsockname(l->listen_fd, (struct sockaddr *)&address, &len) != 0)
        return sfx_err_errno(err, errno, "the runtime API");
    l->port = ntohs(address.sin_port);
    l->watch = (struct sfx_loop_watch){.ready = on_listen, .ctx = l};
    return sfx_loop_add(l->in->fn->runner->loop, &l->watch, l->listen_fd, EPOLLIN, err);
}

/* The variables of a Lambda, as far as they say something here. */
static int start_process(struct sfx_lambda *l, struct sfx_err *err)
{
    const struct sfx_function *fn = l->in->fn;
    unsigned long long mib = fn->opts->memory_nbytes > 0 ? fn->opts->memory_nbytes >> 20 : 128;
    char root[4096];
    char *const cwd = fn->opts->cwd == NULL ? getcwd(root, sizeof(root)) : NULL;
    const char *place = cwd != NULL ? cwd : fn->opts->cwd != NULL ? fn->opts->cwd : ".";
    struct sfx_buf texts[11] = {0};
    const char *env[SFX_COUNT(texts) + 1] = {0};
    size_t n = 0, i;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), rc = 0;

#define VARIABLE(...) rc = rc == 0 ? sfx_buf_printf(&texts[n++], err, __VA_ARGS__) : rc
    VARIABLE("AWS_LAMBDA_RUNTIME_API=127.0.0.1:%d", l->port);
    VARIABLE("AWS_LAMBDA_FUNCTION_NAME=%s", fn->name);
    VARIABLE("AWS_LAMBDA_FUNCTION_VERSION=$LATEST");
    VARIABLE("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%llu", mib);
    VARIABLE("AWS_LAMBDA_INITIALIZATION_TYPE=%s",
             fn->opts->min > 0 ? "provisioned-concurrency" : "on-demand");
    VARIABLE("AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/%s", fn->name);
    VARIABLE("AWS_LAMBDA_LOG_STREAM_NAME=%s", l->in->name);
    VARIABLE("LAMBDA_TASK_ROOT=%s", place);
    VARIABLE("LAMBDA_RUNTIME_DIR=%s", place);
    VARIABLE("AWS_REGION=us-east-1");
    VARIABLE("AWS_DEFAULT_REGION=us-east-1");
#undef VARIABLE
    for (i = 0; rc == 0 && i < n; i++)
        env[i] = texts[i].data;
    if (rc == 0 && fd < 0)
        rc = sfx_err_errno(err, errno, "/dev/null");
    if (rc == 0)
        rc = sfx_instance_exec(l->in, fd, env, err);
    (void)sfx_io_close(&fd, NULL);
    for (i = 0; i < SFX_COUNT(texts); i++)
        sfx_buf_done(&texts[i]);
    return rc;
}

static int start(struct sfx_instance *in, struct sfx_err *err)
{
    struct sfx_lambda *l = calloc(1, sizeof(*l));
    int rc;

    if (l == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    in->data = l;
    l->in = in;
    l->listen_fd = -1;
    rc = listen_here(l, err);
    if (rc == 0)
        rc = start_process(l, err);
    if (rc == 0)
        sfx_instance_arm(in); /* the time it has to ask for its first invocation */
    return rc;
}

static void end(struct sfx_instance *in)
{
    struct sfx_lambda *l = in->data;

    l->shut_down = l->shut_down || sfx_lambda_shut_down(l);
    if (l->shut_down)
        sfx_instance_expire(in); /* extensions live in its group */
    else
        sfx_instance_kill(in, "idle", SIGTERM);
}

void sfx_lambda_look(struct sfx_lambda *l)
{
    size_t i;

    if (l->next == NULL || l->in->killing != 0)
        return;
    for (i = 0; i < l->nextensions; i++) {
        if (l->extensions[i].conn == NULL)
            return;
    }
    if (l->in->state == SFX_INSTANCE_ENDING) {
        if (l->shut_down)
            sfx_instance_kill(l->in, "idle", SIGTERM);
        else
            end(l->in);
        return;
    }
    if (l->in->state != SFX_INSTANCE_STARTING)
        return;
    if (l->in->cold && l->in->init_ns == 0)
        sfx_lambda_tell(l, "platform.initRuntimeDone",
                        SFX_SLICE_LIT("{\"initializationType\":\"on-demand\",\"phase\":\"init\","
                                      "\"status\":\"success\"}"));
    sfx_instance_ready(l->in);
}

static int give(struct sfx_instance *in, struct sfx_err *err)
{
    struct sfx_lambda *l = in->data;

    (void)err;
    sfx_resident_begin(in);
    in->in_sent = 1; /* it has seen the event */
    sfx_lambda_give(l);
    sweep(l);
    return 0;
}

/* What it prints is its log, as what it writes to standard error. */
static void output(struct sfx_instance *in)
{
    sfx_instance_said(in, sfx_buf_slice(&in->out));
    sfx_buf_clear(&in->out);
}

static void said(struct sfx_instance *in, struct sfx_slice lines)
{
    if (in->data != NULL)
        sfx_lambda_tell_lines(in->data, lines);
}

static void gone(struct sfx_instance *in, int status)
{
    struct sfx_lambda *l = in->data;
    struct sfx_function *fn = in->fn;
    struct sfx_invocation *inv = in->inv;
    struct sfx_outcome outcome = {0};
    const char *why = in->killed_for != NULL ? in->killed_for : "";
    bool was_asked_to =
        l->failure[0] == '\0' && (strcmp(why, "idle") == 0 || strcmp(why, "stop") == 0);

    sfx_instance_outcome(in, status, &outcome);
    if (l->failure[0] != '\0') {
        outcome = (struct sfx_outcome){.exit_code = 1, .error = "init"};
        (void)snprintf(outcome.reason, sizeof(outcome.reason), "%.390s", l->failure);
    } else if (outcome.exit_code == 0 || strcmp(outcome.error, "exit") == 0) {
        (void)snprintf(outcome.reason, sizeof(outcome.reason),
                       "Runtime.ExitError: the runtime exited %s: exit status %d",
                       in->cold ? "before it asked for an invocation" : "without an answer",
                       outcome.exit_code);
        outcome.exit_code =
            outcome.exit_code == 0 || outcome.exit_code == SFX_EXIT_DATA ? 1 : outcome.exit_code;
        outcome.error = "exit";
    }
    in->inv = NULL;
    if (inv != NULL) {
        inv->outcome = outcome;
        inv->meter.duration_ns = sfx_clock_mono_ns() - inv->started_ns;
        sfx_invocation_end(inv);
    } else if (in->cold && !was_asked_to) {
        /* A failed init fails an event: else nobody would hear of it, and it could go on forever.
         */
        sfx_function_hold_starts(fn);
        sfx_function_fail_ready(fn, &outcome);
    } else if (!was_asked_to) {
        sfx_log(fn->runner->log, SFX_LOG_WARNING, "%s: idle runtime: %s", fn->name, outcome.reason);
    }
}

static void done(struct sfx_instance *in)
{
    struct sfx_lambda *l = in->data;
    size_t i;

    if (l == NULL)
        return;
    sfx_loop_remove(in->fn->runner->loop, &l->watch);
    (void)sfx_io_close(&l->listen_fd, NULL);
    l->next = NULL;
    while (l->conns != NULL) {
        struct sfx_lambda_conn *conn = l->conns;

        l->conns = conn->next;
        free_conn(conn);
    }
    for (i = 0; i < l->nextensions; i++)
        sfx_lambda_sink_free(l->extensions[i].sink);
    sfx_arena_done(&l->arena);
    free(l);
}

const struct sfx_carrier sfx_carrier_lambda = {
    .name = "lambda",
    .resident = true,
    .start = start,
    .give = give,
    .said = said,
    .output = output,
    .gone = gone,
    .end = end,
    .done = done,
};
