/* SPDX-License-Identifier: MIT */
/*
 * Letters: case, normal forms, accents, code points. ASCII is mapped here, eight bytes at a time,
 * and a text that stays as it is is not copied; other letters go through unicode.c.
 */
#include "query/functions_internal.h"

#include "base/text.h"
#include "value/unicode.h"

#include <stdlib.h>
#include <string.h>

#define EACH(byte) ((uint64_t)(byte)*0x0101010101010101u)

/* 0x20 in each byte of word that is between first and first + 25; bytes from 0x80 on are not. */
static inline uint64_t letters(uint64_t word, unsigned char first)
{
    uint64_t low = word & EACH(0x7F), from = low + EACH(0x80 - first),
             behind = low + EACH(0x80 - first - 26);

    return (from & ~behind & ~word & EACH(0x80)) >> 2;
}

/* Up to eight bytes; what is missing is 0, no letter. */
static inline uint64_t load(const char *at, size_t len)
{
    uint64_t word = 0;

    memcpy(&word, at, len);
    return word;
}

/* Whether text has bytes that the mapping from `first` changes. Most texts are short. */
static bool has_letters(struct sfx_slice text, unsigned char first)
{
    const char *at = text.ptr;
    uint64_t found = 0;
    size_t left = text.len;

    for (; left >= 8; left -= 8, at += 8)
        found |= letters(load(at, 8), first);
    if (left > 0)
        found |= letters(load(at, left), first);
    return found != 0;
}

static void map_ascii(char *to, struct sfx_slice text, unsigned char first)
{
    const char *at = text.ptr;
    size_t left = text.len;
    uint64_t word;

    for (; left >= 8; left -= 8, at += 8, to += 8) {
        word = load(at, 8);
        word ^= letters(word, first);
        memcpy(to, &word, 8);
    }
    word = load(at, left);
    word ^= letters(word, first);
    memcpy(to, &word, left);
}

/* Sets row to text in that form, by the library. */
static void map_unicode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                        enum sfx_unicode_form form, struct sfx_slice text)
{
    int rc;

    sfx_buf_clear(&ev->made);
    rc = sfx_unicode_map(&ev->unicode, form, text, &ev->made);
    if (rc == SFX_E_UNSUPPORTED)
        sfx_eval_fail(ev, node, row, &text, SFX_UNICODE_MISSING);
    else
        sfx_fn_set_made(ev, node, row, rc);
}

static void map_case(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                     enum sfx_unicode_form form, unsigned char first)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    char *copy;

    if (!sfx_is_ascii(text)) {
        map_unicode(ev, node, row, form, text);
        return;
    }
    if (!has_letters(text, first)) {
        sfx_fn_set_text(node, row, text.ptr, text.len);
        return;
    }
    copy = sfx_eval_text(ev, text.len);
    if (copy == NULL)
        return;
    map_ascii(copy, text, first);
    sfx_fn_set_text(node, row, copy, text.len);
}

static void fn_lower(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    map_case(ev, node, row, SFX_UNICODE_LOWER, 'A');
}

static void fn_upper(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    map_case(ev, node, row, SFX_UNICODE_UPPER, 'a');
}

static void fn_casefold(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    map_case(ev, node, row, SFX_UNICODE_FOLD, 'A');
}

/* The same words as unicode.c has for other letters. */
static void fn_title(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    bool in_word = false;
    char *copy;
    size_t i;

    if (!sfx_is_ascii(text)) {
        map_unicode(ev, node, row, SFX_UNICODE_TITLE, text);
        return;
    }
    copy = sfx_eval_text(ev, text.len);
    if (copy == NULL)
        return;
    for (i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        copy[i] = (char)(!letter ? c : in_word ? c | 0x20 : c & ~0x20);
        if (c != '\'')
            in_word = letter || (c >= '0' && c <= '9');
    }
    sfx_fn_set_text(node, row, copy, text.len);
}

static void fn_strip_accents(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    if (sfx_is_ascii(text))
        sfx_fn_set_text(node, row, text.ptr, text.len);
    else
        map_unicode(ev, node, row, SFX_UNICODE_BARE, text);
}

static const struct {
    const char *name;
    enum sfx_unicode_form form;
} forms[] = {
    {"NFC", SFX_UNICODE_NFC},
    {"NFD", SFX_UNICODE_NFD},
    {"NFKC", SFX_UNICODE_NFKC},
    {"NFKD", SFX_UNICODE_NFKD},
};

static int form_called(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(forms); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(forms[i].name)))
            return (int)forms[i].form;
    }
    return -1;
}

/* Code points below U+0300, whose UTF-8 begins with less than 0xCC, are composed already. */
static bool is_composed(struct sfx_slice text)
{
    size_t i;

    for (i = 0; i < text.len && (unsigned char)text.ptr[i] < 0xCC; i++)
        ;
    return i == text.len;
}

#define NO_FORM "is not NFC, NFD, NFKC or NFKD"

static void fn_normalize(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), name = SFX_SLICE_LIT("NFC");
    int form;

    if (node->nargs > 1)
        name = sfx_fn_text_arg(ev, node, 1, row);
    form = form_called(name);
    if (form < 0)
        sfx_eval_fail(ev, node, row, &name, NO_FORM);
    else if (sfx_is_ascii(text) || (form == SFX_UNICODE_NFC && is_composed(text)))
        sfx_fn_set_text(node, row, text.ptr, text.len);
    else
        map_unicode(ev, node, row, (enum sfx_unicode_form)form, text);
}

static int bind_normalize(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                          enum sfx_type *type)
{
    const struct sfx_expr *form = expr->nargs > 1 ? expr->args[1] : NULL;

    (void)type;
    if (form != NULL && sfx_expr_is_text(form) && form_called(form->text) < 0)
        return sfx_program_err(b->program, form->at, b->err, "%.*s " NO_FORM,
                               SFX_SLICE_ARG(form->text));
    return sfx_bind_args(b, expr, node);
}

static void fn_is_utf8(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    node->vec->flags[row] = sfx_is_ascii(text) || sfx_utf8_valid(text);
}

static void fn_clean_utf8(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    size_t valid = sfx_utf8_valid_prefix(text);
    int rc = 0;

    if (valid == text.len) {
        sfx_fn_set_text(node, row, text.ptr, text.len);
        return;
    }
    sfx_buf_clear(&ev->made);
    while (text.len > 0 && rc == 0) {
        bool rest = valid < text.len;

        rc = sfx_buf_append(&ev->made, text.ptr, valid, NULL);
        if (rc == 0 && rest)
            rc = sfx_utf8_append(&ev->made, 0xFFFD, NULL);
        text.ptr += valid + rest;
        text.len -= valid + rest;
        valid = sfx_utf8_valid_prefix(text);
    }
    sfx_fn_set_made(ev, node, row, rc);
}

static void fn_codepoint(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    uint32_t cp;

    if (text.len == 0)
        sfx_vec_set_null(node->vec, row);
    else if (sfx_utf8_decode(text, &cp) == 0)
        sfx_eval_fail(ev, node, row, &text, "does not begin with a character of UTF-8");
    else
        sfx_fn_set_int(node, row, cp);
}

static void fn_char(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    int64_t cp;

    if (!sfx_fn_int_arg(node, 0, row, 0, 0x10FFFF, &cp) || (cp >= 0xD800 && cp <= 0xDFFF)) {
        sfx_eval_fail(ev, node, row, NULL, "char() takes the number of a character of Unicode");
        return;
    }
    sfx_buf_clear(&ev->made);
    sfx_fn_set_made(ev, node, row, sfx_utf8_append(&ev->made, (uint32_t)cp, NULL));
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_small(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* Whether a word begins at i, in the middle of letters: orderId, HTTPServer. */
static bool begins_word(struct sfx_slice text, size_t i)
{
    if (i == 0 || !is_capital(text.ptr[i]))
        return false;
    return is_small(text.ptr[i - 1]) ||
           (is_capital(text.ptr[i - 1]) && i + 1 < text.len && is_small(text.ptr[i + 1]));
}

static void fn_snake_case(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), snake;
    char *copy = sfx_eval_text(ev, 2 * text.len);
    size_t i, len = 0;
    bool gap = false;

    for (i = 0; i < text.len && copy != NULL; i++) {
        char c = text.ptr[i];

        if (!is_capital(c) && !is_small(c)) {
            gap = true;
            continue;
        }
        if (len > 0 && (gap || begins_word(text, i)))
            copy[len++] = '_';
        copy[len++] = is_capital(c) ? (char)(c | 0x20) : c;
        gap = false;
    }
    snake = sfx_slice(copy, len);
    if (sfx_is_ascii(snake))
        sfx_fn_set_text(node, row, snake.ptr, snake.len);
    else
        map_unicode(ev, node, row, SFX_UNICODE_LOWER, snake);
}

/* --- the order of a language ------------------------------------------------------------------ */

static locale_t open_locale(const char *name)
{
    return newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, name, (locale_t)0);
}

/* The name is a constant, so that one that there is not is told before any record. */
static int bind_collate(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                        enum sfx_type *type)
{
    const struct sfx_expr *arg = expr->args[1];
    locale_t locale;
    char *name;

    (void)type;
    if (!sfx_expr_is_text(arg))
        return sfx_program_err(b->program, arg->at, b->err, "the name of a locale is a string");
    name = sfx_arena_strndup(b->arena, arg->text.ptr, arg->text.len, b->err);
    if (name == NULL)
        return SFX_E_NOMEM;
    locale = name[0] != '\0' ? open_locale(name) : (locale_t)0;
    if (locale == (locale_t)0)
        return sfx_program_err(b->program, arg->at, b->err,
                               "there is no locale %s here; locale -a lists those there are", name);
    freelocale(locale);
    node->detail = name;
    return sfx_bind_args(b, expr, node);
}

/* The locale of that name, opened once. */
static locale_t find_locale(struct sfx_eval *ev, const char *name)
{
    struct sfx_collation *c = ev->collations;

    while (c != NULL && strcmp(c->name, name) != 0)
        c = c->older;
    if (c != NULL)
        return c->locale;
    c = calloc(1, sizeof(*c) + strlen(name) + 1);
    if (c == NULL || (c->locale = open_locale(name)) == (locale_t)0) {
        free(c);
        return (locale_t)0;
    }
    strcpy(c->name, name);
    c->older = ev->collations;
    ev->collations = c;
    return c->locale;
}

#define KEY_PER_BYTE 8 /* more than keys of most texts take; else they are made twice */

static void fn_collate(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    locale_t locale = find_locale(ev, node->detail);
    char *copy = sfx_eval_text(ev, text.len + 1);
    size_t room = KEY_PER_BYTE * text.len + 1, len = room;
    int rc = locale == (locale_t)0 || copy == NULL ? SFX_E_NOMEM : 0;

    sfx_buf_clear(&ev->made);
    if (rc == 0) {
        if (text.len > 0)
            memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    while (rc == 0 && len >= room) {
        room = len + 1;
        rc = sfx_buf_reserve(&ev->made, room, NULL);
        if (rc == 0)
            len = strxfrm_l(ev->made.data, copy, room, locale);
    }
    ev->made.len = rc == 0 ? len : 0;
    sfx_fn_set_made(ev, node, row, rc);
}

static const struct sfx_fn functions[] = {
    {"casefold", "casefold(s)", 1, 1, "t", TEXT, .row = fn_casefold,
     .help = "s as it is compared when case does not matter: ß is ss",
     .example = "casefold(\"Straße\")", .gives = "strasse"},
    {"char", "char(n)", 1, 1, "n", TEXT, .row = fn_char, .errors = "a number that is no character",
     .help = "the character with the number n in Unicode", .example = "char(233)", .gives = "é"},
    {"clean_utf8", "clean_utf8(s)", 1, 1, "t", TEXT, .row = fn_clean_utf8,
     .help = "s with U+FFFD in place of each byte that is not UTF-8",
     .example = "clean_utf8(\"naïve\")", .gives = "naïve"},
    {"codepoint", "codepoint(s)", 1, 1, "t", NUMBER, .row = fn_codepoint,
     .errors = "a byte that is not UTF-8",
     .help = "the number in Unicode of the first character of s; null when it is empty",
     .example = "codepoint(\"é\")", .gives = "233"},
    {"collate", "collate(s, locale)", 2, 2, "t", TEXT, .bind = bind_collate, .row = fn_collate,
     .help = "bytes that are in the order of s in a language: sort collate(name, \"sv_SE.UTF-8\"); "
             "the locale is one of locale -a, and its order is that of the system",
     .example = "collate(\"a\", \"C\") < collate(\"b\", \"C\")", .gives = "true"},
    {"is_utf8", "is_utf8(s)", 1, 1, "t", BOOL, .row = fn_is_utf8,
     .help = "true when all of s is valid UTF-8", .example = "is_utf8(\"é\")", .gives = "true"},
    {"lower", "lower(s)", 1, 1, "t", TEXT, .row = fn_lower,
     .help = "s in small letters, of any script; bytes that are not UTF-8 stay",
     .example = "lower(\"ÀB\")", .gives = "àb"},
    {"normalize", "normalize(s[, form])", 1, 2, "t", TEXT, .bind = bind_normalize,
     .row = fn_normalize, .errors = "a form that is not NFC, NFD, NFKC or NFKD",
     .help = "s in a normal form of Unicode: NFC, NFD, NFKC or NFKD; without form NFC",
     .example = "normalize(\"ﬁne\", \"NFKC\")", .gives = "fine"},
    {"snake_case", "snake_case(s)", 1, 1, "t", TEXT, .row = fn_snake_case,
     .help = "the words of s in small letters, with _ between them",
     .example = "snake_case(\"Order ID (newOne)\")", .gives = "order_id_new_one"},
    {"strip_accents", "strip_accents(s)", 1, 1, "t", TEXT, .row = fn_strip_accents,
     .help = "s without the accents of its letters, and without the strokes of ø, ł, đ, ħ, ŧ",
     .example = "strip_accents(\"Łódź\")", .gives = "Lodz"},
    {"title", "title(s)", 1, 1, "t", TEXT, .row = fn_title,
     .help = "s with the first letter of each word capital and the others small",
     .example = "title(\"the éCOLE's door\")", .gives = "The École's Door"},
    {"upper", "upper(s)", 1, 1, "t", TEXT, .row = fn_upper,
     .help = "s in capital letters, of any script; bytes that are not UTF-8 stay",
     .example = "upper(\"straße\")", .gives = "STRASSE"},
};

const struct sfx_fn_family sfx_fn_letters_family = {"Letters", functions, SFX_COUNT(functions)};
