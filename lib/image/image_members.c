/* SPDX-License-Identifier: MIT */
/*
 * Operands that hold images inside: a locked-down child unpacks them (archive/input.h), each member
 * into an unnamed file, from which it becomes an input of the batch.
 *
 * The conversation: the parent sends the operand's name with its descriptor; the child sends a
 * MEMBER for each, which is answered with a file to fill or a word to pass it over, then what it
 * came to (a COPIED); at the end a DONE.
 */
#include "base/io.h"
#include "base/sandbox.h"
#include "image/image_batch_internal.h"
#include "media/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { MEMBER = 1, COPIED, DONE };

struct operand {
    char path[PATH_MAX];
};

struct report {
    uint32_t kind;
    int rc;              /* COPIED, DONE */
    bool is_member;      /* of an archive; else the operand itself, decompressed */
    bool is_image;       /* as far as its first bytes tell */
    char name[PATH_MAX]; /* MEMBER */
    struct sfx_err err;
};

/* Images begin so; of anything else a piece is enough for the message. */
#define HEAD_NBYTES 4096

static bool is_image(struct sfx_slice head)
{
    const struct sfx_slice type = sfx_media_signature(head);

    return type.len > 6 && memcmp(type.ptr, "image/", 6) == 0;
}

bool sfx_image_members_needed(int fd)
{
    char bytes[512]; /* a tar header: the longest thing that is recognised */
    ssize_t n = sfx_io_peek(fd, bytes, sizeof(bytes), NULL);
    struct sfx_slice head = sfx_slice(bytes, n > 0 ? (size_t)n : 0);

    if (is_image(head))
        return false;
    /* A pipe that has given little yet may become anything. */
    return n < (ssize_t)sizeof(bytes) ? lseek(fd, 0, SEEK_CUR) < 0 || sfx_input_is_packed(head)
                                      : sfx_input_is_packed(head);
}

/* --- the child */

struct unpacker {
    const struct sfx_image_batch_opts *opts;
    int channel;
    struct operand operand;
    struct report report;
};

static int copy(struct sfx_input *in, int fd, bool whole, struct sfx_err *err)
{
    static char block[65536];
    ssize_t n;
    int rc = 0;

    do {
        n = sfx_input_read(in, block, sizeof(block), err);
        if (n > 0 && (rc = sfx_io_write(fd, block, (size_t)n, err)) < 0)
            rc = sfx_err_wrap(err, rc, "temporary file");
    } while (n > 0 && rc == 0 && whole);
    return n < 0 ? (int)n : rc;
}

static int say(struct unpacker *u, enum kind kind, int rc)
{
    struct iovec iov = {&u->report, sizeof(u->report)};

    u->report.kind = kind;
    u->report.rc = rc;
    return sfx_channel_send(u->channel, &iov, 1, -1, NULL);
}

/* One stream of the input. Returns <0 when it cannot go on: told, or the parent is gone. */
static int unpack_one(struct unpacker *u, struct sfx_input *in)
{
    const char *member = sfx_input_member(in);
    struct report *r = &u->report;
    struct sfx_slice head;
    int answer = 1, fd = -1;
    int rc = sfx_input_peek(in, &head, &r->err);

    if (rc < 0)
        return rc;
    r->is_member = member != NULL;
    r->is_image = is_image(head);
    memset(r->name, 0, sizeof(r->name));
    (void)strncpy(r->name, member != NULL ? member : sfx_input_data_name(in), sizeof(r->name) - 1);
    if (say(u, MEMBER, 0) < 0 ||
        sfx_channel_receive(u->channel, &answer, sizeof(answer), &fd, NULL) != sizeof(answer))
        return sfx_err_set(&r->err, SFX_E_IO, "the parent is gone");
    if (answer == 0) {
        rc = copy(in, fd, r->is_image, &r->err);
        if (say(u, COPIED, rc) < 0 && rc == 0)
            rc = sfx_err_set(&r->err, SFX_E_IO, "the parent is gone");
    }
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

static int serve(void *ctx, int channel)
{
    static const struct sfx_sandbox sandbox = {.compute_only = true};
    struct unpacker u = {.opts = ctx, .channel = channel};
    struct sfx_input *in = NULL;
    int fd, rc;

    if (u.opts->sandbox)
        (void)sfx_sandbox_enter(&sandbox, NULL);
    if (sfx_channel_receive(channel, &u.operand, sizeof(u.operand), &fd, NULL) != sizeof(u.operand))
        return 1;
    in = sfx_input_new_fd(fd, u.operand.path, &u.opts->archive, &u.report.err);
    rc = in != NULL ? 1 : (int)u.report.err.code;
    while (rc > 0) {
        rc = sfx_input_next(in, &u.report.err);
        if (rc > 0) {
            rc = unpack_one(&u, in);
            rc = rc == 0 ? 1 : rc;
        }
    }
    (void)say(&u, DONE, rc);
    sfx_input_free(in);
    (void)sfx_io_close(&fd, NULL);
    return 0;
}

/* --- the parent */

struct members {
    struct sfx_image_batch *batch;
    struct sfx_child child;
    struct sfx_image_slot *slot; /* for what comes next; NULL: to be taken */
    char *path;                  /* owned: of the operand */
    char *event_id;              /* owned */
    struct sfx_image_subject subject;
    struct report report;
    int fd; /* owned: what the child fills; -1: none */
};

/* Waits for the child's next word, while the workers go on. Returns 1; 0: it is gone. */
static int hear(struct members *m, struct sfx_err *err)
{
    int rc = sfx_image_batch_wait(m->batch, m->child.fd, err), passed;
    ssize_t n;

    if (rc <= 0)
        return rc;
    n = sfx_channel_receive(m->child.fd, &m->report, sizeof(m->report), &passed, NULL);
    (void)sfx_io_close(&passed, NULL);
    m->report.name[sizeof(m->report.name) - 1] = '\0';
    m->report.err.text[sizeof(m->report.err.text) - 1] = '\0';
    m->report.err.note[0] = '\0';
    return n == (ssize_t)sizeof(m->report);
}

static int take_slot(struct members *m, struct sfx_err *err)
{
    int rc = 0;

    if (m->slot == NULL)
        rc = sfx_image_batch_take(m->batch, m->path, sfx_slice_str(m->event_id), &m->slot, err);
    if (rc == 0)
        m->slot->subject = m->subject;
    return rc;
}

/* Names the slot: "photos.zip: a.jpg", which is a.jpg for templates. */
static int name_slot(struct members *m, struct sfx_err *err)
{
    struct sfx_image_slot *slot = m->slot;

    slot->subject.event_id = sfx_slice_str(slot->event_id);
    slot->subject.is_member = m->report.is_member;
    if (strcmp(m->path, "-") != 0 || m->report.is_member) {
        slot->subject_path = strdup(m->report.name);
        if (slot->subject_path == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a name");
    }
    if (m->report.is_member && asprintf(&slot->name, "%s: %s", m->path, m->report.name) < 0) {
        slot->name = slot->path;
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a name");
    }
    return 0;
}

/* What is neither an image nor named like one does not belong to the pictures of an archive. */
static bool is_wanted(const struct report *r)
{
    struct sfx_path_parts parts;

    if (r->is_image || !r->is_member || r->name[0] == '\0')
        return true;
    sfx_path_split(sfx_slice_str(r->name), &parts);
    return sfx_image_format_named(parts.ext) != SFX_IMAGE_ANY;
}

static int on_member(struct members *m, struct sfx_err *err)
{
    struct iovec iov = {NULL, sizeof(int)};
    int answer = 0, rc = take_slot(m, err);

    if (rc == 0)
        rc = name_slot(m, err);
    if (rc < 0)
        return rc;
    if (!is_wanted(&m->report)) {
        m->slot->passed = true;
        sfx_image_slot_finish(m->slot, 0);
        m->slot = NULL;
        answer = 1;
    } else {
        m->fd = sfx_io_unnamed(m->batch->opts->tmp_dir, err);
        if (m->fd < 0)
            return m->fd;
    }
    iov.iov_base = &answer;
    /* If it is gone, that is heard next. */
    (void)sfx_channel_send(m->child.fd, &iov, 1, m->fd, NULL);
    return 0;
}

static int on_copied(struct members *m, struct sfx_err *err)
{
    struct sfx_image_slot *slot = m->slot;

    if (slot == NULL || m->fd < 0)
        return sfx_err_set(err, SFX_E_INPUT, "%s: its unpacker makes no sense", m->path);
    slot->fd = m->fd;
    m->fd = -1;
    m->slot = NULL;
    if (m->report.rc < 0) {
        /* Said once, for the operand. */
        slot->passed = true;
        sfx_image_slot_finish(slot, 0);
        return 0;
    }
    if (lseek(slot->fd, 0, SEEK_SET) != 0)
        return sfx_err_set(err, SFX_E_IO, "temporary file: cannot seek");
    return sfx_image_batch_queue(m->batch, slot, err);
}

/* The operand as such failed. */
static int fail(struct members *m, int code, const struct sfx_err *failure, struct sfx_err *err)
{
    int rc = take_slot(m, err);

    if (rc < 0)
        return rc;
    m->slot->failure = *failure;
    m->slot->failure.code = (enum sfx_code)code;
    sfx_image_slot_finish(m->slot, code);
    m->slot = NULL;
    return 0;
}

static int converse(struct members *m, struct sfx_err *err)
{
    struct sfx_err failure;
    int rc;

    while ((rc = hear(m, err)) > 0) {
        if (m->report.kind == DONE && m->report.rc >= SFX_E_UNSUPPORTED && m->report.rc < 0)
            return fail(m, m->report.rc, &m->report.err, err);
        if (m->report.kind == DONE)
            return 0;
        rc = m->report.kind == MEMBER ? on_member(m, err) : on_copied(m, err);
        if (rc < 0)
            return rc;
    }
    if (rc < 0 || (m->batch->opts->stop != NULL && *m->batch->opts->stop != 0))
        return rc;
    (void)sfx_err_set(&failure, SFX_E_INPUT, "its unpacker crashed");
    return fail(m, SFX_E_INPUT, &failure, err);
}

int sfx_image_members_add(struct sfx_image_batch *batch, struct sfx_image_slot *first, int fd,
                          struct sfx_err *err)
{
    struct members m = {.batch = batch,
                        .slot = first,
                        .child = {.fd = -1},
                        .path = strdup(first->path),
                        .event_id = strdup(first->event_id),
                        .subject = first->subject,
                        .fd = -1};
    struct operand operand = {{0}};
    struct iovec iov = {&operand, sizeof(operand)};
    int rc = SFX_E_NOMEM;

    (void)strncpy(operand.path, first->path, sizeof(operand.path) - 1);
    if (m.path == NULL || m.event_id == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a name");
        goto out;
    }
    rc = sfx_input_preload(err);
    if (rc == 0)
        rc = sfx_child_start(&m.child, serve, (void *)batch->opts, err);
    if (rc == 0)
        rc = sfx_channel_send(m.child.fd, &iov, 1, fd, err);
    if (rc == 0)
        rc = converse(&m, err);
out:
    sfx_child_kill(&m.child, NULL);
    /* What was taken and came to nothing, for the run was stopped. */
    if (m.slot != NULL) {
        m.slot->passed = true;
        sfx_image_slot_finish(m.slot, 0);
    }
    (void)sfx_io_close(&m.fd, NULL);
    (void)sfx_io_close(&fd, NULL);
    free(m.path);
    free(m.event_id);
    return rc;
}
