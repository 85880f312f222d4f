/* SPDX-License-Identifier: MIT */
/* What a function may touch. */
#include "function/jail.h"

#include "base/io.h"
#include "base/size.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of folders in each other; each has a descriptor while it is emptied. */
enum { MAX_DEPTH = 256 };

/* What programs need to start, when reading is not free. */
static const char *const system_paths[] = {"/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin",
                                           "/etc", "/opt", "/nix",   "/proc",  "/dev"};

/* Without these hardly a shell script runs. */
static const char *const devices[] = {"/dev/null", "/dev/zero",   "/dev/full",
                                      "/dev/tty",  "/dev/random", "/dev/urandom"};

struct sfx_jail {
    struct sfx_sandbox sandbox;
    struct sfx_sandbox_path *paths; /* owned; the last is the folder of the instance */
    const char *tmp;                /* borrowed */
    const struct sfx_process_rules *rules;
};

static void add(struct sfx_jail *jail, const char *path, bool writable)
{
    jail->paths[jail->sandbox.npaths++] = (struct sfx_sandbox_path){path, writable};
}

static void add_if_there(struct sfx_jail *jail, const char *path, bool writable)
{
    if (access(path, F_OK) == 0)
        add(jail, path, writable);
}

/* What the user named has to be there: a misspelt path should fail before the first event. */
static int add_named(struct sfx_jail *jail, const char *const *paths, size_t n, bool writable,
                     struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (access(paths[i], F_OK) != 0)
            return sfx_err_errno(err, errno, "%s", paths[i]);
        add(jail, paths[i], writable);
    }
    return 0;
}

static const char *tmp_of(const char *const *variables)
{
    for (; variables != NULL && *variables != NULL; variables++) {
        if (strncmp(*variables, "TMPDIR=/", 8) == 0)
            return *variables + 7;
    }
    return "/tmp";
}

struct sfx_jail *sfx_jail_new(const struct sfx_function_opts *o, const char *const *variables,
                              const struct sfx_process_rules *rules, struct sfx_err *err)
{
    const size_t most =
        o->nallow_read + o->nallow_write + SFX_COUNT(system_paths) + SFX_COUNT(devices) + 2;
    struct sfx_jail *jail;
    size_t i;
    int rc;

    if (sfx_sandbox_supported() != (SFX_SANDBOX_LANDLOCK | SFX_SANDBOX_SECCOMP)) {
        (void)sfx_err_set(err, SFX_E_UNSUPPORTED,
                          "--sandbox needs Landlock and seccomp filters, which are not there");
        return NULL;
    }
    jail = calloc(1, sizeof(*jail));
    if (jail != NULL)
        jail->paths = calloc(most, sizeof(*jail->paths));
    if (jail == NULL || jail->paths == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        sfx_jail_free(jail);
        return NULL;
    }
    jail->rules = rules;
    jail->tmp = tmp_of(variables);
    jail->sandbox.network = o->allow_network;
    jail->sandbox.paths = jail->paths;
    if (o->nallow_read == 0)
        add(jail, "/", false);
    for (i = 0; o->nallow_read > 0 && i < SFX_COUNT(system_paths); i++)
        add_if_there(jail, system_paths[i], false);
    for (i = 0; i < SFX_COUNT(devices); i++)
        add_if_there(jail, devices[i], true);
    rc = add_named(jail, o->allow_read, o->nallow_read, false, err);
    if (rc == 0)
        rc = add_named(jail, o->allow_write, o->nallow_write, true, err);
    add(jail, "", true); /* the folder of the instance that is started */
    if (rc == 0)
        return jail;
    sfx_jail_free(jail);
    return NULL;
}

void sfx_jail_free(struct sfx_jail *jail)
{
    if (jail == NULL)
        return;
    free(jail->paths);
    free(jail);
}

int sfx_jail_make(const struct sfx_jail *jail, char **folder, struct sfx_err *err)
{
    char *path;

    *folder = NULL;
    if (asprintf(&path, "%s/sfx-run.XXXXXX", jail->tmp) < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    if (mkdtemp(path) == NULL) {
        int rc = sfx_err_errno(err, errno, "%s", path);

        free(path);
        return rc;
    }
    *folder = path;
    if (jail->rules->uid != (uid_t)-1 && chown(path, jail->rules->uid, jail->rules->gid) != 0)
        return sfx_err_errno(err, errno, "%s", path);
    return 0;
}

const struct sfx_sandbox *sfx_jail_sandbox(struct sfx_jail *jail, const char *folder)
{
    jail->paths[jail->sandbox.npaths - 1] = (struct sfx_sandbox_path){folder, true};
    return &jail->sandbox;
}

/* Opens a folder in another, itself and not what it may be replaced by: what is left of a function
 * could still be there, with fewer rights than ours. -1: it is none, or cannot be opened. */
static int open_folder(int parent, const char *name)
{
    int place = openat(parent, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC), fd;
    char path[32];

    if (place < 0)
        return -1;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && chmod(path, 0700) == 0)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)sfx_io_close(&place, NULL);
    return fd;
}

/* Removes what is in the folder that fd, which it closes, has open. What cannot be removed stays:
 * the next instance has a folder of its own. */
static void empty_folder(int fd, int depth)
{
    DIR *folder = fdopendir(fd);
    const struct dirent *entry;

    if (folder == NULL) {
        (void)sfx_io_close(&fd, NULL);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        int sub;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        (void)fchmod(fd, 0700);
        sub = depth < MAX_DEPTH ? open_folder(fd, entry->d_name) : -1;
        if (sub >= 0)
            empty_folder(sub, depth + 1);
        if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0)
            (void)unlinkat(fd, entry->d_name, 0);
    }
    (void)closedir(folder);
}

void sfx_jail_leave(char *folder)
{
    int fd;

    if (folder == NULL)
        return;
    fd = open_folder(AT_FDCWD, folder);
    if (fd >= 0)
        empty_folder(fd, 0);
    (void)rmdir(folder);
    free(folder);
}
