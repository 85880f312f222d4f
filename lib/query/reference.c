/* SPDX-License-Identifier: MIT */
/* The language in words, from its tables: for --reference, and for the manual. */
#include "query/query.h"

#include "cli/mdoc.h"
#include "query/aggregate_internal.h"
#include "query/running_internal.h"
#include "query/stage_internal.h"

#include <string.h>

static const char *aggregate_title = "Aggregates";

/* --- as text -------------------------------------------------------------------------------- */

static int text_functions(struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_fn_family *family;
    size_t f, i;
    int rc = 0;

    for (f = 0; (family = sfx_fn_family_at(f)) != NULL && rc == 0; f++) {
        rc = sfx_buf_printf(out, err, "\n%s:\n", family->title);
        for (i = 0; i < family->count && rc == 0; i++) {
            const struct sfx_fn *fn = &family->fns[i];

            rc = sfx_buf_printf(out, err, "  %s\n      %s%s%s\n      %s gives %s\n", fn->usage,
                                fn->help, fn->errors != NULL ? "; bad: " : "",
                                fn->errors != NULL ? fn->errors : "", fn->example,
                                *fn->gives != '\0' ? fn->gives : "null");
        }
    }
    return rc;
}

static int text_running(struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_running *fn;
    size_t i;
    int rc = sfx_buf_puts(out, "\nRunning functions, of over:\n", err);

    for (i = 0; (fn = sfx_running_at(i)) != NULL && rc == 0; i++)
        rc = sfx_buf_printf(out, err, "  %s\n      %s\n", fn->usage, fn->help);
    return rc;
}

static int write_text(struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_aggregate *agg;
    const struct sfx_verb *verb;
    size_t i;
    int rc = 0;

    for (i = 0; (verb = sfx_verb_at(i)) != NULL && rc == 0; i++) {
        const char *group = sfx_verb_group_at(i);

        if (group != NULL)
            rc = sfx_buf_printf(out, err, "%sVerbs, %s:\n", i > 0 ? "\n" : "", group);
        if (rc == 0)
            rc = sfx_buf_printf(out, err, "  %s\n      %s (%s)\n      e.g. %s\n", verb->usage,
                                verb->help, verb->plan, verb->example.program);
    }
    if (rc == 0)
        rc = text_functions(out, err);
    if (rc == 0)
        rc = sfx_buf_printf(out, err, "\n%s:\n", aggregate_title);
    for (i = 0; (agg = sfx_aggregate_at(i)) != NULL && rc == 0; i++)
        rc = sfx_buf_printf(out, err, "  %s\n      %s\n", agg->usage, agg->help);
    return rc < 0 ? rc : text_running(out, err);
}

/* --- as mdoc -------------------------------------------------------------------------------- */

/* Where sections of the manual go; the first failure sticks. */
struct page {
    struct sfx_buf *out;
    struct sfx_err *err;
    int rc;
};

static void put(struct page *page, const char *text)
{
    if (page->rc == 0)
        page->rc = sfx_buf_puts(page->out, text, page->err);
}

static void put_argument(struct page *page, const char *text)
{
    if (page->rc == 0)
        page->rc = sfx_mdoc_put_argument(page->out, sfx_slice_str(text), page->err);
}

/* A clause as a sentence: it gets a capital, unless it begins with a name, and a stop. */
static void put_sentence(struct page *page, const char *first, const char *rest, bool capital)
{
    struct sfx_buf text = {0};

    if (page->rc == 0)
        page->rc = sfx_buf_printf(&text, page->err, "%s%s", first, rest);
    if (page->rc == 0 && capital && text.len > 0 && text.data[0] >= 'a' && text.data[0] <= 'z')
        text.data[0] = (char)(text.data[0] - 'a' + 'A');
    if (page->rc == 0 && text.len > 0 && text.data[text.len - 1] != '.')
        page->rc = sfx_buf_puts(&text, ".", page->err);
    if (page->rc == 0 && sfx_buf_cstr(&text, page->err) == NULL)
        page->rc = SFX_E_NOMEM;
    if (page->rc == 0)
        page->rc = sfx_mdoc_put_sentences(page->out, text.data, page->err);
    sfx_buf_done(&text);
}

/* Takes the next line off text. */
static struct sfx_slice next_line(const char **text)
{
    struct sfx_slice line = sfx_slice(*text, strcspn(*text, "\n"));

    *text += line.len + ((*text)[line.len] == '\n');
    return line;
}

/* Columns that a line of text takes, of characters one column wide. */
static size_t width(struct sfx_slice line)
{
    size_t i, n = 0;

    for (i = 0; i < line.len; i++)
        n += ((unsigned char)line.ptr[i] & 0xC0) != 0x80;
    return n;
}

static size_t widest(const char *text)
{
    size_t most = 0;

    while (*text != '\0') {
        size_t n = width(next_line(&text));

        most = n > most ? n : most;
    }
    return most;
}

/* What the file holds that the program names. */
static void put_example_file(struct page *page, const struct sfx_verb_example *example)
{
    const char *text = example->file;
    struct sfx_buf line = {0};

    while (text != NULL && *text != '\0' && page->rc == 0) {
        struct sfx_slice next = next_line(&text);

        sfx_buf_clear(&line);
        page->rc = sfx_buf_printf(&line, page->err, "    %s: %.*s", example->file_name,
                                  SFX_SLICE_ARG(next));
        if (page->rc == 0)
            page->rc = sfx_mdoc_put_literal(page->out, sfx_buf_slice(&line), page->err);
    }
    sfx_buf_done(&line);
}

/* The program, and the records before and behind it, side by side. */
static void put_verb_example(struct page *page, const struct sfx_verb_example *example)
{
    const char *left = example->input, *right = example->output;
    size_t columns = widest(left);
    struct sfx_buf line = {0};
    bool first = true;

    put(page, ".Bd -literal -offset indent\n");
    if (page->rc == 0)
        page->rc = sfx_mdoc_put_literal(page->out, sfx_slice_str(example->program), page->err);
    put_example_file(page, example);
    for (; (*left != '\0' || *right != '\0') && page->rc == 0; first = false) {
        struct sfx_slice l = next_line(&left), r = next_line(&right);

        sfx_buf_clear(&line);
        page->rc = sfx_buf_printf(&line, page->err, "    %.*s%*s%s%.*s", SFX_SLICE_ARG(l),
                                  (int)(columns - width(l)), "", first ? "  ->  " : "      ",
                                  SFX_SLICE_ARG(r));
        while (line.len > 0 && line.data[line.len - 1] == ' ')
            line.len--;
        if (page->rc == 0)
            page->rc = sfx_mdoc_put_literal(page->out, sfx_buf_slice(&line), page->err);
    }
    put(page, ".Ed\n");
    sfx_buf_done(&line);
}

static void put_item(struct page *page, const char *usage)
{
    put(page, ".It Li");
    put_argument(page, usage);
    put(page, "\n");
}

static void put_verbs(struct page *page)
{
    const struct sfx_verb *verb;
    size_t i;

    put(page, ".\\\" section STAGES\n");
    for (i = 0; (verb = sfx_verb_at(i)) != NULL && page->rc == 0; i++) {
        const char *group = sfx_verb_group_at(i);

        if (group != NULL) {
            put(page, i > 0 ? ".El\n.Ss Stages:" : ".Ss Stages:");
            put_argument(page, group);
            put(page, "\n.Bl -tag -width Ds\n");
        }
        put_item(page, verb->usage);
        put_sentence(page, verb->help, "", true);
        put_sentence(page, verb->plan, "", true);
        if (verb->rules != NULL)
            put_sentence(page, verb->rules, "", false);
        put_verb_example(page, &verb->example);
    }
    put(page, ".El\n");
}

static void put_call_example(struct page *page, const char *example, const char *gives)
{
    put(page, ".Li");
    put_argument(page, example);
    put(page, "\ngives\n.Li");
    put_argument(page, *gives != '\0' ? gives : "null");
    put(page, " .\n");
}

/* Whether help begins with a word: not with the name of an argument, as "x as text", or a sign. */
static bool begins_with_word(const char *help, const char *usage)
{
    struct sfx_slice first = sfx_slice(help, strcspn(help, " ,"));
    const char *at = strchr(usage, '(');

    while (at != NULL && *at != '\0') {
        size_t n = strcspn(at, "([], )");

        if (sfx_slice_eq(sfx_slice(at, n), first))
            return false;
        at += n + strspn(at + n, "([], )");
    }
    return first.len > 1 || *help == 'a';
}

static void put_functions(struct page *page)
{
    const struct sfx_fn_family *family;
    size_t f, i;

    put(page, ".\\\" section FUNCTIONS\n");
    for (f = 0; (family = sfx_fn_family_at(f)) != NULL && page->rc == 0; f++) {
        put(page, ".Ss Functions:");
        put_argument(page, family->title);
        put(page, "\n.Bl -tag -width Ds\n");
        for (i = 0; i < family->count && page->rc == 0; i++) {
            const struct sfx_fn *fn = &family->fns[i];

            put_item(page, fn->usage);
            put_sentence(page, fn->help, "", begins_with_word(fn->help, fn->usage));
            if (fn->errors != NULL)
                put_sentence(page, "Bad: ", fn->errors, true);
            put_call_example(page, fn->example, fn->gives);
        }
        put(page, ".El\n");
    }
}

static void put_aggregates(struct page *page)
{
    const struct sfx_aggregate *agg;
    size_t i;

    put(page, ".\\\" section AGGREGATES\n.Bl -tag -width Ds\n");
    for (i = 0; (agg = sfx_aggregate_at(i)) != NULL && page->rc == 0; i++) {
        put_item(page, agg->usage);
        put_sentence(page, agg->help, "", begins_with_word(agg->help, agg->usage));
        put_call_example(page, agg->example, agg->gives);
    }
    put(page, ".El\n");
}

/* Examples are of x = 3, 1, null, 2, 2; results one for each record. */
static void put_running(struct page *page)
{
    const struct sfx_running *fn;
    size_t i;

    put(page, ".Ss Running functions, of over\nThe examples are of the numbers x: 3, 1, null, 2, "
              "2; where the order counts, in the order of x.\n.Bl -tag -width Ds\n");
    for (i = 0; (fn = sfx_running_at(i)) != NULL && page->rc == 0; i++) {
        put_item(page, fn->usage);
        put_sentence(page, fn->help, "", begins_with_word(fn->help, fn->usage));
        put_call_example(page, fn->example, fn->gives);
    }
    put(page, ".El\n");
}

int sfx_query_reference(const char *form, struct sfx_buf *out, struct sfx_err *err)
{
    struct page page = {out, err, 0};

    if (*form == '\0')
        return write_text(out, err);
    if (strcmp(form, "man") != 0)
        return sfx_err_set(err, SFX_E_USAGE, "no form \"%s\" of the reference; there is man", form);
    put_verbs(&page);
    put_functions(&page);
    put_aggregates(&page);
    put_running(&page);
    return page.rc;
}
