/* incident: the graph and its file, whose an address is, which alerts are one incident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "incident/ends.h"
#include "incident/incident.h"

#define START (1000000 * NS_PER_S)
#define MIN   (60 * NS_PER_S)

/* ---- the graph ---- */

static void call(struct graph *graph, const char *from, const char *to, uint64_t at, bool novel)
{
    const struct graph_flow flow = {.from = graph_service(graph, from),
                                    .to = graph_service(graph, to),
                                    .transport = GRAPH_TCP,
                                    .port = 80,
                                    .novel = novel,
                                    .first = at,
                                    .last = at,
                                    .count = 1};
    graph_note(graph, &flow);
}

/* (outside) -> front -> web -> db, and a service that nobody has seen calling. */
static struct graph *shop(void)
{
    struct graph *graph = graph_new();
    call(graph, "(outside)", "front", START, false);
    call(graph, "front", "web", START, false);
    call(graph, "web", "db", START, false);
    call(graph, "front", "images", START, false);
    call(graph, "images", "(outside)", START, false);
    return graph;
}

static void flows_add_up(void **state)
{
    (void)state;
    struct graph *graph = shop();
    size_t flows = graph_flows(graph);
    call(graph, "web", "db", START + 5, true);
    assert_int_equal(graph_flows(graph), flows);
    const struct graph_flow *flow = graph_flow(graph, 2);
    assert_int_equal(flow->count, 2);
    assert_int_equal(flow->last, START + 5);
    assert_false(flow->novel); /* it was there before */
    call(graph, "web", "images", START, true);
    flow = graph_flow(graph, flows);
    assert_true(graph_is_new(flow, START + MIN));
    assert_false(graph_is_new(flow, START + GRAPH_NEW_FOR));
    graph_accept(graph, flows);
    assert_false(graph_is_new(flow, START + MIN));
    graph_free(graph);
}

static void a_way_of_calls_links(void **state)
{
    (void)state;
    struct graph *graph = shop();
    size_t front = graph_service(graph, "front"), db = graph_service(graph, "db");
    size_t images = graph_service(graph, "images"), idle = graph_service(graph, "idle");
    assert_true(graph_linked(graph, front, db));
    assert_true(graph_linked(graph, db, front));
    assert_false(graph_linked(graph, db, images)); /* a way over the outside is none */
    assert_true(graph_linked(graph, db, idle));    /* nothing is known of idle */
    graph_free(graph);
}

static void the_file_holds_the_graph(void **state)
{
    (void)state;
    struct error err;
    char path[] = "/tmp/skink-graph-XXXXXX";
    int fd = mkstemp(path);
    struct graph *graph = shop();
    struct graph *read = graph_new();
    assert_int_equal(graph_save(graph, path, &err), 0);
    assert_int_equal(graph_load(read, path, &err), 0);
    assert_int_equal(graph_flows(read), graph_flows(graph));
    for (size_t i = 0; i < graph_flows(read); i++) {
        json_t *a = graph_flow_json(graph, graph_flow(graph, i), START);
        json_t *b = graph_flow_json(read, graph_flow(read, i), START);
        assert_true(json_equal(a, b));
        json_decref(a);
        json_decref(b);
    }
    graph_free(read);
    read = graph_new();
    assert_int_equal(write(fd, "{}", 2), 2); /* over the file that was replaced: nothing */
    close(fd);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("{\"version\":1,\"flows\":[{\"from\":\"a\"}]}", file);
    fclose(file);
    assert_int_equal(graph_load(read, path, &err), -1);
    unlink(path);
    assert_int_equal(graph_load(read, path, &err), 0);
    graph_free(read);
    graph_free(graph);
}

/* ---- ends ---- */

static const uint8_t *address(const char *text)
{
    static struct in6_addr parsed;
    assert_int_equal(inet_pton(AF_INET6, text, &parsed), 1);
    return parsed.s6_addr;
}

static void an_address_is_its_owners(void **state)
{
    (void)state;
    struct ends *ends = ends_new();
    ends_address(ends, 1, 100, address("::ffff:10.0.0.1"));
    ends_address(ends, 2, 200, address("fd00::2"));
    ends_address(ends, 3, 300, address("::ffff:127.0.0.1"));
    assert_int_equal(ends_find(ends, 999, address("::ffff:10.0.0.1"), 80), 1);
    assert_int_equal(ends_find(ends, 100, address("fd00::2"), 80), 2);
    assert_true(ends_find(ends, 100, address("::ffff:10.0.0.9"), 80) == ENDS_NOBODY);
    assert_int_equal(ends_find(ends, 300, address("::ffff:127.0.0.5"), 80), 3);
    assert_int_equal(ends_find(ends, 100, address("::1"), 80), 1); /* its own loopback */
    ends_clear(ends);
    assert_true(ends_find(ends, 999, address("::ffff:10.0.0.1"), 80) == ENDS_NOBODY);
    ends_free(ends);
}

static void who_listens_has_a_shared_address(void **state)
{
    (void)state;
    struct ends *ends = ends_new();
    for (size_t owner = 1; owner <= 3; owner++)
        ends_address(ends, owner, 100, address("::ffff:10.0.0.1"));
    assert_true(ends_find(ends, 1, address("::ffff:10.0.0.1"), 80) == ENDS_NOBODY);
    ends_listens(ends, 2, 100, 80);
    ends_listens(ends, 3, 100, 81);
    assert_int_equal(ends_find(ends, 1, address("::ffff:10.0.0.1"), 80), 2);
    assert_int_equal(ends_find(ends, 100, address("::1"), 81), 3);
    ends_listens(ends, 3, 100, 80); /* in turns, perhaps: not to be told apart */
    assert_true(ends_find(ends, 1, address("::ffff:10.0.0.1"), 80) == ENDS_NOBODY);
    ends_free(ends);
}

/* ---- incidents ---- */

struct filing {
    struct graph *graph;
    struct incidents *incidents;
};

static struct filing open_filing(void)
{
    struct filing filing = {.graph = shop()};
    filing.incidents = incidents_new(filing.graph);
    return filing;
}

static void close_filing(struct filing *filing)
{
    incidents_free(filing->incidents);
    graph_free(filing->graph);
}

static json_t *note(struct filing *filing, const char *id, const char *service, uint64_t at,
                    bool open)
{
    const struct incident_alert alert = {.id = id,
                                         .service = service,
                                         .replica = "r",
                                         .message = "left its profile",
                                         .first = at,
                                         .last = at,
                                         .score = 0.9,
                                         .open = open};
    return incident_json(
        incidents_note(filing->incidents, &alert, graph_service(filing->graph, service)),
        filing->graph, at);
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* However often an alert grows, its first moment, its latest one and few between them are kept. */
static void growth_is_kept_and_drawn(void **state)
{
    (void)state;
    struct filing filing = open_filing();
    json_t *story = NULL;
    for (uint64_t i = 0; i <= 200; i++) {
        const struct incident_alert alert = {.id = "1",
                                             .service = "<web>",
                                             .replica = "r",
                                             .message = "left its profile",
                                             .first = START,
                                             .last = START + i * NS_PER_S,
                                             .score = (double)i / 200,
                                             .novelties = i,
                                             .open = true};
        size_t service = graph_service(filing.graph, alert.service);
        json_decref(story);
        story = incident_json(incidents_note(filing.incidents, &alert, service), filing.graph,
                              alert.last);
    }
    const json_t *growth =
        json_object_get(json_array_get(json_object_get(story, "alerts"), 0), "growth");
    size_t count = json_array_size(growth);
    assert_in_range(count, INCIDENT_GROWTH / 2, INCIDENT_GROWTH);
    const json_t *first = json_array_get(growth, 0);
    const json_t *last = json_array_get(growth, count - 1);
    assert_true(json_real_value(json_object_get(first, "after_s")) == 0);
    assert_true(json_real_value(json_object_get(last, "after_s")) == 200);
    assert_int_equal(json_integer_value(json_object_get(last, "novelties")), 200);
    char *svg = incident_svg(story);
    char *page = incident_html(story);
    assert_non_null(strstr(svg, "class=\"curve\""));
    assert_non_null(strstr(page, svg));
    assert_non_null(strstr(page, "&lt;web>"));
    assert_null(strstr(page, "<web>"));
    free(svg);
    free(page);
    json_decref(story);
    close_filing(&filing);
}

static void alerts_of_linked_services_are_one_incident(void **state)
{
    (void)state;
    struct filing filing = open_filing();
    json_t *web = note(&filing, "1", "web", START, true);
    json_t *db = note(&filing, "2", "db", START + MIN, true);
    json_t *images = note(&filing, "3", "images", START + MIN, true);
    json_t *late = note(&filing, "4", "db", START + 12 * MIN, true);
    json_t *again = note(&filing, "1", "web", START + 12 * MIN, false);
    assert_string_equal(text(web, "id"), text(db, "id"));
    assert_string_not_equal(text(images, "id"), text(db, "id"));
    assert_string_not_equal(text(late, "id"), text(db, "id"));
    assert_string_equal(text(again, "id"), text(db, "id"));
    assert_string_equal(text(db, "entry"), "web");
    const json_t *path = json_object_get(db, "path");
    assert_int_equal(json_array_size(path), 1);
    assert_string_equal(text(json_array_get(path, 0), "from"), "web");
    assert_string_equal(text(json_array_get(path, 0), "to"), "db");
    assert_int_equal(json_array_size(json_object_get(again, "alerts")), 2);
    json_decref(web);
    json_decref(db);
    json_decref(images);
    json_decref(late);
    json_decref(again);
    close_filing(&filing);
}

/* (outside) -> edge -> catalog, orders, stock -> store. Two more flows from outside: one that
 * nobody answered, one of long ago. */
static struct graph *shared_store(void)
{
    struct graph *graph = graph_new();
    const struct graph_flow leftover = {.from = GRAPH_OUTSIDE,
                                        .to = graph_service(graph, "store"),
                                        .transport = GRAPH_TCP,
                                        .port = 80,
                                        .first = START,
                                        .last = START};
    call(graph, "(outside)", "orders", START - 11 * MIN, false);
    call(graph, "(outside)", "edge", START, false);
    call(graph, "edge", "catalog", START, false);
    call(graph, "edge", "orders", START, false);
    call(graph, "edge", "stock", START, false);
    call(graph, "catalog", "store", START, false);
    call(graph, "orders", "store", START, false);
    call(graph, "stock", "store", START, false);
    graph_note(graph, &leftover);
    return graph;
}

/* The store's alert first without the caller, then with it. */
static void who_was_on_the_connection_is_the_way(void **state)
{
    (void)state;
    struct graph *graph = shared_store();
    struct incidents *incidents = incidents_new(graph);
    struct incident_alert alert = {.id = "1",
                                   .service = "store",
                                   .replica = "r",
                                   .message = "ran /bin/sh",
                                   .first = START + MIN,
                                   .last = START + MIN,
                                   .score = 0.75,
                                   .open = true};
    size_t store = graph_service(graph, "store");
    json_t *before = incident_json(incidents_note(incidents, &alert, store), graph, alert.last);
    alert.on_behalf_of = "catalog";
    json_t *after = incident_json(incidents_note(incidents, &alert, store), graph, alert.last);
    size_t i;
    const json_t *one;
    assert_string_equal(text(before, "entry"), "store");
    json_array_foreach (json_object_get(before, "ranking"), i, one)
        assert_int_equal(json_is_true(json_object_get(one, "outside")),
                         strcmp(text(one, "service"), "edge") == 0);
    assert_string_equal(text(after, "entry"), "catalog");
    assert_string_equal(text(json_array_get(json_object_get(after, "path"), 0), "to"), "store");
    const json_t *told = json_array_get(json_object_get(after, "alerts"), 0);
    assert_string_equal(text(told, "on_behalf_of"), "catalog");
    json_decref(before);
    json_decref(after);
    incidents_free(incidents);
    graph_free(graph);
}

static void an_incident_ends_when_nothing_can_follow(void **state)
{
    (void)state;
    struct filing filing = open_filing();
    json_decref(note(&filing, "1", "web", START, true));
    assert_null(incidents_close(filing.incidents, START + 20 * MIN)); /* its alert is open */
    json_decref(note(&filing, "1", "web", START, false));
    assert_null(incidents_close(filing.incidents, START + 10 * MIN));
    const struct incident *over = incidents_close(filing.incidents, START + 11 * MIN);
    assert_non_null(over);
    json_t *json = incident_json(over, filing.graph, START);
    assert_string_equal(text(json, "state"), "closed");
    json_decref(json);
    assert_null(incidents_close(filing.incidents, START + 11 * MIN));
    close_filing(&filing);
}

/* A false alarm that a person has named says nothing of an intruder, and draws no other alert in.
 */
static void what_was_accepted_is_no_step(void **state)
{
    (void)state;
    struct filing filing = open_filing();
    json_decref(note(&filing, "1", "web", START, true));
    json_decref(note(&filing, "2", "db", START + MIN, true));
    json_t *one = incident_json(incidents_accept(filing.incidents, "1"), filing.graph, START + MIN);
    assert_string_equal(text(json_array_get(json_object_get(one, "alerts"), 0), "state"),
                        "accepted");
    assert_string_equal(text(one, "entry"), "db");
    json_t *both =
        incident_json(incidents_accept(filing.incidents, "2"), filing.graph, START + MIN);
    assert_null(text(both, "entry"));
    assert_non_null(strstr(text(both, "message"), "accepted as normal"));
    json_t *later = note(&filing, "3", "db", START + 2 * MIN, true);
    assert_string_not_equal(text(later, "id"), text(both, "id"));
    assert_null(incidents_accept(filing.incidents, "none"));
    assert_non_null(incidents_close(filing.incidents, START + 12 * MIN));
    json_decref(one);
    json_decref(both);
    json_decref(later);
    close_filing(&filing);
}

static void a_score_grows_with_what_was_seen(void **state)
{
    (void)state;
    assert_true(incident_score(10, 10, 0, 0, false, true) == 0.5);
    assert_true(incident_score(10, 10, 16, 0, false, true) == 0.75);
    assert_true(incident_score(10, 10, 0, 0, false, false) == 0.25);
    assert_true(incident_score(0, 0, 0, 0, true, true) == 0.2);
    assert_true(incident_score(1, 1, 0, 1, false, true) == 0.75);
    assert_true(incident_score(4000, 1, 4000, 0, false, true) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_add_up),
        cmocka_unit_test(a_way_of_calls_links),
        cmocka_unit_test(the_file_holds_the_graph),
        cmocka_unit_test(an_address_is_its_owners),
        cmocka_unit_test(who_listens_has_a_shared_address),
        cmocka_unit_test(growth_is_kept_and_drawn),
        cmocka_unit_test(alerts_of_linked_services_are_one_incident),
        cmocka_unit_test(who_was_on_the_connection_is_the_way),
        cmocka_unit_test(an_incident_ends_when_nothing_can_follow),
        cmocka_unit_test(what_was_accepted_is_no_step),
        cmocka_unit_test(a_score_grows_with_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
