/* Who answers as a database does what its callers write in a language: SQL, CQL, Lua, a filter. */
#ifndef SKINK_INCIDENT_DATABASE_H
#define SKINK_INCIDENT_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

/* Is the TCP port a database's, by IANA's Service Name and Transport Protocol Port Number Registry
 * or by the database's own manual? */
bool database_port(uint16_t port);

#endif
