/* SPDX-License-Identifier: MIT */
/*
 * What runtimes ask for, and the answers: the Runtime API (2018-06-01); and where all requests go.
 * Statuses and names of errors are those of Lambda's Runtime Interface Emulator.
 */
#include "base/clock.h"
#include "base/size.h"
#include "base/text.h"
#include "function/lambda_internal.h"
#include "json/json.h"
#include "json/json_tree.h"

#include <stdio.h>
#include <string.h>

void sfx_lambda_accept(struct sfx_lambda_conn *conn)
{
    sfx_lambda_answer(conn, 202, "", "application/json", SFX_SLICE_LIT("{\"status\":\"OK\"}\n"));
}

void sfx_lambda_deny(struct sfx_lambda_conn *conn, int status, const char *type,
                     const char *message)
{
    struct sfx_buf body = {0};
    struct sfx_json_writer w;

    sfx_json_writer_init(&w, &body);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "errorMessage");
    sfx_json_string(&w, sfx_slice_str(message));
    sfx_json_key(&w, "errorType");
    sfx_json_string(&w, sfx_slice_str(type));
    sfx_json_end_object(&w);
    (void)sfx_json_finish(&w, NULL);
    sfx_lambda_answer(conn, status, "", "application/json", sfx_buf_slice(&body));
    sfx_buf_done(&body);
}

static void refuse_transition(struct sfx_lambda_conn *conn, const char *from, const char *to)
{
    char message[160];

    (void)snprintf(message, sizeof(message),
                   "State transition from %s to %s failed for runtime. Error: State transition is "
                   "not allowed",
                   from, to);
    sfx_lambda_deny(conn, 403, "InvalidStateTransition", message);
}

/* --- the runtime ----------------------------------------------------------------------------- */

/* The trace as X-Ray writes it. */
void sfx_lambda_put_trace(const struct sfx_invocation *inv, struct sfx_buf *out)
{
    if (strlen(inv->traceparent) == 55)
        (void)sfx_buf_printf(out, NULL, "Root=1-%.8s-%.24s;Parent=%.16s;Sampled=%c",
                             inv->traceparent + 3, inv->traceparent + 11, inv->traceparent + 36,
                             inv->traceparent[54] & 1 ? '1' : '0');
}

int64_t sfx_lambda_deadline_ms(const struct sfx_invocation *inv)
{
    int64_t timeout_ns = inv->fn->opts->timeout_ns;

    /* Without a limit: as far away as Lambda knows. */
    return inv->meter.start_ns / SFX_NS_PER_MS +
           (timeout_ns > 0 ? timeout_ns / SFX_NS_PER_MS : 900000);
}

/* An account that is nobody's, as the emulator has it. */
void sfx_lambda_put_arn(const struct sfx_lambda *l, struct sfx_buf *out)
{
    (void)sfx_buf_printf(out, NULL, "arn:aws:lambda:us-east-1:012345678912:function:%s",
                         l->in->fn->name);
}

void sfx_lambda_put_text(struct sfx_json_writer *w, const char *key, struct sfx_slice text)
{
    sfx_json_key(w, key);
    sfx_json_string(w, text);
}

/* Answers the runtime's "next" with in->inv, if it still waits for it. */
static void hand_over(struct sfx_lambda *l)
{
    const struct sfx_invocation *inv = l->in->inv;
    struct sfx_lambda_conn *conn = l->next;
    struct sfx_slice input = sfx_buf_slice(&inv->input);
    struct sfx_buf fields = {0};

    l->next = NULL;
    l->undelivered = conn == NULL || !sfx_lambda_is_there(conn);
    if (l->undelivered)
        return;
    (void)sfx_buf_printf(&fields, NULL,
                         "Lambda-Runtime-Aws-Request-Id: %s\r\nLambda-Runtime-Deadline-Ms: %lld\r\n"
                         "Lambda-Runtime-Invoked-Function-Arn: ",
                         inv->request_id, (long long)sfx_lambda_deadline_ms(inv));
    sfx_lambda_put_arn(l, &fields);
    (void)sfx_buf_puts(&fields, "\r\nLambda-Runtime-Trace-Id: ", NULL);
    sfx_lambda_put_trace(inv, &fields);
    (void)sfx_buf_append(&fields, "\r\n", 3, NULL); /* terminated */
    if (input.len > 0 && input.ptr[input.len - 1] == '\n')
        input.len--;
    l->given_to = conn;
    sfx_lambda_answer(conn, 200, fields.data != NULL ? fields.data : "", "application/json", input);
    sfx_buf_done(&fields);
}

void sfx_lambda_give(struct sfx_lambda *l)
{
    struct sfx_buf record = {0};
    size_t i;

    (void)sfx_buf_printf(&record, NULL, "{\"requestId\":\"%s\",\"version\":\"$LATEST\"}",
                         l->in->inv->request_id);
    sfx_lambda_tell(l, "platform.start", sfx_buf_slice(&record));
    sfx_buf_done(&record);
    for (i = 0; i < l->nextensions; i++) {
        if (l->extensions[i].of_invoke && l->extensions[i].conn != NULL)
            sfx_lambda_tell_extension(l, &l->extensions[i]);
    }
    hand_over(l);
}

static void next(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                 struct sfx_slice id)
{
    struct sfx_lambda *l = conn->lambda;

    (void)req;
    (void)id;
    /* Who broke a wait off asks on another connection, perhaps before the end of the first is seen.
     */
    if (l->next != NULL && !sfx_lambda_is_there(l->next))
        l->next = NULL;
    if (l->given_to != NULL)
        (void)sfx_lambda_is_there(l->given_to);
    if (l->undelivered) {
        l->next = conn;
        hand_over(l);
        return;
    }
    if (l->in->inv != NULL || l->next != NULL) {
        refuse_transition(conn, l->next != NULL ? "Ready" : "Running", "Ready");
        return;
    }
    l->next = conn;
    l->runtime_asked = true;
    sfx_lambda_look(l);
}

static void tell_report(struct sfx_lambda *l, const struct sfx_invocation *inv)
{
    const struct sfx_meter *m = &inv->meter;
    struct sfx_buf record = {0};
    bool failed = inv->outcome.exit_code != 0;

    (void)sfx_buf_printf(&record, NULL, "{\"requestId\":\"%s\",\"status\":\"%s\"%s%s%s}",
                         inv->request_id, failed ? "error" : "success",
                         failed ? ",\"errorType\":\"" : "", failed ? "Function.Error" : "",
                         failed ? "\"" : "");
    sfx_lambda_tell(l, "platform.runtimeDone", sfx_buf_slice(&record));
    sfx_buf_clear(&record);
    (void)sfx_buf_printf(
        &record, NULL,
        "{\"requestId\":\"%s\",\"status\":\"%s\",\"metrics\":{\"durationMs\":%.3f,"
        "\"billedDurationMs\":%llu,\"memorySizeMB\":%llu,\"maxMemoryUsedMB\":%lld,"
        "\"initDurationMs\":%.3f}}",
        inv->request_id, failed ? "error" : "success", (double)m->duration_ns / 1e6,
        (unsigned long long)sfx_meter_billed_ms(m), (unsigned long long)sfx_meter_memory_mb(m),
        (long long)(m->peak_nbytes > 0 ? m->peak_nbytes >> 20 : 0), (double)m->init_ns / 1e6);
    sfx_lambda_tell(l, "platform.report", sfx_buf_slice(&record));
    sfx_buf_done(&record);
}

/* The invocation has its answer; the runtime is ready again when it asks for the next. */
static void finish(struct sfx_lambda *l)
{
    struct sfx_instance *in = l->in;

    l->given_to = NULL;
    l->undelivered = false;
    sfx_resident_meter(in);
    tell_report(l, in->inv);
    if (in->state == SFX_INSTANCE_BUSY)
        sfx_instance_set(in, SFX_INSTANCE_STARTING);
    sfx_instance_finish(in);
    if (in->state == SFX_INSTANCE_STARTING)
        sfx_instance_arm(in);
}

/* type: of the error, when the body does not say it; empty: the body says it, or nobody. */
static void fail(struct sfx_lambda *l, struct sfx_slice type, struct sfx_slice body)
{
    struct sfx_outcome *o = &l->in->inv->outcome;

    sfx_answer_read(body, o);
    if (o->exit_code == 0) {
        o->exit_code = 1;
        o->error = "exit";
        if (type.len == 0)
            type = SFX_SLICE_LIT("Runtime.UnknownReason");
        (void)snprintf(o->reason, sizeof(o->reason), "%.*s", (int)(type.len < 300 ? type.len : 300),
                       type.ptr);
    }
    finish(l);
}

/* Whether id is that of the invocation that the runtime has. */
static bool is_current(const struct sfx_lambda *l, struct sfx_slice id)
{
    return l->in->inv != NULL && sfx_slice_eq(id, sfx_slice_str(l->in->inv->request_id));
}

/* An error that came behind a streamed answer. */
static void fail_stream(struct sfx_lambda *l, struct sfx_slice type, struct sfx_slice encoded)
{
    struct sfx_buf body = {0};

    if (encoded.len > 0 && sfx_base64_decode(&body, encoded, NULL) < 0)
        sfx_buf_clear(&body);
    fail(l, type, sfx_buf_slice(&body));
    sfx_buf_done(&body);
}

static void response(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                     struct sfx_slice id)
{
    struct sfx_lambda *l = conn->lambda;
    struct sfx_slice mode = sfx_http_field(req->fields, "Lambda-Runtime-Function-Response-Mode");
    struct sfx_slice type = sfx_http_field(req->trailers, "Lambda-Runtime-Function-Error-Type");
    struct sfx_invocation *inv = l->in->inv;
    int rc;

    if (!is_current(l, id)) {
        sfx_lambda_deny(conn, 400, "InvalidRequestID", "Invalid request ID");
    } else if (mode.ptr != NULL && !sfx_slice_eq(mode, SFX_SLICE_LIT("streaming"))) {
        sfx_lambda_deny(conn, 400, "InvalidFunctionResponseMode", "Invalid function response mode");
        fail(l, SFX_SLICE_LIT("Runtime.InvalidResponseModeHeader"), sfx_slice(NULL, 0));
    } else {
        rc = sfx_buf_append(&inv->output, req->body.ptr, req->body.len, NULL);
        if (rc == 0 && req->body.len > 0 && req->body.ptr[req->body.len - 1] != '\n')
            rc = sfx_buf_putc(&inv->output, '\n', NULL);
        sfx_lambda_accept(conn);
        if (type.ptr != NULL)
            fail_stream(l, type,
                        sfx_http_field(req->trailers, "Lambda-Runtime-Function-Error-Body"));
        else if (rc < 0)
            fail(l, SFX_SLICE_LIT("out of memory"), sfx_slice(NULL, 0));
        else
            finish(l);
    }
}

static void error(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                  struct sfx_slice id)
{
    struct sfx_lambda *l = conn->lambda;

    if (!is_current(l, id)) {
        sfx_lambda_deny(conn, 400, "InvalidRequestID", "Invalid request ID");
        return;
    }
    sfx_lambda_accept(conn);
    fail(l, sfx_http_field(req->fields, "Lambda-Runtime-Function-Error-Type"), req->body);
}

/* What was wrong, from the body or else the header field. */
void sfx_lambda_note_failure(struct sfx_lambda *l, const char *what,
                             const struct sfx_http_request *req, const char *field)
{
    struct sfx_slice type = sfx_http_field(req->fields, field);
    struct sfx_outcome o = {0};

    sfx_answer_read(req->body, &o);
    if (o.exit_code == 0 || o.reason[0] == '\0')
        (void)snprintf(o.reason, sizeof(o.reason), "%.*s", (int)(type.len < 200 ? type.len : 200),
                       type.len > 0 ? type.ptr : "");
    (void)snprintf(l->failure, sizeof(l->failure), "%s: %.360s", what, o.reason);
}

static void init_error(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                       struct sfx_slice id)
{
    struct sfx_lambda *l = conn->lambda;

    (void)id;
    if (!l->in->cold || l->runtime_asked) {
        refuse_transition(conn, "Ready", "InitError");
        return;
    }
    sfx_lambda_accept(conn);
    sfx_lambda_note_failure(l, "Runtime.InitError", req, "Lambda-Runtime-Function-Error-Type");
}

static void ping(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                 struct sfx_slice id)
{
    (void)req;
    (void)id;
    sfx_lambda_answer(conn, 200, "", "text/plain", SFX_SLICE_LIT("pong"));
}

/* --- routes ----------------------------------------------------------------------------------- */

/* "*" stands for one part of the path: the request's id. */
static const struct route {
    const char *method, *path;
    void (*serve)(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                  struct sfx_slice id);
} routes[] = {
    {"GET", "/2018-06-01/runtime/invocation/next", next},
    {"POST", "/2018-06-01/runtime/invocation/*/response", response},
    {"POST", "/2018-06-01/runtime/invocation/*/error", error},
    {"POST", "/2018-06-01/runtime/init/error", init_error},
    {"GET", "/2018-06-01/ping", ping},
    {"POST", "/2020-01-01/extension/register", sfx_lambda_register},
    {"GET", "/2020-01-01/extension/event/next", sfx_lambda_extension_next},
    {"POST", "/2020-01-01/extension/init/error", sfx_lambda_extension_error},
    {"POST", "/2020-01-01/extension/exit/error", sfx_lambda_extension_error},
    {"PUT", "/2022-07-01/telemetry", sfx_lambda_take_subscription},
    {"PUT", "/2020-08-15/logs", sfx_lambda_take_subscription},
};

static bool matches(struct sfx_slice path, const char *pattern, struct sfx_slice *id)
{
    const char *star = strchr(pattern, '*');
    size_t before = star != NULL ? (size_t)(star - pattern) : strlen(pattern);
    size_t after = star != NULL ? strlen(star + 1) : 0;

    if (path.len < before + after || memcmp(path.ptr, pattern, before) != 0 ||
        (star == NULL && path.len != before) ||
        memcmp(path.ptr + path.len - after, pattern + strlen(pattern) - after, after) != 0)
        return false;
    *id = sfx_slice(path.ptr + before, path.len - before - after);
    return star == NULL || (id->len > 0 && memchr(id->ptr, '/', id->len) == NULL);
}

static const struct route *route_of(const struct sfx_http_request *req, struct sfx_slice *id,
                                    bool *path_known)
{
    size_t i;

    *path_known = false;
    for (i = 0; i < SFX_COUNT(routes); i++) {
        if (!matches(req->path, routes[i].path, id))
            continue;
        *path_known = true;
        if (sfx_slice_eq(req->method, sfx_slice_str(routes[i].method)))
            return &routes[i];
    }
    return NULL;
}

void sfx_lambda_serve(struct sfx_lambda_conn *conn, const struct sfx_http_request *req)
{
    struct sfx_slice id;
    bool path_known;
    const struct route *route = route_of(req, &id, &path_known);

    if (route != NULL)
        route->serve(conn, req, id);
    else if (path_known)
        sfx_lambda_deny(conn, 405, "MethodNotAllowed", "This method is not for this path");
    else
        sfx_lambda_deny(conn, 404, "NotFound", "There is nothing at this path");
}

void sfx_lambda_refuse(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                       const struct sfx_err *why)
{
    struct sfx_lambda *l = conn->lambda;
    struct sfx_slice id = {0};
    bool path_known;
    const struct route *route = req->path.len > 0 ? route_of(req, &id, &path_known) : NULL;
    bool was_answer = route != NULL && route->serve == response && is_current(l, id);

    if (why->code == SFX_E_LIMIT)
        sfx_lambda_deny(conn, 413, "RequestEntityTooLarge",
                        "Exceeded maximum allowed payload size (6291556 bytes).");
    else if (why->code == SFX_E_INPUT)
        sfx_lambda_deny(conn, 400, "BadRequest", why->text);
    if (was_answer)
        fail(l,
             why->code == SFX_E_LIMIT ? SFX_SLICE_LIT("Function.ResponseSizeTooLarge")
                                      : SFX_SLICE_LIT("Runtime.TruncatedResponse"),
             sfx_slice(NULL, 0));
}
