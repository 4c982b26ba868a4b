#include "agent/quorum.h"

#include "agent/canary.h"
#include "agent/flows.h"
#include "base/clock.h"

#define SILENCE (15 * NS_PER_S) /* without a song of the canary: the probe is blind */

static bool is_blind(const struct agent *agent, uint64_t now)
{
    uint64_t heard = agent->canary ? canary_last(agent->canary) : 0;
    return heard && clock_passed(now, heard) > SILENCE;
}

/* A detector that is switched off, still learns, or is blind has fallen silent. */
static unsigned able(const struct agent *agent, const struct watched *watched)
{
    const struct service *service = watched->service;
    unsigned voices = 0;
    if (is_blind(agent, clock_monotonic()))
        return 0;
    if (service->mode == MODE_DETECT && !watched->learns_start &&
        (service->rule.frame_threshold || service->rule.epoch_threshold))
        voices |= 1u << VOICE_CALLS;
    if (service->accesses.mode == MODE_DETECT && service->config.file_threshold)
        voices |= 1u << VOICE_ACCESSES;
    if (service->config.flow_threshold && flows_judge(agent, watched))
        voices |= 1u << VOICE_PEERS;
    return voices;
}

struct quorum quorum_of(const struct agent *agent, const struct watched *watched)
{
    unsigned say = watched->alert ? alert_voices(watched->alert) : 0;
    return (struct quorum){.able = able(agent, watched) | say, .say = say};
}

unsigned quorum_count(unsigned voices)
{
    return (unsigned)__builtin_popcount(voices);
}

static json_t *names(unsigned voices)
{
    static const char *const NAMES[] = {
        [VOICE_CALLS] = "calls", [VOICE_ACCESSES] = "files", [VOICE_PEERS] = "peers"};
    json_t *list = json_array();
    for (unsigned voice = 0; voice < VOICES; voice++)
        if (voices & 1u << voice)
            json_array_append_new(list, json_string(NAMES[voice]));
    return list;
}

json_t *quorum_json(const struct quorum *quorum)
{
    return json_pack("{s:o,s:o}", "able", names(quorum->able), "say", names(quorum->say));
}
