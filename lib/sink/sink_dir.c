/* SPDX-License-Identifier: MIT */
/*
 * Folders as a sink: files of CSV, TSV or JSON Lines, perhaps compressed, whose names are a
 * template with the columns of the records: "dir:lake/{country}/{day}.csv.gz".
 */
#include "archive/squeeze.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/path.h"
#include "sink/dir_internal.h"
#include "sink/merge.h"
#include "sink/sink_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 10000000 /* between looks at a lock */

/* --- the target ------------------------------------------------------------------------------ */

/* What goes with tables only. */
static int check_how(const struct sfx_sink_how *how, struct sfx_err *err)
{
    const char *option = how->nkeys > 0                   ? "--key"
                         : how->nindexes > 0              ? "--index"
                         : how->before != NULL            ? "--before"
                         : how->after != NULL             ? "--after"
                         : how->evolve != SFX_SINK_STRICT ? "--evolve"
                         : how->mode > SFX_SINK_REPLACE   ? "--mode"
                                                          : NULL;

    if (option == NULL)
        return 0;
    if (how->mode > SFX_SINK_REPLACE)
        return sfx_err_set(err, SFX_E_USAGE,
                           "--mode=%s is for databases: files have append and "
                           "replace",
                           sfx_sink_mode_names[how->mode]);
    return sfx_err_set(err, SFX_E_USAGE, "%s is for databases, not for files", option);
}

static bool ends_in(const char *text, const char *end)
{
    const size_t len = strlen(text), n = strlen(end);

    return len > n && strcasecmp(text + len - n, end) == 0;
}

static int take_format(struct sfx_dir *s, struct sfx_err *err)
{
    static const char *const names[] = {"csv", "tsv", "jsonl"};
    const struct sfx_format *format;
    size_t len, i;
    char *plain;

    s->filter = sfx_squeeze_named(s->template, &len);
    plain = strndup(s->template, len);
    if (plain == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
    format = sfx_format_by_extension(plain);
    if (s->filter == NULL && ends_in(plain, ".parquet"))
        s->format = &sfx_parquet_format;
    free(plain);
    for (i = 0; format != NULL && i < 3; i++) {
        if (strcmp(format->name, names[i]) == 0)
            s->format = format;
    }
    if (s->format == NULL)
        return sfx_err_set(
            err, SFX_E_USAGE,
            "%s%s: files in folders and archives end in .parquet, or in .csv, .tsv or .jsonl and "
            "then perhaps in .gz or .zst",
            s->shown, s->template);
    return 0;
}

/* The nearest folder of the root that is there. */
static int take_folder(struct sfx_dir *s, struct sfx_err *err)
{
    struct sfx_path_parts parts;
    char *up;

    s->folder = strdup(s->root[0] != '\0' ? s->root : ".");
    while (s->folder != NULL && access(s->folder, F_OK) != 0 && strcmp(s->folder, ".") != 0 &&
           strcmp(s->folder, "/") != 0) {
        sfx_path_split(sfx_slice_str(s->folder), &parts);
        up = strndup(parts.dir.ptr, parts.dir.len);
        free(s->folder);
        s->folder = up;
    }
    s->base.folder = s->folder;
    return s->folder != NULL ? 0 : sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
}

struct sfx_dir *sfx_dir_new(const struct sfx_sink_ops *ops, struct sfx_slice root,
                            struct sfx_slice shown, const char *template,
                            const struct sfx_sink_opts *opts, struct sfx_err *err)
{
    struct sfx_template *check;
    struct sfx_dir *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
        return NULL;
    }
    s->base.ops = ops;
    s->opts = *opts;
    s->lock_fd = s->root_fd = -1;
    s->durable = true;
    s->root = strndup(root.ptr, root.len);
    s->shown = strndup(shown.ptr, shown.len);
    s->template = strdup(template);
    if (s->root == NULL || s->shown == NULL || s->template == NULL ||
        asprintf(&s->own, "%s" SFX_DIR_OWN, s->root) < 0 ||
        asprintf(&s->ledger, "%s/" SFX_DIR_OWN ".jsonl", s->own) < 0) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
        goto fail;
    }
    check = sfx_template_new_columns(s->template, SFX_TEMPLATE_ONLY_COLUMNS, err);
    sfx_template_free(check);
    if (check != NULL && check_how(&opts->how, err) == 0 && take_format(s, err) == 0 &&
        take_folder(s, err) == 0)
        return s;
fail:
    sfx_dir_close(&s->base);
    return NULL;
}

static struct sfx_sink *open_target(const struct sfx_sink_ops *ops, const char *rest,
                                    const struct sfx_sink_opts *opts, struct sfx_err *err)
{
    const char *brace = strchrnul(rest, '{');
    const char *slash = memrchr(rest, '/', (size_t)(brace - rest));
    const size_t root_len = slash != NULL ? (size_t)(slash - rest) + 1 : 0;
    const struct sfx_slice root = sfx_slice(rest, root_len);
    struct sfx_dir *s = sfx_dir_new(ops, root, root, rest + root_len, opts, err);

    return s != NULL ? &s->base : NULL;
}

static struct sfx_sink *dir_open(const char *rest, const struct sfx_sink_opts *opts,
                                 struct sfx_err *err)
{
    return open_target(&sfx_sink_dir, rest, opts, err);
}

static struct sfx_sink *parquet_open(const char *rest, const struct sfx_sink_opts *opts,
                                     struct sfx_err *err)
{
    if (ends_in(rest, ".parquet"))
        return open_target(&sfx_sink_parquet, rest, opts, err);
    (void)sfx_err_set(err, SFX_E_USAGE, "%s: the names of Parquet files end in .parquet", rest);
    return NULL;
}

/* --- a load ---------------------------------------------------------------------------------- */

/* template with value in place of "{NAME}", as a piece of a name; in the arena. */
static const char *expand(struct sfx_dir *s, const char *template, const char *name,
                          const char *value, struct sfx_err *err)
{
    const size_t len = strlen(name);
    struct sfx_buf *piece = &s->scratch;
    const char *at = template;
    size_t i;
    int rc = 0;

    sfx_buf_clear(&s->text);
    while (rc == 0 && *at != '\0') {
        if (strncmp(at, "{{", 2) == 0) {
            rc = sfx_buf_append(&s->text, at, 2, err);
            at += 2;
        } else if (strncmp(at, name, len) == 0) {
            sfx_buf_clear(piece);
            rc = sfx_template_put_column(piece, sfx_slice_str(value), err);
            for (i = 0; rc == 0 && i < piece->len; i++) {
                if (piece->data[i] == '{' || piece->data[i] == '}')
                    rc = sfx_buf_putc(&s->text, piece->data[i], err);
                if (rc == 0)
                    rc = sfx_buf_putc(&s->text, piece->data[i], err);
            }
            at += len;
        } else {
            rc = sfx_buf_putc(&s->text, *at++, err);
        }
    }
    return rc == 0 ? sfx_arena_strndup(&s->arena, s->text.data, s->text.len, err) : NULL;
}

/* Whether fd is still the folder of that name: who had the lock before may have removed it. */
static bool is_there(int fd, const char *folder)
{
    struct stat mine, named;

    return fstat(fd, &mine) == 0 && stat(folder, &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
}

int sfx_dir_lock(const struct sfx_dir *s, const char *folder, int *fd, struct sfx_err *err)
{
    const int64_t since_ns = sfx_clock_mono_ns();
    struct timespec pause = {0, POLL_NS};
    int rc;

    for (;;) {
        rc = *fd < 0 ? sfx_path_mkdirs(folder, err) : 0;
        if (rc < 0)
            return rc;
        if (*fd < 0)
            *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*fd < 0 && errno == ENOENT)
            continue;
        if (*fd < 0)
            return sfx_err_errno(err, errno, "%s", folder);
        if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
            if (is_there(*fd, folder))
                return 0;
            (void)sfx_io_close(fd, NULL);
            continue;
        }
        if (errno != EWOULDBLOCK && errno != EINTR)
            return sfx_err_errno(err, errno, "%s", folder);
        if (s->opts.stop != NULL && *s->opts.stop != 0)
            return sfx_err_set(err, SFX_E_TEMPORARY, "interrupted while waiting for a lock");
        if (sfx_clock_mono_ns() - since_ns >= s->opts.timeout_ns)
            return sfx_err_set(err, SFX_E_TEMPORARY, "%s: another process loads into it", folder);
        (void)nanosleep(&pause, NULL);
    }
}

static void forget_load(struct sfx_dir *s)
{
    sfx_outputs_free(s->outputs);
    s->outputs = NULL;
    free(s->stage);
    s->stage = NULL;
    (void)sfx_io_close(&s->lock_fd, NULL);
    (void)sfx_io_close(&s->root_fd, NULL);
    s->begun = s->committing = false;
}

void sfx_dir_rollback(struct sfx_sink *sink)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;

    sfx_outputs_free(s->outputs);
    s->outputs = NULL;
    if (!s->committing)
        sfx_dir_discard(s);
    forget_load(s);
}

/* Locks the folder, and puts right what a killed process has left. */
static int start(struct sfx_dir *s, struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_dir_names removes = {0};
    int64_t last;
    int rc;

    if (!s->opts.dry_run) {
        rc = sfx_dir_lock(s, s->own, &s->lock_fd, err);
        if (rc == 0)
            s->root_fd =
                open(s->root[0] != '\0' ? s->root : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (rc == 0 && s->root_fd < 0)
            rc = sfx_err_errno(err, errno, "%s", s->root);
        if (rc < 0)
            return rc;
    }
    rc = sfx_dir_ledger_find(s, entry, &last, &removes, err);
    if (rc >= 0 && !s->opts.dry_run && sfx_dir_recover(s, last, &removes, err) < 0)
        rc = SFX_E_IO;
    free(removes.names);
    return rc;
}

int sfx_dir_begin(struct sfx_sink *sink, const struct sfx_sink_source *source,
                  struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    int rc;

    sfx_arena_reset(&s->arena);
    s->before.n = s->files.n = 0;
    s->source = source;
    s->started_ns = sfx_clock_wall_ns();
    *entry = (struct sfx_sink_entry){0};
    s->target = expand(s, s->template, "{table}", source->table, err);
    rc = s->target == NULL ? SFX_E_NOMEM : 0;
    if (rc == 0)
        rc = sfx_merge_mode(&s->opts.how, &s->seen, s->target, &s->mode, err);
    if (rc == 0)
        rc = start(s, entry, err);
    if (rc > 0 && sfx_sink_seen_add(&s->seen, s->target, err) < 0)
        rc = SFX_E_NOMEM;
    if (rc != 0) {
        forget_load(s);
        return rc;
    }
    *entry = (struct sfx_sink_entry){.load_id = s->opts.dry_run ? 0 : s->load_id};
    s->begun = true;
    return 0;
}

/* The columns of the template are columns of the records. */
static int check_columns(struct sfx_dir *s, struct sfx_err *err)
{
    struct sfx_template *name = sfx_template_new_columns(s->names, SFX_TEMPLATE_ONLY_COLUMNS, err);
    struct sfx_slice column;
    size_t i, k;
    int rc = 0;

    if (name == NULL)
        return SFX_E_USAGE;
    for (i = 0; rc == 0; i++) {
        column = sfx_template_column(name, i);
        if (column.len == 0)
            break;
        for (k = 0; k < s->schema->ncols; k++) {
            if (sfx_slice_eq(s->schema->columns[k].name, column))
                break;
        }
        if (k == s->schema->ncols)
            rc = sfx_err_set(err, SFX_E_INPUT, "there is no column \"%.*s\", which names files",
                             SFX_SLICE_ARG(column));
    }
    sfx_template_free(name);
    return rc;
}

int sfx_dir_prepare(struct sfx_sink *sink, const struct sfx_sink_schema *schema,
                    struct sfx_buf *ddl, struct sfx_err *err)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    char number[24];
    int rc;

    (void)ddl;
    s->schema = schema;
    s->mapped = false;
    s->map = sfx_arena_calloc(&s->arena, schema->ncols, sizeof(*s->map), err);
    s->columns = sfx_arena_calloc(&s->arena, schema->ncols, sizeof(*s->columns), err);
    (void)snprintf(number, sizeof(number), "%" PRId64, s->load_id);
    s->names = expand(s, s->target, "{load}", number, err);
    if (s->map == NULL || s->columns == NULL || s->names == NULL)
        return SFX_E_NOMEM;
    rc = check_columns(s, err);
    return rc == 0 && !s->opts.dry_run ? sfx_dir_put_begin(s, err) : rc;
}

/* --- the end --------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What earlier loads of the target made and this one, which replaces them, does not. */
static int choose_removes(struct sfx_dir *s, struct sfx_dir_names *removes, struct sfx_err *err)
{
    const struct sfx_dir_names *before = &s->before, *files = &s->files;
    size_t i;
    int rc = 0;

    if (files->n > 0)
        qsort(files->names, files->n, sizeof(*files->names), compare_names);
    if (s->mode != SFX_SINK_REPLACE || before->n == 0)
        return 0;
    qsort(before->names, before->n, sizeof(*before->names), compare_names);
    for (i = 0; rc == 0 && i < before->n; i++) {
        if (i > 0 && strcmp(before->names[i], before->names[i - 1]) == 0)
            continue;
        if (files->n == 0 || bsearch(&before->names[i], files->names, files->n,
                                     sizeof(*files->names), compare_names) == NULL)
            rc = sfx_dir_note(removes, before->names[i], err);
    }
    return rc;
}

int sfx_dir_commit(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                   struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    struct sfx_dir_names removes = {0};
    int rc;

    *entry = (struct sfx_sink_entry){.load_id = s->load_id, .counts = *counts};
    (void)sfx_clock_format(sfx_clock_wall_ns(), entry->finished);
    if (s->opts.dry_run) {
        forget_load(s);
        return 0;
    }
    rc = sfx_outputs_count(s->outputs) == 0 ? sfx_dir_put_none(s, err) : 0;
    if (rc == 0)
        rc = sfx_outputs_finish(s->outputs, err);
    if (rc == 0)
        rc = sfx_outputs_commit(s->outputs, err);
    if (rc == 0)
        rc = sfx_dir_list(s, err);
    if (rc == 0)
        rc = choose_removes(s, &removes, err);
    if (rc == 0)
        rc = sfx_sink_seen_add(&s->seen, s->target, err);
    s->committing = rc == 0;
    if (rc == 0)
        rc = sfx_dir_ledger_write(s, entry, &removes, err);
    if (rc == 0)
        rc = sfx_dir_publish(s, &removes, err);
    if (rc == 0 && s->packed != NULL)
        sfx_packed_note(s->packed, &s->files, &removes, s->mode);
    free(removes.names);
    if (rc == 0)
        forget_load(s);
    return rc;
}

int sfx_dir_undo(struct sfx_sink *sink, int64_t load_id, struct sfx_sink_entry *entry,
                 const char **table, struct sfx_err *err)
{
    (void)sink;
    (void)entry;
    (void)table;
    return sfx_err_set(err, SFX_E_USAGE,
                       "load %" PRId64 " cannot be taken back: files do not keep loads apart",
                       load_id);
}

void sfx_dir_close(struct sfx_sink *sink)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;

    sfx_dir_rollback(sink);
    if (s->reader != NULL)
        s->format->reader->destroy(s->reader);
    sfx_arena_done(&s->arena);
    sfx_arena_done(&s->line);
    sfx_buf_done(&s->scratch);
    sfx_buf_done(&s->text);
    sfx_sink_seen_done(&s->seen);
    free(s->before.names);
    free(s->files.names);
    free(s->template);
    free(s->root);
    free(s->shown);
    free(s->own);
    free(s->ledger);
    free(s->folder);
    free(s);
}

/* clang-format off */
#define DIR_OPS                                                                                    \
    .begin = sfx_dir_begin,                                                                        \
    .prepare = sfx_dir_prepare,                                                                    \
    .put = sfx_dir_put,                                                                            \
    .commit = sfx_dir_commit,                                                                      \
    .rollback = sfx_dir_rollback,                                                                  \
    .undo = sfx_dir_undo,                                                                          \
    .close = sfx_dir_close
/* clang-format on */

const struct sfx_sink_ops sfx_sink_dir = {
    .scheme = "dir",
    .form = "dir:TEMPLATE",
    .says = "files of CSV, TSV or JSON Lines (.gz, .zst), named by columns",
    .open = dir_open,
    DIR_OPS,
};

const struct sfx_sink_ops sfx_sink_parquet = {
    .scheme = "parquet",
    .form = "parquet:TEMPLATE",
    .says = "Parquet files, with types, zstd and statistics",
    .open = parquet_open,
    DIR_OPS,
};
