/* The packet filter of a network namespace, by libnftables (nft(8)). */
#ifndef SKINK_RESPOND_NETFILTER_H
#define SKINK_RESPOND_NETFILTER_H

#include <jansson.h>

#include "base/error.h"

/* Runs the commands in the namespace, all or none. */
int netfilter_run(int network, const char *commands, struct error *err);

/* Makes a table ("inet NAME") of these chains and sets, instead of the one that it had; and removes
 * it, which need not be there. */
int netfilter_table(int network, const char *table, const char *content, struct error *err);
int netfilter_remove(int network, const char *table, struct error *err);

/* Runs commands, for what they answer (libnftables-json(5)). New reference; NULL on error. */
json_t *netfilter_ask(int network, const char *commands, struct error *err);

#endif
