/*
 * The probe's work done in user space, on recorded calls: the same windows, bags, fingerprints and
 * frames (profile/pattern.h, profile/table.h, detect/frame.h), so a trace replayed gives exactly
 * the novelties that the kernel gave. O(1) a call.
 */
#ifndef SKINK_DETECT_REPLAY_H
#define SKINK_DETECT_REPLAY_H

#include <stdint.h>

#include "profile/profile.h"
#include "trace/call.h"

struct detect_rule {
    uint32_t frame;           /* L: windows in a locality frame, FRAME_MIN..FRAME_MAX */
    uint32_t frame_threshold; /* mismatches in the frame that raise an alert; 0: STIDE is off */
    uint32_t epoch;           /* calls of a replica in a BoSC epoch */
    uint32_t epoch_threshold; /* mismatches in an epoch that raise an alert; 0: BoSC is off */
};

#define DETECT_RULE_DEFAULT \
    ((struct detect_rule){.frame = 20, .frame_threshold = 10, .epoch = 500, .epoch_threshold = 50})

/* A pattern that the profile lacks, met for the first time. */
struct novelty {
    enum pattern_kind kind;
    uint32_t tid, pid;
    uint64_t call_index; /* 0-based position in the trace */
    uint64_t time;       /* of the call that completed the pattern */
    uint32_t score;      /* mismatches in the frame (window) or epoch (bag), this one included */
    uint32_t history_length;   /* calls of the thread in history, at most HISTORY */
    uint16_t history[HISTORY]; /* codes of the thread's last calls, oldest first, the last is the
                                  call that completed the pattern */
};

/* A threshold reached: once per excursion of a thread (window) or epoch (bag). */
struct crossing {
    enum pattern_kind kind;
    uint32_t tid, pid;
    uint64_t call_index;
    uint64_t time;
    uint32_t score;
};

struct replay_result {
    uint64_t calls;                     /* calls replayed */
    uint64_t checked[PATTERN_KINDS];    /* windows and bags compared */
    uint64_t mismatches[PATTERN_KINDS]; /* of these, not in the profile, repeats included */
    uint64_t novelties[PATTERN_KINDS];  /* distinct ones */
    uint64_t crossings[PATTERN_KINDS];
    uint64_t lost; /* calls that the trace says are missing */
    uint32_t frame_peak, epoch_peak;
};

struct replay_hooks {
    void (*novelty)(void *context, const struct novelty *novelty);    /* may be NULL */
    void (*crossing)(void *context, const struct crossing *crossing); /* may be NULL */
    void *context;
};

struct replay;

/*
 * learn: novelties are added to the profile, which the replay borrows and changes. Otherwise the
 * profile is read once, at creation, and may be freed. Never NULL.
 */
struct replay *replay_new(struct profile *profile, bool learn, const struct detect_rule *rule,
                          const struct replay_hooks *hooks);
void replay_calls(struct replay *replay, const struct call *calls, size_t count);

/* The next calls are those of another replica: its threads and epochs are new, results add up. */
void replay_restart(struct replay *replay);

const struct replay_result *replay_result(const struct replay *replay);
void replay_free(struct replay *replay);

#endif
