/* SPDX-License-Identifier: MIT */
/* The Extensions API (2020-01-01): who wants to hear of invocations and of the end. */
#include "base/clock.h"
#include "function/lambda_internal.h"
#include "json/json.h"
#include "json/json_tree.h"

#include <string.h>

void sfx_lambda_tell_extension(struct sfx_lambda *l, struct sfx_lambda_extension *e)
{
    const struct sfx_invocation *inv = l->in->inv;
    struct sfx_lambda_conn *conn = e->conn;
    struct sfx_buf body = {0}, trace = {0}, arn = {0};
    struct sfx_json_writer w;

    sfx_lambda_put_trace(inv, &trace);
    sfx_lambda_put_arn(l, &arn);
    sfx_json_writer_init(&w, &body);
    sfx_json_begin_object(&w);
    sfx_lambda_put_text(&w, "eventType", SFX_SLICE_LIT("INVOKE"));
    sfx_json_key(&w, "deadlineMs");
    sfx_json_int(&w, sfx_lambda_deadline_ms(inv));
    sfx_lambda_put_text(&w, "requestId", sfx_slice_str(inv->request_id));
    sfx_lambda_put_text(&w, "invokedFunctionArn", sfx_buf_slice(&arn));
    sfx_json_key(&w, "tracing");
    sfx_json_begin_object(&w);
    sfx_lambda_put_text(&w, "type", SFX_SLICE_LIT("X-Amzn-Trace-Id"));
    sfx_lambda_put_text(&w, "value", sfx_buf_slice(&trace));
    sfx_json_end_object(&w);
    sfx_json_end_object(&w);
    (void)sfx_json_finish(&w, NULL);
    e->conn = NULL;
    sfx_lambda_answer(conn, 200, "", "application/json", sfx_buf_slice(&body));
    sfx_buf_done(&body);
    sfx_buf_done(&trace);
    sfx_buf_done(&arn);
}

/* The extension that a request names; NULL: it has been refused. */
static struct sfx_lambda_extension *extension_of(struct sfx_lambda_conn *conn,
                                                 const struct sfx_http_request *req)
{
    struct sfx_lambda *l = conn->lambda;
    struct sfx_slice id = sfx_http_field(req->fields, "Lambda-Extension-Identifier");
    size_t i;

    for (i = 0; i < l->nextensions; i++) {
        if (sfx_slice_eq(id, sfx_slice_str(l->extensions[i].id)))
            return &l->extensions[i];
    }
    if (id.len == 0)
        sfx_lambda_deny(conn, 403, "Extension.MissingExtensionIdentifier",
                        "Missing Lambda-Extension-Identifier header");
    else if (id.len != 36)
        sfx_lambda_deny(conn, 403, "Extension.InvalidExtensionIdentifier",
                        "Invalid Lambda-Extension-Identifier");
    else
        sfx_lambda_deny(conn, 403, "Extension.UnknownExtensionIdentifier", "Unknown extension");
    return NULL;
}

/* Which events the body asks for. Returns the error type to answer with; NULL: all is well. */
static const char *read_events(struct sfx_lambda *l, struct sfx_slice body,
                               struct sfx_lambda_extension *e)
{
    const struct sfx_json_node *tree, *events, *event;

    sfx_arena_reset(&l->arena);
    tree = sfx_json_tree(&l->arena, body.ptr, body.len, NULL);
    if (tree == NULL || tree->type != SFX_JSON_OBJECT)
        return "InvalidRequestFormat";
    events = sfx_json_member(tree, "events");
    if (events == NULL)
        return NULL;
    if (events->type != SFX_JSON_ARRAY)
        return "InvalidRequestFormat";
    for (event = events->first; event != NULL; event = event->next) {
        if (sfx_slice_eq(event->text, SFX_SLICE_LIT("INVOKE")))
            e->of_invoke = true;
        else if (sfx_slice_eq(event->text, SFX_SLICE_LIT("SHUTDOWN")))
            e->of_shutdown = true;
        else
            return "Extension.InvalidEventType";
    }
    return NULL;
}

static void answer_registered(struct sfx_lambda_conn *conn, const struct sfx_lambda_extension *e)
{
    struct sfx_buf body = {0}, fields = {0};
    struct sfx_json_writer w;

    (void)sfx_buf_printf(&fields, NULL, "Lambda-Extension-Identifier: %s\r\n", e->id);
    sfx_json_writer_init(&w, &body);
    sfx_json_begin_object(&w);
    sfx_lambda_put_text(&w, "functionName", sfx_slice_str(conn->lambda->in->fn->name));
    sfx_lambda_put_text(&w, "functionVersion", SFX_SLICE_LIT("$LATEST"));
    sfx_lambda_put_text(&w, "handler", sfx_slice_str(conn->lambda->in->fn->opts->argv[0]));
    sfx_json_end_object(&w);
    (void)sfx_json_finish(&w, NULL);
    sfx_lambda_answer(conn, 200, fields.data != NULL ? fields.data : "", "application/json",
                      sfx_buf_slice(&body));
    sfx_buf_done(&body);
    sfx_buf_done(&fields);
}

void sfx_lambda_register(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                         struct sfx_slice id)
{
    struct sfx_lambda *l = conn->lambda;
    struct sfx_slice name = sfx_http_field(req->fields, "Lambda-Extension-Name");
    struct sfx_lambda_extension e = {0};
    const char *wrong = read_events(l, req->body, &e);
    size_t i;

    (void)id;
    for (i = 0; i < l->nextensions; i++) {
        if (sfx_slice_eq(name, sfx_slice_str(l->extensions[i].name)))
            wrong = "Extension.InvalidExtensionState";
    }
    if (name.len == 0 || name.len >= sizeof(e.name))
        wrong = "Extension.InvalidExtensionName";
    else if (l->runtime_asked)
        wrong = "Extension.RegistrationClosed";
    else if (l->nextensions == SFX_LAMBDA_MAX_EXTENSIONS)
        wrong = "Extension.TooManyExtensions";
    if (wrong != NULL) {
        sfx_lambda_deny(conn, 403, wrong, "The extension cannot be registered");
        return;
    }
    memcpy(e.name, name.ptr, name.len);
    sfx_runner_uuid(l->in->fn->runner, e.id);
    l->extensions[l->nextensions] = e;
    answer_registered(conn, &l->extensions[l->nextensions++]);
}

void sfx_lambda_extension_next(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                               struct sfx_slice id)
{
    struct sfx_lambda_extension *e = extension_of(conn, req);

    (void)id;
    if (e == NULL)
        return;
    if (e->conn != NULL) {
        sfx_lambda_deny(conn, 403, "Extension.InvalidExtensionState", "The extension asks already");
        return;
    }
    e->conn = conn;
    sfx_lambda_look(conn->lambda);
}

void sfx_lambda_extension_error(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                                struct sfx_slice id)
{
    static const char field[] = "Lambda-Extension-Function-Error-Type";
    const struct sfx_lambda_extension *e = extension_of(conn, req);
    bool init = memmem(req->path.ptr, req->path.len, "/init/", 6) != NULL;

    (void)id;
    if (e == NULL)
        return;
    if (sfx_http_field(req->fields, field).len == 0) {
        sfx_lambda_deny(conn, 403, "Extension.MissingHeader",
                        "Lambda-Extension-Function-Error-Type not found");
        return;
    }
    sfx_lambda_accept(conn);
    sfx_lambda_note_failure(conn->lambda, init ? "Extension.InitError" : "Extension.ExitError", req,
                            field);
}

void sfx_lambda_take_subscription(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                                  struct sfx_slice id)
{
    struct sfx_lambda_extension *e = extension_of(conn, req);
    struct sfx_err err = {0};

    (void)id;
    if (e == NULL)
        return;
    if (sfx_lambda_subscribe(conn->lambda, e, req->body, &err) < 0)
        sfx_lambda_deny(conn, 400, "ValidationError", err.text);
    else
        sfx_lambda_answer(conn, 200, "", "application/json", SFX_SLICE_LIT("\"OK\""));
}

bool sfx_lambda_shut_down(struct sfx_lambda *l)
{
    int64_t until = l->in->fn->opts->grace_ns / SFX_NS_PER_MS;
    struct sfx_buf body = {0};
    bool any = false;
    size_t i;

    (void)sfx_buf_printf(
        &body, NULL,
        "{\"eventType\":\"SHUTDOWN\",\"shutdownReason\":\"spindown\",\"deadlineMs\":%lld}",
        (long long)(sfx_clock_wall_ns() / SFX_NS_PER_MS + until));
    for (i = 0; i < l->nextensions; i++) {
        struct sfx_lambda_conn *conn = l->extensions[i].conn;

        if (conn == NULL || !l->extensions[i].of_shutdown)
            continue;
        l->extensions[i].conn = NULL;
        any = true;
        sfx_lambda_answer(conn, 200, "", "application/json", sfx_buf_slice(&body));
    }
    sfx_buf_done(&body);
    return any;
}
