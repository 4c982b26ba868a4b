/*
 * A TPC-C load (TPC Benchmark C, revision 5.11; clauses are cited as (2.4.1)): schema, population,
 * the five transactions at their mix, the first four consistency conditions. Keying and think times
 * are off. What is measured here is the server's system calls, so nothing else of the benchmark's
 * rules for a published result is kept: no terminals, no response times, no tpmC.
 */
#ifndef SKINK_BENCH_TPCC_H
#define SKINK_BENCH_TPCC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "tpcc_random.h"
#include "tpcc_sql.h"

/* Cardinalities (1.2.1): of the whole, of a warehouse, of a district. */
#define ITEMS        100000
#define STOCKS       100000
#define DISTRICTS    10
#define CUSTOMERS    3000
#define ORDERS       3000
#define FIRST_UNSENT 2101 /* older orders are delivered at the start (4.3.3.1) */

struct tpcc_options {
    struct sql_server server;
    uint64_t warehouses, clients, seconds, seed;
};

/* One terminal: its connection, and what it never changes (2.4.1.1, 2.8.1.1). */
struct client {
    struct sql sql;
    struct random random;
    int warehouses;
    int home;     /* warehouse */
    int district; /* whose stock level it asks for */
};

enum tpcc_outcome { TPCC_FAILED = -1, TPCC_DONE = 0, TPCC_ROLLED_BACK = 1 };

/* The transactions (2.4 to 2.8), each from its input to its commit. */
enum tpcc_outcome tpcc_new_order(struct client *client, struct error *err);
enum tpcc_outcome tpcc_payment(struct client *client, struct error *err);
enum tpcc_outcome tpcc_order_status(struct client *client, struct error *err);
enum tpcc_outcome tpcc_delivery(struct client *client, struct error *err);
enum tpcc_outcome tpcc_stock_level(struct client *client, struct error *err);

/*
 * Takes a customer of a district for payment and order status (2.5.1.2): by last name in 60 of 100
 * cases, the one in the middle of those who share it, else by number. The id, or -1.
 */
int tpcc_choose_customer(struct client *client, int warehouse, int district, struct error *err);

/* Another warehouse than this one, at random; the same when there is only one. */
int tpcc_other_warehouse(struct client *client, int warehouse);

/* Makes the database tpcc anew, empty. */
int tpcc_create(struct sql *sql, struct error *err);

/* The initial content (4.3.3): of all, and of one warehouse. */
int tpcc_populate_items(struct client *client, struct error *err);
int tpcc_populate_warehouse(struct client *client, int warehouse, struct error *err);

/* Consistency conditions 1 to 4 (3.3.2); prints each with the rows that break it. -1: one failed.
 */
int tpcc_check(struct sql *sql, struct error *err);

/* All clients at once: fills the database, or loads it for a time and prints what was done. */
int tpcc_load(const struct tpcc_options *options, struct error *err);
int tpcc_run(const struct tpcc_options *options, struct error *err);

#endif
