/* SPDX-License-Identifier: MIT */
/* The tree of folders: nodes know their parent and their own name only. */
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdlib.h>

/* A block is found by the address of any node in it; its first place is its head. */
#define BLOCK_NBYTES ((size_t)1 << 20)
#define BLOCK_NNODES (BLOCK_NBYTES / sizeof(struct sfx_watch_dir))

struct head {
    const struct sfx_watch_dirs *dirs;
    uint32_t first; /* its number */
};

_Static_assert(sizeof(struct head) <= sizeof(struct sfx_watch_dir), "a head is in a node's place");
_Static_assert(BLOCK_NBYTES % sizeof(struct sfx_watch_dir) == 0, "numbers are shifts");

static const struct head *head_of(const struct sfx_watch_dir *dir)
{
    return (const struct head *)((uintptr_t)dir & ~(uintptr_t)(BLOCK_NBYTES - 1));
}

/* The node of a number that is not 0. */
static struct sfx_watch_dir *node(const struct sfx_watch_dirs *dirs, uint32_t number)
{
    return dirs->blocks[number / BLOCK_NNODES] + number % BLOCK_NNODES;
}

struct sfx_watch_dir *sfx_watch_dirs_at(const struct sfx_watch_dirs *dirs, uint32_t number)
{
    return number != 0 ? node(dirs, number) : NULL;
}

uint32_t sfx_watch_dir_number(const struct sfx_watch_dir *dir)
{
    const struct head *head = head_of(dir);

    return head->first + (uint32_t)(dir - (const struct sfx_watch_dir *)(const void *)head);
}

struct sfx_watch_dir *sfx_watch_dir_at(const struct sfx_watch_dir *dir, uint32_t number)
{
    return sfx_watch_dirs_at(head_of(dir)->dirs, number);
}

struct sfx_watch_dir *sfx_watch_dir_parent(const struct sfx_watch_dir *dir)
{
    return sfx_watch_dir_at(dir, dir->parent);
}

const char *sfx_watch_dir_name(const struct sfx_watch_dir *dir)
{
    return dir->has_long_name ? dir->name.ptr : dir->name.text;
}

struct sfx_watch_extra *sfx_watch_dir_extra(struct sfx_watch_dir *dir, struct sfx_err *err)
{
    if (dir->extra == NULL)
        dir->extra = calloc(1, sizeof(*dir->extra));
    if (dir->extra == NULL)
        (void)sfx_err_errno(err, ENOMEM, "folder %s", sfx_watch_dir_name(dir));
    return dir->extra;
}

struct sfx_watch_names *sfx_watch_dir_names(const struct sfx_watch_dir *dir)
{
    return dir->extra != NULL ? dir->extra->names : NULL;
}

struct sfx_watch_rules *sfx_watch_dir_rules(const struct sfx_watch_dir *dir)
{
    return dir->extra != NULL ? dir->extra->rules : NULL;
}

/* Only what is used of a block takes memory. */
static int add_block(struct sfx_watch_dirs *dirs, struct sfx_err *err)
{
    struct sfx_watch_dir **blocks = NULL, *block = NULL;

    if (dirs->nblocks < UINT32_MAX / BLOCK_NNODES)
        blocks = reallocarray(dirs->blocks, dirs->nblocks + 1, sizeof(struct sfx_watch_dir *));
    if (blocks != NULL) {
        dirs->blocks = blocks;
        block = aligned_alloc(BLOCK_NBYTES, BLOCK_NBYTES);
    }
    if (block == NULL)
        return sfx_err_errno(err, ENOMEM, "folders");
    *(struct head *)(void *)block = (struct head){dirs, dirs->count};
    dirs->blocks[dirs->nblocks++] = block;
    dirs->count++;
    return 0;
}

static struct sfx_watch_dir *take(struct sfx_watch_dirs *dirs, struct sfx_err *err)
{
    struct sfx_watch_dir *dir;

    if (dirs->free != 0) {
        dir = node(dirs, dirs->free);
        dirs->free = dir->next;
    } else {
        if (dirs->count % BLOCK_NNODES == 0 && add_block(dirs, err) < 0)
            return NULL;
        dir = node(dirs, dirs->count++);
    }
    *dir = (struct sfx_watch_dir){0};
    return dir;
}

static void give_back(struct sfx_watch_dirs *dirs, struct sfx_watch_dir *dir)
{
    dir->next = dirs->free;
    dirs->free = sfx_watch_dir_number(dir);
}

void sfx_watch_dirs_done(struct sfx_watch_dirs *dirs)
{
    while (dirs->nblocks > 0)
        free(dirs->blocks[--dirs->nblocks]);
    free(dirs->blocks);
    *dirs = (struct sfx_watch_dirs){0};
}

static void link_to(struct sfx_watch_dir *dir, struct sfx_watch_dir *parent)
{
    dir->parent = dir->prev = dir->next = 0;
    if (parent == NULL)
        return;
    dir->parent = sfx_watch_dir_number(parent);
    dir->next = parent->child;
    parent->child = sfx_watch_dir_number(dir);
    if (dir->next != 0)
        sfx_watch_dir_at(dir, dir->next)->prev = parent->child;
}

static void unlink_from_parent(struct sfx_watch_dir *dir)
{
    if (dir->next != 0)
        sfx_watch_dir_at(dir, dir->next)->prev = dir->prev;
    if (dir->prev != 0)
        sfx_watch_dir_at(dir, dir->prev)->next = dir->next;
    else if (dir->parent != 0)
        sfx_watch_dir_parent(dir)->child = dir->next;
}

/* Instead of the name it has. Errors: NOMEM. */
static int set_name(struct sfx_watch_dir *dir, struct sfx_slice name, struct sfx_err *err)
{
    char *copy = name.len >= SFX_WATCH_SHORT_NAME ? strndup(name.ptr, name.len) : NULL;

    if (name.len >= SFX_WATCH_SHORT_NAME && copy == NULL)
        return sfx_err_errno(err, ENOMEM, "folder %.*s", SFX_SLICE_ARG(name));
    if (dir->has_long_name)
        free(dir->name.ptr);
    dir->has_long_name = copy != NULL;
    if (copy != NULL)
        dir->name.ptr = copy;
    else if (name.len > 0)
        memcpy(dir->name.text, name.ptr, name.len);
    if (copy == NULL)
        dir->name.text[name.len] = '\0';
    return 0;
}

struct sfx_watch_dir *sfx_watch_dir_new(struct sfx_watch_dirs *dirs, struct sfx_watch_dir *parent,
                                        uint32_t root, struct sfx_slice name, struct sfx_err *err)
{
    struct sfx_watch_dir *dir = take(dirs, err);

    if (dir != NULL && set_name(dir, name, err) < 0) {
        give_back(dirs, dir);
        return NULL;
    }
    if (dir == NULL)
        return NULL;
    dir->root = root & ((1U << 20) - 1);
    link_to(dir, parent);
    return dir;
}

int sfx_watch_dir_move(struct sfx_watch_dir *dir, struct sfx_watch_dir *parent,
                       struct sfx_slice name, struct sfx_err *err)
{
    int rc = set_name(dir, name, err);

    if (rc < 0)
        return rc;
    unlink_from_parent(dir);
    link_to(dir, parent);
    return 0;
}

struct sfx_watch_dir *sfx_watch_dir_find(struct sfx_watch_dir *parent, struct sfx_slice name)
{
    struct sfx_watch_dir *dir = sfx_watch_dir_at(parent, parent->child);

    while (dir != NULL && !sfx_slice_eq(sfx_slice_str(sfx_watch_dir_name(dir)), name))
        dir = sfx_watch_dir_at(dir, dir->next);
    return dir;
}

bool sfx_watch_dir_within(const struct sfx_watch_dir *dir, const struct sfx_watch_dir *of)
{
    while (dir != NULL && dir != of)
        dir = sfx_watch_dir_parent(dir);
    return dir == of;
}

struct sfx_watch_dir *sfx_watch_dir_walk(struct sfx_watch_dir *dir, struct sfx_watch_dir *top,
                                         bool skip)
{
    if (dir->child != 0 && !skip)
        return sfx_watch_dir_at(dir, dir->child);
    while (dir != top && dir->next == 0)
        dir = sfx_watch_dir_parent(dir);
    return dir == top ? NULL : sfx_watch_dir_at(dir, dir->next);
}

void sfx_watch_dir_free(struct sfx_watch_dirs *dirs, struct sfx_watch_dir *dir)
{
    unlink_from_parent(dir);
    if (dir->has_long_name)
        free(dir->name.ptr);
    free(dir->extra);
    give_back(dirs, dir);
}

/* The parent of a folder that is no root. */
static const struct sfx_watch_dir *above(const struct sfx_watch_dir *dir)
{
    return node(head_of(dir)->dirs, dir->parent);
}

/* Parents first, each followed by a slash. */
static int append_path(const struct sfx_watch_dir *dir, struct sfx_buf *path, struct sfx_err *err)
{
    size_t at = path->len;
    const struct sfx_watch_dir *d;
    size_t total = 0;
    int rc;

    for (d = dir; d->parent != 0; d = above(d))
        total += strlen(sfx_watch_dir_name(d)) + 1;
    rc = sfx_buf_reserve(path, total, err);
    if (rc < 0)
        return rc;
    path->len += total;
    for (d = dir, at += total; d->parent != 0; d = above(d)) {
        const char *name = sfx_watch_dir_name(d);
        size_t len = strlen(name);

        path->data[--at] = '/';
        at -= len;
        memcpy(path->data + at, name, len);
    }
    return 0;
}

int sfx_watch_dir_path(const struct sfx_watch_dir *dir, struct sfx_slice name, struct sfx_buf *path,
                       struct sfx_err *err)
{
    int rc;

    sfx_buf_clear(path);
    rc = append_path(dir, path, err);
    if (rc == 0 && name.len == 0 && path->len > 0)
        path->len--; /* the slash */
    else if (rc == 0 && name.len == 0)
        rc = sfx_buf_putc(path, '.', err);
    else if (rc == 0)
        rc = sfx_buf_append(path, name.ptr, name.len, err);
    if (rc == 0 && sfx_buf_cstr(path, err) == NULL)
        rc = SFX_E_NOMEM;
    return rc;
}
