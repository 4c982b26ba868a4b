/* `skink status`: what the daemon watches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"

#define CELL 256

static const struct cmd_option OPTIONS[] = {
    ASK_SOCKET_OPTION,
    {"json", 'j', NULL, "print the daemon's reply as JSON"},
    {NULL, 0, NULL, NULL},
};

/* "3d 2h", "4h 5m", "12s": the two largest units that matter. */
static const char *span(double seconds, char text[CELL])
{
    unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;
    if (s >= 86400)
        snprintf(text, CELL, "%lud %luh", s / 86400, s % 86400 / 3600);
    else if (s >= 3600)
        snprintf(text, CELL, "%luh %lum", s / 3600, s % 3600 / 60);
    else if (s >= 60)
        snprintf(text, CELL, "%lum %lus", s / 60, s % 60);
    else
        snprintf(text, CELL, "%lus", s);
    return text;
}

static void print_agent(const json_t *agent)
{
    char up[CELL];
    double uptime = ask_real(agent, "uptime_s");
    double cpu = ask_real(agent, "cpu_s");
    printf(
        "skink %s, pid %lld, up %s, CPU %.2f s (%.2f %%), memory %.1f MiB, kernel maps %.1f MiB; "
        "window %lld, bag %lld\n",
        ask_text(agent, "version"), (long long)ask_number(agent, "pid"), span(uptime, up), cpu,
        uptime > 0 ? 100 * cpu / uptime : 0, ask_real(agent, "memory_bytes") / 1048576,
        ask_real(agent, "map_bytes") / 1048576, (long long)ask_number(agent, "window"),
        (long long)ask_number(agent, "bag"));
    if (ask_number(agent, "lost_cgroups") > 0)
        printf("%lld containers could not be watched from their first call\n",
               (long long)ask_number(agent, "lost_cgroups"));
    if (ask_number(agent, "lost_runs") > 0)
        printf("the kernel left out %lld runs of the probe, one within another\n",
               (long long)ask_number(agent, "lost_runs"));
}

static void print_engines(const json_t *engines)
{
    size_t i;
    const json_t *engine;
    json_array_foreach (engines, i, engine) {
        bool up = json_is_true(json_object_get(engine, "up"));
        fputs(i == 0 ? "engines: " : ", ", stdout);
        terminal_print(stdout, PAINT_NONE, ask_text(engine, "name"));
        terminal_print(stdout, up ? PAINT_GREEN : PAINT_YELLOW, up ? " up" : " down");
        if (!up && *ask_text(engine, "why")) {
            fputs(" (", stdout);
            terminal_print(stdout, PAINT_NONE, ask_text(engine, "why"));
            fputs(")", stdout);
        }
    }
    if (json_array_size(engines) > 0)
        putchar('\n');
}

/* What the outlets of alerts and profiles could not do, if anything. */
static void print_sinks(const json_t *sinks)
{
    static const struct {
        const char *name, *error, *words;
    } ROWS[] = {
        {"file_failures", "file_error", "alerts could not be written to the file"},
        {"webhook_dropped", NULL, "alerts did not reach the webhook"},
        {"stdout_dropped", NULL, "alerts did not reach standard output"},
        {"journal_dropped", NULL, "alerts did not reach journald"},
        {"profile_failures", "profile_error", "times a profile could not be saved"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char line[2 * CELL];
        const char *why = ROWS[i].error ? ask_text(sinks, ROWS[i].error) : "";
        long long count = ask_number(sinks, ROWS[i].name);
        if (count == 0)
            continue;
        snprintf(line, sizeof line, "%lld %s%s%s", count, ROWS[i].words, *why ? ": " : "", why);
        terminal_print(stdout, PAINT_YELLOW, line);
        putchar('\n');
    }
}

/* Nothing, when all of it is in force. */
static void print_sandbox(const json_t *sandbox)
{
    if (!json_is_true(json_object_get(sandbox, "on")))
        puts("sandbox: switched off");
    else if (*ask_text(sandbox, "why"))
        printf("sandbox: not all of it is in force: %s\n", ask_text(sandbox, "why"));
}

/* What works against Skink itself, and what its own log is worth. */
static void print_self(const json_t *self)
{
    const json_t *log = json_object_get(self, "log");
    const json_t *alarms = json_object_get(self, "alarms");
    size_t i;
    const json_t *alarm;
    printf("sealed log: %lld entries%s\n", (long long)ask_number(log, "next"),
           json_is_true(json_object_get(log, "kept"))
               ? ""
               : ", a chain of hashes only (skink log init gives you the key)");
    print_sandbox(json_object_get(self, "sandbox"));
    json_array_foreach (alarms, i, alarm) {
        terminal_print(stdout, PAINT_RED, ask_text(alarm, "text"));
        putchar('\n');
    }
}

/* "10 of 20", "off", or nothing while it is learned. */
static const char *threshold(const json_t *service, const char *name, const char *of,
                             char text[CELL])
{
    long long value = ask_number(service, name);
    if (strcmp(ask_text(service, "mode"), "watching") != 0)
        return "-";
    if (value == 0)
        return "off";
    snprintf(text, CELL, "%lld of %lld", value, (long long)ask_number(service, of));
    return text;
}

static const char *mode(const json_t *service, char text[CELL])
{
    const char *name = ask_text(service, "mode");
    if (strcmp(name, "learning") != 0)
        return name;
    snprintf(text, CELL, "learning %lld/%lld", (long long)ask_number(service, "steady"),
             (long long)ask_number(service, "needed"));
    return text;
}

/* "0.93", "0.71-0.98", or nothing where it is not known. */
static const char *tolerance(const json_t *service, char text[CELL])
{
    const json_t *range = json_object_get(service, "tolerance");
    double low = ask_real(range, "low"), high = ask_real(range, "high");
    if (!range)
        return "-";
    if (high - low < 0.005)
        snprintf(text, CELL, "%.2f", low);
    else
        snprintf(text, CELL, "%.2f-%.2f", low, high);
    return text;
}

static void add_service(struct table *table, const json_t *service)
{
    char mode_text[CELL], patterns[CELL], stide[CELL], bosc[CELL], alerts[CELL], left[CELL];
    snprintf(patterns, sizeof patterns, "%lld+%lld", (long long)ask_number(service, "windows"),
             (long long)ask_number(service, "bags"));
    snprintf(alerts, sizeof alerts, "%lld open, %lld",
             (long long)ask_number(service, "open_alerts"),
             (long long)ask_number(service, "alerts"));
    table_add(table, ask_text(service, "service"), ask_text(service, "version"),
              mode(service, mode_text), patterns,
              threshold(service, "frame_threshold", "frame", stide),
              threshold(service, "epoch_threshold", "epoch", bosc), alerts,
              tolerance(service, left), ask_text(service, "state"), NULL);
}

/* "nothing lost", or "lost: 3 reports, 1 quota". */
static const char *losses(json_t *lost, char text[CELL])
{
    const char *reason;
    json_t *count;
    size_t used = 0;
    text[0] = '\0';
    json_object_foreach (lost, reason, count) {
        if (json_integer_value(count) == 0 || used >= CELL)
            continue;
        used +=
            (size_t)snprintf(text + used, CELL - used, "%s%lld %s",
                             used ? ", " : "lost: ", (long long)json_integer_value(count), reason);
    }
    return used ? text : "nothing lost";
}

/* What is not as it should be. */
static const char *remarks(const json_t *replica, char text[CELL])
{
    bool down = strcmp(ask_text(replica, "balancer"), "down") == 0;
    bool unseen = !json_is_true(json_object_get(replica, "start_seen"));
    snprintf(text, CELL, "%s%s%s", down ? "down at its balancer" : "", down && unseen ? ", " : "",
             unseen ? "start not seen" : "");
    return *text ? text : NULL;
}

static void add_replica(struct table *table, const json_t *replica)
{
    char pid[CELL], calls[CELL], novelties[CELL], lost[CELL], more[CELL];
    snprintf(pid, sizeof pid, "pid %lld", (long long)ask_number(replica, "pid"));
    snprintf(calls, sizeof calls, "%lld calls", (long long)ask_number(replica, "calls"));
    snprintf(novelties, sizeof novelties, "%lld novelties",
             (long long)ask_number(replica, "novelties"));
    table_add(table, ask_text(replica, "engine"), ask_text(replica, "name"), pid, calls, novelties,
              losses(json_object_get(replica, "lost"), lost), remarks(replica, more), NULL);
}

/* What comparing a service's replicas can tell while it is learned. */
static void print_siblings(const json_t *siblings)
{
    long long compared = ask_number(siblings, "compared");
    long long held = ask_number(siblings, "held");
    char line[CELL];
    if (!json_is_object(siblings))
        return;
    if (compared > 0)
        snprintf(line, sizeof line,
                 "  %lld replicas are compared; what all of them do alike is not seen", compared);
    else
        snprintf(line, sizeof line,
                 "  fewer than 2 replicas to compare: what is learned is not "
                 "checked");
    terminal_print(stdout, compared > 0 ? PAINT_DIM : PAINT_YELLOW, line);
    if (held > 0)
        printf("; %lld patterns of one replica are not learned", held);
    putchar('\n');
}

static enum paint paint_of(const json_t *service)
{
    if (ask_number(service, "open_alerts") > 0)
        return PAINT_RED;
    return strcmp(ask_text(service, "mode"), "off") == 0 ? PAINT_DIM : PAINT_NONE;
}

static void print_services(const json_t *services)
{
    struct table *table = table_new();
    struct table *below = table_new();
    size_t i, k, row = 0;
    const json_t *service, *replica;
    table_add(table, "SERVICE", "VERSION", "MODE", "PATTERNS", "STIDE", "BOSC", "ALERTS",
              "TOLERANCE", "PROFILE", NULL);
    json_array_foreach (services, i, service) {
        add_service(table, service);
        json_array_foreach (json_object_get(service, "replicas"), k, replica)
            add_replica(below, replica);
    }
    table_print(table, 0, 0, PAINT_BOLD, stdout);
    json_array_foreach (services, i, service) {
        table_print(table, i + 1, 0, paint_of(service), stdout);
        for (k = 0; k < json_array_size(json_object_get(service, "replicas")); k++)
            table_print(below, row++, 2, PAINT_NONE, stdout);
        print_siblings(json_object_get(service, "siblings"));
    }
    table_free(table);
    table_free(below);
}

static void print_status(const json_t *reply)
{
    const json_t *services = json_object_get(reply, "services");
    size_t unrecognised = json_array_size(json_object_get(reply, "unrecognised"));
    print_agent(json_object_get(reply, "agent"));
    print_engines(json_object_get(reply, "engines"));
    print_sinks(json_object_get(reply, "sinks"));
    print_self(json_object_get(reply, "self"));
    putchar('\n');
    if (json_array_size(services) > 0)
        print_services(services);
    else
        printf("no service is known yet: start a container, or see `skink doctor`\n");
    if (unrecognised > 0)
        printf("\n%zu cgroups belong to no container that is known (--json lists them)\n",
               unrecognised);
}

static int run(const struct cmd_line *line, struct error *err)
{
    json_t *request = json_pack("{s:s}", "verb", "status");
    json_t *reply;
    if (ask_daemon(line, &verb_status, request, &reply, err) < 0)
        return -1;
    if (cmd_has(line, &verb_status, "json")) {
        ask_print_document(reply);
    } else {
        print_status(reply);
    }
    json_decref(reply);
    return EXIT_DONE;
}

const struct verb verb_status = {
    .name = "status",
    .summary = "show what the daemon watches",
    .operands = "",
    .description =
        "Asks the daemon and shows each service with its profile and its alerts, and below it its\n"
        "replicas with what was seen and lost of them. PATTERNS are windows + bags, STIDE and BOSC\n"
        "the thresholds, ALERTS the open ones and all since the daemon started. TOLERANCE is the\n"
        "tolerance capacity, which `skink tolerance` explains.",
    .example = "  skink status\n  skink status --json | jq .services",
    .options = OPTIONS,
    .operands_max = 0,
    .run = run,
};
