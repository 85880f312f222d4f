/* SPDX-License-Identifier: MIT */
/* Whether inputs begin alike, so that their records can be written as they come. */
#include "run/transform_internal.h"

#include "base/buf.h"

#include <string.h>
#include <sys/stat.h>

/* Appends the first line of the file to line; false when it cannot be told without reading it. */
static bool first_line(const char *path, const struct sfx_input_limits *limits,
                       struct sfx_buf *line)
{
    struct sfx_slice head = {0};
    struct sfx_input *in;
    struct stat st;
    const char *end = NULL;
    bool known = false;

    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    in = sfx_input_new(path, limits, NULL);
    if (in != NULL && sfx_input_next(in, NULL) > 0 && sfx_input_member(in) == NULL &&
        sfx_input_peek(in, &head, NULL) == 0)
        end = head.len > 0 ? memchr(head.ptr, '\n', head.len) : NULL;
    if (end != NULL)
        known = sfx_buf_append(line, head.ptr, (size_t)(end - head.ptr), NULL) == 0;
    sfx_input_free(in);
    return known;
}

bool sfx_transform_headers_differ(const struct sfx_transform_job *job)
{
    struct sfx_buf first = {0}, next = {0};
    bool same = first_line(job->paths[0], &job->limits, &first);
    size_t i;

    for (i = 1; i < job->npaths && same; i++) {
        sfx_buf_clear(&next);
        same = first_line(job->paths[i], &job->limits, &next) &&
               sfx_slice_eq(sfx_buf_slice(&first), sfx_buf_slice(&next));
    }
    sfx_buf_done(&first);
    sfx_buf_done(&next);
    return !same;
}
