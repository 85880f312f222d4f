/* SPDX-License-Identifier: MIT */
/* Columns that say where a row came from: its input, its line there, when and by which load. */
#include "base/size.h"
#include "sink/load_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct sfx_sink_column columns[] = {
    {.name = {"_source", 7}, .type = SFX_TYPE_TEXT, .lineage = true},
    {.name = {"_line", 5}, .type = SFX_TYPE_INTEGER, .lineage = true},
    {.name = {"_loaded_at", 10}, .type = SFX_TYPE_TIMESTAMPTZ, .scale = 6, .lineage = true},
    {.name = {"_load_id", 8}, .type = SFX_TYPE_INTEGER, .lineage = true},
};

#define NCOLUMNS      SFX_COUNT(columns)
#define NUMBER_NBYTES 24

int sfx_load_lineage_schema(struct sfx_infer *infer, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < NCOLUMNS; i++)
        rc = sfx_infer_add(infer, &columns[i], err);
    return rc;
}

/* Microseconds are what all databases have. */
static int write_time(struct sfx_load *load, struct sfx_err *err)
{
    char text[SFX_CLOCK_TEXT_NBYTES];

    (void)sfx_clock_format(load->started_ns, text);
    sfx_buf_clear(&load->when);
    return sfx_buf_printf(&load->when, err, "%.19s.%06dZ", text,
                          (int)(load->started_ns / 1000 % 1000000));
}

int sfx_load_lineage_begin(struct sfx_load *load, struct sfx_err *err)
{
    const char *member = load->result.member;
    int rc;

    sfx_buf_clear(&load->whence);
    rc = sfx_buf_printf(&load->whence, err, "%s%s%s", load->result.name, member != NULL ? ":" : "",
                        member != NULL ? member : "");
    if (rc == 0)
        rc = write_time(load, err);
    if (rc == 0)
        (void)snprintf(load->load_id, sizeof(load->load_id), "%" PRId64,
                       load->result.entry.load_id);
    return rc;
}

int sfx_load_lineage_fill(struct sfx_load *load, struct sfx_batch *batch, struct sfx_err *err)
{
    const struct sfx_slice fixed[NCOLUMNS] = {
        [0] = sfx_buf_slice(&load->whence),
        [2] = sfx_buf_slice(&load->when),
        [3] = sfx_slice_str(load->load_id),
    };
    struct sfx_cell *cells[NCOLUMNS];
    uint32_t k;
    size_t i;
    int at;

    for (i = 0; i < NCOLUMNS; i++) {
        at = sfx_batch_add_column(batch, columns[i].name, err);
        if (at < 0)
            return at;
    }
    for (i = 0; i < NCOLUMNS; i++)
        cells[i] = batch->columns[batch->ncols - NCOLUMNS + i].cells;
    for (k = 0; k < batch->nsel; k++) {
        const uint32_t row = batch->sel[k];
        char *line = sfx_arena_alloc(&batch->arena, NUMBER_NBYTES, err);

        if (line == NULL)
            return SFX_E_NOMEM;
        for (i = 0; i < NCOLUMNS; i++)
            cells[i][row] = (struct sfx_cell){
                .ptr = fixed[i].ptr, .len = (uint32_t)fixed[i].len, .kind = SFX_CELL_STRING};
        cells[1][row].ptr = line;
        cells[1][row].len =
            (uint32_t)snprintf(line, NUMBER_NBYTES, "%" PRIu64, batch->rows[row].line);
    }
    return 0;
}
