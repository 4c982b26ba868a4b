#include "campaign/dataset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "campaign/daemon.h"
#include "campaign/path.h"
#include "campaign/programs.h"
#include "campaign/words.h"

#define GIT_MS 3000

static char *within(const struct play *play, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", play->options->directory, name) < 0)
        memory_must(NULL);
    return path;
}

/* ---- the load ---- */

static struct load_counts load_now(const struct play *play)
{
    struct load_counts counts = play->load_before;
    json_t *said = play->load.text ? truth_last_object(play->load.text) : NULL;
    counts.requests += (uint64_t)json_integer_value(json_object_get(said, "requests"));
    counts.failures += (uint64_t)json_integer_value(json_object_get(said, "failures"));
    json_decref(said);
    return counts;
}

/* A load that has died is started anew with the next part. */
static int keep_loading(struct play *play, struct error *err)
{
    if (!play->campaign->shoppers || (play->load.text && !child_ended(&play->load)))
        return 0;
    if (play->load.text) {
        char why[CHILD_ERRORS];
        progress_hide(&play->progress);
        log_warn("the load ended: %s", child_why(&play->load, why, sizeof why));
        play->load_before = load_now(play);
        child_clear(&play->load);
    }
    char **words = program_of_load(play->campaign, play->options->testbed, err);
    int started = words ? child_start(&play->load, words, err) : -1;
    words_free(words);
    return started;
}

/* ---- campaign.json ---- */

static json_t *calls_json(const struct recording_counts *calls)
{
    return json_pack("{s:I s:I s:I}", "recorded", (json_int_t)calls->calls, "lost",
                     (json_int_t)calls->lost, "replicas", (json_int_t)calls->replicas);
}

static json_t *where_json(const struct play *play)
{
    struct utsname system;
    uname(&system);
    return json_pack("{s:s s:s s:s s:s s:O?}", "system", play->campaign->system.name, "host",
                     system.nodename, "kernel", system.release, "skink", SKINK_VERSION, "commit",
                     play->commit);
}

static json_t *document(const struct play *play, bool over)
{
    const struct campaign *campaign = play->campaign;
    const char *state = !over ? "running" : play->interrupts ? "interrupted" : "done";
    json_t *load = play->load.text ? truth_last_object(play->load.text) : NULL;
    json_t *json = json_pack(
        "{s:s s:s s:I s:s s:o s:o}", "name", campaign->name, "about",
        campaign->about ? campaign->about : "", "seed", (json_int_t)campaign->seed, "state", state,
        "begin", truth_time(play->begin), "end", over ? truth_time(clock_realtime()) : json_null());
    json_t *where = where_json(play);
    json_object_update(json, where);
    json_decref(where);
    json_object_set_new(json, "daemon",
                        play->daemon ? daemon_json(play->daemon, play->learned) : json_null());
    json_object_set_new(json, "load", load ? load : json_null());
    json_object_set_new(json, "calls", play->recorded ? calls_json(&play->calls) : json_null());
    json_object_set_new(json, "steps",
                        json_pack("{s:I s:I s:I}", "done", (json_int_t)play->done, "failed",
                                  (json_int_t)play->failed, "interrupted",
                                  (json_int_t)play->interrupted));
    json_object_set_new(json, "schedule", timetable_json(&play->timetable));
    json_object_set_new(json, "campaign", json_string(campaign->text));
    return json;
}

/* As a whole or not at all. */
static int write_document(const struct play *play, bool over, struct error *err)
{
    autofree char *path = within(play, "campaign.json");
    autofree char *next = within(play, "campaign.json.new");
    json_t *json = document(play, over);
    int failed = json_dump_file(json, next, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(json);
    if (failed || rename(next, path) != 0)
        return error_set(err, EXIT_USAGE, errno, "cannot write %s", path);
    return 0;
}

/* The commit of the testbed's tree; NULL: git knows none. */
static json_t *find_commit(const char *testbed)
{
    struct child git;
    struct error ignored;
    char *words[] = {(char[]){"git"},       (char[]){"-C"},   (char *)(uintptr_t)testbed,
                     (char[]){"rev-parse"}, (char[]){"HEAD"}, NULL};
    json_t *commit = NULL;
    if (child_start(&git, words, &ignored) < 0)
        return NULL;
    for (int i = 0; i < GIT_MS / 10 && !child_ended(&git); i++)
        usleep(10000);
    child_end(&git, 0);
    if (child_succeeded(&git))
        commit = json_stringn(git.text, strcspn(git.text, "\n"));
    child_clear(&git);
    return commit;
}

/* ---- parts ---- */

/* calls: NULL when they were not recorded. */
static void write_line(struct play *play, const struct recording_counts *calls)
{
    struct load_counts load = load_now(play);
    json_object_set_new(play->line, "from", truth_time(play->part_from));
    json_object_set_new(play->line, "until", truth_time(clock_realtime()));
    json_object_set_new(play->line, "load",
                        play->campaign->shoppers
                            ? json_pack("{s:I s:I}", "requests",
                                        (json_int_t)(load.requests - play->part_load.requests),
                                        "failures",
                                        (json_int_t)(load.failures - play->part_load.failures))
                            : json_null());
    json_object_set_new(play->line, "calls",
                        calls ? json_pack("{s:I s:I}", "recorded", (json_int_t)calls->calls, "lost",
                                          (json_int_t)calls->lost)
                              : json_null());
    json_dumpf(play->line, play->truth, JSON_COMPACT);
    fputc('\n', play->truth);
    fflush(play->truth);
    json_decref(take_pointer(play->line));
}

static void add_calls(struct play *play, const struct recording_counts *calls)
{
    play->calls.calls += calls->calls;
    play->calls.lost += calls->lost;
    if (calls->replicas > play->calls.replicas)
        play->calls.replicas = calls->replicas;
}

void play_begin_part(struct play *play, const char *id)
{
    struct error err;
    struct recording_counts calls = {0};
    struct recording *recording = play->recording;
    if (recording && recording_part(recording, id, &calls, &err) < 0)
        play_stop_recording(play, &err);
    add_calls(play, &calls);
    if (play->line)
        write_line(play, recording ? &calls : NULL);
    if (keep_loading(play, &err) < 0)
        log_warn("%s", err.text);
    play->part_from = clock_realtime();
    play->part_load = load_now(play);
    if (write_document(play, false, &err) < 0)
        log_warn("%s", err.text);
}

void play_note(struct play *play, json_t *line, const struct outcome *outcome)
{
    play->line = line;
    play->done += strcmp(outcome->word, "done") == 0;
    play->failed += strcmp(outcome->word, "failed") == 0;
    play->interrupted += strcmp(outcome->word, "interrupted") == 0;
}

bool play_ask_daemon(struct play *play)
{
    json_t *status = play->daemon ? daemon_status(play->options->socket) : NULL;
    if (status) {
        json_decref(play->daemon);
        play->daemon = status;
    }
    play->learned = status && daemon_learned(status, play->containers);
    return play->learned;
}

void play_stop_recording(struct play *play, const struct error *why)
{
    struct error ignored;
    struct recording_counts calls;
    progress_hide(&play->progress);
    log_warn("calls are no longer recorded: %s", why->text);
    recording_close(take_pointer(play->recording), &calls, &ignored);
    add_calls(play, &calls);
}

/* ---- the whole ---- */

static int make_directory(struct play *play, struct error *err)
{
    autofree char *truth = within(play, "truth.jsonl");
    if (mkdir(play->options->directory, 0755) < 0) {
        error_set(err, EXIT_USAGE, errno, "cannot make %s", play->options->directory);
        return errno == EEXIST ? error_hint(err, "a data set is not written over") : -1;
    }
    play->truth = fopen(truth, "we");
    return play->truth ? 0 : error_set(err, EXIT_USAGE, errno, "%s", truth);
}

static int start_recording(struct play *play, struct error *err)
{
    play->calls_directory = within(play, "calls");
    const struct recording_options options = {.directory = play->calls_directory,
                                              .containers = play->containers,
                                              .oci = play->oci,
                                              .results = play->campaign->results};
    if (path_make(play->calls_directory, err) < 0)
        return -1;
    play->recording = recording_open(&options, err);
    play->recorded = play->recording != NULL;
    return play->recorded ? 0 : -1;
}

int play_open(struct play *play, struct error *err)
{
    const struct campaign *campaign = play->campaign;
    play->started = clock_monotonic();
    play->begin = clock_realtime();
    play->containers = program_text(campaign, campaign->system.containers, err);
    play->oci = play->containers ? program_text(campaign, campaign->system.oci, err) : NULL;
    if (!play->oci || make_directory(play, err) < 0)
        return -1;
    play->commit = find_commit(play->options->testbed);
    play->daemon = daemon_status(play->options->socket);
    if (!play->daemon)
        log_warn("no daemon answers at %s: there will be no alerts", play->options->socket);
    if (campaign->record && start_recording(play, err) < 0)
        return -1;
    return keep_loading(play, err);
}

int play_close(struct play *play, struct error *err)
{
    struct recording_counts calls = {0};
    bool recorded = play->recording;
    int failed = recorded ? recording_close(take_pointer(play->recording), &calls, err) : 0;
    add_calls(play, &calls);
    if (play->line)
        write_line(play, recorded ? &calls : NULL);
    failed |= daemon_collect(play->options->socket, play->daemon, play->options->directory,
                             play->begin, clock_realtime(), err);
    if (failed)
        log_warn("%s", err->text);
    return write_document(play, true, err);
}

void play_release(struct play *play)
{
    struct error ignored;
    struct recording_counts counts;
    if (play->recording)
        recording_close(play->recording, &counts, &ignored);
    child_clear(&play->load);
    timetable_clear(&play->timetable);
    json_decref(play->line);
    json_decref(play->daemon);
    json_decref(play->commit);
    if (play->truth)
        fclose(play->truth);
    free(play->containers);
    free(play->oci);
    free(play->calls_directory);
}
