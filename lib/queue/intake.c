/* SPDX-License-Identifier: MIT */
/* Events of lines, paths and events. */
#include "queue/intake.h"

#include "base/clock.h"
#include "json/json.h"

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

static int of_path(struct sfx_slice line, struct sfx_arena *arena, struct sfx_event *ev,
                   struct sfx_queue_put *put, struct sfx_err *err)
{
    char now[SFX_CLOCK_TEXT_NBYTES], id[SFX_EVENT_ID_NBYTES], etag[SFX_EVENT_ID_NBYTES];
    const char *path = sfx_arena_strndup(arena, line.ptr, line.len, err);
    struct stat st;

    if (path == NULL)
        return SFX_E_NOMEM;
    if (stat(path, &st) != 0) {
        (void)sfx_err_errno(err, errno, "%s", path);
        return SFX_E_INPUT;
    }
    sfx_event_file_id(&st, line, id);
    sfx_event_file_etag(&st, etag);
    ev->id = sfx_slice_str(id);
    ev->etag = sfx_slice_str(etag);
    ev->source = SFX_SLICE_LIT(SOURCE);
    ev->type = SFX_SLICE_LIT(SFX_EVENT_SCANNED);
    ev->subject = ev->path = line;
    ev->size = st.st_size;
    ev->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    ev->time = sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now));
    return write_event(ev, arena, put, err);
}

static int of_line(struct sfx_slice line, uint64_t number, const char *salt,
                   struct sfx_arena *arena, struct sfx_event *ev, struct sfx_queue_put *put,
                   struct sfx_err *err)
{
    char now[SFX_CLOCK_TEXT_NBYTES], id[SFX_EVENT_ID_NBYTES], place[24];
    struct sfx_buf data = {0};
    int rc;

    (void)snprintf(place, sizeof(place), "%llu", (unsigned long long)number);
    sfx_event_derived_id(sfx_slice_str(salt), SOURCE, sfx_slice_str(place), id);
    ev->id = sfx_slice_str(id);
    ev->source = SFX_SLICE_LIT(SOURCE);
    ev->type = SFX_SLICE_LIT(SFX_INTAKE_LINE);
    ev->time = sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now));
    /* A line of JSON is that value, any other its text. */
    if (sfx_json_validate(line.ptr, line.len, NULL) == 0)
        rc = sfx_buf_append(&data, line.ptr, line.len, err);
    else
        rc = sfx_json_quote(&data, line, err);
    ev->data_raw = sfx_buf_slice(&data);
    if (rc == 0)
        rc = write_event(ev, arena, put, err);
    sfx_buf_done(&data);
    return rc;
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
    struct sfx_event ev;
    int rc;

    *put = (struct sfx_queue_put){0};
    sfx_event_init(&ev);
    if (kind == SFX_INTAKE_PATHS) {
        rc = of_path(line, arena, &ev, put, err);
    } else if (kind == SFX_INTAKE_LINES ||
               (kind == SFX_INTAKE_AUTO && (line.len == 0 || line.ptr[0] != '{'))) {
        rc = of_line(line, number, salt, arena, &ev, put, err);
    } else {
        rc = sfx_event_parse(line.ptr, line.len, arena, &ev, err);
        if (rc < 0 && kind == SFX_INTAKE_AUTO && rc != SFX_E_NOMEM) {
            sfx_event_init(&ev);
            rc = of_line(line, number, salt, arena, &ev, put, err);
        } else if (rc == 0) {
            put->id = sfx_slice(sfx_arena_strndup(arena, ev.id.ptr, ev.id.len, err), ev.id.len);
            put->line = sfx_slice(sfx_arena_strndup(arena, line.ptr, line.len, err), line.len);
            rc = put->id.ptr == NULL || put->line.ptr == NULL ? SFX_E_NOMEM : 0;
        }
    }
    return rc == 0 ? find_lane(&ev, key, arena, put, err) : rc;
}
