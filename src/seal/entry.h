/*
 * One entry as a line of JSON, its members in this order and nothing between them:
 *
 *   {"seq":7,"time":"2026-…Z","kind":"alert","body":{…},"prev":"HEX","mac":"HEX"}
 *
 * prev is the hash of the whole line before, mac the code of all of this one before `,"mac"`.
 */
#ifndef SKINK_SEAL_ENTRY_H
#define SKINK_SEAL_ENTRY_H

#include "seal/key.h"

struct entry {
    uint64_t number;
    const char *kind, *time; /* within the line */
    size_t kind_length, time_length;
    uint8_t prev[SEAL_BYTES], mac[SEAL_BYTES];
    size_t sealed; /* bytes of the line that mac is about */
};

/* False: the line (without its newline) is no entry. */
bool entry_parse(const char *line, size_t length, struct entry *entry);

/* The line with its newline; caller frees. time: CLOCK_REALTIME ns. */
char *entry_make(uint64_t number, uint64_t time, const char *kind, const char *body,
                 const uint8_t prev[SEAL_BYTES], const struct seal_key *key);

bool entry_is(const struct entry *entry, const char *kind);

#endif
