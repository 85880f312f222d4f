/* SPDX-License-Identifier: MIT */
/* What the readers of an option table share. Private to lib/cli. */
#ifndef SFX_CLI_OPT_INTERNAL_H
#define SFX_CLI_OPT_INTERNAL_H

#include "cli/opt.h"

/* Where a rendering goes. The first failure sticks in rc, so that renderers read straight on. */
struct sfx_opt_out {
    struct sfx_buf *buf;
    struct sfx_err *err;
    int rc;
};

/* Appends printf-formatted text to out. */
#define SFX_OPT_PUT(out, ...)                                                                      \
    do {                                                                                           \
        if ((out)->rc == 0)                                                                        \
            (out)->rc = sfx_buf_printf((out)->buf, (out)->err, __VA_ARGS__);                       \
    } while (0)

/* True for the row that ends the table. */
static inline bool sfx_opt_is_end(const struct sfx_opt *row)
{
    return row->name == NULL && row->kind != SFX_OPT_SECTION;
}

/* True when an argument must follow the option. */
bool sfx_opt_needs_value(const struct sfx_opt *row);

/* True when the option's argument names a file or a folder. */
bool sfx_opt_wants_file(const struct sfx_opt *row);

/* True when the program's operands are files or folders. */
bool sfx_opt_operands_are_files(const struct sfx_prog *prog);

/* Takes the next word off a list joined by '|'; false at its end. *rest is NULL after the last. */
bool sfx_opt_next_choice(const char **rest, struct sfx_slice *word);

/* Appends what the row itself says beyond its help: choices, bounds, repetition; sentences. */
void sfx_opt_put_facts(struct sfx_opt_out *out, const struct sfx_opt *row);

/*
 * Appends text word by word in lines of at most width columns. The first line begins at column
 * `column`; those that follow are indented by `indent`. put_word writes one word (NULL: as it is);
 * sentence_lines begins every sentence on a new line. Ends without a line end.
 */
struct sfx_opt_wrap {
    int width, column, indent;
    bool sentence_lines;
    void (*put_word)(struct sfx_opt_out *out, struct sfx_slice word);
};
void sfx_opt_put_wrapped(struct sfx_opt_out *out, const char *text, const struct sfx_opt_wrap *how);

/* The forms of sfx_opt_render. */
void sfx_opt_render_help(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_man(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_bash(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_zsh(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_fish(const struct sfx_prog *prog, struct sfx_opt_out *out);

#endif
