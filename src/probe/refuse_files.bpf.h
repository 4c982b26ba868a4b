/*
 * Programs and files that the service is not known to run and open. Looked for by their names after
 * the kernel has resolved them, as d_path tells: no symbolic link and no other thread can make one
 * file pass for another. What a name that the service uses resolves to is in `names`, when it is
 * another name than the one that was learned.
 */
#ifndef SKINK_PROBE_REFUSE_FILES_BPF_H
#define SKINK_PROBE_REFUSE_FILES_BPF_H

#include <asm/unistd.h>

#include "probe/files.bpf.h"
#include "probe/refuse_thread.bpf.h"

#define PATH_MAX  4096
#define OPEN_EXEC 0x20 /* __FMODE_EXEC: opened to be run, which refuse_exec judges */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, REFUSE_NAMES_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct refuse_name);
    __type(value, __u32);
} names SEC(".maps");

/* One attempt in the making. The thread's own: it may be preempted here. */
struct attempt {
    struct access access;
    char path[PATH_MAX];
};

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct attempt);
} attempts SEC(".maps");

static __always_inline bool is_name(const struct thread *thread, __u64 fingerprint)
{
    struct refuse_name name = {fingerprint, thread->replica, thread->generation};
    return bpf_map_lookup_elem(&names, &name);
}

static __noinline int is_known(struct access *access, struct thread *thread)
{
    struct replica *replica = thread ? replica_of(thread) : NULL;
    struct table *table = replica ? get_table(replica) : NULL;
    if (!access || !table)
        return 0;
    access_prints_make(&access->prints, &secret, access->kind, access->path);
    if (access_known(table, &access->prints) || is_name(thread, access->prints.path))
        return 1;
    for (__u32 i = 0; i < ACCESS_ABOVE; i++)
        if (access->prints.above[i] && is_name(thread, access->prints.above[i]))
            return 1;
    return 0;
}

/* Not static: the kernel verifies it once, not with each program that calls it. */
__noinline int judge_attempt(struct attempt *attempt, struct thread *thread, __u32 refused)
{
    struct replica *replica = thread ? replica_of(thread) : NULL;
    if (!attempt || !replica || refused >= REFUSED_CALLS)
        return 0;
    struct access *access = &attempt->access;
    bpf_probe_read_kernel_str(access->path, sizeof access->path, attempt->path);
    if (is_known(access, thread))
        return 0;
    add(replica->counters.refused[refused & 3], 1);
    detect_access(access, thread->replica, replica);
    return -EPERM;
}

/* What lies on a mount of no namespace has no name to be opened by (pipes, anonymous memory), or is
 * opened by a file system above it, in whose name it has been judged. */
static __always_inline bool has_name(struct file *file)
{
    struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
    struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
    return (long)BPF_CORE_READ(mount, mnt_ns) != -EINVAL;
}

static __always_inline int judge_file(struct file *file, __u32 kind, __u32 code, __u32 refused)
{
    struct thread *thread = refused_thread();
    struct replica *replica = thread ? refused_replica(thread) : NULL;
    if (!replica || !(replica->refuse & REFUSE_FILES))
        return 0;
    struct attempt *attempt = bpf_task_storage_get(&attempts, bpf_get_current_task_btf(), 0,
                                                   BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (!attempt || bpf_d_path(&file->f_path, attempt->path, sizeof attempt->path) < 0) {
        add(replica->counters.refused[refused & 3], 1);
        return -EPERM; /* what cannot be looked at is not let through */
    }
    attempt->access.kind = kind;
    attempt->access.code = code;
    attempt->access.flags = REPORT_REFUSED;
    return judge_attempt(attempt, thread, refused);
}

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(refuse_exec, struct linux_binprm *program)
{
    return judge_file(program->file, ACCESS_RUN, __NR_execve, REFUSED_EXEC);
}

SEC("lsm/file_open")
int BPF_PROG(refuse_open, struct file *file)
{
    if (file->f_flags & OPEN_EXEC || !has_name(file))
        return 0;
    return judge_file(file, file_open_access(file->f_flags), __NR_openat, REFUSED_OPEN);
}

#endif
