/*
 * A campaign: attacks on a real system, changes of it, and stretches in which nothing happens but
 * its load, by a plan (docs/campaigns.md).
 */
#ifndef SKINK_CAMPAIGN_CAMPAIGN_H
#define SKINK_CAMPAIGN_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config_keys.h"
#include "base/error.h"

/* A step as the file has it. Exactly one of attack, scale, deploy, fault_in and benign is set. */
struct campaign_step {
    char *attack, *arguments;
    char *scale;
    uint32_t count;
    char *deploy, *version;
    char *fault_in, *fault; /* a replica */
    double seconds;
    uint64_t benign; /* ns */
    char *replica;
    struct span after; /* none: the campaign's gap */
    struct span at;    /* since the first step could begin; none: at any time */
    uint32_t times;
    bool aside;
};

/* Templates of command lines (campaign/words.h), and where the containers are. */
struct campaign_system {
    char *name;
    char *load, *attack, *scale, *deploy, *fault;
    char *containers; /* names, as a pattern of fnmatch(3) */
    char *oci;        /* state directory of runc or crun; "": those that are usual */
};

struct campaign {
    char *text; /* of the file */
    char *name, *about;
    uint64_t seed;
    bool record, results, shuffle;
    uint32_t shoppers; /* 0: no load */
    double think;
    uint64_t day, training, validation, wait, timeout; /* ns */
    struct span gap;
    struct campaign_system system;
    struct campaign_step *steps;
    size_t step_count;
};

/* NULL on error: err says "FILE:LINE: …". */
struct campaign *campaign_load(const char *path, struct error *err);
struct campaign *campaign_parse(const char *text, size_t size, const char *name, struct error *err);
void campaign_free(struct campaign *campaign);

#endif
