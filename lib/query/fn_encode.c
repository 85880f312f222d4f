/* SPDX-License-Identifier: MIT */
/* Texts in other spellings and back: base64, hex, percent encoding, entities of HTML. */
#include "query/functions_internal.h"

#include "base/text.h"
#include "value/digest.h"
#include "value/url.h"

#include <string.h>

/* --- base64 (RFC 4648) -------------------------------------------------------------------------
 */

static void fn_base64_encode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    sfx_buf_clear(&ev->made);
    sfx_fn_set_made(ev, node, row,
                    sfx_base64_encode(&ev->made, sfx_fn_text_arg(ev, node, 0, row), NULL));
}

static void fn_base64_decode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int rc;

    sfx_buf_clear(&ev->made);
    rc = sfx_base64_decode(&ev->made, text, NULL);
    if (rc == SFX_E_INPUT)
        sfx_eval_fail(ev, node, row, &text, "is not base64");
    else
        sfx_fn_set_made(ev, node, row, rc);
}

/* Section 5: other signs for 62 and 63, and no padding. */
static void fn_base64url_encode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    size_t i;
    int rc;

    sfx_buf_clear(&ev->made);
    rc = sfx_base64_encode(&ev->made, sfx_fn_text_arg(ev, node, 0, row), NULL);
    while (rc == 0 && ev->made.len > 0 && ev->made.data[ev->made.len - 1] == '=')
        ev->made.len--;
    for (i = 0; rc == 0 && i < ev->made.len; i++) {
        char c = ev->made.data[i];

        ev->made.data[i] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
    }
    sfx_fn_set_made(ev, node, row, rc);
}

static void fn_base64url_decode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    size_t i, padded = (text.len + 3) / 4 * 4;
    char *plain = sfx_eval_text(ev, padded);
    bool bad = false;
    int rc;

    if (plain == NULL)
        return;
    memset(plain, '=', padded);
    for (i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        bad = bad || c == '+' || c == '/';
        plain[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    sfx_buf_clear(&ev->made);
    rc = bad ? SFX_E_INPUT : sfx_base64_decode(&ev->made, sfx_slice(plain, padded), NULL);
    if (rc == SFX_E_INPUT)
        sfx_eval_fail(ev, node, row, &text, "is not base64url");
    else
        sfx_fn_set_made(ev, node, row, rc);
}

/* --- hex -----------------------------------------------------------------------------------------
 */

static void fn_hex_encode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    char *digits = sfx_eval_text(ev, 2 * text.len);

    if (digits == NULL)
        return;
    sfx_hex_digits((const unsigned char *)text.ptr, text.len, digits);
    sfx_fn_set_text(node, row, digits, 2 * text.len);
}

static void fn_hex_decode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    char *bytes = sfx_eval_text(ev, text.len / 2);
    size_t i;

    if (bytes == NULL)
        return;
    for (i = 0; i + 1 < text.len; i += 2) {
        int high = sfx_hex_value(text.ptr[i]), low = sfx_hex_value(text.ptr[i + 1]);

        if (high < 0 || low < 0)
            break;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    if (i < text.len)
        sfx_eval_fail(ev, node, row, &text, "is not pairs of hex digits");
    else
        sfx_fn_set_text(node, row, bytes, text.len / 2);
}

/* --- URLs ----------------------------------------------------------------------------------------
 */

static void fn_url_encode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    sfx_buf_clear(&ev->made);
    sfx_fn_set_made(ev, node, row, sfx_url_encode(&ev->made, sfx_fn_text_arg(ev, node, 0, row)));
}

static void fn_url_decode(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    sfx_buf_clear(&ev->made);
    sfx_fn_set_made(ev, node, row,
                    sfx_url_decode(&ev->made, sfx_fn_text_arg(ev, node, 0, row), false));
}

/* The function is called as the part is, behind "url_". */
static int bind_url_part(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                         enum sfx_type *type)
{
    size_t *part = sfx_arena_calloc(b->arena, 1, sizeof(*part), b->err);

    (void)type;
    if (part == NULL)
        return SFX_E_NOMEM;
    while (strcmp(sfx_url_part_name(*part), expr->fn->name + strlen("url_")) != 0)
        ++*part;
    node->detail = part;
    return sfx_bind_args(b, expr, node);
}

/* The value of a name in a query, decoded. */
static void set_query_value(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                            struct sfx_slice query, struct sfx_slice name)
{
    struct sfx_slice key, value;

    while (sfx_url_next_pair(&query, &key, &value)) {
        if (!sfx_url_name_is(key, name))
            continue;
        sfx_buf_clear(&ev->made);
        sfx_fn_set_made(ev, node, row, sfx_url_decode(&ev->made, value, true));
        return;
    }
    sfx_vec_set_null(node->vec, row);
}

static void fn_url_part(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), part;
    struct sfx_url url;

    if (!sfx_url_split(text, &url)) {
        if (text.len == 0)
            sfx_vec_set_null(node->vec, row);
        else
            sfx_eval_fail(ev, node, row, &text, "is not a URL");
        return;
    }
    part = url.parts[*(const size_t *)node->detail];
    if (node->nargs > 1)
        set_query_value(ev, node, row, part, sfx_fn_text_arg(ev, node, 1, row));
    else if (part.ptr == NULL)
        sfx_vec_set_null(node->vec, row);
    else
        sfx_fn_set_text(node, row, part.ptr, part.len);
}

/* --- HTML ----------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    uint32_t cp;
} entities[] = {
    {"amp", '&'},       {"lt", '<'},       {"gt", '>'},       {"quot", '"'},     {"apos", '\''},
    {"nbsp", 0xA0},     {"cent", 0xA2},    {"pound", 0xA3},   {"yen", 0xA5},     {"sect", 0xA7},
    {"copy", 0xA9},     {"laquo", 0xAB},   {"reg", 0xAE},     {"deg", 0xB0},     {"plusmn", 0xB1},
    {"micro", 0xB5},    {"middot", 0xB7},  {"raquo", 0xBB},   {"frac12", 0xBD},  {"times", 0xD7},
    {"szlig", 0xDF},    {"agrave", 0xE0},  {"aacute", 0xE1},  {"acirc", 0xE2},   {"auml", 0xE4},
    {"aring", 0xE5},    {"ccedil", 0xE7},  {"egrave", 0xE8},  {"eacute", 0xE9},  {"ecirc", 0xEA},
    {"euml", 0xEB},     {"iacute", 0xED},  {"ntilde", 0xF1},  {"oacute", 0xF3},  {"ouml", 0xF6},
    {"divide", 0xF7},   {"oslash", 0xF8},  {"uacute", 0xFA},  {"uuml", 0xFC},    {"Auml", 0xC4},
    {"Ouml", 0xD6},     {"Uuml", 0xDC},    {"Eacute", 0xC9},  {"ndash", 0x2013}, {"mdash", 0x2014},
    {"lsquo", 0x2018},  {"rsquo", 0x2019}, {"ldquo", 0x201C}, {"rdquo", 0x201D}, {"bull", 0x2022},
    {"hellip", 0x2026}, {"euro", 0x20AC},  {"trade", 0x2122},
};

/* "#233" or "#xE9". */
static bool read_reference(struct sfx_slice name, uint32_t *cp)
{
    bool hex = name.len > 1 && (name.ptr[1] == 'x' || name.ptr[1] == 'X');
    size_t i = hex ? 2 : 1;
    uint32_t value = 0;

    if (i >= name.len)
        return false;
    for (; i < name.len && value <= 0x10FFFF; i++) {
        int digit = sfx_hex_value(name.ptr[i]);

        if (digit < 0 || (!hex && digit > 9))
            return false;
        value = value * (hex ? 16 : 10) + (uint32_t)digit;
    }
    *cp = value;
    return value > 0 && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
}

#define MAX_ENTITY 10 /* bytes between '&' and ';': #x0010FFFF */

/* The character that text, which begins with '&', stands for; returns its length, 0: none. */
static size_t read_entity(struct sfx_slice text, uint32_t *cp)
{
    size_t i, room = text.len - 1 > MAX_ENTITY + 1 ? MAX_ENTITY + 1 : text.len - 1;
    const char *end = memchr(text.ptr + 1, ';', room);
    struct sfx_slice name;

    if (end == NULL)
        return 0;
    name = sfx_slice(text.ptr + 1, (size_t)(end - text.ptr) - 1);
    if (name.len > 0 && *name.ptr == '#')
        return read_reference(name, cp) ? name.len + 2 : 0;
    for (i = 0; i < SFX_COUNT(entities); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(entities[i].name))) {
            *cp = entities[i].cp;
            return name.len + 2;
        }
    }
    return 0;
}

static void fn_html_unescape(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    uint32_t cp = 0;
    int rc = 0;

    if (text.len == 0 || memchr(text.ptr, '&', text.len) == NULL) {
        sfx_fn_set_text(node, row, text.ptr, text.len);
        return;
    }
    sfx_buf_clear(&ev->made);
    while (text.len > 0 && rc == 0) {
        size_t len = *text.ptr == '&' ? read_entity(text, &cp) : 0;

        rc = len > 0 ? sfx_utf8_append(&ev->made, cp, NULL)
                     : sfx_buf_putc(&ev->made, *text.ptr, NULL);
        len += len == 0;
        text.ptr += len;
        text.len -= len;
    }
    sfx_fn_set_made(ev, node, row, rc);
}

static void fn_html_escape(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    size_t i;
    int rc = 0;

    sfx_buf_clear(&ev->made);
    for (i = 0; i < text.len && rc == 0; i++) {
        switch (text.ptr[i]) {
        case '&': rc = sfx_buf_puts(&ev->made, "&amp;", NULL); break;
        case '<': rc = sfx_buf_puts(&ev->made, "&lt;", NULL); break;
        case '>': rc = sfx_buf_puts(&ev->made, "&gt;", NULL); break;
        case '"': rc = sfx_buf_puts(&ev->made, "&quot;", NULL); break;
        case '\'': rc = sfx_buf_puts(&ev->made, "&#39;", NULL); break;
        default: rc = sfx_buf_putc(&ev->made, text.ptr[i], NULL);
        }
    }
    sfx_fn_set_made(ev, node, row, rc);
}

#define NO_URL "a text with white space or control characters"
#define URL_PART(name_, help_, gives_)                                                             \
    {                                                                                              \
        "url_" name_, "url_" name_ "(url)", 1, 1, "t", TEXT,                                       \
            .bind = bind_url_part, .row = fn_url_part, .errors = NO_URL,                           \
            .help = help_ "; null when there is none",                                             \
            .example = "url_" name_ "(\"https://me@example.com:8080/a/b?x=1#top\")",               \
            .gives = gives_                                                                        \
    }

static const struct sfx_fn functions[] = {
    {"base64_decode", "base64_decode(s)", 1, 1, "t", TEXT, .row = fn_base64_decode,
     .errors = "a text that is not base64", .help = "the bytes that base64 text stands for",
     .example = "base64_decode(\"aMOpbGxv\")", .gives = "héllo"},
    {"base64_encode", "base64_encode(s)", 1, 1, "t", TEXT, .row = fn_base64_encode,
     .help = "the bytes of s as base64 (RFC 4648)", .example = "base64_encode(\"héllo\")",
     .gives = "aMOpbGxv"},
    {"base64url_decode", "base64url_decode(s)", 1, 1, "t", TEXT, .row = fn_base64url_decode,
     .errors = "a text that is not base64url",
     .help = "the bytes that base64url text stands for, with or without padding",
     .example = "base64url_decode(\"Pz8_\")", .gives = "???"},
    {"base64url_encode", "base64url_encode(s)", 1, 1, "t", TEXT, .row = fn_base64url_encode,
     .help = "the bytes of s as base64 for URLs and file names, without padding",
     .example = "base64url_encode(\"????\")", .gives = "Pz8_Pw"},
    {"hex_decode", "hex_decode(s)", 1, 1, "t", TEXT, .row = fn_hex_decode,
     .errors = "a text that is not pairs of hex digits",
     .help = "the bytes that hex digits stand for", .example = "hex_decode(\"c3A9\")",
     .gives = "é"},
    {"hex_encode", "hex_encode(s)", 1, 1, "t", TEXT, .row = fn_hex_encode,
     .help = "the bytes of s as hex digits", .example = "hex_encode(\"é\")", .gives = "c3a9"},
    {"html_escape", "html_escape(s)", 1, 1, "t", TEXT, .row = fn_html_escape,
     .help = "s with entities in place of & < > \" '", .example = "html_escape(\"a<b\")",
     .gives = "a&lt;b"},
    {"html_unescape", "html_unescape(s)", 1, 1, "t", TEXT, .row = fn_html_unescape,
     .help = "s with its characters for entities: numeric ones and the common names; others stay",
     .example = "html_unescape(\"caf&eacute; &amp; bar&#33;\")", .gives = "café & bar!"},
    {"url_decode", "url_decode(s)", 1, 1, "t", TEXT, .row = fn_url_decode,
     .help = "s with the bytes that %XX stand for", .example = "url_decode(\"a%20b%C3%A9\")",
     .gives = "a bé"},
    {"url_encode", "url_encode(s)", 1, 1, "t", TEXT, .row = fn_url_encode,
     .help = "s with %XX for all bytes but letters, digits and - . _ ~",
     .example = "url_encode(\"a b/é\")", .gives = "a%20b%2F%C3%A9"},
    URL_PART("fragment", "what stands behind the # of a URL", "top"),
    URL_PART("host", "the host of a URL", "example.com"),
    URL_PART("path", "the path of a URL, still encoded", "/a/b"),
    URL_PART("port", "the port that a URL names", "8080"),
    {"url_query", "url_query(url[, name])", 1, 2, "t", TEXT, .bind = bind_url_part,
     .row = fn_url_part, .errors = NO_URL,
     .help = "what stands behind the ? of a URL, or the decoded value of a name in it; null when "
             "there is none",
     .example = "url_query(\"/find?q=a%20b&n=5\", \"q\")", .gives = "a b"},
    URL_PART("scheme", "the scheme of a URL", "https"),
    URL_PART("user", "what stands before the @ of a URL", "me"),
};

const struct sfx_fn_family sfx_fn_encode_family = {"Encodings and URLs", functions,
                                                   SFX_COUNT(functions)};
