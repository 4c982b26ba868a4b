/* An alert from inside. Nobody but alert.c and alert_json.c includes this. */
#ifndef SKINK_AGENT_ALERT_PARTS_H
#define SKINK_AGENT_ALERT_PARTS_H

#include "agent/alert.h"
#include "trace/call.h"

/* One unknown pattern, spelled. */
struct unknown {
    enum pattern_kind kind;
    uint64_t fingerprint;
    uint64_t time;
    uint32_t pid, tid, score;
    char command[PROBE_COMMAND];
    uint16_t codes[PATTERN_MAX];
    char old_version[PROFILE_NAME]; /* that showed it; "": none ever did */
    bool known_before; /* the thread's last window that the profile knows is in `before` */
    uint16_t before[PATTERN_MAX];
};

/* Why there is an alert; the graver ones take over from those before them. */
enum alert_cause {
    ALERT_LOSS,     /* blindness */
    ALERT_FACTS,    /* single things that its service never did */
    ALERT_PATTERNS, /* a threshold of patterns was reached */
};

struct alert {
    struct alert_subject subject;
    char id[40];
    enum alert_cause cause;
    struct alert_siblings siblings; /* replicas > 0: they do not what this one does */
    enum pattern_kind kind;
    uint32_t score, threshold;
    uint64_t opened; /* CLOCK_MONOTONIC, when the alert was made */
    uint64_t first, last;
    struct report first_report;
    bool has_first;
    struct unknown unknown[ALERT_UNKNOWN];
    size_t unknown_count;
    uint32_t tree_pid[ALERT_TREES];
    json_t *tree[ALERT_TREES]; /* as it was when the process was last known: it may end any time */
    size_t trees;
    struct fact fact[ALERT_FACTS_TOLD];
    size_t fact_count;
    unsigned fact_kinds; /* a set of 1 << enum fact_kind */
    uint64_t facts, old_facts;
    uint64_t old; /* of the novelties, laid aside: an earlier version showed them */
    uint64_t novelties, mismatches, mismatches_before, lost;
    double latency_ms;
    bool told, changed;
    bool behalf_settled;
    struct report *earlier; /* alert_note_earlier's */
    size_t earlier_count;
    uint64_t earlier_since;
    struct foreign *foreign; /* all that it found; NULL once it was taken */
    char behalf[256];        /* the service on whose connections it was done; "": not known */
};

/* Is all that was found old? */
static inline bool alert_all_old(const struct alert *alert)
{
    return alert->old + alert->old_facts > 0 && alert->old == alert->novelties &&
           alert->old_facts == alert->facts;
}

/* A process may have become another program since its tree was named: the shell, after the fork. */
void alert_rename_trees(struct alert *alert);

#endif
