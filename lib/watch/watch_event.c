/* SPDX-License-Identifier: MIT */
/* What a file's change looks like as an event. */
#include "base/size.h"
#include "watch/watch_internal.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    unsigned kind;
    const char *word;
    const char *type;
} kinds[] = {
    {SFX_WATCH_CLOSED, "closed", SFX_EVENT_CLOSED},
    {SFX_WATCH_MOVED, "moved", SFX_EVENT_MOVED},
    {SFX_WATCH_LINKED, "linked", SFX_EVENT_LINKED},
    {SFX_WATCH_DELETED, "deleted", SFX_EVENT_DELETED},
    {SFX_WATCH_SCANNED, "scanned", SFX_EVENT_SCANNED},
};

static struct sfx_slice type_of(unsigned kind)
{
    size_t i = 0;

    while (kinds[i].kind != kind)
        i++;
    return sfx_slice_str(kinds[i].type);
}

static unsigned kind_of(struct sfx_slice word)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(kinds); i++) {
        if (sfx_slice_eq(word, sfx_slice_str(kinds[i].word)))
            return kinds[i].kind;
    }
    return 0;
}

int sfx_watch_parse_kinds(struct sfx_slice list, unsigned *set, struct sfx_err *err)
{
    *set = 0;
    for (;;) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t len = comma != NULL ? (size_t)(comma - list.ptr) : list.len;
        unsigned kind = kind_of(sfx_slice(list.ptr, len));

        if (kind == 0)
            return sfx_err_set(err, SFX_E_USAGE,
                               "'%.*s' is none of closed, moved, linked, deleted, scanned",
                               SFX_SLICE_ARG(sfx_slice(list.ptr, len)));
        *set |= kind;
        if (comma == NULL)
            return 0;
        list = sfx_slice(comma + 1, list.len - len - 1);
    }
}

const char *sfx_watch_full_path(struct sfx_watch *w, uint32_t root, struct sfx_err *err)
{
    struct sfx_slice name = w->roots[root].name;
    int rc;

    sfx_buf_clear(&w->full_path);
    if (strcmp(w->path.data, ".") == 0)
        return w->roots[root].path;
    rc = sfx_buf_append(&w->full_path, name.ptr, name.len, err);
    if (rc == 0)
        rc = sfx_buf_putc(&w->full_path, '/', err);
    if (rc == 0)
        rc = sfx_buf_append(&w->full_path, w->path.data, w->path.len, err);
    return rc == 0 ? sfx_buf_cstr(&w->full_path, err) : NULL;
}

void sfx_watch_unreadable(struct sfx_watch *w, uint32_t root, int errnum)
{
    const char *path = sfx_watch_full_path(w, root, NULL);
    struct sfx_err err;

    w->stats.unreadable++;
    (void)sfx_err_errno(&err, errnum, "%s", path != NULL ? path : w->path.data);
    sfx_log(w->opts.log, SFX_LOG_WARNING, "%s", err.text);
}

static void add_state(struct sfx_watch *w, const struct stat *st, struct sfx_event *ev)
{
    sfx_event_file_etag(st, w->etag);
    ev->etag = sfx_slice_str(w->etag);
    ev->size = st->st_size;
    ev->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* CloudEvents "sequence" extension: sorts as text. */
static int number_it(struct sfx_watch *w, struct sfx_event *ev)
{
    (void)snprintf(w->sequence_json, sizeof(w->sequence_json), "\"%020" PRIu64 "\"", ++w->sequence);
    w->attr = (struct sfx_event_attr){SFX_SLICE_LIT("sequence"), sfx_slice_str(w->sequence_json)};
    ev->attrs = &w->attr;
    ev->nattrs = 1;
    w->stats.told++;
    return 1;
}

int sfx_watch_make_event(struct sfx_watch *w, uint32_t root, unsigned kind, const struct stat *st,
                         struct sfx_slice type, struct sfx_event *ev, struct sfx_err *err)
{
    if (sfx_watch_full_path(w, root, err) == NULL)
        return SFX_E_NOMEM;
    sfx_event_init(ev);
    if (st != NULL) {
        sfx_event_file_id(st, sfx_buf_slice(&w->full_path), w->id);
        add_state(w, st, ev);
    } else {
        char version[SFX_EVENT_ID_NBYTES];

        memcpy(version, w->id, sizeof(version));
        sfx_event_derived_id(sfx_slice_str(version), "deleted", sfx_buf_slice(&w->full_path),
                             w->id);
    }
    ev->id = sfx_slice_str(w->id);
    ev->source = SFX_SLICE_LIT("sfx-watch");
    ev->type = type_of(kind);
    ev->subject = sfx_buf_slice(&w->full_path);
    ev->time = sfx_slice(w->time, sfx_clock_format(sfx_clock_wall_ns(), w->time));
    ev->datacontenttype = SFX_SLICE_LIT("application/json");
    ev->path = sfx_buf_slice(&w->full_path);
    ev->media_type = type;
    return number_it(w, ev);
}

int sfx_watch_make_timer_event(struct sfx_watch *w, const struct sfx_timer *timer, int64_t due_ns,
                               struct sfx_event *ev, struct sfx_err *err)
{
    char due[SFX_CLOCK_TEXT_NBYTES];
    struct sfx_slice when = sfx_slice(due, sfx_clock_format(due_ns, due));
    int rc;

    sfx_buf_clear(&w->timer_json[0]);
    sfx_buf_clear(&w->timer_json[1]);
    rc = sfx_json_quote(&w->timer_json[0], sfx_slice_str(timer->text), err);
    if (rc == 0)
        rc = sfx_json_quote(&w->timer_json[1], when, err);
    if (rc < 0)
        return rc;
    sfx_event_init(ev);
    sfx_event_derived_id(sfx_slice_str(timer->text), "sfx-watch", when, w->id);
    ev->id = sfx_slice_str(w->id);
    ev->source = SFX_SLICE_LIT("sfx-watch");
    ev->type = SFX_SLICE_LIT(SFX_EVENT_TIMER);
    ev->subject = sfx_slice_str(timer->text);
    ev->time = sfx_slice(w->time, sfx_clock_format(sfx_clock_wall_ns(), w->time));
    ev->datacontenttype = SFX_SLICE_LIT("application/json");
    w->timer_attrs[0] =
        (struct sfx_event_attr){SFX_SLICE_LIT("schedule"), sfx_buf_slice(&w->timer_json[0])};
    w->timer_attrs[1] =
        (struct sfx_event_attr){SFX_SLICE_LIT("due"), sfx_buf_slice(&w->timer_json[1])};
    ev->data_attrs = w->timer_attrs;
    ev->ndata_attrs = SFX_COUNT(w->timer_attrs);
    return number_it(w, ev);
}
