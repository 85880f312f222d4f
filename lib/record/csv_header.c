/* SPDX-License-Identifier: MIT */
/* The columns of a CSV input: names from its first record, made unique; or numbers. */
#include "record/csv_reader_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A column without a name is known by its number, from 1. */
static struct sfx_slice number_name(struct sfx_buf *text, uint32_t i, struct sfx_err *err)
{
    sfx_buf_clear(text);
    return sfx_buf_printf(text, err, "%" PRIu32, i + 1) < 0 ? (struct sfx_slice){0}
                                                            : sfx_buf_slice(text);
}

/*
 * Makes name, which column `twin` has already, unique: name_2, name_3 … suffixes holds for each
 * column the last one given, so that many twins cost one attempt each.
 */
static int add_suffix(struct sfx_reader *r, struct sfx_slice name, int twin, uint32_t *suffixes,
                      struct sfx_buf *unique, struct sfx_err *err)
{
    int rc = 0;

    do {
        suffixes[twin] = suffixes[twin] > 0 ? suffixes[twin] + 1 : 2;
        sfx_buf_clear(unique);
        rc = sfx_buf_append(unique, name.ptr, name.len, err);
        if (rc == 0)
            rc = sfx_buf_printf(unique, err, "_%" PRIu32, suffixes[twin]);
    } while (rc == 0 && sfx_schema_find(&r->schema, sfx_buf_slice(unique)) >= 0);
    return rc;
}

/* The name of field i as it is to be known, before twins are told apart. */
static int plain_name(struct sfx_reader *r, const struct sfx_cell *head, uint32_t i,
                      struct sfx_slice *name, struct sfx_err *err)
{
    *name = (struct sfx_slice){0};
    if (!r->opts.no_header && sfx_cell_text(head, &r->text, name, err) < 0)
        return SFX_E_NOMEM;
    if (name->len == 0)
        *name = number_name(&r->text, i, err);
    return name->len > 0 ? 0 : SFX_E_NOMEM;
}

/* Keeps the field as it was spelled, in the schema's memory. */
static int keep_head(struct sfx_reader *r, const struct sfx_cell *head, struct sfx_column *col,
                     struct sfx_err *err)
{
    const size_t quoted = (head->flags & SFX_CELL_QUOTED) != 0;
    char *copy =
        sfx_arena_strndup(&r->schema.names, head->ptr - quoted, head->len + 2 * quoted, err);

    if (copy == NULL)
        return SFX_E_NOMEM;
    col->head = *head;
    col->head.ptr = copy + quoted;
    return 0;
}

static int add_column(struct sfx_reader *r, const struct sfx_csv_row *row, uint32_t i,
                      uint32_t *suffixes, struct sfx_buf *unique, struct sfx_err *err)
{
    bool escaped;
    const struct sfx_slice field = sfx_csv_row_field(r, row, i, &escaped);
    const bool quoted = !r->chars.tsv && field.len > 0 && field.ptr[0] == r->chars.quote;
    const struct sfx_cell head = sfx_csv_cell(field.ptr, field.len, quoted, escaped,
                                              escaped ? r->escaped_dialect : r->dialect);
    struct sfx_slice name;
    int rc = plain_name(r, &head, i, &name, err);
    int twin = rc == 0 ? sfx_schema_find(&r->schema, name) : -1;

    if (rc == 0 && twin >= 0) {
        rc = add_suffix(r, name, twin, suffixes, unique, err);
        name = sfx_buf_slice(unique);
    }
    if (rc == 0)
        rc = sfx_schema_add(&r->schema, name, err);
    if (rc >= 0 && !r->opts.no_header)
        rc = keep_head(r, &head, &r->schema.columns[i], err);
    return rc < 0 ? rc : 0;
}

int sfx_csv_header_extend(struct sfx_reader *r, uint32_t ncols, struct sfx_err *err)
{
    uint32_t i;
    int rc = 0;

    for (i = (uint32_t)r->schema.ncols; rc >= 0 && i < ncols; i++) {
        uint32_t suffix = 1;
        struct sfx_slice name = number_name(&r->text, i, err);
        const size_t len = name.len;

        while (name.len > 0 && sfx_schema_find(&r->schema, name) >= 0) {
            r->text.len = len;
            name = sfx_buf_printf(&r->text, err, "_%" PRIu32, ++suffix) < 0
                       ? (struct sfx_slice){0}
                       : sfx_buf_slice(&r->text);
        }
        rc = name.len > 0 ? sfx_schema_add(&r->schema, name, err) : SFX_E_NOMEM;
    }
    sfx_schema_seal(&r->schema);
    return rc < 0 ? rc : 0;
}

int sfx_csv_header(struct sfx_reader *r, const struct sfx_csv_row *row, struct sfx_err *err)
{
    uint32_t *suffixes = calloc(row->nfields, sizeof(*suffixes));
    struct sfx_buf unique = {0};
    uint32_t i;
    int rc = 0;

    sfx_schema_reset(&r->schema);
    if (suffixes == NULL)
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for %" PRIu32 " columns", row->nfields);
    for (i = 0; rc == 0 && i < row->nfields; i++)
        rc = add_column(r, row, i, suffixes, &unique, err);
    if (rc == 0)
        sfx_schema_seal(&r->schema);
    else
        sfx_schema_reset(&r->schema);
    free(suffixes);
    sfx_buf_done(&unique);
    if (rc == SFX_E_LIMIT)
        return sfx_block_blame(&r->block, r->line, r->block.offset + row->begin, rc, err);
    return rc;
}
