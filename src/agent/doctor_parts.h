/* What the two files of the doctor share; see agent/doctor.h for what it is. */
#ifndef SKINK_AGENT_DOCTOR_PARTS_H
#define SKINK_AGENT_DOCTOR_PARTS_H

#include "agent/doctor.h"

struct doctor_report {
    struct doctor_finding *findings; /* DOCTOR_FINDINGS */
    size_t count;
};

/* advice may be NULL. One finding too many is left out. */
void doctor_add(struct doctor_report *report, enum doctor_verdict verdict, const char *point,
                const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* doctor_host.c */
void doctor_examine_cgroups(struct doctor_report *report);
void doctor_examine_engines(struct doctor_report *report, const struct config *config);
void doctor_examine_state(struct doctor_report *report, const struct config *config);

#endif
