/* All the clients at once, a thread each. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "tpcc.h"

/* The mix, in percent: the least that 5.2.3 allows of each, and New-Order the rest. */
static const struct {
    const char *name;
    int percent;
    enum tpcc_outcome (*run)(struct client *client, struct error *err);
} MIX[] = {
    {"new_order", 45, tpcc_new_order},      {"payment", 43, tpcc_payment},
    {"order_status", 4, tpcc_order_status}, {"delivery", 4, tpcc_delivery},
    {"stock_level", 4, tpcc_stock_level},
};
#define KINDS (sizeof MIX / sizeof *MIX)

struct worker {
    const struct tpcc_options *options;
    pthread_t thread;
    struct client client;
    int number; /* 0, 1, … */
    uint64_t end;
    uint64_t done[KINDS], rolled_back, repeated;
    int failed;
    struct error err;
};

static size_t draw_kind(struct random *random)
{
    size_t kind = 0;
    for (int at = random_between(random, 1, 100); at > MIX[kind].percent; kind++)
        at -= MIX[kind].percent;
    return kind;
}

/* A transaction that lost a deadlock is begun again with the same input. */
static int run_one(struct worker *worker)
{
    struct client *client = &worker->client;
    size_t kind = draw_kind(&client->random);
    const struct random input = client->random;
    enum tpcc_outcome outcome;
    while ((outcome = MIX[kind].run(client, &worker->err)) == TPCC_FAILED && client->sql.again) {
        if (sql_do(&client->sql, &worker->err, "ROLLBACK") < 0)
            return -1;
        client->random = input;
        worker->repeated++;
    }
    worker->done[kind] += outcome == TPCC_DONE;
    worker->rolled_back += outcome == TPCC_ROLLED_BACK;
    return outcome == TPCC_FAILED ? -1 : 0;
}

/* The first client shows how far they are. */
static int run(struct worker *worker)
{
    struct progress progress;
    uint64_t now, total = worker->options->seconds;
    int failed = 0;
    progress_start(&progress, "TPC-C", "s", total);
    while (!failed && (now = clock_monotonic()) < worker->end) {
        failed = run_one(worker);
        if (worker->number == 0)
            progress_set(&progress, total - (worker->end - now) / NS_PER_S);
    }
    progress_end(&progress);
    return failed;
}

/* Every so many-th warehouse; the last client fills in the items, too. */
static int load(struct worker *worker)
{
    struct client *client = &worker->client;
    struct progress progress;
    bool last = worker->number + 1 == (int)worker->options->clients;
    int failed = last ? tpcc_populate_items(client, &worker->err) : 0;
    progress_start(&progress, "populating", "warehouses", worker->options->warehouses);
    for (int w = worker->number + 1; w <= client->warehouses && !failed;
         w += (int)worker->options->clients) {
        failed = tpcc_populate_warehouse(client, w, &worker->err);
        if (worker->number == 0)
            progress_set(&progress, (uint64_t)w);
    }
    progress_end(&progress);
    return failed;
}

static int connected(struct worker *worker, int (*work)(struct worker *worker))
{
    struct client *client = &worker->client;
    int warehouses = (int)worker->options->warehouses;
    client->warehouses = warehouses;
    client->home = worker->number % warehouses + 1;
    client->district = worker->number / warehouses % DISTRICTS + 1;
    client->random.state = worker->options->seed << 32 | (uint32_t)worker->number;
    if (sql_open(&client->sql, &worker->options->server, &worker->err) < 0)
        return -1;
    int failed = sql_do(&client->sql, &worker->err, "USE tpcc") < 0 ? -1 : work(worker);
    sql_close(&client->sql);
    mysql_thread_end();
    return failed;
}

static void *run_thread(void *worker)
{
    ((struct worker *)worker)->failed = connected(worker, run);
    return NULL;
}

static void *load_thread(void *worker)
{
    ((struct worker *)worker)->failed = connected(worker, load);
    return NULL;
}

/* Starts all and waits for all; the first error is told. */
static int work(struct worker *workers, const struct tpcc_options *options,
                void *(*thread)(void *worker), struct error *err)
{
    uint64_t end = clock_monotonic() + options->seconds * NS_PER_S;
    int failed = 0;
    uint64_t started = 0;
    for (; started < options->clients; started++) {
        struct worker *worker = &workers[started];
        *worker = (struct worker){.options = options, .number = (int)started, .end = end};
        int number = pthread_create(&worker->thread, NULL, thread, worker);
        if (number) {
            failed = error_set(err, EXIT_MACHINE, number, "cannot start client %d", worker->number);
            break;
        }
    }
    for (uint64_t i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].failed && !failed) {
            *err = workers[i].err;
            failed = -1;
        }
    }
    return failed;
}

int tpcc_load(const struct tpcc_options *options, struct error *err)
{
    struct sql sql;
    if (sql_open(&sql, &options->server, err) < 0)
        return -1;
    int failed = tpcc_create(&sql, err);
    sql_close(&sql);
    autofree struct worker *workers = memory_must(calloc(options->clients, sizeof *workers));
    return failed ? -1 : work(workers, options, load_thread, err);
}

static void print_done(const struct worker *workers, uint64_t count)
{
    uint64_t rolled_back = 0, repeated = 0;
    putchar('{');
    for (size_t kind = 0; kind < KINDS; kind++) {
        uint64_t done = 0;
        for (uint64_t i = 0; i < count; i++)
            done += workers[i].done[kind];
        printf("\"%s\": %llu, ", MIX[kind].name, (unsigned long long)done);
    }
    for (uint64_t i = 0; i < count; i++) {
        rolled_back += workers[i].rolled_back;
        repeated += workers[i].repeated;
    }
    printf("\"rolled_back\": %llu, \"repeated\": %llu}\n", (unsigned long long)rolled_back,
           (unsigned long long)repeated);
}

int tpcc_run(const struct tpcc_options *options, struct error *err)
{
    autofree struct worker *workers = memory_must(calloc(options->clients, sizeof *workers));
    int failed = work(workers, options, run_thread, err);
    if (!failed)
        print_done(workers, options->clients);
    return failed;
}
