/* The course of a campaign: learning, then one step after the other. */
#include "campaign/play.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "campaign/dataset.h"
#include "campaign/programs.h"
#include "campaign/words.h"

#define LOOK_MS     100
#define PATIENCE_MS 15000 /* that the load has to end */
#define ASK_NS      (2 * NS_PER_S)
#define STEP_GUESS  (5 * NS_PER_S) /* what a step takes, for the progress alone */

/* ---- waiting ---- */

enum happening { TIME_IS_OVER, CHILD_ENDED, INTERRUPTED };

static void take_signals(struct play *play)
{
    struct signalfd_siginfo signal;
    while (read(play->signals, &signal, sizeof signal) == sizeof signal)
        play->interrupts++;
}

static void look_around(struct play *play)
{
    struct error err;
    if (play->recording && recording_step(play->recording, &err) < 0)
        play_stop_recording(play, &err);
    child_read(&play->load);
    progress_set(&play->progress, (clock_monotonic() - play->started) / NS_PER_S);
}

/*
 * Everything goes on until the child has ended (NULL: there is none), until `deadline`, or until
 * more than `patience` signals have come.
 */
static enum happening attend(struct play *play, struct child *child, uint64_t deadline,
                             unsigned patience)
{
    for (;;) {
        look_around(play);
        take_signals(play);
        uint64_t now = clock_monotonic();
        if (child && child_ended(child))
            return CHILD_ENDED;
        if (play->interrupts > patience)
            return INTERRUPTED;
        if (now >= deadline)
            return TIME_IS_OVER;
        struct pollfd ready[] = {{.fd = play->signals, .events = POLLIN},
                                 {.fd = child ? child->pidfd : -1, .events = POLLIN}};
        uint64_t rest = (deadline - now) / NS_PER_MS + 1;
        uint64_t most = play->recording ? RECORDING_MS : LOOK_MS;
        poll(ready, 2, (int)(rest < most ? rest : most));
    }
}

static bool wait_for(struct play *play, uint64_t ns)
{
    return attend(play, NULL, clock_monotonic() + ns, 0) == TIME_IS_OVER;
}

/* ---- stretches of load ---- */

static void tell(struct play *play, const char *id, const struct outcome *outcome)
{
    progress_hide(&play->progress);
    log_info("%s: %s%s%s", id, outcome->word, outcome->why[0] ? ": " : "", outcome->why);
}

static void play_stretch(struct play *play, const char *name, uint64_t ns)
{
    play_begin_part(play, name);
    struct outcome outcome = {.word = "done", .begin = clock_realtime()};
    if (!wait_for(play, ns))
        outcome.word = "interrupted";
    outcome.end = clock_realtime();
    play_note(play, truth_stretch(name, &outcome), &outcome);
    tell(play, name, &outcome);
}

/* Until the daemon has learned the system, or the time is over. */
static void wait_for_daemon(struct play *play)
{
    play_begin_part(play, "waiting");
    struct outcome outcome = {.word = "done", .begin = clock_realtime()};
    uint64_t end = clock_monotonic() + play->campaign->wait;
    bool on = true;
    while (on && !play_ask_daemon(play)) {
        uint64_t next = clock_monotonic() + ASK_NS;
        enum happening what = attend(play, NULL, next < end ? next : end, 0);
        if (what == INTERRUPTED)
            outcome.word = "interrupted";
        on = what == TIME_IS_OVER && clock_monotonic() < end;
    }
    if (!on && !play->interrupts) {
        outcome.word = "failed";
        snprintf(outcome.why, sizeof outcome.why, "the daemon has not learned every service");
    }
    outcome.end = clock_realtime();
    play_note(play, truth_stretch("waiting", &outcome), &outcome);
    tell(play, "waiting", &outcome);
}

static void learn(struct play *play)
{
    play_stretch(play, "training", play->campaign->training);
    if (play->daemon && play->campaign->wait && !play->interrupts)
        wait_for_daemon(play);
    if (!play->interrupts)
        play_stretch(play, "validation", play->campaign->validation);
    play_ask_daemon(play);
}

/* ---- steps ---- */

static void fail(struct outcome *outcome, const char *word, const char *why)
{
    outcome->word = word;
    snprintf(outcome->why, sizeof outcome->why, "%.*s", (int)sizeof outcome->why - 1, why);
}

/* A change that is interrupted is waited for, once: the system shall stay whole. */
static void run_program(struct play *play, const struct campaign_step *step, struct child *child,
                        struct outcome *outcome)
{
    struct error err;
    char why[sizeof outcome->why];
    char **words = program_of_step(play->campaign, play->options->testbed, step, &err);
    int started = words ? child_start(child, words, &err) : -1;
    words_free(words);
    if (started < 0) {
        fail(outcome, "failed", err.text);
        return;
    }
    unsigned patience = step->attack ? 0 : 1;
    enum happening what =
        attend(play, child, clock_monotonic() + play->campaign->timeout, patience);
    if (what != CHILD_ENDED)
        child_end(child, PATIENCE_MS);
    if (what == TIME_IS_OVER)
        fail(outcome, "failed", "took too long");
    else if (what == INTERRUPTED)
        fail(outcome, "interrupted", "by a signal");
    else if (!child_succeeded(child))
        fail(outcome, "failed", child_why(child, why, sizeof why));
}

static void play_step(struct play *play, const struct scheduled *scheduled)
{
    play_begin_part(play, scheduled->id);
    struct outcome outcome = {.word = "done", .begin = clock_realtime()};
    struct child child = {0};
    if (!scheduled->step->benign)
        run_program(play, scheduled->step, &child, &outcome);
    else if (!wait_for(play, scheduled->step->benign))
        fail(&outcome, "interrupted", "by a signal");
    outcome.end = clock_realtime();
    play_note(play, truth_step(scheduled, &outcome, child.text ? child.text : ""), &outcome);
    child_clear(&child);
    tell(play, scheduled->id, &outcome);
}

static void play_steps(struct play *play)
{
    uint64_t first = clock_monotonic();
    for (size_t i = 0; i < play->timetable.count && !play->interrupts; i++) {
        const struct scheduled *scheduled = &play->timetable.steps[i];
        uint64_t begin =
            scheduled->at ? first + scheduled->at : clock_monotonic() + scheduled->after;
        snprintf(play->label, sizeof play->label, "step %zu of %zu", i + 1, play->timetable.count);
        if (attend(play, NULL, begin, 0) == TIME_IS_OVER)
            play_step(play, scheduled);
    }
    if (!play->interrupts) /* what the last step did may be noticed late */
        wait_for(play, play->campaign->gap.least);
}

/* ---- the whole ---- */

static uint64_t guess_seconds(const struct campaign *campaign, const struct timetable *timetable)
{
    uint64_t ns = campaign->training + campaign->validation + campaign->gap.least;
    for (size_t i = 0; i < timetable->count; i++)
        ns += timetable->steps[i].after + timetable->steps[i].step->benign + STEP_GUESS;
    return ns / NS_PER_S;
}

static void end_load(struct play *play)
{
    child_end(&play->load, PATIENCE_MS);
}

int campaign_play(const struct campaign *campaign, const struct play_options *options,
                  struct error *err)
{
    struct play play = {.campaign = campaign, .options = options};
    sigset_t ending, before;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, &before);
    timetable_make(campaign, &play.timetable);
    autoclose int signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
    play.signals = signals;
    snprintf(play.label, sizeof play.label, "learning");
    int done = play_open(&play, err);
    if (done == 0) {
        progress_start(&play.progress, play.label, "s", guess_seconds(campaign, &play.timetable));
        learn(&play);
        play_steps(&play);
        end_load(&play);
        progress_end(&play.progress);
        done = play_close(&play, err);
    }
    play_release(&play);
    /* The signal that ended the campaign did its work: it must not end the program, too. */
    const struct timespec at_once = {0};
    while (sigtimedwait(&ending, NULL, &at_once) > 0)
        ;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return done;
}
