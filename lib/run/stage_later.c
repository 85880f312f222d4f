/* SPDX-License-Identifier: MIT */
/* Results that count later, together: until then what is to be told of them waits here. */
#include "base/clock.h"
#include "base/io.h"
#include "run/run_internal.h"

#include <poll.h>
#include <string.h>

/* What waits is settled when its lines are as long. */
#define MAX_WAITING_NBYTES ((size_t)1024 * 1024)

static void begin(struct sfx_stage *stage)
{
    if (stage->since_ns == 0)
        stage->since_ns = sfx_clock_mono_ns();
}

int sfx_stage_wait(struct sfx_stage *stage, const struct sfx_event *ev, struct sfx_err *err)
{
    begin(stage);
    return stage->queue != NULL ? sfx_event_write(ev, &stage->done, err) : 0;
}

int sfx_stage_keep_line(struct sfx_stage *stage, struct sfx_slice line, struct sfx_err *err)
{
    begin(stage);
    return sfx_buf_append(&stage->waiting, line.ptr, line.len, err);
}

void sfx_stage_settle(struct sfx_stage *stage)
{
    stage->settle = true;
}

/* Tells the queue of the events that are done. */
static int answer_done(struct sfx_stage *stage, struct sfx_err *err)
{
    struct sfx_arena arena = {0};
    size_t at = 0, len;
    int rc = 0;

    for (; rc == 0 && at < stage->done.len; at += len + 1) {
        const char *line = stage->done.data + at;
        const char *stop = memchr(line, '\n', stage->done.len - at);
        struct sfx_event ev;

        len = stop != NULL ? (size_t)(stop - line) : stage->done.len - at;
        rc = sfx_event_parse(line, len, &arena, &ev, err);
        if (rc == 0)
            rc = sfx_queue_ack_event(stage->queue, &ev, err) < 0 ? (int)err->code : 0;
        sfx_arena_reset(&arena);
    }
    sfx_arena_done(&arena);
    sfx_buf_clear(&stage->done);
    return rc;
}

static int settle(struct sfx_stage *stage, struct sfx_err *err)
{
    int rc = stage->opts->later.fn(stage->ctx, err);

    if (rc == 0 && stage->waiting.len > 0) {
        rc = sfx_io_write(stage->opts->out_fd, stage->waiting.data, stage->waiting.len, err);
        if (rc < 0)
            (void)sfx_err_wrap(err, rc, "event output");
    }
    if (rc == 0)
        rc = answer_done(stage, err);
    sfx_buf_clear(&stage->waiting);
    stage->since_ns = 0;
    stage->settle = false;
    stage->broken = stage->broken || rc < 0;
    return rc;
}

int sfx_stage_settle_due(struct sfx_stage *stage, bool force, struct sfx_err *err)
{
    if (stage->opts->later.fn == NULL || stage->since_ns == 0)
        return 0;
    if (!force && !stage->settle && stage->waiting.len < MAX_WAITING_NBYTES &&
        sfx_clock_mono_ns() - stage->since_ns < stage->opts->later.wait_ns)
        return 0;
    return settle(stage, err);
}

int sfx_stage_wait_line(struct sfx_stage *stage, struct sfx_err *err)
{
    struct pollfd fd = {.fd = stage->opts->in_fd, .events = POLLIN};
    int64_t left_ns;
    int rc = sfx_stage_settle_due(stage, false, err);

    if (rc < 0 || stage->since_ns == 0 || sfx_lines_held(&stage->lines))
        return rc;
    left_ns = stage->since_ns + stage->opts->later.wait_ns - sfx_clock_mono_ns();
    /* A signal ends the wait as well; what it asks for is seen behind. */
    if (left_ns > 0 && poll(&fd, 1, (int)((left_ns + 999999) / 1000000)) > 0)
        return 0;
    return sfx_stage_settle_due(stage, true, err);
}
