/* `skink profile growth`. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/profile.h"

/* What the table says of the interval that ends at a point. */
static const char *verdict(const struct growth *growth, size_t index)
{
    const struct growth_point *point = &growth->points[index];
    double slope = growth_slope(growth, index);
    switch (growth_mark(growth, index)) {
    case GROWTH_STEADY:
        return "steady";
    case GROWTH_ROW:
        return "steady, in the last row";
    case GROWTH_END:
        return "steady, ends the learning";
    case GROWTH_UNSTEADY:
        break;
    }
    if (slope < 0 || slope > growth->rule.sigma)
        return "";
    return point->calls == point[-1].calls ? "idle" : "something was lost";
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static json_t *point_json(const struct growth *growth, size_t index)
{
    const struct growth_point *point = &growth->points[index];
    json_t *json = json_pack("{s:f s:I s:I s:b}", "seconds", seconds(point->elapsed_ns), "calls",
                             (json_int_t)point->calls, "patterns", (json_int_t)point->patterns,
                             "steady", point->steady);
    if (index > 0)
        json_object_set_new(json, "slope", json_real(growth_slope(growth, index)));
    return json;
}

static void print_json(const struct growth *growth)
{
    const struct growth_rule *rule = &growth->rule;
    json_t *points = json_array();
    for (size_t i = 0; i < growth->count; i++)
        json_array_append_new(points, point_json(growth, i));
    json_t *json =
        json_pack("{s:f s:I s:f s:I s:b s:I s:o}", "interval_seconds", seconds(rule->interval_ns),
                  "interval_calls", (json_int_t)rule->interval_calls, "sigma", rule->sigma,
                  "needed", rule->needed, "learned", growth->learned, "in_a_row",
                  (json_int_t)growth->in_a_row, "points", points);
    if (growth->learned)
        json_object_set_new(json, "learned_at", json_integer((json_int_t)growth->learned_at));
    profile_print_json(json);
}

static void print_table(const struct growth *growth)
{
    const char *unit = growth->rule.interval_ns ? "PER SECOND" : "PER 1000 CALLS";
    printf("%10s  %14s  %9s  %7s  %14s\n", "SECONDS", "CALLS", "PATTERNS", "NEW", unit);
    for (size_t i = 1; i < growth->count; i++) {
        const struct growth_point *point = &growth->points[i];
        printf("%10.0f  %14llu  %9llu  %7lld  %14.3f  %s\n", seconds(point->elapsed_ns),
               (unsigned long long)point->calls, (unsigned long long)point->patterns,
               (long long)(point->patterns - point[-1].patterns), growth_slope(growth, i),
               verdict(growth, i));
    }
    if (growth->learned)
        printf("learned: %u steady intervals (0 to %g) in a row\n", growth->rule.needed,
               growth->rule.sigma);
    else
        printf("not learned yet: %u of %u steady intervals (0 to %g) in a row\n", growth->in_a_row,
               growth->rule.needed, growth->rule.sigma);
}

static int draw(struct profile *profile, const char *path, struct error *err)
{
    const struct profile_facts *facts = profile_facts(profile);
    char title[2 * PROFILE_NAME + 32];
    snprintf(title, sizeof title, "How the profile of %s@%s grew", facts->service, facts->version);
    autofree char *svg = growth_svg(profile_growth(profile), title);
    return output_text(path, svg, err);
}

int profile_growth_show(const struct profile_request *request, struct error *err)
{
    struct profile *profile = profile_open(request, request->names[0], err);
    int code = EXIT_DONE;
    if (!profile)
        return -1;
    if (request->svg)
        code = draw(profile, request->svg, err);
    else if (request->json)
        print_json(profile_growth(profile));
    else
        print_table(profile_growth(profile));
    profile_free(profile);
    return code;
}
