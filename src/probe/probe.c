#include "probe/probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "probe/file_calls.h"
#include "probe/internal.h"
#include "profile/secret.h"

#define RECORD_RING (64U << 20)

static int libbpf_line(enum libbpf_print_level level, const char *format, va_list args)
{
    char text[1024];
    if (level != LIBBPF_WARN)
        return 0;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("libbpf: %s", text);
    return 0;
}

/* The index of a v1 controller in this kernel, from its BTF; -1 for the default hierarchy. */
static int controller_index(const char *controller, int *index, struct error *err)
{
    *index = -1;
    if (!controller)
        return 0;
    /* The one controller whose name on disk is older than its name in the kernel. */
    const char *name = strcmp(controller, "blkio") == 0 ? "io" : controller;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s_cgrp_id", name);
    struct btf *btf = btf__load_vmlinux_btf();
    if (!btf)
        return error_set(err, EXIT_MACHINE, errno, "the kernel's type information (BTF)");
    int id = btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM);
    const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (unsigned)id) : NULL;
    for (int i = 0; type && i < btf_vlen(type); i++)
        if (strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), wanted) == 0)
            *index = btf_enum(type)[i].val;
    btf__free(btf);
    if (*index < 0)
        return error_set(err, EXIT_MACHINE, 0, "cgroup controller %s: this kernel has none",
                         controller);
    return 0;
}

/* Marks the calls of which more is looked at than their number: those that name a file, and those
 * that can name a unix socket. */
static void choose_arguments(struct probe_bpf *bpf, const struct probe_options *options)
{
    for (uint32_t code = 0; code < CALL_CODES; code++) {
        bool names_socket = code == SYS_connect || code == SYS_sendto || code == SYS_sendmsg;
        if ((options->files && FILE_CALLS[code]) || (options->flows && names_socket))
            bpf->rodata->argument_calls[code / 64] |= 1ULL << code % 64;
    }
    bpf->rodata->reads_arguments = options->files || options->flows;
}

static int configure(struct probe *probe, const struct probe_options *options, struct error *err)
{
    struct probe_bpf *bpf = probe->bpf;
    struct stat mounts;
    int controller;
    if (controller_index(options->controller, &controller, err) < 0)
        return -1;
    /* Where process 1 may not be looked at, Skink's own namespace is taken for the host's. */
    if (stat("/proc/1/ns/mnt", &mounts) != 0 && stat("/proc/self/ns/mnt", &mounts) != 0)
        return error_set(err, EXIT_MACHINE, errno, "/proc/self/ns/mnt");
    secret_draw(&probe->secret);
    memcpy((void *)&bpf->rodata->secret, &probe->secret, sizeof probe->secret);
    bpf->rodata->window_length = options->window;
    bpf->rodata->bag_length = options->bag;
    bpf->rodata->secret_factor = window_factor(probe->secret.base, options->window);
    bpf->rodata->key_controller = controller;
    bpf->rodata->key_hierarchy = options->hierarchy;
    bpf->rodata->host_mounts = (uint32_t)mounts.st_ino;
    bpf->rodata->recording = options->record;
    bpf->rodata->files = options->files;
    choose_arguments(bpf, options);
    if (options->quota)
        bpf->rodata->quota_detect = options->quota;
    if (options->learn_quota)
        bpf->rodata->quota_learn = options->learn_quota;
    bpf_program__set_autoload(bpf->progs.on_return, options->record && options->results);
    bpf_program__set_autoload(bpf->progs.on_new_cgroup, options->newcomers);
    bpf_program__set_autoload(bpf->progs.on_gone_cgroup, true);
    flows_configure(probe, options->flows);
    if (options->record)
        bpf_map__set_max_entries(
            bpf->maps.recorded,
            (uint32_t)(options->record_ring ? options->record_ring : RECORD_RING));
    return 0;
}

static int load(struct probe *probe, const struct probe_options *options, struct error *err)
{
    /* Kernels before 5.11 counted maps against this limit; later ones need nothing. */
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    libbpf_set_print(libbpf_line);
    probe->bpf = probe_bpf__open();
    if (!probe->bpf)
        return error_set(err, EXIT_MACHINE, errno, "probe: cannot be read");
    if (configure(probe, options, err) < 0)
        return -1;
    int failed = probe_bpf__load(probe->bpf);
    if (!failed)
        failed = probe_bpf__attach(probe->bpf);
    if (failed) {
        error_set(err, EXIT_MACHINE, -failed, "probe: the kernel refuses it");
        return error_hint(err, "skink doctor says what this machine lacks");
    }
    if (options->flows)
        flows_attach(probe);
    return 0;
}

static void *map_values(const struct bpf_map *map, size_t size, struct error *err)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
    if (memory != MAP_FAILED)
        return memory;
    error_set(err, EXIT_MACHINE, errno, "probe: cannot map %s", bpf_map__name(map));
    return NULL;
}

static int share(struct probe *probe, struct error *err)
{
    probe->tables = map_values(probe->bpf->maps.tables, PROBE_TABLES * sizeof(struct table), err);
    if (!probe->tables)
        return -1;
    probe->replicas =
        map_values(probe->bpf->maps.replicas, PROBE_REPLICAS * sizeof(struct replica), err);
    if (!probe->replicas)
        return -1;
    probe->pool = pool_new(bpf_map__fd(probe->bpf->maps.pool));
    return 0;
}

static int on_event(void *context, void *data, size_t size)
{
    struct probe *probe = context;
    const struct event_head *head = data;
    if (size < sizeof *head)
        return 0;
    switch (head->kind) {
    case EVENT_REPORT: {
        const struct report *report = data;
        const struct told_pattern told = {report->table, report->pattern, head->replica,
                                          report->fingerprint};
        table_reported(probe, &told, report->flags);
        if (probe->hooks.report)
            probe->hooks.report(probe->hooks.context, report);
        break;
    }
    case EVENT_ACCESS: {
        const struct access_event *event = data;
        const struct told_pattern told = {event->table, TABLE_ACCESSES, head->replica,
                                          event->fingerprint};
        table_reported(probe, &told, event->flags);
        if (probe->hooks.access)
            probe->hooks.access(probe->hooks.context, event);
        break;
    }
    case EVENT_CGROUP_NEW:
        newcomer_taken(probe, data);
        __attribute__((fallthrough));
    case EVENT_CGROUP_GONE:
        if (probe->hooks.cgroup)
            probe->hooks.cgroup(probe->hooks.context, data);
        break;
    case EVENT_FLOW: {
        const struct flow_event *event = data;
        if (probe->hooks.flow)
            probe->hooks.flow(probe->hooks.context, &event->key, &event->value);
        break;
    }
    default:
        if (probe->hooks.process)
            probe->hooks.process(probe->hooks.context, data);
    }
    return 0;
}

static int on_recorded(void *context, void *data, size_t size)
{
    const struct probe *probe = context;
    if (size >= sizeof(struct recorded_call) && probe->hooks.call)
        probe->hooks.call(probe->hooks.context, data);
    return 0;
}

static int listen(struct probe *probe, const struct probe_options *options, struct error *err)
{
    probe->ring = ring_buffer__new(bpf_map__fd(probe->bpf->maps.events), on_event, probe, NULL);
    if (!probe->ring)
        return error_set(err, EXIT_MACHINE, errno, "probe: cannot open the ring of events");
    if (!options->record)
        return 0;
    probe->calls =
        ring_buffer__new(bpf_map__fd(probe->bpf->maps.recorded), on_recorded, probe, NULL);
    if (!probe->calls)
        return error_set(err, EXIT_MACHINE, errno, "probe: cannot open the ring of calls");
    return 0;
}

struct probe *probe_open(const struct probe_options *options, const struct probe_hooks *hooks,
                         struct error *err)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        abort();
    probe->hooks = *hooks;
    pthread_mutex_init(&probe->refusing.lock, NULL);
    pthread_mutex_init(&probe->changing, NULL);
    probe->length[PATTERN_WINDOW] = options->window;
    probe->length[PATTERN_BAG] = options->bag;
    if (load(probe, options, err) < 0 || share(probe, err) < 0 || listen(probe, options, err) < 0 ||
        (options->newcomers && probe_prepare_newcomers(probe, err) < 0)) {
        probe_close(probe);
        return NULL;
    }
    return probe;
}

void probe_close(struct probe *probe)
{
    if (!probe)
        return;
    ring_buffer__free(probe->ring);
    ring_buffer__free(probe->calls);
    refusing_close(&probe->refusing);
    flows_detach(probe);
    pool_free(probe->pool);
    if (probe->tables)
        munmap(probe->tables, PROBE_TABLES * sizeof(struct table));
    if (probe->replicas)
        munmap(probe->replicas, PROBE_REPLICAS * sizeof(struct replica));
    probe_bpf__destroy(probe->bpf);
    free(probe->unplaced);
    pthread_mutex_destroy(&probe->changing);
    free(probe);
}

void probe_changed(struct probe *probe)
{
    __atomic_add_fetch(&probe->bpf->data->version, 1, __ATOMIC_SEQ_CST);
}

int probe_fd(const struct probe *probe)
{
    return ring_buffer__epoll_fd(probe->ring);
}

int probe_consume(struct probe *probe, struct error *err)
{
    int events = ring_buffer__consume(probe->ring);
    int calls = probe->calls && events >= 0 ? ring_buffer__consume(probe->calls) : 0;
    if (events < 0 || calls < 0)
        return error_set(err, EXIT_MACHINE, -(events < 0 ? events : calls),
                         "probe: the ring cannot be read");
    tables_grow(probe);
    return events + calls;
}

int probe_walk(const struct bpf_program *program, struct error *err)
{
    struct bpf_link *link = bpf_program__attach_iter(program, NULL);
    if (!link)
        return error_set(err, EXIT_MACHINE, errno, "probe: cannot walk the running threads");
    autoclose int fd = bpf_iter_create(bpf_link__fd(link));
    char nothing[64];
    ssize_t got = fd >= 0 ? read(fd, nothing, sizeof nothing) : -1;
    while (got > 0 || (got < 0 && fd >= 0 && errno == EAGAIN))
        got = read(fd, nothing, sizeof nothing);
    int failed = got < 0 ? errno : 0;
    bpf_link__destroy(link);
    if (failed)
        return error_set(err, EXIT_MACHINE, failed, "probe: cannot walk the running threads");
    return 0;
}

int probe_adopt(struct probe *probe, struct error *err)
{
    return probe_walk(probe->bpf->progs.adopt, err);
}

uint64_t probe_lost_cgroups(const struct probe *probe)
{
    return probe->bpf->bss->lost_cgroups;
}

uint64_t lost_runs(const struct bpf_object *object)
{
    struct bpf_program *program;
    uint64_t lost = 0;
    bpf_object__for_each_program(program, object)
    {
        struct bpf_prog_info info = {0};
        uint32_t size = sizeof info;
        int fd = bpf_program__fd(program); /* negative: not wanted, so not loaded */
        if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
            lost += info.recursion_misses;
    }
    return lost;
}

uint64_t probe_lost_runs(const struct probe *probe)
{
    return lost_runs(probe->bpf->obj) + refusing_lost_runs(&probe->refusing);
}

/* What /proc says of a map's memory. */
static uint64_t map_bytes(int fd)
{
    char path[64];
    char line[128];
    unsigned long long bytes = 0;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    autofile FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "memlock: %llu", &bytes) == 1)
            break;
    return bytes;
}

uint64_t probe_bytes(const struct probe *probe)
{
    const struct bpf_map *map;
    uint64_t bytes = pool_bytes(probe->pool);
    bpf_object__for_each_map(map, probe->bpf->obj) bytes += map_bytes(bpf_map__fd(map));
    return bytes;
}
