/* SPDX-License-Identifier: MIT */
/* Exit codes: one meaning each, for whoever decides about a retry. The table of sfx(7). */
#ifndef SFX_CLI_EXIT_H
#define SFX_CLI_EXIT_H

enum sfx_exit {
    SFX_EXIT_OK = 0,            /* all done */
    SFX_EXIT_PARTIAL = 1,       /* some inputs or records failed, the rest is done */
    SFX_EXIT_USAGE = 2,         /* misuse */
    SFX_EXIT_NOTHING = 3,       /* there was nothing to do, and that was asked for */
    SFX_EXIT_DATA = 65,         /* the input as a whole is bad: never retry */
    SFX_EXIT_UNAVAILABLE = 69,  /* a needed component is missing */
    SFX_EXIT_SOFTWARE = 70,     /* a bug of ours, or memory ran out */
    SFX_EXIT_IO = 74,           /* reading or writing failed */
    SFX_EXIT_TEMPORARY = 75,    /* try again later */
    SFX_EXIT_TIMEOUT = 124,     /* timed out */
    SFX_EXIT_CANNOT_RUN = 126,  /* the child could not be run */
    SFX_EXIT_NOT_FOUND = 127,   /* the child was not found */
    SFX_EXIT_SIGNAL_BASE = 128, /* + n: killed by signal n */
};

/* The exit code for a library result: 0 for >= 0, else the row that fits the enum sfx_code. */
int sfx_exit_code(int rc);

#endif
