/* `skink profile merge` and `reuse`: profiles made from profiles. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/profile.h"

int profile_put(const struct profile_request *request, struct profile *profile, struct error *err)
{
    size_t size;
    autofree void *data = profile_serialize(profile, &size);
    return profile_write(request->output, data, size, err);
}

static int no_output(const char *subcommand, struct error *err)
{
    return error_set(err, EXIT_USAGE, 0, "profile %s: where to? (give -o FILE)", subcommand);
}

static void print_summary(const struct profile_request *request, struct profile *profile)
{
    char state[256];
    size_t sources;
    const struct profile_facts *facts = profile_facts(profile);
    profile_sources(profile, &sources);
    if (request->json) {
        json_t *json = profile_summary(profile);
        json_object_set_new(json, "file", json_string(request->output));
        profile_print_json(json);
        return;
    }
    printf("%s: %s@%s, %zu windows and %zu bags from %zu %s", request->output, facts->service,
           facts->version, profile_count(profile, PATTERN_WINDOW),
           profile_count(profile, PATTERN_BAG), sources, sources == 1 ? "source" : "sources");
    if (profile_aside(profile))
        printf(", %zu patterns of earlier versions", profile_aside(profile));
    printf("; %s\n", profile_state(profile, state, sizeof state));
}

static int put_and_tell(const struct profile_request *request, struct profile *profile,
                        struct error *err)
{
    if (!profile)
        return -1;
    int failed = profile_put(request, profile, err);
    if (!failed)
        print_summary(request, profile);
    profile_free(profile);
    return failed ? -1 : EXIT_DONE;
}

int profile_merge_run(const struct profile_request *request, struct error *err)
{
    struct profile *merged = NULL;
    size_t opened = 0;
    if (!request->output)
        return no_output("merge", err);
    autofree struct profile **profiles =
        memory_must(calloc(request->name_count, sizeof(struct profile *)));
    for (; opened < request->name_count; opened++) {
        profiles[opened] = profile_open(request, request->names[opened], err);
        if (!profiles[opened])
            break;
    }
    if (opened == request->name_count)
        merged = profile_merge(profiles, opened, err);
    while (opened > 0)
        profile_free(profiles[--opened]);
    return put_and_tell(request, merged, err);
}

int profile_reuse_run(const struct profile_request *request, struct error *err)
{
    if (!request->output)
        return no_output("reuse", err);
    if (!request->version)
        return error_set(err, EXIT_USAGE, 0,
                         "profile reuse: for which version? (give --version VERSION)");
    struct profile *old = profile_open(request, request->names[0], err);
    if (!old)
        return -1;
    struct profile *profile = profile_reuse(old, request->version, err);
    profile_free(old);
    return put_and_tell(request, profile, err);
}
