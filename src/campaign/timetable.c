#include "campaign/timetable.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "campaign/path.h"
#include "lab/random.h"

const char *step_kind(const struct campaign_step *step)
{
    return step->attack ? "attack" : step->benign ? "benign" : "change";
}

const char *step_name(const struct campaign_step *step)
{
    return step->attack   ? step->attack
           : step->scale  ? "scale"
           : step->deploy ? "deploy"
           : step->benign ? "benign"
                          : "break";
}

/* What a change is made to, "" of others. */
static const char *subject(const struct campaign_step *step)
{
    return step->scale      ? step->scale
           : step->deploy   ? step->deploy
           : step->fault_in ? step->fault_in
                            : "";
}

static uint64_t draw(uint64_t *state, const struct span *span)
{
    uint64_t ms = (span->most - span->least) / NS_PER_MS;
    return span->least + (ms ? random_below(state, ms + 1) * NS_PER_MS : 0);
}

/* The attacks change places with one another; what is not an attack stays where it is. */
static void shuffle_attacks(uint64_t *state, struct timetable *timetable)
{
    for (size_t i = timetable->count; i > 1; i--) {
        struct scheduled *last = &timetable->steps[i - 1];
        size_t attacks = 0, which;
        for (size_t j = 0; j < i; j++)
            attacks += timetable->steps[j].step->attack != NULL;
        if (!last->step->attack)
            continue;
        which = random_below(state, attacks);
        for (size_t j = 0; j < i; j++)
            if (timetable->steps[j].step->attack && which-- == 0) {
                const struct campaign_step *step = last->step;
                last->step = timetable->steps[j].step;
                timetable->steps[j].step = step;
                break;
            }
    }
}

void timetable_make(const struct campaign *campaign, struct timetable *timetable)
{
    uint64_t state = campaign->seed;
    size_t count = 0;
    for (size_t i = 0; i < campaign->step_count; i++)
        count += campaign->steps[i].times;
    *timetable =
        (struct timetable){.steps = memory_must(calloc(count + 1, sizeof(struct scheduled)))};
    for (size_t i = 0; i < campaign->step_count; i++)
        for (uint32_t j = 0; j < campaign->steps[i].times; j++)
            timetable->steps[timetable->count++].step = &campaign->steps[i];
    if (campaign->shuffle)
        shuffle_attacks(&state, timetable);
    for (size_t i = 0; i < count; i++) {
        struct scheduled *scheduled = &timetable->steps[i];
        const struct campaign_step *step = scheduled->step;
        const char *of = subject(step);
        char name[SCHEDULED_ID];
        snprintf(name, sizeof name, "%02zu-%.40s%s%.40s", i + 1, step_name(step), *of ? "-" : "",
                 of);
        path_part(name, scheduled->id, sizeof scheduled->id);
        if (step->at.most)
            scheduled->at = draw(&state, &step->at);
        else
            scheduled->after = draw(&state, step->after.most ? &step->after : &campaign->gap);
    }
}

void timetable_clear(struct timetable *timetable)
{
    free(timetable->steps);
    *timetable = (struct timetable){0};
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

void timetable_print(const struct campaign *campaign, const struct timetable *timetable, FILE *out)
{
    fprintf(out, "%s, seed %llu: %g s of training, %g s of validation, then %zu steps\n",
            campaign->name, (unsigned long long)campaign->seed, seconds(campaign->training),
            seconds(campaign->validation), timetable->count);
    for (size_t i = 0; i < timetable->count; i++) {
        const struct scheduled *scheduled = &timetable->steps[i];
        fprintf(out, "  %s %9.3f s  %-7s %s%s\n", scheduled->at ? "at   " : "after",
                seconds(scheduled->at ? scheduled->at : scheduled->after),
                step_kind(scheduled->step), scheduled->id, scheduled->step->aside ? "  aside" : "");
    }
}

json_t *timetable_json(const struct timetable *timetable)
{
    json_t *list = json_array();
    for (size_t i = 0; i < timetable->count; i++) {
        const struct scheduled *scheduled = &timetable->steps[i];
        json_array_append_new(
            list, json_pack("{s:s s:s s:f s:b}", "step", scheduled->id, "kind",
                            step_kind(scheduled->step), scheduled->at ? "at_s" : "after_s",
                            seconds(scheduled->at ? scheduled->at : scheduled->after), "aside",
                            scheduled->step->aside));
    }
    return list;
}
