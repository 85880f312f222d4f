/* SPDX-License-Identifier: MIT */
/* libarchive over a source: opened at run time, fed by callbacks, its failures in our words. */
#include "archive/input_internal.h"
#include "base/dl.h"
#include "base/size.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define SYMBOL(member, name)                                                                       \
    {                                                                                              \
#name, offsetof(struct sfx_libarchive, member)                                             \
    }

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(read_new, archive_read_new),
    SYMBOL(read_free, archive_read_free),
    SYMBOL(read_append_filter, archive_read_append_filter),
    SYMBOL(read_support_format_raw, archive_read_support_format_raw),
    SYMBOL(read_support_format_tar, archive_read_support_format_tar),
    SYMBOL(read_support_format_zip_seekable, archive_read_support_format_zip_seekable),
    SYMBOL(read_support_format_zip_streamable, archive_read_support_format_zip_streamable),
    SYMBOL(read_support_format_7zip, archive_read_support_format_7zip),
    SYMBOL(read_set_format_option, archive_read_set_format_option),
    SYMBOL(read_set_seek_callback, archive_read_set_seek_callback),
    SYMBOL(read_open, archive_read_open),
    SYMBOL(read_next_header, archive_read_next_header),
    SYMBOL(read_header_position, archive_read_header_position),
    SYMBOL(read_data, archive_read_data),
    SYMBOL(filter_bytes, archive_filter_bytes),
    SYMBOL(error_number, archive_errno),
    SYMBOL(error_string, archive_error_string),
    SYMBOL(entry_filetype, archive_entry_filetype),
    SYMBOL(entry_size, archive_entry_size),
    SYMBOL(entry_size_is_set, archive_entry_size_is_set),
    SYMBOL(entry_hardlink, archive_entry_hardlink),
    SYMBOL(entry_is_encrypted, archive_entry_is_encrypted),
    SYMBOL(entry_pathname, archive_entry_pathname),
    SYMBOL(entry_pathname_utf8, archive_entry_pathname_utf8),
};

static la_ssize_t feed(struct archive *reader, void *ctx, const void **block)
{
    struct sfx_unpack *u = ctx;
    struct sfx_slice given = u->primer;

    (void)reader;
    u->primer = sfx_slice(NULL, 0);
    if (given.len == 0)
        u->src_rc = sfx_source_block(u->src, &given, &u->src_err);
    if (u->src_rc < 0)
        return ARCHIVE_FATAL;
    if (given.len > 0)
        u->last = given;
    u->given_nbytes += given.len;
    *block = given.ptr;
    return (la_ssize_t)given.len;
}

static la_int64_t seek(struct archive *reader, void *ctx, la_int64_t offset, int whence)
{
    struct sfx_unpack *u = ctx;
    struct sfx_input_file *file = u->seekable;
    off_t at;

    (void)reader;
    /* Where libarchive stands is before what it was not given yet. */
    if (whence == SEEK_CUR)
        offset -= (la_int64_t)(file->source.len - file->source.at);
    at = lseek(file->fd, whence == SEEK_SET ? file->start + offset : offset, whence);
    if (at < file->start) {
        u->src_rc = sfx_err_errno(&u->src_err, at < 0 ? errno : EINVAL, "cannot seek");
        return ARCHIVE_FATAL;
    }
    sfx_source_rewound(&file->source);
    return at - file->start;
}

static locale_t utf8;

static void open_locale(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

locale_t sfx_unpack_locale(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, open_locale);
    return utf8;
}

int sfx_unpack_preload(struct sfx_err *err)
{
    struct sfx_libarchive lib;

    (void)sfx_unpack_locale();
    return sfx_dl_open(SFX_LIBARCHIVE_SONAME, symbols, SFX_COUNT(symbols), &lib, err);
}

int sfx_unpack_init(struct sfx_unpack *u, struct sfx_source *src, struct sfx_input_file *seekable,
                    struct sfx_err *err)
{
    int rc;

    *u = (struct sfx_unpack){.src = src, .seekable = seekable};
    rc = sfx_dl_open(SFX_LIBARCHIVE_SONAME, symbols, SFX_COUNT(symbols), &u->lib, err);
    if (rc < 0)
        return rc;
    u->reader = u->lib.read_new();
    if (u->reader == NULL)
        return sfx_err_errno(err, ENOMEM, "libarchive");
    if (seekable != NULL)
        (void)u->lib.read_set_seek_callback(u->reader, seek);
    return 0;
}

int sfx_unpack_open(struct sfx_unpack *u, struct sfx_err *err)
{
    if (u->lib.read_open(u->reader, u, NULL, feed, NULL) != ARCHIVE_OK)
        return sfx_unpack_fail(u, err);
    return 0;
}

int sfx_unpack_fail(const struct sfx_unpack *u, struct sfx_err *err)
{
    const char *why;

    if (u->src_rc < 0) {
        if (err != NULL)
            *err = u->src_err;
        return u->src_rc;
    }
    if (u->lib.error_number(u->reader) == ENOMEM)
        return sfx_err_errno(err, ENOMEM, "libarchive");
    why = u->lib.error_string(u->reader);
    return sfx_err_set(err, SFX_E_INPUT, "%s", why != NULL ? why : "damaged or truncated");
}

void sfx_unpack_done(struct sfx_unpack *u)
{
    if (u->reader != NULL)
        (void)u->lib.read_free(u->reader);
    u->reader = NULL;
}
