#include "agent/life.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define LOOK_EVERY (10 * NS_PER_S)

/* ---- birth ---- */

static uint64_t birth(const struct workload *workload, uint64_t appeared, uint64_t now)
{
    struct timespec boot;
    uint64_t started = workload->pid > 0 ? workload_started(workload->pid) : 0;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    uint64_t up = (uint64_t)boot.tv_sec * NS_PER_S + (uint64_t)boot.tv_nsec;
    uint64_t age = started ? clock_passed(up, started) : clock_passed(now, appeared);
    return age < now ? now - age : 1;
}

double life_age(const struct life *life, uint64_t now)
{
    return life->born ? (double)clock_passed(now, life->born) / (double)NS_PER_S : 0;
}

/* ---- use ---- */

/* Of the memory controller: the same directory on a pure v2 host. */
static void memory_directory(const struct cgroup_hierarchy *hierarchy, pid_t pid, const char *path,
                             char *directory, size_t size)
{
    static const struct cgroup_hierarchy MEMORY = {.controller = "memory",
                                                   .mount = "/sys/fs/cgroup/memory"};
    char own[1024];
    struct error ignored;
    if (hierarchy->v2 || pid <= 0 || cgroup_of_process(&MEMORY, pid, own, sizeof own, &ignored) < 0)
        snprintf(directory, size, "%s%s", hierarchy->mount, path);
    else
        snprintf(directory, size, "%s%s", MEMORY.mount, own);
}

/* What has grown over the life so far; the sooner end counts. */
static void note(struct life *life, struct series *series, const char *name, double age,
                 const struct usage *usage)
{
    series_note(series, age, usage->used);
    struct trend trend = series_trend(series);
    struct lifetime by = ageing_lifetime(&trend, usage->limit);
    if (by.scale >= life->lifetime.scale)
        return;
    life->lifetime = by;
    life->ends_by = name;
}

bool life_look(struct life *life, struct hand *hand, const struct cgroup_hierarchy *hierarchy,
               const struct workload *workload, const char *path, uint64_t appeared,
               const struct usage *latency, uint64_t now)
{
    char directory[2048];
    struct usage usage;
    if (life->born && clock_passed(now, life->looked) < LOOK_EVERY)
        return false;
    if (!life->born)
        life->born = birth(workload, appeared, now);
    life->looked = now;
    life->lifetime = (struct lifetime){.scale = INFINITY, .shape = 1};
    life->ends_by = "";
    memory_directory(hierarchy, workload->pid, path, directory, sizeof directory);
    if (usage_memory(directory, &usage))
        note(life, &life->memory, "memory", life_age(life, now), &usage);
    snprintf(directory, sizeof directory, "%s%s", hierarchy->mount, path);
    if (hand_descriptors(hand, directory, &usage))
        note(life, &life->descriptors, "descriptors", life_age(life, now), &usage);
    if (latency)
        note(life, &life->latency, "latency", life_age(life, now), latency);
    return true;
}
