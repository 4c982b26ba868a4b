/* For tests that need the kernel: a probe, and a cgroup of the test's own that it watches. */
#ifndef SKINK_TESTS_WATCHED_CGROUP_H
#define SKINK_TESTS_WATCHED_CGROUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/probe.h"
#include "workload/workload.h"

struct watched_cgroup {
    struct cgroup_hierarchy hierarchy;
    struct probe *probe;
    uint32_t table, replica;
    uint64_t cgroup;
    char path[64];
};

/* False without the rights for BPF, which it says: such a test is skipped. */
static inline bool watched_cgroup_open(struct watched_cgroup *own, struct probe_options options,
                                       const struct probe_hooks *hooks, enum replica_mode mode)
{
    struct error err;
    memset(own, 0, sizeof *own);
    if (cgroup_hierarchy_find(&own->hierarchy, &err) < 0)
        return false;
    const struct cgroup_hierarchy *h = &own->hierarchy;
    options.window = options.bag = 6;
    options.controller = h->v2 ? NULL : h->controller;
    options.hierarchy = h->id;
    snprintf(own->path, sizeof own->path, "skink-test-%d", (int)getpid());
    own->probe = probe_open(&options, hooks, &err);
    if (!own->probe) {
        print_message("%s\n", err.text);
        return false;
    }
    assert_int_equal(cgroup_make(h, own->path, &own->cgroup, &err), 0);
    assert_int_equal(probe_table_new(own->probe, &own->table, &err), 0);
    assert_int_equal(probe_replica_add(own->probe, own->cgroup, ENTRY_JOIN, own->table, mode,
                                       &own->replica, &err),
                     0);
    return true;
}

static inline void watched_cgroup_close(struct watched_cgroup *own)
{
    struct error err;
    probe_replica_remove(own->probe, own->replica, own->cgroup);
    cgroup_remove(&own->hierarchy, own->path, &err);
    probe_close(own->probe);
}

#endif
