/* SPDX-License-Identifier: MIT */
/*
 * Queues in event mode: what came of an event that a queue gave out.
 *
 * The last program of a pipe acknowledges (ack). Those before it number what they make of an event
 * (sfxpart), and the last one of it is marked, so that the queue can tell when all of it has come
 * to an end. Which is the last is known only behind it: an output's event is held until the next
 * one or the end of its item. An item without outputs, or one that failed, is told of by an event
 * of its own, which names no file and so passes through.
 */
#include "base/size.h"
#include "run/run_internal.h"
#include "json/json.h"

#include <inttypes.h>

static struct sfx_slice attribute(const struct sfx_event *ev, const char *name)
{
    size_t i;

    for (i = 0; i < ev->nattrs; i++) {
        if (sfx_slice_eq(ev->attrs[i].name, sfx_slice_str(name)))
            return ev->attrs[i].raw;
    }
    return sfx_slice(NULL, 0);
}

int sfx_stage_queue_open(struct sfx_stage *stage, struct sfx_err *err)
{
    /* The program at the other end of the pipe may be just making the queue. */
    const struct sfx_queue_opts opts = {
        .name = stage->opts->program, .stop = stage->opts->stop, .wait_ms = 2000};

    if (stage->opts->ack == NULL)
        return 0;
    stage->queue = sfx_queue_open(stage->opts->ack, &opts, err);
    return stage->queue != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_IO;
}

bool sfx_stage_counts_parts(const struct sfx_stage *stage, const struct sfx_event *ev)
{
    return stage->queue == NULL && attribute(ev, "sfxattempt").len > 0;
}

/* Writes the held line with its number. */
static int release(struct sfx_stage *stage, const struct sfx_event *from, bool last,
                   struct sfx_err *err)
{
    struct sfx_slice parent = attribute(from, "sfxpart");
    int rc;

    if (stage->held.len == 0)
        return 0;
    if (parent.len >= 2)
        parent = sfx_slice(parent.ptr + 1, parent.len - 2);
    stage->held.len -= 2; /* "}" and the line end */
    rc = sfx_buf_printf(&stage->held, err, ",\"sfxpart\":\"%.*s%s%" PRIu64 "%s\"}\n",
                        SFX_SLICE_ARG(parent), parent.len > 0 ? "." : "", stage->nparts,
                        last ? "!" : "");
    if (rc == 0)
        rc = sfx_stage_write(stage, sfx_buf_slice(&stage->held), err);
    sfx_buf_clear(&stage->held);
    return rc;
}

int sfx_stage_hold(struct sfx_stage *stage, const struct sfx_event *from, struct sfx_slice line,
                   struct sfx_err *err)
{
    int rc = release(stage, from, false, err);

    stage->nparts++;
    return rc == 0 ? sfx_buf_append(&stage->held, line.ptr, line.len, err) : rc;
}

/* Tells of an item that failed, or that nothing came of. */
static int tell(struct sfx_stage *stage, const struct sfx_stage_item *item,
                const struct sfx_err *failure, struct sfx_err *err)
{
    const char *type = failure != NULL ? SFX_EVENT_FAILED : SFX_EVENT_PROCESSED;
    char id[SFX_EVENT_ID_NBYTES];
    struct sfx_buf text = {0};
    struct sfx_event_attr members[2];
    struct sfx_event ev;
    size_t code_len;
    int rc = 0;

    sfx_event_init(&ev);
    sfx_event_derived_id(item->event->id, stage->opts->program, sfx_slice_str(type), id);
    ev.id = sfx_slice_str(id);
    ev.type = sfx_slice_str(type);
    ev.subject = item->event->subject;
    if (failure != NULL) {
        rc = sfx_json_quote(&text, sfx_slice_str(sfx_code_name(failure->code)), err);
        code_len = text.len;
        if (rc == 0)
            rc = sfx_json_quote(&text, sfx_slice_str(failure->text), err);
        members[0] = (struct sfx_event_attr){SFX_SLICE_LIT("code"), sfx_slice(text.data, code_len)};
        members[1] = (struct sfx_event_attr){SFX_SLICE_LIT("reason"),
                                             sfx_slice(text.data + code_len, text.len - code_len)};
        ev.data_attrs = members;
        ev.ndata_attrs = SFX_COUNT(members);
    }
    if (rc == 0)
        rc = sfx_stage_emit(stage, item, &ev, err);
    sfx_buf_done(&text);
    return rc;
}

static bool is_permanent(int code)
{
    return code == SFX_E_INPUT || code == SFX_E_LIMIT || code == SFX_E_UNSUPPORTED;
}

int sfx_stage_answer(struct sfx_stage *stage, const struct sfx_stage_item *item,
                     const struct sfx_err *failure, struct sfx_err *err)
{
    const struct sfx_queue_retry how = SFX_QUEUE_RETRY_DEFAULT;
    int rc = 0;

    if (sfx_stage_counts_parts(stage, item->event)) {
        if (failure != NULL || stage->nparts == 0)
            rc = tell(stage, item, failure, err);
        if (rc == 0)
            rc = release(stage, item->event, true, err);
        return rc == 0 && stage->opts->later.fn != NULL ? sfx_stage_wait(stage, item->event, err)
                                                        : rc;
    }
    if (failure == NULL && stage->opts->later.fn != NULL)
        return sfx_stage_wait(stage, item->event, err);
    if (stage->queue == NULL)
        return 0;
    if (failure == NULL)
        rc = sfx_queue_ack_event(stage->queue, item->event, err);
    else
        rc = sfx_queue_fail_event(stage->queue, item->event, &how, is_permanent(failure->code),
                                  sfx_slice_str(failure->text), err);
    stage->broken = stage->broken || rc < 0;
    return rc < 0 ? rc : 0;
}

int sfx_stage_answer_passed(struct sfx_stage *stage, const struct sfx_event *ev,
                            struct sfx_err *err)
{
    const struct sfx_stage_item item = {.event = ev};
    struct sfx_err failure = {.code = SFX_E_TEMPORARY};
    struct sfx_buf text = {0};
    size_t i;
    int rc = 0;

    if (stage->queue == NULL)
        return stage->opts->later.fn != NULL ? sfx_stage_wait(stage, ev, err) : 0;
    if (!sfx_slice_eq(ev->type, SFX_SLICE_LIT(SFX_EVENT_FAILED)))
        return sfx_stage_answer(stage, &item, NULL, err);
    for (i = 0; i < ev->ndata_attrs && rc == 0; i++) {
        struct sfx_slice raw = ev->data_attrs[i].raw;

        if (sfx_slice_eq(raw, SFX_SLICE_LIT("\"input\"")) ||
            sfx_slice_eq(raw, SFX_SLICE_LIT("\"limit\"")) ||
            sfx_slice_eq(raw, SFX_SLICE_LIT("\"unsupported\"")))
            failure.code = SFX_E_INPUT;
        if (!sfx_slice_eq(ev->data_attrs[i].name, SFX_SLICE_LIT("reason")) || raw.len < 2)
            continue;
        sfx_buf_clear(&text);
        rc = sfx_json_unescape(&text, sfx_slice(raw.ptr + 1, raw.len - 2), err);
        (void)sfx_err_set(&failure, failure.code, "%.*s", SFX_SLICE_ARG(sfx_buf_slice(&text)));
    }
    sfx_buf_done(&text);
    return rc == 0 ? sfx_stage_answer(stage, &item, &failure, err) : rc;
}
