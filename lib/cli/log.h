/* SPDX-License-Identifier: MIT */
/*
 * Messages for people, or JSON lines for machines, on a descriptor the program names.
 * Each message is one write(2), so lines of several processes do not mix.
 */
#ifndef SFX_CLI_LOG_H
#define SFX_CLI_LOG_H

#include "base/err.h"

#include <stdbool.h>

enum sfx_log_level {
    SFX_LOG_ERROR = 0,
    SFX_LOG_WARNING = 1,
    SFX_LOG_NOTICE = 2, /* the default: said unless -q */
    SFX_LOG_INFO = 3,   /* -v */
    SFX_LOG_DEBUG = 4,  /* -vv */
};

struct sfx_log {
    const char *prog; /* "sfx-watch" */
    int fd;           /* -1: say nothing */
    int level;        /* what is above it is not said */
    bool clears_line; /* a progress line may stand on fd: take it away first; it comes back */
    bool json;        /* {"time":…,"level":…,"program":…,"message":…} */
};

/* Says a message; log may be NULL. Failures to write are ignored: there is nobody left to tell. */
void sfx_log(const struct sfx_log *log, enum sfx_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Says an error with its code and errno (JSON: "code", "errno"). */
void sfx_log_err(const struct sfx_log *log, enum sfx_log_level level, const struct sfx_err *err);

#endif
