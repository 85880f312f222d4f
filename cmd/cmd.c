/* SPDX-License-Identifier: MIT */
/* What every program does around its library calls. */
#include "cmd.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/outfile.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NS_PER_MS 1e6

/*
 * A descriptor 0, 1 or 2 that the caller closed would be taken by the next file opened, and data
 * would go where messages should. Each gets a stand-in that refuses the use it was closed for.
 */
static int fill_closed_descriptors(void)
{
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", flags) != fd)
            return -1;
    }
    return 0;
}

static int level_of(const struct sfx_opt_common *common)
{
    int level = SFX_LOG_NOTICE + common->verbose - (common->quiet ? 1 : 0);

    return level < SFX_LOG_DEBUG ? level : SFX_LOG_DEBUG;
}

/* Prints text as the program's whole output; the exit code for it. */
static int print(const struct sfx_cmd *cmd, struct sfx_slice text)
{
    struct sfx_err err;
    int rc = sfx_io_write(STDOUT_FILENO, text.ptr, text.len, &err);

    return rc == 0 ? SFX_EXIT_OK
                   : sfx_cmd_fail(cmd, sfx_err_wrap(&err, rc, "standard output"), &err);
}

/* Does --help or --version; the exit code for it. */
static int describe(const struct sfx_cmd *cmd)
{
    struct sfx_buf text = {0};
    struct sfx_err err;
    int rc;

    if (cmd->common->help != NULL)
        rc = sfx_opt_render(cmd->prog, cmd->common->help, &text, &err);
    else
        rc = sfx_buf_printf(&text, &err, "%s (sfx) %s\n", cmd->prog->name, PACKAGE_VERSION);
    rc = rc == 0 ? print(cmd, sfx_buf_slice(&text)) : sfx_cmd_fail(cmd, rc, &err);
    sfx_buf_done(&text);
    return rc;
}

int sfx_cmd_start(struct sfx_cmd *cmd, const struct sfx_prog *prog, int argc, char **argv,
                  void *values, const struct sfx_opt_common *common, int *first_operand)
{
    struct sfx_err err;
    int rc;

    *cmd = (struct sfx_cmd){
        .prog = prog,
        .common = common,
        .log = {.prog = prog->name, .fd = STDERR_FILENO, .level = SFX_LOG_NOTICE},
        .started_ns = sfx_clock_mono_ns(),
    };
    *first_operand = argc;
    if (fill_closed_descriptors() != 0)
        return SFX_EXIT_IO; /* there is nowhere to say it */
    rc = sfx_opt_parse(prog, argc, argv, values, first_operand, &err);
    cmd->log.level = level_of(common);
    cmd->log.json = common->log_format == 1;
    if (rc != 0)
        rc = sfx_cmd_fail(cmd, rc, &err);
    else if (common->help != NULL || common->version)
        rc = describe(cmd);
    else
        return SFX_CMD_GO_ON;
    sfx_opt_done(prog, values);
    return rc;
}

static volatile sig_atomic_t stop_signal;
static const int stop_signals[] = {SIGTERM, SIGINT, SIGHUP};

static void on_stop(int signum)
{
    size_t i;

    stop_signal = signum;
    for (i = 0; i < sizeof(stop_signals) / sizeof(stop_signals[0]); i++)
        (void)signal(stop_signals[i], SIG_DFL); /* whichever comes next ends the program */
}

const volatile sig_atomic_t *sfx_cmd_catch_stop(void)
{
    size_t i;

    for (i = 0; i < sizeof(stop_signals) / sizeof(stop_signals[0]); i++) {
        struct sigaction action = {.sa_handler = on_stop}, before;

        /* What the caller had ignored (nohup, a shell's background job) stays ignored. */
        if (sigaction(stop_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(stop_signals[i], &action, NULL);
    }
    return &stop_signal;
}

int sfx_cmd_fail(const struct sfx_cmd *cmd, int rc, const struct sfx_err *err)
{
    struct sfx_err shown = *err;

    /* Who leaves SIGPIPE alone ends by it, as a write would have done; who ignores it is told. */
    if (err->errnum == EPIPE)
        (void)raise(SIGPIPE);
    if (rc == SFX_E_USAGE && shown.note[0] == '\0' && !cmd->log.json)
        (void)snprintf(shown.note, sizeof(shown.note), "Try '%s --help'.", cmd->prog->name);
    sfx_log_err(&cmd->log, SFX_LOG_ERROR, &shown);
    return sfx_exit_code(rc);
}

void sfx_cmd_progress_init(struct sfx_cmd *cmd, struct sfx_progress *progress)
{
    bool on =
        cmd->common->progress || (!cmd->common->quiet && !cmd->log.json && isatty(STDERR_FILENO));

    sfx_progress_init(progress, STDERR_FILENO, on);
    cmd->log.clears_line = on;
}

static double ms_of(const struct timeval *tv)
{
    return (double)tv->tv_sec * 1e3 + (double)tv->tv_usec / 1e3;
}

/* The line of --stats. */
static int make_stats(const struct sfx_cmd *cmd, const struct sfx_figure *figures, size_t nfigures,
                      struct sfx_buf *line, struct sfx_err *err)
{
    struct rusage usage = {0}, workers = {0};
    struct sfx_json_writer w;
    size_t i;
    int rc;

    /* Processes that worked for this one, and have ended. */
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)getrusage(RUSAGE_CHILDREN, &workers);
    if (workers.ru_maxrss > usage.ru_maxrss)
        usage.ru_maxrss = workers.ru_maxrss;
    sfx_json_writer_init(&w, line);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "program");
    sfx_json_string(&w, sfx_slice_str(cmd->prog->name));
    sfx_json_key(&w, "wall_ms");
    sfx_json_double(&w, (double)(sfx_clock_mono_ns() - cmd->started_ns) / NS_PER_MS);
    sfx_json_key(&w, "cpu_ms");
    sfx_json_double(&w, (double)sfx_clock_cpu_ns() / NS_PER_MS + ms_of(&workers.ru_utime) +
                            ms_of(&workers.ru_stime));
    sfx_json_key(&w, "max_rss_bytes");
    sfx_json_int(&w, (int64_t)usage.ru_maxrss * 1024); /* Linux counts it in KiB */
    for (i = 0; i < nfigures; i++) {
        sfx_json_key(&w, figures[i].name);
        sfx_json_uint(&w, figures[i].value);
    }
    if (cmd->stats_rules != NULL) {
        sfx_json_key(&w, "rules");
        sfx_json_raw(&w, sfx_slice_str(cmd->stats_rules));
    }
    sfx_json_end_object(&w);
    rc = sfx_json_finish(&w, err);
    return rc < 0 ? rc : sfx_buf_putc(line, '\n', err);
}

int sfx_cmd_stats(const struct sfx_cmd *cmd, const struct sfx_figure *figures, size_t nfigures,
                  struct sfx_err *err)
{
    const char *path = cmd->common->stats;
    struct sfx_outfile *out = NULL;
    struct sfx_buf line = {0};
    int rc;

    if (path == NULL)
        return 0;
    rc = make_stats(cmd, figures, nfigures, &line, err);
    if (rc < 0)
        goto out;
    if (*path == '\0') {
        rc = sfx_io_write(STDERR_FILENO, line.data, line.len, err);
        goto out;
    }
    rc = SFX_E_IO;
    out = sfx_outfile_new(path, NULL, err);
    if (out != NULL)
        rc = sfx_outfile_write(out, line.data, line.len, err);
    if (rc == 0)
        rc = sfx_outfile_commit(out, err);
out:
    sfx_outfile_free(out);
    sfx_buf_done(&line);
    return rc != 0 ? sfx_err_wrap(err, rc, "--stats") : 0;
}

int sfx_cmd_end(struct sfx_cmd *cmd, void *values, int exit_code, int by_signal)
{
    struct sfx_err err;
    int fd = STDOUT_FILENO, rc;

    sfx_opt_done(cmd->prog, values);
    /* What stdio holds goes first; that nothing was open matters only to what was to be written. */
    rc = fflush(stdout) == 0 ? 0 : sfx_err_errno(&err, errno, "cannot write");
    if (rc == 0 && sfx_io_close(&fd, &err) != 0 && err.errnum != EBADF)
        rc = (int)err.code;
    if (rc != 0 && exit_code <= SFX_EXIT_PARTIAL)
        exit_code = sfx_cmd_fail(cmd, sfx_err_wrap(&err, rc, "standard output"), &err);
    if (by_signal != 0) {
        (void)signal(by_signal, SIG_DFL);
        (void)raise(by_signal);
    }
    return exit_code;
}
