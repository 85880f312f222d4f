/* SPDX-License-Identifier: MIT */
/*
 * Dead letters: events that were given up, with the reason, in the shape of a Lambda destination's
 * record: in a file of JSON Lines, or in a queue as the data of an event.
 */
#include "base/clock.h"
#include "base/io.h"
#include "function/function_internal.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct sfx_dead {
    int fd;
    struct sfx_buf line;
    char *where;
};

struct sfx_dead *sfx_dead_open(const char *where, struct sfx_err *err)
{
    struct sfx_dead *dead = calloc(1, sizeof(*dead));

    if (dead == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    dead->fd = -1;
    dead->where = strdup(where);
    if (dead->where == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        free(dead);
        return NULL;
    }
    dead->fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (dead->fd < 0) {
        (void)sfx_err_errno(err, errno, "%s", where);
        (void)sfx_dead_close(dead, NULL);
        return NULL;
    }
    return dead;
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

int sfx_dead_put(struct sfx_dead *dead, struct sfx_item *item, const struct sfx_outcome *outcome,
                 const struct sfx_invocation *inv, struct sfx_err *err)
{
    char now[SFX_CLOCK_TEXT_NBYTES];
    struct sfx_slice line = sfx_slice(item->line, item->line_len);
    struct sfx_json_writer w;
    int rc;

    sfx_buf_clear(&dead->line);
    sfx_json_writer_init(&w, &dead->line);
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
    rc = sfx_json_finish(&w, err);
    if (rc == 0)
        rc = sfx_buf_putc(&dead->line, '\n', err);
    if (rc == 0)
        rc = sfx_io_write(dead->fd, dead->line.data, dead->line.len, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", dead->where) : 0;
}

int sfx_dead_flush(struct sfx_dead *dead, struct sfx_err *err)
{
    (void)dead;
    (void)err;
    return 0;
}

int sfx_dead_close(struct sfx_dead *dead, struct sfx_err *err)
{
    int rc;

    if (dead == NULL)
        return 0;
    rc = dead->fd >= 0 && fsync(dead->fd) != 0 && errno != EINVAL && errno != EROFS
             ? sfx_err_errno(err, errno, "%s", dead->where)
             : 0;
    if (sfx_io_close(&dead->fd, rc == 0 ? err : NULL) < 0 && rc == 0)
        rc = sfx_err_wrap(err, SFX_E_IO, "%s", dead->where);
    sfx_buf_done(&dead->line);
    free(dead->where);
    free(dead);
    return rc;
}
