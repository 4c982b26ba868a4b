#include "tolerate/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

#define PANELS  512  /* of Simpson's rule, even */
#define HALVES  100  /* more than a double has bits */
#define AGE_MAX 64.0 /* in scales: beyond it nothing is left to be replaced */
#define GAIN    1e-6 /* of capacity: less is none */
#define SHARE   0.5  /* of what a replica's part of the missing capacity is, which it must gain */

/* ---- when ---- */

/* The integral of R(t) = exp(-t^shape) from 0 to age, both in scales. */
static double mean_age(double shape, double age)
{
    double step = age / PANELS, sum = 1 + exp(-pow(age, shape));
    for (int i = 1; i < PANELS; i++)
        sum += (i % 2 ? 4 : 2) * exp(-pow(i * step, shape));
    return sum * step / 3;
}

/* Rises with age; it is planned / (failure - planned) where the cost is least. */
static double balance(double shape, double age)
{
    double rate = shape * pow(age, shape - 1);
    return rate * mean_age(shape, age) + expm1(-pow(age, shape));
}

double schedule_interval(const struct lifetime *life, double planned, double failure, double *rate)
{
    double ignored = 0;
    rate = rate ? rate : &ignored;
    *rate = isfinite(life->scale) ? failure / (life->scale * tgamma(1 + 1 / life->shape)) : 0;
    if (!isfinite(life->scale) || life->shape <= 1 || failure <= planned || planned <= 0)
        return INFINITY;
    double wanted = planned / (failure - planned), low = 0, high = AGE_MAX;
    if (balance(life->shape, high) <= wanted)
        return INFINITY;
    for (int i = 0; i < HALVES; i++) {
        double middle = (low + high) / 2;
        if (balance(life->shape, middle) < wanted)
            low = middle;
        else
            high = middle;
    }
    double survived = exp(-pow(high, life->shape));
    *rate = (planned * survived + failure * (1 - survived)) /
            (life->scale * mean_age(life->shape, high));
    return high * life->scale;
}

double schedule_belief(double intrusion)
{
    return intrusion > 1 ? 1 / intrusion : 1;
}

/* ---- which ---- */

/* The capacity with the replica renewed; n: with none. */
static double capacity_with(const struct candidate *candidates, size_t n,
                            const struct rejuvenation_rule *rule, size_t renewed)
{
    autofree struct risk *risks = memory_must(calloc(n + 1, sizeof *risks));
    for (size_t i = 0; i < n; i++)
        risks[i] = i == renewed ? candidates[i].renewed : candidates[i].risk;
    return capacity(risks, n, rule->redundancy, rule->common);
}

/* Each of these returns a replica, n: none. */

static size_t most_suspect(const struct candidate *candidates, size_t n, double threshold)
{
    size_t found = n;
    for (size_t i = 0; i < n; i++)
        if (candidates[i].judged && candidates[i].risk.belief >= threshold &&
            (found == n || candidates[i].risk.belief > candidates[found].risk.belief))
            found = i;
    return found;
}

static size_t most_gain(const struct candidate *candidates, size_t n,
                        const struct rejuvenation_rule *rule, double now)
{
    size_t found = n;
    double best = now + fmax(GAIN, SHARE * (rule->floor - now) / (double)n);
    for (size_t i = 0; i < n; i++) {
        if (!candidates[i].judged)
            continue;
        double after = capacity_with(candidates, n, rule, i);
        if (after > best) {
            best = after;
            found = i;
        }
    }
    return found;
}

static size_t most_overdue(const struct candidate *candidates, size_t n)
{
    size_t found = n;
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double over = candidates[i].age - candidates[i].interval;
        if (over >= most) {
            most = over;
            found = i;
        }
    }
    return found;
}

static size_t healthy_without(const struct candidate *candidates, size_t n, size_t left_out)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += i != left_out && candidates[i].healthy;
    return count;
}

static bool any_renewing(const struct candidate *candidates, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any |= candidates[i].renewing;
    return any;
}

/* The replica is to be renewed: may it be now? */
static void settle(struct rejuvenation *next, const struct candidate *candidates, size_t n,
                   const struct rejuvenation_rule *rule)
{
    size_t others = healthy_without(candidates, n, next->replica);
    size_t length = strlen(next->reason);
    char *more = next->reason + length;
    size_t room = sizeof next->reason - length;
    next->start_first = rule->start_first;
    next->verdict = VERDICT_WAIT;
    if (any_renewing(candidates, n))
        snprintf(more, room, "; waits: another one is being renewed");
    else if (!rule->start_first && candidates[next->replica].healthy &&
             others < rule->minimum_healthy)
        snprintf(more, room, "; waits: %zu healthy would be left, %zu are needed", others,
                 rule->minimum_healthy);
    else if (rule->held)
        snprintf(more, room, "; waits: %s", rule->held);
    else
        next->verdict = VERDICT_NOW;
}

struct rejuvenation schedule_next(const struct candidate *candidates, size_t n,
                                  const struct rejuvenation_rule *rule)
{
    struct rejuvenation next = {.capacity = capacity_with(candidates, n, rule, n)};
    bool low = n > 0 && next.capacity < rule->floor;
    if ((next.replica = most_suspect(candidates, n, rule->belief)) < n) {
        next.cause = REJUVENATION_BELIEF;
        snprintf(next.reason, sizeof next.reason, "belief %.2f has reached %.2f",
                 candidates[next.replica].risk.belief, rule->belief);
    } else if (low && (next.replica = most_gain(candidates, n, rule, next.capacity)) < n) {
        next.cause = REJUVENATION_FLOOR;
        snprintf(next.reason, sizeof next.reason, "tolerance capacity %.2f is under its floor %.2f",
                 next.capacity, rule->floor);
    } else if ((next.replica = most_overdue(candidates, n)) < n) {
        next.cause = REJUVENATION_AGE;
        snprintf(next.reason, sizeof next.reason, "age %.0f s has passed %.0f s",
                 candidates[next.replica].age, candidates[next.replica].interval);
    }
    next.after = capacity_with(candidates, n, rule, next.replica);
    if (next.replica < n)
        settle(&next, candidates, n, rule);
    else if (low)
        snprintf(next.reason, sizeof next.reason,
                 "tolerance capacity %.2f is under its floor %.2f, but a clean replica would be "
                 "little better",
                 next.capacity, rule->floor);
    return next;
}
