/* SPDX-License-Identifier: MIT */
/*
 * Glob matching.
 *
 * A '*' needs no recursion: when the rest fails, only the last '*' and the last '**' can usefully
 * take more (whatever stood before them matched as short as possible). Only '{a,b}' recurses, once
 * for each alternative; the rest of the pattern is then a list of pieces on the stack.
 */
#include "base/text.h"

#include <stdint.h>

/* The pattern as alternatives split it: text, then the next piece. */
struct piece {
    struct sfx_slice text;
    const struct piece *next;
};

/* A place in the pattern. */
struct place {
    const struct piece *piece;
    size_t at;
};

/* Where to go on when the match fails: a star that may take more of the text. */
struct retry {
    bool set;
    bool folders; /* of a "**" with its '/': it takes whole folders */
    struct place pattern;
    size_t text;
};

/* The character at text[at]: a code point, or a value above all of them for a stray byte. */
static size_t char_at(struct sfx_slice text, size_t at, uint32_t *cp)
{
    size_t n = sfx_utf8_decode(sfx_slice(text.ptr + at, text.len - at), cp);

    if (n > 0)
        return n;
    *cp = 0x110000u + (unsigned char)text.ptr[at];
    return 1;
}

/*
 * Matches cp against the class at pattern[at] == '['. Returns the class's length, 0 when it is not
 * closed (then '[' is an ordinary character); *hit says whether cp is in it.
 */
static size_t match_class(struct sfx_slice pattern, size_t at, uint32_t cp, bool *hit)
{
    size_t i = at + 1;
    bool negated = i < pattern.len && (pattern.ptr[i] == '!' || pattern.ptr[i] == '^');
    bool found = false;
    size_t first;

    if (negated)
        i++;
    first = i;
    while (i < pattern.len && (pattern.ptr[i] != ']' || i == first)) {
        uint32_t low;
        uint32_t high;

        i += char_at(pattern, i, &low);
        high = low;
        if (i + 1 < pattern.len && pattern.ptr[i] == '-' && pattern.ptr[i + 1] != ']')
            i += 1 + char_at(pattern, i + 1, &high);
        found = found || (cp >= low && cp <= high);
    }
    if (i >= pattern.len)
        return 0;
    *hit = found != negated;
    return i + 1 - at;
}

/* The end of the alternative that starts at text[at]: its ',' or '}', or text.len. */
static size_t alternative_end(struct sfx_slice text, size_t at)
{
    size_t depth = 0;

    for (; at < text.len; at++) {
        if (text.ptr[at] == '\\')
            at++;
        else if (text.ptr[at] == '{')
            depth++;
        else if (depth > 0 && text.ptr[at] == '}')
            depth--;
        else if (depth == 0 && (text.ptr[at] == ',' || text.ptr[at] == '}'))
            return at;
    }
    return text.len;
}

/* The place of the '}' of the group at text[at] == '{', 0 when it is not closed. */
static size_t group_end(struct sfx_slice text, size_t at)
{
    do
        at = alternative_end(text, at + 1);
    while (at < text.len && text.ptr[at] == ',');
    return at < text.len ? at : 0;
}

static bool match(struct place pattern, bool starts_segment, struct sfx_slice text);

/* Tries each alternative of the group from..end, followed by what comes after the group. */
static bool match_group(struct place group, size_t end, bool starts_segment, struct sfx_slice text)
{
    struct sfx_slice all = group.piece->text;
    struct piece rest = {sfx_slice(all.ptr + end + 1, all.len - end - 1), group.piece->next};
    size_t from = group.at + 1;

    while (from <= end) {
        size_t to = alternative_end(all, from);
        struct piece one = {sfx_slice(all.ptr + from, to - from), &rest};

        if (match((struct place){&one, 0}, starts_segment, text))
            return true;
        from = to + 1;
    }
    return false;
}

/* Matches the one character of text at *at against one item of the pattern; moves both on. */
static bool match_one(struct place *p, struct sfx_slice text, size_t *at)
{
    struct sfx_slice pattern = p->piece->text;
    char c = pattern.ptr[p->at];
    uint32_t cp;
    size_t n;
    size_t used;
    bool hit = false;

    if (*at >= text.len)
        return false;
    n = char_at(text, *at, &cp);
    if (c == '?') {
        p->at++;
        *at += n;
        return cp != '/';
    }
    used = c == '[' ? match_class(pattern, p->at, cp, &hit) : 0;
    if (used > 0) {
        p->at += used;
        *at += n;
        return hit && cp != '/';
    }
    if (c == '\\' && p->at + 1 < pattern.len)
        c = pattern.ptr[++p->at];
    p->at++;
    return text.ptr[(*at)++] == c;
}

/* Takes the star at p: notes the retry it stands for and moves behind it. */
static void take_star(struct place *p, bool starts_segment, size_t at, struct retry *star,
                      struct retry *globstar)
{
    struct sfx_slice pattern = p->piece->text;
    bool two = p->at + 1 < pattern.len && pattern.ptr[p->at + 1] == '*';

    if (!two) {
        p->at++;
        *star = (struct retry){true, false, *p, at};
        return;
    }
    while (p->at < pattern.len && pattern.ptr[p->at] == '*')
        p->at++;
    *star = (struct retry){0};
    *globstar = (struct retry){true, false, *p, at};
    if (starts_segment && p->at < pattern.len && pattern.ptr[p->at] == '/') {
        p->at++;
        *globstar = (struct retry){true, true, *p, at};
    }
}

static bool is_special(char c)
{
    return c == '*' || c == '?' || c == '[' || c == ']' || c == '{' || c == '}' || c == '\\';
}

/* Lets a star take all that the ordinary character behind it is not. */
static void skip_to_next(struct retry *star, struct sfx_slice text)
{
    const struct place *p = &star->pattern;
    char c = p->at < p->piece->text.len ? p->piece->text.ptr[p->at] : '*';

    while (!is_special(c) && star->text < text.len && text.ptr[star->text] != c &&
           text.ptr[star->text] != '/')
        star->text++;
}

/* Lets a star take more; false when no star can. */
static bool retry_star(struct retry *star, struct retry *globstar, struct sfx_slice text,
                       struct place *p, size_t *at)
{
    struct retry *r = star;

    if (!star->set || star->text >= text.len || text.ptr[star->text] == '/') {
        r = globstar;
        *star = (struct retry){0};
        if (!r->set)
            return false;
        while (r->folders && r->text < text.len && text.ptr[r->text] != '/')
            r->text++;
        if (r->text >= text.len)
            return false;
    }
    r->text++;
    if (r == star)
        skip_to_next(star, text);
    *p = r->pattern;
    *at = r->text;
    return true;
}

static bool match(struct place p, bool starts_segment, struct sfx_slice text)
{
    struct retry star = {0};
    struct retry globstar = {0};
    size_t at = 0;

    for (;;) {
        bool segment = at > 0 ? text.ptr[at - 1] == '/' : starts_segment;
        bool ok;

        while (p.piece != NULL && p.at >= p.piece->text.len)
            p = (struct place){p.piece->next, 0};
        if (p.piece == NULL) {
            ok = at == text.len;
            if (ok)
                return true;
        } else if (p.piece->text.ptr[p.at] == '*') {
            take_star(&p, segment, at, &star, &globstar);
            ok = true;
        } else {
            size_t end = p.piece->text.ptr[p.at] == '{' ? group_end(p.piece->text, p.at) : 0;

            if (end > 0) {
                if (match_group(p, end, segment, sfx_slice(text.ptr + at, text.len - at)))
                    return true;
                ok = false;
            } else {
                ok = match_one(&p, text, &at);
            }
        }
        if (!ok && !retry_star(&star, &globstar, text, &p, &at))
            return false;
    }
}

/* False when an ordinary character that the pattern begins or ends with is not that of the text:
 * most names are told from most patterns by that. */
static bool may_match(struct sfx_slice pattern, struct sfx_slice text)
{
    char first, last;

    if (pattern.len == 0 || text.len == 0)
        return true;
    first = pattern.ptr[0];
    last = pattern.ptr[pattern.len - 1];
    return (is_special(first) || first == text.ptr[0]) &&
           (is_special(last) || last == text.ptr[text.len - 1]);
}

bool sfx_text_glob(struct sfx_slice pattern, struct sfx_slice text)
{
    struct piece whole = {pattern, NULL};

    return may_match(pattern, text) && match((struct place){&whole, 0}, true, text);
}
