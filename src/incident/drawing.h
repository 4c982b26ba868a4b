/* What the files that draw an incident share; nobody else includes this. */
#ifndef SKINK_INCIDENT_DRAWING_H
#define SKINK_INCIDENT_DRAWING_H

#include <stdio.h>

#include "incident/incident.h"

/* A text of an object, "" when there is none. */
const char *text_of(const json_t *json, const char *key);

/* Prints text within markup, of a long one no more than `max` characters. */
void drawing_text(FILE *out, const char *text, size_t max);

/* How suspicious each alarmed service was, over time: a curve for each, below each other. */
int svg_growth_height(const json_t *incident);
void svg_growth(FILE *out, const json_t *incident, int left, int top, int width);

#endif
