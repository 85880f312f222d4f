/* SPDX-License-Identifier: MIT */
/* What parser and writer of events share: the table of what sfx knows, and rules about text. */
#ifndef SFX_EVENT_EVENT_INTERNAL_H
#define SFX_EVENT_EVENT_INTERNAL_H

#include "event/event.h"

enum sfx_event_kind {
    SFX_EVENT_TEXT,   /* struct sfx_slice */
    SFX_EVENT_NUMBER, /* int64_t, -1 unknown; a JSON number of digits only */
    SFX_EVENT_TIME,   /* int64_t nanoseconds, -1 unknown; an RFC 3339 text */
    SFX_EVENT_PATH,   /* struct sfx_slice of exact bytes; beside it stands path_base64 */
    SFX_EVENT_PATH64, /* the same slice; base64 */
};

struct sfx_event_field {
    const char *name; /* in JSON */
    size_t offset;    /* in struct sfx_event */
    enum sfx_event_kind kind;
    bool required;
};

/* Context attributes that sfx knows, but specversion; and members of data; in order of writing. */
#define SFX_EVENT_NATTRIBUTES 9
#define SFX_EVENT_NMEMBERS    9
extern const struct sfx_event_field sfx_event_attributes[SFX_EVENT_NATTRIBUTES];
extern const struct sfx_event_field sfx_event_members[SFX_EVENT_NMEMBERS];

static inline struct sfx_slice *sfx_event_slice(struct sfx_event *ev,
                                                const struct sfx_event_field *field)
{
    return (struct sfx_slice *)(void *)((char *)ev + field->offset);
}

static inline int64_t *sfx_event_number(struct sfx_event *ev, const struct sfx_event_field *field)
{
    return (int64_t *)(void *)((char *)ev + field->offset);
}

/*
 * Offset of the first control character (U+0000-U+001F, U+007F-U+009F: no CloudEvents String may
 * hold one) in UTF-8 text, or its length.
 */
size_t sfx_event_find_control(struct sfx_slice text);

/* Parses an RFC 3339 time. *wall_ns is the nearest time that an int64_t can hold. False: it is
 * none. */
bool sfx_event_parse_time(struct sfx_slice text, int64_t *wall_ns);

#endif
