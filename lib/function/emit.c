/* SPDX-License-Identifier: MIT */
/* Result events: what a function printed, as the next program's input. */
#include "base/clock.h"
#include "function/function_internal.h"

#include <stdio.h>

/* Attributes that the result has from the event it came from, where it does not say them itself. */
static int inherit(const struct sfx_invocation *inv, const struct sfx_event *cause,
                   struct sfx_event *ev, char now[SFX_CLOCK_TEXT_NBYTES], struct sfx_err *err)
{
    struct sfx_arena *arena = &inv->fn->runner->arena;
    size_t i, n = 0;

    if (ev->cause.len == 0)
        ev->cause = cause->id;
    if (ev->root.len == 0)
        ev->root = cause->root.len > 0 ? cause->root : cause->id;
    ev->traceparent = sfx_slice_str(inv->traceparent);
    if (ev->time.len == 0)
        ev->time = sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now));
    if (ev->nattrs > 0 || cause->nattrs == 0)
        return 0;
    ev->attrs = sfx_arena_calloc(arena, cause->nattrs, sizeof(*ev->attrs), err);
    if (ev->attrs == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < cause->nattrs; i++) {
        if (!sfx_slice_eq(cause->attrs[i].name, SFX_SLICE_LIT("dataschema")) &&
            !sfx_slice_eq(cause->attrs[i].name, SFX_SLICE_LIT("sequence")))
            ev->attrs[n++] = cause->attrs[i];
    }
    ev->nattrs = n;
    return 0;
}

static int emit_line(struct sfx_invocation *inv, const struct sfx_event *cause,
                     struct sfx_slice line, uint64_t number, struct sfx_buf *out,
                     struct sfx_err *err)
{
    struct sfx_function *fn = inv->fn;
    char id[SFX_EVENT_ID_NBYTES], now[SFX_CLOCK_TEXT_NBYTES], place[32];
    struct sfx_event ev;
    int rc = sfx_event_from_line(line, false, fn->name, number, &fn->runner->arena, &ev, err);

    if (rc == SFX_E_INPUT || rc == SFX_E_LIMIT)
        rc = sfx_event_from_line(line, true, fn->name, number, &fn->runner->arena, &ev, err);
    if (rc < 0)
        return rc;
    if (ev.source.ptr == fn->name) {
        /* Not an event: the same work on the same event has the same results, by their place. */
        (void)snprintf(place, sizeof(place), "%llu", (unsigned long long)number);
        sfx_event_derived_id(cause->id, fn->name, ev.path.len > 0 ? ev.path : sfx_slice_str(place),
                             id);
        ev.id = sfx_slice_str(id);
        ev.type =
            ev.path.len > 0 ? SFX_SLICE_LIT(SFX_EVENT_CREATED) : SFX_SLICE_LIT(SFX_EVENT_RESULT);
    }
    rc = inherit(inv, cause, &ev, now, err);
    if (rc == 0)
        rc = sfx_event_write(&ev, out, err);
    fn->totals->results += rc == 0;
    return rc;
}

int sfx_emit(struct sfx_invocation *inv, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_slice rest = sfx_buf_slice(&inv->output);
    struct sfx_event cause;
    uint64_t number = 0;
    int rc;

    sfx_arena_reset(&inv->fn->runner->arena);
    rc = sfx_event_parse(inv->items[0]->line, inv->items[0]->line_len, &inv->fn->runner->arena,
                         &cause, err);
    while (rc == 0 && rest.len > 0) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        struct sfx_slice line =
            sfx_slice(rest.ptr, nl != NULL ? (size_t)(nl - rest.ptr) : rest.len);

        rest = sfx_slice(rest.ptr + line.len + (nl != NULL), rest.len - line.len - (nl != NULL));
        if (line.len > 0)
            rc = emit_line(inv, &cause, line, ++number, out, err);
    }
    return rc;
}
