/* `skink profile ls` and `rm`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/profile.h"
#include "seal/seal.h"

json_t *profile_summary(struct profile *profile)
{
    const struct profile_facts *facts = profile_facts(profile);
    char state[256], created[CLOCK_TEXT], updated[CLOCK_TEXT];
    return json_pack(
        "{s:s s:s s:b s:s s:I s:I s:I s:I s:I s:I s:f s:s s:s}", "service", facts->service,
        "version", facts->version, "complete", profile_gaps(profile) == 0, "state",
        profile_state(profile, state, sizeof state), "windows",
        (json_int_t)profile_count(profile, PATTERN_WINDOW), "bags",
        (json_int_t)profile_count(profile, PATTERN_BAG), "laid_aside",
        (json_int_t)profile_aside(profile), "calls", (json_int_t)facts->calls, "lost",
        (json_int_t)facts->lost, "starts", (json_int_t)facts->starts, "learned_seconds",
        (double)facts->learn_ns / (double)NS_PER_S, "created",
        clock_format(facts->created, created), "updated", clock_format(facts->updated, updated));
}

void profile_print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(json);
}

static json_t *entry_json(const struct profile_entry *entry)
{
    json_t *json = entry->profile
                       ? profile_summary(entry->profile)
                       : json_pack("{s:s s:s}", "name", entry->name, "damage", entry->damage);
    json_object_set_new(json, "file", json_string(entry->path));
    return json;
}

static void print_table(const struct profile_list *list)
{
    size_t width = strlen("PROFILE");
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->entries[i].name) > width)
            width = strlen(list->entries[i].name);
    printf("%-*s  %8s  %8s  %14s  %-20s  %s\n", (int)width, "PROFILE", "WINDOWS", "BAGS", "CALLS",
           "UPDATED", "STATE");
    for (size_t i = 0; i < list->count; i++) {
        const struct profile_entry *entry = &list->entries[i];
        char state[256], updated[CLOCK_TEXT];
        if (!entry->profile) {
            printf("%-*s  %8s  %8s  %14s  %-20s  damaged: %s\n", (int)width, entry->name, "-", "-",
                   "-", "-", entry->damage);
            continue;
        }
        const struct profile_facts *facts = profile_facts(entry->profile);
        printf("%-*s  %8zu  %8zu  %14llu  %.19sZ  %s\n", (int)width, entry->name,
               profile_count(entry->profile, PATTERN_WINDOW),
               profile_count(entry->profile, PATTERN_BAG), (unsigned long long)facts->calls,
               clock_format(facts->updated, updated),
               profile_state(entry->profile, state, sizeof state));
    }
}

int profile_ls(const struct profile_request *request, struct error *err)
{
    struct profile_list list;
    if (profile_list_read(request->state_dir, &list, err) < 0)
        return -1;
    if (request->json) {
        json_t *array = json_array();
        for (size_t i = 0; i < list.count; i++)
            json_array_append_new(array, entry_json(&list.entries[i]));
        profile_print_json(array);
    } else if (list.count == 0) {
        printf("no profiles in %s/profiles yet\n", request->state_dir);
    } else {
        print_table(&list);
    }
    profile_list_free(&list);
    return EXIT_DONE;
}

/* A daemon holds the profile in memory too, and would write it back: it is to forget it. 0: nobody
 * has loaded it, 1: the daemon has removed it. */
static int ask_to_forget(const struct profile_request *request, const struct profile_entry *entry,
                         struct error *err)
{
    struct error why;
    json_t *reply;
    if (!seal_in_use(request->state_dir))
        return 0;
    autofree char *socket = ask_socket(request->socket);
    autofree char *directory = realpath(request->state_dir, NULL);
    json_t *forget = json_pack("{s:s,s:s,s:s}", "verb", "forget", "state_dir",
                               directory ? directory : request->state_dir, "file",
                               strrchr(entry->path, '/') + 1);
    int asked = control_ask(socket, forget, &reply, &why);
    json_decref(forget);
    if (asked < 0)
        return error_set(err, why.code, 0, "%s: a daemon uses it, and cannot be told to forget: %s",
                         request->state_dir, why.text);
    int forgotten = json_is_true(json_object_get(reply, "forgotten"));
    json_decref(reply);
    return forgotten;
}

int profile_rm(const struct profile_request *request, struct error *err)
{
    struct profile_list list;
    int code = -1;
    if (profile_list_read(request->state_dir, &list, err) < 0)
        return -1;
    const struct profile_entry *entry = profile_list_find(&list, request->names[0], err);
    int forgotten = entry ? ask_to_forget(request, entry, err) : -1;
    if (forgotten == 0 && unlink(entry->path) < 0)
        error_set(err, EXIT_MACHINE, errno, "%s: cannot be removed", entry->path);
    else if (forgotten >= 0)
        code = EXIT_DONE;
    profile_list_free(&list);
    return code;
}
