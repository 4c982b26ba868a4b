/*
 * The control socket: a unix stream socket on which the agent answers its verbs and streams alerts.
 * One line of JSON asks ({"verb": "status"}), one line of JSON answers ({"ok": true, …} or
 * {"error": "what: why"}). {"verb": "alerts", "follow": true} is answered like the others, and from
 * then on every alert follows as a line of its own.
 */
#ifndef SKINK_AGENT_CONTROL_H
#define SKINK_AGENT_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "agent/control_peer.h"
#include "base/error.h"

#define CONTROL_CLIENTS 16          /* connections at a time; one more is told so and closed */
#define CONTROL_REQUEST (64 * 1024) /* bytes in a request line */
#define CONTROL_PENDING (4 * 1024 * 1024) /* bytes that a client may leave unread, else dropped */
#define CONTROL_IDLE_S  60                /* seconds without a request; followers may stay longer */
#define CONTROL_WAIT_S  5                 /* seconds that control_ask waits for an answer */

/* ---- the agent's side ---- */

struct control;

/*
 * Answers one request, which is an object with a string "verb". "by" in it says who asks, with
 * "uid" and "pid", whatever he wrote there himself. Returns a new reply; control adds nothing to
 * it. NULL: control answers that there is no such verb.
 */
typedef json_t *(*control_handler)(void *context, const struct control_peer *peer,
                                   const json_t *request);

/*
 * Listens on path: the directory is made (0755) when missing, the socket is 0660, owned by group
 * (NULL: root). operators: the group whose members may change something, or NULL. A socket that
 * nobody answers on is replaced; one on which another agent answers is left to it and refused.
 * event is borrowed.
 */
struct control *control_open(sd_event *event, const char *path, const char *group,
                             const char *operators, control_handler handler, void *context,
                             struct error *err);

/* One alert to every follower. Never blocks: who does not keep up is dropped. Borrows alert. */
void control_broadcast(struct control *control, const json_t *alert);

/* Connections that were refused since there were too many. NULL is allowed. */
uint64_t control_refused(const struct control *control);

/* Closes all connections and removes the socket. NULL is allowed. */
void control_close(struct control *control);

/* ---- the verbs' side ---- */

/* Asks and waits. *reply is new, {"ok": true, …}; an "error" in the reply becomes err. */
int control_ask(const char *path, const json_t *request, json_t **reply, struct error *err);

/* One answer of a stream; false ends it. */
typedef bool (*control_listener)(void *context, const json_t *answer);

/*
 * Asks and hands first the reply, then every line that follows to listener, without a time limit.
 * 0: the listener ended it. -1: error, or the agent went away.
 */
int control_follow(const char *path, const json_t *request, control_listener listener,
                   void *context, struct error *err);

#endif
