/* What the verbs that ask the daemon share. */
#ifndef SKINK_CMD_ASK_H
#define SKINK_CMD_ASK_H

#include <jansson.h>

#define ASK_SOCKET_OPTION                                                                     \
    {                                                                                         \
        "socket", 's', "PATH", "ask the daemon on this socket (default: the configuration's)" \
    }

/* The socket to ask on: the option's value, else what the configuration of this host says (when it
 * can be read), else the default. Caller frees. */
char *ask_socket(const char *option);

/* Members of a JSON object; what is missing or of another type is "" and 0. object may be NULL. */
const char *ask_text(const json_t *object, const char *name);
json_int_t ask_number(const json_t *object, const char *name);
double ask_real(const json_t *object, const char *name);

#endif
