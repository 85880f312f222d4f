/* SPDX-License-Identifier: MIT */
/*
 * The option table: the only description of a program's options. Parsing, --help, the man page's
 * SYNOPSIS and OPTIONS and the shells' completions are made from it.
 *
 * Contract: the table and the struct it fills are the program's; nothing is allocated except for
 * lists (freed by sfx_opt_done). Strings are borrowed from argv. Nothing is printed here.
 */
#ifndef SFX_CLI_OPT_H
#define SFX_CLI_OPT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sfx_opt_kind {
    SFX_OPT_FLAG,     /* bool: set to true */
    SFX_OPT_COUNT,    /* int: one more each time (-vv) */
    SFX_OPT_STR,      /* const char * */
    SFX_OPT_OPTSTR,   /* const char *: --name[=ARG], the letter takes none; "" when without */
    SFX_OPT_UINT,     /* uint64_t, between min and max */
    SFX_OPT_SIZE,     /* uint64_t bytes, K/M/G accepted */
    SFX_OPT_DURATION, /* int64_t nanoseconds */
    SFX_OPT_ENUM,     /* int: index into choices ("fail|skip|reject") */
    SFX_OPT_LIST,     /* struct sfx_opt_list: may be given several times */
    SFX_OPT_SECTION,  /* no option: a heading for those that follow; only help is used */
};

struct sfx_opt_list {
    const char **items; /* owned array of borrowed strings */
    size_t count;
};

struct sfx_opt {
    int letter;       /* short option, 0 for none */
    const char *name; /* long option without dashes */
    const char *arg;  /* name of the argument in help ("FILE"), NULL for flags */
    enum sfx_opt_kind kind;
    size_t offset; /* of the value in the program's options struct */
    /*
     * Sentences, with the default in words where there is one. The renderers wrap them and add what
     * the row itself knows: "One of: …" (ENUM), "From … to …" (UINT), "May be given several times"
     * (LIST). An arg with FILE, FOLDER or PATH in it is completed with file names.
     */
    const char *help;
    const char *choices; /* ENUM: the words, joined by '|'; OPTSTR: what completion offers */
    uint64_t min, max;   /* UINT, SIZE: bounds; max 0 means none */
};

struct sfx_opt_example {
    const char *command;
    const char *says; /* what it does, in a line */
};

/* One of the commands of a program that has several: its first operand. */
struct sfx_opt_command {
    const char *name;
    const char *operands; /* after it: "QUEUE ID…" */
    const char *help;     /* sentences */
    const char *options;  /* long names of those that it takes beside the common ones, by spaces */
};

struct sfx_prog {
    const char *name;           /* "sfx-resize" */
    const char *summary;        /* man NAME line: "decode, orient, resize and convert images" */
    const char *operands;       /* "[OPTION…] [FILE…]" parts after the options: "[FILE…]" */
    const char *about;          /* a paragraph under Usage in --help */
    const struct sfx_opt *opts; /* ended by a row whose name is NULL and kind is not SECTION */
    const struct sfx_opt_example *examples; /* ended by command NULL; may be NULL */
    const char *see_also;                   /* "sfx(7), sfx-events(5)" */
    bool command; /* the operands are a command: options end with the first of them */
    const struct sfx_opt_command *commands; /* ended by name NULL; NULL: it has none */
};

/*
 * The rows that every program has; the program's options struct holds a struct sfx_opt_common and
 * names its offset. --help takes an optional word: man, bash, zsh, fish (what docs-sync uses).
 */
struct sfx_opt_common {
    const char *help; /* NULL: not asked */
    bool version;
    bool quiet;
    int verbose;
    int log_format;    /* 0 text, 1 json */
    const char *stats; /* NULL: none; "": standard error; else a file */
    bool progress;     /* by SFX_OPT_COMMON_PROGRESS_ROWS */
};

/* clang-format off */
#define SFX_OPT_COMMON_ROWS(type, member)                                                          \
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Common", NULL, 0, 0},                                     \
    {'q', "quiet", NULL, SFX_OPT_FLAG, offsetof(type, member.quiet),                               \
     "Say only what went wrong.", NULL, 0, 0},                                                     \
    {'v', "verbose", NULL, SFX_OPT_COUNT, offsetof(type, member.verbose),                          \
     "Say what is being done; twice says more.", NULL, 0, 0},                                      \
    {0, "log", "FORMAT", SFX_OPT_ENUM, offsetof(type, member.log_format),                          \
     "Form of the messages on standard error; default text.", "text|json", 0, 0},                  \
    {0, "stats", "FILE", SFX_OPT_OPTSTR, offsetof(type, member.stats),                             \
     "At the end, write what was done and what it cost as one line of JSON to FILE, or to "        \
     "standard error.", NULL, 0, 0},                                                               \
    {'h', "help", "KIND", SFX_OPT_OPTSTR, offsetof(type, member.help),                             \
     "Print this help; KIND man, bash, zsh or fish prints that form of it.",                       \
     "man|bash|zsh|fish", 0, 0},                                                                   \
    {'V', "version", NULL, SFX_OPT_FLAG, offsetof(type, member.version),                           \
     "Print the version.", NULL, 0, 0}

/* The same for programs that show progress. */
#define SFX_OPT_COMMON_PROGRESS_ROWS(type, member)                                                 \
    SFX_OPT_COMMON_ROWS(type, member),                                                             \
    {0, "progress", NULL, SFX_OPT_FLAG, offsetof(type, member.progress),                           \
     "Show progress even when standard error is not a terminal.", NULL, 0, 0}

#define SFX_OPT_END {0, NULL, NULL, SFX_OPT_FLAG, 0, NULL, NULL, 0, 0}
/* clang-format on */

/*
 * Parses argv by prog's table into values (the program's options struct, already set to defaults).
 * Options and operands may be mixed; "--" ends the options. A long name may be shortened while it
 * is clear. argv is permuted; *first_operand is the index of the first operand. Errors: USAGE,
 * naming the option and the nearest known one; NOMEM.
 */
int sfx_opt_parse(const struct sfx_prog *prog, int argc, char **argv, void *values,
                  int *first_operand, struct sfx_err *err);

/*
 * Finds the command called name in prog->commands and checks that no option was given that it does
 * not take (one whose value is not zero; rows from the section Common on are everybody's). Returns
 * its index. Errors: USAGE, naming the nearest command.
 */
int sfx_opt_command(const struct sfx_prog *prog, const char *name, const void *values,
                    struct sfx_err *err);

/* Frees the lists in values. */
void sfx_opt_done(const struct sfx_prog *prog, void *values);

/*
 * Appends a description of prog to out. form: "" the --help text (80 columns), "man" the SYNOPSIS
 * and OPTIONS sections of its man page (mdoc), "bash", "zsh", "fish" completions. Errors: USAGE for
 * another form; NOMEM.
 */
int sfx_opt_render(const struct sfx_prog *prog, const char *form, struct sfx_buf *out,
                   struct sfx_err *err);

#endif
