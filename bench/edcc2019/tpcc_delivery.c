/* The Delivery transaction (2.7): the oldest order of each district that waits for it, each in a
 * database transaction of its own (2.7.4.2). It is not queued: nobody waits for an answer here. */
#include "tpcc.h"

static int deliver(struct client *client, int district, int order, int carrier, struct error *err)
{
    struct sql *sql = &client->sql;
    const int w = client->home;
    MYSQL_ROW row;
    if (sql_do(sql, err,
               "DELETE FROM new_order WHERE no_w_id = %d AND no_d_id = %d AND "
               "no_o_id = %d",
               w, district, order) < 0 ||
        !(row = sql_first(sql, err,
                          "SELECT o_c_id FROM orders WHERE o_w_id = %d AND o_d_id = %d AND "
                          "o_id = %d FOR UPDATE",
                          w, district, order)))
        return -1;
    int customer = sql_int(row[0]);
    if (sql_do(sql, err,
               "UPDATE orders SET o_carrier_id = %d WHERE o_w_id = %d AND o_d_id = %d AND "
               "o_id = %d",
               carrier, w, district, order) < 0 ||
        sql_do(sql, err,
               "UPDATE order_line SET ol_delivery_d = NOW() WHERE ol_w_id = %d AND ol_d_id = %d "
               "AND ol_o_id = %d",
               w, district, order) < 0 ||
        !(row = sql_first(sql, err,
                          "SELECT SUM(ol_amount) FROM order_line WHERE ol_w_id = %d AND "
                          "ol_d_id = %d AND ol_o_id = %d",
                          w, district, order)))
        return -1;
    char amount[32];
    snprintf(amount, sizeof amount, "%s", row[0]);
    return sql_do(sql, err,
                  "UPDATE customer SET c_balance = c_balance + %s, c_delivery_cnt = "
                  "c_delivery_cnt + 1 WHERE c_w_id = %d AND c_d_id = %d AND c_id = %d",
                  amount, w, district, customer);
}

/* A district where no order waits is skipped (2.7.4.2). */
static int deliver_oldest(struct client *client, int district, int carrier, struct error *err)
{
    struct sql *sql = &client->sql;
    MYSQL_ROW row;
    if (sql_do(sql, err, "BEGIN") < 0)
        return -1;
    int waits = sql_maybe(sql, &row, err,
                          "SELECT no_o_id FROM new_order WHERE no_w_id = %d AND no_d_id = %d "
                          "ORDER BY no_o_id LIMIT 1 FOR UPDATE",
                          client->home, district);
    if (waits < 0 || (waits && deliver(client, district, sql_int(row[0]), carrier, err) < 0))
        return -1;
    return sql_do(sql, err, "COMMIT");
}

enum tpcc_outcome tpcc_delivery(struct client *client, struct error *err)
{
    int carrier = random_between(&client->random, 1, 10);
    for (int district = 1; district <= DISTRICTS; district++)
        if (deliver_oldest(client, district, carrier, err) < 0)
            return TPCC_FAILED;
    return TPCC_DONE;
}
