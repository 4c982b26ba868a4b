/* workload: cgroups, classification, what is known of containers, the parsers of what engines say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "workload/cgroup_name.h"
#include "workload/classify.h"
#include "workload/engine_parse.h"
#include "workload/fields.h"
#include "workload/lxc.h"
#include "workload/oci_parse.h"
#include "workload/registry.h"
#include "workload/workload.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define HEX          "6253e32040d507a8c24f9c52b8d09b1d2c121df1f158cb8b5cda166b5b04a525"

/* ---- cgroups ---- */

static void own_cgroup(void **state)
{
    (void)state;
    struct error err;
    struct cgroup_hierarchy hierarchy;
    uint64_t made = 0, found = 0;
    char path[512];
    if (geteuid() != 0 || cgroup_hierarchy_find(&hierarchy, &err) < 0 ||
        cgroup_make(&hierarchy, "skink-test/unit", &made, &err) < 0)
        skip();
    assert_int_equal(cgroup_key(&hierarchy, "/skink-test/unit", &found, &err), 0);
    assert_int_equal(made, found);

    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    int entered = cgroup_enter(&hierarchy, "skink-test/unit", pid, &err);
    int located = cgroup_of_process(&hierarchy, pid, path, sizeof path, &err);
    int busy = cgroup_remove(&hierarchy, "skink-test/unit", &err);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(entered, 0);
    assert_int_equal(located, 0);
    assert_string_equal(path, "/skink-test/unit");
    assert_int_equal(busy, -1);
    assert_int_equal(cgroup_remove(&hierarchy, "skink-test/unit", &err), 0);
    assert_int_equal(cgroup_key(&hierarchy, "/skink-test", &found, &err), -1);
}

static void cgroup_paths_stay_inside(void **state)
{
    (void)state;
    struct error err;
    struct cgroup_hierarchy hierarchy = {.v2 = true, .mount = "/sys/fs/cgroup"};
    uint64_t key;
    assert_int_equal(cgroup_key(&hierarchy, "a/../../..", &key, &err), -1);
    assert_non_null(strstr(err.text, "\"..\""));
    assert_int_equal(cgroup_make(&hierarchy, "../tmp/x", &key, &err), -1);
    assert_int_equal(cgroup_remove(&hierarchy, "..", &err), -1);
    assert_int_equal(cgroup_key(&hierarchy, "no..such", &key, &err), -1);
    assert_null(strstr(err.text, "\"..\""));
}

static void containers_by_their_cgroup(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int engine; /* -1: no container */
        const char *id;
        const char *inside; /* what follows the container's own cgroup */
    } CASES[] = {
        {"/docker/" HEX, ENGINE_DOCKER, HEX, ""},
        {"/docker/" HEX "/init.scope", ENGINE_DOCKER, HEX, "/init.scope"},
        {"/system.slice/docker-" HEX ".scope", ENGINE_DOCKER, HEX, ""},
        {"/docker/" HEX "/docker/a" HEX, ENGINE_DOCKER, HEX, "/docker/a" HEX},
        {"/libpod_parent/libpod-" HEX, ENGINE_PODMAN, HEX, ""},
        {"/libpod_parent/" HEX, -1, "", ""},
        {"/libpod_parent/" HEX "/libpod-" HEX, ENGINE_PODMAN, HEX, ""},
        {"/libpod_parent/libpod-conmon-" HEX, -1, "", ""},
        {"/machine.slice/libpod-" HEX ".scope", ENGINE_PODMAN, HEX, ""},
        {"/machine.slice/libpod-" HEX ".scope/container", ENGINE_PODMAN, HEX, "/container"},
        {"/machine.slice/libpod-conmon-" HEX ".scope", -1, "", ""},
        {"/a.service/libpod-payload-" HEX, ENGINE_PODMAN, HEX, ""},
        {"/kubepods/besteffort/pod1-2/" HEX, ENGINES, HEX, ""},
        {"/kubepods.slice/kubepods-pod1_2.slice/cri-containerd-" HEX ".scope", ENGINE_OCI, HEX, ""},
        {"/kubepods.slice/kubepods-pod1_2.slice/crio-" HEX ".scope", ENGINE_OCI, HEX, ""},
        {"/kubepods.slice/kubepods-pod1_2.slice/crio-conmon-" HEX ".scope", -1, "", ""},
        {"/kubepods.slice/kubepods-pod1_2.slice", -1, "", ""},
        {"/system.slice/runc-web_1.scope", ENGINE_OCI, "web_1", ""},
        {"/user.slice/crun-web.scope/x", ENGINE_OCI, "web", "/x"},
        {"/lxc.payload.box", ENGINE_LXC, "box", ""},
        {"/lxc.payload.box/system.slice", ENGINE_LXC, "box", "/system.slice"},
        {"/lxc.monitor.box", -1, "", ""},
        {"/lxc/box", ENGINE_LXC, "box", ""},
        {"/lxc", -1, "", ""},
        {"/web_1", -1, "", ""},
        {"/docker/6253e32040d5", -1, "", ""},
        {"/docker-" HEX ".mount", -1, "", ""},
        {"/user.slice/user-0.slice/session-1.scope", -1, "", ""},
        {"/", -1, "", ""},
        {"", -1, "", ""},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct cgroup_name name;
        bool found = cgroup_name_parse(CASES[i].path, &name);
        if (found != (CASES[i].engine >= 0))
            fail_msg("%s: %d", CASES[i].path, found);
        if (!found)
            continue;
        assert_int_equal(name.engine, CASES[i].engine);
        assert_string_equal(name.id, CASES[i].id);
        assert_string_equal(CASES[i].path + name.length, CASES[i].inside);
    }
    assert_int_equal(cgroup_name_find("/docker/" HEX "/init.scope", HEX), 8 + 64);
    assert_int_equal(cgroup_name_find("/init.scope", HEX), 0);
    assert_int_equal(cgroup_name_find("/init.scope", ""), 0);
}

/* ---- services and versions ---- */

static struct description describe(const char *name, const char *image, const char *labels)
{
    struct description description = {.labels = json_loads(labels, 0, NULL)};
    text_copy(description.workload.name, WORKLOAD_TEXT, name);
    text_copy(description.workload.image, WORKLOAD_TEXT, image);
    return description;
}

static void services_and_versions(void **state)
{
    (void)state;
    static const struct {
        const char *name, *image, *image_id, *labels, *service, *version;
    } CASES[] = {
        {"web_1", "", "", "{}", "web", "-"},
        {"shop-web-12", "", "", "{}", "shop-web", "-"},
        {"web1", "", "", "{}", "web1", "-"},
        {"_1", "", "", "{}", "_1", "-"},
        {"a", "nginx", "", "{}", "nginx", "-"},
        {"a", "reg:5000/team/nginx:1.22", "", "{}", "nginx", "1.22"},
        {"a", "nginx:1.22", "sha256:0123456789abcdef", "{}", "nginx", "0123456789ab"},
        {"a", "b/c@sha256:fedcba9876543210", "", "{}", "c", "fedcba987654"},
        {"a-1", "sha256:0123456789abcdef", "", "{}", "a", "0123456789abcdef"},
        {"a", "b", "", "{\"app\": \"c\", \"app.kubernetes.io/name\": \"d\"}", "d", "-"},
        {"a", "b", "", "{\"app\": \"c\", \"com.docker.compose.service\": \"e\"}", "e", "-"},
        {"a", "b", "", "{\"app\": \"\", \"k8s-app\": 7}", "b", "-"},
        {"a", "b:1", "", "{\"org.opencontainers.image.title\": \"t\"}", "t", "1"},
        {"a", "b:1", "x:2", "{\"org.opencontainers.image.version\": \"3\"}", "b", "3"},
        {"a", "", "", "{\"org.opencontainers.image.ref.name\": \"q/r:5\"}", "r", "5"},
        {"a", "", "",
         "{\"io.kubernetes.cri.image-name\": \"q/r:5\", "
         "\"io.kubernetes.cri.container-name\": \"cart\"}",
         "cart", "5"},
        {"a\033[2J", "", "", "[]", "a?[2J", "-"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct description description = describe(CASES[i].name, CASES[i].image, CASES[i].labels);
        text_copy(description.image_id, WORKLOAD_TEXT, CASES[i].image_id);
        classify(&description, &(struct workload_options){0});
        assert_string_equal(description.workload.service, CASES[i].service);
        assert_string_equal(description.workload.version, CASES[i].version);
        description_free(&description);
    }
}

static void rules_come_first(void **state)
{
    (void)state;
    struct description description =
        describe("web_1", "reg/shop/web:2", "{\"app\": \"front\", \"a.b/c\": \"d=e\"}");
    text_copy(description.workload.id, WORKLOAD_TEXT, HEX);
    static const char *const FIT[] = {"name=web_*",      "image=*/web:[0-9]", "label:app=fr?nt",
                                      "label:a.b/c=d=*", "id=6253*",          "label:app=*"};
    static const char *const UNFIT[] = {"name=web",      "label:none=*", "cgroup=*", "nam=*",
                                        "names=*",       "name",         "",         "label:=*",
                                        "label:app=fro", "=web_1"};
    for (size_t i = 0; i < COUNT(FIT); i++)
        assert_true(classify_matches(&description, FIT[i]));
    for (size_t i = 0; i < COUNT(UNFIT); i++)
        assert_false(classify_matches(&description, UNFIT[i]));

    const struct workload_rule rules[] = {
        {"cgroup=/shop/*", "placed", "9"}, {"name=web*", "first", NULL}, {"name=*", "second", "8"}};
    const struct workload_options options = {.rules = rules, .rule_count = COUNT(rules)};
    classify(&description, &options);
    assert_string_equal(description.workload.service, "first");
    assert_string_equal(description.workload.version, "2");
    /* Once the cgroup is known an earlier rule may fit. */
    text_copy(description.workload.cgroup_path, WORKLOAD_TEXT, "/shop/web_1");
    classify(&description, &options);
    assert_string_equal(description.workload.service, "placed");
    assert_string_equal(description.workload.version, "9");
    description_free(&description);
}

/* Two that are called web are two services, where what distinguishes them has been said. */
static void names_are_unique_in_their_namespace(void **state)
{
    (void)state;
    static const struct {
        const char *labels, *service, *project; /* compose_projects: false */
        const char *asked;                      /* the service's name with it */
    } CASES[] = {
        {"{\"app\": \"web\", \"io.kubernetes.pod.namespace\": \"shop\"}", "shop/web", "",
         "shop/web"},
        {"{\"io.kubernetes.cri.container-name\": \"web\", "
         "\"io.kubernetes.cri.sandbox-namespace\": \"blog\"}",
         "blog/web", "", "blog/web"},
        {"{\"io.kubernetes.container.name\": \"web\", "
         "\"io.kubernetes.cri-o.Namespace\": \"blog\"}",
         "blog/web", "", "blog/web"},
        {"{\"io.kubernetes.pod.namespace\": \"blog\"}", "blog/image", "", "blog/image"},
        {"{\"app\": \"web\", \"io.kubernetes.pod.namespace\": \"default\"}", "web", "", "web"},
        {"{\"app\": \"shop/web\", \"io.kubernetes.pod.namespace\": \"shop\"}", "shop/web", "",
         "shop/web"},
        {"{\"com.docker.compose.service\": \"web\"}", "web", "", "web"},
        {"{\"com.docker.compose.service\": \"web\", \"com.docker.compose.project\": \"shop\"}",
         "web", "shop", "shop/web"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct workload_options options = {0};
        struct description description = describe("name_1", "image", CASES[i].labels);
        for (int again = 0; again < 2; again++) {
            classify(&description, &options);
            assert_string_equal(description.workload.service, CASES[i].service);
            assert_string_equal(description.workload.project, CASES[i].project);
        }
        options.compose_projects = true;
        classify(&description, &options);
        assert_string_equal(description.workload.service, CASES[i].asked);
        assert_string_equal(description.workload.project, "");
        description_free(&description);
    }
    /* A rule names a service in full, and may gather what projects keep apart. */
    const struct workload_rule rule = {"label:com.docker.compose.service=*", "all", NULL};
    const struct workload_options options = {.rules = &rule, .rule_count = 1};
    struct description description = describe("name_1", "image", CASES[COUNT(CASES) - 1].labels);
    classify(&description, &options);
    assert_string_equal(description.workload.service, "all");
    assert_string_equal(description.workload.project, "");
    description_free(&description);
}

/* ---- what engines say, as recorded from them ---- */

/* A sample lies among the fuzzer's seeds, behind one byte that chooses the parser there. */
static char *sample(const char *name, size_t *size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/fuzz/seeds/engine/%s", getenv("SKINK_SOURCE"), name);
    char *text = read_whole(path, 1 << 20, size);
    assert_non_null(text);
    memmove(text, text + 1, *size);
    --*size;
    return text;
}

static void docker_describes_a_container(void **state)
{
    (void)state;
    struct error err;
    struct description description = {0};
    size_t size;
    autofree char *text = sample("docker-inspect", &size);
    assert_int_equal(engine_parse_inspect(text, size, &description, &err), 0);
    classify(&description, &(struct workload_options){0});
    assert_string_equal(description.workload.name, "shop_web_1");
    assert_string_equal(description.workload.image, "shop/web:1.4");
    assert_string_equal(description.workload.service, "web");
    assert_int_equal(strlen(description.workload.version), 12);
    assert_int_equal(strlen(description.workload.id), 64);
    assert_true(description.workload.pid > 1);
    description_free(&description);
}

static void docker_lists_and_tells(void **state)
{
    (void)state;
    struct error err;
    size_t size, count;
    container_id *ids, id;
    enum engine_action action;
    char *text = sample("docker-list", &size);
    assert_int_equal(engine_parse_list(text, size, &ids, &count, &err), 0);
    assert_int_equal(count, 2);
    free(text);
    text = sample("docker-event", &size);
    assert_int_equal(engine_parse_event(text, size, &action, id, &err), 0);
    assert_int_equal(action, ACTION_CREATE);
    assert_string_equal(id, ids[1]);
    free(text);
    free(ids);

    static const struct {
        const char *line;
        int action; /* -1: refused */
    } LINES[] = {
        {"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" HEX "\"}}", ACTION_DIE},
        {"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"x\"}}", ACTION_OTHER},
        {"{\"Type\":\"network\",\"Action\":\"create\",\"Actor\":{\"ID\":\"" HEX "\"}}",
         ACTION_OTHER},
        {"{\"Type\":\"container\",\"Action\":7,\"Actor\":{\"ID\":\"" HEX "\"}}", ACTION_OTHER},
        {"{\"Type\":\"container\",\"Action\":\"exec_start: sh\",\"Actor\":{\"ID\":\"" HEX "\"}}",
         ACTION_OTHER},
        {"[]", ACTION_OTHER},
        {"{", -1},
        {"", -1},
    };
    for (size_t i = 0; i < COUNT(LINES); i++) {
        const char *line = LINES[i].line;
        int result = engine_parse_event(line, strlen(line), &action, id, &err);
        assert_int_equal(result < 0 ? -1 : (int)action, LINES[i].action);
    }
}

static void runtimes_write_states(void **state)
{
    (void)state;
    struct error err;
    struct oci_state runc = {0}, crun = {0};
    size_t size;
    char *text = sample("runc-state", &size);
    assert_int_equal(oci_parse_runc(text, size, "pids", &runc, &err), 0);
    free(text);
    assert_true(runc.pid > 1);
    assert_string_equal(runc.cgroup, "/sys/fs/cgroup/pids/shop_1");
    assert_string_equal(
        json_string_value(json_object_get(runc.annotations, "org.opencontainers.image.version")),
        "1.2");
    text = sample("crun-status", &size);
    assert_int_equal(oci_parse_crun(text, size, &crun, &err), 0);
    free(text);
    assert_true(crun.pid > 1);
    assert_string_equal(crun.cgroup, "/shop_1");
    oci_state_free(&runc);
    oci_state_free(&crun);

    json_t *annotations = NULL;
    text = sample("oci-config", &size);
    assert_int_equal(oci_parse_config(text, size, &annotations, &err), 0);
    free(text);
    struct description description = {.labels = annotations};
    classify(&description, &(struct workload_options){0});
    assert_string_equal(description.workload.service, "cart");
    assert_string_equal(description.workload.version, "abababababab");
    description_free(&description);
}

static void lxc_configuration(void **state)
{
    (void)state;
    size_t size;
    autofree char *text = sample("lxc-config", &size);
    json_t *settings = lxc_parse_config(text, size);
    assert_string_equal(json_string_value(json_object_get(settings, "lxc.group")), "shop");
    assert_string_equal(json_string_value(json_object_get(settings, "lxc.rootfs.path")),
                        "dir:/var/lib/lxc/box_1/rootfs");
    assert_int_equal(json_object_size(settings), 5);
    json_decref(settings);
    static const char ODD[] = " a =  b \r\n=c\nd\n# e=f\ng=";
    settings = lxc_parse_config(ODD, strlen(ODD));
    assert_string_equal(json_string_value(json_object_get(settings, "a")), "b");
    assert_string_equal(json_string_value(json_object_get(settings, "g")), "");
    assert_int_equal(json_object_size(settings), 2);
    json_decref(settings);
}

/* Cut anywhere, a sample is refused, and nothing is read that is not there. */
static void damage_is_refused(void **state)
{
    (void)state;
    struct error err;
    size_t size;
    autofree char *text = sample("docker-inspect", &size);
    for (size_t cut = 0; cut < size - 2; cut += 7) {
        struct description description = {0};
        autofree char *part = malloc(cut + 1);
        memcpy(part, text, cut);
        assert_int_equal(engine_parse_inspect(part, cut, &description, &err), -1);
        assert_non_null(strstr(err.text, "not JSON"));
    }
    struct oci_state empty = {0};
    assert_int_equal(oci_parse_runc("{\"init_process_pid\": -1}", 24, "pids", &empty, &err), -1);
    oci_state_free(&empty);
    assert_int_equal(oci_parse_crun("{\"pid\": 99999999999}", 20, &empty, &err), -1);

    autofree char *bomb = malloc(1 << 20);
    memset(bomb, '[', 1 << 20);
    assert_null(fields_parse("x", bomb, 1 << 20, &err));
    assert_non_null(strstr(err.text, "more than"));
    assert_null(fields_parse("x", bomb, FIELDS_VALUES_MAX / 2, &err));
}

/* ---- what is known of containers ---- */

static struct description running(uint64_t cgroup, const char *path, pid_t pid)
{
    struct description description = {0};
    struct workload *workload = &description.workload;
    workload->engine = ENGINE_DOCKER;
    workload->cgroup = cgroup;
    workload->pid = pid;
    text_copy(workload->id, WORKLOAD_TEXT, HEX);
    text_copy(workload->name, WORKLOAD_TEXT, "web_1");
    text_copy(workload->cgroup_path, WORKLOAD_TEXT, path);
    return description;
}

static void expect(struct registry *registry, int change, uint64_t cgroup, pid_t pid)
{
    struct workload_event event;
    assert_true(registry_next(registry, &event));
    assert_int_equal(event.change, change);
    assert_int_equal(event.workload.cgroup, cgroup);
    assert_int_equal(event.workload.pid, pid);
}

static void expect_nothing(struct registry *registry)
{
    struct workload_event event;
    struct pollfd announced = {.fd = registry_fd(registry), .events = POLLIN};
    assert_false(registry_next(registry, &event));
    assert_int_equal(poll(&announced, 1, 0), 0);
}

static void the_agent_may_know_before_the_engine(void **state)
{
    (void)state;
    struct error err;
    const struct workload_options options = {0};
    struct registry *registry = registry_new(&options, &err);
    struct workload workload;
    assert_false(registry_claim(registry, ENGINE_DOCKER, HEX, "/a/" HEX, 5, &workload));

    /* Created: described, without a cgroup. Its cgroup comes, then its engine says so. */
    struct description description = running(0, "", 0);
    registry_learn(registry, &description);
    expect_nothing(registry);
    assert_true(registry_claim(registry, ENGINES, HEX, "/a/" HEX, 5, &workload));
    assert_string_equal(workload.service, "web");
    assert_int_equal(workload.cgroup, 5);
    assert_true(registry_inside(registry, "/a/" HEX "/b"));
    assert_false(registry_inside(registry, "/a/" HEX));
    description = running(5, "/a/" HEX, 77);
    registry_learn(registry, &description);
    expect(registry, WORKLOAD_STARTED, 5, 77);

    /* Restarted: the new cgroup is seen before the engine tells of the end of the old run. */
    assert_true(registry_claim(registry, ENGINE_DOCKER, HEX, "/a/" HEX, 6, &workload));
    expect(registry, WORKLOAD_STOPPED, 5, 77);
    registry_ended(registry, ENGINE_DOCKER, HEX);
    expect_nothing(registry);
    description = running(6, "/a/" HEX, 78);
    registry_learn(registry, &description);
    expect(registry, WORKLOAD_STARTED, 6, 78);
    registry_ended(registry, ENGINE_DOCKER, HEX);
    expect(registry, WORKLOAD_STOPPED, 6, 78);
    registry_ended(registry, ENGINE_DOCKER, HEX);
    expect_nothing(registry);
    registry_free(registry);
}

static void the_engine_is_asked(void **state)
{
    (void)state;
    struct error err;
    const struct workload_options options = {0};
    struct registry *registry = registry_new(&options, &err);
    char id[WORKLOAD_TEXT];
    assert_false(registry_asked(registry, ENGINE_DOCKER, id));
    registry_ask(registry, ENGINE_DOCKER, HEX, "/a/" HEX, 5);
    assert_false(registry_asked(registry, ENGINE_PODMAN, id));
    assert_true(registry_asked(registry, ENGINE_DOCKER, id));
    assert_string_equal(id, HEX);
    assert_false(registry_asked(registry, ENGINE_DOCKER, id));
    /* Described as not yet running: its cgroup is known all the same. */
    struct description description = running(0, "", 0);
    registry_learn(registry, &description);
    expect(registry, WORKLOAD_STARTED, 5, 0);
    description = running(5, "/a/" HEX, 77);
    registry_learn(registry, &description);
    expect(registry, WORKLOAD_STARTED, 5, 77);
    registry_free(registry);
}

static void a_new_list_forgets(void **state)
{
    (void)state;
    struct error err;
    const struct workload_options options = {.hierarchy = {.mount = "/nonexistent"}};
    struct registry *registry = registry_new(&options, &err);
    struct description description = running(5, "/a/" HEX, 77);
    registry_learn(registry, &description);
    expect(registry, WORKLOAD_STARTED, 5, 77);
    registry_list_begin(registry, ENGINE_DOCKER);
    description = running(5, "/a/" HEX, 77);
    registry_learn(registry, &description);
    registry_list_end(registry, ENGINE_DOCKER);
    expect_nothing(registry);
    registry_list_begin(registry, ENGINE_DOCKER);
    registry_list_end(registry, ENGINE_DOCKER);
    expect(registry, WORKLOAD_STOPPED, 5, 77);

    /* A cgroup that is not there any more ends its container, whatever the engine says. */
    description = running(5, "/a/" HEX, 77);
    registry_learn(registry, &description);
    expect(registry, WORKLOAD_STARTED, 5, 77);
    assert_true(registry_runs(registry, HEX));
    registry_sweep(registry);
    expect(registry, WORKLOAD_STOPPED, 5, 77);
    assert_false(registry_runs(registry, HEX));
    registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_cgroup),
        cmocka_unit_test(cgroup_paths_stay_inside),
        cmocka_unit_test(containers_by_their_cgroup),
        cmocka_unit_test(services_and_versions),
        cmocka_unit_test(rules_come_first),
        cmocka_unit_test(names_are_unique_in_their_namespace),
        cmocka_unit_test(docker_describes_a_container),
        cmocka_unit_test(docker_lists_and_tells),
        cmocka_unit_test(runtimes_write_states),
        cmocka_unit_test(lxc_configuration),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(the_agent_may_know_before_the_engine),
        cmocka_unit_test(the_engine_is_asked),
        cmocka_unit_test(a_new_list_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
