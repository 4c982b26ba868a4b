/*
 * Hooks a BPF program that does nothing to sys_enter, says "ready", and unhooks it when standard
 * input ends: what any tracer of every call costs at the least.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

int main(void)
{
    static const struct bpf_insn nothing[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    struct error err;
    char byte;
    autoclose int program = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "bench_nothing", "GPL",
                                          nothing, sizeof nothing / sizeof *nothing, NULL);
    autoclose int link = program < 0 ? -1 : bpf_raw_tracepoint_open("sys_enter", program);
    if (link < 0) {
        error_set(&err, EXIT_MACHINE, -(program < 0 ? program : link), "hook: sys_enter");
        return error_report(&err);
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return EXIT_DONE;
}
