#!/bin/sh
# The entry point of the database's container: the first start creates the data, as images do.
set -e
bin=$(echo /usr/lib/postgresql/*/bin)
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    "$bin/initdb" --auth=trust --encoding=UTF8 --no-sync >/dev/null
    echo "host all all all trust" >>"$PGDATA/pg_hba.conf"
    "$bin/postgres" --single -j -D "$PGDATA" postgres </app/create.sql >/dev/null
    "$bin/postgres" --single -j -D "$PGDATA" shop </app/schema.sql >/dev/null
fi
exec "$bin/postgres" -c config_file=/app/postgresql.conf -D "$PGDATA"
