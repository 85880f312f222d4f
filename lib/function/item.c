/* SPDX-License-Identifier: MIT */
/* Events in hand: taken from a source, waiting in lists and lanes. */
#include "base/clock.h"
#include "base/hash.h"
#include "function/function_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sfx_list_push(struct sfx_list *list, struct sfx_item *item)
{
    item->next = NULL;
    item->previous = list->last;
    if (list->last != NULL)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
    list->count++;
}

void sfx_list_unshift(struct sfx_list *list, struct sfx_item *item)
{
    item->previous = NULL;
    item->next = list->first;
    if (list->first != NULL)
        list->first->previous = item;
    else
        list->last = item;
    list->first = item;
    list->count++;
}

void sfx_list_remove(struct sfx_list *list, struct sfx_item *item)
{
    if (item->previous != NULL)
        item->previous->next = item->next;
    else
        list->first = item->next;
    if (item->next != NULL)
        item->next->previous = item->previous;
    else
        list->last = item->previous;
    item->next = item->previous = NULL;
    list->count--;
}

struct sfx_item *sfx_list_shift(struct sfx_list *list)
{
    struct sfx_item *item = list->first;

    if (item != NULL)
        sfx_list_remove(list, item);
    return item;
}

/* The time to try again has come. */
static void on_again(void *ctx)
{
    struct sfx_item *item = ctx;

    sfx_list_remove(&item->fn->delayed, item);
    item->fn->nwaiting--;
    sfx_function_make_ready(item->fn, item, false);
}

static struct sfx_item *item_new(struct sfx_function *fn, const struct sfx_admission *a,
                                 struct sfx_slice line, struct sfx_slice id, struct sfx_err *err)
{
    struct sfx_item *item = calloc(1, sizeof(*item) + line.len + id.len + 2);

    if (item == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    item->fn = fn;
    item->handle = a->handle;
    item->born_ns = a->born_ns > 0 ? a->born_ns : sfx_clock_wall_ns();
    item->attempts = a->attempts;
    item->number = fn->totals->events;
    item->again.due = on_again;
    item->again.ctx = item;
    item->line = item->bytes;
    item->line_len = line.len;
    item->id = item->bytes + line.len + 1;
    item->id_len = id.len;
    if (line.len > 0)
        memcpy(item->line, line.ptr, line.len);
    if (id.len > 0)
        memcpy(item->id, id.ptr, id.len);
    return item;
}

static int grow_lanes(struct sfx_function *fn, struct sfx_err *err)
{
    size_t cap = fn->lanes_cap > 0 ? fn->lanes_cap * 4 : 64, i;
    struct sfx_lane **table = calloc(cap, sizeof(struct sfx_lane *));

    if (table == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    for (i = 0; i < fn->lanes_cap; i++) {
        while (fn->lanes[i] != NULL) {
            struct sfx_lane *lane = fn->lanes[i];

            fn->lanes[i] = lane->next;
            lane->next = table[lane->hash & (cap - 1)];
            table[lane->hash & (cap - 1)] = lane;
        }
    }
    free(fn->lanes);
    fn->lanes = table;
    fn->lanes_cap = cap;
    return 0;
}

/* Puts item into the lane of its key. Returns 1 when it is in front there, 0 when it has to wait.
 */
static int enter_lane(struct sfx_function *fn, struct sfx_item *item, struct sfx_slice key,
                      struct sfx_err *err)
{
    uint64_t hash = sfx_hash64(key.ptr, key.len, 0);
    struct sfx_lane *lane;

    if (fn->nlanes >= fn->lanes_cap && grow_lanes(fn, err) < 0)
        return SFX_E_NOMEM;
    lane = fn->lanes[hash & (fn->lanes_cap - 1)];
    while (lane != NULL && (lane->hash != hash || lane->key_len != key.len ||
                            memcmp(lane->key, key.ptr, key.len) != 0))
        lane = lane->next;
    if (lane != NULL) {
        item->lane = lane;
        sfx_list_push(&lane->behind, item);
        fn->nbehind++;
        return 0;
    }
    lane = calloc(1, sizeof(*lane) + key.len + 1);
    if (lane == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    lane->hash = hash;
    lane->key_len = key.len;
    if (key.len > 0)
        memcpy(lane->key, key.ptr, key.len);
    lane->next = fn->lanes[hash & (fn->lanes_cap - 1)];
    fn->lanes[hash & (fn->lanes_cap - 1)] = lane;
    fn->nlanes++;
    item->lane = lane;
    return 1;
}

static void leave_lane(struct sfx_item *item, bool move_on)
{
    struct sfx_function *fn = item->fn;
    struct sfx_lane *lane = item->lane, **at;
    struct sfx_item *next;

    item->lane = NULL;
    if (lane == NULL || !move_on)
        return;
    next = sfx_list_shift(&lane->behind);
    if (next != NULL) {
        fn->nbehind--;
        sfx_function_make_ready(fn, next, false);
        return;
    }
    for (at = &fn->lanes[lane->hash & (fn->lanes_cap - 1)]; *at != lane; at = &(*at)->next)
        ;
    *at = lane->next;
    fn->nlanes--;
    free(lane);
}

void sfx_item_free(struct sfx_item *item, bool move_on)
{
    if (item == NULL)
        return;
    sfx_loop_unset(item->fn->runner->loop, &item->again);
    leave_lane(item, move_on);
    free(item);
}

void sfx_function_free_lanes(struct sfx_function *fn)
{
    size_t i;

    for (i = 0; i < fn->lanes_cap; i++) {
        while (fn->lanes[i] != NULL) {
            struct sfx_lane *lane = fn->lanes[i];
            struct sfx_item *item;

            fn->lanes[i] = lane->next;
            while ((item = sfx_list_shift(&lane->behind)) != NULL)
                free(item);
            free(lane);
        }
    }
    free(fn->lanes);
    fn->lanes = NULL;
    fn->nlanes = fn->lanes_cap = 0;
}

void sfx_function_make_ready(struct sfx_function *fn, struct sfx_item *item, bool urgent)
{
    item->ready_ns = sfx_clock_mono_ns();
    fn->ready_nbytes += item->line_len;
    if (urgent)
        sfx_list_unshift(&fn->ready, item);
    else
        sfx_list_push(&fn->ready, item);
}

int sfx_function_refuse(struct sfx_function *fn, const struct sfx_admission *a,
                        const struct sfx_err *failure, struct sfx_err *err)
{
    struct sfx_outcome outcome = {.exit_code = SFX_EXIT_DATA, .error = "data"};
    struct sfx_item *item = item_new(fn, a, a->line, sfx_slice(NULL, 0), err);

    if (item == NULL)
        return SFX_E_NOMEM;
    (void)snprintf(outcome.reason, sizeof(outcome.reason), "line %llu: %.300s",
                   (unsigned long long)item->number, failure->text);
    fn->totals->rejected++;
    sfx_function_settle(fn, item, &outcome, NULL);
    return fn->runner->rc;
}

/* The event's own spelling when it is an event line already, else as we write it. */
static int spell(struct sfx_function *fn, const struct sfx_admission *a, const struct sfx_event *ev,
                 struct sfx_buf *buf, struct sfx_slice *line, struct sfx_err *err)
{
    int rc;

    *line = a->line;
    if (ev->source.ptr != fn->runner->opts->program)
        return 0;
    rc = sfx_event_write(ev, buf, err);
    *line = sfx_slice(buf->data, buf->len - (rc == 0));
    return rc;
}

/* Reads the key, makes the item, and puts it where it belongs. */
static int keep(struct sfx_function *fn, const struct sfx_admission *a, struct sfx_slice line,
                const struct sfx_event *ev, struct sfx_err *err)
{
    const struct sfx_command_facts facts = {.event = ev, .number = (int64_t)fn->totals->events};
    struct sfx_item *item;
    struct sfx_buf key = {0};
    int rc = 0;

    if (fn->key != NULL)
        rc = sfx_command_text(fn->key, &facts, &fn->runner->arena, &key, err);
    else if (a->lane.len > 0)
        rc = sfx_buf_append(&key, a->lane.ptr, a->lane.len, err);
    if (rc < 0) {
        sfx_buf_done(&key);
        return rc;
    }
    item = item_new(fn, a, line, ev->id, err);
    if (item == NULL)
        rc = SFX_E_NOMEM;
    else if (fn->key != NULL || a->lane.len > 0)
        rc = enter_lane(fn, item, sfx_buf_slice(&key), err);
    else
        rc = 1;
    if (rc > 0)
        sfx_function_make_ready(fn, item, false);
    else if (rc < 0)
        free(item);
    sfx_buf_done(&key);
    return rc < 0 ? rc : 0;
}

int sfx_function_admit(struct sfx_function *fn, const struct sfx_admission *a, struct sfx_err *err)
{
    struct sfx_runner *runner = fn->runner;
    struct sfx_err failure = {0};
    struct sfx_buf buf = {0};
    struct sfx_slice line;
    struct sfx_event ev;
    int rc;

    fn->totals->events++;
    sfx_arena_reset(&runner->arena);
    rc = sfx_event_from_line(a->line, fn->opts->lines, runner->opts->program, fn->totals->events,
                             &runner->arena, &ev, &failure);
    if (rc == 0)
        rc = spell(fn, a, &ev, &buf, &line, &failure);
    if (rc == 0 && line.ptr != a->line.ptr) /* as whoever gets it will read it */
        rc = sfx_event_parse(line.ptr, line.len, &runner->arena, &ev, &failure);
    if (rc == 0)
        rc = keep(fn, a, line, &ev, &failure);
    sfx_buf_done(&buf);
    if (rc == SFX_E_NOMEM && err != NULL)
        *err = failure;
    return rc == 0 || rc == SFX_E_NOMEM ? rc : sfx_function_refuse(fn, a, &failure, err);
}
