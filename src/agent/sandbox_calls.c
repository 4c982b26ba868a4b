/*
 * seccomp: the calls that the daemon makes are let through. What no fault of a library but only an
 * intruder asks for (another program, another process's memory, a mount, a module) ends the
 * process, and its guardian says so. Everything else is answered as by a kernel that does not have
 * it: libraries know what to do then, and detection goes on.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "agent/sandbox_parts.h"

/* Made by the daemon in its tests, and what other versions of the C library make in their place. */
/* clang-format off */
static const char *const ALLOWED[] = {
    /* memory */
    "brk", "madvise", "membarrier", "mincore", "mlock", "mmap", "mprotect", "mremap", "msync",
    "munlock", "munmap",
    /* files */
    "access", "chdir", "chmod", "close", "close_range", "creat", "dup", "dup2", "dup3", "faccessat",
    "faccessat2", "fadvise64", "fallocate", "fchmod", "fchmodat", "fcntl", "fdatasync", "flock",
    "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents", "getdents64", "ioctl", "link",
    "linkat", "lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readlink",
    "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "stat", "statfs",
    "statx", "sync_file_range", "truncate", "umask", "unlink", "unlinkat", "utimensat", "write",
    "writev", "memfd_create", "copy_file_range",
    /* waiting */
    "clock_gettime", "clock_getres", "clock_nanosleep", "epoll_create", "epoll_create1",
    "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "futex",
    "futex_waitv", "gettimeofday", "inotify_add_watch", "inotify_init", "inotify_init1",
    "inotify_rm_watch", "nanosleep", "pause", "pipe", "pipe2", "poll", "ppoll", "pselect6",
    "restart_syscall", "select", "signalfd", "signalfd4", "time", "timerfd_create",
    "timerfd_gettime", "timerfd_settime",
    /* sockets; socket itself below */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socketpair",
    /* itself; a new thread below */
    "arch_prctl", "capget", "exit", "exit_group", "get_robust_list", "getegid", "geteuid", "getgid",
    "getgroups", "getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "prctl", "prlimit64",
    "rseq", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "sched_yield", "set_robust_list", "set_tid_address",
    "sysinfo", "uname", "times", "getcpu",
    /* signals and children */
    "kill", "pidfd_open", "pidfd_send_signal", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
    "sigaltstack", "tgkill", "tkill", "wait4", "waitid",
};

static const char *const DEADLY[] = {
    "acct", "add_key", "chroot", "create_module", "delete_module", "execve", "execveat",
    "finit_module", "fork", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "ioperm",
    "iopl", "kexec_file_load", "kexec_load", "keyctl", "mknod", "mknodat", "mount", "mount_setattr",
    "move_mount", "open_by_handle_at", "open_tree", "personality", "pidfd_getfd", "pivot_root",
    "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot",
    "request_key", "setdomainname", "setgid", "setgroups", "sethostname", "setns", "setregid",
    "setresgid", "setresuid", "setreuid", "setuid", "swapoff", "swapon", "umount2", "unshare",
    "userfaultfd", "vfork", "clock_settime", "settimeofday",
};
/* clang-format on */

/* Its maps are read, written and made, its links attached again; no program is loaded any more. */
/* clang-format off */
static const int BPF_COMMANDS[] = {
    BPF_MAP_CREATE, BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
    BPF_MAP_GET_NEXT_KEY, BPF_OBJ_GET_INFO_BY_FD, BPF_MAP_LOOKUP_BATCH,
    BPF_MAP_LOOKUP_AND_DELETE_ELEM, BPF_RAW_TRACEPOINT_OPEN, BPF_PROG_ATTACH, BPF_PROG_DETACH,
    BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_LINK_DETACH, BPF_ITER_CREATE, BPF_ENABLE_STATS,
    BPF_PROG_TEST_RUN,
};
/* clang-format on */

static const int FAMILIES[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* A name that this architecture or this libseccomp does not know is no call that can be made. */
static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number >= 0)
            failed = seccomp_rule_add(filter, action, number, 0);
    }
    return failed;
}

static int add_values(scmp_filter_ctx filter, int call, const int *values, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)values[i], 0));
    return failed;
}

/* clone makes threads alone. clone3 hides its flags in memory; who is refused it takes clone. */
static int add_threads(scmp_filter_ctx filter)
{
    int failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    return failed ? failed
                  : seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
}

static int fill(scmp_filter_ctx filter)
{
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (!failed)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree of numbers */
    if (!failed)
        failed = add_all(filter, SCMP_ACT_ALLOW, ALLOWED, COUNT(ALLOWED));
    if (!failed)
        failed = add_all(filter, SCMP_ACT_KILL_PROCESS, DEADLY, COUNT(DEADLY));
    if (!failed)
        failed = add_values(filter, SCMP_SYS(bpf), BPF_COMMANDS, COUNT(BPF_COMMANDS));
    if (!failed)
        failed = add_values(filter, SCMP_SYS(socket), FAMILIES, COUNT(FAMILIES));
    return failed ? failed : add_threads(filter);
}

int sandbox_calls(struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        return error_set(err, EXIT_MACHINE, 0, "seccomp: cannot be used");
    int failed = fill(filter);
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    return failed ? error_set(err, EXIT_MACHINE, -failed, "seccomp") : 0;
}
