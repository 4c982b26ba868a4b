#include "respond/netfilter.h"

#include <nftables/libnftables.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "respond/inside.h"

/* libnftables does not promise that two of its contexts may work at once. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

struct run {
    const char *commands;
    json_t **answer; /* NULL: none is wanted */
};

static int run_alone(const char *commands, json_t **answer, struct error *err)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft)
        return error_set(err, EXIT_MACHINE, 0, "nftables: cannot be used");
    nft_ctx_buffer_error(nft);
    nft_ctx_buffer_output(nft);
    if (answer)
        nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
    int failed = nft_run_cmd_from_buffer(nft, commands);
    if (failed) {
        const char *why = nft_ctx_get_error_buffer(nft);
        error_set(err, EXIT_MACHINE, 0, "nftables: %.*s", (int)strcspn(why, "\n"), why);
    }
    if (!failed && answer && !(*answer = json_loads(nft_ctx_get_output_buffer(nft), 0, NULL)))
        failed = error_set(err, EXIT_MACHINE, 0, "nftables: answers what is no JSON");
    nft_ctx_free(nft);
    return failed ? -1 : 0;
}

static int run(void *context, struct error *err)
{
    const struct run *run = context;
    pthread_mutex_lock(&one_at_a_time);
    int outcome = run_alone(run->commands, run->answer, err);
    pthread_mutex_unlock(&one_at_a_time);
    return outcome;
}

int netfilter_run(int network, const char *commands, struct error *err)
{
    struct run wanted = {.commands = commands};
    return inside_run(network, run, &wanted, err);
}

/* Where nothing is to be replaced nothing is deleted: whoever deletes waits for the kernel's other
 * processors, ten milliseconds in which an intruder could go on. */
int netfilter_table(int network, const char *table, const char *content, struct error *err)
{
    struct error ignored;
    autofree char *new = NULL, *instead = NULL;
    if (asprintf(&new, "create table %s\ntable %s {\n%s}\n", table, table, content) < 0 ||
        asprintf(&instead, "add table %s\ndelete table %s\n%s", table, table, new) < 0)
        memory_must(NULL);
    if (netfilter_run(network, new, &ignored) == 0)
        return 0;
    return netfilter_run(network, instead, err);
}

int netfilter_remove(int network, const char *table, struct error *err)
{
    char commands[256];
    snprintf(commands, sizeof commands, "add table %s\ndelete table %s\n", table, table);
    return netfilter_run(network, commands, err);
}

json_t *netfilter_ask(int network, const char *commands, struct error *err)
{
    json_t *answer = NULL;
    struct run wanted = {.commands = commands, .answer = &answer};
    return inside_run(network, run, &wanted, err) < 0 ? NULL : answer;
}
