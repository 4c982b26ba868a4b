/*
 * What a container may do beyond its own walls, each a way to more harm. Read from the kernel,
 * which enforces it, instead of from the engine, which may be wrong or not answer: the
 * capabilities, the namespaces and the mounts of the container's first process.
 */
#ifndef SKINK_RESPOND_POWERS_H
#define SKINK_RESPOND_POWERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum power {
    POWER_PRIVILEGED = 1 << 0,     /* the host's devices, modules and processes */
    POWER_SYS_ADMIN = 1 << 1,      /* mounts, namespaces, much else */
    POWER_NET_ADMIN = 1 << 2,      /* its network's own filter and addresses */
    POWER_HOST_PID = 1 << 3,       /* the host's processes */
    POWER_HOST_NETWORK = 1 << 4,   /* the host's network */
    POWER_HOST_IPC = 1 << 5,       /* the host's shared memory */
    POWER_RUNTIME_SOCKET = 1 << 6, /* the engine obeys it */
    POWER_HOST_WRITE = 1 << 7,     /* a directory of the host's own, writable */
    POWER_HOST_READ = 1 << 8,      /* the same, to be read */
    POWER_CLUSTER_TOKEN = 1 << 9,  /* a Kubernetes service-account token */
};

/* Of a process; 0 when it has gone. */
uint32_t powers_read(pid_t pid);

/* From "CapBnd: …" of a /proc/PID/status, by the bounding set. */
uint32_t powers_of_status(const char *status);

/* From the container's /proc/PID/mountinfo beside the host's. Both are changed. */
uint32_t powers_of_mounts(char *mountinfo, char *host);

/* Do they raise the impact on this side (enum harm_side) to high? */
bool powers_raise(uint32_t powers, int side);

/* Their names in an array. New reference. */
json_t *powers_json(uint32_t powers);

#endif
