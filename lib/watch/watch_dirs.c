/* SPDX-License-Identifier: MIT */
/* The tree of folders: nodes know their parent and their own name only. */
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdlib.h>

static void link_to(struct sfx_watch_dir *dir, struct sfx_watch_dir *parent)
{
    dir->parent = parent;
    dir->prev = NULL;
    dir->next = NULL;
    if (parent == NULL)
        return;
    dir->next = parent->child;
    if (dir->next != NULL)
        dir->next->prev = dir;
    parent->child = dir;
}

static void unlink_from_parent(struct sfx_watch_dir *dir)
{
    if (dir->next != NULL)
        dir->next->prev = dir->prev;
    if (dir->prev != NULL)
        dir->prev->next = dir->next;
    else if (dir->parent != NULL)
        dir->parent->child = dir->next;
}

struct sfx_watch_dir *sfx_watch_dir_new(struct sfx_watch_dir *parent, uint32_t root,
                                        struct sfx_slice name, struct sfx_err *err)
{
    struct sfx_watch_dir *dir = calloc(1, sizeof(*dir));
    char *copy = strndup(name.len > 0 ? name.ptr : "", name.len);

    if (dir == NULL || copy == NULL) {
        free(dir);
        free(copy);
        (void)sfx_err_errno(err, ENOMEM, "folder %.*s", SFX_SLICE_ARG(name));
        return NULL;
    }
    dir->root = root;
    dir->name = copy;
    link_to(dir, parent);
    return dir;
}

int sfx_watch_dir_move(struct sfx_watch_dir *dir, struct sfx_watch_dir *parent,
                       struct sfx_slice name, struct sfx_err *err)
{
    char *copy = strndup(name.ptr, name.len);

    if (copy == NULL)
        return sfx_err_errno(err, ENOMEM, "folder %.*s", SFX_SLICE_ARG(name));
    free(dir->name);
    dir->name = copy;
    unlink_from_parent(dir);
    link_to(dir, parent);
    return 0;
}

struct sfx_watch_dir *sfx_watch_dir_find(struct sfx_watch_dir *parent, struct sfx_slice name)
{
    struct sfx_watch_dir *dir;

    for (dir = parent->child; dir != NULL; dir = dir->next) {
        if (sfx_slice_eq(sfx_slice_str(dir->name), name))
            return dir;
    }
    return NULL;
}

bool sfx_watch_dir_within(const struct sfx_watch_dir *dir, const struct sfx_watch_dir *of)
{
    while (dir != NULL && dir != of)
        dir = dir->parent;
    return dir == of;
}

struct sfx_watch_dir *sfx_watch_dir_walk(struct sfx_watch_dir *dir, struct sfx_watch_dir *top,
                                         bool skip)
{
    if (dir->child != NULL && !skip)
        return dir->child;
    while (dir != top && dir->next == NULL)
        dir = dir->parent;
    return dir == top ? NULL : dir->next;
}

void sfx_watch_dir_free(struct sfx_watch_dir *dir)
{
    unlink_from_parent(dir);
    free(dir->name);
    free(dir);
}

/* Parents first, each followed by a slash. */
static int append_path(const struct sfx_watch_dir *dir, struct sfx_buf *path, struct sfx_err *err)
{
    size_t at = path->len;
    const struct sfx_watch_dir *d;
    size_t total = 0;
    int rc;

    for (d = dir; d->parent != NULL; d = d->parent)
        total += strlen(d->name) + 1;
    rc = sfx_buf_reserve(path, total, err);
    if (rc < 0)
        return rc;
    path->len += total;
    for (d = dir, at += total; d->parent != NULL; d = d->parent) {
        size_t len = strlen(d->name);

        path->data[--at] = '/';
        at -= len;
        memcpy(path->data + at, d->name, len);
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
