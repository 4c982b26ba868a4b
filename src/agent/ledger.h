/*
 * The book of plans and measures: what was chosen, what is in force, how often each measure has
 * worked. It survives the daemon: measures.json holds the state, measures.jsonl tells every
 * change, and the sealed log does, too.
 *
 * A record is an object. Of a measure: "number", "plan", "service", "replica", "measure", "state"
 * ("in force", "done", "failed", "undone", …), "begun" and "expires" (CLOCK_REALTIME, ns), "token".
 * A plan that is being carried out has "under_way".
 */
#ifndef SKINK_AGENT_LEDGER_H
#define SKINK_AGENT_LEDGER_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "agent/saver.h"
#include "agent/sealed.h"
#include "respond/choice.h"

#define LEDGER_PLANS    64  /* the latest ones are kept */
#define LEDGER_MEASURES 512 /* the same; what is in force is kept longer */

struct ledger;

/*
 * What another daemon left is taken over. saver and sealed (which may be NULL) are borrowed.
 * measures.json is written when the event loop comes to it, once for all that has changed.
 */
struct ledger *ledger_open(const char *state_dir, sd_event *event, struct saver *saver,
                           struct sealed *sealed, struct error *err);

/* NULL is allowed. */
void ledger_close(struct ledger *ledger);

/* Files a record, which it takes over: gives it its number and the time. Returns it, borrowed. */
json_t *ledger_plan(struct ledger *ledger, json_t *record);
json_t *ledger_measure(struct ledger *ledger, json_t *record);

/* Sets the state of a record and tells it; why may be NULL. */
void ledger_state(struct ledger *ledger, json_t *record, const char *state, const char *why);

/* The plan is being carried out, or no more. Until its measures are in the book it is kept, has a
 * share of the budget, and its replica is one that may be out. */
void ledger_begin(struct ledger *ledger, json_t *plan);
void ledger_end(struct ledger *ledger, json_t *plan);

/* Is something being done about the replica? */
bool ledger_is_busy(const struct ledger *ledger, const char *replica);

/* Call it often: when the clock has been set the times in the book are moved along with it, so that
 * nothing ends or lasts by that. */
void ledger_follow_clock(struct ledger *ledger);

/* By number, NULL when there is none. */
json_t *ledger_find_plan(const struct ledger *ledger, uint64_t number);
json_t *ledger_find_measure(const struct ledger *ledger, uint64_t number);

/* Both kept by the ledger, the oldest first. */
const json_t *ledger_plans(const struct ledger *ledger);
const json_t *ledger_measures(const struct ledger *ledger);

/* Measures that restart and were tried on the service (NULL: on any) since a time, and plans under
 * way with such a one that have yet to say whether they tried it. */
uint32_t ledger_spent(const struct ledger *ledger, const char *service, uint64_t since);

/* How a measure has worked so far; changed by ledger_learn alone. */
struct choice_effect ledger_effect(const struct ledger *ledger, const struct measure *measure);
void ledger_learn(struct ledger *ledger, const struct measure *measure, bool worked);

/* Members of a record. */
const char *record_text(const json_t *record, const char *key);
uint64_t record_number(const json_t *record, const char *key);
bool record_is(const json_t *record, const char *state);

#endif
