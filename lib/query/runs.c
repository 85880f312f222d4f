/* SPDX-License-Identifier: MIT */
/* Sorted runs on disk: written one behind the other to one file, merged with a heap. */
#include "query/runs_internal.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_NBYTES      ((size_t)256 * 1024)
#define MIN_BUFFER_NBYTES ((size_t)16 * 1024)
#define MAX_BUFFER_NBYTES ((size_t)1 << 20) /* more reads no faster */

void sfx_runs_init(struct sfx_runs *runs, const char *tmp_dir)
{
    *runs = (struct sfx_runs){.tmp_dir = tmp_dir, .fd = -1};
}

void sfx_runs_done(struct sfx_runs *runs)
{
    (void)sfx_io_close(&runs->fd, NULL); /* what was in it is not wanted any more */
    free(runs->runs);
    sfx_buf_done(&runs->out);
    *runs = (struct sfx_runs){.fd = -1};
}

/* A file without a name, so that nothing is left of it whatever happens. */
static int open_file(struct sfx_runs *runs, struct sfx_err *err)
{
    char name[4096];
    int n;

    if (runs->fd >= 0)
        return 0;
    runs->fd = open(runs->tmp_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (runs->fd >= 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return sfx_err_errno(err, errno, "temporary file in %s", runs->tmp_dir);
    n = snprintf(name, sizeof(name), "%s/.sfx-XXXXXX", runs->tmp_dir);
    if (n < 0 || (size_t)n >= sizeof(name))
        return sfx_err_set(err, SFX_E_IO, "temporary folder %s: the name is too long",
                           runs->tmp_dir);
    runs->fd = mkostemp(name, O_CLOEXEC);
    if (runs->fd < 0)
        return sfx_err_errno(err, errno, "temporary file in %s", runs->tmp_dir);
    (void)unlink(name);
    return 0;
}

static int flush(struct sfx_runs *runs, struct sfx_err *err)
{
    int rc = sfx_io_write(runs->fd, runs->out.data, runs->out.len, err);

    runs->nbytes += runs->out.len;
    sfx_buf_clear(&runs->out);
    return rc < 0 ? sfx_err_wrap(err, rc, "temporary file in %s", runs->tmp_dir) : 0;
}

int sfx_runs_add(struct sfx_runs *runs, const unsigned char *record, struct sfx_err *err)
{
    size_t nbytes = sfx_record_nbytes(record);
    int rc = 0;

    if (runs->out.len > 0 && runs->out.len + nbytes > WRITE_NBYTES)
        rc = flush(runs, err);
    return rc < 0 ? rc : sfx_buf_append(&runs->out, record, nbytes, err);
}

int sfx_runs_begin(struct sfx_runs *runs, struct sfx_err *err)
{
    runs->begin = runs->nbytes;
    return open_file(runs, err);
}

int sfx_runs_end(struct sfx_runs *runs, struct sfx_err *err)
{
    int rc = flush(runs, err);

    sfx_buf_done(&runs->out); /* runs are many, and the next one may be long in coming */
    if (rc < 0)
        return rc;
    if (runs->nruns == runs->cap_runs) {
        size_t cap = runs->cap_runs == 0 ? 16 : runs->cap_runs * 2;
        struct sfx_run *grown = realloc(runs->runs, cap * sizeof(*grown));

        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu runs", cap);
        runs->runs = grown;
        runs->cap_runs = cap;
    }
    runs->runs[runs->nruns++] = (struct sfx_run){runs->begin, runs->nbytes};
    return 0;
}

int sfx_runs_write(struct sfx_runs *runs, const struct sfx_sort_item *items, size_t n,
                   struct sfx_err *err)
{
    size_t i;
    int rc = sfx_runs_begin(runs, err);

    for (i = 0; i < n && rc == 0; i++) {
        sfx_sort_items_prefetch(items, i, n);
        rc = sfx_runs_add(runs, items[i].record, err);
    }
    return rc < 0 ? rc : sfx_runs_end(runs, err);
}

int sfx_runs_reduce(struct sfx_runs *runs, size_t most, size_t memory_nbytes, struct sfx_err *err)
{
    struct sfx_runs larger;
    struct sfx_merge *merge = NULL;
    const unsigned char *record;
    size_t first, n;
    int rc = 0;

    while (rc == 0 && runs->nruns > most) {
        sfx_runs_init(&larger, runs->tmp_dir);
        for (first = 0; rc == 0 && first < runs->nruns; first += n) {
            n = runs->nruns - first < most ? runs->nruns - first : most;
            rc = sfx_runs_begin(&larger, err);
            merge = rc < 0 ? NULL : sfx_merge_new(runs, first, n, memory_nbytes, err);
            if (merge == NULL) {
                rc = err != NULL ? (int)err->code : SFX_E_NOMEM;
                break;
            }
            while ((rc = sfx_merge_next(merge, &record, err)) > 0) {
                rc = sfx_runs_add(&larger, record, err);
                if (rc < 0)
                    break;
            }
            sfx_merge_free(merge);
            if (rc == 0)
                rc = sfx_runs_end(&larger, err);
        }
        if (rc < 0) {
            sfx_runs_done(&larger);
            return rc;
        }
        sfx_runs_done(runs);
        *runs = larger;
    }
    return rc;
}

/* --- merging ---------------------------------------------------------------------------------- */

/* A run that is being read: at … end of data is what is there. */
struct source {
    struct sfx_sort_item item; /* its first record */
    size_t number;             /* of the run: decides between equal keys */
    unsigned char *data;
    size_t cap, at, end;
    uint64_t offset, stop; /* of the file: what is still to be read */
};

struct sfx_merge {
    int fd;
    const char *tmp_dir;
    struct source *sources;
    struct source **heap; /* the smallest on top */
    size_t nsources, nheap;
    bool started;
};

/* Makes `need` bytes available at `at`. 1; 0 at the end of the run. */
static int fill(struct sfx_merge *m, struct source *s, size_t need, struct sfx_err *err)
{
    if (s->end - s->at >= need)
        return 1;
    memmove(s->data, s->data + s->at, s->end - s->at);
    s->end -= s->at;
    s->at = 0;
    if (need > s->cap) { /* a record larger than the buffer */
        unsigned char *grown = realloc(s->data, need);

        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a record of %zu bytes", need);
        s->data = grown;
        s->cap = need;
    }
    while (s->end < need && s->offset < s->stop) {
        uint64_t left = s->stop - s->offset;
        size_t room = s->cap - s->end;
        ssize_t n =
            pread(m->fd, s->data + s->end, left < room ? (size_t)left : room, (off_t)s->offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sfx_err_errno(err, errno, "temporary file in %s", m->tmp_dir);
        if (n == 0)
            return sfx_err_set(err, SFX_E_IO, "temporary file in %s: it became shorter",
                               m->tmp_dir);
        s->end += (size_t)n;
        s->offset += (uint64_t)n;
    }
    return s->end - s->at >= need;
}

/* Goes to the source's next record: 1; 0 when it has none. */
static int advance(struct sfx_merge *m, struct source *s, struct sfx_err *err)
{
    int rc = fill(m, s, SFX_RECORD_HEAD_NBYTES, err);

    if (rc <= 0)
        return rc;
    rc = fill(m, s, sfx_record_nbytes(s->data + s->at), err);
    if (rc <= 0)
        return rc;
    s->item = sfx_sort_item(s->data + s->at);
    return 1;
}

static bool comes_before(const struct source *a, const struct source *b)
{
    int order = sfx_sort_item_cmp(&a->item, &b->item);

    return order < 0 || (order == 0 && a->number < b->number);
}

/* Restores the heap below `at`. */
static void sift_down(struct sfx_merge *m, size_t at)
{
    struct source *moved = m->heap[at];

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= m->nheap)
            break;
        if (child + 1 < m->nheap && comes_before(m->heap[child + 1], m->heap[child]))
            child++;
        if (!comes_before(m->heap[child], moved))
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = moved;
}

static int start_source(struct sfx_merge *m, struct source *s, const struct sfx_run *run,
                        size_t number, size_t cap, struct sfx_err *err)
{
    int rc;

    s->number = number;
    s->cap = cap;
    s->offset = run->begin;
    s->stop = run->end;
    s->data = malloc(cap);
    if (s->data == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a buffer of %zu bytes", cap);
    rc = advance(m, s, err);
    if (rc > 0)
        m->heap[m->nheap++] = s;
    return rc < 0 ? rc : 0;
}

struct sfx_merge *sfx_merge_new(const struct sfx_runs *runs, size_t first, size_t n,
                                size_t memory_nbytes, struct sfx_err *err)
{
    struct sfx_merge *m = calloc(1, sizeof(*m));
    size_t i, cap = n > 0 ? memory_nbytes / n : 0;

    if (m == NULL)
        goto nomem;
    cap = cap < MIN_BUFFER_NBYTES   ? MIN_BUFFER_NBYTES
          : cap > MAX_BUFFER_NBYTES ? MAX_BUFFER_NBYTES
                                    : cap;
    m->fd = runs->fd;
    m->tmp_dir = runs->tmp_dir;
    m->sources = calloc(n + 1, sizeof(*m->sources));
    m->heap = calloc(n + 1, sizeof(struct source *));
    if (m->sources == NULL || m->heap == NULL)
        goto nomem;
    m->nsources = n;
    for (i = 0; i < n; i++) {
        if (start_source(m, &m->sources[i], &runs->runs[first + i], i, cap, err) < 0) {
            sfx_merge_free(m);
            return NULL;
        }
    }
    for (i = m->nheap / 2; i-- > 0;)
        sift_down(m, i);
    return m;
nomem:
    (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a merge");
    sfx_merge_free(m);
    return NULL;
}

int sfx_merge_next(struct sfx_merge *m, const unsigned char **record, struct sfx_err *err)
{
    int rc;

    if (m->started && m->nheap > 0) { /* the one handed out before is used up only now */
        struct source *top = m->heap[0];

        top->at += sfx_record_nbytes(top->item.record);
        rc = advance(m, top, err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            m->heap[0] = m->heap[--m->nheap];
        if (m->nheap > 0)
            sift_down(m, 0);
    }
    m->started = true;
    if (m->nheap == 0)
        return 0;
    *record = m->heap[0]->item.record;
    return 1;
}

void sfx_merge_free(struct sfx_merge *m)
{
    size_t i;

    if (m == NULL)
        return;
    for (i = 0; i < m->nsources; i++)
        free(m->sources[i].data);
    free(m->sources);
    free(m->heap);
    free(m);
}
