#include "tpcc_sql.h"

#include <mysqld_error.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

#define STATEMENT (512 << 10) /* bytes of rows after which they are sent */
#define ROW_MAX   2048

static int failed(struct sql *sql, const char *statement, struct error *err)
{
    unsigned number = mysql_errno(sql->handle);
    sql->again = number == ER_LOCK_DEADLOCK || number == ER_LOCK_WAIT_TIMEOUT;
    return error_set(err, EXIT_MACHINE, 0, "%.60s…: %s", statement, mysql_error(sql->handle));
}

int sql_open(struct sql *sql, const struct sql_server *server, struct error *err)
{
    *sql = (struct sql){.handle = memory_must(mysql_init(NULL))};
    if (mysql_real_connect(sql->handle, server->host, server->user, server->password, NULL,
                           (unsigned)server->port, NULL, 0))
        return 0;
    error_set(err, EXIT_MACHINE, 0, "cannot connect to %s: %s", server->host,
              mysql_error(sql->handle));
    sql_close(sql);
    return -1;
}

void sql_close(struct sql *sql)
{
    mysql_free_result(sql->result);
    mysql_close(sql->handle);
    *sql = (struct sql){0};
}

static int execute(struct sql *sql, const char *statement, size_t length, struct error *err)
{
    mysql_free_result(sql->result);
    sql->result = NULL;
    if (mysql_real_query(sql->handle, statement, (unsigned long)length) != 0)
        return failed(sql, statement, err);
    sql->result = mysql_store_result(sql->handle);
    return !sql->result && mysql_field_count(sql->handle) ? failed(sql, statement, err) : 0;
}

static int query(struct sql *sql, struct error *err, const char *format, va_list values)
{
    char *spelled = NULL;
    int length = vasprintf(&spelled, format, values);
    autofree char *statement = memory_must(length < 0 ? NULL : spelled);
    return execute(sql, statement, (size_t)length, err);
}

int sql_do(struct sql *sql, struct error *err, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int result = query(sql, err, format, values);
    va_end(values);
    return result;
}

MYSQL_ROW sql_first(struct sql *sql, struct error *err, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int result = query(sql, err, format, values);
    va_end(values);
    MYSQL_ROW row = result < 0 ? NULL : sql_next(sql);
    if (result == 0 && !row)
        error_set(err, EXIT_MACHINE, 0, "%.60s…: no such row (is the database populated?)", format);
    return row;
}

int sql_maybe(struct sql *sql, MYSQL_ROW *row, struct error *err, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int result = query(sql, err, format, values);
    va_end(values);
    *row = result < 0 ? NULL : sql_next(sql);
    return result < 0 ? -1 : *row != NULL;
}

MYSQL_ROW sql_next(struct sql *sql)
{
    return sql->result ? mysql_fetch_row(sql->result) : NULL;
}

int sql_int(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

void sql_rows_begin(struct sql_rows *rows, struct sql *sql, const char *table)
{
    *rows = (struct sql_rows){
        .sql = sql, .table = table, .text = memory_must(malloc(STATEMENT + ROW_MAX))};
}

static int send_rows(struct sql_rows *rows, struct error *err)
{
    size_t length = rows->length;
    rows->length = 0;
    return length ? execute(rows->sql, rows->text, length, err) : 0;
}

int sql_rows_add(struct sql_rows *rows, struct error *err, const char *format, ...)
{
    if (rows->length == 0)
        rows->length = (size_t)snprintf(rows->text, ROW_MAX, "INSERT INTO %s VALUES ", rows->table);
    else
        rows->text[rows->length++] = ',';
    va_list values;
    va_start(values, format);
    rows->length += (size_t)vsnprintf(rows->text + rows->length, ROW_MAX, format, values);
    va_end(values);
    return rows->length >= STATEMENT - ROW_MAX ? send_rows(rows, err) : 0;
}

int sql_rows_end(struct sql_rows *rows, int failed, struct error *err)
{
    if (!failed)
        failed = send_rows(rows, err);
    free(rows->text);
    *rows = (struct sql_rows){0};
    return failed;
}
