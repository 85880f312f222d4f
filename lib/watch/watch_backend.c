/* SPDX-License-Identifier: MIT */
/* What tells of changes in a folder: the best that works there, or what was asked for. */
#include "base/hash.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct sfx_backend {
    enum sfx_watch_backend wanted;
    struct sfx_watch_table table;
    struct sfx_watch_reader *inotify, *fanotify; /* NULL: not open */
    struct sfx_fanotify fan;
    bool no_inotify, no_fanotify; /* tried in vain */
};

struct sfx_backend *sfx_backend_new(enum sfx_watch_backend wanted, struct sfx_watch_dirs *dirs,
                                    struct sfx_err *err)
{
    struct sfx_backend *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "watch");
        return NULL;
    }
    b->wanted = wanted;
    b->table.dirs = dirs;
    return b;
}

/* File systems that other machines change, of which the kernel here is not told. Numbers:
 * statfs(2), linux/magic.h and the sources of those that stand in neither. */
bool sfx_backend_is_remote(uint64_t magic)
{
    static const uint32_t remote[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB2 */
        0x65735546, /* FUSE: of network file systems as a rule */
        0x01021997, /* 9P: of virtual machines and containers */
        0x00C36400, /* Ceph */
        0x5346414F, /* AFS */
        0x6B414653, /* AFS of the kernel */
        0x73757245, /* Coda */
        0x564C,     /* NCP */
        0x01161970, /* GFS2 */
        0x7461636F, /* OCFS2 */
        0x0BD00BD0, /* Lustre */
        0x786F4256, /* folders of VirtualBox */
        0xBACBACBC, /* folders of VMware */
    };
    size_t i;

    for (i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
        if ((uint32_t)magic == remote[i])
            return true;
    }
    return false;
}

static int open_source(int (*open_it)(struct sfx_err *err), struct sfx_watch_reader **reader,
                       struct sfx_err *err)
{
    int fd;

    if (*reader != NULL)
        return 0;
    fd = open_it(err);
    if (fd < 0)
        return fd;
    *reader = sfx_watch_reader_new(fd, err);
    return *reader != NULL ? 0 : SFX_E_NOMEM;
}

static int add_fanotify(struct sfx_backend *b, int fd, const struct statfs *fs, uint64_t *id,
                        struct sfx_err *err)
{
    int rc = open_source(sfx_fanotify_open, &b->fanotify, err);

    if (rc < 0) {
        b->no_fanotify = true;
        return rc;
    }
    b->fan.fd = sfx_watch_reader_fd(b->fanotify);
    return sfx_fanotify_add(&b->fan, fd, fs, id, err);
}

static int add_inotify(struct sfx_backend *b, int fd, uint64_t *id, struct sfx_err *err)
{
    int rc = open_source(sfx_inotify_open, &b->inotify, err);

    if (rc < 0) {
        b->no_inotify = true;
        return rc;
    }
    return sfx_inotify_add(sfx_watch_reader_fd(b->inotify), fd, id, err);
}

static int add_poll(int fd, uint64_t *id, struct sfx_err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return sfx_err_errno(err, errno, "cannot be watched");
    *id = sfx_backend_poll_id(st.st_dev, st.st_ino);
    return 0;
}

uint64_t sfx_backend_poll_id(dev_t dev, ino_t ino)
{
    return sfx_hash64_mix((uint64_t)ino ^ sfx_hash64_mix((uint64_t)dev)) | SFX_WATCH_HASHED;
}

/* As sfx_backend_add, without looking up what is known. */
static int choose(struct sfx_backend *b, int fd, const struct sfx_watch_dir *parent,
                  struct sfx_watch_place *place, struct sfx_err *err)
{
    struct statfs fs;
    int rc;

    *place = (struct sfx_watch_place){.by = SFX_WATCH_POLL};
    if (b->wanted == SFX_WATCH_POLL || (parent != NULL && parent->by == SFX_WATCH_POLL))
        return add_poll(fd, &place->id, err);
    if (fstatfs(fd, &fs) != 0)
        return sfx_err_errno(err, errno, "cannot be watched");
    if (b->wanted == SFX_WATCH_AUTO && sfx_backend_is_remote((uint64_t)fs.f_type))
        return add_poll(fd, &place->id, err);
    if (b->wanted != SFX_WATCH_INOTIFY && !b->no_fanotify) {
        rc = add_fanotify(b, fd, &fs, &place->id, err);
        if (rc == 0)
            place->by = SFX_WATCH_FANOTIFY;
        if (rc == 0 || rc == SFX_E_NOMEM || (b->wanted == SFX_WATCH_FANOTIFY && parent == NULL))
            return rc;
    }
    rc = SFX_E_LIMIT;
    if (!b->no_inotify)
        rc = add_inotify(b, fd, &place->id, err);
    if (rc == 0)
        place->by = SFX_WATCH_INOTIFY;
    if (rc != SFX_E_LIMIT)
        return rc;
    place->limit = b->no_inotify ? "fs.inotify.max_user_instances" : "fs.inotify.max_user_watches";
    return add_poll(fd, &place->id, err);
}

int sfx_backend_add(struct sfx_backend *b, int fd, const struct sfx_watch_dir *parent,
                    struct sfx_watch_place *place, struct sfx_watch_dir **known,
                    struct sfx_err *err)
{
    int rc = choose(b, fd, parent, place, err);

    *known = rc == 0 ? sfx_watch_table_find(&b->table, place->id) : NULL;
    return rc;
}

int sfx_backend_set(struct sfx_backend *b, struct sfx_watch_dir *dir, struct sfx_err *err)
{
    return sfx_watch_table_add(&b->table, dir, err);
}

void sfx_backend_remove(struct sfx_backend *b, struct sfx_watch_dir *dir)
{
    sfx_watch_table_remove(&b->table, dir);
    if (dir->by == SFX_WATCH_INOTIFY)
        sfx_inotify_remove(sfx_watch_reader_fd(b->inotify), dir->id);
}

struct sfx_watch_dir *sfx_backend_find(const struct sfx_backend *b, uint64_t id)
{
    return sfx_watch_table_find(&b->table, id);
}

/* The next change of one of the two. As sfx_backend_next. */
static int next_of(struct sfx_backend *b, struct sfx_watch_reader *reader, bool ask,
                   struct sfx_watch_change *change, struct sfx_err *err)
{
    struct sfx_slice bytes;
    int rc;

    while (reader != NULL &&
           (rc = sfx_watch_reader_next(reader, ask, &bytes, err)) != SFX_READER_NONE) {
        size_t taken;
        bool concerns;

        if (rc < 0)
            return rc;
        if (rc == SFX_READER_LOST) {
            change->what = SFX_CHANGE_OVERFLOW;
            return 1;
        }
        if (reader == b->fanotify)
            concerns = sfx_fanotify_read(&b->fan, &b->table, bytes, &taken, change);
        else
            concerns = sfx_inotify_read(&b->table, bytes, &taken, change);
        sfx_watch_reader_take(reader, taken);
        if (concerns)
            return 1;
    }
    return 0;
}

int sfx_backend_next(struct sfx_backend *b, bool ask, struct sfx_watch_change *change,
                     struct sfx_err *err)
{
    int rc = next_of(b, b->fanotify, ask, change, err);

    return rc == 0 ? next_of(b, b->inotify, ask, change, err) : rc;
}

bool sfx_backend_rest(struct sfx_backend *b, int fds[2])
{
    bool nothing = true;

    fds[0] = fds[1] = -1;
    if (b->inotify != NULL) {
        fds[0] = sfx_watch_reader_fd(b->inotify);
        nothing = sfx_watch_reader_rest(b->inotify);
    }
    if (b->fanotify != NULL) {
        fds[1] = sfx_watch_reader_fd(b->fanotify);
        nothing = sfx_watch_reader_rest(b->fanotify) && nothing;
    }
    return nothing;
}

void sfx_backend_wake(struct sfx_backend *b)
{
    if (b->inotify != NULL)
        sfx_watch_reader_wake(b->inotify);
    if (b->fanotify != NULL)
        sfx_watch_reader_wake(b->fanotify);
}

void sfx_backend_guard(struct sfx_backend *b)
{
    if (b->inotify != NULL)
        sfx_watch_reader_guard(b->inotify);
    if (b->fanotify != NULL)
        sfx_watch_reader_guard(b->fanotify);
}

void sfx_backend_want_handles(struct sfx_backend *b)
{
    b->fan.with_handles = true;
}

void sfx_backend_finish(struct sfx_backend *b)
{
    if (b->inotify != NULL)
        sfx_watch_reader_finish(b->inotify);
    if (b->fanotify != NULL)
        sfx_watch_reader_finish(b->fanotify);
}

void sfx_backend_free(struct sfx_backend *b)
{
    if (b == NULL)
        return;
    sfx_watch_reader_free(b->inotify);
    sfx_watch_reader_free(b->fanotify);
    sfx_watch_table_done(&b->table);
    free(b);
}
