/* The command of `skink run -- COMMAND`: a service of one replica that Skink starts itself. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/state.h"
#include "base/log.h"
#include "workload/spawn.h"

#define END_WAIT 50 /* tenths of a second that the command has to end after SIGTERM */

static void describe(struct workload *workload, const char *name, char *const *command)
{
    const char *slash = strrchr(command[0], '/');
    memset(workload, 0, sizeof *workload);
    workload->engine = ENGINE_COMMAND;
    snprintf(workload->id, sizeof workload->id, "%s", name);
    snprintf(workload->name, sizeof workload->name, "%s", slash ? slash + 1 : command[0]);
    snprintf(workload->service, sizeof workload->service, "%s", workload->name);
    snprintf(workload->version, sizeof workload->version, "-");
    snprintf(workload->cgroup_path, sizeof workload->cgroup_path, "/%s", name);
}

static int ended(sd_event_source *source, const siginfo_t *info, void *context)
{
    struct agent *agent = context;
    (void)source;
    agent->command = 0;
    log_info("the command has ended (%s %d)", info->si_code == CLD_EXITED ? "exit code" : "signal",
             info->si_status);
    return sd_event_exit(agent->event, 0);
}

int command_start(struct agent *agent, char *const *command, struct error *err)
{
    char path[sizeof agent->command_cgroup + 1];
    snprintf(agent->command_cgroup, sizeof agent->command_cgroup, "skink-%d", (int)getpid());
    snprintf(path, sizeof path, "/%s", agent->command_cgroup);
    describe(&agent->command_workload, agent->command_cgroup, command);
    if (probe_expect(agent->probe, path, ENTRY_EXEC, err) < 0 ||
        cgroup_make(&agent->hierarchy, agent->command_cgroup, &agent->command_workload.cgroup,
                    err) < 0 ||
        workload_spawn(&agent->hierarchy, agent->command_cgroup, command, &agent->command, err) < 0)
        return -1;
    agent->command_workload.pid = agent->command;
    int failed = sd_event_add_child(agent->event, NULL, agent->command, WEXITED, ended, agent);
    if (failed < 0)
        return error_set(err, EXIT_MACHINE, -failed, "%s: cannot be followed", command[0]);
    return 0;
}

void command_stop(struct agent *agent)
{
    struct error err;
    if (agent->command > 0) {
        bool runs = true;
        kill(agent->command, SIGTERM);
        for (int i = 0; i < END_WAIT && (runs = waitpid(agent->command, NULL, WNOHANG) == 0); i++)
            usleep(100000);
        if (runs) { /* else its number may be another's by now */
            kill(agent->command, SIGKILL);
            waitpid(agent->command, NULL, 0);
        }
        agent->command = 0;
    }
    if (agent->command_cgroup[0] && cgroup_remove(&agent->hierarchy, agent->command_cgroup, &err))
        log_warn("%s", err.text);
}
