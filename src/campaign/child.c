#include "campaign/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"

#define KILL_MS 5000 /* that a process may take to end once it is killed */

/* In the child: becomes the program, or tells why it cannot. */
static void become(char *const *words, int output, int errors, int failed)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(errors, STDERR_FILENO) >= 0)
        execvp(words[0], words);
    int why = errno;
    ssize_t written = write(failed, &why, sizeof why);
    _exit(written == sizeof why ? 127 : 126);
}

/* Both ends of a pipe whose reading end never waits. */
static int open_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) != 0 ? -1 : fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

/* Starts it; *failed becomes readable with the reason when it cannot be executed. */
static int spawn(struct child *child, char *const *words, int *failed)
{
    int output[2] = {-1, -1}, errors[2] = {-1, -1}, failing[2] = {-1, -1};
    int opened = open_pipe(output) | open_pipe(errors) | pipe2(failing, O_CLOEXEC);
    child->output = output[0];
    child->errors = errors[0];
    *failed = failing[0];
    child->pid = opened == 0 ? fork() : -1;
    if (child->pid == 0)
        become(words, output[1], errors[1], failing[1]);
    cleanup_close(&output[1]);
    cleanup_close(&errors[1]);
    cleanup_close(&failing[1]);
    if (child->pid < 0)
        return -1;
    setpgid(child->pid, child->pid); /* whoever is first */
    child->pidfd = pidfd_open(child->pid, 0);
    return child->pidfd < 0 ? -1 : 0;
}

static void close_all(struct child *child)
{
    int *const ends[] = {&child->pidfd, &child->output, &child->errors};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (*ends[i] >= 0)
            close(take_fd(*ends[i]));
}

int child_start(struct child *child, char *const *words, struct error *err)
{
    *child = (struct child){.pidfd = -1, .output = -1, .errors = -1};
    child->text = memory_must(calloc(1, CHILD_OUTPUT + 1));
    autoclose int failed = -1;
    int why = 0;
    int started = spawn(child, words, &failed);
    if (started < 0)
        why = errno;
    else if (read(failed, &why, sizeof why) == sizeof why)
        started = -1;
    if (started == 0)
        return 0;
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    child->pid = 0;
    close_all(child);
    child_clear(child);
    return error_set(err, EXIT_MACHINE, why, "%s: cannot be started", words[0]);
}

/* The latest bytes of a stream, as many as fit. */
static void keep(char *text, size_t *length, size_t room, const char *more, size_t count)
{
    if (count > room) {
        more += count - room;
        count = room;
    }
    if (*length + count > room) {
        size_t over = *length + count - room;
        memmove(text, text + over, *length - over);
        *length -= over;
    }
    memcpy(text + *length, more, count);
    *length += count;
    text[*length] = '\0';
}

void child_read(struct child *child)
{
    char buffer[4096];
    ssize_t got;
    while (child->output >= 0 && (got = read(child->output, buffer, sizeof buffer)) > 0)
        keep(child->text, &child->length, CHILD_OUTPUT, buffer, (size_t)got);
    while (child->errors >= 0 && (got = read(child->errors, buffer, sizeof buffer)) > 0)
        keep(child->said, &child->said_length, CHILD_ERRORS, buffer, (size_t)got);
}

bool child_ended(struct child *child)
{
    if (child->pid == 0)
        return true;
    /* Read after its end was seen, the output is whole. */
    bool ended = waitpid(child->pid, &child->status, WNOHANG) > 0;
    child_read(child);
    if (!ended)
        return false;
    kill(-child->pid, SIGKILL); /* what it left behind in its group */
    child->pid = 0;
    close_all(child);
    return true;
}

void child_end(struct child *child, unsigned patience_ms)
{
    if (child_ended(child))
        return;
    struct pollfd wait = {.fd = child->pidfd, .events = POLLIN};
    kill(-child->pid, SIGTERM);
    if (poll(&wait, 1, (int)patience_ms) <= 0) {
        kill(-child->pid, SIGKILL);
        poll(&wait, 1, KILL_MS);
    }
    if (child_ended(child))
        return;
    child->status = SIGKILL; /* the kernel does not let go of it: nobody can wait for that */
    child->pid = 0;
    close_all(child);
}

bool child_succeeded(const struct child *child)
{
    return WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
}

const char *child_why(const struct child *child, char *text, size_t size)
{
    bool exited = WIFEXITED(child->status);
    int length = snprintf(text, size, exited ? "exit code %d" : "signal %d",
                          exited ? WEXITSTATUS(child->status) : WTERMSIG(child->status));
    size_t end = child->said_length; /* the last line that it said */
    while (end > 0 && child->said[end - 1] == '\n')
        end--;
    size_t start = end;
    while (start > 0 && child->said[start - 1] != '\n')
        start--;
    if (end > start)
        snprintf(text + length, size - (size_t)length, ": %.*s", (int)(end - start),
                 child->said + start);
    for (char *at = text; *at; at++) /* whatever it said, it shall be text */
        if (*at < ' ' || *at > '~')
            *at = '?';
    return text;
}

void child_clear(struct child *child)
{
    if (child->pid)
        child_end(child, 0);
    free(take_pointer(child->text));
    child->length = 0;
}
