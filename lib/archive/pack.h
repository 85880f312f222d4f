/* SPDX-License-Identifier: MIT */
/*
 * Archives as outputs: tar (plain, or compressed by gzip, bzip2, xz, zstd, lz4) and zip, through
 * libarchive, which is opened when the first one is made. The other way is archive/input.h.
 *
 * Contract: the archive appears whole by _commit, like every output (base/outfile.h). Members are
 * regular files; their sizes are known before their bytes, since tar says them first. Their names
 * are relative and stay beneath the folder that the archive will be unpacked in. After a failure
 * only _free may be called. Not safe for two threads at once.
 */
#ifndef SFX_ARCHIVE_PACK_H
#define SFX_ARCHIVE_PACK_H

#include "archive/input.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_pack;

struct sfx_pack_opts {
    bool durable; /* as struct sfx_outfile_opts */
    bool stored;  /* zip: members are compressed already (images): they are not deflated */
};

/* True when the end of name says an archive that can be written: ".tar", ".tar.gz", ".zip", … */
bool sfx_pack_is_named(struct sfx_slice name);

/* Starts the archive that will be named path, of the kind that its end says. opts: NULL for
 * defaults. Errors: NULL; USAGE for another end; UNSUPPORTED, NOMEM, and as sfx_outfile_new. */
struct sfx_pack *sfx_pack_new(const char *path, const struct sfx_pack_opts *opts,
                              struct sfx_err *err);

/* Begins a member of nbytes, modified at mtime_ns. Errors: IO; INPUT when the name is absolute or
 * has a ".."; USAGE when the member before it is not complete. */
int sfx_pack_begin(struct sfx_pack *pack, const char *name, uint64_t nbytes, int64_t mtime_ns,
                   struct sfx_err *err);

/* Appends len bytes to the member. Errors: IO; USAGE for more than nbytes. */
int sfx_pack_write(struct sfx_pack *pack, const void *ptr, size_t len, struct sfx_err *err);

/* Appends what fd gives up to its end. Errors: as above. */
int sfx_pack_write_fd(struct sfx_pack *pack, int fd, struct sfx_err *err);

/* The same for a whole member: all of the file fd, from its start. Errors: as above. */
int sfx_pack_add(struct sfx_pack *pack, const char *name, int fd, int64_t mtime_ns,
                 struct sfx_err *err);

/*
 * Takes over the current member of in, whose entries are taken as stored
 * (sfx_input_take_entries): its header and its bytes, which more_nbytes of _write may follow when
 * it is a file. Errors: as above; those of in.
 */
int sfx_pack_copy(struct sfx_pack *pack, struct sfx_input *in, uint64_t more_nbytes,
                  struct sfx_err *err);

/* Ends the archive and gives it its name. Errors: IO, USAGE. */
int sfx_pack_commit(struct sfx_pack *pack, struct sfx_err *err);

/* Frees; an archive that was not committed vanishes. NULL does nothing. */
void sfx_pack_free(struct sfx_pack *pack);

#endif
