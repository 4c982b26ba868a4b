/*
 * Refusing: calls of a replica that the kernel does not carry out, because its service is not known
 * to make them. What the LSM programs (refuse.bpf.c) and user space both see.
 */
#ifndef SKINK_PROBE_REFUSE_H
#define SKINK_PROBE_REFUSE_H

#include "probe/flow.h"

#define REFUSE_NAMES_MAX 65536 /* of all replicas */
#define REFUSE_PEERS_MAX 65536

/* What is refused to a replica; 0: nothing. */
enum refuse_flags {
    REFUSE_FILES = 1 << 0, /* programs and files that are not known */
    REFUSE_PEERS = 1 << 1, /* peers that are not known */
    REFUSE_MOUNTS = 1 << 2 /* every mount */
};

/* An access that is known beside those of the service's table: key of the map `names`. */
struct refuse_name {
    __u64 fingerprint;
    __u32 replica, generation;
};

/*
 * Who may be called: key of the map `peers`. Addresses as in struct flow_key; all zero: whichever
 * belongs to nobody that is watched.
 */
struct refuse_peer {
    __u32 replica, generation;
    __u8 address[16];
    __u16 port;
    __u8 transport; /* as in struct flow_key, or REFUSE_ADDRESS: the address whatever the port */
    __u8 unused;
};

#define REFUSE_ADDRESS 255

enum refuse_verdict {
    REFUSE_NOT,   /* may be called */
    REFUSE_OTHER, /* of an address: somebody who is watched; only ports that are named */
};

struct refuse_peer_value {
    __u32 verdict; /* enum refuse_verdict */
    __u32 round;   /* in which user space put it there */
};

#endif
