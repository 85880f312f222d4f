/* SPDX-License-Identifier: MIT */
/* The folders that a backend knows, by its names of them: open addressing, linear probing. */
#include "base/hash.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdlib.h>

/* The place of id, or the free one where it belongs. */
static struct sfx_watch_dir **place_of(const struct sfx_watch_table *t, const uint64_t id[2])
{
    size_t i = sfx_hash64_mix(id[0] ^ sfx_hash64_mix(id[1])) & (t->cap - 1);

    while (t->dirs[i] != NULL && (t->dirs[i]->id[0] != id[0] || t->dirs[i]->id[1] != id[1]))
        i = (i + 1) & (t->cap - 1);
    return &t->dirs[i];
}

struct sfx_watch_dir *sfx_watch_table_find(const struct sfx_watch_table *t, const uint64_t id[2])
{
    return t->cap > 0 ? *place_of(t, id) : NULL;
}

static int grow(struct sfx_watch_table *t, struct sfx_err *err)
{
    struct sfx_watch_dir **old = t->dirs;
    size_t old_cap = t->cap;
    size_t cap = old_cap > 0 ? old_cap * 2 : 64;
    size_t i;

    if (t->count * 2 < old_cap)
        return 0;
    t->dirs = calloc(cap, sizeof(*t->dirs));
    if (t->dirs == NULL) {
        t->dirs = old;
        return sfx_err_errno(err, ENOMEM, "table of folders");
    }
    t->cap = cap;
    for (i = 0; i < old_cap; i++) {
        if (old[i] != NULL)
            *place_of(t, old[i]->id) = old[i];
    }
    free(old);
    return 0;
}

int sfx_watch_table_add(struct sfx_watch_table *t, struct sfx_watch_dir *dir, struct sfx_err *err)
{
    int rc = grow(t, err);

    if (rc < 0)
        return rc;
    *place_of(t, dir->id) = dir;
    t->count++;
    return 0;
}

void sfx_watch_table_remove(struct sfx_watch_table *t, const struct sfx_watch_dir *dir)
{
    struct sfx_watch_dir **place = t->cap > 0 ? place_of(t, dir->id) : NULL;
    size_t next;

    if (place == NULL || *place != dir)
        return;
    *place = NULL;
    t->count--;
    /* Move up what had been pushed behind it. */
    for (next = ((size_t)(place - t->dirs) + 1) & (t->cap - 1); t->dirs[next] != NULL;
         next = (next + 1) & (t->cap - 1)) {
        struct sfx_watch_dir *pushed = t->dirs[next];

        t->dirs[next] = NULL;
        *place_of(t, pushed->id) = pushed;
    }
}

void sfx_watch_table_done(struct sfx_watch_table *t)
{
    free(t->dirs);
    *t = (struct sfx_watch_table){0};
}
