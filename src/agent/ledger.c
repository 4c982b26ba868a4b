#include "agent/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/alert_file.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

struct ledger {
    char *path;               /* measures.json */
    sd_event_source *changed; /* enabled: it is to be written */
    struct saver *saver;
    struct sealed *sealed;
    struct alert_file *file;
    uint64_t next;         /* number of the next record */
    char boot[CLOCK_BOOT]; /* which boot it is */
    int64_t offset;        /* of the time of day against the time since then, ns */
    json_t *plans, *measures;
    json_t *effects; /* measure -> [worked, failed] */
};

const char *record_text(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    return text ? text : "";
}

uint64_t record_number(const json_t *record, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(record, key));
    return value > 0 ? (uint64_t)value : 0;
}

bool record_is(const json_t *record, const char *state)
{
    return strcmp(record_text(record, "state"), state) == 0;
}

/* ---- to the disk and back ---- */

static void write_down(struct ledger *ledger)
{
    json_t *whole =
        json_pack("{s:I,s:s,s:I,s:O,s:O,s:O}", "next", (json_int_t)ledger->next, "boot",
                  ledger->boot, "clock_offset", (json_int_t)ledger->offset, "plans", ledger->plans,
                  "measures", ledger->measures, "effects", ledger->effects);
    char *text = memory_must(json_dumps(whole, JSON_INDENT(1)));
    saver_write(ledger->saver, ledger->path, text, strlen(text));
    json_decref(whole);
}

static int on_changed(sd_event_source *source, void *context)
{
    (void)source;
    write_down(context);
    return 0;
}

static void save(struct ledger *ledger)
{
    sd_event_source_set_enabled(ledger->changed, SD_EVENT_ONESHOT);
}

static void tell(struct ledger *ledger, const json_t *record)
{
    autofree char *text = memory_must(json_dumps(record, JSON_COMPACT));
    autofree char *line = NULL;
    if (asprintf(&line, "%s\n", text) < 0)
        memory_must(NULL);
    alert_file_write(ledger->file, line);
    sealed_write(ledger->sealed, record_text(record, "type"), record);
}

/* ---- the clock ---- */

#define STEP (2 * (int64_t)NS_PER_S) /* less is no setting of the clock */

static void move_times(json_t *records, int64_t by)
{
    static const char *const TIMES[] = {"begun", "expires", "again"};
    json_t *record;
    size_t i;
    json_array_foreach (records, i, record)
        for (size_t k = 0; k < sizeof TIMES / sizeof *TIMES; k++)
            if (json_object_get(record, TIMES[k]))
                json_object_set_new(record, TIMES[k],
                                    json_integer((json_int_t)record_number(record, TIMES[k]) + by));
}

void ledger_follow_clock(struct ledger *ledger)
{
    struct timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t since = (int64_t)boot.tv_sec * (int64_t)NS_PER_S + boot.tv_nsec;
    int64_t offset = (int64_t)clock_realtime() - since;
    int64_t by = ledger->offset ? offset - ledger->offset : 0;
    ledger->offset = offset;
    if (by > -STEP && by < STEP)
        return;
    move_times(ledger->plans, by);
    move_times(ledger->measures, by);
    save(ledger);
}

/* Only objects of what is to be an array, an empty one when it is none. */
static json_t *take_records(const json_t *whole, const char *key)
{
    json_t *records = json_array();
    const json_t *kept = json_object_get(whole, key);
    json_t *record;
    size_t i;
    json_array_foreach (kept, i, record)
        if (json_is_object(record))
            json_array_append(records, record);
    return records;
}

static int load(struct ledger *ledger, struct error *err)
{
    json_error_t why;
    autofile FILE *file = fopen(ledger->path, "re");
    json_t *whole = file ? json_loadf(file, 0, &why) : NULL;
    if (file && !json_is_object(whole)) {
        json_decref(whole);
        error_set(err, EXIT_USAGE, 0, "%s: not a whole file of measures", ledger->path);
        return error_hint(err, "what it held in force is not known any more; move it away");
    }
    if (!file && errno != ENOENT)
        return error_set(err, EXIT_USAGE, errno, "cannot read %s", ledger->path);
    ledger->next = record_number(whole, "next");
    ledger->plans = take_records(whole, "plans");
    ledger->measures = take_records(whole, "measures");
    ledger->effects = json_object_get(whole, "effects");
    ledger->effects =
        json_is_object(ledger->effects) ? json_incref(ledger->effects) : json_object();
    if (strcmp(record_text(whole, "boot"), ledger->boot) == 0)
        ledger->offset = json_integer_value(json_object_get(whole, "clock_offset"));
    json_decref(whole);
    ledger_follow_clock(ledger);
    return 0;
}

/* What the daemon that ended could not bring to its end. */
static void adopt(struct ledger *ledger)
{
    json_t *record;
    size_t i;
    json_array_foreach (ledger->plans, i, record)
        json_object_del(record, "under_way");
    json_array_foreach (ledger->measures, i, record) {
        const struct measure *measure = measure_find(record_text(record, "measure"));
        bool in_force = record_is(record, "in force");
        if (record_is(record, "undoing"))
            ledger_state(ledger, record, "in force", NULL);
        else if (in_force && measure && measure->ends_with_daemon && !measure->release)
            ledger_state(ledger, record, "undone", "the daemon ended");
        else if (in_force)
            log_info("still in force: %s of %s (measure %llu)", record_text(record, "measure"),
                     record_text(record, "replica_name"),
                     (unsigned long long)record_number(record, "number"));
    }
}

static int prepare_saving(struct ledger *ledger, sd_event *event, struct error *err)
{
    int failed = sd_event_add_defer(event, &ledger->changed, on_changed, ledger);
    if (failed < 0)
        return error_set(err, EXIT_MACHINE, -failed, "event loop");
    sd_event_source_set_enabled(ledger->changed, SD_EVENT_OFF);
    return 0;
}

struct ledger *ledger_open(const char *state_dir, sd_event *event, struct saver *saver,
                           struct sealed *sealed, struct error *err)
{
    autofree char *lines = NULL;
    struct ledger *ledger = memory_must(calloc(1, sizeof *ledger));
    ledger->saver = saver;
    ledger->sealed = sealed;
    clock_boot(ledger->boot);
    if (asprintf(&ledger->path, "%s/measures.json", state_dir) < 0 ||
        asprintf(&lines, "%s/measures.jsonl", state_dir) < 0)
        memory_must(NULL);
    if (prepare_saving(ledger, event, err) == 0 && load(ledger, err) == 0 &&
        (ledger->file = alert_file_open(lines, err))) {
        adopt(ledger);
        return ledger;
    }
    ledger_close(ledger);
    return NULL;
}

void ledger_close(struct ledger *ledger)
{
    int pending = SD_EVENT_OFF;
    if (!ledger)
        return;
    if (ledger->changed && sd_event_source_get_enabled(ledger->changed, &pending) > 0)
        write_down(ledger);
    sd_event_source_unref(ledger->changed);
    json_decref(ledger->plans);
    json_decref(ledger->measures);
    json_decref(ledger->effects);
    alert_file_close(ledger->file);
    free(ledger->path);
    free(ledger);
}

/* ---- records ---- */

static bool is_under_way(const json_t *plan)
{
    return json_is_true(json_object_get(plan, "under_way"));
}

/* The oldest goes when there are too many, but never one that is in force or under way. */
static void make_room(json_t *records, size_t most)
{
    for (size_t i = 0; json_array_size(records) >= most && i < json_array_size(records);) {
        const json_t *record = json_array_get(records, i);
        if (record_is(record, "in force") || record_is(record, "undoing") || is_under_way(record))
            i++;
        else
            json_array_remove(records, i);
    }
}

static json_t *file(struct ledger *ledger, json_t *records, size_t most, const char *type,
                    json_t *record)
{
    char time[CLOCK_TEXT];
    make_room(records, most);
    json_object_set_new(record, "type", json_string(type));
    json_object_set_new(record, "number", json_integer((json_int_t)++ledger->next));
    json_object_set_new(record, "time", json_string(clock_format(clock_realtime(), time)));
    json_array_append_new(records, record);
    tell(ledger, record);
    save(ledger);
    return record;
}

json_t *ledger_plan(struct ledger *ledger, json_t *record)
{
    return file(ledger, ledger->plans, LEDGER_PLANS, "plan", record);
}

json_t *ledger_measure(struct ledger *ledger, json_t *record)
{
    return file(ledger, ledger->measures, LEDGER_MEASURES, "measure", record);
}

void ledger_state(struct ledger *ledger, json_t *record, const char *state, const char *why)
{
    json_object_set_new(record, "state", json_string(state));
    if (why && *why)
        json_object_set_new(record, "why", json_string(why));
    tell(ledger, record);
    save(ledger);
}

void ledger_begin(struct ledger *ledger, json_t *plan)
{
    json_object_set_new(plan, "under_way", json_true());
    save(ledger);
}

void ledger_end(struct ledger *ledger, json_t *plan)
{
    json_object_del(plan, "under_way");
    save(ledger);
}

bool ledger_is_busy(const struct ledger *ledger, const char *replica)
{
    const json_t *plan;
    size_t i;
    json_array_foreach (ledger->plans, i, plan)
        if (is_under_way(plan) && strcmp(record_text(plan, "replica"), replica) == 0)
            return true;
    return false;
}

static json_t *find(const json_t *records, uint64_t number)
{
    json_t *record;
    size_t i;
    json_array_foreach (records, i, record)
        if (record_number(record, "number") == number)
            return record;
    return NULL;
}

json_t *ledger_find_plan(const struct ledger *ledger, uint64_t number)
{
    return find(ledger->plans, number);
}

json_t *ledger_find_measure(const struct ledger *ledger, uint64_t number)
{
    return find(ledger->measures, number);
}

const json_t *ledger_plans(const struct ledger *ledger)
{
    return ledger->plans;
}

const json_t *ledger_measures(const struct ledger *ledger)
{
    return ledger->measures;
}

static bool is_of(const json_t *record, const char *service)
{
    return !service || strcmp(record_text(record, "service"), service) == 0;
}

static bool restarts(const char *name)
{
    const struct measure *measure = measure_find(name);
    return measure && measure->restarts;
}

static bool has_tried(const struct ledger *ledger, const json_t *plan)
{
    const json_t *measure;
    size_t i;
    json_array_foreach (ledger->measures, i, measure)
        if (record_number(measure, "plan") == record_number(plan, "number") &&
            restarts(record_text(measure, "measure")))
            return true;
    return false;
}

static bool will_restart(const json_t *plan)
{
    const json_t *name;
    size_t i;
    json_array_foreach (json_object_get(plan, "chosen"), i, name)
        if (json_is_string(name) && restarts(json_string_value(name)))
            return true;
    return false;
}

uint32_t ledger_spent(const struct ledger *ledger, const char *service, uint64_t since)
{
    const json_t *record;
    size_t i;
    uint32_t spent = 0;
    json_array_foreach (ledger->measures, i, record)
        spent += record_number(record, "begun") > since && is_of(record, service) &&
                 restarts(record_text(record, "measure"));
    json_array_foreach (ledger->plans, i, record)
        spent += is_under_way(record) && is_of(record, service) && will_restart(record) &&
                 !has_tried(ledger, record);
    return spent;
}

/* ---- what was seen of each measure ---- */

struct choice_effect ledger_effect(const struct ledger *ledger, const struct measure *measure)
{
    const json_t *seen = json_object_get(ledger->effects, measure->name);
    double worked = json_number_value(json_array_get(seen, 0));
    double failed = json_number_value(json_array_get(seen, 1));
    return (struct choice_effect){measure->worked + (worked > 0 ? worked : 0),
                                  measure->failed + (failed > 0 ? failed : 0)};
}

void ledger_learn(struct ledger *ledger, const struct measure *measure, bool worked)
{
    struct choice_effect effect = ledger_effect(ledger, measure);
    choice_learn(&effect, worked);
    json_object_set_new(
        ledger->effects, measure->name,
        json_pack("[f,f]", effect.worked - measure->worked, effect.failed - measure->failed));
    save(ledger);
}
