/*
 * Dissent, told: to the log, and to the daemon, which believes more of a replica that it is
 * compromised. A thread of its own does it, so that no vote ever waits; of each replica it tells
 * once a second at most, and counts what it left out.
 */
#ifndef SKINK_VOTE_DISSENT_H
#define SKINK_VOTE_DISSENT_H

#include "vote/front_rule.h"

#define DISSENT_REQUEST 256 /* bytes of "GET /path" that are told */

struct dissent;

/* Borrows rule. */
struct dissent *dissent_start(const struct front_rule *rule);

/* Who was asked in a seat gave another answer than the majority, or (silent) none. request: "GET
 * /path". */
void dissent_note(struct dissent *dissent, size_t seat, const char *name, bool silent,
                  const char *request, const char *why);

/* No answer has a majority: the log says so. */
void dissent_note_split(struct dissent *dissent, const char *request, size_t support);

/* Tells what is left, and ends. NULL is allowed. */
void dissent_stop(struct dissent *dissent);

#endif
