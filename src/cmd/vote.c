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
    {"pair", 0, "NAME,NAME", "two replicas of the same build, which tell what is noise"},
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

static size_t find_replica(const struct front_rule *rule, const char *name, size_t length)
{
    for (size_t i = 0; i < rule->replicas; i++)
        if (strlen(rule->replica[i].name) == length &&
            memcmp(rule->replica[i].name, name, length) == 0)
            return i;
    return BALLOT_NOBODY;
}

static int add_replica(struct front_rule *rule, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : 0;
    if (length == 0 || length >= FRONT_NAME || !strchr(equals, ':') ||
        strlen(equals + 1) >= FRONT_NAME)
        return error_set(err, EXIT_USAGE, 0,
                         "--replica %s: not a name and an address (web-1=10.0.0.2:8080)", text);
    if (find_replica(rule, text, length) != BALLOT_NOBODY)
        return error_set(err, EXIT_USAGE, 0, "--replica %s: there is one of this name", text);
    if (rule->replicas == BALLOT_REPLICAS)
        return error_set(err, EXIT_USAGE, 0, "--replica %s: one too many (at most %d)", text,
                         BALLOT_REPLICAS);
    struct front_replica *replica = &rule->replica[rule->replicas++];
    memcpy(replica->name, text, length);
    replica->address = memory_must(strdup(equals + 1));
    return 0;
}

static int read_replicas(struct front_rule *rule, const struct cmd_line *line, struct error *err)
{
    const char *text;
    for (size_t at = 0; (text = cmd_next(line, "replica", &at));)
        if (add_replica(rule, text, err) < 0)
            return -1;
    if (rule->replicas < 3)
        return error_set(err, EXIT_USAGE, 0,
                         "%zu replicas: a vote needs three (--replica NAME=HOST:PORT)",
                         rule->replicas);
    return 0;
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
    rule->pair.a = find_replica(rule, text, length);
    rule->pair.b = find_replica(rule, other, strlen(other));
    if (rule->pair.a == BALLOT_NOBODY || rule->pair.b == BALLOT_NOBODY ||
        rule->pair.a == rule->pair.b)
        return error_set(err, EXIT_USAGE, 0, "--pair %s: not two of the replicas (web-1,web-2)",
                         text);
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

static int serve(const struct front_rule *rule, const sigset_t *ends, struct error *err)
{
    int number;
    struct front *front = front_open(rule, err);
    if (!front)
        return -1;
    log_info("voting on port %u: %zu replicas, of which %zu may be compromised", front_port(front),
             rule->replicas, (rule->replicas - 1) / 2);
    sigwait(ends, &number);
    front_close(front);
    return EXIT_DONE;
}

static int run(const struct cmd_line *line, struct error *err)
{
    struct front_rule rule = {0};
    sigset_t ends;
    autofree char *socket = ask_socket(cmd_value(line, &verb_vote, "socket"));
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before any thread: all of them inherit it */
    signal(SIGPIPE, SIG_IGN);
    rule.socket = cmd_has(line, &verb_vote, "alone") ? NULL : socket;
    int code = read_rule(&rule, line, err) < 0 ? -1 : serve(&rule, &ends, err);
    for (size_t i = 0; i < rule.replicas; i++)
        free(rule.replica[i].address);
    return code;
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
        "answers differ anyway.",
    .example =
        "  skink vote --listen 127.0.0.1:8080 --pair web-1,web-2 --replica web-1=10.0.0.2:80 \\\n"
        "      --replica web-2=10.0.0.3:80 --replica web-3=10.0.0.4:80",
    .options = OPTIONS,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
