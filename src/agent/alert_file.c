#include "agent/alert_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

struct alert_file {
    char *path;
    int fd;           /* -1: could not be opened the last time */
    bool regular;     /* no pipe or device: has a size to go back to */
    struct stat seen; /* which file fd is */
    struct alert_file_health health;
};

/* O_NONBLOCK: a pipe that nobody reads must not hold up detection. */
static int reopen(struct alert_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd =
        open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (file->fd < 0 || fstat(file->fd, &file->seen) < 0)
        return -1;
    file->regular = S_ISREG(file->seen.st_mode);
    return 0;
}

struct alert_file *alert_file_open(const char *path, struct error *err)
{
    struct alert_file *file = memory_must(calloc(1, sizeof *file));
    file->path = memory_must(strdup(path));
    file->fd = -1;
    if (reopen(file) < 0) {
        error_set(err, EXIT_MACHINE, errno, "cannot open the file of alerts %s", path);
        alert_file_close(file);
        return NULL;
    }
    return file;
}

/* Is the file at path still the one that is open? */
static bool moved(const struct alert_file *file)
{
    struct stat now;
    return file->fd < 0 || stat(file->path, &now) < 0 || now.st_ino != file->seen.st_ino ||
           now.st_dev != file->seen.st_dev;
}

/* All of it or nothing: half a line would spoil the next one, too. */
static int write_whole(const struct alert_file *file, const char *line)
{
    struct stat before;
    size_t length = strlen(line);
    size_t done = 0;
    if (fstat(file->fd, &before) < 0)
        return -1;
    while (done < length) {
        ssize_t wrote = write(file->fd, line + done, length - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            break;
        done += (size_t)wrote;
    }
    if (done == length)
        return 0;
    int errnum = errno;
    if (done > 0 && file->regular && ftruncate(file->fd, before.st_size) < 0)
        log_warn("%s: half a line stays: %s", file->path, strerror(errno));
    errno = errnum;
    return -1;
}

static void failed(struct alert_file *file, int errnum)
{
    bool first = file->health.error[0] == '\0';
    file->health.failures++;
    snprintf(file->health.error, sizeof file->health.error, "%s: %s", file->path, strerror(errnum));
    if (first)
        log_warn("%s (alerts are missing in the file until this is mended; tried again each time)",
                 file->health.error);
}

static void succeeded(struct alert_file *file)
{
    file->health.written++;
    if (file->health.error[0])
        log_info("%s: written again; %llu alerts are missing in all", file->path,
                 (unsigned long long)file->health.failures);
    file->health.error[0] = '\0';
}

void alert_file_write(struct alert_file *file, const char *line)
{
    if ((moved(file) && reopen(file) < 0) || write_whole(file, line) < 0)
        failed(file, errno);
    else
        succeeded(file);
}

void alert_file_health(const struct alert_file *file, struct alert_file_health *health)
{
    *health = file->health;
}

void alert_file_close(struct alert_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file);
}
