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

/* How text is laid out in lines. */
struct sfx_opt_wrap {
    int width;           /* columns of the longest line */
    int column;          /* where the first line begins */
    int indent;          /* of those that follow */
    bool sentence_lines; /* every sentence begins a line */
    void (*put_word)(struct sfx_opt_out *out, struct sfx_slice word); /* NULL: as it is */
};

/* Appends text word by word, without a line end after the last. */
void sfx_opt_put_wrapped(struct sfx_opt_out *out, const char *text, const struct sfx_opt_wrap *how);

/* The same for the row's help and what the row itself adds to it, with a line end. */
void sfx_opt_put_sentences(struct sfx_opt_out *out, const struct sfx_opt *row,
                           const struct sfx_opt_wrap *how);

/* The forms of sfx_opt_render. */
void sfx_opt_render_help(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_man(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_bash(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_zsh(const struct sfx_prog *prog, struct sfx_opt_out *out);
void sfx_opt_render_fish(const struct sfx_prog *prog, struct sfx_opt_out *out);

#endif
