/* The packet filter of a network namespace, by libnftables (nft(8)). */
#ifndef SKINK_RESPOND_NETFILTER_H
#define SKINK_RESPOND_NETFILTER_H

#include <jansson.h>

#include "base/error.h"

/* Runs the commands in the namespace, all or none. */
int netfilter_run(int network, const char *commands, struct error *err);

/* The same, for what it answers (libnftables-json(5)). New reference; NULL on error. */
json_t *netfilter_ask(int network, const char *commands, struct error *err);

#endif
