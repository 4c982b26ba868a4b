/*
 * Flows: who spoke to whom. What the probe and user space both see of them. One entry stands for
 * all connections of one replica with one peer and port, however many there are.
 */
#ifndef SKINK_PROBE_FLOW_H
#define SKINK_PROBE_FLOW_H

#include "probe/event.h"

#define FLOWS_MAX     65536 /* of all replicas */
#define FLOWS_EACH    1024  /* of one; beyond these peers are no longer told apart */
#define FLOW_UNIX     0     /* as a transport; the others are IPPROTO_TCP and IPPROTO_UDP */
#define FLOW_NAME_MAX 108   /* of a unix socket */
#define FLOW_NAME     112

enum flow_role {
    FLOW_LISTENS, /* waits for connections on the port; unix: is bound to the name */
    FLOW_CALLS,   /* has called the peer's port, or tried to */
    FLOW_ANSWERS, /* was called by the peer on its own port */
};

struct flow_key {
    __u32 replica, generation;
    __u8 peer[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d; unix: a hash of the name */
    __u16 port; /* the one that was called: the peer's when the replica calls, else its own; unix: 0
                 */
    __u8 transport; /* IPPROTO_TCP, IPPROTO_UDP or FLOW_UNIX */
    __u8 role;      /* enum flow_role */
};

struct flow_value {
    __u64 first, last; /* CLOCK_MONOTONIC, ns */
    __u64 count;       /* connections; datagrams of sockets that are not connected */
    __u32 open;        /* connections that last */
    __u32 netns;       /* inode of the replica's network namespace */
    __u8 local[16];    /* the replica's own address; zero: not known */
    __u16 local_port;  /* of the latest connection, as is peer_port */
    __u16 peer_port;
    __u32 pid; /* of the first, as is command; 0: not known */
    char command[PROBE_COMMAND];
    char name[FLOW_NAME]; /* unix: a path, or '\0' and an abstract name; else empty */
    __u64 inode;          /* unix: of the file that stands for the name; 0: not known */
    __u32 device;         /* its file system as the kernel numbers it: major << 20 | minor */
    __u32 unused;
};

/* EVENT_FLOW: a flow that is seen for the first time. */
struct flow_event {
    struct event_head head;
    struct flow_key key;
    struct flow_value value;
};

#endif
