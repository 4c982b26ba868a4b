/* How figures are spelled in tables, those of the terminal and those of the report. */
#ifndef SKINK_LAB_CELL_H
#define SKINK_LAB_CELL_H

#include <jansson.h>

#define CELL_TEXT  32
#define CELL_LABEL 96

/* With so many digits behind the point; "-" for what is no number. Returns text. */
const char *cell_decimal(char text[CELL_TEXT], const json_t *value, int digits);

/* Three digits and a unit: "0.12", "52.3", "1.25 M"; "-" for what is no number. Returns text. */
const char *cell_amount(char text[CELL_TEXT], const json_t *value);

/* How a detector was asked for, with its smoothing: "stide:window=6 smooth=20". Returns text. */
const char *cell_label(char text[CELL_LABEL], const json_t *detector);

#endif
