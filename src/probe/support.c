#include "probe/support.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/parse.h"

int probe_try_attach(struct error *err)
{
    const struct bpf_insn return_0[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    libbpf_print_fn_t loud = libbpf_set_print(NULL); /* the error says it all */
    int target = libbpf_find_vmlinux_btf_id("sys_enter", BPF_TRACE_RAW_TP);
    libbpf_set_print(loud);
    if (target < 0)
        return error_set(err, EXIT_MACHINE, -target, "the kernel's BTF does not know sys_enter");
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP,
                .attach_btf_id = (__u32)target);
    autoclose int program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "skink_try", "GPL", return_0,
                                          sizeof return_0 / sizeof return_0[0], &options);
    if (program < 0)
        return error_set(err, EXIT_MACHINE, errno, "the kernel refuses a program for sys_enter");
    autoclose int link = bpf_raw_tracepoint_open(NULL, program);
    if (link < 0)
        return error_set(err, EXIT_MACHINE, errno, "the program cannot be attached to sys_enter");
    return 0;
}

int probe_try_maps(struct error *err)
{
    static const struct {
        enum bpf_map_type type;
        const char *name;
    } needed[] = {
        {BPF_MAP_TYPE_TASK_STORAGE, "task storage"},
        {BPF_MAP_TYPE_RINGBUF, "ring buffer"},
        {BPF_MAP_TYPE_ARRAY_OF_MAPS, "array of maps"},
    };
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        int there = libbpf_probe_bpf_map_type(needed[i].type, NULL);
        if (there <= 0)
            return error_set(err, EXIT_MACHINE, there < 0 ? -there : 0,
                             "the kernel makes no %s map", needed[i].name);
    }
    return 0;
}

static void add(struct probe_tracer *tracers, size_t max, int *count, uint32_t id)
{
    for (int i = 0; i < *count && (size_t)i < max; i++)
        if (tracers[i].id == id)
            return;
    if ((size_t)*count < max) {
        struct bpf_prog_info info = {0};
        uint32_t size = sizeof info;
        autoclose int program = bpf_prog_get_fd_by_id(id);
        if (program >= 0 && bpf_obj_get_info_by_fd(program, &info, &size) == 0)
            snprintf(tracers[*count].name, sizeof tracers[*count].name, "%s", info.name);
        tracers[*count].id = id;
    }
    ++*count;
}

static bool is_sys_enter_link(uint32_t link, uint32_t *program)
{
    char point[64] = "";
    struct bpf_link_info info = {0};
    info.raw_tracepoint.tp_name = (__u64)(uintptr_t)point;
    info.raw_tracepoint.tp_name_len = sizeof point;
    uint32_t size = sizeof info;
    autoclose int fd = bpf_link_get_fd_by_id(link);
    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
        return false;
    *program = info.prog_id;
    return info.type == BPF_LINK_TYPE_RAW_TRACEPOINT && strcmp(point, "sys_enter") == 0;
}

/* Programs on perf events have no list in the kernel: only their owner's descriptors tell. */
static void add_perf_events(struct probe_tracer *tracers, size_t max, int *count, uint64_t pid)
{
    char path[64];
    struct error ignored;
    snprintf(path, sizeof path, "/proc/%llu/fd", (unsigned long long)pid);
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char target[64] = "", point[64] = "";
        uint32_t size = sizeof point, program, type;
        uint64_t fd, offset, address;
        if (readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1) > 0 &&
            strcmp(target, "anon_inode:[perf_event]") == 0 &&
            parse_u64("fd", entry->d_name, 0, INT32_MAX, &fd, &ignored) == 0 &&
            bpf_task_fd_query((int)pid, (int)fd, 0, point, &size, &program, &type, (__u64 *)&offset,
                              (__u64 *)&address) == 0 &&
            type == BPF_FD_TYPE_TRACEPOINT && strcmp(point, "sys_enter") == 0)
            add(tracers, max, count, program);
    }
    if (dir)
        closedir(dir);
}

int probe_tracers(struct probe_tracer *tracers, size_t max, struct error *err)
{
    struct error ignored;
    int count = 0;
    uint32_t program;
    for (uint32_t link = 0; bpf_link_get_next_id(link, &link) == 0;)
        if (is_sys_enter_link(link, &program))
            add(tracers, max, &count, program);
    if (errno != ENOENT)
        return error_set(err, EXIT_MACHINE, errno, "the kernel does not list its programs");
    DIR *proc = opendir("/proc");
    if (!proc)
        return error_set(err, EXIT_MACHINE, errno, "cannot open /proc");
    uint64_t pid;
    for (const struct dirent *entry; (entry = readdir(proc));)
        if (parse_u64("pid", entry->d_name, 1, INT32_MAX, &pid, &ignored) == 0)
            add_perf_events(tracers, max, &count, pid);
    closedir(proc);
    return count;
}
