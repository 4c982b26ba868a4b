/*
 * A place at another site: a network namespace that is kept ready for one replica, with an
 * interface of the same name as the replica's that has no address yet. Addresses go over to it with
 * the hardware address that their neighbours know, so that nobody else has to be told.
 */
#ifndef SKINK_RESPOND_SITE_H
#define SKINK_RESPOND_SITE_H

#include "base/error.h"

#define SITE_LINES 4096

/* What `ip -batch` does to take the addresses away at one site, and to have them at another. */
struct site_move {
    char leave[SITE_LINES];
    char enter[SITE_LINES];
};

/* What `ip -json address` and `ip -json route` say, as a move. -1 (err): no address, too many. */
int site_plan(const char *addresses, const char *routes, struct site_move *move, struct error *err);

/* Looks at the network namespace that has the addresses. */
int site_look(const char *network, struct site_move *move, struct error *err);

/* Has the namespace an address beyond its loopback? 0: it has none. */
int site_is_free(const char *network, struct error *err);

/*
 * Addresses leave `from` and enter `to`, where nothing is received until site_open: whatever came
 * before the sockets are there would be answered with a reset.
 */
int site_take_over(const char *from, const char *to, const struct site_move *move,
                   struct error *err);

/* Packets come in again; what CRIU had closed here when the replica left is opened, too. */
int site_open(const char *network, struct error *err);

#endif
