/* SPDX-License-Identifier: MIT */
/*
 * What was told: a table of 32 bytes a file, by 128-bit hashes of paths. Open addressing, linear
 * probing; what is forgotten leaves its place when the table grows.
 */
#include "base/hash.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void key_of(uint64_t root, struct sfx_slice path, uint64_t key[2])
{
    key[0] = sfx_hash64(path.ptr, path.len, root);
    key[1] = sfx_hash64(path.ptr, path.len, ~root);
    key[0] |= 1; /* 0: a free place */
}

/* Bits of version[1] that are ours. */
#define MATCHED ((uint64_t)1) /* the filter took it */
#define UNSEEN  ((uint64_t)2) /* remembered from an earlier run, and not come upon in this one */
#define OURS    (MATCHED | UNSEEN)

/* What the id of a version is made of, but for the path and our bits. */
static void version_of(const struct stat *st, uint64_t version[2])
{
    const uint64_t state[] = {(uint64_t)st->st_dev,          (uint64_t)st->st_ino,
                              (uint64_t)st->st_size,         (uint64_t)st->st_mtim.tv_sec,
                              (uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec,
                              (uint64_t)st->st_ctim.tv_nsec};

    version[0] = sfx_hash64(state, sizeof(state), 1);
    version[1] = sfx_hash64(state, sizeof(state), 2) & ~OURS;
}

static struct sfx_told_entry *find(const struct sfx_told *t, const uint64_t key[2])
{
    size_t i = key[1] & (t->cap - 1);

    while (t->entries[i].key[0] != 0 &&
           (t->entries[i].key[0] != key[0] || t->entries[i].key[1] != key[1]))
        i = (i + 1) & (t->cap - 1);
    return &t->entries[i];
}

static bool is_forgotten(const struct sfx_told_entry *entry)
{
    return entry->version[0] == 0 && entry->version[1] == 0;
}

static int make_room(struct sfx_told *t, struct sfx_err *err)
{
    struct sfx_told bigger = {.cap = 1024};
    size_t live = 0;
    size_t i;

    if (t->cap > 0 && t->used < t->cap / 4 * 3)
        return 0;
    for (i = 0; i < t->cap; i++)
        live += t->entries[i].key[0] != 0 && !is_forgotten(&t->entries[i]);
    while (bigger.cap < live * 2)
        bigger.cap *= 2;
    bigger.entries = calloc(bigger.cap, sizeof(*bigger.entries));
    if (bigger.entries == NULL)
        return sfx_err_errno(err, ENOMEM, "table of what was told");
    for (i = 0; i < t->cap; i++) {
        if (t->entries[i].key[0] == 0 || is_forgotten(&t->entries[i]))
            continue;
        *find(&bigger, t->entries[i].key) = t->entries[i];
        bigger.used++;
    }
    free(t->entries);
    *t = bigger;
    return 0;
}

bool sfx_told_has_version(const struct sfx_told *t, uint64_t root, struct sfx_slice path,
                          const uint64_t version[2])
{
    const struct sfx_told_entry *entry;
    uint64_t key[2];

    if (t->cap == 0)
        return false;
    key_of(root, path, key);
    entry = find(t, key);
    return entry->key[0] != 0 && !is_forgotten(entry) && entry->version[0] == version[0] &&
           (entry->version[1] & ~OURS) == (version[1] & ~OURS);
}

bool sfx_told_has(const struct sfx_told *t, uint64_t root, struct sfx_slice path,
                  const struct stat *st)
{
    uint64_t version[2];

    version_of(st, version);
    return sfx_told_has_version(t, root, path, version);
}

bool sfx_told_knows(const struct sfx_told *t, uint64_t root, struct sfx_slice path)
{
    const struct sfx_told_entry *entry;
    uint64_t key[2];

    if (t->cap == 0)
        return false;
    key_of(root, path, key);
    entry = find(t, key);
    return entry->key[0] != 0 && !is_forgotten(entry);
}

int sfx_told_note_version(struct sfx_told *t, uint64_t root, struct sfx_slice path,
                          const uint64_t version[2], bool matched, struct sfx_err *err)
{
    struct sfx_told_entry *entry;
    uint64_t key[2];
    int rc = make_room(t, err);

    if (rc < 0)
        return rc;
    key_of(root, path, key);
    entry = find(t, key);
    t->used += entry->key[0] == 0;
    memcpy(entry->key, key, sizeof(key));
    entry->version[0] = version[0];
    entry->version[1] = (version[1] & ~OURS) | (matched ? MATCHED : 0);
    return 0;
}

int sfx_told_note(struct sfx_told *t, uint64_t root, struct sfx_slice path, const struct stat *st,
                  bool matched, struct sfx_err *err)
{
    uint64_t version[2];

    version_of(st, version);
    return sfx_told_note_version(t, root, path, version, matched, err);
}

enum sfx_told_fate sfx_told_forget(struct sfx_told *t, uint64_t root, struct sfx_slice path,
                                   char version[SFX_EVENT_ID_NBYTES])
{
    struct sfx_told_entry *entry;
    uint64_t key[2];
    bool matched;

    if (t->cap == 0)
        return SFX_TOLD_UNKNOWN;
    key_of(root, path, key);
    entry = find(t, key);
    if (entry->key[0] == 0 || is_forgotten(entry))
        return SFX_TOLD_UNKNOWN;
    matched = (entry->version[1] & MATCHED) != 0;
    entry->version[1] &= ~UNSEEN;
    (void)snprintf(version, SFX_EVENT_ID_NBYTES, "%016" PRIx64 "%016" PRIx64, entry->version[0],
                   entry->version[1]);
    entry->version[0] = 0;
    entry->version[1] = 0;
    return matched ? SFX_TOLD_MATCHED : SFX_TOLD_LEFT_OUT;
}

int sfx_told_load(struct sfx_told *t, const uint64_t key[2], const uint64_t version[2],
                  struct sfx_err *err)
{
    struct sfx_told_entry *entry;
    int rc = make_room(t, err);

    if (rc < 0 || key[0] == 0)
        return rc;
    entry = find(t, key);
    t->used += entry->key[0] == 0;
    memcpy(entry->key, key, sizeof(entry->key));
    memcpy(entry->version, version, sizeof(entry->version));
    if (!is_forgotten(entry))
        entry->version[1] |= UNSEEN;
    return 0;
}

void sfx_told_see(struct sfx_told *t, uint64_t root, struct sfx_slice path)
{
    struct sfx_told_entry *entry;
    uint64_t key[2];

    if (t->cap == 0)
        return;
    key_of(root, path, key);
    entry = find(t, key);
    if (entry->key[0] != 0)
        entry->version[1] &= ~UNSEEN;
}

void sfx_told_unsee(struct sfx_told *t, uint64_t root, struct sfx_slice path)
{
    struct sfx_told_entry *entry;
    uint64_t key[2];

    if (t->cap == 0)
        return;
    key_of(root, path, key);
    entry = find(t, key);
    if (entry->key[0] != 0 && !is_forgotten(entry))
        entry->version[1] |= UNSEEN;
}

bool sfx_told_is_unseen_path(const struct sfx_told *t, uint64_t root, struct sfx_slice path)
{
    uint64_t key[2];

    key_of(root, path, key);
    return sfx_told_is_unseen(t, key);
}

const struct sfx_told_entry *sfx_told_entry(const struct sfx_told *t, uint64_t root,
                                            struct sfx_slice path)
{
    uint64_t key[2];

    key_of(root, path, key);
    return find(t, key);
}

bool sfx_told_is_unseen(const struct sfx_told *t, const uint64_t key[2])
{
    return t->cap > 0 && (find(t, key)->version[1] & UNSEEN) != 0;
}

bool sfx_told_is_last(const struct sfx_told *t, const uint64_t key[2], const uint64_t version[2])
{
    const struct sfx_told_entry *entry = t->cap > 0 ? find(t, key) : NULL;

    return entry != NULL && entry->key[0] != 0 && !is_forgotten(entry) &&
           entry->version[0] == version[0] &&
           (entry->version[1] & ~UNSEEN) == (version[1] & ~UNSEEN);
}

bool sfx_told_is_of(uint64_t root, struct sfx_slice path, const uint64_t key[2])
{
    uint64_t own[2];

    key_of(root, path, own);
    return own[0] == key[0] && own[1] == key[1];
}

void sfx_told_done(struct sfx_told *t)
{
    free(t->entries);
    *t = (struct sfx_told){0};
}
