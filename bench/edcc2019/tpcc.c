/*
 * A TPC-C load for MariaDB:
 *
 *     build/bench/edcc2019/tpcc load|run|check [OPTION…]
 *
 * load makes the database and fills it; run loads it for so many seconds and prints, as JSON, how
 * many transactions of each kind were done; check holds it against the consistency conditions.
 */
#include "tpcc.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

static const struct option OPTIONS[] = {
    {"host", required_argument, NULL, 'h'},
    {"port", required_argument, NULL, 'p'},
    {"user", required_argument, NULL, 'u'},
    {"password", required_argument, NULL, 'P'},
    {"warehouses", required_argument, NULL, 'w'},
    {"clients", required_argument, NULL, 'c'},
    {"seconds", required_argument, NULL, 's'},
    {"seed", required_argument, NULL, 'r'},
    {NULL, 0, NULL, 0},
};

static int usage(struct error *err)
{
    return error_set(err, EXIT_USAGE, 0,
                     "usage: tpcc load|run|check [--host A] [--port N] [--user U] [--password P] "
                     "[--warehouses N] [--clients N] [--seconds N] [--seed N]");
}

static int set_option(struct tpcc_options *options, int option, struct error *err)
{
    switch (option) {
    case 'h':
        options->server.host = optarg;
        return 0;
    case 'u':
        options->server.user = optarg;
        return 0;
    case 'P':
        options->server.password = optarg;
        return 0;
    case 'p':
        return parse_u64("--port", optarg, 1, UINT16_MAX, &options->server.port, err);
    case 'w':
        return parse_u64("--warehouses", optarg, 1, 100000, &options->warehouses, err);
    case 'c':
        return parse_u64("--clients", optarg, 1, 10000, &options->clients, err);
    case 's':
        return parse_u64("--seconds", optarg, 1, UINT32_MAX, &options->seconds, err);
    case 'r':
        return parse_u64("--seed", optarg, 0, UINT32_MAX, &options->seed, err);
    default:
        return usage(err);
    }
}

static int check(const struct tpcc_options *options, struct error *err)
{
    struct sql sql;
    if (sql_open(&sql, &options->server, err) < 0)
        return -1;
    int failed = tpcc_check(&sql, err);
    sql_close(&sql);
    return failed;
}

static int act(const char *verb, const struct tpcc_options *options, struct error *err)
{
    if (strcmp(verb, "load") == 0)
        return tpcc_load(options, err);
    if (strcmp(verb, "run") == 0)
        return tpcc_run(options, err);
    return strcmp(verb, "check") == 0 ? check(options, err) : usage(err);
}

int main(int argc, char **argv)
{
    struct tpcc_options options = {
        .server = {.host = "127.0.0.1", .user = "tpcc", .password = "tpcc", .port = 3306},
        .warehouses = 1,
        .clients = 1,
        .seconds = 60,
        .seed = 1,
    };
    struct error err;
    int failed = 0, option;
    opterr = 0;
    while (!failed && (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1)
        failed = set_option(&options, option, &err);
    if (!failed && optind + 1 != argc)
        failed = usage(&err);
    if (failed || mysql_library_init(0, NULL, NULL) != 0 || act(argv[optind], &options, &err) < 0)
        return error_report(&err);
    mysql_library_end();
    return EXIT_DONE;
}
