/* The order to stop: what a replica does after it is its end, not an intruder's work. */
#ifndef SKINK_PROBE_SIGNALS_BPF_H
#define SKINK_PROBE_SIGNALS_BPF_H

#include "probe/threads.bpf.h"

#define SIGNAL(number) (1ULL << (number))

/* What engines and service managers stop with: TERM, INT, QUIT, and what images ask for in its
 * place (STOPSIGNAL): USR1 (HAProxy), WINCH (Apache), RTMIN+3 (systemd). */
#define STOPPING (SIGNAL(15) | SIGNAL(2) | SIGNAL(3) | SIGNAL(10) | SIGNAL(28) | SIGNAL(37))

/* Who sent it did so by a call of kill() or its kin; the kernel's own signals come with `info` 1 or
 * a positive code. */
static __always_inline bool sent_by_somebody(struct kernel_siginfo *info)
{
    return !info || ((unsigned long)info > 1 && BPF_CORE_READ(info, si_code) <= 0);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int number, struct kernel_siginfo *info, struct task_struct *task)
{
    if (number <= 0 || number >= 64 || !(STOPPING & SIGNAL(number)))
        return 0;
    struct thread *thread = followed(task);
    struct replica *replica = thread ? replica_of(thread) : NULL;
    if (!replica)
        return 0;
    /* From inside it is no order: the intruder must not get a hearing by it. */
    struct thread *sender = followed(bpf_get_current_task_btf());
    if ((sender && sender->replica == thread->replica) || !sent_by_somebody(info))
        return 0;
    replica->stopped = bpf_ktime_get_ns();
    return 0;
}

#endif
