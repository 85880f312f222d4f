/* SPDX-License-Identifier: MIT */
/* Control groups: where they are, and one for each instance. */
#include "function/cgroup.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY, CPU, PIDS, NCONTROLLERS };

static const char *const names[NCONTROLLERS] = {"memory", "cpu", "pids"};

struct group {
    int procs[NCONTROLLERS]; /* -1: not used */
    bool taken;
    uint64_t kills; /* of its memory limit, before it was taken */
};

struct sfx_cgroups {
    struct sfx_cgroup_limits limits;
    bool v2;
    char left[PATH_MAX]; /* v2: our group, which we left for one below it; empty: we did not */
    char base[NCONTROLLERS][PATH_MAX]; /* folder to make groups in; empty: not used */
    struct group *groups;
    size_t count;
};

static ssize_t read_text(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? sfx_io_read(fd, text, cap - 1, NULL) : -1;

    (void)sfx_io_close(&fd, NULL);
    text[n > 0 ? n : 0] = '\0';
    return n;
}

static bool write_text(const char *folder, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool write_text(const char *folder, const char *file, const char *fmt, ...)
{
    char path[PATH_MAX + 64], text[64];
    va_list ap;
    bool done;
    int fd, n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    done = fd >= 0 && sfx_io_write(fd, text, (size_t)n, NULL) == 0;
    (void)sfx_io_close(&fd, NULL);
    return done;
}

/* Whether a list of words joined by commas or blanks has the word. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    while (*list != '\0') {
        size_t n = strcspn(list, ", \n");

        if (n == len && strncmp(list, word, len) == 0)
            return true;
        list += n;
        list += strspn(list, ", \n");
    }
    return false;
}

/* Where our group of a controller ("" for v2) is: the path after its mount point. */
static bool own_path(const char *controller, char *out, size_t cap)
{
    static char text[16384];
    char *line, *save = NULL;

    if (read_text("/proc/self/cgroup", text, sizeof(text)) <= 0)
        return false;
    for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char *list = strchr(line, ':'), *path = list != NULL ? strchr(list + 1, ':') : NULL;

        if (path == NULL)
            continue;
        *path++ = '\0';
        if (*controller == '\0' ? list[1] == '\0' : has_word(list + 1, controller))
            return snprintf(out, cap, "%s", path) < (int)cap;
    }
    return false;
}

/* The folder of our group of a controller of v1, or of v2. */
static bool find_folder(const char *controller, char *out, size_t cap)
{
    static char text[65536];
    char own[PATH_MAX], *line, *save = NULL;

    if (!own_path(controller, own, sizeof(own)) ||
        read_text("/proc/self/mountinfo", text, sizeof(text)) <= 0)
        return false;
    for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char root[PATH_MAX], mount[PATH_MAX], *type = strstr(line, " - ");
        const char *rest = own;

        if (type == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2)
            continue;
        if (*controller == '\0') {
            if (strncmp(type, " - cgroup2 ", 11) != 0)
                continue;
        } else if (strncmp(type, " - cgroup ", 10) != 0 || strrchr(type, ' ') == NULL ||
                   !has_word(strrchr(type, ' ') + 1, controller)) {
            continue;
        }
        if (strcmp(root, "/") != 0 && strncmp(own, root, strlen(root)) == 0)
            rest = own + strlen(root);
        return snprintf(out, cap, "%s%s", mount, strcmp(rest, "/") == 0 ? "" : rest) < (int)cap;
    }
    return false;
}

static bool make_group(const char *base, int place, char *folder, size_t cap)
{
    if (snprintf(folder, cap, "%s/sfx-%d-%d", base, (int)getpid(), place) >= (int)cap)
        return false;
    return mkdir(folder, 0755) == 0 || errno == EEXIST;
}

/* Sets what is limited in a new group; false when the controller is not there. */
static bool set_limit(const struct sfx_cgroups *g, int controller, const char *folder)
{
    const struct sfx_cgroup_limits *l = &g->limits;
    unsigned long long memory = l->memory_nbytes;

    if (controller == MEMORY && g->v2) {
        (void)write_text(folder, "memory.swap.max", "0");
        (void)write_text(folder, "memory.oom.group", "1");
        return write_text(folder, "memory.max", "%llu", memory);
    }
    if (controller == MEMORY) {
        bool set = write_text(folder, "memory.limit_in_bytes", "%llu", memory);

        (void)write_text(folder, "memory.memsw.limit_in_bytes", "%llu", memory);
        return set;
    }
    if (controller == CPU && g->v2)
        return write_text(folder, "cpu.max", "%.0f 100000", l->cpus * 100000);
    if (controller == CPU)
        return write_text(folder, "cpu.cfs_period_us", "100000") &&
               write_text(folder, "cpu.cfs_quota_us", "%.0f", l->cpus * 100000);
    return write_text(folder, "pids.max", "%llu", (unsigned long long)l->processes);
}

static bool is_wanted(const struct sfx_cgroup_limits *l, int controller)
{
    return controller == MEMORY ? l->memory_nbytes > 0
           : controller == CPU  ? l->cpus > 0
                                : l->processes > 0;
}

/* Whether groups with the controller can be made below base: tried with one. */
static bool works(const struct sfx_cgroups *g, int controller, const char *base)
{
    char folder[PATH_MAX + 64];
    bool set;

    if (!make_group(base, 0, folder, sizeof(folder)))
        return false;
    set = set_limit(g, controller, folder);
    (void)rmdir(folder);
    return set;
}

/* Uses a controller in a folder if it works there. Returns whether it does. */
static bool use(struct sfx_cgroups *g, int controller, const char *base)
{
    if (!is_wanted(&g->limits, controller) || !works(g, controller, base))
        return false;
    (void)snprintf(g->base[controller], sizeof(g->base[controller]), "%s", base);
    return true;
}

static bool use_any(struct sfx_cgroups *g, const char *base)
{
    bool any = false;
    int i;

    for (i = 0; i < NCONTROLLERS; i++)
        any |= use(g, i, base);
    return any;
}

/* Passes controllers on to the groups below, or does so no more. */
static void pass_on(const struct sfx_cgroups *g, const char *base, char sign)
{
    int i;

    for (i = 0; i < NCONTROLLERS; i++) {
        if (is_wanted(&g->limits, i))
            (void)write_text(base, "cgroup.subtree_control", "%c%s", sign, names[i]);
    }
}

static void leaf_of(const char *base, char *leaf, size_t cap)
{
    (void)snprintf(leaf, cap, "%s/sfx-%d", base, (int)getpid());
}

/* Goes back to where we were. */
static void return_from_leaf(struct sfx_cgroups *g)
{
    char leaf[PATH_MAX + 64];

    if (g->left[0] == '\0')
        return;
    leaf_of(g->left, leaf, sizeof(leaf));
    pass_on(g, g->left, '-');
    (void)write_text(g->left, "cgroup.procs", "0");
    (void)rmdir(leaf);
    g->left[0] = '\0';
}

/*
 * In v2 a group other than the root passes controllers on only when no process is in it. When we
 * are alone in ours (a service of our own, Delegate=yes), we go into one below. Else groups beside
 * ours serve, which need the right to make them there.
 */
static bool use_v2(struct sfx_cgroups *g, const char *base)
{
    char other[PATH_MAX + 64], text[64], *slash;

    (void)snprintf(other, sizeof(other), "%s/cgroup.type", base);
    if (access(other, F_OK) != 0) { /* the root */
        pass_on(g, base, '+');
        return use_any(g, base);
    }
    leaf_of(base, other, sizeof(other));
    if (mkdir(other, 0755) == 0) {
        (void)snprintf(g->left, sizeof(g->left), "%s", base);
        if (write_text(other, "cgroup.procs", "0")) {
            (void)snprintf(other, sizeof(other), "%s/cgroup.procs", base);
            if (read_text(other, text, sizeof(text)) == 0) {
                pass_on(g, base, '+');
                if (use_any(g, base))
                    return true;
            }
        }
        return_from_leaf(g);
    }
    (void)snprintf(other, sizeof(other), "%s", base);
    slash = strrchr(other, '/');
    if (slash == NULL || slash == other)
        return false;
    *slash = '\0';
    return use_any(g, other);
}

struct sfx_cgroups *sfx_cgroups_new(const struct sfx_cgroup_limits *limits,
                                    struct sfx_cgroup_limits *kept)
{
    struct sfx_cgroups *g = calloc(1, sizeof(*g));
    char base[PATH_MAX];
    bool any = false;
    int i;

    *kept = (struct sfx_cgroup_limits){0};
    if (g == NULL)
        return NULL;
    g->limits = *limits;
    /* All in v2, or each in its own hierarchy of v1: a machine has a controller in one of them. */
    g->v2 = true;
    any = find_folder("", base, sizeof(base)) && use_v2(g, base);
    if (!any) {
        g->v2 = false;
        for (i = 0; i < NCONTROLLERS; i++)
            any |= find_folder(names[i], base, sizeof(base)) && use(g, i, base);
    }
    kept->memory_nbytes = g->base[MEMORY][0] != '\0' ? limits->memory_nbytes : 0;
    kept->cpus = g->base[CPU][0] != '\0' ? limits->cpus : 0;
    kept->processes = g->base[PIDS][0] != '\0' ? limits->processes : 0;
    if (any)
        return g;
    free(g);
    return NULL;
}

/* Folder of a group in a controller's hierarchy. */
static void folder_of(const struct sfx_cgroups *g, int controller, int place, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s/sfx-%d-%d", g->base[controller], (int)getpid(), place);
}

static uint64_t number_after(const char *folder, const char *file, const char *key)
{
    char path[PATH_MAX + 64], text[4096];
    const char *at = text;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    if (read_text(path, text, sizeof(text)) <= 0)
        return UINT64_MAX;
    if (key != NULL) {
        at = strstr(text, key);
        if (at == NULL)
            return UINT64_MAX;
        at += strlen(key);
    }
    return strtoull(at, NULL, 10);
}

static uint64_t kills_of(const struct sfx_cgroups *g, int place)
{
    char folder[PATH_MAX + 64];
    uint64_t n;

    if (g->base[MEMORY][0] == '\0')
        return 0;
    folder_of(g, MEMORY, place, folder, sizeof(folder));
    n = number_after(folder, g->v2 ? "memory.events" : "memory.oom_control", "oom_kill ");
    return n != UINT64_MAX ? n : 0;
}

static int add_group(struct sfx_cgroups *g, struct sfx_err *err)
{
    struct group *grown = reallocarray(g->groups, g->count + 1, sizeof(*grown)), *new;
    int i, place = (int)g->count;

    if (grown == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    g->groups = grown;
    new = &g->groups[g->count++];
    *new = (struct group){.procs = {-1, -1, -1}};
    for (i = 0; i < NCONTROLLERS; i++) {
        char folder[PATH_MAX + 64], path[PATH_MAX + 128];

        if (g->base[i][0] == '\0')
            continue;
        if (!make_group(g->base[i], place, folder, sizeof(folder)) || !set_limit(g, i, folder))
            return sfx_err_errno(err, errno, "%s", folder);
        if (g->v2 && i > 0 && new->procs[0] >= 0)
            continue; /* one group has all */
        (void)snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
        new->procs[i] = open(path, O_WRONLY | O_CLOEXEC);
        if (new->procs[i] < 0)
            return sfx_err_errno(err, errno, "%s", path);
    }
    return place;
}

int sfx_cgroups_take(struct sfx_cgroups *g, int procs[3], struct sfx_err *err)
{
    char folder[PATH_MAX + 64];
    int place = 0, i;

    while ((size_t)place < g->count && g->groups[place].taken)
        place++;
    if ((size_t)place == g->count)
        place = add_group(g, err);
    if (place < 0)
        return place;
    g->groups[place].taken = true;
    for (i = 0; i < NCONTROLLERS; i++)
        procs[i] = g->groups[place].procs[i];
    if (g->base[MEMORY][0] != '\0') {
        folder_of(g, MEMORY, place, folder, sizeof(folder));
        (void)write_text(folder, g->v2 ? "memory.peak" : "memory.max_usage_in_bytes", "0");
        g->groups[place].kills = kills_of(g, place);
    }
    return place;
}

/* Kills all that is in a folder; new ones may be made meanwhile. Returns whether it is empty. */
static bool kill_all(const char *folder)
{
    char path[PATH_MAX + 128], text[16384], *at, *save = NULL;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
    n = read_text(path, text, sizeof(text));
    for (at = strtok_r(text, "\n", &save); at != NULL; at = strtok_r(NULL, "\n", &save)) {
        long pid = strtol(at, NULL, 10);

        if (pid > 1)
            (void)kill((pid_t)pid, SIGKILL);
    }
    return n <= 0;
}

void sfx_cgroups_kill(struct sfx_cgroups *g, int place)
{
    const struct timespec moment = {0, 1000000};
    char folder[PATH_MAX + 64];
    int i = 0, tries;

    while (i < NCONTROLLERS - 1 && g->base[i][0] == '\0')
        i++;
    folder_of(g, i, place, folder, sizeof(folder));
    if (g->v2 && write_text(folder, "cgroup.kill", "1"))
        return;
    for (tries = 0; tries < 50 && !kill_all(folder); tries++)
        (void)nanosleep(&moment, NULL);
}

void sfx_cgroups_give(struct sfx_cgroups *g, int place)
{
    sfx_cgroups_kill(g, place);
    g->groups[place].taken = false;
}

int64_t sfx_cgroups_peak(struct sfx_cgroups *g, int place, bool *oom)
{
    char folder[PATH_MAX + 64];
    uint64_t peak;

    *oom = false;
    if (g->base[MEMORY][0] == '\0')
        return -1;
    folder_of(g, MEMORY, place, folder, sizeof(folder));
    peak = number_after(folder, g->v2 ? "memory.peak" : "memory.max_usage_in_bytes", NULL);
    *oom = kills_of(g, place) > g->groups[place].kills;
    return peak <= INT64_MAX ? (int64_t)peak : -1;
}

void sfx_cgroups_free(struct sfx_cgroups *g)
{
    const struct timespec moment = {0, 1000000};
    size_t place;
    int i, tries;

    if (g == NULL)
        return;
    for (place = 0; place < g->count; place++) {
        sfx_cgroups_kill(g, (int)place);
        for (i = 0; i < NCONTROLLERS; i++) {
            char folder[PATH_MAX + 64];

            (void)sfx_io_close(&g->groups[place].procs[i], NULL);
            if (g->base[i][0] == '\0')
                continue;
            folder_of(g, i, (int)place, folder, sizeof(folder));
            /* What was killed leaves the group a moment later. */
            for (tries = 0; tries < 100 && rmdir(folder) != 0 && errno == EBUSY; tries++)
                (void)nanosleep(&moment, NULL);
        }
    }
    return_from_leaf(g);
    free(g->groups);
    free(g);
}
