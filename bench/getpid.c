/*
 * Times getpid: for each line on standard input, one line "CPU ELAPSED" of nanoseconds a call, over
 * a fixed count of calls.
 *
 *     getpid CALLS
 *
 * One process lives through all measurements, so that what is compared differs in the tracer alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"

static uint64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int main(int argc, char **argv)
{
    struct error err;
    uint64_t count;
    char line[16];
    if (argc != 2) {
        fprintf(stderr, "usage: getpid CALLS\n");
        return EXIT_USAGE;
    }
    if (parse_u64("CALLS", argv[1], 1, UINT32_MAX, &count, &err) < 0)
        return error_report(&err);
    while (fgets(line, sizeof line, stdin)) {
        uint64_t elapsed = now(CLOCK_MONOTONIC);
        uint64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        for (uint64_t i = 0; i < count; i++)
            syscall(SYS_getpid);
        cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        elapsed = now(CLOCK_MONOTONIC) - elapsed;
        printf("%.3f %.3f\n", (double)cpu / (double)count, (double)elapsed / (double)count);
        fflush(stdout);
    }
    return EXIT_DONE;
}
