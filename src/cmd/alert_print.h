/* An alert (docs/alerts.md), spelled for people in several lines. */
#ifndef SKINK_CMD_ALERT_PRINT_H
#define SKINK_CMD_ALERT_PRINT_H

#include <jansson.h>
#include <stdio.h>

void alert_print(const json_t *alert, FILE *out);

#endif
