#include "campaign/programs.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "campaign/play.h"
#include "campaign/words.h"

#define NUMBER  32
#define FOREVER "2592000" /* seconds, a month: SIGTERM ends the load before */

char **program_of_step(const struct campaign *campaign, const char *testbed,
                       const struct campaign_step *step, struct error *err)
{
    const struct campaign_system *system = &campaign->system;
    char count[NUMBER], seconds[NUMBER];
    snprintf(count, sizeof count, "%" PRIu32, step->count);
    snprintf(seconds, sizeof seconds, "%g", step->seconds > 0 ? step->seconds : 3);
    const struct value values[] = {
        {"testbed", testbed, false},
        {"name", system->name, false},
        {"attack", step->attack, false},
        {"arguments", step->arguments, true},
        {"service", step->scale ? step->scale : step->deploy, false},
        {"count", count, false},
        {"version", step->version, false},
        {"replica", step->fault_in ? step->fault_in : step->replica, false},
        {"fault", step->fault ? step->fault : "kill", false},
        {"seconds", seconds, false},
        {NULL, NULL, false},
    };
    const char *template = step->attack   ? system->attack
                           : step->scale  ? system->scale
                           : step->deploy ? system->deploy
                                          : system->fault;
    return words_make(template, values, err);
}

char **program_of_load(const struct campaign *campaign, const char *testbed, struct error *err)
{
    char shoppers[NUMBER], think[NUMBER], day[NUMBER], seed[NUMBER];
    snprintf(shoppers, sizeof shoppers, "%" PRIu32, campaign->shoppers);
    snprintf(think, sizeof think, "%g", campaign->think);
    snprintf(day, sizeof day, "%g", (double)campaign->day / (double)NS_PER_S);
    snprintf(seed, sizeof seed, "%" PRIu64, campaign->seed);
    const struct value values[] = {
        {"testbed", testbed, false}, {"name", campaign->system.name, false},
        {"seconds", FOREVER, false}, {"shoppers", shoppers, false},
        {"think", think, false},     {"day", day, false},
        {"seed", seed, false},       {NULL, NULL, false},
    };
    return words_make(campaign->system.load, values, err);
}

char *program_text(const struct campaign *campaign, const char *template, struct error *err)
{
    const struct value values[] = {{"name", campaign->system.name, false}, {NULL, NULL, false}};
    return words_text(template, values, err);
}

int campaign_check(const struct campaign *campaign, const char *testbed, struct error *err)
{
    autofree char *containers = program_text(campaign, campaign->system.containers, err);
    autofree char *oci = containers ? program_text(campaign, campaign->system.oci, err) : NULL;
    char **load = oci ? program_of_load(campaign, testbed, err) : NULL;
    bool whole = load != NULL;
    words_free(load);
    for (size_t i = 0; i < campaign->step_count && whole; i++) {
        if (campaign->steps[i].benign)
            continue;
        char **words = program_of_step(campaign, testbed, &campaign->steps[i], err);
        whole = words != NULL;
        words_free(words);
    }
    return whole ? 0 : -1;
}
