#include "vote/front.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/parse.h"
#include "vote/dissent.h"
#include "vote/exchange.h"

#define IDLE_S      30U              /* that a client may be silent */
#define HEAD        ((size_t)65536)  /* bytes that libmicrohttpd has for a connection's head */
#define STACK       ((size_t)524288) /* bytes of a connection's thread */
#define REFUSE_TYPE "text/plain; charset=utf-8"

/* An exchange that nobody uses just now. */
struct spare {
    struct spare *next;
    struct exchange *exchange;
};

struct front {
    const struct front_rule *rule;
    struct MHD_Daemon *daemon;
    struct exchange_room room;
    struct dissent *dissent;
    pthread_mutex_t lock; /* of the spares */
    struct spare *spares;
};

/* ---- exchanges ---- */

static struct spare *take(struct front *front)
{
    pthread_mutex_lock(&front->lock);
    struct spare *spare = front->spares;
    if (spare)
        front->spares = spare->next;
    pthread_mutex_unlock(&front->lock);
    if (spare)
        return spare;
    spare = memory_must(calloc(1, sizeof *spare));
    spare->exchange = exchange_new(&front->room);
    return spare;
}

static void give_back(struct front *front, struct spare *spare)
{
    pthread_mutex_lock(&front->lock);
    spare->next = front->spares;
    front->spares = spare;
    pthread_mutex_unlock(&front->lock);
}

/* ---- answering ---- */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status,
                             struct MHD_Response *response)
{
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
    struct MHD_Response *response = memory_must(
        MHD_create_response_from_buffer(strlen(why), (void *)(size_t)why, MHD_RESPMEM_PERSISTENT));
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, REFUSE_TYPE);
    return queue(connection, status, response);
}

/* The head holds nothing but lines "name: value\n". */
static void add_head(struct MHD_Response *response, const struct answer *answer)
{
    if (answer->head.size == 0)
        return;
    char *end = answer->head.data + answer->head.size;
    for (char *line = answer->head.data, *next; line < end; line = next) {
        char *colon = strchr(line, ':');
        next = strchr(line, '\n');
        *colon = '\0';
        *next++ = '\0';
        MHD_add_response_header(response, line, colon + 2);
    }
}

static enum MHD_Result give_on(struct MHD_Connection *connection, const struct answer *answer)
{
    struct MHD_Response *response = memory_must(MHD_create_response_from_buffer(
        answer->body.size, answer->body.data, MHD_RESPMEM_MUST_COPY));
    add_head(response, answer);
    return queue(connection, answer->status, response);
}

static void tell(struct front *front, const struct request *request,
                 const struct exchange_outcome *outcome)
{
    char text[DISSENT_REQUEST];
    snprintf(text, sizeof text, "%s %s", request->method, request->target);
    for (size_t i = 0; i < front->rule->replicas; i++)
        if (outcome->vote[i] == VOTE_DISSENTS || outcome->vote[i] == VOTE_SILENT)
            dissent_note(front->dissent, i, outcome->name[i], outcome->vote[i] == VOTE_SILENT, text,
                         outcome->why[i]);
    if (!outcome->winner)
        dissent_note_split(front->dissent, text, outcome->support);
}

static enum MHD_Result put_to_vote(struct front *front, struct MHD_Connection *connection,
                                   const struct request *request)
{
    struct exchange_outcome outcome;
    struct spare *spare = take(front);
    exchange_run(spare->exchange, request, &outcome);
    tell(front, request, &outcome);
    enum MHD_Result result =
        outcome.winner ? give_on(connection, outcome.winner)
                       : refuse(connection, MHD_HTTP_BAD_GATEWAY,
                                "The replicas of this service do not agree on an answer.\n");
    give_back(front, spare);
    return result;
}

/* ---- requests ---- */

static enum MHD_Result on_field(void *context, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    (void)kind;
    request_field(context, name, value ? value : "");
    return MHD_YES;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Why a request is not put to the vote; NULL: it is. */
static const char *objection(const struct front *front, struct MHD_Connection *connection,
                             const struct request *request, unsigned *status)
{
    struct error err;
    uint64_t size = 0;
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    *status = MHD_HTTP_NOT_IMPLEMENTED;
    if (strcasecmp(request->method, MHD_HTTP_METHOD_CONNECT) == 0 ||
        strcasecmp(request->method, MHD_HTTP_METHOD_TRACE) == 0)
        return "CONNECT and TRACE cannot be put to the vote.\n";
    if (header(connection, MHD_HTTP_HEADER_UPGRADE))
        return "Other protocols, such as WebSocket, cannot be put to the vote.\n";
    *status = MHD_HTTP_BAD_REQUEST;
    if (request->target[0] != '/')
        return "The target must begin with a slash.\n";
    *status = MHD_HTTP_CONTENT_TOO_LARGE;
    if (length && parse_u64("length", length, 0, front->rule->body, &size, &err) < 0)
        return "The body is too long.\n";
    return NULL;
}

static enum MHD_Result begin(struct front *front, struct MHD_Connection *connection,
                             struct request *request, const char *method)
{
    unsigned status;
    request->method = memory_must(strdup(method));
    const char *why = objection(front, connection, request, &status);
    if (why)
        return refuse(connection, status, why);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, on_field, request);
    request_fields_end(request);
    return MHD_YES;
}

/* A chunked body that gets too long ends the connection: no answer may be given in its midst. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *size, void **place)
{
    struct front *front = context;
    struct request *request = *place;
    (void)url;
    (void)version;
    if (!request->method)
        return begin(front, connection, request, method);
    if (*size == 0)
        return put_to_vote(front, connection, request);
    bool fits = request_body(request, upload, *size, front->rule->body);
    *size = 0;
    return fits ? MHD_YES : MHD_NO;
}

/* The only place where libmicrohttpd has the target as the client wrote it. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    (void)connection;
    return request_new(target);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **place,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    request_free(*place);
    *place = NULL;
}

/* ---- opening and closing ---- */

struct front *front_open(const struct front_rule *rule, struct error *err)
{
    struct front *front = memory_must(calloc(1, sizeof *front));
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | (rule->listen.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    front->rule = rule;
    pthread_mutex_init(&front->lock, NULL);
    front->room = (struct exchange_room){.rule = rule,
                                         .seats = seats_new(rule->seat, rule->replicas),
                                         .noise = noise_new(),
                                         .aliases = aliases_new(),
                                         .standing = standing_new()};
    front->dissent = dissent_start(rule);
    errno = 0;
    front->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, front, MHD_OPTION_SOCK_ADDR, &rule->listen,
        MHD_OPTION_CONNECTION_LIMIT, rule->connections, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD, MHD_OPTION_THREAD_STACK_SIZE, STACK,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_LISTENING_ADDRESS_REUSE, 0U,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        NULL, MHD_OPTION_END);
    if (front->daemon)
        return front;
    error_set(err, EXIT_MACHINE, errno, "cannot listen (is the address in use?)");
    front_close(front);
    return NULL;
}

unsigned front_port(const struct front *front)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

size_t front_change(struct front *front, const struct seat *seat)
{
    bool changed[BALLOT_REPLICAS];
    size_t many = seats_change(front->room.seats, seat, changed);
    for (size_t i = 0; i < front->rule->replicas; i++)
        if (changed[i]) {
            aliases_forget(front->room.aliases, i);
            standing_forget(front->room.standing, i);
        }
    return many;
}

void front_close(struct front *front)
{
    if (!front)
        return;
    if (front->daemon)
        MHD_stop_daemon(front->daemon);
    dissent_stop(front->dissent);
    while (front->spares) {
        struct spare *spare = front->spares;
        front->spares = spare->next;
        exchange_free(spare->exchange);
        free(spare);
    }
    seats_free(front->room.seats);
    noise_free(front->room.noise);
    aliases_free(front->room.aliases);
    standing_free(front->room.standing);
    pthread_mutex_destroy(&front->lock);
    free(front);
}
