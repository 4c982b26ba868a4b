/* The secret by which patterns become fingerprints (profile/pattern.h), in user space. */
#ifndef SKINK_PROFILE_SECRET_H
#define SKINK_PROFILE_SECRET_H

#include <stdint.h>

#include "profile/pattern.h"

/* Draws a new secret from the kernel's random numbers; aborts when there are none. */
void secret_draw(struct pattern_secret *secret);

/* The fingerprint of a whole pattern: codes oldest first, length of them, each < CALL_CODES. */
uint64_t secret_fingerprint(const struct pattern_secret *secret, enum pattern_kind kind,
                            uint32_t length, const uint16_t *codes);

#endif
