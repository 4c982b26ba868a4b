#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/refusing.h"
#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define TICK_NS (250 * NS_PER_MS)

struct service_room agent_room(struct agent *agent)
{
    return (struct service_room){
        .probe = agent->probe, .saver = agent->saver, .config = agent->config};
}

/* ---- what happens ---- */

static void on_report(void *context, const struct report *report)
{
    struct agent *agent = context;
    if (!canary_heard(agent->canary, report))
        replicas_report(agent, report);
}

static void on_access(void *context, const struct access_event *event)
{
    accesses_report(context, event);
}

static void on_process(void *context, const struct process_event *event)
{
    struct agent *agent = context;
    process_note(agent->processes, event);
    agent->joined |= event->head.kind == EVENT_JOINED;
}

static void on_cgroup(void *context, const struct cgroup_event *event)
{
    replicas_cgroup(context, event);
}

static void on_flow(void *context, const struct flow_key *key, const struct flow_value *value)
{
    struct agent *agent = context;
    (void)key, (void)value;
    if (agent->flows)
        flows_told(agent->flows);
}

static int on_probe(sd_event_source *source, int fd, uint32_t events, void *context)
{
    struct agent *agent = context;
    (void)source, (void)fd, (void)events;
    if (probe_consume(agent->probe, agent->err) < 0)
        return sd_event_exit(agent->event, EXIT_FAILURE);
    self_beat(agent);
    return 0;
}

static void on_engine(struct agent *agent, const struct workload_event *event)
{
    struct engine_state *engine = &agent->engine[event->workload.engine];
    const char *name = workload_engine_name(event->workload.engine);
    engine->seen = true;
    engine->up = event->change == WORKLOAD_ENGINE_UP;
    memcpy(engine->why, engine->up ? "" : event->why, engine->up ? 1 : sizeof engine->why);
    if (engine->up)
        log_info("engine %s answers", name);
    else
        log_warn("engine %s does not answer: %s (its running containers stay watched)", name,
                 event->why);
}

static int on_workloads(sd_event_source *source, int fd, uint32_t events, void *context)
{
    struct agent *agent = context;
    struct workload_event event;
    (void)source, (void)fd, (void)events;
    while (workload_next(agent->workloads, &event)) {
        if (event.change == WORKLOAD_STARTED)
            replicas_workload(agent, &event.workload);
        else if (event.change != WORKLOAD_STOPPED) /* what has stopped, the kernel says */
            on_engine(agent, &event);
    }
    return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *context)
{
    struct agent *agent = context;
    uint64_t now = clock_monotonic();
    (void)usec;
    replicas_tick(agent, now, now - agent->ticked);
    accesses_tick(agent, now - agent->ticked);
    alerts_tick(agent, now);
    response_tick(agent, now);
    bool looked = flows_tick(agent, now);
    if (looked)
        refusing_tick(agent);
    incidents_tick(agent, looked);
    health_tick(agent, now);
    tolerance_tick(agent, now);
    self_tick(agent, now);
    agent->ticked = now;
    uint64_t lost = probe_lost_cgroups(agent->probe);
    if (lost > agent->lost_cgroups_told)
        log_warn("%llu new cgroups could not be watched from their first call",
                 (unsigned long long)(lost - agent->lost_cgroups_told));
    agent->lost_cgroups_told = lost;
    sd_event_source_set_time_relative(source, TICK_NS / 1000);
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

/* ---- starting and stopping ---- */

/* Workloads that no engine knows: told to the watch, and to the probe, which must know before the
 * cgroup appears from when on its calls count. */
static int name_extras(struct agent *agent, struct workload_extra *extras, struct error *err)
{
    const struct config *config = agent->config;
    for (size_t i = 0; i < config->extra_count; i++) {
        const struct extra_workload *extra = &config->extras[i];
        autofree char *path = NULL;
        extras[i] = (struct workload_extra){.cgroup = extra->cgroup,
                                            .unit = extra->unit,
                                            .service = extra->service,
                                            .version = extra->version};
        int made = extra->cgroup
                       ? asprintf(&path, "/%s", extra->cgroup + strspn(extra->cgroup, "/"))
                       : asprintf(&path, "/system.slice/%s", extra->unit);
        if (made < 0)
            abort();
        if (probe_expect(agent->probe, path, extra->cgroup ? ENTRY_JOIN : ENTRY_EXEC, err) < 0)
            return -1;
    }
    return 0;
}

static int start_workloads(struct agent *agent, struct error *err)
{
    const struct config *config = agent->config;
    autofree struct workload_extra *extras =
        memory_must(calloc(config->extra_count + 1, sizeof *extras));
    if (name_extras(agent, extras, err) < 0)
        return -1;
    const struct workload_options options = {
        .hierarchy = agent->hierarchy,
        .docker_socket = config->docker_socket,
        .podman_socket = config->podman_socket,
        .lxc_path = config->lxc_path,
        .oci_roots = (const char *const *)config->oci_roots,
        .rules = config->rules,
        .rule_count = config->rule_count,
        .compose_projects = config->compose_projects,
        .extras = extras,
        .extra_count = config->extra_count,
    };
    agent->workloads = workload_watch_start(&options, err);
    if (!agent->workloads)
        return -1;
    int failed = sd_event_add_io(agent->event, &agent->workload_source,
                                 workload_fd(agent->workloads), EPOLLIN, on_workloads, agent);
    return failed < 0 ? error_set(err, EXIT_MACHINE, -failed, "event loop") : 0;
}

static void stop_workloads(struct agent *agent)
{
    agent->workload_source = sd_event_source_unref(agent->workload_source);
    workload_watch_stop(agent->workloads);
    agent->workloads = NULL;
}

static int open_sink(struct agent *agent, struct error *err)
{
    const struct config *config = agent->config;
    autofree char *file = config_alert_file(config);
    const struct sink_options options = {
        .file = file,
        .to_stdout = config->alert_stdout,
        .to_journal = config->alert_journal,
        .webhook = config->webhook,
    };
    agent->sink = sink_open(&options, err);
    return agent->sink ? 0 : -1;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What only a restart changes. */
static void keep_fixed(const struct config *old, struct config *new)
{
    if (old->sandbox && config_starts_programs(new) && !config_starts_programs(old))
        log_warn("%s: the programs of its measures run without some of root's rights until the "
                 "next start",
                 new->path);
    if (old->window != new->window || old->bag != new->bag || old->quota != new->quota ||
        old->flows != new->flows || old->files != new->files || old->sandbox != new->sandbox ||
        !same_text(old->state_dir, new->state_dir) || !same_text(old->socket, new->socket) ||
        !same_text(old->listen, new->listen) || !same_text(old->group, new->group) ||
        !same_text(old->operators, new->operators))
        log_warn(
            "%s: window, bag, quota, flows, files, sandbox, state_dir, socket, group, operators and listen change with the next "
            "start",
            new->path);
    new->window = old->window;
    new->bag = old->bag;
    new->quota = old->quota;
    new->flows = old->flows;
    new->files = old->files;
    new->sandbox = old->sandbox;
    free(new->state_dir);
    new->state_dir = memory_must(strdup(old->state_dir));
}

/* Starts, ends and other settings are part of the sealed log. */
static void seal_event(const struct agent *agent, const char *kind)
{
    const struct config *config = agent->config;
    json_t *body = json_pack("{s:s,s:i,s:s}", "version", SKINK_VERSION, "pid", (int)getpid(),
                             "configuration", config->path ? config->path : "");
    sealed_write(agent->sealed, kind, body);
    json_decref(body);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
    struct agent *agent = context;
    struct error err;
    (void)source, (void)info;
    struct config *old = agent->config;
    struct config *new = old->path ? config_load(old->path, &err) : config_default();
    if (!new) {
        log_warn("%s; the configuration stays as it was", err.text);
        return 0;
    }
    keep_fixed(old, new);
    sandbox_paths_tell(agent->reached, new);
    stop_workloads(agent); /* the rules and names that it borrows are the old ones */
    agent->config = new;
    struct sink *sink = agent->sink;
    if (open_sink(agent, &err) == 0) {
        sink_close(sink);
    } else {
        agent->sink = sink;
        log_warn("%s; alerts go where they went", err.text);
    }
    config_free(old);
    replicas_configure(agent);
    tolerance_configure(agent);
    hand_configure(agent->hand);
    if (start_workloads(agent, agent->err) < 0)
        return sd_event_exit(agent->event, EXIT_FAILURE);
    log_info("configuration read again");
    seal_event(agent, "settings");
    return 0;
}

static int open_event(struct agent *agent, struct error *err)
{
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGHUP);
    sigaddset(&handled, SIGCHLD);
    sigprocmask(SIG_BLOCK, &handled, NULL); /* before any thread: all of them inherit it */
    signal(SIGPIPE, SIG_IGN);
    int failed = sd_event_new(&agent->event);
    if (failed >= 0)
        failed = sd_event_add_signal(agent->event, NULL, SIGTERM, NULL, NULL);
    if (failed >= 0)
        failed = sd_event_add_signal(agent->event, NULL, SIGINT, NULL, NULL);
    if (failed >= 0)
        failed = sd_event_add_signal(agent->event, NULL, SIGHUP, on_reload, agent);
    if (failed >= 0)
        failed = sd_event_add_time_relative(agent->event, NULL, CLOCK_MONOTONIC, TICK_NS / 1000,
                                            1000, on_tick, agent);
    return failed < 0 ? error_set(err, EXIT_MACHINE, -failed, "event loop") : 0;
}

static int make_state_dir(const struct config *config, struct error *err)
{
    autofree char *profiles = NULL;
    if (asprintf(&profiles, "%s/profiles", config->state_dir) < 0)
        abort();
    if ((mkdir(config->state_dir, 0750) != 0 && errno != EEXIST) ||
        (mkdir(profiles, 0750) != 0 && errno != EEXIST))
        return error_set(err, EXIT_USAGE, errno, "state directory %s", config->state_dir);
    return 0;
}

static int open_probe(struct agent *agent, struct error *err)
{
    const struct cgroup_hierarchy *hierarchy = &agent->hierarchy;
    struct probe_options options = {
        .window = agent->config->window,
        .bag = agent->config->bag,
        .controller = hierarchy->v2 ? NULL : hierarchy->controller,
        .hierarchy = hierarchy->id,
        .quota = agent->config->quota,
        .newcomers = true,
        .flows = agent->config->flows,
        .files = agent->config->files,
    };
    const struct probe_hooks hooks = {.report = on_report,
                                      .process = on_process,
                                      .cgroup = on_cgroup,
                                      .flow = on_flow,
                                      .access = on_access,
                                      .has_gone = replicas_has_gone,
                                      .context = agent};
    sd_event_source *source;
    agent->probe = probe_open(&options, &hooks, err);
    if (!agent->probe && options.flows) { /* is it these that the kernel refuses? */
        log_warn("%s; tried again without flows", err->text);
        options.flows = false;
        agent->probe = probe_open(&options, &hooks, err);
    }
    if (!agent->probe)
        return -1;
    int failed =
        sd_event_add_io(agent->event, &source, probe_fd(agent->probe), EPOLLIN, on_probe, agent);
    if (failed < 0)
        return error_set(err, EXIT_MACHINE, -failed, "event loop");
    sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT); /* before everything else */
    sd_event_source_set_floating(source, true);
    sd_event_source_unref(source);
    return 0;
}

/* Where no cgroup can be made there is no canary; everything else works. */
static void cage_canary(struct agent *agent)
{
    struct error err;
    if (canary_cage(agent->canary, &agent->hierarchy, &err) < 0)
        log_warn("%s; no canary", err.text);
}

static void watch_canary(struct agent *agent)
{
    struct error err;
    if (canary_watch(agent->canary, agent->probe, &err) < 0)
        log_warn("%s; no canary", err.text);
}

/* What is left out since the kernel lacks it is said, and works against nobody but an intruder. */
static int enter_sandbox(struct agent *agent, struct error *err)
{
    const struct config *config = agent->config;
    if (!config->sandbox)
        return 0;
    agent->reached = sandbox_paths(config, &agent->hierarchy);
    if (sandbox_enter(&agent->sandbox, agent->reached, err) < 0)
        return -1;
    if (agent->sandbox.why[0])
        log_warn("sandbox: not in force: %s", agent->sandbox.why);
    return 0;
}

/* What takes rights; there is one thread alone. */
static int start_with_rights(struct agent *agent, char *const *command, struct error *err)
{
    const struct config *config = agent->config;
    if (open_event(agent, err) < 0 || make_state_dir(config, err) < 0 ||
        cgroup_hierarchy_find(&agent->hierarchy, err) < 0)
        return -1;
    agent->flows = config->flows ? flows_new(config->state_dir) : NULL;
    agent->tolerance = tolerance_new();
    agent->health = health_new();
    agent->control = control_open(agent->event, config->socket, config->group, config->operators,
                                  status_answer, agent, err);
    if (!agent->control)
        return -1;
    if (config->listen) {
        agent->metrics = metrics_open(agent->event, config->listen, status_metrics, agent, err);
        if (!agent->metrics)
            return -1;
    }
    cage_canary(agent);
    if (open_probe(agent, err) < 0)
        return -1;
    refusing_load(agent);
    return command ? command_start(agent, command, err) : 0;
}

static int start(struct agent *agent, char *const *command, struct error *err)
{
    const struct config *config = agent->config;
    if (start_with_rights(agent, command, err) < 0 || enter_sandbox(agent, err) < 0 ||
        open_sink(agent, err) < 0)
        return -1;
    agent->sealed = sealed_start(config->state_dir, err);
    if (!agent->sealed)
        return -1;
    seal_event(agent, "start");
    agent->saver = saver_start();
    tolerance_recall(agent);
    if (incidents_open(agent, err) < 0 || response_open(agent, err) < 0)
        return -1;
    agent->processes = process_table_new(agent->hand);
    if (start_workloads(agent, err) < 0)
        return -1;
    watch_canary(agent);
    return 0;
}

static void stop(struct agent *agent)
{
    command_stop(agent);
    response_close(agent);
    if (agent->probe) {
        struct error ignored;
        probe_consume(agent->probe, &ignored);
        replicas_close(agent);
    }
    metrics_close(agent->metrics);
    control_close(agent->control);
    if (agent->workloads)
        stop_workloads(agent);
    probe_close(agent->probe);
    if (agent->sink)
        sink_close(agent->sink);
    if (agent->saver)
        tolerance_keep(agent);
    saver_stop(agent->saver);
    if (agent->sealed)
        seal_event(agent, "stop");
    sealed_stop(agent->sealed);
    self_free(agent->self);
    process_table_free(agent->processes);
    alerts_forget(agent);
    incidents_shut(agent);
    health_free(agent->health);
    tolerance_free(agent->tolerance);
    flows_free(agent->flows);
    canary_stop(agent->canary);
    hand_stop(agent->hand);
    sandbox_paths_free(agent->reached);
    free(agent->cannot_refuse);
    sd_event_unref(agent->event);
    config_free(agent->config);
    free(agent);
}

int agent_run(struct config *config, char *const *command, const struct guard *guard,
              struct error *err)
{
    struct agent *agent = memory_must(calloc(1, sizeof *agent));
    agent->config = config;
    agent->err = err;
    agent->self = self_new();
    agent->guard = guard ? *guard : (struct guard){.fd = -1};
    agent->canary = canary_start(guard);
    agent->hand = hand_start(config, err);
    agent->started = agent->ticked = agent->swept = clock_monotonic();
    int outcome = agent->hand ? start(agent, command, err) : -1;
    if (outcome == 0) {
        log_info("watching (pid %d); window %u, bag %u; profiles in %s", (int)getpid(),
                 config->window, config->bag, config->state_dir);
        sd_notify(0, "READY=1");
        if (guard)
            guard_beat(guard, true);
        outcome = sd_event_loop(agent->event) == 0 ? 0 : -1;
        sd_notify(0, "STOPPING=1");
    }
    stop(agent);
    return outcome;
}
