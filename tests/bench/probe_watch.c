/* SPDX-License-Identifier: MIT */
/*
 * Measures a program that watches a folder: files that it never told of, and how long it took to
 * tell of the others.
 *
 * usage: probe_watch MODE FILES FOLDER COMMAND
 *
 * COMMAND (split as measure does) watches FOLDER, which is empty, and prints a line with the path
 * of each file. MODE says how files come: see modes below. Prints "MISSED P50_US P99_US CPU_NS
 * PEAK_KIB EXTRA": microseconds from a file's close (or rename) to its line, over the files that
 * were told of; EXTRA lines are those that name a file again, or by a name that it had for a
 * moment.
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
#define READY_NS         ((int64_t)60 * 1000000000)
#define QUIET_S          3 /* nothing more comes: the rest is missed */

struct mode;

struct probe {
    const struct mode *mode;
    long nfiles;
    const char *folder;
    int lines_fd;
    int64_t *closed_ns;       /* by file; written by main */
    _Atomic int64_t *told_ns; /* by file; 0: not yet; written by the reader */
    atomic_long ntold;
    atomic_long nextra;
    char unready[2][64]; /* the ends of folders that are to be told of; "": done */
    atomic_int nready;   /* of them */
};

struct mode {
    const char *name;
    long divisor; /* it takes so many times less files */
    void (*before)(const struct probe *p);
    void (*make)(struct probe *p);
    int64_t pause_ns; /* the reader's, after each line */
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

static void note_ready(struct probe *p, const char *line)
{
    int i;

    for (i = 0; i < 2; i++) {
        if (p->unready[i][0] == '\0' || strstr(line, p->unready[i]) == NULL)
            continue;
        p->unready[i][0] = '\0';
        atomic_fetch_add(&p->nready, 1);
    }
}

static bool is_ready(struct probe *p)
{
    return atomic_load(&p->nready) == 2;
}

/* Notes the file that a line names: "…/f-NUMBER.dat"; more behind it is another name. */
static void note_line(struct probe *p, const char *line)
{
    const char *name = strstr(line, "/f-");
    char *end;
    long i;

    if (strstr(line, "/ready-") != NULL)
        note_ready(p, line);
    if (name == NULL)
        return;
    i = strtol(name + 3, &end, 10);
    if (i < 0 || i >= p->nfiles)
        return;
    if (strncmp(end, ".dat", 4) != 0 || end[4] == '.' || atomic_load(&p->told_ns[i]) != 0) {
        atomic_fetch_add(&p->nextra, 1);
        return;
    }
    atomic_store(&p->told_ns[i], now_ns());
    atomic_fetch_add(&p->ntold, 1);
}

static void *read_lines(void *arg)
{
    struct probe *p = arg;
    FILE *f = fdopen(p->lines_fd, "r");
    char *line = NULL;
    size_t cap = 0;

    while (f != NULL && getline(&line, &cap, f) >= 0) {
        note_line(p, line);
        if (p->mode->pause_ns > 0 && is_ready(p))
            sleep_ns(p->mode->pause_ns);
    }
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

static void make_folder(const char *root, long i)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/d-%ld", root, i);
    if (mkdir(path, 0777) != 0)
        die(path);
}

static void make_numbered(struct probe *p, const char *root, long folder, long i)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/d-%ld/f-%ld.dat", root, folder, i);
    make_file(path);
    p->closed_ns[i] = now_ns();
}

/* Makes files in two folders (which may be one) until one of each is told of. */
static void wait_until_ready(struct probe *p, char folders[2][4000], int64_t period_ns)
{
    const int64_t end = now_ns() + READY_NS;
    char path[4096];
    int i;

    for (i = 0; now_ns() < end && !is_ready(p); i++) {
        (void)snprintf(path, sizeof(path), "%s/ready-%d", folders[i % 2], i / 2);
        make_file(path);
        sleep_ns(period_ns);
    }
    if (!is_ready(p)) {
        (void)fprintf(stderr, "probe_watch: the command tells of nothing\n");
        exit(1);
    }
}

/* Folders of 100 files each, made and filled as fast as it goes. */
static void fill(struct probe *p, const char *root)
{
    long i;

    for (i = 0; i < p->nfiles; i++) {
        if (i % FILES_PER_FOLDER == 0)
            make_folder(root, i / FILES_PER_FOLDER);
        make_numbered(p, root, i / FILES_PER_FOLDER, i);
    }
}

static void fresh(struct probe *p)
{
    fill(p, p->folder);
}

/* All into one folder that was there before. */
static void one_folder(const struct probe *p)
{
    make_folder(p->folder, 0);
}

static void flat(struct probe *p)
{
    long i;

    for (i = 0; i < p->nfiles; i++)
        make_numbered(p, p->folder, 0, i);
}

/* As fresh, each file written under another name and renamed. */
static void atomic(struct probe *p)
{
    char before[4096], after[4096];
    long i;

    for (i = 0; i < p->nfiles; i++) {
        const long folder = i / FILES_PER_FOLDER;

        if (i % FILES_PER_FOLDER == 0)
            make_folder(p->folder, folder);
        (void)snprintf(before, sizeof(before), "%s/d-%ld/f-%ld.dat.part", p->folder, folder, i);
        (void)snprintf(after, sizeof(after), "%s/d-%ld/f-%ld.dat", p->folder, folder, i);
        make_file(before);
        if (rename(before, after) != 0)
            die(before);
        p->closed_ns[i] = now_ns();
    }
}

/* A ready tree is renamed into the folder. */
static void moved(struct probe *p)
{
    char before[4000], after[4000]; /* what stands in them gets longer */
    int64_t now;
    long i;

    (void)snprintf(before, sizeof(before), "%s.tree", p->folder);
    (void)snprintf(after, sizeof(after), "%s/tree", p->folder);
    if (mkdir(before, 0777) != 0)
        die(before);
    fill(p, before);
    now = now_ns();
    for (i = 0; i < p->nfiles; i++)
        p->closed_ns[i] = now;
    if (rename(before, after) != 0)
        die(before);
}

static void steady_folders(const struct probe *p)
{
    long i;

    for (i = 0; i < STEADY_FOLDERS; i++)
        make_folder(p->folder, i);
}

static void steady(struct probe *p)
{
    int64_t start = now_ns();
    long i;

    for (i = 0; i < p->nfiles; i++) {
        int64_t ahead = start + i * STEADY_PERIOD_NS - now_ns();

        if (ahead > 0)
            sleep_ns(ahead);
        make_numbered(p, p->folder, i % STEADY_FOLDERS, i);
    }
}

/* So many folders are there before; then a file comes into the first and the last of them. */
static void all_folders(const struct probe *p)
{
    long i;

    for (i = 0; i < p->nfiles; i++)
        make_folder(p->folder, i);
}

static const struct mode modes[] = {
    {"fresh", 1, NULL, fresh, 0},          {"flat", 1, one_folder, flat, 0},
    {"atomic", 1, NULL, atomic, 0},        {"moved", 1, NULL, moved, 0},
    {"slow", 2, one_folder, flat, 200000}, {"steady", 10, steady_folders, steady, 0},
    {"dirs", 1, all_folders, NULL, 0}, /* measures the time until it is ready */
};

static void wait_until_quiet(struct probe *p)
{
    long last = -1;

    /* Also after it was ready: it may yet look through folders. */
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

static void report(struct probe *p, int64_t ready_ns, const struct rusage *usage)
{
    int64_t *latencies = calloc((size_t)p->nfiles + 1, sizeof(*latencies));
    long n = 0, i, missed;

    if (latencies == NULL)
        die("calloc");
    for (i = 0; i < p->nfiles && p->mode->make != NULL; i++) {
        int64_t told = atomic_load(&p->told_ns[i]);

        /* The line may come before close has returned here. */
        if (told != 0)
            latencies[n++] = told > p->closed_ns[i] ? told - p->closed_ns[i] : 0;
    }
    missed = p->mode->make != NULL ? p->nfiles - n : 0;
    if (p->mode->make == NULL)
        latencies[n++] = ready_ns;
    qsort(latencies, (size_t)n, sizeof(*latencies), compare_times);
    (void)printf("%ld %lld %lld %lld %ld %ld\n", missed, (long long)latencies[n / 2] / 1000,
                 (long long)latencies[n - n / 100 - (n > 0)] / 1000,
                 ((long long)usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000 +
                     ((long long)usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000,
                 usage->ru_maxrss, atomic_load(&p->nextra));
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

static int probe(struct probe *p, char **argv)
{
    const struct mode *mode = p->mode;
    char folders[2][4000];
    int i;
    struct rusage usage;
    pthread_t reader;
    int64_t started;
    pid_t child;

    if (mode->before != NULL)
        mode->before(p);
    for (i = 0; i < 2; i++) {
        long number = i == 0 ? 0 : p->nfiles - 1;

        if (mode->make != NULL)
            (void)snprintf(folders[i], sizeof(folders[i]), "%s", p->folder);
        else
            (void)snprintf(folders[i], sizeof(folders[i]), "%s/d-%ld", p->folder, number);
        if (mode->make != NULL)
            (void)snprintf(p->unready[i], sizeof(p->unready[i]), "/ready-");
        else
            (void)snprintf(p->unready[i], sizeof(p->unready[i]), "/d-%ld/ready-", number);
    }
    started = now_ns();
    child = start(p, argv);
    if (pthread_create(&reader, NULL, read_lines, p) != 0)
        die("pthread_create");
    wait_until_ready(p, folders, mode->make != NULL ? 100000000 : 1000000);
    started = now_ns() - started;
    if (mode->make != NULL)
        mode->make(p);
    wait_until_quiet(p);
    (void)kill(child, SIGTERM);
    if (wait4(child, NULL, 0, &usage) < 0 || pthread_join(reader, NULL) != 0)
        die("wait4");
    report(p, started, &usage);
    return 0;
}

static const struct mode *find_mode(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct probe p = {0};
    wordexp_t words;
    int rc;

    p.mode = argc == 5 ? find_mode(argv[1]) : NULL;
    p.nfiles = p.mode != NULL ? strtol(argv[2], NULL, 10) / p.mode->divisor : 0;
    if (p.nfiles <= 0) {
        (void)fprintf(stderr, "usage: probe_watch MODE FILES FOLDER COMMAND\n");
        return 2;
    }
    p.folder = argv[3];
    p.closed_ns = calloc((size_t)p.nfiles, sizeof(*p.closed_ns));
    p.told_ns = calloc((size_t)p.nfiles, sizeof(*p.told_ns));
    if (p.closed_ns == NULL || p.told_ns == NULL)
        die("calloc");
    if (wordexp(argv[4], &words, WRDE_NOCMD | WRDE_UNDEF) != 0 || words.we_wordc == 0)
        return 2;
    rc = probe(&p, words.we_wordv);
    wordfree(&words);
    free(p.closed_ns);
    free(p.told_ns);
    return rc;
}
