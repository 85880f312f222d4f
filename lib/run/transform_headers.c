/* SPDX-License-Identifier: MIT */
/* Whether inputs begin alike, so that their records can be written as they come. */
#include "run/transform_internal.h"

#include "base/buf.h"

#include <string.h>
#include <sys/stat.h>

/* Whether the first line of what begins with head names the columns, and they are all. */
static bool names_columns(const struct sfx_transform_job *job, const struct sfx_input *in,
                          struct sfx_slice head)
{
    const struct sfx_format *format =
        job->from != NULL ? job->from : sfx_format_detect(sfx_input_data_name(in), head);

    if (job->reader.skip_lines > 0 || job->reader.comment != '\0')
        return false;
    return strcmp(format->name, "csv") == 0 || strcmp(format->name, "tsv") == 0;
}

/* Appends the first line of the file to line; false when it cannot be told without reading it. */
static bool first_line(const struct sfx_transform_job *job, const char *path, struct sfx_buf *line)
{
    struct sfx_slice head = {0};
    struct sfx_input *in;
    struct stat st;
    const char *end = NULL;
    bool known = false;

    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    in = sfx_input_new(path, &job->limits, NULL);
    if (in != NULL && sfx_input_next(in, NULL) > 0 && sfx_input_member(in) == NULL &&
        sfx_input_peek(in, &head, NULL) == 0 && names_columns(job, in, head))
        end = head.len > 0 ? memchr(head.ptr, '\n', head.len) : NULL;
    if (end != NULL)
        known = sfx_buf_append(line, head.ptr, (size_t)(end - head.ptr), NULL) == 0;
    sfx_input_free(in);
    return known;
}

bool sfx_transform_headers_differ(const struct sfx_transform_job *job)
{
    struct sfx_buf first = {0}, next = {0};
    bool same = first_line(job, job->paths[0], &first);
    size_t i;

    for (i = 1; i < job->npaths && same; i++) {
        sfx_buf_clear(&next);
        same = first_line(job, job->paths[i], &next) &&
               sfx_slice_eq(sfx_buf_slice(&first), sfx_buf_slice(&next));
    }
    sfx_buf_done(&first);
    sfx_buf_done(&next);
    return !same;
}
