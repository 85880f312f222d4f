/* SPDX-License-Identifier: MIT */
/* A borrowed run of bytes: not terminated, not owned, any content. */
#ifndef SFX_BASE_SLICE_H
#define SFX_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct sfx_slice {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;      /* bytes */
};

#define SFX_SLICE_LIT(lit) ((struct sfx_slice){(lit), sizeof(lit) - 1})

/* For printf's "%.*s". */
#define SFX_SLICE_ARG(s) (int)(s).len, (s).len > 0 ? (s).ptr : ""

static inline struct sfx_slice sfx_slice(const char *ptr, size_t len)
{
    return (struct sfx_slice){ptr, len};
}

static inline struct sfx_slice sfx_slice_str(const char *str)
{
    return (struct sfx_slice){str, strlen(str)};
}

static inline bool sfx_slice_eq(struct sfx_slice a, struct sfx_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte order, shorter first on a common prefix: <0, 0, >0. */
static inline int sfx_slice_cmp(struct sfx_slice a, struct sfx_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* Without those of the bytes in set, a string, that stand at its ends. */
static inline struct sfx_slice sfx_slice_trim(struct sfx_slice s, const char *set)
{
    const size_t n = strlen(set);

    while (s.len > 0 && memchr(set, s.ptr[0], n) != NULL)
        s = sfx_slice(s.ptr + 1, s.len - 1);
    while (s.len > 0 && memchr(set, s.ptr[s.len - 1], n) != NULL)
        s.len--;
    return s;
}

#endif
