/* SPDX-License-Identifier: MIT */
/* One line to an event: CloudEvents 1.0, JSON format; what sfx does not know is kept as it came. */
#include "base/text.h"
#include "event/event_internal.h"
#include "json/json.h"

#include <strings.h>

struct parse {
    struct sfx_event *ev;
    struct sfx_arena *arena;
    struct sfx_json_reader *reader;
    struct sfx_buf scratch;
    struct sfx_slice data; /* raw; empty: none */
    uint32_t seen;         /* a bit for each known name that stood in the object now read */
    bool specversion;
};

/* The text of a string or key; from the arena when it had escapes. */
static int text_of(struct parse *p, const struct sfx_json_token *tok, struct sfx_slice *text,
                   struct sfx_err *err)
{
    char *copy;
    int rc;

    *text = tok->text;
    if (!tok->escaped)
        return 0;
    sfx_buf_clear(&p->scratch);
    rc = sfx_json_unescape(&p->scratch, tok->text, err);
    if (rc < 0)
        return rc;
    copy = sfx_arena_strndup(p->arena, p->scratch.data, p->scratch.len, err);
    if (copy == NULL)
        return SFX_E_NOMEM;
    *text = sfx_slice(copy, p->scratch.len);
    return 0;
}

static const struct sfx_event_field *find_field(const struct sfx_event_field *fields, size_t count,
                                                struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (sfx_slice_eq(sfx_slice_str(fields[i].name), name))
            return &fields[i];
    }
    return NULL;
}

/* Notes that a known name stood there; two of a name would let two readers see two events. */
static int note_seen(struct parse *p, size_t index, const char *name, struct sfx_err *err)
{
    uint32_t bit = UINT32_C(1) << index;

    if ((p->seen & bit) != 0)
        return sfx_err_set(err, SFX_E_INPUT, "%s stands there twice", name);
    p->seen |= bit;
    return 0;
}

/* Appends to an array in the arena: its room doubles whenever the count is a power of two. */
static int push(struct parse *p, struct sfx_event_attr **attrs, size_t *nattrs,
                struct sfx_slice name, struct sfx_slice raw, struct sfx_err *err)
{
    size_t count = *nattrs;
    struct sfx_event_attr *grown;

    if ((count & (count - 1)) == 0) {
        grown = sfx_arena_calloc(p->arena, count > 0 ? 2 * count : 1, sizeof(*grown), err);
        if (grown == NULL)
            return SFX_E_NOMEM;
        if (count > 0)
            memcpy(grown, *attrs, count * sizeof(*grown));
        *attrs = grown;
    }
    (*attrs)[count] = (struct sfx_event_attr){name, raw};
    *nattrs = count + 1;
    return 0;
}

static int check_name(struct sfx_slice name, struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            break;
    }
    if (name.len == 0 || i < name.len)
        return sfx_err_set(err, SFX_E_INPUT,
                           "attribute \"%.*s\": a name is made of a-z and 0-9 only",
                           SFX_SLICE_ARG(name));
    return 0;
}

static int known_attribute(struct parse *p, const struct sfx_event_field *field,
                           const struct sfx_json_token *tok, struct sfx_err *err)
{
    struct sfx_slice text;
    int64_t ignored;
    int rc = note_seen(p, (size_t)(field - sfx_event_attributes), field->name, err);

    if (rc < 0)
        return rc;
    if (tok->type != SFX_JSON_STRING)
        return sfx_err_set(err, SFX_E_INPUT, "%s is no string", field->name);
    rc = text_of(p, tok, &text, err);
    if (rc < 0)
        return rc;
    if (sfx_event_find_control(text) < text.len)
        return sfx_err_set(err, SFX_E_INPUT, "%s holds a control character", field->name);
    if (field->offset == offsetof(struct sfx_event, time) && text.len > 0 &&
        !sfx_event_parse_time(text, &ignored))
        return sfx_err_set(err, SFX_E_INPUT, "time is not in RFC 3339 form");
    *sfx_event_slice(p->ev, field) = text;
    return 0;
}

/* An attribute that sfx does not know: a boolean, an integer or a string. */
static int other_attribute(struct parse *p, struct sfx_slice name, const struct sfx_json_token *tok,
                           struct sfx_err *err)
{
    struct sfx_slice raw;
    size_t i;
    int rc;

    if (tok->type == SFX_JSON_OBJECT || tok->type == SFX_JSON_ARRAY ||
        (tok->type == SFX_JSON_NUMBER && (memchr(tok->text.ptr, '.', tok->text.len) != NULL ||
                                          memchr(tok->text.ptr, 'e', tok->text.len) != NULL ||
                                          memchr(tok->text.ptr, 'E', tok->text.len) != NULL)))
        return sfx_err_set(err, SFX_E_INPUT,
                           "attribute \"%.*s\" is neither boolean, integer nor string",
                           SFX_SLICE_ARG(name));
    if (p->ev->nattrs >= SFX_EVENT_MAX_ATTRS)
        return sfx_err_set(err, SFX_E_LIMIT, "more than %d extension attributes",
                           SFX_EVENT_MAX_ATTRS);
    for (i = 0; i < p->ev->nattrs; i++) {
        if (sfx_slice_eq(p->ev->attrs[i].name, name))
            return sfx_err_set(err, SFX_E_INPUT, "attribute \"%.*s\" stands there twice",
                               SFX_SLICE_ARG(name));
    }
    rc = sfx_json_skip(p->reader, tok, &raw, err);
    if (rc < 0)
        return rc;
    return push(p, &p->ev->attrs, &p->ev->nattrs, name, raw, err);
}

/* "data" and "data_base64", which are no attributes. True: name is one of them; *rc says the rest.
 */
static bool take_data(struct parse *p, struct sfx_slice name, const struct sfx_json_token *tok,
                      int *rc, struct sfx_err *err)
{
    bool base64 = sfx_slice_eq(name, SFX_SLICE_LIT("data_base64"));

    if (!base64 && !sfx_slice_eq(name, SFX_SLICE_LIT("data")))
        return false;
    *rc = 0;
    if (base64 && tok->type == SFX_JSON_NULL)
        return true;
    if (p->data.len > 0 || p->ev->data_base64.len > 0)
        *rc = sfx_err_set(err, SFX_E_INPUT, "more than one of data and data_base64");
    else if (base64 && tok->type != SFX_JSON_STRING)
        *rc = sfx_err_set(err, SFX_E_INPUT, "data_base64 is no string");
    else
        *rc = sfx_json_skip(p->reader, tok, base64 ? &p->ev->data_base64 : &p->data, err);
    return true;
}

/* Reads the value of the member whose key was just read. */
static int parse_attribute(struct parse *p, const struct sfx_json_token *key, struct sfx_err *err)
{
    const struct sfx_event_field *field;
    struct sfx_json_token tok;
    struct sfx_slice name;
    int rc = text_of(p, key, &name, err);

    if (rc == 0)
        rc = sfx_json_next(p->reader, &tok, err);
    if (rc < 0 || take_data(p, name, &tok, &rc, err))
        return rc;
    rc = check_name(name, err);
    if (rc < 0 || tok.type == SFX_JSON_NULL) /* null: the same as not there */
        return rc;
    if (sfx_slice_eq(name, SFX_SLICE_LIT("specversion"))) {
        rc = note_seen(p, SFX_EVENT_NATTRIBUTES, "specversion", err);
        if (rc == 0 &&
            (tok.type != SFX_JSON_STRING || !sfx_slice_eq(tok.text, SFX_SLICE_LIT("1.0"))))
            rc = sfx_err_set(err, SFX_E_INPUT, "specversion is not \"1.0\"");
        p->specversion = true;
        return rc;
    }
    field = find_field(sfx_event_attributes, SFX_EVENT_NATTRIBUTES, name);
    return field != NULL ? known_attribute(p, field, &tok, err)
                         : other_attribute(p, name, &tok, err);
}

static int parse_attributes(struct parse *p, struct sfx_err *err)
{
    struct sfx_json_token tok;
    size_t i;
    int rc = sfx_json_next(p->reader, &tok, err);

    if (rc < 0)
        return rc;
    if (tok.type != SFX_JSON_OBJECT)
        return sfx_err_set(err, SFX_E_INPUT, "an event is a JSON object");
    while ((rc = sfx_json_next(p->reader, &tok, err)) > 0 && tok.type == SFX_JSON_KEY) {
        rc = parse_attribute(p, &tok, err);
        if (rc < 0)
            return rc;
    }
    if (rc > 0)
        rc = sfx_json_next(p->reader, &tok, err); /* nothing may follow the object */
    if (rc < 0)
        return rc;
    if (!p->specversion)
        return sfx_err_set(err, SFX_E_INPUT, "specversion is missing: not a CloudEvents event");
    for (i = 0; i < SFX_EVENT_NATTRIBUTES; i++) {
        const struct sfx_event_field *field = &sfx_event_attributes[i];

        if (field->required && sfx_event_slice(p->ev, field)->len == 0)
            return sfx_err_set(err, SFX_E_INPUT, "%s is missing or empty", field->name);
    }
    return 0;
}

static int decode_path(struct parse *p, struct sfx_slice text, struct sfx_slice *path,
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
static int known_member(struct parse *p, const struct sfx_event_field *field,
                        const struct sfx_json_token *tok, struct sfx_err *err)
{
    struct sfx_slice *slice = sfx_event_slice(p->ev, field);
    struct sfx_slice text;
    int64_t number;
    uint64_t digits;
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
    rc = text_of(p, tok, &text, err);
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

static int parse_member(struct parse *p, const struct sfx_json_token *key, struct sfx_err *err)
{
    const struct sfx_event_field *field;
    struct sfx_json_token tok;
    struct sfx_slice name;
    struct sfx_slice raw;
    int rc = text_of(p, key, &name, err);

    if (rc == 0)
        rc = sfx_json_next(p->reader, &tok, err);
    if (rc < 0)
        return rc;
    field = find_field(sfx_event_members, SFX_EVENT_NMEMBERS, name);
    if (field != NULL) {
        rc = note_seen(p, (size_t)(field - sfx_event_members), field->name, err);
        if (rc < 0)
            return sfx_err_wrap(err, rc, "data");
        rc = known_member(p, field, &tok, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    rc = sfx_json_skip(p->reader, &tok, &raw, err);
    if (rc < 0)
        return rc;
    return push(p, &p->ev->data_attrs, &p->ev->ndata_attrs, name, raw, err);
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

static int parse_data(struct parse *p, struct sfx_err *err)
{
    struct sfx_json_reader reader;
    struct sfx_json_token tok;
    int rc;

    if (p->data.len == 0 || p->data.ptr[0] != '{' || !is_json(p->ev->datacontenttype)) {
        p->ev->data_raw = p->data;
        return 0;
    }
    p->reader = &reader;
    p->seen = 0;
    sfx_json_reader_init(&reader, p->data.ptr, p->data.len);
    rc = sfx_json_next(&reader, &tok, err);
    while (rc >= 0 && (rc = sfx_json_next(&reader, &tok, err)) > 0 && tok.type == SFX_JSON_KEY)
        rc = parse_member(p, &tok, err);
    if (rc < 0)
        return rc;
    if (p->seen == 0 && p->ev->ndata_attrs == 0)
        p->ev->data_raw = p->data;
    return check_path(p->ev, err);
}

int sfx_event_parse(const char *line, size_t len, struct sfx_arena *arena, struct sfx_event *ev,
                    struct sfx_err *err)
{
    struct sfx_json_reader reader;
    struct parse p = {.ev = ev, .arena = arena, .reader = &reader};
    const char *newline;
    int rc;

    sfx_event_init(ev);
    if (len > 0 && line[len - 1] == '\n')
        len--;
    /* White space inside may be anything but a line end: raw values are written again in a line. */
    newline = len > 0 ? memchr(line, '\n', len) : NULL;
    if (newline != NULL)
        return sfx_err_set(err, SFX_E_INPUT, "byte %zu: an event is one line",
                           (size_t)(newline - line) + 1);
    sfx_json_reader_init(&reader, line, len);
    rc = parse_attributes(&p, err);
    if (rc == 0)
        rc = parse_data(&p, err);
    sfx_buf_done(&p.scratch);
    return rc;
}
