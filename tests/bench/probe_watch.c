/* SPDX-License-Identifier: MIT */
/*
 * Measures a program that watches a folder: files that it never told of, and how long it took to
 * tell of the others.
 *
 * usage: probe_watch burst|steady FILES FOLDER COMMAND
 *
 * COMMAND (split as measure does) watches FOLDER, which is empty, and prints a line with the path
 * of each file. burst: folders of 100 files each are made as fast as it goes. steady: 400 files a
 * second in 100 folders that are there before. Prints "MISSED P50_US P99_US CPU_NS PEAK_KIB":
 * microseconds from a file's close to its line, over the files that were told of.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>

#define FILES_PER_FOLDER 100
#define STEADY_FOLDERS   100
#define STEADY_PERIOD_NS 2500000 /* 400 a second */
#define READY_TRIES      300     /* of 100 ms */
#define QUIET_S          3       /* nothing more comes: the rest is missed */

struct probe {
    long nfiles;
    const char *folder;
    int lines_fd;
    int64_t *closed_ns;       /* by file; written by main */
    _Atomic int64_t *told_ns; /* by file; 0: not yet; written by the reader */
    atomic_long ntold;
    atomic_bool ready;
};

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
    struct timespec t = {ns / 1000000000, ns % 1000000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR) {}
}

static void die(const char *what)
{
    perror(what);
    exit(70);
}

/* Notes the file that a line names: "…/f-NUMBER.dat". */
static void note_line(struct probe *p, const char *line)
{
    const char *name = strstr(line, "/f-");
    long i;

    if (strstr(line, "/ready-") != NULL)
        atomic_store(&p->ready, true);
    if (name == NULL)
        return;
    i = strtol(name + 3, NULL, 10);
    if (i < 0 || i >= p->nfiles || atomic_load(&p->told_ns[i]) != 0)
        return;
    atomic_store(&p->told_ns[i], now_ns());
    atomic_fetch_add(&p->ntold, 1);
}

static void *read_lines(void *arg)
{
    struct probe *p = arg;
    FILE *f = fdopen(p->lines_fd, "r");
    char *line = NULL;
    size_t cap = 0;

    while (f != NULL && getline(&line, &cap, f) >= 0)
        note_line(p, line);
    free(line);
    return NULL;
}

static void make_file(const char *path)
{
    static const char content[1024];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0 || write(fd, content, sizeof(content)) != sizeof(content) || close(fd) != 0)
        die(path);
}

static void make_folder(const struct probe *p, long i)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/d-%ld", p->folder, i);
    if (mkdir(path, 0777) != 0)
        die(path);
}

static void make_numbered(struct probe *p, long folder, long i)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/d-%ld/f-%ld.dat", p->folder, folder, i);
    make_file(path);
    p->closed_ns[i] = now_ns();
}

static void wait_until_ready(struct probe *p)
{
    char path[4096];
    int i;

    for (i = 0; i < READY_TRIES && !atomic_load(&p->ready); i++) {
        (void)snprintf(path, sizeof(path), "%s/ready-%d", p->folder, i);
        make_file(path);
        sleep_ns(100000000);
    }
    if (!atomic_load(&p->ready)) {
        (void)fprintf(stderr, "probe_watch: the command tells of nothing\n");
        exit(1);
    }
}

static void burst(struct probe *p)
{
    long i;

    for (i = 0; i < p->nfiles; i++) {
        if (i % FILES_PER_FOLDER == 0)
            make_folder(p, i / FILES_PER_FOLDER);
        make_numbered(p, i / FILES_PER_FOLDER, i);
    }
}

static void steady(struct probe *p)
{
    int64_t start = now_ns();
    long i;

    for (i = 0; i < p->nfiles; i++) {
        int64_t ahead = start + i * STEADY_PERIOD_NS - now_ns();

        if (ahead > 0)
            sleep_ns(ahead);
        make_numbered(p, i % STEADY_FOLDERS, i);
    }
}

static void wait_until_quiet(struct probe *p)
{
    long last = -1;

    while (atomic_load(&p->ntold) < p->nfiles && atomic_load(&p->ntold) != last) {
        last = atomic_load(&p->ntold);
        sleep_ns((int64_t)QUIET_S * 1000000000);
    }
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void report(struct probe *p, const struct rusage *usage)
{
    int64_t *latencies = calloc((size_t)p->nfiles + 1, sizeof(*latencies));
    size_t n = 0;
    long i;

    if (latencies == NULL)
        die("calloc");
    for (i = 0; i < p->nfiles; i++) {
        int64_t told = atomic_load(&p->told_ns[i]);

        /* The line may come before close has returned here. */
        if (told != 0)
            latencies[n++] = told > p->closed_ns[i] ? told - p->closed_ns[i] : 0;
    }
    qsort(latencies, n, sizeof(*latencies), compare_times);
    (void)printf("%ld %lld %lld %lld %ld\n", p->nfiles - (long)n,
                 (long long)latencies[n / 2] / 1000,
                 (long long)latencies[n - n / 100 - (n > 0)] / 1000,
                 ((long long)usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000 +
                     ((long long)usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000,
                 usage->ru_maxrss);
    free(latencies);
}

/* Starts command with its stdout in a pipe, whose other end becomes p->lines_fd. */
static pid_t start(struct probe *p, char **argv)
{
    int fds[2];
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) != 0)
        die("pipe2");
    child = vfork();
    if (child == 0) {
        (void)dup2(fds[1], STDOUT_FILENO);
        (void)execvp(argv[0], argv);
        _exit(127);
    }
    if (child < 0)
        die("vfork");
    (void)close(fds[1]);
    p->lines_fd = fds[0];
    return child;
}

static int probe(struct probe *p, bool in_burst, char **argv)
{
    struct rusage usage;
    pthread_t reader;
    pid_t child;
    long i;

    for (i = 0; !in_burst && i < STEADY_FOLDERS; i++)
        make_folder(p, i);
    child = start(p, argv);
    if (pthread_create(&reader, NULL, read_lines, p) != 0)
        die("pthread_create");
    wait_until_ready(p);
    if (in_burst)
        burst(p);
    else
        steady(p);
    wait_until_quiet(p);
    (void)kill(child, SIGTERM);
    if (wait4(child, NULL, 0, &usage) < 0 || pthread_join(reader, NULL) != 0)
        die("wait4");
    report(p, &usage);
    return 0;
}

int main(int argc, char **argv)
{
    struct probe p = {0};
    wordexp_t words;
    int rc;

    if (argc != 5 || (strcmp(argv[1], "burst") != 0 && strcmp(argv[1], "steady") != 0) ||
        (p.nfiles = strtol(argv[2], NULL, 10)) <= 0) {
        (void)fprintf(stderr, "usage: probe_watch burst|steady FILES FOLDER COMMAND\n");
        return 2;
    }
    p.folder = argv[3];
    p.closed_ns = calloc((size_t)p.nfiles, sizeof(*p.closed_ns));
    p.told_ns = calloc((size_t)p.nfiles, sizeof(*p.told_ns));
    if (p.closed_ns == NULL || p.told_ns == NULL)
        die("calloc");
    if (wordexp(argv[4], &words, WRDE_NOCMD | WRDE_UNDEF) != 0 || words.we_wordc == 0)
        return 2;
    rc = probe(&p, argv[1][0] == 'b', words.we_wordv);
    wordfree(&words);
    free(p.closed_ns);
    free(p.told_ns);
    return rc;
}
