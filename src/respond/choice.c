#include "respond/choice.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"

/* What a cost of 1 weighs beside a harm of 1. */
static const double AVAILABILITY = 0.2, STATE = 0.05, EVIDENCE = 0.05, OPERATION = 0.05;

double choice_eff(const struct choice_effect *effect)
{
    return effect->worked / (effect->worked + effect->failed);
}

void choice_learn(struct choice_effect *effect, bool worked)
{
    *(worked ? &effect->worked : &effect->failed) += 1;
}

/* Each spare replica halves what the loss of one is felt. */
static double service_lost(const struct choice_case *given, const struct measure *measure)
{
    double felt = 1;
    if (measure->takes_out && given->out)
        return 0;
    if (measure->takes_out && given->serving > given->minimum)
        felt = exp2(-(double)(given->serving - given->minimum));
    return measure->cost.service * felt;
}

static double cost_of(const struct choice_case *given, const struct measure *measure)
{
    const struct measure_cost *cost = &measure->cost;
    return given->criticality *
               (AVAILABILITY * service_lost(given, measure) + STATE * cost->state) +
           EVIDENCE * cost->evidence + OPERATION * cost->operation;
}

/* What cannot be undone. A detector that cannot speak lowers no quorum. */
static const char *refusal_of_the_last(const struct choice_case *given)
{
    if (given->belief < CHOICE_SURE)
        return "cannot be undone, and the belief is below 0.9: needs a person";
    if (given->able < CHOICE_QUORUM)
        return "cannot be undone, and too few kinds of detectors can judge: needs a person";
    if (given->say < CHOICE_QUORUM)
        return "cannot be undone, and one kind of detectors alone says so: needs a person";
    return NULL;
}

static const char *refusal(const struct choice_case *given, const struct choice_option *option)
{
    const struct measure *measure = option->measure;
    if (option->impossible)
        return option->impossible;
    if (measure->takes_out && !given->out && given->serving < given->minimum + 1)
        return "leaves fewer replicas than the minimum";
    if (given->approved)
        return NULL;
    if (measure->restarts && given->spent)
        return "the hour's budget is spent: needs a person";
    return measure->irreversible ? refusal_of_the_last(given) : NULL;
}

struct choice_value choice_value(const struct choice_case *given,
                                 const struct choice_option *option)
{
    struct choice_value value = {
        .eff = choice_eff(&option->effect),
        .cost = cost_of(given, option->measure),
        .collateral = (1 - given->belief) * option->measure->collateral,
        .refused = refusal(given, option),
    };
    value.spares = given->belief * given->harm * value.eff;
    value.value = value.spares - value.cost - value.collateral;
    return value;
}

/* Puts options[i] where it belongs among the `count` in order, the best first. */
static void insert(const struct choice_value *values, size_t *order, size_t count, size_t i)
{
    while (count > 0 && values[order[count - 1]].value < values[i].value) {
        order[count] = order[count - 1];
        count--;
    }
    order[count] = i;
}

size_t choice_rank(const struct choice_case *given, const struct choice_option *options,
                   size_t count, enum measure_stage stage, struct choice_value *values,
                   size_t *order)
{
    size_t chosen = 0;
    for (size_t i = 0; i < count; i++) {
        values[i] = choice_value(given, &options[i]);
        if (options[i].measure->stage == stage && !values[i].refused && values[i].value > 0)
            insert(values, order, chosen++, i);
    }
    return chosen;
}

static json_t *option_json(const struct choice_option *option, const struct choice_value *value)
{
    return json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:s*}", "measure", option->measure->name, "value",
                     value->value, "eff", value->eff, "spares", value->spares, "cost", value->cost,
                     "collateral", value->collateral, "refused", value->refused);
}

json_t *choice_json(const struct choice_option *options, const struct choice_value *values,
                    size_t count, enum measure_stage stage)
{
    autofree size_t *order = memory_must(calloc(count + 1, sizeof *order));
    size_t listed = 0;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (options[i].measure->stage == stage)
            insert(values, order, listed++, i);
    for (int refused = 0; refused < 2; refused++)
        for (size_t i = 0; i < listed; i++)
            if ((values[order[i]].refused != NULL) == refused)
                json_array_append_new(list, option_json(&options[order[i]], &values[order[i]]));
    return list;
}
