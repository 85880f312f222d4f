/* SPDX-License-Identifier: MIT */
/*
 * The parts of an input, from the bottom up: a source of bytes (the operand), perhaps a decoder
 * over it, perhaps an archive over that, whose members may have a decoder of their own. Each part
 * is a source to the part above it.
 */
#ifndef SFX_ARCHIVE_INPUT_INTERNAL_H
#define SFX_ARCHIVE_INPUT_INTERNAL_H

#include "archive/input.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

/* A source of bytes with a look ahead. */
struct sfx_source {
    /* Gives 1 to cap bytes, 0 at the end, <0 on failure. */
    ssize_t (*fill)(void *ctx, void *ptr, size_t cap, struct sfx_err *err);
    void *ctx;
    char *buf;      /* owned; NULL until something looks ahead */
    size_t at, len; /* buf[at..len) is read but not used up */
    bool ended;     /* fill has said 0 */
};

/* As fill, from what was looked at first. */
ssize_t sfx_source_read(struct sfx_source *src, void *ptr, size_t cap, struct sfx_err *err);

/* The next bytes, as many as are at hand, used up. Empty at the end. Borrowed until the next call.
 */
int sfx_source_block(struct sfx_source *src, struct sfx_slice *block, struct sfx_err *err);

/*
 * The next bytes without using them up: `want` (at most 4096), fewer at the end or when `enough`
 * (may be NULL) says that those there will do. Borrowed until the next call.
 */
int sfx_source_peek(struct sfx_source *src, size_t want,
                    bool (*enough)(void *ctx, struct sfx_slice head), struct sfx_slice *head,
                    struct sfx_err *err);

/* Reads src to its end. */
int sfx_source_drain(struct sfx_source *src, struct sfx_err *err);

/* Forgets what was looked at and that the source has ended. */
void sfx_source_rewound(struct sfx_source *src);

void sfx_source_done(struct sfx_source *src);

/* What an operand has cost so far, against its limits. */
enum sfx_input_layer { SFX_LAYER_OPERAND, SFX_LAYER_ARCHIVE, SFX_LAYER_MEMBER, SFX_LAYERS };

struct sfx_input_meter {
    struct sfx_input_limits limits;      /* none is 0 */
    uint64_t stored_nbytes;              /* read from the operand, again when sought back */
    uint64_t stored_size;                /* of a regular file, else UINT64_MAX */
    uint64_t decoded_nbytes[SFX_LAYERS]; /* by the decoder or archive of that layer */
    int64_t entered_ns;                  /* when the call that is going on began */
    int64_t decoding_ns;                 /* in calls that have ended */
    int64_t waiting_ns;                  /* for the operand's bytes */
};

/* Counts nbytes that a layer decoded. Errors: LIMIT. */
int sfx_input_meter_add(struct sfx_input_meter *meter, enum sfx_input_layer layer, size_t nbytes,
                        struct sfx_err *err);

/* The operand itself. */
struct sfx_input_file {
    int fd;
    bool owned;
    bool regular;  /* can be sought */
    int64_t start; /* offset at which the operand begins */
    struct sfx_input_meter *meter;
    struct sfx_source source;
};

/* Takes fd (owned: closed by _done), which is open for reading. Errors: IO. */
int sfx_input_file_init(struct sfx_input_file *file, int fd, bool owned,
                        struct sfx_input_meter *meter, struct sfx_err *err);
/* Goes back by what was looked at but not used up; only for a regular file. Errors: IO. */
int sfx_input_file_unread(struct sfx_input_file *file, struct sfx_err *err);
/* True when a read would wait. ctx: the file. */
bool sfx_input_file_quiet(void *ctx, struct sfx_slice head);
void sfx_input_file_done(struct sfx_input_file *file);

/* What the first bytes say. */
enum sfx_input_filter {
    SFX_FILTER_NONE,
    SFX_FILTER_GZIP,
    SFX_FILTER_BZIP2,
    SFX_FILTER_XZ,
    SFX_FILTER_ZSTD,
    SFX_FILTER_LZ4,
};

enum sfx_input_format { SFX_FORMAT_STREAM, SFX_FORMAT_TAR, SFX_FORMAT_ZIP, SFX_FORMAT_7ZIP };

#define SFX_INPUT_HEAD_NBYTES 512 /* a tar header: the longest thing that is recognised */

/* Decoding to this size is allowed whatever the ratio: a small file of equal rows is no bomb. */
#define SFX_INPUT_RATIO_FREE_NBYTES ((uint64_t)16 << 20)

/* True when more bytes would not change what the first ones say. ctx: unused. */
bool sfx_input_head_decides(void *ctx, struct sfx_slice head);

enum sfx_input_filter sfx_input_filter_of(struct sfx_slice head);
enum sfx_input_format sfx_input_format_of(struct sfx_slice head);

/* libarchive's functions, opened at run time. */
struct sfx_libarchive {
    __typeof__(&archive_read_new) read_new;
    __typeof__(&archive_read_free) read_free;
    __typeof__(&archive_read_append_filter) read_append_filter;
    __typeof__(&archive_read_support_format_raw) read_support_format_raw;
    __typeof__(&archive_read_support_format_tar) read_support_format_tar;
    __typeof__(&archive_read_support_format_zip_seekable) read_support_format_zip_seekable;
    __typeof__(&archive_read_support_format_zip_streamable) read_support_format_zip_streamable;
    __typeof__(&archive_read_support_format_7zip) read_support_format_7zip;
    __typeof__(&archive_read_set_format_option) read_set_format_option;
    __typeof__(&archive_read_set_seek_callback) read_set_seek_callback;
    __typeof__(&archive_read_open) read_open;
    __typeof__(&archive_read_next_header) read_next_header;
    __typeof__(&archive_read_header_position) read_header_position;
    __typeof__(&archive_read_data) read_data;
    __typeof__(&archive_filter_bytes) filter_bytes;
    __typeof__(&archive_errno) error_number;
    __typeof__(&archive_error_string) error_string;
    __typeof__(&archive_entry_filetype) entry_filetype;
    __typeof__(&archive_entry_size) entry_size;
    __typeof__(&archive_entry_size_is_set) entry_size_is_set;
    __typeof__(&archive_entry_hardlink) entry_hardlink;
    __typeof__(&archive_entry_is_encrypted) entry_is_encrypted;
    __typeof__(&archive_entry_pathname) entry_pathname;
    __typeof__(&archive_entry_pathname_utf8) entry_pathname_utf8;
};

/* A libarchive reader over a source. */
struct sfx_unpack {
    struct sfx_libarchive lib;
    struct archive *reader;
    struct sfx_slice primer;         /* given to libarchive before src; borrowed */
    struct sfx_source *src;          /* borrowed */
    struct sfx_input_file *seekable; /* borrowed: src is this file and may be sought; or NULL */
    struct sfx_slice last;           /* what libarchive was given last */
    uint64_t given_nbytes;           /* to libarchive, in all */
    int src_rc;                      /* <0: src failed, */
    struct sfx_err src_err;          /* and this is why */
};

/*
 * The locale in which libarchive must be called to give names in UTF-8 as they are: it converts
 * them to the locale's characters and back, and C has none of them. NULL where there is none.
 */
locale_t sfx_unpack_locale(void);

/* Opens the library, no more. Errors: UNSUPPORTED, NOMEM. */
int sfx_unpack_preload(struct sfx_err *err);
int sfx_gunzip_preload(struct sfx_err *err);

/* Opens libarchive and makes a reader without any filter or format. Errors: UNSUPPORTED, NOMEM. */
int sfx_unpack_init(struct sfx_unpack *u, struct sfx_source *src, struct sfx_input_file *seekable,
                    struct sfx_err *err);
/* Starts reading with what the caller enabled. Errors: INPUT, IO, LIMIT. */
int sfx_unpack_open(struct sfx_unpack *u, struct sfx_err *err);
/* Describes a call of libarchive that failed: what src said, or libarchive. Errors: always. */
int sfx_unpack_fail(const struct sfx_unpack *u, struct sfx_err *err);
void sfx_unpack_done(struct sfx_unpack *u);

/* A decoder of one compressed stream. */
struct sfx_decoder {
    enum sfx_input_filter filter; /* NONE: not in use */
    struct sfx_source *src;       /* borrowed */
    struct sfx_input_meter *meter;
    enum sfx_input_layer layer;
    struct sfx_unpack unpack;  /* all but gzip */
    struct sfx_gunzip *gunzip; /* gzip */
    struct sfx_source source;  /* what comes out */
};

/* Errors: UNSUPPORTED, INPUT, NOMEM. */
int sfx_decoder_init(struct sfx_decoder *d, enum sfx_input_filter filter, struct sfx_source *src,
                     struct sfx_input_meter *meter, enum sfx_input_layer layer,
                     struct sfx_err *err);
void sfx_decoder_done(struct sfx_decoder *d);

/* A gzip decoder: libarchive checks neither CRC nor length. Errors: UNSUPPORTED, NOMEM. */
int sfx_gunzip_new(struct sfx_source *src, struct sfx_gunzip **out, struct sfx_err *err);
/* Up to cap bytes, 0 at the end. Errors: INPUT, and src's. */
ssize_t sfx_gunzip_read(struct sfx_gunzip *gz, void *ptr, size_t cap, struct sfx_err *err);
void sfx_gunzip_free(struct sfx_gunzip *gz);

/* INPUT when src holds anything but zero bytes up to its end (padding to blocks is common). */
int sfx_source_expect_end(struct sfx_source *src, struct sfx_err *err);

/* An archive's members, in order: the regular ones, or all. */
struct sfx_members {
    enum sfx_input_format format; /* STREAM: not in use */
    struct sfx_unpack unpack;
    struct sfx_input_meter *meter;
    struct sfx_source source;    /* the current member */
    const char *name;            /* its name; borrowed until _next */
    bool all;                    /* links, folders and devices are members, too */
    bool is_file;                /* the current one is regular */
    struct archive_entry *entry; /* its header; libarchive's, until _next */
    uint64_t count;              /* entries so far, skipped ones too */
    uint64_t nskipped;
};

/* Errors: UNSUPPORTED, INPUT, NOMEM. */
int sfx_members_init(struct sfx_members *m, enum sfx_input_format format, struct sfx_source *src,
                     struct sfx_input_file *seekable, struct sfx_input_meter *meter,
                     struct sfx_err *err);
/* 1: there is a member; 0: the archive has ended as it should. Errors: INPUT, LIMIT, IO. */
int sfx_members_next(struct sfx_members *m, struct sfx_err *err);
void sfx_members_done(struct sfx_members *m);

/* The header of the current stream, a member: for sfx_pack_copy. NULL: it is none. */
struct archive_entry *sfx_input_header(const struct sfx_input *in);

#endif
