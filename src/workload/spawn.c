#include "workload/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* In the child: waits until it is in its cgroup, becomes the command, or tells why it cannot. */
static void become(char *const *command, int go, int failed)
{
    char byte;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(go, &byte, 1) != 1)
        _exit(127);
    execvp(command[0], command);
    int why = errno;
    ssize_t written = write(failed, &why, sizeof why);
    _exit(written == sizeof why ? 127 : 126);
}

int workload_spawn(const struct cgroup_hierarchy *hierarchy, const char *cgroup_path,
                   char *const *command, pid_t *pid, struct error *err)
{
    int go[2];
    int failed[2];
    if (pipe2(go, O_CLOEXEC) != 0)
        return error_set(err, EXIT_MACHINE, errno, "%s: cannot be started", command[0]);
    autoclose int go_read = go[0];
    autoclose int go_write = go[1];
    if (pipe2(failed, O_CLOEXEC) != 0)
        return error_set(err, EXIT_MACHINE, errno, "%s: cannot be started", command[0]);
    autoclose int failed_read = failed[0];
    autoclose int failed_write = failed[1];
    pid_t child = fork();
    if (child < 0)
        return error_set(err, EXIT_MACHINE, errno, "%s: cannot be started", command[0]);
    if (child == 0) {
        close(go_write);
        become(command, go_read, failed_write);
    }
    close(take_fd(failed_write));
    int why = 0;
    int outcome = cgroup_enter(hierarchy, cgroup_path, child, err);
    if (outcome == 0 && write(go_write, "", 1) == 1 &&
        read(failed_read, &why, sizeof why) == sizeof why)
        outcome = error_set(err, EXIT_USAGE, why, "%s: cannot be started", command[0]);
    close(take_fd(go_write));
    if (outcome < 0) {
        waitpid(child, NULL, 0);
        return -1;
    }
    *pid = child;
    return 0;
}
