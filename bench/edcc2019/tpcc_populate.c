/* The database's initial content (4.3.3.1). Rows go in by their primary key. */
#include "base/cleanup.h"
#include "base/memory.h"
#include "tpcc.h"

#define ADDRESS_MAX 128
#define MONEY       "%d.%02d"
#define CENTS(c)    (c) / 100, (c) % 100

/* Street twice, city, state and zip code (4.3.2.7), as a statement spells them. */
static const char *address(struct random *random, char text[ADDRESS_MAX])
{
    char one[TEXT_MAX], two[TEXT_MAX], city[TEXT_MAX], state[TEXT_MAX], zip[TEXT_MAX];
    random_text(random, 10, 20, one);
    random_text(random, 10, 20, two);
    random_text(random, 10, 20, city);
    random_text(random, 2, 2, state);
    random_digits(random, 4, zip);
    snprintf(text, ADDRESS_MAX, "'%.20s', '%.20s', '%.20s', '%.2s', '%.4s11111'", one, two, city,
             state, zip);
    return text;
}

int tpcc_populate_items(struct client *client, struct error *err)
{
    struct random *random = &client->random;
    char name[TEXT_MAX], data[TEXT_MAX];
    struct sql_rows rows;
    int failed = 0;
    sql_rows_begin(&rows, &client->sql, "item");
    for (int i = 1; i <= ITEMS && !failed; i++) {
        int price = random_between(random, 100, 10000);
        failed = sql_rows_add(&rows, err, "(%d, %d, '%s', " MONEY ", '%s')", i,
                              random_between(random, 1, 10000), random_text(random, 14, 24, name),
                              CENTS(price), random_data(random, data));
    }
    return sql_rows_end(&rows, failed, err);
}

static int populate_stock(struct client *client, int warehouse, struct error *err)
{
    struct random *random = &client->random;
    char district[DISTRICTS][TEXT_MAX], data[TEXT_MAX];
    struct sql_rows rows;
    int failed = 0;
    sql_rows_begin(&rows, &client->sql, "stock");
    for (int i = 1; i <= STOCKS && !failed; i++) {
        for (int d = 0; d < DISTRICTS; d++)
            random_text(random, 24, 24, district[d]);
        failed = sql_rows_add(
            &rows, err,
            "(%d, %d, %d, '%s', '%s', '%s', '%s', '%s', '%s', '%s', '%s', '%s', '%s', 0, 0, 0, "
            "'%s')",
            i, warehouse, random_between(random, 10, 100), district[0], district[1], district[2],
            district[3], district[4], district[5], district[6], district[7], district[8],
            district[9], random_data(random, data));
    }
    return sql_rows_end(&rows, failed, err);
}

/* Each with one row of history. The first 1,000 have all the last names (4.3.3.1). */
static int populate_customers(struct client *client, int warehouse, int district, struct error *err)
{
    struct random *random = &client->random;
    char first[TEXT_MAX], last[LAST_NAME], where[ADDRESS_MAX], phone[TEXT_MAX], data[TEXT_MAX];
    struct sql_rows customers, history;
    int failed = 0;
    sql_rows_begin(&customers, &client->sql, "customer");
    sql_rows_begin(&history, &client->sql, "history");
    for (int c = 1; c <= CUSTOMERS && !failed; c++) {
        last_name(c <= 1000 ? c - 1 : random_last_name(random, true), last);
        random_text(random, 8, 16, first);
        address(random, where);
        random_digits(random, 16, phone);
        const char *credit = random_percent(random, 10) ? "BC" : "GC";
        int discount = random_between(random, 0, 5000);
        failed = sql_rows_add(&customers, err,
                              "(%d, %d, %d, '%s', 'OE', '%s', %s, '%s', NOW(), '%s', 50000, "
                              "0.%04d, -10, 10, 1, 0, '%s')",
                              c, district, warehouse, first, last, where, phone, credit, discount,
                              random_text(random, 300, 500, data));
        if (!failed)
            failed =
                sql_rows_add(&history, err, "(%d, %d, %d, %d, %d, NOW(), 10, '%s')", c, district,
                             warehouse, district, warehouse, random_text(random, 12, 24, data));
    }
    failed = sql_rows_end(&customers, failed, err);
    return sql_rows_end(&history, failed, err);
}

static int add_lines(struct random *random, struct sql_rows *lines, int warehouse, int district,
                     int order, int count, struct error *err)
{
    char info[TEXT_MAX];
    int failed = 0;
    for (int number = 1; number <= count && !failed; number++) {
        bool sent = order < FIRST_UNSENT;
        int amount = sent ? 0 : random_between(random, 1, 999999);
        failed =
            sql_rows_add(lines, err, "(%d, %d, %d, %d, %d, %d, %s, 5, " MONEY ", '%s')", order,
                         district, warehouse, number, random_between(random, 1, ITEMS), warehouse,
                         sent ? "NOW()" : "NULL", CENTS(amount), random_text(random, 24, 24, info));
    }
    return failed;
}

/* One order for each customer in a random order; the last 900 are still to be delivered. */
static int populate_orders(struct client *client, int warehouse, int district, struct error *err)
{
    struct random *random = &client->random;
    autofree int *customers = memory_must(calloc(ORDERS, sizeof *customers));
    struct sql_rows orders, lines;
    int failed = 0;
    random_permutation(random, customers, ORDERS);
    sql_rows_begin(&orders, &client->sql, "orders");
    sql_rows_begin(&lines, &client->sql, "order_line");
    for (int o = 1; o <= ORDERS && !failed; o++) {
        char carrier[12] = "NULL";
        int count = random_between(random, 5, 15);
        if (o < FIRST_UNSENT)
            snprintf(carrier, sizeof carrier, "%d", random_between(random, 1, 10));
        failed = sql_rows_add(&orders, err, "(%d, %d, %d, %d, NOW(), %s, %d, 1)", o, district,
                              warehouse, customers[o - 1], carrier, count);
        if (!failed)
            failed = add_lines(random, &lines, warehouse, district, o, count, err);
    }
    failed = sql_rows_end(&orders, failed, err);
    failed = sql_rows_end(&lines, failed, err);
    return failed ? failed
                  : sql_do(&client->sql, err,
                           "INSERT INTO new_order SELECT o_id, o_d_id, o_w_id FROM orders WHERE "
                           "o_w_id = %d AND o_d_id = %d AND o_id >= %d",
                           warehouse, district, FIRST_UNSENT);
}

static int populate_district(struct client *client, int warehouse, int district, struct error *err)
{
    struct random *random = &client->random;
    char name[TEXT_MAX], where[ADDRESS_MAX];
    random_text(random, 6, 10, name);
    if (sql_do(&client->sql, err,
               "INSERT INTO district VALUES (%d, %d, '%s', %s, 0.%04d, 30000, %d)", district,
               warehouse, name, address(random, where), random_between(random, 0, 2000),
               ORDERS + 1) < 0)
        return -1;
    return populate_customers(client, warehouse, district, err) < 0
               ? -1
               : populate_orders(client, warehouse, district, err);
}

int tpcc_populate_warehouse(struct client *client, int warehouse, struct error *err)
{
    struct random *random = &client->random;
    char name[TEXT_MAX], where[ADDRESS_MAX];
    random_text(random, 6, 10, name);
    if (sql_do(&client->sql, err, "INSERT INTO warehouse VALUES (%d, '%s', %s, 0.%04d, 300000)",
               warehouse, name, address(random, where), random_between(random, 0, 2000)) < 0 ||
        populate_stock(client, warehouse, err) < 0)
        return -1;
    for (int district = 1; district <= DISTRICTS; district++)
        if (populate_district(client, warehouse, district, err) < 0)
            return -1;
    return 0;
}
