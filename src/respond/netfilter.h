/* The packet filter of a network namespace, by libnftables (nft(8)). */
#ifndef SKINK_RESPOND_NETFILTER_H
#define SKINK_RESPOND_NETFILTER_H

#include "base/error.h"

/* Runs the commands in the namespace, all or none. */
int netfilter_run(int network, const char *commands, struct error *err);

#endif
