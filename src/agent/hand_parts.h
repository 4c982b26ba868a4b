/* What the daemon and its hand say to each other; see agent/hand.h for what it is. */
#ifndef SKINK_AGENT_HAND_PARTS_H
#define SKINK_AGENT_HAND_PARTS_H

#include "agent/hand.h"

#define HAND_TEXT 16384

enum hand_word {
    ASK_LINK,        /* where /proc/PID/NAME leads to */
    ASK_ROOT,        /* its root directory, as a descriptor */
    ASK_ADDRESSES,   /* workload_addresses */
    ASK_NETWORK,     /* workload_network */
    ASK_POWERS,      /* powers_read */
    ASK_DESCRIPTORS, /* usage_descriptors of the directory in text */
    ASK_CHECK,       /* can the measure NAME be carried out? */
    ASK_SETTINGS,    /* read the configuration again; no reply */
    ASK_CONNECTIONS, /* of processes, on the descriptor that comes along (hand_connections.c) */
    ASK_CARRY_OUT,   /* the measure NAME; replies on the descriptor that comes along */
    ASK_UNDO,        /* the same; text: its token */
    ASK_NAMES,       /* resolve_names, on the descriptor that comes along (hand_names.c) */
};

/* What a measure asks of the probe, which the daemon has (struct measure_kernel). */
enum hand_call {
    CALL_NOTHING,
    CALL_AWAY,    /* count: the cgroup; value: on */
    CALL_RESTORE, /* text: the cgroup's path; value: on */
};

/* Sent as far as its text goes. */
struct hand_request {
    uint32_t number; /* the reply has the same: one that comes too late is told from the next */
    enum hand_word word;
    pid_t pid;
    char name[32];
    bool expired, shares_network;
    uint64_t since; /* of resolve_names */
    uint32_t process[HAND_PROCESSES];
    uint32_t processes;
    uint32_t powers, network;
    char spare[64];
    char variant[VARIANT_NAME];
    struct workload workload;
    char text[HAND_TEXT];
};

struct hand_reply {
    uint32_t number;
    enum hand_call call; /* no reply yet: the daemon is to do this, and then says so */
    bool failed;
    struct error err; /* of a measure */
    uint32_t value;
    size_t count;
    uint8_t address[HAND_ADDRESSES][16];
    struct usage usage;
    char text[HAND_TEXT]; /* where a link leads to; a measure's token */
};

/* What the hand does with ASK_NAMES. */
void hand_names_serve(const struct hand_request *request, int fd);

/* What the hand does with ASK_CONNECTIONS. */
void hand_connections_serve(const struct hand_request *request, int fd);

/* Orders something: the descriptor that the outcome comes on, or -1. In any thread. */
int hand_order(struct hand *hand, const struct hand_request *request, struct error *err);

/* The hand's own process: serves what comes on fd until the daemon is gone. */
void hand_live(int fd, const struct config *config) __attribute__((noreturn));

#endif
