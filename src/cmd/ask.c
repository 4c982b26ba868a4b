#include "cmd/ask.h"

#include <string.h>
#include <unistd.h>

#include "agent/config.h"
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
