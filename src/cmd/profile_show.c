/* `skink profile show`. */
#include <stdio.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/profile.h"
#include "cmd/spell.h"
#include "trace/call.h"
#include "trace/call_json.h"

static uint32_t length_of(struct profile *profile, enum pattern_kind kind)
{
    const struct profile_facts *facts = profile_facts(profile);
    return kind == PATTERN_WINDOW ? facts->window : facts->bag;
}

/* Which calls occur in any pattern; returns how many. */
static size_t alphabet(struct profile *profile, bool there[CALL_CODES])
{
    size_t count = 0;
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        for (size_t i = 0; i < profile_count(profile, kind); i++)
            for (uint32_t j = 0; j < length_of(profile, kind); j++) {
                uint16_t code = profile_pattern(profile, kind, i)[j];
                count += !there[code];
                there[code] = true;
            }
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

static void print_json(struct profile *profile, bool patterns)
{
    bool there[CALL_CODES] = {0};
    json_t *json = profile_summary(profile);
    uint16_t codes[CALL_CODES];
    size_t count = 0;
    alphabet(profile, there);
    for (uint16_t code = 0; code < CALL_CODES; code++)
        if (there[code])
            codes[count++] = code;
    json_object_set_new(json, "alphabet", call_names_json(codes, count));
    json_object_set_new(json, "detectors", detectors_json(profile_facts(profile)));
    if (patterns)
        json_object_set_new(json, "patterns",
                            json_pack("{s:o s:o}", "windows",
                                      patterns_json(profile, PATTERN_WINDOW), "bags",
                                      patterns_json(profile, PATTERN_BAG)));
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

/* The calls by number, wrapped like a paragraph. */
static void print_alphabet(struct profile *profile)
{
    bool there[CALL_CODES] = {0};
    printf("alphabet    %zu calls\n", alphabet(profile, there));
    int column = 0;
    for (uint16_t code = 0; code < CALL_CODES; code++) {
        char name[CALL_NAME];
        if (!there[code])
            continue;
        call_name(code, name);
        if (column > 72) {
            putchar('\n');
            column = 0;
        }
        column += printf("%*s%s", column ? 1 : 12, "", name);
    }
    if (column)
        putchar('\n');
}

static void print_patterns(struct profile *profile)
{
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        for (size_t i = 0; i < profile_count(profile, kind); i++) {
            printf("%s ", kind == PATTERN_WINDOW ? "window" : "bag");
            spell_pattern(kind, profile_pattern(profile, kind, i), length_of(profile, kind));
            putchar('\n');
        }
}

int profile_show(const struct profile_request *request, struct error *err)
{
    struct profile *profile = profile_open(request, err);
    if (!profile)
        return -1;
    if (request->json) {
        print_json(profile, request->patterns);
    } else {
        print_facts(profile);
        print_thresholds(profile_facts(profile));
        print_alphabet(profile);
        if (request->patterns)
            print_patterns(profile);
    }
    profile_free(profile);
    return EXIT_DONE;
}
