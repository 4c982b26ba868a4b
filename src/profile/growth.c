#include "profile/growth.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

void growth_start(struct growth *growth, const struct growth_rule *rule)
{
    *growth = (struct growth){.rule = *rule};
}

void growth_free(struct growth *growth)
{
    free(growth->points);
    growth->points = NULL;
    growth->count = 0;
}

void growth_append(struct growth *growth, const struct growth_point *point)
{
    if ((growth->count & (growth->count - 1)) == 0) { /* full at each power of two */
        size_t room = growth->count ? 2 * growth->count : 1;
        growth->points = memory_must(reallocarray(growth->points, room, sizeof *growth->points));
    }
    growth->points[growth->count++] = *point;
}

double growth_slope(const struct growth *growth, size_t index)
{
    const struct growth_point *from = &growth->points[index - 1], *to = from + 1;
    double span = growth->rule.interval_ns
                      ? (double)(to->elapsed_ns - from->elapsed_ns) / (double)NS_PER_S
                      : (double)(to->calls - from->calls) / 1000.0;
    return span > 0 ? ((double)to->patterns - (double)from->patterns) / span : 0;
}

/* Is a steady interval before the end of the learning one of the row that ended it? */
static bool in_last_row(const struct growth *growth, size_t index)
{
    uint32_t steady = 1;
    for (size_t i = index + 1; i <= growth->learned_at && steady <= growth->rule.needed; i++)
        steady += growth->points[i].steady;
    return steady <= growth->rule.needed;
}

enum growth_mark growth_mark(const struct growth *growth, size_t index)
{
    if (!growth->points[index].steady)
        return GROWTH_UNSTEADY;
    if (!growth->learned || index > growth->learned_at)
        return GROWTH_STEADY;
    if (index == growth->learned_at)
        return GROWTH_END;
    return in_last_row(growth, index) ? GROWTH_ROW : GROWTH_STEADY;
}

/* Judges the interval that ends at the last point; true when it ended the learning. */
static bool judge(struct growth *growth)
{
    size_t last = growth->count - 1;
    struct growth_point *point = &growth->points[last];
    double slope = growth_slope(growth, last);
    bool idle = point->calls == point[-1].calls && !growth->broken;
    point->steady = !idle && !growth->broken && slope >= 0 && slope <= growth->rule.sigma;
    growth->broken = false;
    if (!idle)
        growth->in_a_row = point->steady ? growth->in_a_row + 1 : 0;
    if (growth->learned || growth->in_a_row < growth->rule.needed)
        return false;
    growth->learned = true;
    growth->learned_at = last;
    return true;
}

bool growth_update(struct growth *growth, uint64_t elapsed_ns, uint64_t calls, uint64_t patterns,
                   bool broken)
{
    const struct growth_rule *rule = &growth->rule;
    if (growth->count == 0)
        growth_append(growth, &(struct growth_point){0});
    growth->broken |= broken;
    const struct growth_point *last = &growth->points[growth->count - 1];
    uint64_t length = rule->interval_ns ? rule->interval_ns : rule->interval_calls;
    uint64_t from = rule->interval_ns ? last->elapsed_ns : last->calls;
    uint64_t now = rule->interval_ns ? elapsed_ns : calls;
    if (length == 0 || now < from || now - from < length || growth->count == GROWTH_POINTS_MAX)
        return false;
    struct growth_point point = {.elapsed_ns = elapsed_ns, .calls = calls, .patterns = patterns};
    uint64_t end = now - (now - from) % length;
    if (rule->interval_ns)
        point.elapsed_ns = end;
    else
        point.calls = end;
    growth_append(growth, &point);
    return judge(growth);
}
