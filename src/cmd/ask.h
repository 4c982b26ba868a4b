/* What the verbs that ask the daemon share. */
#ifndef SKINK_CMD_ASK_H
#define SKINK_CMD_ASK_H

#include <jansson.h>

#include "cmd/cmd.h"

#define ASK_SOCKET_OPTION                                                                     \
    {                                                                                         \
        "socket", 's', "PATH", "ask the daemon on this socket (default: the configuration's)" \
    }

/* The socket to ask on: the option's value, else what the configuration of this host says (when it
 * can be read), else the default. Caller frees. */
char *ask_socket(const char *option);

/* Asks the daemon that the line's --socket names. Takes over the request; the reply is a new
 * reference. 0 or -1 (err). */
int ask_daemon(const struct cmd_line *line, const struct verb *verb, json_t *request,
               json_t **reply, struct error *err);

/* An object of an answer on standard output: on a line of its own, or as a document. */
void ask_print_line(const json_t *object);
void ask_print_document(const json_t *object);

/* Members of a JSON object; what is missing or of another type is "" and 0. object may be NULL. */
const char *ask_text(const json_t *object, const char *name);
json_int_t ask_number(const json_t *object, const char *name);
double ask_real(const json_t *object, const char *name);

#endif
