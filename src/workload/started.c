/* When a process was started: field 22 of /proc/PID/stat (proc(5)). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "workload/workload.h"

#define START_TIME 20 /* words behind the process's name, which may itself hold blanks */

uint64_t workload_started(pid_t pid)
{
    char path[64], text[1024];
    uint64_t ticks;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    const char *at = strrchr(text, ')');
    for (int i = 0; i < START_TIME && at; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    at++;
    if (!parse_digits(&at, text + strlen(text), 10, &ticks))
        return 0;
    return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}
