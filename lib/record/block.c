/* SPDX-License-Identifier: MIT */
/* The window on a byte stream. */
#include "record/block_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EOL_NBYTES 2 /* what of an unfinished record may be its line end */

static int grow(struct sfx_block *b, size_t cap, struct sfx_err *err)
{
    char *data = realloc(b->data, cap + SFX_BLOCK_SLACK);

    if (data == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a block of %zu bytes", cap);
    b->data = data;
    b->cap = cap;
    return 0;
}

/* Goes on in the oldest of the other buffers, with the bytes from used on. */
static int switch_buffer(struct sfx_block *b, size_t used, struct sfx_err *err)
{
    char *data = b->data;
    const size_t cap = b->cap;
    const unsigned next = b->next_spare;

    if (b->spares[next].cap < b->cap) {
        free(b->spares[next].data);
        b->spares[next].cap = 0;
        b->spares[next].data = malloc(b->cap + SFX_BLOCK_SLACK);
        if (b->spares[next].data == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a block of %zu bytes", b->cap);
        b->spares[next].cap = b->cap;
    }
    memcpy(b->spares[next].data, data + used, b->len - used);
    b->data = b->spares[next].data;
    b->cap = b->spares[next].cap;
    b->spares[next].data = data;
    b->spares[next].cap = cap;
    b->next_spare = (next + 1) % b->nspares;
    b->lent = false;
    return 0;
}

int sfx_block_open(struct sfx_block *b, const struct sfx_byte_source *src, uint64_t max_nbytes,
                   unsigned ahead, struct sfx_err *err)
{
    b->src = *src;
    b->len = 0;
    b->offset = src->offset;
    b->max_nbytes = max_nbytes;
    b->eof = false;
    b->lent = false;
    b->nspares = ahead;
    b->next_spare = 0;
    b->failed = 0;
    return b->data == NULL ? grow(b, SFX_BLOCK_NBYTES, err) : 0;
}

int sfx_block_check(const struct sfx_block *b, size_t record_nbytes, uint64_t line, size_t pos,
                    struct sfx_err *err)
{
    if (record_nbytes <= b->max_nbytes)
        return 0;
    (void)sfx_err_set(err, SFX_E_LIMIT, "record is longer than %" PRIu64 " bytes", b->max_nbytes);
    return sfx_block_blame(b, line, b->offset + pos, SFX_E_LIMIT, err);
}

int sfx_block_fill(struct sfx_block *b, size_t used, uint64_t line, struct sfx_err *err)
{
    const size_t rest = b->len - used;
    int rc = 0;

    if (b->lent)
        rc = switch_buffer(b, used, err);
    else if (rest > 0 && used > 0)
        memmove(b->data, b->data + used, rest);
    if (rc < 0)
        return rc;
    b->len = rest;
    b->offset += used;
    if (rest > EOL_NBYTES)
        rc = sfx_block_check(b, rest - EOL_NBYTES, line, 0, err);
    if (rc == 0 && rest > b->cap / 2)
        rc = grow(b, b->cap * 2, err);
    while (rc == 0 && !b->eof && b->len < b->cap) {
        ssize_t n = b->failed == 0
                        ? b->src.read(b->src.ctx, b->data + b->len, b->cap - b->len, &b->failure)
                        : b->failed;

        if (n < 0 && b->len > rest) { /* first what came before it */
            b->failed = (int)n;
            break;
        }
        if (n < 0) {
            if (err != NULL)
                *err = b->failure;
            return (int)n;
        }
        b->eof = n == 0;
        b->len += (size_t)n;
        if (b->src.would_block != NULL && b->src.would_block(b->src.ctx))
            break;
    }
    return rc;
}

int sfx_block_skip_mark(struct sfx_block *b, size_t *pos, struct sfx_err *err)
{
    static const char mark[3] = {'\xef', '\xbb', '\xbf'};
    int rc = 0;

    /* No more is waited for than it takes: a file that grows may hold a short header so far. */
    while (rc == 0 && b->len < sizeof(mark) && !b->eof && memcmp(b->data, mark, b->len) == 0)
        rc = sfx_block_fill(b, 0, 1, err);
    *pos = b->len >= sizeof(mark) && memcmp(b->data, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
    return rc;
}

int sfx_block_skip_lines(struct sfx_block *b, uint64_t count, size_t *pos, uint64_t *line,
                         struct sfx_err *err)
{
    int rc = 0;

    while (count > 0 && rc == 0) {
        const char *end = *pos < b->len ? memchr(b->data + *pos, '\n', b->len - *pos) : NULL;

        if (end != NULL) {
            *pos = (size_t)(end - b->data) + 1;
            (*line)++;
            count--;
        } else if (b->eof) {
            *pos = b->len;
            break;
        } else {
            rc = sfx_block_fill(b, b->len, *line, err); /* nothing of it is kept */
            *pos = 0;
        }
    }
    return rc;
}

int sfx_block_blame(const struct sfx_block *b, uint64_t line, uint64_t offset, int rc,
                    struct sfx_err *err)
{
    const char *input = b->src.input != NULL ? b->src.input : "-";

    if (line > 0)
        rc = sfx_err_wrap(err, rc, "line %" PRIu64 ", offset %" PRIu64, line, offset);
    if (b->src.member != NULL)
        rc = sfx_err_wrap(err, rc, "%s", b->src.member);
    return sfx_err_wrap(err, rc, "%s", input);
}

void sfx_block_done(struct sfx_block *b)
{
    size_t i;

    free(b->data);
    for (i = 0; i < SFX_READER_MAX_AHEAD; i++)
        free(b->spares[i].data);
    *b = (struct sfx_block){0};
}
