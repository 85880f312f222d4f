/* SPDX-License-Identifier: MIT */
/* Messages as people and machines read them, and the progress line. */
#include "cli/log.h"
#include "cli/progress.h"
#include "json/json.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fixture {
    struct sfx_log log;
    char said[16384];
};

static int start(void **state)
{
    static struct fixture f;

    f = (struct fixture){.log = {.prog = "sfx-x", .level = SFX_LOG_NOTICE}};
    f.log.fd = memfd_create("log", MFD_CLOEXEC);
    *state = &f;
    return f.log.fd >= 0 ? 0 : -1;
}

static int stop(void **state)
{
    return close(((struct fixture *)*state)->log.fd);
}

/* Everything said so far. */
static const char *said(struct fixture *f)
{
    ssize_t n = pread(f->log.fd, f->said, sizeof(f->said) - 1, 0);

    assert_true(n >= 0);
    f->said[n] = '\0';
    return f->said;
}

static void a_message_begins_with_the_program(void **state)
{
    struct fixture *f = *state;

    sfx_log(&f->log, SFX_LOG_NOTICE, "%s: %d rows", "a.csv", 3);
    assert_string_equal(said(f), "sfx-x: a.csv: 3 rows\n");
}

static void what_is_above_the_level_is_not_said(void **state)
{
    struct fixture *f = *state;

    sfx_log(&f->log, SFX_LOG_INFO, "never");
    f->log.level = SFX_LOG_ERROR;
    sfx_log(&f->log, SFX_LOG_WARNING, "never");
    sfx_log(NULL, SFX_LOG_ERROR, "nobody");
    sfx_log(&(struct sfx_log){.prog = "x", .fd = -1}, SFX_LOG_ERROR, "nowhere");
    assert_string_equal(said(f), "");
    f->log.level = SFX_LOG_DEBUG;
    sfx_log(&f->log, SFX_LOG_DEBUG, "now");
    assert_string_equal(said(f), "sfx-x: now\n");
}

static void a_name_cannot_forge_a_line(void **state)
{
    struct fixture *f = *state;

    sfx_log(&f->log, SFX_LOG_NOTICE, "%s", "a\nsfx-x: all is well\033[2J");
    assert_string_equal(said(f), "sfx-x: a?sfx-x: all is well?[2J\n");
}

static void a_message_takes_the_progress_line_away(void **state)
{
    struct fixture *f = *state;

    f->log.clears_line = true;
    sfx_log(&f->log, SFX_LOG_NOTICE, "one");
    assert_string_equal(said(f), SFX_PROGRESS_CLEAR "sfx-x: one\n");
}

static void an_error_is_followed_by_its_note(void **state)
{
    struct fixture *f = *state;
    struct sfx_err err;

    (void)sfx_err_set(&err, SFX_E_USAGE, "unknown column prise");
    sfx_err_note(&err, "where prise > 3\n      ^");
    sfx_log_err(&f->log, SFX_LOG_ERROR, &err);
    assert_string_equal(said(f), "sfx-x: unknown column prise\nwhere prise > 3\n      ^\n");
}

/* The value of a member of the one JSON object said; the whole line must be valid JSON. */
static struct sfx_slice member(struct fixture *f, const char *name)
{
    const char *line = said(f);
    struct sfx_slice found = {0};
    struct sfx_json_reader r;
    struct sfx_json_token tok;
    bool next = false;

    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_int_equal(sfx_json_validate(line, strlen(line), NULL), 0);
    sfx_json_reader_init(&r, line, strlen(line));
    while (sfx_json_next(&r, &tok, NULL) == 1) {
        if (next)
            found = tok.text;
        next = tok.type == SFX_JSON_KEY && sfx_slice_eq(tok.text, sfx_slice_str(name));
    }
    return found;
}

static void is_member(struct fixture *f, const char *name, const char *value)
{
    struct sfx_slice got = member(f, name);

    assert_int_equal(got.len, strlen(value));
    assert_memory_equal(got.ptr, value, got.len);
}

static void json_lines_hold_what_machines_ask_for(void **state)
{
    struct fixture *f = *state;
    struct sfx_err err;

    f->log.json = true;
    (void)sfx_err_errno(&err, ENOSPC, "out \"1\"\\.csv");
    sfx_err_note(&err, "one\ntwo");
    sfx_log_err(&f->log, SFX_LOG_ERROR, &err);
    is_member(f, "level", "error");
    is_member(f, "program", "sfx-x");
    is_member(f, "code", "io");
    is_member(f, "errno", "28");
    is_member(f, "message", "out \\\"1\\\"\\\\.csv: No space left on device");
    is_member(f, "note", "one\\u000atwo");
    assert_int_equal(member(f, "time").ptr[10], 'T');
}

static void json_lines_are_valid_whatever_a_name_holds(void **state)
{
    struct fixture *f = *state;

    f->log.json = true;
    sfx_log(&f->log, SFX_LOG_WARNING, "%s", "caf\xc3\xa9 \xff\xc3 \x01 \x7f");
    is_member(f, "level", "warning");
    is_member(f, "message", "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd \\u0001 \\u007f");
}

static void an_over_long_message_is_cut_and_still_a_line(void **state)
{
    struct fixture *f = *state;
    struct sfx_err err;
    char text[2 * SFX_ERR_TEXT_NBYTES];

    memset(text, 1, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)sfx_err_set(&err, SFX_E_INPUT, "x");
    memset(err.text, 1, sizeof(err.text) - 1); /* the longest form in JSON: \u0001 */
    memset(err.note, 1, sizeof(err.note) - 1);
    err.text[sizeof(err.text) - 1] = err.note[sizeof(err.note) - 1] = '\0';
    f->log.json = true;
    sfx_log_err(&f->log, SFX_LOG_ERROR, &err);
    assert_int_equal(member(f, "note").len, 6 * (sizeof(err.note) - 1));
    assert_int_equal(ftruncate(f->log.fd, 0) + (int)lseek(f->log.fd, 0, SEEK_SET), 0);
    f->log.json = false;
    sfx_log(&f->log, SFX_LOG_ERROR, "%s", text);
    assert_int_equal(strlen(said(f)), strlen("sfx-x: ") + SFX_ERR_TEXT_NBYTES - 1 + 1);
}

static void progress_shows_and_takes_itself_away(void **state)
{
    struct fixture *f = *state;
    struct sfx_progress p;

    sfx_progress_init(&p, f->log.fd, true);
    sfx_progress_update(&p, "rows", 1, 0, 0);
    assert_string_equal(said(f), ""); /* what ends within a second needs none */
    sfx_progress_done(&p);
    assert_string_equal(said(f), "");
    p.shown_ns -= INT64_C(2000000000);
    p.started_ns -= INT64_C(2000000000);
    sfx_progress_update(&p, "rows", 25, 100, 3 << 20);
    sfx_progress_done(&p);
    assert_ptr_equal(strstr(said(f), "\r\033[K25 of 100 rows, 25 %, 3.0 MiB, "), f->said);
    assert_string_equal(f->said + strlen(f->said) - 4, "\r\033[K");
}

static void progress_that_is_off_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct sfx_progress p;

    sfx_progress_init(&p, f->log.fd, false);
    p.shown_ns -= INT64_C(2000000000);
    sfx_progress_update(&p, "rows", 25, 100, 1);
    sfx_progress_done(&p);
    assert_string_equal(said(f), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_begins_with_the_program, start, stop),
        cmocka_unit_test_setup_teardown(what_is_above_the_level_is_not_said, start, stop),
        cmocka_unit_test_setup_teardown(a_name_cannot_forge_a_line, start, stop),
        cmocka_unit_test_setup_teardown(a_message_takes_the_progress_line_away, start, stop),
        cmocka_unit_test_setup_teardown(an_error_is_followed_by_its_note, start, stop),
        cmocka_unit_test_setup_teardown(json_lines_hold_what_machines_ask_for, start, stop),
        cmocka_unit_test_setup_teardown(json_lines_are_valid_whatever_a_name_holds, start, stop),
        cmocka_unit_test_setup_teardown(an_over_long_message_is_cut_and_still_a_line, start, stop),
        cmocka_unit_test_setup_teardown(progress_shows_and_takes_itself_away, start, stop),
        cmocka_unit_test_setup_teardown(progress_that_is_off_says_nothing, start, stop),
    };

    return cmocka_run_group_tests_name("cli_log", tests, NULL, NULL);
}
