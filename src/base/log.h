/*
 * What Skink says about itself while it works, on standard error: "skink: …" one line each.
 * Findings (alerts) never go this way; see agent/sink.h.
 */
#ifndef SKINK_BASE_LOG_H
#define SKINK_BASE_LOG_H

#include <stdbool.h>

/* Debug lines are written only after log_verbose(true). */
void log_verbose(bool on);

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
