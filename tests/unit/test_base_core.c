/* SPDX-License-Identifier: MIT */
/* Errors, buffers, arenas and whole writes: what every module leans on. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void error_text_reads_from_the_outside_in(void **state)
{
    struct sfx_err err;

    (void)state;
    sfx_err_clear(&err);
    assert_int_equal(sfx_err_set(&err, SFX_E_INPUT, "row %d: ends early", 7), SFX_E_INPUT);
    assert_int_equal(sfx_err_wrap(&err, SFX_E_INPUT, "%s", "a.jpg"), SFX_E_INPUT);
    assert_string_equal(err.text, "a.jpg: row 7: ends early");
}

static void error_masks_control_bytes_of_names(void **state)
{
    struct sfx_err err;

    (void)state;
    (void)sfx_err_set(&err, SFX_E_IO, "%s", "a\nb\033[2J");
    assert_string_equal(err.text, "a?b?[2J");
}

static void error_of_errno_says_why(void **state)
{
    struct sfx_err err;

    (void)state;
    assert_int_equal(sfx_err_errno(&err, ENOSPC, "out.csv"), SFX_E_IO);
    assert_string_equal(err.text, "out.csv: No space left on device");
    assert_int_equal(err.errnum, ENOSPC);
    assert_int_equal(sfx_err_errno(NULL, ENOMEM, "x"), SFX_E_NOMEM);
}

static void error_text_is_cut_not_overrun(void **state)
{
    struct sfx_err err;
    char longer[2 * SFX_ERR_TEXT_NBYTES];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    (void)sfx_err_set(&err, SFX_E_IO, "%s", longer);
    (void)sfx_err_wrap(&err, SFX_E_IO, "%s", longer);
    assert_int_equal(strlen(err.text), SFX_ERR_TEXT_NBYTES - 1);
}

static void buffer_holds_what_was_appended(void **state)
{
    struct sfx_buf buf = {0};
    int i;

    (void)state;
    for (i = 0; i < 1000; i++)
        assert_int_equal(sfx_buf_printf(&buf, NULL, "%03d,", i), 0);
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.data + 3996, "999,", 4);
    assert_int_equal(sfx_buf_append(&buf, NULL, 0, NULL), 0);
    sfx_buf_done(&buf);
    assert_null(buf.data);
}

static void buffer_refuses_impossible_sizes_and_keeps_its_content(void **state)
{
    struct sfx_buf buf = {0};
    struct sfx_err err;

    (void)state;
    assert_int_equal(sfx_buf_puts(&buf, "kept", NULL), 0);
    assert_int_equal(sfx_buf_reserve(&buf, SIZE_MAX - 1, &err), SFX_E_NOMEM);
    assert_string_equal(sfx_buf_cstr(&buf, NULL), "kept");
    sfx_buf_done(&buf);
}

static void arena_memory_is_aligned_and_apart(void **state)
{
    struct sfx_arena arena = {0};
    unsigned char *last = NULL;
    size_t i;

    (void)state;
    for (i = 1; i < 3000; i += 7) {
        unsigned char *ptr = sfx_arena_alloc(&arena, i, NULL);

        assert_non_null(ptr);
        assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
        memset(ptr, (int)(i & 0xff), i);
        if (last != NULL)
            assert_int_equal(last[0], (i - 7) & 0xff);
        last = ptr;
    }
    sfx_arena_reset(&arena);
    assert_non_null(sfx_arena_calloc(&arena, 10, 10, NULL));
    assert_null(sfx_arena_calloc(&arena, SIZE_MAX / 2, 3, NULL));
    sfx_arena_done(&arena);
    assert_null(arena.chunk);

    arena.step_nbytes = (size_t)64 << 10; /* chunks double up to that */
    for (i = 0; i < 1024; i++)
        assert_non_null(sfx_arena_alloc(&arena, 1024, NULL));
    assert_in_range(arena.total_nbytes, 1024 * 1024, 1024 * 1024 + 2 * arena.step_nbytes);
    sfx_arena_done(&arena);
    assert_int_equal(arena.step_nbytes, (size_t)64 << 10);
}

static void writes_to_a_full_device_fail(void **state)
{
    struct sfx_err err;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(sfx_io_write(fd, "x", 1, &err), SFX_E_IO);
    assert_int_equal(err.errnum, ENOSPC);
    assert_int_equal(sfx_io_close(&fd, &err), 0);
    assert_int_equal(fd, -1);
}

static void scattered_writes_arrive_whole_and_in_order(void **state)
{
    struct iovec iov[3] = {{(void *)"ab", 2}, {(void *)"", 0}, {(void *)"cde", 3}};
    int fds[2];
    char got[8] = "";

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(sfx_io_writev(fds[1], iov, 3, NULL), 0);
    assert_int_equal(sfx_io_close(&fds[1], NULL), 0);
    assert_int_equal(sfx_io_read(fds[0], got, sizeof(got), NULL), 5);
    assert_string_equal(got, "abcde");
    assert_int_equal(sfx_io_read(fds[0], got, sizeof(got), NULL), 0);
    assert_int_equal(sfx_io_close(&fds[0], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_text_reads_from_the_outside_in),
        cmocka_unit_test(error_masks_control_bytes_of_names),
        cmocka_unit_test(error_of_errno_says_why),
        cmocka_unit_test(error_text_is_cut_not_overrun),
        cmocka_unit_test(buffer_holds_what_was_appended),
        cmocka_unit_test(buffer_refuses_impossible_sizes_and_keeps_its_content),
        cmocka_unit_test(arena_memory_is_aligned_and_apart),
        cmocka_unit_test(writes_to_a_full_device_fail),
        cmocka_unit_test(scattered_writes_arrive_whole_and_in_order),
    };

    return cmocka_run_group_tests_name("base_core", tests, NULL, NULL);
}
