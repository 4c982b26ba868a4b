/* The requests that measures make to an engine's API. */
#ifndef SKINK_RESPOND_ENGINE_ASK_H
#define SKINK_RESPOND_ENGINE_ASK_H

#include <jansson.h>

#include "base/error.h"
#include "workload/http.h"

/* By which an engine declines. */
#define ENGINE_NO_SUCH  404 /* container; or the API does not have what was asked */
#define ENGINE_CONFLICT 409 /* the container is not in a state for that */
#define ENGINE_FAILED   500 /* from here on: what it has done is not known */

static inline void cleanup_http(struct http **http)
{
    http_free(*http);
}
#define autohttp __attribute__((cleanup(cleanup_http)))

/*
 * One request. 0, with the answer in *answer (or NULL) when it is JSON, else NULL; the status by
 * which the engine declines; or -1: it gives no answer. err is set unless 0.
 */
int engine_ask(struct http *http, const char *method, const char *path, const json_t *document,
               json_t **answer, struct error *err);

#endif
