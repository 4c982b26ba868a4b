/* The accesses of a profile, spelled: all of a set, or those that another set lacks. */
#ifndef SKINK_CMD_PROFILE_ACCESSES_H
#define SKINK_CMD_PROFILE_ACCESSES_H

#include <jansson.h>

#include "profile/accesses.h"

/* other: NULL lacks all. */
size_t profile_accesses_only(const struct access_set *set, const struct access_set *other);

/* An array of {"access", "path", "below"}. New reference. */
json_t *profile_accesses_json(const struct access_set *set, const struct access_set *other);

/* One to a line; "*" stands for anything below. */
void profile_accesses_print(const struct access_set *set, const struct access_set *other,
                            size_t most);

#endif
