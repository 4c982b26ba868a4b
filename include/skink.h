/*
 * Skink as a library: read traces of system calls, learn what is normal, and judge what follows.
 * docs/library.md has programs that use it. Link it with `pkg-config --cflags --libs skink`.
 *
 * Every object belongs to whoever made it and is freed by the function that its maker names; free
 * functions take NULL. Objects are independent of each other: several threads may work at a time,
 * each with objects of its own. Where an object is borrowed the borrower must be freed first.
 *
 * A function that can fail takes `struct skink_error *err` last, which it fills when it fails and
 * which may be NULL. Memory is small; where there is none the library ends the program (abort).
 *
 * Times are nanoseconds since 1970 (UTC), 0 when nobody knows.
 */
#ifndef SKINK_H
#define SKINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. Programs made for one major version go on
 * working with every later library of it, from 1.0 on. */
#define SKINK_VERSION_MAJOR 0
#define SKINK_VERSION_MINOR 1
#define SKINK_VERSION_PATCH 0

#define SKINK_API __attribute__((visibility("default")))

/* The version of the library that runs: "0.1.0". */
SKINK_API const char *skink_version(void);

/* ---- errors ---- */

enum skink_reason {
    SKINK_WRONG_INPUT = 2, /* a file or a value cannot be used */
    SKINK_MACHINE = 3,     /* the machine cannot: no memory, disk full */
};

struct skink_error {
    int reason;     /* enum skink_reason */
    int number;     /* errno of the cause, 0 if there was none */
    char text[768]; /* "what: why (what to do)", one line */
};

/* ---- calls ---- */

enum skink_kind {
    SKINK_CALL, /* a system call */
    SKINK_EXEC, /* the thread became another program */
    SKINK_FORK, /* the thread is new; `value` is its parent's tid */
    SKINK_EXIT, /* the thread ended */
    SKINK_LOST, /* `value` calls of this thread (of all threads when tid is 0) are missing here */
};

/* Set in `number` of a call of 32-bit x86. */
#define SKINK_NUMBER_I386 0x8000

/* One system call of one thread, or a mark in its life. Give the marks to all functions that take
 * calls: a thread's behaviour begins anew at each. */
struct skink_call {
    uint64_t time;
    int64_t value;   /* of a call: its result, when has_value */
    uint32_t tid;    /* thread */
    uint32_t pid;    /* process */
    uint16_t number; /* of a call: x86-64's number, or i386's with SKINK_NUMBER_I386 */
    uint8_t kind;    /* enum skink_kind */
    bool has_value;
};

/* The code by which detectors tell calls apart, below SKINK_CODES; calls only, no marks. */
#define SKINK_CODES 1024
SKINK_API uint16_t skink_call_code(const struct skink_call *call);

/* The name of a code: "openat", "openat/32" (i386), "#451" (no name). Writes into text, returns it.
 */
#define SKINK_NAME 40
SKINK_API const char *skink_code_name(uint16_t code, char text[SKINK_NAME]);

/* ---- traces ---- */

struct skink_trace;

enum skink_trace_flags {
    SKINK_LENIENT = 1 << 0, /* malformed lines are left out and counted, not an error */
    SKINK_I386 = 1 << 1,    /* numbers and names of calls are those of 32-bit x86 */
};

/*
 * Opens a trace in any format that Skink reads (docs/trace-readers.md), packed or not. path "-":
 * standard input. format NULL: found out by looking, else a name such as "strace". flags: enum
 * skink_trace_flags. NULL on error. End it with skink_trace_close.
 */
SKINK_API struct skink_trace *skink_trace_open(const char *path, const char *format, unsigned flags,
                                               struct skink_error *err);

/* Fills up to max calls in the order in which they began; how many (0 at the end), -1 on error. */
SKINK_API int skink_trace_read(struct skink_trace *trace, struct skink_call *calls, size_t max,
                               struct skink_error *err);

/* The format, valid until skink_trace_close; and what was left out so far (SKINK_LENIENT). */
SKINK_API const char *skink_trace_format(const struct skink_trace *trace);
SKINK_API uint64_t skink_trace_skipped(const struct skink_trace *trace);

SKINK_API void skink_trace_close(struct skink_trace *trace);

/* ---- profiles: what a service does when nobody attacks it ---- */

struct skink_profile;
struct skink_learner;

/*
 * Begins to learn. service and version name the profile, in up to 127 bytes each. window: calls in
 * order, compared by STIDE; bag: calls as a multiset, compared by BoSC; both 2 to 16, usually 6.
 * NULL on error. skink_learner_finish makes the profile, skink_learner_free abandons it.
 */
SKINK_API struct skink_learner *skink_learner_new(const char *service, const char *version,
                                                  unsigned window, unsigned bag,
                                                  struct skink_error *err);

/*
 * When has the profile stopped growing? After 5 intervals in a row in which it grew by at most
 * `sigma` patterns a second. Intervals last interval_ns; when that is 0, or the first call has no
 * time, interval_calls calls (at least 1), and sigma is patterns per 1000 calls. Only before the
 * first call. The default: 100 s, 10000 calls, 0.15.
 */
SKINK_API void skink_learner_rule(struct skink_learner *learner, uint64_t interval_ns,
                                  uint64_t interval_calls, double sigma);

/* The next calls of one replica of the service, in pieces of any size. */
SKINK_API void skink_learner_calls(struct skink_learner *learner, const struct skink_call *calls,
                                   size_t count);

/* What follows is another replica's, or another trace. */
SKINK_API void skink_learner_replica(struct skink_learner *learner);

/* The profile, which is the caller's; the learner is gone. Never NULL. */
SKINK_API struct skink_profile *skink_learner_finish(struct skink_learner *learner);
SKINK_API void skink_learner_free(struct skink_learner *learner);

/* The file (docs/profile-format.md), as `skink learn` writes it. NULL or -1 on error, else 0. A
 * file is replaced as a whole or not at all. */
SKINK_API struct skink_profile *skink_profile_load(const char *path, struct skink_error *err);
SKINK_API int skink_profile_save(const struct skink_profile *profile, const char *path,
                                 struct skink_error *err);
SKINK_API void skink_profile_free(struct skink_profile *profile);

/* What it is of, valid until skink_profile_free; and how many distinct patterns it has. */
SKINK_API const char *skink_profile_service(const struct skink_profile *profile);
SKINK_API const char *skink_profile_version(const struct skink_profile *profile);
SKINK_API size_t skink_profile_windows(const struct skink_profile *profile);
SKINK_API size_t skink_profile_bags(const struct skink_profile *profile);

/* Is it complete? If text is not NULL it gets "complete", or "incomplete: …" and why, cut at size.
 */
SKINK_API bool skink_profile_complete(const struct skink_profile *profile, char *text, size_t size);

/* ---- monitors: a replica's calls against its profile, as the running system does it ---- */

struct skink_monitor;

/* When is it an alarm? A threshold of 0 switches its detector off. */
struct skink_rule {
    uint32_t frame;           /* the last windows of a thread that are looked at, 1 to 64 */
    uint32_t frame_threshold; /* unknown ones among them, at most frame */
    uint32_t epoch;           /* the calls of the replica that are looked at together, 1 or more */
    uint32_t epoch_threshold; /* unknown bags among them, at most epoch */
};

/* Thresholds as the training of the profile suggests them. */
SKINK_API struct skink_rule skink_profile_rule(const struct skink_profile *profile);

struct skink_alarm {
    bool window;         /* raised by windows (STIDE); else by bags (BoSC) */
    uint32_t tid, pid;   /* whose call raised it */
    uint64_t call_index; /* which call that was, from 0; marks are not counted */
    uint64_t time;       /* when */
    uint32_t score;      /* unknown windows in the frame, or bags in the epoch */
};

/* Is called within skink_monitor_calls: once when a thread, or an epoch, reaches the threshold. */
typedef void (*skink_on_alarm)(void *context, const struct skink_alarm *alarm);

struct skink_totals {
    uint64_t calls;
    uint64_t windows, unknown_windows; /* compared, and of these not in the profile */
    uint64_t bags, unknown_bags;
    uint64_t alarms;
    uint64_t lost; /* calls that the trace says are missing */
};

/* rule NULL: 10 of 20 windows, 50 of 500 calls. The profile is copied. NULL on error: a rule that
 * cannot be. on_alarm may be NULL. */
SKINK_API struct skink_monitor *skink_monitor_new(const struct skink_profile *profile,
                                                  const struct skink_rule *rule,
                                                  skink_on_alarm on_alarm, void *context,
                                                  struct skink_error *err);

/* The next calls of one replica, in pieces of any size. */
SKINK_API void skink_monitor_calls(struct skink_monitor *monitor, const struct skink_call *calls,
                                   size_t count);
SKINK_API struct skink_totals skink_monitor_totals(const struct skink_monitor *monitor);
SKINK_API void skink_monitor_free(struct skink_monitor *monitor);

/* ---- detectors: other ways to learn and to judge, with a score for every call ---- */

struct skink_detector; /* what was learned */
struct skink_scorer;   /* where one replica's calls stand */

/* Whose calls are taken together. */
enum skink_scope { SKINK_THREAD, SKINK_PROCESS, SKINK_CONTAINER };

/* A score of a mark, and of a call that ends no pattern yet. */
#define SKINK_SCORE_NONE (-1.0F)

/* The name of the kind of that index, from 0; NULL behind the last one. */
SKINK_API const char *skink_detector_kind(size_t index);

/*
 * The kind and its parameters: "stide", "stide:window=6", "bosc:bag=10,epoch=500"; what is not said
 * keeps its default. "best" is the one that does best. NULL on error: an unknown kind or parameter,
 * a value out of its range.
 */
SKINK_API struct skink_detector *skink_detector_new(const char *specification,
                                                    struct skink_error *err);
SKINK_API void skink_detector_free(struct skink_detector *detector);

/* The specification with every parameter, valid until skink_detector_free; the bytes held. */
SKINK_API const char *skink_detector_name(const struct skink_detector *detector);
SKINK_API size_t skink_detector_memory(const struct skink_detector *detector);

/* Everything was learned, and the scorers that learned are freed. From here on the detector never
 * changes: many threads may judge with it at a time, each with scorers of its own. */
SKINK_API void skink_detector_settle(struct skink_detector *detector);

/* For one replica's calls. Borrows the detector. smooth: a score becomes the sum of the last so
 * many of its stream, 1 (as it is) to 10000. NULL on error: a scope or a sum that cannot be. */
SKINK_API struct skink_scorer *skink_scorer_new(struct skink_detector *detector,
                                                enum skink_scope scope, unsigned smooth,
                                                struct skink_error *err);
SKINK_API void skink_scorer_free(struct skink_scorer *scorer);

/* What follows is another replica's, or another trace. */
SKINK_API void skink_scorer_replica(struct skink_scorer *scorer);

/* Learns the next calls, in pieces of any size. Only before skink_detector_settle (else: abort). */
SKINK_API void skink_scorer_learn(struct skink_scorer *scorer, const struct skink_call *calls,
                                  size_t count);

/*
 * Judges the next calls: scores[i] is SKINK_SCORE_NONE, or at least 0, the higher the stranger: 1
 * for a mismatch of STIDE and BoSC, nats for a model of probability. Only after
 * skink_detector_settle (else: abort).
 */
SKINK_API void skink_scorer_judge(struct skink_scorer *scorer, const struct skink_call *calls,
                                  size_t count, float *scores);

#ifdef __cplusplus
}
#endif

#endif
