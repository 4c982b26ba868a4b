/*
 * Where does each ranker put the true entry? Reads cases, one JSON object a line, from standard
 * input, and writes one object a line: the place of the entry, by ranker.
 *
 *     {"entry": "web", "services": [{"name": "web", "outside": true, "alarmed": true, "score": 1,
 *      "time": 17, "alarms": 1}, …], "flows": [{"from": 0, "to": 1, "first": 3, "last": 20,
 *      "new": false, "carried": false, "port": 80}, …]}                                times in
 * microseconds
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "incident/database.h"
#include "incident/rank.h"

#define NS_PER_US 1000

static uint64_t instant(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key)) * NS_PER_US;
}

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static struct rank_service service_of(const json_t *object)
{
    return (struct rank_service){
        .outside = flag(object, "outside"),
        .alarmed = flag(object, "alarmed"),
        .score = json_number_value(json_object_get(object, "score")),
        .time = instant(object, "time"),
        .alarms = (uint32_t)json_integer_value(json_object_get(object, "alarms")),
    };
}

static struct rank_flow flow_of(const json_t *object)
{
    return (struct rank_flow){
        .from = (size_t)json_integer_value(json_object_get(object, "from")),
        .to = (size_t)json_integer_value(json_object_get(object, "to")),
        .first = instant(object, "first"),
        .last = instant(object, "last"),
        .novel = flag(object, "new"),
        .carried = flag(object, "carried"),
        .database = database_port((uint16_t)json_integer_value(json_object_get(object, "port"))),
    };
}

static json_t *places(const struct rank_case *given, size_t entry)
{
    json_t *answer = json_object();
    autofree double *probability = memory_must(calloc(given->services + 1, sizeof *probability));
    for (const struct ranker *ranker = rankers; ranker->name; ranker++) {
        ranker->rank(given, probability);
        json_object_set_new(answer, ranker->name, json_real(rank_place(given, probability, entry)));
    }
    return answer;
}

/* NULL when the case is none. New reference. */
static json_t *judge(const json_t *line)
{
    const json_t *services = json_object_get(line, "services");
    const json_t *flows = json_object_get(line, "flows");
    const char *name = json_string_value(json_object_get(line, "entry"));
    size_t n = json_array_size(services), entry = n;
    autofree struct rank_service *service = memory_must(calloc(n + 1, sizeof *service));
    autofree struct rank_flow *flow = memory_must(calloc(json_array_size(flows) + 1, sizeof *flow));
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(services, i);
        const char *own = json_string_value(json_object_get(one, "name"));
        service[i] = service_of(one);
        if (name && own && strcmp(name, own) == 0)
            entry = i;
    }
    struct rank_case given = {service, n, flow, 0};
    for (size_t i = 0; i < json_array_size(flows); i++) {
        flow[given.flows] = flow_of(json_array_get(flows, i));
        if (flow[given.flows].from < n && flow[given.flows].to < n)
            given.flows++;
    }
    return entry < n ? places(&given, entry) : NULL;
}

int main(void)
{
    autofree char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        json_error_t why;
        json_t *given = json_loads(line, 0, &why);
        json_t *answer = given ? judge(given) : NULL;
        json_decref(given);
        if (!answer) {
            fprintf(stderr, "rank: a line of standard input is no case (see rank.c)\n");
            return EXIT_FAILURE;
        }
        autofree char *text = json_dumps(answer, JSON_COMPACT);
        json_decref(answer);
        puts(text);
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
