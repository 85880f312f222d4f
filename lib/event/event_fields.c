/* SPDX-License-Identifier: MIT */
/* The table of what sfx knows of an event, see sfx-events(5), and the empty event. */
#include "event/event_internal.h"

#define FIELD(name, member, kind, required)                                                        \
    {                                                                                              \
        name, offsetof(struct sfx_event, member), kind, required                                   \
    }

const struct sfx_event_field sfx_event_attributes[SFX_EVENT_NATTRIBUTES] = {
    FIELD("id", id, SFX_EVENT_TEXT, true),
    FIELD("source", source, SFX_EVENT_TEXT, true),
    FIELD("type", type, SFX_EVENT_TEXT, true),
    FIELD("subject", subject, SFX_EVENT_TEXT, false),
    FIELD("time", time, SFX_EVENT_TEXT, false),
    FIELD("datacontenttype", datacontenttype, SFX_EVENT_TEXT, false),
    FIELD("sfxcause", cause, SFX_EVENT_TEXT, false),
    FIELD("sfxroot", root, SFX_EVENT_TEXT, false),
    FIELD("traceparent", traceparent, SFX_EVENT_TEXT, false),
};

const struct sfx_event_field sfx_event_members[SFX_EVENT_NMEMBERS] = {
    FIELD("path", path, SFX_EVENT_PATH, false),
    FIELD("path_base64", path, SFX_EVENT_PATH64, false),
    FIELD("size", size, SFX_EVENT_NUMBER, false),
    FIELD("mtime", mtime_ns, SFX_EVENT_TIME, false),
    FIELD("etag", etag, SFX_EVENT_TEXT, false),
    FIELD("type", media_type, SFX_EVENT_TEXT, false),
    FIELD("width", width, SFX_EVENT_NUMBER, false),
    FIELD("height", height, SFX_EVENT_NUMBER, false),
    FIELD("records", records, SFX_EVENT_NUMBER, false),
};

const struct sfx_event_field *sfx_event_find(const struct sfx_event_field *fields, size_t count,
                                             struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (sfx_slice_eq(sfx_slice_str(fields[i].name), name))
            return &fields[i];
    }
    return NULL;
}

void sfx_event_init(struct sfx_event *ev)
{
    *ev = (struct sfx_event){.size = -1, .mtime_ns = -1, .width = -1, .height = -1, .records = -1};
}
