/* SPDX-License-Identifier: MIT */
/*
 * Several operands at once, each by a load of its own over a connection of its own. Every input is
 * a transaction with its entry in the ledger, as when they are loaded one after the other; only
 * where their order makes no difference, see sfx_load_in_parallel.
 */
#include "base/pool.h"
#include "sink/load_internal.h"

#include <pthread.h>
#include <string.h>

struct crew {
    struct sfx_load *first; /* whose operands these are; the load of one of the threads */
    const char *const *paths;
    size_t at; /* the next one */
    bool halted;
    pthread_mutex_t lock;      /* over all of this, reports and rejects */
    struct sfx_err err;        /* of what ended the run; err_at: its operand */
    size_t err_at, failure_at; /* failure: of the first operand that failed by itself */
    int rc, failure;
    /* As the run was given them. */
    sfx_load_report *report;
    void *report_ctx;
    const struct sfx_reject_sink *rejects;
};

struct hand {
    struct crew *crew;
    struct sfx_load *load; /* owned, but crew->first */
    struct sfx_reject_sink rejects;
};

static int report(void *ctx, const struct sfx_load_result *result, struct sfx_err *err)
{
    struct crew *crew = ctx;
    int rc;

    (void)pthread_mutex_lock(&crew->lock);
    rc = crew->report(crew->report_ctx, result, err);
    (void)pthread_mutex_unlock(&crew->lock);
    return rc;
}

static int put_reject(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct crew *crew = ctx;
    int rc;

    (void)pthread_mutex_lock(&crew->lock);
    rc = crew->rejects->put(crew->rejects->ctx, r, err);
    (void)pthread_mutex_unlock(&crew->lock);
    return rc;
}

/* The next operand, *at; NULL: there is none, or the run is at its end. */
static const char *next_path(struct crew *crew, size_t *at)
{
    const char *path;

    (void)pthread_mutex_lock(&crew->lock);
    path = crew->halted ? NULL : crew->paths[crew->at];
    *at = crew->at;
    crew->at += path != NULL;
    (void)pthread_mutex_unlock(&crew->lock);
    return path;
}

/* Notes what became of operand at: the first failure of all is that of the earliest operand. */
static void note(struct crew *crew, size_t at, int rc, bool broken, const struct sfx_err *err)
{
    (void)pthread_mutex_lock(&crew->lock);
    if (broken && (crew->rc == 0 || at < crew->err_at)) {
        crew->rc = rc;
        crew->err = *err;
        crew->err_at = at;
    } else if (!broken && at < crew->failure_at) {
        crew->failure_at = at;
        crew->failure = rc;
    }
    crew->halted = crew->halted || broken;
    (void)pthread_mutex_unlock(&crew->lock);
}

static void work(void *arg)
{
    struct hand *hand = arg;
    struct crew *crew = hand->crew;
    struct sfx_err err;
    const char *path;
    size_t at;
    int rc;

    while ((path = next_path(crew, &at)) != NULL) {
        rc = sfx_load_operand(hand->load, path, NULL, &err);
        if (rc < 0)
            note(crew, at, rc, hand->load->broken, &err);
        if (hand->load->broken)
            return;
        if (rc < 0)
            sfx_log_err(hand->load->opts.log, SFX_LOG_ERROR, &err);
    }
}

static int get_ready(struct hand *hand, struct crew *crew, struct sfx_load *load,
                     struct sfx_err *err)
{
    struct sfx_load_opts opts = crew->first->opts;

    hand->crew = crew;
    hand->load = load;
    opts.progress = NULL; /* a line has room for one */
    if (load == NULL)
        hand->load = sfx_load_new(crew->first->target, &opts, err);
    if (hand->load == NULL)
        return (int)err->code;
    hand->rejects = (struct sfx_reject_sink){put_reject, crew};
    if (crew->rejects != NULL)
        sfx_load_set_rejects(hand->load, &hand->rejects);
    return 0;
}

static void add_stats(struct sfx_load_stats *total, const struct sfx_load_stats *more)
{
    total->loaded += more->loaded;
    total->known += more->known;
    total->ignored += more->ignored;
    total->failed += more->failed;
    total->nbytes += more->nbytes;
    sfx_sink_counts_add(&total->records, &more->records);
}

static int run(struct crew *crew, struct hand *hands, size_t n, struct sfx_err *err)
{
    struct sfx_pool *pool;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < n; i++)
        rc = get_ready(&hands[i], crew, i == 0 ? crew->first : NULL, err);
    if (rc < 0)
        return rc;
    pool = sfx_pool_new(n, n, err);
    if (pool == NULL)
        return (int)err->code;
    for (i = 0; i < n; i++)
        sfx_pool_submit(pool, work, &hands[i]);
    sfx_pool_free(pool);
    if (crew->rc < 0)
        *err = crew->err;
    return crew->rc;
}

bool sfx_load_in_parallel(const struct sfx_load *load, size_t npaths)
{
    const struct sfx_load_opts *opts = &load->opts;
    const char *table = opts->table != NULL ? opts->table : "";

    return opts->jobs > 1 && npaths > 1 && load->sink->ops->parallel &&
           opts->how.mode == SFX_SINK_APPEND && opts->keys == NULL &&
           opts->how.evolve == SFX_SINK_STRICT && opts->how.nindexes == 0 &&
           opts->how.before == NULL && opts->how.after == NULL && !opts->rejects_table &&
           !opts->dry_run && load->durable.cut == NULL && strstr(table, "{n}") == NULL &&
           strstr(table, "{n:") == NULL;
}

int sfx_load_all_paths(struct sfx_load *load, const char *const *paths, size_t npaths,
                       struct sfx_err *err)
{
    struct crew crew = {.first = load,
                        .paths = paths,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .failure_at = SIZE_MAX,
                        .failure = load->stats.first_failure,
                        .report = load->opts.report,
                        .report_ctx = load->opts.report_ctx,
                        .rejects = load->rejects};
    struct hand hands[SFX_LOAD_MAX_JOBS] = {0};
    const size_t n = load->opts.jobs < npaths ? load->opts.jobs : npaths;
    size_t i;
    int rc;

    if (crew.failure != 0)
        crew.failure_at = 0; /* an operand before these */
    if (crew.report != NULL) {
        load->opts.report = report;
        load->opts.report_ctx = &crew;
    }
    rc = run(&crew, hands, n, err);
    for (i = 1; i < n; i++) {
        if (hands[i].load != NULL)
            add_stats(&load->stats, &hands[i].load->stats);
        sfx_load_free(hands[i].load);
    }
    load->opts.report = crew.report;
    load->opts.report_ctx = crew.report_ctx;
    load->rejects = crew.rejects;
    load->stats.first_failure = crew.failure;
    load->broken = load->broken || rc < 0;
    return rc;
}
