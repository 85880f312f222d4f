/* SPDX-License-Identifier: MIT */
/* Records into the files of a folder's stage, behind those that the files have already. */
#include "archive/input.h"
#include "archive/squeeze.h"
#include "base/io.h"
#include "base/path.h"
#include "base/text.h"
#include "sink/dir_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct sfx_cell missing[SFX_BATCH_ROWS];

int sfx_dir_read_columns(struct sfx_dir *s, struct sfx_input *in, const char *name,
                         struct sfx_batch *batch, struct sfx_err *err)
{
    const struct sfx_reader_opts opts = {.delimiter = '\0'};
    struct sfx_byte_source src = {.ctx = in, .input = name};
    int rc = 0;

    if (s->reader == NULL) {
        s->reader = s->format->reader->create(&opts, err);
        rc = s->reader == NULL ? SFX_E_NOMEM : 0;
    }
    src.read = (ssize_t(*)(void *, void *, size_t, struct sfx_err *))sfx_input_read;
    if (rc == 0)
        rc = s->format->reader->open(s->reader, &src, err);
    if (rc == 0)
        rc = s->format->reader->read(s->reader, batch, NULL, err);
    return rc < 0 ? rc : 0;
}

static int refuse_columns(const struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_INPUT,
                       "%s%s: has other columns than the records that are to follow", s->shown,
                       rel);
}

/* Whether the file has the columns of the load, in their order. */
static int check_header(struct sfx_dir *s, int fd, const char *rel, struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new_fd(fd, rel, NULL, err);
    struct sfx_batch batch = {0};
    size_t i;
    int rc = in == NULL ? SFX_E_IO : sfx_input_next(in, err);

    if (rc > 0)
        rc = sfx_batch_init(&batch, err);
    if (rc == 0)
        rc = sfx_dir_read_columns(s, in, rel, &batch, err);
    if (rc >= 0) {
        rc = batch.ncols == s->schema->ncols ? 0 : 1;
        for (i = 0; rc == 0 && i < batch.ncols; i++)
            rc = !sfx_slice_eq(batch.columns[i].name, s->schema->columns[i].name);
        if (rc > 0)
            rc = refuse_columns(s, rel, err);
    }
    sfx_batch_done(&batch);
    sfx_input_free(in);
    return rc;
}

static const char *beneath(const struct sfx_dir *s, const char *path)
{
    return path + strlen(s->stage);
}

/* The file that has the name already; none: -1. What cannot be renamed over is found here, since
 * nothing may fail behind the commit. Errors: IO, INPUT. */
static int open_before(struct sfx_dir *s, const char *rel, struct sfx_err *err)
{
    struct stat st;
    struct sfx_err why;
    int fd = sfx_path_open_beneath(s->root_fd, rel, O_RDONLY | O_NONBLOCK, 0, &why);

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (fd >= 0) {
        (void)sfx_io_close(&fd, NULL);
        return sfx_err_set(err, SFX_E_INPUT, "%s%s: is no file", s->shown, rel);
    }
    if (why.code == SFX_E_IO && faccessat(s->root_fd, rel, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
        errno == ENOENT)
        return -1;
    if (err != NULL)
        *err = why;
    return sfx_err_wrap(err, (int)why.code, "%s%s", s->shown, rel);
}

/* What happens to records of a file that has the name already: fd, or a member of the archive. */
static int begin_onto(struct sfx_dir *s, const char *rel, int fd,
                      const struct sfx_packed_member *member, bool *onto, struct sfx_err *err)
{
    if (s->mode == SFX_SINK_REPLACE)
        return 0;
    if (s->format == &sfx_parquet_format)
        return sfx_err_set(
            err, SFX_E_INPUT,
            "%s%s: is there, and Parquet files do not grow: {load} in the name makes "
            "a new one, --mode=replace replaces it",
            s->shown, rel);
    *onto = member != NULL ? member->nbytes > 0
                           : lseek(fd, 0, SEEK_END) > 0 && lseek(fd, 0, SEEK_SET) == 0;
    if (!*onto || !s->format->fixed_columns)
        return 0;
    if (member == NULL)
        return check_header(s, fd, rel, err);
    return member->schema_id == s->view_schema_id ? 0 : refuse_columns(s, rel, err);
}

static int begin_file(void *ctx, const char *path, const struct sfx_format **format, bool *onto,
                      struct sfx_err *err)
{
    struct sfx_dir *s = ctx;
    const char *rel = beneath(s, path);
    const struct sfx_packed_member *member = NULL;
    int fd = -1, rc;

    *format = s->format;
    *onto = false;
    if (strncmp(rel, SFX_DIR_OWN, strlen(SFX_DIR_OWN)) == 0 &&
        (rel[strlen(SFX_DIR_OWN)] == '/' || rel[strlen(SFX_DIR_OWN)] == '\0'))
        return sfx_err_set(err, SFX_E_INPUT, "%s%s: is where the ledger stands", s->shown, rel);
    if (!sfx_utf8_valid(sfx_slice_str(rel)))
        return sfx_err_set(err, SFX_E_INPUT, "a value that names a file is not UTF-8");
    rc = s->packed != NULL ? sfx_packed_find(s, rel, &member, err) : 0;
    if (rc < 0)
        return rc;
    if (member == NULL)
        fd = open_before(s, rel, err);
    if (fd < 0 && member == NULL)
        return fd == -1 ? 0 : fd;
    rc = begin_onto(s, rel, fd, member, onto, err);
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

static int open_onto(void *ctx, const char *path, struct sfx_err *err)
{
    struct sfx_dir *s = ctx;
    int fd = open_before(s, beneath(s, path), err);

    /* What a member of an archive has comes first when it is packed. */
    if (fd == -1 && s->packed != NULL)
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd == -1 ? sfx_err_set(err, SFX_E_IO, "%s%s: is gone", s->shown, beneath(s, path)) : fd;
}

static int encode(void *ctx, const char *path, struct sfx_slice *bytes, struct sfx_buf *out,
                  struct sfx_err *err)
{
    const struct sfx_dir *s = ctx;
    int rc = s->filter != NULL ? sfx_squeeze(s->filter, *bytes, out, err) : 0;

    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s%s", s->shown, beneath(s, path));
    if (s->filter != NULL)
        *bytes = sfx_buf_slice(out);
    return 0;
}

int sfx_dir_put_begin(struct sfx_dir *s, struct sfx_err *err)
{
    struct sfx_outputs_opts opts = {
        .durable = s->durable, .hooks = &s->hooks, .writer.shared = &s->shared};

    s->shared = (struct sfx_parquet_shared){.schema = s->schema};
    s->hooks = (struct sfx_outputs_hooks){begin_file, open_onto, encode, s};
    if (asprintf(&s->stage, "%s/stage-%" PRId64 "/", s->own, s->load_id) < 0) {
        s->stage = NULL;
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
    }
    sfx_buf_clear(&s->text);
    if (sfx_buf_puts(&s->text, s->stage, err) < 0 || sfx_buf_puts(&s->text, s->names, err) < 0)
        return SFX_E_NOMEM;
    s->route = sfx_slice(sfx_arena_strndup(&s->arena, s->text.data, s->text.len, err), s->text.len);
    s->outputs = s->route.ptr != NULL ? sfx_outputs_new(&opts, err) : NULL;
    return s->outputs == NULL ? SFX_E_NOMEM : 0;
}

static void map_columns(struct sfx_dir *s, const struct sfx_batch *batch)
{
    size_t i;

    if (!s->mapped || s->map_schema_id != batch->schema_id) {
        sfx_sink_map(s->schema, batch, s->map);
        s->map_schema_id = batch->schema_id;
        s->mapped = true;
        s->same = batch->ncols == s->schema->ncols;
        for (i = 0; i < s->schema->ncols; i++) {
            s->columns[i] = (struct sfx_column){.name = s->schema->columns[i].name};
            s->same = s->same && s->map[i] == (int32_t)i;
        }
        s->view_schema_id = sfx_batch_schema_id(s->columns, s->schema->ncols);
    }
    s->view = *batch;
    s->view.dialect = 0;
    s->view.eol = SFX_EOL_LF;
    if (s->same)
        return;
    for (i = 0; i < s->schema->ncols; i++)
        s->columns[i].cells = s->map[i] >= 0 ? batch->columns[s->map[i]].cells
                                             : (struct sfx_cell *)(uintptr_t)missing;
    s->view.columns = s->columns;
    s->view.ncols = s->schema->ncols;
    s->view.schema_id = s->view_schema_id;
    s->view.nraw = 0;
}

static int read_value(struct sfx_dir *s, const struct sfx_sink_column *col,
                      const struct sfx_cell *cell, struct sfx_typed_value *value, const char **why,
                      struct sfx_err *err)
{
    struct sfx_parquet_value stored;

    if (s->format == &sfx_parquet_format)
        return sfx_parquet_value(col, cell, &s->scratch, value, &stored, why, err);
    return sfx_typed_value(col, cell, &s->scratch, value, why, err);
}

/* 0; 1: the record was refused. */
static int check_row(struct sfx_dir *s, uint32_t row, const struct sfx_reject_sink *bad,
                     struct sfx_err *err)
{
    struct sfx_typed_value value;
    const char *why;
    char name[64];
    size_t i;
    int rc;

    for (i = 0; i < s->schema->ncols; i++) {
        const struct sfx_sink_column *col = &s->schema->columns[i];

        if (sfx_typed_takes_all(col) && s->format != &sfx_parquet_format)
            continue;
        rc = read_value(s, col, &s->view.columns[i].cells[row], &value, &why, err);
        if (rc <= 0 && rc != SFX_E_INPUT) {
            if (rc < 0)
                return rc;
            continue;
        }
        (void)snprintf(name, sizeof(name), "%.*s", SFX_SLICE_ARG(col->name));
        rc = sfx_sink_refuse_value(&s->view, row, name, sfx_typed_name(col->type), value.text,
                                   rc > 0 ? why : "has a broken escape", bad, err);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

/* Counts what the format cannot hold. */
struct unfit {
    const struct sfx_reject_sink *bad;
    uint64_t n;
};

static int count_unfit(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct unfit *unfit = ctx;

    unfit->n++;
    return unfit->bad->put(unfit->bad->ctx, r, err);
}

int sfx_dir_put(struct sfx_sink *sink, const struct sfx_batch *batch,
                const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err)
{
    struct sfx_dir *s = (struct sfx_dir *)sink;
    const bool writes_values = s->format == &sfx_parquet_format && !s->opts.dry_run;
    struct unfit unfit = {.bad = bad};
    const struct sfx_reject_sink counted = {count_unfit, &unfit};
    uint16_t sel[SFX_BATCH_ROWS];
    uint32_t k, n = 0;
    int rc;

    map_columns(s, batch);
    for (k = 0; k < batch->nsel; k++) {
        /* Parquet's writer reads the values itself. */
        rc = writes_values ? 0 : check_row(s, batch->sel[k], bad, err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            sel[n++] = batch->sel[k];
    }
    s->view.sel = sel;
    s->view.nsel = n;
    rc = s->opts.dry_run ? 0
                         : sfx_outputs_put_fit(s->outputs, s->route, &s->view,
                                               bad != NULL ? &counted : NULL, err);
    *inserted += n - unfit.n;
    return rc;
}

int sfx_dir_put_none(struct sfx_dir *s, struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < s->schema->ncols; i++)
        s->columns[i] = (struct sfx_column){.name = s->schema->columns[i].name};
    s->view_schema_id = sfx_batch_schema_id(s->columns, s->schema->ncols);
    s->view = (struct sfx_batch){
        .columns = s->columns, .ncols = s->schema->ncols, .schema_id = s->view_schema_id};
    return sfx_outputs_put_fit(s->outputs, s->route, &s->view, NULL, err);
}
