/* SPDX-License-Identifier: MIT */
/* Library results as exit codes. */
#include "cli/exit.h"

#include "base/err.h"

int sfx_exit_code(int rc)
{
    if (rc >= 0)
        return SFX_EXIT_OK;
    switch ((enum sfx_code)rc) {
    case SFX_E_USAGE: return SFX_EXIT_USAGE;
    case SFX_E_INPUT:
    case SFX_E_LIMIT: return SFX_EXIT_DATA;
    case SFX_E_IO: return SFX_EXIT_IO;
    case SFX_E_TEMPORARY: return SFX_EXIT_TEMPORARY;
    case SFX_E_UNSUPPORTED: return SFX_EXIT_UNAVAILABLE;
    case SFX_E_NOMEM:
    case SFX_OK: break;
    }
    return SFX_EXIT_SOFTWARE;
}
