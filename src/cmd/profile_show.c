/* `skink profile show`. */
#include <stdio.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/profile.h"
#include "cmd/profile_accesses.h"
#include "cmd/spell.h"
#include "trace/call_json.h"

static uint32_t length_of(struct profile *profile, enum pattern_kind kind)
{
    const struct profile_facts *facts = profile_facts(profile);
    return kind == PATTERN_WINDOW ? facts->window : facts->bag;
}

/* How many patterns a source has shown. */
static size_t shown_by(const struct profile *profile, size_t source)
{
    size_t count = 0;
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        for (size_t i = 0; i < profile_count_all(profile, kind); i++)
            count += profile_shown_by(profile, kind, i, source);
    return count;
}

/* ---- for machines ---- */

static json_t *patterns_json(struct profile *profile, enum pattern_kind kind)
{
    json_t *patterns = json_array();
    for (size_t i = 0; i < profile_count(profile, kind); i++)
        json_array_append_new(
            patterns, call_names_json(profile_pattern(profile, kind, i), length_of(profile, kind)));
    return patterns;
}

static json_t *detectors_json(const struct profile_facts *facts)
{
    uint32_t frame, epoch;
    profile_propose(facts, &frame, &epoch);
    return json_pack("{s:{s:I s:I s:I s:I} s:{s:I s:I s:I s:I}}", "stide", "window",
                     (json_int_t)facts->window, "frame", (json_int_t)facts->frame, "peak",
                     (json_int_t)facts->frame_peak, "proposed_threshold", (json_int_t)frame, "bosc",
                     "bag", (json_int_t)facts->bag, "epoch", (json_int_t)facts->epoch, "peak",
                     (json_int_t)facts->epoch_peak, "proposed_threshold", (json_int_t)epoch);
}

static json_t *sources_json(struct profile *profile)
{
    size_t count;
    json_t *array = json_array();
    const struct profile_source *sources = profile_sources(profile, &count);
    for (size_t i = 0; i < count; i++) {
        const struct profile_source *source = &sources[i];
        char created[CLOCK_TEXT], updated[CLOCK_TEXT];
        json_array_append_new(
            array, json_pack("{s:o s:s s:s s:I s:I s:I s:I s:f s:s s:s}", "id",
                             json_sprintf("%016llx", (unsigned long long)source->id), "version",
                             source->version, "host", source->host, "patterns",
                             (json_int_t)shown_by(profile, i), "calls", (json_int_t)source->calls,
                             "starts", (json_int_t)source->starts, "lost", (json_int_t)source->lost,
                             "learned_seconds", (double)source->learn_ns / (double)NS_PER_S,
                             "created", clock_format(source->created, created), "updated",
                             clock_format(source->updated, updated)));
    }
    return array;
}

/* In the order of the patterns: who has shown each, by the index in "sources". */
static json_t *shown_json(struct profile *profile, enum pattern_kind kind)
{
    size_t count;
    json_t *array = json_array();
    profile_sources(profile, &count);
    for (size_t i = 0; i < profile_count(profile, kind); i++) {
        json_t *shown = json_array();
        for (size_t s = 0; s < count; s++)
            if (profile_shown_by(profile, kind, i, s))
                json_array_append_new(shown, json_integer((json_int_t)s));
        json_array_append_new(array, shown);
    }
    return array;
}

static json_t *both_kinds_json(struct profile *profile,
                               json_t *(*make)(struct profile *, enum pattern_kind))
{
    return json_pack("{s:o s:o}", "windows", make(profile, PATTERN_WINDOW), "bags",
                     make(profile, PATTERN_BAG));
}

static void print_json(struct profile *profile, bool patterns)
{
    bool there[CALL_CODES];
    json_t *json = profile_summary(profile);
    profile_alphabet(profile, there);
    json_object_set_new(json, "alphabet", spell_alphabet_json(there));
    json_object_set_new(json, "sources", sources_json(profile));
    json_object_set_new(json, "detectors", detectors_json(profile_facts(profile)));
    json_object_set_new(json, "accesses",
                        profile_accesses_json(profile_accesses_known(profile), NULL));
    if (patterns) {
        json_object_set_new(json, "patterns", both_kinds_json(profile, patterns_json));
        json_object_set_new(json, "shown_by", both_kinds_json(profile, shown_json));
    }
    profile_print_json(json);
}

/* ---- for people ---- */

static void print_facts(struct profile *profile)
{
    const struct profile_facts *facts = profile_facts(profile);
    char state[256], time[CLOCK_TEXT];
    printf("service     %s\nversion     %s\nstate       %s\n", facts->service, facts->version,
           profile_state(profile, state, sizeof state));
    printf("patterns    %zu windows of %u calls, %zu bags of %u calls\n",
           profile_count(profile, PATTERN_WINDOW), facts->window,
           profile_count(profile, PATTERN_BAG), facts->bag);
    if (profile_aside(profile))
        printf("laid aside  %zu patterns of earlier versions\n", profile_aside(profile));
    printf("accesses    %zu to files, %s\n", profile_accesses_known(profile)->count,
           profile_accesses(profile)->growth.learned ? "learned" : "not learned yet");
    printf("learned     from %llu calls in %.0f s, %llu starts seen, %llu lost\n",
           (unsigned long long)facts->calls, (double)facts->learn_ns / (double)NS_PER_S,
           (unsigned long long)facts->starts, (unsigned long long)facts->lost);
    printf("created     %s\n", clock_format(facts->created, time));
    printf("updated     %s\n", clock_format(facts->updated, time));
}

static void print_thresholds(const struct profile_facts *facts)
{
    uint32_t frame, epoch;
    profile_propose(facts, &frame, &epoch);
    printf("thresholds  proposed: STIDE %u of %u windows (most while steady: %u), "
           "BoSC %u of %u calls (%u)\n",
           frame, facts->frame, facts->frame_peak, epoch, facts->epoch, facts->epoch_peak);
}

static void print_alphabet(struct profile *profile)
{
    bool there[CALL_CODES];
    printf("alphabet    %zu calls\n", profile_alphabet(profile, there));
    spell_alphabet(there, 12);
}

static void print_sources(struct profile *profile)
{
    size_t count;
    const struct profile_source *sources = profile_sources(profile, &count);
    for (size_t i = 0; i < count; i++)
        printf("source      %016llx: version %s on %s, %zu patterns from %llu calls, %llu starts, "
               "%llu lost\n",
               (unsigned long long)sources[i].id, sources[i].version,
               sources[i].host[0] ? sources[i].host : "?", shown_by(profile, i),
               (unsigned long long)sources[i].calls, (unsigned long long)sources[i].starts,
               (unsigned long long)sources[i].lost);
}

static void print_patterns(struct profile *profile)
{
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        for (size_t i = 0; i < profile_count(profile, kind); i++) {
            printf("%s ", kind == PATTERN_WINDOW ? "window" : "bag");
            spell_pattern(kind, profile_pattern(profile, kind, i), length_of(profile, kind));
            putchar('\n');
        }
    profile_accesses_print(profile_accesses_known(profile), NULL, SIZE_MAX);
}

int profile_show(const struct profile_request *request, struct error *err)
{
    struct profile *profile = profile_open(request, request->names[0], err);
    if (!profile)
        return -1;
    if (request->json) {
        print_json(profile, request->patterns);
    } else {
        print_facts(profile);
        print_thresholds(profile_facts(profile));
        print_sources(profile);
        print_alphabet(profile);
        if (request->patterns)
            print_patterns(profile);
    }
    profile_free(profile);
    return EXIT_DONE;
}
