#include "agent/canary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/descriptor.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"

#define CAGE "skink-canary-" /* and a process: the name of its cgroup */
#define SONG 64              /* calls, and the length of its epochs: each song enters a new one */

/* What the daemon asks of it. The answer to a song is one byte. */
struct request {
    enum { SING, GUARD } word;
    pid_t daemon;
};

struct canary {
    struct guard guard;
    pid_t pid;
    int fd; /* -1: it has gone */
    const struct cgroup_hierarchy *hierarchy;
    char cgroup[64];
    struct probe *probe;
    uint32_t table, replica; /* replica: PROBE_NONE until it is watched */
    uint64_t asked;          /* CLOCK_MONOTONIC, 0: it is silent because it may be */
    uint64_t heard, sung;    /* the last report; the end of the last song */
    uint64_t lost;           /* of its reports, when it was asked */
    unsigned silent;         /* songs in a row that nobody heard */
};

/* ---- the canary's own process ---- */

static void sing(void)
{
    for (int i = 0; i < SONG; i++)
        getppid();
}

static void live(int fd, const struct guard *guard) __attribute__((noreturn));

/* What a guardian does is no song. It goes itself: the daemon may have no right to move it. */
static void leave_cage(pid_t daemon)
{
    struct cgroup_hierarchy hierarchy;
    struct error err;
    char home[512];
    if (cgroup_hierarchy_find(&hierarchy, &err) < 0 ||
        cgroup_of_process(&hierarchy, daemon, home, sizeof home, &err) < 0 ||
        cgroup_enter(&hierarchy, home, getpid(), &err) < 0)
        log_warn("%s", err.text);
}

/* The one that hears of it stays the daemon; the canary's place is taken by a child of it, born in
 * the cage. */
static void become_guardian(int old, int fd, pid_t daemon, const struct guard *guard)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        _exit(EXIT_FAILURE);
    pid_t child = fork();
    if (child == 0) {
        close(fd);
        close(old);
        close(pair[0]); /* else it would never hear that the daemon has gone */
        live(pair[1], guard);
    }
    guardian_offer_canary(fd, child, pair[0]);
    close(pair[0]);
    close(pair[1]);
    close(old);
    leave_cage(daemon);
    _exit(guardian_adopt(guard, daemon, fd));
}

static void live(int fd, const struct guard *guard)
{
    sigset_t none;
    struct request request;
    int given;
    ssize_t size;
    prctl(PR_SET_NAME, "skink-canary");
    for (int number = 1; number < NSIG; number++) /* the end of the daemon is its end */
        signal(number, number == SIGCHLD ? SIG_DFL : SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    while ((size = descriptor_receive(fd, &request, sizeof request, &given)) > 0 ||
           (size < 0 && errno == EINTR)) {
        if (size == sizeof request && request.word == GUARD && given >= 0)
            become_guardian(fd, given, request.daemon, guard);
        sing();
        if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
            break;
    }
    _exit(EXIT_SUCCESS);
}

/* ---- the daemon's side ---- */

struct canary *canary_start(const struct guard *guard)
{
    struct canary *canary = memory_must(calloc(1, sizeof *canary));
    int pair[2];
    canary->replica = PROBE_NONE;
    canary->fd = -1;
    if (guard)
        canary->guard = *guard;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return canary;
    canary->pid = fork();
    if (canary->pid == 0) {
        close_range(3, (unsigned)pair[1] - 1, 0);
        close_range((unsigned)pair[1] + 1, ~0U, 0);
        live(pair[1], &canary->guard);
    }
    close(pair[1]);
    canary->fd = pair[0];
    return canary;
}

/* Those of daemons that were killed, and whose guardians are gone. One that is in use stays. */
static void remove_empty_cages(const struct cgroup_hierarchy *hierarchy)
{
    struct error ignored;
    struct dirent *entry;
    uint64_t pid;
    DIR *root = opendir(hierarchy->mount);
    if (!root)
        return;
    while ((entry = readdir(root)))
        if (strncmp(entry->d_name, CAGE, strlen(CAGE)) == 0 &&
            parse_u64("pid", entry->d_name + strlen(CAGE), 1, INT_MAX, &pid, &ignored) == 0 &&
            !workload_lives((pid_t)pid))
            unlinkat(dirfd(root), entry->d_name, AT_REMOVEDIR);
    closedir(root);
}

int canary_cage(struct canary *canary, const struct cgroup_hierarchy *hierarchy, struct error *err)
{
    uint64_t key;
    canary->hierarchy = hierarchy;
    remove_empty_cages(hierarchy);
    /* By the guardian, while it lives: what a daemon that was killed leaves, the next one takes,
     * and no other daemon removes it. */
    snprintf(canary->cgroup, sizeof canary->cgroup, CAGE "%d",
             (int)(canary->guard.pid ? canary->guard.pid : getpid()));
    if (cgroup_make(hierarchy, canary->cgroup, &key, err) == 0 &&
        cgroup_enter(hierarchy, canary->cgroup, canary->pid, err) == 0)
        return 0;
    canary->cgroup[0] = '\0';
    return -1;
}

int canary_watch(struct canary *canary, struct probe *probe, struct error *err)
{
    /* Every call of it is foreign, and the first one in an epoch crosses the threshold. */
    const struct detect_rule rule = {.frame = 20, .epoch = SONG, .epoch_threshold = 1};
    uint64_t key;
    canary->probe = probe;
    if (!canary->cgroup[0] || canary->pid <= 0)
        return error_set(err, EXIT_MACHINE, 0, "the canary has no cgroup");
    if (cgroup_key(canary->hierarchy, canary->cgroup, &key, err) < 0 ||
        probe_table_new(probe, &canary->table, err) < 0)
        return -1;
    probe_table_rule(probe, canary->table, &rule);
    if (probe_replica_add(probe, key, ENTRY_JOIN, canary->table, MODE_DETECT, &canary->replica,
                          err) < 0)
        return -1;
    return probe_adopt(probe, err);
}

bool canary_heard(struct canary *canary, const struct report *report)
{
    if (canary->replica == PROBE_NONE || report->head.replica != canary->replica)
        return false;
    if (canary->asked && report->head.time >= canary->asked)
        canary->heard = report->head.time;
    return true;
}

static uint64_t lost(const struct canary *canary)
{
    const struct replica_losses *losses =
        &probe_replica(canary->probe, canary->replica)->counters.lost;
    return losses->reports + losses->quota + losses->storage;
}

/* It has sung. Reports that were lost in a full ring are told elsewhere, and no silence. */
static int judge(struct canary *canary, uint64_t now, struct error *err)
{
    bool heard = canary->heard >= canary->asked || lost(canary) > canary->lost;
    canary->silent = heard ? 0 : canary->silent + 1;
    canary->asked = 0;
    canary->sung = canary->silent == 1 ? 0 : now; /* once more before it is believed */
    if (canary->silent < 2)
        return 0;
    return error_set(err, EXIT_MACHINE, 0,
                     "the probe does not see calls that were made: it sees nothing of others");
}

int canary_look_after(const struct canary *canary, struct error *err)
{
    if (canary->fd < 0 || !workload_stopped(canary->pid))
        return 0;
    kill(canary->pid, SIGCONT);
    return error_set(err, EXIT_MACHINE, 0,
                     "the canary (pid %d) had been stopped; it was told to go on",
                     (int)canary->pid);
}

int canary_tick(struct canary *canary, uint64_t now, struct error *err)
{
    const struct request request = {.word = SING};
    char sung;
    if (canary->replica == PROBE_NONE)
        return 0;
    if (canary->fd < 0)
        return error_set(err, EXIT_MACHINE, 0, "the canary has been killed");
    if (canary->asked) {
        ssize_t size = recv(canary->fd, &sung, 1, MSG_DONTWAIT);
        if (size == 1)
            return judge(canary, now, err);
        if (size == 0) {
            close(take_fd(canary->fd));
            waitpid(canary->pid, NULL, WNOHANG);
            return error_set(err, EXIT_MACHINE, 0, "the canary has been killed");
        }
        return 0; /* a busy machine may keep it waiting, and that is no alarm */
    }
    if (clock_passed(now, canary->sung) < CANARY_EACH_S * NS_PER_S)
        return 0;
    canary->lost = lost(canary);
    canary->asked = clock_monotonic();
    if (send(canary->fd, &request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno == EPIPE)
        close(take_fd(canary->fd));
    return 0;
}

uint64_t canary_last(const struct canary *canary)
{
    return canary->heard;
}

pid_t canary_pid(const struct canary *canary)
{
    return canary->pid;
}

/* ---- the spare guardian ---- */

int canary_make_guardian(struct canary *canary, int fd, struct error *err)
{
    const struct request request = {.word = GUARD, .daemon = getpid()};
    if (!canary->guard.daemon || canary->fd < 0)
        return error_set(err, EXIT_MACHINE, 0,
                         "there is no process left that could be the guardian");
    if (descriptor_send(canary->fd, &request, sizeof request, fd) < 0)
        return error_set(err, EXIT_MACHINE, errno, "the canary cannot become the guardian");
    return 0;
}

void canary_succeed(struct canary *canary, pid_t pid, int fd)
{
    if (canary->fd >= 0)
        close(canary->fd);
    canary->fd = fd;
    canary->pid = pid;
    canary->asked = canary->sung = 0;
}

void canary_stop(struct canary *canary)
{
    struct error err;
    if (!canary)
        return;
    if (canary->fd >= 0) {
        close(canary->fd);
        kill(canary->pid, SIGKILL); /* it may have been stopped */
        while (waitpid(canary->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    for (int i = 0; canary->cgroup[0] && i < 50; i++) { /* no child of ours may take a moment */
        if (cgroup_remove(canary->hierarchy, canary->cgroup, &err) == 0)
            break;
        usleep(10000);
    }
    free(canary);
}
