/* SPDX-License-Identifier: MIT */
/* Libraries that are opened when something needs them. */
#include "base/dl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* The loader's reason; it begins with the library's name. */
static const char *reason(void)
{
    const char *text = dlerror();

    return text != NULL ? text : "unknown error";
}

int sfx_dl_open(const char *soname, const struct sfx_dl_symbol *symbols, size_t nsymbols,
                void *table, struct sfx_err *err)
{
    void *lib;
    size_t i;

    errno = 0;
    lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL) /* the loader leaves errno as the failed call set it */
        return sfx_err_set(err, errno == ENOMEM ? SFX_E_NOMEM : SFX_E_UNSUPPORTED,
                           "cannot load a library: %s", reason());
    for (i = 0; i < nsymbols; i++) {
        void *address = dlsym(lib, symbols[i].name);

        if (address == NULL) {
            (void)sfx_err_set(err, SFX_E_UNSUPPORTED, "%s has no %s", soname, symbols[i].name);
            (void)dlclose(lib);
            return SFX_E_UNSUPPORTED;
        }
        memcpy((char *)table + symbols[i].offset, &address, sizeof(address));
    }
    return 0;
}

int sfx_dl_need(struct sfx_dl_lib *lib, struct sfx_err *err)
{
    int rc;

    (void)pthread_mutex_lock(&lib->lock);
    if (lib->rc != 0) /* a failure is tried again, for its message */
        lib->rc = sfx_dl_open(lib->soname, lib->symbols, lib->nsymbols, lib->table, err);
    rc = lib->rc;
    (void)pthread_mutex_unlock(&lib->lock);
    return rc;
}
