/* SPDX-License-Identifier: MIT */
/* What an entry of the ledger allows. */
#include "sink/ledger.h"

#include <string.h>

int sfx_ledger_undoable(int64_t load_id, const char *mode, const char *undone, struct sfx_err *err)
{
    if (undone != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "load %lld was taken back on %s", (long long)load_id,
                           undone);
    if (strcmp(mode, "append") != 0 && strcmp(mode, "ignore") != 0)
        return sfx_err_set(err, SFX_E_USAGE,
                           "load %lld cannot be taken back: --mode=%s does not keep what was there "
                           "before",
                           (long long)load_id, mode);
    return 0;
}

int sfx_ledger_goes_on(int64_t load_id, const char *was, enum sfx_sink_mode mode,
                       struct sfx_err *err)
{
    if (strcmp(was, sfx_sink_mode_names[mode]) == 0)
        return 0;
    return sfx_err_set(err, SFX_E_USAGE,
                       "load %lld of this input is not finished: it goes on with --mode=%s",
                       (long long)load_id, was);
}

int sfx_ledger_overtaken(int64_t load_id, struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_TEMPORARY, "another process has gone on with load %lld",
                       (long long)load_id);
}
