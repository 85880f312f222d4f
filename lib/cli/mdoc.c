/* SPDX-License-Identifier: MIT */
/* Escapes of roff, arguments of macros, lines of text. */
#include "cli/mdoc.h"

#include <ctype.h>
#include <string.h>

#define COLUMNS 78

/* Decodes the code point at the start of text (valid UTF-8); *nbytes is its length. */
static unsigned decode(struct sfx_slice text, size_t *nbytes)
{
    static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned char lead = (unsigned char)text.ptr[0];
    unsigned cp;
    size_t i, n = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (n > text.len)
        n = 1;
    cp = lead & lead_bits[n];
    for (i = 1; i < n; i++)
        cp = cp << 6 | ((unsigned char)text.ptr[i] & 0x3f);
    *nbytes = n;
    return cp;
}

int sfx_mdoc_put_word(struct sfx_buf *out, struct sfx_slice word, struct sfx_err *err)
{
    bool is_option = word.len > 1 && (word.ptr[0] == '-' || word.ptr[1] == '-');
    size_t i, nbytes;
    int rc = 0;

    if (word.len > 0 && (*word.ptr == '.' || *word.ptr == '\''))
        rc = sfx_buf_puts(out, "\\&", err);
    for (i = 0; i < word.len && rc == 0; i += nbytes) {
        unsigned cp = decode(sfx_slice(word.ptr + i, word.len - i), &nbytes);

        if (cp == '\\')
            rc = sfx_buf_puts(out, "\\e", err);
        else if (cp == '-' && is_option)
            rc = sfx_buf_puts(out, "\\-", err);
        else if (cp > 0x7e)
            rc = sfx_buf_printf(out, err, "\\[u%04X]", cp);
        else
            rc = sfx_buf_printf(out, err, "%c", (char)cp);
    }
    return rc;
}

int sfx_mdoc_put_argument(struct sfx_buf *out, struct sfx_slice arg, struct sfx_err *err)
{
    bool quoted = memchr(arg.ptr, ' ', arg.len) != NULL || memchr(arg.ptr, '"', arg.len) != NULL;
    size_t i;
    int rc = sfx_buf_puts(out, quoted ? " \"" : " ", err);

    /* The names of macros and of delimiters are that short. */
    if (rc == 0 && arg.len > 0 && (arg.len <= 3 || ispunct((unsigned char)*arg.ptr)))
        rc = sfx_buf_puts(out, "\\&", err);
    for (i = 0; i < arg.len && rc == 0; i++) {
        size_t run = 0;

        while (i + run < arg.len && arg.ptr[i + run] != '"')
            run++;
        rc = sfx_mdoc_put_word(out, sfx_slice(arg.ptr + i, run), err);
        i += run;
        if (rc == 0 && i < arg.len)
            rc = sfx_buf_puts(out, "\\(dq", err);
    }
    return rc == 0 && quoted ? sfx_buf_puts(out, "\"", err) : rc;
}

int sfx_mdoc_put_literal(struct sfx_buf *out, struct sfx_slice line, struct sfx_err *err)
{
    size_t i, nbytes;
    int rc = 0;

    if (line.len > 0 && (*line.ptr == '.' || *line.ptr == '\''))
        rc = sfx_buf_puts(out, "\\&", err);
    for (i = 0; i < line.len && rc == 0; i += nbytes) {
        unsigned cp = decode(sfx_slice(line.ptr + i, line.len - i), &nbytes);
        /* What roff would make typographic. */
        const char *name = cp == '\\'   ? "\\e"
                           : cp == '-'  ? "\\-"
                           : cp == '\'' ? "\\(aq"
                           : cp == '`'  ? "\\(ga"
                           : cp == '^'  ? "\\(ha"
                           : cp == '~'  ? "\\(ti"
                                        : NULL;

        if (name != NULL)
            rc = sfx_buf_puts(out, name, err);
        else if (cp > 0x7e)
            rc = sfx_buf_printf(out, err, "\\[u%04X]", cp);
        else
            rc = sfx_buf_printf(out, err, "%c", (char)cp);
    }
    return rc == 0 ? sfx_buf_puts(out, "\n", err) : rc;
}

int sfx_mdoc_put_sentences(struct sfx_buf *out, const char *text, struct sfx_err *err)
{
    size_t column = 0;
    int rc = 0;

    while (*(text += strspn(text, " ")) != '\0' && rc == 0) {
        size_t len = strcspn(text, " ");
        bool ends = strchr(".!?", text[len - 1]) != NULL &&
                    isupper((unsigned char)text[len + 1 - (text[len] == '\0')]);

        if (column > 0 && column + 1 + len > COLUMNS) {
            rc = sfx_buf_puts(out, "\n", err);
            column = 0;
        } else if (column > 0) {
            rc = sfx_buf_puts(out, " ", err);
            column++;
        }
        if (rc == 0)
            rc = sfx_mdoc_put_word(out, sfx_slice(text, len), err);
        column += len;
        text += len;
        if (rc == 0 && ends) {
            rc = sfx_buf_puts(out, "\n", err);
            column = 0;
        }
    }
    return rc == 0 && column > 0 ? sfx_buf_puts(out, "\n", err) : rc;
}
