/* SPDX-License-Identifier: MIT */
/* A child serves its parent over a channel; in a sandbox it can do no more than was left to it. */
#include "base/child.h"
#include "base/sandbox.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In children: ends with the line that was wrong. */
#define EXPECT(what)                                                                               \
    do {                                                                                           \
        if (!(what))                                                                               \
            return __LINE__ % 200 + 50;                                                            \
    } while (0)

static void expect_status(struct sfx_child *child, int want)
{
    int status;

    sfx_child_end(child, &status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), want);
}

/* Answers each message with what stands in the descriptor that came with it. */
static int echo(void *ctx, int fd)
{
    char text[64];
    int passed;

    (void)ctx;
    while (sfx_channel_receive(fd, text, sizeof(text), &passed, NULL) > 0) {
        struct iovec iov = {text, 0};
        ssize_t n = passed >= 0 ? read(passed, text, sizeof(text)) : 0;

        EXPECT(n >= 0);
        if (passed >= 0)
            EXPECT(close(passed) == 0);
        iov.iov_len = (size_t)n;
        EXPECT(sfx_channel_send(fd, &iov, 1, -1, NULL) == 0);
    }
    return 7;
}

static void a_child_gets_messages_with_descriptors(void **state)
{
    char question_text[] = "read it";
    struct iovec question = {question_text, 7};
    struct sfx_child child;
    char text[64];
    int ends[2], passed;

    (void)state;
    assert_int_equal(sfx_child_start(&child, echo, NULL, NULL), 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "hello", 5), 5);
    assert_int_equal(sfx_channel_send(child.fd, &question, 1, ends[0], NULL), 0);
    assert_int_equal(sfx_channel_receive(child.fd, text, sizeof(text), &passed, NULL), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(passed, -1);
    assert_true(sfx_child_cpu_ns(&child) >= 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    /* The channel's end is the child's. */
    expect_status(&child, 7);
}

static int crash(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
    return kill(getpid(), SIGKILL);
}

static void the_death_of_a_child_is_heard(void **state)
{
    struct sfx_child child;
    char text[8];
    int passed, status;

    (void)state;
    assert_int_equal(sfx_child_start(&child, crash, NULL, NULL), 0);
    assert_int_equal(sfx_channel_receive(child.fd, text, sizeof(text), &passed, NULL), 0);
    sfx_child_end(&child, &status);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int compute(int file)
{
    static const struct sfx_sandbox sandbox = {.compute_only = true};
    struct stat st;
    char *memory, text[4];
    int has = sfx_sandbox_enter(&sandbox, NULL);

    EXPECT(has > 0);
    EXPECT(open("/etc/passwd", O_RDONLY) < 0);
    EXPECT(open("/tmp", O_TMPFILE | O_RDWR, 0600) < 0);
    EXPECT(read(file, text, sizeof(text)) == 4 && memcmp(text, "data", 4) == 0);
    EXPECT(fstat(file, &st) == 0);
    memory = malloc(10 << 20);
    EXPECT(memory != NULL);
    memset(memory, 1, 10 << 20);
    free(memory);
    if (has & SFX_SANDBOX_SECCOMP) {
        EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
        EXPECT(fork() < 0);
        EXPECT(kill(getppid(), 0) < 0);
        EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
               MAP_FAILED);
        EXPECT(execl("/bin/true", "true", (char *)NULL) < 0);
    }
    return 0;
}

static void computing_needs_only_what_is_open(void **state)
{
    FILE *file = tmpfile();
    int fd = fileno(file), status;

    (void)state;
    if (sfx_sandbox_supported() == 0)
        skip();
    assert_int_equal(write(fd, "data", 4), 4);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    switch (fork()) {
    case 0: _exit(compute(fd));
    default: assert_true(wait(&status) > 0);
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)fclose(file);
}

static int run_program(const char *folder)
{
    const struct sfx_sandbox_path paths[] = {
        {"/usr", false}, {"/bin", false}, {"/lib", false}, {"/lib64", false}, {folder, true}};
    const struct sfx_sandbox sandbox = {.paths = paths,
                                        .npaths = access("/lib64", F_OK) == 0 ? 5 : 3};
    char path[256];
    int has = sfx_sandbox_enter(&sandbox, NULL), fd;

    EXPECT(has > 0);
    (void)snprintf(path, sizeof(path), "%s/new", folder);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    EXPECT(fd >= 0);
    if (has & SFX_SANDBOX_LANDLOCK) {
        EXPECT(open("/etc/passwd", O_RDONLY) < 0);
        EXPECT(open("/usr/sfx-must-not-be", O_WRONLY | O_CREAT, 0600) < 0);
    }
    if (has & SFX_SANDBOX_SECCOMP) {
        EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0);
        EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    }
    (void)execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static void a_program_has_its_paths_and_no_network(void **state)
{
    char folder[] = "/tmp/sfx-test-XXXXXX", path[256];
    int status;

    (void)state;
    if (sfx_sandbox_supported() == 0)
        skip();
    assert_non_null(mkdtemp(folder));
    switch (fork()) {
    case 0: _exit(run_program(folder));
    default: assert_true(wait(&status) > 0);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)snprintf(path, sizeof(path), "%s/new", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_gets_messages_with_descriptors),
        cmocka_unit_test(the_death_of_a_child_is_heard),
        cmocka_unit_test(computing_needs_only_what_is_open),
        cmocka_unit_test(a_program_has_its_paths_and_no_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
