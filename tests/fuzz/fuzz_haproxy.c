/* What a balancer answers: found or not, never beyond the text. */
#include <stdlib.h>
#include <string.h>

#include "respond/haproxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct haproxy_server server;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    haproxy_find(text, "shop", "10.77.0.2", NULL, &server);
    free(text);
    return 0;
}
