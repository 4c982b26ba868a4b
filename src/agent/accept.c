/* A person says that what an alert found foreign was normal: it is learned, all of it. */
#include <string.h>

#include "agent/state.h"
#include "base/clock.h"
#include "base/log.h"

/* What is about to be accepted. */
struct acceptance {
    const char *id;
    struct kept_alert *kept;
    struct watched *watched; /* whose open alert it is; NULL: it has closed */
    const struct foreign *foreign;
    struct service *service;
};

static const char *told_text(const struct acceptance *accepted, const char *key)
{
    const char *text = json_string_value(json_object_get(accepted->kept->told, key));
    return text ? text : "";
}

static struct watched *open_one(const struct agent *agent, const char *id)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++) {
        struct watched *watched = agent->watched[i];
        if (watched && watched->alert && strcmp(alert_id(watched->alert), id) == 0)
            return watched;
    }
    return NULL;
}

static int find(struct agent *agent, const char *id, struct acceptance *accepted, struct error *err)
{
    *accepted = (struct acceptance){.id = id, .kept = alerts_find(agent, id)};
    if (!accepted->kept)
        return error_set(err, EXIT_USAGE, 0,
                         "%s: no such alert since the daemon began (skink alerts lists them)", id);
    if (strcmp(told_text(accepted, "state"), ALERT_ACCEPTED) == 0)
        return error_set(err, EXIT_USAGE, 0, "alert %s: is accepted already", id);
    accepted->watched = open_one(agent, id);
    return 0;
}

/* What there is to learn; NULL: nothing (err). */
static const struct foreign *foreign_of(const struct acceptance *accepted, struct error *err)
{
    const struct foreign *foreign =
        accepted->watched ? alert_foreign(accepted->watched->alert) : accepted->kept->foreign;
    const char *detector = told_text(accepted, "detector");
    if (foreign && !foreign_is_empty(foreign))
        return foreign;
    if (foreign || strcmp(detector, "self") == 0)
        error_set(err, EXIT_USAGE, 0,
                  "alert %s: holds nothing that could be learned: its detector is %s", accepted->id,
                  detector);
    else
        error_set(err, EXIT_USAGE, 0, "alert %s: too many came since: what it found is forgotten",
                  accepted->id);
    return NULL;
}

static bool has_room(const struct agent *agent, const struct acceptance *accepted)
{
    const struct profile *profile = accepted->service->profile;
    const struct foreign *foreign = accepted->foreign;
    bool room = profile_accesses_known(profile)->count + foreign->access_count <= ACCESS_MAX;
    for (int kind = 0; kind < PATTERN_KINDS; kind++)
        room &= profile_count(profile, kind) + foreign->patterns[kind].count <=
                agent->config->max_patterns;
    return room;
}

/* A profile with a gap is not made whole by being told what is normal, and a full one cannot learn.
 */
static int check_profile(const struct agent *agent, const struct acceptance *accepted,
                         struct error *err)
{
    char state[256];
    const struct service *service = accepted->service;
    if (service->mode == MODE_LEARN || profile_gaps(service->profile) != 0)
        return error_set(err, EXIT_USAGE, 0, "alert %s: the profile of %s@%s is %s", accepted->id,
                         service->name, service->version,
                         profile_state(service->profile, state, sizeof state));
    if (!has_room(agent, accepted))
        return error_set(err, EXIT_USAGE, 0, "alert %s: the profile of %s@%s has no room for it",
                         accepted->id, service->name, service->version);
    return 0;
}

static void learn(struct agent *agent, const struct acceptance *accepted)
{
    struct service_room room = agent_room(agent);
    const struct foreign *foreign = accepted->foreign;
    for (int kind = 0; kind < PATTERN_KINDS; kind++)
        for (size_t i = 0; i < foreign->patterns[kind].count; i++)
            service_learn(&room, accepted->service, kind, foreign_pattern(foreign, kind, i), false);
    for (size_t i = 0; i < foreign->access_count; i++)
        service_learn_access(&room, accepted->service, foreign->accesses[i].kind,
                             foreign->accesses[i].path, false);
    if (agent->flows)
        flows_accept(agent->flows, foreign->peers, foreign->peer_count);
    service_save(&room, accepted->service, true);
}

static json_t *learned_json(const struct foreign *foreign)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "windows",
                     (json_int_t)foreign->patterns[PATTERN_WINDOW].count, "bags",
                     (json_int_t)foreign->patterns[PATTERN_BAG].count, "accesses",
                     (json_int_t)foreign->access_count, "peers", (json_int_t)foreign->peer_count);
}

/* The alert as it was told last, accepted. New reference. */
static json_t *accepted_json(const struct acceptance *accepted, json_t *learned, json_t *by)
{
    char time[CLOCK_TEXT];
    json_t *json = json_copy(accepted->kept->told);
    json_object_set_new(json, "state", json_string(ALERT_ACCEPTED));
    json_object_set_new(json, "time", json_string(clock_format(clock_realtime(), time)));
    json_object_set_new(json, "accepted_by", json_incref(by));
    json_object_set_new(json, "learned", learned);
    return json;
}

json_t *accept_answer(struct agent *agent, const json_t *request)
{
    struct error err;
    struct acceptance accepted;
    const char *id = json_string_value(json_object_get(request, "alert"));
    if (!id)
        return json_pack("{s:s}", "error", "accept: the alert's id is a text");
    if (find(agent, id, &accepted, &err) < 0)
        return json_pack("{s:s}", "error", err.text);
    accepted.foreign = foreign_of(&accepted, &err);
    if (!accepted.foreign)
        return json_pack("{s:s}", "error", err.text);
    accepted.service =
        replicas_service(agent, told_text(&accepted, "service"), told_text(&accepted, "version"));
    if (!accepted.service)
        return json_pack("{s:s}", "error", "accept: the alert's service cannot be opened");
    if (check_profile(agent, &accepted, &err) < 0)
        return json_pack("{s:s}", "error", err.text);
    learn(agent, &accepted);
    json_t *learned = learned_json(accepted.foreign), *plans = json_array();
    if (accepted.watched)
        alerts_close(agent, accepted.watched);
    foreign_free(accepted.kept->foreign);
    accepted.kept->foreign = NULL;
    json_t *json = accepted_json(&accepted, learned, json_object_get(request, "by"));
    json_t *in_force = response_accept(agent, accepted.id, plans);
    tolerance_accept(agent, accepted.service->name, accepted.id);
    incidents_follow_accepted(agent, accepted.id);
    alerts_publish(agent, json);
    log_info("alert %s was accepted as normal of %s, version %s", accepted.id,
             accepted.service->name, accepted.service->version);
    return json_pack("{s:b,s:o,s:o,s:o}", "ok", 1, "alert", json, "plans", plans, "measures",
                     in_force);
}
