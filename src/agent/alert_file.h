/* The file of alerts: JSON lines, whole ones only, whatever happens to the disk or to the file. */
#ifndef SKINK_AGENT_ALERT_FILE_H
#define SKINK_AGENT_ALERT_FILE_H

#include <stdint.h>

#include "base/error.h"

struct alert_file;

struct alert_file_health {
    uint64_t written, failures; /* lines */
    char error[256];            /* why the last line failed; "" when it did not */
};

/* Created (0640) when missing, else appended to. Copies path. */
struct alert_file *alert_file_open(const char *path, struct error *err);

/* line ends in a newline. Reopens the file when it was moved away or removed (logrotate). */
void alert_file_write(struct alert_file *file, const char *line);

void alert_file_health(const struct alert_file *file, struct alert_file_health *health);

/* NULL is allowed. */
void alert_file_close(struct alert_file *file);

#endif
