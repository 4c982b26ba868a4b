/* `skink tolerance`: how much each service can still take, and what takes the rest away. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"

#define CELL 96

static const struct cmd_option OPTIONS[] = {
    {"horizon", 0, "TIME", "look so far ahead (default: the configuration's, 24h)"},
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print the daemon's reply as JSON"},
    {NULL, 0, NULL, NULL},
};

/* "3d", "4h 5m", "12s" */
static const char *span(double seconds, char text[CELL])
{
    unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;
    if (s >= 86400)
        snprintf(text, CELL, "%llud %lluh", s / 86400, s % 86400 / 3600);
    else if (s >= 3600)
        snprintf(text, CELL, "%lluh %llum", s / 3600, s % 3600 / 60);
    else if (s >= 60)
        snprintf(text, CELL, "%llum %llus", s / 60, s % 60);
    else
        snprintf(text, CELL, "%llus", s);
    return text;
}

/* "0.931", or "0.712 to 0.983" where that is not the same. */
static const char *between(const json_t *range, char text[CELL])
{
    double low = ask_real(range, "low"), high = ask_real(range, "high");
    if (high - low < 0.0005)
        snprintf(text, CELL, "%.3f", low);
    else
        snprintf(text, CELL, "%.3f to %.3f", low, high);
    return text;
}

static void print_system(const json_t *system)
{
    const json_t *low = json_object_get(system, "low");
    terminal_field(stdout, PAINT_BOLD, "all services", "%.3f (geometric mean %.3f, least %.3f)",
                   ask_real(low, "mean"), ask_real(low, "geometric"), ask_real(low, "least"));
}

static void print_vulnerabilities(const json_t *known)
{
    if (ask_number(known, "count") == 0)
        return;
    terminal_field(stdout, PAINT_NONE, "vulnerable",
                   "%lld known: %lld exploited, %lld without a score, %lld not reached, %lld "
                   "doubtful",
                   (long long)ask_number(known, "count"), (long long)ask_number(known, "exploited"),
                   (long long)ask_number(known, "unknown"),
                   (long long)ask_number(known, "unreachable"),
                   (long long)ask_number(known, "doubtful"));
}

static void print_next(const json_t *next)
{
    const char *verdict = ask_text(next, "verdict"), *reason = ask_text(next, "reason");
    char plan[CELL] = "";
    if (ask_number(next, "plan") > 0)
        snprintf(plan, sizeof plan, "; plan %lld", (long long)ask_number(next, "plan"));
    if (strcmp(verdict, "none") != 0)
        terminal_field(stdout, PAINT_YELLOW, "next", "%s: %s (then %.3f)%s",
                       ask_text(next, "replica"), reason, ask_real(next, "after"), plan);
    else if (*reason)
        terminal_field(stdout, PAINT_YELLOW, "next", "%s", reason);
}

static void add_replica(struct table *table, const json_t *replica)
{
    char age[CELL], belief[CELL], q[CELL], life[CELL], interval[CELL];
    const json_t *ageing = json_object_get(replica, "ageing");
    const char *by = ask_text(ageing, "by");
    double eta = ask_real(ageing, "eta_s"), due = ask_real(replica, "interval_s");
    snprintf(belief, sizeof belief, "%.2f", ask_real(replica, "belief"));
    table_add(table, ask_text(replica, "name"), span(ask_real(replica, "age_s"), age), belief,
              between(json_object_get(replica, "compromised"), q), *by ? by : "-",
              eta > 0 ? span(eta, life) : "-", due > 0 ? span(due, interval) : "-", NULL);
}

static void print_replicas(const json_t *replicas)
{
    struct table *table = table_new();
    size_t i;
    const json_t *replica;
    table_add(table, "REPLICA", "AGE", "BELIEF", "COMPROMISED", "AGES BY", "ETA", "DUE", NULL);
    json_array_foreach (replicas, i, replica)
        add_replica(table, replica);
    for (i = 0; json_array_size(replicas) > 0 && i <= json_array_size(replicas); i++)
        table_print(table, i, 2, i == 0 ? PAINT_BOLD : PAINT_NONE, stdout);
    table_free(table);
}

static void print_service(const json_t *service)
{
    char range[CELL], horizon[CELL];
    const json_t *capacity = json_object_get(service, "capacity");
    const json_t *taken = json_object_get(service, "taken");
    const json_t *replicas = json_object_get(service, "replicas");
    bool low = ask_real(capacity, "low") < ask_real(service, "floor");
    putchar('\n');
    terminal_print(stdout, PAINT_BOLD, ask_text(service, "service"));
    putchar('\n');
    terminal_field(stdout, low ? PAINT_RED : PAINT_GREEN, "tolerance",
                   "%s over %s, floor %.3f; replicas %zu (%s: %lld may be compromised)",
                   between(capacity, range), span(ask_real(service, "horizon_s"), horizon),
                   ask_real(service, "floor"), json_array_size(replicas),
                   ask_text(service, "redundancy"), (long long)ask_number(service, "survives"));
    terminal_field(stdout, PAINT_NONE, "taken by",
                   "age %.3f, vulnerabilities %.3f, attacks %.3f, belief %.3f",
                   ask_real(taken, "age"), ask_real(taken, "vulnerabilities"),
                   ask_real(taken, "attacks"), ask_real(taken, "belief"));
    print_vulnerabilities(json_object_get(service, "vulnerabilities"));
    print_next(json_object_get(service, "next"));
    print_replicas(replicas);
}

/* Files that are wrong or stale. */
static void print_files(const json_t *files)
{
    size_t i;
    const json_t *file;
    json_array_foreach (files, i, file) {
        if (*ask_text(file, "error"))
            terminal_field(stdout, PAINT_YELLOW, "not read", "%s", ask_text(file, "error"));
        else if (json_is_true(json_object_get(file, "stale")))
            terminal_field(stdout, PAINT_YELLOW, "stale", "%s of %.10s", ask_text(file, "file"),
                           ask_text(file, "dated"));
    }
}

static void print_reply(const json_t *reply)
{
    const json_t *services = json_object_get(reply, "services"), *service;
    size_t i;
    if (json_is_object(json_object_get(reply, "system")))
        print_system(json_object_get(reply, "system"));
    else
        printf("no service is known yet: start a container, or see `skink doctor`\n");
    print_files(json_object_get(reply, "files"));
    json_array_foreach (services, i, service)
        print_service(service);
}

static int run(const struct cmd_line *line, struct error *err)
{
    json_t *reply;
    uint64_t horizon = 0;
    const char *service = line->count > 0 ? line->operand[0] : NULL;
    const char *ahead = cmd_value(line, &verb_tolerance, "horizon");
    if (ahead && parse_duration("--horizon", ahead, &horizon, err) < 0)
        return -1;
    json_t *request = json_pack("{s:s,s:s*,s:f}", "verb", "tolerance", "service", service,
                                "horizon_s", (double)horizon / (double)NS_PER_S);
    if (ask_daemon(line, &verb_tolerance, request, &reply, err) < 0)
        return -1;
    int code = EXIT_DONE;
    if (service && json_array_size(json_object_get(reply, "services")) == 0) {
        code =
            error_set(err, EXIT_USAGE, 0, "%s: no such service (skink status lists them)", service);
    } else if (cmd_has(line, &verb_tolerance, "json")) {
        ask_print_document(reply);
    } else {
        print_reply(reply);
    }
    json_decref(reply);
    return code;
}

const struct verb verb_tolerance = {
    .name = "tolerance",
    .summary = "tell how much intrusion a service can still take, and why",
    .operands = "[SERVICE]",
    .description =
        "Tells the tolerance capacity of each service: the probability, 0 to 1, that it still\n"
        "serves correctly over the horizon although its replicas age, have vulnerabilities, are\n"
        "attacked, or are an intruder's already; how much of it each of these takes away; and\n"
        "which replica is to be rejuvenated next. It is a range where nobody knows how likely a\n"
        "vulnerability is exploited. docs/tolerance.md has the formulas and how vulnerabilities\n"
        "are imported.",
    .example = "  skink tolerance\n  skink tolerance shop-web --horizon 7d --json",
    .options = OPTIONS,
    .operands_max = 1,
    .run = run,
};
