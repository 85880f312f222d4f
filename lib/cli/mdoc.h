/* SPDX-License-Identifier: MIT */
/*
 * Text for man pages: what is written so that mdoc(7) shows it as it is.
 *
 * Contract: appends to out; errors are NOMEM and leave out with a part of the text.
 */
#ifndef SFX_CLI_MDOC_H
#define SFX_CLI_MDOC_H

#include "base/buf.h"
#include "base/slice.h"

/*
 * Appends a word: a leading control character is no request, a backslash is one, the dashes of an
 * option are minus signs, what is not ASCII is named.
 */
int sfx_mdoc_put_word(struct sfx_buf *out, struct sfx_slice word, struct sfx_err *err);

/* Appends " " and one argument of a macro: quoted where it holds white space, never a macro. */
int sfx_mdoc_put_argument(struct sfx_buf *out, struct sfx_slice arg, struct sfx_err *err);

/* Appends a line that stands in a literal block, with its line end. */
int sfx_mdoc_put_literal(struct sfx_buf *out, struct sfx_slice line, struct sfx_err *err);

/* Appends sentences, each on lines of its own of at most 78 columns. */
int sfx_mdoc_put_sentences(struct sfx_buf *out, const char *text, struct sfx_err *err);

#endif
