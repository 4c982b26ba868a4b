#include "respond/haproxy.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"

#define ANSWER_MAX (1u << 20)
#define COLUMNS    256

/* ---- asking ---- */

static int dial(const char *socket_path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path)
        return error_set(err, EXIT_USAGE, 0, "%s: too long for a socket", socket_path);
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot connect to the balancer at %s",
                         socket_path);
    return take_fd(fd);
}

/* Waits until the socket is ready; -1 when it is not before the deadline. */
static int await(int fd, short events, uint64_t deadline, const char *socket_path,
                 struct error *err)
{
    struct pollfd ready = {.fd = fd, .events = events};
    uint64_t now = clock_monotonic();
    int wait_ms = now < deadline ? (int)((deadline - now) / NS_PER_MS) + 1 : 0;
    if (poll(&ready, 1, wait_ms) > 0)
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "the balancer at %s does not answer in time",
                     socket_path);
}

static int receive(int fd, const char *socket_path, uint64_t deadline, FILE *answer,
                   struct error *err)
{
    char part[4096];
    size_t total = 0;
    for (;;) {
        if (await(fd, POLLIN, deadline, socket_path, err) < 0)
            return -1;
        ssize_t got = read(fd, part, sizeof part);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            return got < 0 ? error_set(err, EXIT_MACHINE, errno, "%s", socket_path) : 0;
        total += (size_t)got;
        if (total > ANSWER_MAX)
            return error_set(err, EXIT_MACHINE, 0, "%s: an answer has no end", socket_path);
        fwrite(part, 1, (size_t)got, answer);
    }
}

char *haproxy_ask(const char *socket_path, const char *command, uint64_t timeout_ns,
                  struct error *err)
{
    uint64_t deadline = clock_monotonic() + timeout_ns;
    autofree char *line = NULL;
    char *text = NULL;
    size_t size = 0;
    autoclose int fd = dial(socket_path, err);
    int length = fd < 0 ? -1 : asprintf(&line, "%s\n", command);
    if (length < 0)
        return NULL;
    if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length) {
        error_set(err, EXIT_MACHINE, errno, "%s: takes no command", socket_path);
        return NULL;
    }
    FILE *answer = memory_must(open_memstream(&text, &size));
    int outcome = receive(fd, socket_path, deadline, answer, err);
    fclose(answer);
    if (outcome == 0)
        return text;
    free(text);
    return NULL;
}

/* What a command that was done may say. */
static bool says_done(const char *answer)
{
    static const char *const DONE[] = {"New server", "IP changed", "port changed", "no need to"};
    for (size_t i = 0; i < sizeof DONE / sizeof *DONE; i++)
        if (strncmp(answer, DONE[i], strlen(DONE[i])) == 0)
            return true;
    return !*answer;
}

int haproxy_do(const char *socket_path, const char *command, uint64_t timeout_ns, struct error *err)
{
    autofree char *answer = haproxy_ask(socket_path, command, timeout_ns, err);
    if (!answer)
        return -1;
    answer[strcspn(answer, "\n")] = '\0';
    if (says_done(answer))
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "the balancer refuses \"%s\": %s", command, answer);
}

/* ---- "show stat": CSV with a first line of names ---- */

/* The next field of a line, unquoted; NULL after the last. */
static char *next_field(char **rest)
{
    char *field = *rest;
    if (!field)
        return NULL;
    char *end = strchr(field, ',');
    if (*field == '"' && (end = strchr(field + 1, '"'))) {
        field++;
        *end = '\0';
        end = strchr(end + 1, ',');
    }
    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return field;
}

enum column { PROXY, SERVER, STATUS, CHECK, SESSIONS, WEIGHT, ADDRESS, LATENCY, COLUMNS_USED };

/* Where the columns stand. */
static void read_heading(char *line, int place[COLUMNS_USED])
{
    static const char *const NAMES[] = {"pxname", "svname", "status", "check_status",
                                        "scur",   "weight", "addr",   "rtime"};
    const char *name;
    line += strspn(line, "# ");
    for (int i = 0; i < COLUMNS_USED; i++)
        place[i] = -1;
    for (int at = 0; (name = next_field(&line)); at++)
        for (int i = 0; i < COLUMNS_USED; i++)
            if (strcmp(name, NAMES[i]) == 0)
                place[i] = at;
}

static void read_row(char *line, const int place[COLUMNS_USED], const char *field[COLUMNS_USED])
{
    const char *text;
    for (int i = 0; i < COLUMNS_USED; i++)
        field[i] = "";
    for (int at = 0; at < COLUMNS && (text = next_field(&line)); at++)
        for (int i = 0; i < COLUMNS_USED; i++)
            if (place[i] == at)
                field[i] = text;
}

/* "10.0.0.1:80", "[::1]:80". */
static void take_address(const char *text, struct haproxy_server *server)
{
    const char *colon = strrchr(text, ':');
    const char *digits = colon ? colon + 1 : "";
    uint64_t port = 0;
    bool bracketed = *text == '[';
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (!parse_digits(&digits, digits + strlen(digits), 10, &port) || port > UINT16_MAX)
        port = 0;
    if (bracketed && length >= 2)
        text++, length -= 2;
    snprintf(server->address, sizeof server->address, "%.*s", (int)length, text);
    server->port = (uint16_t)port;
}

static uint64_t take_number(const char *text)
{
    uint64_t number;
    return parse_digits(&text, text + strlen(text), 10, &number) ? number : 0;
}

static void take_row(const char *const field[COLUMNS_USED], struct haproxy_server *server)
{
    *server = (struct haproxy_server){0};
    snprintf(server->name, sizeof server->name, "%s", field[SERVER]);
    take_address(field[ADDRESS], server);
    server->healthy = strncmp(field[CHECK], "L4OK", 4) == 0 ||
                      strncmp(field[CHECK], "L6OK", 4) == 0 ||
                      strncmp(field[CHECK], "L7OK", 4) == 0;
    server->drained = strncmp(field[STATUS], "DRAIN", 5) == 0;
    server->serves = !server->drained && strncmp(field[STATUS], "MAINT", 5) != 0;
    server->up = server->serves &&
                 (strncmp(field[STATUS], "UP", 2) == 0 || strcmp(field[STATUS], "no check") == 0);
    server->sessions = take_number(field[SESSIONS]);
    server->weight = take_number(field[WEIGHT]);
    server->latency_ms = take_number(field[LATENCY]);
}

bool haproxy_find(char *stat, const char *backend, const char *address, const char *name,
                  struct haproxy_server *server)
{
    int place[COLUMNS_USED];
    const char *field[COLUMNS_USED];
    char *rest = NULL;
    char *line = strtok_r(stat, "\n", &rest);
    if (!line)
        return false;
    read_heading(line, place);
    while ((line = strtok_r(NULL, "\n", &rest))) {
        read_row(line, place, field);
        if (strcmp(field[PROXY], backend) != 0)
            continue;
        take_row(field, server);
        if (strcmp(address ? server->address : server->name, address ? address : name) == 0)
            return true;
    }
    return false;
}
