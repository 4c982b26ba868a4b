/* What the daemon says of itself: the answers on its socket, and the metrics. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/refusing.h"
#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Memory of the process, in bytes. The maps' memory that it has mapped is counted with the maps. */
static double memory_bytes(void)
{
    unsigned long long total = 0;
    unsigned long long resident = 0;
    unsigned long long shared = 0;
    autofile FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%llu %llu %llu", &total, &resident, &shared) != 3)
        return 0;
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static const char *mode_name(enum replica_mode mode)
{
    static const char *const NAMES[] = {"off", "learning", "watching"};
    return NAMES[mode];
}

static json_t *accesses_json(const struct service *service)
{
    const struct growth *growth = &profile_accesses(service->profile)->growth;
    return json_pack("{s:s,s:I,s:I,s:I}", "mode", mode_name(service->accesses.mode), "count",
                     (json_int_t)profile_accesses_known(service->profile)->count, "steady",
                     (json_int_t)growth->in_a_row, "needed", (json_int_t)growth->rule.needed);
}

static uint64_t novelties(const struct replica_counters *counters)
{
    return counters->novelties[PATTERN_WINDOW] + counters->novelties[PATTERN_BAG];
}

static json_t *replica_json(const struct agent *agent, const struct watched *watched)
{
    const struct workload *workload = &watched->workload;
    const struct replica_counters *counters =
        &probe_replica(agent->probe, watched->index)->counters;
    const struct replica_losses *lost = &counters->lost;
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:I,s:s,s:b,s:b,s:b,s:I,s:I,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I}}", "id",
        workload->id, "name", workload->name, "engine", workload_engine_name(workload->engine),
        "pid", (json_int_t)workload->pid, "cgroup", watched->path, "ended", watched->ended,
        "start_seen", counters->starts > 0, "learning_start", watched->learns_start, "calls",
        (json_int_t)counters->calls, "novelties", (json_int_t)novelties(counters), "refused",
        refusing_json(counters), "lost", "reports", (json_int_t)lost->reports, "table",
        (json_int_t)lost->table, "storage", (json_int_t)lost->storage, "quota",
        (json_int_t)lost->quota, "process", (json_int_t)lost->process, "flows",
        (json_int_t)lost->flows, "paths", (json_int_t)lost->paths);
    health_tell(agent, watched, json);
    return json;
}

static json_t *service_json(const struct agent *agent, const struct service *service)
{
    char state[256];
    json_t *replicas = json_array();
    const struct growth *growth = profile_growth(service->profile);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->service == service)
            json_array_append_new(replicas, replica_json(agent, agent->watched[i]));
    json_t *json = json_pack("{s:s,s:s,s:s,s:s}", "service", service->name, "version",
                             service->version, "mode", mode_name(service->mode), "state",
                             profile_state(service->profile, state, sizeof state));
    json_t *numbers = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "windows",
        (json_int_t)profile_count(service->profile, PATTERN_WINDOW), "bags",
        (json_int_t)profile_count(service->profile, PATTERN_BAG), "laid_aside",
        (json_int_t)profile_aside(service->profile), "steady", (json_int_t)growth->in_a_row,
        "needed", (json_int_t)growth->rule.needed, "frame", (json_int_t)service->rule.frame,
        "frame_threshold", (json_int_t)service->rule.frame_threshold, "epoch",
        (json_int_t)service->rule.epoch, "epoch_threshold",
        (json_int_t)service->rule.epoch_threshold, "open_alerts", (json_int_t)service->open_alerts,
        "alerts", (json_int_t)service->alerts);
    json_object_update_new(json, numbers);
    json_object_set_new(json, "siblings", siblings_status(service));
    if (service->mode != MODE_OFF)
        json_object_set_new(json, "tolerance", tolerance_brief(agent, service->name));
    json_object_set_new(json, "accesses", accesses_json(service));
    json_object_set_new(json, "replicas", replicas);
    return json;
}

static json_t *engines_json(const struct agent *agent)
{
    json_t *engines = json_array();
    for (int i = 0; i < ENGINES; i++)
        if (agent->engine[i].seen)
            json_array_append_new(engines,
                                  json_pack("{s:s,s:b,s:s}", "name", workload_engine_name(i), "up",
                                            agent->engine[i].up, "why", agent->engine[i].why));
    return engines;
}

static json_t *sinks_json(const struct agent *agent)
{
    struct sink_health health;
    char why[ERROR_TEXT];
    sink_health(agent->sink, &health);
    uint64_t failures = saver_failures(agent->saver, why, sizeof why);
    return json_pack("{s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:s}", "written", (json_int_t)health.written,
                     "file_failures", (json_int_t)health.file_failures, "file_error",
                     health.file_error, "webhook_sent", (json_int_t)health.webhook_sent,
                     "webhook_dropped", (json_int_t)health.webhook_dropped, "stdout_dropped",
                     (json_int_t)health.stdout_dropped, "journal_dropped",
                     (json_int_t)health.journal_dropped, "profile_failures", (json_int_t)failures,
                     "profile_error", why);
}

static json_t *unrecognised_json(const struct agent *agent)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && !agent->watched[i]->service)
            json_array_append_new(list, json_string(agent->watched[i]->path));
    return list;
}

static json_t *status_json(struct agent *agent)
{
    char started[CLOCK_TEXT];
    autofree char *alert_file = config_alert_file(agent->config);
    json_t *services = json_array();
    for (const struct service *service = agent->services; service; service = service->next)
        json_array_append_new(services, service_json(agent, service));
    json_t *self = json_pack(
        "{s:s,s:i,s:s,s:f,s:f,s:f,s:I,s:i,s:i,s:I,s:I,s:s,s:o}", "version", SKINK_VERSION, "pid",
        (int)getpid(), "started", clock_format(clock_wall(agent->started), started), "uptime_s",
        (double)(clock_monotonic() - agent->started) / (double)NS_PER_S, "cpu_s", cpu_seconds(),
        "memory_bytes", memory_bytes(), "map_bytes", (json_int_t)probe_bytes(agent->probe),
        "window", (int)agent->config->window, "bag", (int)agent->config->bag, "lost_cgroups",
        (json_int_t)probe_lost_cgroups(agent->probe), "lost_runs",
        (json_int_t)probe_lost_runs(agent->probe), "state_dir", agent->config->state_dir,
        "alert_file", json_string(alert_file));
    return json_pack("{s:b,s:o,s:o,s:o,s:o,s:o,s:o}", "ok", 1, "agent", self, "engines",
                     engines_json(agent), "services", services, "unrecognised",
                     unrecognised_json(agent), "sinks", sinks_json(agent), "self",
                     self_json(agent));
}

static json_t *alerts_json(const struct agent *agent, const json_t *request)
{
    json_int_t wanted = json_integer_value(json_object_get(request, "last"));
    uint64_t count = agent->alerts_count < ALERTS_KEPT ? agent->alerts_count : ALERTS_KEPT;
    if (wanted > 0 && (uint64_t)wanted < count)
        count = (uint64_t)wanted;
    json_t *alerts = json_array();
    for (uint64_t i = agent->alerts_count - count; i < agent->alerts_count; i++)
        json_array_append(alerts, agent->alerts[i % ALERTS_KEPT].told);
    return json_pack("{s:b,s:o}", "ok", 1, "alerts", alerts);
}

static json_t *flows_json(const struct agent *agent)
{
    json_t *flows = json_array();
    const struct graph *graph = agent->flows ? flows_graph(agent->flows) : NULL;
    for (size_t i = 0; graph && i < graph_flows(graph); i++)
        json_array_append_new(flows,
                              graph_flow_json(graph, graph_flow(graph, i), clock_realtime()));
    return json_pack("{s:b,s:o}", "ok", 1, "flows", flows);
}

/* Everybody who reaches the socket may look; who may change something, the configuration says. */
static bool changes(const char *verb)
{
    static const char *const VERBS[] = {"undo", "approve", "accept", "forget"};
    for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
        if (strcmp(verb, VERBS[i]) == 0)
            return true;
    return false;
}

static json_t *refuse_change(const char *verb, const struct control_peer *peer)
{
    log_warn("%s was refused to user %u (pid %d)", verb, (unsigned)peer->uid, (int)peer->pid);
    return json_pack(
        "{s:o}", "error",
        json_sprintf("%s: refused to user %u (be root, or in the group that `operators` "
                     "in the configuration names)",
                     verb, (unsigned)peer->uid));
}

json_t *status_answer(void *context, const struct control_peer *peer, const json_t *request)
{
    struct agent *agent = context;
    const char *verb = json_string_value(json_object_get(request, "verb"));
    if (changes(verb) && !peer->operates)
        return refuse_change(verb, peer);
    if (strcmp(verb, "status") == 0)
        return status_json(agent);
    if (strcmp(verb, "alerts") == 0)
        return alerts_json(agent, request);
    if (strcmp(verb, "incidents") == 0)
        return incidents_answer(agent);
    if (strcmp(verb, "harm") == 0)
        return harm_answer(agent, request);
    if (strcmp(verb, "flows") == 0)
        return flows_json(agent);
    if (strcmp(verb, "tolerance") == 0)
        return tolerance_answer(agent, request);
    if (strcmp(verb, "plan") == 0)
        return response_plans(agent, request);
    if (strcmp(verb, "measures") == 0)
        return response_measures(agent);
    if (strcmp(verb, "undo") == 0)
        return response_undo(agent, request);
    if (strcmp(verb, "approve") == 0)
        return response_approve(agent, request);
    if (strcmp(verb, "accept") == 0)
        return accept_answer(agent, request);
    if (strcmp(verb, "forget") == 0)
        return forget_answer(agent, request);
    if (strcmp(verb, "dissent") == 0)
        return votes_answer(agent, request);
    return NULL;
}

/* ---- metrics ---- */

static void service_metrics(const struct agent *agent, FILE *out)
{
    metrics_family(out, "skink_patterns", "gauge", "Patterns in the profile of a service.");
    for (const struct service *s = agent->services; s; s = s->next) {
        metrics_sample(out, "skink_patterns", (double)profile_count(s->profile, PATTERN_WINDOW),
                       "service", s->name, "version", s->version, "kind", "window", NULL);
        metrics_sample(out, "skink_patterns", (double)profile_count(s->profile, PATTERN_BAG),
                       "service", s->name, "version", s->version, "kind", "bag", NULL);
    }
    metrics_family(out, "skink_learning", "gauge", "1 while the service is being learned.");
    for (const struct service *s = agent->services; s; s = s->next)
        metrics_sample(out, "skink_learning", s->mode == MODE_LEARN, "service", s->name, "version",
                       s->version, NULL);
    metrics_family(out, "skink_alerts_total", "counter", "Alerts raised since the agent started.");
    for (const struct service *s = agent->services; s; s = s->next)
        metrics_sample(out, "skink_alerts_total", (double)s->alerts, "service", s->name, "version",
                       s->version, NULL);
    metrics_family(out, "skink_alerts_open", "gauge", "Alerts that are open now.");
    for (const struct service *s = agent->services; s; s = s->next)
        metrics_sample(out, "skink_alerts_open", (double)s->open_alerts, "service", s->name,
                       "version", s->version, NULL);
}

/* One counter of every recognised replica. */
static void replica_metric(const struct agent *agent, FILE *out, const char *name, const char *help,
                           uint64_t (*value)(const struct replica_counters *))
{
    metrics_family(out, name, "counter", help);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *watched = agent->watched[i];
        if (watched && watched->service)
            metrics_sample(out, name, (double)value(&probe_replica(agent->probe, i)->counters),
                           "service", watched->service->name, "replica", watched->workload.name,
                           NULL);
    }
}

static uint64_t calls(const struct replica_counters *counters)
{
    return counters->calls;
}

static void loss_metrics(const struct agent *agent, FILE *out)
{
    metrics_family(out, "skink_lost_total", "counter", "What could not be seen or reported.");
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *watched = agent->watched[i];
        if (!watched || !watched->service)
            continue;
        const struct replica_losses *lost = &probe_replica(agent->probe, i)->counters.lost;
        const struct {
            const char *reason;
            uint64_t value;
        } rows[] = {{"reports", lost->reports}, {"quota", lost->quota},     {"table", lost->table},
                    {"storage", lost->storage}, {"process", lost->process}, {"flows", lost->flows},
                    {"paths", lost->paths}};
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            metrics_sample(out, "skink_lost_total", (double)rows[k].value, "service",
                           watched->service->name, "replica", watched->workload.name, "reason",
                           rows[k].reason, NULL);
    }
}

static void refused_metrics(const struct agent *agent, FILE *out)
{
    metrics_family(out, "skink_refused_total", "counter", "Calls that were refused to a replica.");
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *watched = agent->watched[i];
        if (watched && watched->service)
            metrics_sample(out, "skink_refused_total", (double)refusing_count(agent, watched),
                           "service", watched->service->name, "replica", watched->workload.name,
                           NULL);
    }
}

static void one(FILE *out, const char *name, const char *type, const char *help, double value)
{
    metrics_family(out, name, type, help);
    metrics_sample(out, name, value, NULL);
}

static void self_metrics(const struct agent *agent, FILE *out)
{
    struct sealed_health log;
    sealed_health(agent->sealed, &log);
    metrics_family(out, "skink_self_alarms_total", "counter", "Alarms about Skink itself.");
    for (int point = 0; point < SELF_POINTS; point++)
        metrics_sample(out, "skink_self_alarms_total", (double)self_count(agent->self, point),
                       "point", self_point_name(point), NULL);
    one(out, "skink_sealed_entries_total", "counter", "Entries of the sealed log.",
        (double)log.next);
    one(out, "skink_sealed_failures_total", "counter",
        "Entries of the sealed log that could not be written.",
        (double)(log.failures + log.dropped));
}

void status_metrics(void *context, FILE *out)
{
    const struct agent *agent = context;
    replica_metric(agent, out, "skink_calls_total", "System calls seen of a replica.", calls);
    replica_metric(agent, out, "skink_novelties_total",
                   "Distinct patterns that a replica showed and its profile lacked.", novelties);
    loss_metrics(agent, out);
    refused_metrics(agent, out);
    service_metrics(agent, out);
    response_metrics(agent, out);
    tolerance_metrics(agent, out);
    metrics_family(out, "skink_engine_up", "gauge", "1 while the container engine answers.");
    for (int i = 0; i < ENGINES; i++)
        if (agent->engine[i].seen)
            metrics_sample(out, "skink_engine_up", agent->engine[i].up, "engine",
                           workload_engine_name(i), NULL);
    one(out, "skink_lost_cgroups_total", "counter",
        "New cgroups that could not be watched from their first call.",
        (double)probe_lost_cgroups(agent->probe));
    one(out, "skink_lost_runs_total", "counter",
        "Runs of the probe that the kernel left out, since one was running on that processor.",
        (double)probe_lost_runs(agent->probe));
    self_metrics(agent, out);
    one(out, "skink_agent_cpu_seconds_total", "counter", "CPU time of the agent.", cpu_seconds());
    one(out, "skink_agent_memory_bytes", "gauge", "Resident memory of the agent.", memory_bytes());
    one(out, "skink_map_bytes", "gauge", "Kernel memory of the agent's maps.",
        (double)probe_bytes(agent->probe));
}
