/* SPDX-License-Identifier: MIT */
/* What a template is made of, for names of outputs (template.c) and words of commands
 * (template_argument.c). */
#ifndef SFX_CLI_TEMPLATE_INTERNAL_H
#define SFX_CLI_TEMPLATE_INTERNAL_H

#include "cli/template.h"

/* In the order of sfx_template_names(). */
enum sfx_template_name_id {
    SFX_TEMPLATE_PATH,
    SFX_TEMPLATE_DIR,
    SFX_TEMPLATE_BASE,
    SFX_TEMPLATE_STEM,
    SFX_TEMPLATE_EXT,
    SFX_TEMPLATE_ID,
    SFX_TEMPLATE_DATE,
    SFX_TEMPLATE_TIME,
    SFX_TEMPLATE_WIDTH,
    SFX_TEMPLATE_HEIGHT,
    SFX_TEMPLATE_N,
    SFX_TEMPLATE_COLUMN,
    SFX_TEMPLATE_LITERAL,
};

struct sfx_template_piece {
    enum sfx_template_name_id id;
    size_t start, len; /* LITERAL: bytes of literals; COLUMN: its name there */
};

struct sfx_template {
    enum sfx_template_columns which;
    struct sfx_buf literals; /* all literal text, braces unescaped, and names of columns */
    struct sfx_template_piece *pieces; /* owned */
    size_t npieces;
    size_t root_len; /* bytes of literals that are the root */
};

/* Adds a piece; a byte to the literal piece at the end (a new one when there is none); a column.
 * Errors: NOMEM. */
int sfx_template_add(struct sfx_template *t, struct sfx_template_piece piece, struct sfx_err *err);
int sfx_template_add_byte(struct sfx_template *t, char byte, struct sfx_err *err);
int sfx_template_add_column(struct sfx_template *t, struct sfx_slice name, struct sfx_err *err);

/* Whether v says what id stands for. */
bool sfx_template_knows(enum sfx_template_name_id id, const struct sfx_template_values *v);

/* Appends the UTC date (YYYY-MM-DD) or the time of day (HHMMSS). Errors: INPUT, NOMEM. */
int sfx_template_put_time(struct sfx_buf *out, int64_t time_ns, bool date, struct sfx_err *err);

#endif
