/* SPDX-License-Identifier: MIT */
/*
 * File types from content: known signatures first (no cost), libmagic when none fits (opened then).
 * A text that libmagic calls plain is refined by the name's extension (csv, tsv, json, jsonl, log
 * …).
 */
#ifndef SFX_MEDIA_MEDIA_H
#define SFX_MEDIA_MEDIA_H

#include "base/err.h"
#include "base/slice.h"

struct sfx_media;

/* A detector; opens nothing yet. One thread at a time. Errors: NULL, NOMEM. */
struct sfx_media *sfx_media_new(struct sfx_err *err);

/*
 * The media type ("image/jpeg") of content whose first bytes are head (4096 are enough), with a
 * name (may be empty) to refine plain text. *type is borrowed from the detector until the next
 * call. Empty content is "application/x-empty". Errors: UNSUPPORTED when libmagic is needed and
 * missing; NOMEM.
 */
int sfx_media_detect(struct sfx_media *m, struct sfx_slice head, struct sfx_slice name,
                     struct sfx_slice *type, struct sfx_err *err);

/* The media type of a known signature in head, without libmagic; empty slice when none fits.
 * Static. */
struct sfx_slice sfx_media_signature(struct sfx_slice head);

void sfx_media_free(struct sfx_media *m);

#endif
