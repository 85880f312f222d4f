/* SPDX-License-Identifier: MIT */
/*
 * libpng's memory. libpng reports an allocation that failed in words, like damage of the file; this
 * allocator remembers it, so that it can be told for what it is.
 */
#ifndef SFX_IMAGE_PNG_MEMORY_H
#define SFX_IMAGE_PNG_MEMORY_H

#include <png.h>
#include <stdbool.h>

/*
 * For png_create_*_struct_2: malloc; sets the bool that mem_ptr points to when it fails. What it
 * gives is freed by libpng's own free.
 */
png_voidp sfx_png_malloc(png_structp png, png_alloc_size_t nbytes);

#endif
