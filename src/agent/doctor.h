/*
 * Can this machine do it? Every point that Skink depends on is tried, and said with what to do
 * where it does not hold.
 */
#ifndef SKINK_AGENT_DOCTOR_H
#define SKINK_AGENT_DOCTOR_H

#include <stddef.h>

#include "agent/config.h"

#define DOCTOR_FINDINGS 32

enum doctor_verdict {
    DOCTOR_OK,
    DOCTOR_WARN, /* Skink works, but less well than it could */
    DOCTOR_FAIL, /* Skink cannot work */
};

struct doctor_finding {
    enum doctor_verdict verdict;
    const char *point; /* what was looked at: "kernel", "rights", "docker" */
    char found[400];
    char advice[200]; /* "" when there is nothing to do */
};

/* "ok", "warn", "fail". */
const char *doctor_verdict_name(enum doctor_verdict verdict);

/* Fills findings and returns their number. Changes nothing on the machine. */
size_t doctor_examine(const struct config *config, struct doctor_finding findings[DOCTOR_FINDINGS]);

/* The worst verdict of all. */
enum doctor_verdict doctor_verdict(const struct doctor_finding *findings, size_t count);

#endif
