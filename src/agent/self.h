/*
 * Alarms about Skink itself: somebody works against it, or it cannot work. They are alerts like any
 * other (detector "self"), of a service named "skink" whose replica is this host's daemon.
 */
#ifndef SKINK_AGENT_SELF_H
#define SKINK_AGENT_SELF_H

#include <jansson.h>
#include <stdint.h>

/* What is looked after. One cause is one alarm, that grows, and closes when it has been quiet. */
enum self_point {
    SELF_CANARY,   /* a call that must be seen was not */
    SELF_PROBE,    /* its programs, links and maps in the kernel */
    SELF_LOG,      /* the sealed log was changed */
    SELF_DISK,     /* something cannot be written */
    SELF_GUARDIAN, /* one of the two processes was killed or stopped */
    SELF_SOCKET,   /* the control socket is flooded */
    SELF_CLOCK,    /* the time of day jumped */
    SELF_MEASURE,  /* one that has expired leaves a replica that should not be there */
    SELF_POINTS,
};

struct agent;
struct self;

struct self *self_new(void);
void self_free(struct self *self);

/* Raises the alarm of a point, or lets it grow. */
void self_alarm(struct agent *agent, enum self_point point, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells the guardian that the daemon is alive; often. */
void self_beat(struct agent *agent);

/* Looks at what needs a look now and then, and closes what is over. now: CLOCK_MONOTONIC. */
void self_tick(struct agent *agent, uint64_t now);

/* "canary", "probe", … */
const char *self_point_name(enum self_point point);

/* Alarms of a point since the start; whether one is open. */
uint64_t self_count(const struct self *self, enum self_point point);

/* For `skink status`. New reference. */
json_t *self_json(struct agent *agent);

#endif
