/* SPDX-License-Identifier: MIT */
/* Inputs: an operand becomes a sequence of named streams, decoded once outside and once inside. */
#include "archive/input.h"

#include "archive/input_internal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define SFX_INPUT_PEEK_NBYTES 4096

#define NS_PER_S 1000000000

struct sfx_input {
    const char *path; /* borrowed */
    struct sfx_input_meter meter;
    struct sfx_input_file file;
    struct sfx_decoder outer; /* of the operand */
    struct sfx_members members;
    struct sfx_decoder inner;  /* of a member */
    struct sfx_source *stream; /* the current one; NULL before the first and after the last */
    uint64_t stream_nbytes;    /* of it, read so far */
    bool opened, plain;
    bool entries, stored; /* of sfx_input_take_entries */
    struct sfx_buf data_name;
};

static void default_limits(struct sfx_input_limits *limits)
{
    if (limits->max_members == 0)
        limits->max_members = 100000;
    if (limits->max_member_nbytes == 0)
        limits->max_member_nbytes = (uint64_t)16 << 30;
    if (limits->max_total_nbytes == 0)
        limits->max_total_nbytes = (uint64_t)64 << 30;
    if (limits->max_ratio == 0)
        limits->max_ratio = 200;
    if (limits->max_time_ns == 0)
        limits->max_time_ns = (int64_t)3600 * 1000000000;
}

static struct sfx_input *input_new(int fd, bool owned, const char *path,
                                   const struct sfx_input_limits *limits, struct sfx_err *err)
{
    struct sfx_input *in = calloc(1, sizeof(*in));
    int rc;

    if (in == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "%s", path);
        return NULL;
    }
    in->path = path;
    if (limits != NULL)
        in->meter.limits = *limits;
    default_limits(&in->meter.limits);
    rc = sfx_input_file_init(&in->file, fd, owned, &in->meter, err);
    if (rc < 0) {
        (void)sfx_err_wrap(err, rc, "%s", path);
        sfx_input_free(in);
        return NULL;
    }
    return in;
}

int sfx_input_preload(struct sfx_err *err)
{
    int rc = sfx_unpack_preload(err);

    return rc == 0 ? sfx_gunzip_preload(err) : rc;
}

struct sfx_input *sfx_input_new(const char *path, const struct sfx_input_limits *limits,
                                struct sfx_err *err)
{
    struct sfx_input *in;
    int fd;

    if (strcmp(path, "-") == 0)
        return input_new(STDIN_FILENO, false, path, limits, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        (void)sfx_err_errno(err, errno, "%s", path);
        return NULL;
    }
    in = input_new(fd, true, path, limits, err);
    if (in == NULL)
        (void)sfx_io_close(&fd, NULL);
    return in;
}

struct sfx_input *sfx_input_new_fd(int fd, const char *name, const struct sfx_input_limits *limits,
                                   struct sfx_err *err)
{
    return input_new(fd, false, name, limits, err);
}

/* Puts a decoder on top of *src when its first bytes ask for one. */
static int decode_if_compressed(struct sfx_input *in, struct sfx_decoder *decoder,
                                enum sfx_input_layer layer, struct sfx_source **src,
                                struct sfx_err *err)
{
    enum sfx_input_filter filter;
    struct sfx_slice head;
    int rc = sfx_source_peek(*src, SFX_INPUT_HEAD_NBYTES, sfx_input_head_decides, &head, err);

    if (rc < 0)
        return rc;
    filter = sfx_input_filter_of(head);
    if (filter == SFX_FILTER_NONE)
        return 0;
    rc = sfx_decoder_init(decoder, filter, *src, &in->meter, layer, err);
    *src = &decoder->source;
    return rc;
}

/* Finds out what the operand holds. */
static int open_operand(struct sfx_input *in, struct sfx_err *err)
{
    struct sfx_source *src = &in->file.source;
    struct sfx_input_file *seekable = NULL;
    enum sfx_input_format format;
    struct sfx_slice head;
    int rc = decode_if_compressed(in, &in->outer, SFX_LAYER_OPERAND, &src, err);

    if (rc == 0)
        rc = sfx_source_peek(src, SFX_INPUT_HEAD_NBYTES, sfx_input_head_decides, &head, err);
    if (rc < 0)
        return rc;
    format = sfx_input_format_of(head);
    if (src == &in->file.source && in->file.regular) {
        rc = sfx_input_file_unread(&in->file, err);
        seekable = &in->file;
    }
    if (rc == 0 && format != SFX_FORMAT_STREAM) {
        rc = sfx_members_init(&in->members, format, src, seekable, &in->meter, err);
        in->members.all = in->entries;
        return rc;
    }
    in->stream = src;
    in->plain = src == &in->file.source;
    return rc;
}

/* A stream that is there: its name, its own decoder. */
static int next_member(struct sfx_input *in, struct sfx_err *err)
{
    struct sfx_source *src = &in->members.source;
    int rc;

    if (in->inner.filter != SFX_FILTER_NONE)
        sfx_decoder_done(&in->inner);
    rc = sfx_members_next(&in->members, err);
    if (rc <= 0)
        return rc;
    rc = in->stored ? 0 : decode_if_compressed(in, &in->inner, SFX_LAYER_MEMBER, &src, err);
    in->stream = src;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", in->members.name) : 1;
}

static int next_stream(struct sfx_input *in, struct sfx_err *err)
{
    bool first = !in->opened;
    int rc = 0;

    if (first) {
        in->opened = true;
        rc = open_operand(in, err);
        if (rc < 0)
            return rc;
    }
    if (in->members.format != SFX_FORMAT_STREAM)
        return next_member(in, err);
    return first;
}

void sfx_input_take_entries(struct sfx_input *in, bool stored)
{
    in->entries = true;
    in->stored = stored;
}

struct archive_entry *sfx_input_header(const struct sfx_input *in)
{
    return in->members.name != NULL ? in->members.entry : NULL;
}

int sfx_input_entry(const struct sfx_input *in, struct sfx_input_entry *entry, struct sfx_err *err)
{
    const struct sfx_members *m = &in->members;
    const struct sfx_libarchive *lib = &m->unpack.lib;
    int64_t nbytes;

    *entry = (struct sfx_input_entry){0};
    if (m->name == NULL)
        return sfx_err_set(err, SFX_E_INPUT, "%s: is no archive", in->path);
    entry->is_file = m->is_file;
    if (!m->is_file)
        return 0;
    nbytes = lib->entry_size_is_set(m->entry) ? lib->entry_size(m->entry) : -1;
    if (nbytes < 0)
        return sfx_err_set(err, SFX_E_INPUT, "%s: %s: its size is not said", in->path, m->name);
    entry->nbytes = (uint64_t)nbytes;
    return 0;
}

/* Around each call that may decode. */
static void enter(struct sfx_input *in)
{
    in->meter.entered_ns = sfx_clock_mono_ns();
}

static void leave(struct sfx_input *in)
{
    in->meter.decoding_ns += sfx_clock_mono_ns() - in->meter.entered_ns;
}

int sfx_input_next(struct sfx_input *in, struct sfx_err *err)
{
    struct sfx_slice name;
    int rc;

    in->stream = NULL;
    in->stream_nbytes = 0;
    enter(in);
    rc = next_stream(in, err);
    leave(in);
    if (rc < 0) {
        in->stream = NULL;
        return sfx_err_wrap(err, rc, "%s", in->path);
    }
    if (rc == 0) {
        in->stream = NULL;
        return 0;
    }
    name = sfx_input_strip_suffix(
        sfx_slice_str(in->members.name != NULL ? in->members.name : in->path));
    sfx_buf_clear(&in->data_name);
    rc = sfx_buf_append(&in->data_name, name.ptr, name.len, err);
    if (rc == 0 && sfx_buf_cstr(&in->data_name, err) == NULL)
        rc = SFX_E_NOMEM;
    return rc < 0 ? rc : 1;
}

static int wrap_names(const struct sfx_input *in, int rc, struct sfx_err *err)
{
    if (in->members.name != NULL)
        rc = sfx_err_wrap(err, rc, "%s", in->members.name);
    return sfx_err_wrap(err, rc, "%s", in->path);
}

ssize_t sfx_input_read(struct sfx_input *in, void *ptr, size_t cap, struct sfx_err *err)
{
    ssize_t n;

    if (in->stream == NULL)
        return 0;
    enter(in);
    n = sfx_source_read(in->stream, ptr, cap, err);
    leave(in);
    if (n < 0)
        return wrap_names(in, (int)n, err);
    in->stream_nbytes += (uint64_t)n;
    if (!in->plain && in->stream_nbytes > in->meter.limits.max_member_nbytes) {
        int rc = sfx_err_set(err, SFX_E_LIMIT, "is longer than %llu bytes",
                             (unsigned long long)in->meter.limits.max_member_nbytes);

        return wrap_names(in, rc, err);
    }
    return n;
}

int sfx_input_peek(struct sfx_input *in, struct sfx_slice *head, struct sfx_err *err)
{
    int rc;

    *head = sfx_slice(NULL, 0);
    if (in->stream == NULL)
        return 0;
    enter(in);
    rc = sfx_source_peek(in->stream, SFX_INPUT_PEEK_NBYTES, in->plain ? sfx_input_file_quiet : NULL,
                         head, err);
    leave(in);
    /* A file's descriptor stays where its unread data begins. */
    if (rc == 0 && in->plain && in->file.regular)
        rc = sfx_input_file_unread(&in->file, err);
    return rc < 0 ? wrap_names(in, rc, err) : 0;
}

const char *sfx_input_name(const struct sfx_input *in)
{
    return in->path;
}

const char *sfx_input_member(const struct sfx_input *in)
{
    return in->members.name;
}

const char *sfx_input_data_name(const struct sfx_input *in)
{
    return in->data_name.data;
}

int sfx_input_fd(const struct sfx_input *in)
{
    return in->stream != NULL && in->plain && in->file.regular ? in->file.fd : -1;
}

int sfx_input_pipe(const struct sfx_input *in)
{
    return in->stream != NULL && in->plain && !in->file.regular ? in->file.fd : -1;
}

bool sfx_input_would_block(const struct sfx_input *in)
{
    const struct sfx_source *src = in->stream;

    if (src == NULL || src->at < src->len || src->ended)
        return false;
    return sfx_input_file_quiet((void *)&in->file, sfx_slice(NULL, 0));
}

int sfx_input_wait(const struct sfx_input *in, int64_t timeout_ns, struct sfx_err *err)
{
    struct pollfd p = {.fd = in->file.fd, .events = POLLIN};
    struct timespec timeout = {.tv_sec = timeout_ns / NS_PER_S, .tv_nsec = timeout_ns % NS_PER_S};
    int n = in->file.regular ? 1 : ppoll(&p, 1, &timeout, NULL);

    if (n < 0 && errno != EINTR)
        return sfx_err_errno(err, errno, "%s: cannot wait", sfx_input_name(in));
    return n > 0;
}

uint64_t sfx_input_nbytes(const struct sfx_input *in)
{
    return in->meter.stored_nbytes;
}

uint64_t sfx_input_size(const struct sfx_input *in)
{
    return in->meter.stored_size != UINT64_MAX ? in->meter.stored_size : 0;
}

uint64_t sfx_input_nskipped(const struct sfx_input *in)
{
    return in->members.nskipped;
}

void sfx_input_say_skipped(const struct sfx_input *in, const struct sfx_log *log)
{
    uint64_t n = sfx_input_nskipped(in);

    if (n > 0)
        sfx_log(log, SFX_LOG_NOTICE, "%s: %" PRIu64 " %s skipped: not a regular file",
                sfx_input_name(in), n, n == 1 ? "member" : "members");
}

void sfx_input_free(struct sfx_input *in)
{
    if (in == NULL)
        return;
    sfx_decoder_done(&in->inner);
    sfx_members_done(&in->members);
    sfx_decoder_done(&in->outer);
    sfx_input_file_done(&in->file);
    sfx_buf_done(&in->data_name);
    free(in);
}
