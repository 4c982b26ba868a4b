/* What the configuration says about responding for a service. */
#ifndef SKINK_RESPOND_RULE_H
#define SKINK_RESPOND_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum respond_policy {
    POLICY_OBSERVE, /* measures are named in the plan, none is carried out */
    POLICY_ASK,     /* a person approves each plan */
    POLICY_ACT,
};

/* Texts may be NULL: not configured. */
struct respond_rule {
    uint32_t policy;   /* enum respond_policy */
    uint32_t minimum;  /* replicas that must go on serving */
    uint32_t budget;   /* measures that restart, in an hour */
    uint64_t expiry;   /* ns: what is in force is undone after this */
    char *balancer;    /* HAProxy's runtime socket */
    char *backend;     /* the service's backend there */
    char *map;         /* "FAMILY TABLE NAME" of an nftables map that leads to its replicas */
    char *map_network; /* file of the network namespace that it is in; NULL: the daemon's */
    char *site;        /* an address at another site that serves as well */
    char *addresses;   /* "10.1.2.0/24": free ones, for replicas that get another */
    char *replace;     /* command that starts a new replica */
    char *variants;    /* what it may start instead, for variant_next */
    char *revoke;      /* command that revokes the service's credentials */
    bool checkpoint;   /* the memory is evidence, too */
    char *migrate;     /* file of the network namespace of the place at another site */
    char *except;      /* measures never to be chosen, separated by commas or blanks */
};

#endif
