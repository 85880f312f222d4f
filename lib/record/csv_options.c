/* SPDX-License-Identifier: MIT */
/* What options ask of CSV beyond RFC 4180: rows of any number of fields, a text that is null. */
#include "record/csv_reader_internal.h"

#include <string.h>

int sfx_csv_fill_ragged(struct sfx_reader *r, const struct sfx_csv_row *row, uint32_t n,
                        struct sfx_err *err)
{
    uint32_t i;
    int rc;

    if (row->nfields > r->schema.ncols) {
        if (n > 0)
            return 0;
        rc = sfx_csv_header_extend(r, row->nfields, err);
        if (rc < 0)
            return sfx_block_blame(&r->block, r->line, r->block.offset + row->begin, rc, err);
    }
    for (i = 0; i < row->nfields; i++) {
        bool escaped;
        const struct sfx_slice field = sfx_csv_row_field(r, row, i, &escaped);
        const bool quoted = !r->chars.tsv && field.len > 0 && field.ptr[0] == r->chars.quote;

        r->schema.columns[i].cells[n] = sfx_csv_cell(field.ptr, field.len, quoted, escaped,
                                                     escaped ? r->escaped_dialect : r->dialect);
    }
    for (; i < r->schema.ncols; i++)
        r->schema.columns[i].cells[n] = (struct sfx_cell){0};
    return 1;
}

void sfx_csv_mark_nulls(const struct sfx_reader *r, uint32_t from, uint32_t to)
{
    size_t i;
    uint32_t n;

    for (i = 0; i < r->schema.ncols; i++) {
        struct sfx_cell *cells = r->schema.columns[i].cells;

        for (n = from; n < to; n++) {
            if (cells[n].kind == SFX_CELL_TEXT && (cells[n].flags & SFX_CELL_QUOTED) == 0 &&
                cells[n].len == r->null.len && memcmp(cells[n].ptr, r->null.ptr, r->null.len) == 0)
                cells[n].kind = SFX_CELL_NULL;
        }
    }
}
