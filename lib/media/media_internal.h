/* SPDX-License-Identifier: MIT */
/* What the detector is made of: signatures, libmagic, names. */
#ifndef SFX_MEDIA_MEDIA_INTERNAL_H
#define SFX_MEDIA_MEDIA_INTERNAL_H

#include "media/media.h"

/*
 * The type of a text: guess is libmagic's, name the file's. What libmagic is sure of (HTML, XML, a
 * script) stays; what it only calls text is what its name says. Static, or guess itself.
 */
struct sfx_slice sfx_media_refine(struct sfx_slice guess, struct sfx_slice name);

#endif
