/* SPDX-License-Identifier: MIT */
/* Texts in pieces, cut at a separator: a string, or a regular expression. */
#ifndef SFX_QUERY_PIECES_INTERNAL_H
#define SFX_QUERY_PIECES_INTERNAL_H

#include "query/stage_internal.h"

struct sfx_separator {
    struct sfx_slice text;         /* not empty, when regex is NULL */
    const struct sfx_regex *regex; /* matches of nothing separate nothing */
};

/* Parses "by SEPARATOR": a string or /regex/. 1; 0 when something else stands here. Errors: USAGE,
 * NOMEM. */
int sfx_parse_separator(struct sfx_parser *p, struct sfx_separator *separator);

struct sfx_pieces {
    const struct sfx_separator *separator;
    struct sfx_slice text;
    size_t at; /* where the next piece begins */
    struct sfx_regex_walk walk;
    bool ended;
};

/* Starts cutting text (borrowed). */
void sfx_pieces_init(struct sfx_pieces *pieces, const struct sfx_separator *separator,
                     struct sfx_slice text);

/* The next piece, a part of the text: 1; 0 behind the last; an empty text is one piece. Errors:
 * LIMIT, NOMEM (of a regular expression). */
int sfx_pieces_next(struct sfx_pieces *pieces, struct sfx_eval *ev, struct sfx_slice *piece);

/* What _next has not given yet. */
static inline struct sfx_slice sfx_pieces_rest(const struct sfx_pieces *pieces)
{
    return sfx_slice(pieces->text.ptr + pieces->at, pieces->text.len - pieces->at);
}

#endif
