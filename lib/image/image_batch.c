/* SPDX-License-Identifier: MIT */
/* The ring of inputs: opened in order, worked on in any, told of in order. */
#include "image/image_batch.h"

#include "base/clock.h"
#include "base/io.h"
#include "image/image_batch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_PER_WORKER 16 /* so that one large image does not stop the others */
#define HELD_FILES       256 /* outputs that wait to be taken are open: a quarter of what is common */

int sfx_image_blame(struct sfx_err *err, int rc, const char *name)
{
    size_t len = strlen(name);

    if (err != NULL && strncmp(err->text, name, len) == 0 && strncmp(err->text + len, ": ", 2) == 0)
        return rc;
    return sfx_err_wrap(err, rc, "%s", name);
}

void sfx_image_slot_finish(struct sfx_image_slot *slot, int rc)
{
    int64_t now_ns = sfx_clock_mono_ns();

    (void)sfx_io_close(&slot->fd, NULL);
    slot->rc = rc;
    slot->file.wall_ns = slot->started_ns > 0 ? now_ns - slot->started_ns : 0;
    if (rc < 0) {
        int64_t wall_ns = slot->file.wall_ns;

        (void)sfx_image_blame(&slot->failure, rc, slot->name);
        sfx_image_file_done(&slot->file);
        slot->file.wall_ns = wall_ns;
    }
    slot->state = SFX_SLOT_FINISHED;
}

static void free_slot(struct sfx_image_slot *slot)
{
    (void)sfx_io_close(&slot->fd, NULL);
    sfx_image_file_done(&slot->file);
    if (slot->name != slot->path)
        free(slot->name);
    if (slot->subject_path != slot->path)
        free(slot->subject_path);
    free(slot->path);
    free(slot->event_id);
    *slot = (struct sfx_image_slot){.fd = -1};
}

/* Tells of the oldest inputs as far as they are finished. */
static int tell(struct sfx_image_batch *batch, struct sfx_err *err)
{
    int rc = 0;

    while (batch->used > 0 && rc >= 0) {
        struct sfx_image_slot *slot = sfx_image_slot_at(batch, 0);
        struct sfx_image_result result = {.name = slot->name,
                                          .path = slot->path,
                                          .member =
                                              slot->subject.is_member ? slot->subject_path : NULL,
                                          .rc = slot->rc,
                                          .failure = &slot->failure,
                                          .passed = slot->passed,
                                          .file = &slot->file};

        if (slot->state != SFX_SLOT_FINISHED)
            break;
        rc = batch->opts->fn(batch->opts->ctx, &result, err);
        free_slot(slot);
        batch->first = (batch->first + 1) % batch->nslots;
        batch->used--;
    }
    return rc < 0 ? rc : 0;
}

/* Works on: gives out, waits, tells. As sfx_image_crew_step. */
static int step(struct sfx_image_batch *batch, int fd, struct sfx_err *err)
{
    int rc = sfx_image_crew_dispatch(batch, err), told;

    if (rc == 0)
        rc = sfx_image_crew_step(batch, fd, err);
    if (rc < 0)
        return rc;
    told = tell(batch, err);
    return told < 0 ? told : rc;
}

/* Each queued input holds a descriptor: no more wait than there are workers. */
int sfx_image_batch_take(struct sfx_image_batch *batch, const char *path, struct sfx_slice event_id,
                         struct sfx_image_slot **out, struct sfx_err *err)
{
    struct sfx_image_slot *slot;
    int rc = tell(batch, err);

    while (rc >= 0 && (batch->used == batch->nslots || batch->nqueued >= batch->nseats))
        rc = step(batch, -1, err);
    if (rc < 0)
        return rc;
    slot = *out = sfx_image_slot_at(batch, batch->used);
    *slot = (struct sfx_image_slot){
        .fd = -1,
        .path = strdup(path),
        .event_id = strndup(event_id.ptr != NULL ? event_id.ptr : "", event_id.len)};
    if (slot->path == NULL || slot->event_id == NULL) {
        free_slot(slot);
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a name");
    }
    slot->name = slot->path;
    slot->subject_path = strcmp(path, "-") == 0 ? NULL : slot->path;
    slot->subject.event_id = sfx_slice_str(slot->event_id);
    batch->used++;
    return 0;
}

int sfx_image_batch_queue(struct sfx_image_batch *batch, struct sfx_image_slot *slot,
                          struct sfx_err *err)
{
    int rc;

    slot->subject.path = slot->subject_path;
    slot->subject.label = slot->name;
    rc = sfx_image_file_init(&slot->file, &batch->file, &slot->subject, err);
    if (rc < 0)
        return rc;
    slot->state = SFX_SLOT_QUEUED;
    batch->nqueued++;
    return sfx_image_crew_dispatch(batch, err);
}

/* Opens the operand. Returns 0; 1 when there is nothing more to do; <0 with slot->failure. */
static int open_input(struct sfx_image_batch *batch, struct sfx_image_slot *slot)
{
    bool pipe = strcmp(slot->path, "-") == 0;

    slot->fd = pipe ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                    : open(slot->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (slot->fd < 0 || fstat(slot->fd, &slot->subject.st) != 0)
        return sfx_err_errno(&slot->failure, errno, "%s", slot->path);
    if (S_ISDIR(slot->subject.st.st_mode))
        return sfx_err_errno(&slot->failure, EISDIR, "%s", slot->path);
    slot->subject.is_file = S_ISREG(slot->subject.st.st_mode);
    if (pipe || batch->claims == NULL)
        return 0;
    /* A list that is made while the run goes on may hold the run's own outputs. */
    slot->passed = sfx_claims_has(batch->claims, slot->path);
    if (slot->passed)
        return 1;
    return sfx_claims_add_input(batch->claims, &slot->subject.st, &slot->failure);
}

int sfx_image_batch_expect(struct sfx_image_batch *batch, const char *path, struct sfx_err *err)
{
    struct stat st;

    if (batch->claims == NULL || strcmp(path, "-") == 0 || stat(path, &st) != 0)
        return 0;
    return sfx_claims_add_input(batch->claims, &st, err);
}

int sfx_image_batch_add(struct sfx_image_batch *batch, const char *path, struct sfx_slice event_id,
                        struct sfx_err *err)
{
    struct sfx_image_slot *slot;
    int rc = sfx_image_batch_take(batch, path, event_id, &slot, err);

    if (rc < 0)
        return rc;
    rc = open_input(batch, slot);
    if (rc != 0) {
        sfx_image_slot_finish(slot, rc < 0 ? rc : 0);
    } else if (sfx_image_members_needed(slot->fd)) {
        int fd = slot->fd;

        slot->fd = -1;
        return sfx_image_members_add(batch, slot, fd, err);
    } else {
        rc = sfx_image_batch_queue(batch, slot, err);
        if (rc < 0)
            return rc;
    }
    return tell(batch, err);
}

static bool is_stopped(const struct sfx_image_batch *batch)
{
    return batch->opts->stop != NULL && *batch->opts->stop != 0;
}

int sfx_image_batch_wait(struct sfx_image_batch *batch, int fd, struct sfx_err *err)
{
    int rc = 0;

    while (rc == 0 && !is_stopped(batch))
        rc = step(batch, fd, err);
    return rc;
}

int sfx_image_batch_finish(struct sfx_image_batch *batch, struct sfx_err *err)
{
    int rc = tell(batch, err);

    while (rc >= 0 && batch->used > 0)
        rc = step(batch, -1, err);
    return rc < 0 ? rc : 0;
}

static size_t count_slots(const struct sfx_image_batch_opts *opts)
{
    size_t n = opts->nworkers * SLOTS_PER_WORKER;
    size_t held = HELD_FILES / (opts->file->resize->noutputs + 1);

    if (opts->hold && n > held)
        n = held > opts->nworkers ? held : opts->nworkers;
    return n;
}

/* One more output, the last: what placeholders are made of. */
static int add_placeholders(struct sfx_image_batch *batch, struct sfx_err *err)
{
    static const struct sfx_resize_output whole = {.format = SFX_IMAGE_JPEG};
    const struct sfx_resize_opts *opts = batch->opts->file->resize;
    size_t n = opts->noutputs;

    if (batch->opts->placeholders == 0)
        return 0;
    batch->outputs = calloc(n + 1, sizeof(*batch->outputs));
    if (batch->outputs == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu sizes", n);
    /* A description makes no outputs. */
    if (batch->opts->describe)
        n = 0;
    else if (n > 0)
        memcpy(batch->outputs, opts->outputs, n * sizeof(*batch->outputs));
    batch->outputs[n] = sfx_placeholder_output(opts->noutputs > 0 ? &opts->outputs[0] : &whole);
    batch->resize.outputs = batch->outputs;
    batch->resize.noutputs = n + 1;
    batch->task.placeholders = batch->opts->placeholders;
    return 0;
}

struct sfx_image_batch *sfx_image_batch_new(const struct sfx_image_batch_opts *opts,
                                            struct sfx_err *err)
{
    struct sfx_image_batch *batch = calloc(1, sizeof(*batch));
    size_t i;

    if (batch == NULL)
        goto failed;
    batch->opts = opts;
    batch->file = *opts->file;
    batch->resize = *opts->file->resize;
    batch->task = (struct sfx_image_task){.resize = &batch->resize,
                                          .max_in_nbytes = opts->max_in_nbytes,
                                          .describe = opts->describe,
                                          .hash = opts->hash,
                                          .durable = opts->file->durable,
                                          .sandbox = opts->sandbox};
    batch->nslots = count_slots(opts);
    batch->slots = calloc(batch->nslots, sizeof(*batch->slots));
    batch->seats = calloc(opts->nworkers, sizeof(*batch->seats));
    batch->polls = calloc(opts->nworkers + 1, sizeof(*batch->polls));
    batch->message = malloc(SFX_CHANNEL_MAX_NBYTES);
    if (batch->slots == NULL || batch->seats == NULL || batch->polls == NULL ||
        batch->message == NULL)
        goto failed;
    batch->nseats = opts->nworkers;
    for (i = 0; i < batch->nseats; i++)
        batch->seats[i].child.fd = -1;
    for (i = 0; i < batch->nslots; i++)
        batch->slots[i].fd = -1;
    if (batch->file.claims == NULL && batch->file.fd == NULL && !batch->file.in_place &&
        !batch->file.unclaimed) {
        batch->claims = batch->file.claims = sfx_claims_new(err);
        if (batch->claims == NULL)
            goto out;
    }
    if (add_placeholders(batch, err) < 0)
        goto out;
    if (opts->file->resize->noutputs <= SFX_IMAGE_MAX_OUTPUTS)
        return batch;
    (void)sfx_err_set(err, SFX_E_USAGE, "at most %d sizes can be made at once",
                      SFX_IMAGE_MAX_OUTPUTS);
    goto out;
failed:
    (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu workers", opts->nworkers);
out:
    sfx_image_batch_free(batch);
    return NULL;
}

void sfx_image_batch_free(struct sfx_image_batch *batch)
{
    size_t i;

    if (batch == NULL)
        return;
    sfx_image_crew_end(batch);
    for (i = 0; batch->slots != NULL && i < batch->nslots; i++)
        free_slot(&batch->slots[i]);
    free(batch->slots);
    free(batch->seats);
    free(batch->outputs);
    free(batch->polls);
    free(batch->message);
    sfx_claims_free(batch->claims);
    free(batch);
}
