/* SPDX-License-Identifier: MIT */
/*
 * The one error type.
 *
 * Contract: a fallible function returns 0 (or a count) on success and a negative enum sfx_code on
 * failure, and describes the failure in the caller's struct sfx_err, its last argument. The struct
 * lives on the caller's stack, never allocates, and may be NULL when the caller only wants the
 * code. The layer that finds the failure sets it; every layer above wraps it with what only that
 * layer knows, so that the text reads from the outside in: "in/a.jpg: row 1201 of 4000: data ends
 * early". Threads: a struct belongs to one thread; there is no global error state.
 */
#ifndef SFX_BASE_ERR_H
#define SFX_BASE_ERR_H

/* What the caller can decide on; see sfx_exit_code() for what becomes of each. */
enum sfx_code {
    SFX_OK = 0,
    SFX_E_USAGE = -1,       /* the request itself is wrong: fix the command */
    SFX_E_INPUT = -2,       /* the data is bad: retrying will not help */
    SFX_E_LIMIT = -3,       /* the data asks for more than a limit allows */
    SFX_E_IO = -4,          /* reading or writing failed: disk full, I/O error, no such file */
    SFX_E_NOMEM = -5,       /* memory ran out */
    SFX_E_TEMPORARY = -6,   /* busy, locked, interrupted: try again later */
    SFX_E_UNSUPPORTED = -7, /* a component or a feature of the format is missing here */
};

#define SFX_ERR_TEXT_NBYTES 1024 /* a path of PATH_MAX is cut; a message is for people */

#define SFX_ERR_NOTE_NBYTES 512

struct sfx_err {
    enum sfx_code code;
    int errnum;                     /* errno of the failed call, 0 when there was none */
    char text[SFX_ERR_TEXT_NBYTES]; /* one line */
    char note[SFX_ERR_NOTE_NBYTES]; /* empty, or lines to show below the text */
};

/* Resets err (may be NULL) to "no error". */
void sfx_err_clear(struct sfx_err *err);

/* Describes a failure: code and a printf-formatted text. Returns code, for `return sfx_err_set(…)`.
 */
int sfx_err_set(struct sfx_err *err, enum sfx_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Describes a failed system call: the text, ": ", and the description of errnum.
 * Returns the code that fits errnum: NOMEM for ENOMEM, TEMPORARY for EAGAIN/EINTR/EBUSY, else IO.
 */
int sfx_err_errno(struct sfx_err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Prepends context and ": " to an error that a lower layer described. rc: the lower layer's result,
 * which is returned unchanged, so that `return sfx_err_wrap(err, rc, "%s", path)` reads naturally.
 */
int sfx_err_wrap(struct sfx_err *err, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Sets the note: lines for people that follow the text on a terminal (a caret under a place in a
 * program). It is not wrapped; it is dropped with the next _set. note is cut to fit.
 */
void sfx_err_note(struct sfx_err *err, const char *note);

/* The code's name in machine-readable output: "input", "limit", … Borrowed, static. */
const char *sfx_code_name(int code);

#endif
