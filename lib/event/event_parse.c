/* SPDX-License-Identifier: MIT */
/* One line to an event: CloudEvents 1.0, JSON format; what sfx does not know is kept as it came. */
#include "event/event_internal.h"

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

static int known_attribute(struct sfx_event_parser *p, const struct sfx_event_field *field,
                           const struct sfx_json_token *tok, struct sfx_err *err)
{
    struct sfx_slice text;
    int64_t ignored;
    int rc = sfx_event_note(p, (size_t)(field - sfx_event_attributes), field->name, err);

    if (rc < 0)
        return rc;
    if (tok->type != SFX_JSON_STRING)
        return sfx_err_set(err, SFX_E_INPUT, "%s is no string", field->name);
    rc = sfx_event_text(p, tok, &text, err);
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
static int other_attribute(struct sfx_event_parser *p, struct sfx_slice name,
                           const struct sfx_json_token *tok, struct sfx_err *err)
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
    return sfx_event_push(p, &p->ev->attrs, &p->ev->nattrs, name, raw, err);
}

/* "data" and "data_base64", which are no attributes. True: name is one of them; *rc says the rest.
 */
static bool take_data(struct sfx_event_parser *p, struct sfx_slice name,
                      const struct sfx_json_token *tok, int *rc, struct sfx_err *err)
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
static int parse_attribute(struct sfx_event_parser *p, const struct sfx_json_token *key,
                           struct sfx_err *err)
{
    const struct sfx_event_field *field;
    struct sfx_json_token tok;
    struct sfx_slice name;
    int rc = sfx_event_text(p, key, &name, err);

    if (rc == 0)
        rc = sfx_json_next(p->reader, &tok, err);
    if (rc < 0 || take_data(p, name, &tok, &rc, err))
        return rc;
    rc = check_name(name, err);
    if (rc < 0 || tok.type == SFX_JSON_NULL) /* null: the same as not there */
        return rc;
    if (sfx_slice_eq(name, SFX_SLICE_LIT("specversion"))) {
        rc = sfx_event_note(p, SFX_EVENT_NATTRIBUTES, "specversion", err);
        if (rc == 0 &&
            (tok.type != SFX_JSON_STRING || !sfx_slice_eq(tok.text, SFX_SLICE_LIT("1.0"))))
            rc = sfx_err_set(err, SFX_E_INPUT, "specversion is not \"1.0\"");
        p->specversion = true;
        return rc;
    }
    field = sfx_event_find(sfx_event_attributes, SFX_EVENT_NATTRIBUTES, name);
    return field != NULL ? known_attribute(p, field, &tok, err)
                         : other_attribute(p, name, &tok, err);
}

static int parse_attributes(struct sfx_event_parser *p, struct sfx_err *err)
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

int sfx_event_parse(const char *line, size_t len, struct sfx_arena *arena, struct sfx_event *ev,
                    struct sfx_err *err)
{
    struct sfx_json_reader reader;
    struct sfx_event_parser p = {.ev = ev, .arena = arena, .reader = &reader};
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
        rc = sfx_event_parse_data(&p, err);
    sfx_buf_done(&p.scratch);
    return rc;
}
