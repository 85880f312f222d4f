/* SPDX-License-Identifier: MIT */
/* What parser and writer of events share: the table of what sfx knows, and rules about text. */
#ifndef SFX_EVENT_EVENT_INTERNAL_H
#define SFX_EVENT_EVENT_INTERNAL_H

#include "event/event.h"
#include "json/json.h"

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

/* The field of that name, or NULL. */
const struct sfx_event_field *sfx_event_find(const struct sfx_event_field *fields, size_t count,
                                             struct sfx_slice name);

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

/* An event that is being read. */
struct sfx_event_parser {
    struct sfx_event *ev;
    struct sfx_arena *arena;
    struct sfx_json_reader *reader;
    struct sfx_buf scratch;
    struct sfx_slice data; /* raw; empty: none */
    uint32_t seen;         /* a bit for each known name that stood in the object now read */
    bool specversion;
};

/* The text of a string or key; in the arena when it had escapes. Errors: NOMEM. */
int sfx_event_text(struct sfx_event_parser *p, const struct sfx_json_token *tok,
                   struct sfx_slice *text, struct sfx_err *err);

/* Notes that a known name stood there. Errors: INPUT for the second time: two readers would see two
 * events. */
int sfx_event_note(struct sfx_event_parser *p, size_t index, const char *name, struct sfx_err *err);

/* Appends a name and its raw value to an array in the arena. Errors: NOMEM. */
int sfx_event_push(struct sfx_event_parser *p, struct sfx_event_attr **attrs, size_t *nattrs,
                   struct sfx_slice name, struct sfx_slice raw, struct sfx_err *err);

/* Reads p->data into the event once all attributes are known. Errors: INPUT, NOMEM. */
int sfx_event_parse_data(struct sfx_event_parser *p, struct sfx_err *err);

#endif
