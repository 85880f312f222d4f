/* SPDX-License-Identifier: MIT */
/* Finds a short text in a text: fields are short, and memmem prepares itself for long ones. */
#include "base/text.h"

#include <string.h>

/* Places that begin like part and are not it, before memmem takes over: it is linear for all. */
#define MAX_MISSES 8

const char *sfx_text_find(struct sfx_slice text, struct sfx_slice part)
{
    const char *at = text.ptr, *end, *hit;
    unsigned misses;

    if (part.len == 0)
        return text.ptr;
    if (text.len < part.len) /* which nothing may be, at no place */
        return NULL;
    end = at + text.len;
    for (misses = 0; misses < MAX_MISSES; misses++) {
        if ((size_t)(end - at) < part.len)
            return NULL;
        hit = memchr(at, *part.ptr, (size_t)(end - at) - part.len + 1);
        if (hit == NULL || memcmp(hit, part.ptr, part.len) == 0)
            return hit;
        at = hit + 1;
    }
    return memmem(at, (size_t)(end - at), part.ptr, part.len);
}
