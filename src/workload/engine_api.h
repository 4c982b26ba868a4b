/* One Engine API socket, Docker's or Podman's, watched in a thread of its own. */
#ifndef SKINK_WORKLOAD_ENGINE_API_H
#define SKINK_WORKLOAD_ENGINE_API_H

#include "workload/registry.h"

struct engine_api;

/* Borrows everything; stop_fd becomes readable when the thread is to end. */
struct engine_api *engine_api_start(enum workload_engine engine, const char *socket,
                                    const struct workload_options *options,
                                    struct registry *registry, int stop_fd, struct error *err);

/* Tells the thread that registry_asked has something for it. Does not wait. */
void engine_api_wake(struct engine_api *api);

/* Waits for the thread, which ends at once when stop_fd is readable. */
void engine_api_join(struct engine_api *api);

#endif
