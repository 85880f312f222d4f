/* SPDX-License-Identifier: MIT */
/* Columns side by side: widths from the first records. */
#include "record/layout_internal.h"

#include <stdlib.h>
#include <string.h>

int sfx_layout_start(struct sfx_layout *l, size_t ncols, struct sfx_err *err)
{
    l->columns = calloc(ncols + 1, sizeof(*l->columns));
    l->ncols = ncols;
    return l->columns != NULL ? 0 : sfx_err_set(err, SFX_E_NOMEM, "no memory for a layout");
}

/* Digits, with a sign, a point and an exponent as they may be. */
static bool is_number(struct sfx_slice text)
{
    size_t i = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    size_t digits = 0;
    bool point = false;

    for (; i < text.len &&
           ((text.ptr[i] >= '0' && text.ptr[i] <= '9') || (text.ptr[i] == '.' && !point));
         i++) {
        point = point || text.ptr[i] == '.';
        digits += text.ptr[i] != '.';
    }
    if (digits == 0)
        return false;
    if (i == text.len)
        return true;
    if ((text.ptr[i] | 0x20) != 'e')
        return false;
    i++;
    if (i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+'))
        i++;
    for (digits = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        digits++;
    return i == text.len && digits > 0;
}

int sfx_layout_keep(struct sfx_layout *l, size_t i, struct sfx_slice text, uint32_t width,
                    struct sfx_err *err)
{
    struct sfx_layout_column *col = &l->columns[i];
    const uint32_t len = (uint32_t)text.len;
    const size_t before = l->texts.len;
    int rc = sfx_buf_append(&l->texts, &len, sizeof(len), err);

    if (rc == 0)
        rc = sfx_buf_append(&l->texts, text.ptr, text.len, err);
    if (rc < 0) {
        l->texts.len = before;
        return rc;
    }
    col->width = col->width < width ? width : col->width;
    if (is_number(text))
        col->number = true;
    else if (text.len > 0)
        col->text = true;
    return 0;
}

bool sfx_layout_row_kept(struct sfx_layout *l)
{
    l->nrows++;
    return l->texts.len >= SFX_LAYOUT_NBYTES || l->nrows == UINT32_MAX;
}

struct sfx_slice sfx_layout_next(const struct sfx_layout *l, size_t *at)
{
    struct sfx_slice text;
    uint32_t len;

    memcpy(&len, l->texts.data + *at, sizeof(len));
    text = sfx_slice(l->texts.data + *at + sizeof(len), len);
    *at += sizeof(len) + len;
    return text;
}

void sfx_layout_settle(struct sfx_layout *l)
{
    sfx_buf_done(&l->texts);
    l->nrows = 0;
    l->settled = true;
}

int sfx_layout_pad(struct sfx_buf *out, struct sfx_slice text, uint32_t text_width, uint32_t width,
                   bool right, struct sfx_err *err)
{
    const size_t spaces = width > text_width ? width - text_width : 0;
    int rc = sfx_buf_reserve(out, text.len + spaces, err);

    if (rc < 0)
        return rc;
    if (right)
        memset(out->data + out->len, ' ', spaces);
    if (text.len > 0)
        memcpy(out->data + out->len + (right ? spaces : 0), text.ptr, text.len);
    if (!right)
        memset(out->data + out->len + text.len, ' ', spaces);
    out->len += text.len + spaces;
    return 0;
}

void sfx_layout_done(struct sfx_layout *l)
{
    free(l->columns);
    sfx_buf_done(&l->texts);
    *l = (struct sfx_layout){0};
}
