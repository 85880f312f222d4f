/* SPDX-License-Identifier: MIT */
/* Events and figures of a queue as text and JSON. */
#include "queue/report.h"

#include "base/clock.h"
#include "base/size.h"
#include "json/json.h"

#include <inttypes.h>

static void put_time(struct sfx_json_writer *w, const char *key, int64_t ms)
{
    char text[SFX_CLOCK_TEXT_NBYTES];

    if (ms == 0)
        return;
    sfx_json_key(w, key);
    sfx_json_string(w, sfx_slice(text, sfx_clock_format(ms * 1000000, text)));
}

static void put_text(struct sfx_json_writer *w, const char *key, struct sfx_slice text)
{
    if (text.len == 0)
        return;
    sfx_json_key(w, key);
    sfx_json_string(w, text);
}

static void put_int(struct sfx_json_writer *w, const char *key, int64_t value)
{
    sfx_json_key(w, key);
    sfx_json_int(w, value);
}

static int row_json(const struct sfx_queue_row *row, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer w;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    put_int(&w, "seq", row->seq);
    put_text(&w, "state", sfx_slice_str(sfx_queue_state_name(row->state)));
    put_text(&w, "id", row->id);
    put_int(&w, "attempts", row->attempts);
    put_text(&w, "key", row->lane);
    put_time(&w, "put", row->put_ms);
    put_time(&w, "first", row->first_ms);
    put_time(&w, "last", row->last_ms);
    put_time(&w, "due",
             row->state == SFX_QUEUE_LEASED || row->state == SFX_QUEUE_DELAYED ? row->due_ms : 0);
    put_text(&w, "holder", row->holder);
    put_text(&w, "reason", row->reason);
    sfx_json_key(&w, "event");
    if (sfx_json_validate(row->line.ptr, row->line.len, NULL) == 0)
        sfx_json_raw(&w, row->line);
    else
        sfx_json_string(&w, row->line);
    sfx_json_end_object(&w);
    return sfx_json_finish(&w, err);
}

/* Control characters of texts from outside stay off the terminal. */
static int put_shown(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        rc = sfx_buf_putc(out, c < ' ' || c == 127 ? '?' : (char)c, err);
    }
    return rc;
}

static int row_text(const struct sfx_queue_row *row, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_arena arena = {0};
    struct sfx_event ev;
    int64_t age_s = (sfx_clock_wall_ns() / 1000000 - row->put_ms) / 1000;
    int rc = sfx_buf_printf(out, err, "%" PRId64 "\t%s\t%" PRIu32 "\t%" PRId64 "s\t", row->seq,
                            sfx_queue_state_name(row->state), row->attempts, age_s);

    sfx_event_init(&ev);
    (void)sfx_event_parse(row->line.ptr, row->line.len, &arena, &ev, NULL);
    if (rc == 0)
        rc = put_shown(out, row->id, err);
    if (rc == 0)
        rc = sfx_buf_putc(out, '\t', err);
    if (rc == 0)
        rc = put_shown(out, ev.subject, err);
    if (rc == 0 && row->reason.len > 0)
        rc = sfx_buf_putc(out, '\t', err);
    if (rc == 0)
        rc = put_shown(out, row->reason, err);
    sfx_arena_done(&arena);
    return rc;
}

int sfx_queue_report_row(const struct sfx_queue_row *row, bool json, struct sfx_buf *out,
                         struct sfx_err *err)
{
    int rc = json ? row_json(row, out, err) : row_text(row, out, err);

    return rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
}

int sfx_queue_report_invocation(const struct sfx_queue_invocation *inv, struct sfx_buf *out,
                                struct sfx_err *err)
{
    struct sfx_json_writer w;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    put_text(&w, "function", inv->function);
    put_text(&w, "event", inv->event_id);
    put_text(&w, "request", inv->invocation_id);
    put_int(&w, "attempt", inv->attempt);
    put_time(&w, "start", inv->start_ns / 1000000);
    put_int(&w, "duration_us", inv->duration_ns / 1000);
    put_int(&w, "billed_ms", inv->billed_ms);
    put_int(&w, "init_us", inv->init_ns / 1000);
    put_int(&w, "user_us", inv->user_ns / 1000);
    put_int(&w, "system_us", inv->system_ns / 1000);
    put_int(&w, "peak_bytes", inv->peak_nbytes);
    put_int(&w, "in_bytes", (int64_t)inv->in_nbytes);
    put_int(&w, "out_bytes", (int64_t)inv->out_nbytes);
    put_int(&w, "exit", inv->exit_code);
    put_text(&w, "error", inv->error);
    put_text(&w, "reason", inv->reason);
    put_text(&w, "stderr", inv->stderr_text);
    put_text(&w, "traceparent", inv->trace);
    sfx_json_end_object(&w);
    return sfx_json_finish(&w, err);
}

int sfx_queue_report_stats(const struct sfx_queue_stats *s, bool json, struct sfx_buf *out,
                           struct sfx_err *err)
{
    const struct {
        const char *name;
        int64_t value;
    } figures[] = {
        {"ready", (int64_t)s->depth[SFX_QUEUE_READY]},
        {"leased", (int64_t)s->depth[SFX_QUEUE_LEASED]},
        {"delayed", (int64_t)s->depth[SFX_QUEUE_DELAYED]},
        {"blocked", (int64_t)s->depth[SFX_QUEUE_BLOCKED]},
        {"done", (int64_t)s->depth[SFX_QUEUE_DONE]},
        {"dead", (int64_t)s->depth[SFX_QUEUE_DEAD]},
        {"oldest_ms", s->oldest_ms},
        {"put_total", (int64_t)s->put},
        {"duplicates_skipped_total", (int64_t)s->duplicates},
        {"leased_total", (int64_t)s->leased},
        {"acked_total", (int64_t)s->acked},
        {"retried_total", (int64_t)s->retried},
        {"dead_total", (int64_t)s->dead},
        {"returned_total", (int64_t)s->returned},
        {"retention_ms", s->retention_ms},
    };
    struct sfx_json_writer w;
    size_t i;
    int rc = 0;

    if (json) {
        sfx_json_writer_init(&w, out);
        sfx_json_begin_object(&w);
        for (i = 0; i < SFX_COUNT(figures); i++)
            put_int(&w, figures[i].name, figures[i].value);
        for (i = 0; i < s->ncounters; i++)
            put_int(&w, s->counters[i].name, (int64_t)s->counters[i].value);
        sfx_json_end_object(&w);
        rc = sfx_json_finish(&w, err);
        return rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
    }
    for (i = 0; rc == 0 && i < SFX_COUNT(figures); i++)
        rc = sfx_buf_printf(out, err, "%-25s %" PRId64 "\n", figures[i].name, figures[i].value);
    for (i = 0; rc == 0 && i < s->ncounters; i++)
        rc = sfx_buf_printf(out, err, "%-25s %" PRIu64 "\n", s->counters[i].name,
                            s->counters[i].value);
    return rc;
}
