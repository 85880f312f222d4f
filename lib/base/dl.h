/* SPDX-License-Identifier: MIT */
/*
 * Libraries that are opened when something needs them, because linking them would cost every start
 * of every program milliseconds.
 */
#ifndef SFX_BASE_DL_H
#define SFX_BASE_DL_H

#include "base/err.h"

#include <stddef.h>

struct sfx_dl_symbol {
    const char *name;
    size_t offset; /* of the function pointer in the caller's table struct */
};

/*
 * Opens soname and fills the function pointers of table at each symbol's offset. The library stays
 * open until the process ends. Errors: UNSUPPORTED naming soname and what is missing; NOMEM.
 */
int sfx_dl_open(const char *soname, const struct sfx_dl_symbol *symbols, size_t nsymbols,
                void *table, struct sfx_err *err);

#endif
