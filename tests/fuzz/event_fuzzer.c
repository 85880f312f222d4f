/* SPDX-License-Identifier: MIT */
/* Any bytes as an event line. What is accepted is the same event after write and parse. */
#include "event/event.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_same_attrs(const struct sfx_event_attr *a, size_t na,
                              const struct sfx_event_attr *b, size_t nb)
{
    size_t i;

    assert(na == nb);
    for (i = 0; i < na; i++) {
        assert(sfx_slice_eq(a[i].name, b[i].name));
        assert(sfx_slice_eq(a[i].raw, b[i].raw));
    }
}

static void assert_same(const struct sfx_event *a, const struct sfx_event *b)
{
    assert(sfx_slice_eq(a->id, b->id));
    assert(sfx_slice_eq(a->source, b->source));
    assert(sfx_slice_eq(a->type, b->type));
    assert(sfx_slice_eq(a->subject, b->subject));
    assert(sfx_slice_eq(a->time, b->time));
    assert(sfx_slice_eq(a->datacontenttype, b->datacontenttype));
    assert(sfx_slice_eq(a->cause, b->cause));
    assert(sfx_slice_eq(a->root, b->root));
    assert(sfx_slice_eq(a->traceparent, b->traceparent));
    assert(sfx_slice_eq(a->path, b->path));
    assert(sfx_slice_eq(a->media_type, b->media_type));
    assert(sfx_slice_eq(a->etag, b->etag));
    assert(a->size == b->size && a->mtime_ns == b->mtime_ns);
    assert(a->width == b->width && a->height == b->height && a->records == b->records);
    assert(sfx_slice_eq(a->data_raw, b->data_raw));
    assert(sfx_slice_eq(a->data_base64, b->data_base64));
    assert_same_attrs(a->attrs, a->nattrs, b->attrs, b->nattrs);
    assert_same_attrs(a->data_attrs, a->ndata_attrs, b->data_attrs, b->ndata_attrs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sfx_arena arena = {0};
    struct sfx_buf line = {0};
    struct sfx_event ev;
    struct sfx_event back;

    if (sfx_event_parse((const char *)data, size, &arena, &ev, NULL) == 0) {
        assert(sfx_event_write(&ev, &line, NULL) == 0);
        assert(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
        assert(sfx_event_parse(line.data, line.len, &arena, &back, NULL) == 0);
        assert_same(&ev, &back);
    }
    sfx_buf_done(&line);
    sfx_arena_done(&arena);
    return 0;
}
