/* SPDX-License-Identifier: MIT */
/* Functions on data inside texts: digests, encodings, URLs, JSON, addresses, likeness. */
#include "base/size.h"
#include "query_value.h"

/* j: JSON in a field; bad: bytes that are not UTF-8; e: an empty field. */
static const char input[] = "j,bad,e\n\"{\"\"a\"\":[{\"\"b\"\":\"\"x\\u00e9\"\"},2.50],\"\"n\"\":"
                            "null,\"\"k.l\"\":true}\",\xFF\xFE,\n";
#define RECORD sfx_slice(input, sizeof(input) - 1)

#define CHECK(pairs) wants_values(RECORD, pairs, SFX_COUNT(pairs))

static void digests_are_those_of_the_standards(void **state)
{
    static const char *const pairs[][2] = {
        {"md5('')", "\"d41d8cd98f00b204e9800998ecf8427e\""},
        {"sha1(e)", "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\""},
        {"sha256('')", "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""},
        {"xxh3('')", "\"2d06800538d394c2\""},
        {"crc32('')", "0"},
        {"crc32('The quick brown fox jumps over the lazy dog')", "1095738169"},
        {"md5(null)", "null"},
        {"hex_encode(bad)", "\"fffe\""},
        {"hmac_sha256('', '')",
         "\"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad\""},
        /* RFC 4231, case 6: a key longer than a block */
        {"hmac_sha256('Test Using Larger Than Block-Size Key - Hash Key First', "
         "'\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
         "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
         "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
         "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
         "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
         "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa')",
         "\"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54\""},
        {"uuid() = uuid()", "false"},
        {"uuid() ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'",
         "true"},
        {"substr(uuid7(), 15, 1)", "\"7\""},
        {"uuid7() >= '0199'", "true"}, /* times after 2025 */
        {"uuid5('6BA7B810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com') = "
         "uuid5('dns', 'www.example.com')",
         "true"},
    };

    (void)state;
    CHECK(pairs);
}

static void encodings_go_there_and_back(void **state)
{
    static const char *const pairs[][2] = {
        {"base64_decode(base64_encode(bad)) = bad", "true"},
        {"base64url_decode(base64url_encode(bad)) = bad", "true"},
        {"base64url_decode('_-8=') = hex_decode('FFEF')", "true"},
        {"hex_decode(hex_encode(bad)) = bad", "true"},
        {"hex_decode(e)", "\"\""},
        {"url_decode(url_encode('a/b c+d%é'))", "\"a/b c+d%é\""},
        {"url_decode('%4%zz%41%')", "\"%4%zzA%\""},
        {"html_unescape('&lt;&#x20AC;&#8364;&nosuch;&amp')", "\"<€€&nosuch;&amp\""},
        {"html_unescape('&#0;&#xD800;&#x110000;')", "\"&#0;&#xD800;&#x110000;\""},
        {"html_unescape(html_escape('<a href=\"x\">''&'''))", "\"<a href=\\\"x\\\">'&'\""},
        {"url_host('http://[::1]:80/')", "\"::1\""},
        {"url_port('http://h/')", "null"},
        {"url_host('/path')", "null"},
        {"url_path('http://h')", "\"\""},
        {"url_query('http://h/?a=1;b=2')", "\"a=1;b=2\""},
        {"url_query('http://h/?a=1;b=x+y', 'b')", "\"x y\""},
        {"url_query('?%61=1', 'a')", "\"1\""},
        {"url_query('?b', 'b')", "\"\""},
        {"url_query('?b', 'c')", "null"},
        {"url_query('/x', 'c')", "null"},
        {"url_user('ftp://a@b@c/')", "\"a@b\""},
        {"url_scheme('1a:x')", "null"},
        {"url_host(e)", "null"},
    };

    (void)state;
    CHECK(pairs);
}

static void json_is_found_by_paths(void **state)
{
    static const char *const pairs[][2] = {
        {"json_get(j, 'a[0].b')", "\"x\\u00e9\""},
        {"json_get(j, 'a[0].b') = 'xé'", "true"},
        {"json_get(j, 'a[-1]')", "2.50"},
        {"json_get(j, 'a[-1]') + 1", "3.50"},
        {"json_get(j, 'a.1')", "2.50"},
        {"json_get(j, '/a/0/b')", "\"x\\u00e9\""},
        {"json_get(j, '$.a[0]')", "{\"b\":\"x\\u00e9\"}"},
        {"json_get(j, 'a[2]')", "null"},
        {"json_get(j, 'a[-3]')", "null"},
        {"json_get(j, 'a.b.c')", "null"},
        {"json_get(j, 'n')", "null"},
        {"json_get(j, 'n.x')", "null"},
        {"json_get(j, '\"k.l\"')", "true"},
        {"json_get(j, '`k.l`')", "true"},
        {"json_get(j, concat('', 'a[1]'))", "2.50"},
        {"json_get(json_get(j, 'a'), '[0].b')", "\"x\\u00e9\""},
        {"json_get(e, 'a')", "null"},
        {"json_get('[1,', '[0]')", "1"}, /* what stands behind is not looked at */
        {"json(j)", "{\"a\":[{\"b\":\"x\\u00e9\"},2.50],\"n\":null,\"k.l\":true}"},
        {"json('\"a\"')", "\"a\""},
        {"json(e)", "null"},
        {"json_type(j)", "\"object\""},
        {"json_type(j, 'a')", "\"array\""},
        {"json_type(j, 'n')", "\"null\""},
        {"json_type(j, 'x')", "null"},
        {"json_keys(j)", "[\"a\",\"n\",\"k.l\"]"},
        {"json_keys(j, 'a')", "null"},
        {"json_keys('{}')", "[]"},
        {"json_length(j)", "3"},
        {"json_length(j, 'a')", "2"},
        {"json_length(j, 'a[1]')", "null"},
        {"json_valid(j)", "true"},
        {"json_valid('{')", "false"},
        {"json_valid(e)", "false"},
        {"to_json(e)", "\"\\\"\\\"\""},
        {"to_json(1.50)", "\"1.50\""},
        {"to_json(null)", "\"null\""},
        {"to_json(1 = 1)", "\"true\""},
        {"json_array(1.50, 'a', null, 1 = 2, json_get(j, 'a[0]'), e)",
         "[1.50,\"a\",null,false,{\"b\":\"x\\u00e9\"},\"\"]"},
        {"json_object('k', json_object(), 'é', json_array())", "{\"k\":{},\"é\":[]}"},
    };

    (void)state;
    CHECK(pairs);
}

static void addresses_are_in_networks(void **state)
{
    static const char *const pairs[][2] = {
        {"is_ip('1.2.3.4')", "true"},
        {"is_ip('01.2.3.4')", "false"},
        {"is_ip('fe80::1%eth0')", "false"},
        {"is_ip('::ffff:1.2.3.4')", "true"},
        {"is_ip(e)", "false"},
        {"ip_version('1.2.3.4')", "4"},
        {"ip_version(e)", "null"},
        {"ip_in('10.255.0.1', '10.0.0.0/8')", "true"},
        {"ip_in('11.0.0.1', '10.0.0.0/8')", "false"},
        {"ip_in('10.0.0.9', '10.0.0.8/30')", "true"},
        {"ip_in('10.0.0.12', '10.0.0.8/30')", "false"},
        {"ip_in('1.2.3.4', '0.0.0.0/0')", "true"},
        {"ip_in('1.2.3.4', '1.2.3.4')", "true"},
        {"ip_in('::1', '0.0.0.0/0')", "false"},
        {"ip_in('2001:db8:ffff::1', '2001:db8::/32')", "true"},
        {"ip_in('10.0.0.1', concat('10.0.0.0', '/8'))", "true"},
        {"ip_private('100.128.0.1')", "false"},
        {"ip_private('100.64.0.1')", "true"},
        {"ip_private('fd00::1')", "true"},
        {"ip_private('8.8.8.8')", "false"},
        {"ip_private('::1')", "true"},
        {"ip_private('::2')", "false"},
        {"ip_network('10.1.2.255', 23)", "\"10.1.2.0/23\""},
        {"ip_network('10.1.3.255', 23)", "\"10.1.2.0/23\""},
        {"ip_network('2001:db8::1', 32)", "\"2001:db8::/32\""},
        {"ip_network('1.2.3.4', 0)", "\"0.0.0.0/0\""},
    };

    (void)state;
    CHECK(pairs);
}

static void likeness_is_measured(void **state)
{
    static const char *const pairs[][2] = {
        {"levenshtein('', 'abc')", "3"},
        {"levenshtein('café', 'cafe')", "1"},
        {"levenshtein('abc', 'abc')", "0"},
        {"levenshtein('ab', 'ba')", "2"},
        {"levenshtein(bad, '')", "2"},
        {"damerau_levenshtein('ab', 'ba')", "1"},
        {"damerau_levenshtein('ca', 'abc')", "3"}, /* no part is edited twice */
        {"round(jaro_winkler('dixon', 'dicksonx'), 4)", "0.8133"},
        {"round(jaro_winkler('dwayne', 'duane'), 2)", "0.84"},
        {"jaro_winkler('abc', 'abc') = 1", "true"},
        {"jaro_winkler('abc', 'xyz') = 0", "true"},
        {"jaro_winkler('', '') = 1", "true"},
        {"jaro_winkler('', 'a') = 0", "true"},
        {"soundex('Robert')", "\"R163\""},
        {"soundex('Rupert')", "\"R163\""},
        {"soundex('Tymczak')", "\"T522\""},
        {"soundex('Pfister')", "\"P236\""},
        {"soundex('Honeyman')", "\"H555\""},
        {"soundex('Lee')", "\"L000\""},
        {"soundex('123')", "null"},
        {"version_compare('1.2', '1.2.0')", "0"},
        {"version_compare('v2.0.0', '10.0.0')", "-1"},
        {"version_compare('1.0.0-alpha', '1.0.0')", "-1"},
        {"version_compare('1.0.0-alpha.1', '1.0.0-alpha.beta')", "-1"},
        {"version_compare('1.0.0-alpha.1', '1.0.0-alpha')", "1"},
        {"version_compare('1.0.0-rc.11', '1.0.0-rc.2')", "1"},
        {"version_compare('1.0.0+a', '1.0.0+b')", "0"},
        {"version_compare('99999999999999999999999', '99999999999999999999998')", "1"},
    };

    (void)state;
    CHECK(pairs);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const pairs[][2] = {
        {"hmac_sha256('a', bad)", "the key is a string"},
        {"uuid5('x', 'a')", "is not dns, url, oid, x500 or a UUID"},
        {"base64_decode('a')", "is not base64"},
        {"base64url_decode('a+b/')", "is not base64url"},
        {"hex_decode('abc')", "is not pairs of hex digits"},
        {"hex_decode('zz')", "is not pairs of hex digits"},
        {"url_host('a b')", "is not a URL"},
        {"json_get(bad, 'a')", "is not JSON"},
        {"json_get(j, 'a..b')", "is not a path"},
        {"json_get(j, concat('a[', 'b]'))", "is not a path"},
        {"json_get(j, 'a.[')", "is not a path"},
        {"json('[1] x')", "is not JSON"},
        {"json_object('a')", "a value behind each name"},
        {"ip_version('x')", "is not an IP address"},
        {"ip_in('1.2.3.4', '1.2.3/8')", "is not a network"},
        {"ip_in('1.2.3.4', '1.2.3.0/33')", "is not a network"},
        {"ip_in('1.2.3.4', concat('x', 'y'))", "is not a network"},
        {"ip_network('1.2.3.4', 33)", "number of bits"},
        {"levenshtein(repeat('a', 5000), 'b')", "more than 4096 characters"},
        {"levenshtein('b', repeat('a', 50000))", "more than 4096 characters"},
    };

    (void)state;
    wants_errors(RECORD, pairs, SFX_COUNT(pairs));
}

/* More than one fetch of random bytes, and each record its own. */
static void every_record_has_its_own_uuid(void **state)
{
    struct sfx_buf text = {0};
    struct query_run run = {.program = "u = uuid() | distinct u | group: n = count()"};
    size_t i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&text, "a\n", NULL), 0);
    for (i = 0; i < 3000; i++)
        assert_int_equal(sfx_buf_puts(&text, "x\n", NULL), 0);
    run.input = sfx_buf_slice(&text);
    assert_int_equal(query_run(&run), 0);
    assert_true(sfx_slice_eq(sfx_buf_slice(&run.output), SFX_SLICE_LIT("n\n3000\n")));
    sfx_buf_done(&run.output);
    sfx_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standards),
        cmocka_unit_test(encodings_go_there_and_back),
        cmocka_unit_test(json_is_found_by_paths),
        cmocka_unit_test(addresses_are_in_networks),
        cmocka_unit_test(likeness_is_measured),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(every_record_has_its_own_uuid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
