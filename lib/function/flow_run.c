/* SPDX-License-Identifier: MIT */
/* Flow files: running what they describe, and what they become. */
#include "function/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What a file describes. */
struct set {
    struct sfx_arena arena;
    struct sfx_function_opts *functions;
    size_t count; /* 0: nothing was read */
};

struct flow_run {
    const char *path;
    const struct sfx_log *log;
    sfx_flow_reader *read;
    void *read_ctx;
    struct stat st; /* of the file that was looked at last */
    struct set now, next;
};

static void free_set(struct set *set)
{
    sfx_arena_done(&set->arena);
    *set = (struct set){0};
}

static int read_set(const struct flow_run *run, struct set *set, struct sfx_err *err)
{
    struct sfx_flow flow;
    size_t i;
    int rc = sfx_flow_read(run->path, &set->arena, &flow, err);

    if (rc == 0)
        set->functions = sfx_arena_calloc(&set->arena, flow.count, sizeof(*set->functions), err);
    if (rc == 0 && set->functions == NULL)
        rc = SFX_E_NOMEM;
    for (i = 0; rc == 0 && i < flow.count; i++) {
        rc = run->read(run->read_ctx, &flow.functions[i], &set->arena, &set->functions[i], err);
        if (rc == 0 && set->functions[i].from == NULL)
            rc = sfx_err_set(err, SFX_E_USAGE, "\"from\" is missing: the queue of its events");
        if (rc < 0)
            rc = sfx_err_wrap(err, rc, "%s: [%s]", run->path, flow.functions[i].name);
    }
    set->count = flow.count;
    if (rc < 0)
        free_set(set);
    return rc;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether the file has another flow by now. A file that is away is being written, so it seems. */
static bool has_changed(void *ctx)
{
    struct flow_run *run = ctx;
    struct stat st;
    struct sfx_err err = {0};

    if (stat(run->path, &st) != 0 || is_same(&st, &run->st))
        return false;
    run->st = st;
    if (read_set(run, &run->next, &err) == 0)
        return true;
    sfx_log_err(run->log, SFX_LOG_ERROR, &err);
    return false;
}

static int run_set(const struct sfx_functions_opts *opts, const struct set *set,
                   struct sfx_function_totals *totals, struct sfx_err *err)
{
    struct sfx_function_totals *each = calloc(set->count, sizeof(*each));
    size_t i;
    int rc;

    if (each == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    rc = sfx_functions_run(opts, set->functions, set->count, each, err);
    for (i = 0; i < set->count; i++)
        sfx_function_totals_add(totals, &each[i]);
    free(each);
    return rc;
}

int sfx_flow_run(const char *path, struct sfx_functions_opts *opts, sfx_flow_reader *read,
                 void *read_ctx, struct sfx_function_totals *totals, struct sfx_err *err)
{
    struct flow_run run = {.path = path, .log = opts->log, .read = read, .read_ctx = read_ctx};
    int rc = 0, failed = 0;

    opts->until = has_changed;
    opts->until_ctx = &run;
    if (stat(path, &run.st) != 0)
        return sfx_err_errno(err, errno, "%s", path);
    rc = read_set(&run, &run.now, err);
    while (rc >= 0) {
        rc = run_set(opts, &run.now, totals, err);
        failed |= rc > 0;
        if (rc < 0 || run.next.count == 0 || (opts->stop != NULL && *opts->stop != 0))
            break;
        sfx_log(run.log, SFX_LOG_NOTICE, "%s: changed", path);
        free_set(&run.now);
        run.now = run.next;
        run.next = (struct set){0};
    }
    free_set(&run.now);
    free_set(&run.next);
    return rc < 0 ? rc : failed;
}
