#include "agent/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/descriptor.h"
#include "agent/hand_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "respond/powers.h"

#define PATIENCE_S 2 /* for a look; measures have time-outs of their own */

struct hand {
    pid_t pid;
    int fd;
    uint32_t number; /* of the last look */
    struct hand_request request;
    struct hand_reply reply;
};

/* ---- the process ---- */

static void close_others(int fd)
{
    close_range(3, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0U, 0);
}

struct hand *hand_start(const struct config *config, struct error *err)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set(err, EXIT_MACHINE, errno, "cannot start the hand");
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close_others(pair[1]);
        hand_live(pair[1], config);
    }
    close(pair[1]);
    if (pid < 0) {
        error_set(err, EXIT_MACHINE, errno, "cannot start the hand");
        close(pair[0]);
        return NULL;
    }
    struct hand *hand = memory_must(calloc(1, sizeof *hand));
    hand->pid = pid;
    hand->fd = pair[0];
    setsockopt(hand->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(hand->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return hand;
}

void hand_stop(struct hand *hand)
{
    if (!hand)
        return;
    close(hand->fd);
    kill(hand->pid, SIGCONT);
    while (waitpid(hand->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(hand);
}

bool hand_is_gone(const struct hand *hand)
{
    struct pollfd end = {.fd = hand->fd};
    return poll(&end, 1, 0) > 0 && end.revents & POLLHUP;
}

int hand_look_after(struct hand *hand, struct error *err)
{
    siginfo_t change = {0};
    if (hand_is_gone(hand))
        return error_set(err, EXIT_MACHINE, 0, "the hand (pid %d) has been killed", (int)hand->pid);
    if (waitid(P_PID, (id_t)hand->pid, &change, WSTOPPED | WNOHANG) < 0 || change.si_pid == 0)
        return 0;
    kill(hand->pid, SIGCONT);
    return error_set(err, EXIT_MACHINE, 0,
                     "the hand (pid %d) had been stopped; it was told to go on", (int)hand->pid);
}

/* ---- asking ---- */

static size_t size_of(const struct hand_request *request)
{
    return offsetof(struct hand_request, text) + strlen(request->text) + 1;
}

void hand_configure(struct hand *hand)
{
    const struct hand_request settings = {.word = ASK_SETTINGS};
    send(hand->fd, &settings, size_of(&settings), MSG_NOSIGNAL);
}

static struct hand_request *begin(struct hand *hand, enum hand_word word, pid_t pid)
{
    memset(&hand->request, 0, offsetof(struct hand_request, text) + 1);
    hand->request.number = ++hand->number;
    hand->request.word = word;
    hand->request.pid = pid;
    return &hand->request;
}

/* The reply, valid until the next question; NULL: there is none. fd (or NULL): what came along. */
static const struct hand_reply *ask(struct hand *hand, int *fd)
{
    int given;
    if (send(hand->fd, &hand->request, size_of(&hand->request), MSG_NOSIGNAL) < 0)
        return NULL;
    while (descriptor_receive(hand->fd, &hand->reply, sizeof hand->reply, &given) > 0) {
        if (given >= 0 && (!fd || hand->reply.number != hand->number))
            close(take_fd(given));
        if (fd)
            *fd = given;
        if (hand->reply.number == hand->number)
            return &hand->reply;
    }
    return NULL;
}

ssize_t hand_link(struct hand *hand, pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    if (!hand) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
        return readlink(path, text, size);
    }
    struct hand_request *request = begin(hand, ASK_LINK, pid);
    snprintf(request->name, sizeof request->name, "%s", name);
    const struct hand_reply *reply = ask(hand, NULL);
    if (!reply || reply->failed)
        return -1;
    size_t length = reply->count < size ? reply->count : size;
    memcpy(text, reply->text, length);
    return (ssize_t)length;
}

int hand_root(struct hand *hand, pid_t pid)
{
    char path[64];
    int fd = -1;
    if (!hand) {
        snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
        return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    begin(hand, ASK_ROOT, pid);
    return ask(hand, &fd) ? fd : -1;
}

size_t hand_addresses(struct hand *hand, pid_t pid, uint8_t (*addresses)[16], size_t max,
                      uint32_t *netns)
{
    if (!hand)
        return workload_addresses(pid, addresses, max, netns);
    begin(hand, ASK_ADDRESSES, pid);
    const struct hand_reply *reply = ask(hand, NULL);
    size_t count = reply && reply->count < max ? reply->count : max;
    if (!reply || reply->value == 0)
        return 0;
    memcpy(addresses, reply->address, count * sizeof *addresses);
    *netns = reply->value;
    return count;
}

static uint32_t ask_value(struct hand *hand, enum hand_word word, pid_t pid)
{
    begin(hand, word, pid);
    const struct hand_reply *reply = ask(hand, NULL);
    return reply ? reply->value : 0;
}

uint32_t hand_network(struct hand *hand, pid_t pid)
{
    return hand ? ask_value(hand, ASK_NETWORK, pid) : workload_network(pid);
}

uint32_t hand_powers(struct hand *hand, pid_t pid)
{
    return hand ? ask_value(hand, ASK_POWERS, pid) : powers_read(pid);
}

bool hand_descriptors(struct hand *hand, const char *directory, struct usage *usage)
{
    if (!hand)
        return usage_descriptors(directory, usage);
    struct hand_request *request = begin(hand, ASK_DESCRIPTORS, 0);
    snprintf(request->text, sizeof request->text, "%s", directory);
    const struct hand_reply *reply = ask(hand, NULL);
    if (!reply || reply->failed)
        return false;
    *usage = reply->usage;
    return true;
}

/* ---- measures ---- */

/* Its own pair of sockets brings the outcome: several are under way at a time. */
int hand_order(struct hand *hand, const struct hand_request *request, struct error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set(err, EXIT_MACHINE, errno, "cannot ask the hand");
    int failed = descriptor_send(hand->fd, request, size_of(request), pair[1]) < 0 ? errno : 0;
    close(pair[1]);
    if (!failed)
        return pair[0];
    close(pair[0]);
    return error_set(err, EXIT_MACHINE, failed, "cannot ask the hand");
}

static void describe(struct hand_request *request, const struct measure *measure,
                     const struct measure_target *target)
{
    snprintf(request->name, sizeof request->name, "%s", measure->name);
    request->workload = target->workload;
    request->powers = target->powers;
    request->network = target->network;
    request->shares_network = target->shares_network;
    memcpy(request->spare, target->spare, sizeof request->spare);
    memcpy(request->variant, target->variant.name, sizeof request->variant);
}

int hand_check(struct hand *hand, const struct measure *measure,
               const struct measure_target *target, struct error *err)
{
    if (!hand)
        return measure->check(target, err);
    describe(begin(hand, ASK_CHECK, 0), measure, target);
    const struct hand_reply *reply = ask(hand, NULL);
    if (!reply)
        return error_set(err, EXIT_MACHINE, 0, "the hand does not answer");
    *err = reply->err;
    return reply->failed ? -1 : 0;
}

int hand_carry_out(struct hand *hand, const struct measure *measure,
                   const struct measure_target *target, struct error *err)
{
    autofree struct hand_request *request = memory_must(calloc(1, sizeof *request));
    request->word = ASK_CARRY_OUT;
    describe(request, measure, target);
    return hand_order(hand, request, err);
}

int hand_undo(struct hand *hand, const struct measure *measure, const json_t *token, bool expired,
              struct error *err)
{
    autofree struct hand_request *request = memory_must(calloc(1, sizeof *request));
    autofree char *text = json_dumps(token, JSON_COMPACT);
    request->word = ASK_UNDO;
    request->expired = expired;
    snprintf(request->name, sizeof request->name, "%s", measure->name);
    if (snprintf(request->text, sizeof request->text, "%s", text ? text : "") >=
        (int)sizeof request->text)
        return error_set(err, EXIT_MACHINE, 0, "%s: too much to be undone", measure->name);
    return hand_order(hand, request, err);
}

static void do_call(int fd, const struct measure_kernel *kernel, const struct hand_reply *reply)
{
    if (reply->call == CALL_AWAY && kernel->away)
        kernel->away(kernel->context, reply->count, reply->value);
    else if (reply->call == CALL_RESTORE && kernel->restore)
        kernel->restore(kernel->context, reply->text, reply->value);
    send(fd, "", 1, MSG_NOSIGNAL);
}

/* The next that it says, in what is left of its time: its size; 0: it has ended; -1: nothing came.
 */
static ssize_t hear(int fd, uint64_t deadline, struct hand_reply *reply)
{
    struct pollfd said = {.fd = fd, .events = POLLIN};
    int ready;
    do {
        uint64_t left = clock_passed(deadline, clock_monotonic());
        ready = poll(&said, 1, (int)(left / NS_PER_MS));
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? recv(fd, reply, sizeof *reply - 1, MSG_DONTWAIT) : -1;
}

int hand_outcome(int fd, uint64_t patience, const struct measure_kernel *kernel, json_t *token,
                 struct error *err)
{
    autofree struct hand_reply *reply = memory_must(calloc(1, sizeof *reply));
    uint64_t deadline = clock_monotonic() + patience;
    ssize_t got;
    while ((got = hear(fd, deadline, reply)) > 0 && reply->call != CALL_NOTHING)
        do_call(fd, kernel, reply);
    if (got < 0)
        return error_set(err, EXIT_MACHINE, 0,
                         "the hand was not done within %llu s (was its process stopped?)",
                         (unsigned long long)(patience / NS_PER_S));
    if (got == 0)
        return error_set(err, EXIT_MACHINE, 0, "the hand has ended before it was done");
    if (reply->failed) {
        reply->err.text[sizeof reply->err.text - 1] = '\0';
        *err = reply->err;
        return -1;
    }
    json_t *said = token ? json_loads(reply->text, 0, NULL) : NULL;
    if (said)
        json_object_update(token, said);
    json_decref(said);
    return 0;
}
