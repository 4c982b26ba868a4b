/* Keys that evolve one way, hashes and codes. */
#ifndef SKINK_SEAL_KEY_H
#define SKINK_SEAL_KEY_H

#include "seal/seal.h"

#define SEAL_HEX (2 * SEAL_BYTES)

/* From the kernel's generator of random numbers; aborts when there is none. */
void key_draw(struct seal_key *key);

/* The key of the next entry in place of this one's; there is no way back. */
void key_evolve(struct seal_key *key);

void key_forget(struct seal_key *key);

/* The code of authenticity of an entry's bytes under the entry's key. */
void key_seal(const struct seal_key *key, const void *data, size_t size, uint8_t out[SEAL_BYTES]);

void seal_hash(const void *data, size_t size, uint8_t hash[SEAL_BYTES]);

/* SEAL_HEX small letters and digits, and a NUL. */
void hex_write(const uint8_t bytes[SEAL_BYTES], char text[SEAL_HEX + 1]);
bool hex_read(const char *text, uint8_t bytes[SEAL_BYTES]);

/* ---- key_file.c: what the host keeps ---- */

/* Opens and locks sealed.key, made when missing; -1: another process has it, or error. */
int state_lock(const char *directory, struct error *err);

/* Replaces it in place, so that no copy of an older key is left; on the disk when it returns. */
int state_write(int fd, const struct seal_state *state);

/* 1: read; 0: empty; -1: not what state_write has written. */
int state_read(int fd, struct seal_state *state);

#endif
