/* A connection to MariaDB: statements spelled with printf, rows of text. */
#ifndef SKINK_BENCH_TPCC_SQL_H
#define SKINK_BENCH_TPCC_SQL_H

#include <mysql.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct sql_server {
    const char *host, *user, *password;
    uint64_t port;
};

struct sql {
    MYSQL *handle;
    MYSQL_RES *result; /* of the last query; its rows are valid until the next statement */
    bool again;        /* the failed statement lost a deadlock: roll back, begin again */
};

int sql_open(struct sql *sql, const struct sql_server *server, struct error *err);
void sql_close(struct sql *sql);

/* A statement that returns no rows. */
int sql_do(struct sql *sql, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first row of a query; NULL when it failed, or has none, which err says, too. */
MYSQL_ROW sql_first(struct sql *sql, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first row of a query that may have none: 1, 0 or -1. */
int sql_maybe(struct sql *sql, MYSQL_ROW *row, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The row after the one before; NULL at the end. */
MYSQL_ROW sql_next(struct sql *sql);

/* The number that an INT column's text is. */
int sql_int(const char *text);

/* Many rows inserted by few statements. */
struct sql_rows {
    struct sql *sql;
    const char *table;
    char *text;
    size_t length;
};

void sql_rows_begin(struct sql_rows *rows, struct sql *sql, const char *table);
int sql_rows_add(struct sql_rows *rows, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sends what is left, unless something failed already, and frees. Returns failed, or -1. */
int sql_rows_end(struct sql_rows *rows, int failed, struct error *err);

#endif
