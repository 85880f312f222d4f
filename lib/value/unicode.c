/* SPDX-License-Identifier: MIT */
/* Letters beyond ASCII by utf8proc, and white space, which needs no library. */
#include "value/unicode.h"

#include "base/dl.h"
#include "base/size.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

struct utf8proc {
    __typeof__(&utf8proc_tolower) lower;
    __typeof__(&utf8proc_toupper) upper;
    __typeof__(&utf8proc_totitle) title;
    __typeof__(&utf8proc_category) category;
    __typeof__(&utf8proc_decompose_char) decompose_char;
    __typeof__(&utf8proc_decompose) decompose;
    __typeof__(&utf8proc_reencode) reencode;
};

static const struct sfx_dl_symbol symbols[] = {
    {"utf8proc_tolower", offsetof(struct utf8proc, lower)},
    {"utf8proc_toupper", offsetof(struct utf8proc, upper)},
    {"utf8proc_totitle", offsetof(struct utf8proc, title)},
    {"utf8proc_category", offsetof(struct utf8proc, category)},
    {"utf8proc_decompose_char", offsetof(struct utf8proc, decompose_char)},
    {"utf8proc_decompose", offsetof(struct utf8proc, decompose)},
    {"utf8proc_reencode", offsetof(struct utf8proc, reencode)},
};

/* Newest first; the functions used here are the same in all. */
static const char *const sonames[] = {"libutf8proc.so.3", "libutf8proc.so.2"};

struct sfx_unicode {
    struct utf8proc lib;
    bool missing;
    int32_t *points; /* of the text being normalised */
    size_t npoints_cap;
};

static int open_library(struct sfx_unicode **u)
{
    size_t i;
    int rc = SFX_E_UNSUPPORTED;

    if (*u == NULL) {
        *u = calloc(1, sizeof(**u));
        if (*u == NULL)
            return SFX_E_NOMEM;
        for (i = 0; i < SFX_COUNT(sonames) && rc == SFX_E_UNSUPPORTED; i++)
            rc = sfx_dl_open(sonames[i], symbols, SFX_COUNT(symbols), &(*u)->lib, NULL);
        (*u)->missing = rc < 0;
    }
    return (*u)->missing ? SFX_E_UNSUPPORTED : 0;
}

void sfx_unicode_free(struct sfx_unicode *u)
{
    if (u == NULL)
        return;
    free(u->points);
    free(u);
}

/* --- case ----------------------------------------------------------------------------------- */

/* Case mapping on its way through a text. */
struct case_walk {
    const struct utf8proc *lib;
    enum sfx_unicode_form form;
    struct sfx_slice text;
    size_t at;        /* behind the character that is mapped */
    bool after_cased; /* a cased letter stands before it, marks between them do not count */
    bool in_word;     /* title */
    struct sfx_buf *out;
};

static bool is_apostrophe(uint32_t cp)
{
    return cp == '\'' || cp == 0x2019;
}

static bool is_cased(utf8proc_category_t category)
{
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LT;
}

/* What stands between letters of a word without ending it (Case_Ignorable, the common ones). */
static bool is_ignorable(uint32_t cp, utf8proc_category_t category)
{
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK || is_apostrophe(cp) || cp == '.' || cp == ':' ||
           cp == 0xB7;
}

/* Whether a cased letter follows (Final_Sigma of SpecialCasing). */
static bool before_cased(const struct case_walk *w)
{
    struct sfx_slice rest = sfx_slice(w->text.ptr + w->at, w->text.len - w->at);
    utf8proc_category_t category;
    uint32_t cp;
    size_t len;

    while ((len = sfx_utf8_decode(rest, &cp)) > 0) {
        category = w->lib->category((int32_t)cp);
        if (!is_ignorable(cp, category))
            return is_cased(category);
        rest.ptr += len;
        rest.len -= len;
    }
    return false;
}

#define MAX_FULL 4 /* code points that one folds to, at most 3 */

/* Full case folding of cp: the number of code points, in to. */
static size_t fold(const struct utf8proc *lib, uint32_t cp, int32_t to[MAX_FULL])
{
    int class = 0;
    utf8proc_ssize_t n = lib->decompose_char((int32_t)cp, to, MAX_FULL, UTF8PROC_CASEFOLD, &class);

    if (n >= 1 && n <= MAX_FULL)
        return (size_t)n;
    to[0] = (int32_t)cp;
    return 1;
}

static size_t to_lower(const struct case_walk *w, uint32_t cp, int32_t to[MAX_FULL])
{
    to[0] = w->lib->lower((int32_t)cp);
    if (cp == 0x130) { /* I with a dot: SpecialCasing's only small letter that is two */
        to[0] = 'i';
        to[1] = 0x307;
        return 2;
    }
    if (cp == 0x3A3 && w->after_cased && !before_cased(w))
        to[0] = 0x3C2;
    return 1;
}

/*
 * The letters that become several capitals (SpecialCasing: sharp s, ligatures, Greek with iota) are
 * those, not capitals themselves, that fold to several; those in capitals are it.
 */
static size_t to_upper(const struct case_walk *w, uint32_t cp, int32_t to[MAX_FULL])
{
    size_t i, n;

    if (w->lib->category((int32_t)cp) != UTF8PROC_CATEGORY_LU && (n = fold(w->lib, cp, to)) > 1) {
        for (i = 0; i < n; i++)
            to[i] = w->lib->upper(to[i]);
        return n;
    }
    to[0] = w->lib->upper((int32_t)cp);
    return 1;
}

static size_t to_title(const struct case_walk *w, uint32_t cp, int32_t to[MAX_FULL])
{
    int32_t title = w->lib->title((int32_t)cp);
    size_t n;

    if (title == (int32_t)cp || cp == 0xDF) { /* sharp s: Ss, not its rare capital */
        n = fold(w->lib, cp, to);
        if (n > 1 && w->lib->category((int32_t)cp) == UTF8PROC_CATEGORY_LL) {
            to[0] = w->lib->title(to[0]);
            return n;
        }
    }
    to[0] = title;
    return 1;
}

static size_t map_point(const struct case_walk *w, uint32_t cp, int32_t to[MAX_FULL])
{
    switch (w->form) {
    case SFX_UNICODE_UPPER: return to_upper(w, cp, to);
    case SFX_UNICODE_FOLD: return fold(w->lib, cp, to);
    case SFX_UNICODE_TITLE: return w->in_word ? to_lower(w, cp, to) : to_title(w, cp, to);
    default: return to_lower(w, cp, to);
    }
}

static int map_character(struct case_walk *w, uint32_t cp)
{
    utf8proc_category_t category = w->lib->category((int32_t)cp);
    int32_t to[MAX_FULL];
    size_t i, n = map_point(w, cp, to);
    int rc = 0;

    for (i = 0; i < n && rc == 0; i++)
        rc = sfx_utf8_append(w->out, (uint32_t)to[i], NULL);
    if (!is_ignorable(cp, category))
        w->after_cased = is_cased(category);
    if (!is_apostrophe(cp))
        w->in_word = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
    return rc;
}

static int map_case(const struct utf8proc *lib, enum sfx_unicode_form form, struct sfx_slice text,
                    struct sfx_buf *out)
{
    struct case_walk w = {.lib = lib, .form = form, .text = text, .out = out};
    int rc = 0;

    while (w.at < text.len && rc == 0) {
        uint32_t cp;
        size_t at = w.at, len = sfx_utf8_decode(sfx_slice(text.ptr + at, text.len - at), &cp);

        w.at += len > 0 ? len : 1;
        if (len > 0) {
            rc = map_character(&w, cp);
        } else {
            w.after_cased = w.in_word = false;
            rc = sfx_buf_putc(out, text.ptr[at], NULL);
        }
    }
    return rc;
}

/* --- normal forms --------------------------------------------------------------------------- */

static utf8proc_option_t options_of(enum sfx_unicode_form form)
{
    switch (form) {
    case SFX_UNICODE_NFC: return UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    case SFX_UNICODE_NFD: return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    case SFX_UNICODE_NFKC: return UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE;
    case SFX_UNICODE_NFKD: return UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE;
    default: return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    }
}

/* The blocks of combining marks that belong to no script. */
static bool is_accent(int32_t cp)
{
    return (cp >= 0x300 && cp <= 0x36F) || (cp >= 0x1AB0 && cp <= 0x1AFF) ||
           (cp >= 0x1DC0 && cp <= 0x1DFF) || (cp >= 0x20D0 && cp <= 0x20FF) ||
           (cp >= 0xFE20 && cp <= 0xFE2F);
}

/* Latin letters whose stroke or missing dot is no combining mark. */
static int32_t without_stroke(int32_t cp)
{
    static const struct {
        int32_t from, to;
    } letters[] = {{0xD8, 'O'},  {0xF8, 'o'},  {0x110, 'D'}, {0x111, 'd'},
                   {0x126, 'H'}, {0x127, 'h'}, {0x131, 'i'}, {0x141, 'L'},
                   {0x142, 'l'}, {0x166, 'T'}, {0x167, 't'}};
    size_t i;

    for (i = 0; i < SFX_COUNT(letters); i++) {
        if (letters[i].from == cp)
            return letters[i].to;
    }
    return cp;
}

static size_t remove_accents(int32_t *points, size_t n)
{
    size_t i, kept = 0;

    for (i = 0; i < n; i++) {
        if (!is_accent(points[i]))
            points[kept++] = without_stroke(points[i]);
    }
    return kept;
}

/* Normalises valid UTF-8. */
static int normalize_run(struct sfx_unicode *u, enum sfx_unicode_form form, struct sfx_slice text,
                         struct sfx_buf *out)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    utf8proc_option_t options = options_of(form);
    utf8proc_ssize_t n;

    for (;;) {
        n = u->lib.decompose(bytes, (utf8proc_ssize_t)text.len, u->points,
                             (utf8proc_ssize_t)u->npoints_cap, options);
        if (n < 0)
            return SFX_E_NOMEM; /* the text is too long for it */
        if ((size_t)n < u->npoints_cap)
            break;
        free(u->points);
        u->npoints_cap = (size_t)n + 64; /* one more for the terminator of the bytes */
        u->points = calloc(u->npoints_cap, sizeof(*u->points));
        if (u->points == NULL) {
            u->npoints_cap = 0;
            return SFX_E_NOMEM;
        }
    }
    if (form == SFX_UNICODE_BARE) {
        n = (utf8proc_ssize_t)remove_accents(u->points, (size_t)n);
        options = options_of(SFX_UNICODE_NFC);
    }
    n = u->lib.reencode(u->points, n, options);
    return n < 0 ? SFX_E_NOMEM : sfx_buf_append(out, u->points, (size_t)n, NULL);
}

static int normalize(struct sfx_unicode *u, enum sfx_unicode_form form, struct sfx_slice text,
                     struct sfx_buf *out)
{
    int rc = 0;

    while (text.len > 0 && rc == 0) {
        size_t valid = sfx_utf8_valid_prefix(text), rest = text.len - valid;

        if (valid > 0)
            rc = normalize_run(u, form, sfx_slice(text.ptr, valid), out);
        if (rc == 0 && rest > 0)
            rc = sfx_buf_putc(out, text.ptr[valid], NULL);
        text.ptr += valid + (rest > 0);
        text.len -= valid + (rest > 0);
    }
    return rc;
}

int sfx_unicode_map(struct sfx_unicode **u, enum sfx_unicode_form form, struct sfx_slice text,
                    struct sfx_buf *out)
{
    int rc = open_library(u);

    if (rc < 0)
        return rc;
    return form <= SFX_UNICODE_FOLD ? map_case(&(*u)->lib, form, text, out)
                                    : normalize(*u, form, text, out);
}

/* --- what needs no library ------------------------------------------------------------------ */

bool sfx_is_ascii(struct sfx_slice text)
{
    const char *at = text.ptr;
    uint64_t word, high = 0;
    size_t left;

    for (left = text.len; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        high |= word;
    }
    for (word = 0; left > 0; left--, at++)
        word |= (unsigned char)*at;
    return ((high | word) & 0x8080808080808080u) == 0;
}

/* White_Space of Unicode. */
static bool is_space(uint32_t cp)
{
    if (cp < 0x80)
        return cp == ' ' || (cp >= '\t' && cp <= '\r');
    return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

size_t sfx_space_before(struct sfx_slice text)
{
    size_t len;
    uint32_t cp;

    if (text.len == 0)
        return 0;
    if ((unsigned char)*text.ptr < 0x80)
        return is_space((unsigned char)*text.ptr);
    len = sfx_utf8_decode(text, &cp);
    return len > 0 && is_space(cp) ? len : 0;
}

size_t sfx_space_behind(struct sfx_slice text)
{
    size_t len = 1;
    uint32_t cp;

    if (text.len == 0)
        return 0;
    while (len < text.len && len < 4 && !sfx_begins_character(text.ptr[text.len - len]))
        len++;
    if (len == 1)
        return is_space((unsigned char)text.ptr[text.len - 1]);
    return sfx_utf8_decode(sfx_slice(text.ptr + text.len - len, len), &cp) == len && is_space(cp)
               ? len
               : 0;
}
