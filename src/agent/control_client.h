/* One connection to the control socket: request lines in, reply lines out, both bounded. */
#ifndef SKINK_AGENT_CONTROL_CLIENT_H
#define SKINK_AGENT_CONTROL_CLIENT_H

#include <stdbool.h>

#include "agent/control.h"

struct control_client;

/* Owns fd, a non-blocking socket whose other end is peer. answer is called for each well-formed
 * request and never returns NULL. A client that leaves, idles or does not read closes itself and is
 * then gone. */
struct control_client *control_client_new(sd_event *event, int fd, const struct control_peer *peer,
                                          control_handler answer, void *context);

bool control_client_gone(const struct control_client *client);

/* Has it asked to follow the alerts, and is it still here? */
bool control_client_follows(const struct control_client *client);

/* Sends one line (without its newline). */
void control_client_send(struct control_client *client, const char *line);

/* NULL is allowed. */
void control_client_free(struct control_client *client);

/*
 * The answer to one request line of peer, which is length bytes; *follow: the client follows from
 * now on. Never NULL. (Apart from a connection, so that it can be fed anything.)
 */
json_t *control_answer(const char *line, size_t length, const struct control_peer *peer,
                       control_handler answer, void *context, bool *follow);

#endif
