/* SPDX-License-Identifier: MIT */
/* Where the records of a transformation go: their format, a writer or files by column, the flush.
 */
#include "run/transform_internal.h"

#include "base/io.h"

#include <string.h>

#define FLUSH_NBYTES ((size_t)256 * 1024) /* of output that has gathered */

static int write_out(struct sfx_transform_run *run, struct sfx_slice bytes, struct sfx_err *err)
{
    int rc = sfx_io_write(run->job->out_fd, bytes.ptr, bytes.len, err);

    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s",
                            run->job->out_name != NULL ? run->job->out_name : "standard output");
    run->result->out_nbytes += bytes.len;
    return 0;
}

int sfx_transform_flush(struct sfx_transform_run *run, struct sfx_err *err)
{
    int rc = write_out(run, sfx_buf_slice(&run->out), err);

    if (rc == 0)
        sfx_buf_clear(&run->out);
    return rc;
}

int sfx_transform_put(struct sfx_transform_run *run, struct sfx_slice bytes, struct sfx_err *err)
{
    int rc = 0;

    if (run->out.len + bytes.len < FLUSH_NBYTES)
        return sfx_buf_append(&run->out, bytes.ptr, bytes.len, err);
    if (run->out.len > 0)
        rc = sfx_transform_flush(run, err);
    if (rc == 0 && bytes.len < FLUSH_NBYTES / 4)
        return sfx_buf_append(&run->out, bytes.ptr, bytes.len, err);
    return rc == 0 ? write_out(run, bytes, err) : rc;
}

int sfx_transform_write(void *ctx, struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_transform_run *run = ctx;
    int rc;

    if (run->explains)
        return 0;
    if (run->writer == NULL)
        return sfx_outputs_put_fit(
            run->job->outputs, sfx_buf_slice(&run->split), batch,
            run->job->query.on_error != SFX_ON_ERROR_FAIL ? &run->unfit : NULL, err);
    rc = run->result->to->writer->write(run->writer, batch, &run->out, err);
    if (rc == 0 && run->nlanes > 0 && !run->forked)
        rc = sfx_transform_fork(run, err);
    return rc == 0 && run->out.len >= FLUSH_NBYTES ? sfx_transform_flush(run, err) : rc;
}

static bool is_rejects(const struct sfx_format *format)
{
    return strcmp(format->name, "rejects") == 0;
}

/* Several streams are given the columns of all, if the output needs them and they may differ. */
bool sfx_transform_needs_union(const struct sfx_transform_run *run)
{
    const struct sfx_input *in = sfx_records_input(run->records);

    if (!run->result->to->fixed_columns || sfx_program_fixes_columns(run->job->program))
        return false;
    if (in != NULL && sfx_input_member(in) != NULL)
        return true;
    if (in != NULL && is_rejects(sfx_records_format(run->records)))
        return true;                                /* each record has a header of its own */
    if (run->job->reader.ragged == SFX_RAGGED_FILL) /* later records may have more */
        return true;
    return run->job->npaths > 1 && sfx_transform_headers_differ(run->job);
}

bool sfx_transform_has_one_stream(const struct sfx_transform_run *run)
{
    const struct sfx_transform_job *job = run->job;
    const struct sfx_input *in = sfx_records_input(run->records);

    /* A file that is followed may be replaced by another one. */
    return job->npaths == 1 && !job->follow && in != NULL && sfx_input_member(in) == NULL &&
           !is_rejects(sfx_records_format(run->records));
}

/* Makes what writes records: outputs by name, or a writer. */
static int start_writer(struct sfx_transform_run *run, struct sfx_err *err)
{
    const struct sfx_transform_job *job = run->job;
    const struct sfx_format *to = run->result->to;
    struct sfx_writer_opts opts = job->writer;

    if (to->writer == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "%s cannot be written", to->name);
    if (job->outputs != NULL)
        sfx_outputs_set_format(job->outputs, to);
    if (job->split != NULL)
        return sfx_buf_printf(&run->split, err, "%s%s%s", job->split,
                              job->split_ends_bare ? "." : "",
                              job->split_ends_bare ? to->extensions[0] : "");
    opts.rejects = job->query.on_error != SFX_ON_ERROR_FAIL ? &run->unfit : NULL;
    run->writer = to->writer->create(&opts, err);
    return run->writer != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_NOMEM;
}

/* The format asked for, else that of the first records, also of those that were refused. */
static int find_output_format(struct sfx_transform_run *run, const struct sfx_format *from,
                              struct sfx_err *err)
{
    const struct sfx_format *kept;
    struct sfx_slice head = {0};
    int rc;

    run->result->to = run->job->to != NULL ? run->job->to : sfx_format_of_output(from);
    /* People are shown a table of what is one. */
    if (run->job->to == NULL && run->job->on_terminal && !is_rejects(from) &&
        (from->fixed_columns || from->writer == NULL))
        run->result->to = sfx_format_by_name(SFX_SLICE_LIT("box"));
    if (run->job->to != NULL || !is_rejects(from) || sfx_records_input(run->records) == NULL)
        return 0;
    rc = sfx_input_peek(sfx_records_input(run->records), &head, err);
    kept = rc == 0 ? sfx_format_by_name(sfx_rejects_format(head)) : NULL;
    if (kept != NULL)
        run->result->to = sfx_format_of_output(kept);
    return rc;
}

int sfx_transform_start_output(struct sfx_transform_run *run, const struct sfx_format *from,
                               struct sfx_err *err)
{
    int rc = find_output_format(run, from, err);

    return rc == 0 ? start_writer(run, err) : rc;
}
