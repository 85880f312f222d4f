/* SPDX-License-Identifier: MIT */
/* The value of "data" to an event's members; somebody else's data is kept as it came. */
#include "base/text.h"
#include "event/event_internal.h"

#include <strings.h>

static int decode_path(struct sfx_event_parser *p, struct sfx_slice text, struct sfx_slice *path,
                       struct sfx_err *err)
{
    char *copy;
    int rc;

    sfx_buf_clear(&p->scratch);
    rc = sfx_base64_decode(&p->scratch, text, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "data.path_base64");
    copy =
        sfx_arena_strndup(p->arena, p->scratch.len > 0 ? p->scratch.data : "", p->scratch.len, err);
    if (copy == NULL)
        return SFX_E_NOMEM;
    *path = sfx_slice(copy, p->scratch.len);
    return 0;
}

/*
 * Takes a known member of data. 1: taken; 0: its value is not of the kind that sfx means by the
 * name, so that it is somebody else's and kept as it came.
 */
static int known_member(struct sfx_event_parser *p, const struct sfx_event_field *field,
                        const struct sfx_json_token *tok, struct sfx_err *err)
{
    struct sfx_slice *slice = sfx_event_slice(p->ev, field);
    struct sfx_slice text;
    int64_t number;
    uint64_t digits = 0;
    int rc;

    if (field->kind == SFX_EVENT_NUMBER) {
        if (tok->type != SFX_JSON_NUMBER || sfx_text_u64(tok->text, &digits, NULL) < 0 ||
            digits > INT64_MAX)
            return 0;
        *sfx_event_number(p->ev, field) = (int64_t)digits;
        return 1;
    }
    if (tok->type != SFX_JSON_STRING)
        return 0;
    rc = sfx_event_text(p, tok, &text, err);
    if (rc < 0)
        return rc;
    if (field->kind == SFX_EVENT_TIME) {
        if (!sfx_event_parse_time(text, &number) || number == INT64_MIN || number == INT64_MAX ||
            number == -1)
            return 0;
        *sfx_event_number(p->ev, field) = number;
        return 1;
    }
    if (field->kind == SFX_EVENT_PATH64) {
        rc = decode_path(p, text, slice, err);
        return rc < 0 ? rc : 1;
    }
    /* path_base64 has the exact bytes, wherever it stands. */
    if (field->kind != SFX_EVENT_PATH || slice->len == 0)
        *slice = text;
    return 1;
}

static int parse_member(struct sfx_event_parser *p, const struct sfx_json_token *key,
                        struct sfx_err *err)
{
    const struct sfx_event_field *field;
    struct sfx_json_token tok;
    struct sfx_slice name;
    struct sfx_slice raw;
    int rc = sfx_event_text(p, key, &name, err);

    if (rc == 0)
        rc = sfx_json_next(p->reader, &tok, err);
    if (rc < 0)
        return rc;
    field = sfx_event_find(sfx_event_members, SFX_EVENT_NMEMBERS, name);
    if (field != NULL) {
        rc = sfx_event_note(p, (size_t)(field - sfx_event_members), field->name, err);
        if (rc < 0)
            return sfx_err_wrap(err, rc, "data");
        rc = known_member(p, field, &tok, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    rc = sfx_json_skip(p->reader, &tok, &raw, err);
    if (rc < 0)
        return rc;
    return sfx_event_push(p, &p->ev->data_attrs, &p->ev->ndata_attrs, name, raw, err);
}

/* True when a media type (empty: implied) says that data is JSON: it ends with "/json", "+json". */
static bool is_json(struct sfx_slice media_type)
{
    const char *semicolon = media_type.len > 0 ? memchr(media_type.ptr, ';', media_type.len) : NULL;
    size_t len = semicolon != NULL ? (size_t)(semicolon - media_type.ptr) : media_type.len;

    while (len > 0 && media_type.ptr[len - 1] == ' ')
        len--;
    if (len == 0)
        return true;
    return len >= 5 && strncasecmp(media_type.ptr + len - 4, "json", 4) == 0 &&
           (media_type.ptr[len - 5] == '/' || media_type.ptr[len - 5] == '+');
}

/* What is true of a path as a whole, once all of data is read. */
static int check_path(const struct sfx_event *ev, struct sfx_err *err)
{
    size_t i;

    if (ev->path.len == 0)
        return 0;
    if (memchr(ev->path.ptr, '\0', ev->path.len) != NULL)
        return sfx_err_set(err, SFX_E_INPUT, "data.path holds a NUL byte");
    for (i = 0; i < ev->ndata_attrs; i++) {
        /* Somebody else's path and ours cannot both be written again. */
        if (sfx_slice_eq(ev->data_attrs[i].name, SFX_SLICE_LIT("path")))
            return sfx_err_set(err, SFX_E_INPUT, "data.path is no string beside path_base64");
    }
    return 0;
}

/* Reads the members of the object with p's reader. */
static int parse_members(struct sfx_event_parser *p, struct sfx_err *err)
{
    struct sfx_json_token tok;
    int rc = sfx_json_next(p->reader, &tok, err);

    while (rc >= 0 && (rc = sfx_json_next(p->reader, &tok, err)) > 0 && tok.type == SFX_JSON_KEY)
        rc = parse_member(p, &tok, err);
    return rc;
}

int sfx_event_parse_data(struct sfx_event_parser *p, struct sfx_err *err)
{
    struct sfx_json_reader reader, *outer = p->reader;
    int rc;

    if (p->data.len == 0 || p->data.ptr[0] != '{' || !is_json(p->ev->datacontenttype)) {
        p->ev->data_raw = p->data;
        return 0;
    }
    p->reader = &reader;
    p->seen = 0;
    sfx_json_reader_init(&reader, p->data.ptr, p->data.len);
    rc = parse_members(p, err);
    p->reader = outer;
    if (rc < 0)
        return rc;
    if (p->seen == 0 && p->ev->ndata_attrs == 0)
        p->ev->data_raw = p->data;
    return check_path(p->ev, err);
}
