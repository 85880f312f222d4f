/* SPDX-License-Identifier: MIT */
/* Any line to an event: what is none becomes the data of one. */
#include "event/event.h"

#include "base/text.h"
#include "json/json.h"

#include <limits.h>
#include <stdio.h>

/* A line that names a file becomes the event of that file's version. */
static bool name_file(struct sfx_slice text, struct sfx_arena *arena, struct sfx_event *ev,
                      struct sfx_err *err, int *rc)
{
    char path[PATH_MAX];
    char ids[2][SFX_EVENT_ID_NBYTES];
    struct stat st;

    if (text.len == 0 || text.len >= sizeof(path) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(path, text.ptr, text.len);
    path[text.len] = '\0';
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    sfx_event_file_id(&st, text, ids[0]);
    sfx_event_file_etag(&st, ids[1]);
    ev->type = SFX_SLICE_LIT(SFX_EVENT_SCANNED);
    ev->subject = text;
    ev->path = text;
    ev->id.ptr = sfx_arena_strndup(arena, ids[0], SFX_EVENT_ID_NBYTES - 1, err);
    ev->id.len = SFX_EVENT_ID_NBYTES - 1;
    ev->etag.ptr = sfx_arena_strndup(arena, ids[1], strlen(ids[1]), err);
    ev->etag.len = strlen(ids[1]);
    ev->size = st.st_size;
    ev->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    *rc = ev->id.ptr != NULL && ev->etag.ptr != NULL ? 0 : SFX_E_NOMEM;
    return true;
}

/* The first byte that is not blank; 0: there is none. */
static char first_byte(struct sfx_slice text)
{
    size_t i = 0;

    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\r'))
        i++;
    return i < text.len ? text.ptr[i] : '\0';
}

int sfx_event_from_line(struct sfx_slice line, bool plain, const char *source, uint64_t number,
                        struct sfx_arena *arena, struct sfx_event *ev, struct sfx_err *err)
{
    bool object = !plain && first_byte(line) == '{';
    char id[SFX_EVENT_ID_NBYTES], program[64];
    struct sfx_buf quoted = {0};
    int rc = 0;

    if (object) {
        rc = sfx_event_parse(line.ptr, line.len, arena, ev, err);
        /* An object that is JSON, but not meant to be an event, is somebody's data. */
        if (rc != SFX_E_INPUT || sfx_json_validate(line.ptr, line.len, NULL) != 0 ||
            sfx_text_find(line, SFX_SLICE_LIT("\"specversion\"")) != NULL)
            return rc;
        sfx_err_clear(err);
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    sfx_event_init(ev);
    ev->source = sfx_slice_str(source);
    if (!object && name_file(line, arena, ev, err, &rc))
        return rc;
    (void)snprintf(program, sizeof(program), "%s line %llu", source, (unsigned long long)number);
    sfx_event_derived_id(SFX_SLICE_LIT("line"), program, line, id);
    ev->id = sfx_slice(sfx_arena_strndup(arena, id, sizeof(id) - 1, err), sizeof(id) - 1);
    ev->type = SFX_SLICE_LIT(SFX_EVENT_LINE);
    if (ev->id.ptr == NULL)
        return SFX_E_NOMEM;
    if (object) {
        ev->data_raw = line;
        return 0;
    }
    ev->subject = line;
    rc = sfx_json_quote(&quoted, line, err);
    if (rc == 0) {
        ev->data_raw.len = quoted.len;
        ev->data_raw.ptr = sfx_arena_strndup(arena, quoted.data, quoted.len, err);
        rc = ev->data_raw.ptr != NULL ? 0 : SFX_E_NOMEM;
    }
    sfx_buf_done(&quoted);
    return rc;
}
