/* What could be done about a replica: each measure looked at, and ranked. */
#include <netinet/in.h>
#include <string.h>

#include "agent/health.h"
#include "agent/refusing.h"
#include "agent/response.h"
#include "base/log.h"
#include "base/memory.h"
#include "incident/ends.h"

#define SUSPECT 0.01 /* belief: less is left of an alert that is long past */

static int kernel_halt(void *context, uint32_t replica, uint32_t generation, enum replica_halt halt,
                       bool on)
{
    const struct agent *agent = context;
    return probe_replica_halt(agent->probe, replica, generation, halt, on);
}

static void kernel_away(void *context, uint64_t cgroup, bool on)
{
    const struct agent *agent = context;
    probe_replica_away(agent->probe, cgroup, on);
}

static void kernel_restore(void *context, const char *cgroup_path, bool on)
{
    const struct agent *agent = context;
    struct error err;
    if (!on)
        probe_expect_no_more(agent->probe, cgroup_path);
    else if (probe_expect(agent->probe, cgroup_path, ENTRY_RESTORE, &err) < 0)
        log_warn("%s", err.text);
}

struct measure_kernel response_kernel(struct agent *agent)
{
    return (struct measure_kernel){
        .context = agent,
        .halt = kernel_halt,
        .away = kernel_away,
        .restore = kernel_restore,
        .refuse = refusing_begin,
        .allow = refusing_end,
    };
}

/* Has the measure taken the replica out for good, or as long as it is in force? */
static bool takes_out(const struct measure *measure, const json_t *record)
{
    if (measure->stage == STAGE_RENEWAL)
        return record_is(record, "done");
    return (measure->takes_out || measure->expire) && record_is(record, "in force");
}

/* The measure that is in force on the replica: this one, or (NULL) one that takes it out. */
static const struct measure *in_force(const struct response *response, const char *replica,
                                      const struct measure *wanted)
{
    const json_t *record;
    size_t i;
    json_array_foreach (ledger_measures(response->ledger), i, record) {
        if (strcmp(record_text(record, "replica"), replica) != 0)
            continue;
        const struct measure *measure = measure_find(record_text(record, "measure"));
        if (measure && (wanted ? measure == wanted && record_is(record, "in force")
                               : takes_out(measure, record)))
            return measure;
    }
    return NULL;
}

bool response_is_out(const struct response *response, const struct watched *watched)
{
    return watched->ended || in_force(response, watched->workload.id, NULL);
}

/* Replicas that alert together must not all be taken out: what is under way for another counts as
 * done. */
static bool serves_beside(struct agent *agent, const struct watched *watched)
{
    return health_is_good(agent, watched) &&
           !ledger_is_busy(agent->response->ledger, watched->workload.id);
}

/* It itself, and the others that are healthy. */
static uint32_t serving(struct agent *agent, const struct watched *of)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *watched = agent->watched[i];
        count += watched && watched->service && watched->workload.pid > 0 &&
                 strcmp(watched->service->name, of->service->name) == 0 &&
                 !response_is_out(agent->response, watched) &&
                 (watched == of || serves_beside(agent, watched));
    }
    return count;
}

/* The address of another replica of the service that serves, on any network but a loopback. */
static void find_spare(struct agent *agent, const struct watched *watched, char *spare)
{
    uint8_t addresses[16][16];
    uint32_t network;
    for (uint32_t i = 0; i < PROBE_REPLICAS && !*spare; i++) {
        const struct watched *each = agent->watched[i];
        if (!each || each == watched || !each->service || each->alert || each->workload.pid <= 0 ||
            !health_is_good(agent, each) ||
            strcmp(each->service->name, watched->service->name) != 0 ||
            response_is_out(agent->response, each))
            continue;
        size_t count = hand_addresses(agent->hand, each->workload.pid, addresses, 16, &network);
        for (size_t k = 0; k < count && !*spare; k++)
            if (!ends_is_loopback(addresses[k]))
                workload_address_text(addresses[k], spare);
    }
}

static bool has_address(const struct agent *agent, const struct watched *watched,
                        const char *address)
{
    uint8_t addresses[16][16];
    uint32_t network;
    bool found = false;
    size_t count = hand_addresses(agent->hand, watched->workload.pid, addresses, 16, &network);
    for (size_t i = 0; i < count && !found; i++) {
        char text[INET6_ADDRSTRLEN];
        workload_address_text(addresses[i], text);
        found = strcmp(text, address) == 0;
    }
    return found;
}

const struct watched *response_at(const struct agent *agent, const char *service,
                                  const char *address)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        const struct watched *each = agent->watched[i];
        if (each && each->service && each->workload.pid > 0 &&
            strcmp(each->service->name, service) == 0 && has_address(agent, each, address))
            return each;
    }
    return NULL;
}

/* Can the measure be taken here, and is there reason to? */
static int check(const struct agent *agent, const struct situation *now,
                 const struct measure *measure, struct error *err)
{
    const char *replica = now->target.workload.id;
    const struct measure *out = in_force(agent->response, replica, NULL);
    if (measure_listed(measure, now->target.rule.except))
        return error_set(err, EXIT_USAGE, 0, "the configuration excepts it");
    if (in_force(agent->response, replica, measure))
        return error_set(err, EXIT_USAGE, 0, "is in force already");
    if (out && (out->expire || out->stage == STAGE_RENEWAL))
        return error_set(err, EXIT_USAGE, 0, "the replica has been replaced");
    if (measure->restores) /* reads the container's bundle, which may be anywhere */
        return hand_check(agent->hand, measure, &now->target, err);
    return measure->check(&now->target, err);
}

/* What a new replica is to be: `other`, not what the old one is, where there is a choice. */
static void choose_variant(struct situation *now, bool other)
{
    struct measure_target *target = &now->target;
    const char *all = target->rule.variants, *version = target->workload.version;
    bool alike = target->rule.replace || target->engine_socket;
    if (!variant_next(all, version, other, &target->variant) && !alike)
        variant_next(all, version, false, &target->variant);
}

static void rank_options(struct situation *now)
{
    for (enum measure_stage stage = 0; stage < STAGES; stage++)
        now->chosen[stage] = choice_rank(&now->given, now->option, now->options, stage, now->value,
                                         now->order[stage]);
}

/* Asks every measure whether it can be taken: slow, since it looks at the host. */
static void look_at_options(struct agent *agent, struct situation *now)
{
    now->options = measure_count() < MEASURES_MAX ? measure_count() : MEASURES_MAX;
    for (size_t i = 0; i < now->options; i++) {
        bool possible = check(agent, now, measures[i], &now->why[i]) == 0;
        now->option[i] = (struct choice_option){
            .measure = measures[i],
            .effect = ledger_effect(agent->response->ledger, measures[i]),
            .impossible = possible ? NULL : now->why[i].text,
        };
    }
    rank_options(now);
}

void situation_approve(struct situation *now)
{
    now->given.approved = true;
    rank_options(now);
}

void situation_suppose(struct situation *now)
{
    now->given.say = now->given.able;
    rank_options(now);
}

struct situation *situation_look(struct agent *agent, struct watched *watched, double belief,
                                 double harm, bool approved)
{
    const struct service_config *config = config_service(agent->config, watched->service->name);
    struct situation *now = memory_must(calloc(1, sizeof *now));
    now->quorum = quorum_of(agent, watched);
    now->given = (struct choice_case){
        .belief = belief,
        .harm = harm,
        .criticality = config->harm.criticality,
        .serving = serving(agent, watched),
        .minimum = config->respond.minimum,
        .out = response_is_out(agent->response, watched),
        .approved = approved,
        .spent = !response_affords(agent, watched->service->name, 1),
        .able = quorum_count(now->quorum.able),
        .say = quorum_count(now->quorum.say),
    };
    now->target = (struct measure_target){
        .workload = watched->workload,
        .rule = config->respond,
        .powers = harm_powers(agent, watched),
        .network = replicas_network(agent, watched),
        .shares_network = replicas_share_network(agent, watched),
        .replica = watched->index,
        .generation = watched->generation,
        .kernel = response_kernel(agent),
        .cannot_refuse = refusing_impossible(agent, watched),
        .engine_socket = config_engine_socket(agent->config, watched->workload.engine),
        .evidence = agent->response->evidence,
        .evidence_max = (uint64_t)agent->config->evidence_mib << 20,
    };
    if (config->respond.map) /* else nobody asks, and it takes a while */
        find_spare(agent, watched, now->target.spare);
    if (!now->target.spare[0] && config->respond.site)
        snprintf(now->target.spare, sizeof now->target.spare, "%s", config->respond.site);
    choose_variant(now, true);
    workload_runc_root((const char *const *)agent->config->oci_roots, watched->workload.id,
                       now->target.runc, sizeof now->target.runc);
    look_at_options(agent, now);
    return now;
}

/* Only this measure of its stage, if it is possible. */
static void choose_only(struct situation *now, enum measure_stage stage, const char *name)
{
    now->chosen[stage] = 0;
    for (size_t i = 0; i < now->options; i++)
        if (strcmp(now->option[i].measure->name, name) == 0 && !now->option[i].impossible)
            now->order[stage][now->chosen[stage]++] = i;
}

void situation_renew(struct agent *agent, struct situation *now)
{
    bool suspect = now->given.belief >= SUSPECT;
    if (!suspect) {
        choose_variant(now, false);
        look_at_options(agent, now);
    }
    now->chosen[STAGE_CONTAIN] = now->chosen[STAGE_EVIDENCE] = 0;
    choose_only(now, STAGE_RECOVER, suspect ? "replace" : "renew");
    if (suspect)
        choose_only(now, STAGE_EVIDENCE, "evidence");
}

/* ---- the plan ---- */

static const char *policy_name(uint32_t policy)
{
    static const char *const NAMES[] = {"observe", "ask", "act"};
    return NAMES[policy];
}

bool situation_is_worth(const struct situation *now)
{
    return now->chosen[STAGE_CONTAIN] > 0 || now->chosen[STAGE_RECOVER] > 0;
}

const char *situation_needs(const struct situation *now)
{
    struct choice_case alone = now->given;
    alone.approved = false;
    for (enum measure_stage stage = 0; stage < STAGES; stage++)
        if (now->chosen[stage] > 0)
            return choice_value(&alone, &now->option[now->order[stage][0]]).refused;
    return NULL;
}

json_t *situation_chosen(const struct situation *now)
{
    json_t *chosen = json_array();
    for (enum measure_stage stage = 0; stage < STAGES && situation_is_worth(now); stage++)
        if (now->chosen[stage] > 0)
            json_array_append_new(chosen,
                                  json_string(now->option[now->order[stage][0]].measure->name));
    return chosen;
}

json_t *situation_json(const struct watched *watched, const struct situation *now)
{
    json_t *stages = json_object();
    for (enum measure_stage stage = 0; stage < STAGES; stage++)
        json_object_set_new(stages, measure_stage_name(stage),
                            choice_json(now->option, now->value, now->options, stage));
    const char *variant = now->target.variant.name;
    return json_pack("{s:s,s:s,s:s,s:s,s:f,s:f,s:i,s:i,s:o,s:s,s:s*,s:o,s:o}", "service",
                     watched->service->name, "version", watched->service->version, "replica",
                     watched->workload.id, "replica_name", watched->workload.name, "belief",
                     now->given.belief, "harm", now->given.harm, "serving", (int)now->given.serving,
                     "minimum", (int)now->given.minimum, "quorum", quorum_json(&now->quorum),
                     "policy", policy_name(now->target.rule.policy), "variant",
                     *variant ? variant : NULL, "chosen", situation_chosen(now), "options", stages);
}
