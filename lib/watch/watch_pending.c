/* SPDX-License-Identifier: MIT */
/* Files to be looked at again: a binary heap, the first due on top. */
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdlib.h>

static void swap(struct sfx_watch_queue *q, size_t a, size_t b)
{
    struct sfx_watch_pending *item = q->items[a];

    q->items[a] = q->items[b];
    q->items[b] = item;
}

static bool before(const struct sfx_watch_queue *q, size_t a, size_t b)
{
    return q->items[a]->due_ns < q->items[b]->due_ns;
}

static int grow(struct sfx_watch_queue *q, struct sfx_err *err)
{
    size_t cap = q->cap > 0 ? q->cap * 2 : 64;
    struct sfx_watch_pending **items;

    if (q->count < q->cap)
        return 0;
    items = reallocarray(q->items, cap, sizeof(*items));
    if (items == NULL)
        return sfx_err_errno(err, ENOMEM, "files to be looked at again");
    q->items = items;
    q->cap = cap;
    return 0;
}

int sfx_watch_queue_add(struct sfx_watch_queue *q, const struct sfx_watch_pending *item,
                        struct sfx_slice path, struct sfx_err *err)
{
    struct sfx_watch_pending *copy;
    size_t i;
    int rc = grow(q, err);

    if (rc < 0)
        return rc;
    copy = malloc(sizeof(*copy) + path.len + 1);
    if (copy == NULL)
        return sfx_err_errno(err, ENOMEM, "files to be looked at again");
    memcpy(copy, item, sizeof(*copy));
    memcpy(copy->path, path.ptr, path.len);
    copy->path[path.len] = '\0';
    q->nyoung += copy->young;
    q->items[q->count] = copy;
    for (i = q->count++; i > 0 && before(q, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(q, i, (i - 1) / 2);
    return 0;
}

int64_t sfx_watch_queue_due_ns(const struct sfx_watch_queue *q)
{
    return q->count > 0 ? q->items[0]->due_ns : INT64_MAX;
}

struct sfx_watch_pending *sfx_watch_queue_take(struct sfx_watch_queue *q)
{
    struct sfx_watch_pending *first = q->items[0];
    size_t i = 0;

    q->nyoung -= first->young;
    q->items[0] = q->items[--q->count];
    for (;;) {
        size_t least = i;

        if (2 * i + 1 < q->count && before(q, 2 * i + 1, least))
            least = 2 * i + 1;
        if (2 * i + 2 < q->count && before(q, 2 * i + 2, least))
            least = 2 * i + 2;
        if (least == i)
            return first;
        swap(q, i, least);
        i = least;
    }
}

void sfx_watch_queue_done(struct sfx_watch_queue *q)
{
    size_t i;

    for (i = 0; i < q->count; i++)
        free(q->items[i]);
    free(q->items);
    *q = (struct sfx_watch_queue){0};
}
