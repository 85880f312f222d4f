/* SPDX-License-Identifier: MIT */
/*
 * Libraries that are opened when something needs them, because linking them would cost every start
 * of every program milliseconds.
 */
#ifndef SFX_BASE_DL_H
#define SFX_BASE_DL_H

#include "base/err.h"

#include <pthread.h>
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

/* A library that all of a process shares; static, begun with SFX_DL_LIB. */
struct sfx_dl_lib {
    const char *soname;
    const struct sfx_dl_symbol *symbols;
    size_t nsymbols;
    void *table; /* filled by the first _need */
    pthread_mutex_t lock;
    int rc; /* 0: open */
};

#define SFX_DL_LIB(soname, symbols, table)                                                         \
    {                                                                                              \
        (soname), (symbols), sizeof(symbols) / sizeof((symbols)[0]), (table),                      \
            PTHREAD_MUTEX_INITIALIZER, 1                                                           \
    }

/* Opens lib as _open does, unless it is open. Any thread. */
int sfx_dl_need(struct sfx_dl_lib *lib, struct sfx_err *err);

#endif
