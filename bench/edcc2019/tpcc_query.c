/* The transactions that only read: Order-Status (2.6) and Stock-Level (2.8). */
#include "tpcc.h"

enum tpcc_outcome tpcc_order_status(struct client *client, struct error *err)
{
    struct sql *sql = &client->sql;
    const int w = client->home, d = random_between(&client->random, 1, DISTRICTS);
    MYSQL_ROW row;
    if (sql_do(sql, err, "BEGIN") < 0)
        return TPCC_FAILED;
    int customer = tpcc_choose_customer(client, w, d, err);
    if (customer < 0 ||
        !sql_first(sql, err,
                   "SELECT c_balance, c_first, c_middle, c_last FROM customer WHERE c_w_id = %d "
                   "AND c_d_id = %d AND c_id = %d",
                   w, d, customer) ||
        !(row = sql_first(sql, err,
                          "SELECT o_id, o_entry_d, o_carrier_id FROM orders WHERE o_w_id = %d AND "
                          "o_d_id = %d AND o_c_id = %d ORDER BY o_id DESC LIMIT 1",
                          w, d, customer)) ||
        !sql_first(sql, err,
                   "SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM "
                   "order_line WHERE ol_w_id = %d AND ol_d_id = %d AND ol_o_id = %s",
                   w, d, row[0]))
        return TPCC_FAILED;
    return sql_do(sql, err, "COMMIT") < 0 ? TPCC_FAILED : TPCC_DONE;
}

/* How many of the items in the district's last 20 orders the home warehouse runs short of. */
enum tpcc_outcome tpcc_stock_level(struct client *client, struct error *err)
{
    struct sql *sql = &client->sql;
    const int w = client->home, d = client->district;
    int threshold = random_between(&client->random, 10, 20);
    MYSQL_ROW row;
    if (sql_do(sql, err, "BEGIN") < 0 ||
        !(row = sql_first(
              sql, err, "SELECT d_next_o_id FROM district WHERE d_w_id = %d AND d_id = %d", w, d)))
        return TPCC_FAILED;
    int next = sql_int(row[0]);
    if (!sql_first(sql, err,
                   "SELECT COUNT(DISTINCT s_i_id) FROM order_line JOIN stock ON s_w_id = ol_w_id "
                   "AND s_i_id = ol_i_id WHERE ol_w_id = %d AND ol_d_id = %d AND ol_o_id >= %d "
                   "AND ol_o_id < %d AND s_quantity < %d",
                   w, d, next - 20, next, threshold))
        return TPCC_FAILED;
    return sql_do(sql, err, "COMMIT") < 0 ? TPCC_FAILED : TPCC_DONE;
}
