/* The secret by which patterns become fingerprints (profile/pattern.h), in user space. */
#ifndef SKINK_PROFILE_SECRET_H
#define SKINK_PROFILE_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/access.h"
#include "profile/pattern.h"

/* Draws a new secret from the kernel's random numbers; aborts when there are none. */
void secret_draw(struct pattern_secret *secret);

/* The fingerprint of a whole pattern: codes oldest first, length of them, each < CALL_CODES. */
uint64_t secret_fingerprint(const struct pattern_secret *secret, enum pattern_kind kind,
                            uint32_t length, const uint16_t *codes);

/* The fingerprint of an access; below: of all accesses below a directory, whose path ends with its
 * slash ("": of all relative ones). */
uint64_t secret_access(const struct pattern_secret *secret, enum access_kind kind, const char *path,
                       bool below);

#endif
