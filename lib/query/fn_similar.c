/* SPDX-License-Identifier: MIT */
/* How near texts are to each other: by spelling, by sound, and as versions. */
#include "query/functions_internal.h"

#include "base/text.h"

#include <string.h>

/* The time is the product of the lengths: 4096 by 4096 takes some ten milliseconds. */
#define MAX_CHARACTERS 4096
#define TOO_LONG       "has more than 4096 characters: too long to compare"

/* --- edit distances ----------------------------------------------------------------------------
 */

/* The characters of two texts, and room for three rows of distances, in ev->made. */
struct pair {
    uint32_t *a, *b, *rows;
    size_t na, nb;
};

static size_t decode(struct sfx_slice text, uint32_t *points)
{
    size_t n = 0;

    while (text.len > 0) {
        size_t len = sfx_utf8_decode(text, &points[n]);

        if (len == 0) { /* a byte that is no character is one of its own */
            points[n] = 0x110000u + (unsigned char)*text.ptr;
            len = 1;
        }
        text.ptr += len;
        text.len -= len;
        n++;
    }
    return n;
}

/* Fills pair with the two arguments; false: row is bad, or there is no memory. */
static bool decode_pair(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                        struct pair *pair)
{
    struct sfx_slice a = sfx_fn_text_arg(ev, node, 0, row), b = sfx_fn_text_arg(ev, node, 1, row);
    const struct sfx_slice *longer = a.len > b.len ? &a : &b;

    if (longer->len > (size_t)MAX_CHARACTERS * 4) {
        sfx_eval_fail(ev, node, row, longer, TOO_LONG);
        return false;
    }
    sfx_buf_clear(&ev->made);
    if (sfx_buf_reserve(&ev->made, (a.len + 4 * (b.len + 1)) * sizeof(uint32_t), NULL) < 0) {
        ev->rc = SFX_E_NOMEM;
        return false;
    }
    pair->a = (uint32_t *)(void *)ev->made.data;
    pair->b = pair->a + a.len;
    pair->rows = pair->b + b.len + 1;
    pair->na = decode(a, pair->a);
    pair->nb = decode(b, pair->b);
    if (pair->na > MAX_CHARACTERS || pair->nb > MAX_CHARACTERS) {
        sfx_eval_fail(ev, node, row, longer, TOO_LONG);
        return false;
    }
    return true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Wagner and Fischer; swaps: neighbours that changed places count once (optimal string alignment).
 */
static uint32_t distance(const struct pair *p, bool swaps)
{
    uint32_t *before = p->rows, *last = before + p->nb + 1, *row = last + p->nb + 1;
    size_t i, j;

    for (j = 0; j <= p->nb; j++)
        last[j] = (uint32_t)j;
    for (i = 1; i <= p->na; i++) {
        uint32_t *spare = before;

        row[0] = (uint32_t)i;
        for (j = 1; j <= p->nb; j++) {
            row[j] =
                least(least(last[j], row[j - 1]) + 1, last[j - 1] + (p->a[i - 1] != p->b[j - 1]));
            if (swaps && i > 1 && j > 1 && p->a[i - 1] == p->b[j - 2] && p->a[i - 2] == p->b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[p->nb];
}

static void fn_levenshtein(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct pair pair;

    if (decode_pair(ev, node, row, &pair))
        sfx_fn_set_int(node, row, distance(&pair, false));
}

static void fn_damerau(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct pair pair;

    if (decode_pair(ev, node, row, &pair))
        sfx_fn_set_int(node, row, distance(&pair, true));
}

/* --- Jaro and Winkler ----------------------------------------------------------------------------
 */

/* Marks in rows which characters of b have a partner in a, and in a's order notes them there; the
 * number of partners. */
static size_t find_partners(const struct pair *p, uint32_t *taken, uint32_t *partner_of_a)
{
    size_t longer = p->na > p->nb ? p->na : p->nb, window = longer / 2, i, j, found = 0;

    window = window > 0 ? window - 1 : 0;
    memset(taken, 0, p->nb * sizeof(*taken));
    for (i = 0; i < p->na; i++) {
        size_t from = i > window ? i - window : 0, to = i + window + 1;

        for (j = from; j < (to < p->nb ? to : p->nb); j++) {
            if (!taken[j] && p->a[i] == p->b[j])
                break;
        }
        if (j >= (to < p->nb ? to : p->nb))
            continue;
        taken[j] = 1;
        partner_of_a[found++] = p->a[i]; /* never more than nb */
    }
    return found;
}

static double jaro(const struct pair *p)
{
    uint32_t *taken = p->rows, *partners = taken + p->nb + 1;
    size_t j, k = 0, halves = 0, found;
    double m;

    if (p->na == 0 || p->nb == 0)
        return p->na == p->nb ? 1 : 0;
    found = find_partners(p, taken, partners);
    if (found == 0)
        return 0;
    for (j = 0; j < p->nb; j++) {
        if (taken[j])
            halves += partners[k++] != p->b[j];
    }
    m = (double)found;
    return (m / (double)p->na + m / (double)p->nb + (m - (double)(halves / 2)) / m) / 3;
}

static void fn_jaro_winkler(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    size_t prefix = 0;
    struct pair p;
    double j;

    if (!decode_pair(ev, node, row, &p))
        return;
    j = jaro(&p);
    while (prefix < 4 && prefix < p.na && prefix < p.nb && p.a[prefix] == p.b[prefix])
        prefix++;
    if (j > 0.7) /* Winkler's bound: a common beginning of unlike texts means nothing */
        j += (double)prefix * 0.1 * (1 - j);
    node->vec->flags[row] = 0;
    node->vec->nums[row] = sfx_float_slot(j);
}

/* --- soundex
 * --------------------------------------------------------------------------------------- */

/* The digit of a letter; 0: a vowel, which parts equal digits; 9: H and W, which do not. */
static char soundex_digit(char c)
{
    static const char digits[] = "01230129022455012623019202";

    return digits[c - 'a'];
}

/* American Soundex, as the National Archives describe it. */
static void fn_soundex(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    char code[4] = "0000", last = '0', *copy;
    size_t i, n = 0;

    for (i = 0; i < text.len && n < sizeof(code); i++) {
        char c = (char)(text.ptr[i] | 0x20), digit;

        if (c < 'a' || c > 'z')
            continue;
        digit = soundex_digit(c);
        if (n == 0)
            code[n++] = (char)(c & ~0x20);
        else if (digit != '0' && digit != '9' && digit != last)
            code[n++] = digit;
        if (digit != '9')
            last = digit;
    }
    if (n == 0) {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    copy = sfx_eval_text(ev, sizeof(code));
    if (copy == NULL)
        return;
    memcpy(copy, code, sizeof(code));
    sfx_fn_set_text(node, row, copy, sizeof(code));
}

/* --- versions
 * -------------------------------------------------------------------------------------- */

/* A version: its numbers, what stands behind '-', without what stands behind '+'. */
struct version {
    struct sfx_slice core, pre;
};

static struct version read_version(struct sfx_slice text)
{
    struct version v = {.core = text};
    const char *mark;

    if (text.len > 0 && (*text.ptr == 'v' || *text.ptr == 'V'))
        v.core = sfx_slice(text.ptr + 1, text.len - 1);
    mark = v.core.len > 0 ? memchr(v.core.ptr, '+', v.core.len) : NULL;
    if (mark != NULL)
        v.core.len = (size_t)(mark - v.core.ptr);
    mark = v.core.len > 0 ? memchr(v.core.ptr, '-', v.core.len) : NULL;
    if (mark != NULL) {
        v.pre = sfx_slice(mark + 1, v.core.len - (size_t)(mark - v.core.ptr) - 1);
        v.core.len = (size_t)(mark - v.core.ptr);
    }
    return v;
}

/* Cuts the first part of *text, up to a dot. */
static struct sfx_slice next_part(struct sfx_slice *text)
{
    const char *dot = text->len > 0 ? memchr(text->ptr, '.', text->len) : NULL;
    struct sfx_slice part = *text, rest = {0};

    if (dot != NULL) {
        part.len = (size_t)(dot - part.ptr);
        rest = sfx_slice(dot + 1, text->len - part.len - 1);
    }
    *text = rest;
    return part;
}

static bool is_number(struct sfx_slice part)
{
    size_t i;

    for (i = 0; i < part.len && part.ptr[i] >= '0' && part.ptr[i] <= '9'; i++)
        ;
    return i == part.len;
}

/* Numbers by value whatever their length, before words, which go by their bytes. */
static int compare_parts(struct sfx_slice a, struct sfx_slice b)
{
    bool numbers = is_number(a);

    if (numbers != is_number(b))
        return numbers ? -1 : 1;
    if (!numbers)
        return sfx_slice_cmp(a, b);
    while (a.len > 0 && *a.ptr == '0')
        a = sfx_slice(a.ptr + 1, a.len - 1);
    while (b.len > 0 && *b.ptr == '0')
        b = sfx_slice(b.ptr + 1, b.len - 1);
    return a.len != b.len ? (a.len > b.len ? 1 : -1) : sfx_slice_cmp(a, b);
}

/* Semantic Versioning 2.0.0, section 11; a core part that is not there is 0. */
static int compare_versions(struct sfx_slice a, struct sfx_slice b)
{
    struct version x = read_version(a), y = read_version(b);
    int c = 0;

    while (c == 0 && (x.core.len > 0 || y.core.len > 0))
        c = compare_parts(next_part(&x.core), next_part(&y.core));
    if (c != 0 || (x.pre.len == 0 && y.pre.len == 0))
        return c;
    if (x.pre.len == 0 || y.pre.len == 0)
        return x.pre.len == 0 ? 1 : -1;
    while (c == 0 && x.pre.len > 0 && y.pre.len > 0)
        c = compare_parts(next_part(&x.pre), next_part(&y.pre));
    return c != 0 ? c : (x.pre.len > 0) - (y.pre.len > 0);
}

static void fn_version_compare(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    int c = compare_versions(sfx_fn_text_arg(ev, node, 0, row), sfx_fn_text_arg(ev, node, 1, row));

    sfx_fn_set_int(node, row, (c > 0) - (c < 0));
}

#define LONG_TEXTS "a text of more than 4096 characters"

static const struct sfx_fn functions[] = {
    {"damerau_levenshtein", "damerau_levenshtein(a, b)", 2, 2, "t", NUMBER, .row = fn_damerau,
     .errors = LONG_TEXTS,
     .help = "the number of characters to insert, delete, replace or swap with their neighbour to "
             "make b of a",
     .example = "damerau_levenshtein(\"form\", \"from\")", .gives = "1"},
    {"jaro_winkler", "jaro_winkler(a, b)", 2, 2, "t", FLOAT, .row = fn_jaro_winkler,
     .errors = LONG_TEXTS, .help = "how like names are, from 0 to 1",
     .example = "jaro_winkler(\"martha\", \"marhta\") > 0.96", .gives = "true"},
    {"levenshtein", "levenshtein(a, b)", 2, 2, "t", NUMBER, .row = fn_levenshtein,
     .errors = LONG_TEXTS,
     .help = "the number of characters to insert, delete or replace to make b of a",
     .example = "levenshtein(\"kitten\", \"sitting\")", .gives = "3"},
    {"soundex", "soundex(s)", 1, 1, "t", TEXT, .row = fn_soundex,
     .help = "the sound of an English name, a letter and three digits; null when s has no letter",
     .example = "soundex(\"Ashcraft\")", .gives = "A261"},
    {"version_compare", "version_compare(a, b)", 2, 2, "t", NUMBER, .row = fn_version_compare,
     .help = "-1, 0 or 1: version a is before, the same as or behind b (Semantic Versioning)",
     .example = "version_compare(\"1.10.0\", \"1.9.3\")", .gives = "1"},
};

const struct sfx_fn_family sfx_fn_similar_family = {"Likeness", functions, SFX_COUNT(functions)};
