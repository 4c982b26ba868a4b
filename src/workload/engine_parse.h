/* What the Docker Engine API answers (https://docs.docker.com/engine/api/v1.41/), Podman's too. */
#ifndef SKINK_WORKLOAD_ENGINE_PARSE_H
#define SKINK_WORKLOAD_ENGINE_PARSE_H

#include "workload/classify.h"

/* More containers than any host runs; what an engine lists beyond is left out. */
#define WORKLOADS_MAX 4096

typedef char container_id[65];

/* GET /containers/json: the ids in it, to be freed by the caller. -1: it is no list. */
int engine_parse_list(const char *text, size_t size, container_id **ids, size_t *count,
                      struct error *err);

/* GET /containers/ID/json. workload.pid is 0 when it does not run. The engine is left alone. */
int engine_parse_inspect(const char *text, size_t size, struct description *description,
                         struct error *err);

enum engine_action {
    ACTION_OTHER,  /* nothing that concerns us */
    ACTION_CREATE, /* described, without a cgroup yet */
    ACTION_START,
    ACTION_DIE, /* ended, may start again */
    ACTION_REMOVE,
};

/* One line of GET /events. */
int engine_parse_event(const char *text, size_t size, enum engine_action *action, container_id id,
                       struct error *err);

#endif
