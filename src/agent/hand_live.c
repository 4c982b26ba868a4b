/* The hand's own process. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/descriptor.h"
#include "agent/hand_parts.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "respond/powers.h"
#include "respond/token.h"
#include "respond/token_check.h"
#include "workload/fields.h"

struct here {
    const struct config *config; /* as it was at the start */
    struct config *settings;     /* as it is now */
};

/* Sent as far as its text goes. False: the daemon does not hear it. */
static bool answer(int socket, const struct hand_reply *reply, int fd)
{
    size_t size = offsetof(struct hand_reply, text) + strlen(reply->text) + 1;
    return fd >= 0 ? descriptor_send(socket, reply, size, fd) >= 0
                   : send(socket, reply, size, MSG_NOSIGNAL) >= 0;
}

/* ---- looking ---- */

static void look_at_link(const struct hand_request *request, struct hand_reply *reply)
{
    ssize_t length =
        hand_link(NULL, request->pid, request->name, reply->text, sizeof reply->text - 1);
    reply->failed = length < 0;
    reply->count = length < 0 ? 0 : (size_t)length;
    reply->text[reply->count] = '\0';
}

/* ---- measures ---- */

/* Has the daemon do it, and waits until it is done. context: the descriptor. */
static void call(const int *fd, struct hand_reply *reply, bool on)
{
    char done;
    reply->value = on;
    answer(*fd, reply, -1);
    if (recv(*fd, &done, 1, 0) != 1)
        log_debug("the daemon does not answer its hand");
}

static void call_away(void *context, uint64_t cgroup, bool on)
{
    autofree struct hand_reply *reply = memory_must(calloc(1, sizeof *reply));
    reply->call = CALL_AWAY;
    reply->count = cgroup;
    call(context, reply, on);
}

static void call_restore(void *context, const char *cgroup_path, bool on)
{
    autofree struct hand_reply *reply = memory_must(calloc(1, sizeof *reply));
    reply->call = CALL_RESTORE;
    snprintf(reply->text, sizeof reply->text, "%s", cgroup_path);
    call(context, reply, on);
}

typedef int order_work(const struct measure *measure, const struct measure_target *target,
                       json_t *token, struct error *err);

static int check(const struct measure *measure, const struct measure_target *target, json_t *token,
                 struct error *err)
{
    (void)token;
    return measure->check(target, err);
}

static int withdraw(const struct measure *measure, const struct measure_target *target,
                    json_t *token, struct error *err)
{
    return measure_withdraw(measure, target, token, err);
}

/* Does this with the measure and the replica that are named. fd: where the daemon listens for what
 * the measure asks of the probe. */
static int obey(const struct config *config, const struct hand_request *request, order_work *work,
                int *fd, json_t *token, struct error *err)
{
    const struct measure *measure = measure_find(request->name);
    autofree char *evidence = config_file(config, "evidence");
    if (!measure || measure->ends_with_daemon)
        return error_set(err, EXIT_USAGE, 0, "%s: no such measure", request->name);
    struct measure_target target = {
        .workload = request->workload,
        .rule = config_service(config, request->workload.service)->respond,
        .powers = request->powers,
        .network = request->network,
        .shares_network = request->shares_network,
        .kernel = {.context = fd, .away = call_away, .restore = call_restore},
        .engine_socket = config_engine_socket(config, request->workload.engine),
        .evidence = evidence,
        .evidence_max = (uint64_t)config->evidence_mib << 20,
    };
    memcpy(target.spare, request->spare, sizeof target.spare);
    if (!variant_find(target.rule.variants, request->variant, &target.variant))
        return error_set(err, EXIT_USAGE, 0, "%s: no such variant", request->variant);
    workload_runc_root((const char *const *)config->oci_roots, target.workload.id, target.runc,
                       sizeof target.runc);
    return work(measure, &target, token, err);
}

/* Which engine it is the token says; where that one listens, the configuration. */
static const char *engine_socket(const struct config *config, const json_t *token)
{
    const char *name = token_text(token, "engine");
    for (enum workload_engine engine = 0; engine < ENGINES; engine++)
        if (strcmp(name, workload_engine_name(engine)) == 0)
            return config_engine_socket(config, engine);
    return NULL;
}

/* Where runc keeps the container is looked for here, whatever the token says. */
static void find_runc(const struct config *config, json_t *token)
{
    char root[256] = "";
    workload_runc_root((const char *const *)config->oci_roots, token_text(token, "id"), root,
                       sizeof root);
    if (json_object_get(token, "runc"))
        json_object_set_new(token, "runc", json_string(root));
}

/* Whoever has taken the daemon over writes tokens, too. */
static int look_at_token(const struct config *config, json_t *token, struct error *err)
{
    autofree const struct respond_rule **rules =
        memory_must(calloc(config->service_count + 1, sizeof *rules));
    const struct token_bounds bounds = {rules, config->service_count + 1, config->state_dir};
    rules[0] = &config->defaults.respond;
    for (size_t i = 0; i < config->service_count; i++)
        rules[i + 1] = &config->services[i].respond;
    if (token_check(token, &bounds, err) < 0)
        return -1;
    find_runc(config, token);
    return 0;
}

static int undo(const struct config *config, const struct hand_request *request, int *fd,
                struct error *err)
{
    const struct measure_kernel kernel = {
        .context = fd, .away = call_away, .restore = call_restore};
    const struct measure *measure = measure_find(request->name);
    autojson json_t *token = json_loads(request->text, 0, NULL);
    if (look_at_token(config, token, err) < 0)
        return -1;
    if (measure && measure->ends_with_daemon) /* which has undone it */
        return measure->release ? measure->release(token, err) : 0;
    return measure_undo(request->name, token, &kernel, engine_socket(config, token),
                        request->expired, err);
}

static void look(int socket, const struct config *config, const struct hand_request *request)
{
    autofree struct hand_reply *reply = memory_must(calloc(1, sizeof *reply));
    autoclose int fd = -1;
    reply->number = request->number;
    if (request->word == ASK_LINK)
        look_at_link(request, reply);
    else if (request->word == ASK_ROOT)
        fd = hand_root(NULL, request->pid);
    else if (request->word == ASK_ADDRESSES)
        reply->count =
            workload_addresses(request->pid, reply->address, HAND_ADDRESSES, &reply->value);
    else if (request->word == ASK_NETWORK)
        reply->value = workload_network(request->pid);
    else if (request->word == ASK_POWERS)
        reply->value = powers_read(request->pid);
    else if (request->word == ASK_DESCRIPTORS)
        reply->failed = !usage_descriptors(request->text, &reply->usage);
    else if (request->word == ASK_CHECK)
        reply->failed = obey(config, request, check, NULL, NULL, &reply->err) < 0;
    answer(socket, reply, fd);
}

/* The daemon has gone, or waits no more: nobody would ever undo the measure. */
static void take_back(const struct config *config, const struct hand_request *request, int *fd,
                      json_t *token)
{
    struct error err;
    log_warn("%s of %s: nobody waits for it any more; what can be undone is taken back",
             request->name, request->workload.name);
    if (obey(config, request, withdraw, fd, token, &err) < 0)
        log_warn("%s of %s: %s", request->name, request->workload.name, err.text);
}

static void serve_measure(const struct config *config, const struct hand_request *request, int fd)
{
    autofree struct hand_reply *reply = memory_must(calloc(1, sizeof *reply));
    autojson json_t *token = json_object();
    bool undoes = request->word == ASK_UNDO;
    bool done = undoes ? undo(config, request, &fd, &reply->err) == 0
                       : obey(config, request, measure_carry_out, &fd, token, &reply->err) == 0;
    autofree char *text = memory_must(json_dumps(token, JSON_COMPACT));
    bool fits = snprintf(reply->text, sizeof reply->text, "%s", text) < (int)sizeof reply->text;
    reply->failed = !done || !fits;
    if (!fits)
        error_set(&reply->err, EXIT_MACHINE, 0, "%s: too much to be undone", request->name);
    bool heard = answer(fd, reply, -1);
    if (done && !undoes && !(heard && fits))
        take_back(config, request, &fd, token);
}

static bool is_given_up(int fd)
{
    struct pollfd daemon = {.fd = fd};
    return poll(&daemon, 1, 0) > 0 && daemon.revents & POLLHUP;
}

/* Whoever stops this process holds up the daemon; who is told that it waits no more goes on. */
static void wake_when_given_up(int fd)
{
    fcntl(fd, F_SETOWN, getpid());
    fcntl(fd, F_SETSIG, SIGCONT);
    fcntl(fd, F_SETFL, O_ASYNC);
}

/* In a process of its own: several are carried out at a time, and one that hangs holds up none. */
static void fork_measure(int daemon, const struct config *config,
                         const struct hand_request *request, int fd)
{
    pid_t child = fork();
    if (child != 0)
        return; /* that it could not be forked the daemon hears by the end of fd */
    close(daemon);
    signal(SIGCHLD, SIG_DFL); /* the measure waits for what it starts */
    wake_when_given_up(fd);
    if (request->word == ASK_NAMES)
        hand_names_serve(request, fd);
    else if (!is_given_up(fd))
        serve_measure(config, request, fd);
    _exit(EXIT_SUCCESS);
}

/* ---- the loop ---- */

/* The state directory stays what it was: an option may have set it. */
static void read_settings(struct here *here)
{
    struct error err;
    struct config *next = here->config->path ? config_load(here->config->path, &err) : NULL;
    if (!next)
        return; /* the daemon has said why */
    free(next->state_dir);
    next->state_dir = memory_must(strdup(here->config->state_dir));
    config_free(here->settings);
    here->settings = next;
}

/* Texts end within their room, whoever wrote them. */
static void end_texts(struct hand_request *request)
{
    struct workload *workload = &request->workload;
    char *const ends[] = {&request->name[sizeof request->name - 1],
                          &request->spare[sizeof request->spare - 1],
                          &request->variant[sizeof request->variant - 1],
                          &request->text[sizeof request->text - 1],
                          &workload->id[sizeof workload->id - 1],
                          &workload->name[sizeof workload->name - 1],
                          &workload->image[sizeof workload->image - 1],
                          &workload->service[sizeof workload->service - 1],
                          &workload->version[sizeof workload->version - 1],
                          &workload->project[sizeof workload->project - 1],
                          &workload->cgroup_path[sizeof workload->cgroup_path - 1]};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        *ends[i] = '\0';
    if ((unsigned)workload->engine >= ENGINES)
        workload->engine = ENGINE_COMMAND;
}

static void serve(int daemon, struct here *here, struct hand_request *request, int fd)
{
    const struct config *now = here->settings ? here->settings : here->config;
    end_texts(request);
    if (request->word == ASK_SETTINGS)
        read_settings(here);
    else if (request->word < ASK_SETTINGS)
        look(daemon, now, request);
    else if (request->word == ASK_CONNECTIONS && fd >= 0)
        hand_connections_serve(request, fd);
    else if (fd >= 0)
        fork_measure(daemon, now, request, fd);
}

void hand_live(int fd, const struct config *config)
{
    struct here here = {.config = config};
    struct hand_request *request = memory_must(calloc(1, sizeof *request));
    sigset_t none;
    int given;
    prctl(PR_SET_NAME, "skink-hand");
    for (int number = 1; number < NSIG; number++) /* the end of the daemon is its end */
        signal(number, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    while (descriptor_receive(fd, request, sizeof *request, &given) > 0) {
        serve(fd, &here, request, given);
        if (given >= 0)
            close(given);
        memset(request, 0, sizeof *request);
    }
    _exit(EXIT_SUCCESS);
}
