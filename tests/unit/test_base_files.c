/* SPDX-License-Identifier: MIT */
/*
 * Output files appear whole or not at all, and names from outside stay beneath their folder: with
 * what this kernel has, and again in a child process whose kernel seems to lack openat2 and
 * O_TMPFILE (a seccomp filter says so).
 */
#include "base/dl.h"
#include "base/io.h"
#include "base/outfile.h"
#include "base/path.h"
#include "base/size.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void assert_content(const char *path, const char *text)
{
    char got[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(sfx_io_read(fd, got, sizeof(got) - 1, NULL) >= 0);
    assert_string_equal(got, text);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
}

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = -2; /* "." and ".." */

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    assert_int_equal(closedir(dir), 0);
    return n;
}

/* Writes text as the output path in one go. Returns the first failure. */
static int put(const char *path, const char *text, const struct sfx_outfile_opts *opts,
               struct sfx_err *err)
{
    struct sfx_outfile *out = sfx_outfile_new(path, opts, err);
    int rc;

    if (out == NULL)
        return err->code;
    rc = sfx_outfile_write(out, text, strlen(text), err);
    if (rc == 0)
        rc = sfx_outfile_commit(out, err);
    sfx_outfile_free(out);
    return rc;
}

static void nothing_is_visible_before_the_commit(void **state)
{
    struct sfx_outfile *out = sfx_outfile_new("out", NULL, NULL);

    (void)state;
    assert_non_null(out);
    assert_int_equal(sfx_outfile_write(out, "new", 3, NULL), 0);
    assert_int_equal(access("out", F_OK), -1);
    assert_int_equal(sfx_outfile_commit(out, NULL), 0);
    sfx_outfile_free(out);
    assert_content("out", "new");
    assert_int_equal(count_entries("."), 1);
}

static void what_stood_there_stays_until_the_commit(void **state)
{
    struct sfx_outfile *out;

    (void)state;
    write_file("out", "old");
    out = sfx_outfile_new("out", NULL, NULL);
    assert_non_null(out);
    assert_int_equal(sfx_outfile_write(out, "new", 3, NULL), 0);
    assert_content("out", "old");
    sfx_outfile_free(out);
    assert_content("out", "old");
    assert_int_equal(count_entries("."), 1);
    assert_int_equal(put("out", "new", NULL, NULL), 0);
    assert_content("out", "new");
    assert_int_equal(count_entries("."), 1);
}

static void a_failed_write_names_the_output_and_leaves_nothing(void **state)
{
    struct sfx_err err;
    struct sfx_outfile *out = sfx_outfile_new("out", NULL, NULL);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_non_null(out);
    assert_true(dup2(full, sfx_outfile_fd(out)) >= 0);
    assert_int_equal(sfx_outfile_write(out, "x", 1, &err), SFX_E_IO);
    assert_string_equal(err.text, "out: cannot write: No space left on device");
    sfx_outfile_free(out);
    assert_int_equal(sfx_io_close(&full, NULL), 0);
    assert_int_equal(count_entries("."), 0);
}

static void a_taken_name_is_kept_when_asked(void **state)
{
    static const struct sfx_outfile_opts opts = {.no_clobber = true};
    struct sfx_err err;

    (void)state;
    assert_int_equal(put("out", "first", &opts, &err), 0);
    assert_int_equal(put("out", "second", &opts, &err), SFX_E_USAGE);
    assert_string_equal(err.text, "out: exists already");
    assert_content("out", "first");
    assert_int_equal(count_entries("."), 1);
}

static void missing_folders_are_made_only_when_asked(void **state)
{
    static const struct sfx_outfile_opts make = {.make_dirs = true, .durable = true};
    struct sfx_err err;

    (void)state;
    assert_int_equal(put("a/b/out", "x", NULL, &err), SFX_E_IO);
    assert_int_equal(err.errnum, ENOENT);
    assert_int_equal(put("a/b/out", "x", &make, &err), 0);
    assert_content("a/b/out", "x");
    assert_int_equal(put("a/b/out", "y", &make, &err), 0);
    assert_content("a/b/out", "y");
    write_file("file", "x");
    assert_int_equal(put("file/out", "x", &make, &err), SFX_E_IO);
}

static void what_is_no_file_is_not_replaced(void **state)
{
    static const char *const bad[] = {"",   "dir",  "dir/", "dir/.", ".",
                                      "..", "fifo", "link", "new/"};
    size_t i;

    (void)state;
    assert_int_equal(mkdir("dir", 0777), 0);
    assert_int_equal(mkfifo("fifo", 0666), 0);
    assert_int_equal(symlink("dir", "link"), 0);
    for (i = 0; i < SFX_COUNT(bad); i++) {
        struct sfx_err err;

        if (put(bad[i], "x", NULL, &err) != SFX_E_USAGE)
            fail_msg("'%s' was taken for an output", bad[i]);
    }
    assert_int_equal(count_entries("."), 3);
    assert_int_equal(count_entries("dir"), 0);
}

static void a_folder_that_appears_meanwhile_is_not_replaced(void **state)
{
    struct sfx_err err;
    struct sfx_outfile *out = sfx_outfile_new("out", NULL, &err);

    (void)state;
    assert_non_null(out);
    assert_int_equal(mkdir("out", 0777), 0);
    assert_int_equal(sfx_outfile_commit(out, &err), SFX_E_USAGE);
    sfx_outfile_free(out);
    assert_int_equal(count_entries("."), 1);
}

static void a_link_is_replaced_and_what_it_led_to_stays(void **state)
{
    struct stat st;

    (void)state;
    write_file("target", "old");
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(put("link", "new", NULL, NULL), 0);
    assert_content("target", "old");
    assert_content("link", "new");
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void the_mode_is_what_the_umask_leaves(void **state)
{
    mode_t before = umask(027);
    struct stat st;

    (void)state;
    assert_int_equal(put("out", "x", NULL, NULL), 0);
    (void)umask(before);
    assert_int_equal(stat("out", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void outputs_stay_beneath_their_root(void **state)
{
    static const struct sfx_outfile_opts opts = {.root = "root", .make_dirs = true};
    static const char *const bad[] = {"../x",        "a/../../x", "/tmp/x",   "..",
                                      "a/b/../../x", "up/x",      "up/new/x", "abs/x"};
    struct sfx_err err;
    size_t i;

    (void)state;
    assert_int_equal(mkdir("root", 0777), 0);
    assert_int_equal(mkdir("outside", 0777), 0);
    assert_int_equal(symlink("../outside", "root/up"), 0);
    assert_int_equal(symlink(folder, "root/abs"), 0);
    for (i = 0; i < SFX_COUNT(bad); i++) {
        if (put(bad[i], "x", &opts, &err) != SFX_E_INPUT)
            fail_msg("'%s' was not refused", bad[i]);
    }
    assert_int_equal(count_entries("root"), 2);
    assert_int_equal(count_entries("outside"), 0);
    assert_int_equal(put("a/b/x", "in", &opts, &err), 0);
    assert_content("root/a/b/x", "in");
}

static void errors_name_the_output_with_its_root(void **state)
{
    struct sfx_outfile_opts opts = {.root = "thumbs/", .make_dirs = true};
    struct sfx_err err;

    (void)state;
    assert_int_equal(put("a/.", "x", &opts, &err), SFX_E_USAGE);
    assert_string_equal(err.text, "thumbs/a/.: names a folder, not an output file");
}

static void reading_beneath_a_folder_follows_no_link(void **state)
{
    static const char *const bad[] = {"../secret", "/etc/passwd", "link",
                                      "sub/link",  "up/secret",   "sub/../../secret"};
    struct sfx_err err;
    size_t i;
    int dir;
    int fd;

    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    assert_int_equal(mkdir("in/sub", 0777), 0);
    write_file("secret", "secret");
    write_file("in/sub/a", "inside");
    assert_int_equal(symlink("../secret", "in/link"), 0);
    assert_int_equal(symlink("a", "in/sub/link"), 0);
    assert_int_equal(symlink("..", "in/up"), 0);
    dir = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    for (i = 0; i < SFX_COUNT(bad); i++) {
        if (sfx_path_open_beneath(dir, bad[i], O_RDONLY, 0, &err) != SFX_E_INPUT)
            fail_msg("'%s' was opened", bad[i]);
    }
    assert_int_equal(sfx_path_open_beneath(dir, "sub/none", O_RDONLY, 0, &err), SFX_E_IO);
    assert_int_equal(err.errnum, ENOENT);
    fd = sfx_path_open_beneath(dir, "./sub//a", O_RDONLY, 0, &err);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    fd = sfx_path_mkdirs_beneath(dir, ".", &err);
    assert_true(fd >= 0);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    assert_int_equal(sfx_path_mkdirs_beneath(dir, "up/new", &err), SFX_E_INPUT);
    assert_int_equal(sfx_io_close(&dir, NULL), 0);
}

static void folders_are_made_with_all_above_them(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(sfx_path_mkdirs("a/b//c/", NULL), 0);
    assert_int_equal(sfx_path_mkdirs("a/b/c", NULL), 0);
    assert_int_equal(stat("a/b/c", &st), 0);
    write_file("file", "x");
    assert_int_equal(sfx_path_mkdirs("file/x", NULL), SFX_E_IO);
    assert_int_equal(sfx_path_mkdirs("file", NULL), SFX_E_IO);
}

static void a_missing_library_or_symbol_is_named(void **state)
{
    static const struct sfx_dl_symbol symbols[] = {{"sfx_no_such_function", 0}};
    void *table[1];
    struct sfx_err err;

    (void)state;
    assert_int_equal(sfx_dl_open("libsfx-none.so.1", symbols, 1, table, &err), SFX_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "libsfx-none.so.1"));
    assert_int_equal(sfx_dl_open("libc.so.6", symbols, 1, table, &err), SFX_E_UNSUPPORTED);
    assert_string_equal(err.text, "libc.so.6 has no sfx_no_such_function");
}

static void symbols_of_a_library_are_callable(void **state)
{
    struct {
        size_t (*length)(const char *);
    } table;
    static const struct sfx_dl_symbol symbols[] = {{"strlen", 0}};

    (void)state;
    assert_int_equal(sfx_dl_open("libc.so.6", symbols, 1, &table, NULL), 0);
    assert_int_equal(table.length("four"), 4);
}

/* From here on, in this process, openat2 does not exist and no file system has O_TMPFILE. */
static int pretend_old_kernel(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
        /* the flags: the low half of the third argument (little-endian) */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = SFX_COUNT(code), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

/* What holds with every kernel. */
#define FILE_TESTS                                                                                 \
    FILE_TEST(nothing_is_visible_before_the_commit),                                               \
        FILE_TEST(what_stood_there_stays_until_the_commit),                                        \
        FILE_TEST(a_failed_write_names_the_output_and_leaves_nothing),                             \
        FILE_TEST(a_taken_name_is_kept_when_asked),                                                \
        FILE_TEST(missing_folders_are_made_only_when_asked),                                       \
        FILE_TEST(what_is_no_file_is_not_replaced),                                                \
        FILE_TEST(a_folder_that_appears_meanwhile_is_not_replaced),                                \
        FILE_TEST(a_link_is_replaced_and_what_it_led_to_stays),                                    \
        FILE_TEST(the_mode_is_what_the_umask_leaves), FILE_TEST(outputs_stay_beneath_their_root),  \
        FILE_TEST(errors_name_the_output_with_its_root),                                           \
        FILE_TEST(reading_beneath_a_folder_follows_no_link),                                       \
        FILE_TEST(folders_are_made_with_all_above_them)

/* All of the above once more; the child's results go to standard error. */
static void an_old_kernel_gives_the_same(void **state)
{
    const struct CMUnitTest tests[] = {FILE_TESTS};
    int status = -1;
    pid_t child;

    (void)state;
    (void)fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (pretend_old_kernel() != 0)
            _exit(77); /* a sandbox that allows no filter */
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
        _exit(cmocka_run_group_tests_name("old kernel", tests, NULL, NULL) != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

static void killed_in_the_middle_nothing_is_left(void **state)
{
    int status;
    pid_t child;

    (void)state;
    write_file("out", "old");
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sfx_outfile *out = sfx_outfile_new("out", NULL, NULL);

        if (out != NULL && sfx_outfile_write(out, "half", 4, NULL) == 0)
            (void)raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_content("out", "old");
    assert_int_equal(count_entries("."), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TESTS,
        cmocka_unit_test(an_old_kernel_gives_the_same),
        FILE_TEST(killed_in_the_middle_nothing_is_left),
        cmocka_unit_test(a_missing_library_or_symbol_is_named),
        cmocka_unit_test(symbols_of_a_library_are_callable),
    };

    return cmocka_run_group_tests_name("base_files", tests, NULL, NULL);
}
