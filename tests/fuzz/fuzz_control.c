/* Request lines of the control socket: each has an answer, which is an object of one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *answer(void *context, const struct control_peer *peer, const json_t *request)
{
    (void)context;
    if (json_integer_value(json_object_get(json_object_get(request, "by"), "uid")) != peer->uid)
        abort();
    if (!json_string_value(json_object_get(request, "verb")))
        abort();
    return json_pack("{s:b, s:O}", "ok", 1, "request", request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct control_peer peer = {.uid = 1000};
    bool follow;
    json_t *reply = control_answer((const char *)data, size, &peer, answer, NULL, &follow);
    char *text = json_dumps(reply, JSON_COMPACT);
    if (!text || text[0] != '{' || strchr(text, '\n'))
        abort();
    if (follow && json_object_get(reply, "error"))
        abort();
    free(text);
    json_decref(reply);
    return 0;
}
