/* SPDX-License-Identifier: MIT */
/* The option table: what is accepted, what is refused and how, and all its renderings. */
#include "cli/exit.h"
#include "cli/opt.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct values {
    struct sfx_opt_common common;
    bool events;
    const char *size;
    uint64_t jobs, memory;
    int64_t timeout_ns;
    int on_error;
    struct sfx_opt_list programs;
};

static const struct sfx_opt opts[] = {
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "What to make", NULL, 0, 0},
    {'s', "size", "WxH", SFX_OPT_STR, offsetof(struct values, size),
     ".5 of 'it' fits [here: C:\\x] \"so\". See --events and (--jobs) for more of the same, which "
     "is long.",
     NULL, 0, 0},
    {'E', "events", NULL, SFX_OPT_FLAG, offsetof(struct values, events), "Read events.", NULL, 0,
     0},
    {'j', "jobs", "N", SFX_OPT_UINT, offsetof(struct values, jobs), "Threads; default one.", NULL,
     1, 64},
    {0, "memory", "SIZE", SFX_OPT_SIZE, offsetof(struct values, memory), "Memory to use.", NULL,
     1024, 0},
    {0, "timeout", "TIME", SFX_OPT_DURATION, offsetof(struct values, timeout_ns), "Time to wait.",
     NULL, 0, 0},
    {0, "on-error", "HOW", SFX_OPT_ENUM, offsetof(struct values, on_error),
     "What to do with bad input; default fail.", "fail|skip|reject", 0, 0},
    {'e', "execute", "PROGRAM", SFX_OPT_LIST, offsetof(struct values, programs), "Program text…",
     NULL, 0, 0},
    SFX_OPT_COMMON_ROWS(struct values, common),
    SFX_OPT_END,
};

static const struct sfx_opt_example examples[] = {
    {"sfx-x -s 3 a.jpg", "makes a.jpg small"},
    {NULL, NULL},
};

static const struct sfx_prog prog = {
    .name = "sfx-x",
    .summary = "do things",
    .operands = "[PROGRAM [FILE…]]",
    .about = "Does things.",
    .opts = opts,
    .examples = examples,
    .see_also = "sfx(7)",
};

#define MAX_ARGS 24

/* Parses a command line of blank-separated words; words are kept in text while values live. */
static int parse(char *text, struct values *values, char *argv[MAX_ARGS], int *first_operand,
                 struct sfx_err *err)
{
    char *rest = NULL, *word;
    int argc = 0;

    for (word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        assert_true(argc < MAX_ARGS - 1);
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    *values = (struct values){0};
    return sfx_opt_parse(&prog, argc, argv, values, first_operand, err);
}

static void refuses(const char *line, const char *why)
{
    char text[256], *argv[MAX_ARGS];
    struct values values;
    struct sfx_err err;
    int first;

    (void)snprintf(text, sizeof(text), "sfx-x %s", line);
    assert_int_equal(parse(text, &values, argv, &first, &err), SFX_E_USAGE);
    assert_string_equal(err.text, why);
    sfx_opt_done(&prog, &values);
}

static void every_kind_of_value_arrives(void **state)
{
    char text[] = "sfx-x -Es 320x240 --jobs=8 --memory 64K --timeout 1.5s --on-error=skip -e one "
                  "--execute two -vv --stats --log=json";
    char *argv[MAX_ARGS];
    struct values v;
    struct sfx_err err;
    int first;

    (void)state;
    assert_int_equal(parse(text, &v, argv, &first, &err), 0);
    assert_true(v.events);
    assert_string_equal(v.size, "320x240");
    assert_int_equal(v.jobs, 8);
    assert_int_equal(v.memory, 65536);
    assert_int_equal(v.timeout_ns, 1500000000);
    assert_int_equal(v.on_error, 1);
    assert_int_equal(v.programs.count, 2);
    assert_string_equal(v.programs.items[0], "one");
    assert_string_equal(v.programs.items[1], "two");
    assert_int_equal(v.common.verbose, 2);
    assert_string_equal(v.common.stats, "");
    assert_int_equal(v.common.log_format, 1);
    assert_null(v.common.help);
    sfx_opt_done(&prog, &v);
    assert_null(v.programs.items);
}

static void options_and_operands_mix_until_two_dashes(void **state)
{
    char text[] = "sfx-x a -E b --stats=x.json -- -q";
    char *argv[MAX_ARGS];
    struct values v;
    struct sfx_err err;
    int first;

    (void)state;
    assert_int_equal(parse(text, &v, argv, &first, &err), 0);
    assert_true(v.events);
    assert_false(v.common.quiet);
    assert_string_equal(v.common.stats, "x.json");
    assert_string_equal(argv[first], "a");
    assert_string_equal(argv[first + 1], "b");
    assert_string_equal(argv[first + 2], "-q");
    assert_null(argv[first + 3]);
}

static void an_optional_argument_needs_its_equals_sign(void **state)
{
    char text[] = "sfx-x -h man";
    char *argv[MAX_ARGS];
    struct values v;
    struct sfx_err err;
    int first;

    (void)state;
    assert_int_equal(parse(text, &v, argv, &first, &err), 0);
    assert_string_equal(v.common.help, "");
    assert_string_equal(argv[first], "man");
}

static void a_long_name_may_be_shortened_while_it_is_clear(void **state)
{
    char text[] = "sfx-x --eve";
    char *argv[MAX_ARGS];
    struct values v;
    struct sfx_err err;
    int first;

    (void)state;
    assert_int_equal(parse(text, &v, argv, &first, &err), 0);
    assert_true(v.events);
    refuses("--e", "option --e could be 2 options: write more of it");
}

static void unknown_options_get_a_guess(void **state)
{
    (void)state;
    refuses("--sise", "unknown option --sise; did you mean --size?");
    refuses("--evnets=3", "unknown option --evnets; did you mean --events?");
    refuses("--completely-else", "unknown option --completely-else");
    refuses("-Ez", "unknown option -z");
}

static void bad_values_name_the_option_and_what_is_accepted(void **state)
{
    (void)state;
    refuses("-s", "option --size needs a value: WxH");
    refuses("--jobs", "option --jobs needs a value: a whole number from 1 to 64");
    refuses("--jobs=0", "option --jobs: \"0\" is not accepted: a whole number from 1 to 64");
    refuses("-j 65", "option --jobs: \"65\" is not accepted: a whole number from 1 to 64");
    refuses("-j 3x", "option --jobs: \"3x\" is not accepted: a whole number from 1 to 64");
    refuses("-j -1", "option --jobs: \"-1\" is not accepted: a whole number from 1 to 64");
    refuses("--memory=1",
            "option --memory: \"1\" is not accepted: a number of bytes such as 65536, "
            "64K, 16M or 2G, at least 1024");
    refuses("--timeout=soon", "option --timeout: \"soon\" is not accepted: a time such as 500ms, "
                              "30s, 5m, 2h or 1d");
    refuses("--on-error=skipp", "option --on-error: \"skipp\" is not accepted: fail, skip or "
                                "reject; did you mean skip?");
    refuses("--on-error=x", "option --on-error: \"x\" is not accepted: fail, skip or reject");
    refuses("--quiet=yes", "option --quiet takes no value");
}

/* A rendering as a terminated string; the caller frees it. */
static char *render(const char *form)
{
    struct sfx_buf out = {0};
    struct sfx_err err;

    assert_int_equal(sfx_opt_render(&prog, form, &out, &err), 0);
    assert_int_equal(sfx_buf_putc(&out, '\0', &err), 0);
    return out.data;
}

static void holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is missing in:\n%s", part, text);
}

static void help_names_every_option_in_eighty_columns(void **state)
{
    char *text = render("");
    const struct sfx_opt *row;
    const char *line;

    (void)state;
    holds(text, "Usage: sfx-x [OPTION…] [PROGRAM [FILE…]]\n\nDoes things.\n\nWhat to make:\n");
    holds(text, "\n  -s, --size=WxH              .5 of 'it' fits");
    holds(text, "\n      --stats[=FILE]          ");
    holds(text, "Threads; default one. From 1 to 64.\n");
    holds(text, "One of:\n                              fail, skip, reject.\n");
    holds(text, "Program text… May be given several times.\n");
    holds(text, "\nCommon:\n");
    holds(text, "\nExamples:\n  sfx-x -s 3 a.jpg\n      makes a.jpg small\n");
    holds(text, "\nSee also: sfx(7)\n");
    for (row = opts; row->name != NULL || row->kind == SFX_OPT_SECTION; row++) {
        char wanted[64];

        (void)snprintf(wanted, sizeof(wanted), "--%s", row->name != NULL ? row->name : "");
        holds(text, wanted);
    }
    for (line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 80 + strlen("…") - 1);
    free(text);
}

static void the_man_page_shows_text_as_it_is(void **state)
{
    char *text = render("man");

    (void)state;
    holds(text, ".Sh SYNOPSIS\n.Nm\n.Op Fl EqvV\n.Op Fl s Ar \\&WxH\n");
    holds(text, ".Op Fl -stats Ns Op Ns = Ns Ar FILE\n");
    holds(text, ".Oo\n.Ar PROGRAM\n.Oo\n.Ar FILE ...\n.Oc\n.Oc\n.Sh OPTIONS\n.Ss What to make\n");
    holds(text, ".It Fl s , Fl -size Ns = Ns Ar \\&WxH\n\\&.5 of \\&'it' fits [here: C:\\ex] "
                "\"so\".\nSee \\-\\-events and (\\-\\-jobs) for more of");
    holds(text, "Program text\\[u2026] May be given several times.\n");
    free(text);
}

static void completions_offer_choices_and_files(void **state)
{
    char *bash = render("bash"), *zsh = render("zsh"), *fish = render("fish");

    (void)state;
    holds(bash,
          "    --on-error | --on-error=)\n        COMPREPLY=($(compgen -W 'fail skip reject' ");
    holds(bash, "    --stats=)\n        compopt -o default\n");
    holds(bash, "--size= --events --jobs= ");
    holds(bash, "complete -F _sfx_x sfx-x\n");
    holds(zsh, "#compdef sfx-x\n");
    holds(zsh,
          "'(-s --size)--size=[.5 of '\\''it'\\'' fits \\[here\\: C\\:\\\\x\\] \"so\"]:WxH: '");
    holds(zsh, "'--on-error=[What to do with bad input; default fail]:HOW:(fail skip reject)'");
    holds(zsh, "'--stats=-[");
    holds(zsh, "]::FILE:_files'");
    holds(zsh, "'*-e+[Program text…]:PROGRAM: '");
    holds(fish, "complete -c sfx-x -l on-error -r -f -a 'fail skip reject' -d ");
    holds(fish,
          "complete -c sfx-x -s s -l size -x -d '.5 of \\'it\\' fits [here: C:\\\\x] \"so\"'\n");
    free(bash);
    free(zsh);
    free(fish);
}

static void another_form_is_misuse(void **state)
{
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)state;
    assert_int_equal(sfx_opt_render(&prog, "html", &out, &err), SFX_E_USAGE);
    assert_string_equal(err.text,
                        "option --help: \"html\" is not accepted: man, bash, zsh or fish");
    sfx_buf_done(&out);
}

static void every_error_has_its_exit_code(void **state)
{
    (void)state;
    assert_int_equal(sfx_exit_code(0), 0);
    assert_int_equal(sfx_exit_code(12), 0);
    assert_int_equal(sfx_exit_code(SFX_E_USAGE), 2);
    assert_int_equal(sfx_exit_code(SFX_E_INPUT), 65);
    assert_int_equal(sfx_exit_code(SFX_E_LIMIT), 65);
    assert_int_equal(sfx_exit_code(SFX_E_UNSUPPORTED), 69);
    assert_int_equal(sfx_exit_code(SFX_E_NOMEM), 70);
    assert_int_equal(sfx_exit_code(SFX_E_IO), 74);
    assert_int_equal(sfx_exit_code(SFX_E_TEMPORARY), 75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_arrives),
        cmocka_unit_test(options_and_operands_mix_until_two_dashes),
        cmocka_unit_test(an_optional_argument_needs_its_equals_sign),
        cmocka_unit_test(a_long_name_may_be_shortened_while_it_is_clear),
        cmocka_unit_test(unknown_options_get_a_guess),
        cmocka_unit_test(bad_values_name_the_option_and_what_is_accepted),
        cmocka_unit_test(help_names_every_option_in_eighty_columns),
        cmocka_unit_test(the_man_page_shows_text_as_it_is),
        cmocka_unit_test(completions_offer_choices_and_files),
        cmocka_unit_test(another_form_is_misuse),
        cmocka_unit_test(every_error_has_its_exit_code),
    };

    return cmocka_run_group_tests_name("cli_opt", tests, NULL, NULL);
}
