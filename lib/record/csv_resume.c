/* SPDX-License-Identifier: MIT */
/* CSV in the middle of a stream: where records seem to begin, and readers that go on there. */
#include "record/csv_reader_internal.h"

#include <stdlib.h>
#include <string.h>

/* So many records with the header's number of fields are no accident. */
#define BORDER_RECORDS 2

bool sfx_csv_tell(const struct sfx_reader *r, uint64_t *offset, uint64_t *line)
{
    *offset = r->block.offset + r->begin;
    *line = r->line;
    return r->failed == 0;
}

/* Whether records of the header's number of fields begin at pos, as far as data shows. */
static bool looks_right(const struct sfx_reader *like, const char *data, size_t len, size_t pos)
{
    int found = 0;

    while (found < BORDER_RECORDS) {
        struct sfx_csv_scan scan = {.pos = pos};

        if (!sfx_csv_scan(&like->chars, &scan, data, len, NULL, 0))
            break;
        if (scan.bad || scan.nfields != like->schema.ncols)
            return false;
        pos = scan.pos;
        found++;
    }
    return found > 0;
}

size_t sfx_csv_find_border(const struct sfx_reader *like, const char *data, size_t len)
{
    const char *at = data;

    while ((at = memchr(at, like->chars.newline, len - (size_t)(at - data))) != NULL) {
        at++;
        if (looks_right(like, data, len, (size_t)(at - data)))
            return (size_t)(at - data);
    }
    return 0;
}

/* Whether r has the columns of like, and fills the same. */
static bool has_columns(const struct sfx_reader *r, const struct sfx_reader *like)
{
    return r->schema.id == like->schema.id && r->schema.ncols == like->schema.ncols &&
           r->wants_all == like->wants_all &&
           (r->wants_all ||
            (r->nwanted == like->nwanted &&
             memcmp(r->wanted, like->wanted, r->nwanted * sizeof(*r->wanted)) == 0));
}

/* Makes r's columns those of like, and fills those that are looked at. */
static int copy_columns(struct sfx_reader *r, const struct sfx_reader *like, struct sfx_err *err)
{
    bool *wanted;
    uint32_t i;
    int rc = 0;

    sfx_schema_reset(&r->schema);
    for (i = 0; i < like->schema.ncols && rc >= 0; i++)
        rc = sfx_schema_add(&r->schema, like->schema.columns[i].name, err);
    if (rc < 0)
        return rc;
    r->wants_all = true;
    if (like->wants_all) {
        r->schema.id = like->schema.id;
        return 0;
    }
    wanted = calloc(like->schema.ncols + 1, sizeof(*wanted));
    if (wanted == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for columns");
    for (i = 0; i < like->nwanted; i++)
        wanted[like->wanted[i]] = true;
    rc = sfx_csv_want(r, wanted, err);
    free(wanted);
    r->schema.id = rc == 0 ? like->schema.id : 0;
    return rc;
}

int sfx_csv_resume(struct sfx_reader *r, const struct sfx_reader *like,
                   const struct sfx_byte_source *src, struct sfx_err *err)
{
    int rc = 0;

    /* An escaped line end ends no record; a ragged record may need columns of those before it. */
    if (!like->started || like->failed < 0 || like->opts.ragged == SFX_RAGGED_FILL ||
        like->opts.escape != '\0')
        return 0;
    r->chars = like->chars;
    r->dialect = like->dialect;
    r->escaped_dialect = like->escaped_dialect;
    r->eol = like->eol;
    if (r != like && !has_columns(r, like))
        rc = copy_columns(r, like, err);
    if (rc < 0)
        return rc;
    r->started = true;
    sfx_csv_restart(r, src);
    rc = sfx_block_open(&r->block, src, r->opts.max_record_nbytes, r->opts.ahead, err);
    return rc < 0 ? rc : 1;
}
