/* SPDX-License-Identifier: MIT */
/* Command lines, read by an option table over getopt_long. */
#include "cli/opt_internal.h"

#include "base/size.h"
#include "base/text.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long returns for row i of the table given by its long name; letters are below. */
#define LONG_BASE 256

/* "+:", then at most two bytes for each printable ASCII letter, and the terminator. */
#define LETTERS_NBYTES (2 + 2 * 95 + 1)

static size_t count_rows(const struct sfx_opt *opts)
{
    size_t n = 0;

    while (!sfx_opt_is_end(&opts[n]))
        n++;
    return n;
}

/* Fills getopt's own two tables. An option whose argument is optional takes it only after '='. */
static void fill_getopt(const struct sfx_prog *prog, size_t nopts, char letters[LETTERS_NBYTES],
                        struct option *longs)
{
    const struct sfx_opt *opts = prog->opts;
    size_t i, nlongs = 0;

    if (prog->command)
        *letters++ = '+';
    *letters++ = ':'; /* a missing argument is told from an unknown option; getopt never prints */
    for (i = 0; i < nopts; i++) {
        bool needs = sfx_opt_needs_value(&opts[i]);

        if (opts[i].kind == SFX_OPT_SECTION)
            continue;
        longs[nlongs].name = opts[i].name;
        longs[nlongs].has_arg = needs                            ? required_argument
                                : opts[i].kind == SFX_OPT_OPTSTR ? optional_argument
                                                                 : no_argument;
        longs[nlongs++].val = LONG_BASE + (int)i;
        if (opts[i].letter != 0) {
            *letters++ = (char)opts[i].letter;
            if (needs)
                *letters++ = ':';
        }
    }
    *letters = '\0';
}

/* The row that getopt's value c stands for: it returns only what it was given. */
static const struct sfx_opt *find_row(const struct sfx_opt *opts, size_t nopts, int c)
{
    size_t i = 0;

    if (c >= LONG_BASE)
        return &opts[c - LONG_BASE];
    while (opts[i].kind == SFX_OPT_SECTION || opts[i].letter != c) {
        i++;
        assert(i < nopts);
    }
    return &opts[i];
}

static int unknown_long(const struct sfx_opt *opts, size_t nopts, const char *arg,
                        struct sfx_slice *names, struct sfx_err *err)
{
    struct sfx_slice given = sfx_slice(arg, strcspn(arg, "="));
    struct sfx_slice word = given;
    size_t i, nnames = 0, nprefixed = 0;
    int nearest;

    while (word.len > 0 && *word.ptr == '-')
        word = sfx_slice(word.ptr + 1, word.len - 1);
    for (i = 0; i < nopts; i++) {
        if (opts[i].kind == SFX_OPT_SECTION)
            continue;
        names[nnames++] = sfx_slice_str(opts[i].name);
        nprefixed += strncmp(opts[i].name, word.ptr, word.len) == 0;
    }
    if (nprefixed > 1)
        return sfx_err_set(err, SFX_E_USAGE, "option %.*s could be %zu options: write more of it",
                           SFX_SLICE_ARG(given), nprefixed);
    nearest = sfx_text_nearest(word, names, nnames);
    if (nearest >= 0)
        return sfx_err_set(err, SFX_E_USAGE, "unknown option %.*s; did you mean --%.*s?",
                           SFX_SLICE_ARG(given), SFX_SLICE_ARG(names[nearest]));
    return sfx_err_set(err, SFX_E_USAGE, "unknown option %.*s", SFX_SLICE_ARG(given));
}

/* Appends what a row accepts, in words. */
static void put_accepted(struct sfx_opt_out *out, const struct sfx_opt *row)
{
    const char *choices = row->choices;
    struct sfx_slice word;
    const char *lead = "";

    switch (row->kind) {
    case SFX_OPT_UINT: SFX_OPT_PUT(out, "a whole number"); break;
    case SFX_OPT_SIZE: SFX_OPT_PUT(out, "a number of bytes such as 65536, 64K, 16M or 2G"); break;
    case SFX_OPT_DURATION: SFX_OPT_PUT(out, "a time such as 500ms, 30s, 5m, 2h or 1d"); break;
    case SFX_OPT_ENUM:
        while (sfx_opt_next_choice(&choices, &word)) {
            SFX_OPT_PUT(out, "%s%.*s", lead, SFX_SLICE_ARG(word));
            lead = choices != NULL && strchr(choices, '|') != NULL ? ", " : " or ";
        }
        break;
    default: SFX_OPT_PUT(out, "%s", row->arg != NULL ? row->arg : "a value"); break;
    }
    if (row->max != 0 && (row->kind == SFX_OPT_UINT || row->kind == SFX_OPT_SIZE))
        SFX_OPT_PUT(out, " from %" PRIu64 " to %" PRIu64, row->min, row->max);
    else if (row->min != 0 && (row->kind == SFX_OPT_UINT || row->kind == SFX_OPT_SIZE))
        SFX_OPT_PUT(out, ", at least %" PRIu64, row->min);
}

/* USAGE: value (NULL: it is missing) does not suit row; hint: a word that was meant, or empty. */
static int refuse(const struct sfx_opt *row, const char *value, struct sfx_slice hint,
                  struct sfx_err *err)
{
    struct sfx_buf buf = {0};
    struct sfx_opt_out out = {&buf, err, 0};
    int rc;

    if (value == NULL)
        SFX_OPT_PUT(&out, "option --%s needs a value: ", row->name);
    else
        SFX_OPT_PUT(&out, "option --%s: \"%s\" is not accepted: ", row->name, value);
    put_accepted(&out, row);
    if (hint.len > 0)
        SFX_OPT_PUT(&out, "; did you mean %.*s?", SFX_SLICE_ARG(hint));
    rc = out.rc;
    if (rc == 0)
        rc = sfx_err_set(err, SFX_E_USAGE, "%.*s", SFX_SLICE_ARG(sfx_buf_slice(&buf)));
    sfx_buf_done(&buf);
    return rc;
}

static int set_choice(const struct sfx_opt *row, const char *value, int *index, struct sfx_err *err)
{
    enum { MAX_CHOICES = 32 }; /* beyond it an ENUM is no longer a choice that help can show */
    struct sfx_slice words[MAX_CHOICES];
    const char *rest = row->choices;
    size_t nwords = 0;
    int nearest;

    while (nwords < MAX_CHOICES && sfx_opt_next_choice(&rest, &words[nwords])) {
        if (sfx_slice_eq(words[nwords], sfx_slice_str(value))) {
            *index = (int)nwords;
            return 0;
        }
        nwords++;
    }
    assert(rest == NULL);
    nearest = sfx_text_nearest(sfx_slice_str(value), words, nwords);
    return refuse(row, value, nearest >= 0 ? words[nearest] : sfx_slice(NULL, 0), err);
}

static int set_number(const struct sfx_opt *row, const char *value, uint64_t *number,
                      struct sfx_err *err)
{
    struct sfx_slice text = sfx_slice_str(value);
    uint64_t n = 0;
    int rc;

    rc = row->kind == SFX_OPT_SIZE ? sfx_text_size(text, &n, NULL) : sfx_text_u64(text, &n, NULL);
    if (rc != 0 || n < row->min || (row->max != 0 && n > row->max))
        return refuse(row, value, sfx_slice(NULL, 0), err);
    *number = n;
    return 0;
}

static int add_item(struct sfx_opt_list *list, const char *value, struct sfx_err *err)
{
    const char **grown = reallocarray(list->items, list->count + 1, sizeof(*grown));

    if (grown == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    list->items = grown;
    list->items[list->count++] = value;
    return 0;
}

/* Stores one option; value is NULL when none was given (and none is needed). */
static int set_value(const struct sfx_opt *row, const char *value, void *values,
                     struct sfx_err *err)
{
    void *at = (char *)values + row->offset;

    switch (row->kind) {
    case SFX_OPT_FLAG: *(bool *)at = true; return 0;
    case SFX_OPT_COUNT: (*(int *)at)++; return 0;
    case SFX_OPT_STR: *(const char **)at = value; return 0;
    case SFX_OPT_OPTSTR: *(const char **)at = value != NULL ? value : ""; return 0;
    case SFX_OPT_UINT:
    case SFX_OPT_SIZE: return set_number(row, value, at, err);
    case SFX_OPT_DURATION:
        if (sfx_text_duration_ns(sfx_slice_str(value), at, NULL) != 0)
            return refuse(row, value, sfx_slice(NULL, 0), err);
        return 0;
    case SFX_OPT_ENUM: return set_choice(row, value, at, err);
    case SFX_OPT_LIST: return add_item(at, value, err);
    case SFX_OPT_SECTION: break;
    }
    return 0;
}

/* What getopt_long complained about: c is '?' or ':', arg the word that it stopped at. */
static int explain(const struct sfx_opt *opts, size_t nopts, int c, const char *arg,
                   struct sfx_err *err)
{
    struct sfx_slice *names;
    int rc;

    if (c == ':')
        return refuse(find_row(opts, nopts, optopt), NULL, sfx_slice(NULL, 0), err);
    if (optopt >= LONG_BASE)
        return sfx_err_set(err, SFX_E_USAGE, "option --%s takes no value",
                           opts[optopt - LONG_BASE].name);
    if (optopt != 0)
        return sfx_err_set(err, SFX_E_USAGE, "unknown option -%c", optopt);
    names = calloc(nopts + 1, sizeof(*names));
    if (names == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    rc = unknown_long(opts, nopts, arg, names, err);
    free(names);
    return rc;
}

int sfx_opt_parse(const struct sfx_prog *prog, int argc, char **argv, void *values,
                  int *first_operand, struct sfx_err *err)
{
    size_t nopts = count_rows(prog->opts);
    struct option *longs = calloc(nopts + 1, sizeof(*longs));
    char letters[LETTERS_NBYTES];
    int c, rc = 0;

    if (longs == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    fill_getopt(prog, nopts, letters, longs);
    optind = 0; /* glibc: begin anew, whatever was parsed before */
    while (rc == 0 && (c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (c == '?' || c == ':')
            rc = explain(prog->opts, nopts, c, argv[optind - 1], err);
        else
            rc = set_value(find_row(prog->opts, nopts, c), optarg, values, err);
    }
    *first_operand = optind;
    free(longs);
    return rc;
}

void sfx_opt_done(const struct sfx_prog *prog, void *values)
{
    const struct sfx_opt *row;

    for (row = prog->opts; !sfx_opt_is_end(row); row++) {
        struct sfx_opt_list *list = (struct sfx_opt_list *)(void *)((char *)values + row->offset);

        if (row->kind == SFX_OPT_LIST) {
            free(list->items);
            *list = (struct sfx_opt_list){0};
        }
    }
}
