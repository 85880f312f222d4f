/* SPDX-License-Identifier: MIT */
/* Sets of texts. */
#ifndef SFX_QUERY_TEXTSET_INTERNAL_H
#define SFX_QUERY_TEXTSET_INTERNAL_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_textset { /* {0} is an empty set */
    struct sfx_arena arena;
    struct sfx_textset_slot *slots;
    size_t cap, count;
};

/* Adds a copy of text: 1; 0 when it is there. Errors: NOMEM. */
int sfx_textset_add(struct sfx_textset *set, struct sfx_slice text, struct sfx_err *err);

bool sfx_textset_has(const struct sfx_textset *set, struct sfx_slice text);

/* Bytes that the set takes. */
uint64_t sfx_textset_nbytes(const struct sfx_textset *set);

void sfx_textset_done(struct sfx_textset *set);

#endif
