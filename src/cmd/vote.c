/* `skink vote`: a front that lets the replicas of a service vote about every answer. */
#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/metrics.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "vote/front.h"

#define TIMEOUT     "2s"
#define LAG         "100ms"
#define BODY        "1MiB"
#define CONNECTIONS "256"

static const struct cmd_option OPTIONS[] = {
    {"listen", 'l', "ADDRESS", "serve on ADDRESS, such as 127.0.0.1:8080 or [::1]:8080"},
    {"replica", 'r', "NAME=HOST:PORT", "a replica, by its name in skink status; three or more"},
    {"replicas", 0, "FILE", "the replicas from FILE, one a line; read again on SIGHUP"},
    {"pair", 0, "NAME,NAME", "two replicas of the same build, or their numbers: they tell noise"},
    {"diverse", 0, NULL, "the pair alone is no majority: another build must agree"},
    {"header", 0, "NAME", "compare this header and give it on, besides the usual ones; repeatable"},
    {"timeout", 0, "TIME", "a replica has TIME for an answer (default " TIMEOUT ")"},
    {"lag", 0, "TIME", "once a majority agrees, the others have TIME more (default " LAG ")"},
    {"body", 0, "SIZE", "the longest body of a request or an answer (default " BODY ")"},
    {"connections", 0, "N", "so many clients at a time (default " CONNECTIONS ")"},
    {"alone", 0, NULL, "tell dissent only to the log, not to the daemon"},
    ASK_SOCKET_OPTION,
    {NULL, 0, NULL, NULL},
};

static const char *const USUAL[] = {"content-type",
                                    "content-disposition",
                                    "content-encoding",
                                    "content-language",
                                    "location",
                                    "set-cookie",
                                    "www-authenticate",
                                    "cache-control",
                                    "allow",
                                    "vary"};

static const char *value_or(const struct cmd_line *line, const char *name, const char *other)
{
    const char *value = cmd_value(line, &verb_vote, name);
    return value ? value : other;
}

/* ---- replicas ---- */

static int enough(const struct front_rule *rule, struct error *err)
{
    if (rule->replicas >= 3)
        return 0;
    return error_set(err, EXIT_USAGE, 0,
                     "%zu replicas: a vote needs three (--replica NAME=HOST:PORT)", rule->replicas);
}

static int read_replicas(struct front_rule *rule, const struct cmd_line *line, struct error *err)
{
    const char *text, *file = cmd_value(line, &verb_vote, "replicas");
    if (file && cmd_has(line, &verb_vote, "replica"))
        return error_set(err, EXIT_USAGE, 0, "--replica and --replicas: one of them");
    if (file)
        return seats_read(file, rule->seat, &rule->replicas, err) < 0 ? -1 : enough(rule, err);
    for (size_t at = 0; (text = cmd_next(line, "replica", &at));)
        if (seat_add(rule->seat, &rule->replicas, text, err) < 0)
            return error_context(err, "--replica");
    return enough(rule, err);
}

static int read_pair(struct front_rule *rule, const char *text, struct error *err)
{
    rule->pair.a = rule->pair.b = BALLOT_NOBODY;
    if (!text)
        return rule->pair.is_one_vote ? error_set(err, EXIT_USAGE, 0,
                                                  "--diverse: which two are of one build? (--pair)")
                                      : 0;
    size_t length = strcspn(text, ",");
    const char *other = text[length] ? text + length + 1 : "";
    rule->pair.a = seat_find(rule->seat, rule->replicas, text, length);
    rule->pair.b = seat_find(rule->seat, rule->replicas, other, strlen(other));
    if (rule->pair.a == BALLOT_NOBODY || rule->pair.b == BALLOT_NOBODY ||
        rule->pair.a == rule->pair.b)
        return error_set(err, EXIT_USAGE, 0,
                         "--pair %s: not two of the replicas (web-1,web-2, or 1,2)", text);
    return 0;
}

/* ---- the rest ---- */

static int read_headers(struct front_rule *rule, const struct cmd_line *line, struct error *err)
{
    size_t count = sizeof USUAL / sizeof *USUAL;
    const char *name;
    memcpy(rule->header, USUAL, sizeof USUAL);
    for (size_t at = 0; (name = cmd_next(line, "header", &at));) {
        if (count == FRONT_HEADERS || strpbrk(name, ": \t\r\n") || !*name)
            return error_set(err, EXIT_USAGE, 0,
                             "--header %s: not the name of a header, or one too many", name);
        rule->header[count++] = name;
    }
    return 0;
}

static int read_bounds(struct front_rule *rule, const struct cmd_line *line, struct error *err)
{
    uint64_t connections;
    if (parse_duration("--timeout", value_or(line, "timeout", TIMEOUT), &rule->timeout, err) < 0 ||
        parse_duration("--lag", value_or(line, "lag", LAG), &rule->lag, err) < 0 ||
        parse_size("--body", value_or(line, "body", BODY), &rule->body, err) < 0 ||
        parse_u64("--connections", value_or(line, "connections", CONNECTIONS), 1, 10000,
                  &connections, err) < 0)
        return -1;
    rule->connections = (unsigned)connections;
    if (rule->timeout == 0 || rule->timeout > 3600 * NS_PER_S)
        return error_set(err, EXIT_USAGE, 0, "--timeout: not between 1ns and 1h");
    if (rule->body > (1ULL << 30))
        return error_set(err, EXIT_USAGE, 0, "--body: at most 1GiB");
    return 0;
}

static int read_rule(struct front_rule *rule, const struct cmd_line *line, struct error *err)
{
    const char *listen = cmd_value(line, &verb_vote, "listen");
    if (!listen)
        return error_set(err, EXIT_USAGE, 0, "--listen is missing (--listen 127.0.0.1:8080)");
    if (metrics_address(listen, &rule->listen, err) < 0)
        return error_context(err, "--listen");
    rule->pair.is_one_vote = cmd_has(line, &verb_vote, "diverse");
    if (read_replicas(rule, line, err) < 0 ||
        read_pair(rule, cmd_value(line, &verb_vote, "pair"), err) < 0 ||
        read_headers(rule, line, err) < 0)
        return -1;
    return read_bounds(rule, line, err);
}

/* Who sits where may have changed. What is wrong with the file is said, and nothing changes. */
static void read_again(struct front *front, const struct front_rule *rule, const char *file)
{
    struct error err;
    struct seat seat[BALLOT_REPLICAS];
    size_t count;
    if (seats_read(file, seat, &count, &err) < 0)
        log_warn("%s (the replicas stay as they were)", err.text);
    else if (count != rule->replicas)
        log_warn("%s: %zu replicas, not %zu (they stay as they were; start the front anew)", file,
                 count, rule->replicas);
    else
        log_info("%s: %zu of %zu replicas have changed", file, front_change(front, seat), count);
}

static int serve(const struct front_rule *rule, const char *file, const sigset_t *signals,
                 struct error *err)
{
    int number;
    struct front *front = front_open(rule, err);
    if (!front)
        return -1;
    log_info("voting on port %u: %zu replicas, of which %zu may be compromised", front_port(front),
             rule->replicas, (rule->replicas - 1) / 2);
    while (sigwait(signals, &number) == 0 && number == SIGHUP)
        read_again(front, rule, file);
    front_close(front);
    return EXIT_DONE;
}

static int run(const struct cmd_line *line, struct error *err)
{
    struct front_rule rule = {0};
    sigset_t signals;
    const char *file = cmd_value(line, &verb_vote, "replicas");
    autofree char *socket = ask_socket(cmd_value(line, &verb_vote, "socket"));
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (file)
        sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* before any thread: all of them inherit it */
    signal(SIGPIPE, SIG_IGN);
    rule.socket = cmd_has(line, &verb_vote, "alone") ? NULL : socket;
    if (read_rule(&rule, line, err) < 0)
        return -1;
    return serve(&rule, file, &signals, err);
}

const struct verb verb_vote = {
    .name = "vote",
    .summary = "put every answer of a service to the vote of its replicas (a front)",
    .operands = "",
    .description =
        "A reverse proxy for HTTP/1.1 that sends each request to all replicas of a service and gives\n"
        "on the answer that most of them give. What a minority says never reaches a client: it is\n"
        "logged and told to the daemon, which then believes more of that replica that it is\n"
        "compromised. Without a majority the client gets 502.\n\n"
        "Two replicas of the same build (--pair) tell what is noise: times, ids and tokens, in which\n"
        "answers differ anyway.\n\n"
        "Where replicas are replaced, name them in a file (--replicas), and send SIGHUP when it has\n"
        "changed: the replica of a line takes the place of the one that was in that line before.",
    .example =
        "  skink vote --listen 127.0.0.1:8080 --pair web-1,web-2 --replica web-1=10.0.0.2:80 \\\n"
        "      --replica web-2=10.0.0.3:80 --replica web-3=10.0.0.4:80",
    .options = OPTIONS,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
