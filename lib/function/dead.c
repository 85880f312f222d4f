/* SPDX-License-Identifier: MIT */
/*
 * Dead letters: events that were given up, with the reason, in the shape of a Lambda destination's
 * record: in a file of JSON Lines, or in a queue as the data of an event.
 */
#include "base/clock.h"
#include "base/io.h"
#include "function/function_internal.h"
#include "queue/queue.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sfx_dead {
    int fd;              /* of the file; -1: it is a queue */
    struct sfx_queue *q; /* NULL: it is a file */
    struct sfx_buf line;
    char *where;
    /* to be put into the queue */
    struct sfx_queue_put *puts; /* owned */
    size_t nputs, cap_puts;
    struct sfx_arena texts;
};

static int open_target(struct sfx_dead *dead, const struct sfx_function_opts *o,
                       struct sfx_err *err)
{
    const struct sfx_queue_opts opts = {.create = true, .durable = o->durable, .name = "sfx-run"};

    dead->where = strdup(o->dead);
    if (dead->where == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    if (sfx_queue_is_uri(o->dead)) {
        dead->q = sfx_queue_open(o->dead, &opts, err);
        return dead->q == NULL ? (int)err->code : 0;
    }
    dead->fd = open(o->dead, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    return dead->fd < 0 ? sfx_err_errno(err, errno, "%s", o->dead) : 0;
}

struct sfx_dead *sfx_dead_open(const struct sfx_function_opts *opts, struct sfx_err *err)
{
    struct sfx_dead *dead = calloc(1, sizeof(*dead));

    if (dead == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    dead->fd = -1;
    if (open_target(dead, opts, err) == 0)
        return dead;
    (void)sfx_dead_close(dead, NULL);
    return NULL;
}

static void put_context(struct sfx_json_writer *w, const struct sfx_item *item,
                        const struct sfx_outcome *outcome, const struct sfx_invocation *inv)
{
    bool tried = outcome->exit_code != SFX_EXIT_DATA || inv == NULL ||
                 item->attempts > item->fn->opts->retry.retries;

    sfx_json_key(w, "requestContext");
    sfx_json_begin_object(w);
    sfx_json_key(w, "requestId");
    sfx_json_string(w, sfx_slice_str(inv != NULL ? inv->request_id : ""));
    sfx_json_key(w, "functionArn");
    sfx_json_string(w, sfx_slice_str(item->fn->name));
    sfx_json_key(w, "condition");
    sfx_json_string(w, sfx_slice_str(inv == NULL ? "NotAnEvent"
                                     : !tried    ? "DataError"
                                     : item->attempts > item->fn->opts->retry.retries
                                         ? "RetriesExhausted"
                                         : "EventAgeExceeded"));
    sfx_json_key(w, "approximateInvokeCount");
    sfx_json_uint(w, item->attempts);
    sfx_json_end_object(w);
}

static void put_response(struct sfx_json_writer *w, const struct sfx_outcome *outcome,
                         const struct sfx_invocation *inv)
{
    sfx_json_key(w, "responseContext");
    sfx_json_begin_object(w);
    sfx_json_key(w, "statusCode");
    sfx_json_int(w, 200);
    sfx_json_key(w, "functionError");
    sfx_json_string(w, sfx_slice_str(outcome->error != NULL && strcmp(outcome->error, "exit") == 0
                                         ? "Handled"
                                         : "Unhandled"));
    sfx_json_key(w, "exitCode");
    sfx_json_int(w, outcome->exit_code);
    sfx_json_key(w, "error");
    sfx_json_string(w, sfx_slice_str(outcome->error != NULL ? outcome->error : ""));
    sfx_json_key(w, "reason");
    sfx_json_string(w, sfx_slice_str(outcome->reason));
    sfx_json_end_object(w);
    if (inv == NULL)
        return;
    sfx_json_key(w, "responsePayload");
    sfx_json_string(w,
                    sfx_slice(inv->output.data, inv->output.len < 65536 ? inv->output.len : 65536));
    sfx_json_key(w, "stderr");
    sfx_json_string(w, sfx_buf_slice(&inv->said));
}

/* The record of an event that was given up, appended to out. */
static int make_record(const struct sfx_item *item, const struct sfx_outcome *outcome,
                       const struct sfx_invocation *inv, struct sfx_buf *out, struct sfx_err *err)
{
    char now[SFX_CLOCK_TEXT_NBYTES];
    struct sfx_slice line = sfx_slice(item->line, item->line_len);
    struct sfx_json_writer w;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "version");
    sfx_json_string(&w, SFX_SLICE_LIT("1.0"));
    sfx_json_key(&w, "timestamp");
    sfx_json_string(&w, sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now)));
    put_context(&w, item, outcome, inv);
    sfx_json_key(&w, "requestPayload");
    if (sfx_json_validate(line.ptr, line.len, NULL) == 0)
        sfx_json_raw(&w, line);
    else
        sfx_json_string(&w, line);
    put_response(&w, outcome, inv);
    sfx_json_end_object(&w);
    return sfx_json_finish(&w, err);
}

/* Makes the record in dead->line the data of an event. */
static int make_event(struct sfx_dead *dead, const struct sfx_item *item, struct sfx_slice *id,
                      struct sfx_slice *line, struct sfx_err *err)
{
    const char *name = item->fn->name;
    char place[48], derived[SFX_EVENT_ID_NBYTES];
    struct sfx_slice cause = sfx_slice(item->id, item->id_len);
    struct sfx_buf out = {0};
    struct sfx_event ev;
    int rc;

    /* What had no id is like nothing else by its number and the time. */
    if (cause.len == 0)
        (void)snprintf(place, sizeof(place), "%lld-%llu", (long long)sfx_clock_wall_ns(),
                       (unsigned long long)item->number);
    else
        (void)snprintf(place, sizeof(place), "%llu", (unsigned long long)item->attempts);
    sfx_event_derived_id(cause, name, sfx_slice_str(place), derived);
    sfx_event_init(&ev);
    ev.id = sfx_slice_str(derived);
    ev.source = sfx_slice_str(name);
    ev.type = SFX_SLICE_LIT(SFX_EVENT_GIVEN_UP);
    ev.subject = ev.cause = cause;
    ev.datacontenttype = SFX_SLICE_LIT("application/json");
    ev.data_raw = sfx_buf_slice(&dead->line);
    rc = sfx_event_write(&ev, &out, err);
    id->ptr = rc == 0 ? sfx_arena_strndup(&dead->texts, derived, strlen(derived), err) : NULL;
    id->len = strlen(derived);
    line->ptr = id->ptr != NULL
                    ? sfx_arena_strndup(&dead->texts, out.data, out.len - 1, err) /* no line end */
                    : NULL;
    line->len = out.len - 1;
    sfx_buf_done(&out);
    return rc < 0 ? rc : line->ptr == NULL ? SFX_E_NOMEM : 0;
}

static int add_put(struct sfx_dead *dead, const struct sfx_item *item, struct sfx_err *err)
{
    const size_t cap = dead->cap_puts > 0 ? 2 * dead->cap_puts : 16;
    struct sfx_queue_put put = {0}, *grown;
    int rc = make_event(dead, item, &put.id, &put.line, err);

    if (rc == 0 && dead->nputs == dead->cap_puts) {
        grown = reallocarray(dead->puts, cap, sizeof(*grown));
        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        dead->puts = grown;
        dead->cap_puts = cap;
    }
    if (rc == 0)
        dead->puts[dead->nputs++] = put;
    return rc;
}

int sfx_dead_put(struct sfx_dead *dead, struct sfx_item *item, const struct sfx_outcome *outcome,
                 const struct sfx_invocation *inv, struct sfx_err *err)
{
    int rc;

    sfx_buf_clear(&dead->line);
    rc = make_record(item, outcome, inv, &dead->line, err);
    if (rc == 0 && dead->q != NULL) {
        rc = add_put(dead, item, err);
    } else if (rc == 0) {
        rc = sfx_buf_putc(&dead->line, '\n', err);
        if (rc == 0)
            rc = sfx_io_write(dead->fd, dead->line.data, dead->line.len, err);
    }
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", dead->where) : 0;
}

int sfx_dead_flush(struct sfx_dead *dead, struct sfx_err *err)
{
    int64_t put;

    if (dead->nputs == 0)
        return 0;
    put = sfx_queue_put(dead->q, dead->puts, dead->nputs, err);
    if (put < 0)
        return sfx_err_wrap(err, (int)put, "%s", dead->where);
    dead->nputs = 0;
    sfx_arena_reset(&dead->texts);
    return 0;
}

int sfx_dead_close(struct sfx_dead *dead, struct sfx_err *err)
{
    int rc;

    if (dead == NULL)
        return 0;
    rc = sfx_dead_flush(dead, err);
    if (rc == 0 && dead->fd >= 0 && fsync(dead->fd) != 0 && errno != EINVAL && errno != EROFS)
        rc = sfx_err_errno(err, errno, "%s", dead->where);
    if (sfx_io_close(&dead->fd, rc == 0 ? err : NULL) < 0 && rc == 0)
        rc = sfx_err_wrap(err, SFX_E_IO, "%s", dead->where);
    sfx_queue_close(dead->q);
    sfx_buf_done(&dead->line);
    sfx_arena_done(&dead->texts);
    free(dead->puts);
    free(dead->where);
    free(dead);
    return rc;
}
