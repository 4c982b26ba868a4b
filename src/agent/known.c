#include "agent/known.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define LOOK_EVERY (5 * NS_PER_S)

enum kind { SCAN, EPSS, KEV };

/* One file with what was found in it. */
struct entry {
    enum kind kind;
    char *file, *osv, *service;   /* osv and service may be NULL */
    struct vulnerabilities found; /* of a scan */
    uint64_t dated;               /* CLOCK_REALTIME, 0: never read */
    char error[ERROR_TEXT];       /* of the last reading, "" when it succeeded */
};

struct reading {
    struct entry *entries;
    size_t count;
    pthread_t thread;
    atomic_bool done;
};

struct known {
    struct reading *goes_on, *last; /* NULL: none */
    uint64_t state;                 /* of the files when they were read last */
    uint64_t looked;                /* CLOCK_MONOTONIC */
};

static void reading_free(struct reading *reading)
{
    for (size_t i = 0; reading && i < reading->count; i++) {
        struct entry *entry = &reading->entries[i];
        free(entry->file);
        free(entry->osv);
        free(entry->service);
        vulnerabilities_free(&entry->found);
    }
    if (reading)
        free(reading->entries);
    free(reading);
}

/* ---- the thread ---- */

static int read_scan(struct entry *entry, struct error *err)
{
    size_t size, osv_size;
    uint64_t osv_dated;
    autofree char *text = document_read(entry->file, &size, &entry->dated, err);
    const struct source scan = {entry->file, text, size};
    if (!text)
        return -1;
    if (!entry->osv)
        return vulnerabilities_scan(&entry->found, &scan, &entry->dated, err);
    autofree char *records = document_read(entry->osv, &osv_size, &osv_dated, err);
    const struct source osv = {entry->osv, records, osv_size};
    if (!records)
        return -1;
    int result = vulnerabilities_match(&entry->found, &scan, &osv, &entry->dated, err);
    if (osv_dated < entry->dated)
        entry->dated = osv_dated;
    return result;
}

/* A list of odds is applied to every scan. */
static int read_odds(struct reading *reading, struct entry *entry, struct error *err)
{
    size_t size;
    autofree char *text = document_read(entry->file, &size, &entry->dated, err);
    const struct source odds = {entry->file, text, size};
    int result = text ? 0 : -1;
    for (size_t i = 0; i < reading->count && result == 0; i++) {
        struct vulnerabilities *found = &reading->entries[i].found;
        result = entry->kind == EPSS ? vulnerabilities_epss(found, &odds, &entry->dated, err)
                                     : vulnerabilities_kev(found, &odds, &entry->dated, err);
    }
    return result;
}

/* Scans come first among the entries. */
static void *read_all(void *context)
{
    struct reading *reading = context;
    for (size_t i = 0; i < reading->count; i++) {
        struct entry *entry = &reading->entries[i];
        struct error err;
        int result = entry->kind == SCAN ? read_scan(entry, &err) : read_odds(reading, entry, &err);
        if (result < 0)
            snprintf(entry->error, sizeof entry->error, "%s", err.text);
    }
    atomic_store(&reading->done, true);
    return NULL;
}

/* ---- the agent's side ---- */

static void add(struct reading *reading, enum kind kind, char *file)
{
    if (*file)
        reading->entries[reading->count++] = (struct entry){.kind = kind, .file = file};
    else
        free(file);
}

static struct reading *plan(const struct config *config)
{
    struct reading *reading = memory_must(calloc(1, sizeof *reading));
    reading->entries = memory_must(calloc(config->scan_count + 2, sizeof *reading->entries));
    for (size_t i = 0; i < config->scan_count; i++) {
        const struct scan_config *scan = &config->scans[i];
        size_t before = reading->count;
        add(reading, SCAN, config_file(config, scan->file));
        if (reading->count == before)
            continue;
        struct entry *entry = &reading->entries[before];
        entry->osv = scan->osv && *scan->osv ? config_file(config, scan->osv) : NULL;
        entry->service = scan->service ? memory_must(strdup(scan->service)) : NULL;
    }
    add(reading, EPSS, config_file(config, config->epss));
    add(reading, KEV, config_file(config, config->kev));
    return reading;
}

/* Another number when any file is another one (FNV-1a over what stat tells). */
static uint64_t state_of(const struct reading *reading)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < reading->count; i++) {
        const char *const files[] = {reading->entries[i].file, reading->entries[i].osv};
        for (size_t k = 0; k < 2 && files[k]; k++) {
            struct stat status = {0};
            stat(files[k], &status);
            const uint64_t facts[] = {(uint64_t)status.st_mtim.tv_sec,
                                      (uint64_t)status.st_mtim.tv_nsec, status.st_ino,
                                      (uint64_t)status.st_size};
            for (size_t f = 0; f < 4; f++)
                hash = (hash ^ facts[f]) * 0x100000001b3ULL;
        }
    }
    return hash;
}

static struct entry *same_entry(struct reading *reading, const struct entry *entry)
{
    for (size_t i = 0; reading && i < reading->count; i++)
        if (reading->entries[i].kind == entry->kind &&
            strcmp(reading->entries[i].file, entry->file) == 0)
            return &reading->entries[i];
    return NULL;
}

static void take_over(struct known *known)
{
    struct reading *now = known->goes_on;
    pthread_join(now->thread, NULL);
    for (size_t i = 0; i < now->count; i++) {
        struct entry *entry = &now->entries[i], *before = same_entry(known->last, entry);
        if (!entry->error[0])
            continue;
        vulnerabilities_free(&entry->found);
        entry->dated = before ? before->dated : 0;
        if (before) {
            entry->found = before->found;
            before->found = (struct vulnerabilities){0};
        }
        log_warn("%s%s", entry->error,
                 before && entry->kind == SCAN ? "; what was read before stays in force" : "");
    }
    reading_free(known->last);
    known->last = now;
    known->goes_on = NULL;
}

bool known_tick(struct known *known, const struct config *config, uint64_t now)
{
    if (known->goes_on) {
        bool done = atomic_load(&known->goes_on->done);
        if (done)
            take_over(known);
        return done;
    }
    if (known->looked && clock_passed(now, known->looked) < LOOK_EVERY)
        return false;
    known->looked = now;
    struct reading *reading = plan(config);
    uint64_t state = state_of(reading);
    if (state == known->state || pthread_create(&reading->thread, NULL, read_all, reading) != 0) {
        reading_free(reading); /* without a thread: tried again at the next look */
        return false;
    }
    known->state = state;
    known->goes_on = reading;
    return false;
}

struct known *known_new(void)
{
    return memory_must(calloc(1, sizeof(struct known)));
}

void known_free(struct known *known)
{
    if (!known)
        return;
    if (known->goes_on)
        pthread_join(known->goes_on->thread, NULL);
    reading_free(known->goes_on);
    reading_free(known->last);
    free(known);
}

void known_forget(struct known *known)
{
    known->state = 0;
    known->looked = 0;
}

struct vulnerabilities known_of(const struct known *known, const char *service)
{
    struct vulnerabilities all = {0};
    for (size_t i = 0; known->last && i < known->last->count; i++) {
        const struct entry *entry = &known->last->entries[i];
        if (!entry->service || fnmatch(entry->service, service, 0) == 0)
            vulnerabilities_unite(&all, &entry->found);
    }
    return all;
}

json_t *known_files(const struct known *known, uint64_t stale, uint64_t realtime)
{
    static const char *const KINDS[] = {"scan", "epss", "kev"};
    json_t *files = json_array();
    for (size_t i = 0; known->last && i < known->last->count; i++) {
        const struct entry *entry = &known->last->entries[i];
        char dated[CLOCK_TEXT] = "";
        if (entry->dated)
            clock_format(entry->dated, dated);
        json_array_append_new(files, json_pack("{s:s,s:s,s:s,s:b,s:s}", "file", entry->file, "kind",
                                               KINDS[entry->kind], "dated", dated, "stale",
                                               clock_passed(realtime, entry->dated) > stale,
                                               "error", entry->error));
    }
    return files;
}
