/* SPDX-License-Identifier: MIT */
/* Batches made by hand: columns of borrowed texts. */
#include "sink_fixture.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct sfx_cell kind_cell(enum sfx_cell_kind kind, const char *text)
{
    return (struct sfx_cell){.ptr = text, .len = (uint32_t)strlen(text), .kind = (uint8_t)kind};
}

struct sfx_cell csv_cell(const char *text)
{
    return kind_cell(SFX_CELL_TEXT, text);
}

void make_batch(struct sfx_batch *batch, const char *const *names, uint32_t nrows)
{
    uint32_t r;

    assert_int_equal(sfx_batch_init(batch, NULL), 0);
    sfx_batch_select_all(batch, nrows); /* a new column is MISSING in the rows there are */
    for (; *names != NULL; names++)
        assert_true(sfx_batch_add_column(batch, sfx_slice_str(*names), NULL) >= 0);
    for (r = 0; r < nrows; r++)
        batch->rows[r] = (struct sfx_row_origin){.line = r + 2};
    batch->input = "hand.csv";
}

void make_fields(struct sfx_batch *batch, const char *const *fields)
{
    static const char *const names[] = {"c", NULL};
    uint32_t n = 0;

    while (fields[n] != NULL)
        n++;
    make_batch(batch, names, n);
    while (n-- > 0)
        batch->columns[0].cells[n] = csv_cell(fields[n]);
}
