/* SPDX-License-Identifier: MIT */
/* The loop of record programs: streams of inputs through a reader, a query and a writer. */
#include "run/transform.h"

#include "query/records.h"
#include "run/growing.h"
#include "run/transform_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Opens a file that the program names. */
static struct sfx_input *open_named(void *ctx, const char *name, struct sfx_err *err)
{
    const struct sfx_transform_job *job = ((const struct sfx_transform_run *)ctx)->job;
    size_t i;

    for (i = 0; i < job->npaths; i++) {
        if (strcmp(name, "-") == 0 && strcmp(job->paths[i], "-") == 0) {
            (void)sfx_err_set(err, SFX_E_USAGE,
                              "the program and the inputs both want the standard input");
            return NULL;
        }
    }
    return sfx_input_new(name, &job->limits, err);
}

/* Lets stages do what is due by the clock, and hands it on at once. */
static int tick(void *ctx, struct sfx_err *err)
{
    struct sfx_transform_run *run = ctx;
    bool reading = run->reading;
    int rc;

    run->reading = false;
    rc = sfx_query_tick(run->query, err);
    run->reading = reading;
    return rc == 0 && run->out.len > 0 ? sfx_transform_flush(run, err) : rc;
}

/* The side outputs of a program that is only explained. */
static int put_nothing(void *ctx, struct sfx_slice name, struct sfx_batch *batch,
                       struct sfx_err *err)
{
    (void)ctx;
    (void)name;
    (void)batch;
    (void)err;
    return 0;
}

/* Makes query and writer, when the first stream has said what format it is. */
static int start(struct sfx_transform_run *run, const struct sfx_format *from, struct sfx_err *err)
{
    const struct sfx_transform_job *job = run->job;
    struct sfx_query_opts opts = job->query;
    struct sfx_carried_bytes *carried = NULL;
    int rc;

    run->files = (struct sfx_query_files){open_named, run, job->reader};
    opts.files = &run->files;
    run->unfit = (struct sfx_reject_sink){sfx_transform_refuse_unwritten, run};
    rc = sfx_transform_start_output(run, from, err);
    if (rc < 0)
        return rc;
    run->side =
        (struct sfx_side_outputs){run->explains ? put_nothing : sfx_outputs_put, job->outputs};
    if (job->outputs != NULL || run->explains)
        opts.side = &run->side;
    opts.rejects = job->query.rejects != NULL ? &run->refused : NULL;
    opts.log = job->log;
    opts.union_columns = sfx_transform_needs_union(run);
    opts.one_stream = sfx_transform_has_one_stream(run);
    opts.errors = &run->errors;
    if (job->state != NULL && !run->explains && sfx_program_carries(job->program)) {
        carried = sfx_state_carried(job->state);
        run->carry = (struct sfx_query_carry){.write = sfx_carried_write, .ctx = carried};
        run->carry.read = carried->fd >= 0 ? sfx_carried_read : NULL;
        opts.carry = &run->carry;
    }
    run->query = sfx_query_new(job->program, &opts, sfx_transform_write, run, err);
    run->wait.query = run->query;
    if (run->query == NULL)
        return SFX_E_NOMEM;
    rc = sfx_query_restore(run->query, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", carried->path)
                  : sfx_transform_start_lanes(run, err);
}

/* True when the output takes records of the batch in hand whole. */
static bool copies(const struct sfx_transform_run *run)
{
    const struct sfx_writer_ops *ops = run->result->to->writer;

    return run->writer != NULL && ops->copies != NULL && ops->copies(run->writer, &run->batch);
}

/* Tells the reader which columns are looked at, where they are known before the records. */
static int choose_columns(struct sfx_transform_run *run, struct sfx_err *err)
{
    bool *wanted;
    int rc = sfx_records_begin(run->records, &run->batch, err);

    if (rc <= 0)
        return rc;
    rc = sfx_query_prepare(run->query, &run->batch, err);
    if (rc < 0)
        return rc;
    if (run->job->reader.sniff)
        sfx_stream_say_dialect(&run->batch, run->job->log);
    wanted = calloc(run->batch.ncols + 1, sizeof(*wanted));
    if (wanted == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", run->batch.ncols);
    sfx_query_wants(run->query, &run->batch, copies(run), wanted);
    rc = sfx_records_want(run->records, wanted, err);
    free(wanted);
    return rc;
}

/* Keeps what rejects of the records in hand say of their stream. */
static int note_stream(struct sfx_transform_run *run, struct sfx_err *err)
{
    if (run->job->query.rejects == NULL)
        return 0;
    return sfx_stream_notes_add(&run->notes, &run->batch, sfx_records_format(run->records),
                                &run->job->reader, err);
}

/* Puts the reader on the current stream. */
static int open_stream(struct sfx_transform_run *run, struct sfx_err *err)
{
    int rc = run->query == NULL ? start(run, sfx_records_format(run->records), err) : 0;

    if (rc == 0)
        rc = sfx_records_open(run->records, &run->batch, err);
    if (rc == 0)
        rc = choose_columns(run, err);
    if (rc < 0 && sfx_growing_has_ended(&run->growing))
        rc = 0; /* it ended within its header */
    run->batch.format = NULL;
    run->batch.input = sfx_input_name(sfx_records_input(run->records));
    run->batch.member = sfx_input_member(sfx_records_input(run->records));
    return rc < 0 ? rc : note_stream(run, err);
}

/* Reads the next batch: 1; 0 at the end of the stream. */
static int read_batch(struct sfx_transform_run *run, struct sfx_err *err)
{
    const struct sfx_query_opts *query = &run->job->query;
    const bool fails = query->on_error == SFX_ON_ERROR_FAIL ||
                       (query->on_error == SFX_ON_ERROR_NULL && query->rejects == NULL);
    const struct sfx_reject_sink *sink = fails ? NULL : &run->refused;
    int rc;

    run->reading = true;
    rc = sfx_records_read(run->records, &run->batch, sink, err);
    run->reading = false;
    if (rc < 0 && sfx_growing_has_ended(&run->growing)) {
        sfx_batch_clear(&run->batch);
        return 0;
    }
    if (rc > 0)
        sfx_growing_note(&run->growing, &run->batch);
    return rc;
}

/* The input has nothing at the moment: what there is goes out. */
static int pause_output(struct sfx_transform_run *run, struct sfx_err *err)
{
    const struct sfx_writer_ops *ops = run->result->to->writer;
    int rc =
        run->writer != NULL && ops->pause != NULL ? ops->pause(run->writer, &run->out, err) : 0;

    if (rc == 0 && run->out.len > 0)
        rc = sfx_transform_flush(run, err);
    return rc == 0 && run->job->out_name == NULL && run->job->split == NULL &&
                   run->carry.write == NULL
               ? sfx_growing_save(&run->growing, err)
               : rc;
}

/* Runs the batch through the query, or takes what a lane made of it. */
static int run_batch(struct sfx_transform_run *run, struct sfx_err *err)
{
    uint64_t lines;
    const int lane = sfx_records_lane(run->records, &lines);

    return lane < 0 ? sfx_query_push(run->query, &run->batch, err)
                    : sfx_query_take(run->query, (size_t)lane, lines, &run->batch, err);
}

/* Reads at least one batch, so that the columns are known even if nothing of it is wanted. */
static int run_stream(struct sfx_transform_run *run, struct sfx_err *err)
{
    int more = 1, rc = open_stream(run, err);

    while (rc == 0 && more > 0) {
        run->holds = true;
        more = read_batch(run, err);
        if (more < 0) {
            rc = sfx_transform_hand_on_refused(run, more, err);
            return run->wait.stopped ? 0 : rc;
        }
        if (more > 0 && run->batch.format != NULL)
            rc = note_stream(run, err);
        /* At its end a stream without a record still has columns. */
        if (rc == 0 && (more > 0 || run->batch.ncols > 0))
            rc = run_batch(run, err);
        rc = sfx_transform_hand_on_refused(run, rc, err);
        if (rc == 0 && sfx_records_would_block(run->records))
            rc = pause_output(run, err);
        if (run->job->progress != NULL)
            sfx_progress_update(run->job->progress, "records", sfx_query_counts(run->query).in, 0,
                                run->result->in_nbytes + sfx_records_nbytes(run->records));
        if (sfx_query_satisfied(run->query) || sfx_transform_is_stopped(&run->wait))
            break;
    }
    return rc;
}

/* Opens the stream, reads it, remembers how far it was read. */
static int run_growing(struct sfx_transform_run *run, bool last, struct sfx_err *err)
{
    int rc = sfx_growing_open(&run->growing, run->records, last, err);

    if (rc == 0)
        rc = run_stream(run, err);
    if (rc == 0)
        rc = sfx_growing_set(&run->growing, err);
    sfx_growing_close(&run->growing);
    return rc;
}

/* Threads read a file beside the input. */
static uint64_t count_bytes(const struct sfx_transform_run *run, const struct sfx_input *in)
{
    const uint64_t of_input = sfx_input_nbytes(in), in_all = sfx_records_nbytes(run->records);

    return in_all > of_input ? in_all : of_input;
}

static int run_input(struct sfx_transform_run *run, const char *path, bool last,
                     struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new(path, &run->job->limits, err);
    int more = 0, rc = 0;

    if (in == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    sfx_records_take(run->records, in);
    if (run->job->stop != NULL && sfx_transform_wait(&run->wait, in, err) < 0)
        rc = run->wait.stopped ? 0 : err != NULL ? (int)err->code : SFX_E_IO;
    while (rc == 0 && !run->wait.stopped &&
           (run->query == NULL || !sfx_query_satisfied(run->query))) {
        more = sfx_records_next_stream(run->records, err);
        if (more <= 0)
            break;
        rc = run_growing(run, last, err);
    }
    sfx_records_pause(run->records);
    run->result->in_nbytes += count_bytes(run, in);
    sfx_input_say_skipped(in, run->job->log);
    sfx_batch_reset_schema(&run->batch);
    sfx_records_take(run->records, NULL);
    return rc < 0 ? rc : more < 0 ? more : 0;
}

static bool is_done(const struct sfx_transform_run *run)
{
    return sfx_growing_is_stopped(&run->growing) ||
           (run->query != NULL && sfx_query_satisfied(run->query));
}

/* Reads the operand; one that is followed also when another file has taken its name. */
static int run_operand(struct sfx_transform_run *run, size_t i, struct sfx_err *err)
{
    const char *path = run->job->paths[i];
    const bool last = i + 1 == run->job->npaths;
    int rc = run_input(run, path, last, err);

    while (rc == 0 && sfx_growing_is_rotated(&run->growing) && !is_done(run) &&
           sfx_tail_wait_for(path, run->job->stop) > 0)
        rc = run_input(run, path, last, err);
    return rc;
}

/* Lets blocking stages speak, and ends the output. */
static int finish(struct sfx_transform_run *run, struct sfx_err *err)
{
    int rc = 0;

    if (run->query == NULL) /* an archive of nothing */
        rc = start(run, sfx_format_detect(NULL, sfx_slice(NULL, 0)), err);
    if (rc == 0)
        rc = sfx_query_finish(run->query, &run->batch, err);
    if (rc == 0 && run->writer != NULL)
        rc = run->result->to->writer->finish(run->writer, NULL, &run->out, err);
    return rc;
}

static void take_counts(struct sfx_transform_run *run)
{
    struct sfx_query_counts *counts = &run->result->counts;

    if (run->query != NULL)
        *counts = sfx_query_counts(run->query);
    counts->in += run->unread - run->unwritten;
    counts->out -= run->unwritten;
    if (sfx_transform_keeps_refused(run->job))
        counts->rejected += run->unread;
    else
        counts->skipped += run->unread;
}

/* {.job, .result} begins. */
static int run_init(struct sfx_transform_run *run, struct sfx_err *err)
{
    struct sfx_records_opts records = {.from = run->job->from,
                                       .reader = run->job->reader,
                                       .threads = run->job->threads,
                                       /* which error of a batch is one too many goes by stages */
                                       .same_batches = run->job->fatal_error > 0,
                                       .encoding = run->job->encoding,
                                       .idle_ctx = &run->wait};
    int rc = sfx_batch_init(&run->batch, err);

    if (run->job->stop != NULL || sfx_program_goes_by_time(run->job->program))
        records.idle = sfx_transform_wait;
    *run->result = (struct sfx_transform_result){0};
    run->refused = (struct sfx_reject_sink){sfx_transform_refuse, run};
    run->errors.fatal = run->job->fatal_error;
    run->wait = (struct sfx_transform_wait){.stop = run->job->stop, .tick = tick, .ctx = run};
    run->growing.follow = run->job->follow;
    run->growing.stop = run->job->stop;
    run->growing.state = run->job->state;
    run->growing.tick = tick;
    run->growing.tick_ctx = run;
    run->records = rc == 0 ? sfx_records_new(&records, err) : NULL;
    return rc == 0 && run->records == NULL ? SFX_E_NOMEM : rc;
}

static void run_done(struct sfx_transform_run *run)
{
    if (run->records != NULL)
        sfx_records_pause(run->records); /* threads work for the query */
    sfx_query_free(run->query);
    sfx_transform_end_lanes(run);
    if (run->writer != NULL)
        run->result->to->writer->destroy(run->writer);
    sfx_records_free(run->records, &run->batch);
    sfx_batch_done(&run->batch);
    sfx_buf_done(&run->out);
    sfx_buf_done(&run->split);
    sfx_stream_notes_done(&run->notes);
    sfx_held_rejects_done(&run->held);
}

/* The columns of the first input's first stream, and the plan over them. */
static int explain_input(struct sfx_transform_run *run, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new(run->job->paths[0], &run->job->limits, err);
    int rc;

    if (in == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    sfx_records_take(run->records, in);
    rc = sfx_records_next_stream(run->records, err);
    if (rc <= 0)
        return rc < 0 ? rc : sfx_program_explain(run->job->program, out, err);
    rc = start(run, sfx_records_format(run->records), err);
    if (rc == 0)
        rc = sfx_records_open(run->records, &run->batch, err);
    if (rc == 0)
        rc = sfx_records_begin(run->records, &run->batch, err);
    if (rc < 0)
        return rc;
    run->batch.open_schema = rc == 0;
    rc = sfx_buf_printf(out, err, "%s: %s to %s\n", sfx_input_data_name(in),
                        sfx_records_format(run->records)->name, run->result->to->name);
    return rc < 0 ? rc : sfx_query_explain(run->query, &run->batch, copies(run), out, err);
}

int sfx_transform_explain(const struct sfx_transform_job *job, struct sfx_buf *out,
                          struct sfx_err *err)
{
    struct sfx_transform_result result;
    struct sfx_transform_run run = {.job = job, .result = &result, .explains = true};
    int rc;

    if (strcmp(job->paths[0], "-") == 0)
        return sfx_program_explain(job->program, out, err);
    rc = run_init(&run, err);
    if (rc == 0)
        rc = explain_input(&run, out, err);
    run_done(&run);
    return rc;
}

/* Whether too many of the records were bad. */
static int check_percent(struct sfx_transform_run *run, struct sfx_err *err)
{
    const double percent = run->job->max_error_percent;
    const uint64_t in = sfx_query_counts(run->query).in + run->unread;

    if (percent < 0 || (double)run->errors.seen * 100 <= percent * (double)in)
        return 0;
    return sfx_err_set(err, SFX_E_INPUT,
                       "%" PRIu64 " errors in %" PRIu64 " records, more than %g%%",
                       run->errors.seen, in, percent);
}

int sfx_transform_run(const struct sfx_transform_job *job, struct sfx_transform_result *result,
                      struct sfx_err *err)
{
    struct sfx_transform_run run = {.job = job, .result = result};
    size_t i;
    int rc = run_init(&run, err);

    for (i = 0; i < job->npaths && rc == 0; i++) {
        if (!is_done(&run))
            rc = run_operand(&run, i, err);
    }
    if (rc == 0)
        rc = finish(&run, err);
    if (rc == 0)
        rc = check_percent(&run, err);
    if (rc == 0 && job->outputs != NULL)
        rc = sfx_outputs_finish(job->outputs, err);
    /* What came before a bad record is written; the error stays the first one. */
    if (run.out.len > 0 && (rc == 0 || rc == SFX_E_INPUT)) {
        int flushed = sfx_transform_flush(&run, rc == 0 ? err : NULL);

        rc = rc == 0 ? flushed : rc;
    }
    if (job->outputs != NULL)
        result->out_nbytes += sfx_outputs_nbytes(job->outputs);
    take_counts(&run);
    run_done(&run);
    return rc;
}
