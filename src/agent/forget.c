/* A profile is removed while the daemon has it: the service is learned anew from this moment on. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/state.h"
#include "base/log.h"

static bool same_directory(const char *one, const char *other)
{
    struct stat a;
    struct stat b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static struct service *by_file(const struct agent *agent, const char *file)
{
    struct service *service = agent->services;
    while (service && strcmp(strrchr(service->path, '/') + 1, file) != 0)
        service = service->next;
    return service;
}

/* Nothing that was judged by the old profile is left. */
static void begin_anew(struct agent *agent, struct watched *watched)
{
    watched->learns_start = watched->starting = false;
    watched->recent_count = watched->facts_count = 0;
    watched->facts_held_back = false;
    free(watched->last_words);
    watched->last_words = NULL;
    probe_novelties_forget(agent->probe, watched->index);
}

static int forget(struct agent *agent, struct service *service, struct error *err)
{
    uint32_t table;
    struct service_room room = agent_room(agent);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->service == service)
            alerts_close(agent, agent->watched[i]);
    siblings_end(agent, service);
    if (service_forget(&room, service, &table, err) < 0)
        return -1;
    replicas_apply(agent, service);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->service == service)
            begin_anew(agent, agent->watched[i]);
    probe_table_free(agent->probe, &table, 1);
    return 0;
}

static void tell(const struct agent *agent, const struct service *service, json_t *by)
{
    json_t *body =
        json_pack("{s:s,s:s,s:O}", "service", service->name, "version", service->version, "by", by);
    sealed_write(agent->sealed, "forgotten", body);
    json_decref(body);
    log_info("%s, version %s: its profile was removed; it is learned anew", service->name,
             service->version);
}

json_t *forget_answer(struct agent *agent, const json_t *request)
{
    struct error err;
    const char *state_dir = json_string_value(json_object_get(request, "state_dir"));
    const char *file = json_string_value(json_object_get(request, "file"));
    if (!state_dir || !file)
        return json_pack("{s:s}", "error", "forget: state_dir and file are texts");
    if (!same_directory(state_dir, agent->config->state_dir))
        return json_pack("{s:o}", "error",
                         json_sprintf("this daemon's state directory is %s, not %s (--socket names "
                                      "another one)",
                                      agent->config->state_dir, state_dir));
    struct service *service = by_file(agent, file);
    if (service && forget(agent, service, &err) < 0)
        return json_pack("{s:s}", "error", err.text);
    if (service)
        tell(agent, service, json_object_get(request, "by"));
    return json_pack("{s:b,s:b}", "ok", 1, "forgotten", service != NULL);
}
