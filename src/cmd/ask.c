#include "cmd/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/control.h"
#include "base/cleanup.h"
#include "base/memory.h"

char *ask_socket(const char *option)
{
    struct error ignored; /* who may use the socket need not be one who may read the file */
    if (option)
        return memory_must(strdup(option));
    struct config *config = config_load(CONFIG_PATH, &ignored);
    if (!config)
        config = config_default();
    char *path = memory_must(strdup(config->socket));
    config_free(config);
    return path;
}

int ask_daemon(const struct cmd_line *line, const struct verb *verb, json_t *request,
               json_t **reply, struct error *err)
{
    autofree char *socket = ask_socket(cmd_value(line, verb, "socket"));
    int asked = control_ask(socket, request, reply, err);
    json_decref(request);
    return asked;
}

void ask_print_line(const json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
}

void ask_print_document(const json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    putchar('\n');
}

const char *ask_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

json_int_t ask_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

double ask_real(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}
