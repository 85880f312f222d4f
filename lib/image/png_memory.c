/* SPDX-License-Identifier: MIT */
/* libpng's memory. */
#include "image/png_memory.h"

#include <stdlib.h>

png_voidp sfx_png_malloc(png_structp png, png_alloc_size_t nbytes)
{
    bool *no_memory = png_get_mem_ptr(png);
    void *ptr = malloc(nbytes);

    if (ptr == NULL)
        *no_memory = true;
    return ptr;
}
