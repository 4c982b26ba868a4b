#include "detect/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"
#include "detect/fingerprints.h"
#include "detect/frame.h"
#include "detect/threads.h"

struct replay {
    struct pattern_secret secret;
    uint32_t length[PATTERN_KINDS]; /* n and m */
    uint64_t factor;                /* window_factor */
    struct fingerprints known[PATTERN_KINDS];
    struct fingerprints novel[PATTERN_KINDS]; /* detecting: reported already */
    struct threads threads;

    struct profile *profile; /* learning: grows; detecting: NULL */
    struct detect_rule rule;
    struct replay_hooks hooks;
    struct replay_result result;
    uint64_t first_call; /* index of the replica's first call */
    uint64_t epoch;      /* the epoch that the next field counts */
    uint32_t epoch_mismatches;
};

static void draw_secret(struct pattern_secret *secret)
{
    uint8_t *at = (uint8_t *)secret;
    for (size_t got = 0; got < sizeof *secret;) {
        ssize_t more = getrandom(at + got, sizeof *secret - got, 0);
        if (more > 0)
            got += (size_t)more;
    }
    secret->spread |= 1;
    secret->base |= 1;
}

static uint64_t fingerprint_of(const struct replay *replay, enum pattern_kind kind,
                               const uint16_t *codes)
{
    const struct pattern_secret *secret = &replay->secret;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < replay->length[kind]; i++) {
        uint64_t value = secret->value[codes[i]];
        sum = kind == PATTERN_BAG ? bag_push(sum, value, 0)
                                  : window_push(sum, replay->length[kind], codes[i], value, 0,
                                                secret->base, replay->factor);
    }
    return kind == PATTERN_BAG ? bag_fingerprint(sum, secret->spread)
                               : window_fingerprint(sum, replay->length[kind], secret->spread);
}

struct replay *replay_new(struct profile *profile, bool learn, const struct detect_rule *rule,
                          const struct replay_hooks *hooks)
{
    assert(rule->frame >= FRAME_MIN && rule->frame <= FRAME_MAX && rule->epoch > 0);
    struct replay *replay = memory_must(calloc(1, sizeof *replay));
    const struct profile_facts *facts = profile_facts(profile);
    draw_secret(&replay->secret);
    replay->length[PATTERN_WINDOW] = facts->window;
    replay->length[PATTERN_BAG] = facts->bag;
    replay->factor = window_factor(replay->secret.base, facts->window);
    replay->profile = learn ? profile : NULL;
    replay->rule = *rule;
    replay->hooks = *hooks;
    threads_init(&replay->threads);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        fingerprints_init(&replay->known[kind]);
        fingerprints_init(&replay->novel[kind]);
        for (size_t i = 0; i < profile_count(profile, kind); i++)
            fingerprints_add(&replay->known[kind],
                             fingerprint_of(replay, kind, profile_pattern(profile, kind, i)));
    }
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
    }
    free(replay);
}

const struct replay_result *replay_result(const struct replay *replay)
{
    return &replay->result;
}

void replay_restart(struct replay *replay)
{
    threads_free(&replay->threads);
    threads_init(&replay->threads);
    replay->first_call = replay->result.calls;
    replay->epoch = replay->epoch_mismatches = 0;
}

/* A pattern just completed that the profile lacks. */
struct mismatch {
    enum pattern_kind kind;
    uint64_t fingerprint;
    uint64_t call_index, time;
    uint32_t score;
};

/* Mismatches in the thread's frame or the replica's epoch, this one included. */
static uint32_t score(struct replay *replay, const struct thread *thread, const struct mismatch *m)
{
    if (m->kind == PATTERN_WINDOW)
        return frame_count(thread->frame, replay->rule.frame);
    uint64_t epoch = (m->call_index - replay->first_call) / replay->rule.epoch;
    if (epoch != replay->epoch)
        replay->epoch_mismatches = 0;
    replay->epoch = epoch;
    return ++replay->epoch_mismatches;
}

static void report_novelty(struct replay *replay, const struct thread *thread,
                           const struct mismatch *m)
{
    struct novelty novelty = {.kind = m->kind,
                              .tid = thread->tid,
                              .pid = thread->pid,
                              .call_index = m->call_index,
                              .time = m->time,
                              .score = m->score};
    uint32_t length = thread->length < HISTORY ? (uint32_t)thread->length : HISTORY;
    for (uint32_t i = 0; i < length; i++)
        novelty.history[i] = thread->history[(thread->length - length + i) % HISTORY];
    novelty.history_length = length;
    if (replay->profile)
        profile_add(replay->profile, m->kind, novelty.history + length - replay->length[m->kind]);
    if (replay->hooks.novelty)
        replay->hooks.novelty(replay->hooks.context, &novelty);
}

static void report_crossing(struct replay *replay, const struct thread *thread,
                            const struct mismatch *m)
{
    replay->result.crossings[m->kind]++;
    struct crossing crossing = {.kind = m->kind,
                                .tid = thread->tid,
                                .pid = thread->pid,
                                .call_index = m->call_index,
                                .time = m->time,
                                .score = m->score};
    if (replay->hooks.crossing)
        replay->hooks.crossing(replay->hooks.context, &crossing);
}

static bool crosses_now(const struct replay *replay, struct thread *thread,
                        const struct mismatch *m)
{
    if (m->kind == PATTERN_BAG)
        return m->score == replay->rule.epoch_threshold;
    bool before = thread->over;
    thread->over = replay->rule.frame_threshold && m->score >= replay->rule.frame_threshold;
    return thread->over && !before;
}

static void take_mismatch(struct replay *replay, struct thread *thread, struct mismatch *m)
{
    struct replay_result *result = &replay->result;
    m->score = score(replay, thread, m);
    uint32_t *peak = m->kind == PATTERN_WINDOW ? &result->frame_peak : &result->epoch_peak;
    *peak = m->score > *peak ? m->score : *peak;
    result->mismatches[m->kind]++;

    struct fingerprints *met = replay->profile ? replay->known : replay->novel;
    if (fingerprints_add(&met[m->kind], m->fingerprint)) {
        result->novelties[m->kind]++;
        report_novelty(replay, thread, m);
    }
    if (crosses_now(replay, thread, m))
        report_crossing(replay, thread, m);
}

/* The value of the call that was made `back` calls ago. */
static inline uint64_t value_leaving(const struct replay *replay, const struct thread *thread,
                                     uint64_t length, uint32_t back)
{
    return replay->secret.value[thread->history[(length - back) % HISTORY]];
}

/*
 * Replays calls of one thread for as long as they are its; returns how many. exact and full are
 * constants wherever this is inlined: what does not apply to all its calls costs nothing.
 *
 * exact  windows are no longer than PATTERN_EXACT
 * full   window and bag are full already; otherwise it returns as soon as they are
 */
static inline __attribute__((always_inline)) size_t run(struct replay *replay,
                                                        struct thread *thread,
                                                        const struct call *calls, size_t count,
                                                        const bool exact, const bool full)
{
    const struct pattern_secret *secret = &replay->secret;
    const uint32_t n = replay->length[PATTERN_WINDOW], m = replay->length[PATTERN_BAG];
    const uint32_t longest = n > m ? n : m, tid = thread->tid;
    const uint64_t first = replay->result.calls;
    uint64_t window = thread->window, bag = thread->bag, frame = thread->frame;
    uint64_t length = thread->length, windows = 0, bags = 0;
    size_t i = 0;
    for (; i < count && calls[i].tid == tid && calls[i].kind == CALL_ENTER; i++) {
        if (!full && length >= longest)
            break;
        uint16_t number = calls[i].number;
        uint32_t code = call_code(number & ~CALL_NUMBER_COMPAT, number & CALL_NUMBER_COMPAT);
        uint64_t in = secret->value[code], window_out = 0, bag_out = 0;
        if (!exact && (full || length >= n))
            window_out = value_leaving(replay, thread, length, n);
        if (full || length >= m)
            bag_out = value_leaving(replay, thread, length, m);
        window = window_push(window, n, code, in, window_out, secret->base, replay->factor);
        bag = bag_push(bag, in, bag_out);
        thread->history[length++ % HISTORY] = (uint16_t)code;

        uint64_t window_print = window_fingerprint(window, n, secret->spread);
        uint64_t bag_print = bag_fingerprint(bag, secret->spread);
        bool check_window = full || length >= n, check_bag = full || length >= m;
        bool new_window =
            check_window && !fingerprints_has(&replay->known[PATTERN_WINDOW], window_print);
        bool new_bag = check_bag && !fingerprints_has(&replay->known[PATTERN_BAG], bag_print);
        windows += check_window;
        bags += check_bag;
        if (check_window)
            frame = frame_push(frame, new_window);
        if (__builtin_expect(new_window | new_bag, 0)) {
            struct mismatch mismatch = {.call_index = first + i, .time = calls[i].time};
            thread->frame = frame;
            thread->length = length;
            mismatch.kind = PATTERN_WINDOW;
            mismatch.fingerprint = window_print;
            if (new_window)
                take_mismatch(replay, thread, &mismatch);
            mismatch.kind = PATTERN_BAG;
            mismatch.fingerprint = bag_print;
            if (new_bag)
                take_mismatch(replay, thread, &mismatch);
        }
    }
    thread->window = window;
    thread->bag = bag;
    thread->frame = frame;
    thread->length = length;
    replay->result.calls += i;
    replay->result.checked[PATTERN_WINDOW] += windows;
    replay->result.checked[PATTERN_BAG] += bags;
    return i;
}

static size_t take_run(struct replay *replay, const struct call *calls, size_t count)
{
    struct thread *thread = threads_get(&replay->threads, calls->tid);
    thread->pid = calls->pid;
    bool exact = replay->length[PATTERN_WINDOW] <= PATTERN_EXACT;
    bool full =
        thread->length >= PATTERN_MAX || (thread->length >= replay->length[PATTERN_WINDOW] &&
                                          thread->length >= replay->length[PATTERN_BAG]);
    if (!full)
        return run(replay, thread, calls, count, exact, false);
    return exact ? run(replay, thread, calls, count, true, true)
                 : run(replay, thread, calls, count, false, true);
}

static void take_lost(struct replay *replay, const struct call *mark)
{
    replay->result.lost += (uint64_t)mark->value;
    if (mark->tid == 0)
        threads_empty_all(&replay->threads);
    else
        thread_empty(threads_get(&replay->threads, mark->tid));
}

static void take_mark(struct replay *replay, const struct call *mark)
{
    switch ((enum call_kind)mark->kind) {
    case CALL_EXEC:
        thread_empty(threads_get(&replay->threads, mark->tid));
        break;
    case CALL_FORK: /* the id may have been another thread's, whose end was not seen */
    case CALL_EXIT:
        threads_drop(&replay->threads, mark->tid);
        break;
    case CALL_LOST:
        take_lost(replay, mark);
        break;
    case CALL_ENTER:
        break;
    }
}

void replay_calls(struct replay *replay, const struct call *calls, size_t count)
{
    for (size_t i = 0; i < count;) {
        if (calls[i].kind == CALL_ENTER)
            i += take_run(replay, calls + i, count - i);
        else
            take_mark(replay, &calls[i++]);
    }
}
