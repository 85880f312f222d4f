/* SPDX-License-Identifier: MIT */
/* Versions by content: what was only touched, or written anew as it was, is no news. */
#include "base/sha256.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <unistd.h>

/* Entries of contents stand beside those of versions, as of another root. */
#define OF_CONTENTS ((uint64_t)0x636f6e74656e7473)

static int hash_file(int fd, unsigned char digest[SFX_SHA256_NBYTES], struct sfx_err *err)
{
    struct sfx_sha256 ctx;
    char block[65536];
    off_t at = 0;
    ssize_t n;

    sfx_sha256_init(&ctx);
    do {
        n = pread(fd, block, sizeof(block), at);
        if (n > 0)
            sfx_sha256_update(&ctx, block, (size_t)n);
        at += n > 0 ? n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        return sfx_err_errno(err, errno, "cannot be read");
    sfx_sha256_final(&ctx, digest);
    return 0;
}

/* True when the file that fd has open is as st says. */
static bool is_as(int fd, const struct stat *st)
{
    struct stat now;

    return fstat(fd, &now) == 0 && now.st_size == st->st_size &&
           now.st_mtim.tv_sec == st->st_mtim.tv_sec && now.st_mtim.tv_nsec == st->st_mtim.tv_nsec &&
           now.st_ctim.tv_sec == st->st_ctim.tv_sec && now.st_ctim.tv_nsec == st->st_ctim.tv_nsec;
}

int sfx_watch_content_is_new(struct sfx_watch *w, uint32_t root, int fd, const struct stat *st,
                             struct sfx_err *err)
{
    const uint64_t number = w->roots[root].number ^ OF_CONTENTS;
    const struct sfx_slice path = sfx_buf_slice(&w->path);
    unsigned char digest[SFX_SHA256_NBYTES];
    uint64_t version[2];
    int rc;

    sfx_watch_will_wait(w);
    rc = hash_file(fd, digest, err);
    if (rc < 0)
        return rc;
    if (!is_as(fd, st))
        return SFX_CONTENT_UNSTEADY;
    memcpy(version, digest, sizeof(version));
    if (sfx_told_has_version(&w->told, number, path, version))
        return SFX_CONTENT_KNOWN;
    rc = sfx_told_note_version(&w->told, number, path, version, false, err);
    if (rc == 0 && w->state != NULL)
        rc = sfx_watch_state_note(w->state, sfx_told_entry(&w->told, number, path), path, err);
    return rc < 0 ? rc : SFX_CONTENT_NEW;
}

int sfx_watch_content_forget(struct sfx_watch *w, uint32_t root, struct sfx_err *err)
{
    const uint64_t number = w->roots[root].number ^ OF_CONTENTS;
    const struct sfx_slice path = sfx_buf_slice(&w->path);
    char version[SFX_EVENT_ID_NBYTES];

    if (sfx_told_forget(&w->told, number, path, version) == SFX_TOLD_UNKNOWN || w->state == NULL)
        return 0;
    return sfx_watch_state_note(w->state, sfx_told_entry(&w->told, number, path), path, err);
}
