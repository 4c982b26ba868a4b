/*
 * Refusing calls, as the rest of Skink uses it: what a replica's service is not known to do, the
 * kernel does not do for it. The programs for that are loaded with the probe, since rights may be
 * given up then, but they are attached only while something is refused to somebody.
 */
#ifndef SKINK_PROBE_REFUSING_H
#define SKINK_PROBE_REFUSING_H

#include <stddef.h>

#include "base/error.h"
#include "probe/refuse.h"
#include "profile/accesses.h"

struct probe;

/* Can this kernel refuse calls? Tries, and looks at which security modules are in force. 0, or -1
 * and why not. */
int probe_can_refuse(struct error *err);

/* One peer, or all ports of an address, as in struct refuse_peer. */
struct refusal_peer {
    uint8_t address[16];
    uint16_t port;
    uint8_t transport;
    enum refuse_verdict verdict;
};

/* What is refused to a replica, and what it may do besides what its service's table knows. */
struct refusal {
    uint32_t flags;          /* enum refuse_flags */
    struct access_set names; /* other names of the files that are known */
    struct refusal_peer *peers;
    size_t peer_count;
};

/* Loads the programs; before anything is refused, and from the thread of the probe. -1: nothing can
 * be refused, err says why. */
int probe_refuse_load(struct probe *probe, struct error *err);

/* From now on this replica's other calls are refused. Any thread may call this and what follows. */
int probe_refuse(struct probe *probe, uint32_t replica, uint32_t generation,
                 const struct refusal *refusal, struct error *err);

/* The peers of a replica to which something is refused have changed. */
int probe_refuse_peers(struct probe *probe, uint32_t replica, uint32_t generation,
                       const struct refusal *refusal, struct error *err);

/* Nothing is refused to it any more. */
void probe_refuse_end(struct probe *probe, uint32_t replica, uint32_t generation);

#endif
