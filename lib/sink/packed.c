/* SPDX-License-Identifier: MIT */
/* The members of an archive that is a target: what is known of them, and the new archive. */
#include "archive/input.h"
#include "archive/pack.h"
#include "base/io.h"
#include "base/path.h"
#include "sink/dir_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEDGER SFX_INPUT_OWN SFX_DIR_OWN ".jsonl"

/* Whoever names a target means it: nothing of it is unpacked, and rows may be as equal as they
 * like. */
static const struct sfx_input_limits limits = {
    .max_member_nbytes = UINT64_MAX, .max_total_nbytes = UINT64_MAX, .max_ratio = UINT64_MAX};

static const char *name_of(const struct sfx_input *in)
{
    const char *name = sfx_input_member(in);

    while (strncmp(name, "./", 2) == 0)
        name += 2;
    return name;
}

static struct sfx_input *open_old(const struct sfx_packed *p, struct sfx_err *err)
{
    if (lseek(p->old_fd, 0, SEEK_SET) == 0)
        return sfx_input_new_fd(p->old_fd, p->path, &limits, err);
    (void)sfx_err_errno(err, errno, "%s", p->path);
    return NULL;
}

static int copy_stream(struct sfx_input *in, int fd, struct sfx_err *err)
{
    char block[16384];
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (n = sfx_input_read(in, block, sizeof(block), err)) != 0)
        rc = n < 0 ? (int)n : sfx_io_write(fd, block, (size_t)n, err);
    return rc;
}

int sfx_packed_take_ledger(struct sfx_packed *p, int fd, struct sfx_err *err)
{
    struct sfx_input *in = open_old(p, err);
    struct sfx_input_entry entry;
    int rc = in == NULL ? SFX_E_IO : 0;

    if (in != NULL)
        sfx_input_take_entries(in, false);
    while (rc == 0 && (rc = sfx_input_next(in, err)) > 0) {
        rc = sfx_input_entry(in, &entry, err);
        if (rc == 0 && entry.is_file && strcmp(name_of(in), LEDGER) == 0) {
            rc = copy_stream(in, fd, err);
            break;
        }
    }
    sfx_input_free(in);
    return rc;
}

/* --- the index ------------------------------------------------------------------------------- */

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct sfx_packed_member *)a)->name,
                  ((const struct sfx_packed_member *)b)->name);
}

/* The first member whose name is not before that. */
static size_t lower_bound(const struct sfx_packed *p, const char *name)
{
    size_t from = 0, to = p->n, mid;

    while (from < to) {
        mid = from + (to - from) / 2;
        if (strcmp(p->members[mid].name, name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static struct sfx_packed_member *member_of(const struct sfx_packed *p, const char *name)
{
    const size_t at = lower_bound(p, name);

    return at < p->n && strcmp(p->members[at].name, name) == 0 ? &p->members[at] : NULL;
}

/* Whether a file of that name may be one of the target's, which all end as the template does. */
static bool is_ours(const struct sfx_dir *s, const char *name)
{
    const char *brace = strrchr(s->template, '}'), *slash = strrchr(s->template, '/');
    const char *from = brace > slash ? brace : slash;
    const char *end = strchr(from != NULL ? from : s->template, '.');
    const size_t len = strlen(name), n = end != NULL ? strlen(end) : 0;

    return len >= n && memcmp(name + len - n, end != NULL ? end : "", n) == 0;
}

static int add_member(struct sfx_dir *s, struct sfx_input *in, struct sfx_batch *batch,
                      struct sfx_err *err)
{
    struct sfx_packed *p = s->packed;
    const size_t cap = p->cap > 0 ? p->cap * 2 : 64;
    struct sfx_packed_member *member;
    struct sfx_input_entry entry;
    const char *name;
    int rc = sfx_input_entry(in, &entry, err);

    if (rc < 0)
        return rc;
    if (p->n == p->cap) {
        member = reallocarray(p->members, cap, sizeof(*member));
        if (member == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu members", cap);
        p->members = member;
        p->cap = cap;
    }
    name = name_of(in);
    member = &p->members[p->n];
    *member = (struct sfx_packed_member){.nbytes = entry.nbytes, .is_file = entry.is_file};
    member->name = sfx_arena_strndup(&p->names, name, strlen(name), err);
    if (member->name == NULL)
        return SFX_E_NOMEM;
    p->n++;
    if (!entry.is_file || entry.nbytes == 0 || !s->format->fixed_columns ||
        s->format->reader == NULL || !is_ours(s, name))
        return 0;
    sfx_batch_reset_schema(batch);
    rc = sfx_dir_read_columns(s, in, member->name, batch, err);
    if (rc == 0)
        member->schema_id = sfx_batch_schema_id(batch->columns, batch->ncols);
    /* It has no columns that are known; damage of the archive is met again behind it. */
    return rc == SFX_E_INPUT ? 0 : rc;
}

static int make_index(struct sfx_dir *s, struct sfx_err *err)
{
    struct sfx_packed *p = s->packed;
    struct sfx_input *in = NULL;
    struct sfx_batch batch = {0};
    int rc = sfx_batch_init(&batch, err);

    if (rc == 0 && p->old_fd >= 0) {
        in = open_old(p, err);
        rc = in == NULL ? SFX_E_IO : 0;
    }
    if (in != NULL)
        sfx_input_take_entries(in, false);
    while (rc == 0 && in != NULL && (rc = sfx_input_next(in, err)) > 0)
        rc = add_member(s, in, &batch, err);
    if (p->n > 0)
        qsort(p->members, p->n, sizeof(*p->members), compare_members);
    p->indexed = rc == 0;
    sfx_batch_done(&batch);
    sfx_input_free(in);
    return rc;
}

void sfx_packed_forget(struct sfx_packed *p)
{
    p->indexed = false;
    p->n = 0;
    sfx_arena_reset(&p->names);
}

static int refuse(const struct sfx_dir *s, const char *name, const char *why, struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_INPUT, "%s%s: %s", s->shown, name, why);
}

/* Whether the archive, unpacked, has room for the file. */
static int check_place(struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    const struct sfx_packed *p = s->packed;
    const struct sfx_packed_member *member;
    const size_t len = strlen(rel);
    const char *slash;
    size_t at;
    int rc = 0;

    for (slash = strchr(rel, '/'); rc == 0 && slash != NULL; slash = strchr(slash + 1, '/')) {
        sfx_buf_clear(&s->scratch);
        rc = sfx_buf_append(&s->scratch, rel, (size_t)(slash - rel), err);
        if (rc == 0 && sfx_buf_cstr(&s->scratch, err) == NULL)
            rc = SFX_E_NOMEM;
        member = rc == 0 ? member_of(p, s->scratch.data) : NULL;
        if (member != NULL && member->state != SFX_PACKED_GONE)
            rc = refuse(s, s->scratch.data, "is no folder", err);
    }
    sfx_buf_clear(&s->scratch);
    if (rc == 0)
        rc = sfx_buf_printf(&s->scratch, err, "%s/", rel);
    if (rc == 0 && sfx_buf_cstr(&s->scratch, err) == NULL)
        rc = SFX_E_NOMEM;
    at = rc == 0 ? lower_bound(p, s->scratch.data) : p->n;
    if (at < p->n && strncmp(p->members[at].name, s->scratch.data, len + 1) == 0)
        rc = refuse(s, rel, "is no file", err);
    return rc;
}

int sfx_packed_find(struct sfx_dir *s, const char *rel, const struct sfx_packed_member **member,
                    struct sfx_err *err)
{
    const struct sfx_packed *p = s->packed;
    const struct sfx_packed_member *found;
    int rc = p->indexed ? 0 : make_index(s, err);

    *member = NULL;
    if (rc == 0)
        rc = check_place(s, rel, err);
    if (rc < 0)
        return rc;
    found = member_of(p, rel);
    if (found == NULL || found->state >= SFX_PACKED_OTHER)
        return 0;
    if (!found->is_file)
        return refuse(s, rel, "is no file", err);
    if (s->mode != SFX_SINK_REPLACE && found + 1 < p->members + p->n &&
        strcmp(found[1].name, rel) == 0)
        return refuse(s, rel, "is in the archive twice", err);
    *member = found;
    return 0;
}

void sfx_packed_note(struct sfx_packed *p, const struct sfx_dir_names *files,
                     const struct sfx_dir_names *removes, enum sfx_sink_mode mode)
{
    struct sfx_packed_member *member;
    size_t i;

    for (i = 0; i < removes->n; i++) {
        member = member_of(p, removes->names[i]);
        if (member != NULL)
            member->state = SFX_PACKED_GONE;
    }
    for (i = 0; i < files->n; i++) {
        member = member_of(p, files->names[i]);
        if (member == NULL)
            continue;
        if (mode == SFX_SINK_REPLACE || member->nbytes == 0 || member->state >= SFX_PACKED_OTHER)
            member->state = SFX_PACKED_OTHER;
        else
            member->state = SFX_PACKED_LONGER;
    }
}

/* --- the new archive ------------------------------------------------------------------------- */

static int open_file(struct sfx_dir *s, int root_fd, const char *rel, struct sfx_err *err)
{
    int fd = sfx_path_open_beneath(root_fd, rel, O_RDONLY, 0, err);

    return fd < 0 ? sfx_err_wrap(err, fd, "%s%s", s->shown, rel) : fd;
}

/* A file of the folder becomes a member. Who made it, and when, is no part of it. */
static int pack_file(struct sfx_dir *s, struct sfx_pack *pack, int root_fd, const char *rel,
                     struct sfx_err *err)
{
    int fd = open_file(s, root_fd, rel, err);
    int rc = fd < 0 ? fd : sfx_pack_add(pack, rel, fd, 0, err);

    (void)sfx_io_close(&fd, NULL);
    return rc;
}

static int pack_longer(struct sfx_dir *s, struct sfx_pack *pack, int root_fd, struct sfx_input *in,
                       const char *rel, struct sfx_err *err)
{
    struct stat st;
    int fd = open_file(s, root_fd, rel, err);
    int rc = fd < 0 ? fd : 0;

    if (rc == 0 && fstat(fd, &st) != 0)
        rc = sfx_err_errno(err, errno, "%s%s", s->shown, rel);
    if (rc == 0)
        rc = sfx_pack_copy(pack, in, (uint64_t)st.st_size, err);
    if (rc == 0)
        rc = sfx_pack_write_fd(pack, fd, err);
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

static int check_stop(const struct sfx_dir *s, struct sfx_err *err)
{
    return s->opts.stop == NULL || *s->opts.stop == 0
               ? 0
               : sfx_err_set(err, SFX_E_TEMPORARY, "interrupted");
}

static int pack_member(struct sfx_dir *s, struct sfx_pack *pack, int root_fd, struct sfx_input *in,
                       struct sfx_err *err)
{
    const char *name = name_of(in);
    struct sfx_packed_member *member = member_of(s->packed, name);
    bool done;

    if (strcmp(name, LEDGER) == 0)
        return 0;
    if (member == NULL || member->state == SFX_PACKED_AS_IS)
        return sfx_pack_copy(pack, in, 0, err);
    done = member->done || member->state == SFX_PACKED_GONE;
    if (done)
        return 0;
    member->done = true;
    return member->state == SFX_PACKED_LONGER ? pack_longer(s, pack, root_fd, in, member->name, err)
                                              : pack_file(s, pack, root_fd, member->name, err);
}

static int pack_members(struct sfx_dir *s, struct sfx_pack *pack, int root_fd, struct sfx_err *err)
{
    struct sfx_input *in = open_old(s->packed, err);
    int rc = in == NULL ? SFX_E_IO : 0;

    if (in != NULL)
        sfx_input_take_entries(in, true);
    while (rc == 0 && (rc = sfx_input_next(in, err)) > 0) {
        rc = check_stop(s, err);
        if (rc == 0)
            rc = pack_member(s, pack, root_fd, in, err);
    }
    sfx_input_free(in);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files that are no members yet, by name. */
static int pack_files(struct sfx_dir *s, struct sfx_pack *pack, int root_fd, struct sfx_err *err)
{
    const struct sfx_packed_member *member;
    size_t i;
    int rc;

    s->files.n = 0;
    free(s->stage);
    s->stage = strdup(s->root);
    rc = s->stage == NULL ? sfx_err_set(err, SFX_E_NOMEM, "no memory for a path")
                          : sfx_dir_list(s, err);
    if (s->files.n > 0)
        qsort(s->files.names, s->files.n, sizeof(*s->files.names), compare_names);
    for (i = 0; rc == 0 && i < s->files.n; i++) {
        member = member_of(s->packed, s->files.names[i]);
        if (strcmp(s->files.names[i], LEDGER) == 0 || (member != NULL && member->done))
            continue;
        rc = check_stop(s, err);
        if (rc == 0)
            rc = pack_file(s, pack, root_fd, s->files.names[i], err);
    }
    free(s->stage);
    s->stage = NULL;
    return rc;
}

/* What another program has put there meanwhile would be lost. */
static int check_old(const struct sfx_packed *p, struct sfx_err *err)
{
    struct stat now;
    const bool there = stat(p->path, &now) == 0;

    if (there == (p->old_fd >= 0) &&
        (!there || (now.st_dev == p->old.st_dev && now.st_ino == p->old.st_ino &&
                    now.st_size == p->old.st_size && now.st_mtim.tv_sec == p->old.st_mtim.tv_sec &&
                    now.st_mtim.tv_nsec == p->old.st_mtim.tv_nsec)))
        return 0;
    return sfx_err_set(err, SFX_E_TEMPORARY, "%s: another program has changed it", p->path);
}

/* The ledger comes first: who looks for it alone has it at once. */
int sfx_packed_write(struct sfx_dir *s, struct sfx_err *err)
{
    const struct sfx_pack_opts opts = {.durable = true};
    const struct sfx_packed *p = s->packed;
    struct sfx_pack *pack = NULL;
    int root_fd = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

    if (root_fd < 0)
        return sfx_err_errno(err, errno, "%s", s->root);
    pack = sfx_pack_new(p->path, &opts, err);
    rc = pack == NULL ? (err != NULL ? (int)err->code : SFX_E_IO)
                      : pack_file(s, pack, root_fd, LEDGER, err);
    if (rc == 0 && p->old_fd >= 0)
        rc = pack_members(s, pack, root_fd, err);
    if (rc == 0)
        rc = pack_files(s, pack, root_fd, err);
    if (rc == 0)
        rc = check_old(p, err);
    if (rc == 0)
        rc = sfx_pack_commit(pack, err);
    sfx_pack_free(pack);
    (void)sfx_io_close(&root_fd, NULL);
    return rc;
}
