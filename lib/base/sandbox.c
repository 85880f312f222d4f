/* SPDX-License-Identifier: MIT */
/* The two halves of a sandbox: Landlock here, the filter of system calls in sandbox_calls.c. */
#include "base/sandbox.h"

#include "base/io.h"
#include "base/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights by the version (ABI) of Landlock that brought them; older headers lack the newer ones. */
#define FS_READ    ((1ULL << 0) | (1ULL << 2) | (1ULL << 3)) /* EXECUTE, READ_FILE, READ_DIR */
#define FS_ABI1    ((1ULL << 13) - 1)                        /* up to MAKE_SYM */
#define FS_ABI2    (1ULL << 13)                              /* REFER */
#define FS_ABI3    (1ULL << 14)                              /* TRUNCATE */
#define FS_ABI5    (1ULL << 15)                              /* IOCTL_DEV */
#define FS_OF_FILE ((1ULL << 0) | (1ULL << 1) | (1ULL << 2) | FS_ABI3 | FS_ABI5)
#define NET_ABI4   3ULL /* BIND_TCP, CONNECT_TCP */
#define SCOPE_ABI6 3ULL /* abstract sockets and signals of others */

/* struct landlock_ruleset_attr as it stands since ABI 6; older kernels take its beginning. */
struct ruleset {
    uint64_t fs, net, scoped;
};

static int landlock_abi(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static struct ruleset rules_of(const struct sfx_sandbox *sandbox, int abi, size_t *nbytes)
{
    bool closed = sandbox->compute_only || !sandbox->network;
    struct ruleset rules = {.fs = FS_ABI1 | (abi >= 2 ? FS_ABI2 : 0) | (abi >= 3 ? FS_ABI3 : 0) |
                                  (abi >= 5 ? FS_ABI5 : 0),
                            .net = abi >= 4 && closed ? NET_ABI4 : 0,
                            .scoped = abi >= 6 ? SCOPE_ABI6 : 0};

    *nbytes = abi < 4 ? sizeof(uint64_t) : abi < 6 ? 2 * sizeof(uint64_t) : sizeof(rules);
    return rules;
}

static int allow_path(int ruleset, const struct sfx_sandbox_path *path, uint64_t handled,
                      struct sfx_err *err)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = path->writable ? handled : FS_READ,
        .parent_fd = open(path->path, O_PATH | O_CLOEXEC),
    };
    struct stat st;
    int rc = 0, fd = rule.parent_fd;

    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = sfx_err_errno(err, errno, "%s", path->path);
    } else {
        if (!S_ISDIR(st.st_mode))
            rule.allowed_access &= FS_OF_FILE & handled;
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
            rc = sfx_err_errno(err, errno, "%s: cannot allow it", path->path);
    }
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

/* Returns 1; 0 when the kernel has no Landlock, or has it switched off. */
static int enter_landlock(const struct sfx_sandbox *sandbox, struct sfx_err *err)
{
    int abi = landlock_abi(), rc = 1, fd;
    size_t nbytes, i;
    struct ruleset rules;

    if (abi < 1)
        return 0;
    rules = rules_of(sandbox, abi, &nbytes);
    fd = (int)syscall(SYS_landlock_create_ruleset, &rules, nbytes, 0);
    if (fd < 0)
        return 0;
    for (i = 0; i < sandbox->npaths && rc > 0 && !sandbox->compute_only; i++)
        if (allow_path(fd, &sandbox->paths[i], rules.fs, err) < 0)
            rc = SFX_E_IO;
    if (rc > 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
        rc = 0;
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

/*
 * What root's programs have beyond the rights to any file (which Landlock bounds): a program that
 * is run later has none of it. Who may not drop a capability has none.
 */
static void drop_capabilities(void)
{
    const uint64_t of_files = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE |
                              1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID;
    int cap;

    for (cap = 0; cap < 64; cap++) {
        if ((of_files >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 &&
            errno != EPERM)
            break; /* the kernel knows no more */
    }
}

int sfx_sandbox_supported(void)
{
    if (SFX_SANITIZED)
        return 0;
    return (landlock_abi() >= 1 ? SFX_SANDBOX_LANDLOCK : 0) |
           (sfx_sandbox_can_filter() ? SFX_SANDBOX_SECCOMP : 0);
}

int sfx_sandbox_enter(const struct sfx_sandbox *sandbox, struct sfx_err *err)
{
    int has = 0, rc;

    if (SFX_SANITIZED)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "a sanitizer needs what a sandbox forbids");
    /* Both halves ask for it: a program that is run may not bring rights of its own. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "this kernel has no sandbox");
    if (!sandbox->compute_only)
        drop_capabilities();
    rc = enter_landlock(sandbox, err);
    if (rc < 0)
        return rc;
    has |= rc > 0 ? SFX_SANDBOX_LANDLOCK : 0;
    has |= sfx_sandbox_filter_calls(sandbox) ? SFX_SANDBOX_SECCOMP : 0;
    return has != 0 ? has
                    : sfx_err_set(err, SFX_E_UNSUPPORTED,
                                  "this kernel has neither Landlock nor seccomp filters");
}
