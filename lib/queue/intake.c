/* SPDX-License-Identifier: MIT */
/* Events of lines, paths and events. */
#include "queue/intake.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

#define SOURCE "sfx-queue"

/* Writes ev to put, with memory of the arena. */
static int write_event(const struct sfx_event *ev, struct sfx_arena *arena,
                       struct sfx_queue_put *put, struct sfx_err *err)
{
    struct sfx_buf line = {0};
    int rc = sfx_event_write(ev, &line, err);

    if (rc == 0) {
        put->line = sfx_slice(sfx_arena_strndup(arena, line.data, line.len - 1, err), line.len - 1);
        put->id = sfx_slice(sfx_arena_strndup(arena, ev->id.ptr, ev->id.len, err), ev->id.len);
        rc = put->line.ptr == NULL || put->id.ptr == NULL ? SFX_E_NOMEM : 0;
    }
    sfx_buf_done(&line);
    return rc;
}

/* Fills ev from a line that is meant as kind; what is made of it has the source (borrowed). Errors:
 * INPUT, NOMEM. */
static int read_line(enum sfx_intake_kind kind, struct sfx_slice line, uint64_t number,
                     const char *source, struct sfx_arena *arena, struct sfx_event *ev,
                     struct sfx_err *err)
{
    struct stat st;
    char *path;
    int rc;

    if (kind == SFX_INTAKE_EVENTS)
        return sfx_event_parse(line.ptr, line.len, arena, ev, err);
    rc = sfx_event_from_line(line, kind != SFX_INTAKE_AUTO, source, number, arena, ev, err);
    if (rc < 0 || kind != SFX_INTAKE_PATHS || ev->path.len > 0)
        return rc;
    path = sfx_arena_strndup(arena, line.ptr, line.len, err);
    if (path == NULL)
        return SFX_E_NOMEM;
    if (stat(path, &st) == 0)
        return sfx_err_set(err, SFX_E_INPUT, "%s: not a regular file", path);
    (void)sfx_err_errno(err, errno, "%s", path);
    return SFX_E_INPUT;
}

/* The event that was made of a line. What names no file is like no other line, also of other runs.
 */
static int put_made(struct sfx_event *ev, uint64_t number, const char *salt,
                    struct sfx_arena *arena, struct sfx_queue_put *put, struct sfx_err *err)
{
    char now[SFX_CLOCK_TEXT_NBYTES], id[SFX_EVENT_ID_NBYTES], place[24];

    if (ev->path.len == 0) {
        (void)snprintf(place, sizeof(place), "%llu", (unsigned long long)number);
        sfx_event_derived_id(sfx_slice_str(salt), SOURCE, sfx_slice_str(place), id);
        ev->id = sfx_slice_str(id);
    }
    if (ev->time.len == 0)
        ev->time = sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now));
    return write_event(ev, arena, put, err);
}

static int put_as_it_is(const struct sfx_event *ev, struct sfx_slice line, struct sfx_arena *arena,
                        struct sfx_queue_put *put, struct sfx_err *err)
{
    put->id = sfx_slice(sfx_arena_strndup(arena, ev->id.ptr, ev->id.len, err), ev->id.len);
    put->line = sfx_slice(sfx_arena_strndup(arena, line.ptr, line.len, err), line.len);
    return put->id.ptr == NULL || put->line.ptr == NULL ? SFX_E_NOMEM : 0;
}

/* The value of the attribute that is the lane. */
static int find_lane(const struct sfx_event *ev, const char *key, struct sfx_arena *arena,
                     struct sfx_queue_put *put, struct sfx_err *err)
{
    struct sfx_slice name = sfx_slice_str(key != NULL ? key : ""), lane = {0};
    size_t i;

    if (key == NULL)
        return 0;
    if (sfx_slice_eq(name, SFX_SLICE_LIT("subject")))
        lane = ev->subject;
    else if (sfx_slice_eq(name, SFX_SLICE_LIT("source")))
        lane = ev->source;
    else if (sfx_slice_eq(name, SFX_SLICE_LIT("type")))
        lane = ev->type;
    for (i = 0; i < ev->nattrs; i++) {
        if (sfx_slice_eq(ev->attrs[i].name, name))
            lane = ev->attrs[i].raw;
    }
    put->lane = sfx_slice(sfx_arena_strndup(arena, lane.ptr, lane.len, err), lane.len);
    return put->lane.ptr != NULL ? 0 : SFX_E_NOMEM;
}

int sfx_queue_intake(enum sfx_intake_kind kind, struct sfx_slice line, uint64_t number,
                     const char *salt, const char *key, struct sfx_arena *arena,
                     struct sfx_queue_put *put, struct sfx_err *err)
{
    static const char source[] = SOURCE;
    struct sfx_event ev;
    int rc = read_line(kind, line, number, source, arena, &ev, err);

    *put = (struct sfx_queue_put){0};
    if (rc == 0)
        rc = ev.source.ptr == source ? put_made(&ev, number, salt, arena, put, err)
                                     : put_as_it_is(&ev, line, arena, put, err);
    return rc == 0 ? find_lane(&ev, key, arena, put, err) : rc;
}
