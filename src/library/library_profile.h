/* What a profile of the public library is. */
#ifndef SKINK_LIBRARY_PROFILE_H
#define SKINK_LIBRARY_PROFILE_H

#include "library/library.h"
#include "profile/profile.h"

struct skink_profile {
    struct profile *profile;
};

/* Takes the profile over. */
struct skink_profile *library_profile(struct profile *profile);

#endif
