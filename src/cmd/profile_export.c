/* `skink profile export --seccomp`: what a service was seen to use, as a filter of its calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/profile.h"
#include "trace/call.h"

/*
 * What runc itself (1.1, with Go's scheduler) calls after it has loaded the filter: it gives up
 * rights, waits for its start and executes the service. With no_new_privs it loads the filter
 * later, when only the last steps remain; the others are then for containers without.
 */
static const char *const LAST_STEPS[] = {
    "clone",       "close",       "epoll_ctl", "epoll_pwait",  "execve",         "fstatfs",
    "futex",       "getpid",      "gettid",    "getdents64",   "madvise",        "mmap",
    "munmap",      "openat",      "nanosleep", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sched_yield", "sigaltstack", "tgkill",    "write"};
static const char *const GIVING_UP_RIGHTS[] = {
    "capget",  "capset", "chdir",      "faccessat2", "fchown", "fcntl",  "fstat",     "getcwd",
    "getppid", "ioctl",  "newfstatat", "prctl",      "read",   "setgid", "setgroups", "setuid"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *name;
    bool keeps_rights; /* loads the filter before it gives up rights */
    const char *comment;
} RUNTIMES[] = {
    {"runc", true, "runc, between loading this filter and starting the service"},
    {"runc-no-new-privs", false, "runc with no_new_privs, the same"},
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The service's calls by name, each once. 32-bit ones go by the name that 64-bit ones have. */
static json_t *service_names(const bool there[CALL_CODES], bool *compat)
{
    char text[CALL_CODES][CALL_NAME];
    const char *names[CALL_CODES];
    size_t count = 0;
    json_t *json = json_array();
    for (uint32_t code = 0; code < CALL_CODES; code++) {
        if (!there[code])
            continue;
        call_name(code, text[code]);
        if (text[code][0] == '#') {
            log_warn("call %s has no name in libseccomp: the filter will refuse it", text[code]);
            continue;
        }
        *compat |= code >= CALL_COMPAT;
        text[code][strcspn(text[code], "/")] = '\0';
        names[count++] = text[code];
    }
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            json_array_append_new(json, json_string(names[i]));
    return json;
}

static json_t *allow(json_t *names)
{
    return json_pack("{s:o s:s}", "names", names, "action", "SCMP_ACT_ALLOW");
}

static void append_names(json_t *json, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_array_append_new(json, json_string(names[i]));
}

/* The runtime's part, told apart: what the service itself was not seen to use is in it alone. */
static int append_runtime(json_t *syscalls, const char *runtime, struct error *err)
{
    if (strcmp(runtime, "none") == 0)
        return 0;
    for (size_t i = 0; i < COUNT(RUNTIMES); i++) {
        if (strcmp(runtime, RUNTIMES[i].name) != 0)
            continue;
        json_t *names = json_array(), *rule = allow(names);
        append_names(names, LAST_STEPS, COUNT(LAST_STEPS));
        if (RUNTIMES[i].keeps_rights)
            append_names(names, GIVING_UP_RIGHTS, COUNT(GIVING_UP_RIGHTS));
        json_object_set_new(rule, "comment", json_string(RUNTIMES[i].comment));
        json_array_append_new(syscalls, rule);
        return 0;
    }
    return error_set(err, EXIT_USAGE, 0, "--runtime: %s is none of runc, runc-no-new-privs, none",
                     runtime);
}

/* Everything else fails with EPERM, which is the default of all that read the file. */
static json_t *filter_json(const struct profile *profile, const char *runtime, struct error *err)
{
    bool there[CALL_CODES], compat = false;
    profile_alphabet(profile, there);
    json_t *syscalls = json_array();
    json_array_append_new(syscalls, allow(service_names(there, &compat)));
    if (append_runtime(syscalls, runtime, err) < 0) {
        json_decref(syscalls);
        return NULL;
    }
    json_t *architectures = json_pack("[s]", "SCMP_ARCH_X86_64");
    if (compat)
        json_array_append_new(architectures, json_string("SCMP_ARCH_X86"));
    return json_pack("{s:s s:o s:o}", "defaultAction", "SCMP_ACT_ERRNO", "architectures",
                     architectures, "syscalls", syscalls);
}

static int put(const struct profile_request *request, json_t *json, struct error *err)
{
    if (!request->output) {
        profile_print_json(json);
        return EXIT_DONE;
    }
    autofree char *text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    return profile_write(request->output, text, strlen(text), err) < 0 ? -1 : EXIT_DONE;
}

int profile_export(const struct profile_request *request, struct error *err)
{
    char state[256];
    if (!request->seccomp)
        return error_set(err, EXIT_USAGE, 0, "profile export: as what? (give --seccomp)");
    struct profile *profile = profile_open(request, request->names[0], err);
    if (!profile)
        return -1;
    if (profile_gaps(profile))
        log_warn("%s is %s: the filter may refuse what the service needs",
                 profile_facts(profile)->service, profile_state(profile, state, sizeof state));
    json_t *json = filter_json(profile, request->runtime, err);
    profile_free(profile);
    return json ? put(request, json, err) : -1;
}
