/* SPDX-License-Identifier: MIT */
/* Outputs that are never larger than an input of which nothing had to change. */
#include "image/verbatim.h"

#include <stdlib.h>

#define MAX_NBYTES (64u << 20) /* of an input that is held for it */

/* An output that waits until it is known which is smaller. */
struct waiting {
    struct sfx_image_sink sink; /* the caller's */
    struct sfx_buf encoded;
};

struct smallest {
    const struct sfx_image_source *source;
    const struct sfx_resize_opts *opts;
    const struct sfx_resize_target *target;
    struct sfx_buf input; /* what was read */
    bool holds;           /* input has it all so far */
    bool may;             /* the options ask for no form of encoding */
    enum sfx_image_format format;
    struct waiting *waiting; /* owned */
    size_t nwaiting;
};

/* From here on what is read is only decoded. */
static void let_go(struct smallest *s)
{
    s->holds = false;
    sfx_buf_done(&s->input);
}

static ssize_t read_and_hold(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct smallest *s = ctx;
    ssize_t n = s->source->read(s->source->ctx, ptr, cap, err);

    if (n <= 0 || !s->holds)
        return n;
    if (s->input.len + (size_t)n > MAX_NBYTES ||
        sfx_buf_append(&s->input, ptr, (size_t)n, NULL) < 0)
        let_go(s);
    return n;
}

static int hold_output(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    struct waiting *w = ctx;

    return sfx_buf_append(&w->encoded, ptr, len, err);
}

static int open_output(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                       struct sfx_err *err)
{
    struct smallest *s = ctx;
    int rc = s->target->open(s->target->ctx, facts, sink, err);

    if (rc == 0 && s->may && facts->unchanged &&
        (facts->format == SFX_IMAGE_JPEG || facts->format == SFX_IMAGE_PNG)) {
        s->format = facts->format;
        s->waiting[s->nwaiting] = (struct waiting){.sink = *sink};
        *sink = (struct sfx_image_sink){hold_output, &s->waiting[s->nwaiting]};
        s->nwaiting++;
    }
    /* All are opened before more than the header is read. */
    if (facts->index + 1 == s->opts->noutputs && s->nwaiting == 0)
        let_go(s);
    return rc;
}

/* A decoder need not read its input to the end. */
static void read_rest(struct smallest *s)
{
    char block[16384];

    while (s->holds && read_and_hold(s, block, sizeof(block), NULL) > 0)
        ;
}

/* Gives each output that waits the smaller of both. */
static int settle(struct smallest *s, struct sfx_err *err)
{
    struct sfx_buf copy = {0};
    size_t i;
    int rc = SFX_E_UNSUPPORTED;

    if (s->nwaiting > 0)
        read_rest(s);
    if (s->holds && s->nwaiting > 0)
        rc = sfx_verbatim_copy(sfx_buf_slice(&s->input), s->format, s->opts->keep, &copy, err);
    if (rc < 0)
        copy.len = SIZE_MAX;
    rc = 0;
    for (i = 0; i < s->nwaiting && rc == 0; i++) {
        struct waiting *w = &s->waiting[i];
        const struct sfx_buf *best = copy.len < w->encoded.len ? &copy : &w->encoded;

        rc = w->sink.write(w->sink.ctx, best->data, best->len, err);
    }
    sfx_buf_done(&copy);
    return rc;
}

/* True when only the quality was chosen, if anything. */
static bool is_plain(const struct sfx_encode_opts *opts)
{
    return !opts->progressive && !opts->optimize && !opts->lossless &&
           opts->subsample == SFX_SUBSAMPLE_AUTO && opts->compression == SFX_COMPRESSION_AUTO &&
           opts->colours == 0 && opts->max_nbytes == 0;
}

int sfx_resize_smallest(const struct sfx_image_source *source, const struct sfx_resize_opts *opts,
                        const struct sfx_resize_target *target, struct sfx_err *err)
{
    struct smallest s = {.source = source, .opts = opts, .target = target};
    const struct sfx_image_source tee = {read_and_hold, &s};
    const struct sfx_resize_target open = {open_output, &s};
    size_t i;
    int rc, settled;

    s.may = is_plain(&opts->encode) && opts->noutputs > 0;
    s.holds = s.may;
    s.waiting = calloc(opts->noutputs + 1, sizeof(*s.waiting));
    if (s.waiting == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the outputs");
    rc = sfx_resize(&tee, opts, &open, err);
    if (rc > 0) /* a part: the input is damaged */
        s.holds = false;
    if (rc >= 0) {
        struct sfx_err failure;

        settled = settle(&s, &failure);
        if (settled < 0 && err != NULL)
            *err = failure;
        rc = settled < 0 ? settled : rc;
    }
    for (i = 0; i < s.nwaiting; i++)
        sfx_buf_done(&s.waiting[i].encoded);
    free(s.waiting);
    sfx_buf_done(&s.input);
    return rc;
}
