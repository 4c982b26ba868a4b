/* A campaign's file: whatever is accepted must become a schedule and command lines. */
#include <stdint.h>
#include <stdlib.h>

#include "campaign/programs.h"
#include "campaign/timetable.h"
#include "campaign/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check(const struct campaign *campaign)
{
    struct timetable timetable;
    struct error err;
    timetable_make(campaign, &timetable);
    for (size_t i = 0; i < timetable.count; i++) {
        const struct scheduled *one = &timetable.steps[i];
        must(one->id[0] && (one->at > 0) != (one->after > 0));
        if (!one->step->benign)
            words_free(program_of_step(campaign, "testbed", one->step, &err));
    }
    timetable_clear(&timetable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct campaign *campaign = campaign_parse((const char *)data, size, "fuzz", &err);
    if (campaign && campaign->step_count < 100) /* of up to 1000 times each */
        check(campaign);
    campaign_free(campaign);
    return 0;
}
