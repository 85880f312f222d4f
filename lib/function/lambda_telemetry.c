/* SPDX-License-Identifier: MIT */
/*
 * Telemetry for extensions that subscribed to it: lines of the function's log and what the platform
 * does, gathered and sent to a listener on this machine, by HTTP (a POST with an array) or TCP
 * (lines). A listener that does not listen loses what is beyond 1 MiB.
 */
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "function/lambda_internal.h"
#include "json/json.h"
#include "json/json_tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { PLATFORM = 1, FUNCTION = 2, EXTENSION = 4, MOST_NBYTES = 1 << 20 };

struct sfx_lambda_sink {
    struct sfx_loop *loop;
    unsigned types;
    bool by_http;
    struct sockaddr_in address;
    char path[256];                 /* of the POST */
    uint64_t max_items, max_nbytes; /* to be sent at once */
    int64_t timeout_ns;             /* to wait for more */
    struct sfx_buf waiting;         /* objects, each with a ',' or a line end behind it */
    size_t nwaiting;
    struct sfx_loop_timer timer;
    /* what is being sent */
    int fd; /* -1: nothing */
    struct sfx_loop_watch watch;
    struct sfx_buf out;
    size_t sent;
};

static void flush(struct sfx_lambda_sink *s);

static void hang_up(struct sfx_lambda_sink *s)
{
    sfx_loop_remove(s->loop, &s->watch);
    (void)sfx_io_close(&s->fd, NULL);
    sfx_buf_clear(&s->out);
    s->sent = 0;
}

static void on_socket(void *ctx, uint32_t events)
{
    struct sfx_lambda_sink *s = ctx;
    char answer[512];
    ssize_t n = 0;

    (void)events;
    while (s->sent < s->out.len) {
        n = send(s->fd, s->out.data + s->sent, s->out.len - s->sent, MSG_NOSIGNAL);
        if (n < 0)
            break;
        s->sent += (size_t)n;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        hang_up(s);
    } else if (s->sent == s->out.len && s->by_http) {
        /* The answer says nothing that we could do something about. */
        sfx_loop_change(s->loop, &s->watch, EPOLLIN);
        n = recv(s->fd, answer, sizeof(answer), 0);
        if (n >= 0 || (errno != EAGAIN && errno != EINTR))
            hang_up(s);
    } else if (s->sent == s->out.len) {
        hang_up(s);
    }
    if (s->fd < 0 && (s->nwaiting >= s->max_items || s->waiting.len >= s->max_nbytes))
        flush(s);
}

static void on_timer(void *ctx)
{
    flush(ctx);
}

static int make_message(struct sfx_lambda_sink *s)
{
    int rc;

    if (!s->by_http)
        return sfx_buf_append(&s->out, s->waiting.data, s->waiting.len, NULL);
    s->waiting.data[s->waiting.len - 1] = ']'; /* the last comma */
    rc = sfx_buf_printf(&s->out, NULL,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json"
                        "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n[",
                        s->path, ntohs(s->address.sin_port), s->waiting.len + 1);
    return rc == 0 ? sfx_buf_append(&s->out, s->waiting.data, s->waiting.len, NULL) : rc;
}

static void flush(struct sfx_lambda_sink *s)
{
    if (s->fd >= 0 || s->nwaiting == 0)
        return; /* when it is done, or the timer comes again */
    sfx_loop_unset(s->loop, &s->timer);
    if (make_message(s) == 0)
        s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sfx_buf_clear(&s->waiting);
    s->nwaiting = 0;
    s->watch = (struct sfx_loop_watch){.ready = on_socket, .ctx = s};
    if (s->fd < 0 ||
        (connect(s->fd, (const struct sockaddr *)&s->address, sizeof(s->address)) != 0 &&
         errno != EINPROGRESS)) {
        s->watch.ready = NULL;
        hang_up(s);
    } else if (sfx_loop_add(s->loop, &s->watch, s->fd, EPOLLOUT, NULL) < 0) {
        s->watch.ready = NULL;
        hang_up(s);
    }
}

/* Puts an event of the type; value is JSON. */
static void put(struct sfx_lambda_sink *s, const char *type, struct sfx_slice value)
{
    char now[SFX_CLOCK_TEXT_NBYTES];
    struct sfx_json_writer w;

    if (s->waiting.len + value.len > MOST_NBYTES)
        return;
    sfx_json_writer_init(&w, &s->waiting);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "time");
    sfx_json_string(&w, sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now)));
    sfx_json_key(&w, "type");
    sfx_json_string(&w, sfx_slice_str(type));
    sfx_json_key(&w, "record");
    sfx_json_raw(&w, value);
    sfx_json_end_object(&w);
    if (sfx_json_finish(&w, NULL) < 0 ||
        sfx_buf_putc(&s->waiting, s->by_http ? ',' : '\n', NULL) < 0)
        return;
    s->nwaiting++;
    if (s->nwaiting >= s->max_items || s->waiting.len >= s->max_nbytes)
        flush(s);
    else if (s->nwaiting == 1)
        (void)sfx_loop_set(s->loop, &s->timer, sfx_clock_mono_ns() + s->timeout_ns, NULL);
}

static void put_line(struct sfx_lambda_sink *s, struct sfx_slice line)
{
    struct sfx_buf quoted = {0};

    if (sfx_json_quote(&quoted, line, NULL) == 0)
        put(s, "function", sfx_buf_slice(&quoted));
    sfx_buf_done(&quoted);
}

void sfx_lambda_tell(struct sfx_lambda *l, const char *type, struct sfx_slice record)
{
    size_t i;

    for (i = 0; i < l->nextensions; i++) {
        struct sfx_lambda_sink *s = l->extensions[i].sink;

        if (s != NULL && (s->types & PLATFORM) != 0)
            put(s, type, record);
    }
}

void sfx_lambda_tell_lines(struct sfx_lambda *l, struct sfx_slice lines)
{
    size_t i;

    while (lines.len > 0) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t n = nl != NULL ? (size_t)(nl - lines.ptr) : lines.len;

        for (i = 0; i < l->nextensions; i++) {
            struct sfx_lambda_sink *s = l->extensions[i].sink;

            if (s != NULL && (s->types & FUNCTION) != 0)
                put_line(s, sfx_slice(lines.ptr, n));
        }
        n += nl != NULL;
        lines = sfx_slice(lines.ptr + n, lines.len - n);
    }
}

static int bad(struct sfx_err *err, const char *what)
{
    return sfx_err_set(err, SFX_E_INPUT, "%s", what);
}

static int read_types(const struct sfx_json_node *list, struct sfx_lambda_sink *s,
                      struct sfx_err *err)
{
    const struct sfx_json_node *type;

    if (list == NULL || list->type != SFX_JSON_ARRAY || list->count == 0)
        return bad(err, "types: a list is missing");
    for (type = list->first; type != NULL; type = type->next) {
        if (sfx_slice_eq(type->text, SFX_SLICE_LIT("platform")))
            s->types |= PLATFORM;
        else if (sfx_slice_eq(type->text, SFX_SLICE_LIT("function")))
            s->types |= FUNCTION;
        else if (sfx_slice_eq(type->text, SFX_SLICE_LIT("extension")))
            s->types |= EXTENSION;
        else
            return bad(err, "types: platform, function, extension");
    }
    return 0;
}

/* "http://sandbox.localdomain:8080/path": a host that is this machine. */
static int read_uri(struct sfx_slice uri, struct sfx_lambda_sink *s, struct sfx_err *err)
{
    static const char *const hosts[] = {
        "http://sandbox.localdomain:", "http://sandbox:", "http://localhost:", "http://127.0.0.1:"};
    const char *slash;
    uint64_t port = 0;
    size_t i, len = 0;

    for (i = 0; i < 4 && len == 0; i++) {
        if (uri.len > strlen(hosts[i]) && memcmp(uri.ptr, hosts[i], strlen(hosts[i])) == 0)
            len = strlen(hosts[i]);
    }
    if (len == 0)
        return bad(err, "destination: the URI is not of this sandbox");
    uri = sfx_slice(uri.ptr + len, uri.len - len);
    slash = memchr(uri.ptr, '/', uri.len);
    len = slash != NULL ? (size_t)(slash - uri.ptr) : uri.len;
    if (sfx_text_u64(sfx_slice(uri.ptr, len), &port, NULL) < 0 || port == 0 || port > 65535)
        return bad(err, "destination: the URI has no port");
    uri = slash != NULL ? sfx_slice(slash, uri.len - len) : SFX_SLICE_LIT("/");
    for (i = 0; i < uri.len; i++) {
        if (uri.len >= sizeof(s->path) || (unsigned char)uri.ptr[i] <= ' ' || uri.ptr[i] == 0x7f)
            return bad(err, "destination: the URI's path is not accepted");
    }
    memcpy(s->path, uri.ptr, uri.len);
    s->address.sin_port = htons((uint16_t)port);
    return 0;
}

static int read_destination(const struct sfx_json_node *node, struct sfx_lambda_sink *s,
                            struct sfx_err *err)
{
    const struct sfx_json_node *protocol = sfx_json_member(node, "protocol");
    const struct sfx_json_node *uri = sfx_json_member(node, "URI");
    const struct sfx_json_node *port = sfx_json_member(node, "port");
    uint64_t n = 0;

    s->address.sin_family = AF_INET;
    s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (protocol == NULL || sfx_slice_eq(protocol->text, SFX_SLICE_LIT("HTTP"))) {
        s->by_http = true;
        if (uri == NULL)
            return bad(err, "destination: the URI is missing");
        return read_uri(uri->text, s, err);
    }
    if (!sfx_slice_eq(protocol->text, SFX_SLICE_LIT("TCP")))
        return bad(err, "destination: the protocol is HTTP or TCP");
    if (port == NULL || sfx_text_u64(port->text, &n, NULL) < 0 || n == 0 || n > 65535)
        return bad(err, "destination: the port is missing");
    s->address.sin_port = htons((uint16_t)n);
    return 0;
}

/* A number of the buffering, within Lambda's bounds. */
static int read_bound(const struct sfx_json_node *buffering, const char *name, uint64_t low,
                      uint64_t high, uint64_t *value, struct sfx_err *err)
{
    const struct sfx_json_node *node = sfx_json_member(buffering, name);

    if (node == NULL)
        return 0;
    if (sfx_text_u64(node->text, value, NULL) < 0 || *value < low || *value > high)
        return sfx_err_set(err, SFX_E_INPUT, "buffering: %s is not between %llu and %llu", name,
                           (unsigned long long)low, (unsigned long long)high);
    return 0;
}

static int read_subscription(struct sfx_lambda *l, struct sfx_slice body, struct sfx_lambda_sink *s,
                             struct sfx_err *err)
{
    const struct sfx_json_node *tree, *buffering;
    uint64_t timeout_ms = 1000;
    int rc;

    sfx_arena_reset(&l->arena);
    tree = sfx_json_tree(&l->arena, body.ptr, body.len, err);
    if (tree == NULL)
        return bad(err, "the body is no JSON");
    buffering = sfx_json_member(tree, "buffering");
    s->max_items = 1000;
    s->max_nbytes = 262144;
    rc = read_types(sfx_json_member(tree, "types"), s, err);
    if (rc == 0)
        rc = read_destination(sfx_json_member(tree, "destination"), s, err);
    if (rc == 0)
        rc = read_bound(buffering, "maxItems", 1, 10000, &s->max_items, err);
    if (rc == 0)
        rc = read_bound(buffering, "maxBytes", 1, 1048576, &s->max_nbytes, err);
    if (rc == 0)
        rc = read_bound(buffering, "timeoutMs", 25, 30000, &timeout_ms, err);
    s->timeout_ns = (int64_t)timeout_ms * SFX_NS_PER_MS;
    return rc;
}

int sfx_lambda_subscribe(struct sfx_lambda *l, struct sfx_lambda_extension *extension,
                         struct sfx_slice body, struct sfx_err *err)
{
    struct sfx_lambda_sink *s = calloc(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    s->loop = l->in->fn->runner->loop;
    s->fd = -1;
    s->timer = (struct sfx_loop_timer){.due = on_timer, .ctx = s};
    rc = read_subscription(l, body, s, err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    sfx_lambda_sink_free(extension->sink);
    extension->sink = s;
    return 0;
}

void sfx_lambda_sink_free(struct sfx_lambda_sink *s)
{
    if (s == NULL)
        return;
    sfx_loop_unset(s->loop, &s->timer);
    if (s->fd >= 0)
        hang_up(s);
    sfx_buf_done(&s->waiting);
    sfx_buf_done(&s->out);
    free(s);
}
