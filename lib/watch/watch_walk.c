/* SPDX-License-Identifier: MIT */
/*
 * The scan of roots whose folders have no nodes: depth first, so that only the folders above the
 * one that is read are kept, and these only as long. What is to be walked through later is a path.
 */
#include "base/io.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdlib.h>

/* Folders that are open at a time, of 32 KiB each: deeper trees than people make, and few of the
 * 1,024 descriptors that a process has. */
#define OPEN_MAX ((size_t)32)

/* Folders that wait, as paths; when more would, all of their root is walked through. */
#define WAIT_MAX ((size_t)1000)

struct frame {
    DIR *dir;
    size_t before; /* bytes of the path above it */
};

struct sfx_watch_walk {
    struct sfx_watch_walk *next;
    uint32_t root;
    unsigned kind;
    bool begun;
    struct sfx_buf path;  /* of the folder that is read; empty: the root */
    struct frame *frames; /* owned; the last is read */
    size_t depth, cap;
};

static void pop(struct sfx_watch *w, struct sfx_watch_walk *walk)
{
    struct frame *top = &walk->frames[--walk->depth];

    (void)closedir(top->dir);
    w->nwalk_dirs--;
    walk->path.len = top->before;
}

/* Takes *at out of the list. */
static void end_walk(struct sfx_watch *w, struct sfx_watch_walk **at)
{
    struct sfx_watch_walk *walk = *at;

    *at = walk->next;
    w->nwalks--;
    while (walk->depth > 0)
        pop(w, walk);
    free(walk->frames);
    sfx_buf_done(&walk->path);
    free(walk);
}

void sfx_watch_end_walks(struct sfx_watch *w, uint32_t root, unsigned kind)
{
    struct sfx_watch_walk **at = &w->walk;

    while (*at != NULL) {
        if ((root == UINT32_MAX || (*at)->root == root) && (kind == 0 || ((*at)->kind & kind) != 0))
            end_walk(w, at);
        else
            at = &(*at)->next;
    }
}

/* True when the folder waits already to be walked through. */
static bool waits(const struct sfx_watch *w, uint32_t root, struct sfx_slice path, unsigned kind)
{
    const struct sfx_watch_walk *walk = w->walk;

    while (walk != NULL && (walk->begun || walk->root != root || walk->kind != kind ||
                            !sfx_slice_eq(sfx_buf_slice(&walk->path), path)))
        walk = walk->next;
    return walk != NULL;
}

int sfx_watch_queue_walk(struct sfx_watch *w, uint32_t root, struct sfx_slice path, unsigned kind,
                         struct sfx_err *err)
{
    struct sfx_watch_walk *walk, **at = &w->walk;
    int rc;

    if (waits(w, root, path, kind))
        return 0;
    if (w->nwalks >= WAIT_MAX) {
        sfx_watch_end_walks(w, root, 0);
        path = sfx_slice(NULL, 0);
    }
    walk = calloc(1, sizeof(*walk));
    if (walk == NULL)
        return sfx_err_errno(err, ENOMEM, "folders to be scanned");
    walk->root = root;
    walk->kind = kind;
    rc = sfx_buf_append(&walk->path, path.ptr, path.len, err);
    if (rc < 0) {
        free(walk);
        return rc;
    }
    /* Before what goes on, unless that has too many open. */
    if (w->walk != NULL && w->nwalk_dirs >= OPEN_MAX)
        at = &w->walk->next;
    walk->next = *at;
    *at = walk;
    w->nwalks++;
    return 0;
}

int sfx_watch_join(struct sfx_slice folder, struct sfx_slice name, struct sfx_buf *path,
                   struct sfx_err *err)
{
    int rc;

    sfx_buf_clear(path);
    if (folder.len + name.len == 0)
        folder = SFX_SLICE_LIT(".");
    rc = sfx_buf_append(path, folder.ptr, folder.len, err);
    if (rc == 0 && folder.len > 0 && name.len > 0)
        rc = sfx_buf_putc(path, '/', err);
    if (rc == 0)
        rc = sfx_buf_append(path, name.ptr, name.len, err);
    if (rc == 0 && sfx_buf_cstr(path, err) == NULL)
        rc = SFX_E_NOMEM;
    return rc;
}

/* Reads the open folder fd, which is taken in any case, next. Errors: NOMEM. */
static int push(struct sfx_watch *w, struct sfx_watch_walk *walk, int fd, size_t before,
                struct sfx_err *err)
{
    size_t cap = walk->cap * 2 + 4;
    struct frame *frames = walk->frames;
    DIR *dir;

    if (walk->depth == walk->cap) {
        frames = reallocarray(walk->frames, cap, sizeof(*frames));
        if (frames != NULL) {
            walk->frames = frames;
            walk->cap = cap;
        }
    }
    dir = frames != NULL ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        (void)sfx_io_close(&fd, NULL);
        return sfx_err_errno(err, ENOMEM, "folders to be scanned");
    }
    walk->frames[walk->depth++] = (struct frame){dir, before};
    w->nwalk_dirs++;
    return 0;
}

/* The folder w->path, name in the one that is read (empty: the first one). Errors: as add_folder.
 */
static int enter(struct sfx_watch *w, struct sfx_watch_walk *walk, struct sfx_slice name,
                 struct sfx_err *err)
{
    size_t before = walk->path.len;
    bool gone;
    int fd, rc;

    if (name.len > 0 && w->nwalk_dirs >= OPEN_MAX)
        return sfx_watch_queue_walk(w, walk->root, sfx_buf_slice(&w->path), walk->kind, err);
    rc = sfx_watch_open_folder(w, walk->root, &fd, &gone, err);
    if (rc < 0 || fd < 0)
        return rc;
    if (before + name.len > 0 && sfx_watch_is_a_root(w, fd, walk->root)) {
        (void)sfx_io_close(&fd, NULL);
        return 0;
    }
    w->roots[walk->root].nfolders += before + name.len > 0;
    rc = push(w, walk, fd, before, err);
    if (rc < 0 || name.len == 0)
        return rc;
    sfx_buf_clear(&walk->path);
    return sfx_buf_append(&walk->path, w->path.data, w->path.len, err);
}

/* As sfx_watch_walk_step, for one name in the folder that is read. */
static int see(struct sfx_watch *w, struct sfx_watch_walk *walk, const struct dirent *entry,
               struct sfx_err *err)
{
    const struct sfx_slice name = sfx_slice_str(entry->d_name);
    unsigned char type;
    int rc;

    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return 0;
    type = sfx_watch_type_of(walk->frames[walk->depth - 1].dir, entry);
    if (type != DT_REG && (type != DT_DIR || w->opts.flat))
        return 0;
    rc = sfx_watch_join(sfx_buf_slice(&walk->path), name, &w->path, err);
    if (rc < 0 || type == DT_REG)
        return rc < 0 ? rc : 1;
    return sfx_watch_ignores(&w->opts, sfx_buf_slice(&w->path)) ? 0 : enter(w, walk, name, err);
}

int sfx_watch_walk_step(struct sfx_watch *w, uint32_t *root, unsigned *kind, struct sfx_err *err)
{
    struct sfx_watch_walk *walk = w->walk;
    const struct dirent *entry;

    *root = walk->root;
    *kind = walk->kind;
    if (!walk->begun) {
        int rc = sfx_watch_join(sfx_buf_slice(&walk->path), sfx_slice(NULL, 0), &w->path, err);

        walk->begun = true;
        if (walk->path.len == 0)
            w->roots[walk->root].nfolders = 0;
        return rc == 0 ? enter(w, walk, sfx_slice(NULL, 0), err) : rc;
    }
    if (walk->depth == 0) {
        end_walk(w, &w->walk);
        return 0;
    }
    errno = 0;
    entry = readdir(walk->frames[walk->depth - 1].dir);
    if (entry != NULL)
        return see(w, walk, entry, err);
    if (errno != 0) {
        int errnum = errno;

        if (sfx_watch_join(sfx_buf_slice(&walk->path), sfx_slice(NULL, 0), &w->path, err) == 0)
            sfx_watch_unreadable(w, walk->root, errnum);
    }
    pop(w, walk);
    return 0;
}
