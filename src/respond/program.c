#include "respond/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* In a process group of its own, with signals as a shell would set them. */
static int start(const char *name, char *const *words, char *const *environment, int output,
                 pid_t *pid, struct error *err)
{
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
    int failed = posix_spawnp(pid, words[0], &files, &attributes, words, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed ? error_set(err, EXIT_MACHINE, failed, "cannot run \"%s\"", name) : 0;
}

/* What the pipe holds now; false at its end. */
static bool drain(int output, FILE *said)
{
    char part[4096];
    ssize_t got;
    while ((got = read(output, part, sizeof part)) > 0)
        fwrite(part, 1, (size_t)got, said);
    return got < 0;
}

/* The exit status; -1 when it had to be killed. What is printed is read as long as it runs. */
static int await(pid_t pid, int output, uint64_t deadline, FILE *said)
{
    int status = 0;
    autoclose int held = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ready[2] = {{.fd = held, .events = POLLIN}, {.fd = output, .events = POLLIN}};
    bool ended = false;
    uint64_t now;
    while (!ended && (now = clock_monotonic()) < deadline) {
        poll(ready, 2, (int)((deadline - now) / NS_PER_MS) + 1);
        ended = ready[0].revents;
        if (!drain(output, said))
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

int program_run(const char *name, char *const *words, char *const *environment, uint64_t timeout_ns,
                char *output, size_t size, struct error *err)
{
    int ends[2];
    pid_t pid;
    uint64_t deadline = clock_monotonic() + timeout_ns;
    memset(output, 0, size);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot run \"%s\"", name);
    autoclose int from = ends[0];
    autoclose int to = ends[1];
    fcntl(from, F_SETFL, O_NONBLOCK); /* who is left in the background may hold the other end */
    if (start(name, words, environment, to, &pid, err) < 0)
        return -1;
    close(take_fd(to));
    FILE *said = memory_must(fmemopen(output, size - 1, "w"));
    int status = await(pid, from, deadline, said);
    fclose(said);
    if (status == 0)
        return 0;
    if (status == -1)
        return error_set(err, EXIT_MACHINE, 0, "\"%s\" does not end in time", name);
    return error_set(err, EXIT_MACHINE, 0, "\"%s\" ends with %s %d", name,
                     WIFEXITED(status) ? "status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

bool program_exists(const char *name)
{
    const char *paths = getenv("PATH");
    for (const char *at = paths; at && *at; at += strspn(at, ":")) {
        char path[PATH_MAX];
        size_t length = strcspn(at, ":");
        if (snprintf(path, sizeof path, "%.*s/%s", (int)length, at, name) < (int)sizeof path &&
            access(path, X_OK) == 0)
            return true;
        at += length;
    }
    return false;
}
