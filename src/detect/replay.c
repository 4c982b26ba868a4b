#include "detect/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "detect/fingerprints.h"
#include "detect/frame.h"
#include "detect/threads.h"
#include "profile/secret.h"

struct replay {
    struct pattern_secret secret;
    uint32_t length[PATTERN_KINDS]; /* n and m */
    uint64_t factor;                /* window_factor */
    struct fingerprints known[PATTERN_KINDS];
    struct fingerprints novel[PATTERN_KINDS]; /* detecting: reported already */
    struct fingerprints aside[PATTERN_KINDS]; /* learning: an earlier version's, not yet shown */
    struct threads threads;
    bool bags_follow; /* every known window's bag is known, too */

    struct profile *profile; /* learning: grows; detecting: NULL */
    struct detect_rule rule;
    struct replay_hooks hooks;
    struct replay_result result;
    uint64_t first_call; /* index of the replica's first call */
    uint64_t epoch;      /* the epoch that the next field counts */
    uint32_t epoch_mismatches;
};

static uint64_t fingerprint_of(const struct replay *replay, enum pattern_kind kind,
                               const uint16_t *codes)
{
    return secret_fingerprint(&replay->secret, kind, replay->length[kind], codes);
}

/* Learning finds out which of the laid aside are shown: for it they are not known before. */
static void fill(struct replay *replay, const struct profile *profile, enum pattern_kind kind)
{
    size_t own = profile_count(profile, kind);
    fingerprints_init(&replay->known[kind]);
    fingerprints_init(&replay->novel[kind]);
    fingerprints_init(&replay->aside[kind]);
    for (size_t i = 0; i < profile_count_all(profile, kind); i++) {
        uint64_t print = fingerprint_of(replay, kind, profile_pattern(profile, kind, i));
        if (i < (replay->profile ? own : profile_count_known(profile, kind)))
            fingerprints_add(&replay->known[kind], print);
        else if (replay->profile)
            fingerprints_add(&replay->aside[kind], print);
    }
}

/*
 * A bag no longer than the windows is part of a window, and what was learned from calls knows the
 * bags of all its windows: then only an unknown window can hide an unknown bag. Learning keeps it
 * so. False for a profile put together otherwise.
 */
static bool bags_follow(const struct replay *replay, const struct profile *profile)
{
    const uint32_t n = replay->length[PATTERN_WINDOW], m = replay->length[PATTERN_BAG];
    if (m > n)
        return false;
    for (size_t i = 0; i < profile_count_known(profile, PATTERN_WINDOW); i++) {
        const uint16_t *bag = profile_pattern(profile, PATTERN_WINDOW, i) + n - m;
        if (!fingerprints_has(&replay->known[PATTERN_BAG],
                              fingerprint_of(replay, PATTERN_BAG, bag)))
            return false;
    }
    return true;
}

struct replay *replay_new(struct profile *profile, bool learn, const struct detect_rule *rule,
                          const struct replay_hooks *hooks)
{
    assert(rule->frame >= FRAME_MIN && rule->frame <= FRAME_MAX && rule->epoch > 0);
    struct replay *replay = memory_must(calloc(1, sizeof *replay));
    const struct profile_facts *facts = profile_facts(profile);
    secret_draw(&replay->secret);
    replay->length[PATTERN_WINDOW] = facts->window;
    replay->length[PATTERN_BAG] = facts->bag;
    replay->factor = window_factor(replay->secret.base, facts->window);
    replay->profile = learn ? profile : NULL;
    replay->rule = *rule;
    replay->hooks = *hooks;
    threads_init(&replay->threads);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        fill(replay, profile, kind);
    replay->bags_follow = bags_follow(replay, profile);
    return replay;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    threads_free(&replay->threads);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        fingerprints_free(&replay->known[kind]);
        fingerprints_free(&replay->novel[kind]);
        fingerprints_free(&replay->aside[kind]);
    }
    free(replay);
}

const struct replay_result *replay_result(const struct replay *replay)
{
    return &replay->result;
}

/* A call whose patterns are known by their fingerprints and remain to be looked up. */
struct step {
    struct thread *thread;
    uint64_t length;               /* of the thread, this call included */
    uint64_t print[PATTERN_KINDS]; /* 0: not enough calls yet */
};

/* A pattern that the profile lacks. */
struct mismatch {
    enum pattern_kind kind;
    const struct step *step;
    const struct call *call;
    uint64_t call_index;
    uint32_t score; /* mismatches in the thread's frame or the replica's epoch, this one included */
};

/* The windows since the thread's last mismatch were known ones: only now do they enter the frame.
 */
static uint32_t frame_score(const struct replay *replay, const struct step *step)
{
    struct thread *thread = step->thread;
    uint64_t windows = step->length - replay->length[PATTERN_WINDOW] + 1;
    uint64_t known = windows - thread->framed - 1;
    thread->frame = frame_push(known < FRAME_MAX ? thread->frame << known : 0, 1);
    thread->framed = windows;
    return frame_count(thread->frame, replay->rule.frame);
}

static uint32_t epoch_score(struct replay *replay, uint64_t call_index)
{
    uint64_t epoch = (call_index - replay->first_call) / replay->rule.epoch;
    if (epoch != replay->epoch)
        replay->epoch_mismatches = 0;
    replay->epoch = epoch;
    return ++replay->epoch_mismatches;
}

/* The calls of the thread up to the one that completed the pattern; how many. */
static uint32_t copy_history(const struct mismatch *m, uint16_t history[HISTORY])
{
    uint64_t end = m->step->length;
    uint32_t length = end < HISTORY ? (uint32_t)end : HISTORY;
    for (uint32_t i = 0; i < length; i++)
        history[i] = m->step->thread->ring[(end - length + i) % RING];
    return length;
}

static void report_novelty(struct replay *replay, const struct mismatch *m)
{
    struct novelty novelty = {.kind = m->kind,
                              .tid = m->call->tid,
                              .pid = m->call->pid,
                              .call_index = m->call_index,
                              .time = m->call->time,
                              .score = m->score};
    uint32_t length = novelty.history_length = copy_history(m, novelty.history);
    if (replay->profile)
        profile_add(replay->profile, m->kind, novelty.history + length - replay->length[m->kind]);
    if (replay->hooks.novelty)
        replay->hooks.novelty(replay->hooks.context, &novelty);
}

static void report_crossing(struct replay *replay, const struct mismatch *m)
{
    struct crossing crossing = {.kind = m->kind,
                                .tid = m->call->tid,
                                .pid = m->call->pid,
                                .call_index = m->call_index,
                                .time = m->call->time,
                                .score = m->score};
    replay->result.crossings[m->kind]++;
    if (replay->hooks.crossing)
        replay->hooks.crossing(replay->hooks.context, &crossing);
}

static bool crosses_now(const struct replay *replay, const struct mismatch *m)
{
    if (m->kind == PATTERN_BAG)
        return m->score == replay->rule.epoch_threshold;
    struct thread *thread = m->step->thread;
    bool before = thread->over;
    thread->over = replay->rule.frame_threshold && m->score >= replay->rule.frame_threshold;
    return thread->over && !before;
}

static void take_mismatch(struct replay *replay, struct mismatch *m)
{
    struct replay_result *result = &replay->result;
    m->score = m->kind == PATTERN_WINDOW ? frame_score(replay, m->step)
                                         : epoch_score(replay, m->call_index);
    uint32_t *peak = m->kind == PATTERN_WINDOW ? &result->frame_peak : &result->epoch_peak;
    *peak = m->score > *peak ? m->score : *peak;
    result->mismatches[m->kind]++;

    struct fingerprints *met = replay->profile ? replay->known : replay->novel;
    if (fingerprints_add(&met[m->kind], m->step->print[m->kind])) {
        result->novelties[m->kind]++;
        report_novelty(replay, m);
    }
    if (crosses_now(replay, m))
        report_crossing(replay, m);
}

/* The value of the call that was made `back` calls ago; 0 when the thread has not made so many. */
static inline uint64_t value_leaving(const struct replay *replay, const struct thread *thread,
                                     uint32_t back)
{
    if (thread->length < back)
        return 0;
    return replay->secret.value[thread->ring[(thread->length - back) % RING]];
}

/* Moves the thread's window and bag on by one call. follow: bags_follow, the bag is not needed yet.
 */
static inline __attribute__((always_inline)) void
push_call(const struct replay *replay, const struct call *call, struct thread *thread,
          struct step *step, const uint32_t n, const uint32_t m, const bool follow)
{
    const struct pattern_secret *secret = &replay->secret;
    uint32_t code =
        call_code(call->number & ~CALL_NUMBER_COMPAT, call->number & CALL_NUMBER_COMPAT);
    uint64_t in = secret->value[code];
    uint64_t out = n <= PATTERN_EXACT ? 0 : value_leaving(replay, thread, n);
    thread->window = window_push(thread->window, n, code, in, out, secret->base, replay->factor);
    if (!follow)
        thread->bag = bag_push(thread->bag, in, value_leaving(replay, thread, m));
    thread->ring[thread->length++ % RING] = (uint16_t)code;
    uint64_t window = window_fingerprint(thread->window, n, secret->spread);
    uint64_t bag = follow ? 0 : bag_fingerprint(thread->bag, secret->spread);
    step->thread = thread;
    step->length = thread->length;
    step->print[PATTERN_WINDOW] = thread->length >= n ? window : 0;
    step->print[PATTERN_BAG] = thread->length >= m ? bag : 0;
}

/* Which of up to 32 steps completed a pattern of this kind that is not in the table: a bit each. */
static inline __attribute__((always_inline)) uint32_t find_unknown(const struct fingerprints *set,
                                                                   const struct step *steps,
                                                                   size_t count,
                                                                   enum pattern_kind kind)
{
    const struct fingerprints known = *set;
    uint32_t unknown = 0;
    for (size_t i = 0; i < count; i++)
        if (__builtin_expect(!fingerprints_has(&known, steps[i].print[kind]), 0))
            unknown |= (uint32_t)(steps[i].print[kind] != 0) << i;
    return unknown;
}

/* The bags of the steps, if bags_follow has put them off; then which of them are unknown. */
static __attribute__((noinline)) uint32_t find_unknown_bags(const struct replay *replay,
                                                            struct step *steps, size_t count)
{
    const uint32_t m = replay->length[PATTERN_BAG];
    for (size_t i = 0; i < count && replay->bags_follow; i++) {
        uint64_t bag = 0;
        if (steps[i].length < m)
            continue;
        for (uint64_t at = steps[i].length - m; at < steps[i].length; at++)
            bag = bag_push(bag, replay->secret.value[steps[i].thread->ring[at % RING]], 0);
        steps[i].print[PATTERN_BAG] = bag_fingerprint(bag, replay->secret.spread);
    }
    return find_unknown(&replay->known[PATTERN_BAG], steps, count, PATTERN_BAG);
}

/* Learning: an earlier version has shown it, so that this one does is no mismatch. */
static bool take_back(struct replay *replay, const struct mismatch *m)
{
    uint16_t history[HISTORY];
    if (!fingerprints_has(&replay->aside[m->kind], m->step->print[m->kind]))
        return false;
    uint32_t length = copy_history(m, history);
    profile_add(replay->profile, m->kind, history + length - replay->length[m->kind]);
    fingerprints_add(&replay->known[m->kind], m->step->print[m->kind]);
    return true;
}

/* What was unknown when the batch was looked up may have been learned within it. */
static void take_unknown(struct replay *replay, struct mismatch *m)
{
    if (!fingerprints_has(&replay->known[m->kind], m->step->print[m->kind]) &&
        !take_back(replay, m))
        take_mismatch(replay, m);
}

static __attribute__((noinline)) void take_unknowns(struct replay *replay, const struct step *steps,
                                                    const struct call *calls,
                                                    const uint32_t unknown[PATTERN_KINDS])
{
    uint32_t either = unknown[PATTERN_WINDOW] | unknown[PATTERN_BAG];
    for (int i; either; either &= either - 1) {
        i = __builtin_ctz(either);
        for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
            if (unknown[kind] >> i & 1)
                take_unknown(replay,
                             &(struct mismatch){.kind = kind,
                                                .step = &steps[i],
                                                .call = &calls[i],
                                                .call_index = replay->result.calls + (size_t)i});
    }
}

/*
 * Takes calls up to a mark or the end of a batch and returns how many. First all fingerprints, then
 * all look-ups, which depend on nothing and so wait for memory together.
 */
static inline __attribute__((always_inline)) size_t take_batch(struct replay *replay,
                                                               const struct call *calls,
                                                               size_t count, const uint32_t n,
                                                               const uint32_t m, const bool follow)
{
    struct step steps[BATCH];
    size_t taken = 0, windows = 0, bags = 0;
    for (; taken < count && taken < BATCH && calls[taken].kind == CALL_ENTER; taken++) {
        struct thread *thread = threads_get(&replay->threads, calls[taken].tid);
        push_call(replay, &calls[taken], thread, &steps[taken], n, m, follow);
        windows += thread->length >= n;
        bags += thread->length >= m;
    }
    uint32_t unknown[PATTERN_KINDS] = {0};
    unknown[PATTERN_WINDOW] =
        find_unknown(&replay->known[PATTERN_WINDOW], steps, taken, PATTERN_WINDOW);
    if (!follow || unknown[PATTERN_WINDOW] || windows < taken)
        unknown[PATTERN_BAG] = find_unknown_bags(replay, steps, taken);
    if (unknown[PATTERN_WINDOW] | unknown[PATTERN_BAG])
        take_unknowns(replay, steps, calls, unknown);
    replay->result.calls += taken;
    replay->result.checked[PATTERN_WINDOW] += windows;
    replay->result.checked[PATTERN_BAG] += bags;
    return taken;
}

static void forget_threads(struct replay *replay)
{
    threads_free(&replay->threads);
    threads_init(&replay->threads);
}

void replay_restart(struct replay *replay)
{
    forget_threads(replay);
    replay->first_call = replay->result.calls;
    replay->epoch = replay->epoch_mismatches = 0;
}

/* A thread that is new, runs a new program or has a gap begins anew: as if it were never seen. */
static void take_mark(struct replay *replay, const struct call *mark)
{
    if (mark->kind == CALL_LOST)
        replay->result.lost += (uint64_t)mark->value;
    if (mark->kind == CALL_LOST && mark->tid == 0)
        forget_threads(replay);
    else
        threads_drop(&replay->threads, mark->tid);
}

/* Compiled for what the processor can; the default lengths are constants, others are not. */
__attribute__((target_clones("avx2", "default"))) static void
take_calls(struct replay *replay, const struct call *calls, size_t count)
{
    const uint32_t n = replay->length[PATTERN_WINDOW], m = replay->length[PATTERN_BAG];
    const bool follow = replay->bags_follow;
    for (size_t i = 0; i < count;) {
        if (calls[i].kind != CALL_ENTER)
            take_mark(replay, &calls[i++]);
        else if (n == 6 && m == 6 && follow)
            i += take_batch(replay, calls + i, count - i, 6, 6, true);
        else
            i += take_batch(replay, calls + i, count - i, n, m, follow);
    }
}

void replay_calls(struct replay *replay, const struct call *calls, size_t count)
{
    take_calls(replay, calls, count);
}
