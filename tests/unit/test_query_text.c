/* SPDX-License-Identifier: MIT */
/* Text functions: Unicode and its edges, bytes that are no text, nulls, and what is refused. */
#include "base/size.h"
#include "query_value.h"

/* bad: bytes that are not UTF-8; nul: a NUL in it; e: an empty field. */
static const char input[] = "bad,nul,e,quoted\n\xFF"
                            "A\xC3,a\0b,,\"say \"\"Hi\"\"\"\n";
#define RECORD sfx_slice(input, sizeof(input) - 1)

#define CHECK(pairs) wants_values(RECORD, pairs, SFX_COUNT(pairs))

static void case_is_that_of_unicode(void **state)
{
    static const char *const pairs[][2] = {
        {"lower('ÀÉÎ ABC')", "\"àéî abc\""},
        {"upper('àéî abc')", "\"ÀÉÎ ABC\""},
        {"upper('straße')", "\"STRASSE\""},
        {"upper('ẞ')", "\"ẞ\""}, /* the capital sharp s is one */
        {"lower('ẞ')", "\"ß\""},
        {"upper('ﬁn ŉ ΐ')", "\"FIN ʼN \xCE\x99\xCC\x88\xCC\x81\""},
        {"lower('ΟΔΟΣ ΣΑΣ Σ')", "\"οδος σας σ\""}, /* final sigma */
        {"lower('ΑΣ’Α ΑΣ. Β')", "\"ασ’α ας. β\""},
        {"upper('ςσ')", "\"ΣΣ\""},
        {"lower('I')", "\"i\""}, /* no locale: Turkish letters too */
        {"upper('iı')", "\"II\""},
        {"lower('İ')", "\"i̇\""},
        {"title('ßa ǆ éCOLE d''OR 3RD')", "\"Ssa ǅ École D'or 3rd\""},
        {"title('o''neil-smith')", "\"O'neil-Smith\""},
        {"casefold('Straße ΣΑΣ')", "\"strasse σασ\""},
        {"casefold('ABC')", "\"abc\""},
        {"lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ@[`{')", "\"abcdefghijklmnopqrstuvwxyz@[`{\""},
        {"upper('abcdefghijklmnopqrstuvwxyz@[`{')", "\"ABCDEFGHIJKLMNOPQRSTUVWXYZ@[`{\""},
        {"lower(quoted)", "\"say \\\"hi\\\"\""},
        {"lower(e)", "\"\""},
        {"lower(null)", "null"},
        {"lower(nul)", "\"a\\u0000b\""},
        {"upper(nul)", "\"A\\u0000B\""},
    };

    (void)state;
    CHECK(pairs);
}

static void bytes_that_are_no_text_stay(void **state)
{
    struct query_run run = {.program =
                                "bad = lower(bad), quoted = upper(bad), nul = normalize(bad, "
                                "'NFD'), e = strip_accents(bad)",
                            .input = RECORD};

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_true(sfx_slice_eq(sfx_buf_slice(&run.output), SFX_SLICE_LIT("bad,nul,e,quoted\n\xFF"
                                                                       "a\xC3,\xFF"
                                                                       "a\xC3,\xFF"
                                                                       "a\xC3,\xFF"
                                                                       "A\xC3\n")));
    sfx_buf_done(&run.output);
}

static void normal_forms_are_those_of_uax_15(void **state)
{
    static const char *const pairs[][2] = {
        {"length(normalize('e\xCC\x81'))", "1"},
        {"normalize('e\xCC\x81') = 'é'", "true"},
        {"length(normalize('é', 'NFD'))", "2"},
        {"normalize('ﬁ²Å')", "\"ﬁ²Å\""},
        {"normalize('ﬁ²', 'NFKC')", "\"fi2\""},
        {"length(normalize('ḍ̇', 'NFKD'))", "3"},
        {"length(normalize('한', 'NFD'))", "3"},
        {"normalize('abc')", "\"abc\""},
        {"normalize(e)", "\"\""},
        {"strip_accents('Łódź Ångström Ørsted naïve')", "\"Lodz Angstrom Orsted naive\""},
        {"strip_accents('हिन्दी 한국 ёй')", "\"हिन्दी 한국 еи\""}, /* vowel signs are no accents */
        {"is_utf8(bad)", "false"},
        {"is_utf8(nul)", "true"},
        {"clean_utf8(bad)", "\"\xEF\xBF\xBD"
                            "A\xEF\xBF\xBD\""},
        {"codepoint('é!')", "233"},
        {"codepoint(e)", "null"},
        {"char(128512)", "\"😀\""},
    };

    (void)state;
    CHECK(pairs);
}

static void parts_are_counted_in_characters(void **state)
{
    static const char *const pairs[][2] = {
        {"left('héllo', 2)", "\"hé\""},
        {"left('hé', 9)", "\"hé\""},
        {"left('hé', 0)", "\"\""},
        {"right('héllo', 4)", "\"éllo\""},
        {"right('hé', 9)", "\"hé\""},
        {"substr('héllo', 2, 2)", "\"él\""},
        {"reverse('añb')", "\"bña\""},
        {"reverse(nul)", "\"b\\u0000a\""},
        {"pad_left('é', 3, 'ab')", "\"abé\""},
        {"pad_left('é', 4, 'ab')", "\"abaé\""},
        {"pad_right('é', 4, '→')", "\"é→→→\""},
        {"pad_left('long', 2)", "\"long\""},
        {"pad_left('x', 3, '')", "\"x\""},
        {"repeat('ab', 0)", "\"\""},
        {"repeat('', 1000000)", "\"\""},
        {"length(repeat('é', 1000))", "1000"},
        {"index_of('héllo', 'l')", "3"},
        {"index_of('héllo', 'x')", "0"},
        {"index_of('héllo', '')", "1"},
        {"index_of(e, 'x')", "0"},
        {"index_of(nul, 'b')", "3"},
        {"count_of('aaaa', 'aa')", "2"},
        {"count_of('aaaa', '')", "0"},
        {"split_part('a-b-c', '-', 2)", "\"b\""},
        {"split_part('a-b-c', '-', -3)", "\"a\""},
        {"split_part('a-b-c', '-', -4)", "null"},
        {"split_part('a-b-c', '-', 4)", "null"},
        {"split_part('a-b-', '-', 3)", "\"\""},
        {"split_part('abc', '-', 1)", "\"abc\""},
        {"split_part(e, '-', 1)", "\"\""},
        {"split_part(e, '-', 2)", "null"},
    };

    (void)state;
    CHECK(pairs);
}

static void white_space_is_that_of_unicode(void **state)
{
    static const char *const pairs[][2] = {
        {"trim(' \t\xC2\xA0\xE3\x80\x80x y\xE2\x80\x89\n')", "\"x y\""},
        {"ltrim('  x ')", "\"x \""},
        {"rtrim('  x ')", "\"  x\""},
        {"trim('   ')", "\"\""},
        {"trim('xxaxx', 'x')", "\"a\""},
        {"trim('éaé', 'é')", "\"a\""},
        {"trim('«a»', '»«')", "\"a\""},
        {"trim('xa', '')", "\"xa\""},
        {"rtrim('1.500', '0')", "\"1.5\""},
        {"squeeze('  a \t\n b\xC2\xA0\xC2\xA0"
         "c  ')",
         "\"a b c\""},
        {"squeeze('   ')", "\"\""},
        {"trim(null)", "null"},
    };

    (void)state;
    CHECK(pairs);
}

static void texts_are_put_together(void **state)
{
    static const char *const pairs[][2] = {
        {"format('{} of {}', 1, 'é')", "\"1 of é\""},
        {"format('{2}-{1}-{2}', 'a', 'b')", "\"b-a-b\""},
        {"format('{{{}}}', 1)", "\"{1}\""},
        {"format('{}', null)", "\"\""},
        {"format('')", "\"\""},
        {"format(null)", "null"},
        {"format(quoted)", "\"say \\\"Hi\\\"\""},
        {"concat_ws(',', 'a', e, null, quoted)", "\"a,say \\\"Hi\\\"\""},
        {"concat_ws(',', e)", "\"\""},
    };

    (void)state;
    CHECK(pairs);
}

static void regular_expressions_take_and_replace(void **state)
{
    static const char *const pairs[][2] = {
        {"regex_extract('order 17', '\\d+')", "\"17\""},
        {"regex_extract('k=v', '(?<key>\\w+)=(?<value>\\w+)', 'value')", "\"v\""},
        {"regex_extract('k=v', '(\\w+)=(\\w+)', 0)", "\"k=v\""},
        {"regex_extract('k=v', '(\\w+)=(\\w+)')", "\"k\""},
        {"regex_extract('b', '(a)|(b)', 1)", "null"},
        {"regex_extract('b', '(a)?b', 1)", "null"},
        {"regex_extract('b', '(a*)b', 1)", "\"\""},
        {"regex_extract('x', '\\d')", "null"},
        {"regex_extract(e, '^$')", "\"\""},
        {"regex_replace('a1b22', '\\d+', '<$0>')", "\"a<1>b<22>\""},
        {"regex_replace('john smith', '(?<a>\\w+) (?<b>\\w+)', '${b}, ${a}')", "\"smith, john\""},
        {"regex_replace('abc', '', '-')", "\"-a-b-c-\""},
        {"regex_replace('abc', 'x*', '-')", "\"-a-b-c-\""},
        {"regex_replace('5', '5', '$$5 $x $')", "\"$5 $x $\""},
        {"regex_replace('none', '\\d', 'x')", "\"none\""},
        {"regex_replace(e, '^', 'x')", "\"x\""},
        {"regex_replace(bad, 'A', 'b') = bad", "false"},
        {"regex_count('a1b22c', '\\d')", "3"},
        {"regex_count(nul, '.')", "3"},
        {"nul ~ '^a.b$'", "true"},
    };

    (void)state;
    CHECK(pairs);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const pairs[][2] = {
        {"normalize(e, 'NFX')", "NFX is not NFC, NFD, NFKC or NFKD"},
        {"char(55296)", "char() takes the number of a character"},
        {"codepoint(bad)", "does not begin with a character"},
        {"left('a', -1)", "left() takes a whole number"},
        {"repeat('ab', 1000000)", "makes a text of more than 1 MiB"},
        {"pad_left('a', 100000000)", "makes a text of more than 1 MiB"},
        {"split_part('a', '', 1)", "separator that is not empty"},
        {"split_part('a', '-', 0)", "1 is the first part"},
        {"format('{')", "brace that is no place"},
        {"format('{} {}', 1)", "brace that is no place"},
        {"format(concat('{}', e))", "brace that is no place"},
        {"regex_extract(e, '(a)', 2)", "has no group 2"},
        {"regex_extract(e, '(a)', 'x')", "has no group x"},
        {"regex_replace(e, '(a)', '$2')", "has no group 2"},
        {"regex_replace('a', '(a)', concat('${x}', e))", "a group that the regular expression has"},
        {"regex_count(e, e)", "a string is expected here"},
    };

    (void)state;
    wants_errors(RECORD, pairs, SFX_COUNT(pairs));
}

/* Lengths around the eight bytes of a step, with the changed letter at each place. */
static void ascii_is_mapped_at_every_place(void **state)
{
    char expr[128], wanted[128];
    size_t len, at;

    (void)state;
    for (len = 1; len < 20; len++) {
        for (at = 0; at < len; at++) {
            memcpy(expr, "lower('", 7);
            memset(expr + 7, '.', len);
            expr[7 + at] = 'Q';
            memcpy(expr + 7 + len, "')", 3);
            wanted[0] = '"';
            memset(wanted + 1, '.', len);
            wanted[1 + at] = 'q';
            memcpy(wanted + 1 + len, "\"", 2);
            wants_value(expr, RECORD, wanted);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_is_that_of_unicode),
        cmocka_unit_test(bytes_that_are_no_text_stay),
        cmocka_unit_test(normal_forms_are_those_of_uax_15),
        cmocka_unit_test(parts_are_counted_in_characters),
        cmocka_unit_test(white_space_is_that_of_unicode),
        cmocka_unit_test(texts_are_put_together),
        cmocka_unit_test(regular_expressions_take_and_replace),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(ascii_is_mapped_at_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
