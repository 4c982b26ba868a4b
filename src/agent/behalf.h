/*
 * On whose behalf did a replica do what it is alarmed for? Where a process serves one connection (a
 * database's backend, a worker), what it and its children do is done by order of who holds the
 * other end. The service whose connections the alert's processes answer, when it is one alone, is
 * evidence of the way by which the intruder came (incident/weight.h).
 *
 * Asked before the alert is told, for the process may be gone in a moment; listened to afterwards.
 */
#ifndef SKINK_AGENT_BEHALF_H
#define SKINK_AGENT_BEHALF_H

#include "agent/hand.h"

struct agent;
struct watched;

struct behalf {
    int answer; /* -1, as it is at first: nothing was asked */
    uint32_t pid[HAND_PROCESSES];
    size_t count; /* of them; see alert_processes */
};

/* Asks about the replica's open alert. */
void behalf_ask(const struct agent *agent, const struct watched *watched, struct behalf *behalf);

/* Notes the answer in the alert, when there is one. The flows have been looked at meanwhile. */
void behalf_learn(const struct agent *agent, struct watched *watched, const struct behalf *behalf);

#endif
