/* How alike two profiles are. */
#ifndef SKINK_PROFILE_SIMILARITY_H
#define SKINK_PROFILE_SIMILARITY_H

#include "profile/profile.h"

/* The weights of Tversky's index: of what only the first and of what only the second has. The
 * default asks how well the first, older one covers the second. */
struct tversky {
    double alpha, beta;
};
#define TVERSKY_DEFAULT ((struct tversky){.alpha = 0.1, .beta = 0.9})

/* Sizes of the parts of two sets. */
struct overlap {
    size_t first, second; /* only there */
    size_t both;
};

/* Tversky, "Features of similarity", Psychological Review 1977: both / (both + alpha first + beta
 * second), 0 to 1; two empty sets are alike. */
double overlap_similarity(const struct overlap *overlap, const struct tversky *weights);

/* Which calls occur in any pattern that this version of the service has shown; how many. */
size_t profile_alphabet(const struct profile *profile, bool there[CALL_CODES]);

struct overlap overlap_of_alphabets(const struct profile *first, const struct profile *second);

/* Of accesses; what an opened directory of the other covers is in both. */
struct overlap overlap_of_accesses(const struct profile *first, const struct profile *second);

/* Of one kind, of one length in both; without what is laid aside. */
struct overlap overlap_of_patterns(const struct profile *first, const struct profile *second,
                                   enum pattern_kind kind);

#endif
