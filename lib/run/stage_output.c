/* SPDX-License-Identifier: MIT */
/* What a stage gives to the world: output files and their events. */
#include "run/stage.h"

#include "base/clock.h"
#include "base/io.h"
#include "run/run_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int sfx_stage_write(struct sfx_stage *stage, struct sfx_slice line, struct sfx_err *err)
{
    int rc;

    if (stage->opts->later.fn != NULL)
        return sfx_stage_keep_line(stage, line, err);
    rc = sfx_io_write(stage->opts->out_fd, line.ptr, line.len, err);
    if (rc < 0) {
        stage->broken = true;
        return sfx_err_wrap(err, rc, "event output");
    }
    return 0;
}

/* The attributes that from does not know, but for the schema of its data. Memory from the arena. */
static int inherit_attrs(struct sfx_stage *stage, const struct sfx_event *from,
                         struct sfx_event *ev, struct sfx_err *err)
{
    size_t i;

    if (from->nattrs == 0 || ev->nattrs > 0)
        return 0;
    ev->attrs = sfx_arena_calloc(&stage->arena, from->nattrs, sizeof(*ev->attrs), err);
    if (ev->attrs == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < from->nattrs; i++) {
        if (!sfx_slice_eq(from->attrs[i].name, SFX_SLICE_LIT("dataschema")) &&
            !sfx_slice_eq(from->attrs[i].name, SFX_SLICE_LIT("sfxpart")))
            ev->attrs[ev->nattrs++] = from->attrs[i];
    }
    return 0;
}

int sfx_stage_emit(struct sfx_stage *stage, const struct sfx_stage_item *item, struct sfx_event *ev,
                   struct sfx_err *err)
{
    const struct sfx_event *from = item->event;
    char now[SFX_CLOCK_TEXT_NBYTES];
    int rc = inherit_attrs(stage, from, ev, err);

    if (rc < 0)
        return rc;
    ev->cause = from->id;
    ev->root = from->root.len > 0 ? from->root : from->id;
    ev->traceparent = from->traceparent;
    if (ev->source.len == 0)
        ev->source = sfx_slice_str(stage->opts->program);
    if (ev->time.len == 0)
        ev->time = sfx_slice(now, sfx_clock_format(sfx_clock_wall_ns(), now));
    sfx_buf_clear(&stage->line);
    rc = sfx_event_write(ev, &stage->line, err);
    if (rc < 0)
        return rc;
    if (sfx_stage_counts_parts(stage, from))
        return sfx_stage_hold(stage, from, sfx_buf_slice(&stage->line), err);
    return sfx_stage_write(stage, sfx_buf_slice(&stage->line), err);
}

/* Commits out and tells its size and times. */
static int commit(struct sfx_stage *stage, struct sfx_outfile *out, const char *path,
                  struct stat *st, struct sfx_err *err)
{
    int rc;

    /* The version's size and mtime are final; its name changes neither. */
    if (fstat(sfx_outfile_fd(out), st) != 0)
        return sfx_err_errno(err, errno, "%s", path);
    rc = sfx_outfile_commit(out, err);
    if (rc == SFX_E_IO)
        stage->broken = true;
    return rc;
}

/* Two inputs must not make one output: the second would silently replace the first. */
static int claim(struct sfx_stage *stage, const struct sfx_stage_item *item, const char *path,
                 struct sfx_err *err)
{
    if (stage->outputs == NULL)
        stage->outputs = sfx_claims_new(err);
    if (stage->outputs == NULL)
        return SFX_E_NOMEM;
    return sfx_claims_take_for(stage->outputs, path, item->event->path, err);
}

int sfx_stage_publish(struct sfx_stage *stage, const struct sfx_stage_item *item,
                      struct sfx_outfile *out, const char *path,
                      const struct sfx_stage_facts *facts, struct sfx_err *err)
{
    char id[SFX_EVENT_ID_NBYTES];
    char etag[SFX_EVENT_ID_NBYTES];
    struct sfx_event ev;
    struct stat st;
    int rc = claim(stage, item, path, err);

    if (rc == 0)
        rc = commit(stage, out, path, &st, err);
    sfx_outfile_free(out);
    if (rc < 0)
        return rc;
    stage->stats->outputs++;
    stage->stats->out_nbytes += (uint64_t)st.st_size;
    sfx_event_derived_id(item->event->id, stage->opts->program, sfx_slice_str(path), id);
    sfx_event_file_etag(&st, etag);
    sfx_event_init(&ev);
    ev.id = sfx_slice_str(id);
    ev.type = SFX_SLICE_LIT(SFX_EVENT_CREATED);
    ev.subject = sfx_slice_str(path);
    ev.path = sfx_slice_str(path);
    ev.etag = sfx_slice_str(etag);
    ev.size = st.st_size;
    ev.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    ev.media_type = facts->media_type;
    ev.width = facts->width;
    ev.height = facts->height;
    ev.records = facts->records;
    return sfx_stage_emit(stage, item, &ev, err);
}
