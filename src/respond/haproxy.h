/*
 * HAProxy's runtime API (management guide, section 9.3): one command a connection, on a unix
 * socket. Every command ends within a time-out.
 */
#ifndef SKINK_RESPOND_HAPROXY_H
#define SKINK_RESPOND_HAPROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define HAPROXY_NAME    128
#define HAPROXY_ADDRESS 64

/* One server of a backend. */
struct haproxy_server {
    char name[HAPROXY_NAME];
    char address[HAPROXY_ADDRESS];
    uint16_t port;
    bool healthy; /* its last check has passed */
    bool serves;  /* neither drained nor in maintenance */
    bool drained; /* and not in maintenance */
    bool up;      /* it serves, and no check has found it down */
    uint64_t sessions;
    uint64_t weight;     /* 0: it stands by */
    uint64_t latency_ms; /* the mean of its last 1024 answers to HTTP; 0: less than 1, or none */
};

/* Sends a command and takes the answer whole; caller frees. NULL: err says. */
char *haproxy_ask(const char *socket, const char *command, uint64_t timeout_ns, struct error *err);

/* Sends a command of which the answer says whether it was done. */
int haproxy_do(const char *socket, const char *command, uint64_t timeout_ns, struct error *err);

/* Finds a server in the answer of "show stat BACKEND 4 -1": by its address, or by its name when
 * address is NULL. */
bool haproxy_find(char *stat, const char *backend, const char *address, const char *name,
                  struct haproxy_server *server);

#endif
