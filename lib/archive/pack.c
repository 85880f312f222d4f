/* SPDX-License-Identifier: MIT */
/* Archives as outputs: libarchive's writer over an outfile. */
#include "archive/pack.h"

#include "archive/input_internal.h"
#include "base/dl.h"
#include "base/io.h"
#include "base/outfile.h"
#include "base/size.h"
#include "base/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_NBYTES 65536
#define MEMBER_MODE  0644

struct writer_lib {
    __typeof__(&archive_write_new) write_new;
    __typeof__(&archive_write_free) write_free;
    __typeof__(&archive_write_close) close;
    __typeof__(&archive_write_set_format_gnutar) format_tar;
    __typeof__(&archive_write_set_format_zip) format_zip;
    __typeof__(&archive_write_zip_set_compression_deflate) zip_deflate;
    __typeof__(&archive_write_zip_set_compression_store) zip_store;
    __typeof__(&archive_write_add_filter_by_name) add_filter;
    __typeof__(&archive_write_set_options) set_options;
    __typeof__(&archive_write_set_bytes_in_last_block) bytes_in_last_block;
    __typeof__(&archive_write_open) open;
    __typeof__(&archive_write_header) header;
    __typeof__(&archive_write_data) data;
    __typeof__(&archive_error_string) error_string;
    __typeof__(&archive_entry_new) entry_new;
    __typeof__(&archive_entry_free) entry_free;
    __typeof__(&archive_entry_clear) entry_clear;
    __typeof__(&archive_entry_set_pathname) set_pathname;
    __typeof__(&archive_entry_set_size) set_size;
    __typeof__(&archive_entry_set_filetype) set_filetype;
    __typeof__(&archive_entry_set_perm) set_perm;
    __typeof__(&archive_entry_set_mtime) set_mtime;
};

/* clang-format off */
#define SYMBOL(member, name) {#name, offsetof(struct writer_lib, member)}

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(write_new, archive_write_new),
    SYMBOL(write_free, archive_write_free),
    SYMBOL(close, archive_write_close),
    SYMBOL(format_tar, archive_write_set_format_gnutar),
    SYMBOL(format_zip, archive_write_set_format_zip),
    SYMBOL(zip_deflate, archive_write_zip_set_compression_deflate),
    SYMBOL(zip_store, archive_write_zip_set_compression_store),
    SYMBOL(add_filter, archive_write_add_filter_by_name),
    SYMBOL(set_options, archive_write_set_options),
    SYMBOL(bytes_in_last_block, archive_write_set_bytes_in_last_block),
    SYMBOL(open, archive_write_open),
    SYMBOL(header, archive_write_header),
    SYMBOL(data, archive_write_data),
    SYMBOL(error_string, archive_error_string),
    SYMBOL(entry_new, archive_entry_new),
    SYMBOL(entry_free, archive_entry_free),
    SYMBOL(entry_clear, archive_entry_clear),
    SYMBOL(set_pathname, archive_entry_set_pathname),
    SYMBOL(set_size, archive_entry_set_size),
    SYMBOL(set_filetype, archive_entry_set_filetype),
    SYMBOL(set_perm, archive_entry_set_perm),
    SYMBOL(set_mtime, archive_entry_set_mtime),
};
/* clang-format on */

/* The ends of names, and what they stand for. */
static const struct kind {
    const char *suffix;
    const char *filter; /* NULL: none */
    bool zip;
} kinds[] = {
    {".tar", NULL, false},       {".zip", NULL, true},       {".tar.gz", "gzip", false},
    {".tgz", "gzip", false},     {".tar.xz", "xz", false},   {".txz", "xz", false},
    {".tar.zst", "zstd", false}, {".tzst", "zstd", false},   {".tar.bz2", "bzip2", false},
    {".tbz2", "bzip2", false},   {".tar.lz4", "lz4", false},
};

/* What has such a name is compressed already: a zip stores it. */
static const char *const dense[] = {".gz",  ".tgz",  ".zst",  ".xz",      ".bz2",  ".lz4",  ".zip",
                                    ".jpg", ".jpeg", ".png",  ".webp",    ".avif", ".gif",  ".heic",
                                    ".mp3", ".mp4",  ".webm", ".parquet", ".7z",   ".woff2"};

struct sfx_pack {
    struct writer_lib lib;
    bool chooses;                /* a zip that deflates what is not compressed */
    struct archive *writer;      /* owned */
    struct archive_entry *entry; /* owned; reused */
    struct sfx_outfile *file;    /* owned */
    uint64_t left_nbytes;        /* of the member */
    int write_rc;                /* <0: the file failed, as follows */
    struct sfx_err write_err;
};

static bool ends_in(struct sfx_slice name, const char *suffix)
{
    const size_t len = strlen(suffix);

    return name.len > len && strncasecmp(name.ptr + name.len - len, suffix, len) == 0;
}

static const struct kind *kind_of(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(kinds); i++) {
        if (ends_in(name, kinds[i].suffix))
            return &kinds[i];
    }
    return NULL;
}

static bool is_dense(const char *name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(dense); i++) {
        if (ends_in(sfx_slice_str(name), dense[i]))
            return true;
    }
    return false;
}

bool sfx_pack_is_named(struct sfx_slice name)
{
    return kind_of(name) != NULL;
}

static int fail(struct sfx_pack *pack, struct sfx_err *err)
{
    const char *why;

    if (pack->write_rc < 0) {
        if (err != NULL)
            *err = pack->write_err;
        return pack->write_rc;
    }
    why = pack->lib.error_string(pack->writer);
    return sfx_err_set(err, SFX_E_IO, "cannot write the archive: %s",
                       why != NULL ? why : "unknown error");
}

static la_ssize_t drain(struct archive *writer, void *ctx, const void *ptr, size_t len)
{
    struct sfx_pack *pack = ctx;

    (void)writer;
    pack->write_rc = sfx_outfile_write(pack->file, ptr, len, &pack->write_err);
    return pack->write_rc < 0 ? -1 : (la_ssize_t)len;
}

static int start(struct sfx_pack *pack, const struct kind *kind, bool stored, struct sfx_err *err)
{
    const struct writer_lib *lib = &pack->lib;
    int rc;

    pack->writer = lib->write_new();
    pack->entry = lib->entry_new();
    if (pack->writer == NULL || pack->entry == NULL)
        return sfx_err_errno(err, ENOMEM, "libarchive");
    rc = kind->zip ? lib->format_zip(pack->writer) : lib->format_tar(pack->writer);
    if (rc == ARCHIVE_OK && kind->filter != NULL &&
        lib->add_filter(pack->writer, kind->filter) != ARCHIVE_OK)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "libarchive has no %s here", kind->filter);
    pack->chooses = kind->zip && !stored;
    if (rc == ARCHIVE_OK && kind->zip && stored)
        rc = lib->set_options(pack->writer, "zip:compression=store");
    /* Zeros up to a block of a tape are no data to zstd and xz. */
    if (rc == ARCHIVE_OK)
        rc = lib->bytes_in_last_block(pack->writer, 1);
    /* The same members are the same bytes at any time. */
    if (rc == ARCHIVE_OK && kind->filter != NULL && strcmp(kind->filter, "gzip") == 0)
        rc = lib->set_options(pack->writer, "gzip:!timestamp");
    if (rc == ARCHIVE_OK)
        rc = lib->open(pack->writer, pack, NULL, drain, NULL);
    return rc == ARCHIVE_OK ? 0 : fail(pack, err);
}

struct sfx_pack *sfx_pack_new(const char *path, const struct sfx_pack_opts *opts,
                              struct sfx_err *err)
{
    const struct kind *kind = kind_of(sfx_slice_str(path));
    const struct sfx_outfile_opts file_opts = {.durable = opts != NULL && opts->durable};
    struct sfx_pack *pack;

    if (kind == NULL) {
        (void)sfx_err_set(err, SFX_E_USAGE, "%s: no archive ends so that can be written", path);
        return NULL;
    }
    pack = calloc(1, sizeof(*pack));
    if (pack == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "%s", path);
        return NULL;
    }
    if (sfx_dl_open(SFX_LIBARCHIVE_SONAME, symbols, SFX_COUNT(symbols), &pack->lib, err) == 0) {
        pack->file = sfx_outfile_new(path, &file_opts, err);
        if (pack->file != NULL && start(pack, kind, opts != NULL && opts->stored, err) == 0)
            return pack;
    }
    sfx_pack_free(pack);
    return NULL;
}

static bool leads_outside(const char *name)
{
    const char *at;

    if (*name == '/' || *name == '\0')
        return true;
    for (at = name; at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return true;
    }
    return false;
}

/* Names go in as their bytes. A zip says of them that they are UTF-8 when they are; it takes that
 * from the locale. (A pax tar would do so too, with headers that GNU tar warns of.) */
static int write_header(struct sfx_pack *pack, struct archive_entry *entry, const char *name,
                        struct sfx_err *err)
{
    locale_t utf8 = sfx_utf8_valid(sfx_slice_str(name)) ? sfx_unpack_locale() : (locale_t)0;
    locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : utf8;
    int rc;

    /* What libarchive was built without is no failure: it takes the other one. */
    if (pack->chooses)
        (void)(is_dense(name) ? pack->lib.zip_store : pack->lib.zip_deflate)(pack->writer);
    rc = pack->lib.header(pack->writer, entry);

    if (utf8 != (locale_t)0)
        (void)uselocale(before);
    /* A warning is of a name that has no form in this locale: it went in as bytes. */
    return rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? 0 : fail(pack, err);
}

/* Whether a member of that name may begin. */
static int check_begin(const struct sfx_pack *pack, const char *name, struct sfx_err *err)
{
    if (pack->left_nbytes > 0)
        return sfx_err_set(err, SFX_E_USAGE, "%s: the member before it is not complete", name);
    if (leads_outside(name))
        return sfx_err_set(err, SFX_E_INPUT, "%s: leads out of the archive's folder", name);
    return 0;
}

int sfx_pack_begin(struct sfx_pack *pack, const char *name, uint64_t nbytes, int64_t mtime_ns,
                   struct sfx_err *err)
{
    const struct writer_lib *lib = &pack->lib;
    int rc = check_begin(pack, name, err);

    if (rc < 0)
        return rc;
    (void)lib->entry_clear(pack->entry);
    lib->set_pathname(pack->entry, name);
    lib->set_size(pack->entry, (la_int64_t)nbytes);
    lib->set_filetype(pack->entry, AE_IFREG);
    lib->set_perm(pack->entry, MEMBER_MODE);
    lib->set_mtime(pack->entry, (time_t)(mtime_ns / 1000000000), (long)(mtime_ns % 1000000000));
    pack->left_nbytes = nbytes;
    return write_header(pack, pack->entry, name, err);
}

int sfx_pack_write(struct sfx_pack *pack, const void *ptr, size_t len, struct sfx_err *err)
{
    if (len > pack->left_nbytes)
        return sfx_err_set(err, SFX_E_USAGE, "more bytes than the member was said to have");
    pack->left_nbytes -= len;
    return pack->lib.data(pack->writer, ptr, len) == (la_ssize_t)len ? 0 : fail(pack, err);
}

int sfx_pack_write_fd(struct sfx_pack *pack, int fd, struct sfx_err *err)
{
    char block[BLOCK_NBYTES];
    ssize_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0) {
        n = sfx_io_read(fd, block, sizeof(block), err);
        rc = n > 0 ? sfx_pack_write(pack, block, (size_t)n, err) : (int)n;
    }
    return rc;
}

int sfx_pack_add(struct sfx_pack *pack, const char *name, int fd, int64_t mtime_ns,
                 struct sfx_err *err)
{
    struct stat st;
    int rc;

    if (fstat(fd, &st) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        return sfx_err_errno(err, errno, "%s", name);
    rc = sfx_pack_begin(pack, name, (uint64_t)st.st_size, mtime_ns, err);
    return rc == 0 ? sfx_pack_write_fd(pack, fd, err) : rc;
}

int sfx_pack_copy(struct sfx_pack *pack, struct sfx_input *in, uint64_t more_nbytes,
                  struct sfx_err *err)
{
    struct archive_entry *header = sfx_input_header(in);
    const char *name = sfx_input_member(in);
    struct sfx_input_entry entry;
    char block[BLOCK_NBYTES];
    int rc = sfx_input_entry(in, &entry, err);
    ssize_t n = 1;

    if (rc == 0)
        rc = check_begin(pack, name, err);
    if (rc < 0)
        return rc;
    if (entry.is_file) {
        pack->left_nbytes = entry.nbytes + more_nbytes;
        pack->lib.set_size(header, (la_int64_t)pack->left_nbytes);
    }
    rc = write_header(pack, header, name, err);
    while (rc == 0 && n > 0 && entry.is_file) {
        n = sfx_input_read(in, block, sizeof(block), err);
        rc = n > 0 ? sfx_pack_write(pack, block, (size_t)n, err) : (int)n;
    }
    if (rc == 0 && pack->left_nbytes != (entry.is_file ? more_nbytes : 0))
        rc = sfx_err_set(err, SFX_E_INPUT, "%s: has another size than the archive says", name);
    return rc;
}

int sfx_pack_commit(struct sfx_pack *pack, struct sfx_err *err)
{
    if (pack->left_nbytes > 0)
        return sfx_err_set(err, SFX_E_USAGE, "the last member is not complete");
    if (pack->lib.close(pack->writer) != ARCHIVE_OK)
        return fail(pack, err);
    return sfx_outfile_commit(pack->file, err);
}

void sfx_pack_free(struct sfx_pack *pack)
{
    if (pack == NULL)
        return;
    if (pack->entry != NULL)
        pack->lib.entry_free(pack->entry);
    /* Freeing closes, and closing writes: into the file that is thrown away. */
    if (pack->writer != NULL)
        (void)pack->lib.write_free(pack->writer);
    sfx_outfile_free(pack->file);
    free(pack);
}
