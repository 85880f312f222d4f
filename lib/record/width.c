/* SPDX-License-Identifier: MIT */
/* Texts on a terminal: their width, what cannot be shown, where they are cut. */
#include "record/width_internal.h"

#include "base/dl.h"
#include "base/size.h"
#include "base/text.h"

#include <string.h>
#include <utf8proc.h>

#define ELLIPSIS "\xe2\x80\xa6"

/* Columns of cp; combining characters take none. */
static uint32_t width_of(struct sfx_width *w, uint32_t cp)
{
    static const struct sfx_dl_symbol symbol = {"utf8proc_charwidth",
                                                offsetof(struct sfx_width, of)};
    static const char *const sonames[] = {"libutf8proc.so.3", "libutf8proc.so.2"};
    size_t i;

    for (i = 0; i < SFX_COUNT(sonames) && w->of == NULL && !w->missing; i++)
        (void)sfx_dl_open(sonames[i], &symbol, 1, w, NULL);
    w->missing = w->of == NULL;
    return w->missing ? 1 : (uint32_t)w->of((int32_t)cp);
}

/* Takes the character that text begins with: what is shown for it goes to shown (room for 8). */
static size_t take(struct sfx_width *w, struct sfx_slice text, char *shown, size_t *len,
                   uint32_t *columns)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\n\t\r";
    static const char to[] = "ntr";
    const unsigned char c = (unsigned char)text.ptr[0];
    const char *known;
    uint32_t cp;
    size_t n;

    if (c < 0x20 || c == 0x7f) {
        known = memchr(from, c, sizeof(from) - 1);
        *len = known != NULL ? 2 : 4;
        shown[0] = '\\';
        shown[1] = known != NULL ? to[known - from] : 'x';
        shown[2] = hex[c >> 4];
        shown[3] = hex[c & 15];
        *columns = (uint32_t)*len;
        return 1;
    }
    n = c < 0x80 ? 1 : sfx_utf8_decode(text, &cp);
    if (n == 0 || (n == 2 && cp < 0xa0)) { /* the other control characters, too */
        memcpy(shown, "\xef\xbf\xbd", 3);
        *len = 3;
        *columns = 1;
        return n > 0 ? n : 1;
    }
    memcpy(shown, text.ptr, n);
    *len = n;
    *columns = n == 1 ? 1 : width_of(w, cp);
    return n;
}

int sfx_width_show(struct sfx_width *w, struct sfx_slice text, uint32_t most, struct sfx_buf *out,
                   uint32_t *columns, struct sfx_err *err)
{
    size_t fits_len = out->len; /* up to where an ellipsis could follow */
    uint32_t fits = 0;
    int rc = 0;

    *columns = 0;
    while (rc == 0 && text.len > 0) {
        char shown[8];
        size_t len;
        uint32_t cols;
        const size_t n = take(w, text, shown, &len, &cols);

        if (most > 0 && *columns + cols > most) {
            out->len = fits_len;
            *columns = fits + 1;
            return sfx_buf_append(out, ELLIPSIS, sizeof(ELLIPSIS) - 1, err);
        }
        rc = sfx_buf_append(out, shown, len, err);
        *columns += cols;
        if (*columns < most) {
            fits_len = out->len;
            fits = *columns;
        }
        text = sfx_slice(text.ptr + n, text.len - n);
    }
    return rc;
}
