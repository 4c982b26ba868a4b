/* What the files of responding share: response.c (from alert to measure), response_plan.c (what
 * could be done), response_answer.c (what the verbs are told), response_over.c (what was contained
 * runs again). */
#ifndef SKINK_AGENT_RESPONSE_H
#define SKINK_AGENT_RESPONSE_H

#include "agent/executor.h"
#include "agent/ledger.h"
#include "agent/quorum.h"
#include "agent/state.h"
#include "respond/choice.h"

#define MEASURES_MAX 32

/* States of a plan. */
#define CARRIED_OUT "carried out"
#define WAITS       "waits for approval"

/* What has failed is tried again after this, then after twice as long, and so on. */
#define AGAIN         (10 * NS_PER_S)
#define AGAIN_DOUBLED 8 /* times */

struct response {
    struct ledger *ledger;
    struct executor *executor;
    char *evidence; /* the directory that it goes to */
};

/* Everything that a plan is made from. */
struct situation {
    struct choice_case given;
    struct quorum quorum;
    struct measure_target target; /* texts are borrowed */
    struct choice_option option[MEASURES_MAX];
    struct choice_value value[MEASURES_MAX];
    struct error why[MEASURES_MAX]; /* what makes an option impossible */
    size_t options;
    size_t order[STAGES][MEASURES_MAX];
    size_t chosen[STAGES];
};

/* ---- response_plan.c ---- */

/* What could be done about a replica now. Caller frees. */
struct situation *situation_look(struct agent *agent, struct watched *watched, double belief,
                                 double harm, bool approved);

/* The same situation, ranked anew: had a person approved of it; had every detector that can judge
 * the replica called it foreign. */
void situation_approve(struct situation *now);
void situation_suppose(struct situation *now);

/* The situation as one in which the replica is to be renewed, whatever the choice among measures
 * would be: one that is suspect is replaced and kept, with evidence, another one just ends. */
void situation_renew(struct agent *agent, struct situation *now);

/* Does it serve no more: has it ended, or has a measure taken it out, or renewed it? */
bool response_is_out(const struct response *response, const struct watched *watched);

/* The replica of the service that has this address; NULL: none that is known. */
const struct watched *response_at(const struct agent *agent, const char *service,
                                  const char *address);

/* Is anything worth doing? Evidence is not taken for its own sake, only before the replica is
 * touched. */
bool situation_is_worth(const struct situation *now);

/* Why the best that is chosen needs a person; NULL: it does not. */
const char *situation_needs(const struct situation *now);

/* The measures that are tried first, by stage. New reference. */
json_t *situation_chosen(const struct situation *now);

/* The plan as a record without its state. New reference. */
json_t *situation_json(const struct watched *watched, const struct situation *now);

struct measure_kernel response_kernel(struct agent *agent);

/* ---- response.c ---- */

/* What is to become of the plan, by the policy, the budget, and what a person has said. */
const char *response_decide(struct agent *agent, const struct watched *watched,
                            const struct situation *now);

/* Is less than this share of the hour's budget spent, the service's and that of all? */
bool response_affords(const struct agent *agent, const char *service, double share);

/* Has the plan carried out, off the event loop. */
void response_carry_out(struct agent *agent, const struct situation *now, json_t *plan);

/* Files the plan, which it takes over, and does what was decided. */
void response_file(struct agent *agent, struct watched *watched, const struct situation *now,
                   json_t *plan, const char *decision);

void response_take_back(struct agent *agent, json_t *record, bool expired);
double response_harm(struct agent *agent, const char *service);
struct watched *response_replica(struct agent *agent, const char *id);

/* ---- response_over.c ---- */

/* A measure has expired that ends the replica. True: of that no evidence was kept, so it is taken
 * now, and the end has to wait. */
bool response_evidence_first(struct agent *agent, const json_t *record);

/* A measure has expired and was taken back. */
void response_over(struct agent *agent, const json_t *record);

#endif
