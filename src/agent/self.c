#include "agent/self.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/state.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define QUIET     (60 * NS_PER_S) /* an alarm closes when its cause was not seen for so long */
#define LOOK_EACH NS_PER_S
#define BEAT_EACH (500 * NS_PER_MS)
#define JUMP      (2 * NS_PER_S) /* between two looks; slewing changes far less */

struct alarm {
    bool open;
    char id[64];
    uint64_t count;       /* alarms since the start */
    uint64_t times;       /* that this one was noticed */
    uint64_t first, last; /* CLOCK_MONOTONIC */
    char text[ERROR_TEXT];
};

struct self {
    struct alarm alarm[SELF_POINTS];
    uint64_t looked, beaten;
    uint64_t tampered_told, refused_told, log_failures, file_failures, profile_failures;
    int64_t wall; /* CLOCK_REALTIME - CLOCK_MONOTONIC, 0: not looked at yet */
};

struct self *self_new(void)
{
    return memory_must(calloc(1, sizeof(struct self)));
}

void self_free(struct self *self)
{
    free(self);
}

const char *self_point_name(enum self_point point)
{
    static const char *const NAMES[] = {"canary",   "probe",  "log",   "disk",
                                        "guardian", "socket", "clock", "measure"};
    return NAMES[point];
}

uint64_t self_count(const struct self *self, enum self_point point)
{
    return self->alarm[point].count;
}

/* ---- telling ---- */

static json_t *time_json(uint64_t monotonic)
{
    char text[CLOCK_TEXT];
    return json_string(clock_format(clock_wall(monotonic), text));
}

static json_t *alarm_json(const struct alarm *alarm, enum self_point point, const char *state)
{
    char host[65] = "";
    char text[ERROR_TEXT + 16];
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "skink: %s", alarm->text);
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:{s:s,s:s,s:s,s:i},s:s,s:s,s:I,s:I,s:I}", "type",
        "alert", "id", alarm->id, "state", state, "time", time_json(clock_monotonic()),
        "first_seen", time_json(alarm->first), "last_seen", time_json(alarm->last), "service",
        "skink", "version", SKINK_VERSION, "replica", "id", host, "name", host, "engine", "skink",
        "pid", (int)getpid(), "detector", "self", "point", self_point_name(point), "score",
        (json_int_t)alarm->times, "threshold", (json_int_t)1, "of", (json_int_t)0);
    json_t *rest =
        json_pack("{s:s,s:n,s:[],s:[],s:[],s:i,s:i,s:b,s:I,s:i,s:f,s:[],s:s}", "profile", "-",
                  "first_unknown", "process_tree", "other_trees", "unknown", "novelties", 0,
                  "old_novelties", 0, "old_behaviour", 0, "mismatches", (json_int_t)alarm->times,
                  "lost", 0, "latency_ms", 0.0, "flows", "message", text);
    json_object_update_new(json, rest);
    return json;
}

static void tell(struct agent *agent, enum self_point point, const char *state)
{
    json_t *json = alarm_json(&agent->self->alarm[point], point, state);
    alerts_publish(agent, json);
    json_decref(json);
}

void self_alarm(struct agent *agent, enum self_point point, const char *format, ...)
{
    struct alarm *alarm = &agent->self->alarm[point];
    char before[sizeof alarm->text];
    va_list args;
    memcpy(before, alarm->text, sizeof before);
    va_start(args, format);
    vsnprintf(alarm->text, sizeof alarm->text, format, args);
    va_end(args);
    alarm->last = clock_monotonic();
    alarm->times++;
    if (!alarm->open) {
        alarm->open = true;
        alarm->first = alarm->last;
        alarm->times = 1;
        snprintf(alarm->id, sizeof alarm->id, "self-%s-%" PRIx64, self_point_name(point),
                 clock_realtime());
        alarm->count++;
        log_warn("%s", alarm->text);
        tell(agent, point, "open");
    } else if (strcmp(before, alarm->text) != 0) {
        log_warn("%s", alarm->text);
        tell(agent, point, "growing");
    }
}

/* ---- looking ---- */

static void look_after_log(struct agent *agent)
{
    struct self *self = agent->self;
    struct sealed_health health;
    sealed_look(agent->sealed, agent->config->log_keep);
    sealed_health(agent->sealed, &health);
    if (health.tampered > self->tampered_told)
        self_alarm(agent, SELF_LOG, "%s", health.tampering);
    self->tampered_told = health.tampered;
    if (health.failures > self->log_failures)
        self_alarm(agent, SELF_DISK, "%s",
                   health.error[0] ? health.error : "the sealed log could not be written");
    self->log_failures = health.failures;
}

static void look_after_files(struct agent *agent)
{
    struct self *self = agent->self;
    struct sink_health health;
    char why[ERROR_TEXT];
    sink_health(agent->sink, &health);
    uint64_t profiles = saver_failures(agent->saver, why, sizeof why);
    if (health.file_failures > self->file_failures && health.file_error[0])
        self_alarm(agent, SELF_DISK, "%s", health.file_error);
    if (profiles > self->profile_failures && why[0])
        self_alarm(agent, SELF_DISK, "%s", why);
    self->file_failures = health.file_failures;
    self->profile_failures = profiles;
}

static void look_after_probe(struct agent *agent)
{
    char found[128];
    if (probe_intact(agent->probe, found, sizeof found) < 0)
        self_alarm(agent, SELF_PROBE, "%s", found);
}

/* Nothing here reckons with the time of day, but the times in alerts and logs are of it. */
static void look_after_clock(struct agent *agent)
{
    struct self *self = agent->self;
    int64_t before = self->wall;
    self->wall = (int64_t)(clock_realtime() - clock_monotonic());
    int64_t jump = before ? self->wall - before : 0;
    if (jump > (int64_t)JUMP || -jump > (int64_t)JUMP)
        self_alarm(agent, SELF_CLOCK, "the time of day jumped by %+.1f s",
                   (double)jump / (double)NS_PER_S);
}

static void look_after_socket(struct agent *agent)
{
    uint64_t refused = control_refused(agent->control);
    if (refused > agent->self->refused_told + CONTROL_CLIENTS) /* not just one too many */
        self_alarm(agent, SELF_SOCKET,
                   "the control socket is flooded: connections were refused since %d were open",
                   CONTROL_CLIENTS);
    agent->self->refused_told = refused;
}

/* ---- the canary and the guardian ---- */

static void listen_to_canary(struct agent *agent, uint64_t now)
{
    struct error err;
    if (probe_consume(agent->probe, &err) < 0 || canary_tick(agent->canary, now, &err) < 0)
        self_alarm(agent, SELF_CANARY, "%s", err.text);
}

static void look_after_canary(struct agent *agent)
{
    struct error err;
    if (canary_look_after(agent->canary, &err) < 0)
        self_alarm(agent, SELF_CANARY, "%s", err.text);
}

/* The guardian was killed: the canary takes its place. */
static void replace_guardian(struct agent *agent)
{
    struct error err;
    int pair[2];
    pid_t old = agent->guard.pid;
    close(agent->guard.fd);
    waitpid(old, NULL, WNOHANG); /* a canary that became one is our child */
    agent->guard.fd = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    if (canary_make_guardian(agent->canary, pair[1], &err) < 0) {
        close(pair[0]);
        self_alarm(agent, SELF_GUARDIAN, "the guardian (pid %d) was killed; %s", (int)old,
                   err.text);
    } else {
        agent->guard.fd = pair[0];
        agent->guard.pid = canary_pid(agent->canary);
        self_alarm(agent, SELF_GUARDIAN,
                   "the guardian (pid %d) was killed; process %d has taken its place", (int)old,
                   (int)agent->guard.pid);
    }
    close(pair[1]);
}

/* Stopped, it would start no other daemon. That it has gone its socket says. */
static void look_after_guardian(struct agent *agent)
{
    const struct guard *guard = &agent->guard;
    if (guard->fd < 0 || !workload_stopped(guard->pid))
        return;
    kill(guard->pid, SIGCONT);
    self_alarm(agent, SELF_GUARDIAN, "the guardian (pid %d) had been stopped; it was told to go on",
               (int)guard->pid);
}

/* Without its hand the daemon cannot act, and it cannot start one any more: a new daemon
 * begins with a new hand. */
static void look_after_hand(struct agent *agent)
{
    struct error err;
    if (hand_look_after(agent->hand, &err) == 0)
        return;
    self_alarm(agent, SELF_GUARDIAN, "%s", err.text);
    if (!hand_is_gone(agent->hand))
        return;
    *agent->err = err;
    sd_event_exit(agent->event, EXIT_FAILURE);
}

static void listen_to_guardian(struct agent *agent)
{
    char text[GUARDIAN_TEXT];
    pid_t pid;
    int fd;
    switch (guard_listen(&agent->guard, text, &pid, &fd)) {
    case GUARDIAN_TOLD:
        self_alarm(agent, SELF_GUARDIAN, "%s", text);
        break;
    case GUARDIAN_CANARY:
        canary_succeed(agent->canary, pid, fd);
        break;
    case GUARDIAN_GONE:
        replace_guardian(agent);
        break;
    case GUARDIAN_NOTHING:
        break;
    }
}

void self_beat(struct agent *agent)
{
    uint64_t now = clock_monotonic();
    if (agent->guard.fd < 0 || clock_passed(now, agent->self->beaten) < BEAT_EACH)
        return;
    agent->self->beaten = now;
    guard_beat(&agent->guard, false);
}

static void close_quiet(struct agent *agent, uint64_t now)
{
    for (int point = 0; point < SELF_POINTS; point++) {
        struct alarm *alarm = &agent->self->alarm[point];
        if (!alarm->open || clock_passed(now, alarm->last) < QUIET)
            continue;
        alarm->open = false;
        tell(agent, point, "closed");
        alarm->text[0] = '\0';
    }
}

void self_tick(struct agent *agent, uint64_t now)
{
    self_beat(agent);
    listen_to_guardian(agent);
    listen_to_canary(agent, now);
    if (clock_passed(now, agent->self->looked) < LOOK_EACH)
        return;
    agent->self->looked = now;
    look_after_probe(agent);
    look_after_canary(agent);
    look_after_guardian(agent);
    look_after_hand(agent);
    look_after_log(agent);
    look_after_files(agent);
    look_after_clock(agent);
    look_after_socket(agent);
    close_quiet(agent, now);
}

json_t *self_json(struct agent *agent)
{
    struct sealed_health health;
    json_t *alarms = json_array();
    for (int point = 0; point < SELF_POINTS; point++)
        if (agent->self->alarm[point].open)
            json_array_append_new(alarms, json_pack("{s:s,s:s}", "point", self_point_name(point),
                                                    "text", agent->self->alarm[point].text));
    sealed_health(agent->sealed, &health);
    double heard =
        canary_last(agent->canary)
            ? (double)clock_passed(clock_monotonic(), canary_last(agent->canary)) / (double)NS_PER_S
            : -1;
    return json_pack("{s:i,s:f,s:o,s:o,s:{s:I,s:I,s:I,s:I,s:b,s:s}}", "guardian",
                     agent->guard.fd < 0 ? 0 : (int)agent->guard.pid, "canary_s", heard, "alarms",
                     alarms, "sandbox", sandbox_json(&agent->sandbox), "log", "next",
                     (json_int_t)health.next, "failures", (json_int_t)health.failures, "dropped",
                     (json_int_t)health.dropped, "tampered", (json_int_t)health.tampered, "kept",
                     health.kept, "error", health.error);
}
