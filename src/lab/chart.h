/*
 * The report's pictures: SVG within a page, whose style sheet gives the series s0, s1, … their
 * colours (report_style.c). Private to the lab.
 */
#ifndef SKINK_LAB_CHART_H
#define SKINK_LAB_CHART_H

#include <jansson.h>
#include <stdio.h>

#define CHART_SERIES 8 /* detectors in a picture */

/* The detectors that are drawn, borrowed. */
struct series {
    const json_t *detector[CHART_SERIES];
    size_t count;
};

/* The attacks found over the share of false alarms, up to the share `most`. */
void chart_roc(FILE *out, const struct series *series, double most);

/* Distinct patterns over the calls that were learned. */
void chart_growth(FILE *out, const struct series *series);

/* A group of bars for each kind of attack: the share found at 5 % false alarms. */
void chart_attacks(FILE *out, const struct series *series);

/* Text for a page. */
void chart_escape(FILE *out, const char *text);

#endif
