#include "agent/guardian.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/descriptor.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "workload/workload.h"

#define LOOK_MS     250
#define SILENT      (2500 * NS_PER_MS) /* no beat for so long: is it stopped? */
#define STILL       (4500 * NS_PER_MS) /* no beat although it was told to go on: it is ended */
#define HUNG        (30 * NS_PER_S)    /* no beat of a daemon that is not stopped: it hangs */
#define END_WAIT    (20 * NS_PER_S)    /* for a daemon that was told to end */
#define HEALTHY     (60 * NS_PER_S)    /* then the pauses between starts are short again */
#define PAUSE_FIRST (100 * NS_PER_MS)
#define PAUSE_MOST  (30 * NS_PER_S)

#define BEAT   'b'
#define READY  'r'
#define TELL   't'
#define CANARY 'c'

struct guardian {
    struct guard guard; /* as the daemon gets it */
    int signals, fd, pidfd;
    pid_t daemon;
    bool ready, ending, stopped; /* stopped: it was told to go on, and that was told */
    uint64_t started, beat, end_by;
    uint64_t pause;
    char news[GUARDIAN_TEXT]; /* for the daemon that is yet to start */
};

/* ---- telling ---- */

static void tell(struct guardian *guardian, const char *text)
{
    char message[GUARDIAN_TEXT + 1];
    int length = snprintf(message, sizeof message, "%c%s", TELL, text);
    log_warn("%s", text);
    if (guardian->fd >= 0)
        send(guardian->fd, message, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- starting ---- */

static int start(struct guardian *guardian)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    guardian->guard.fd = pair[1];
    guardian->guard.pid = getpid();
    pid_t child = fork();
    if (child < 0) {
        close(pair[0]);
        close(pair[1]);
        return -1;
    }
    if (child == 0) {
        close(pair[0]);
        close(guardian->signals);
        unsetenv("WATCHDOG_USEC"); /* the guardian's business */
        unsetenv("NOTIFY_SOCKET");
        exit(guardian->guard.daemon(guardian->guard.context, &guardian->guard));
    }
    close(pair[1]);
    guardian->fd = pair[0];
    guardian->daemon = child;
    guardian->pidfd = pidfd_open(child, 0);
    guardian->ready = guardian->stopped = false;
    guardian->started = guardian->beat = clock_monotonic();
    if (guardian->news[0])
        tell(guardian, guardian->news);
    guardian->news[0] = '\0';
    return guardian->pidfd < 0 ? -1 : 0;
}

static void forget(struct guardian *guardian)
{
    if (guardian->fd >= 0)
        close(take_fd(guardian->fd));
    if (guardian->pidfd >= 0)
        close(take_fd(guardian->pidfd));
}

/* ---- what happens ---- */

static void end_daemon(struct guardian *guardian)
{
    guardian->ending = true;
    guardian->end_by = clock_monotonic() + END_WAIT;
    if (guardian->pidfd >= 0) {
        pidfd_send_signal(guardian->pidfd, SIGTERM, NULL, 0);
        pidfd_send_signal(guardian->pidfd, SIGCONT, NULL, 0);
    }
}

static void take_signals(struct guardian *guardian)
{
    struct signalfd_siginfo info;
    while (read(guardian->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP && guardian->pidfd >= 0)
            pidfd_send_signal(guardian->pidfd, SIGHUP, NULL, 0);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            end_daemon(guardian);
    }
}

static void take_beats(struct guardian *guardian)
{
    char word;
    while (recv(guardian->fd, &word, 1, MSG_DONTWAIT) == 1) {
        guardian->beat = clock_monotonic();
        guardian->stopped = false;
        if (word != READY)
            continue;
        guardian->ready = true;
        sd_notify(0, "READY=1");
    }
}

/* Telling a process to go on harms none that was only slow; ending it does, so that has to be sure.
 */
static void look_after(struct guardian *guardian, uint64_t now)
{
    char text[GUARDIAN_TEXT];
    uint64_t silent = clock_passed(now, guardian->beat);
    bool still = guardian->stopped && silent > STILL && workload_stopped(guardian->daemon);
    bool late = guardian->ending && now > guardian->end_by;
    if (late || (guardian->ready && (still || silent > HUNG))) {
        pidfd_send_signal(guardian->pidfd, SIGKILL, NULL, 0);
    } else if (guardian->ready && !guardian->stopped && silent > SILENT &&
               workload_stopped(guardian->daemon)) {
        guardian->stopped = true;
        pidfd_send_signal(guardian->pidfd, SIGCONT, NULL, 0);
        snprintf(text, sizeof text, "the daemon (pid %d) had been stopped; it was told to go on",
                 (int)guardian->daemon);
        tell(guardian, text);
    }
}

/* ---- the daemon's end ---- */

/* The daemon has ended. Its exit code when that is the end of all, -1 when it is started again. */
static int after_end(struct guardian *guardian)
{
    int status = 0;
    bool own = waitpid(guardian->daemon, &status, 0) == guardian->daemon;
    int code = own && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    struct pollfd signals = {.fd = guardian->signals, .events = POLLIN};
    /* A terminal and systemd tell both to end, in no order. */
    if (poll(&signals, 1, LOOK_MS) > 0)
        take_signals(guardian);
    bool never_began = own && WIFEXITED(status) && !guardian->ready && guardian->pause == 0;
    if (guardian->ending || never_began)
        return code;
    if (own && WIFSIGNALED(status))
        snprintf(guardian->news, sizeof guardian->news,
                 "the daemon (pid %d) was killed by signal %d; another was started",
                 (int)guardian->daemon, WTERMSIG(status));
    else
        snprintf(guardian->news, sizeof guardian->news,
                 "the daemon (pid %d) ended without having been told to; another was started",
                 (int)guardian->daemon);
    return -1;
}

/* Waits before the next start, longer each time that a daemon did not live long. */
static void pause_start(struct guardian *guardian)
{
    bool healthy = clock_passed(clock_monotonic(), guardian->started) > HEALTHY;
    uint64_t until = clock_monotonic() + (healthy ? 0 : guardian->pause);
    guardian->pause = healthy || guardian->pause == 0 ? PAUSE_FIRST : 2 * guardian->pause;
    if (guardian->pause > PAUSE_MOST)
        guardian->pause = PAUSE_MOST;
    uint64_t now;
    while (!guardian->ending && (now = clock_monotonic()) < until) {
        struct pollfd signals = {.fd = guardian->signals, .events = POLLIN};
        if (poll(&signals, 1, (int)((until - now) / NS_PER_MS) + 1) > 0)
            take_signals(guardian);
    }
}

/* ---- the loop ---- */

static void wait_for_news(struct guardian *guardian)
{
    struct pollfd all[] = {{.fd = guardian->signals, .events = POLLIN},
                           {.fd = guardian->pidfd, .events = POLLIN},
                           {.fd = guardian->fd, .events = POLLIN}};
    uint64_t before = clock_monotonic();
    poll(all, sizeof all / sizeof *all, LOOK_MS);
    uint64_t late = clock_passed(clock_monotonic(), before + LOOK_MS * NS_PER_MS);
    if (late > NS_PER_S) /* it was this process that stood still */
        guardian->beat += late;
    take_signals(guardian);
    take_beats(guardian);
    sd_notify(0, "WATCHDOG=1");
}

static bool has_ended(const struct guardian *guardian)
{
    struct pollfd end = {.fd = guardian->pidfd, .events = POLLIN};
    return poll(&end, 1, 0) > 0;
}

static int guard_on(struct guardian *guardian)
{
    for (;;) {
        wait_for_news(guardian);
        if (!has_ended(guardian)) {
            look_after(guardian, clock_monotonic());
            continue;
        }
        int code = after_end(guardian);
        forget(guardian);
        if (code >= 0)
            return code;
        do
            pause_start(guardian);
        while (!guardian->ending && start(guardian) < 0);
        if (guardian->ending && guardian->pidfd < 0)
            return EXIT_SUCCESS;
    }
}

static void open_signals(struct guardian *guardian)
{
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGHUP);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    guardian->signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
}

int guardian_run(guardian_daemon daemon, void *context)
{
    struct guardian guardian = {
        .guard = {.daemon = daemon, .context = context}, .fd = -1, .pidfd = -1};
    open_signals(&guardian);
    if (start(&guardian) < 0) {
        log_warn("cannot start the daemon: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    int code = guard_on(&guardian);
    sd_notify(0, "STOPPING=1");
    return code;
}

int guardian_adopt(const struct guard *guard, pid_t daemon, int fd)
{
    struct guardian guardian = {.guard = *guard,
                                .fd = fd,
                                .daemon = daemon,
                                .pidfd = pidfd_open(daemon, 0),
                                .ready = true,
                                .started = clock_monotonic(),
                                .beat = clock_monotonic()};
    prctl(PR_SET_NAME, "skink");
    open_signals(&guardian);
    return guardian.pidfd < 0 ? EXIT_FAILURE : guard_on(&guardian);
}

/* ---- the daemon's side ---- */

void guard_beat(const struct guard *guard, bool ready)
{
    char word = ready ? READY : BEAT;
    send(guard->fd, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void guardian_offer_canary(int fd, pid_t pid, int canary)
{
    char message[1 + sizeof pid] = {CANARY};
    memcpy(message + 1, &pid, sizeof pid);
    descriptor_send(fd, message, sizeof message, canary);
}

enum guardian_word guard_listen(const struct guard *guard, char text[GUARDIAN_TEXT], pid_t *pid,
                                int *fd)
{
    char message[GUARDIAN_TEXT + 1];
    struct pollfd ready = {.fd = guard->fd, .events = POLLIN};
    if (guard->fd < 0 || poll(&ready, 1, 0) <= 0)
        return GUARDIAN_NOTHING;
    ssize_t size = descriptor_receive(guard->fd, message, sizeof message - 1, fd);
    if (size <= 0)
        return GUARDIAN_GONE;
    message[size] = '\0';
    if (message[0] == CANARY && *fd >= 0 && size == 1 + (ssize_t)sizeof *pid) {
        memcpy(pid, message + 1, sizeof *pid);
        return GUARDIAN_CANARY;
    }
    snprintf(text, GUARDIAN_TEXT, "%s", message + 1);
    return GUARDIAN_TOLD;
}
