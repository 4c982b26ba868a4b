/*
 * From an alert to a plan to measures: what is done about a replica that has left a learned
 * profile, when the service's policy says so.
 */
#include "agent/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/refusing.h"
#include "agent/rejuvenation.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "incident/incident.h"
#include "respond/measures.h"

#define HOUR       (3600 * NS_PER_S)
#define VERDICT    (5 * NS_PER_S)  /* a contained replica that is foreign after this is not */
#define SETTLED    (1 * NS_PER_S)  /* calls that were under way when the measure came */
#define RECOGNISED (60 * NS_PER_S) /* what was restored is recognised by then, or never */

/* ---- the plan ---- */

bool response_affords(const struct agent *agent, const char *service, double share)
{
    const struct ledger *ledger = agent->response->ledger;
    uint64_t now = clock_realtime();
    uint64_t since = now > HOUR ? now - HOUR : 0;
    return ledger_spent(ledger, service, since) <
               share * config_service(agent->config, service)->respond.budget &&
           ledger_spent(ledger, NULL, since) < share * agent->config->budget;
}

/* Is the measure among those that may be tried? */
static bool chooses(const struct execution *execution, const struct measure *measure)
{
    const struct measure *const *choice = execution->choice[measure->stage];
    while (*choice && *choice != measure)
        choice++;
    return *choice;
}

void response_carry_out(struct agent *agent, const struct situation *now, json_t *plan)
{
    struct execution execution = {.number = record_number(plan, "number"),
                                  .approved = now->given.approved,
                                  .target = measure_target_copy(&now->target)};
    for (enum measure_stage stage = 0; stage < STAGES; stage++)
        for (size_t i = 0; i < now->chosen[stage] && i < EXECUTOR_CHOICES; i++)
            execution.choice[stage][i] = now->option[now->order[stage][i]].measure;
    if (chooses(&execution, &measure_refuse))
        execution.target->known = refusing_known(agent, record_text(plan, "replica"));
    ledger_begin(agent->response->ledger, plan);
    executor_start(agent->response->executor, &execution);
}

/* Has a person taken back a measure of this replica that would still be in force? */
static bool was_undone(const struct ledger *ledger, const struct watched *watched)
{
    const json_t *record;
    size_t i;
    json_array_foreach (ledger_measures(ledger), i, record)
        if ((record_is(record, "undone") || record_is(record, "undoing")) &&
            record_number(record, "expires") > clock_realtime() &&
            strcmp(record_text(record, "replica"), watched->workload.id) == 0)
            return true;
    return false;
}

const char *response_decide(struct agent *agent, const struct watched *watched,
                            const struct situation *now)
{
    if (!situation_is_worth(now))
        return "nothing to do";
    if (now->target.rule.policy == POLICY_OBSERVE)
        return "observed";
    if (now->target.rule.policy == POLICY_ASK || now->given.approved)
        return WAITS;
    if (was_undone(agent->response->ledger, watched))
        return "waits for approval: a person undid the last measure";
    return CARRIED_OUT;
}

/* A vote compares with the other replicas, whatever the profile lacks. */
static bool is_by_vote(const json_t *told)
{
    return strcmp(record_text(told, "detector"), "vote") == 0;
}

double alert_belief(const json_t *told)
{
    return incident_score(
        (uint32_t)record_number(told, "score"), (uint32_t)record_number(told, "threshold"),
        record_number(told, "novelties"), record_number(told, "new_facts"),
        strcmp(record_text(told, "detector"), "loss") == 0,
        is_by_vote(told) || strcmp(record_text(told, "profile"), "complete") == 0);
}

double response_harm(struct agent *agent, const char *service)
{
    json_t *harm = harm_of(agent, service);
    double value = json_number_value(json_object_get(harm, "harm"));
    json_decref(harm);
    return value;
}

/* Only what a whole profile has learned is a reason to act, or a vote; a loss is none. */
static bool is_reason(const struct watched *watched, const json_t *told)
{
    if (is_by_vote(told))
        return true;
    return watched->service->mode == MODE_DETECT && !watched->learns_start &&
           strcmp(record_text(told, "profile"), "complete") == 0 &&
           strcmp(record_text(told, "detector"), "loss") != 0;
}

/* Is what was planned only waiting, so that more belief may decide it? */
static bool may_decide(struct agent *agent, const struct watched *watched)
{
    const struct service_config *config = config_service(agent->config, watched->service->name);
    const json_t *plan = ledger_find_plan(agent->response->ledger, watched->plan);
    return config->respond.policy == POLICY_ACT && plan && record_is(plan, WAITS) &&
           !ledger_is_busy(agent->response->ledger, watched->workload.id);
}

/* What an alert that has grown makes of the plan for it: the one that waited, if any, is over.
 * *begun: when the alert first came. */
static bool is_news(struct agent *agent, const struct watched *watched, const struct situation *now,
                    const char *decision, uint64_t *begun)
{
    if (!situation_is_worth(now))
        return !watched->planned && !watched->told_nothing;
    if (!watched->planned)
        return true;
    if (strcmp(decision, CARRIED_OUT) != 0)
        return false;
    json_t *waiting = ledger_find_plan(agent->response->ledger, watched->plan);
    ledger_state(agent->response->ledger, waiting, "superseded", "the alert has grown");
    *begun = record_number(waiting, "alerted_ns");
    return true;
}

void response_file(struct agent *agent, struct watched *watched, const struct situation *now,
                   json_t *plan, const char *decision)
{
    json_object_set_new(plan, "state", json_string(decision));
    if (situation_needs(now))
        json_object_set_new(plan, "why", json_string(situation_needs(now)));
    watched->planned = situation_is_worth(now);
    watched->told_nothing = !situation_is_worth(now);
    ledger_plan(agent->response->ledger, plan);
    watched->plan = record_number(plan, "number");
    if (strcmp(decision, CARRIED_OUT) == 0)
        response_carry_out(agent, now, plan);
    log_info("plan %llu for %s: %s", (unsigned long long)record_number(plan, "number"),
             watched->workload.name, decision);
}

void response_alert(struct agent *agent, struct watched *watched, const json_t *told)
{
    uint64_t begun = clock_monotonic();
    watched->belief = alert_belief(told);
    if (!agent->response || !is_reason(watched, told))
        return; /* (no response: the daemon ends) */
    if (watched->planned && !may_decide(agent, watched))
        return;
    double harm = response_harm(agent, watched->service->name);
    autofree struct situation *now = situation_look(agent, watched, watched->belief, harm, false);
    if (!situation_is_worth(now)) /* is there what only a person may choose? */
        situation_approve(now);
    const char *decision = response_decide(agent, watched, now);
    if (!is_news(agent, watched, now, decision, &begun))
        return;
    json_t *plan = situation_json(watched, now);
    json_object_set_new(plan, "alert", json_string(record_text(told, "id")));
    json_object_set_new(plan, "alerted_ns", json_integer((json_int_t)begun));
    json_object_set_new(plan, "foreign_ns", json_integer((json_int_t)alert_first(watched->alert)));
    response_file(agent, watched, now, plan, decision);
}

/* ---- what comes of it ---- */

static double milliseconds(uint64_t from, uint64_t to)
{
    return (double)clock_passed(to, from) / (double)NS_PER_MS;
}

static const char *const OWED[] = {"balancer", "backend", "server"};

/* What a measure owed the balancer is owed by the one that has made it needless. */
static void pass_on(const json_t *from, json_t *to)
{
    json_t *owed = json_object_get(from, "token"), *token = json_object_get(to, "token");
    if (*record_text(owed, "server") && !*record_text(token, "server"))
        for (size_t i = 0; i < sizeof OWED / sizeof *OWED; i++)
            json_object_set(token, OWED[i], json_object_get(owed, OWED[i]));
}

/* A replica that has been replaced needs no other measure any more; nothing of them is undone. */
static void supersede(struct ledger *ledger, json_t *by)
{
    json_t *record;
    size_t i;
    json_array_foreach (ledger_measures(ledger), i, record)
        if (record != by && record_is(record, "in force") &&
            strcmp(record_text(record, "replica"), record_text(by, "replica")) == 0) {
            pass_on(record, by);
            ledger_state(ledger, record, "done", "the replica was replaced");
        }
}

/* A new replica that says it is not the version that its variant is named after would be judged by
 * the wrong profile. */
static void check_variant(const struct agent *agent, json_t *record)
{
    char why[2 * PROFILE_NAME];
    const json_t *token = json_object_get(record, "token");
    const char *variant = record_text(token, "variant");
    const struct watched *new =
        *variant ? response_at(agent, record_text(record, "service"), record_text(token, "address"))
                 : NULL;
    if (!new || strcmp(new->service->version, variant) == 0)
        return;
    snprintf(why, sizeof why, "the new replica of variant %s says that it is version %s", variant,
             new->service->version);
    log_warn("%s: %s (docs/response.md)", new->workload.name, why);
    json_object_set_new(record, "why", json_string(why));
}

static bool stays_in_force(const struct measure *measure)
{
    return measure->undo || measure->expire || measure->takes_out;
}

/*
 * A replica that was restored comes in a cgroup of its own, as a new one does: when that has been
 * recognised it is told that this is no start.
 */
static void look_for_restored(struct agent *agent, json_t *record)
{
    uint64_t since = record_number(record, "restored_ns");
    if (since == 0)
        return;
    struct watched *watched = response_replica(agent, record_text(record, "replica"));
    bool found = watched && watched->appeared >= since;
    if (found)
        replicas_restored(agent, watched);
    if (found || clock_passed(clock_monotonic(), since) > RECOGNISED)
        json_object_del(record, "restored_ns");
}

static void note_restored(struct agent *agent, const struct outcome *outcome, json_t *record)
{
    if (!outcome->measure->restores)
        return;
    json_object_set_new(record, "restored_ns", json_integer((json_int_t)outcome->began));
    look_for_restored(agent, record);
}

/* Is what it has come to seen later, by what the replica still does? */
static bool is_judged(const struct measure *measure)
{
    return measure->stage == STAGE_CONTAIN && stays_in_force(measure) &&
           !(measure->irreversible && !measure->undo);
}

static void note_outcome(struct agent *agent, const struct outcome *outcome, json_t *plan)
{
    struct ledger *ledger = agent->response->ledger;
    const struct measure *measure = outcome->measure;
    bool done = outcome->what == OUTCOME_DONE;
    bool in_force = done && stays_in_force(measure) && !(measure->irreversible && !measure->undo);
    const char *service = record_text(plan, "service");
    uint64_t now = clock_realtime();
    const struct service_config *config = config_service(agent->config, service);
    uint64_t foreign = record_number(plan, "foreign_ns");
    json_t *record = json_pack(
        "{s:I,s:s,s:s,s:s,s:s,s:s,s:I,s:f,s:f}", "plan", (json_int_t)record_number(plan, "number"),
        "service", service, "replica", record_text(plan, "replica"), "replica_name",
        record_text(plan, "replica_name"), "measure", measure->name, "state",
        in_force ? "in force" : (done ? "done" : "failed"), "begun", (json_int_t)now, "latency_ms",
        milliseconds(record_number(plan, "alerted_ns"), outcome->ended), "took_ms",
        milliseconds(outcome->began, outcome->ended));
    if (foreign)
        json_object_set_new(record, "since_call_ms",
                            json_real(milliseconds(foreign, outcome->ended)));
    if (in_force) {
        json_object_set_new(record, "expires",
                            json_integer((json_int_t)now + (json_int_t)config->respond.expiry));
        json_object_set_new(record, "in_force_ns", json_integer((json_int_t)outcome->ended));
    }
    if (json_object_get(plan, "alert"))
        json_object_set(record, "alert", json_object_get(plan, "alert"));
    if (outcome->token)
        json_object_set(record, "token", outcome->token);
    if (!done)
        json_object_set_new(record, "why", json_string(outcome->why));
    else
        check_variant(agent, record);
    ledger_measure(ledger, record);
    if (outcome->what != OUTCOME_HELD_BACK && (!done || !is_judged(measure)))
        ledger_learn(ledger, measure, done);
    note_restored(agent, outcome, record);
    if (in_force && measure->expire)
        supersede(ledger, record);
    if (done && rejuvenation_is(plan) && measure->stage != STAGE_EVIDENCE)
        tolerance_renewed(agent, service);
    log_info("%s of %s: %s%s%s", measure->name, record_text(record, "replica_name"),
             record_text(record, "state"), done ? "" : ": ", done ? "" : outcome->why);
}

/* A plan of which everything failed leaves its alert to another one. */
static void note_end(struct agent *agent, uint64_t plan)
{
    const json_t *record;
    size_t i;
    bool touched = false;
    json_t *ended = ledger_find_plan(agent->response->ledger, plan);
    if (!ended)
        return;
    ledger_end(agent->response->ledger, ended);
    json_array_foreach (ledger_measures(agent->response->ledger), i, record) {
        const struct measure *measure = measure_find(record_text(record, "measure"));
        touched |= record_number(record, "plan") == plan && measure &&
                   measure->stage != STAGE_EVIDENCE && !record_is(record, "failed");
    }
    struct watched *watched = response_replica(agent, record_text(ended, "replica"));
    if (watched && !touched) {
        watched->planned = false;
        if (rejuvenation_is(ended))
            rejuvenation_failed(watched);
    }
}

static void on_outcome(void *context, const struct outcome *outcome)
{
    struct agent *agent = context;
    struct ledger *ledger = agent->response->ledger;
    if (outcome->what == OUTCOME_DONE || outcome->what == OUTCOME_FAILED ||
        outcome->what == OUTCOME_HELD_BACK) {
        json_t *plan = ledger_find_plan(ledger, outcome->number);
        if (plan)
            note_outcome(agent, outcome, plan);
        return;
    }
    if (outcome->what == OUTCOME_OVER) {
        note_end(agent, outcome->number);
        return;
    }
    json_t *record = ledger_find_measure(ledger, outcome->number);
    if (record)
        note_restored(agent, outcome, record);
    bool expired = record_number(record, "expired");
    if (record && outcome->what == OUTCOME_UNDONE)
        ledger_state(ledger, record, expired ? "expired" : "undone", NULL);
    else if (record)
        ledger_state(ledger, record, "in force", outcome->why);
    if (record && outcome->what == OUTCOME_UNDONE && expired)
        response_over(agent, record);
}

/* ---- time ---- */

struct watched *response_replica(struct agent *agent, const char *id)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (agent->watched[i] && agent->watched[i]->service &&
            strcmp(agent->watched[i]->workload.id, id) == 0)
            return agent->watched[i];
    return NULL;
}

void response_take_back(struct agent *agent, json_t *record, bool expired)
{
    const struct measure_kernel kernel = response_kernel(agent);
    const struct measure *measure = measure_find(record_text(record, "measure"));
    if (!measure)
        return;
    if (expired)
        json_object_set_new(record, "expired", json_integer(1));
    refusing_tell(agent, record);
    ledger_state(agent->response->ledger, record, "undoing", NULL);
    executor_undo(agent->response->executor, record_number(record, "number"), measure,
                  json_object_get(record, "token"), &kernel, expired);
}

/* Has the contained replica gone on being foreign? The next choice is to know. */
static void judge(struct agent *agent, json_t *record, uint64_t now)
{
    const struct measure *measure = measure_find(record_text(record, "measure"));
    uint64_t since = record_number(record, "in_force_ns");
    if (!measure || measure->stage != STAGE_CONTAIN || json_object_get(record, "worked") ||
        since == 0 || clock_passed(now, since) < VERDICT)
        return;
    struct watched *watched = response_replica(agent, record_text(record, "replica"));
    uint64_t last =
        watched ? probe_replica(agent->probe, watched->index)->counters.last_mismatch : 0;
    /* What is refused goes on being tried. */
    bool worked = last <= since + SETTLED ||
                  (measure == &measure_refuse && watched && refusing_count(agent, watched) > 0);
    json_object_set_new(record, "worked", json_boolean(worked));
    ledger_learn(agent->response->ledger, measure, worked);
    if (!worked && watched) /* the alert, as it grows, is planned for anew */
        watched->planned = false;
}

/* Read while there is time, so that an alert finds it known: one replica a tick. */
static void read_ahead(struct agent *agent)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (watched && watched->service && watched->workload.pid > 0 && !watched->powers_read) {
            harm_powers(agent, watched);
            replicas_network(agent, watched);
            return;
        }
    }
}

/* Each try is told and sealed: what can never be ended must not fill the log. */
static void put_off(json_t *record, uint64_t wall)
{
    uint64_t tries = record_number(record, "tries");
    uint64_t wait = AGAIN << (tries < AGAIN_DOUBLED ? tries : AGAIN_DOUBLED);
    json_object_set_new(record, "again", json_integer((json_int_t)wall + (json_int_t)wait));
    json_object_set_new(record, "tries", json_integer((json_int_t)tries + 1));
}

void response_tick(struct agent *agent, uint64_t now)
{
    read_ahead(agent);
    uint64_t wall = clock_realtime();
    json_t *record;
    size_t i;
    ledger_follow_clock(agent->response->ledger);
    json_array_foreach (ledger_measures(agent->response->ledger), i, record) {
        uint64_t expires = record_number(record, "expires");
        look_for_restored(agent, record);
        if (record_is(record, "in force") || record_is(record, "done"))
            judge(agent, record, now);
        if (!record_is(record, "in force"))
            continue;
        if (expires && wall > expires && wall > record_number(record, "again")) {
            put_off(record, wall);
            if (!response_evidence_first(agent, record))
                response_take_back(agent, record, true);
        }
    }
}

/* ---- opening and closing ---- */

/* What ends with the daemon, but not without a trace: the daemon that ends takes it back, or the
 * next one does for it. */
static void release_all(struct agent *agent)
{
    json_t *record;
    size_t i;
    json_array_foreach (ledger_measures(agent->response->ledger), i, record) {
        const struct measure *measure = measure_find(record_text(record, "measure"));
        if (measure && measure->release && record_is(record, "in force"))
            response_take_back(agent, record, false);
    }
}

int response_open(struct agent *agent, struct error *err)
{
    struct response *response = memory_must(calloc(1, sizeof *response));
    agent->response = response;
    if (asprintf(&response->evidence, "%s/evidence", agent->config->state_dir) < 0)
        memory_must(NULL);
    response->ledger =
        ledger_open(agent->config->state_dir, agent->event, agent->saver, agent->sealed, err);
    response->executor =
        response->ledger ? executor_open(agent->event, agent->hand, on_outcome, agent, err) : NULL;
    if (!response->executor)
        return -1;
    release_all(agent);
    return 0;
}

void response_close(struct agent *agent)
{
    struct response *response = agent->response;
    if (!response)
        return;
    if (response->executor)
        release_all(agent);
    executor_close(response->executor);
    ledger_close(response->ledger);
    free(response->evidence);
    free(response);
    agent->response = NULL;
}
