/* SPDX-License-Identifier: MIT */
/* What an invocation may use: rlimits, control groups, and who it runs as. */
#include "function/limits.h"

#include "function/cgroup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_GROUPS = 64 };

struct sfx_limits {
    struct sfx_process_rules rules;
    struct sfx_cgroups *cgroups; /* NULL: none */
    gid_t groups[MAX_GROUPS];
};

static void add(struct sfx_limits *limits, int resource, uint64_t value)
{
    limits->rules.rlimits[limits->rules.nrlimits++] =
        (struct sfx_process_rlimit){resource, (rlim_t)value};
}

/* "name", "uid" or "uid:gid". */
static int find_user(struct sfx_limits *limits, const char *name, struct sfx_err *err)
{
    char text[4096], *end;
    struct passwd entry, *found = NULL;
    unsigned long uid = strtoul(name, &end, 10), gid = uid;
    int ngroups = MAX_GROUPS;

    if (end > name && (*end == '\0' || *end == ':')) {
        if (*end == ':')
            gid = strtoul(end + 1, &end, 10);
        if (*end != '\0')
            return sfx_err_set(err, SFX_E_USAGE, "--user: \"%s\" is no user", name);
        limits->rules.uid = (uid_t)uid;
        limits->rules.gid = (gid_t)gid;
        return 0;
    }
    if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || found == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--user: there is no user \"%s\"", name);
    limits->rules.uid = entry.pw_uid;
    limits->rules.gid = entry.pw_gid;
    if (getgrouplist(name, entry.pw_gid, limits->groups, &ngroups) < 0)
        ngroups = MAX_GROUPS;
    limits->rules.groups = limits->groups;
    limits->rules.ngroups = (size_t)ngroups;
    return 0;
}

static int set_groups(struct sfx_limits *limits, const struct sfx_function_opts *o,
                      const struct sfx_log *log, struct sfx_err *err)
{
    const struct sfx_cgroup_limits wanted = {o->memory_nbytes, o->cpus, o->processes};
    struct sfx_cgroup_limits kept = {0};

    if (wanted.memory_nbytes > 0 || wanted.cpus > 0 || wanted.processes > 0)
        limits->cgroups = sfx_cgroups_new(&wanted, &kept);
    if (wanted.cpus > 0 && !(kept.cpus > 0))
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "--cpus needs the right to make control groups");
    if (wanted.memory_nbytes > 0 && kept.memory_nbytes == 0) {
        sfx_log(log, SFX_LOG_INFO,
                "no control groups here: --memory limits each process by itself");
        add(limits, RLIMIT_DATA, wanted.memory_nbytes);
    }
    if (wanted.processes > 0 && kept.processes == 0) {
        if (getuid() == 0 && o->user == NULL)
            return sfx_err_set(err, SFX_E_UNSUPPORTED,
                               "--processes for root needs the right to make control groups");
        add(limits, RLIMIT_NPROC, wanted.processes);
    }
    return 0;
}

struct sfx_limits *sfx_limits_new(const struct sfx_function_opts *o, const struct sfx_log *log,
                                  struct sfx_err *err)
{
    struct sfx_limits *limits = calloc(1, sizeof(*limits));
    int rc = 0;

    if (limits == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    limits->rules.uid = (uid_t)-1;
    limits->rules.gid = (gid_t)-1;
    if (o->files > 0)
        add(limits, RLIMIT_NOFILE, o->files);
    if (o->cpu_ns > 0)
        add(limits, RLIMIT_CPU, (uint64_t)((o->cpu_ns + 999999999) / 1000000000));
    if (o->user != NULL)
        rc = find_user(limits, o->user, err);
    if (rc == 0)
        rc = set_groups(limits, o, log, err);
    if (rc == 0)
        return limits;
    sfx_limits_free(limits);
    return NULL;
}

void sfx_limits_free(struct sfx_limits *limits)
{
    if (limits == NULL)
        return;
    sfx_cgroups_free(limits->cgroups);
    free(limits);
}

const struct sfx_process_rules *sfx_limits_rules(const struct sfx_limits *limits)
{
    return &limits->rules;
}

int sfx_limits_acquire(struct sfx_limits *limits, int *place, int fds[SFX_PROCESS_NCGROUPS],
                       struct sfx_err *err)
{
    int rc;

    if (limits->cgroups == NULL)
        return 0;
    rc = sfx_cgroups_take(limits->cgroups, fds, err);
    if (rc >= 0)
        *place = rc;
    return rc < 0 ? rc : 0;
}

void sfx_limits_release(struct sfx_limits *limits, int place)
{
    if (limits != NULL && limits->cgroups != NULL && place >= 0)
        sfx_cgroups_give(limits->cgroups, place);
}

void sfx_limits_kill(struct sfx_limits *limits, int place)
{
    if (limits != NULL && limits->cgroups != NULL && place >= 0)
        sfx_cgroups_kill(limits->cgroups, place);
}

int64_t sfx_limits_peak(struct sfx_limits *limits, int place, bool *oom)
{
    *oom = false;
    return limits->cgroups != NULL && place >= 0 ? sfx_cgroups_peak(limits->cgroups, place, oom)
                                                 : -1;
}
