/* SPDX-License-Identifier: MIT */
/*
 * Archives as targets: a folder beside the archive takes the loads as any folder does (sink_dir.c);
 * _flush packs a new archive of the old one's members and the folder's files, which takes the old
 * one's place: packed.c.
 *
 * A member that gets more records is not unpacked: the folder has what follows it.
 */
#ifndef SFX_SINK_PACKED_INTERNAL_H
#define SFX_SINK_PACKED_INTERNAL_H

#include "base/arena.h"
#include "sink/sink.h"

#include <sys/stat.h>

struct sfx_dir;
struct sfx_dir_names;

/* What the new archive has of a member. */
enum sfx_packed_state {
    SFX_PACKED_AS_IS,
    SFX_PACKED_LONGER, /* it, and then the file of that name */
    SFX_PACKED_OTHER,  /* the file of that name */
    SFX_PACKED_GONE,   /* the file of that name, if there is one */
};

struct sfx_packed_member {
    const char *name; /* without "./" before it */
    uint64_t nbytes;
    uint64_t schema_id; /* of the columns, as sfx_batch_schema_id has it; 0: not known */
    bool is_file;
    bool done; /* it is in the new archive */
    enum sfx_packed_state state;
};

struct sfx_packed {
    char *path;                   /* of the archive */
    char *work;                   /* "lake/.day.tar.sfx_load", which holds the lock and the root */
    int lock_fd, old_fd, told_fd; /* told_fd: the ledger in a dry run; -1: none */
    struct stat old;              /* of old_fd */
    bool begun;                   /* the work folder is ours, and as the archive is */
    uint64_t nloads;              /* that wait to be packed */
    /* The members, sorted by name, once they are asked for. */
    bool indexed;
    struct sfx_packed_member *members;
    size_t n, cap;
    struct sfx_arena names;
};

/* Takes the archive's ledger out: into the descriptor fd. Errors: INPUT (no archive), IO, LIMIT. */
int sfx_packed_take_ledger(struct sfx_packed *p, int fd, struct sfx_err *err);

/* Finds the member that records of rel follow: *member, or NULL when there is none or it is
 * replaced. Errors: INPUT when rel cannot be the name of a file, or stands there twice; as above.
 */
int sfx_packed_find(struct sfx_dir *s, const char *rel, const struct sfx_packed_member **member,
                    struct sfx_err *err);

/* Notes what a load has done: the files that it made, and those that it removed. */
void sfx_packed_note(struct sfx_packed *p, const struct sfx_dir_names *files,
                     const struct sfx_dir_names *removes, enum sfx_sink_mode mode);

/* Makes the new archive, which takes the old one's place. Errors: IO; TEMPORARY when another
 * program has changed the old one, or on _stop. */
int sfx_packed_write(struct sfx_dir *s, struct sfx_err *err);

/* Forgets the members. */
void sfx_packed_forget(struct sfx_packed *p);

#endif
