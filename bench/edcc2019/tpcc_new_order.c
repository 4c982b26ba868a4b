/* The New-Order transaction (2.4). */
#include <string.h>

#include "tpcc.h"

#define LINES_MAX 15
#define PRICE     16
#define UNUSED    (ITEMS + 1) /* an item that there is not */

struct line {
    int item, supply, quantity;
};

struct order {
    int id, warehouse, district, customer;
    int count;
    bool all_local;
    struct line lines[LINES_MAX];
};

/* The input (2.4.1): 1 of 100 orders ends with an item that does not exist, 1 of 100 lines is
 * supplied by another warehouse. */
static void choose(struct client *client, struct order *order)
{
    struct random *random = &client->random;
    *order = (struct order){
        .warehouse = client->home,
        .district = random_between(random, 1, DISTRICTS),
        .customer = random_customer(random),
        .count = random_between(random, 5, LINES_MAX),
        .all_local = true,
    };
    for (struct line *line = order->lines; line < order->lines + order->count; line++) {
        line->item = random_item(random);
        line->supply =
            random_percent(random, 1) ? tpcc_other_warehouse(client, client->home) : client->home;
        line->quantity = random_between(random, 1, 10);
        order->all_local = order->all_local && line->supply == client->home;
    }
    if (random_percent(random, 1))
        order->lines[order->count - 1].item = UNUSED;
}

static int enter_order(struct client *client, struct order *order, struct error *err)
{
    struct sql *sql = &client->sql;
    const int w = order->warehouse, d = order->district;
    MYSQL_ROW row = NULL;
    if (sql_do(sql, err, "BEGIN") < 0 ||
        !sql_first(sql, err, "SELECT w_tax FROM warehouse WHERE w_id = %d", w) ||
        !(row = sql_first(sql, err,
                          "SELECT d_next_o_id, d_tax FROM district WHERE d_w_id = %d AND d_id = %d "
                          "FOR UPDATE",
                          w, d)))
        return -1;
    order->id = sql_int(row[0]);
    if (sql_do(sql, err, "UPDATE district SET d_next_o_id = %d WHERE d_w_id = %d AND d_id = %d",
               order->id + 1, w, d) < 0 ||
        !sql_first(sql, err,
                   "SELECT c_discount, c_last, c_credit FROM customer WHERE c_w_id = %d AND "
                   "c_d_id = %d AND c_id = %d",
                   w, d, order->customer) ||
        sql_do(sql, err, "INSERT INTO orders VALUES (%d, %d, %d, %d, NOW(), NULL, %d, %d)",
               order->id, d, w, order->customer, order->count, order->all_local) < 0)
        return -1;
    return sql_do(sql, err, "INSERT INTO new_order VALUES (%d, %d, %d)", order->id, d, w);
}

/* Takes the quantity from the stock, refills it by 91 when fewer than 10 would be left (2.4.2.2),
 * and keeps the text that belongs to the order's district. */
static int take_stock(struct client *client, const struct order *order, const struct line *line,
                      char info[25], struct error *err)
{
    struct sql *sql = &client->sql;
    MYSQL_ROW row = sql_first(sql, err,
                              "SELECT s_quantity, s_data, s_dist_%02d FROM stock WHERE s_i_id = %d "
                              "AND s_w_id = %d FOR UPDATE",
                              order->district, line->item, line->supply);
    if (!row)
        return -1;
    int left = sql_int(row[0]) - line->quantity;
    snprintf(info, 25, "%s", row[2]);
    return sql_do(sql, err,
                  "UPDATE stock SET s_quantity = %d, s_ytd = s_ytd + %d, s_order_cnt = s_order_cnt "
                  "+ 1, s_remote_cnt = s_remote_cnt + %d WHERE s_i_id = %d AND s_w_id = %d",
                  left < 10 ? left + 91 : left, line->quantity, line->supply != order->warehouse,
                  line->item, line->supply);
}

/* 1 when the item is unused. */
static int add_line(struct client *client, const struct order *order, int index, struct error *err)
{
    const struct line *line = &order->lines[index];
    struct sql *sql = &client->sql;
    char price[PRICE], info[25];
    MYSQL_ROW row;
    int found = sql_maybe(sql, &row, err,
                          "SELECT i_price, i_name, i_data FROM item WHERE i_id = %d", line->item);
    if (found <= 0)
        return found < 0 ? -1 : 1;
    snprintf(price, sizeof price, "%s", row[0]);
    if (take_stock(client, order, line, info, err) < 0)
        return -1;
    return sql_do(sql, err,
                  "INSERT INTO order_line VALUES (%d, %d, %d, %d, %d, %d, NULL, %d, %d * %s, '%s')",
                  order->id, order->district, order->warehouse, index + 1, line->item, line->supply,
                  line->quantity, line->quantity, price, info);
}

enum tpcc_outcome tpcc_new_order(struct client *client, struct error *err)
{
    struct order order;
    choose(client, &order);
    if (enter_order(client, &order, err) < 0)
        return TPCC_FAILED;
    for (int i = 0; i < order.count; i++) {
        int added = add_line(client, &order, i, err);
        if (added < 0)
            return TPCC_FAILED;
        if (added == 1) /* a user's data entry error: all is undone (2.4.2.3) */
            return sql_do(&client->sql, err, "ROLLBACK") < 0 ? TPCC_FAILED : TPCC_ROLLED_BACK;
    }
    return sql_do(&client->sql, err, "COMMIT") < 0 ? TPCC_FAILED : TPCC_DONE;
}
