/* Elements of a map of nftables, as libnftables-json(5) writes them, led elsewhere. */
#ifndef SKINK_RESPOND_REMAP_H
#define SKINK_RESPOND_REMAP_H

#include <jansson.h>
#include <stddef.h>

/*
 * The commands that lead each element of the map ("FAMILY TABLE NAME") whose value is the address,
 * or begins with it ("ADDRESS . PORT"), to the other one, and those that take it back. How many
 * elements; when there are some, the caller frees both texts.
 */
size_t remap_changes(const json_t *listed, const char *map, const char *address, const char *other,
                     char **forth, char **back);

#endif
