#include "lab/found.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "lab/figures.h"

static bool is_of(const struct dataset_trace *about, const char *kind)
{
    return about->label == LABEL_ATTACK && (!kind || strcmp(about->attack, kind) == 0);
}

static bool is_earlier(const struct find *one, const struct find *two)
{
    return isnan(one->seconds) ? one->calls < two->calls : one->seconds < two->seconds;
}

/* Every attack that was found, once; returns how many. occurrences: a place for each, all NULL. */
static size_t gather(const struct corpus *corpus, const struct trial *trials, size_t count,
                     size_t which, const char *kind, const struct find **finds,
                     const struct find **occurrences)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < trials[i].alarms[which].found; j++) {
            const struct find *find = &trials[i].alarms[which].finds[j];
            const struct dataset_trace *about = corpus->traces[find->trace].about;
            if (!is_of(about, kind))
                continue;
            if (!about->occurrence)
                finds[length++] = find;
            else if (!occurrences[about->occurrence] ||
                     is_earlier(find, occurrences[about->occurrence]))
                occurrences[about->occurrence] = find;
        }
    for (size_t i = 1; i <= corpus->dataset.occurrences; i++)
        if (occurrences[i])
            finds[length++] = occurrences[i];
    return length;
}

/* An attack with several traces has happened, whatever became of them. */
static size_t count_occurrences(const struct corpus *corpus, const char *kind)
{
    autofree bool *seen = memory_must(calloc(corpus->dataset.occurrences + 1, sizeof *seen));
    size_t sum = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const struct dataset_trace *about = corpus->traces[i].about;
        if (!about->occurrence || seen[about->occurrence] || !is_of(about, kind))
            continue;
        seen[about->occurrence] = true;
        sum++;
    }
    return sum;
}

struct found found_sum(const struct corpus *corpus, const struct trial *trials, size_t count,
                       size_t which, const char *kind)
{
    struct found sum = {.attacks = count_occurrences(corpus, kind)};
    size_t most = corpus->dataset.occurrences;
    for (size_t i = 0; i < count; i++) {
        most += trials[i].alarms[which].found;
        for (size_t j = 0; j < trials[i].attack_count; j++) {
            const struct dataset_trace *about = corpus->traces[trials[i].attacks[j]].about;
            sum.attacks += !about->occurrence && is_of(about, kind);
        }
    }
    autofree const struct find **finds = memory_must(calloc(most + 1, sizeof *finds));
    autofree const struct find **occurrences =
        memory_must(calloc(corpus->dataset.occurrences + 1, sizeof *occurrences));
    autofree double *values = memory_must(calloc(most + 1, sizeof *values));
    sum.found = gather(corpus, trials, count, which, kind, finds, occurrences);
    for (size_t i = 0; i < sum.found; i++)
        values[i] = finds[i]->calls;
    sum.calls = figures_median(values, sum.found);
    for (size_t i = 0; i < sum.found; i++)
        values[i] = finds[i]->seconds;
    sum.seconds = figures_median(values, sum.found);
    return sum;
}
