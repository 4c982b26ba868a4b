/*
 * The text that names a detector, taken apart and put together (detect/detector.h has examples):
 *
 *     kind [":" name "=" value {"," name "=" value}] ["(" member {" " member} ")"]
 *
 * Private to the detect room.
 */
#ifndef SKINK_DETECT_SPECIFICATION_H
#define SKINK_DETECT_SPECIFICATION_H

#include "detect/detector_kind.h"

struct specification {
    const struct detector_kind *kind;
    struct detector_setup setup; /* its members are owned */
};

/* Fills spec, which specification_clear empties, on success only. */
int specification_parse(struct specification *spec, const char *text, struct error *err);
void specification_clear(struct specification *spec);

/* Every parameter spelled out; the caller frees it. */
char *specification_text(const struct specification *spec);

#endif
