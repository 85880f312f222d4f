/* SPDX-License-Identifier: MIT */
/* The worker's side of the conversation: descriptors in, images out. */
#include "image/image_worker.h"

#include "base/child.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "base/size.h"
#include "image/codecs.h"
#include "image/image_info.h"
#include "image/placeholder.h"
#include "image/verbatim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct output {
    int fd;
    char name[PATH_MAX];
    struct sfx_sha256 *sha; /* NULL: no hash is wanted */
    struct sfx_sha256 context;
    struct sfx_image_output_end end;
};

struct worker {
    const struct sfx_image_task *task;
    int channel;
    struct sfx_image_order order;
    int in_fd;
    bool locked_down;
    uint8_t head[SFX_CODECS_HEAD_NBYTES]; /* of a pipe, read before */
    size_t head_nbytes;
    struct sfx_sha256 in_sha;
    struct sfx_image_end end;
    struct output *outputs;                     /* owned; one for each size */
    size_t noutputs;                            /* open */
    struct sfx_buf text, small, blurhash, lqip; /* small: what placeholders are made of */
};

static ssize_t read_input(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct worker *w = ctx;
    ssize_t n;

    if (w->head_nbytes > 0) { /* read before */
        n = (ssize_t)(w->head_nbytes < cap ? w->head_nbytes : cap);
        memcpy(ptr, w->head, (size_t)n);
        w->head_nbytes -= (size_t)n;
        memmove(w->head, w->head + n, w->head_nbytes);
    } else {
        n = sfx_io_read(w->in_fd, ptr, cap, err);
    }

    if (n <= 0)
        return n;
    w->end.in_nbytes += (uint64_t)n;
    if (w->task->max_in_nbytes > 0 && w->end.in_nbytes > w->task->max_in_nbytes)
        return sfx_err_set(err, SFX_E_LIMIT, "more than the limit of %llu bytes",
                           (unsigned long long)w->task->max_in_nbytes);
    if (w->task->hash)
        sfx_sha256_update(&w->in_sha, ptr, (size_t)n);
    return n;
}

static int write_output(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    struct output *out = ctx;
    int rc = sfx_io_write(out->fd, ptr, len, err);

    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", out->name);
    out->end.nbytes += len;
    if (out->sha != NULL)
        sfx_sha256_update(out->sha, ptr, len);
    return 0;
}

static int write_small(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    return sfx_buf_append(ctx, ptr, len, err);
}

/* The parent has the file of an output: it is asked for each. */
static int ask_for_output(struct worker *w, const struct sfx_resize_facts *facts,
                          struct sfx_image_sink *sink, struct sfx_err *err)
{
    struct output *out = &w->outputs[w->noutputs];
    struct sfx_image_open open = {
        .kind = SFX_IMAGE_OPEN,
        .index = (uint32_t)facts->index,
        .format = facts->format,
        .width_px = facts->width_px,
        .height_px = facts->height_px,
    };
    struct iovec iov = {&open, sizeof(open)};
    struct sfx_image_answer answer;
    ssize_t n;
    int rc = sfx_channel_send(w->channel, &iov, 1, -1, err);

    if (rc < 0)
        return rc;
    n = sfx_channel_receive(w->channel, &answer, sizeof(answer), &out->fd, err);
    if (n != (ssize_t)sizeof(answer))
        return n < 0 ? (int)n : sfx_err_errno(err, EPIPE, "channel");
    if (answer.rc < 0 && err != NULL)
        *err = answer.err;
    if (answer.rc != 0)
        return answer.rc;
    memcpy(out->name, answer.name, sizeof(out->name));
    out->end = (struct sfx_image_output_end){.index = (uint32_t)facts->index};
    out->sha = w->task->hash ? &out->context : NULL;
    sfx_sha256_init(&out->context);
    *sink = (struct sfx_image_sink){write_output, out};
    w->noutputs++;
    return 0;
}

/* The engine asks for an output's sink. */
static int open_output(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                       struct sfx_err *err)
{
    struct worker *w = ctx;
    int rc = 0;

    w->end.found = facts->found;
    if (w->task->placeholders == 0 || facts->index + 1 < w->task->resize->noutputs)
        return ask_for_output(w, facts, sink, err);
    /* Whoever looks for a quality asks several times. */
    sfx_buf_clear(&w->small);
    sfx_buf_clear(&w->text);
    *sink = (struct sfx_image_sink){write_small, &w->small};
    if (w->task->describe) {
        const struct sfx_image_name name = {w->order.path, w->order.is_file, w->order.nbytes};

        rc = sfx_image_info_write(facts->input, &name, &w->text, err);
    }
    return rc;
}

static int make_placeholders(struct worker *w, struct sfx_err *err)
{
    struct sfx_slice small = sfx_buf_slice(&w->small);
    unsigned wanted = w->task->placeholders;
    int rc = 0;

    if (wanted & SFX_PLACEHOLDER_BLURHASH)
        rc = sfx_placeholder_blurhash(small, &w->blurhash, err);
    if (rc == 0 && w->task->describe && w->blurhash.len > 0)
        rc = sfx_image_info_add(&w->text, "blurhash", sfx_buf_slice(&w->blurhash), err);
    if (rc == 0 && wanted & SFX_PLACEHOLDER_LQIP)
        rc = sfx_placeholder_lqip(small, &w->lqip, err);
    if (rc == 0 && w->task->describe && w->lqip.len > 0)
        rc = sfx_image_info_add(&w->text, "lqip", sfx_buf_slice(&w->lqip), err);
    return rc < 0 ? sfx_err_wrap(err, rc, "placeholder") : 0;
}

/* The rest of the input, which a decoder need not read, belongs to its hash. */
static int hash_rest(struct worker *w, struct sfx_err *err)
{
    char block[16384];
    ssize_t n;

    do
        n = read_input(w, block, sizeof(block), err);
    while (n > 0);
    return (int)n;
}

static int work(struct worker *w, struct sfx_err *err)
{
    const struct sfx_image_source source = {.read = read_input, .ctx = w};
    const struct sfx_resize_target target = {open_output, w};
    size_t i;
    int rc;

    if (w->task->describe && w->task->placeholders == 0) {
        const struct sfx_image_name name = {w->order.path, w->order.is_file, w->order.nbytes};

        return sfx_image_info_describe(&source, &name, &w->task->resize->limits, &w->text, err);
    }
    rc = sfx_resize_smallest(&source, w->task->resize, &target, &w->end.damage);
    if (rc < 0 && err != NULL)
        *err = w->end.damage;
    w->end.damaged = rc > 0;
    rc = rc > 0 ? 0 : rc;
    if (rc == 0 && w->small.len > 0)
        rc = make_placeholders(w, err);
    for (i = 0; i < w->noutputs && rc == 0 && w->task->durable; i++)
        if (fsync(w->outputs[i].fd) != 0 && errno != EINVAL && errno != EROFS)
            rc = sfx_err_errno(err, errno, "%s: cannot sync", w->outputs[i].name);
    return rc;
}

/* Tells the end of a file. Errors: IO: the parent is gone. */
static int tell_end(struct worker *w, struct sfx_err *err)
{
    struct sfx_image_output_end ends[SFX_IMAGE_MAX_OUTPUTS];
    struct iovec iov[] = {{&w->end, sizeof(w->end)},
                          {ends, 0},
                          {w->text.data, w->text.len},
                          {w->blurhash.data, w->blurhash.len},
                          {w->lqip.data, w->lqip.len}};
    size_t i;

    for (i = 0; i < w->noutputs; i++) {
        struct output *out = &w->outputs[i];

        if (out->sha != NULL)
            sfx_sha256_final(out->sha, out->end.sha256);
        ends[i] = out->end;
        (void)sfx_io_close(&out->fd, NULL);
    }
    iov[1].iov_len = w->noutputs * sizeof(ends[0]);
    w->end.noutputs = (uint32_t)w->noutputs;
    w->end.text_nbytes = (uint32_t)w->text.len;
    w->end.blurhash_nbytes = (uint32_t)w->blurhash.len;
    w->end.lqip_nbytes = (uint32_t)w->lqip.len;
    sfx_sha256_final(&w->in_sha, w->end.in_sha256);
    return sfx_channel_send(w->channel, iov, SFX_COUNT(iov), -1, err);
}

/* Reads the first bytes of a pipe, for what they say of the libraries that are needed. */
static void peek(struct worker *w)
{
    ssize_t n = 1;

    while (n > 0 && w->head_nbytes < sizeof(w->head)) {
        n = sfx_io_read(w->in_fd, w->head + w->head_nbytes, sizeof(w->head) - w->head_nbytes, NULL);
        w->head_nbytes += n > 0 ? (size_t)n : 0;
    }
}

/* Before the first order is worked on: what it needs is opened, then rights are given up. */
static void lock_down(struct worker *w)
{
    struct sfx_sandbox sandbox = {.compute_only = true};

    if (lseek(w->in_fd, 0, SEEK_CUR) < 0) {
        peek(w);
        w->order.libs |= sfx_codecs_of_head(w->head);
    }
    sfx_codecs_open(w->order.libs);
    /* Decoders of libheif wait for ever for threads that they cannot start: files and sockets are
     * all that can be taken from them. */
    if ((w->order.libs & SFX_CODEC_HEIF) != 0)
        sandbox.compute_only = false;
    if (w->task->sandbox)
        (void)sfx_sandbox_enter(&sandbox, NULL);
    w->locked_down = true;
}

static void clear_texts(struct worker *w)
{
    sfx_buf_clear(&w->text);
    sfx_buf_clear(&w->small);
    sfx_buf_clear(&w->blurhash);
    sfx_buf_clear(&w->lqip);
}

/* Does one order. Returns 1; 0 when there are no more; <0 when the parent is gone. */
static int serve_one(struct worker *w, struct sfx_err *err)
{
    ssize_t n = sfx_channel_receive(w->channel, &w->order, sizeof(w->order), &w->in_fd, err);
    int rc;

    if (n <= 0)
        return (int)n;
    if (!w->locked_down)
        lock_down(w);
    w->end = (struct sfx_image_end){.kind = SFX_IMAGE_END};
    w->noutputs = 0;
    clear_texts(w);
    sfx_sha256_init(&w->in_sha);
    w->end.rc = work(w, &w->end.err);
    /* The file may be bad beyond what its decoder saw; what its hash is can still be said. */
    if (w->task->hash && hash_rest(w, NULL) < 0)
        w->end.in_nbytes = 0;
    if (w->text.len > SFX_IMAGE_MAX_TEXT || w->lqip.len > SFX_PLACEHOLDER_MAX) {
        w->end.rc = sfx_err_set(&w->end.err, SFX_E_LIMIT, "its description is too long");
        clear_texts(w);
    }
    rc = tell_end(w, err);
    (void)sfx_io_close(&w->in_fd, NULL);
    return rc < 0 ? rc : 1;
}

int sfx_image_worker_serve(void *ctx, int channel)
{
    struct worker w = {.task = ctx, .channel = channel, .in_fd = -1};
    int rc;

    w.outputs = calloc(w.task->resize->noutputs, sizeof(*w.outputs));
    if (w.outputs == NULL)
        return 1;
    do
        rc = serve_one(&w, NULL);
    while (rc > 0);
    free(w.outputs);
    sfx_buf_done(&w.text);
    sfx_buf_done(&w.small);
    sfx_buf_done(&w.blurhash);
    sfx_buf_done(&w.lqip);
    return rc < 0;
}
