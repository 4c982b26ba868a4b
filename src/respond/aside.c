#include "respond/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define DYING 1000 /* ms that a killed child has to be gone */

/* Until the end of what is written, at most until the deadline; true: it came. */
static bool hear(int from, uint64_t deadline, void *answer, size_t size)
{
    char piece[256];
    uint64_t now;
    while ((now = clock_monotonic()) < deadline) {
        struct pollfd ready = {.fd = from, .events = POLLIN};
        if (poll(&ready, 1, (int)((deadline - now) / NS_PER_MS) + 1) <= 0)
            continue;
        ssize_t got = read(from, piece, size);
        if (got == (ssize_t)size)
            memcpy(answer, piece, size);
        else if (got == 0)
            return true;
    }
    return false;
}

/* One that cannot be killed now is reaped when the daemon ends. */
static void end(pid_t child)
{
    const struct timespec pause = {.tv_nsec = (long)NS_PER_MS};
    kill(child, SIGKILL);
    for (int i = 0; i < DYING && waitpid(child, NULL, WNOHANG) == 0; i++)
        nanosleep(&pause, NULL);
}

int aside_run(aside_work *work, void *context, uint64_t timeout_ns, void *answer, size_t size,
              struct error *err)
{
    int ends[2];
    memset(answer, 0, size);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot start a process");
    autoclose int from = ends[0];
    autoclose int to = ends[1];
    pid_t child = fork();
    if (child < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot start a process");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(context, to);
        _exit(0);
    }
    close(take_fd(to));
    bool done = hear(from, clock_monotonic() + timeout_ns, answer, size);
    end(child);
    return done ? 0 : 1;
}
