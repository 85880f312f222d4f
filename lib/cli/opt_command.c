/* SPDX-License-Identifier: MIT */
/* Programs with several commands: which one is meant, and whether the options are its own. */
#include "base/text.h"
#include "cli/opt_internal.h"

#include <string.h>

/* True when the row's value is not what it was before parsing. */
static bool is_given(const struct sfx_opt *row, const void *values)
{
    const char *at = (const char *)values + row->offset;

    switch (row->kind) {
    case SFX_OPT_FLAG: return *(const bool *)at;
    case SFX_OPT_COUNT:
    case SFX_OPT_ENUM: return *(const int *)at != 0;
    case SFX_OPT_STR:
    case SFX_OPT_OPTSTR: return *(const char *const *)at != NULL;
    case SFX_OPT_UINT:
    case SFX_OPT_SIZE: return *(const uint64_t *)at != 0;
    case SFX_OPT_DURATION: return *(const int64_t *)at != 0;
    case SFX_OPT_LIST: return ((const struct sfx_opt_list *)at)->count > 0;
    case SFX_OPT_SECTION: break;
    }
    return false;
}

static bool takes(const struct sfx_opt_command *command, const char *name)
{
    const char *rest = command->options;
    size_t len = strlen(name);

    while (*rest != '\0') {
        size_t word = strcspn(rest, " ");

        if (word == len && memcmp(rest, name, len) == 0)
            return true;
        rest += word + strspn(rest + word, " ");
    }
    return false;
}

int sfx_opt_command(const struct sfx_prog *prog, const char *name, const void *values,
                    struct sfx_err *err)
{
    enum { MAX_COMMANDS = 32 };
    struct sfx_slice words[MAX_COMMANDS];
    const struct sfx_opt *row;
    int nearest, i = 0, n = 0;

    while (prog->commands[n].name != NULL && n < MAX_COMMANDS) {
        words[n] = sfx_slice_str(prog->commands[n].name);
        n++;
    }
    while (i < n && strcmp(prog->commands[i].name, name) != 0)
        i++;
    if (i == n) {
        nearest = sfx_text_nearest(sfx_slice_str(name), words, (size_t)n);
        return nearest >= 0 ? sfx_err_set(err, SFX_E_USAGE, "unknown command %s; did you mean %s?",
                                          name, prog->commands[nearest].name)
                            : sfx_err_set(err, SFX_E_USAGE, "unknown command %s", name);
    }
    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->kind == SFX_OPT_SECTION && strcmp(row->help, "Common") == 0)
            break;
        if (is_given(row, values) && !takes(&prog->commands[i], row->name))
            return sfx_err_set(err, SFX_E_USAGE, "%s takes no option --%s", name, row->name);
    }
    return i;
}
