/* SPDX-License-Identifier: MIT */
/* The regular members of an archive, one after the other, and the certainty that it ended whole. */
#include "archive/input_internal.h"

static ssize_t member_fill(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_members *m = ctx;
    la_ssize_t n = m->unpack.lib.read_data(m->unpack.reader, ptr, cap);
    int rc;

    if (n < 0)
        return sfx_unpack_fail(&m->unpack, err);
    rc = sfx_input_meter_add(m->meter, SFX_LAYER_ARCHIVE, (size_t)n, err);
    return rc < 0 ? rc : (ssize_t)n;
}

/* A zip file that can be sought is read by its directory, which alone knows what is a link and what
 * was deleted; a zip pipe by its local headers. */
static int enable_format(struct sfx_members *m, struct sfx_err *err)
{
    struct sfx_unpack *u = &m->unpack;
    int rc = ARCHIVE_FATAL;

    switch (m->format) {
    case SFX_FORMAT_TAR:
        rc = u->lib.read_support_format_tar(u->reader);
        /* Tar files that were joined end to end are one, as they are for gzip. */
        if (rc == ARCHIVE_OK)
            rc = u->lib.read_set_format_option(u->reader, "tar", "read_concatenated_archives", "1");
        break;
    case SFX_FORMAT_ZIP:
        rc = u->seekable != NULL ? u->lib.read_support_format_zip_seekable(u->reader)
                                 : u->lib.read_support_format_zip_streamable(u->reader);
        break;
    case SFX_FORMAT_7ZIP:
        if (u->seekable == NULL)
            return sfx_err_set(err, SFX_E_UNSUPPORTED,
                               "a 7z archive can only be read from a file, not from a pipe");
        rc = u->lib.read_support_format_7zip(u->reader);
        break;
    case SFX_FORMAT_STREAM: break;
    }
    return rc == ARCHIVE_OK ? 0 : sfx_unpack_fail(u, err);
}

int sfx_members_init(struct sfx_members *m, enum sfx_input_format format, struct sfx_source *src,
                     struct sfx_input_file *seekable, struct sfx_input_meter *meter,
                     struct sfx_err *err)
{
    int rc;

    *m = (struct sfx_members){.format = format, .meter = meter};
    m->source = (struct sfx_source){.fill = member_fill, .ctx = m};
    rc = sfx_unpack_init(&m->unpack, src, seekable, err);
    if (rc == 0)
        rc = enable_format(m, err);
    return rc < 0 ? rc : sfx_unpack_open(&m->unpack, err);
}

/* Reads what the consumer left of a member, so that its checksum and the limits are applied. */
static int drain_member(struct sfx_members *m, struct sfx_err *err)
{
    int rc = sfx_source_drain(&m->source, err);

    return rc < 0 ? sfx_err_wrap(err, rc, "%s", m->name) : 0;
}

/* A tar file that was cut between two members looks whole but for its missing end mark, a block of
 * zeros. */
static int expect_end(struct sfx_members *m, struct sfx_err *err)
{
    struct sfx_unpack *u = &m->unpack;
    int64_t header_at = u->lib.read_header_position(u->reader);

    if (m->format == SFX_FORMAT_TAR && u->lib.filter_bytes(u->reader, 0) - header_at < 512)
        return sfx_err_set(err, SFX_E_INPUT, "ends without the end mark of a tar archive");
    if (m->format == SFX_FORMAT_TAR)
        return sfx_source_expect_end(u->src, err);
    /* A zip's directory is left over; who writes it into a pipe must not see the pipe close. */
    return u->seekable == NULL ? sfx_source_drain(u->src, err) : 0;
}

/* What sfx-load keeps in an archive for itself. */
static bool is_own(const char *name)
{
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    return strncmp(name, SFX_INPUT_OWN, strlen(SFX_INPUT_OWN)) == 0;
}

static int check_member(struct sfx_members *m, struct archive_entry *entry, bool *wanted,
                        struct sfx_err *err)
{
    const struct sfx_libarchive *lib = &m->unpack.lib;

    m->entry = entry;
    m->is_file = lib->entry_filetype(entry) == AE_IFREG && lib->entry_hardlink(entry) == NULL;
    *wanted = m->is_file || m->all;
    if (!*wanted) {
        m->nskipped += lib->entry_filetype(entry) != AE_IFDIR; /* folders hold nothing */
        return 0;
    }
    m->name = lib->entry_pathname_utf8(entry);
    if (m->name == NULL)
        m->name = lib->entry_pathname(entry);
    if (m->name == NULL)
        return sfx_err_set(err, SFX_E_INPUT, "the name of entry %llu cannot be read",
                           (unsigned long long)m->count);
    if (!m->all && is_own(m->name)) {
        m->name = NULL;
        *wanted = false;
        return 0;
    }
    if (m->is_file && lib->entry_is_encrypted(entry))
        return sfx_err_set(err, SFX_E_INPUT, "%s: is encrypted", m->name);
    return 0;
}

/* Names are made here, and when they are asked for. */
static int next_header(struct sfx_members *m, struct archive_entry **entry)
{
    locale_t utf8 = sfx_unpack_locale(), before = utf8 != (locale_t)0 ? uselocale(utf8) : utf8;
    int rc = m->unpack.lib.read_next_header(m->unpack.reader, entry);

    if (utf8 != (locale_t)0)
        (void)uselocale(before);
    return rc;
}

int sfx_members_next(struct sfx_members *m, struct sfx_err *err)
{
    bool wanted = false;
    int rc;

    if (m->name != NULL) {
        rc = drain_member(m, err);
        if (rc < 0)
            return rc;
    }
    m->name = NULL;
    sfx_source_rewound(&m->source);
    while (!wanted) {
        struct archive_entry *entry;

        rc = next_header(m, &entry);
        /* So does a file whose content was lost in a crash look: silence would lose it. */
        if (rc == ARCHIVE_EOF && m->count == 0 && m->format == SFX_FORMAT_TAR)
            return sfx_err_set(err, SFX_E_INPUT, "holds nothing but zero bytes");
        if (rc == ARCHIVE_EOF)
            return expect_end(m, err);
        /* A warning is about an attribute: a name that has no form in this locale, a date. */
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return sfx_unpack_fail(&m->unpack, err);
        rc = sfx_input_meter_add(m->meter, SFX_LAYER_ARCHIVE, 0, err);
        if (rc < 0)
            return rc;
        if (++m->count > m->meter->limits.max_members)
            return sfx_err_set(err, SFX_E_LIMIT, "holds more than %llu entries",
                               (unsigned long long)m->meter->limits.max_members);
        rc = check_member(m, entry, &wanted, err);
        if (rc < 0)
            return rc;
    }
    return 1;
}

void sfx_members_done(struct sfx_members *m)
{
    sfx_unpack_done(&m->unpack);
    sfx_source_done(&m->source);
    *m = (struct sfx_members){0};
}
