/* SPDX-License-Identifier: MIT */
/* The event of a load: what the next program, or a watcher of the pipe, learns of it. */
#include "base/size.h"
#include "sink/load_internal.h"
#include "json/json.h"

#include <assert.h>
#include <inttypes.h>

/* Notes that text from start on is the value of a member; its place is known when all are there. */
static void end_member(struct sfx_load_event *ev, const char *name, size_t start)
{
    size_t at = ev->event.ndata_attrs++;

    assert(at < SFX_COUNT(ev->members));
    ev->members[at] =
        (struct sfx_event_attr){sfx_slice_str(name), sfx_slice(NULL, ev->text.len - start)};
}

static int add_text(struct sfx_load_event *ev, const char *name, const char *value,
                    struct sfx_err *err)
{
    size_t start = ev->text.len;
    int rc = value != NULL ? sfx_json_quote(&ev->text, sfx_slice_str(value), err) : 0;

    if (rc == 0 && value != NULL)
        end_member(ev, name, start);
    return rc;
}

static int add_number(struct sfx_load_event *ev, const char *name, uint64_t value,
                      struct sfx_err *err)
{
    size_t start = ev->text.len;
    int rc = sfx_buf_printf(&ev->text, err, "%" PRIu64, value);

    if (rc == 0)
        end_member(ev, name, start);
    return rc;
}

static int add_members(struct sfx_load_event *ev, const struct sfx_load_result *result,
                       struct sfx_err *err)
{
    const bool now = result->outcome == SFX_LOAD_DONE;
    size_t i, start = 0;
    int rc = add_text(ev, "input", result->name, err);

    if (rc == 0)
        rc = add_text(ev, "member", result->member, err);
    if (rc == 0)
        rc = add_text(ev, "table", result->table, err);
    if (rc == 0)
        rc = add_number(ev, "loaded", now ? result->entry.counts.inserted : 0, err);
    if (rc == 0)
        rc = add_number(ev, "rejected", result->entry.counts.rejected, err);
    if (rc == 0)
        rc = add_number(ev, "load_id", (uint64_t)result->entry.load_id, err);
    for (i = 0; rc == 0 && i < ev->event.ndata_attrs; i++) {
        ev->members[i].raw.ptr = ev->text.data + start;
        start += ev->members[i].raw.len;
    }
    return rc;
}

/* A load is one of the input, its member and the table. */
static int derive_id(struct sfx_load_event *ev, const struct sfx_load_result *result,
                     struct sfx_slice cause, struct sfx_err *err)
{
    size_t start = ev->text.len;
    int rc = sfx_buf_printf(&ev->text, err, "%s/%s/%s", result->name,
                            result->member != NULL ? result->member : "", result->table);

    if (rc == 0)
        sfx_event_derived_id(cause, "sfx-load",
                             sfx_slice(ev->text.data + start, ev->text.len - start), ev->id);
    ev->text.len = start;
    return rc;
}

int sfx_load_event_make(struct sfx_load_event *ev, const struct sfx_load_result *result,
                        struct sfx_slice cause, struct sfx_err *err)
{
    int rc;

    sfx_event_init(&ev->event);
    sfx_buf_clear(&ev->text);
    ev->event.data_attrs = ev->members;
    rc = derive_id(ev, result, cause, err);
    if (rc == 0)
        rc = add_members(ev, result, err);
    if (rc < 0)
        return rc;
    ev->event.id = sfx_slice_str(ev->id);
    ev->event.type = SFX_SLICE_LIT(SFX_EVENT_LOADED);
    ev->event.subject = sfx_slice_str(result->name);
    ev->event.records = (int64_t)result->entry.counts.inserted;
    return 0;
}
