/*
 * An alert: one replica left its profile. One cause is one alert, that grows and closes: while a
 * replica's alert is open, what it shows goes into it, but for what agent/cause.h calls another
 * cause. docs/alerts.md lists the fields.
 */
#ifndef SKINK_AGENT_ALERT_H
#define SKINK_AGENT_ALERT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/fact.h"
#include "agent/foreign.h"
#include "agent/process.h"
#include "agent/service.h"
#include "detect/siblings.h"
#include "probe/probe.h"
#include "workload/workload.h"

#define ALERT_UNKNOWN    24 /* unknown patterns that an alert spells; it counts all of them */
#define ALERT_TREES      4  /* processes whose trees it names */
#define ALERT_FACTS_TOLD 24 /* facts that it tells */

struct alert;

enum alert_state { ALERT_OPEN, ALERT_GROWING, ALERT_CLOSED };

/* The state of an alert that has closed and was taken for normal by a person. */
#define ALERT_ACCEPTED "accepted"

/* Whom an alert is about; borrowed as long as the alert lives. */
struct alert_subject {
    const struct service *service;
    const struct workload *workload;
    const struct probe *probe;
    struct process_table *processes;
    uint32_t replica; /* the probe's index */
};

/* A burst that a replica's siblings do not show (detect/siblings.h). */
struct alert_siblings {
    uint32_t replicas;             /* siblings that it was compared with */
    struct siblings_record others; /* what they have shown */
    uint64_t calls;                /* that its load makes of the replica in a stretch */
    uint64_t patterns, threshold;  /* in the burst; so many raise an alert */
    double chance;                 /* of a burst as large in a replica that does what they do */
};

/* crossing: the report with REPORT_CROSSED. NULL: calls or reports were lost while detecting, or a
 * fact or siblings are noted next. */
struct alert *alert_new(const struct alert_subject *subject, const struct report *crossing);
void alert_free(struct alert *alert);

/* A novelty or another crossing of this replica; novelties from before the crossing come first.
 * True when the alert becomes a graver one: about what the replica does instead of a loss, about
 * something never seen instead of old behaviour. */
bool alert_note(struct alert *alert, const struct report *report);

/* A novelty from before its cause. The probe does not report it again: it is foreign behaviour of
 * the alert when the replica has shown it since then (CLOCK_MONOTONIC). */
void alert_note_earlier(struct alert *alert, const struct report *report, uint64_t since);

/* So many facts of the kind raise an alert; 0: none does. */
uint32_t alert_threshold(const struct service_config *config, enum fact_kind kind);

/* Something that its service never did. True when this makes the alert a graver one, or is of a
 * kind that it had no fact of. */
bool alert_note_fact(struct alert *alert, const struct fact *fact);

/* Makes an alert that has just been made one about what its siblings do not do. */
void alert_note_siblings(struct alert *alert, const struct alert_siblings *found);

/* Kinds of detectors: sequences of calls; files touched and programs run; who was called, and what
 * the other replicas answer. */
enum alert_voice { VOICE_CALLS, VOICE_ACCESSES, VOICE_PEERS, VOICES };

/* Those that call the replica foreign by now: a set of 1 << enum alert_voice. */
unsigned alert_voices(const struct alert *alert);

/*
 * The processes that it names, up to `max`: each with those that it descends from, it first; behind
 * the last of them stands a 0. None when it is known already on whose behalf they acted.
 */
size_t alert_processes(const struct alert *alert, uint32_t *pid, size_t max);

/* They acted on connections of one service; "": of several, so that it will not be known. */
void alert_note_behalf(struct alert *alert, const char *service);

/* NULL: not known. */
const char *alert_behalf(const struct alert *alert);

/* Losses while it is open: what was not seen, reports that the replica's quota held back. */
void alert_note_loss(struct alert *alert, uint64_t lost);

/* Brings the counters up to date; true when there is something to tell since alert_json. */
bool alert_refresh(struct alert *alert);

/* Times of the first and the last mismatch, CLOCK_MONOTONIC. */
uint64_t alert_first(const struct alert *alert);
uint64_t alert_last(const struct alert *alert);

const char *alert_id(const struct alert *alert);

/* All that it found foreign so far. The alert's; or, when it is about to be freed, the caller's. */
const struct foreign *alert_foreign(struct alert *alert);
struct foreign *alert_take_foreign(struct alert *alert);

/* The alert as docs/alerts.md describes it. New reference. */
json_t *alert_json(struct alert *alert, enum alert_state state);

#endif
