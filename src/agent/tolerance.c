#include "agent/tolerance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/evidence.h"
#include "agent/known.h"
#include "agent/rejuvenation.h"
#include "agent/response.h"
#include "agent/state.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define LOOKS 8 /* at the lives of replicas in one tick */

/* What is remembered of a service, also while none of its replicas runs. */
struct memory {
    struct memory *next;
    char name[PROFILE_NAME];
    struct evidence evidence;
    struct vulnerabilities known;
    struct interval weight; /* of known */
    uint64_t renewed;       /* replicas */
    bool looked_up, below;  /* known is up to date; it was under its floor when last looked at */
};

struct tolerance {
    struct memory *memories;
    struct known *known;
    uint64_t ticked;
    uint32_t looked_at; /* the replica whose life was looked at last */
    bool news;          /* evidence that is not written down yet */
};

struct tolerance *tolerance_new(void)
{
    struct tolerance *tolerance = memory_must(calloc(1, sizeof *tolerance));
    tolerance->known = known_new();
    return tolerance;
}

static void forget(struct memory **link)
{
    struct memory *memory = *link;
    *link = memory->next;
    vulnerabilities_free(&memory->known);
    free(memory);
}

void tolerance_free(struct tolerance *tolerance)
{
    if (!tolerance)
        return;
    while (tolerance->memories)
        forget(&tolerance->memories);
    known_free(tolerance->known);
    free(tolerance);
}

static struct memory *memory_of(struct tolerance *tolerance, const char *name)
{
    struct memory *memory = tolerance->memories;
    while (memory && strcmp(memory->name, name) != 0)
        memory = memory->next;
    if (!memory) {
        memory = memory_must(calloc(1, sizeof *memory));
        snprintf(memory->name, sizeof memory->name, "%s", name);
        memory->next = tolerance->memories;
        tolerance->memories = memory;
    }
    if (!memory->looked_up) {
        vulnerabilities_free(&memory->known);
        memory->known = known_of(tolerance->known, name);
        memory->weight = vulnerabilities_weight(&memory->known);
        memory->looked_up = true;
    }
    return memory;
}

void tolerance_note(struct agent *agent, const struct watched *watched,
                    const struct incident_alert *alert)
{
    struct memory *memory = memory_of(agent->tolerance, watched->service->name);
    agent->tolerance->news = true;
    evidence_note(&memory->evidence, alert->id, watched->cgroup, alert->score, alert->open,
                  clock_monotonic());
}

void tolerance_accept(struct agent *agent, const char *service, const char *alert)
{
    agent->tolerance->news = true;
    evidence_withdraw(&memory_of(agent->tolerance, service)->evidence, alert);
}

double tolerance_belief(const struct agent *agent, const struct watched *watched)
{
    const char *service = watched->service->name;
    return evidence_belief(&memory_of(agent->tolerance, service)->evidence, watched->cgroup,
                           config_service(agent->config, service)->tolerance.memory,
                           clock_monotonic());
}

void tolerance_renewed(struct agent *agent, const char *service)
{
    memory_of(agent->tolerance, service)->renewed++;
}

/* ---- from one daemon to the next ---- */

static char *file_of(const struct agent *agent)
{
    char *path;
    if (asprintf(&path, "%s/beliefs.json", agent->config->state_dir) < 0)
        memory_must(NULL);
    return path;
}

/* The numbers of cgroups and CLOCK_MONOTONIC begin anew with each boot. */
void tolerance_recall(struct agent *agent)
{
    char boot[CLOCK_BOOT];
    const char *name;
    json_t *pieces;
    json_error_t why;
    autofree char *path = file_of(agent);
    json_t *whole = json_load_file(path, 0, &why);
    const char *before = json_string_value(json_object_get(whole, "boot"));
    if (!whole && access(path, F_OK) == 0)
        log_warn("%s:%d: %s; what was believed of replicas is forgotten", path, why.line, why.text);
    clock_boot(boot);
    json_object_foreach (json_object_get(whole, "services"), name, pieces)
        evidence_recall(&memory_of(agent->tolerance, name)->evidence, pieces,
                        before && *boot && strcmp(before, boot) == 0,
                        config_service(agent->config, name)->tolerance.memory, clock_monotonic());
    json_decref(whole);
}

void tolerance_keep(struct agent *agent)
{
    char boot[CLOCK_BOOT];
    if (!agent->tolerance->news)
        return;
    autofree char *path = file_of(agent);
    json_t *services = json_object();
    for (struct memory *memory = agent->tolerance->memories; memory; memory = memory->next)
        json_object_set_new(services, memory->name, evidence_json(&memory->evidence));
    clock_boot(boot);
    json_t *whole = json_pack("{s:s,s:o}", "boot", boot, "services", services);
    char *text = memory_must(json_dumps(whole, JSON_INDENT(1)));
    saver_write(agent->saver, path, text, strlen(text));
    json_decref(whole);
    agent->tolerance->news = false;
}

/* ---- views ---- */

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

const char *tolerance_service(const struct agent *agent, const char *before)
{
    const char *next = NULL;
    for (const struct service *s = agent->services; s; s = s->next)
        if (s->mode != MODE_OFF && (!before || strcmp(s->name, before) > 0) &&
            (!next || strcmp(s->name, next) < 0))
            next = s->name;
    return next;
}

static void look_at_replica(struct tolerance_view *view, const struct watched *watched,
                            const struct memory *memory, uint64_t now)
{
    const struct tolerance_rule *rule = &view->rule;
    struct tolerance_replica *replica = &view->replicas[view->count++];
    double horizon = seconds(rule->horizon);
    *replica = (struct tolerance_replica){.watched = watched, .life = watched->life.lifetime};
    if (rule->eta)
        replica->life = (struct lifetime){.scale = seconds(rule->eta), .shape = rule->beta};
    replica->age = life_age(&watched->life, now);
    replica->interval = schedule_interval(&replica->life, 1, rule->failure, NULL);
    replica->best = (struct risk){
        .age = hazard_age(&replica->life, replica->age, horizon),
        .vulnerabilities = hazard_vulnerabilities(rule->exposure, view->weight.low, horizon),
        .attacks = hazard_attacks(view->evidence, seconds(rule->memory), horizon),
        .belief = evidence_belief(&memory->evidence, watched->cgroup, rule->memory, now),
    };
    replica->worst = replica->best;
    replica->worst.vulnerabilities =
        hazard_vulnerabilities(rule->exposure, view->weight.high, horizon);
}

static void measure(struct tolerance_view *view)
{
    size_t n = view->count;
    const struct tolerance_rule *rule = &view->rule;
    autofree struct risk *worst = memory_must(calloc(n + 1, sizeof *worst));
    autofree struct risk *best = memory_must(calloc(n + 1, sizeof *best));
    for (size_t i = 0; i < n; i++) {
        worst[i] = view->replicas[i].worst;
        best[i] = view->replicas[i].best;
    }
    view->capacity.low = capacity(worst, n, rule->redundancy, rule->common);
    view->capacity.high = capacity(best, n, rule->redundancy, rule->common);
    for (enum cause cause = 0; cause < CAUSES; cause++)
        view->taken[cause] = capacity_taken(worst, n, rule->redundancy, rule->common, cause);
}

/* Can alerts about it be relied on? */
static bool is_judged(const struct watched *watched)
{
    return watched->service->mode == MODE_DETECT && !watched->learns_start &&
           profile_gaps(watched->service->profile) == 0;
}

static bool is_renewing(const struct agent *agent, const struct watched *watched)
{
    return agent->response && ledger_is_busy(agent->response->ledger, watched->workload.id);
}

/* A clean replica is as attacked and as vulnerable, but young and nobody's. */
static struct candidate candidate_of(const struct agent *agent, const struct tolerance_rule *rule,
                                     const struct tolerance_replica *replica)
{
    struct candidate candidate = {.risk = replica->best,
                                  .renewed = replica->best,
                                  .age = replica->age,
                                  .interval = replica->interval,
                                  .healthy = health_is_good(agent, replica->watched),
                                  .renewing = is_renewing(agent, replica->watched),
                                  .judged = is_judged(replica->watched)};
    candidate.renewed.age = hazard_age(&replica->life, 0, seconds(rule->horizon));
    candidate.renewed.belief = 0;
    return candidate;
}

/* Can a clean one serve before the old one goes? */
static bool starts_first(const struct respond_rule *respond, const struct watched *watched)
{
    return respond->replace || respond->variants || watched->workload.engine == ENGINE_DOCKER ||
           watched->workload.engine == ENGINE_PODMAN;
}

static void decide(const struct agent *agent, struct tolerance_view *view,
                   const struct respond_rule *respond)
{
    const struct tolerance_rule *rule = &view->rule;
    autofree struct candidate *candidates =
        memory_must(calloc(view->count + 1, sizeof *candidates));
    bool start_first = true;
    for (size_t i = 0; i < view->count; i++) {
        candidates[i] = candidate_of(agent, rule, &view->replicas[i]);
        start_first &= starts_first(respond, view->replicas[i].watched);
    }
    const struct rejuvenation_rule how = {.redundancy = rule->redundancy,
                                          .common = rule->common,
                                          .floor = rule->floor,
                                          .belief = schedule_belief(rule->intrusion),
                                          .minimum_healthy = respond->minimum,
                                          .start_first = start_first,
                                          .held = rejuvenation_held(agent, view->service)};
    view->next = schedule_next(candidates, view->count, &how);
}

/* Replicas of all its versions. */
static size_t running(const struct agent *agent, const char *service)
{
    size_t count = 0;
    for (const struct service *s = agent->services; s; s = s->next)
        count += strcmp(s->name, service) == 0 ? s->replicas : 0;
    return count;
}

struct tolerance_view tolerance_view(const struct agent *agent, const char *service,
                                     uint64_t horizon)
{
    uint64_t now = clock_monotonic();
    const struct memory *memory = memory_of(agent->tolerance, service);
    const struct service_config *config = config_service(agent->config, service);
    struct tolerance_view view = {.service = memory->name,
                                  .rule = config->tolerance,
                                  .criticality = config->harm.criticality,
                                  .known = &memory->known,
                                  .weight = memory->weight,
                                  .renewed = memory->renewed};
    view.rule.horizon = horizon ? horizon : view.rule.horizon;
    view.evidence = evidence_sum(&memory->evidence, view.rule.memory, now);
    view.replicas = memory_must(calloc(running(agent, service) + 1, sizeof *view.replicas));
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *watched = agent->watched[i];
        if (watched && watched->service && strcmp(watched->service->name, service) == 0 &&
            !(agent->response && response_is_out(agent->response, watched)))
            look_at_replica(&view, watched, memory, now);
    }
    measure(&view);
    decide(agent, &view, &config->respond);
    return view;
}

/* ---- time ---- */

/* Says it once when a service falls under its floor, and once when it is above again. */
static void watch_floor(struct agent *agent, const struct tolerance_view *view)
{
    struct memory *memory = memory_of(agent->tolerance, view->service);
    bool below = view->count > 0 && view->capacity.high < view->rule.floor;
    if (below != memory->below)
        log_info("%s: tolerance capacity %.2f, %s its floor %.2f%s%s", view->service,
                 view->capacity.high, below ? "under" : "above", view->rule.floor,
                 below && *view->next.reason ? ": " : "", below ? view->next.reason : "");
    memory->below = below;
}

/* A service without replicas is remembered as long as what happened in it counts. */
static void forget_gone(struct agent *agent, uint64_t now)
{
    for (struct memory **link = &agent->tolerance->memories; *link;) {
        const struct tolerance_rule *rule =
            &config_service(agent->config, (*link)->name)->tolerance;
        bool runs = false;
        for (const struct service *s = agent->services; s && !runs; s = s->next)
            runs = strcmp(s->name, (*link)->name) == 0;
        if (runs || evidence_sum(&(*link)->evidence, rule->memory, now) > 0.01)
            link = &(*link)->next;
        else
            forget(link);
    }
}

static bool look_at_life(struct agent *agent, struct watched *watched, uint64_t now)
{
    const struct tolerance_rule *rule =
        &config_service(agent->config, watched->service->name)->tolerance;
    const struct usage latency = {.used = watched->balanced.latency,
                                  .limit = seconds(rule->latency)};
    bool known = watched->balanced.known && rule->latency;
    return life_look(&watched->life, agent->hand, &agent->hierarchy, &watched->workload,
                     watched->path, watched->appeared, known ? &latency : NULL, now);
}

/* A few at a time and in turn: the files of a thousand replicas take longer than a tick may. */
static void look_at_lives(struct agent *agent, uint64_t now)
{
    uint32_t looks = 0;
    for (uint32_t i = 0; i < PROBE_REPLICAS && looks < LOOKS; i++) {
        uint32_t *turn = &agent->tolerance->looked_at;
        *turn = (*turn + 1) % PROBE_REPLICAS;
        struct watched *watched = agent->watched[*turn];
        if (watched && watched->service)
            looks += look_at_life(agent, watched, now);
    }
}

void tolerance_tick(struct agent *agent, uint64_t now)
{
    struct tolerance *tolerance = agent->tolerance;
    look_at_lives(agent, now);
    tolerance_keep(agent);
    if (clock_passed(now, tolerance->ticked) < NS_PER_S)
        return;
    tolerance->ticked = now;
    if (known_tick(tolerance->known, agent->config, now))
        for (struct memory *memory = tolerance->memories; memory; memory = memory->next)
            memory->looked_up = false;
    for (const char *name = NULL; (name = tolerance_service(agent, name));) {
        struct tolerance_view view = tolerance_view(agent, name, 0);
        watch_floor(agent, &view);
        rejuvenation_consider(agent, &view);
        free(view.replicas);
    }
    forget_gone(agent, now);
}

void tolerance_configure(struct agent *agent)
{
    known_forget(agent->tolerance->known);
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i])
            agent->watched[i]->renewal = REJUVENATION_NONE; /* another policy may now decide */
}

json_t *tolerance_files(const struct agent *agent)
{
    return known_files(agent->tolerance->known, agent->config->stale, clock_realtime());
}
