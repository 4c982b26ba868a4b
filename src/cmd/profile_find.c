/* The profiles of a state directory, and the one that a name means. */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/profile.h"

#define SUFFIX ".profile"

static bool has_suffix(const char *name)
{
    size_t length = strlen(name);
    return length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static int is_profile(const struct dirent *file)
{
    return has_suffix(file->d_name);
}

__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...)
{
    char *made = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&made, format, args) < 0)
        memory_must(NULL);
    va_end(args);
    return made;
}

/* A damaged file cannot say whose it is: it is called what the file is called. */
static void read_entry(struct profile_entry *entry, const char *dir, const char *file)
{
    struct error err;
    entry->path = text("%s/%s", dir, file);
    entry->profile = profile_load(entry->path, &err);
    if (entry->profile) {
        const struct profile_facts *facts = profile_facts(entry->profile);
        entry->name = text("%s@%s", facts->service, facts->version);
        entry->service_length = strlen(facts->service);
    } else {
        entry->damage = memory_must(strdup(err.text));
        entry->name = text("%.*s", (int)(strlen(file) - strlen(SUFFIX)), file);
        entry->service_length = strcspn(entry->name, "@");
    }
}

int profile_list_read(const char *state_dir, struct profile_list *list, struct error *err)
{
    struct dirent **files = NULL;
    autofree char *dir = text("%s/profiles", state_dir);
    *list = (struct profile_list){0};
    int count = scandir(dir, &files, is_profile, alphasort);
    if (count < 0) {
        error_set(err, EXIT_USAGE, errno, "%s", dir);
        return error_hint(err, "--state-dir names another state directory");
    }
    list->entries = memory_must(calloc((size_t)count + 1, sizeof *list->entries));
    for (int i = 0; i < count; i++) {
        read_entry(&list->entries[list->count++], dir, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    return 0;
}

void profile_list_free(struct profile_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct profile_entry *entry = &list->entries[i];
        profile_free(entry->profile);
        free(entry->path);
        free(entry->name);
        free(entry->damage);
    }
    free(list->entries);
}

static bool is_called(const struct profile_entry *entry, const char *name)
{
    return strcmp(entry->name, name) == 0 ||
           (strlen(name) == entry->service_length &&
            strncmp(entry->name, name, entry->service_length) == 0);
}

static int ambiguous(const struct profile_list *list, const char *name, struct error *err)
{
    error_set(err, EXIT_USAGE, 0, "%s: may be", name);
    for (size_t i = 0; i < list->count; i++) {
        const struct profile_entry *entry = &list->entries[i];
        if (is_called(entry, name)) {
            size_t used = strlen(err->text);
            snprintf(err->text + used, sizeof err->text - used, " %s,", entry->name);
        }
    }
    err->text[strlen(err->text) - 1] = '\0';
    return error_hint(err, "say which, or give the path of its file to show and growth");
}

struct profile_entry *profile_list_find(const struct profile_list *list, const char *name,
                                        struct error *err)
{
    struct profile_entry *found = NULL;
    for (size_t i = 0; i < list->count; i++) {
        if (!is_called(&list->entries[i], name))
            continue;
        if (found) {
            ambiguous(list, name, err);
            return NULL;
        }
        found = &list->entries[i];
    }
    if (!found) {
        error_set(err, EXIT_USAGE, 0, "%s: no such profile", name);
        error_hint(err, "skink profile ls lists them");
    }
    return found;
}

struct profile *profile_open(const struct profile_request *request, const char *name,
                             struct error *err)
{
    struct profile_list list;
    struct profile *profile = NULL;
    if ((strchr(name, '/') || has_suffix(name)) && access(name, F_OK) == 0)
        return profile_load(name, err);
    if (profile_list_read(request->state_dir, &list, err) < 0)
        return NULL;
    struct profile_entry *entry = profile_list_find(&list, name, err);
    if (entry && entry->profile)
        profile = take_pointer(entry->profile);
    else if (entry)
        error_set(err, EXIT_USAGE, 0, "%s", entry->damage);
    profile_list_free(&list);
    return profile;
}
