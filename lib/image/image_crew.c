/* SPDX-License-Identifier: MIT */
/* The parent's side of the conversation with workers: what they are given, asked, and believed. */
#include "base/clock.h"
#include "base/io.h"
#include "image/codecs.h"
#include "image/image_batch_internal.h"
#include "image/placeholder.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Describes the end of a worker that was not asked to end. */
static int describe_end(int status, struct sfx_err *failure)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return sfx_err_set(failure, SFX_E_NOMEM, "its decoder was killed (out of memory?)");
    if (WIFSIGNALED(status))
        return sfx_err_set(failure, SFX_E_INPUT, "its decoder crashed (signal %d)",
                           WTERMSIG(status));
    /* The one thing that keeps a worker from serving. */
    return sfx_err_set(failure, SFX_E_NOMEM, "no memory for its decoder");
}

/* The worker is gone, or is to go: what it worked on has failed. The next one starts anew. */
static void lose(struct sfx_image_seat *seat, int code, const char *why)
{
    struct sfx_image_slot *slot = seat->slot;
    int status;

    sfx_child_kill(&seat->child, &status);
    seat->slot = NULL;
    if (slot == NULL)
        return;
    sfx_image_slot_finish(slot, why != NULL
                                    ? sfx_err_set(&slot->failure, (enum sfx_code)code, "%s", why)
                                    : describe_end(status, &slot->failure));
}

static int give(struct sfx_image_batch *batch, struct sfx_image_seat *seat,
                struct sfx_image_slot *slot, struct sfx_err *err)
{
    struct sfx_image_order order = {.is_file = slot->subject.is_file && !slot->subject.is_member,
                                    .nbytes = (uint64_t)slot->subject.st.st_size};
    struct iovec iov = {&order, sizeof(order)};
    int rc;

    (void)strncpy(order.path, slot->name, sizeof(order.path) - 1);
    order.libs = sfx_codecs_needed(slot->fd, batch->task.resize);
    /* What is locked down cannot open anything more. */
    if (seat->child.pid != 0 && (order.libs & ~seat->libs) != 0) {
        order.libs |= seat->libs;
        sfx_child_end(&seat->child, NULL);
    }
    if (seat->child.pid == 0) {
        seat->libs = order.libs;
        rc = sfx_child_start(&seat->child, sfx_image_worker_serve, &batch->task, err);
        if (rc < 0)
            return rc;
    }
    slot->started_ns = sfx_clock_mono_ns();
    seat->cpu_ns = batch->opts->max_time_ns > 0 ? sfx_child_cpu_ns(&seat->child) : 0;
    seat->look_ns = slot->started_ns + batch->opts->max_time_ns;
    rc = sfx_channel_send(seat->child.fd, &iov, 1, slot->fd, err);
    if (rc < 0)
        return rc;
    (void)sfx_io_close(&slot->fd, NULL);
    slot->state = SFX_SLOT_RUNNING;
    seat->slot = slot;
    batch->nqueued--;
    return 0;
}

static struct sfx_image_slot *oldest_queued(struct sfx_image_batch *batch)
{
    size_t i;

    for (i = 0; i < batch->used; i++)
        if (sfx_image_slot_at(batch, i)->state == SFX_SLOT_QUEUED)
            return sfx_image_slot_at(batch, i);
    return NULL;
}

int sfx_image_crew_dispatch(struct sfx_image_batch *batch, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < batch->nseats && batch->nqueued > 0 && rc == 0; i++) {
        struct sfx_image_seat *seat = &batch->seats[i];
        struct sfx_image_slot *slot;

        if (seat->slot != NULL)
            continue;
        slot = oldest_queued(batch);
        rc = give(batch, seat, slot, err);
        if (rc < 0 && seat->child.pid != 0) {
            /* It died while it had nothing to do: another one will do. */
            lose(seat, 0, NULL);
            rc = give(batch, seat, slot, err);
        }
    }
    return rc;
}

/* The facts of an OPEN, if they can be true. */
static bool read_open(const struct sfx_image_batch *batch, const struct sfx_image_slot *slot,
                      size_t nbytes, struct sfx_resize_facts *facts)
{
    struct sfx_image_open open;

    if (nbytes != sizeof(open))
        return false;
    memcpy(&open, batch->message, sizeof(open));
    *facts = (struct sfx_resize_facts){.index = open.index,
                                       .format = (enum sfx_image_format)open.format,
                                       .width_px = open.width_px,
                                       .height_px = open.height_px};
    return open.index < batch->file.resize->noutputs &&
           slot->file.nmade < batch->file.resize->noutputs && open.format != SFX_IMAGE_ANY &&
           sfx_image_format_is_known(open.format);
}

/* An output is asked for. Returns false when the worker is not to be believed. */
static bool answer(struct sfx_image_batch *batch, struct sfx_image_seat *seat, size_t nbytes)
{
    struct sfx_image_answer answer = {.rc = 0};
    struct iovec iov = {&answer, sizeof(answer)};
    struct sfx_resize_facts facts;
    const struct sfx_image_made *made;
    int fd = -1;

    if (!read_open(batch, seat->slot, nbytes, &facts))
        return false;
    if (batch->fd_taken)
        answer.rc = sfx_err_set(&answer.err, SFX_E_USAGE, "standard output takes one image");
    else
        answer.rc = sfx_image_file_open(&seat->slot->file, &facts, &fd, &answer.err);
    batch->fd_taken = batch->file.fd != NULL;
    made = sfx_image_file_made(&seat->slot->file, facts.index);
    (void)strncpy(answer.name,
                  made != NULL && made->name.path.data != NULL ? made->name.path.data
                                                               : "standard output",
                  sizeof(answer.name) - 1);
    return sfx_channel_send(seat->child.fd, &iov, 1, answer.rc == 0 ? fd : -1, NULL) == 0;
}

/* What a worker said of its outputs, if it can be true. */
static bool read_end(struct sfx_image_batch *batch, struct sfx_image_slot *slot, size_t nbytes,
                     struct sfx_image_end *end)
{
    const char *at = batch->message + sizeof(*end);
    uint32_t i;

    if (nbytes < sizeof(*end))
        return false;
    memcpy(end, batch->message, sizeof(*end));
    end->err.text[sizeof(end->err.text) - 1] = '\0';
    end->err.note[0] = '\0';
    end->damage.text[sizeof(end->damage.text) - 1] = '\0';
    end->damage.note[0] = '\0';
    if (end->rc > 0 || (end->rc < 0 && (end->rc < SFX_E_UNSUPPORTED || end->err.code != end->rc)) ||
        end->noutputs > slot->file.nmade || end->text_nbytes > SFX_IMAGE_MAX_TEXT ||
        end->blurhash_nbytes > SFX_PLACEHOLDER_MAX || end->lqip_nbytes > SFX_PLACEHOLDER_MAX ||
        nbytes != sizeof(*end) + end->noutputs * sizeof(struct sfx_image_output_end) +
                      end->text_nbytes + end->blurhash_nbytes + end->lqip_nbytes)
        return false;
    slot->file.in_nbytes = end->in_nbytes;
    slot->file.found = end->found;
    memcpy(slot->file.in_sha256, end->in_sha256, sizeof(slot->file.in_sha256));
    for (i = 0; i < end->noutputs; i++, at += sizeof(struct sfx_image_output_end)) {
        struct sfx_image_output_end out;
        struct sfx_image_made *made;

        memcpy(&out, at, sizeof(out));
        made = sfx_image_file_made(&slot->file, out.index);
        if (made == NULL)
            return false;
        made->nbytes = out.nbytes;
        memcpy(made->sha256, out.sha256, sizeof(made->sha256));
    }
    return true;
}

/* Keeps the texts behind what _read_end has believed. Errors: NOMEM. */
static int take_texts(const struct sfx_image_batch *batch, struct sfx_image_slot *slot,
                      const struct sfx_image_end *end, struct sfx_err *err)
{
    const char *at =
        batch->message + sizeof(*end) + end->noutputs * sizeof(struct sfx_image_output_end);
    int rc = sfx_buf_append(&slot->file.text, at, end->text_nbytes, err);

    if (rc == 0)
        rc = sfx_buf_append(&slot->file.blurhash, at + end->text_nbytes, end->blurhash_nbytes, err);
    if (rc == 0)
        rc = sfx_buf_append(&slot->file.lqip, at + end->text_nbytes + end->blurhash_nbytes,
                            end->lqip_nbytes, err);
    return rc;
}

static bool end_slot(struct sfx_image_batch *batch, struct sfx_image_seat *seat, size_t nbytes)
{
    struct sfx_image_slot *slot = seat->slot;
    struct sfx_image_end end;
    int rc;

    if (!read_end(batch, slot, nbytes, &end))
        return false;
    rc = end.rc;
    slot->failure = end.err;
    if (take_texts(batch, slot, &end, rc == 0 ? &slot->failure : NULL) < 0 && rc == 0)
        rc = SFX_E_NOMEM;
    if (end.damaged != 0) {
        slot->file.damage = end.damage;
        slot->file.damage.code = SFX_E_INPUT;
    }
    if (rc == 0 && !batch->opts->hold)
        rc = sfx_image_file_commit(&slot->file, &slot->failure);
    seat->slot = NULL;
    sfx_image_slot_finish(slot, rc);
    return true;
}

static void listen_to(struct sfx_image_batch *batch, struct sfx_image_seat *seat)
{
    uint32_t kind = 0;
    int passed;
    ssize_t n =
        sfx_channel_receive(seat->child.fd, batch->message, SFX_CHANNEL_MAX_NBYTES, &passed, NULL);
    bool ok = false;

    (void)sfx_io_close(&passed, NULL); /* a worker has nothing to give */
    if (n >= (ssize_t)sizeof(kind))
        memcpy(&kind, batch->message, sizeof(kind));
    if (kind == SFX_IMAGE_OPEN)
        ok = answer(batch, seat, (size_t)n);
    else if (kind == SFX_IMAGE_END)
        ok = end_slot(batch, seat, (size_t)n);
    if (n <= 0)
        lose(seat, 0, NULL);
    else if (!ok)
        lose(seat, SFX_E_INPUT, "its decoder said what makes no sense: was it taken over?");
}

/* Ends work that takes too long. A wait for a slow pipe is no work: CPU time counts. */
static void look_at_clock(struct sfx_image_batch *batch, struct sfx_image_seat *seat,
                          int64_t now_ns)
{
    int64_t used_ns = sfx_child_cpu_ns(&seat->child) - seat->cpu_ns;
    char why[80];

    if (used_ns < batch->opts->max_time_ns) {
        seat->look_ns = now_ns + batch->opts->max_time_ns - used_ns;
        return;
    }
    (void)snprintf(why, sizeof(why), "takes more than the limit of %" PRId64 " ms",
                   batch->opts->max_time_ns / 1000000);
    lose(seat, SFX_E_LIMIT, why);
}

/* When to look at the clock: milliseconds for poll, -1 never. */
static int timeout_ms(const struct sfx_image_batch *batch)
{
    int64_t now_ns = sfx_clock_mono_ns(), next_ns = INT64_MAX, ms;
    size_t i;

    for (i = 0; i < batch->nseats && batch->opts->max_time_ns > 0; i++)
        if (batch->seats[i].slot != NULL && batch->seats[i].look_ns < next_ns)
            next_ns = batch->seats[i].look_ns;
    if (next_ns == INT64_MAX)
        return -1;
    ms = next_ns > now_ns ? (next_ns - now_ns) / 1000000 + 1 : 0;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* poll(2) that a signal's flag ends: it may come between the look at it and the wait. Once it is
 * set, what is in work is still waited for. */
static int wait_for(const struct sfx_image_batch *batch, nfds_t n, int ms, bool may_stop)
{
    const struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    const volatile sig_atomic_t *stop = batch->opts->stop;
    sigset_t all, before;
    int rc = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!may_stop || stop == NULL || *stop == 0)
        rc = ppoll(batch->polls, n, ms >= 0 ? &timeout : NULL, &before);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int sfx_image_crew_step(struct sfx_image_batch *batch, int fd, struct sfx_err *err)
{
    int64_t now_ns;
    size_t i;
    int n;

    for (i = 0; i < batch->nseats; i++)
        batch->polls[i] = (struct pollfd){
            .fd = batch->seats[i].slot != NULL ? batch->seats[i].child.fd : -1, .events = POLLIN};
    batch->polls[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    n = wait_for(batch, batch->nseats + 1, timeout_ms(batch), fd >= 0);
    if (n < 0 && errno != EINTR)
        return sfx_err_errno(err, errno, "cannot wait for the workers");
    if (n <= 0 && timeout_ms(batch) != 0)
        return 0;
    now_ns = sfx_clock_mono_ns();
    for (i = 0; i < batch->nseats; i++) {
        struct sfx_image_seat *seat = &batch->seats[i];

        if (batch->polls[i].revents != 0)
            listen_to(batch, seat);
        else if (batch->opts->max_time_ns > 0 && seat->slot != NULL && seat->look_ns <= now_ns)
            look_at_clock(batch, seat, now_ns);
    }
    return batch->polls[i].revents != 0;
}

void sfx_image_crew_end(struct sfx_image_batch *batch)
{
    size_t i;

    for (i = 0; i < batch->nseats; i++) {
        struct sfx_image_seat *seat = &batch->seats[i];

        if (seat->slot != NULL)
            sfx_child_kill(&seat->child, NULL);
        else
            sfx_child_end(&seat->child, NULL);
        seat->slot = NULL;
    }
}
