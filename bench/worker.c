/*
 * A service in a container that does one of two jobs when it is told to, each in a fresh process:
 * the one that it always does, or what an intruder might.
 *
 *     worker PAGE
 *
 * The order comes through the shared page, so that being told is no call.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "calls.h"

enum order { NO_ORDER, ORDER_JOB, ORDER_BREAK_IN };

static volatile struct page *page;

static void job(void)
{
    for (int i = 0; i < 50; i++) {
        syscall(SYS_getpid);
        syscall(SYS_getuid);
    }
}

/* Looks around, as one does who has come in: none of these calls belongs to the job. */
static void break_in(void)
{
    static const long calls[] = {SYS_uname,  SYS_sysinfo,     SYS_getcwd, SYS_getgroups, SYS_capget,
                                 SYS_getsid, SYS_getpriority, SYS_times,  SYS_getpgrp,   SYS_umask};
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* no call: the vDSO answers */
    page->first = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    for (int i = 0; i < 50; i++)
        syscall(calls[i % 10], 0, 0, 0);
}

static void carry_out(enum order order)
{
    pid_t child = fork();
    if (child == 0) {
        if (order == ORDER_BREAK_IN)
            break_in();
        else
            job();
        _exit(EXIT_DONE);
    }
    waitpid(child, NULL, 0);
}

static void end(int signal)
{
    (void)signal;
    _exit(EXIT_DONE);
}

int main(int argc, char **argv)
{
    struct error err;
    if (argc != 2) {
        fprintf(stderr, "usage: worker PAGE\n");
        return EXIT_USAGE;
    }
    autoclose int fd = open(argv[1], O_RDWR | O_CLOEXEC);
    page =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        error_set(&err, EXIT_USAGE, errno, "worker: %s", argv[1]);
        return error_report(&err);
    }
    signal(SIGTERM, end);
    for (;;) {
        uint64_t order = page->order;
        if (order != page->done && order % 4 != NO_ORDER) {
            carry_out(order % 4);
            page->done = order;
        }
        usleep(1000);
    }
}
