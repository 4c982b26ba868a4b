/* IPv4 addresses of the network namespace that the calling thread is in (rtnetlink(7)). */
#ifndef SKINK_RESPOND_ADDRESS_H
#define SKINK_RESPOND_ADDRESS_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Where an address is. */
struct address {
    struct in_addr address;
    uint8_t prefix; /* bits of its network */
    char interface[IF_NAMESIZE];
};

/* Finds it. */
int address_find(struct in_addr wanted, struct address *found, struct error *err);

/* Adds it, or takes it away; what is there already, or has gone, is no error. The network's others
 * stay when the first one goes. */
int address_set(const struct address *address, bool there, struct error *err);

/* "10.1.0.0/16": its network and bits. */
int address_parse_range(const char *text, struct in_addr *network, uint8_t *prefix,
                        struct error *err);

/* One of the range, neither its first nor its last, drawn at random. */
struct in_addr address_draw(struct in_addr network, uint8_t prefix);

#endif
