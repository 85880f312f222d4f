/* SPDX-License-Identifier: MIT */
/* Columns that say where a record came from: its input, its line, its byte. */
#include "query/query_internal.h"

#include <string.h>

#define NUMBER_NBYTES 20 /* digits of a uint64_t */

enum { COLUMN_FILE, COLUMN_LINE, COLUMN_OFFSET };

struct sfx_provenance {
    struct sfx_vec vecs[SFX_PROVENANCE_COLUMNS];
    struct sfx_cell cells[SFX_PROVENANCE_COLUMNS][SFX_BATCH_ROWS];
    char digits[2][SFX_BATCH_ROWS][NUMBER_NBYTES];
};

int sfx_provenance_bind(struct sfx_query *q, struct sfx_err *err)
{
    static const char *const names[] = {"_file", "_line", "_offset"};
    struct sfx_frame *source = &q->source;
    const size_t ncols = source->ncols;
    struct sfx_provenance *p = sfx_arena_calloc(&q->source_arena, 1, sizeof(*p), err);
    size_t i, k;

    if (p == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < SFX_PROVENANCE_COLUMNS; i++) {
        const struct sfx_slice name = sfx_slice_str(names[i]);

        for (k = 0; k < ncols && !sfx_slice_eq(source->cols[k].name, name); k++)
            ;
        if (k < ncols)
            continue;
        p->vecs[i] = (struct sfx_vec){.type = SFX_TYPE_CELL, .cells = p->cells[i]};
        source->cols[source->ncols++] = (struct sfx_qcolumn){.name = name, .vec = &p->vecs[i]};
    }
    q->provenance = p;
    return 0;
}

/* "input", or "archive/member", in text that lives until the next batch. */
static struct sfx_cell file_cell(struct sfx_query *q)
{
    const char *input = q->source.input != NULL ? q->source.input : "-";
    const char *member = q->source.member;
    const size_t len = strlen(input), member_len = member != NULL ? strlen(member) : 0;
    char *text;

    if (member == NULL)
        return sfx_cell_string(sfx_slice(input, len));
    text = sfx_eval_text(&q->eval, len + 1 + member_len);
    if (text == NULL)
        return (struct sfx_cell){.kind = SFX_CELL_NULL};
    memcpy(text, input, len);
    text[len] = '/';
    memcpy(text + len + 1, member, member_len);
    return sfx_cell_string(sfx_slice(text, len + 1 + member_len));
}

static struct sfx_cell number_cell(uint64_t value, char digits[NUMBER_NBYTES])
{
    char *at = digits + NUMBER_NBYTES;

    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return (struct sfx_cell){
        .ptr = at, .len = (uint32_t)(digits + NUMBER_NBYTES - at), .kind = SFX_CELL_NUMBER};
}

void sfx_provenance_fill(struct sfx_query *q)
{
    struct sfx_provenance *p = q->provenance;
    const struct sfx_frame *source = &q->source;
    const struct sfx_cell file = file_cell(q);
    uint32_t i;

    for (i = 0; i < source->nsel; i++) {
        const uint16_t row = source->sel[i];
        const struct sfx_row_origin *origin = &source->rows[row];

        p->cells[COLUMN_FILE][row] = file;
        p->cells[COLUMN_LINE][row] = number_cell(origin->line, p->digits[0][row]);
        p->cells[COLUMN_OFFSET][row] = number_cell(origin->offset, p->digits[1][row]);
    }
}
