#include "campaign/truth.h"

#include <string.h>

#include "base/clock.h"

json_t *truth_time(uint64_t ns)
{
    char text[CLOCK_TEXT];
    return ns ? json_string(clock_format(ns, text)) : json_null();
}

json_t *truth_last_object(const char *text)
{
    const char *end = text + strlen(text);
    while (end > text && end[-1] == '\n')
        end--;
    while (end > text) {
        const char *start = memrchr(text, '\n', (size_t)(end - text));
        start = start ? start + 1 : text;
        json_t *json = json_loadb(start, (size_t)(end - start), 0, NULL);
        if (json_is_object(json))
            return json;
        json_decref(json);
        end = start > text ? start - 1 : text;
    }
    return NULL;
}

static json_t *base(const char *id, const char *kind, const char *name,
                    const struct outcome *outcome)
{
    json_t *line = json_pack("{s:s s:s s:s s:o s:o s:s}", "step", id, "kind", kind, "name", name,
                             "begin", truth_time(outcome->begin), "end", truth_time(outcome->end),
                             "outcome", outcome->word);
    if (outcome->why[0])
        json_object_set_new(line, "why", json_string(outcome->why));
    return line;
}

json_t *truth_stretch(const char *name, const struct outcome *outcome)
{
    return base(name, "benign", name, outcome);
}

/* Unix time as programs print it. */
static void take_time(json_t *line, const char *key, const json_t *said)
{
    double seconds = json_number_value(json_object_get(said, key));
    if (seconds > 0 && seconds < 1e10)
        json_object_set_new(line, key, truth_time((uint64_t)(seconds * (double)NS_PER_S)));
}

/* What the attack says of itself. */
static void add_attack(const struct scheduled *scheduled, const struct outcome *outcome,
                       const char *output, json_t *line)
{
    static const char *const FACTS[] = {"entry",   "path",      "replicas",
                                        "touches", "technique", "evidence"};
    json_t *said = truth_last_object(output);
    const json_t *succeeded = json_object_get(said, "succeeded");
    bool done = strcmp(outcome->word, "done") == 0;
    json_object_set_new(line, "aside", json_boolean(scheduled->step->aside));
    json_object_set_new(line, "succeeded", json_boolean(done && !json_is_false(succeeded)));
    take_time(line, "begin", said);
    take_time(line, "end", said);
    for (size_t i = 0; i < sizeof FACTS / sizeof *FACTS; i++) {
        json_t *fact = json_object_get(said, FACTS[i]);
        json_object_set(line, FACTS[i], fact ? fact : json_null());
    }
    json_decref(said);
}

json_t *truth_step(const struct scheduled *scheduled, const struct outcome *outcome,
                   const char *output)
{
    const struct campaign_step *step = scheduled->step;
    json_t *line = base(scheduled->id, step_kind(step), step_name(step), outcome);
    const char *service = step->scale ? step->scale : step->deploy;
    if (step->attack)
        add_attack(scheduled, outcome, output, line);
    if (service)
        json_object_set_new(line, "service", json_string(service));
    if (step->scale)
        json_object_set_new(line, "count", json_integer(step->count));
    if (step->deploy)
        json_object_set_new(line, "version", json_string(step->version));
    if (step->fault_in) {
        json_object_set_new(line, "replica", json_string(step->fault_in));
        json_object_set_new(line, "fault", json_string(step->fault ? step->fault : "kill"));
    }
    return line;
}
