/* SPDX-License-Identifier: MIT */
/* What is told of invocations while they happen: log, REPORT lines, traces; metrics.c has the sums.
 */
#include "base/clock.h"
#include "base/io.h"
#include "function/observe_internal.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

struct sfx_observer *sfx_observer_new(struct sfx_runner *runner, struct sfx_err *err)
{
    struct sfx_observer *o = calloc(1, sizeof(*o));
    const char *trace = runner->opts->trace;

    if (o == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    o->runner = runner;
    o->trace_fd = o->listen_fd = -1;
    if (trace != NULL)
        o->trace_fd = open(trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (trace != NULL && o->trace_fd < 0)
        (void)sfx_err_errno(err, errno, "%s", trace);
    else if (sfx_metrics_open(o, err) == 0)
        return o;
    (void)sfx_observer_free(o, NULL);
    return NULL;
}

int sfx_observer_free(struct sfx_observer *o, struct sfx_err *err)
{
    int rc;

    if (o == NULL)
        return 0;
    rc = sfx_metrics_close(o, err);
    (void)sfx_io_close(&o->trace_fd, NULL);
    sfx_buf_done(&o->line);
    free(o);
    return rc;
}

static void put_string(struct sfx_json_writer *w, const char *key, struct sfx_slice text)
{
    if (text.len == 0)
        return;
    sfx_json_key(w, key);
    sfx_json_string(w, text);
}

static void put_ms(struct sfx_json_writer *w, const char *key, int64_t ns)
{
    sfx_json_key(w, key);
    sfx_json_double(w, (double)(ns / 1000) / 1000);
}

/* Writes o->line, a JSON message for machines. */
static void say_line(struct sfx_observer *o, struct sfx_json_writer *w)
{
    sfx_json_end_object(w);
    if (sfx_json_finish(w, NULL) == 0 && sfx_buf_putc(&o->line, '\n', NULL) == 0)
        (void)sfx_io_write(o->runner->log->fd, o->line.data, o->line.len, NULL);
}

static void begin_line(struct sfx_observer *o, struct sfx_json_writer *w, const char *level,
                       const char *message, const struct sfx_function *fn)
{
    char now[SFX_CLOCK_TEXT_NBYTES];

    sfx_buf_clear(&o->line);
    sfx_json_writer_init(w, &o->line);
    sfx_json_begin_object(w);
    put_string(w, "time", sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now)));
    put_string(w, "level", sfx_slice_str(level));
    put_string(w, "program", sfx_slice_str(o->runner->opts->program));
    put_string(w, "message", sfx_slice_str(message));
    put_string(w, "function", sfx_slice_str(fn->name));
}

static void put_events(struct sfx_json_writer *w, const struct sfx_invocation *inv)
{
    size_t i;

    sfx_json_key(w, "events");
    sfx_json_begin_array(w);
    for (i = 0; i < inv->nitems; i++)
        sfx_json_string(w, sfx_slice(inv->items[i]->id, inv->items[i]->id_len));
    sfx_json_end_array(w);
}

/* The whole invocation as one line of JSON. */
static void log_json(struct sfx_observer *o, const struct sfx_invocation *inv)
{
    const struct sfx_meter *m = &inv->meter;
    struct sfx_json_writer w;

    begin_line(o, &w, inv->outcome.exit_code != 0 ? "warning" : "info", "invocation", inv->fn);
    put_string(&w, "request", sfx_slice_str(inv->request_id));
    put_string(&w, "traceparent", sfx_slice_str(inv->traceparent));
    put_events(&w, inv);
    sfx_json_key(&w, "attempt");
    sfx_json_uint(&w, inv->items[0]->attempts);
    sfx_json_key(&w, "exit");
    sfx_json_int(&w, inv->outcome.exit_code);
    put_string(&w, "error", sfx_slice_str(inv->outcome.error != NULL ? inv->outcome.error : ""));
    put_string(&w, "reason", sfx_slice_str(inv->outcome.reason));
    put_ms(&w, "duration_ms", m->duration_ns);
    sfx_json_key(&w, "billed_ms");
    sfx_json_uint(&w, sfx_meter_billed_ms(m));
    put_ms(&w, "init_ms", m->init_ns);
    put_ms(&w, "queued_ms", m->queued_ns);
    put_ms(&w, "user_ms", m->user_ns);
    put_ms(&w, "system_ms", m->system_ns);
    sfx_json_key(&w, "peak_bytes");
    sfx_json_int(&w, m->peak_nbytes);
    sfx_json_key(&w, "in_bytes");
    sfx_json_uint(&w, m->in_nbytes);
    sfx_json_key(&w, "out_bytes");
    sfx_json_uint(&w, m->out_nbytes);
    sfx_json_key(&w, "gb_seconds");
    sfx_json_double(&w, sfx_meter_gb_seconds(m));
    put_string(&w, "stderr", sfx_buf_slice(&inv->said));
    say_line(o, &w);
}

static void put_nano(struct sfx_json_writer *w, const char *key, int64_t ns)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld",
                   (long long)ns); /* OTLP: 64-bit numbers are strings */
    put_string(w, key, sfx_slice_str(text));
}

static void put_attribute(struct sfx_json_writer *w, const char *key, struct sfx_slice text)
{
    sfx_json_begin_object(w);
    put_string(w, "key", sfx_slice_str(key));
    sfx_json_key(w, "value");
    sfx_json_begin_object(w);
    sfx_json_key(w, "stringValue");
    sfx_json_string(w, text);
    sfx_json_end_object(w);
    sfx_json_end_object(w);
}

static void put_span(struct sfx_json_writer *w, const struct sfx_invocation *inv)
{
    const struct sfx_item *item = inv->items[0];

    sfx_json_begin_object(w);
    put_string(w, "traceId", sfx_slice(inv->traceparent + 3, 32));
    put_string(w, "spanId", sfx_slice(inv->traceparent + 36, 16));
    put_string(w, "parentSpanId", sfx_slice_str(inv->parent_span));
    put_string(w, "name", sfx_slice_str(inv->fn->name));
    sfx_json_key(w, "kind");
    sfx_json_int(w, 5); /* SPAN_KIND_CONSUMER */
    put_nano(w, "startTimeUnixNano", inv->meter.start_ns);
    put_nano(w, "endTimeUnixNano", inv->meter.start_ns + inv->meter.duration_ns);
    sfx_json_key(w, "attributes");
    sfx_json_begin_array(w);
    put_attribute(w, "faas.invocation_id", sfx_slice_str(inv->request_id));
    put_attribute(w, "cloudevents.event_id", sfx_slice(item->id, item->id_len));
    sfx_json_end_array(w);
    sfx_json_key(w, "status");
    sfx_json_begin_object(w);
    sfx_json_key(w, "code");
    sfx_json_int(w, inv->outcome.exit_code == 0 ? 1 : 2); /* OK, ERROR */
    put_string(w, "message", sfx_slice_str(inv->outcome.reason));
    sfx_json_end_object(w);
    sfx_json_end_object(w);
}

/* A line of the OpenTelemetry file format: one ExportTraceServiceRequest. */
static void write_trace(struct sfx_observer *o, const struct sfx_invocation *inv)
{
    struct sfx_json_writer w;

    sfx_buf_clear(&o->line);
    sfx_json_writer_init(&w, &o->line);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "resourceSpans");
    sfx_json_begin_array(&w);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "resource");
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "attributes");
    sfx_json_begin_array(&w);
    put_attribute(&w, "service.name", sfx_slice_str(o->runner->opts->program));
    put_attribute(&w, "faas.name", sfx_slice_str(inv->fn->name));
    sfx_json_end_array(&w);
    sfx_json_end_object(&w);
    sfx_json_key(&w, "scopeSpans");
    sfx_json_begin_array(&w);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "scope");
    sfx_json_begin_object(&w);
    put_string(&w, "name", sfx_slice_str(o->runner->opts->program));
    sfx_json_end_object(&w);
    sfx_json_key(&w, "spans");
    sfx_json_begin_array(&w);
    put_span(&w, inv);
    sfx_json_end_array(&w);
    sfx_json_end_object(&w);
    sfx_json_end_array(&w);
    sfx_json_end_object(&w);
    sfx_json_end_array(&w);
    sfx_json_end_object(&w);
    if (sfx_json_finish(&w, NULL) == 0 && sfx_buf_putc(&o->line, '\n', NULL) == 0)
        (void)sfx_io_write(o->trace_fd, o->line.data, o->line.len, NULL);
}

/* What Lambda writes to a function's log. */
static void say_report(struct sfx_observer *o, const struct sfx_invocation *inv)
{
    int rc;

    sfx_buf_clear(&o->line);
    rc = inv->outcome.exit_code == SFX_EXIT_TIMEOUT
             ? sfx_buf_printf(&o->line, NULL, "%s %s\n", inv->request_id, inv->outcome.reason)
             : 0;
    if (rc == 0)
        rc = sfx_buf_printf(&o->line, NULL, "END RequestId: %s\n", inv->request_id);
    if (rc == 0)
        rc = sfx_meter_report(&inv->meter, inv->request_id, &o->line, NULL);
    if (rc == 0)
        rc = sfx_buf_putc(&o->line, '\n', NULL);
    if (rc == 0)
        (void)sfx_io_write(o->runner->opts->err_fd, o->line.data, o->line.len, NULL);
}

void sfx_observer_begin(struct sfx_observer *o, const struct sfx_invocation *inv)
{
    char text[96];
    int n;

    if (!inv->fn->opts->report)
        return;
    n = snprintf(text, sizeof(text), "START RequestId: %s Version: $LATEST\n", inv->request_id);
    (void)sfx_io_write(o->runner->opts->err_fd, text, (size_t)n, NULL);
}

void sfx_observer_invocation(struct sfx_observer *o, const struct sfx_invocation *inv)
{
    const struct sfx_log *log = o->runner->log;

    if (inv->fn->opts->report)
        say_report(o, inv);
    if (o->trace_fd >= 0)
        write_trace(o, inv);
    if (log == NULL)
        return;
    if (log->json && log->level >= SFX_LOG_NOTICE)
        log_json(o, inv);
    else if (!log->json && log->level >= SFX_LOG_INFO)
        sfx_log(log, SFX_LOG_INFO, "%s: event %.*s%s: exit %d after %.3f ms", inv->fn->name,
                (int)inv->items[0]->id_len, inv->items[0]->id, inv->nitems > 1 ? " and others" : "",
                inv->outcome.exit_code, (double)inv->meter.duration_ns / (double)SFX_NS_PER_MS);
}

void sfx_observer_item(struct sfx_observer *o, const struct sfx_item *item,
                       enum sfx_verdict verdict, int64_t delay_ns,
                       const struct sfx_outcome *outcome)
{
    const struct sfx_log *log = o->runner->log;
    enum sfx_log_level level = verdict == SFX_VERDICT_DEAD ? SFX_LOG_ERROR : SFX_LOG_WARNING;
    struct sfx_json_writer w;

    if (verdict == SFX_VERDICT_ACK || log == NULL || (int)level > log->level)
        return;
    if (log->json) {
        begin_line(o, &w, verdict == SFX_VERDICT_DEAD ? "error" : "warning",
                   verdict == SFX_VERDICT_DEAD ? "given up" : "to be tried again", item->fn);
        put_string(&w, "event", sfx_slice(item->id, item->id_len));
        sfx_json_key(&w, "attempt");
        sfx_json_uint(&w, item->attempts);
        put_string(&w, "reason", sfx_slice_str(outcome->reason));
        put_ms(&w, "delay_ms", delay_ns);
        say_line(o, &w);
        return;
    }
    if (item->id_len == 0)
        sfx_log(log, level, "%s", outcome->reason);
    else if (verdict == SFX_VERDICT_DEAD)
        sfx_log(log, level, "event %.*s: %s: given up after %llu %s", (int)item->id_len, item->id,
                outcome->reason, (unsigned long long)item->attempts,
                item->attempts == 1 ? "attempt" : "attempts");
    else
        sfx_log(log, level, "event %.*s: %s: again in %.1f s", (int)item->id_len, item->id,
                outcome->reason, (double)delay_ns / (double)SFX_NS_PER_S);
}

void sfx_observer_said(struct sfx_function *fn, struct sfx_slice text)
{
    const struct sfx_log *log = fn->runner->log;

    if (log == NULL || log->level < SFX_LOG_NOTICE)
        return;
    /* In JSON it stands in the invocation's own line. */
    if (!log->json)
        (void)sfx_io_write(fn->runner->opts->err_fd, text.ptr, text.len, NULL);
}
