#include "incident/database.h"

#include <stddef.h>

static const uint16_t PORTS[] = {
    389,   /* LDAP */
    636,   /* LDAP over TLS */
    1433,  /* Microsoft SQL Server */
    1521,  /* Oracle */
    3306,  /* MySQL, MariaDB */
    5432,  /* PostgreSQL */
    6379,  /* Redis */
    9042,  /* Cassandra */
    9200,  /* Elasticsearch, OpenSearch */
    27017, /* MongoDB */
};

bool database_port(uint16_t port)
{
    for (size_t i = 0; i < sizeof PORTS / sizeof *PORTS; i++)
        if (PORTS[i] == port)
            return true;
    return false;
}
