/* SPDX-License-Identifier: MIT */
/* Events: what comes in goes out again, what breaks the specification is refused. */
#include "base/size.h"
#include "event/event.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/in\",\"type\":\"t\""

static void assert_slice(struct sfx_slice got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

/* What line becomes when it is parsed and written again. */
static void assert_rewritten(const char *line, const char *want)
{
    struct sfx_arena arena = {0};
    struct sfx_buf out = {0};
    struct sfx_event ev;
    struct sfx_err err;

    sfx_err_clear(&err);
    if (sfx_event_parse(line, strlen(line), &arena, &ev, &err) < 0)
        fail_msg("%s: %s", line, err.text);
    assert_int_equal(sfx_event_write(&ev, &out, &err), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL), want);
    sfx_buf_done(&out);
    sfx_arena_done(&arena);
}

static void assert_refused(const char *line, const char *message)
{
    struct sfx_arena arena = {0};
    struct sfx_event ev;
    struct sfx_err err;

    if (sfx_event_parse(line, strlen(line), &arena, &ev, &err) != SFX_E_INPUT)
        fail_msg("accepted: %s", line);
    assert_string_equal(err.text, message);
    sfx_arena_done(&arena);
}

static void a_file_event_is_understood(void **state)
{
    static const char line[] =
        "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/in\",\"type\":\"dev.sfx.file.closed\","
        "\"subject\":\"a\\u00e9.jpg\",\"time\":\"2026-11-23T14:05:09.25Z\","
        "\"datacontenttype\":\"application/json\",\"sfxcause\":\"5\",\"sfxroot\":\"3\","
        "\"traceparent\":\"00-ab-cd-01\",\"data\":{\"path\":\"in/a\xc3\xa9.jpg\",\"size\":123,"
        "\"mtime\":\"2026-11-23T15:05:09.000000001+01:00\",\"etag\":\"7b-1\",\"type\":\"image/"
        "jpeg\","
        "\"width\":640,\"height\":480,\"records\":0}}";
    struct sfx_arena arena = {0};
    struct sfx_event ev;

    (void)state;
    assert_int_equal(sfx_event_parse(line, sizeof(line) - 1, &arena, &ev, NULL), 0);
    assert_slice(ev.id, "7");
    assert_slice(ev.source, "/in");
    assert_slice(ev.type, SFX_EVENT_CLOSED);
    assert_slice(ev.subject, "a\xc3\xa9.jpg");
    assert_slice(ev.time, "2026-11-23T14:05:09.25Z");
    assert_slice(ev.cause, "5");
    assert_slice(ev.root, "3");
    assert_slice(ev.traceparent, "00-ab-cd-01");
    assert_slice(ev.path, "in/a\xc3\xa9.jpg");
    assert_slice(ev.etag, "7b-1");
    assert_slice(ev.media_type, "image/jpeg");
    assert_int_equal(ev.size, 123);
    assert_int_equal(ev.mtime_ns, INT64_C(1795442709000000001));
    assert_int_equal(ev.width, 640);
    assert_int_equal(ev.height, 480);
    assert_int_equal(ev.records, 0);
    sfx_arena_done(&arena);
}

static void an_event_is_written_as_one_line(void **state)
{
    struct sfx_buf out = {0};
    struct sfx_event ev;

    (void)state;
    sfx_event_init(&ev);
    ev.id = SFX_SLICE_LIT("7");
    ev.source = SFX_SLICE_LIT("/in");
    ev.type = SFX_SLICE_LIT(SFX_EVENT_CREATED);
    ev.subject = SFX_SLICE_LIT("a\nb\xc2\x85.jpg");
    ev.path = SFX_SLICE_LIT("a\nb\xc2\x85.jpg");
    ev.size = 0;
    ev.mtime_ns = INT64_C(1795442709250000000);
    ev.width = 10;
    assert_int_equal(sfx_event_write(&ev, &out, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL),
                        "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/"
                        "in\",\"type\":\"dev.sfx.output.created\","
                        "\"subject\":\"a\xef\xbf\xbd"
                        "b\xef\xbf\xbd.jpg\",\"data\":{\"path\":\"a\\nb\xc2\x85.jpg\","
                        "\"size\":0,\"mtime\":\"2026-11-23T14:05:09.250Z\",\"width\":10}}\n");

    ev.type = sfx_slice(NULL, 0);
    assert_int_equal(sfx_event_write(&ev, &out, NULL), SFX_E_USAGE);
    assert_int_equal(out.data[out.len - 1], '\n'); /* the first line is untouched */
    sfx_buf_done(&out);
}

static void names_that_are_not_text_keep_their_bytes(void **state)
{
    struct sfx_arena arena = {0};
    struct sfx_buf out = {0};
    struct sfx_event ev;
    struct sfx_event back;

    (void)state;
    sfx_event_init(&ev);
    ev.id = ev.source = ev.type = SFX_SLICE_LIT("x");
    ev.path = SFX_SLICE_LIT("in/\xff\xe9t\xe9.csv");
    assert_int_equal(sfx_event_write(&ev, &out, NULL), 0);
    assert_non_null(strstr(sfx_buf_cstr(&out, NULL),
                           "{\"path\":\"in/\xef\xbf\xbd\xef\xbf\xbdt\xef\xbf\xbd.csv\","
                           "\"path_base64\":\"aW4v/+l06S5jc3Y=\"}"));
    assert_int_equal(sfx_event_parse(out.data, out.len, &arena, &back, NULL), 0);
    assert_true(sfx_slice_eq(back.path, ev.path));
    sfx_arena_done(&arena);
    sfx_buf_done(&out);
    /* The order of the two does not matter. */
    assert_rewritten(HEAD ",\"data\":{\"path_base64\":\"YQ==\",\"path\":\"b\"}}",
                     HEAD ",\"data\":{\"path\":\"a\"}}\n");
}

static void what_sfx_does_not_know_passes_untouched(void **state)
{
    static const char *const lines[] = {
        HEAD ",\"one\":1,\"two\":\"\\u0041\\n\",\"three\":true,\"data\":{\"x\":[1, {\"y\":null}],"
             "\"b\\n\":1.50,\"b\\n\":2}}\n",
        HEAD ",\"data\":{}}\n",
        HEAD ",\"data\":null}\n",
        HEAD ",\"data\":[1,2]}\n",
        HEAD ",\"data\":\"text\"}\n",
        HEAD ",\"datacontenttype\":\"text/xml\",\"data\":\"<a/>\"}\n",
        HEAD ",\"data_base64\":\"AAEC\"}\n",
        HEAD ",\"dataschema\":\"urn:x\"}\n",
        /* Other producers may mean other things by our names. */
        HEAD ",\"data\":{\"size\":\"big\",\"path\":[\"a\"],\"mtime\":\"today\",\"width\":-3,"
             "\"height\":1.5,\"records\":99999999999999999999,\"type\":7}}\n",
        HEAD ",\"datacontenttype\":\"text/plain\",\"data\":{\"path\":\"a\"}}\n",
        HEAD ",\"datacontenttype\":\"application/x+JSON ; a=b\",\"data\":{\"path\":\"a\"}}\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(lines); i++)
        assert_rewritten(lines[i], lines[i]);
    assert_rewritten(" " HEAD ", \"subject\" : null, \"ext\":null, \"data_base64\":null } \r\n",
                     HEAD "}\n");
    assert_rewritten("{\"t\\u0079pe\":\"t\",\"source\":\"/in\",\"id\":\"\\u0031\","
                     "\"specversion\":\"1.0\"}",
                     HEAD "}\n");
}

static void what_breaks_the_specification_is_refused(void **state)
{
    static const struct {
        const char *line;
        const char *message;
    } cases[] = {
        {"", "byte 1: the text ends where a value is expected"},
        {"[]", "an event is a JSON object"},
        {"{}", "specversion is missing: not a CloudEvents event"},
        {HEAD, "byte 56: a ',' or '}' is missing in an object"},
        {HEAD "} x", "byte 58: something follows the value"},
        {HEAD "\n}", "byte 56: an event is one line"},
        {"{\"specversion\":\"0.3\"}", "specversion is not \"1.0\""},
        {"{\"specversion\":1.0}", "specversion is not \"1.0\""},
        {"{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}", "id is missing or empty"},
        {"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\"}",
         "id is missing or empty"},
        {"{\"specversion\":\"1.0\",\"id\":null,\"source\":\"s\",\"type\":\"t\"}",
         "id is missing or empty"},
        {"{\"specversion\":\"1.0\",\"id\":1}", "id is no string"},
        {HEAD ",\"id\":\"2\"}", "id stands there twice"},
        {HEAD ",\"specversion\":\"1.0\"}", "specversion stands there twice"},
        {HEAD ",\"subject\":[]}", "subject is no string"},
        {HEAD ",\"subject\":\"a\\nb\"}", "subject holds a control character"},
        {HEAD ",\"subject\":\"a\\u0085b\"}", "subject holds a control character"},
        {HEAD ",\"my_ext\":1}", "attribute \"my_ext\": a name is made of a-z and 0-9 only"},
        {HEAD ",\"Ext\":1}", "attribute \"Ext\": a name is made of a-z and 0-9 only"},
        {HEAD ",\"\":1}", "attribute \"\": a name is made of a-z and 0-9 only"},
        {HEAD ",\"ext\":{}}", "attribute \"ext\" is neither boolean, integer nor string"},
        {HEAD ",\"ext\":1.5}", "attribute \"ext\" is neither boolean, integer nor string"},
        {HEAD ",\"ext\":1e3}", "attribute \"ext\" is neither boolean, integer nor string"},
        {HEAD ",\"ext\":1,\"ext\":1}", "attribute \"ext\" stands there twice"},
        {HEAD ",\"data\":1,\"data_base64\":\"AA==\"}", "more than one of data and data_base64"},
        {HEAD ",\"data\":1,\"data\":1}", "more than one of data and data_base64"},
        {HEAD ",\"data_base64\":1}", "data_base64 is no string"},
        {HEAD ",\"data\":{\"path\":\"a\",\"path\":\"b\"}}", "data: path stands there twice"},
        {HEAD ",\"data\":{\"path\":\"a\\u0000b\"}}", "data.path holds a NUL byte"},
        {HEAD ",\"data\":{\"path_base64\":\"AA==\"}}", "data.path holds a NUL byte"},
        {HEAD ",\"data\":{\"path\":0,\"path_base64\":\"YQ==\"}}",
         "data.path is no string beside path_base64"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        assert_refused(cases[i].line, cases[i].message);
}

static void extension_attributes_have_a_limit(void **state)
{
    struct sfx_arena arena = {0};
    struct sfx_buf line = {0};
    struct sfx_event ev;
    int i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&line, HEAD, NULL), 0);
    for (i = 0; i < SFX_EVENT_MAX_ATTRS; i++)
        assert_int_equal(sfx_buf_printf(&line, NULL, ",\"x%d\":%d", i, i), 0);
    assert_int_equal(sfx_buf_puts(&line, "}", NULL), 0);
    assert_int_equal(sfx_event_parse(line.data, line.len, &arena, &ev, NULL), 0);
    assert_int_equal(ev.nattrs, SFX_EVENT_MAX_ATTRS);
    assert_slice(ev.attrs[200].raw, "200");
    line.len--;
    assert_int_equal(sfx_buf_puts(&line, ",\"y\":1}", NULL), 0);
    assert_int_equal(sfx_event_parse(line.data, line.len, &arena, &ev, NULL), SFX_E_LIMIT);
    sfx_buf_done(&line);
    sfx_arena_done(&arena);
}

static void time_is_checked_as_rfc_3339(void **state)
{
    static const char *const good[] = {
        "2026-11-23T14:05:09Z",      "1985-04-12t23:20:50.52z", "1990-12-31T23:59:60Z",
        "1996-12-19T16:39:57-08:00", "2024-02-29T00:00:00Z",    "9999-12-31T23:59:59.123456789123Z",
        "0000-01-01T00:00:00Z",
    };
    static const char *const bad[] = {
        "2026-11-23",           "2026-11-23T14:05Z",     "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z",  "2026-11-23T24:00:00Z",
        "2026-11-23T14:05:09",  "2026-11-23T14:05:09.Z", "2026-11-23T14:05:09+1:00",
        "2026-00-01T00:00:00Z", "2026-11-23T14:05:09Zx", "26-11-23T14:05:09Z",
    };
    char line[256];
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(good); i++) {
        char want[sizeof(line) + 1];

        (void)snprintf(line, sizeof(line), HEAD ",\"time\":\"%s\"}", good[i]);
        (void)snprintf(want, sizeof(want), "%s\n", line);
        assert_rewritten(line, want);
    }
    for (i = 0; i < SFX_COUNT(bad); i++) {
        (void)snprintf(line, sizeof(line), HEAD ",\"time\":\"%s\"}", bad[i]);
        assert_refused(line, "time is not in RFC 3339 form");
    }
}

static void times_of_files_are_counted_from_1970(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.0000000019Z", 1},
        {"1969-12-31T23:59:59Z", INT64_C(-1000000000)},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000000000)},
        {"2000-03-01T00:30:00+01:00", INT64_C(951867000000000000)},
        {"1677-09-22T00:00:00Z", INT64_C(-9223286400000000000)},
        {"2262-04-11T23:47:16Z", INT64_C(9223372036000000000)},
    };
    struct sfx_arena arena = {0};
    struct sfx_event ev;
    char line[256];
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        (void)snprintf(line, sizeof(line), HEAD ",\"data\":{\"mtime\":\"%s\"}}", cases[i].text);
        assert_int_equal(sfx_event_parse(line, strlen(line), &arena, &ev, NULL), 0);
        assert_int_equal(ev.mtime_ns, cases[i].ns);
    }
    sfx_arena_done(&arena);
    /* Beyond what nanoseconds can count it is kept as it came. */
    assert_rewritten(HEAD ",\"data\":{\"mtime\":\"9999-01-01T00:00:00Z\"}}",
                     HEAD ",\"data\":{\"mtime\":\"9999-01-01T00:00:00Z\"}}\n");
}

static void an_id_names_one_version_of_a_file(void **state)
{
    const struct stat base = {
        .st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = {4, 5}, .st_ctim = {6, 7}};
    struct stat other[7] = {base, base, base, base, base, base, base};
    char id[SFX_EVENT_ID_NBYTES];
    char again[SFX_EVENT_ID_NBYTES];
    size_t i;

    (void)state;
    sfx_event_file_id(&base, SFX_SLICE_LIT("a"), id);
    assert_int_equal(strlen(id), 32);
    assert_int_equal(strspn(id, "0123456789abcdef"), 32);
    sfx_event_file_id(&other[0], SFX_SLICE_LIT("a"), again);
    assert_string_equal(id, again);
    sfx_event_file_id(&base, SFX_SLICE_LIT("b"), again);
    assert_string_not_equal(id, again);
    other[0].st_dev = 9;
    other[1].st_ino = 9;
    other[2].st_size = 9;
    other[3].st_mtim.tv_sec = 9;
    other[4].st_mtim.tv_nsec = 9;
    other[5].st_ctim.tv_sec = 9;
    other[6].st_ctim.tv_nsec = 9;
    for (i = 0; i < SFX_COUNT(other); i++) {
        sfx_event_file_id(&other[i], SFX_SLICE_LIT("a"), again);
        assert_string_not_equal(id, again);
    }
}

static void an_etag_tells_size_and_mtime(void **state)
{
    struct stat st = {.st_size = 0x1f, .st_mtim = {1, 1}};
    char etag[SFX_EVENT_ID_NBYTES];

    (void)state;
    sfx_event_file_etag(&st, etag);
    assert_string_equal(etag, "1f-3b9aca01");
}

static void a_derived_id_repeats_with_the_same_work(void **state)
{
    char ids[4][SFX_EVENT_ID_NBYTES];
    size_t i;

    (void)state;
    sfx_event_derived_id(SFX_SLICE_LIT("7"), "sfx-resize", SFX_SLICE_LIT("a.jpg"), ids[0]);
    sfx_event_derived_id(SFX_SLICE_LIT("8"), "sfx-resize", SFX_SLICE_LIT("a.jpg"), ids[1]);
    sfx_event_derived_id(SFX_SLICE_LIT("7"), "sfx-load", SFX_SLICE_LIT("a.jpg"), ids[2]);
    sfx_event_derived_id(SFX_SLICE_LIT("7"), "sfx-resizea", SFX_SLICE_LIT(".jpg"), ids[3]);
    for (i = 1; i < 4; i++)
        assert_string_not_equal(ids[0], ids[i]);
    sfx_event_derived_id(SFX_SLICE_LIT("7"), "sfx-resize", SFX_SLICE_LIT("a.jpg"), ids[1]);
    assert_string_equal(ids[0], ids[1]);
}

/* The examples of sfx-events(5) are real: each reads as an event and is written again as it is. */
static void examples_of_the_manual_are_events(void **state)
{
    const char *src = getenv("SFX_SRC");
    char line[4096];
    FILE *page;
    int count = 0;

    (void)state;
    (void)snprintf(line, sizeof(line), "%s/man/sfx-events.5", src != NULL ? src : ".");
    page = fopen(line, "r");
    assert_non_null(page);
    while (fgets(line, sizeof(line), page) != NULL) {
        if (line[0] != '{')
            continue;
        assert_rewritten(line, line);
        count++;
    }
    assert_int_equal(fclose(page), 0);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_event_is_understood),
        cmocka_unit_test(an_event_is_written_as_one_line),
        cmocka_unit_test(names_that_are_not_text_keep_their_bytes),
        cmocka_unit_test(what_sfx_does_not_know_passes_untouched),
        cmocka_unit_test(what_breaks_the_specification_is_refused),
        cmocka_unit_test(extension_attributes_have_a_limit),
        cmocka_unit_test(time_is_checked_as_rfc_3339),
        cmocka_unit_test(times_of_files_are_counted_from_1970),
        cmocka_unit_test(an_id_names_one_version_of_a_file),
        cmocka_unit_test(an_etag_tells_size_and_mtime),
        cmocka_unit_test(a_derived_id_repeats_with_the_same_work),
        cmocka_unit_test(examples_of_the_manual_are_events),
    };

    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
