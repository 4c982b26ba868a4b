#include "respond/engine_ask.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"

int engine_ask(struct http *http, const char *method, const char *path, const json_t *document,
               json_t **answer, struct error *err)
{
    autofree char *body = NULL;
    size_t size = 0;
    autofree char *text = document ? memory_must(json_dumps(document, JSON_COMPACT)) : NULL;
    int status = http_send(http, method, path, text, &body, &size, err);
    if (status < 0)
        return -1;
    json_t *said = json_loadb(body, size, 0, NULL);
    if (status >= 300) {
        const char *message = json_string_value(json_object_get(said, "message"));
        error_set(err, EXIT_MACHINE, 0, "the engine answers %d: %.200s", status,
                  message ? message : "");
    } else if (answer) {
        *answer = json_incref(said);
    }
    json_decref(said);
    return status < 300 ? 0 : status;
}
