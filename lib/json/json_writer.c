/* SPDX-License-Identifier: MIT */
/* The writer: commas and nesting, numbers in their shortest form. */
#include "json/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void sfx_json_writer_init(struct sfx_json_writer *w, struct sfx_buf *out)
{
    *w = (struct sfx_json_writer){.out = out};
}

static bool in_object(const struct sfx_json_writer *w)
{
    return w->depth > 0 && (w->nesting[(w->depth - 1) / 64] >> ((w->depth - 1) % 64) & 1) != 0;
}

static void put(struct sfx_json_writer *w, const void *ptr, size_t len)
{
    if (sfx_buf_append(w->out, ptr, len, NULL) < 0)
        w->failed = true;
}

static void put_byte(struct sfx_json_writer *w, char byte)
{
    put(w, &byte, 1);
}

/* Before a value: the comma that an array's member needs. */
static void begin_value(struct sfx_json_writer *w)
{
    assert(w->after_key == in_object(w));
    if (w->need_comma)
        put_byte(w, ',');
    w->need_comma = true;
    w->after_key = false;
}

static void begin_container(struct sfx_json_writer *w, bool object)
{
    uint64_t bit = UINT64_C(1) << (w->depth % 64);
    uint64_t *word = &w->nesting[w->depth / 64];

    begin_value(w);
    assert(w->depth < SFX_JSON_MAX_DEPTH);
    *word = object ? *word | bit : *word & ~bit;
    w->depth++;
    w->need_comma = false;
    put_byte(w, object ? '{' : '[');
}

static void end_container(struct sfx_json_writer *w, char bracket)
{
    assert(w->depth > 0 && !w->after_key && in_object(w) == (bracket == '}'));
    w->depth--;
    w->need_comma = true;
    put_byte(w, bracket);
}

void sfx_json_begin_object(struct sfx_json_writer *w)
{
    begin_container(w, true);
}

void sfx_json_end_object(struct sfx_json_writer *w)
{
    end_container(w, '}');
}

void sfx_json_begin_array(struct sfx_json_writer *w)
{
    begin_container(w, false);
}

void sfx_json_end_array(struct sfx_json_writer *w)
{
    end_container(w, ']');
}

void sfx_json_key(struct sfx_json_writer *w, const char *key)
{
    sfx_json_key_slice(w, sfx_slice_str(key));
}

void sfx_json_key_slice(struct sfx_json_writer *w, struct sfx_slice key)
{
    assert(in_object(w) && !w->after_key);
    if (w->need_comma)
        put_byte(w, ',');
    if (sfx_json_quote(w->out, key, NULL) < 0)
        w->failed = true;
    put_byte(w, ':');
    w->need_comma = false;
    w->after_key = true;
}

void sfx_json_string(struct sfx_json_writer *w, struct sfx_slice text)
{
    begin_value(w);
    if (sfx_json_quote(w->out, text, NULL) < 0)
        w->failed = true;
}

void sfx_json_int(struct sfx_json_writer *w, int64_t value)
{
    char text[24]; /* sign, 19 digits, terminator */

    begin_value(w);
    put(w, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
}

void sfx_json_uint(struct sfx_json_writer *w, uint64_t value)
{
    char text[24]; /* 20 digits, terminator */

    begin_value(w);
    put(w, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)value));
}

/* Makes the locale's decimal point, which may be several bytes, a '.'. Returns the new length. */
static size_t fix_point(char *text, size_t len)
{
    size_t i = 0;
    size_t to;

    i = strspn(text, "0123456789+-e");
    if (i == len)
        return len;
    to = i;
    text[to++] = '.';
    i += strcspn(text + i + 1, "0123456789") + 1;
    memmove(text + to, text + i, len - i + 1);
    return to + (len - i);
}

void sfx_json_double(struct sfx_json_writer *w, double value)
{
    char text[48];
    size_t len = 0;
    int digits;

    if (!isfinite(value)) {
        sfx_json_null(w);
        return;
    }
    begin_value(w);
    /* 15 digits survive the way to a double and back, 17 tell any two doubles apart. */
    for (digits = 15; digits <= 17; digits++) {
        len = (size_t)snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    put(w, text, fix_point(text, len));
}

void sfx_json_bool(struct sfx_json_writer *w, bool value)
{
    sfx_json_raw(w, value ? SFX_SLICE_LIT("true") : SFX_SLICE_LIT("false"));
}

void sfx_json_null(struct sfx_json_writer *w)
{
    sfx_json_raw(w, SFX_SLICE_LIT("null"));
}

void sfx_json_raw(struct sfx_json_writer *w, struct sfx_slice json)
{
    begin_value(w);
    put(w, json.ptr, json.len);
}

int sfx_json_finish(struct sfx_json_writer *w, struct sfx_err *err)
{
    assert(w->depth == 0 && !w->after_key);
    if (w->failed)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for JSON text of %zu bytes", w->out->len);
    return 0;
}
