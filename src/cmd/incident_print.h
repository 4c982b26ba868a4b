/* Incidents spelled for people. */
#ifndef SKINK_CMD_INCIDENT_PRINT_H
#define SKINK_CMD_INCIDENT_PRINT_H

#include <jansson.h>
#include <stdio.h>

/* One line each, numbered from 1. */
void incidents_print(const json_t *incidents, FILE *out);

/* The story of one in a screen. */
void incident_print(const json_t *incident, FILE *out);

#endif
