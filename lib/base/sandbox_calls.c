/* SPDX-License-Identifier: MIT */
/*
 * The filter of system calls: a list of what computing needs, or a list of what no program that is
 * run for others needs. A classic BPF program, see seccomp(2).
 */
#include "base/sandbox_internal.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#ifndef ARCH
bool sfx_sandbox_can_filter(void)
{
    return false;
}

bool sfx_sandbox_filter_calls(const struct sfx_sandbox *sandbox)
{
    (void)sandbox;
    return false;
}
#else

/* The frequent ones first: kernels before 5.11 go through the list at every call. */
static const int computing[] = {
    SYS_read,
    SYS_write,
    SYS_writev,
    SYS_readv,
    SYS_pread64,
    SYS_pwrite64,
    SYS_lseek,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_recvfrom,
    SYS_sendto,
    SYS_close,
    SYS_fstat,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_fcntl,
    SYS_ppoll,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getpid,
    SYS_gettid,
    SYS_tgkill, /* abort(3); Landlock keeps signals to others from leaving */
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_rt_sigreturn,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_time
    SYS_time,
#endif
};

/* Allowed when they make no code. The third argument is the protection. */
static const int mapping[] = {SYS_mmap, SYS_mprotect};

/* What changes the machine, looks into other processes, or widens the kernel's surface. */
static const int never[] = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_swapon,
    SYS_swapoff,
    SYS_reboot,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_unshare,
    SYS_setns,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_syslog,
    SYS_open_by_handle_at,
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup, /* its calls pass no filter */
#endif
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
};

#define MAX_INSNS (2 * (SFX_COUNT(computing) + SFX_COUNT(never)) + 32)

struct filter {
    struct sock_filter insns[MAX_INSNS];
    unsigned short n;
};

#define WORD(member)    ((uint32_t)offsetof(struct seccomp_data, member))
#define LOW_HALF(index) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (index)))
#define DENY            (SECCOMP_RET_ERRNO | EPERM)

static void put(struct filter *f, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
    f->insns[f->n++] = (struct sock_filter){code, jt, jf, k};
}

static void load(struct filter *f, uint32_t offset)
{
    put(f, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void give(struct filter *f, uint32_t verdict)
{
    put(f, BPF_RET | BPF_K, verdict, 0, 0);
}

static void give_if_call(struct filter *f, int call, uint32_t verdict)
{
    put(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1);
    give(f, verdict);
}

static void allow_computing(struct filter *f)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(computing); i++)
        give_if_call(f, computing[i], SECCOMP_RET_ALLOW);
    for (i = 0; i < SFX_COUNT(mapping); i++) {
        put(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)mapping[i], 0, 4);
        load(f, LOW_HALF(2));
        put(f, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0);
        give(f, SECCOMP_RET_ALLOW);
        give(f, DENY);
    }
#ifdef SYS_newfstatat
    /* So the C library spells fstat(2). Sizes of named files are all that it could tell besides. */
    put(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 0, 4);
    load(f, LOW_HALF(3));
    put(f, BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 0, 1);
    give(f, SECCOMP_RET_ALLOW);
    give(f, DENY);
#endif
    give(f, DENY);
}

static void deny_never(struct filter *f, bool network)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(never); i++)
        give_if_call(f, never[i], DENY);
    if (!network) {
        put(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4);
        load(f, LOW_HALF(0));
        put(f, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0);
        give(f, DENY);
        give(f, SECCOMP_RET_ALLOW);
    }
    give(f, SECCOMP_RET_ALLOW);
}

bool sfx_sandbox_can_filter(void)
{
    const uint32_t action = SECCOMP_RET_ERRNO;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool sfx_sandbox_filter_calls(const struct sfx_sandbox *sandbox)
{
    struct filter f = {.n = 0};
    struct sock_fprog program = {.filter = f.insns};

    /* Another architecture's calls have other numbers. */
    load(&f, WORD(arch));
    put(&f, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    give(&f, DENY);
    load(&f, WORD(nr));
#ifdef __x86_64__
    put(&f, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* x32's bit */
    give(&f, DENY);
#endif
    if (sandbox->compute_only)
        allow_computing(&f);
    else
        deny_never(&f, sandbox->network);
    program.len = f.n;
    /*
     * Without SPEC_ALLOW kernels before 5.16 slow all of the process down to keep code that it was
     * made to run from guessing at its own memory: there is nothing in it that it may not read.
     */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                   &program) == 0 ||
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
#endif
