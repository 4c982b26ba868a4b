/*
 * Times openat: for each line on standard input, one line of CPU nanoseconds a call, over a fixed
 * count of calls that open a file which is not there.
 *
 *     openat CALLS PATH
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int main(int argc, char **argv)
{
    struct error err;
    uint64_t count;
    char line[16];
    if (argc != 3) {
        fprintf(stderr, "usage: openat CALLS PATH\n");
        return EXIT_USAGE;
    }
    if (parse_u64("CALLS", argv[1], 1, UINT32_MAX, &count, &err) < 0)
        return error_report(&err);
    while (fgets(line, sizeof line, stdin)) {
        uint64_t cpu = now();
        for (uint64_t i = 0; i < count; i++)
            syscall(SYS_openat, AT_FDCWD, argv[2], O_RDONLY);
        printf("%.1f\n", (double)(now() - cpu) / (double)count);
        fflush(stdout);
    }
    return EXIT_DONE;
}
