/* SPDX-License-Identifier: MIT */
/* The option table: what its readers ask about a row, and the choice of a rendering. */
#include "cli/opt_internal.h"

#include "base/size.h"

#include <inttypes.h>
#include <string.h>

bool sfx_opt_needs_value(const struct sfx_opt *row)
{
    switch (row->kind) {
    case SFX_OPT_STR:
    case SFX_OPT_UINT:
    case SFX_OPT_SIZE:
    case SFX_OPT_DURATION:
    case SFX_OPT_ENUM:
    case SFX_OPT_LIST: return true;
    case SFX_OPT_FLAG:
    case SFX_OPT_COUNT:
    case SFX_OPT_OPTSTR:
    case SFX_OPT_SECTION: break;
    }
    return false;
}

static bool names_a_file(const char *text)
{
    static const char *const words[] = {"FILE", "FOLDER", "PATH"};
    size_t i;

    for (i = 0; i < SFX_COUNT(words); i++) {
        if (strstr(text, words[i]) != NULL)
            return true;
    }
    return false;
}

bool sfx_opt_wants_file(const struct sfx_opt *row)
{
    return row->arg != NULL && names_a_file(row->arg);
}

bool sfx_opt_operands_are_files(const struct sfx_prog *prog)
{
    return prog->operands != NULL && names_a_file(prog->operands);
}

bool sfx_opt_next_choice(const char **rest, struct sfx_slice *word)
{
    const char *bar;

    if (*rest == NULL)
        return false;
    bar = strchrnul(*rest, '|');
    *word = sfx_slice(*rest, (size_t)(bar - *rest));
    *rest = *bar == '|' ? bar + 1 : NULL;
    return true;
}

static void put_choices(struct sfx_opt_out *out, const char *choices)
{
    struct sfx_slice word;
    const char *lead = " One of: ";

    while (sfx_opt_next_choice(&choices, &word)) {
        SFX_OPT_PUT(out, "%s%.*s", lead, SFX_SLICE_ARG(word));
        lead = ", ";
    }
    SFX_OPT_PUT(out, ".");
}

/* What the row itself says beyond its help: choices, bounds, repetition. */
static void put_facts(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    if (row->kind == SFX_OPT_ENUM)
        put_choices(out, row->choices);
    if (row->kind == SFX_OPT_UINT && row->max != 0)
        SFX_OPT_PUT(out, " From %" PRIu64 " to %" PRIu64 ".", row->min, row->max);
    if (row->kind == SFX_OPT_LIST)
        SFX_OPT_PUT(out, " May be given several times.");
}

/* Columns that text takes: its code points (help holds no wide or combining ones). */
static int columns_of(struct sfx_slice text)
{
    int n = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return n;
}

void sfx_opt_put_wrapped(struct sfx_opt_out *out, const char *text, const struct sfx_opt_wrap *how)
{
    int column = how->column;
    bool at_start = true, new_line = false;

    while (*text != '\0') {
        struct sfx_slice word = sfx_slice(text, strcspn(text, " \n"));

        text += word.len;
        if (word.len > 0) {
            if (!at_start && (new_line || column + 1 + columns_of(word) > how->width)) {
                SFX_OPT_PUT(out, "\n%*s", how->indent, "");
                column = how->indent;
            } else if (!at_start) {
                SFX_OPT_PUT(out, " ");
                column++;
            }
            if (how->put_word != NULL)
                how->put_word(out, word);
            else
                SFX_OPT_PUT(out, "%.*s", SFX_SLICE_ARG(word));
            column += columns_of(word);
            at_start = false;
            new_line = how->sentence_lines && word.ptr[word.len - 1] == '.';
        }
        if (*text != '\0')
            new_line = *text++ == '\n' || new_line;
    }
}

void sfx_opt_put_sentences(struct sfx_opt_out *out, const struct sfx_opt *row,
                           const struct sfx_opt_wrap *how)
{
    struct sfx_buf buf = {0};
    struct sfx_opt_out sentences = {&buf, out->err, out->rc};
    const char *text;

    SFX_OPT_PUT(&sentences, "%s", row->help);
    put_facts(&sentences, row);
    out->rc = sentences.rc;
    if (out->rc == 0) {
        text = sfx_buf_cstr(&buf, out->err);
        if (text != NULL)
            sfx_opt_put_wrapped(out, text, how);
        else
            out->rc = SFX_E_NOMEM;
    }
    SFX_OPT_PUT(out, "\n");
    sfx_buf_done(&buf);
}

int sfx_opt_render(const struct sfx_prog *prog, const char *form, struct sfx_buf *buf,
                   struct sfx_err *err)
{
    static const struct {
        const char *form;
        void (*render)(const struct sfx_prog *prog, struct sfx_opt_out *out);
    } forms[] = {
        {"", sfx_opt_render_help},   {"man", sfx_opt_render_man},   {"bash", sfx_opt_render_bash},
        {"zsh", sfx_opt_render_zsh}, {"fish", sfx_opt_render_fish},
    };
    struct sfx_opt_out out = {buf, err, 0};
    size_t i;

    for (i = 0; i < SFX_COUNT(forms); i++) {
        if (strcmp(form, forms[i].form) == 0) {
            forms[i].render(prog, &out);
            return out.rc;
        }
    }
    return sfx_err_set(err, SFX_E_USAGE,
                       "option --help: \"%s\" is not accepted: man, bash, zsh or fish", form);
}
