/* SPDX-License-Identifier: MIT */
/* Pieces of compressed files: libarchive's filters around its raw format, into memory. */
#include "archive/squeeze.h"

#include "archive/input_internal.h"
#include "base/dl.h"
#include "base/size.h"

#include <string.h>
#include <strings.h>

static struct {
    __typeof__(&archive_write_new) write_new;
    __typeof__(&archive_write_free) write_free;
    __typeof__(&archive_write_close) close;
    __typeof__(&archive_write_set_format_raw) format_raw;
    __typeof__(&archive_write_add_filter_by_name) add_filter;
    __typeof__(&archive_write_set_filter_option) set_option;
    __typeof__(&archive_write_set_bytes_in_last_block) set_last_block;
    __typeof__(&archive_write_open) open;
    __typeof__(&archive_write_header) header;
    __typeof__(&archive_write_data) data;
    __typeof__(&archive_error_string) error_string;
    __typeof__(&archive_entry_new) entry_new;
    __typeof__(&archive_entry_free) entry_free;
    __typeof__(&archive_entry_set_filetype) set_filetype;
} lib;

/* clang-format off */
#define SYMBOL(member, name) {#name, offsetof(__typeof__(lib), member)}

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(write_new, archive_write_new),
    SYMBOL(write_free, archive_write_free),
    SYMBOL(close, archive_write_close),
    SYMBOL(format_raw, archive_write_set_format_raw),
    SYMBOL(add_filter, archive_write_add_filter_by_name),
    SYMBOL(set_option, archive_write_set_filter_option),
    SYMBOL(set_last_block, archive_write_set_bytes_in_last_block),
    SYMBOL(open, archive_write_open),
    SYMBOL(header, archive_write_header),
    SYMBOL(data, archive_write_data),
    SYMBOL(error_string, archive_error_string),
    SYMBOL(entry_new, archive_entry_new),
    SYMBOL(entry_free, archive_entry_free),
    SYMBOL(set_filetype, archive_entry_set_filetype),
};
/* clang-format on */

static struct sfx_dl_lib library = SFX_DL_LIB(SFX_LIBARCHIVE_SONAME, symbols, &lib);

static const struct {
    const char *suffix, *filter;
} kinds[] = {{".gz", "gzip"}, {".zst", "zstd"}};

const char *sfx_squeeze_named(const char *name, size_t *len)
{
    const size_t all = strlen(name);
    size_t i;

    for (i = 0; i < SFX_COUNT(kinds); i++) {
        const size_t end = strlen(kinds[i].suffix);

        *len = all - end;
        if (all > end && strcasecmp(name + all - end, kinds[i].suffix) == 0)
            return kinds[i].filter;
    }
    *len = all;
    return NULL;
}

static la_ssize_t take(struct archive *writer, void *ctx, const void *ptr, size_t len)
{
    (void)writer;
    return sfx_buf_append(ctx, ptr, len, NULL) < 0 ? -1 : (la_ssize_t)len;
}

int sfx_squeeze(const char *filter, struct sfx_slice bytes, struct sfx_buf *out,
                struct sfx_err *err)
{
    struct archive_entry *entry;
    struct archive *writer;
    const char *why;
    int rc = sfx_dl_need(&library, err);

    if (rc < 0)
        return rc;
    writer = lib.write_new();
    entry = lib.entry_new();
    if (writer == NULL || entry == NULL) {
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for %s", filter);
        goto out;
    }
    if (lib.format_raw(writer) != ARCHIVE_OK || lib.add_filter(writer, filter) != ARCHIVE_OK) {
        rc = sfx_err_set(err, SFX_E_UNSUPPORTED, "libarchive has no %s here", filter);
        goto out;
    }
    /* No padding behind a piece; no time within. Only gzip knows of one. */
    (void)lib.set_last_block(writer, 1);
    (void)lib.set_option(writer, "gzip", "timestamp", NULL);
    lib.set_filetype(entry, AE_IFREG);
    if (lib.open(writer, out, NULL, take, NULL) != ARCHIVE_OK ||
        lib.header(writer, entry) != ARCHIVE_OK ||
        lib.data(writer, bytes.ptr, bytes.len) != (la_ssize_t)bytes.len ||
        lib.close(writer) != ARCHIVE_OK) {
        why = lib.error_string(writer);
        rc = sfx_err_set(err, SFX_E_IO, "cannot compress: %s", why != NULL ? why : "no memory");
    }
out:
    if (entry != NULL)
        lib.entry_free(entry);
    if (writer != NULL)
        (void)lib.write_free(writer);
    return rc;
}
