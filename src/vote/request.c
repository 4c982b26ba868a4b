#include "vote/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/memory.h"

struct request *request_new(const char *target)
{
    struct request *request = memory_must(calloc(1, sizeof *request));
    request->target = memory_must(strdup(target));
    return request;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    curl_slist_free_all(request->fields);
    free(request->method);
    free(request->target);
    free(request->body);
    free(request);
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcasecmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

static bool has_field(const struct request *request, const char *name)
{
    size_t length = strlen(name);
    for (const struct curl_slist *field = request->fields; field; field = field->next)
        if (strncasecmp(field->data, name, length) == 0 && strchr(":;", field->data[length]))
            return true;
    return false;
}

static void append(struct request *request, const char *line)
{
    request->fields = memory_must(curl_slist_append(request->fields, line));
}

void request_field(struct request *request, const char *name, const char *value)
{
    static const char *const OWN[] = {"connection",
                                      "keep-alive",
                                      "proxy-connection",
                                      "te",
                                      "trailer",
                                      "transfer-encoding",
                                      "content-length",
                                      "upgrade",
                                      "expect",
                                      "accept-encoding",
                                      "range",
                                      "if-range",
                                      "if-match",
                                      "if-none-match",
                                      "if-modified-since",
                                      "if-unmodified-since",
                                      NULL};
    autofree char *line = NULL;
    if (is_among(name, OWN))
        return;
    /* libcurl's way to say that there is nothing behind the colon */
    if (asprintf(&line, *value ? "%s: %s" : "%s;", name, value) < 0)
        memory_must(NULL);
    append(request, line);
}

void request_fields_end(struct request *request)
{
    append(request, "Accept-Encoding: identity");
    append(request, "Expect:");
    if (!has_field(request, "Accept"))
        append(request, "Accept:");
    if (!has_field(request, "Content-Type"))
        append(request, "Content-Type:");
    if (!has_field(request, "User-Agent"))
        append(request, "User-Agent:");
}

bool request_body(struct request *request, const char *data, size_t size, size_t limit)
{
    if (size > limit || request->size > limit - size)
        return false;
    if (request->size + size > request->room) {
        request->room = 2 * (request->size + size);
        request->body = memory_must(realloc(request->body, request->room));
    }
    memcpy(request->body + request->size, data, size);
    request->size += size;
    return true;
}

/* The text, translated or copied; caller frees. */
static char *translate(struct aliases *aliases, size_t replica, const char *text, bool *differs)
{
    char *translated = aliases_translate(aliases, replica, text, strlen(text));
    *differs |= translated != NULL;
    return translated ? translated : memory_must(strdup(text));
}

struct request *request_translate(const struct request *request, struct aliases *aliases,
                                  size_t replica)
{
    bool differs = false;
    struct request *own = memory_must(calloc(1, sizeof *own));
    own->method = memory_must(strdup(request->method));
    own->target = translate(aliases, replica, request->target, &differs);
    for (const struct curl_slist *field = request->fields; field; field = field->next) {
        autofree char *line = translate(aliases, replica, field->data, &differs);
        append(own, line);
    }
    own->body = request->size > 0
                    ? aliases_translate(aliases, replica, request->body, request->size)
                    : NULL;
    differs |= own->body != NULL;
    if (!differs) {
        request_free(own);
        return NULL;
    }
    own->size = request->size;
    if (request->size > 0 && !own->body) {
        own->body = memory_must(malloc(request->size));
        memcpy(own->body, request->body, request->size);
    }
    return own;
}
