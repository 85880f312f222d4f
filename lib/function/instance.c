/* SPDX-License-Identifier: MIT */
/* Instances: the processes of a function, from their start to their last byte. */
#include "base/clock.h"
#include "base/io.h"
#include "function/function_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

/* Read at once: a pipe's usual capacity. */
enum { READ_NBYTES = 64 * 1024 };

static void on_timer(void *ctx)
{
    struct sfx_instance *in = ctx;

    if (in->killing != 0)
        sfx_instance_kill(in, in->killed_for, SIGKILL);
    else if (in->state == SFX_INSTANCE_ENDING)
        sfx_instance_kill(in, "idle", SIGTERM);
    else if (in->state == SFX_INSTANCE_STARTING)
        sfx_instance_kill(in, "init", SIGTERM);
    else
        sfx_instance_kill(in, "timeout", SIGTERM);
}

struct sfx_instance *sfx_instance_new(struct sfx_function *fn, struct sfx_err *err)
{
    struct sfx_instance *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    in->fn = fn;
    in->in_fd = in->out_fd = in->err_fd = in->process.pidfd = -1;
    in->cgroup = -1;
    in->cold = true;
    in->peak_nbytes = -1;
    in->timer.due = on_timer;
    in->timer.ctx = in;
    in->state = fn->carrier->resident ? SFX_INSTANCE_STARTING : SFX_INSTANCE_BUSY;
    in->next = fn->instances;
    if (in->next != NULL)
        in->next->previous = in;
    fn->instances = in;
    fn->ninstances++;
    fn->runner->ninstances++;
    (void)snprintf(in->name, sizeof(in->name), "%d-%llu", (int)getpid(),
                   (unsigned long long)++fn->runner->nstarted);
    sfx_runner_tick(fn->runner);
    fn->nstarting += in->state == SFX_INSTANCE_STARTING;
    fn->nbusy += in->state == SFX_INSTANCE_BUSY;
    return in;
}

static uint64_t *counter(struct sfx_function *fn, enum sfx_instance_state state)
{
    switch (state) {
    case SFX_INSTANCE_STARTING: return &fn->nstarting;
    case SFX_INSTANCE_IDLE: return &fn->nidle;
    case SFX_INSTANCE_BUSY: return &fn->nbusy;
    case SFX_INSTANCE_ENDING: break;
    }
    return &fn->nending;
}

void sfx_instance_set(struct sfx_instance *in, enum sfx_instance_state state)
{
    --*counter(in->fn, in->state);
    in->state = state;
    ++*counter(in->fn, state);
    if (state == SFX_INSTANCE_IDLE)
        in->idle_since_ns = sfx_clock_mono_ns();
}

static void set_timer(struct sfx_instance *in, int64_t after_ns)
{
    struct sfx_err err = {0};

    if (after_ns <= 0)
        sfx_loop_unset(in->fn->runner->loop, &in->timer);
    else if (sfx_loop_set(in->fn->runner->loop, &in->timer, sfx_clock_mono_ns() + after_ns, &err) <
             0)
        sfx_runner_fail(in->fn->runner, err.code, &err);
}

void sfx_instance_kill(struct sfx_instance *in, const char *why, int signum)
{
    if (in->killed_for == NULL)
        in->killed_for = why;
    if (in->killing == SIGKILL)
        return;
    in->killing = signum;
    if (in->state != SFX_INSTANCE_ENDING)
        sfx_instance_set(in, SFX_INSTANCE_ENDING);
    sfx_process_kill(&in->process, signum);
    if (signum == SIGKILL)
        sfx_limits_kill(in->fn->limits, in->cgroup);
    set_timer(in, signum == SIGKILL ? 0 : in->fn->opts->grace_ns > 0 ? in->fn->opts->grace_ns : 1);
}

void sfx_instance_free(struct sfx_instance *in)
{
    struct sfx_function *fn = in->fn;
    struct sfx_loop *loop = fn->runner->loop;

    sfx_loop_remove(loop, &in->exit_watch);
    sfx_loop_remove(loop, &in->in_watch);
    sfx_loop_remove(loop, &in->out_watch);
    sfx_loop_remove(loop, &in->err_watch);
    sfx_loop_unset(loop, &in->timer);
    if (in->process.pid > 0) {
        int status;

        sfx_process_kill(&in->process, SIGKILL);
        sfx_process_reap(&in->process, &status, NULL);
    }
    (void)sfx_io_close(&in->process.pidfd, NULL);
    (void)sfx_io_close(&in->in_fd, NULL);
    (void)sfx_io_close(&in->out_fd, NULL);
    (void)sfx_io_close(&in->err_fd, NULL);
    sfx_limits_release(fn->limits, in->cgroup);
    sfx_jail_leave(in->folder);
    if (fn->carrier->done != NULL)
        fn->carrier->done(in);
    sfx_buf_done(&in->out);
    sfx_buf_done(&in->said);
    if (in->previous != NULL)
        in->previous->next = in->next;
    else
        fn->instances = in->next;
    if (in->next != NULL)
        in->next->previous = in->previous;
    --*counter(fn, in->state);
    fn->ninstances--;
    fn->runner->ninstances--;
    free(in);
}

/* Keeps the end of what it says for the log and the dead letters, and passes whole lines on. */
static void take_said(struct sfx_instance *in, const char *text, size_t len, bool last)
{
    size_t most = in->fn->opts->stderr_nbytes;
    struct sfx_buf *kept = in->inv != NULL ? &in->inv->said : NULL;
    const char *nl;

    if (kept != NULL && most > 0 && sfx_buf_append(kept, text, len, NULL) == 0 &&
        kept->len > 2 * most) {
        memmove(kept->data, kept->data + kept->len - most, most);
        kept->len = most;
    }
    if (sfx_buf_append(&in->said, text, len, NULL) < 0)
        return;
    nl = in->said.len > 0 ? memrchr(in->said.data, '\n', in->said.len) : NULL;
    len = last || in->said.len > READ_NBYTES ? in->said.len
          : nl != NULL                       ? (size_t)(nl - in->said.data) + 1
                                             : 0;
    if (len == 0)
        return;
    sfx_observer_said(in->fn, sfx_slice(in->said.data, len));
    if (in->fn->carrier->said != NULL)
        in->fn->carrier->said(in, sfx_slice(in->said.data, len));
    memmove(in->said.data, in->said.data + len, in->said.len - len);
    in->said.len -= len;
}

void sfx_instance_said(struct sfx_instance *in, struct sfx_slice text)
{
    take_said(in, text.ptr, text.len, false);
}

/* Reads what there is. Returns false at the end of the stream. */
static bool read_err(struct sfx_instance *in)
{
    static char bytes[READ_NBYTES];
    ssize_t n = read(in->err_fd, bytes, sizeof(bytes));

    if (n > 0)
        take_said(in, bytes, (size_t)n, false);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* As read_err. What is beyond the limit of output ends the process. */
static bool read_out(struct sfx_instance *in, bool *more)
{
    size_t most = in->fn->opts->output_nbytes;
    struct sfx_err err = {0};
    ssize_t n;

    *more = false;
    if (sfx_buf_reserve(&in->out, 16384, &err) < 0) {
        sfx_runner_fail(in->fn->runner, err.code, &err);
        return false;
    }
    n = read(in->out_fd, in->out.data + in->out.len, in->out.cap - in->out.len);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    in->out.len += (size_t)n;
    if (most > 0 && in->out.len > most) {
        in->out.len = most;
        sfx_instance_kill(in, "output", SIGKILL);
        return true;
    }
    *more = true;
    return true;
}

static void on_err(void *ctx, uint32_t events)
{
    struct sfx_instance *in = ctx;

    (void)events;
    if (!read_err(in)) {
        sfx_loop_remove(in->fn->runner->loop, &in->err_watch);
        (void)sfx_io_close(&in->err_fd, NULL);
    }
}

static void on_out(void *ctx, uint32_t events)
{
    struct sfx_instance *in = ctx;
    bool more;

    (void)events;
    if (!read_out(in, &more)) {
        sfx_loop_remove(in->fn->runner->loop, &in->out_watch);
        (void)sfx_io_close(&in->out_fd, NULL);
    }
    if (more)
        in->fn->carrier->output(in);
}

/* What is still in the pipes of a process that ended; its group is gone, nobody writes any more. */
static void drain(struct sfx_instance *in)
{
    bool more = true;

    while (in->err_fd >= 0 && more) {
        static char bytes[READ_NBYTES];
        ssize_t n = read(in->err_fd, bytes, sizeof(bytes));

        if (n > 0)
            take_said(in, bytes, (size_t)n, false);
        more = n > 0;
    }
    take_said(in, "", 0, true);
    more = true;
    while (in->out_fd >= 0 && more)
        (void)read_out(in, &more);
}

static int64_t tv_ns(struct timeval tv)
{
    return (int64_t)tv.tv_sec * SFX_NS_PER_S + (int64_t)tv.tv_usec * 1000;
}

static void on_exit_of(void *ctx, uint32_t events)
{
    struct sfx_instance *in = ctx;
    struct sfx_function *fn = in->fn;
    struct rusage usage = {0};
    int64_t peak;
    bool oom = false, killed;
    int status = 0;

    (void)events;
    sfx_loop_remove(fn->runner->loop, &in->exit_watch);
    sfx_process_reap(&in->process, &status, &usage);
    sfx_limits_kill(fn->limits, in->cgroup);
    drain(in);
    peak = sfx_limits_peak(fn->limits, in->cgroup, &oom);
    if (peak < 0)
        peak = (int64_t)usage.ru_maxrss * 1024; /* Linux counts it in KiB */
    if (oom && in->killed_for == NULL)
        in->killed_for = "memory";
    if (in->inv != NULL) {
        in->inv->meter.peak_nbytes = peak;
        if (!fn->carrier->resident) {
            in->inv->meter.user_ns = tv_ns(usage.ru_utime);
            in->inv->meter.system_ns = tv_ns(usage.ru_stime);
        }
    }
    fn->carrier->gone(in, status);
    killed = in->killing != 0;
    sfx_instance_free(in);
    if (killed)
        sfx_orphans_end(fn->runner);
}

/* The arguments and environment for its invocation, or for none. */
static int render(struct sfx_instance *in, const char *const *env, struct sfx_command_words *words,
                  struct sfx_err *err)
{
    struct sfx_function *fn = in->fn;
    struct sfx_command_facts facts = {.function = fn->name, .instance = in->name};
    struct sfx_event ev;
    int rc = 0;

    sfx_arena_reset(&fn->runner->arena);
    if (in->inv != NULL)
        rc = sfx_invocation_facts(in->inv, &facts, &ev, err);
    if (rc < 0)
        return rc;
    return sfx_command_render(fn->command, &facts, env, &fn->runner->arena, words, err);
}

static int watch(struct sfx_instance *in, struct sfx_err *err)
{
    struct sfx_loop *loop = in->fn->runner->loop;
    int rc = 0;

    in->exit_watch = (struct sfx_loop_watch){.ready = on_exit_of, .ctx = in};
    in->out_watch = (struct sfx_loop_watch){.ready = on_out, .ctx = in};
    in->err_watch = (struct sfx_loop_watch){.ready = on_err, .ctx = in};
    rc = sfx_loop_add(loop, &in->exit_watch, in->process.pidfd, EPOLLIN, err);
    if (rc == 0)
        rc = sfx_loop_add(loop, &in->out_watch, in->out_fd, EPOLLIN, err);
    if (rc == 0)
        rc = sfx_loop_add(loop, &in->err_watch, in->err_fd, EPOLLIN, err);
    return rc;
}

/* A folder for temporary files, and its name in the environment. */
static int make_folder(struct sfx_instance *in, struct sfx_command_words *words,
                       struct sfx_err *err)
{
    struct sfx_arena *arena = &in->fn->runner->arena;
    char **envp, *name;
    size_t n = 0, len;
    int rc = sfx_jail_make(in->fn->jail, &in->folder, err);

    if (rc < 0)
        return rc;
    while (words->envp[n] != NULL)
        n++;
    len = strlen("TMPDIR=") + strlen(in->folder);
    envp = sfx_arena_calloc(arena, n + 2, sizeof(*envp), err);
    name = sfx_arena_alloc(arena, len + 1, err);
    if (envp == NULL || name == NULL)
        return SFX_E_NOMEM;
    memcpy(envp, words->envp, n * sizeof(*envp));
    (void)snprintf(name, len + 1, "TMPDIR=%s", in->folder);
    envp[n] = name;
    words->envp = envp;
    return 0;
}

int sfx_instance_exec(struct sfx_instance *in, int stdin_fd, const char *const *env,
                      struct sfx_err *err)
{
    struct sfx_function *fn = in->fn;
    struct sfx_command_words words;
    int out[2] = {-1, -1}, errs[2] = {-1, -1};
    struct sfx_process_start start = {.cgroup_fds = {-1, -1, -1}};
    const char *step = "";
    int rc = render(in, env, &words, err);

    if (rc == 0 && fn->jail != NULL)
        rc = make_folder(in, &words, err);
    if (rc == 0 && (pipe2(out, O_CLOEXEC) != 0 || pipe2(errs, O_CLOEXEC) != 0))
        rc = sfx_err_errno(err, errno, "pipe");
    if (rc == 0)
        rc = sfx_limits_acquire(fn->limits, &in->cgroup, start.cgroup_fds, err);
    if (rc == 0) {
        (void)fcntl(out[0], F_SETFL, O_NONBLOCK);
        (void)fcntl(errs[0], F_SETFL, O_NONBLOCK);
        start.file = words.file;
        start.argv = words.argv;
        start.envp = words.envp;
        start.cwd = words.cwd;
        start.fds[0] = stdin_fd;
        start.fds[1] = out[1];
        start.fds[2] = errs[1];
        start.rules = sfx_limits_rules(fn->limits);
        if (fn->jail != NULL)
            start.sandbox = sfx_jail_sandbox(fn->jail, in->folder);
        in->started_ns = sfx_clock_mono_ns();
        rc = sfx_process_start(&start, &in->process, &step, err);
    }
    (void)sfx_io_close(&out[1], NULL);
    (void)sfx_io_close(&errs[1], NULL);
    in->out_fd = out[0];
    in->err_fd = errs[0];
    if (rc == 0)
        rc = watch(in, err);
    if (rc == 0 && in->inv != NULL)
        set_timer(in, fn->opts->timeout_ns);
    return rc;
}

void sfx_instance_arm(struct sfx_instance *in)
{
    set_timer(in, in->fn->opts->timeout_ns);
}

void sfx_instance_expire(struct sfx_instance *in)
{
    if (in->state != SFX_INSTANCE_ENDING)
        sfx_instance_set(in, SFX_INSTANCE_ENDING);
    in->killed_for = "idle";
    set_timer(in, in->fn->opts->grace_ns > 0 ? in->fn->opts->grace_ns : 1);
}

void sfx_instance_ready(struct sfx_instance *in)
{
    struct sfx_function *fn = in->fn;

    if (in->state != SFX_INSTANCE_STARTING)
        return;
    if (in->cold && in->init_ns == 0) {
        in->init_ns = sfx_clock_mono_ns() - in->started_ns;
        fn->init_ns = sfx_scale_smooth(fn->init_ns, in->init_ns);
    }
    set_timer(in, 0);
    sfx_instance_set(in, SFX_INSTANCE_IDLE);
}

void sfx_instance_finish(struct sfx_instance *in)
{
    struct sfx_invocation *inv = in->inv;

    in->inv = NULL;
    set_timer(in, 0);
    if (in->state == SFX_INSTANCE_BUSY && in->process.pid > 0)
        sfx_instance_set(in, SFX_INSTANCE_IDLE);
    else if (in->process.pid > 0 && in->killing != 0 && in->killing != SIGKILL)
        set_timer(in, in->fn->opts->grace_ns > 0 ? in->fn->opts->grace_ns : 1);
    sfx_invocation_end(inv);
}

/* Why it was killed, in words and as an exit code. */
static void killed_outcome(struct sfx_instance *in, struct sfx_outcome *outcome)
{
    const struct sfx_function_opts *o = in->fn->opts;
    const char *why = in->killed_for;

    outcome->exit_code = SFX_EXIT_SIGNAL_BASE + SIGKILL;
    outcome->error = why;
    if (strcmp(why, "timeout") == 0) {
        outcome->exit_code = SFX_EXIT_TIMEOUT;
        (void)snprintf(outcome->reason, sizeof(outcome->reason),
                       "Task timed out after %.2f seconds",
                       (double)o->timeout_ns / (double)SFX_NS_PER_S);
    } else if (strcmp(why, "output") == 0) {
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "output of more than %zu bytes",
                       o->output_nbytes);
    } else if (strcmp(why, "memory") == 0) {
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "more than %llu bytes of memory",
                       (unsigned long long)o->memory_nbytes);
    } else if (strcmp(why, "stop") == 0) {
        outcome->not_begun = true;
        outcome->exit_code = SFX_EXIT_TEMPORARY;
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "stopped while it ran");
    } else if (outcome->reason[0] == '\0') {
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "ended for: %s", why);
    }
}

void sfx_instance_outcome(struct sfx_instance *in, int status, struct sfx_outcome *outcome)
{
    if (in->killed_for != NULL) {
        killed_outcome(in, outcome);
    } else if (WIFSIGNALED(status)) {
        const char *name = sigdescr_np(WTERMSIG(status));

        outcome->exit_code = SFX_EXIT_SIGNAL_BASE + WTERMSIG(status);
        outcome->error = "signal";
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "ended by signal %d (%s)",
                       WTERMSIG(status), name != NULL ? name : "real-time");
    } else if (WEXITSTATUS(status) != 0) {
        outcome->exit_code = WEXITSTATUS(status);
        outcome->error = WEXITSTATUS(status) == SFX_EXIT_DATA ? "data" : "exit";
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "exit status %d",
                       WEXITSTATUS(status));
    }
}
