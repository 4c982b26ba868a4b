/* Calls of which more is looked at than their number. */
#ifndef SKINK_PROBE_ARGUMENTS_BPF_H
#define SKINK_PROBE_ARGUMENTS_BPF_H

#include <asm/unistd.h>

#include "probe/files.bpf.h"
#include "probe/flow_unix.bpf.h"

/* A bit for each code of such a call. */
const volatile bool reads_arguments;
const volatile __u64 argument_calls[CALL_CODES / 64];

static __always_inline bool has_arguments(__u32 code)
{
    __u32 word = code / 64;
    barrier_var(word); /* the bound must be where Linux 6.1 sees it, however well it is known */
    return argument_calls[word & (CALL_CODES / 64 - 1)] >> (code & 63) & 1;
}

/* The address of a sendmsg. */
static __always_inline int send_unix(struct thread *thread, const void *header)
{
    struct {
        unsigned long name;
        __u32 size;
    } to = {0}; /* as struct user_msghdr begins */
    if (bpf_probe_read_user(&to, sizeof to, header) != 0)
        return 0;
    return call_unix(thread, to.name, to.size);
}

static __noinline int read_arguments(struct thread *thread, struct pt_regs *regs, __u32 code)
{
    if (!thread || !regs)
        return 0;
    if (files && FILE_CALLS[code & (CALL_CODES - 1)])
        return check_files(thread, regs, code);
    switch (code) {
    case __NR_connect:
        return call_unix(thread, regs->si, regs->dx);
    case __NR_sendto:
        return regs->r8 ? call_unix(thread, regs->r8, regs->r9) : 0;
    case __NR_sendmsg:
        return send_unix(thread, (const void *)regs->si);
    default:
        return 0;
    }
}

#endif
