#include "profile/accesses.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *access_kind_name(enum access_kind kind)
{
    static const char *const NAMES[ACCESS_KINDS] = {"read", "write", "truncate", "change", "run"};
    return NAMES[kind];
}

void access_fold(char *path)
{
    __u8 before = 0;
    char *to = path;
    for (const char *from = path; *from; from++) {
        __u8 letter = access_letter(*from);
        if (access_folds(letter, before))
            continue;
        *to++ = (char)letter;
        before = letter;
    }
    *to = '\0';
}

/* ---- order ---- */

/* A slash comes before every other letter, so that what lies in a directory stands together. */
static int rank(char letter)
{
    return letter == '/' ? 1 : letter ? 1 + (unsigned char)letter : 0;
}

static int compare_paths(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return rank(*a) - rank(*b);
}

static int compare(const struct known_access *access, enum access_kind kind, const char *path,
                   bool below)
{
    if (access->kind != kind)
        return access->kind < kind ? -1 : 1;
    int order = compare_paths(access->path, path);
    return order ? order : (int)below - (int)access->below;
}

/* Where an access stands, or would. */
static size_t place_of(const struct access_set *set, enum access_kind kind, const char *path,
                       bool below)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&set->list[middle], kind, path, below) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct access_set *set, size_t place, enum access_kind kind,
                  const char *path, bool below)
{
    return place < set->count && compare(&set->list[place], kind, path, below) == 0;
}

/* ---- directories ---- */

/* The directories that a path lies in as access_prints_make sees them: the lengths of their paths,
 * the innermost last. */
static size_t directories(const char *path, size_t length[ACCESS_ABOVE])
{
    size_t count = 0;
    __u32 letters = 0;
    if (path[0] != '/')
        length[count++] = 0;
    for (size_t i = 0; path[i]; i++) {
        letters = letters << 8 | (__u8)path[i];
        if (path[i] != '/')
            continue;
        if (access_steps_up(letters))
            count = 0;
        if (count == ACCESS_ABOVE)
            memmove(length, length + 1, --count * sizeof *length);
        length[count++] = i + 1;
    }
    return count;
}

static bool is_below(const struct known_access *access, enum access_kind kind,
                     const char *directory, size_t size)
{
    size_t length[ACCESS_ABOVE];
    if (access->kind != kind || strncmp(access->path, directory, size) != 0)
        return false;
    size_t count = directories(access->path, length);
    for (size_t i = 0; i < count; i++)
        if (length[i] == size)
            return true;
    return false;
}

/* The first access that can be below a directory. */
static size_t first_below(const struct access_set *set, enum access_kind kind,
                          const char *directory, size_t size)
{
    char path[ACCESS_PATH] = "";
    memcpy(path, directory, size);
    return place_of(set, kind, path, true);
}

/* Do more than ACCESS_WIDE different names stand in a directory? */
static bool is_wide(const struct access_set *set, enum access_kind kind, const char *directory,
                    size_t size)
{
    const char *before = "";
    size_t names = 0, before_size = 0;
    for (size_t i = first_below(set, kind, directory, size);
         i < set->count && set->list[i].kind == kind &&
         strncmp(set->list[i].path, directory, size) == 0;
         i++) {
        const char *name = set->list[i].path + size;
        size_t name_size = strcspn(name, "/");
        if (name_size == 0 || !is_below(&set->list[i], kind, directory, size) ||
            (name_size == before_size && memcmp(name, before, name_size) == 0))
            continue;
        before = name;
        before_size = name_size;
        if (++names > ACCESS_WIDE)
            return true;
    }
    return false;
}

static void remove_below(struct access_set *set, enum access_kind kind, const char *directory,
                         size_t size)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++)
        if (is_below(&set->list[i], kind, directory, size))
            free(set->list[i].path);
        else
            set->list[kept++] = set->list[i];
    set->count = kept;
}

/* ---- the set ---- */

void access_set_free(struct access_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->list[i].path);
    free(set->list);
    *set = (struct access_set){0};
}

static const struct known_access *insert(struct access_set *set, enum access_kind kind,
                                         const char *path, size_t size, bool below)
{
    if (set->count == set->room) {
        set->room = set->room ? 2 * set->room : 64;
        set->list = memory_must(reallocarray(set->list, set->room, sizeof *set->list));
    }
    char *copy = memory_must(strndup(path, size));
    size_t place = place_of(set, kind, copy, below);
    memmove(&set->list[place + 1], &set->list[place], (set->count - place) * sizeof *set->list);
    set->list[place] = (struct known_access){.kind = kind, .below = below, .path = copy};
    set->count++;
    return &set->list[place];
}

/* Opens the outermost directory above a path that has become wide. */
static const struct known_access *open_wide(struct access_set *set, enum access_kind kind,
                                            const char *path)
{
    size_t length[ACCESS_ABOVE];
    size_t count = directories(path, length);
    for (size_t i = 0; i < count; i++) {
        bool root = length[i] == 1 && path[0] == '/';
        if (root || !is_wide(set, kind, path, length[i]))
            continue;
        remove_below(set, kind, path, length[i]);
        return insert(set, kind, path, length[i], true);
    }
    return NULL;
}

const struct known_access *access_set_add(struct access_set *set, enum access_kind kind,
                                          const char *path, bool below)
{
    char folded[ACCESS_PATH] = "";
    memccpy(folded, path, '\0', sizeof folded - 1);
    access_fold(folded);
    if (set->count >= ACCESS_MAX || access_set_has(set, kind, folded, below))
        return NULL;
    if (below)
        remove_below(set, kind, folded, strlen(folded));
    const struct known_access *added = insert(set, kind, folded, strlen(folded), below);
    const struct known_access *opened = open_wide(set, kind, folded);
    return opened ? opened : added;
}

bool access_set_has(const struct access_set *set, enum access_kind kind, const char *path,
                    bool below)
{
    char folded[ACCESS_PATH] = "";
    size_t length[ACCESS_ABOVE];
    memccpy(folded, path, '\0', sizeof folded - 1);
    access_fold(folded);
    if (is_at(set, place_of(set, kind, folded, below), kind, folded, below))
        return true;
    for (size_t i = directories(folded, length); i-- > 0;) {
        folded[length[i]] = '\0';
        if (is_at(set, place_of(set, kind, folded, true), kind, folded, true))
            return true;
    }
    return false;
}

/* ---- temporary files ---- */

#define WORD_LEAST 4 /* letters of the word before the arbitrary end, its separator included */
#define TAIL_LEAST 5 /* of the end, in which digits are folded */
#define TAIL_MOST  16

static bool is_arbitrary(const char *tail)
{
    size_t length = strlen(tail);
    return length >= TAIL_LEAST && length <= TAIL_MOST && !strpbrk(tail, "./");
}

/* Are both of them one word, a separator, and an arbitrary end? */
static bool alike(const char *a, const char *b)
{
    size_t word = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (strchr("-_.", a[i]))
            word = i + 1;
    return word >= WORD_LEAST && is_arbitrary(a + word) && is_arbitrary(b + word);
}

bool access_set_resembles(const struct access_set *set, enum access_kind kind, const char *path)
{
    char folded[ACCESS_PATH] = "";
    if (kind != ACCESS_WRITE && kind != ACCESS_CHANGE)
        return false;
    memccpy(folded, path, '\0', sizeof folded - 1);
    access_fold(folded);
    const char *slash = strrchr(folded, '/');
    size_t size = slash ? (size_t)(slash - folded) + 1 : 0;
    for (size_t i = first_below(set, kind, folded, size);
         i < set->count && set->list[i].kind == kind &&
         strncmp(set->list[i].path, folded, size) == 0;
         i++)
        if (!set->list[i].below && alike(set->list[i].path + size, folded + size))
            return true;
    return false;
}

void access_set_join(struct access_set *set, const struct access_set *other)
{
    for (size_t i = 0; i < other->count; i++) {
        const struct known_access *access = &other->list[i];
        access_set_add(set, access->kind, access->path, access->below);
    }
}
