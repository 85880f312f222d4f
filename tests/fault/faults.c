/* SPDX-License-Identifier: MIT */
/*
 * A module for LD_PRELOAD that makes one call fail, or the process die there: what a bad day does,
 * at a place that can be chosen and repeated.
 *
 *   SFX_FAULT     "alloc": the call is an allocation, and fails
 *                 "kill": the call changes a file, and the process is killed before it
 *                 "ENOSPC", "EIO": the call changes a file, and fails with that
 *   SFX_FAULT_AT  which call of that kind, from 1, counted from the start of main
 *   SFX_FAULT_HIT a file to make when the call was reached
 *
 * Writes to standard error are not counted: the message must still be said. Nor are allocations
 * that no caller of a library can survive: the dynamic loader ends the process while it relocates,
 * libmagic (5.44) follows a null pointer in magic_open. (libarchive ends the process from inside,
 * too: scenarios of failing allocations leave archives out.)
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, ALLOC, KILL, FAIL };

static enum kind kind;
static int fault_errno;
static long fault_at;
static atomic_long count;

/* The C library's own allocator, exported under these names for exactly this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

__attribute__((constructor)) static void arm(void)
{
    const char *name = getenv("SFX_FAULT");
    const char *at = getenv("SFX_FAULT_AT");

    if (name == NULL || at == NULL)
        return;
    fault_at = atol(at);
    fault_errno = strcmp(name, "EIO") == 0 ? EIO : ENOSPC;
    kind = strcmp(name, "alloc") == 0 ? ALLOC : strcmp(name, "kill") == 0 ? KILL : FAIL;
}

/* Notes that the place was reached. */
static void hit(void)
{
    const char *path = getenv("SFX_FAULT_HIT");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;

    if (fd >= 0)
        (void)close(fd);
}

static bool is_spared(const void *caller)
{
    static const char *const spared[] = {"/ld-linux", "/libmagic.so"};
    Dl_info info;
    size_t i;

    if (dladdr(caller, &info) == 0)
        return false;
    for (i = 0; i < sizeof(spared) / sizeof(spared[0]); i++) {
        if (strstr(info.dli_fname, spared[i]) != NULL)
            return true;
    }
    return false;
}

static bool alloc_fails(const void *caller)
{
    if (kind != ALLOC || is_spared(caller) || atomic_fetch_add(&count, 1) + 1 != fault_at)
        return false;
    hit();
    errno = ENOMEM;
    return true;
}

/* True when the call that changes a file must fail; does not return when the process must die. */
static bool change_fails(void)
{
    if ((kind != KILL && kind != FAIL) || atomic_fetch_add(&count, 1) + 1 != fault_at)
        return false;
    hit();
    if (kind == KILL)
        (void)kill(getpid(), SIGKILL);
    errno = fault_errno;
    return true;
}

void *malloc(size_t size)
{
    return alloc_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return alloc_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *ptr, size_t size)
{
    return alloc_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(ptr, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return alloc_fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (alloc_fails(__builtin_return_address(0)))
        return ENOMEM;
    *out = __libc_memalign(alignment, size);
    return *out != NULL ? 0 : ENOMEM;
}

/* Defines name as a wrapper: the fault, or the C library's function of that name. */
#define WRAP(result, name, parameters, arguments, counted)                                         \
    result name parameters;                                                                        \
    result name parameters                                                                         \
    {                                                                                              \
        static result(*next) parameters;                                                           \
                                                                                                   \
        if ((counted) && change_fails())                                                           \
            return -1;                                                                             \
        if (next == NULL) {                                                                        \
            void *found = dlsym(RTLD_NEXT, #name);                                                 \
                                                                                                   \
            memcpy(&next, &found, sizeof(found));                                                  \
        }                                                                                          \
        return next arguments;                                                                     \
    }

#define NOT_STDERR (fd != STDERR_FILENO)

WRAP(ssize_t, write, (int fd, const void *ptr, size_t len), (fd, ptr, len), NOT_STDERR)
WRAP(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n), NOT_STDERR)
WRAP(ssize_t, pwrite, (int fd, const void *ptr, size_t len, off_t at), (fd, ptr, len, at), true)
WRAP(ssize_t, pwrite64, (int fd, const void *ptr, size_t len, off64_t at), (fd, ptr, len, at), true)
WRAP(int, fsync, (int fd), (fd), true)
WRAP(int, fdatasync, (int fd), (fd), true)
WRAP(int, ftruncate, (int fd, off_t len), (fd, len), true)
WRAP(int, ftruncate64, (int fd, off64_t len), (fd, len), true)
WRAP(int, rename, (const char *from, const char *to), (from, to), true)
WRAP(int, renameat, (int fd, const char *from, int to_fd, const char *to), (fd, from, to_fd, to),
     true)
WRAP(int, renameat2, (int fd, const char *from, int to_fd, const char *to, unsigned int flags),
     (fd, from, to_fd, to, flags), true)
WRAP(int, link, (const char *from, const char *to), (from, to), true)
WRAP(int, linkat, (int fd, const char *from, int to_fd, const char *to, int flags),
     (fd, from, to_fd, to, flags), true)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), true)
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), true)
