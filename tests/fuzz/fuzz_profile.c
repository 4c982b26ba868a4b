/* The profile file. Its checksums would keep the fuzzer outside, so it makes them
 * right in a second try: then the content of the sections is what gets read. */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "profile/profile.h"

#define HEAD  16 /* of the file, and of each section: the length comes last */
#define CHECK 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *data, size_t size)
{
    for (size_t at = HEAD; size - at >= HEAD + CHECK;) {
        uint64_t length, checksum;
        memcpy(&length, data + at + HEAD - sizeof length, sizeof length);
        length = le64toh(length);
        if (length > size - at - HEAD - CHECK)
            return;
        checksum = htole64(XXH64(data + at, HEAD + length, 0));
        memcpy(data + at + HEAD + length, &checksum, CHECK);
        at += HEAD + length + CHECK;
    }
}

static void must_be_same(struct profile *one, struct profile *two)
{
    size_t size, other_size;
    autofree void *data = profile_serialize(one, &size);
    autofree void *other = profile_serialize(two, &other_size);
    if (size != other_size || memcmp(data, other, size) != 0)
        abort();
}

/* What was accepted must be written and read again without a change, and merging it with itself
 * adds nothing. */
static void round_trip(struct profile *profile)
{
    struct error err;
    size_t size;
    autofree void *data = profile_serialize(profile, &size);
    struct profile *again = profile_parse(data, size, "again", &err);
    if (!again)
        abort();
    must_be_same(profile, again);
    struct profile *merged = profile_merge((struct profile *[]){profile, again}, 2, &err);
    struct profile *only = profile_merge(&profile, 1, &err);
    if (!merged || !only)
        abort();
    must_be_same(merged, only);
    profile_free(profile_reuse(profile, "next", &err));
    profile_free(only);
    profile_free(merged);
    profile_free(again);
}

static void try(const uint8_t *data, size_t size)
{
    struct error err;
    struct profile *profile = profile_parse(data, size, "fuzz", &err);
    if (!profile)
        return;
    char text[64];
    profile_state(profile, text, sizeof text);
    free(growth_svg(profile_growth(profile), profile_facts(profile)->service));
    round_trip(profile);
    profile_free(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try(data, size);
    if (size < HEAD)
        return 0;
    autofree uint8_t *sealed = malloc(size);
    memcpy(sealed, data, size);
    seal(sealed, size);
    try(sealed, size);
    return 0;
}
