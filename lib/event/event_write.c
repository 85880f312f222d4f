/* SPDX-License-Identifier: MIT */
/* An event as one JSON line. */
#include "base/clock.h"
#include "base/text.h"
#include "event/event_internal.h"
#include "json/json.h"

/*
 * Writes a String attribute. A subject may be made of a file's name, and names may hold control
 * characters, which no attribute may: they become U+FFFD.
 */
static void write_attribute(struct sfx_json_writer *w, const char *name, struct sfx_slice text,
                            struct sfx_buf *scratch)
{
    size_t control = sfx_event_find_control(text);

    sfx_json_key(w, name);
    if (control == text.len) {
        sfx_json_string(w, text);
        return;
    }
    sfx_buf_clear(scratch);
    while (control < text.len) {
        size_t ncontrol = (unsigned char)text.ptr[control] == 0xc2 ? 2 : 1;

        if (sfx_buf_append(scratch, text.ptr, control, NULL) < 0 ||
            sfx_buf_puts(scratch, "\xef\xbf\xbd", NULL) < 0)
            w->failed = true;
        text = sfx_slice(text.ptr + control + ncontrol, text.len - control - ncontrol);
        control = sfx_event_find_control(text);
    }
    if (sfx_buf_append(scratch, text.ptr, text.len, NULL) < 0)
        w->failed = true;
    sfx_json_string(w, sfx_buf_slice(scratch));
}

/* Writes the exact bytes of a path whose text cannot show them. */
static void write_path64(struct sfx_json_writer *w, const char *name, struct sfx_slice path,
                         struct sfx_buf *scratch)
{
    if (sfx_utf8_valid(path))
        return;
    sfx_buf_clear(scratch);
    if (sfx_base64_encode(scratch, path, NULL) < 0)
        w->failed = true;
    sfx_json_key(w, name);
    sfx_json_string(w, sfx_buf_slice(scratch));
}

static void write_member(struct sfx_json_writer *w, struct sfx_event *ev,
                         const struct sfx_event_field *field, struct sfx_buf *scratch)
{
    char time_text[SFX_CLOCK_TEXT_NBYTES];
    struct sfx_slice text;
    int64_t number;

    if (field->kind == SFX_EVENT_NUMBER || field->kind == SFX_EVENT_TIME) {
        number = *sfx_event_number(ev, field);
        if (number == -1)
            return;
        sfx_json_key(w, field->name);
        if (field->kind == SFX_EVENT_NUMBER)
            sfx_json_int(w, number);
        else
            sfx_json_string(w, sfx_slice(time_text, sfx_clock_format(number, time_text)));
        return;
    }
    text = *sfx_event_slice(ev, field);
    if (field->kind == SFX_EVENT_PATH64) {
        write_path64(w, field->name, text, scratch);
    } else if (text.len > 0) {
        sfx_json_key(w, field->name);
        sfx_json_string(w, text);
    }
}

static void write_raw(struct sfx_json_writer *w, const struct sfx_event_attr *attrs, size_t nattrs)
{
    size_t i;

    for (i = 0; i < nattrs; i++) {
        sfx_json_key_slice(w, attrs[i].name);
        sfx_json_raw(w, attrs[i].raw);
    }
}

static void write_data(struct sfx_json_writer *w, struct sfx_event *ev, struct sfx_buf *scratch)
{
    bool file = ev->path.len > 0 || ev->media_type.len > 0 || ev->etag.len > 0 || ev->size >= 0 ||
                ev->mtime_ns != -1 || ev->width >= 0 || ev->height >= 0 || ev->records >= 0;
    size_t i;

    if (file || ev->ndata_attrs > 0) {
        sfx_json_key(w, "data");
        sfx_json_begin_object(w);
        for (i = 0; i < SFX_EVENT_NMEMBERS; i++)
            write_member(w, ev, &sfx_event_members[i], scratch);
        write_raw(w, ev->data_attrs, ev->ndata_attrs);
        sfx_json_end_object(w);
    } else if (ev->data_raw.len > 0) {
        sfx_json_key(w, "data");
        sfx_json_raw(w, ev->data_raw);
    } else if (ev->data_base64.len > 0) {
        sfx_json_key(w, "data_base64");
        sfx_json_raw(w, ev->data_base64);
    }
}

int sfx_event_write(const struct sfx_event *ev, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_event copy = *ev; /* the table's accessors want one that they may change */
    struct sfx_buf scratch = {0};
    struct sfx_json_writer w;
    size_t kept_len = out->len;
    size_t i;
    int rc;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "specversion");
    sfx_json_string(&w, SFX_SLICE_LIT("1.0"));
    for (i = 0; i < SFX_EVENT_NATTRIBUTES; i++) {
        const struct sfx_event_field *field = &sfx_event_attributes[i];
        struct sfx_slice text = *sfx_event_slice(&copy, field);

        if (text.len == 0 && field->required) {
            rc = sfx_err_set(err, SFX_E_USAGE, "event without %s", field->name);
            goto out;
        }
        if (text.len > 0)
            write_attribute(&w, field->name, text, &scratch);
    }
    write_raw(&w, ev->attrs, ev->nattrs);
    write_data(&w, &copy, &scratch);
    sfx_json_end_object(&w);
    rc = sfx_json_finish(&w, err);
    if (rc == 0)
        rc = sfx_buf_putc(out, '\n', err);
out:
    if (rc < 0)
        out->len = kept_len;
    sfx_buf_done(&scratch);
    return rc;
}
