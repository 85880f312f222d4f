/* SPDX-License-Identifier: MIT */
/*
 * What records pass between the reader and the sink: the check against a table schema, and a
 * program of sfx-transform. Both passes run it, each with a query of its own.
 */
#include "sink/load_internal.h"

#include <string.h>

#define READ_NBYTES 65536

/* Reads the whole file. */
static int read_file(const char *path, struct sfx_buf *text, struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new(path, NULL, err);
    ssize_t n = 1;
    int rc = in != NULL ? sfx_input_next(in, err) : SFX_E_IO;

    while (rc > 0 && n > 0) {
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

int sfx_load_take_stages(struct sfx_load *load, struct sfx_err *err)
{
    const char *program = load->opts.program != NULL ? load->opts.program : "";
    const bool flat = load->opts.nested != SFX_LOAD_JSON;
    struct sfx_buf text = {0};
    int rc;

    if (load->opts.program == NULL && load->opts.schema == NULL && !flat)
        return 0;
    /* A comment may end the user's program. */
    rc = sfx_buf_printf(&text, err, "%s%s%s", program, flat && program[0] != '\0' ? "\n| " : "",
                        flat ? "flatten" : "");
    if (rc == 0)
        load->program = sfx_program_new(text.data, text.len, NULL, err);
    if (rc == 0 && load->program == NULL)
        rc = err->code;
    sfx_buf_clear(&text);
    if (rc < 0) {
        sfx_buf_done(&text);
        return rc;
    }
    if (load->opts.schema != NULL) {
        rc = read_file(load->opts.schema, &text, err);
        if (rc == 0)
            load->schema = sfx_table_schema_new(text.data, text.len, load->opts.schema, err);
        if (rc == 0 && load->schema == NULL)
            rc = err->code;
    }
    sfx_buf_done(&text);
    return rc;
}

void sfx_load_free_stages(struct sfx_load *load)
{
    sfx_query_free(load->query);
    sfx_program_free(load->program);
    sfx_table_schema_free(load->schema);
}

int sfx_load_begin_stages(struct sfx_load *load, const struct sfx_reject_sink *bad,
                          const struct sfx_log *log, sfx_query_emit *take, void *ctx,
                          struct sfx_err *err)
{
    const struct sfx_query_opts opts = {
        .on_error = bad == NULL ? SFX_ON_ERROR_FAIL : SFX_ON_ERROR_REJECT,
        .rejects = bad,
        .tmp_dir = load->opts.tmp_dir != NULL ? load->opts.tmp_dir : load->sink->folder,
        .now_ns = load->started_ns,
        .schema = load->schema,
        .log = log,
    };

    if (load->program == NULL)
        return 0;
    sfx_query_free(load->query);
    load->query = sfx_query_new(load->program, &opts, take, ctx, err);
    return load->query == NULL ? SFX_E_NOMEM : 0;
}

static enum sfx_type type_of(enum sfx_declared declared, enum sfx_type learnt)
{
    switch (declared) {
    case SFX_DECLARED_ANY: break;
    case SFX_DECLARED_TEXT: return SFX_TYPE_TEXT;
    case SFX_DECLARED_INTEGER: return SFX_TYPE_INTEGER;
    case SFX_DECLARED_NUMBER: return SFX_TYPE_NUMERIC;
    case SFX_DECLARED_BOOLEAN: return SFX_TYPE_BOOLEAN;
    case SFX_DECLARED_JSON: return SFX_TYPE_JSON;
    case SFX_DECLARED_DATE: return SFX_TYPE_DATE;
    case SFX_DECLARED_TIME: return SFX_TYPE_TIMESTAMPTZ;
    }
    return learnt;
}

int sfx_load_declare(struct sfx_load *load, struct sfx_err *err)
{
    const size_t n = load->schema != NULL ? sfx_table_schema_ncolumns(load->schema) : 0;
    struct sfx_declared_column declared;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < n; i++) {
        struct sfx_sink_column *col;

        declared = sfx_table_schema_column(load->schema, i);
        col = sfx_load_find_column(load, declared.name);
        if (col == NULL && load->opts.program == NULL && load->opts.nested == SFX_LOAD_JSON) {
            rc = sfx_infer_add(&load->infer, &(struct sfx_sink_column){.name = declared.name}, err);
            col = sfx_load_find_column(load, declared.name);
        }
        if (rc < 0 || col == NULL) /* a stage has renamed or dropped it */
            continue;
        col->type = type_of(declared.type, col->type);
        col->not_null = col->not_null || declared.not_null;
        if (declared.type == SFX_DECLARED_TIME)
            col->scale = 6; /* microseconds are what all databases have */
    }
    return rc;
}
