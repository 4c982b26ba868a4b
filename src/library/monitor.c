/* A replica's calls against its profile, for programs that embed Skink. */
#include "base/memory.h"
#include "detect/frame.h"
#include "detect/replay.h"
#include "library/library_profile.h"

struct skink_monitor {
    struct replay *replay;
    skink_on_alarm on_alarm;
    void *context;
};

static int check(const struct detect_rule *rule, struct error *why)
{
    if (rule->frame < FRAME_MIN || rule->frame > FRAME_MAX || rule->frame_threshold > rule->frame)
        return error_set(why, EXIT_USAGE, 0,
                         "%u of %u windows: a frame is %d to %d, a threshold at most as much",
                         rule->frame_threshold, rule->frame, FRAME_MIN, FRAME_MAX);
    if (rule->epoch == 0 || rule->epoch_threshold > rule->epoch)
        return error_set(why, EXIT_USAGE, 0,
                         "%u of %u calls: an epoch is 1 or more, a threshold at most as much",
                         rule->epoch_threshold, rule->epoch);
    return 0;
}

static void on_crossing(void *context, const struct crossing *crossing)
{
    const struct skink_monitor *monitor = context;
    if (monitor->on_alarm)
        monitor->on_alarm(monitor->context,
                          &(struct skink_alarm){.window = crossing->kind == PATTERN_WINDOW,
                                                .tid = crossing->tid,
                                                .pid = crossing->pid,
                                                .call_index = crossing->call_index,
                                                .time = crossing->time,
                                                .score = crossing->score});
}

struct skink_monitor *skink_monitor_new(const struct skink_profile *profile,
                                        const struct skink_rule *rule, skink_on_alarm on_alarm,
                                        void *context, struct skink_error *err)
{
    struct error why;
    struct detect_rule ours = DETECT_RULE_DEFAULT;
    if (rule)
        ours = (struct detect_rule){rule->frame, rule->frame_threshold, rule->epoch,
                                    rule->epoch_threshold};
    if (check(&ours, &why) < 0) {
        library_tell(err, &why);
        return NULL;
    }
    struct skink_monitor *monitor = memory_must(calloc(1, sizeof *monitor));
    monitor->on_alarm = on_alarm;
    monitor->context = context;
    monitor->replay =
        replay_new(profile->profile, false, &ours,
                   &(struct replay_hooks){.crossing = on_crossing, .context = monitor});
    return monitor;
}

void skink_monitor_calls(struct skink_monitor *monitor, const struct skink_call *calls,
                         size_t count)
{
    struct call batch[LIBRARY_BATCH];
    for (size_t size; count > 0; calls += size, count -= size) {
        size = count < LIBRARY_BATCH ? count : LIBRARY_BATCH;
        library_take_calls(batch, calls, size);
        replay_calls(monitor->replay, batch, size);
    }
}

struct skink_totals skink_monitor_totals(const struct skink_monitor *monitor)
{
    const struct replay_result *result = replay_result(monitor->replay);
    return (struct skink_totals){
        .calls = result->calls,
        .windows = result->checked[PATTERN_WINDOW],
        .unknown_windows = result->mismatches[PATTERN_WINDOW],
        .bags = result->checked[PATTERN_BAG],
        .unknown_bags = result->mismatches[PATTERN_BAG],
        .alarms = result->crossings[PATTERN_WINDOW] + result->crossings[PATTERN_BAG],
        .lost = result->lost,
    };
}

void skink_monitor_free(struct skink_monitor *monitor)
{
    if (!monitor)
        return;
    replay_free(monitor->replay);
    free(monitor);
}
