/*
 * What this kernel lets Skink do, tried rather than deduced: a locked-down kernel refuses some
 * programs of a type and takes others (libbpf_probe_bpf_prog_type(TRACING) says no on a kernel that
 * runs Skink's probe).
 */
#ifndef SKINK_PROBE_SUPPORT_H
#define SKINK_PROBE_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Loads an empty tp_btf program, attaches it to sys_enter and takes it away again. */
int probe_try_attach(struct error *err);

/* Makes one map of each kind that the probe uses besides plain arrays and hashes. */
int probe_try_maps(struct error *err);

/* A program attached to sys_enter; each one costs every call of every process. */
struct probe_tracer {
    uint32_t id;   /* as `bpftool prog show id` takes it */
    char name[16]; /* BPF_OBJ_NAME_LEN */
};

/*
 * The programs on sys_enter by raw tracepoint (as tp_btf is) or by perf event, Skink's own among
 * them. Returns their number, which may exceed max; -1 on error (it takes CAP_SYS_ADMIN).
 */
int probe_tracers(struct probe_tracer *tracers, size_t max, struct error *err);

#endif
