/* SPDX-License-Identifier: MIT */
/* Pieces of texts: "by SEPARATOR" of explode and split. */
#include "query/pieces_internal.h"

#include "query/selector_internal.h"

#include <string.h>

int sfx_parse_separator(struct sfx_parser *p, struct sfx_separator *separator)
{
    int rc = sfx_parse_accept(p, "by");

    if (rc <= 0)
        return rc;
    if (sfx_token_is(&p->token, "/")) {
        rc = sfx_parse_slashed(p, &separator->regex);
        return rc < 0 ? rc : 1;
    }
    if (p->token.kind != SFX_TOKEN_STRING || p->token.value.len == 0)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "by is followed by a separator, in quotes, or by a /regex/");
    separator->text = p->token.value;
    rc = sfx_lex(p);
    return rc < 0 ? rc : 1;
}

void sfx_pieces_init(struct sfx_pieces *pieces, const struct sfx_separator *separator,
                     struct sfx_slice text)
{
    *pieces = (struct sfx_pieces){.separator = separator, .text = text};
}

/* The next separator: 1 with its begin and end; 0: there is none. */
static int find_separator(struct sfx_pieces *pieces, struct sfx_eval *ev, size_t *begin,
                          size_t *end)
{
    const struct sfx_separator *separator = pieces->separator;
    struct sfx_slice rest = sfx_pieces_rest(pieces);
    const char *found;
    int rc;

    if (separator->regex == NULL) {
        found = rest.len > 0 ? memmem(rest.ptr, rest.len, separator->text.ptr, separator->text.len)
                             : NULL;
        if (found == NULL)
            return 0;
        *begin = (size_t)(found - pieces->text.ptr);
        *end = *begin + separator->text.len;
        return 1;
    }
    do {
        rc = sfx_regex_walk(separator->regex, &ev->matcher, pieces->text, &pieces->walk);
        if (rc <= 0)
            return rc;
        *begin = ev->matcher.spans[0];
        *end = ev->matcher.spans[1];
    } while (*begin == *end);
    return 1;
}

int sfx_pieces_next(struct sfx_pieces *pieces, struct sfx_eval *ev, struct sfx_slice *piece)
{
    size_t begin = 0, end = 0;
    int rc;

    if (pieces->ended)
        return 0;
    rc = find_separator(pieces, ev, &begin, &end);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        *piece = sfx_pieces_rest(pieces);
        pieces->at = pieces->text.len;
        pieces->ended = true;
        return 1;
    }
    *piece = sfx_slice(pieces->text.ptr + pieces->at, begin - pieces->at);
    pieces->at = end;
    return 1;
}
