/*
 * Both ends of a connection: whose an address is. Replicas are told apart by their owner, a number
 * that the caller chooses. Addresses are IPv6, or IPv4 as ::ffff:a.b.c.d.
 */
#ifndef SKINK_INCIDENT_ENDS_H
#define SKINK_INCIDENT_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENDS_NOBODY SIZE_MAX

struct ends;

struct ends *ends_new(void);
void ends_free(struct ends *ends);

/* Forgets everything: the book is written anew from what is there now. */
void ends_clear(struct ends *ends);

/* `owner` has this address in this network namespace. */
void ends_address(struct ends *ends, size_t owner, uint32_t netns, const uint8_t address[16]);

/* `owner` waits for connections on the port. */
void ends_listens(struct ends *ends, size_t owner, uint32_t netns, uint16_t port);

/*
 * Whose address it is, seen from a network namespace: a loopback address is only that namespace's.
 * Where several share it (a pod, the host's network), who listens on the port. ENDS_NOBODY when
 * that is nobody, or not one alone.
 */
size_t ends_find(const struct ends *ends, uint32_t netns, const uint8_t address[16], uint16_t port);

bool ends_is_loopback(const uint8_t address[16]);

#endif
