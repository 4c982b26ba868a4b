/* The Payment transaction (2.5), and how a customer is chosen. */
#include <string.h>

#include "tpcc.h"

struct payment {
    int warehouse, district; /* where it is paid */
    int home, home_district; /* of the customer */
    int customer, cents;
};

int tpcc_other_warehouse(struct client *client, int warehouse)
{
    if (client->warehouses == 1)
        return warehouse;
    int other = random_between(&client->random, 1, client->warehouses - 1);
    return other + (other >= warehouse);
}

/* Of n rows by first name the one at n/2, rounded up (2.5.2.2). */
static int middle_of(struct client *client, int warehouse, int district, const char *last,
                     struct error *err)
{
    MYSQL_ROW row = sql_first(&client->sql, err,
                              "SELECT c_id FROM customer WHERE c_w_id = %d AND c_d_id = %d AND "
                              "c_last = '%s' ORDER BY c_first",
                              warehouse, district, last);
    for (uint64_t i = row ? (mysql_num_rows(client->sql.result) + 1) / 2 : 1; i > 1; i--)
        row = sql_next(&client->sql);
    return row ? sql_int(row[0]) : -1;
}

int tpcc_choose_customer(struct client *client, int warehouse, int district, struct error *err)
{
    char last[LAST_NAME];
    if (!random_percent(&client->random, 60))
        return random_customer(&client->random);
    last_name(random_last_name(&client->random, false), last);
    return middle_of(client, warehouse, district, last, err);
}

/* 15 of 100 payments are of a customer of another warehouse (2.5.1.2). */
static void choose(struct client *client, struct payment *payment)
{
    struct random *random = &client->random;
    payment->warehouse = payment->home = client->home;
    payment->district = payment->home_district = random_between(random, 1, DISTRICTS);
    payment->cents = random_between(random, 100, 500000);
    if (random_percent(random, 15)) {
        payment->home = tpcc_other_warehouse(client, client->home);
        payment->home_district = random_between(random, 1, DISTRICTS);
    }
}

static int pay_warehouse(struct client *client, const struct payment *payment, struct error *err)
{
    struct sql *sql = &client->sql;
    const int w = payment->warehouse, d = payment->district;
    if (sql_do(sql, err, "UPDATE warehouse SET w_ytd = w_ytd + %d * 0.01 WHERE w_id = %d",
               payment->cents, w) < 0 ||
        !sql_first(sql, err,
                   "SELECT w_name, w_street_1, w_street_2, w_city, w_state, w_zip FROM warehouse "
                   "WHERE w_id = %d",
                   w) ||
        sql_do(sql, err,
               "UPDATE district SET d_ytd = d_ytd + %d * 0.01 WHERE d_w_id = %d AND d_id = %d",
               payment->cents, w, d) < 0)
        return -1;
    return sql_first(sql, err,
                     "SELECT d_name, d_street_1, d_street_2, d_city, d_state, d_zip FROM district "
                     "WHERE d_w_id = %d AND d_id = %d",
                     w, d)
               ? 0
               : -1;
}

/* A customer of bad credit keeps the last payments in front of C_DATA (2.5.2.2). */
static int pay_customer(struct client *client, const struct payment *payment, struct error *err)
{
    struct sql *sql = &client->sql;
    const int w = payment->home, d = payment->home_district, c = payment->customer;
    MYSQL_ROW row =
        sql_first(sql, err,
                  "SELECT c_credit, c_first, c_middle, c_last, c_street_1, c_street_2, c_city, "
                  "c_state, c_zip, c_phone, c_since, c_credit_lim, c_discount, c_balance, c_data "
                  "FROM customer WHERE c_w_id = %d AND c_d_id = %d AND c_id = %d FOR UPDATE",
                  w, d, c);
    if (!row)
        return -1;
    bool bad = strcmp(row[0], "BC") == 0;
    if (sql_do(sql, err,
               "UPDATE customer SET c_balance = c_balance - %d * 0.01, c_ytd_payment = "
               "c_ytd_payment + %d * 0.01, c_payment_cnt = c_payment_cnt + 1 WHERE c_w_id = %d AND "
               "c_d_id = %d AND c_id = %d",
               payment->cents, payment->cents, w, d, c) < 0)
        return -1;
    return !bad ? 0
                : sql_do(sql, err,
                         "UPDATE customer SET c_data = LEFT(CONCAT_WS(' ', %d, %d, %d, %d, %d, "
                         "%d * 0.01, c_data), 500) WHERE c_w_id = %d AND c_d_id = %d AND c_id = %d",
                         c, d, w, payment->district, payment->warehouse, payment->cents, w, d, c);
}

enum tpcc_outcome tpcc_payment(struct client *client, struct error *err)
{
    struct sql *sql = &client->sql;
    struct payment p;
    choose(client, &p);
    if (sql_do(sql, err, "BEGIN") < 0 || pay_warehouse(client, &p, err) < 0)
        return TPCC_FAILED;
    p.customer = tpcc_choose_customer(client, p.home, p.home_district, err);
    if (p.customer < 0 || pay_customer(client, &p, err) < 0 ||
        sql_do(sql, err,
               "INSERT INTO history SELECT %d, %d, %d, %d, %d, NOW(), %d * 0.01, "
               "CONCAT(w_name, '    ', d_name) FROM warehouse JOIN district ON d_w_id = w_id "
               "WHERE w_id = %d AND d_id = %d",
               p.customer, p.home_district, p.home, p.district, p.warehouse, p.cents, p.warehouse,
               p.district) < 0)
        return TPCC_FAILED;
    return sql_do(sql, err, "COMMIT") < 0 ? TPCC_FAILED : TPCC_DONE;
}
