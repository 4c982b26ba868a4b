/* The accesses of a profile, spelled. */
#include "cmd/profile_accesses.h"

#include "cmd/terminal.h"

/* Does the other set lack this access? NULL lacks all. */
static bool lacks(const struct access_set *other, const struct known_access *access)
{
    return !other || !access_set_has(other, access->kind, access->path, access->below);
}

size_t profile_accesses_only(const struct access_set *set, const struct access_set *other)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        count += lacks(other, &set->list[i]);
    return count;
}

json_t *profile_accesses_json(const struct access_set *set, const struct access_set *other)
{
    json_t *array = json_array();
    for (size_t i = 0; i < set->count; i++) {
        const struct known_access *access = &set->list[i];
        json_t *path = json_string(access->path); /* NULL: it is no text */
        if (lacks(other, access))
            json_array_append_new(
                array, json_pack("{s:s,s:o,s:b}", "access", access_kind_name(access->kind), "path",
                                 path ? path : json_string("?"), "below", (int)access->below));
        else
            json_decref(path);
    }
    return array;
}

void profile_accesses_print(const struct access_set *set, const struct access_set *other,
                            size_t most)
{
    size_t shown = 0;
    for (size_t i = 0; i < set->count && shown < most; i++) {
        const struct known_access *access = &set->list[i];
        if (!lacks(other, access))
            continue;
        shown++;
        printf("    %-8s ", access_kind_name(access->kind));
        terminal_print(stdout, PAINT_NONE, access->path);
        puts(access->below ? "*" : "");
    }
}
