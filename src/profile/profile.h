/*
 * A profile: what one service does when nobody attacks it. The set of its patterns (windows and
 * bags, spelled as call codes), how it grew over the training, what was lost meanwhile.
 */
#ifndef SKINK_PROFILE_PROFILE_H
#define SKINK_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "profile/accesses.h"
#include "profile/growth.h"
#include "profile/pattern.h"

#define PROFILE_NAME 128

/* The frame and the epoch that facts begin with (the defaults of detect/replay.h), and the lowest
 * thresholds that are ever proposed for them. */
#define PROFILE_FRAME       20
#define PROFILE_EPOCH       500
#define PROFILE_FRAME_FLOOR 10
#define PROFILE_EPOCH_FLOOR 50

/* Why a profile is incomplete: a set of these; 0 is a complete profile. */
enum profile_gap {
    PROFILE_NOT_STEADY = 1 << 0, /* has not reached 5 steady intervals in a row */
    PROFILE_LOSSES = 1 << 1,     /* patterns were lost while learning */
    PROFILE_FEW_CALLS = 1 << 2,  /* fewer calls than the minimum */
    PROFILE_NO_START = 1 << 3,   /* no replica was seen starting */
};

/* What a profile is made with and knows about its training. Plain data; copy freely. */
struct profile_facts {
    char service[PROFILE_NAME];
    char version[PROFILE_NAME];
    uint32_t window;     /* n of STIDE, PATTERN_MIN..PATTERN_MAX */
    uint32_t bag;        /* m of BoSC, PATTERN_MIN..PATTERN_MAX */
    uint64_t calls;      /* calls seen while learning */
    uint64_t lost;       /* patterns, calls or reports lost while learning */
    uint64_t starts;     /* replica starts seen */
    uint64_t learn_ns;   /* training time so far */
    uint64_t created;    /* ns since 1970 */
    uint64_t updated;    /* ns since 1970 */
    uint64_t min_calls;  /* the minimum that was asked for */
    uint32_t frame;      /* windows in the locality frame of frame_peak */
    uint32_t epoch;      /* calls in the epoch of epoch_peak */
    uint32_t frame_peak; /* most mismatches in a locality frame during the last steady intervals */
    uint32_t epoch_peak; /* the same within a BoSC epoch */
};

/*
 * A training that the profile contains: an agent's on one host, or one run of `skink learn`. Every
 * pattern knows which sources have shown it as something new. Plain data.
 */
#define PROFILE_SOURCES_MAX 1024
struct profile_source {
    uint64_t id; /* drawn at random when it began; never 0 */
    char version[PROFILE_NAME];
    char host[PROFILE_NAME];                /* "": from a file of format 1, which did not say */
    uint64_t calls, lost, starts, learn_ns; /* its part of the facts */
    uint64_t created, updated;              /* ns since 1970 */
};

/*
 * What the service does to files. It has a growth curve of its own, under the same rule but that an
 * interval is steady only when nothing new came at all: one new access is an alert later. Its sizes
 * are numbers of accesses that were new so far, which opened directories do not make smaller.
 */
struct profile_accesses {
    struct access_set own;   /* of this version */
    struct access_set aside; /* of earlier versions */
    struct growth growth;
};

struct profile;

/* An empty profile; window and bag within bounds (asserted). Never NULL: aborts without memory. */
struct profile *profile_new(const char *service, const char *version, uint32_t window,
                            uint32_t bag);
void profile_free(struct profile *profile);

/* The facts and the growth curve, to read and to update in place. Owned by the profile. */
struct profile_facts *profile_facts(struct profile *profile);
struct growth *profile_growth(struct profile *profile);
struct profile_accesses *profile_accesses(struct profile *profile);
const struct access_set *profile_accesses_known(const struct profile *profile);

/* Begins the curve anew under this rule (a new profile's follows GROWTH_RULE_DEFAULT, a reused
 * one's the old rule). What the profile begins with is its first point: no growth. */
void profile_grow_by(struct profile *profile, const struct growth_rule *rule);

/*
 * Number of patterns of a kind, windows or bags: those that this version of the service has shown;
 * and with those of earlier versions that it has not shown (the laid aside; there are some only
 * when the profile began by reuse).
 */
size_t profile_count(const struct profile *profile, enum pattern_kind kind);
size_t profile_count_all(const struct profile *profile, enum pattern_kind kind);

/* How many of them are to be taken for known: the laid aside too as long as the learning lasts. */
size_t profile_count_known(const struct profile *profile, enum pattern_kind kind);

/* Number of windows and bags, the laid aside included: what the growth curve counts. A pattern of
 * an earlier version that the service shows again is no growth. */
size_t profile_size(const struct profile *profile);

/* Of these, how many are laid aside. */
size_t profile_aside(const struct profile *profile);

/* What a profile has to say of a pattern. */
enum pattern_state {
    PATTERN_KNOWN, /* this version of the service has shown it */
    PATTERN_NEW,   /* never seen */
    PATTERN_ASIDE, /* only an earlier version has shown it */
};

/*
 * Adds one pattern; codes: its calls, oldest first, as many as the kind's length, each <
 * CALL_CODES. A bag's codes may come in any order. Returns what it was until now.
 */
enum pattern_state profile_add(struct profile *profile, enum pattern_kind kind,
                               const uint16_t *codes);
enum pattern_state profile_look(const struct profile *profile, enum pattern_kind kind,
                                const uint16_t *codes);
bool profile_has(const struct profile *profile, enum pattern_kind kind, const uint16_t *codes);

/*
 * Adds one access to the profile's own. Returns what it was until now; *by (NULL: not wanted) is by
 * what it is known from now on, when it was not known: itself, or a directory that it opened (valid
 * until the next add). NULL: there are too many to remember another.
 */
enum pattern_state profile_add_access(struct profile *profile, enum access_kind kind,
                                      const char *path, const struct known_access **by);

/* The codes of pattern `index` < profile_count_all (in the order learned, then the laid aside; bags
 * sorted). Valid until the next add. */
const uint16_t *profile_pattern(const struct profile *profile, enum pattern_kind kind,
                                size_t index);

/* The latest version, in the order of the trainings, that has shown a pattern; NULL: none. */
const char *profile_shown_in(const struct profile *profile, enum pattern_kind kind,
                             const uint16_t *codes);

/* The sources, in the file's order; their numbers are made up to date. Valid until the next add. */
const struct profile_source *profile_sources(struct profile *profile, size_t *count);

/* Has this source shown pattern `index`? */
bool profile_shown_by(const struct profile *profile, enum pattern_kind kind, size_t index,
                      size_t source);

/* What is learned from now on comes from a source of this process's own if the profile, a merged
 * one, names no other. */
void profile_begin(struct profile *profile);

/* Makes room for `count` patterns of a kind in all: adding them then allocates nothing more. */
void profile_reserve(struct profile *profile, enum pattern_kind kind, size_t count);

/* The set of enum profile_gap. */
unsigned profile_gaps(const struct profile *profile);

/* "complete", or "incomplete: not steady yet (2 of 5 intervals), no start seen". Into text. */
const char *profile_state(const struct profile *profile, char *text, size_t size);

/*
 * Thresholds for a service, from its own training: during the last steady intervals the service did
 * nothing but work, and yet raised up to frame_peak mismatches in a frame and epoch_peak in an
 * epoch. One more than that is the lowest threshold that would not have alarmed. A service that
 * raised none would get 1, and the first rare but harmless path would alarm: hence the floors. A
 * threshold above the frame's (epoch's) length could never be reached: hence the ceiling.
 */
void profile_propose(const struct profile_facts *facts, uint32_t *frame_threshold,
                     uint32_t *epoch_threshold);

/*
 * The union: patterns with the sources that showed them, numbers by source, the growth curve that
 * is furthest. Associative, commutative and idempotent, down to the bytes of the file. The profiles
 * (one at least) are of one service, version, window and bag. NULL when they are not.
 */
struct profile *profile_merge(struct profile *const *profiles, size_t count, struct error *err);

/*
 * The beginning of another version's profile: all that old knows is laid aside, and nothing is
 * learned yet. What the version shows of it becomes its own without counting as growth; what it has
 * not shown when it is learned stays laid aside. NULL when old is of that version.
 */
struct profile *profile_reuse(struct profile *old, const char *version, struct error *err);

/* Takes all that is laid aside for the profile's own: to ask what an alarm would be without it. */
void profile_recall(struct profile *profile);

/* The service's profile below dir that is learned, has these lengths and was updated last; NULL:
 * there is none. */
struct profile *profile_latest(const char *dir, const char *service, uint32_t window, uint32_t bag);

/* The file: docs/profile-format.md. Reading refuses a damaged, truncated or foreign file and says
 * what is wrong and where (byte offset). NULL on error. */
struct profile *profile_load(const char *path, struct error *err);
struct profile *profile_parse(const void *data, size_t size, const char *name, struct error *err);

/* The file's content in memory (caller frees); aborts without memory. */
void *profile_serialize(struct profile *profile, size_t *size);

/* Replaces path as a whole (temporary file, fsync, rename): the old content or the new, never half.
 * On an error (disk full) the old file stays. */
int profile_write(const char *path, const void *data, size_t size, struct error *err);

/* The place of a service's profile below dir: characters that a file name must not have escaped as
 * %XX, "service@version.profile". Caller frees. */
char *profile_path(const char *dir, const char *service, const char *version);

#endif
