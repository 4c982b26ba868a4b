/* The report of an evaluation: one HTML page that needs nothing beside itself. */
#ifndef SKINK_LAB_REPORT_H
#define SKINK_LAB_REPORT_H

#include <jansson.h>
#include <stdio.h>

/* Writes the document of lab/evaluation.h; errors are the stream's. */
void report_write(const json_t *document, FILE *out);

#endif
