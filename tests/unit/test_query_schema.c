/* SPDX-License-Identifier: MIT */
/* Table schemas: both forms read, every keyword kept, types given, drift told, inferred ones true.
 */
#include "query/table_schema.h"
#include "query_assert.h"

#include <stdio.h>

#define PROPERTIES(text) "{\"type\":\"object\",\"properties\":{" text "}}"

static struct sfx_table_schema *read_schema(const char *text)
{
    struct sfx_err err;
    struct sfx_table_schema *schema = sfx_table_schema_new(text, strlen(text), "schema.json", &err);

    if (schema == NULL)
        fail_msg("%s: %s", text, err.text);
    return schema;
}

/* Runs program over input behind a schema; skipped records are left out. */
static void assert_kept(const char *schema_text, const char *program, const char *input,
                        const char *output)
{
    struct sfx_table_schema *schema = read_schema(schema_text);

    query_gives(&(struct query_run){.program = program,
                                    .from = query_format(input),
                                    .to = query_format(output),
                                    .input = sfx_slice_str(input),
                                    .opts = {.schema = schema, .on_error = SFX_ON_ERROR_SKIP}},
                output);
    sfx_table_schema_free(schema);
}

/* Which of the values (a JSON array's text would be too much: lines) of column a are kept. */
static void assert_values(const char *property, const char *values, const char *kept)
{
    char schema[512], input[512], output[512];

    (void)snprintf(schema, sizeof(schema), PROPERTIES("\"a\":%s"), property);
    (void)snprintf(input, sizeof(input), "a\n%s\n", values);
    (void)snprintf(output, sizeof(output), "a\n%s%s", kept, kept[0] != '\0' ? "\n" : "");
    assert_kept(schema, "", input, output);
}

static void every_keyword_keeps_what_it_says(void **state)
{
    (void)state;
    assert_values("{\"type\":\"integer\"}", "1\n-7\n1.0\n1.5\nx\n1e3\n007", "1\n-7\n1.0\n1e3\n007");
    assert_values("{\"type\":\"number\"}", "1.50\n.5\n1e-3\n1;5\n\"2\"\nNaN",
                  "1.50\n.5\n1e-3\n\"2\"");
    assert_values("{\"type\":\"boolean\"}", "true\nfalse\n1\nTRUE", "true\nfalse");
    assert_values("{\"type\":\"string\"}", "1\nx", "1\nx");
    assert_values("{\"type\":[\"integer\",\"boolean\"]}", "1\ntrue\n1.5", "1\ntrue");
    assert_values("true", "1\nx", "1\nx");
    assert_values("{\"enum\":[\"DE\",\"FR\",5]}", "DE\nde\n5\n5.0\n6", "DE\n5\n5.0");
    assert_values("{\"const\":\"x\"}", "x\ny", "x");
    assert_values("{\"pattern\":\"^[A-Z]\\\\d+$\"}", "A1\nA\nA12\nxA1", "A1\nA12");
    assert_values("{\"type\":\"number\",\"minimum\":0,\"maximum\":10}", "-0.1\n0\n10\n10.01",
                  "0\n10");
    assert_values("{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":10}",
                  "0\n0.1\n9.9\n10", "0.1\n9.9");
    assert_values("{\"minLength\":2,\"maxLength\":3}",
                  "a\n\xC3\xA9\xC3\xA9\n\xC3\xA9\xC3\xA9\xC3\xA9\nabcd",
                  "\xC3\xA9\xC3\xA9\n\xC3\xA9\xC3\xA9\xC3\xA9");
    assert_values("{\"x-unique\":true}", "1\n2\n1\n1.0", "1\n2\n1.0");
    assert_values("{\"type\":\"number\",\"x-unique\":true}", "1\n2\n1.0\n01", "1\n2");
}

static void every_format_keeps_what_it_says(void **state)
{
    (void)state;
    assert_values("{\"format\":\"date\"}", "2026-01-05\n2024-02-29\n2026-02-29\n2026-1-5\n26-01-05",
                  "2026-01-05\n2024-02-29");
    assert_values("{\"format\":\"time\"}",
                  "10:00:00Z\n10:00:00.5+02:00\n10:00\n24:00:00Z\n10:00:00",
                  "10:00:00Z\n10:00:00.5+02:00");
    assert_values("{\"format\":\"date-time\"}",
                  "2026-01-05T10:00:00Z\n2026-01-05 10:00:00Z\n2026-01-05T10:00:00\n"
                  "1969-12-31T23:59:60-00:30",
                  "2026-01-05T10:00:00Z\n1969-12-31T23:59:60-00:30");
    assert_values("{\"format\":\"email\"}",
                  "a@b.org\na.b+c@d-e.com\na..b@c.de\n@b.org\na@\na b@c.de",
                  "a@b.org\na.b+c@d-e.com");
    assert_values("{\"format\":\"uuid\"}",
                  "123e4567-e89b-12d3-a456-426614174000\n123e4567e89b12d3a456426614174000\n"
                  "123e4567-e89b-12d3-a456-42661417400g",
                  "123e4567-e89b-12d3-a456-426614174000");
    assert_values("{\"format\":\"ipv4\"}", "10.0.0.1\n256.1.1.1\n1.2.3", "10.0.0.1");
    assert_values("{\"format\":\"ipv6\"}", "::1\n2001:db8::7\n1.2.3.4\n:::", "::1\n2001:db8::7");
    assert_values("{\"format\":\"hostname\"}", "a.example\n-a.example\na..b\n\"a b\"", "a.example");
    assert_values("{\"format\":\"uri\"}", "https://a.example/x?y\nmailto:a@b\nx\n1:2\n\"a b:c\"",
                  "https://a.example/x?y\nmailto:a@b");
}

static void an_empty_field_is_missing_where_it_is_required_and_free_elsewhere(void **state)
{
    (void)state;
    assert_kept("{\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"format\":\"date\"}},"
                "\"required\":[\"a\"]}",
                "", "a,b\n1,\n,2026-01-05\n2,2026-01-05\n", "a,b\n1,\n2,2026-01-05\n");
}

static void json_values_have_the_types_that_json_says(void **state)
{
    (void)state;
    assert_kept(
        "{\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":[\"string\",\"null\"]},"
        "\"c\":{\"type\":[\"object\",\"array\"]}},\"required\":[\"b\"]}",
        "",
        "{\"a\":1,\"b\":\"x\"}\n{\"a\":\"1\",\"b\":\"x\"}\n{\"a\":1}\n{\"b\":null}\n"
        "{\"b\":\"y\",\"c\":[1]}\n{\"b\":\"y\",\"c\":\"[1]\"}\n{\"a\":1.5,\"b\":\"x\"}\n",
        "{\"a\":1,\"b\":\"x\"}\n{\"b\":null}\n{\"b\":\"y\",\"c\":[1]}\n");
    assert_kept("{\"properties\":{\"a\":{\"enum\":[1,\"2\"]}},\"additionalProperties\":false}", "",
                "{\"a\":1}\n{\"a\":\"1\"}\n{\"a\":\"2\"}\n{\"a\":2}\n{\"a\":1,\"z\":0}\n{}\n",
                "{\"a\":1}\n{\"a\":\"2\"}\n{}\n");
}

static void declared_types_are_those_of_the_program(void **state)
{
    static const char schema[] =
        PROPERTIES("\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"},"
                   "\"c\":{\"type\":\"string\"}");

    (void)state;
    assert_kept(schema, "sort a | x = a = b", "a,b,c\n10,1e1,q\n9,9.0,r\n,1,s\n",
                "a,b,c,x\n9,9.0,r,true\n10,1e1,q,true\n,1,s,false\n");
    assert_kept(schema, "group : m = max(c), s = sum(a)", "a,b,c\n1,1,x9\n2,2,x10\n",
                "m,s\nx9,3\n");
    assert_kept(PROPERTIES("\"d\":{\"type\":\"string\",\"format\":\"date\"}"),
                "next = d + 1d | sort -d", "d\n2026-01-31\n\n2025-12-31\n",
                "d,next\n2026-01-31,2026-02-01\n2025-12-31,2026-01-01\n,\n");
    /* What is not computed keeps its bytes, through stages that keep records too. */
    assert_kept(schema, "sort -b", "a,b,c\n\"007\",1e0,\"q\"\n+1,02,r\n",
                "a,b,c\n+1,02,r\n\"007\",1e0,\"q\"\n");
}

static void csvw_is_read_like_json_schema(void **state)
{
    static const char schema[] =
        "{\"@context\":\"http://www.w3.org/ns/csvw\",\"url\":\"x.csv\",\"dc:title\":\"t\","
        "\"tableSchema\":{\"columns\":["
        "{\"name\":\"id\",\"titles\":[\"Id\",\"No.\"],\"datatype\":\"positiveInteger\","
        "\"required\":true},"
        "{\"name\":\"paid\",\"datatype\":{\"base\":\"boolean\",\"format\":\"Y|N\"}},"
        "{\"name\":\"day\",\"datatype\":{\"base\":\"date\",\"minimum\":\"2026-01-01\"}},"
        "{\"name\":\"price\",\"datatype\":{\"base\":\"decimal\",\"maxExclusive\":\"100\"},"
        "\"null\":[\"NA\",\"-\"]},"
        "{\"titles\":\"Code\",\"datatype\":{\"format\":\"^[A-Z]+$\",\"maxLength\":3}}],"
        "\"primaryKey\":[\"id\",\"day\"]}}";

    (void)state;
    assert_kept(
        schema, "total = price ?? 0",
        "No.,paid,day,price,Code\n"
        "1,Y,2026-01-05,NA,AB\n"      /* kept */
        "0,Y,2026-01-05,1,AB\n"       /* not positive */
        "2,true,2026-01-05,1,AB\n"    /* not Y or N */
        "2,N,2025-12-31,1,AB\n"       /* too early */
        "2,N,2026-01-05,100,AB\n"     /* too much */
        "2,N,2026-01-05,99.99,ABCD\n" /* too long */
        "1,N,2026-01-05,5,AB\n"       /* key has come before */
        "1,N,2026-01-06,5.00,AB\n",   /* kept */
        "id,paid,day,price,Code,total\n1,Y,2026-01-05,,AB,0\n1,N,2026-01-06,5.00,AB,5.00\n");
}

static void what_is_not_supported_is_an_error_that_names_it(void **state)
{
    static const char *const cases[][2] = {
        {PROPERTIES("\"a\":{\"multipleOf\":2}"), "a: keyword multipleOf is not supported"},
        {PROPERTIES("\"a\":{\"format\":\"regex\"}"), "there is no format regex"},
        {PROPERTIES("\"a\":{\"type\":\"float\"}"), "there is no type float"},
        {PROPERTIES("\"a\":{\"minimum\":\"x\"}"), "a number is expected"},
        {PROPERTIES("\"a\":{\"pattern\":\"(\"}"), "column a: pattern"},
        {"{\"allOf\":[]}", "keyword allOf is not supported"},
        {"{\"additionalProperties\":{}}", "true or false is expected"},
        {"{\"type\":\"array\"}", "a record is an object"},
        {"{\"x-unique\":[[\"a\"]]}", "there is no column a"},
        {"[]", "a schema is a JSON object"},
        {"{\"properties\":{\"a\":true,\"a\":true}}", "comes twice"},
        {"{", "byte 2"},
        {"{\"tableSchema\":{\"columns\":[{\"name\":\"a\",\"datatype\":\"duration\"}]}}",
         "datatype duration is not supported"},
        {"{\"tableSchema\":{\"columns\":[{\"name\":\"a\",\"separator\":\" \"}]}}",
         "column a: separator is not supported"},
        {"{\"tableSchema\":{},\"dialect\":{}}", "dialect is not supported"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct sfx_err err;

        assert_null(sfx_table_schema_new(cases[i][0], strlen(cases[i][0]), "s.json", &err));
        assert_int_equal(err.code, SFX_E_USAGE);
        if (strstr(err.text, cases[i][1]) == NULL || strncmp(err.text, "s.json: ", 8) != 0)
            fail_msg("%s: %s", cases[i][0], err.text);
    }
}

static void a_required_column_that_a_header_lacks_ends_the_run(void **state)
{
    static const struct {
        const char *schema, *input, *text;
    } cases[] = {
        {"{\"properties\":{\"a\":true,\"b\":true},\"required\":[\"b\"]}", "a\n1\n",
         "in: column b is missing, which schema.json requires"},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "a,c\n1,2\n",
         "in: column c is not in schema.json"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct sfx_table_schema *schema = read_schema(cases[i].schema);
        struct query_run run = {
            .program = "",
            .input = sfx_slice_str(cases[i].input),
            .opts = {.schema = schema, .on_error = SFX_ON_ERROR_SKIP},
        };

        assert_int_equal(query_run(&run), SFX_E_INPUT);
        assert_string_equal(run.err.text, cases[i].text);
        sfx_buf_done(&run.output);
        sfx_table_schema_free(schema);
    }
}

static void keys_beyond_the_memory_are_found(void **state)
{
    struct sfx_table_schema *schema = read_schema(PROPERTIES("\"a\":{\"x-unique\":true}"));
    struct sfx_buf input = {0};
    struct query_run run = {
        .program = "group : n = count()",
        .opts = {.schema = schema, .memory_nbytes = 1 << 20, .on_error = SFX_ON_ERROR_SKIP}};
    int i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&input, "a,b\n", NULL), 0);
    for (i = 0; i < 60000; i++)
        assert_int_equal(sfx_buf_printf(&input, NULL, "key %d,\n", i % 55000), 0);
    run.input = sfx_buf_slice(&input);
    assert_int_equal(query_run(&run), 0);
    assert_int_equal(sfx_buf_putc(&run.output, '\0', NULL), 0);
    assert_string_equal(run.output.data, "n\n55000\n");
    sfx_buf_done(&run.output);
    sfx_buf_done(&input);
    sfx_table_schema_free(schema);
}

/* The schema that is inferred of input, into out. */
static void infer(const char *input, struct sfx_buf *out)
{
    struct query_output output = {.ops = sfx_format_table_schema.writer, .out = out};
    const struct sfx_format *from =
        sfx_format_by_name(sfx_slice_str(input[0] == '{' ? "jsonl" : "csv"));
    struct sfx_program *program = sfx_program_new("", 0, NULL, NULL);
    struct sfx_reader *reader = from->reader->create(NULL, NULL);
    struct query_run run = {.input = sfx_slice_str(input), .piece = 5};
    struct sfx_query *query = sfx_query_new(program, NULL, query_emit, &output, NULL);

    output.writer = output.ops->create(NULL, NULL);
    assert_int_equal(query_pump(&run, query, from->reader, reader, &output), 0);
    assert_int_equal(output.ops->finish(output.writer, NULL, out, NULL), 0);
    output.ops->destroy(output.writer);
    from->reader->destroy(reader);
    sfx_query_free(query);
    sfx_program_free(program);
}

/* A column of each type, with an empty field in most. */
#define TYPED                                                                                      \
    "id,n,x,zip,day,ok,u\n1,-0,1.50,00501,2026-01-05,true,a@b.de\n"                                \
    "2,1e5,2,10001,2026-01-06,false,c@d.de\n3,,7.25,10002,,true,\n"

static void an_inferred_schema_holds_for_what_it_was_inferred_of(void **state)
{
    static const char *const inputs[] = {
        TYPED,
        "a\n\"x \"\"y\"\"\"\n\xC3\xA9\n\xFF\n",
        "a,b\n",
        "{\"a\":1,\"b\":\"x\"}\n{\"a\":1e300,\"b\":null}\n{\"a\":\"t\",\"c\":[1,{}]}\n{\"c\":{}}\n",
        "{\"a\":true,\"b\":\"\"}\n{\"a\":false,\"b\":\"\\u00e9\"}\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(inputs); i++) {
        struct sfx_buf text = {0};
        struct sfx_table_schema *schema;
        struct query_run run = {.program = "",
                                .from = inputs[i][0] == '{' ? "jsonl" : "csv",
                                .to = inputs[i][0] == '{' ? "jsonl" : "csv",
                                .input = sfx_slice_str(inputs[i])};

        infer(inputs[i], &text);
        schema = read_schema(sfx_buf_cstr(&text, NULL));
        run.opts.schema = schema;
        if (query_run(&run) != 0)
            fail_msg("%s\n%s", run.err.text, sfx_buf_cstr(&text, NULL));
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), inputs[i]);
        sfx_table_schema_free(schema);
        sfx_buf_done(&run.output);
        sfx_buf_done(&text);
    }
}

static void a_type_is_inferred_when_every_value_comes_back_as_its_text(void **state)
{
    struct sfx_buf text = {0};

    (void)state;
    infer("id,n,x,zip,day,ok,c\n1,-1,1.50,00501,2026-01-05,true,r\n2,2,2,10001,2026-01-06,false,r\n"
          "3,3,2,10001,2026-01-06,false,r\n4,,2,7,2026-01-06,false,b\n5,3,2,7,2026-01-06,false,b\n"
          "6,3,2,7,2026-01-06,false,b\n7,3,2,7,2026-01-06,false,b\n8,3,2,8,2026-01-06,false,b\n",
          &text);
    assert_string_equal(
        sfx_buf_cstr(&text, NULL),
        "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
        "  \"type\": \"object\",\n  \"properties\": {\n"
        "    \"id\": {\"type\":\"integer\",\"minimum\":1,\"maximum\":8,\"x-unique\":true},\n"
        "    \"n\": {\"type\":\"integer\",\"minimum\":-1,\"maximum\":3},\n"
        "    \"x\": {\"type\":\"number\",\"minimum\":1.50,\"maximum\":2},\n"
        "    \"zip\": {\"type\":\"string\",\"maxLength\":5},\n"
        "    \"day\": {\"type\":\"string\",\"format\":\"date\"},\n"
        "    \"ok\": {\"type\":\"boolean\"},\n"
        "    \"c\": {\"type\":\"string\",\"enum\":[\"r\",\"b\"]}\n  },\n"
        "  \"required\": [\"id\",\"x\",\"zip\",\"day\",\"ok\",\"c\"]\n}\n");
    sfx_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_keyword_keeps_what_it_says),
        cmocka_unit_test(every_format_keeps_what_it_says),
        cmocka_unit_test(an_empty_field_is_missing_where_it_is_required_and_free_elsewhere),
        cmocka_unit_test(json_values_have_the_types_that_json_says),
        cmocka_unit_test(declared_types_are_those_of_the_program),
        cmocka_unit_test(csvw_is_read_like_json_schema),
        cmocka_unit_test(what_is_not_supported_is_an_error_that_names_it),
        cmocka_unit_test(a_required_column_that_a_header_lacks_ends_the_run),
        cmocka_unit_test(keys_beyond_the_memory_are_found),
        cmocka_unit_test(an_inferred_schema_holds_for_what_it_was_inferred_of),
        cmocka_unit_test(a_type_is_inferred_when_every_value_comes_back_as_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
