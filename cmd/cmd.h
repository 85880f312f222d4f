/* SPDX-License-Identifier: MIT */
/*
 * What every program does around its library calls: options, messages, signals, the end. The only
 * place that prints, exits, reads the environment or touches signal dispositions.
 */
#ifndef SFX_CMD_CMD_H
#define SFX_CMD_CMD_H

#include "cli/exit.h"
#include "cli/figure.h"
#include "cli/log.h"
#include "cli/opt.h"
#include "cli/progress.h"

#include <signal.h>
#include <stdint.h>

struct sfx_cmd {
    const struct sfx_prog *prog;
    const struct sfx_opt_common *common;
    struct sfx_log log;
    int64_t started_ns;      /* monotonic */
    const char *stats_rules; /* NULL, or the "rules" of --stats: a JSON array, borrowed */
};

/* What sfx_cmd_start returns when the program is to go on. */
#define SFX_CMD_GO_ON (-1)

/*
 * Parses argv by prog's table into values, whose common options are *common (inside values). Does
 * --help and --version. Opens descriptors 0-2 on /dev/null where the caller closed them. Returns
 * SFX_CMD_GO_ON, or the exit code to return from main (help: 0; misuse, said in two lines: 2).
 */
int sfx_cmd_start(struct sfx_cmd *cmd, const struct sfx_prog *prog, int argc, char **argv,
                  void *values, const struct sfx_opt_common *common, int *first_operand);

/*
 * Makes SIGTERM, SIGINT and SIGHUP set a flag instead of ending the program (a second one ends it)
 * and returns the flag: 0, or the signal's number. System calls are interrupted (no SA_RESTART).
 */
const volatile sig_atomic_t *sfx_cmd_catch_stop(void);

/*
 * Says err and its note, for USAGE without a note where help is; returns the exit code for rc. A
 * reader that went away (EPIPE) ends the process by SIGPIPE, quietly, unless that is ignored.
 */
int sfx_cmd_fail(const struct sfx_cmd *cmd, int rc, const struct sfx_err *err);

/*
 * Starts a progress line on standard error, which messages then make room for. It is shown when it
 * was asked for (--progress), or when standard error is a terminal and neither -q nor --log=json
 * was given.
 */
void sfx_cmd_progress_init(struct sfx_cmd *cmd, struct sfx_progress *progress);

/*
 * For --stats: writes program, wall_ms, cpu_ms, max_rss_bytes and the program's own figures
 * (borrowed) as one line of JSON to where it says. Does nothing when it was not asked for. Errors:
 * IO, NOMEM.
 */
int sfx_cmd_stats(const struct sfx_cmd *cmd, const struct sfx_figure *figures, size_t nfigures,
                  struct sfx_err *err);

/*
 * The last step of every main: frees the option lists, closes stdout and checks it. Returns
 * exit_code, or 74 when stdout could not be written and exit_code was 0 or 1. After a caught signal
 * the process ends by that signal's default (128 + n for the shell) if by_signal is set.
 */
int sfx_cmd_end(struct sfx_cmd *cmd, void *values, int exit_code, int by_signal);

#endif
