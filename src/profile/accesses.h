/*
 * The accesses that a profile knows: what a service does to files by their names, and the programs
 * that it runs. Paths are folded (profile/access.h).
 *
 * A directory in which a service meets ever new names (temporary files, caches, uploads) is opened:
 * once more than ACCESS_WIDE names were seen in it with one kind of access, anything below it is
 * known with that kind. The root directory is never opened. Which directories are opened does not
 * depend on the order in which accesses were added.
 */
#ifndef SKINK_PROFILE_ACCESSES_H
#define SKINK_PROFILE_ACCESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/access.h"

#define ACCESS_WIDE 16   /* names in a directory that is not opened yet, at most */
#define ACCESS_MAX  8192 /* accesses in a set, at most */

/* One access that is known. */
struct known_access {
    enum access_kind kind;
    bool below; /* anything below the directory `path`, which ends with its slash; "": relative */
    char *path; /* folded */
};

struct access_set {
    struct known_access *list; /* sorted */
    size_t count, room;
};

void access_set_free(struct access_set *set);

/*
 * Adds an access, when the set does not know it. The one by which it is known from now on: itself,
 * or the directory that it opened; NULL when it was known before or the set is full. Valid until
 * the next add.
 */
const struct known_access *access_set_add(struct access_set *set, enum access_kind kind,
                                          const char *path, bool below);

/*
 * Is this the access to one more temporary file: has a file been written or changed in the same
 * directory whose name begins with the same word and ends as arbitrarily (wgunicorn-ss1giczh)?
 * What is so named is made by the programs that the service runs, with mkstemp and its kin.
 */
bool access_set_resembles(const struct access_set *set, enum access_kind kind, const char *path);

/* Is this access known, by itself or by an opened directory above it? */
bool access_set_has(const struct access_set *set, enum access_kind kind, const char *path,
                    bool below);

/* Adds all that another set knows. */
void access_set_join(struct access_set *set, const struct access_set *other);

/* Folds a path in place. */
void access_fold(char *path);

/* "read", "write", "truncate", "change", "run". */
const char *access_kind_name(enum access_kind kind);

#endif
