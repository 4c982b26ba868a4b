/*
 * The layout of a profile file (docs/profile-format.md), for its writer and its reader. Within the
 * room only.
 */
#ifndef SKINK_PROFILE_LAYOUT_H
#define SKINK_PROFILE_LAYOUT_H

#include "profile/inside.h"

#define MAGIC         "\x93SKINK\r\n" /* no text, and text-mode transfers break it visibly */
#define MAGIC_SIZE    8
#define VERSION       3
#define VERSION_PLAIN 1 /* the first one, which knew of no sources */
#define VERSION_CALLS 2 /* and this of no accesses */
#define TAG_SIZE      8
#define CHECKSUM_SIZE 8
#define POINT_SIZE    (4 * sizeof(uint64_t))

enum section {
    SECTION_FACTS,
    SECTION_GROWTH,
    SECTION_SOURCES,
    SECTION_WINDOWS,
    SECTION_BAGS,
    SECTION_ACCESSES,
    SECTION_ACCESS_GROWTH,
    SECTIONS
};

/* How an access is written down: its kind, and of these what holds. */
#define ACCESS_IS_BELOW 0x100 /* anything below a directory */
#define ACCESS_IS_ASIDE 0x200 /* shown by earlier versions alone */

static const char SECTION_TAGS[SECTIONS][TAG_SIZE] = {"facts", "growth",   "sources", "windows",
                                                      "bags",  "accesses", "accgrow"};

/* The numbers in the facts section, in the file's order: 8 bytes each there, 8 or 4 in memory. New
 * ones go to the end. */
struct field {
    const char *name;
    size_t offset, size;
    uint64_t min, max;
};

#define FIELD(member, min, max)                                   \
    {                                                             \
#member, offsetof(struct profile_facts, member),          \
            sizeof(((struct profile_facts *)0)->member), min, max \
    }

static const struct field FIELDS[] = {
    FIELD(window, PATTERN_MIN, PATTERN_MAX),
    FIELD(bag, PATTERN_MIN, PATTERN_MAX),
    FIELD(calls, 0, UINT64_MAX),
    FIELD(lost, 0, UINT64_MAX),
    FIELD(starts, 0, UINT64_MAX),
    FIELD(learn_ns, 0, UINT64_MAX),
    FIELD(created, 0, UINT64_MAX),
    FIELD(updated, 0, UINT64_MAX),
    FIELD(min_calls, 0, UINT64_MAX),
    FIELD(frame, 0, UINT32_MAX),
    FIELD(epoch, 0, UINT32_MAX),
    FIELD(frame_peak, 0, UINT32_MAX),
    FIELD(epoch_peak, 0, UINT32_MAX),
};
#define FIELD_COUNT (sizeof FIELDS / sizeof *FIELDS)

/* Makes a name fit for a terminal and for JSON: '?' for control characters, and for everything
 * beyond ASCII when it is not UTF-8. True when it was fit already. */
bool name_clean(char name[PROFILE_NAME]);

#endif
