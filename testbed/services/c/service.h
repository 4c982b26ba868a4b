/* What the compiled services share: a server, the trace of a request, calls to others. */
#pragma once
#include <jansson.h>

struct request {
    const char *method, *path;
    json_t *body; /* NULL: none, or no JSON */
    char trace[33];
};

/* Returns the answer, whose ownership goes to the caller, and sets the status (200 unless set). */
typedef json_t *handler(const struct request *request, int *status);

/* The parameters of a GET are in body, too. Ends at SIGTERM; returns the exit code. */
int serve(handler *handle);

/* GET of another service as a part of the request's trace; NULL when it does not answer with JSON.
 */
json_t *call(const struct request *request, const char *service, const char *path);
