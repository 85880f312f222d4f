/* SPDX-License-Identifier: MIT */
/* Sizes that come from outside are added and multiplied here, or not at all. */
#ifndef SFX_BASE_SIZE_H
#define SFX_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>

/* *out = a + b; false on overflow, *out then is undefined. */
static inline bool sfx_size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* *out = a * b; false on overflow, *out then is undefined. */
static inline bool sfx_size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Number of elements of an array (not of a pointer). */
#define SFX_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
