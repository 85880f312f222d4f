/* SPDX-License-Identifier: MIT */
/*
 * Runs one command and says what it cost.
 *
 * usage: measure [-i STDIN] [-o STDOUT] [-t SECONDS] COMMAND
 *
 * COMMAND is one operand, split and expanded as a shell would ($NAME, quotes; no pipes), but no
 * shell runs: its start would be half of what a small program takes. Prints "WALL_NS CPU_NS
 * PEAK_KIB STATUS": CPU of the command and the children it waited for; the largest peak of memory
 * among them; 124 when it was killed after SECONDS, 128 + n when a signal ended it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>

static volatile sig_atomic_t timed_out;
static pid_t child = -1;

static void on_alarm(int sig)
{
    (void)sig;
    timed_out = 1;
    (void)kill(child, SIGKILL);
}

static void use_file(const char *path, int flags, int fd)
{
    int opened = open(path, flags | O_CLOEXEC, 0666);

    if (opened < 0 || dup2(opened, fd) < 0) {
        perror(path);
        _exit(126);
    }
}

static void run_child(char **argv, const char *in, const char *out)
{
    use_file(in, O_RDONLY, STDIN_FILENO);
    use_file(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    (void)execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

static long long ns_between(const struct timespec *a, const struct timespec *b)
{
    return (long long)(b->tv_sec - a->tv_sec) * 1000000000 + (b->tv_nsec - a->tv_nsec);
}

static long long ns_of(const struct timeval *t)
{
    return (long long)t->tv_sec * 1000000000 + (long long)t->tv_usec * 1000;
}

static int measure(char **argv, const char *in, const char *out, unsigned seconds)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct timespec before;
    struct timespec after;
    struct rusage usage;
    int status;

    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    /* vfork: a fork copies page tables, and their cost and size would be counted as the command's.
     */
    child = vfork();
    if (child == 0)
        run_child(argv, in, out);
    if (child < 0) {
        perror("vfork");
        return 1;
    }
    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(seconds);
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) {
            perror("wait4");
            return 1;
        }
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    status = timed_out ? 124 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    (void)printf("%lld %lld %ld %d\n", ns_between(&before, &after),
                 ns_of(&usage.ru_utime) + ns_of(&usage.ru_stime), usage.ru_maxrss, status);
    return 0;
}

int main(int argc, char **argv)
{
    const char *in = "/dev/null";
    const char *out = "/dev/null";
    unsigned seconds = 0;
    wordexp_t words;
    int c;
    int rc;

    while ((c = getopt(argc, argv, "i:o:t:")) != -1) {
        if (c == 'i')
            in = optarg;
        else if (c == 'o')
            out = optarg;
        else if (c == 't')
            seconds = (unsigned)strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    if (optind + 1 != argc) {
        (void)fprintf(stderr, "usage: measure [-i STDIN] [-o STDOUT] [-t SECONDS] COMMAND\n");
        return 2;
    }
    if (wordexp(argv[optind], &words, WRDE_NOCMD | WRDE_UNDEF) != 0 || words.we_wordc == 0) {
        (void)fprintf(stderr, "measure: cannot be split into words: %s\n", argv[optind]);
        return 2;
    }
    rc = measure(words.we_wordv, in, out, seconds);
    wordfree(&words);
    return rc;
}
