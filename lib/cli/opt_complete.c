/* SPDX-License-Identifier: MIT */
/* The option table as completions for bash, zsh and fish. */
#include "cli/opt_internal.h"

#include <string.h>

/* The first sentence of a help text, without its full stop: what fits beside a completion. */
static struct sfx_slice gist(const char *help)
{
    const char *stop = strstr(help, ". ");
    size_t len = stop != NULL ? (size_t)(stop - help) : strlen(help);

    if (len > 0 && help[len - 1] == '.')
        len--;
    return sfx_slice(help, len);
}

/* Appends text with each byte that is in special behind a backslash. */
static void put_escaped(struct sfx_opt_out *out, struct sfx_slice text, const char *special)
{
    size_t i;

    for (i = 0; i < text.len; i++)
        SFX_OPT_PUT(out, "%s%c", strchr(special, text.ptr[i]) != NULL ? "\\" : "", text.ptr[i]);
}

/* Appends the words of choices with blanks between them. */
static void put_words(struct sfx_opt_out *out, const char *choices)
{
    struct sfx_slice word;
    const char *lead = "";

    while (sfx_opt_next_choice(&choices, &word)) {
        SFX_OPT_PUT(out, "%s%.*s", lead, SFX_SLICE_ARG(word));
        lead = " ";
    }
}

/* A shell function's name: dashes become underscores. */
static void put_identifier(struct sfx_opt_out *out, const char *name)
{
    SFX_OPT_PUT(out, "_");
    for (; *name != '\0'; name++)
        SFX_OPT_PUT(out, "%c", *name == '-' ? '_' : *name);
}

/* The branch of bash's case that completes row's argument. */
static void put_bash_case(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    SFX_OPT_PUT(out, "    ");
    if (sfx_opt_needs_value(row)) {
        if (row->letter != 0)
            SFX_OPT_PUT(out, "-%c | ", row->letter);
        SFX_OPT_PUT(out, "--%s | ", row->name);
    }
    SFX_OPT_PUT(out, "--%s=)\n", row->name);
    if (row->choices != NULL) {
        SFX_OPT_PUT(out, "        COMPREPLY=($(compgen -W '");
        put_words(out, row->choices);
        SFX_OPT_PUT(out, "' -- \"$cur\"))\n");
    } else if (sfx_opt_wants_file(row)) {
        SFX_OPT_PUT(out, "        compopt -o default\n");
    }
    SFX_OPT_PUT(out, "        return ;;\n");
}

void sfx_opt_render_bash(const struct sfx_prog *prog, struct sfx_opt_out *out)
{
    const struct sfx_opt *row;

    SFX_OPT_PUT(out, "# bash completion for %s: %s --help=bash\n", prog->name, prog->name);
    put_identifier(out, prog->name);
    /* bash breaks words at '=': "--log=json" is three of them. An option whose argument is
     * optional takes it only there, so it is looked up with its '='. */
    SFX_OPT_PUT(out, "() {\n"
                     "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    if [[ $cur == = ]]; then\n"
                     "        cur= prev+==\n"
                     "    elif [[ $prev == = ]]; then\n"
                     "        prev=${COMP_WORDS[COMP_CWORD-2]}=\n"
                     "    fi\n"
                     "    COMPREPLY=()\n"
                     "    case $prev in\n");
    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->arg != NULL)
            put_bash_case(out, row);
    }
    SFX_OPT_PUT(out, "    esac\n"
                     "    if [[ $cur == -* ]]; then\n"
                     "        COMPREPLY=($(compgen -W '");
    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->kind != SFX_OPT_SECTION)
            SFX_OPT_PUT(out, "--%s%s ", row->name, sfx_opt_needs_value(row) ? "=" : "");
    }
    SFX_OPT_PUT(out, "' -- \"$cur\"))\n"
                     "        [[ ${COMPREPLY-} == *= ]] && compopt -o nospace\n"
                     "        return\n"
                     "    fi\n");
    if (sfx_opt_operands_are_files(prog))
        SFX_OPT_PUT(out, "    compopt -o default\n");
    SFX_OPT_PUT(out, "}\ncomplete -F ");
    put_identifier(out, prog->name);
    SFX_OPT_PUT(out, " %s\n", prog->name);
}

/* Appends text for a zsh specification inside single quotes. */
static void put_zsh_text(struct sfx_opt_out *out, struct sfx_slice text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            SFX_OPT_PUT(out, "'\\''");
        else
            put_escaped(out, sfx_slice(text.ptr + i, 1), "[]:\\");
    }
}

/* What may follow the option: ":FILE:_files", with "::" where it may be left out. */
static void put_zsh_argument(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    SFX_OPT_PUT(out, "%s", sfx_opt_needs_value(row) ? ":" : "::");
    put_zsh_text(out, sfx_slice_str(row->arg));
    SFX_OPT_PUT(out, ":");
    if (row->choices != NULL) {
        SFX_OPT_PUT(out, "(");
        put_words(out, row->choices);
        SFX_OPT_PUT(out, ")");
    } else {
        SFX_OPT_PUT(out, "%s", sfx_opt_wants_file(row) ? "_files" : " ");
    }
}

/* One specification: the option, how its argument is joined to it, its gist, the argument. */
static void put_zsh_spec(struct sfx_opt_out *out, const struct sfx_opt *row, bool as_letter)
{
    bool needs = sfx_opt_needs_value(row), optional = row->kind == SFX_OPT_OPTSTR;

    SFX_OPT_PUT(out, " \\\n    '");
    if (row->kind == SFX_OPT_LIST || row->kind == SFX_OPT_COUNT)
        SFX_OPT_PUT(out, "*");
    else if (row->letter != 0)
        SFX_OPT_PUT(out, "(-%c --%s)", row->letter, row->name);
    if (as_letter)
        SFX_OPT_PUT(out, "-%c%s", row->letter, needs ? "+" : "");
    else
        SFX_OPT_PUT(out, "--%s%s%s", row->name, needs || optional ? "=" : "", optional ? "-" : "");
    SFX_OPT_PUT(out, "[");
    put_zsh_text(out, gist(row->help));
    SFX_OPT_PUT(out, "]");
    if (needs || (optional && !as_letter))
        put_zsh_argument(out, row);
    SFX_OPT_PUT(out, "'");
}

void sfx_opt_render_zsh(const struct sfx_prog *prog, struct sfx_opt_out *out)
{
    const struct sfx_opt *row;

    SFX_OPT_PUT(out, "#compdef %s\n# zsh completion for %s: %s --help=zsh\n_arguments -s -S",
                prog->name, prog->name, prog->name);
    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->kind == SFX_OPT_SECTION)
            continue;
        if (row->letter != 0)
            put_zsh_spec(out, row, true);
        put_zsh_spec(out, row, false);
    }
    SFX_OPT_PUT(out, " \\\n    '*:operand:%s'\n",
                sfx_opt_operands_are_files(prog) ? "_files" : " ");
}

void sfx_opt_render_fish(const struct sfx_prog *prog, struct sfx_opt_out *out)
{
    const struct sfx_opt *row;

    SFX_OPT_PUT(out, "# fish completion for %s: %s --help=fish\n", prog->name, prog->name);
    if (!sfx_opt_operands_are_files(prog))
        SFX_OPT_PUT(out, "complete -c %s -f\n", prog->name);
    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->kind == SFX_OPT_SECTION)
            continue;
        SFX_OPT_PUT(out, "complete -c %s", prog->name);
        if (row->letter != 0)
            SFX_OPT_PUT(out, " -s %c", row->letter);
        SFX_OPT_PUT(out, " -l %s", row->name);
        if (row->choices != NULL) {
            SFX_OPT_PUT(out, "%s -f -a '", sfx_opt_needs_value(row) ? " -r" : "");
            put_words(out, row->choices);
            SFX_OPT_PUT(out, "'");
        } else if (sfx_opt_needs_value(row)) {
            SFX_OPT_PUT(out, "%s", sfx_opt_wants_file(row) ? " -r -F" : " -x");
        }
        SFX_OPT_PUT(out, " -d '");
        put_escaped(out, gist(row->help), "\\'");
        SFX_OPT_PUT(out, "'\n");
    }
}
