/* SPDX-License-Identifier: MIT */
/* The option table as the SYNOPSIS and OPTIONS sections of an mdoc(7) page. */
#include "cli/mdoc.h"
#include "cli/opt_internal.h"

#include <string.h>

#define MAN_COLUMNS 78

static void put_word(struct sfx_opt_out *out, struct sfx_slice word)
{
    if (out->rc == 0)
        out->rc = sfx_mdoc_put_word(out->buf, word, out->err);
}

static void put_argument(struct sfx_opt_out *out, struct sfx_slice arg)
{
    if (out->rc == 0)
        out->rc = sfx_mdoc_put_argument(out->buf, arg, out->err);
}

/* Appends the option after its dashes and its argument: "Fl -size Ns = Ns Ar WxH". */
static void put_long(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    SFX_OPT_PUT(out, "Fl -%s", row->name);
    if (row->arg == NULL)
        return;
    SFX_OPT_PUT(out, "%s", row->kind == SFX_OPT_OPTSTR ? " Ns Op Ns = Ns Ar" : " Ns = Ns Ar");
    put_argument(out, sfx_slice_str(row->arg));
}

static void put_synopsis_options(const struct sfx_prog *prog, struct sfx_opt_out *out)
{
    const struct sfx_opt *row;
    const char *lead = ".Op Fl ";

    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->letter != 0 && row->arg == NULL) {
            SFX_OPT_PUT(out, "%s%c", lead, row->letter);
            lead = "";
        }
    }
    SFX_OPT_PUT(out, "%s", *lead == '\0' ? "\n" : "");
    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->kind == SFX_OPT_SECTION || (row->letter != 0 && row->arg == NULL))
            continue;
        SFX_OPT_PUT(out, ".Op ");
        if (row->letter != 0 && row->kind != SFX_OPT_OPTSTR) {
            SFX_OPT_PUT(out, "Fl %c Ar", row->letter);
            put_argument(out, sfx_slice_str(row->arg));
        } else {
            put_long(out, row);
        }
        SFX_OPT_PUT(out, "\n");
    }
}

/* Appends one blank-separated word of the operands: "[FILE…]" is ".Oo", ".Ar FILE ...", ".Oc". */
static void put_operand(struct sfx_opt_out *out, struct sfx_slice word)
{
    static const char dots[] = "…";
    const size_t ndots = sizeof(dots) - 1;
    size_t closing = 0;
    bool repeated = false;

    for (; word.len > 0 && *word.ptr == '['; word = sfx_slice(word.ptr + 1, word.len - 1))
        SFX_OPT_PUT(out, ".Oo\n");
    for (; word.len > 0 && word.ptr[word.len - 1] == ']'; word.len--)
        closing++;
    if (word.len >= ndots && memcmp(word.ptr + word.len - ndots, dots, ndots) == 0) {
        word.len -= ndots;
        repeated = true;
    }
    if (word.len == 0 && repeated) {
        SFX_OPT_PUT(out, ".No ...\n");
    } else if (word.len > 0 && *word.ptr == '-') {
        SFX_OPT_PUT(out, ".Fl %.*s\n", (int)word.len - 1, word.ptr + 1);
    } else if (word.len > 0) {
        SFX_OPT_PUT(out, ".Ar");
        put_argument(out, word);
        SFX_OPT_PUT(out, "%s", repeated ? " ...\n" : "\n");
    }
    while (closing-- > 0)
        SFX_OPT_PUT(out, ".Oc\n");
}

static void put_operands(struct sfx_opt_out *out, const char *operands)
{
    while (*operands != '\0') {
        size_t len = strcspn(operands, " ");

        put_operand(out, sfx_slice(operands, len));
        operands += len;
        operands += strspn(operands, " ");
    }
}

static void put_item(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    const struct sfx_opt_wrap how = {MAN_COLUMNS, 0, 0, true, put_word};

    if (row->letter != 0)
        SFX_OPT_PUT(out, ".It Fl %c , ", row->letter);
    else
        SFX_OPT_PUT(out, ".It ");
    put_long(out, row);
    SFX_OPT_PUT(out, "\n");
    sfx_opt_put_sentences(out, row, &how);
}

static void put_commands(struct sfx_opt_out *out, const struct sfx_opt_command *command)
{
    const struct sfx_opt_wrap how = {MAN_COLUMNS, 0, 0, true, put_word};

    SFX_OPT_PUT(out, ".Ss Commands\n.Bl -tag -width Ds\n");
    for (; command->name != NULL; command++) {
        SFX_OPT_PUT(out, ".It Cm %s Ar", command->name);
        put_argument(out, sfx_slice_str(command->operands));
        SFX_OPT_PUT(out, "\n");
        sfx_opt_put_wrapped(out, command->help, &how);
        SFX_OPT_PUT(out, "\n");
    }
    SFX_OPT_PUT(out, ".El\n");
}

void sfx_opt_render_man(const struct sfx_prog *prog, struct sfx_opt_out *out)
{
    const struct sfx_opt *row;
    bool in_list = false;

    SFX_OPT_PUT(out, ".Sh SYNOPSIS\n.Nm\n");
    put_synopsis_options(prog, out);
    put_operands(out, prog->operands);
    SFX_OPT_PUT(out, ".Sh OPTIONS\n");
    if (prog->commands != NULL)
        put_commands(out, prog->commands);
    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        if (row->kind == SFX_OPT_SECTION) {
            SFX_OPT_PUT(out, "%s.Ss ", in_list ? ".El\n" : "");
            put_word(out, sfx_slice_str(row->help));
            SFX_OPT_PUT(out, "\n");
            in_list = false;
            continue;
        }
        SFX_OPT_PUT(out, "%s", in_list ? "" : ".Bl -tag -width Ds\n");
        in_list = true;
        put_item(out, row);
    }
    SFX_OPT_PUT(out, "%s", in_list ? ".El\n" : "");
}
