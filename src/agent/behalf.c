#include "agent/behalf.h"

#include "agent/state.h"

/* What has been found so far. */
struct clients {
    const struct service *service; /* NULL: none yet */
    bool several;
};

void behalf_ask(const struct agent *agent, const struct watched *watched, struct behalf *behalf)
{
    behalf->count = agent->flows ? alert_processes(watched->alert, behalf->pid, HAND_PROCESSES) : 0;
    if (behalf->count > 0)
        behalf->answer = hand_connections_ask(agent->hand, behalf->pid, behalf->count);
}

/* Adds who is at the other end of what the process answers; false when it answers nobody. */
static bool add_clients(const struct agent *agent, const struct watched *watched, uint32_t pid,
                        const struct hand_connection *list, size_t count, struct clients *clients)
{
    bool answers = false;
    for (size_t i = 0; i < count; i++) {
        const struct service *client;
        if (list[i].pid != pid || !flows_answers(agent, watched, &list[i], &client))
            continue;
        answers = true;
        clients->several |= !client || (clients->service && clients->service != client);
        clients->service = client;
    }
    return answers;
}

void behalf_learn(const struct agent *agent, struct watched *watched, const struct behalf *behalf)
{
    struct hand_connection list[HAND_CONNECTIONS];
    struct clients clients = {0};
    size_t found = hand_connections(behalf->answer, list);
    for (size_t i = 0; i < behalf->count && found > 0; i++) {
        if (!add_clients(agent, watched, behalf->pid[i], list, found, &clients))
            continue;
        while (i + 1 < behalf->count && behalf->pid[i + 1] != 0) /* who started it had others */
            i++;
    }
    if (clients.several)
        alert_note_behalf(watched->alert, "");
    else if (clients.service)
        alert_note_behalf(watched->alert, clients.service->name);
}
