/* What names stand for, asked of the hand: both sides. The known accesses go one way over a socket
 * of their own, then what they resolve to the other way, one a message. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent/hand_parts.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "respond/cgroup_place.h"
#include "respond/resolve.h"

struct message {
    uint32_t kind; /* ACCESS_KINDS: that was the last */
    bool below;
    char path[ACCESS_PATH];
};

static bool put(int fd, const struct message *message)
{
    return send(fd, message, sizeof *message, MSG_NOSIGNAL) == sizeof *message;
}

static bool put_all(int fd, const struct access_set *set)
{
    for (const struct known_access *one = set->list; one < set->list + set->count; one++) {
        struct message message = {.kind = one->kind, .below = one->below};
        memccpy(message.path, one->path, '\0', sizeof message.path - 1);
        if (!put(fd, &message))
            return false;
    }
    return put(fd, &(struct message){.kind = ACCESS_KINDS});
}

static bool take_all(int fd, struct access_set *set)
{
    struct message message;
    while (recv(fd, &message, sizeof message, 0) == sizeof message) {
        if (message.kind >= ACCESS_KINDS)
            return true;
        message.path[sizeof message.path - 1] = '\0';
        access_set_add(set, message.kind, message.path, message.below);
    }
    return false;
}

static int resolve(const struct workload *workload, const struct access_set *known, uint64_t since,
                   struct access_set *names, struct error *err)
{
    struct cgroup_place place;
    size_t count;
    if (cgroup_place(workload, "freezer", &place, err) < 0)
        return -1;
    struct resolve_view *views = resolve_views(place.path, since, &count);
    resolve_names(names, known, views, count, since);
    resolve_views_free(views, count);
    return 0;
}

void hand_names_serve(const struct hand_request *request, int fd)
{
    struct access_set known = {0}, names = {0};
    struct error err;
    if (take_all(fd, &known) &&
        resolve(&request->workload, &known, request->since, &names, &err) == 0)
        put_all(fd, &names);
    access_set_free(&known);
    access_set_free(&names);
}

int hand_names(struct hand *hand, const struct workload *workload,
               const struct measure_known *known, struct access_set *names, struct error *err)
{
    if (!hand)
        return resolve(workload, &known->accesses, known->since, names, err);
    autofree struct hand_request *request = memory_must(calloc(1, sizeof *request));
    request->word = ASK_NAMES;
    request->workload = *workload;
    request->since = known->since;
    autoclose int fd = hand_order(hand, request, err);
    if (fd < 0)
        return -1;
    if (put_all(fd, &known->accesses) && take_all(fd, names))
        return 0;
    return error_set(err, EXIT_MACHINE, 0, "%s: what its names stand for is not known",
                     workload->name);
}
