/* SPDX-License-Identifier: MIT */
/* The parts of a batch: its ring of inputs (image_batch.c), its workers (image_crew.c), what
 * unpacks archives for it (image_members.c). */
#ifndef SFX_IMAGE_IMAGE_BATCH_INTERNAL_H
#define SFX_IMAGE_IMAGE_BATCH_INTERNAL_H

#include "base/child.h"
#include "image/image_batch.h"
#include "image/image_worker.h"

#include <poll.h>

enum sfx_image_slot_state {
    SFX_SLOT_FREE,
    SFX_SLOT_QUEUED,   /* for a worker; fd is open */
    SFX_SLOT_RUNNING,  /* in a worker */
    SFX_SLOT_FINISHED, /* to be told of */
};

/* An input. */
struct sfx_image_slot {
    enum sfx_image_slot_state state;
    char *path;         /* owned: of the operand */
    char *name;         /* owned: for messages */
    char *subject_path; /* owned: what names are made of; NULL: none */
    char *event_id;     /* owned */
    int fd;             /* owned; -1 once a worker has it */
    struct sfx_image_subject subject;
    struct sfx_image_file file;
    int64_t started_ns;
    bool passed;
    int rc;
    struct sfx_err failure;
};

/* A worker and what it works on. */
struct sfx_image_seat {
    struct sfx_child child;
    struct sfx_image_slot *slot; /* NULL: none */
    unsigned libs;               /* enum sfx_codec_lib bits: what the child has opened */
    int64_t cpu_ns;              /* of the child when it began on it */
    int64_t look_ns;             /* monotonic: when to look again how long it takes */
};

struct sfx_image_batch {
    const struct sfx_image_batch_opts *opts;
    struct sfx_image_file_opts file; /* with claims */
    struct sfx_claims *claims;       /* owned; NULL: the caller's, or none */
    struct sfx_image_task task;
    struct sfx_resize_opts resize;     /* with what placeholders are made of */
    struct sfx_resize_output *outputs; /* owned; NULL: as the options have them */
    struct sfx_image_slot *slots;      /* owned: a ring */
    size_t nslots, first, used;        /* used: from the oldest that is not told of */
    size_t nqueued;
    bool fd_taken;                /* an image has been, or is being, written to file.fd */
    struct sfx_image_seat *seats; /* owned */
    size_t nseats;
    struct pollfd *polls; /* owned: nseats + 1 */
    char *message;        /* owned: SFX_CHANNEL_MAX_NBYTES */
};

/* The i-th slot in use, the oldest first. */
static inline struct sfx_image_slot *sfx_image_slot_at(struct sfx_image_batch *batch, size_t i)
{
    return &batch->slots[(batch->first + i) % batch->nslots];
}

/* Ends work on slot: rc with its failure, or what was made. */
void sfx_image_slot_finish(struct sfx_image_slot *slot, int rc);

/* Waits until there is a free slot and takes it for the operand at path. Errors: as _add. */
int sfx_image_batch_take(struct sfx_image_batch *batch, const char *path, struct sfx_slice event_id,
                         struct sfx_image_slot **slot, struct sfx_err *err);

/* The slot's input, open in slot->fd, is ready for a worker. Errors: NOMEM, IO. */
int sfx_image_batch_queue(struct sfx_image_batch *batch, struct sfx_image_slot *slot,
                          struct sfx_err *err);

/* Gives queued slots to idle workers. Errors: IO (processes). */
int sfx_image_crew_dispatch(struct sfx_image_batch *batch, struct sfx_err *err);

/*
 * Waits for the workers, or until fd (-1: none) can be read, and does what they ask for. Returns 1
 * when fd can be read, else 0: something was done, or *stop was set. Errors: IO.
 */
int sfx_image_crew_step(struct sfx_image_batch *batch, int fd, struct sfx_err *err);

/* Ends the workers. */
void sfx_image_crew_end(struct sfx_image_batch *batch);

/* True when the operand fd begins with what must be unpacked first. */
bool sfx_image_members_needed(int fd);

/* Unpacks the operand in fd (taken), queues all that is in it. first: the slot it was taken for.
 * Errors: as _add. */
int sfx_image_members_add(struct sfx_image_batch *batch, struct sfx_image_slot *first, int fd,
                          struct sfx_err *err);

#endif
