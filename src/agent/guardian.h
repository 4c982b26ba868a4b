/*
 * The guardian: a small process that starts the daemon, watches it, and starts it again when it was
 * killed or does not answer any more. It is what `skink run` is to the outside (systemd, a shell):
 * SIGTERM and SIGINT end both, SIGHUP goes to the daemon.
 *
 * A pair of sockets joins the two. The daemon beats on it; the guardian tells on it what it saw;
 * and when one end closes, the other knows that its process is gone.
 */
#ifndef SKINK_AGENT_GUARDIAN_H
#define SKINK_AGENT_GUARDIAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARDIAN_TEXT 256 /* bytes of what it tells */

struct guard;

/* The daemon, as the guardian runs it in a child: returns the exit code. */
typedef int (*guardian_daemon)(void *context, const struct guard *guard);

/* What the daemon knows of its guardian. */
struct guard {
    int fd;
    pid_t pid;
    guardian_daemon daemon;
    void *context;
};

/* Starts the daemon and stays with it until the end; its exit code. Before there are threads. */
int guardian_run(guardian_daemon daemon, void *context);

/* Becomes the guardian of a daemon that runs already, at the other end of fd. */
int guardian_adopt(const struct guard *guard, pid_t daemon, int fd);

/* ---- the daemon's side ---- */

enum guardian_word {
    GUARDIAN_NOTHING,
    GUARDIAN_TOLD,   /* text: what has happened */
    GUARDIAN_CANARY, /* a canary in the place of the one that became the guardian */
    GUARDIAN_GONE,
};

/* I am alive; ready: I have started (once). Never blocks. */
void guard_beat(const struct guard *guard, bool ready);

/* What the guardian has to say. pid and fd: of a canary. */
enum guardian_word guard_listen(const struct guard *guard, char text[GUARDIAN_TEXT], pid_t *pid,
                                int *fd);

/* For a canary that becomes the guardian: here is another canary. */
void guardian_offer_canary(int fd, pid_t pid, int canary);

#endif
