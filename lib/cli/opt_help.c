/* SPDX-License-Identifier: MIT */
/* The option table as --help: 80 columns, one glance an option. */
#include "cli/opt_internal.h"

#include <string.h>

#define HELP_COLUMNS 80
#define TEXT_COLUMN                                                                                \
    30 /* where an option's sentences begin; longer options stand on their own line */

/* Appends "-s, --size=WxH" and returns the columns it takes. */
static int put_option(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    bool optional = row->kind == SFX_OPT_OPTSTR;
    int columns = (int)(strlen("  -x, --") + strlen(row->name));

    if (row->letter != 0)
        SFX_OPT_PUT(out, "  -%c, --%s", row->letter, row->name);
    else
        SFX_OPT_PUT(out, "      --%s", row->name);
    if (row->arg != NULL) {
        SFX_OPT_PUT(out, "%s=%s%s", optional ? "[" : "", row->arg, optional ? "]" : "");
        columns += (int)strlen(row->arg) + 1 + 2 * optional;
    }
    return columns;
}

static void put_row(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    const struct sfx_opt_wrap how = {HELP_COLUMNS, TEXT_COLUMN, TEXT_COLUMN, false, NULL};
    int columns;

    if (row->kind == SFX_OPT_SECTION) {
        SFX_OPT_PUT(out, "\n%s:\n", row->help);
        return;
    }
    columns = put_option(out, row);
    if (columns + 2 <= TEXT_COLUMN)
        SFX_OPT_PUT(out, "%*s", TEXT_COLUMN - columns, "");
    else
        SFX_OPT_PUT(out, "\n%*s", TEXT_COLUMN, "");
    sfx_opt_put_sentences(out, row, &how);
}

static void put_examples(struct sfx_opt_out *out, const struct sfx_opt_example *example)
{
    const struct sfx_opt_wrap how = {HELP_COLUMNS, 6, 6, false, NULL};

    if (example == NULL || example->command == NULL)
        return;
    SFX_OPT_PUT(out, "\nExamples:\n");
    for (; example->command != NULL; example++) {
        SFX_OPT_PUT(out, "  %s\n      ", example->command);
        sfx_opt_put_wrapped(out, example->says, &how);
        SFX_OPT_PUT(out, "\n");
    }
}

static void put_commands(struct sfx_opt_out *out, const struct sfx_opt_command *command)
{
    const struct sfx_opt_wrap how = {HELP_COLUMNS, 6, 6, false, NULL};

    SFX_OPT_PUT(out, "\nCommands:\n");
    for (; command->name != NULL; command++) {
        SFX_OPT_PUT(out, "  %s %s\n      ", command->name, command->operands);
        sfx_opt_put_wrapped(out, command->help, &how);
        SFX_OPT_PUT(out, "\n");
    }
}

void sfx_opt_render_help(const struct sfx_prog *prog, struct sfx_opt_out *out)
{
    const struct sfx_opt_wrap paragraph = {HELP_COLUMNS, 0, 0, false, NULL};
    const struct sfx_opt *row;

    SFX_OPT_PUT(out, "Usage: %s [OPTION…] %s\n\n", prog->name, prog->operands);
    sfx_opt_put_wrapped(out, prog->about, &paragraph);
    SFX_OPT_PUT(out, "\n");
    if (prog->commands != NULL)
        put_commands(out, prog->commands);
    if (prog->opts->kind != SFX_OPT_SECTION)
        SFX_OPT_PUT(out, "\nOptions:\n");
    for (row = prog->opts; !sfx_opt_is_end(row); row++)
        put_row(out, row);
    put_examples(out, prog->examples);
    if (prog->see_also != NULL)
        SFX_OPT_PUT(out, "\nSee also: %s\n", prog->see_also);
}
