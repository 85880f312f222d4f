/* SPDX-License-Identifier: MIT */
/*
 * Events: CloudEvents 1.0, JSON format, structured mode, one object a line. See sfx-events(5).
 *
 * Contract: a parsed event borrows from its arena and line; slices are unescaped text. Attributes
 * that sfx does not know are kept and written again, in their order. A file's path is bytes: when
 * it is not UTF-8 the event carries data.path_base64 with the exact bytes and data.path with U+FFFD
 * for what cannot be shown; `path` here is always the exact bytes.
 */
#ifndef SFX_EVENT_EVENT_H
#define SFX_EVENT_EVENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define SFX_EVENT_CLOSED    "dev.sfx.file.closed"
#define SFX_EVENT_MOVED     "dev.sfx.file.moved"
#define SFX_EVENT_LINKED    "dev.sfx.file.linked"
#define SFX_EVENT_DELETED   "dev.sfx.file.deleted"
#define SFX_EVENT_SCANNED   "dev.sfx.file.scanned"
#define SFX_EVENT_CREATED   "dev.sfx.output.created"  /* a program published an output file */
#define SFX_EVENT_PROCESSED "dev.sfx.event.processed" /* done, and nothing came of it */
#define SFX_EVENT_FAILED    "dev.sfx.event.failed"    /* what came of an event of a queue */
#define SFX_EVENT_LOADED    "dev.sfx.load.committed"  /* a load became durable */
#define SFX_EVENT_TIMER     "dev.sfx.timer"           /* a time has come */
#define SFX_EVENT_LINE      "dev.sfx.line"            /* a line that was no event */
#define SFX_EVENT_RESULT    "dev.sfx.function.result" /* what a function printed */
#define SFX_EVENT_GIVEN_UP  "dev.sfx.function.failed" /* a dead letter, put into another queue */

#define SFX_EVENT_MAX_ATTRS 256 /* extension attributes; more is an attack or a mistake */

#define SFX_EVENT_ID_NBYTES 33 /* 32 hex digits and the terminator */

struct sfx_event_attr {
    struct sfx_slice name;
    struct sfx_slice raw; /* the JSON value, as it came */
};

struct sfx_event {
    struct sfx_slice id, source, type, subject; /* required but subject; unescaped */
    struct sfx_slice time;                      /* RFC 3339 */
    struct sfx_slice datacontenttype;
    struct sfx_slice cause; /* sfxcause: id of the event that led to this one */
    struct sfx_slice root;  /* sfxroot: id of the event it began with */
    struct sfx_slice traceparent;
    /* data, when it is an object: */
    struct sfx_slice path;       /* exact bytes; empty: the event names no file */
    struct sfx_slice media_type; /* data.type */
    struct sfx_slice etag;       /* data.etag: changes when the file's content does */
    int64_t size;                /* data.size in bytes; -1 unknown */
    int64_t mtime_ns;            /* data.mtime; -1 unknown */
    int64_t width, height;       /* data.width, data.height in pixels; -1 unknown */
    int64_t records;             /* data.records; -1 unknown */
    /* what else stood there, kept in order */
    struct sfx_event_attr *attrs; /* unknown context attributes */
    size_t nattrs;
    struct sfx_event_attr *data_attrs; /* unknown members of data */
    size_t ndata_attrs;
    struct sfx_slice data_raw;    /* data that is no JSON object or an empty one, as it came */
    struct sfx_slice data_base64; /* data_base64 as it came (raw JSON string); else empty */
};

/* An event with every number -1 and every slice empty. */
void sfx_event_init(struct sfx_event *ev);

/*
 * Parses one line (len bytes at line, borrowed while ev lives, no line end needed). Memory from
 * arena. An attribute that is null is not there; a member of data whose value is not what sfx means
 * by its name is kept among data_attrs. Errors: INPUT when it is not JSON, not an object, not one
 * line, specversion is not "1.0", a required attribute is missing, empty or no string, an attribute
 * breaks the spec's rules (its name, its type, control characters, time's form), a name stands
 * there twice, data and data_base64 stand together, the path holds a NUL or is no string beside
 * path_base64; LIMIT; NOMEM.
 * Source: CloudEvents 1.0.2 and its JSON Event Format.
 */
int sfx_event_parse(const char *line, size_t len, struct sfx_arena *arena, struct sfx_event *ev,
                    struct sfx_err *err);

/*
 * Appends ev as one JSON line, '\n' included. specversion is always written; control characters in
 * attributes become U+FFFD. Errors: NOMEM; USAGE without id, source or type.
 */
int sfx_event_write(const struct sfx_event *ev, struct sfx_buf *out, struct sfx_err *err);

/*
 * Makes an event of any line (borrowed while ev lives; no line end): an event line is parsed; any
 * other JSON object becomes the data of an event; any other text does too, as a string and as
 * the subject, or, when it names a regular file that is there, becomes an event of type SCANNED of
 * that file's version. plain: no line is parsed. What is made has the source (borrowed) and an id
 * that is a function of it, the line and its number. Errors: as sfx_event_parse.
 */
int sfx_event_from_line(struct sfx_slice line, bool plain, const char *source, uint64_t number,
                        struct sfx_arena *arena, struct sfx_event *ev, struct sfx_err *err);

/*
 * The id of a file version: a function of device, inode, size, mtime and ctime, and of the path;
 * the same version always has the same id, another version another. Filled.
 */
void sfx_event_file_id(const struct stat *st, struct sfx_slice path, char out[SFX_EVENT_ID_NBYTES]);

/* The etag of a file version: size and mtime, as two hex numbers joined by "-". Filled, terminated.
 */
void sfx_event_file_etag(const struct stat *st, char out[SFX_EVENT_ID_NBYTES]);

/*
 * The id of what program made from cause under the name path: a repetition of the same work on the
 * same version has the same id. Filled.
 */
void sfx_event_derived_id(struct sfx_slice cause_id, const char *program, struct sfx_slice path,
                          char out[SFX_EVENT_ID_NBYTES]);

#endif
