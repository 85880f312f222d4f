/* SPDX-License-Identifier: MIT */
/* Inputs: what is stored is what is read, whatever wraps it; what is damaged or cut is an error. */
#include "archive/input.h"
#include "base/buf.h"
#include "base/io.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STORE_NBYTES ((size_t)4 << 20)

static char store[STORE_NBYTES]; /* what the archive under test holds */

struct member {
    const char *name;
    const char *content; /* NULL: text_content */
    unsigned filetype;   /* 0: AE_IFREG */
    const char *link;    /* target */
    bool hard;
};

/* Lines that compress, but not to nothing. */
static const char *text_content(void)
{
    static char text[20001];
    unsigned seed = 1;
    size_t i;

    for (i = 0; i < sizeof(text) - 1; i++) {
        seed = seed * 1103515245U + 12345U;
        text[i] = i % 50 == 49 ? '\n' : (char)('a' + (seed >> 16) % 20);
    }
    return text;
}

static void add_member(struct archive *a, const struct member *m)
{
    const char *content = m->content != NULL ? m->content : text_content();
    struct archive_entry *entry = archive_entry_new();
    unsigned filetype = m->filetype != 0 ? m->filetype : AE_IFREG;
    bool has_data = filetype == AE_IFREG && !m->hard;

    archive_entry_copy_pathname(entry, m->name);
    archive_entry_set_filetype(entry, filetype);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, has_data ? (la_int64_t)strlen(content) : 0);
    if (m->hard)
        archive_entry_copy_hardlink(entry, m->link);
    else if (m->link != NULL)
        archive_entry_copy_symlink(entry, m->link);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    if (has_data)
        assert_int_equal(archive_write_data(a, content, strlen(content)), strlen(content));
    archive_entry_free(entry);
}

/* Makes an archive in store; members end with a NULL name. Returns its size. */
static size_t pack(int format, int filter, const char *passphrase, const struct member *members)
{
    struct archive *a = archive_write_new();
    size_t used = 0;

    assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    if (passphrase != NULL) {
        assert_int_equal(archive_write_set_options(a, "zip:encryption=zipcrypt"), ARCHIVE_OK);
        assert_int_equal(archive_write_set_passphrase(a, passphrase), ARCHIVE_OK);
    }
    assert_int_equal(archive_write_set_bytes_in_last_block(a, 1), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(a, store, sizeof(store), &used), ARCHIVE_OK);
    for (; members->name != NULL; members++)
        add_member(a, members);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return used;
}

static size_t pack_stream(int filter, const char *content)
{
    static const char empty_lz4[] = "\x04\x22\x4d\x18\x60\x40\x82\0\0\0";
    const struct member members[] = {{.name = "data", .content = content}, {0}};

    /* libarchive's LZ4 writer does not survive being given nothing. */
    if (filter == ARCHIVE_FILTER_LZ4 && content != NULL && content[0] == '\0') {
        memcpy(store, empty_lz4, sizeof(empty_lz4));
        return sizeof(empty_lz4);
    }
    return pack(ARCHIVE_FORMAT_RAW, filter, NULL, members);
}

static int file_of(const void *ptr, size_t len)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(sfx_io_write(fd, ptr, len, NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* A pipe that holds the bytes and has no writer any more. */
static int pipe_of(const void *ptr, size_t len)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) >= (int)len);
    assert_int_equal(sfx_io_write(fds[1], ptr, len, NULL), 0);
    assert_int_equal(sfx_io_close(&fds[1], NULL), 0);
    return fds[0];
}

/* Reads all streams: their names and contents as "name<content>". Returns 0 or the error's code. */
static int read_all(struct sfx_input *in, struct sfx_buf *out, struct sfx_err *err)
{
    char block[3000];
    ssize_t n = 0;
    int rc;

    while ((rc = sfx_input_next(in, err)) == 1) {
        const char *name = sfx_input_member(in);

        assert_int_equal(sfx_buf_printf(out, NULL, "%s<", name != NULL ? name : ""), 0);
        while ((n = sfx_input_read(in, block, sizeof(block), err)) > 0)
            assert_int_equal(sfx_buf_append(out, block, (size_t)n, NULL), 0);
        if (n < 0)
            return (int)n;
        assert_int_equal(sfx_buf_putc(out, '>', NULL), 0);
    }
    return rc;
}

/* The same for a descriptor, which is closed. */
static int read_fd(int fd, const struct sfx_input_limits *limits, struct sfx_buf *out,
                   struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new_fd(fd, "op", limits, err);
    int rc;

    assert_non_null(in);
    sfx_buf_clear(out);
    rc = read_all(in, out, err);
    sfx_input_free(in);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    return rc;
}

static void assert_text(const struct sfx_buf *got, const char *want)
{
    assert_int_equal(got->len, strlen(want));
    assert_memory_equal(got->data, want, got->len);
}

/* got is "<raw>". */
static bool is_raw(const struct sfx_buf *got, const void *raw, size_t len)
{
    return got->len == len + 2 && memcmp(got->data + 1, raw, len) == 0;
}

static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ,
                              ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_LZ4};
#define NFILTERS (sizeof(filters) / sizeof(filters[0]))

static void plain_files_are_read_as_they_are(void **state)
{
    int fd = file_of("skipped,a,b\n1,2\n", 16);
    struct sfx_input *in;
    struct sfx_slice head;
    char got[32];

    (void)state;
    assert_int_equal(lseek(fd, 8, SEEK_SET), 8);
    in = sfx_input_new_fd(fd, "a.csv", NULL, NULL);
    assert_int_equal(sfx_input_next(in, NULL), 1);
    assert_null(sfx_input_member(in));
    assert_string_equal(sfx_input_data_name(in), "a.csv");
    assert_int_equal(sfx_input_peek(in, &head, NULL), 0);
    assert_int_equal(head.len, 8);
    assert_int_equal(sfx_input_fd(in), fd);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 8);
    assert_int_equal(sfx_input_read(in, got, sizeof(got), NULL), 8);
    assert_memory_equal(got, "a,b\n1,2\n", 8);
    assert_int_equal(sfx_input_read(in, got, sizeof(got), NULL), 0);
    assert_int_equal(sfx_input_nbytes(in), 8);
    assert_int_equal(sfx_input_next(in, NULL), 0);
    sfx_input_free(in);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
}

static void a_pipe_gives_its_lines_before_it_ends(void **state)
{
    int fds[2];
    struct sfx_input *in;
    struct sfx_slice head;
    char got[32];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(sfx_io_write(fds[1], "a,b\n", 4, NULL), 0);
    in = sfx_input_new_fd(fds[0], "-", NULL, NULL);
    assert_int_equal(sfx_input_next(in, NULL), 1);
    assert_int_equal(sfx_input_peek(in, &head, NULL), 0);
    assert_int_equal(head.len, 4);
    assert_false(sfx_input_would_block(in));
    assert_int_equal(sfx_input_read(in, got, sizeof(got), NULL), 4);
    assert_true(sfx_input_would_block(in));
    assert_int_equal(sfx_input_fd(in), -1);
    assert_int_equal(sfx_io_close(&fds[1], NULL), 0);
    assert_false(sfx_input_would_block(in));
    assert_int_equal(sfx_input_read(in, got, sizeof(got), NULL), 0);
    sfx_input_free(in);
    assert_int_equal(sfx_io_close(&fds[0], NULL), 0);
}

static void compressed_streams_decode_once_also_when_joined(void **state)
{
    struct sfx_buf got = {0};
    size_t i;

    (void)state;
    for (i = 0; i < NFILTERS; i++) {
        size_t len = pack_stream(filters[i], NULL);
        struct sfx_err err = {0};

        assert_int_equal(read_fd(file_of(store, len), NULL, &got, &err), 0);
        assert_true(is_raw(&got, text_content(), 20000));
        assert_int_equal(read_fd(pipe_of(store, len), NULL, &got, &err), 0);
        assert_true(is_raw(&got, text_content(), 20000));
        memcpy(store + len, store, len);
        assert_int_equal(read_fd(file_of(store, 2 * len), NULL, &got, &err), 0);
        assert_int_equal(got.len, 2 * 20000 + 2);
        assert_memory_equal(got.data + 1 + 20000, text_content(), 20000);
        len = pack_stream(filters[i], "");
        assert_int_equal(read_fd(file_of(store, len), NULL, &got, &err), 0);
        assert_text(&got, "<>");
    }
    sfx_buf_done(&got);
}

/* Cut anywhere, a stream is an error, or so short that nothing says what it was. */
static void cut_streams_are_errors_at_every_length(void **state)
{
    struct sfx_buf got = {0};
    size_t i, cut;

    (void)state;
    for (i = 0; i < NFILTERS; i++) {
        size_t len = pack_stream(filters[i], "once upon a time\nthere was a line\n");

        memcpy(store + len, store, len); /* a second one: cut inside and between */
        for (cut = 0; cut < 2 * len; cut++) {
            int rc = read_fd(file_of(store, cut), NULL, &got, NULL);

            if (rc == 0 && cut == len)
                assert_text(&got, "<once upon a time\nthere was a line\n>");
            else if (rc == 0)
                assert_true(cut < 10 && is_raw(&got, store, cut));
            else
                assert_int_equal(rc, SFX_E_INPUT);
        }
    }
    sfx_buf_done(&got);
}

/* As it comes from tapes and from tools that write whole blocks. */
static void zeros_after_gzip_are_padding(void **state)
{
    struct sfx_buf got = {0};
    size_t len = pack_stream(ARCHIVE_FILTER_GZIP, "data");

    (void)state;
    memset(store + len, 0, 100000);
    assert_int_equal(read_fd(file_of(store, len + 100000), NULL, &got, NULL), 0);
    assert_text(&got, "<data>");
    store[len + 99999] = 'x';
    assert_int_equal(read_fd(file_of(store, len + 100000), NULL, &got, NULL), SFX_E_INPUT);
    sfx_buf_done(&got);
}

static void damage_and_garbage_are_errors(void **state)
{
    struct sfx_buf got = {0};
    size_t i;

    (void)state;
    for (i = 0; i < NFILTERS; i++) {
        size_t len = pack_stream(filters[i], NULL);

        memcpy(store + len, "garbage", 7);
        assert_int_equal(read_fd(file_of(store, len + 7), NULL, &got, NULL), SFX_E_INPUT);
        store[len / 2] ^= 0x10;
        /* libarchive writes zstd and LZ4 frames without checksums, as those formats allow. */
        if (filters[i] != ARCHIVE_FILTER_ZSTD && filters[i] != ARCHIVE_FILTER_LZ4)
            assert_int_equal(read_fd(file_of(store, len), NULL, &got, NULL), SFX_E_INPUT);
    }
    sfx_buf_done(&got);
}

static void a_stream_in_a_stream_is_data(void **state)
{
    struct sfx_buf got = {0};
    size_t len = pack_stream(ARCHIVE_FILTER_GZIP, "deep");
    char *inner = malloc(len);
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t used = 0;

    (void)state;
    assert_non_null(inner);
    memcpy(inner, store, len);
    archive_write_set_format_raw(a);
    archive_write_add_filter_gzip(a);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, store, sizeof(store), &used), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, inner, len), len);
    archive_entry_free(entry);
    archive_write_free(a);
    assert_int_equal(read_fd(file_of(store, used), NULL, &got, NULL), 0);
    assert_true(is_raw(&got, inner, len));
    free(inner);
    sfx_buf_done(&got);
}

static const struct member some_members[] = {
    {.name = "dir/", .filetype = AE_IFDIR},
    {.name = "dir/a.csv", .content = "a,b\n1,2\n"},
    {.name = "link.csv", .filetype = AE_IFLNK, .link = "dir/a.csv"},
    {.name = "../../etc/passwd", .content = "only a name"},
    {.name = "last", .content = "z"},
    {.name = "empty", .content = ""},
    {0},
};
#define SOME_TEXT "dir/a.csv<a,b\n1,2\n>../../etc/passwd<only a name>last<z>empty<>"

static const int formats[] = {ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_TAR_GNUTAR,
                              ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_ZIP,
                              ARCHIVE_FORMAT_7ZIP};
#define NFORMATS (sizeof(formats) / sizeof(formats[0]))

static void regular_members_are_streams_and_nothing_else_is(void **state)
{
    struct sfx_buf got = {0};
    size_t i;

    (void)state;
    for (i = 0; i < NFORMATS; i++) {
        size_t len = pack(formats[i], ARCHIVE_FILTER_NONE, NULL, some_members);
        int fd = file_of(store, len);
        struct sfx_input *in = sfx_input_new_fd(fd, "op", NULL, NULL);

        sfx_buf_clear(&got);
        assert_int_equal(read_all(in, &got, NULL), 0);
        assert_text(&got, SOME_TEXT);
        assert_int_equal(sfx_input_nskipped(in), 1); /* the link; a folder holds nothing */
        sfx_input_free(in);
        assert_int_equal(sfx_io_close(&fd, NULL), 0);
    }
    sfx_buf_done(&got);
}

static void hard_links_are_skipped(void **state)
{
    const struct member members[] = {
        {.name = "a", .content = "x"}, {.name = "b", .link = "a", .hard = true}, {0}};
    struct sfx_buf got = {0};
    size_t len = pack(ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, NULL, members);

    (void)state;
    assert_int_equal(read_fd(file_of(store, len), NULL, &got, NULL), 0);
    assert_text(&got, "a<x>");
    sfx_buf_done(&got);
}

static void compressed_tars_and_archives_from_pipes_are_read(void **state)
{
    struct sfx_buf got = {0};
    struct sfx_err err = {0};
    size_t i, len;

    (void)state;
    for (i = 0; i < NFILTERS; i++) {
        len = pack(ARCHIVE_FORMAT_TAR_GNUTAR, filters[i], NULL, some_members);
        assert_int_equal(read_fd(pipe_of(store, len), NULL, &got, &err), 0);
        assert_text(&got, SOME_TEXT);
        assert_int_equal(read_fd(file_of(store, len - 1), NULL, &got, NULL), SFX_E_INPUT);
    }
    len = pack(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, NULL, &some_members[3]);
    assert_int_equal(read_fd(pipe_of(store, len), NULL, &got, &err), 0);
    assert_text(&got, "../../etc/passwd<only a name>last<z>empty<>");
    len = pack(ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE, NULL, some_members);
    assert_int_equal(read_fd(pipe_of(store, len), NULL, &got, &err), SFX_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "not from a pipe"));
    sfx_buf_done(&got);
}

static void joined_tars_are_one(void **state)
{
    const struct member one[] = {{.name = "a", .content = "x"}, {0}};
    struct sfx_buf got = {0};
    size_t len = pack(ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, NULL, one);

    (void)state;
    memcpy(store + len, store, len);
    assert_int_equal(read_fd(file_of(store, 2 * len), NULL, &got, NULL), 0);
    assert_text(&got, "a<x>a<x>");
    sfx_buf_done(&got);
}

/* Cut anywhere, also between two members, an archive is an error; only what is shorter than a
 * header is data. */
static void cut_archives_are_errors_at_every_length(void **state)
{
    struct sfx_buf got = {0};
    size_t i, cut;

    (void)state;
    for (i = 0; i < NFORMATS; i++) {
        size_t len = pack(formats[i], ARCHIVE_FILTER_NONE, NULL, some_members);
        bool tar = formats[i] != ARCHIVE_FORMAT_ZIP && formats[i] != ARCHIVE_FORMAT_7ZIP;
        /* A tar archive's end mark may be cut down to one block. */
        size_t whole = tar ? len - 512 : len;

        for (cut = 0; cut < whole; cut += tar && cut % 512 > 1 && cut % 512 < 500 ? 31 : 1) {
            int rc = read_fd(file_of(store, cut), NULL, &got, NULL);

            if (rc == 0)
                assert_true(cut < (tar ? 512 : 6) && is_raw(&got, store, cut));
            else
                assert_int_equal(rc, SFX_E_INPUT);
        }
    }
    sfx_buf_done(&got);
}

/* Behind the members stands only the directory, which says nothing more. */
static void a_zip_pipe_that_is_cut_before_its_directory_is_an_error(void **state)
{
    struct sfx_buf got = {0};
    size_t len = pack(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, NULL, some_members);
    const char *directory = memmem(store, len, "PK\1\2", 4);
    size_t cut;

    (void)state;
    assert_non_null(directory);
    for (cut = 4; cut <= (size_t)(directory - store); cut++)
        assert_int_equal(read_fd(pipe_of(store, cut), NULL, &got, NULL), SFX_E_INPUT);
    sfx_buf_done(&got);
}

static void limits_stop_what_decodes_to_too_much(void **state)
{
    const struct member three[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {0}};
    struct sfx_input_limits limits = {.max_members = 2};
    struct sfx_buf got = {0};
    struct sfx_err err = {0};
    size_t len = pack(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, NULL, three);

    (void)state;
    assert_int_equal(read_fd(file_of(store, len), &limits, &got, &err), SFX_E_LIMIT);
    assert_string_equal(err.text, "op: holds more than 2 entries");
    limits = (struct sfx_input_limits){.max_total_nbytes = 50000};
    assert_int_equal(read_fd(file_of(store, len), &limits, &got, &err), SFX_E_LIMIT);
    assert_string_equal(err.text, "op: c: decodes to more than 50000 bytes");
    limits = (struct sfx_input_limits){.max_member_nbytes = 19999};
    assert_int_equal(read_fd(file_of(store, len), &limits, &got, &err), SFX_E_LIMIT);
    assert_string_equal(err.text, "op: a: is longer than 19999 bytes");
    limits = (struct sfx_input_limits){.max_time_ns = 1};
    assert_int_equal(read_fd(file_of(store, len), &limits, &got, &err), SFX_E_LIMIT);
    sfx_buf_done(&got);
}

/* 64 MiB of zeros: stopped after 16 MiB, at which the ratio is looked at, and not much later. */
static void a_bomb_is_stopped_by_its_ratio(void **state)
{
    size_t size = (size_t)64 << 20;
    char *zeros = malloc(size + 1);
    struct sfx_buf got = {0};
    struct sfx_err err = {0};
    size_t i;

    (void)state;
    assert_non_null(zeros);
    memset(zeros, '0', size);
    zeros[size] = '\0';
    for (i = 0; i < NFILTERS; i++) {
        size_t len = pack_stream(filters[i], zeros);
        int rc = read_fd(file_of(store, len), NULL, &got, &err);

        assert_int_equal(rc, len * 200 < size ? SFX_E_LIMIT : 0);
        if (rc < 0)
            assert_true(got.len < ((size_t)16 << 20) + len * 200 + 65536);
    }
    free(zeros);
    sfx_buf_done(&got);
}

static void encrypted_members_are_refused(void **state)
{
    struct sfx_buf got = {0};
    struct sfx_err err = {0};
    size_t len = pack(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, "secret", &some_members[4]);

    (void)state;
    assert_int_equal(read_fd(file_of(store, len), NULL, &got, &err), SFX_E_INPUT);
    assert_string_equal(err.text, "op: last: is encrypted");
    sfx_buf_done(&got);
}

static void names_are_kept_byte_by_byte(void **state)
{
    const struct member members[] = {{.name = "gr\xc3\xbc\xc3\x9f.csv", .content = "u"},
                                     {.name = "\xff.csv", .content = "l"},
                                     {0}};
    struct sfx_buf got = {0};
    size_t len = pack(ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_NONE, NULL, members);

    (void)state;
    assert_int_equal(read_fd(file_of(store, len), NULL, &got, NULL), 0);
    assert_text(&got, "gr\xc3\xbc\xc3\x9f.csv<u>\xff.csv<l>");
    sfx_buf_done(&got);
}

static void a_compressed_member_is_decoded_under_its_name(void **state)
{
    struct sfx_buf got = {0};
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t len = pack_stream(ARCHIVE_FILTER_ZSTD, "a,b\n");
    struct sfx_input *in;
    size_t used = 0;
    char inner[256];
    int fd;

    (void)state;
    assert_true(len < sizeof(inner));
    memcpy(inner, store, len);
    archive_write_set_format_zip(a);
    assert_int_equal(archive_write_open_memory(a, store, sizeof(store), &used), ARCHIVE_OK);
    archive_entry_set_pathname(entry, "d/a.csv.zst");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, (la_int64_t)len);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, inner, len), len);
    archive_entry_free(entry);
    archive_write_free(a);
    fd = file_of(store, used);
    in = sfx_input_new_fd(fd, "op.zip", NULL, NULL);
    assert_int_equal(sfx_input_next(in, NULL), 1);
    assert_string_equal(sfx_input_member(in), "d/a.csv.zst");
    assert_string_equal(sfx_input_data_name(in), "d/a.csv");
    assert_int_equal(sfx_input_read(in, inner, sizeof(inner), NULL), 4);
    assert_memory_equal(inner, "a,b\n", 4);
    assert_int_equal(sfx_input_next(in, NULL), 0);
    sfx_input_free(in);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    sfx_buf_done(&got);
}

static void errors_name_operand_and_member(void **state)
{
    const struct member members[] = {{.name = "first", .content = "x"}, {.name = "second"}, {0}};
    struct sfx_buf got = {0};
    struct sfx_err err = {0};

    (void)state;
    (void)pack(ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, NULL, members);
    assert_int_equal(read_fd(file_of(store, 4000), NULL, &got, &err), SFX_E_INPUT);
    assert_memory_equal(err.text, "op: second: ", 12);
    sfx_buf_done(&got);
}

static void texts_that_begin_like_magic_are_texts(void **state)
{
    static const char *const texts[] = {"BZh9 is a name\n", "PK,name\n1,2\n", "7z,x\n", "P", ""};
    struct sfx_buf got = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(read_fd(file_of(texts[i], strlen(texts[i])), NULL, &got, NULL), 0);
        assert_true(is_raw(&got, texts[i], strlen(texts[i])));
    }
    sfx_buf_done(&got);
}

static void what_cannot_be_opened_says_why(void **state)
{
    struct sfx_err err = {0};

    (void)state;
    assert_null(sfx_input_new("/nonexistent/a.csv", NULL, &err));
    assert_int_equal(err.code, SFX_E_IO);
    assert_string_equal(err.text, "/nonexistent/a.csv: No such file or directory");
    assert_null(sfx_input_new("/", NULL, &err));
    assert_int_equal(err.code, SFX_E_IO);
    assert_string_equal(err.text, "/: cannot be read: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files_are_read_as_they_are),
        cmocka_unit_test(a_pipe_gives_its_lines_before_it_ends),
        cmocka_unit_test(compressed_streams_decode_once_also_when_joined),
        cmocka_unit_test(cut_streams_are_errors_at_every_length),
        cmocka_unit_test(zeros_after_gzip_are_padding),
        cmocka_unit_test(damage_and_garbage_are_errors),
        cmocka_unit_test(a_stream_in_a_stream_is_data),
        cmocka_unit_test(regular_members_are_streams_and_nothing_else_is),
        cmocka_unit_test(hard_links_are_skipped),
        cmocka_unit_test(compressed_tars_and_archives_from_pipes_are_read),
        cmocka_unit_test(joined_tars_are_one),
        cmocka_unit_test(cut_archives_are_errors_at_every_length),
        cmocka_unit_test(a_zip_pipe_that_is_cut_before_its_directory_is_an_error),
        cmocka_unit_test(limits_stop_what_decodes_to_too_much),
        cmocka_unit_test(a_bomb_is_stopped_by_its_ratio),
        cmocka_unit_test(encrypted_members_are_refused),
        cmocka_unit_test(names_are_kept_byte_by_byte),
        cmocka_unit_test(a_compressed_member_is_decoded_under_its_name),
        cmocka_unit_test(errors_name_operand_and_member),
        cmocka_unit_test(texts_that_begin_like_magic_are_texts),
        cmocka_unit_test(what_cannot_be_opened_says_why),
    };

    return cmocka_run_group_tests_name("archive_input", tests, NULL, NULL);
}
