#!/bin/sh
# Makes the database the first time, and serves it. The shop owns it: its weakest point.
set -eu
pg=$(echo /usr/lib/postgresql/*/bin)
data=/data/postgres
if ! [ -d "$data" ]; then
    printf %s "$DATABASE_PASSWORD" >/tmp/password
    "$pg/initdb" -D "$data" -U shop --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \
        --locale=C --encoding=UTF8 --no-sync >/dev/null
    rm /tmp/password
    echo 'host all all 10.0.0.0/8 scram-sha-256' >>"$data/pg_hba.conf"
    "$pg/postgres" --single -j -D "$data" postgres </app/database.sql >/dev/null
fi
exec "$pg/postgres" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off \
    -c shared_buffers=16MB -c max_connections=200 -c dynamic_shared_memory_type=posix -c autovacuum_naptime=15s \
    -c checkpoint_timeout=30s
