/* SPDX-License-Identifier: MIT */
/* A reader's columns. */
#include "record/schema_internal.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* See CELLS_NBYTES in batch.c: arrays must not lie a multiple of 4 KiB apart. */
#define CELLS_NBYTES (SFX_BATCH_ROWS * sizeof(struct sfx_cell) + 64)

#define FIRST_COLS 16

void sfx_schema_reset(struct sfx_schema *s)
{
    sfx_arena_reset(&s->names);
    s->ncols = 0;
    s->id = 0;
    if (s->table != NULL)
        memset(s->table, 0, s->table_cap * sizeof(*s->table));
}

/* The table's slot of name: its own or the empty one where it belongs. */
static size_t slot_of(const struct sfx_schema *s, struct sfx_slice name)
{
    size_t slot = sfx_hash64(name.ptr, name.len, 0) & (s->table_cap - 1);

    while (s->table[slot] != 0 && !sfx_slice_eq(s->columns[s->table[slot] - 1].name, name))
        slot = (slot + 1) & (s->table_cap - 1);
    return slot;
}

int sfx_schema_find(const struct sfx_schema *s, struct sfx_slice name)
{
    return s->ncols > 0 ? (int)s->table[slot_of(s, name)] - 1 : -1;
}

static int grow(struct sfx_schema *s, struct sfx_err *err)
{
    const size_t cap = s->cap > 0 ? s->cap * 2 : FIRST_COLS;
    struct sfx_column *columns = realloc(s->columns, cap * sizeof(*columns));
    uint32_t *table;
    size_t i;

    if (columns == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", cap);
    s->columns = columns;
    table = calloc(cap * 4, sizeof(*table));
    if (table == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", cap);
    free(s->table);
    s->table = table;
    s->table_cap = cap * 4;
    s->cap = cap;
    for (i = 0; i < s->ncols; i++)
        table[slot_of(s, columns[i].name)] = (uint32_t)i + 1;
    return 0;
}

int sfx_schema_add(struct sfx_schema *s, struct sfx_slice name, struct sfx_err *err)
{
    struct sfx_column *col;
    char *copy;

    if (s->ncols == SFX_BATCH_MAX_COLS)
        return sfx_err_set(err, SFX_E_LIMIT, "more than %d columns", SFX_BATCH_MAX_COLS);
    if (s->ncols == s->cap && grow(s, err) < 0)
        return SFX_E_NOMEM;
    col = &s->columns[s->ncols];
    if (s->ncols == s->nmade) {
        *col = (struct sfx_column){.cells = s->names_only ? NULL : malloc(CELLS_NBYTES)};
        if (col->cells == NULL && !s->names_only)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a column");
        s->nmade++;
    }
    copy = sfx_arena_strndup(&s->names, name.ptr, name.len, err);
    if (copy == NULL)
        return SFX_E_NOMEM;
    col->name = sfx_slice(copy, name.len);
    col->head = (struct sfx_cell){0};
    s->ncols++;
    s->table[slot_of(s, col->name)] = (uint32_t)s->ncols;
    return (int)s->ncols - 1;
}

int sfx_schema_flip(struct sfx_schema *s, unsigned ahead, struct sfx_err *err)
{
    const unsigned turn = s->turn % ahead;
    struct sfx_cell **spare = realloc(s->spare[turn], (s->cap + 1) * sizeof(*spare));
    size_t i;

    if (spare == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", s->cap);
    s->spare[turn] = spare;
    for (i = 0; i < s->nmade; i++) {
        struct sfx_cell *cells = s->columns[i].cells;

        if (i >= s->nspare[turn]) {
            spare[i] = calloc(1, CELLS_NBYTES);
            if (spare[i] == NULL)
                return sfx_err_set(err, SFX_E_NOMEM, "no memory for a column");
            s->nspare[turn] = i + 1;
        }
        s->columns[i].cells = spare[i];
        spare[i] = cells;
    }
    s->turn = (turn + 1) % ahead;
    return 0;
}

void sfx_schema_seal(struct sfx_schema *s)
{
    s->id = sfx_batch_schema_id(s->columns, s->ncols);
}

void sfx_schema_done(struct sfx_schema *s)
{
    unsigned turn;
    size_t i;

    for (i = 0; i < s->nmade; i++)
        free(s->columns[i].cells);
    for (turn = 0; turn < SFX_READER_MAX_AHEAD; turn++) {
        for (i = 0; i < s->nspare[turn]; i++)
            free(s->spare[turn][i]);
        free(s->spare[turn]);
    }
    free(s->columns);
    free(s->table);
    sfx_arena_done(&s->names);
    *s = (struct sfx_schema){0};
}
