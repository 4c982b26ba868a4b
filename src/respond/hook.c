#include "respond/hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "respond/program.h"

#define VARIABLES 7

extern char **environ;

static char *variable(const char *name, const char *value)
{
    char *text;
    if (asprintf(&text, "SKINK_%s=%s", name, value) < 0)
        memory_must(NULL);
    return text;
}

/* The daemon's environment and what says which replica it is about; the first VARIABLES are owned.
 */
static char **make_environment(const struct measure_target *target)
{
    const struct workload *workload = &target->workload;
    char pid[16];
    size_t count = 0;
    while (environ[count])
        count++;
    char **all = memory_must(calloc(count + VARIABLES + 1, sizeof *all));
    snprintf(pid, sizeof pid, "%d", (int)workload->pid);
    all[0] = variable("SERVICE", workload->service);
    all[1] = variable("VERSION", workload->version);
    all[2] = variable("REPLICA", workload->name);
    all[3] = variable("ID", workload->id);
    all[4] = variable("ENGINE", workload_engine_name(workload->engine));
    all[5] = variable("PID", pid);
    all[6] = variable("VARIANT", target->variant.name);
    memcpy(all + VARIABLES, environ, count * sizeof *all);
    return all;
}

static void free_environment(char **all)
{
    for (size_t i = 0; i < VARIABLES; i++)
        free(all[i]);
    free(all);
}

int hook_run(const char *command, const struct measure_target *target, uint64_t timeout_ns,
             char *output, size_t size, struct error *err)
{
    char *const words[] = {"/bin/sh", "-c", (char *)command, NULL};
    char **environment = make_environment(target);
    int failed = program_run(command, words, environment, timeout_ns, output, size, err);
    free_environment(environment);
    output[strcspn(output, "\n")] = '\0';
    return failed;
}
