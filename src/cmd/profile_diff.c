/* `skink profile diff`: how alike two profiles are, and what only one of them has. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/profile.h"
#include "cmd/profile_accesses.h"
#include "cmd/spell.h"
#include "trace/call_json.h"

#define SPELLED 10 /* patterns of each kind that people are shown unasked */

static const char *const KINDS[PATTERN_KINDS] = {"windows", "bags"};

static uint32_t length_of(struct profile *profile, enum pattern_kind kind)
{
    const struct profile_facts *facts = profile_facts(profile);
    return kind == PATTERN_WINDOW ? facts->window : facts->bag;
}

static int comparable(struct profile *first, struct profile *second, struct error *err)
{
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        if (length_of(first, kind) != length_of(second, kind))
            return error_set(err, EXIT_USAGE, 0, "%s of %u calls cannot be compared with %u",
                             KINDS[kind], length_of(first, kind), length_of(second, kind));
    return 0;
}

/* Marks the calls that only `has` has. */
static void only_in(const struct profile *has, const struct profile *lacks, bool only[CALL_CODES])
{
    bool other[CALL_CODES];
    profile_alphabet(has, only);
    profile_alphabet(lacks, other);
    for (size_t code = 0; code < CALL_CODES; code++)
        only[code] &= !other[code];
}

/* ---- for machines ---- */

static json_t *calls_json(const struct profile *has, const struct profile *lacks)
{
    bool only[CALL_CODES];
    only_in(has, lacks, only);
    return spell_alphabet_json(only);
}

static json_t *patterns_json(struct profile *has, const struct profile *lacks,
                             enum pattern_kind kind)
{
    json_t *patterns = json_array();
    for (size_t i = 0; i < profile_count(has, kind); i++) {
        const uint16_t *codes = profile_pattern(has, kind, i);
        if (!profile_has(lacks, kind, codes))
            json_array_append_new(patterns, call_names_json(codes, length_of(has, kind)));
    }
    return patterns;
}

static json_t *overlap_json(const struct overlap *overlap, const struct tversky *weights,
                            json_t *only_old, json_t *only_new)
{
    return json_pack("{s:f s:I s:o s:o}", "similarity", overlap_similarity(overlap, weights),
                     "common", (json_int_t)overlap->both, "only_old", only_old, "only_new",
                     only_new);
}

static json_t *name_json(struct profile *profile)
{
    const struct profile_facts *facts = profile_facts(profile);
    return json_sprintf("%s@%s", facts->service, facts->version);
}

static void print_json(const struct profile_request *request, struct profile *old,
                       struct profile *new)
{
    struct overlap overlap = overlap_of_alphabets(old, new);
    json_t *json = json_pack("{s:o s:o s:f s:f}", "old", name_json(old), "new", name_json(new),
                             "alpha", request->weights.alpha, "beta", request->weights.beta);
    json_object_set_new(
        json, "calls",
        overlap_json(&overlap, &request->weights, calls_json(old, new), calls_json(new, old)));
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        overlap = overlap_of_patterns(old, new, kind);
        json_object_set_new(json, KINDS[kind],
                            overlap_json(&overlap, &request->weights, patterns_json(old, new, kind),
                                         patterns_json(new, old, kind)));
    }
    const struct access_set *first = profile_accesses_known(old);
    const struct access_set *second = profile_accesses_known(new);
    overlap = overlap_of_accesses(old, new);
    json_object_set_new(json, "accesses",
                        overlap_json(&overlap, &request->weights,
                                     profile_accesses_json(first, second),
                                     profile_accesses_json(second, first)));
    profile_print_json(json);
}

/* ---- for people ---- */

static void print_overlap(const struct profile_request *request, const char *what,
                          struct overlap overlap)
{
    printf("%-8s  %9zu  %9zu  %9zu  %10.3f\n", what, overlap.first, overlap.both, overlap.second,
           overlap_similarity(&overlap, &request->weights));
}

static void print_calls(const char *whose, const struct profile *has, const struct profile *lacks)
{
    bool only[CALL_CODES];
    only_in(has, lacks, only);
    if (!memchr(only, 1, sizeof only))
        return;
    printf("calls of %s only:\n", whose);
    spell_alphabet(only, 4);
}

static void print_patterns(const struct profile_request *request, const char *whose,
                           struct profile *has, const struct profile *lacks, enum pattern_kind kind)
{
    size_t differing = 0;
    for (size_t i = 0; i < profile_count(has, kind); i++) {
        const uint16_t *codes = profile_pattern(has, kind, i);
        if (profile_has(lacks, kind, codes))
            continue;
        if (++differing == 1)
            printf("%s of %s only:\n", KINDS[kind], whose);
        if (differing > SPELLED && !request->patterns)
            continue;
        printf("    ");
        spell_pattern(kind, codes, length_of(has, kind));
        putchar('\n');
    }
    if (differing > SPELLED && !request->patterns)
        printf("    and %zu more (--patterns shows them)\n", differing - SPELLED);
}

static void print_accesses(const struct profile_request *request, const char *whose,
                           const struct profile *has, const struct profile *lacks)
{
    const struct access_set *set = profile_accesses_known(has);
    const struct access_set *other = profile_accesses_known(lacks);
    size_t differing = profile_accesses_only(set, other);
    if (differing == 0)
        return;
    printf("accesses of %s only:\n", whose);
    profile_accesses_print(set, other, request->patterns ? SIZE_MAX : SPELLED);
    if (differing > SPELLED && !request->patterns)
        printf("    and %zu more (--patterns shows them)\n", differing - SPELLED);
}

static void print_table(const struct profile_request *request, struct profile *old,
                        struct profile *new)
{
    printf("%-8s  %9s  %9s  %9s  %10s\n", "", "ONLY OLD", "COMMON", "ONLY NEW", "SIMILARITY");
    print_overlap(request, "calls", overlap_of_alphabets(old, new));
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++)
        print_overlap(request, KINDS[kind], overlap_of_patterns(old, new, kind));
    print_overlap(request, "accesses", overlap_of_accesses(old, new));
    print_calls("OLD", old, new);
    print_calls("NEW", new, old);
    for (enum pattern_kind kind = 0; kind < PATTERN_KINDS; kind++) {
        print_patterns(request, "OLD", old, new, kind);
        print_patterns(request, "NEW", new, old, kind);
    }
    print_accesses(request, "OLD", old, new);
    print_accesses(request, "NEW", new, old);
}

int profile_diff(const struct profile_request *request, struct error *err)
{
    int code = -1;
    struct profile *old = profile_open(request, request->names[0], err);
    struct profile *new = old ? profile_open(request, request->names[1], err) : NULL;
    if (new &&comparable(old, new, err) == 0) {
        (request->json ? print_json : print_table)(request, old, new);
        code = EXIT_DONE;
    }
    profile_free(old);
    profile_free(new);
    return code;
}
