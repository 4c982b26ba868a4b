/* What /proc/PID/stat tells of a process (proc(5)): when it was started, how it is. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "workload/workload.h"

#define STAT       1024
#define START_TIME 20 /* words behind the process's name, which may itself hold blanks */

/* The bracket behind the process's name; NULL: it has ended. */
static const char *read_stat(pid_t pid, char text[STAT])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, STAT - 1);
    text[got > 0 ? got : 0] = '\0';
    return strrchr(text, ')');
}

bool workload_stopped(pid_t pid)
{
    char text[STAT];
    const char *at = read_stat(pid, text);
    return at && (strncmp(at, ") T", 3) == 0 || strncmp(at, ") t", 3) == 0);
}

bool workload_lives(pid_t pid)
{
    char text[STAT];
    const char *at = read_stat(pid, text);
    return at && strncmp(at, ") Z", 3) != 0 && strncmp(at, ") X", 3) != 0;
}

uint64_t workload_started(pid_t pid)
{
    char text[STAT];
    uint64_t ticks;
    const char *at = read_stat(pid, text);
    for (int i = 0; i < START_TIME && at; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    at++;
    if (!parse_digits(&at, text + strlen(text), 10, &ticks))
        return 0;
    return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}
