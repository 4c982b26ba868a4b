/*
 * The sandbox: once it has started, the daemon proper gives up every right that it does not need.
 * It reads what containers, engines and clients write; who takes it over by that gets a process
 * that can look and tell, and little else. Three parts, each as far as the kernel has it:
 * capabilities(7), landlock(7) for files (from 5.13, more with each version of it), seccomp(2) for
 * calls. What takes more rights its hand does for it (agent/hand.h).
 */
#ifndef SKINK_AGENT_SANDBOX_H
#define SKINK_AGENT_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* What may be done below a path. */
enum sandbox_right {
    SANDBOX_READ,   /* files and directories are read */
    SANDBOX_WRITE,  /* read, written, made and removed */
    SANDBOX_CHANGE, /* files that are there are written */
    SANDBOX_REMOVE, /* taken away */
};

struct sandbox_path {
    char *path;
    enum sandbox_right right;
};

/* What is in force. */
struct sandbox {
    bool on;
    unsigned long long capabilities; /* kept */
    int landlock;                    /* version of its interface, 0: not in force */
    bool seccomp;
    char why[ERROR_TEXT]; /* what is not in force, and why; "" when all is */
};

/*
 * For the guardian, the canary and the hand, which no sandbox confines: gives up the capabilities
 * that neither watching nor a measure needs that starts no program. Before any of them is started.
 */
int sandbox_limit(struct error *err);

/*
 * Confines this thread and those that it starts from now on; before there are others. What the
 * kernel does not have is left out and said in sandbox->why. paths: ended by one whose path is
 * NULL. -1 (err): capabilities could not be given up.
 */
int sandbox_enter(struct sandbox *sandbox, const struct sandbox_path *paths, struct error *err);

/* Version of the kernel's Landlock; 0: it has none. */
int sandbox_landlock_version(void);

/* For `skink status`. New reference. */
json_t *sandbox_json(const struct sandbox *sandbox);

#endif
