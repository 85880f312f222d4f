/* SPDX-License-Identifier: MIT */
/* Event mode: what goes through, what comes out, what is kept, and what ends the loop. */
#include "base/io.h"
#include "event/lines.h"
#include "run/rejects.h"
#include "run/stage.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define EVENT(id, path)                                                                            \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/in\",\"type\":\"dev.sfx.file.closed" \
    "\",\"data\":{\"path\":\"" path "\"}}"

/* Each test runs in a temporary folder of its own. */
static char folder[] = "/tmp/sfx-test-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/sfx-test-XXXXXX");
    return mkdtemp(folder) != NULL ? chdir(folder) : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int leave_folder(void **state)
{
    (void)state;
    return chdir("/") == 0 ? nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    assert_true(fd >= 0);
    assert_int_equal(sfx_io_write(fd, text, strlen(text), NULL), 0);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
}

/* The content of a small file, terminated, in a static buffer; empty when there is none. */
static const char *content(const char *path)
{
    static char text[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (fd >= 0)
        n = sfx_io_read(fd, text, sizeof(text) - 1, NULL);
    assert_true(n >= 0);
    text[n] = '\0';
    (void)sfx_io_close(&fd, NULL);
    return text;
}

/* A pipe's reading end that holds text; *writer is its other end, or closed when writer is NULL. */
static int pipe_with(const char *text, int *writer)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(sfx_io_write(fds[1], text, strlen(text), NULL), 0);
    if (writer != NULL)
        *writer = fds[1];
    else
        assert_int_equal(sfx_io_close(&fds[1], NULL), 0);
    return fds[0];
}

/* What the stage under test does with an item. */
struct deed {
    int fails_with;        /* code; 0: makes an output named <path>.out */
    int errnum;            /* of the failure; 0: none */
    const char *reason;    /* of the failure */
    bool no_clobber;       /* of the output */
    bool rejects_a_record; /* beside the output */
    sig_atomic_t *sets;    /* set to 1 before the output is published */
    int calls;             /* counted */
    char last_path[64];    /* of the last item */
};

static int act(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
               struct sfx_err *err)
{
    const struct sfx_stage_facts facts = {SFX_SLICE_LIT("text/plain"), -1, -1, 2};
    struct deed *deed = ctx;
    struct sfx_outfile_opts opts = {.no_clobber = deed->no_clobber};
    struct sfx_outfile *out;
    char path[80];

    deed->calls++;
    (void)snprintf(deed->last_path, sizeof(deed->last_path), "%s", item->path);
    if (deed->sets != NULL)
        *deed->sets = 1;
    if (deed->errnum != 0)
        return sfx_err_errno(err, deed->errnum, "%s", deed->reason);
    if (deed->fails_with != 0)
        return sfx_err_set(err, (enum sfx_code)deed->fails_with, "%s", deed->reason);
    if (deed->rejects_a_record) {
        const struct sfx_reject reject = {
            .line = 3, .code = "input", .reason = "too few fields", .raw = SFX_SLICE_LIT("a,b")};
        const struct sfx_reject_sink *sink = sfx_stage_rejects(stage);
        int rc = sink->put(sink->ctx, &reject, err);

        if (rc < 0)
            return rc;
    }
    (void)snprintf(path, sizeof(path), "%s.out", item->path);
    out = sfx_outfile_new(path, &opts, err);
    if (out == NULL)
        return err->code;
    assert_int_equal(sfx_outfile_write(out, "result", 6, err), 0);
    return sfx_stage_publish(stage, item, out, path, &facts, err);
}

struct result {
    int rc;
    struct sfx_err err;
    struct sfx_stage_stats stats;
};

/* Runs a stage from in_fd (closed then) into the files events, rejects and log. */
static struct result run_from(int in_fd, struct deed *deed, struct sfx_stage_opts opts)
{
    struct sfx_log log = {.prog = "sfx-test", .level = SFX_LOG_NOTICE};
    struct result result = {0};

    log.fd = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    assert_true(log.fd >= 0);
    opts.program = "sfx-test";
    opts.in_fd = in_fd;
    opts.log = &log;
    if (opts.out_fd == 0)
        opts.out_fd = open("events", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(opts.out_fd >= 0);
    result.rc = sfx_stage_run(&opts, act, deed, &result.stats, &result.err);
    assert_int_equal(sfx_io_close(&opts.out_fd, NULL), 0);
    assert_int_equal(sfx_io_close(&log.fd, NULL), 0);
    assert_int_equal(sfx_io_close(&in_fd, NULL), 0);
    return result;
}

static struct result run(const char *lines, struct deed *deed)
{
    return run_from(pipe_with(lines, NULL), deed, (struct sfx_stage_opts){.rejects = "rejects"});
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("%s\nis not in\n%s", part, text);
}

static void an_output_is_told_of_with_what_led_to_it(void **state)
{
    struct deed deed = {0};
    struct result r;
    struct sfx_arena arena = {0};
    struct sfx_event ev;
    struct stat st;
    char etag[SFX_EVENT_ID_NBYTES];
    const char *line;

    (void)state;
    write_file("a", "input");
    r = run("{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"/in\",\"type\":\"t\",\"sfxroot\":"
            "\"r0\",\"traceparent\":\"00-aa-bb-01\",\"tenant\":\"blue\",\"dataschema\":\"urn:x\","
            "\"data\":{\"path\":\"a\"}}\n",
            &deed);
    assert_int_equal(r.rc, 0);
    line = content("events");
    assert_int_equal(sfx_event_parse(line, strlen(line), &arena, &ev, &r.err), 0);
    assert_true(sfx_slice_eq(ev.type, SFX_SLICE_LIT(SFX_EVENT_CREATED)));
    assert_true(sfx_slice_eq(ev.source, SFX_SLICE_LIT("sfx-test")));
    assert_true(sfx_slice_eq(ev.subject, SFX_SLICE_LIT("a.out")));
    assert_true(sfx_slice_eq(ev.path, SFX_SLICE_LIT("a.out")));
    assert_true(sfx_slice_eq(ev.cause, SFX_SLICE_LIT("e1")));
    assert_true(sfx_slice_eq(ev.root, SFX_SLICE_LIT("r0")));
    assert_true(sfx_slice_eq(ev.traceparent, SFX_SLICE_LIT("00-aa-bb-01")));
    assert_true(sfx_slice_eq(ev.media_type, SFX_SLICE_LIT("text/plain")));
    assert_int_equal(ev.size, 6);
    assert_int_equal(ev.records, 2);
    assert_int_equal(ev.width, -1);
    assert_true(ev.time.len > 0);
    assert_int_equal(stat("a.out", &st), 0);
    sfx_event_file_etag(&st, etag);
    assert_true(sfx_slice_eq(ev.etag, sfx_slice_str(etag)));
    assert_has(line, "\"tenant\":\"blue\"");
    assert_null(strstr(line, "dataschema"));
    sfx_arena_done(&arena);
}

static void the_first_event_is_the_root_and_ids_repeat(void **state)
{
    struct deed deed = {0};
    char first[8192];
    char *id;

    (void)state;
    assert_int_equal(run(EVENT("e1", "a") "\n", &deed).rc, 0);
    assert_has(content("events"), "\"sfxroot\":\"e1\"");
    (void)snprintf(first, sizeof(first), "%s", content("events"));
    id = strstr(first, "\"id\":");
    assert_non_null(id);
    id[strlen("\"id\":\"") + 33] = '\0'; /* 32 digits and the quote */
    assert_int_equal(run(EVENT("e1", "a") "\n", &deed).rc, 0);
    assert_has(content("events"), id);
    assert_int_equal(run(EVENT("e2", "a") "\n", &deed).rc, 0);
    assert_null(strstr(content("events"), id));
}

static void what_is_not_for_us_passes_byte_for_byte(void **state)
{
    static const char lines[] =
        "{ \"specversion\" : \"1.0\", \"id\":\"1\",\"source\":\"x\", \"type\":\"t\", \"zz\":1 }\r\n"
        "{\"type\":\"dev.sfx.file.deleted\",\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"x\","
        "\"data\":{\"path\":\"gone\",\"more\":[1.0,2e3]}}\n"
        "{\"specversion\":\"1.0\",\"id\":\"3\",\"source\":\"x\",\"type\":\"t\",\"data\":"
        "\"\\u0041\"}";
    struct deed deed = {0};
    struct result r;
    char want[sizeof(lines) + 1];

    (void)state;
    r = run(lines, &deed);
    (void)snprintf(want, sizeof(want), "%s\n", lines);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.stats.events, 3);
    assert_int_equal(r.stats.passed, 3);
    assert_int_equal(deed.calls, 0);
    assert_string_equal(content("events"), want);
}

static void blank_lines_are_nothing(void **state)
{
    struct deed deed = {0};
    struct result r = run("\n \t\r\n\n", &deed);

    (void)state;
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.stats.events, 0);
    assert_string_equal(content("events"), "");
}

static void a_failed_input_is_kept_with_its_reason_and_the_loop_goes_on(void **state)
{
    struct deed deed = {.fails_with = SFX_E_INPUT, .reason = "row 7: data ends early"};
    struct result r = run(EVENT("e1", "in/a.jpg") "\n" EVENT("e2", "in/b.jpg") "\n", &deed);

    (void)state;
    assert_int_equal(r.rc, 1);
    assert_int_equal(r.stats.failed, 2);
    assert_int_equal(deed.calls, 2);
    assert_string_equal(content("events"), "");
    assert_string_equal(content("log"), "sfx-test: in/a.jpg: row 7: data ends early\n"
                                        "sfx-test: in/b.jpg: row 7: data ends early\n");
    assert_string_equal(content("rejects"),
                        "{\"program\":\"sfx-test\",\"input\":\"in/a.jpg\",\"code\":\"input\","
                        "\"reason\":\"row 7: data ends early\",\"event\":\"e1\"}\n"
                        "{\"program\":\"sfx-test\",\"input\":\"in/b.jpg\",\"code\":\"input\","
                        "\"reason\":\"row 7: data ends early\",\"event\":\"e2\"}\n");
}

static void an_input_that_was_named_already_is_not_named_twice(void **state)
{
    struct deed deed = {.errnum = ENOENT, .reason = "in/a.jpg"};
    struct result r = run(EVENT("e1", "in/a.jpg") "\n", &deed);

    (void)state;
    assert_int_equal(r.rc, 1);
    assert_string_equal(content("log"), "sfx-test: in/a.jpg: No such file or directory\n");
    assert_has(content("rejects"), "\"reason\":\"No such file or directory\"");
}

static void a_line_that_is_no_event_is_kept_as_it_came(void **state)
{
    struct deed deed = {0};
    struct result r = run("not json\n" EVENT("e2", "a") "\n{\"id\":\xff}", &deed);
    const char *rejects;

    (void)state;
    assert_int_equal(r.rc, 1);
    assert_int_equal(r.stats.events, 3);
    assert_int_equal(r.stats.failed, 2);
    assert_int_equal(r.stats.outputs, 1);
    assert_has(content("log"), "sfx-test: event line 1: ");
    rejects = content("rejects");
    assert_has(rejects, "\"input\":\"-\",\"line\":1,\"offset\":0,");
    assert_has(rejects, "\"raw\":\"not json\"");
    assert_has(rejects, "\"line\":3,");
    assert_has(rejects, "\"raw_base64\":\"eyJpZCI6/30=\"");
}

static void a_line_that_is_too_long_is_refused_and_the_next_is_read(void **state)
{
    struct deed deed = {0};
    struct result r;
    char lines[9000];
    size_t len = 8500;

    (void)state;
    memset(lines, 'x', len);
    (void)snprintf(lines + len, sizeof(lines) - len, "\n%s\n", EVENT("e2", "a"));
    r = run_from(pipe_with(lines, NULL), &deed,
                 (struct sfx_stage_opts){.rejects = "rejects", .max_line_nbytes = 1000});
    assert_int_equal(r.rc, 1);
    assert_int_equal(r.stats.failed, 1);
    assert_int_equal(r.stats.outputs, 1);
    assert_has(content("rejects"),
               "\"code\":\"limit\",\"reason\":\"line of more than 1000 bytes\"");
}

static void a_failure_of_the_machine_ends_the_loop(void **state)
{
    static const int errnums[] = {ENOMEM, ENOSPC, EROFS, EMFILE};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++) {
        struct deed deed = {.errnum = errnums[i], .reason = "cannot write"};
        struct result r = run(EVENT("e1", "a") "\n" EVENT("e2", "b") "\n", &deed);

        assert_true(r.rc == SFX_E_IO || r.rc == SFX_E_NOMEM);
        assert_int_equal(r.err.errnum, errnums[i]);
        assert_int_equal(deed.calls, 1);
        assert_string_equal(content("rejects"), ""); /* the input is not to blame */
    }
}

static void events_that_cannot_be_written_end_the_loop(void **state)
{
    struct deed deed = {0};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct result r = run_from(pipe_with(EVENT("e1", "a") "\n" EVENT("e2", "b") "\n", NULL), &deed,
                               (struct sfx_stage_opts){.out_fd = full});

    (void)state;
    assert_int_equal(r.rc, SFX_E_IO);
    assert_string_equal(r.err.text, "event output: cannot write: No space left on device");
    assert_int_equal(deed.calls, 1);
}

static void rejects_that_cannot_be_written_end_the_loop(void **state)
{
    struct deed deed = {.fails_with = SFX_E_INPUT, .reason = "bad"};
    struct result r = run_from(pipe_with(EVENT("e1", "a") "\n" EVENT("e2", "b") "\n", NULL), &deed,
                               (struct sfx_stage_opts){.rejects = "/dev/full"});

    (void)state;
    assert_int_equal(r.rc, SFX_E_IO);
    assert_int_equal(deed.calls, 1);
    r = run_from(pipe_with("", NULL), &deed, (struct sfx_stage_opts){.rejects = "no/folder"});
    assert_int_equal(r.rc, SFX_E_IO);
}

static void an_output_without_its_name_is_not_told_of(void **state)
{
    struct deed deed = {.no_clobber = true};
    struct result r;

    (void)state;
    write_file("a.out", "old");
    r = run(EVENT("e1", "a") "\n", &deed);
    assert_int_equal(r.rc, 1);
    assert_string_equal(content("events"), "");
    assert_string_equal(content("a.out"), "old");
    assert_has(content("rejects"), "\"code\":\"usage\"");
}

static void rejected_records_name_their_event_and_count(void **state)
{
    struct deed deed = {.rejects_a_record = true};
    struct result r = run(EVENT("e1", "a") "\n", &deed);

    (void)state;
    assert_int_equal(r.rc, 1);
    assert_int_equal(r.stats.failed, 0);
    assert_int_equal(r.stats.outputs, 1);
    assert_int_equal(r.stats.records_rejected, 1);
    assert_has(content("rejects"), "\"program\":\"sfx-test\",\"input\":\"a\",\"line\":3,");
    assert_has(content("rejects"), "\"raw\":\"a,b\",\"event\":\"e1\"");
}

static void rejected_records_without_a_file_are_said(void **state)
{
    struct deed deed = {.rejects_a_record = true};
    struct result r =
        run_from(pipe_with(EVENT("e1", "a") "\n", NULL), &deed, (struct sfx_stage_opts){0});

    (void)state;
    assert_int_equal(r.rc, 1);
    assert_int_equal(r.stats.records_rejected, 1);
    assert_string_equal(content("log"), "sfx-test: a: line 3: too few fields\n");
}

static void the_cost_is_metered(void **state)
{
    struct deed deed = {0};
    struct result r;

    (void)state;
    write_file("a", "12345");
    r = run(EVENT("e1", "a") "\n" EVENT("e2", "missing") "\n", &deed);
    assert_int_equal(r.stats.in_nbytes, 5);
    assert_int_equal(r.stats.out_nbytes, 12);
    assert_true(r.stats.wall_ns > 0);
    assert_true(r.stats.cpu_ns > 0);
}

/* The pipe stays open: an event is processed as soon as it is there, and the stop comes between. */
static void what_is_in_hand_is_finished_when_a_stop_comes(void **state)
{
    sig_atomic_t stop = 0;
    struct deed deed = {.sets = &stop};
    int writer;
    int reader = pipe_with(EVENT("e1", "a") "\n" EVENT("e2", "b") "\n", &writer);
    struct result r = run_from(reader, &deed, (struct sfx_stage_opts){.stop = &stop});

    (void)state;
    assert_int_equal(r.rc, 0);
    assert_int_equal(deed.calls, 1);
    assert_has(content("events"), "\"subject\":\"a.out\"");
    assert_string_equal(content("a.out"), "result");
    assert_int_equal(sfx_io_close(&writer, NULL), 0);
}

static volatile sig_atomic_t alarmed;

static void note_alarm(int number)
{
    alarmed = number;
}

static void a_signal_ends_the_wait_for_events(void **state)
{
    const struct sigaction action = {.sa_handler = note_alarm};
    const struct itimerval soon = {.it_value = {.tv_usec = 10000}};
    struct deed deed = {0};
    int writer;
    int reader = pipe_with("", &writer);
    struct result r;

    (void)state;
    alarmed = 0;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    r = run_from(reader, &deed, (struct sfx_stage_opts){.stop = &alarmed});
    assert_int_equal(r.rc, 0);
    assert_int_equal(alarmed, SIGALRM);
    assert_int_equal(sfx_io_close(&writer, NULL), 0);
}

static void names_that_are_not_utf8_reach_the_function(void **state)
{
    struct deed deed = {0};
    struct result r = run("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"x\",\"type\":\"t\","
                          "\"data\":{\"path\":\"caf?\",\"path_base64\":\"Y2Fm6Q==\"}}\n",
                          &deed);

    (void)state;
    assert_int_equal(r.rc, 0);
    assert_string_equal(deed.last_path, "caf\xe9");
    assert_has(content("events"), "\"path_base64\":\"Y2Fm6S5vdXQ=\"");
}

static void outputs_are_opened_beneath_the_templates_root(void **state)
{
    struct sfx_template_name name = {0};
    struct sfx_outfile *out;
    struct sfx_err err;

    (void)state;
    assert_int_equal(sfx_buf_puts(&name.path, "thumbs/2026/a.jpg", NULL), 0);
    name.root_len = strlen("thumbs/");
    out = sfx_template_open(&name, false, &err);
    assert_non_null(out);
    assert_int_equal(sfx_outfile_commit(out, &err), 0);
    sfx_outfile_free(out);
    assert_int_equal(access("thumbs/2026/a.jpg", F_OK), 0);
    sfx_buf_clear(&name.path);
    assert_int_equal(sfx_buf_puts(&name.path, "thumbs/../a.jpg", NULL), 0);
    assert_null(sfx_template_open(&name, false, &err));
    assert_int_equal(err.code, SFX_E_INPUT);
    sfx_buf_done(&name.path);
}

static void lines_have_an_exact_limit(void **state)
{
    struct sfx_lines lines;
    struct sfx_slice line;
    int fd = pipe_with("12345\n\n123456\n1\n12345678901234567890\n12345", NULL);

    (void)state;
    assert_int_equal(sfx_lines_init(&lines, fd, 5, NULL, NULL), 0);
    assert_int_equal(sfx_lines_next(&lines, &line, NULL), 1);
    assert_true(sfx_slice_eq(line, SFX_SLICE_LIT("12345")));
    assert_int_equal(sfx_lines_next(&lines, &line, NULL), 1);
    assert_int_equal(line.len, 0);
    assert_int_equal(sfx_lines_next(&lines, &line, NULL), SFX_E_LIMIT);
    assert_true(sfx_slice_eq(line, SFX_SLICE_LIT("123456")));
    assert_int_equal(sfx_lines_next(&lines, &line, NULL), 1);
    assert_true(sfx_slice_eq(line, SFX_SLICE_LIT("1")));
    assert_int_equal(lines.number, 4);
    assert_int_equal(lines.offset, 14);
    assert_int_equal(sfx_lines_next(&lines, &line, NULL), SFX_E_LIMIT);
    assert_int_equal(sfx_lines_next(&lines, &line, NULL), 1);
    assert_true(sfx_slice_eq(line, SFX_SLICE_LIT("12345")));
    assert_int_equal(lines.number, 6);
    assert_int_equal(lines.offset, 37);
    assert_int_equal(sfx_lines_next(&lines, &line, NULL), 0);
    sfx_lines_done(&lines);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
}

static void a_reader_that_goes_away_while_nothing_happens_ends_the_wait(void **state)
{
    struct sfx_err err = {0};
    struct sfx_lines lines;
    struct sfx_slice line;
    int in[2];
    int out[2];

    (void)state;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(sfx_lines_init(&lines, in[0], 5, NULL, NULL), 0);
    lines.out_fd = out[1];
    assert_int_equal(sfx_io_close(&out[0], NULL), 0);
    assert_int_equal(sfx_lines_next(&lines, &line, &err), SFX_E_IO);
    assert_int_equal(err.errnum, EPIPE);
    sfx_lines_done(&lines);
    (void)close(in[0]);
    (void)close(in[1]);
    (void)close(out[1]);
}

static void rejects_are_appended_to_what_is_there(void **state)
{
    const struct sfx_reject reject = {.input = "a.csv", .code = "input", .reason = "bad"};
    const struct sfx_reject_sink *sink;
    struct sfx_rejects *rejects;
    struct sfx_err err;

    (void)state;
    write_file("rejects", "{}\n");
    rejects = sfx_rejects_new("rejects", "sfx-load", &err);
    assert_non_null(rejects);
    sink = sfx_rejects_sink(rejects);
    assert_int_equal(sink->put(sink->ctx, &reject, &err), 0);
    assert_string_equal(content("rejects"), "{}\n{\"program\":\"sfx-load\",\"input\":\"a.csv\","
                                            "\"code\":\"input\",\"reason\":\"bad\"}\n");
    assert_int_equal(sfx_rejects_close(rejects, &err), 0);
    assert_int_equal(sfx_rejects_close(NULL, &err), 0);
}

int main(void)
{
#define RUN_TEST(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)
    const struct CMUnitTest tests[] = {
        RUN_TEST(an_output_is_told_of_with_what_led_to_it),
        RUN_TEST(the_first_event_is_the_root_and_ids_repeat),
        RUN_TEST(what_is_not_for_us_passes_byte_for_byte),
        RUN_TEST(blank_lines_are_nothing),
        RUN_TEST(a_failed_input_is_kept_with_its_reason_and_the_loop_goes_on),
        RUN_TEST(an_input_that_was_named_already_is_not_named_twice),
        RUN_TEST(a_line_that_is_no_event_is_kept_as_it_came),
        RUN_TEST(a_line_that_is_too_long_is_refused_and_the_next_is_read),
        RUN_TEST(a_failure_of_the_machine_ends_the_loop),
        RUN_TEST(events_that_cannot_be_written_end_the_loop),
        RUN_TEST(rejects_that_cannot_be_written_end_the_loop),
        RUN_TEST(an_output_without_its_name_is_not_told_of),
        RUN_TEST(rejected_records_name_their_event_and_count),
        RUN_TEST(rejected_records_without_a_file_are_said),
        RUN_TEST(the_cost_is_metered),
        RUN_TEST(what_is_in_hand_is_finished_when_a_stop_comes),
        RUN_TEST(a_signal_ends_the_wait_for_events),
        RUN_TEST(names_that_are_not_utf8_reach_the_function),
        RUN_TEST(outputs_are_opened_beneath_the_templates_root),
        RUN_TEST(lines_have_an_exact_limit),
        RUN_TEST(a_reader_that_goes_away_while_nothing_happens_ends_the_wait),
        RUN_TEST(rejects_are_appended_to_what_is_there),
    };

    return cmocka_run_group_tests_name("run_stage", tests, NULL, NULL);
}
