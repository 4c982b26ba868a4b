/* The table of measures. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "respond/balancer.h"
#include "respond/engine.h"
#include "respond/measures.h"

const struct measure *const measures[] = {&measure_hold,       &measure_stop,     &measure_pause,
                                          &measure_quarantine, &measure_refuse,   &measure_throttle,
                                          &measure_redirect,   &measure_remap,    &measure_shuffle,
                                          &measure_kill,       &measure_evidence, &measure_replace,
                                          &measure_decoy,      &measure_renew,    &measure_revoke,
                                          &measure_checkpoint, &measure_migrate,  NULL};

const char *measure_stage_name(enum measure_stage stage)
{
    static const char *const NAMES[] = {"contain", "evidence", "recover"};
    return NAMES[stage];
}

size_t measure_count(void)
{
    return sizeof measures / sizeof *measures - 1;
}

const struct measure *measure_find(const char *name)
{
    for (size_t i = 0; measures[i]; i++)
        if (strcmp(measures[i]->name, name) == 0)
            return measures[i];
    return NULL;
}

static bool is_name(const char *name, const char *word, size_t length)
{
    return strlen(name) == length && strncmp(name, word, length) == 0;
}

bool measure_listed(const struct measure *measure, const char *list)
{
    for (const char *word = list; word && *word; word += strcspn(word, ", ")) {
        word += strspn(word, ", ");
        if (is_name(measure->name, word, strcspn(word, ", ")))
            return true;
    }
    return false;
}

const char *measure_unknown(const char *list)
{
    for (const char *word = list; word && *word; word += strcspn(word, ", ")) {
        word += strspn(word, ", ");
        size_t length = strcspn(word, ", "), i = 0;
        while (measures[i] && !is_name(measures[i]->name, word, length))
            i++;
        if (length > 0 && !measures[i])
            return word;
    }
    return NULL;
}

int measure_carry_out(const struct measure *measure, const struct measure_target *target,
                      json_t *token, struct error *err)
{
    struct error ignored; /* a balancer that is silent must not keep the intruder alive */
    bool shed = measure->takes_out && measure != &measure_redirect &&
                balancer_check(target, &ignored) == 0 &&
                balancer_shed(target, token, &ignored) == 0;
    if (measure->carry_out(target, token, err) == 0)
        return 0;
    if (shed)
        balancer_restore(token, &ignored);
    return -1;
}

int measure_undo(const char *name, const json_t *token, const struct measure_kernel *kernel,
                 const char *engine_socket, bool expired, struct error *err)
{
    const struct measure *measure = measure_find(name);
    if (!measure)
        return error_set(err, EXIT_USAGE, 0, "%s: no such measure", name);
    if (expired && measure->expire)
        return measure->expire(token, engine_socket, err);
    if (measure->undo && measure->undo(token, kernel, err) < 0)
        return -1;
    int released = engine_release(engine_socket, token, err);
    return balancer_restore(token, err) < 0 ? -1 : released;
}

int measure_withdraw(const struct measure *measure, const struct measure_target *target,
                     const json_t *token, struct error *err)
{
    if (measure->irreversible)
        return 0;
    if (measure->withdraw)
        return measure->withdraw(target, token, err);
    return measure_undo(measure->name, token, &target->kernel, target->engine_socket, false, err);
}

uint64_t measure_longest(const struct measure *measure)
{
    return measure->longest ? measure->longest : MEASURE_LONGEST;
}

static char *copy(const char *text)
{
    return text ? memory_must(strdup(text)) : NULL;
}

struct measure_target *measure_target_copy(const struct measure_target *target)
{
    struct measure_target *own = memory_must(malloc(sizeof *own));
    *own = *target;
    own->rule.balancer = copy(target->rule.balancer);
    own->rule.backend = copy(target->rule.backend);
    own->rule.map = copy(target->rule.map);
    own->rule.map_network = copy(target->rule.map_network);
    own->rule.site = copy(target->rule.site);
    own->rule.addresses = copy(target->rule.addresses);
    own->rule.replace = copy(target->rule.replace);
    own->rule.variants = copy(target->rule.variants);
    own->rule.revoke = copy(target->rule.revoke);
    own->rule.migrate = copy(target->rule.migrate);
    own->rule.except = copy(target->rule.except);
    own->engine_socket = copy(target->engine_socket);
    own->evidence = copy(target->evidence);
    own->cannot_refuse = copy(target->cannot_refuse);
    own->known = NULL;
    return own;
}

void measure_known_free(struct measure_known *known)
{
    if (!known)
        return;
    access_set_free(&known->accesses);
    free(known->peers);
    free(known);
}

void measure_target_free(struct measure_target *target)
{
    if (!target)
        return;
    free(target->rule.balancer);
    free(target->rule.backend);
    free(target->rule.map);
    free(target->rule.map_network);
    free(target->rule.site);
    free(target->rule.addresses);
    free(target->rule.replace);
    free(target->rule.variants);
    free(target->rule.revoke);
    free(target->rule.migrate);
    free(target->rule.except);
    free((char *)target->engine_socket);
    free((char *)target->evidence);
    free((char *)target->cannot_refuse);
    measure_known_free(target->known);
    free(target);
}
