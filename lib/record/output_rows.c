/* SPDX-License-Identifier: MIT */
/* Which row goes to which output: the values that the name asks for, looked up as one key. */
#include "record/outputs_internal.h"

#include "base/hash.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64 /* a power of two */

/* --- the map --------------------------------------------------------------------------------- */

static struct sfx_output_slot *find_slot(const struct sfx_output_map *map, uint64_t hash,
                                         const char *key, size_t len)
{
    size_t at = hash & (map->cap - 1);

    for (; map->slots[at].key != NULL; at = (at + 1) & (map->cap - 1)) {
        const struct sfx_output_slot *slot = &map->slots[at];

        if (slot->hash == hash && slot->len == len && memcmp(slot->key, key, len) == 0)
            break;
    }
    return &map->slots[at];
}

/* Makes room for one more. */
static int reserve(struct sfx_output_map *map, struct sfx_err *err)
{
    struct sfx_output_map grown = {.cap = map->cap > 0 ? map->cap * 2 : FIRST_SLOTS,
                                   .count = map->count};
    size_t i;

    if (map->count < map->cap / 2)
        return 0;
    grown.slots = calloc(grown.cap, sizeof(*grown.slots));
    if (grown.slots == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the names of outputs");
    for (i = 0; i < map->cap; i++) {
        const struct sfx_output_slot *slot = &map->slots[i];

        if (slot->key != NULL)
            *find_slot(&grown, slot->hash, slot->key, slot->len) = *slot;
    }
    free(map->slots);
    *map = grown;
    return 0;
}

/* --- templates ------------------------------------------------------------------------------- */

static int init_route(struct sfx_outputs *outputs, struct sfx_output_route *route,
                      struct sfx_slice text, struct sfx_err *err)
{
    const enum sfx_template_columns which =
        outputs->opts.values != NULL ? SFX_TEMPLATE_OTHER_COLUMNS : SFX_TEMPLATE_ONLY_COLUMNS;

    route->text = sfx_arena_strndup(&outputs->arena, text.ptr, text.len, err);
    if (route->text == NULL)
        return SFX_E_NOMEM;
    route->name = sfx_template_new_columns(route->text, which, err);
    if (route->name == NULL)
        return err != NULL ? (int)err->code : SFX_E_USAGE;
    while (sfx_template_column(route->name, route->ncolumns).len > 0)
        route->ncolumns++;
    route->columns =
        sfx_arena_calloc(&outputs->arena, route->ncolumns + 1, sizeof(*route->columns), err);
    route->values =
        sfx_arena_calloc(&outputs->arena, route->ncolumns + 1, sizeof(*route->values), err);
    return route->columns == NULL || route->values == NULL ? SFX_E_NOMEM : 0;
}

/* The template text, compiled when it is met first. Errors: NULL; USAGE, NOMEM. */
static struct sfx_output_route *find_route(struct sfx_outputs *outputs, struct sfx_slice text,
                                           struct sfx_err *err)
{
    struct sfx_output_route *grown;
    size_t i;

    for (i = 0; i < outputs->nroutes; i++) {
        if (sfx_slice_eq(sfx_slice_str(outputs->routes[i].text), text))
            return &outputs->routes[i];
    }
    grown = reallocarray(outputs->routes, outputs->nroutes + 1, sizeof(*grown));
    if (grown == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for the names of outputs");
        return NULL;
    }
    outputs->routes = grown;
    grown[i] = (struct sfx_output_route){0};
    if (init_route(outputs, &grown[i], text, err) < 0) {
        sfx_template_free(grown[i].name);
        return NULL;
    }
    return &grown[outputs->nroutes++];
}

static int no_column(const struct sfx_output_route *route, struct sfx_slice name,
                     const struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_slice *known = calloc(batch->ncols + 1, sizeof(*known));
    int nearest = -1;
    size_t i;

    for (i = 0; known != NULL && i < batch->ncols; i++)
        known[i] = batch->columns[i].name;
    if (known != NULL)
        nearest = sfx_text_nearest(name, known, batch->ncols);
    if (nearest >= 0)
        (void)sfx_err_set(err, SFX_E_USAGE,
                          "output %s: there is no column %.*s; did you mean %.*s?", route->text,
                          SFX_SLICE_ARG(name), SFX_SLICE_ARG(known[nearest]));
    else
        (void)sfx_err_set(err, SFX_E_USAGE, "output %s: there is no column %.*s", route->text,
                          SFX_SLICE_ARG(name));
    free(known);
    return SFX_E_USAGE;
}

/* Finds the columns that the name asks for. */
static int bind(struct sfx_output_route *route, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;

    if (route->schema == batch->schema_id && batch->schema_id != 0)
        return 0;
    for (i = 0; i < route->ncolumns; i++) {
        const struct sfx_slice name = sfx_template_column(route->name, i);

        route->columns[i] = sfx_batch_find(batch, name);
        if (route->columns[i] < 0 && !batch->open_schema)
            return no_column(route, name, batch, err);
    }
    route->schema = batch->schema_id;
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

/* The output of the name that route's values give, found or made. */
static struct sfx_output *name_output(struct sfx_outputs *outputs,
                                      const struct sfx_output_route *route, struct sfx_err *err)
{
    struct sfx_template_values values = {.time_ns = -1, .width = -1, .height = -1, .n = -1};
    struct sfx_output_slot *slot;
    struct sfx_slice path;
    uint64_t hash;

    if (outputs->opts.values != NULL)
        values = *outputs->opts.values;
    values.columns = route->values;
    if (sfx_template_render(route->name, &values, &outputs->name, err) < 0 ||
        reserve(&outputs->by_path, err) < 0)
        return NULL;
    path = sfx_buf_slice(&outputs->name.path);
    hash = sfx_hash64(path.ptr, path.len, 0);
    slot = find_slot(&outputs->by_path, hash, path.ptr, path.len);
    if (slot->key == NULL) {
        struct sfx_output *output = sfx_outputs_add(outputs, err);

        if (output == NULL)
            return NULL;
        *slot = (struct sfx_output_slot){hash, output->path, (uint32_t)path.len, output};
        outputs->by_path.count++;
    }
    return slot->output;
}

/* Makes outputs->key of the row: the number of the route, then the length and text of each value.
 */
static int make_key(struct sfx_outputs *outputs, struct sfx_output_route *route,
                    const struct sfx_batch *batch, uint16_t row, struct sfx_err *err)
{
    const uint32_t number = (uint32_t)(route - outputs->routes);
    struct sfx_slice text;
    size_t i;
    int rc;

    sfx_buf_clear(&outputs->key);
    rc = sfx_buf_append(&outputs->key, &number, sizeof(number), err);
    for (i = 0; i < route->ncolumns && rc == 0; i++) {
        uint32_t len = 0;

        text = sfx_slice("", 0);
        if (route->columns[i] >= 0)
            rc = sfx_cell_text(&batch->columns[route->columns[i]].cells[row], &outputs->texts,
                               &text, err);
        len = (uint32_t)text.len;
        if (rc == 0)
            rc = sfx_buf_append(&outputs->key, &len, sizeof(len), err);
        if (rc == 0 && len > 0)
            rc = sfx_buf_append(&outputs->key, text.ptr, len, err);
    }
    return rc;
}

/* Reads the values back from the key. */
static void set_values(const struct sfx_outputs *outputs, struct sfx_output_route *route)
{
    const char *at = outputs->key.data + sizeof(uint32_t);
    uint32_t len;
    size_t i;

    for (i = 0; i < route->ncolumns; i++) {
        memcpy(&len, at, sizeof(len));
        route->values[i] = sfx_slice(at + sizeof(len), len);
        at += sizeof(len) + len;
    }
}

/* The output of the row whose key is made. */
static struct sfx_output *find_output(struct sfx_outputs *outputs, struct sfx_output_route *route,
                                      struct sfx_err *err)
{
    const struct sfx_slice key = sfx_buf_slice(&outputs->key);
    const uint64_t hash = sfx_hash64(key.ptr, key.len, 0);
    struct sfx_output_slot *slot;
    char *copy;

    if (reserve(&outputs->by_key, err) < 0)
        return NULL;
    slot = find_slot(&outputs->by_key, hash, key.ptr, key.len);
    if (slot->key != NULL)
        return slot->output;
    set_values(outputs, route);
    slot->output = name_output(outputs, route, err);
    copy = slot->output == NULL ? NULL : sfx_arena_strndup(&outputs->arena, key.ptr, key.len, err);
    if (copy == NULL)
        return NULL;
    *slot = (struct sfx_output_slot){hash, copy, (uint32_t)key.len, slot->output};
    outputs->by_key.count++;
    return slot->output;
}

/* Chains the rows of each output. Returns how many outputs there are, or a code. */
static int sort_rows(struct sfx_outputs *outputs, struct sfx_output_route *route,
                     const struct sfx_batch *batch, struct sfx_err *err)
{
    uint32_t i;
    int n = 0;

    outputs->batch++;
    for (i = 0; i < batch->nsel; i++) {
        struct sfx_output *output;
        int rc = make_key(outputs, route, batch, batch->sel[i], err);

        if (rc < 0)
            return rc;
        output = find_output(outputs, route, err);
        if (output == NULL)
            return err != NULL ? (int)err->code : SFX_E_NOMEM;
        if (output->batch == outputs->batch) {
            outputs->next[output->last] = i;
        } else {
            output->batch = outputs->batch;
            output->first = i;
            outputs->touched[n++] = output;
        }
        output->last = i;
    }
    return n;
}

/* A name without columns: one output, even without a row. */
static int put_all(struct sfx_outputs *outputs, struct sfx_output_route *route,
                   struct sfx_batch *batch, struct sfx_err *err)
{
    if (route->only == NULL)
        route->only = name_output(outputs, route, err);
    if (route->only == NULL)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    return sfx_output_write(outputs, route->only, batch, batch->sel, batch->nsel, err);
}

int sfx_outputs_put_fit(struct sfx_outputs *outputs, struct sfx_slice name, struct sfx_batch *batch,
                        const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_output_route *route = find_route(outputs, name, err);
    uint16_t sel[SFX_BATCH_ROWS];
    int rc, n, i;

    outputs->rejects = rejects;
    if (route == NULL)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    if (route->ncolumns == 0)
        return put_all(outputs, route, batch, err);
    rc = bind(route, batch, err);
    if (rc < 0)
        return rc;
    n = sort_rows(outputs, route, batch, err);
    for (i = 0; i < n && rc == 0; i++) {
        const struct sfx_output *output = outputs->touched[i];
        uint32_t at = output->first, nsel = 0;

        for (; at != output->last; at = outputs->next[at])
            sel[nsel++] = batch->sel[at];
        sel[nsel++] = batch->sel[at];
        rc = sfx_output_write(outputs, outputs->touched[i], batch, sel, nsel, err);
    }
    return n < 0 ? n : rc;
}

int sfx_outputs_put(void *ctx, struct sfx_slice name, struct sfx_batch *batch, struct sfx_err *err)
{
    return sfx_outputs_put_fit(ctx, name, batch, NULL, err);
}

void sfx_outputs_free_routes(struct sfx_outputs *outputs)
{
    size_t i;

    for (i = 0; i < outputs->nroutes; i++)
        sfx_template_free(outputs->routes[i].name);
    free(outputs->routes);
    free(outputs->by_key.slots);
    free(outputs->by_path.slots);
    sfx_buf_done(&outputs->name.path);
    sfx_buf_done(&outputs->key);
    sfx_buf_done(&outputs->texts);
}
