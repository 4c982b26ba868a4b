#include "respond/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

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

/* In a process group of its own, with signals as a shell would set them. */
static int start(const char *command, char **environment, int output, pid_t *pid, struct error *err)
{
    char *const words[] = {"/bin/sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int failed = posix_spawn(pid, words[0], &files, &attributes, words, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed ? error_set(err, EXIT_MACHINE, failed, "cannot run \"%s\"", command) : 0;
}

/* The exit status; -1 when it had to be killed. What is printed is read as long as it runs. */
static int await(pid_t pid, int output, uint64_t deadline, FILE *said)
{
    char part[512];
    int status = 0;
    autoclose int held = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ready[2] = {{.fd = held, .events = POLLIN}, {.fd = output, .events = POLLIN}};
    bool ended = false;
    uint64_t now;
    while (!ended && (now = clock_monotonic()) < deadline) {
        poll(ready, 2, (int)((deadline - now) / NS_PER_MS) + 1);
        ended = ready[0].revents;
        ssize_t got = ready[1].revents ? read(output, part, sizeof part) : -1;
        if (got > 0)
            fwrite(part, 1, (size_t)got, said);
        else if (got == 0)
            ready[1].fd = -1;
    }
    /* Before it is reaped: its group's number is still its own. */
    siginfo_t info = {0};
    if (ended)
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    if (!ended || info.si_code != CLD_EXITED || info.si_status != 0)
        kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    return ended ? status : -1;
}

int hook_run(const char *command, const struct measure_target *target, uint64_t timeout_ns,
             char *output, size_t size, struct error *err)
{
    int ends[2];
    pid_t pid;
    uint64_t deadline = clock_monotonic() + timeout_ns;
    memset(output, 0, size);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot run \"%s\"", command);
    autoclose int from = ends[0];
    autoclose int to = ends[1];
    char **environment = make_environment(target);
    int started = start(command, environment, to, &pid, err);
    free_environment(environment);
    if (started < 0)
        return -1;
    close(take_fd(to));
    FILE *said = memory_must(fmemopen(output, size - 1, "w"));
    int status = await(pid, from, deadline, said);
    fclose(said);
    output[strcspn(output, "\n")] = '\0';
    if (status == 0)
        return 0;
    if (status == -1)
        return error_set(err, EXIT_MACHINE, 0, "\"%s\" does not end in time", command);
    return error_set(err, EXIT_MACHINE, 0, "\"%s\" ends with %s %d", command,
                     WIFEXITED(status) ? "status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}
