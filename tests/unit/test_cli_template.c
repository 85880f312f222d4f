/* SPDX-License-Identifier: MIT */
/* Output name templates: what they render to, what they refuse, that nothing leads outside. */
#include "cli/template.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static struct sfx_template_values values_of(const char *path)
{
    return (struct sfx_template_values){
        .path = sfx_slice_str(path), .time_ns = -1, .width = -1, .height = -1, .n = -1};
}

/* Renders and checks the whole name and how much of it is the root. */
static void renders(const char *text, const struct sfx_template_values *values, const char *path,
                    size_t root_len)
{
    struct sfx_template_name name = {0};
    struct sfx_err err;
    struct sfx_template *t = sfx_template_new(text, &err);

    assert_non_null(t);
    assert_int_equal(sfx_template_render(t, values, &name, &err), 0);
    assert_string_equal(name.path.data, path);
    assert_int_equal(name.root_len, root_len);
    sfx_buf_done(&name.path);
    sfx_template_free(t);
}

static void refuses_value(const char *text, const struct sfx_template_values *values,
                          const char *why)
{
    struct sfx_template_name name = {0};
    struct sfx_err err;
    struct sfx_template *t = sfx_template_new(text, &err);

    assert_non_null(t);
    assert_int_equal(sfx_template_render(t, values, &name, &err), SFX_E_INPUT);
    assert_string_equal(err.text, why);
    sfx_buf_done(&name.path);
    sfx_template_free(t);
}

static void refuses_text(const char *text, const char *why)
{
    struct sfx_err err;

    assert_null(sfx_template_new(text, &err));
    assert_int_equal(err.code, SFX_E_USAGE);
    assert_string_equal(err.text, why);
}

static void names_are_made_of_the_inputs_parts(void **state)
{
    struct sfx_template_values v = values_of("in/2026/a.tar.gz");

    (void)state;
    renders("{path}", &v, "in/2026/a.tar.gz", 0);
    renders("{dir}|{base}|{stem}|{ext}", &v, "in/2026|a.tar.gz|a.tar|gz", 0);
    renders("out/{stem}.jpg", &v, "out/a.tar.jpg", 4);
    renders("fixed", &v, "fixed", 0);
}

static void what_a_rendering_knows_has_a_name(void **state)
{
    struct sfx_template_values v = values_of("a.png");

    (void)state;
    v.ext = SFX_SLICE_LIT("jpg");
    v.id = SFX_SLICE_LIT("f00/d");
    v.time_ns = INT64_C(1795442709) * 1000000000 + 999999999;
    v.width = 320;
    v.height = 240;
    v.n = 7;
    renders("{ext}-{id}-{date}-{time}-{width}x{height}-{n}", &v,
            "jpg-f00_d-2026-11-23-140509-320x240-7", 0);
}

static void braces_are_written_twice(void **state)
{
    struct sfx_template_values v = values_of("a.png");

    (void)state;
    renders("{{{stem}}}{{}}", &v, "{a}{}", 0);
}

static void the_root_is_what_stands_before_the_first_placeholder(void **state)
{
    struct sfx_template_values v = values_of("x/a.png");

    (void)state;
    renders("/srv/../out/pre-{stem}/b/{n}", &(struct sfx_template_values){.path = v.path, .n = 1},
            "/srv/../out/pre-a/b/1", 12);
    renders("../thumbs/all.jpg", &v, "../thumbs/all.jpg", 10);
    renders("/{base}", &v, "/a.png", 1);
}

static void an_input_elsewhere_lands_beneath_the_root(void **state)
{
    struct sfx_template_values absolute = values_of("//srv/./data//a.png");
    struct sfx_template_values here = values_of("a.png");

    (void)state;
    renders("out/{path}", &absolute, "out/srv/data/a.png", 4);
    renders("out/{dir}/{base}", &absolute, "out/srv/data/a.png", 4);
    renders("out/{dir}/{base}", &here, "out/a.png", 4);
}

static void nothing_leads_outside(void **state)
{
    struct sfx_template_values up = values_of("a/../../etc/passwd");
    struct sfx_template_values v = values_of("a.png");

    (void)state;
    refuses_value("out/{path}", &up, "\"..\" in the input's path leads outside");
    refuses_value("out/{dir}/x", &up, "\"..\" in the input's path leads outside");
    v.id = SFX_SLICE_LIT("..");
    refuses_value("out/{id}", &v, "\"..\" is no name for an output");
    refuses_value("out/{id}/x", &v, "\"..\" is no name for an output");
    refuses_value("out/{stem}/../../{base}", &v, "\"..\" is no name for an output");
    v.id = sfx_slice("a\0b/c", 5);
    renders("out/{id}", &v, "out/a_b_c", 4);
}

static void a_file_without_extension_has_no_dot_left_over(void **state)
{
    struct sfx_template_values readme = values_of("README");
    struct sfx_template_values hidden = values_of("x/.profile");

    (void)state;
    renders("out/{stem}.{ext}", &readme, "out/README", 4);
    renders("out/{stem}.{ext}", &hidden, "out/.profile", 4);
    renders("out/{stem}-{ext}", &readme, "out/README-", 4);
}

static void unknown_values_and_empty_names_are_the_inputs_fault(void **state)
{
    struct sfx_template_values v = values_of("a.png");
    struct sfx_template_values none = values_of("");

    (void)state;
    refuses_value("{width}", &v, "{width} is not known here");
    refuses_value("{date}", &v, "{date} is not known here");
    refuses_value("out/{id}", &v, "{id} is not known here");
    refuses_value("{stem}", &none, "{stem} is not known here");
    refuses_value("out/{dir}", &v, "the output's name is empty");
}

static void mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    refuses_text("a/{wdth}.jpg", "template \"a/{wdth}.jpg\": byte 3: unknown {wdth}; did you mean "
                                 "{width}?");
    refuses_text("{}", "template \"{}\": byte 1: unknown {}");
    refuses_text("a}", "template \"a}\": byte 2: a brace alone; write }} for it");
    refuses_text("a{stem", "template \"a{stem\": byte 2: { has no }; write {{ for a brace itself");
    refuses_text("a{b/c}", "template \"a{b/c}\": byte 2: { has no }; write {{ for a brace itself");
    refuses_text("", "template \"\": names no file");
    refuses_text("out/{dir}/", "template \"out/{dir}/\": names no file");
}

static void one_template_serves_many_inputs(void **state)
{
    struct sfx_template_name name = {0};
    struct sfx_template *t = sfx_template_new("o/{base}", NULL);
    struct sfx_template_values v = values_of("a-long-name.png");

    (void)state;
    assert_non_null(t);
    assert_int_equal(sfx_template_render(t, &v, &name, NULL), 0);
    v = values_of("b");
    assert_int_equal(sfx_template_render(t, &v, &name, NULL), 0);
    assert_string_equal(name.path.data, "o/b");
    sfx_buf_done(&name.path);
    sfx_template_free(t);
}

static void callers_can_ask_what_a_template_uses(void **state)
{
    struct sfx_template *t = sfx_template_new("{{n}}/{width}", NULL);
    size_t i;

    (void)state;
    assert_non_null(t);
    assert_true(sfx_template_uses(t, "width"));
    assert_false(sfx_template_uses(t, "n"));
    sfx_template_free(t);
    sfx_template_free(NULL);
    for (i = 0; sfx_template_names()[i] != NULL; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "{%s}", sfx_template_names()[i]);
        t = sfx_template_new(text, NULL);
        assert_non_null(t);
        assert_true(sfx_template_uses(t, sfx_template_names()[i]));
        sfx_template_free(t);
    }
    assert_int_equal(i, 11);
}

/* Renders a template of which all names are columns. */
static void renders_columns(const char *text, struct sfx_slice value, const char *path)
{
    struct sfx_template_values values = values_of("in/a.csv");
    struct sfx_template_name name = {0};
    struct sfx_err err;
    struct sfx_template *t = sfx_template_new_columns(text, SFX_TEMPLATE_ONLY_COLUMNS, &err);

    assert_non_null(t);
    values.columns = &value;
    assert_int_equal(sfx_template_render(t, &values, &name, &err), 0);
    assert_string_equal(name.path.data, path);
    sfx_buf_done(&name.path);
    sfx_template_free(t);
}

static void no_value_of_a_column_leads_elsewhere_or_meets_another(void **state)
{
    (void)state;
    renders_columns("o/{stem}.csv", SFX_SLICE_LIT("x"), "o/x.csv");
    renders_columns("o/{c}", SFX_SLICE_LIT(".."), "o/%2E.");
    renders_columns("o/{c}", SFX_SLICE_LIT("../a"), "o/%2E.%2Fa");
    renders_columns("o/{c}", SFX_SLICE_LIT(""), "o/_");
    renders_columns("o/{c}", sfx_slice(NULL, 0), "o/_");
    renders_columns("o/{c}", SFX_SLICE_LIT("_"), "o/%5F");
    renders_columns("o/{c}", SFX_SLICE_LIT("__"), "o/__");
    renders_columns("o/{c}", SFX_SLICE_LIT("a.b"), "o/a.b");
    renders_columns("o/{c}", SFX_SLICE_LIT("50%\n"), "o/50%25%0A");
    renders_columns("o/{`a}/b`}", SFX_SLICE_LIT("x"), "o/x");
    renders_columns("{{{c}}}", SFX_SLICE_LIT("x"), "{x}");
}

static void long_values_are_cut_between_characters(void **state)
{
    static const struct {
        const char *unit;
        size_t count, kept;
    } cases[] = {{"x", 200, 200},
                 {"x", 201, 183 + 17},
                 {"\xc3\xa4", 101, 182 + 17},
                 {"/", 100, 183 + 17},
                 {"\xf0\x9f\x90\x9f", 60, 180 + 17},
                 {"\x80", 300, 183 - 3 + 17},
                 {"ab/", 1000, 183 + 17}};
    struct sfx_buf value = {0}, out = {0};
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sfx_buf_clear(&value);
        sfx_buf_clear(&out);
        for (n = 0; n < cases[i].count; n++)
            assert_int_equal(sfx_buf_puts(&value, cases[i].unit, NULL), 0);
        assert_int_equal(sfx_template_put_column(&out, sfx_buf_slice(&value), NULL), 0);
        assert_in_range(out.len, cases[i].kept - 2, cases[i].kept);
        if (out.len < value.len)
            assert_int_equal(out.data[out.len - 17], '~');
    }
    sfx_buf_done(&value);
    sfx_buf_done(&out);
}

static void with_events_only_other_names_are_columns(void **state)
{
    struct sfx_err err;
    struct sfx_template *t =
        sfx_template_new_columns("{stem}/{day}/{`id`}", SFX_TEMPLATE_OTHER_COLUMNS, &err);

    (void)state;
    assert_non_null(t);
    assert_true(sfx_slice_eq(sfx_template_column(t, 0), SFX_SLICE_LIT("day")));
    assert_true(sfx_slice_eq(sfx_template_column(t, 1), SFX_SLICE_LIT("id")));
    assert_int_equal(sfx_template_column(t, 2).len, 0);
    assert_true(sfx_template_uses(t, "stem"));
    assert_false(sfx_template_uses(t, "id"));
    sfx_template_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_value_of_a_column_leads_elsewhere_or_meets_another),
        cmocka_unit_test(long_values_are_cut_between_characters),
        cmocka_unit_test(with_events_only_other_names_are_columns),
        cmocka_unit_test(names_are_made_of_the_inputs_parts),
        cmocka_unit_test(what_a_rendering_knows_has_a_name),
        cmocka_unit_test(braces_are_written_twice),
        cmocka_unit_test(the_root_is_what_stands_before_the_first_placeholder),
        cmocka_unit_test(an_input_elsewhere_lands_beneath_the_root),
        cmocka_unit_test(nothing_leads_outside),
        cmocka_unit_test(a_file_without_extension_has_no_dot_left_over),
        cmocka_unit_test(unknown_values_and_empty_names_are_the_inputs_fault),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(one_template_serves_many_inputs),
        cmocka_unit_test(callers_can_ask_what_a_template_uses),
    };

    return cmocka_run_group_tests_name("cli_template", tests, NULL, NULL);
}
