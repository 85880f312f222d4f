/* SPDX-License-Identifier: MIT */
/* Running functions: setting them up, the loop, stopping, and leaving nothing behind. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/path.h"
#include "function/function_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void sfx_runner_fail(struct sfx_runner *runner, int rc, const struct sfx_err *err)
{
    if (runner->rc < 0)
        return;
    runner->rc = rc;
    runner->failure = *err;
}

uint64_t sfx_runner_random(struct sfx_runner *runner)
{
    runner->random += UINT64_C(0x9e3779b97f4a7c15);
    return sfx_hash64(&runner->random, sizeof(runner->random), 0);
}

void sfx_runner_uuid(struct sfx_runner *runner, char out[37])
{
    uint64_t a = sfx_runner_random(runner), b = sfx_runner_random(runner);

    a = (a & ~UINT64_C(0xf000)) | 0x4000;
    b = (b & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);
    (void)snprintf(out, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
                   (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xffff, (unsigned)(b >> 48),
                   (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

static const struct sfx_carrier *const carriers[] = {
    [SFX_CARRIER_SPAWN] = &sfx_carrier_spawn,
    [SFX_CARRIER_WORKER] = &sfx_carrier_worker,
    [SFX_CARRIER_LAMBDA] = &sfx_carrier_lambda,
};

static void on_wake(void *ctx)
{
    (void)ctx; /* the pump follows every step of the loop */
}

static const char *name_of(const struct sfx_function_opts *o)
{
    const char *slash = strrchr(o->argv[0], '/');

    return o->name != NULL ? o->name : slash != NULL ? slash + 1 : o->argv[0];
}

static int set_up(struct sfx_runner *runner, struct sfx_function *fn,
                  const struct sfx_function_opts *o, struct sfx_err *err)
{
    const struct sfx_command_opts command = {
        .argv = o->argv,
        .argc = o->argc,
        .cwd = o->cwd,
        .environ = runner->opts->environ,
        .own_tmp = o->sandbox,
        .clean_env = o->clean_env,
        .env = o->env,
        .nenv = o->nenv,
    };

    fn->runner = runner;
    fn->opts = o;
    fn->name = name_of(o);
    fn->carrier = carriers[o->carrier];
    fn->source = o->from != NULL ? &sfx_source_queue : &sfx_source_lines;
    fn->wake = (struct sfx_loop_timer){.due = on_wake, .ctx = fn};
    fn->tokens = (struct sfx_tokens){.rate = o->rate, .burst = o->burst >= 1 ? o->burst : 1};
    fn->breaker = (struct sfx_breaker){.limit = o->breaker, .open_ns = o->breaker_ns};
    fn->command = sfx_command_new(&command, err);
    if (fn->command == NULL)
        return err->code;
    if (o->key != NULL) {
        fn->key = sfx_template_new_argument(o->key, err);
        if (fn->key == NULL)
            return sfx_err_wrap(err, err->code, "--key");
    }
    if (sfx_command_check(fn->command, err) < 0)
        return err->code;
    fn->limits = sfx_limits_new(o, runner->log, err);
    if (fn->limits == NULL)
        return err->code;
    if (o->sandbox) {
        fn->jail = sfx_jail_new(o, runner->opts->environ, sfx_limits_rules(fn->limits), err);
        if (fn->jail == NULL)
            return err->code;
    }
    if (o->dead != NULL) {
        fn->dead = sfx_dead_open(o, err);
        if (fn->dead == NULL)
            return sfx_err_wrap(err, err->code, "--dead");
    }
    return fn->source->open(fn, err);
}

/* Waits until the processes of fn that were told to end have done so. */
static void tear_down(struct sfx_function *fn, struct sfx_err *err, int *rc)
{
    struct sfx_err failure = {0};
    int closed = 0;

    while (fn->instances != NULL)
        sfx_instance_free(fn->instances); /* kills what is left */
    sfx_function_give_back(fn);
    if (fn->dead != NULL)
        closed = sfx_dead_flush(fn->dead, &failure);
    if (closed == 0 && fn->source_data != NULL && fn->source->flush != NULL &&
        fn->source->flush(fn, &failure) < 0)
        closed = failure.code;
    if (fn->source != NULL)
        fn->source->close(fn);
    if (closed == 0)
        closed = sfx_dead_close(fn->dead, &failure);
    else
        (void)sfx_dead_close(fn->dead, NULL);
    if (closed < 0 && *rc >= 0) {
        *rc = closed;
        *err = failure;
    }
    sfx_function_free_lanes(fn);
    sfx_loop_unset(fn->runner->loop, &fn->wake);
    sfx_jail_free(fn->jail);
    sfx_limits_free(fn->limits);
    sfx_template_free(fn->key);
    sfx_command_free(fn->command);
}

/* What functions left behind: killed, and reaped a moment later. */
static void end_orphans(struct sfx_runner *runner)
{
    const struct timespec moment = {0, 2000000};
    siginfo_t info;
    int tries;

    for (tries = 0; tries < 100; tries++) {
        sfx_orphans_end(runner);
        info.si_pid = 0;
        /* Children that are left after that are somebody else's. */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            return;
        if (tries > 0 && !sfx_orphans_are_left(runner))
            return;
        (void)nanosleep(&moment, NULL);
    }
}

static void on_tick(void *ctx)
{
    struct sfx_runner *runner = ctx;

    sfx_orphans_end(runner);
    if (runner->ninstances > 0)
        sfx_runner_tick(runner);
}

void sfx_runner_tick(struct sfx_runner *runner)
{
    if (runner->tick.place == 0)
        (void)sfx_loop_set(runner->loop, &runner->tick, sfx_clock_mono_ns() + SFX_NS_PER_S, NULL);
}

static void on_until(void *ctx)
{
    struct sfx_runner *runner = ctx;
    struct sfx_err err;

    runner->over = runner->opts->until(runner->opts->until_ctx);
    if (!runner->over &&
        sfx_loop_set(runner->loop, &runner->until, sfx_clock_mono_ns() + SFX_NS_PER_S, &err) < 0)
        sfx_runner_fail(runner, err.code, &err);
}

static void cut(struct sfx_runner *runner)
{
    size_t i;

    runner->cut = true;
    for (i = 0; i < runner->count; i++) {
        struct sfx_instance *in;

        for (in = runner->functions[i].instances; in != NULL; in = in->next) {
            if (in->killing == 0)
                sfx_instance_kill(in, "stop", SIGTERM);
        }
    }
}

/* Looks at the wish to stop: nothing new begins, and what runs has until the drain time. */
static void look_at_stop(struct sfx_runner *runner)
{
    int64_t now = sfx_clock_mono_ns();
    size_t i;

    if (!runner->over && (runner->opts->stop == NULL || *runner->opts->stop == 0))
        return;
    if (runner->stopping_ns == 0) {
        runner->stopping_ns = now;
        for (i = 0; i < runner->count; i++)
            sfx_function_give_back(&runner->functions[i]);
    }
    if (!runner->cut && now - runner->stopping_ns >= runner->opts->drain_ns)
        cut(runner);
}

/* Ends the resident instances once nothing is left for them. Returns whether any is still there. */
static bool end_instances(struct sfx_runner *runner)
{
    bool left = false;
    size_t i;

    for (i = 0; i < runner->count; i++) {
        struct sfx_function *fn = &runner->functions[i];
        struct sfx_instance *in, *next;

        for (in = fn->instances; in != NULL; in = next) {
            next = in->next;
            left = true;
            if (in->state == SFX_INSTANCE_IDLE)
                fn->carrier->end(in);
            else if (in->state == SFX_INSTANCE_STARTING && in->cold)
                sfx_instance_kill(in, "idle", SIGTERM);
            else if (in->state == SFX_INSTANCE_STARTING)
                sfx_instance_expire(in); /* on its way back from its last invocation */
        }
    }
    return left;
}

/* Begins what can begin, and makes durable what was settled. Returns whether more can begin now. */
static bool pump_once(struct sfx_runner *runner)
{
    bool again = false;
    size_t i;

    for (i = 0; i < runner->count && runner->rc == 0; i++)
        sfx_function_pump(&runner->functions[i]);
    for (i = 0; i < runner->count && runner->rc == 0; i++) {
        struct sfx_function *fn = &runner->functions[i];
        struct sfx_err err = {0};
        int rc = fn->dead != NULL ? sfx_dead_flush(fn->dead, &err) : 0;

        if (rc == 0 && fn->source->flush != NULL)
            rc = fn->source->flush(fn, &err);
        if (rc < 0)
            sfx_runner_fail(runner, rc, &err);
        again = again || rc > 0;
    }
    return again && runner->rc == 0;
}

static bool is_finished(const struct sfx_runner *runner)
{
    size_t i;

    for (i = 0; i < runner->count; i++) {
        if (!sfx_function_finished(&runner->functions[i]))
            return false;
    }
    return sfx_results_empty(runner->results);
}

static int step(struct sfx_runner *runner, struct sfx_err *err)
{
    const volatile sig_atomic_t *stop = runner->opts->stop;
    int64_t until =
        runner->stopping_ns > 0 && !runner->cut ? runner->stopping_ns + runner->opts->drain_ns : -1;

    return sfx_loop_step(runner->loop, until, stop,
                         stop != NULL && runner->stopping_ns > 0 ? *stop : 0, err);
}

static void loop(struct sfx_runner *runner)
{
    struct sfx_err err = {0};

    while (runner->rc == 0) {
        do
            look_at_stop(runner);
        while (pump_once(runner));
        if (runner->rc < 0 || (is_finished(runner) && !end_instances(runner)))
            return;
        if (step(runner, &err) < 0)
            sfx_runner_fail(runner, err.code, &err);
    }
}

/* A SIGPIPE that our writes to processes brought about is nobody's. */
static void forget_sigpipe(const sigset_t *before)
{
    const struct timespec none = {0, 0};
    sigset_t pipe_only;

    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    while (sigtimedwait(&pipe_only, NULL, &none) == SIGPIPE)
        ;
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static int run(struct sfx_runner *runner, const struct sfx_function_opts *functions,
               struct sfx_function_totals *totals, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    runner->loop = sfx_loop_new(err);
    if (runner->loop == NULL)
        return err->code;
    runner->results = sfx_results_new(runner, runner->opts->out_fd, err);
    runner->functions = calloc(runner->count, sizeof(*runner->functions));
    if (runner->results == NULL || runner->functions == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    for (i = 0; rc == 0 && i < runner->count; i++) {
        runner->functions[i].totals = &totals[i];
        rc = set_up(runner, &runner->functions[i], &functions[i], err);
    }
    if (rc == 0) {
        runner->observer = sfx_observer_new(runner, err);
        rc = runner->observer == NULL ? (int)err->code : 0;
    }
    if (rc < 0)
        return rc;
    runner->tick = (struct sfx_loop_timer){.due = on_tick, .ctx = runner};
    runner->until = (struct sfx_loop_timer){.due = on_until, .ctx = runner};
    if (runner->opts->until != NULL)
        on_until(runner);
    loop(runner);
    if (runner->rc < 0)
        *err = runner->failure;
    return runner->rc;
}

int sfx_functions_run(const struct sfx_functions_opts *opts,
                      const struct sfx_function_opts *functions, size_t count,
                      struct sfx_function_totals *totals, struct sfx_err *err)
{
    struct sfx_runner runner = {.opts = opts, .log = opts->log, .count = count};
    struct sfx_err scratch = {0};
    sigset_t pipe_only, before;
    size_t i;
    int rc, closed;

    if (err == NULL)
        err = &scratch;
    memset(totals, 0, count * sizeof(*totals));
    if (getrandom(&runner.random, sizeof(runner.random), 0) != sizeof(runner.random))
        runner.random = (uint64_t)sfx_clock_wall_ns() ^ ((uint64_t)getpid() << 40);
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    rc = run(&runner, functions, totals, err);
    for (i = 0; runner.functions != NULL && i < count; i++) {
        if (runner.functions[i].runner != NULL)
            tear_down(&runner.functions[i], err, &rc);
    }
    if (runner.functions != NULL)
        end_orphans(&runner);
    closed = sfx_observer_free(runner.observer, rc == 0 ? err : NULL);
    rc = rc == 0 ? closed : rc;
    sfx_results_free(runner.results);
    sfx_loop_free(runner.loop);
    sfx_arena_done(&runner.arena);
    free(runner.functions);
    forget_sigpipe(&before);
    for (i = 0; i < count && rc == 0; i++)
        rc = totals[i].dead > 0 || (totals[i].returned > 0 && functions[i].from == NULL) ? 1 : 0;
    return rc;
}
