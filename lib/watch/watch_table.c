/* SPDX-License-Identifier: MIT */
/* The folders that a backend knows, by its names of them: open addressing, linear probing. */
#include "base/hash.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdlib.h>

/* The place of id, or the free one where it belongs. */
static uint32_t *place_of(const struct sfx_watch_table *t, uint64_t id)
{
    size_t i = sfx_hash64_mix(id) & (t->cap - 1);

    while (t->numbers[i] != 0 && sfx_watch_dirs_at(t->dirs, t->numbers[i])->id != id)
        i = (i + 1) & (t->cap - 1);
    return &t->numbers[i];
}

struct sfx_watch_dir *sfx_watch_table_find(const struct sfx_watch_table *t, uint64_t id)
{
    return t->cap > 0 ? sfx_watch_dirs_at(t->dirs, *place_of(t, id)) : NULL;
}

static int grow(struct sfx_watch_table *t, struct sfx_err *err)
{
    uint32_t *old = t->numbers;
    size_t old_cap = t->cap;
    size_t cap = old_cap > 0 ? old_cap * 2 : 64;
    size_t i;

    /* A fifth of the places being free keeps searches short. */
    if (t->count < old_cap / 5 * 4)
        return 0;
    t->numbers = calloc(cap, sizeof(*t->numbers));
    if (t->numbers == NULL) {
        t->numbers = old;
        return sfx_err_errno(err, ENOMEM, "table of folders");
    }
    t->cap = cap;
    for (i = 0; i < old_cap; i++) {
        if (old[i] != 0)
            *place_of(t, sfx_watch_dirs_at(t->dirs, old[i])->id) = old[i];
    }
    free(old);
    return 0;
}

int sfx_watch_table_add(struct sfx_watch_table *t, struct sfx_watch_dir *dir, struct sfx_err *err)
{
    int rc = grow(t, err);

    if (rc < 0)
        return rc;
    *place_of(t, dir->id) = sfx_watch_dir_number(dir);
    t->count++;
    return 0;
}

void sfx_watch_table_remove(struct sfx_watch_table *t, const struct sfx_watch_dir *dir)
{
    uint32_t *place = t->cap > 0 ? place_of(t, dir->id) : NULL;
    size_t next;

    if (place == NULL || *place != sfx_watch_dir_number(dir))
        return;
    *place = 0;
    t->count--;
    /* Move up what had been pushed behind it. */
    for (next = ((size_t)(place - t->numbers) + 1) & (t->cap - 1); t->numbers[next] != 0;
         next = (next + 1) & (t->cap - 1)) {
        uint32_t pushed = t->numbers[next];

        t->numbers[next] = 0;
        *place_of(t, sfx_watch_dirs_at(t->dirs, pushed)->id) = pushed;
    }
}

void sfx_watch_table_done(struct sfx_watch_table *t)
{
    free(t->numbers);
    *t = (struct sfx_watch_table){.dirs = t->dirs};
}
