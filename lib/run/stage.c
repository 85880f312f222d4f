/* SPDX-License-Identifier: MIT */
/* Event mode: the loop over event lines, and what becomes of failures. */
#include "run/stage.h"

#include "base/clock.h"
#include "run/run_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Ten times a path of PATH_MAX written in base64 with its attributes. */
#define DEFAULT_MAX_LINE ((size_t)64 * 1024)

/* Failures that the next event would meet too: they end the loop. */
static bool is_of_the_machine(const struct sfx_stage *stage, const struct sfx_err *err)
{
    if (stage->broken || err->code == SFX_E_NOMEM)
        return true;
    switch (err->errnum) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EROFS:
    case EMFILE:
    case ENFILE: return true;
    default: return false;
    }
}

/* Logs a failure and keeps it with its reason. name: what to call the input in the message. */
static int keep_failure(struct sfx_stage *stage, const char *name, struct sfx_reject *reject,
                        const struct sfx_err *failure, struct sfx_err *err)
{
    struct sfx_err named = *failure;
    const char *reason = failure->text;
    size_t name_len = strlen(name);
    int rc = 0;

    /* Some layers name the input themselves: it is said once. */
    if (strncmp(reason, name, name_len) == 0 && strncmp(reason + name_len, ": ", 2) == 0)
        reason += name_len + 2;
    else
        (void)sfx_err_wrap(&named, named.code, "%s", name);
    sfx_log_err(stage->opts->log, SFX_LOG_ERROR, &named);
    stage->stats->failed++;
    if (stage->rejects != NULL) {
        const struct sfx_reject_sink *sink = sfx_rejects_sink(stage->rejects);

        reject->code = sfx_code_name(failure->code);
        reject->reason = reason;
        rc = sink->put(sink->ctx, reject, err);
    }
    if (rc < 0)
        stage->broken = true;
    return rc;
}

static int reject_line(struct sfx_stage *stage, struct sfx_slice line,
                       const struct sfx_err *failure, struct sfx_err *err)
{
    struct sfx_reject reject = {
        .input = "-", .line = stage->lines.number, .offset = stage->lines.offset, .raw = line};
    char name[sizeof("event line ") + 20]; /* 20: digits of a uint64_t */

    (void)snprintf(name, sizeof(name), "event line %llu", (unsigned long long)stage->lines.number);
    return keep_failure(stage, name, &reject, failure, err);
}

static int put_record(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_stage *stage = ctx;
    struct sfx_reject known = *r;
    const struct sfx_reject_sink *sink;
    int rc;

    stage->stats->records_rejected++;
    if (known.input == NULL)
        known.input = stage->item->path;
    known.event = stage->item->event->id;
    if (stage->rejects == NULL) {
        sfx_log(stage->opts->log, SFX_LOG_WARNING, "%s: line %llu: %s", known.input,
                (unsigned long long)known.line, known.reason);
        return 0;
    }
    sink = sfx_rejects_sink(stage->rejects);
    rc = sink->put(sink->ctx, &known, err);
    if (rc < 0)
        stage->broken = true;
    return rc;
}

/* Calls fn and meters it. Returns fn's result, with the failure described. */
static int meter(struct sfx_stage *stage, sfx_stage_fn *fn, void *ctx,
                 const struct sfx_stage_item *item, struct sfx_err *failure)
{
    int64_t wall_ns = sfx_clock_mono_ns();
    int64_t cpu_ns = sfx_clock_cpu_ns();
    struct stat st;
    int rc;

    if (stat(item->path, &st) != 0)
        st = (struct stat){.st_mode = S_IFREG}; /* fn says why */
    if (S_ISREG(st.st_mode))
        stage->stats->in_nbytes += (uint64_t)st.st_size;
    stage->item = item;
    /* Opening a pipe waits for its writer, and a device may never end: neither is a file that an
     * event can have told of. */
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        rc = fn(ctx, stage, item, failure);
    else
        rc = sfx_err_set(failure, SFX_E_INPUT, "is a device, pipe or socket, not a file");
    stage->item = NULL;
    stage->stats->wall_ns += sfx_clock_mono_ns() - wall_ns;
    stage->stats->cpu_ns += sfx_clock_cpu_ns() - cpu_ns;
    return rc;
}

static int process(struct sfx_stage *stage, sfx_stage_fn *fn, void *ctx, const struct sfx_event *ev,
                   struct sfx_err *err)
{
    struct sfx_err failure = {0};
    struct sfx_stage_item item = {.event = ev};
    struct sfx_reject reject = {.event = ev->id};
    int rc;

    item.path = sfx_arena_strndup(&stage->arena, ev->path.ptr, ev->path.len, err);
    item.id = sfx_arena_strndup(&stage->arena, ev->id.ptr, ev->id.len, err);
    if (item.path == NULL || item.id == NULL)
        return SFX_E_NOMEM;
    stage->nparts = 0;
    rc = meter(stage, fn, ctx, &item, &failure);
    if (rc >= 0)
        return sfx_stage_answer(stage, &item, NULL, err);
    if (is_of_the_machine(stage, &failure)) {
        if (err != NULL)
            *err = failure;
        return rc;
    }
    reject.input = item.path;
    rc = keep_failure(stage, item.path, &reject, &failure, err);
    return rc == 0 ? sfx_stage_answer(stage, &item, &failure, err) : rc;
}

/* Passes the line on as it came; the end of a last line is added when it has none. */
static int pass(struct sfx_stage *stage, struct sfx_slice line, const struct sfx_event *ev,
                struct sfx_err *err)
{
    int rc;

    sfx_buf_clear(&stage->line);
    rc = sfx_buf_append(&stage->line, line.ptr, line.len, err);
    if (rc == 0)
        rc = sfx_buf_putc(&stage->line, '\n', err);
    if (rc < 0)
        return rc;
    stage->stats->passed++;
    rc = sfx_stage_write(stage, sfx_buf_slice(&stage->line), err);
    return rc == 0 ? sfx_stage_answer_passed(stage, ev, err) : rc;
}

static bool is_blank(struct sfx_slice line)
{
    size_t i = 0;

    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t' || line.ptr[i] == '\r'))
        i++;
    return i == line.len;
}

/* One line that was read: an event to process, to pass on, or no event at all. */
static int handle(struct sfx_stage *stage, sfx_stage_fn *fn, void *ctx, struct sfx_slice line,
                  struct sfx_err *err)
{
    struct sfx_err failure = {0};
    struct sfx_event ev;
    int rc;

    if (is_blank(line))
        return 0;
    stage->stats->events++;
    sfx_arena_reset(&stage->arena);
    rc = sfx_event_parse(line.ptr, line.len, &stage->arena, &ev, &failure);
    if (rc == SFX_E_NOMEM) {
        if (err != NULL)
            *err = failure;
        return rc;
    }
    if (rc < 0)
        return reject_line(stage, line, &failure, err);
    if (ev.path.len == 0 || sfx_slice_eq(ev.type, SFX_SLICE_LIT(SFX_EVENT_DELETED)))
        return pass(stage, line, &ev, err);
    return process(stage, fn, ctx, &ev, err);
}

static int loop(struct sfx_stage *stage, sfx_stage_fn *fn, void *ctx, struct sfx_err *err)
{
    struct sfx_err failure = {0};
    struct sfx_slice line;

    for (;;) {
        int rc = sfx_stage_wait_line(stage, err);

        if (rc < 0)
            return rc;
        rc = sfx_lines_next(&stage->lines, &line, &failure);
        if (rc == 0)
            return sfx_stage_settle_due(stage, true, err);
        if (rc == SFX_E_LIMIT) {
            stage->stats->events++;
            rc = reject_line(stage, line, &failure, err);
        } else if (rc < 0) {
            if (err != NULL)
                *err = failure;
            return sfx_err_wrap(err, rc, "event input");
        } else {
            rc = handle(stage, fn, ctx, line, err);
        }
        if (rc < 0)
            return rc;
    }
}

int sfx_stage_run(const struct sfx_stage_opts *opts, sfx_stage_fn *fn, void *ctx,
                  struct sfx_stage_stats *stats, struct sfx_err *err)
{
    struct sfx_stage stage = {.opts = opts, .stats = stats, .ctx = ctx};
    size_t max_line = opts->max_line_nbytes > 0 ? opts->max_line_nbytes : DEFAULT_MAX_LINE;
    int rc;

    *stats = (struct sfx_stage_stats){0};
    stage.record_sink = (struct sfx_reject_sink){put_record, &stage};
    rc = sfx_lines_init(&stage.lines, opts->in_fd, max_line, opts->stop, err);
    stage.lines.out_fd = opts->out_fd;
    if (rc == 0 && opts->rejects != NULL) {
        struct sfx_err failure = {0};

        stage.rejects = sfx_rejects_new(opts->rejects, opts->program, &failure);
        if (stage.rejects == NULL) {
            rc = failure.code;
            if (err != NULL)
                *err = failure;
        }
    }
    if (rc == 0)
        rc = sfx_stage_queue_open(&stage, err);
    if (rc == 0)
        rc = loop(&stage, fn, ctx, err);
    /* A failure of the loop says more than a failed close that follows from it. */
    if (rc < 0)
        (void)sfx_rejects_close(stage.rejects, NULL);
    else
        rc = sfx_rejects_close(stage.rejects, err);
    sfx_lines_done(&stage.lines);
    sfx_claims_free(stage.outputs);
    sfx_arena_done(&stage.arena);
    sfx_buf_done(&stage.line);
    sfx_buf_done(&stage.held);
    sfx_buf_done(&stage.waiting);
    sfx_buf_done(&stage.done);
    sfx_queue_close(stage.queue);
    return rc == 0 && (stats->failed > 0 || stats->records_rejected > 0) ? 1 : rc;
}

void sfx_stage_break(struct sfx_stage *stage)
{
    stage->broken = true;
}

const struct sfx_reject_sink *sfx_stage_rejects(struct sfx_stage *stage)
{
    return &stage->record_sink;
}

struct sfx_stage_stats *sfx_stage_stats(struct sfx_stage *stage)
{
    return stage->stats;
}
