/* The keys of a campaign's file. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "campaign/campaign.h"

#define IN_CAMPAIGN(field) offsetof(struct campaign, field)
#define IN_STEP(field)     offsetof(struct campaign_step, field)

#define DAY 86400 /* seconds */

/* clang-format off */
static const struct key STEP_KEYS[] = {
    {.name = "attack", .type = KEY_TEXT, .offset = IN_STEP(attack)},
    {.name = "arguments", .type = KEY_LINE, .offset = IN_STEP(arguments)},
    {.name = "scale", .type = KEY_TEXT, .offset = IN_STEP(scale)},
    {.name = "count", .type = KEY_COUNT, .offset = IN_STEP(count), .min = 1, .max = 1000},
    {.name = "deploy", .type = KEY_TEXT, .offset = IN_STEP(deploy)},
    {.name = "version", .type = KEY_TEXT, .offset = IN_STEP(version)},
    {.name = "break", .type = KEY_TEXT, .offset = IN_STEP(fault_in)},
    {.name = "fault", .type = KEY_TEXT, .offset = IN_STEP(fault)},
    {.name = "seconds", .type = KEY_NUMBER, .offset = IN_STEP(seconds), .min = 0, .max = DAY},
    {.name = "benign", .type = KEY_DURATION, .offset = IN_STEP(benign), .min = 1, .max = 30 * DAY},
    {.name = "replica", .type = KEY_TEXT, .offset = IN_STEP(replica)},
    {.name = "after", .type = KEY_SPAN, .offset = IN_STEP(after), .min = 0.001, .max = DAY},
    {.name = "at", .type = KEY_SPAN, .offset = IN_STEP(at), .min = 0.001, .max = 30 * DAY},
    {.name = "times", .type = KEY_COUNT, .offset = IN_STEP(times), .text = "1", .min = 1,
     .max = 1000},
    {.name = "aside", .type = KEY_SWITCH, .offset = IN_STEP(aside)},
    {.name = NULL},
};

static const struct key LOAD_KEYS[] = {
    {.name = "shoppers", .type = KEY_COUNT, .offset = IN_CAMPAIGN(shoppers), .text = "10",
     .min = 0, .max = 10000},
    {.name = "think", .type = KEY_NUMBER, .offset = IN_CAMPAIGN(think), .text = "1", .min = 0,
     .max = DAY},
    {.name = "day", .type = KEY_DURATION, .offset = IN_CAMPAIGN(day), .text = "10m", .min = 1,
     .max = 30 * DAY},
    {.name = NULL},
};

static const struct key LEARN_KEYS[] = {
    {.name = "training", .type = KEY_DURATION, .offset = IN_CAMPAIGN(training), .text = "2m",
     .min = 0, .max = DAY},
    {.name = "validation", .type = KEY_DURATION, .offset = IN_CAMPAIGN(validation), .text = "1m",
     .min = 0, .max = DAY},
    {.name = "wait", .type = KEY_DURATION, .offset = IN_CAMPAIGN(wait), .text = "0", .min = 0,
     .max = DAY},
    {.name = NULL},
};

static const struct key SYSTEM_KEYS[] = {
    {.name = "name", .type = KEY_TEXT, .offset = IN_CAMPAIGN(system.name), .text = "shop"},
    {.name = "load", .type = KEY_LINE, .offset = IN_CAMPAIGN(system.load),
     .text = "{testbed}/shop --name {name} load --seconds {seconds} --shoppers {shoppers}"
             " --think {think} --day {day} --seed {seed} --every 2"},
    {.name = "attack", .type = KEY_LINE, .offset = IN_CAMPAIGN(system.attack),
     .text = "{testbed}/attacks/{attack}.py --name {name} --replica={replica} {arguments}"},
    {.name = "scale", .type = KEY_LINE, .offset = IN_CAMPAIGN(system.scale),
     .text = "{testbed}/shop --name {name} scale {service} {count}"},
    {.name = "deploy", .type = KEY_LINE, .offset = IN_CAMPAIGN(system.deploy),
     .text = "{testbed}/shop --name {name} deploy {service} {version}"},
    {.name = "break", .type = KEY_LINE, .offset = IN_CAMPAIGN(system.fault),
     .text = "{testbed}/shop --name {name} break {replica} --fault {fault} --seconds {seconds}"},
    {.name = "containers", .type = KEY_LINE, .offset = IN_CAMPAIGN(system.containers),
     .text = "skink-testbed-{name}-*"},
    {.name = "oci", .type = KEY_LINE, .offset = IN_CAMPAIGN(system.oci),
     .text = "/run/skink-testbed/skink-testbed-{name}/oci"},
    {.name = NULL},
};
/* clang-format on */

/* Which of the things that a step may be are given; the last one's name. */
static int kinds_of(const struct campaign_step *step, const char **last)
{
    const struct {
        const char *name;
        bool given;
    } KINDS[] = {{"attack", step->attack},
                 {"scale", step->scale},
                 {"deploy", step->deploy},
                 {"break", step->fault_in},
                 {"benign", step->benign > 0}};
    int count = 0;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (KINDS[i].given) {
            count++;
            *last = KINDS[i].name;
        }
    return count;
}

static const char *check_step(const void *target, struct error *err)
{
    const struct campaign_step *step = target;
    const char *kind = "attack";
    if (kinds_of(step, &kind) != 1) {
        error_set(err, EXIT_USAGE, 0, "a step is one thing (attack, scale, deploy, break, benign)");
        return kind;
    }
    const struct {
        const char *name, *of;
        bool given, needed;
    } COMPANIONS[] = {{"count", "scale", step->count > 0, true},
                      {"version", "deploy", step->version, true},
                      {"fault", "break", step->fault, false},
                      {"seconds", "break", step->seconds > 0, false},
                      {"arguments", "attack", step->arguments, false},
                      {"replica", "attack", step->replica, false},
                      {"aside", "attack", step->aside, false}};
    for (size_t i = 0; i < sizeof COMPANIONS / sizeof *COMPANIONS; i++) {
        bool its_own = strcmp(COMPANIONS[i].of, kind) == 0;
        if (its_own ? COMPANIONS[i].given || !COMPANIONS[i].needed : !COMPANIONS[i].given)
            continue;
        error_set(err, EXIT_USAGE, 0, its_own ? "is missing" : "belongs to a step that is a %s",
                  COMPANIONS[i].of);
        return COMPANIONS[i].name;
    }
    return NULL;
}

/* Whose attack cannot be told which replica it is to be. */
static const char *check_replicas(const struct campaign *campaign, struct error *err)
{
    for (size_t i = 0; i < campaign->step_count; i++)
        if (campaign->steps[i].replica && !strstr(campaign->system.attack, "{replica}")) {
            error_set(err, EXIT_USAGE, 0, "attack has no {replica}, which steps[%zu] needs", i);
            return "system";
        }
    return NULL;
}

static const char *check_campaign(const void *target, struct error *err)
{
    static const char LETTERS[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const struct campaign *campaign = target;
    if (campaign->name[strspn(campaign->name, LETTERS)]) {
        error_set(err, EXIT_USAGE, 0, "\"%s\" has more than letters, digits, - and _",
                  campaign->name);
        return "name";
    }
    return check_replicas(campaign, err);
}

static const struct key_table LOAD = {.keys = LOAD_KEYS};
static const struct key_table LEARN = {.keys = LEARN_KEYS};
static const struct key_table SYSTEM = {.keys = SYSTEM_KEYS};
static const struct key_table STEP = {.keys = STEP_KEYS,
                                      .size = sizeof(struct campaign_step),
                                      .count_offset = IN_CAMPAIGN(step_count),
                                      .check = check_step};

/* clang-format off */
static const struct key CAMPAIGN_KEYS[] = {
    {.name = "name", .type = KEY_TEXT, .offset = IN_CAMPAIGN(name), .required = true},
    {.name = "about", .type = KEY_LINE, .offset = IN_CAMPAIGN(about)},
    {.name = "seed", .type = KEY_CALLS, .offset = IN_CAMPAIGN(seed), .text = "1", .min = 0,
     .max = 1e15},
    {.name = "record", .type = KEY_SWITCH, .offset = IN_CAMPAIGN(record), .text = "true"},
    {.name = "results", .type = KEY_SWITCH, .offset = IN_CAMPAIGN(results), .text = "false"},
    {.name = "shuffle", .type = KEY_SWITCH, .offset = IN_CAMPAIGN(shuffle), .text = "false"},
    {.name = "gap", .type = KEY_SPAN, .offset = IN_CAMPAIGN(gap), .text = "40s", .min = 0.001,
     .max = DAY},
    {.name = "timeout", .type = KEY_DURATION, .offset = IN_CAMPAIGN(timeout), .text = "3m",
     .min = 1, .max = DAY},
    {.name = "load", .type = KEY_GROUP, .table = &LOAD},
    {.name = "learn", .type = KEY_GROUP, .table = &LEARN},
    {.name = "system", .type = KEY_GROUP, .table = &SYSTEM},
    {.name = "steps", .type = KEY_LIST, .offset = IN_CAMPAIGN(steps), .required = true,
     .table = &STEP},
    {.name = NULL},
};
/* clang-format on */

static const struct key_table TABLE = {
    .keys = CAMPAIGN_KEYS, .check = check_campaign, .hint = "docs/campaigns.md"};

struct campaign *campaign_parse(const char *text, size_t size, const char *name, struct error *err)
{
    struct campaign *campaign = memory_must(calloc(1, sizeof *campaign));
    keys_default(&TABLE, campaign);
    if (keys_read(&TABLE, campaign, text, size, name, err) < 0) {
        campaign_free(campaign);
        return NULL;
    }
    if (!campaign->name) { /* an empty file */
        error_set(err, EXIT_USAGE, 0, "%s: no campaign is in it", name);
        campaign_free(campaign);
        return NULL;
    }
    campaign->text = memory_must(strndup(text, size));
    return campaign;
}

struct campaign *campaign_load(const char *path, struct error *err)
{
    size_t size;
    autofree char *text = keys_load(path, &size, err);
    return text ? campaign_parse(text, size, path, err) : NULL;
}

void campaign_free(struct campaign *campaign)
{
    if (!campaign)
        return;
    keys_free(&TABLE, campaign);
    free(campaign->text);
    free(campaign);
}
