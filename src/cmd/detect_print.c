/* What `skink detect` prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/detect.h"
#include "cmd/spell.h"
#include "trace/call_json.h"

static const char *const DETECTOR[PATTERN_KINDS] = {"STIDE", "BoSC"};

/* The calls of the unknown pattern, a bag's sorted; returns how many. */
static uint32_t pattern_of(const struct detect_request *request, const struct novelty *novelty,
                           uint16_t codes[PATTERN_MAX])
{
    const struct profile_facts *facts = profile_facts(request->profile);
    bool bag = novelty->kind == PATTERN_BAG;
    uint32_t length = bag ? facts->bag : facts->window;
    memcpy(codes, novelty->history + novelty->history_length - length, length * sizeof *codes);
    for (uint32_t i = 1; bag && i < length; i++)
        for (uint32_t j = i; j > 0 && codes[j - 1] > codes[j]; j--) {
            uint16_t smaller = codes[j];
            codes[j] = codes[j - 1];
            codes[j - 1] = smaller;
        }
    return length;
}

/* ---- for people ---- */

void detect_print_head(void)
{
    printf("%11s %11s %8s %8s %5s %11s %8s %8s %5s  %-9s  %s\n", "CALLS", "WINDOWS", "UNKNOWN",
           "DISTINCT", "PEAK", "BAGS", "UNKNOWN", "DISTINCT", "PEAK", "VERDICT", "TRACE");
}

static void print_place(uint64_t call_index, uint32_t tid, uint32_t pid, uint64_t time)
{
    char text[CLOCK_TEXT];
    printf("call %llu, thread %u of process %u", (unsigned long long)call_index, tid, pid);
    if (time)
        printf(", %s", clock_format(time, text));
}

static void print_novelty(const struct detect_request *request, const struct novelty *novelty)
{
    uint16_t codes[PATTERN_MAX];
    uint32_t length = pattern_of(request, novelty, codes);
    printf("    %s ", novelty->kind == PATTERN_BAG ? "bag   " : "window");
    spell_pattern(novelty->kind, codes, length);
    const char *old = profile_shown_in(request->profile, novelty->kind, codes);
    if (old)
        printf("  (as version %s did)", old);
}

static void print_first(const struct detect_request *request, const struct inspection *inspection)
{
    const struct crossing *first = &inspection->first;
    bool window = first->kind == PATTERN_WINDOW;
    printf("  %s alarm: %u of the last %u %s are unknown at ", DETECTOR[first->kind], first->score,
           window ? request->rule.frame : request->rule.epoch, window ? "windows" : "calls' bags");
    print_place(first->call_index, first->tid, first->pid, first->time);
    printf(". What was new:\n");
    for (size_t i = 0; i < inspection->unknown_count; i++) {
        print_novelty(request, &inspection->unknown[i]);
        putchar('\n');
    }
}

void detect_print(const struct detect_request *request, const char *path,
                  const struct inspection *inspection)
{
    const struct replay_result *result = &inspection->result;
    printf("%11llu", (unsigned long long)result->calls);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        printf(" %11llu %8llu %8llu %5u", (unsigned long long)result->checked[kind],
               (unsigned long long)result->mismatches[kind],
               (unsigned long long)result->novelties[kind],
               kind == PATTERN_WINDOW ? result->frame_peak : result->epoch_peak);
    printf("  %-9s  %s\n", inspection->anomalous ? "anomalous" : "normal", path);
    if (result->lost)
        printf("  incomplete: %llu calls were lost when it was recorded\n",
               (unsigned long long)result->lost);
    if (inspection->anomalous)
        print_first(request, inspection);
    if (inspection->novelty_count)
        printf("  everything unknown:\n");
    for (size_t i = 0; i < inspection->novelty_count; i++) {
        const struct novelty *novelty = &inspection->novelties[i];
        print_novelty(request, novelty);
        printf("  (");
        print_place(novelty->call_index, novelty->tid, novelty->pid, novelty->time);
        printf(")\n");
    }
}

/* ---- for machines ---- */

static json_t *kind_json(const struct replay_result *result, enum pattern_kind kind)
{
    return json_pack("{s:I s:I s:I s:I s:i}", "checked", (json_int_t)result->checked[kind],
                     "mismatches", (json_int_t)result->mismatches[kind], "novelties",
                     (json_int_t)result->novelties[kind], "crossings",
                     (json_int_t)result->crossings[kind], "peak",
                     (int)(kind == PATTERN_WINDOW ? result->frame_peak : result->epoch_peak));
}

static json_t *time_json(uint64_t time)
{
    char text[CLOCK_TEXT];
    return time ? json_string(clock_format(time, text)) : json_null();
}

static json_t *novelties_json(const struct detect_request *request, const struct novelty *novelties,
                              size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct novelty *novelty = &novelties[i];
        uint16_t codes[PATTERN_MAX];
        uint32_t length = pattern_of(request, novelty, codes);
        json_array_append_new(
            array,
            json_pack("{s:s s:I s:I s:I s:o s:I s:o s:s?}", "kind",
                      novelty->kind == PATTERN_BAG ? "bag" : "window", "call",
                      (json_int_t)novelty->call_index, "tid", (json_int_t)novelty->tid, "pid",
                      (json_int_t)novelty->pid, "time", time_json(novelty->time), "score",
                      (json_int_t)novelty->score, "calls", call_names_json(codes, length),
                      "old_version", profile_shown_in(request->profile, novelty->kind, codes)));
    }
    return array;
}

static json_t *first_json(const struct detect_request *request, const struct inspection *inspection)
{
    const struct crossing *first = &inspection->first;
    if (!inspection->anomalous)
        return json_null();
    return json_pack("{s:s s:I s:I s:I s:o s:I s:o}", "detector", DETECTOR[first->kind], "call",
                     (json_int_t)first->call_index, "tid", (json_int_t)first->tid, "pid",
                     (json_int_t)first->pid, "time", time_json(first->time), "score",
                     (json_int_t)first->score, "unknown",
                     novelties_json(request, inspection->unknown, inspection->unknown_count));
}

json_t *detect_json(const struct detect_request *request, const char *path,
                    const struct inspection *inspection)
{
    const struct replay_result *result = &inspection->result;
    json_t *json = json_pack("{s:s s:b s:I s:I s:o s:o s:o}", "trace", path, "anomalous",
                             inspection->anomalous, "calls", (json_int_t)result->calls, "lost",
                             (json_int_t)result->lost, "windows", kind_json(result, PATTERN_WINDOW),
                             "bags", kind_json(result, PATTERN_BAG), "first_crossing",
                             first_json(request, inspection));
    if (request->all_novelties)
        json_object_set_new(
            json, "novelties",
            novelties_json(request, inspection->novelties, inspection->novelty_count));
    return json;
}
