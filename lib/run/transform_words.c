/* SPDX-License-Identifier: MIT */
/* Plans of transformations: options checked against each other, the program read and parsed. */
#include "run/transform_words.h"

#include "base/pool.h"
#include "record/encoding.h"
#include "run/rejects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define READ_NBYTES ((size_t)64 * 1024)

static const struct sfx_format *find_format(const char *name, struct sfx_err *err)
{
    const struct sfx_format *format = sfx_format_by_name(sfx_slice_str(name)), *all;
    struct sfx_buf known = {0};
    size_t count, i;

    if (format != NULL)
        return format;
    all = sfx_format_all(&count);
    for (i = 0; i < count; i++)
        (void)sfx_buf_printf(&known, NULL, "%s%s", i > 0 ? ", " : "", all[i].name);
    (void)sfx_err_set(err, SFX_E_USAGE, "there is no format %s: %.*s", name,
                      SFX_SLICE_ARG(sfx_buf_slice(&known)));
    sfx_buf_done(&known);
    return NULL;
}

/* A character of the CSV dialect; "\t" and "tab" are spelled for shells. */
static int find_char(const char *word, const char *option, char *out, struct sfx_err *err)
{
    if (word == NULL)
        return 0;
    if (strcmp(word, "\\t") == 0 || strcmp(word, "tab") == 0)
        *out = '\t';
    else if (strlen(word) == 1)
        *out = *word;
    else
        return sfx_err_set(err, SFX_E_USAGE, "%s takes one character (or tab), not %s", option,
                           word);
    return 0;
}

/* What CSV looks like. */
static int find_dialect(struct sfx_transform_job *job, const struct sfx_transform_words *words,
                        struct sfx_err *err)
{
    struct sfx_reader_opts *reader = &job->reader;
    int rc = find_char(words->delimiter, "--delimiter", &reader->delimiter, err);

    if (rc == 0)
        rc = find_char(words->quote, "--quote", &reader->quote, err);
    if (rc == 0)
        rc = find_char(words->escape, "--escape", &reader->escape, err);
    if (rc == 0)
        rc = find_char(words->comment, "--comment", &reader->comment, err);
    reader->sniff = words->delimiter == NULL && words->quote == NULL;
    if (rc == 0 && words->encoding != NULL)
        rc = sfx_encoding_check(words->encoding, err);
    job->encoding = words->encoding;
    reader->null_text = words->null_text;
    reader->ragged = (enum sfx_ragged)words->ragged;
    reader->skip_lines = words->skip_lines;
    job->writer.delimiter = reader->delimiter;
    job->writer.quote = reader->quote;
    job->writer.escape = reader->escape;
    job->writer.null_text = reader->null_text;
    reader->fields = job->writer.fields = words->fields;
    job->on_terminal = words->terminal > 0 && words->output == NULL && !words->events;
    job->writer.width = words->output == NULL ? words->terminal : 0;
    reader->table = words->table;
    reader->sql = words->sql;
    return rc;
}

static int find_formats(struct sfx_transform_job *job, const struct sfx_transform_words *words,
                        struct sfx_err *err)
{
    int rc;

    if (words->from != NULL && words->replay)
        return sfx_err_set(err, SFX_E_USAGE,
                           "--replay reads rejects, which name their formats: "
                           "--from does not go with it");
    if (words->from != NULL && (job->from = find_format(words->from, err)) == NULL)
        return SFX_E_USAGE;
    if (words->replay)
        job->from = sfx_format_by_name(SFX_SLICE_LIT("rejects"));
    if (words->to != NULL)
        job->to = find_format(words->to, err);
    else if (words->output != NULL && words->split_by == NULL)
        job->to = sfx_format_by_extension(words->output);
    if (words->to != NULL && job->to == NULL)
        return SFX_E_USAGE;
    if (words->output != NULL && job->to == NULL && words->split_by == NULL &&
        sfx_input_strip_suffix(sfx_slice_str(words->output)).len < strlen(words->output))
        return sfx_err_set(err, SFX_E_USAGE,
                           "%s: outputs are not compressed; pipe them through a "
                           "compressor",
                           words->output);
    if (words->infer_schema)
        job->to = &sfx_format_table_schema;
    rc = find_dialect(job, words, err);
    job->reader.no_header = job->writer.no_header = words->no_header;
    job->reader.max_record_nbytes = words->max_record_nbytes;
    job->reader.max_field_nbytes = words->max_field_nbytes;
    job->limits.max_ratio = words->max_ratio;
    job->threads = (unsigned)(words->threads > 0 ? words->threads : sfx_pool_ncpus());
    return rc;
}

/* Reads the whole file. Errors: IO, NOMEM. */
static int read_file(const char *path, struct sfx_buf *text, struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new(path, NULL, err);
    ssize_t n;
    int rc = in != NULL ? sfx_input_next(in, err) : SFX_E_IO;

    for (n = 1; rc > 0 && n > 0;) {
        rc = sfx_buf_reserve(text, READ_NBYTES, err);
        if (rc < 0)
            break;
        n = sfx_input_read(in, text->data + text->len, READ_NBYTES, err);
        text->len += n > 0 ? (size_t)n : 0;
        rc = n < 0 ? (int)n : 1;
    }
    sfx_input_free(in);
    return rc < 0 ? rc : 0;
}

/* What of a text file is text: editors put a byte order mark before it. */
static struct sfx_slice without_mark(const struct sfx_buf *text)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'};
    const bool marked = text->len >= sizeof(mark) && memcmp(text->data, mark, sizeof(mark)) == 0;
    const size_t from = marked ? sizeof(mark) : 0;

    return text->len == 0 ? sfx_slice("", 0) : sfx_slice(text->data + from, text->len - from);
}

/* Splits the words NAME=VALUE; *args is owned by the caller even then. */
static int split_args(const struct sfx_transform_words *words, struct sfx_program_arg **args,
                      struct sfx_err *err)
{
    size_t i;

    *args = calloc(words->nargs + 1, sizeof(**args));
    if (*args == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu arguments", words->nargs);
    for (i = 0; i < words->nargs; i++) {
        const char *word = words->args[i], *mark = strchr(word, '=');

        if (mark == NULL || mark == word)
            return sfx_err_set(err, SFX_E_USAGE, "--arg takes NAME=VALUE, not %s", word);
        (*args)[i].name = sfx_slice(word, (size_t)(mark - word));
        (*args)[i].value = sfx_slice_str(mark + 1);
    }
    return 0;
}

static int read_program(struct sfx_transform_plan *plan, const struct sfx_transform_words *words,
                        const char *operand, struct sfx_err *err)
{
    struct sfx_program_opts opts = {.nargs = words->nargs, .zone = words->zone};
    struct sfx_program_arg *args = NULL;
    struct sfx_buf text = {0};
    struct sfx_slice program;
    int rc = split_args(words, &args, err);

    if (rc < 0) {
        free(args);
        return rc;
    }
    opts.args = args;
    if (words->program_file == NULL) {
        plan->program = sfx_program_new(operand, strlen(operand), &opts, err);
    } else if ((rc = read_file(words->program_file, &text, err)) == 0) {
        program = without_mark(&text);
        plan->program = sfx_program_new(program.ptr, program.len, &opts, err);
    }
    sfx_buf_done(&text);
    free(args);
    if (rc < 0 || plan->program == NULL) {
        rc = err != NULL ? (int)err->code : SFX_E_USAGE;
        return words->program_file != NULL && rc == SFX_E_USAGE
                   ? sfx_err_wrap(err, rc, "%s", words->program_file)
                   : rc;
    }
    plan->job.program = plan->program;
    return 0;
}

static int read_schema(struct sfx_transform_plan *plan, const char *path, struct sfx_err *err)
{
    struct sfx_buf text = {0};
    int rc = read_file(path, &text, err);

    if (rc == 0 && (plan->schema = sfx_table_schema_new(text.data, text.len, path, err)) == NULL)
        rc = err != NULL ? (int)err->code : SFX_E_USAGE;
    sfx_buf_done(&text);
    plan->job.query.schema = plan->schema;
    return rc;
}

static int set_paths(struct sfx_transform_plan *plan, char *const *operands, size_t count,
                     struct sfx_err *err)
{
    size_t i;

    plan->paths = calloc(count + 1, sizeof(*plan->paths));
    if (plan->paths == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu names", count);
    for (i = 0; i < count; i++)
        plan->paths[i] = operands[i];
    if (count == 0)
        plan->paths[0] = "-";
    plan->job.paths = plan->paths;
    plan->job.npaths = count > 0 ? count : 1;
    return 0;
}

/* "N" or "P%" */
static int find_max_errors(struct sfx_transform_job *job, const char *word, struct sfx_err *err)
{
    char *end = NULL;

    job->max_error_percent = -1;
    if (word == NULL)
        return 0;
    errno = 0;
    if (word[0] >= '0' && word[0] <= '9' && strchr(word, '%') != NULL) {
        job->max_error_percent = strtod(word, &end);
        if (strcmp(end, "%") == 0 && job->max_error_percent <= 100)
            return 0;
    } else if (word[0] >= '0' && word[0] <= '9') {
        job->fatal_error = (uint64_t)strtoull(word, &end, 10) + 1;
        if (*end == '\0' && errno == 0 && job->fatal_error > 0)
            return 0;
    }
    return sfx_err_set(err, SFX_E_USAGE, "--max-errors takes a number or a percentage, not %s",
                       word);
}

static int check(const struct sfx_transform_words *words, size_t noperands, struct sfx_err *err)
{
    bool program_given = words->program_file != NULL;

    if (!program_given && noperands == 0)
        return sfx_err_set(err, SFX_E_USAGE, "a program is missing ('' passes records through)");
    if (words->on_error == SFX_ON_ERROR_REJECT && words->rejects == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--on-error=reject needs --rejects");
    if (words->on_error == SFX_ON_ERROR_SKIP && words->rejects != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--rejects keeps what --on-error=skip leaves out");
    if (words->events && (noperands > !program_given || words->output == NULL))
        return sfx_err_set(err, SFX_E_USAGE,
                           "-E reads events: it needs a template (-o) and takes no FILE");
    if (words->events && (words->follow || words->state != NULL))
        return sfx_err_set(err, SFX_E_USAGE,
                           "-E reads events: --follow and --state do not go "
                           "with it");
    if (words->split_by != NULL && (words->output == NULL || strcmp(words->output, "-") == 0))
        return sfx_err_set(err, SFX_E_USAGE, "--split-by needs the folder of the outputs (-o)");
    if (words->infer_schema && words->to != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--infer-schema writes a schema, not %s", words->to);
    return 0;
}

/* The template for columns by name: "folder/{`a`}/{`b`}"; the extension is added later. */
static int split_template(struct sfx_transform_plan *plan, const struct sfx_transform_words *words,
                          struct sfx_err *err)
{
    const char *at = words->split_by;
    int rc = sfx_buf_puts(&plan->split, words->output, err);

    while (rc == 0) {
        const char *close = at[0] == '`' ? strchr(at + 1, '`') : NULL;
        const char *name = close != NULL ? at + 1 : at;
        const size_t len = close != NULL ? (size_t)(close - name) : strcspn(at, ",");
        const char *end = name + len + (close != NULL);

        if (len == 0 || (*end != ',' && *end != '\0'))
            return sfx_err_set(err, SFX_E_USAGE,
                               "--split-by takes columns joined by commas, not %s",
                               words->split_by);
        rc = sfx_buf_printf(&plan->split, err, "/{`%.*s`}", (int)len, name);
        if (*end == '\0')
            break;
        at = end + 1;
    }
    plan->job.split_ends_bare = true;
    return rc;
}

/* Reads the state; outputs are synced, as what it says must be true after a crash. */
static int set_state(struct sfx_transform_plan *plan, const struct sfx_transform_words *words,
                     struct sfx_err *err)
{
    const char *verb = sfx_program_stateful_verb(plan->program);

    if (words->state == NULL)
        return 0;
    if (words->encoding != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--state cannot go on within %s", words->encoding);
    if (verb != NULL)
        return sfx_err_set(err, SFX_E_USAGE,
                           "--state goes on where the last run ended; %s would need the records "
                           "before",
                           verb);
    plan->durable = plan->outputs.durable = true;
    plan->state = sfx_state_new(words->state, err);
    plan->job.state = plan->state;
    if (plan->state == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    return sfx_state_check(plan->state, sfx_program_carries(plan->program), err);
}

/* Learns whether the output's name asks for columns. */
static int set_output(struct sfx_transform_plan *plan, const struct sfx_transform_words *words,
                      struct sfx_err *err)
{
    const enum sfx_template_columns which =
        words->events ? SFX_TEMPLATE_OTHER_COLUMNS : SFX_TEMPLATE_ONLY_COLUMNS;
    int rc = 0;

    if (words->split_by != NULL)
        rc = split_template(plan, words, err);
    else if (words->output != NULL)
        rc = sfx_buf_puts(&plan->split, words->output, err);
    if (rc < 0 || words->output == NULL)
        return rc;
    if (!words->events && words->split_by == NULL && strpbrk(words->output, "{}") == NULL) {
        plan->output = words->output;
        return 0;
    }
    plan->name = sfx_template_new_columns(sfx_buf_cstr(&plan->split, err), which, err);
    if (plan->name == NULL)
        return err != NULL ? (int)err->code : SFX_E_USAGE;
    if (words->events && sfx_template_column(plan->name, 0).len == 0)
        plan->target.name = plan->name;
    else
        plan->job.split = sfx_buf_cstr(&plan->split, err);
    return 0;
}

int sfx_transform_plan_init(struct sfx_transform_plan *plan,
                            const struct sfx_transform_words *words, char *const *operands,
                            size_t noperands, struct sfx_err *err)
{
    size_t own = words->program_file == NULL;
    int rc;

    *plan = (struct sfx_transform_plan){.rejects = words->rejects};
    plan->job.query = (struct sfx_query_opts){
        .on_error = words->rejects != NULL && words->on_error != SFX_ON_ERROR_NULL
                        ? SFX_ON_ERROR_REJECT
                        : (enum sfx_on_error)words->on_error,
        .memory_nbytes = words->memory_nbytes,
        .tmp_dir = words->tmp_dir,
        .provenance = words->provenance,
    };
    plan->job.out_fd = words->fd;
    plan->durable = plan->target.durable = words->durable;
    rc = check(words, noperands, err);
    if (rc == 0)
        rc = find_max_errors(&plan->job, words->max_errors, err);
    if (rc == 0)
        rc = find_formats(&plan->job, words, err);
    if (rc == 0)
        rc = read_program(plan, words, operands[0], err);
    if (rc == 0)
        rc = set_paths(plan, operands + own, noperands - own, err);
    if (rc == 0 && words->schema != NULL)
        rc = read_schema(plan, words->schema, err);
    plan->outputs = (struct sfx_outputs_opts){.max_open = words->max_open,
                                              .max_outputs = words->max_outputs,
                                              .durable = words->durable,
                                              .writer = plan->job.writer};
    plan->target.outputs = &plan->outputs;
    plan->job.follow = words->follow;
    if (rc == 0)
        rc = set_state(plan, words, err);
    return rc == 0 ? set_output(plan, words, err) : rc;
}

void sfx_transform_plan_done(struct sfx_transform_plan *plan)
{
    sfx_program_free(plan->program);
    sfx_table_schema_free(plan->schema);
    sfx_template_free(plan->name);
    sfx_state_free(plan->state);
    free(plan->paths);
    sfx_buf_done(&plan->split);
    *plan = (struct sfx_transform_plan){0};
}

/* The state that counts when the output that gets its name last has it. */
static int prepare_state(const struct sfx_transform_plan *plan, const struct sfx_outputs *outputs,
                         struct sfx_outfile *out, struct sfx_err *err)
{
    const char *name = plan->output;
    struct stat st;
    int rc = 0;

    if (out == NULL)
        rc = sfx_outputs_last(outputs, &name, &st, err);
    else if (fstat(sfx_outfile_fd(out), &st) != 0)
        rc = sfx_err_errno(err, errno, "%s", name);
    return rc == 0 ? sfx_state_prepare(plan->state, name, &st, err) : rc;
}

/* Gives all outputs their names, what was put aside first, and moves the state on. */
static int publish(const struct sfx_transform_plan *plan, const struct sfx_transform_job *job,
                   struct sfx_outfile *out, struct sfx_err *err)
{
    const bool files = out != NULL || sfx_outputs_count(job->outputs) > 0;
    int rc = 0;

    if (out != NULL && (plan->state != NULL || sfx_outputs_count(job->outputs) > 0))
        rc = sfx_outfile_prepare(out, err);
    if (rc == 0 && plan->state != NULL && files)
        rc = prepare_state(plan, job->outputs, out, err);
    if (rc == 0)
        rc = sfx_outputs_commit(job->outputs, err);
    if (rc == 0 && out != NULL)
        rc = sfx_outfile_commit(out, err);
    if (rc < 0 || plan->state == NULL)
        return rc;
    return files ? sfx_state_commit(plan->state, err) : sfx_state_save(plan->state, err);
}

int sfx_transform_file(struct sfx_transform_plan *plan, const char *program,
                       struct sfx_transform_result *result, struct sfx_err *err)
{
    struct sfx_transform_job job = plan->job;
    struct sfx_outfile_opts opts = {.durable = plan->durable};
    struct sfx_outputs_opts outputs = plan->outputs;
    struct sfx_rejects *rejects = NULL;
    struct sfx_outfile *out = NULL;
    int rc = 0, closed;

    *result = (struct sfx_transform_result){0};
    outputs.taken = plan->output;
    if (plan->output != NULL && strcmp(plan->output, "-") != 0) {
        out = sfx_outfile_new(plan->output, &opts, err);
        if (out == NULL)
            return err != NULL ? (int)err->code : SFX_E_IO;
        job.out_fd = sfx_outfile_fd(out);
        job.out_name = plan->output;
    }
    job.outputs = sfx_outputs_new(&outputs, err);
    if (job.outputs == NULL)
        rc = SFX_E_NOMEM;
    if (rc == 0 && plan->rejects != NULL) {
        rejects = sfx_rejects_new(plan->rejects, program, err);
        if (rejects == NULL)
            rc = err != NULL ? (int)err->code : SFX_E_IO;
        else
            job.query.rejects = sfx_rejects_sink(rejects);
    }
    if (rc == 0)
        rc = sfx_transform_run(&job, result, err);
    closed = sfx_rejects_close(rejects, rc == 0 ? err : NULL);
    rc = rc == 0 ? closed : rc;
    if (rc == 0)
        rc = publish(plan, &job, out, err);
    sfx_outfile_free(out);
    sfx_outputs_free(job.outputs);
    return rc;
}
