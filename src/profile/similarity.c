#include "profile/similarity.h"

#include <string.h>

#include "profile/inside.h"

double overlap_similarity(const struct overlap *overlap, const struct tversky *weights)
{
    double both = (double)overlap->both;
    double apart =
        weights->alpha * (double)overlap->first + weights->beta * (double)overlap->second;
    return both + apart > 0 ? both / (both + apart) : 1;
}

size_t profile_alphabet(const struct profile *profile, bool there[CALL_CODES])
{
    size_t count = 0;
    memset(there, 0, CALL_CODES * sizeof *there);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        for (size_t i = 0; i < profile_count(profile, kind); i++) {
            const uint16_t *codes = profile_pattern(profile, kind, i);
            for (uint32_t j = 0; j < profile->patterns[kind].codes.length; j++) {
                count += !there[codes[j]];
                there[codes[j]] = true;
            }
        }
    return count;
}

struct overlap overlap_of_alphabets(const struct profile *first, const struct profile *second)
{
    bool a[CALL_CODES], b[CALL_CODES];
    struct overlap overlap = {0};
    profile_alphabet(first, a);
    profile_alphabet(second, b);
    for (size_t code = 0; code < CALL_CODES; code++) {
        overlap.first += a[code] && !b[code];
        overlap.second += b[code] && !a[code];
        overlap.both += a[code] && b[code];
    }
    return overlap;
}

struct overlap overlap_of_accesses(const struct profile *first, const struct profile *second)
{
    const struct access_set *a = profile_accesses_known(first), *b = profile_accesses_known(second);
    struct overlap overlap = {.second = b->count};
    for (size_t i = 0; i < a->count; i++) {
        const struct known_access *access = &a->list[i];
        overlap.both += access_set_has(b, access->kind, access->path, access->below);
    }
    overlap.first = a->count - overlap.both;
    for (size_t i = 0; i < b->count; i++) {
        const struct known_access *access = &b->list[i];
        overlap.second -= access_set_has(a, access->kind, access->path, access->below);
    }
    return overlap;
}

struct overlap overlap_of_patterns(const struct profile *first, const struct profile *second,
                                   enum pattern_kind kind)
{
    struct overlap overlap = {0};
    for (size_t i = 0; i < profile_count(first, kind); i++)
        overlap.both += profile_has(second, kind, profile_pattern(first, kind, i));
    overlap.first = profile_count(first, kind) - overlap.both;
    overlap.second = profile_count(second, kind) - overlap.both;
    return overlap;
}
