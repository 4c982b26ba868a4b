/* The first process of a replica, held: whatever has its number is still that process. */
#ifndef SKINK_RESPOND_HELD_H
#define SKINK_RESPOND_HELD_H

#include "base/error.h"
#include "workload/workload.h"

/*
 * A pidfd, or -1 (err): the process has ended, or its number is by now that of a process in another
 * cgroup. What is read by the number afterwards is the replica's if held_lives says so.
 */
int held_open(const struct workload *workload, struct error *err);

/* Is a path that of the cgroup, or of one below it? */
bool held_is_within(const char *path, const char *cgroup);

/* 0, or -1 (err): it has ended meanwhile. */
int held_lives(int held, const struct workload *workload, struct error *err);

/* Its addresses as workload_addresses has them; how many, or -1 (err): it has ended. */
int held_addresses(const struct workload *workload, uint8_t (*addresses)[16], size_t max,
                   struct error *err);

#endif
