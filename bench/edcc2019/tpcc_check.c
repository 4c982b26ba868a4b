/* Consistency conditions 1 to 4 (3.3.2.1 to 3.3.2.4): what every mix of transactions keeps true. */
#include <stdlib.h>
#include <string.h>

#include "tpcc.h"

#define PER_DISTRICT "GROUP BY w, d) "

/* Each query counts the warehouses or districts that break a condition. */
static const struct {
    const char *says, *count;
} CONDITIONS[] = {
    {"W_YTD is the sum of D_YTD", "SELECT COUNT(*) FROM warehouse WHERE w_ytd <> "
                                  "(SELECT SUM(d_ytd) FROM district WHERE d_w_id = w_id)"},
    {"D_NEXT_O_ID follows the last order and the last new order",
     "SELECT COUNT(*) FROM district WHERE "
     "d_next_o_id - 1 <> (SELECT MAX(o_id) FROM orders WHERE o_w_id = d_w_id AND o_d_id = d_id) OR "
     "d_next_o_id - 1 <> (SELECT MAX(no_o_id) FROM new_order WHERE no_w_id = d_w_id AND "
     "no_d_id = d_id)"},
    {"new orders have no gap",
     "SELECT COUNT(*) FROM (SELECT 1 FROM new_order GROUP BY no_w_id, no_d_id "
     "HAVING MAX(no_o_id) - MIN(no_o_id) + 1 <> COUNT(*)) AS broken"},
    {"O_OL_CNT counts the lines",
     "SELECT COUNT(*) FROM "
     "(SELECT o_w_id AS w, o_d_id AS d, SUM(o_ol_cnt) AS n FROM orders " PER_DISTRICT "AS orders "
     "JOIN (SELECT ol_w_id AS w, ol_d_id AS d, COUNT(*) AS n FROM order_line " PER_DISTRICT
     "AS found USING (w, d) WHERE orders.n <> found.n"},
};

int tpcc_check(struct sql *sql, struct error *err)
{
    const size_t count = sizeof CONDITIONS / sizeof *CONDITIONS;
    size_t kept = 0;
    if (sql_do(sql, err, "USE tpcc") < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        MYSQL_ROW row = sql_first(sql, err, "%s", CONDITIONS[i].count);
        if (!row)
            return -1;
        bool holds = strcmp(row[0], "0") == 0;
        printf("3.3.2.%zu %s: %s\n", i + 1, CONDITIONS[i].says, holds ? "holds" : "BROKEN");
        kept += holds;
    }
    return kept == count ? 0
                         : error_set(err, EXIT_ANOMALOUS, 0,
                                     "%zu consistency conditions are broken", count - kept);
}
